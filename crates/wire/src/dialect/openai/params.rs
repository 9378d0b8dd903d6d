//! Parameters of a request by name, as [`super::policy`] reads and changes them: a whole body, or
//! the few that stand in a request that is passed on.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Parameters by name.
pub(super) trait Params {
    /// The value of a parameter.
    fn get(&self, key: &str) -> Option<&Value>;
    /// Sets a parameter.
    fn insert(&mut self, key: &'static str, value: Value) {
        self.put(key.into(), value);
    }
    /// Sets a parameter whose name comes from a provider's data.
    fn put(&mut self, key: Cow<'static, str>, value: Value);
    /// The names of all.
    fn names(&self) -> Vec<String>;
    /// Takes a parameter out.
    fn remove(&mut self, key: &str) -> Option<Value>;
    /// Takes out what is `null`.
    fn remove_nulls(&mut self);
}

impl Params for Map<String, Value> {
    fn get(&self, key: &str) -> Option<&Value> {
        self.get(key)
    }

    fn put(&mut self, key: Cow<'static, str>, value: Value) {
        self.insert(key.into_owned(), value);
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }

    fn remove(&mut self, key: &str) -> Option<Value> {
        self.remove(key)
    }

    fn remove_nulls(&mut self) {
        self.retain(|_, value| !value.is_null());
    }
}

/// A few parameters. Looking through a handful costs less than hashing one name, and requests that
/// are passed on have no more.
#[derive(Debug, Default, Clone)]
pub(super) struct FewParams(Vec<(Cow<'static, str>, Value)>);

impl FewParams {
    /// All of them in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    fn place(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|(name, _)| name == key)
    }
}

impl Params for FewParams {
    fn get(&self, key: &str) -> Option<&Value> {
        let found = self.0.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    fn names(&self) -> Vec<String> {
        self.iter().map(|(key, _)| key.to_owned()).collect()
    }

    fn put(&mut self, key: Cow<'static, str>, value: Value) {
        match self.0.iter_mut().find(|(name, _)| *name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    fn remove(&mut self, key: &str) -> Option<Value> {
        let place = self.place(key)?;
        Some(self.0.swap_remove(place).1)
    }

    fn remove_nulls(&mut self) {
        self.0.retain(|(_, value)| !value.is_null());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYS: [&str; 4] = ["n", "seed", "stop", "top_p"];

    fn order(params: &FewParams) -> Vec<(String, Value)> {
        params
            .iter()
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect()
    }

    proptest! {
        #[test]
        fn few_parameters_behave_as_a_map_does(steps in proptest::collection::vec((0..3, 0..4_usize, 0..3_u8), 0..24)) {
            let (mut few, mut map) = (FewParams::default(), Map::new());
            for (step, key, value) in steps {
                let key = KEYS[key];
                let value = if value == 0 { Value::Null } else { Value::from(value) };
                match step {
                    0 => { few.insert(key, value.clone()); Params::insert(&mut map, key, value); }
                    1 => prop_assert_eq!(few.remove(key), Params::remove(&mut map, key)),
                    _ => { few.remove_nulls(); map.remove_nulls(); }
                }
                prop_assert_eq!(few.get(key), Params::get(&map, key));
                prop_assert_eq!(order(&few), map.clone().into_iter().collect::<Vec<_>>());
            }
        }
    }
}
