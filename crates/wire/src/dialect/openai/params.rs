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

/// A few parameters, and what the caller sent in place of those that were changed. Looking through
/// a handful costs less than hashing one name, and requests that are passed on have no more.
#[derive(Debug, Default)]
pub(super) struct FewParams {
    params: Vec<Param>,
    /// What the caller sent and was taken out.
    gone: Vec<(Cow<'static, str>, Value)>,
}

#[derive(Debug)]
struct Param {
    key: Cow<'static, str>,
    value: Value,
    sent: Sent,
}

/// What the caller sent of a parameter.
#[derive(Debug)]
enum Sent {
    /// Its value.
    Same,
    /// Another value.
    Other(Box<Value>),
    /// Nothing.
    Nothing,
}

impl FewParams {
    /// Room for so many, and one more that a rule adds.
    pub(super) fn with_room_for(count: usize) -> Self {
        Self {
            params: Vec::with_capacity(count + 1),
            gone: Vec::new(),
        }
    }

    /// Adds a parameter as the caller sent it; each once.
    pub(super) fn sent(&mut self, key: Cow<'static, str>, value: Value) {
        self.params.push(Param {
            key,
            value,
            sent: Sent::Same,
        });
    }

    /// What is not as the caller sent it: added, or of another value.
    pub(super) fn changed(&self) -> impl Iterator<Item = (&Cow<'static, str>, &Value)> {
        let changed = self.params.iter().filter(|param| match &param.sent {
            Sent::Same => false,
            Sent::Other(value) => **value != param.value,
            Sent::Nothing => true,
        });
        changed.map(|param| (&param.key, &param.value))
    }

    /// What the caller sent and is no more.
    pub(super) fn gone(&self) -> impl Iterator<Item = (&Cow<'static, str>, &Value)> {
        self.gone.iter().map(|(key, value)| (key, value))
    }

    fn place(&self, key: &str) -> Option<usize> {
        self.params.iter().position(|param| param.key == key)
    }

    fn note_gone(&mut self, key: Cow<'static, str>, sent: Sent, value: &Value) {
        let sent = match sent {
            Sent::Same => value.clone(),
            Sent::Other(sent) => *sent,
            Sent::Nothing => return,
        };
        // There is seldom another.
        self.gone.reserve_exact(1);
        self.gone.push((key, sent));
    }
}

impl Params for FewParams {
    fn get(&self, key: &str) -> Option<&Value> {
        let found = self.params.iter().find(|param| param.key == key);
        found.map(|param| &param.value)
    }

    fn names(&self) -> Vec<String> {
        let names = self.params.iter().map(|param| param.key.as_ref());
        names.map(ToOwned::to_owned).collect()
    }

    fn put(&mut self, key: Cow<'static, str>, value: Value) {
        if let Some(param) = self.params.iter_mut().find(|param| param.key == key) {
            let before = std::mem::replace(&mut param.value, value);
            if matches!(param.sent, Sent::Same) {
                param.sent = Sent::Other(Box::new(before));
            }
            return;
        }
        let gone = self.gone.iter().position(|(name, _)| *name == key);
        let sent = gone.map(|place| self.gone.swap_remove(place).1);
        self.params.push(Param {
            key,
            value,
            sent: sent.map_or(Sent::Nothing, |value| Sent::Other(Box::new(value))),
        });
    }

    fn remove(&mut self, key: &str) -> Option<Value> {
        let place = self.place(key)?;
        let Param { key, value, sent } = self.params.swap_remove(place);
        self.note_gone(key, sent, &value);
        Some(value)
    }

    fn remove_nulls(&mut self) {
        if !self.params.iter().any(|param| param.value.is_null()) {
            return;
        }
        for Param { key, value, sent } in std::mem::take(&mut self.params) {
            if value.is_null() {
                self.note_gone(key, sent, &value);
            } else {
                self.params.push(Param { key, value, sent });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEYS: [&str; 4] = ["n", "seed", "stop", "top_p"];

    fn order(params: &FewParams) -> Vec<(String, Value)> {
        let pair = |param: &Param| (param.key.clone().into_owned(), param.value.clone());
        params.params.iter().map(pair).collect()
    }

    fn value(number: u8) -> Value {
        if number == 0 {
            Value::Null
        } else {
            Value::from(number)
        }
    }

    proptest! {
        #[test]
        fn few_parameters_behave_as_a_map_does_and_know_what_was_sent(
            sent in proptest::collection::vec(0..3_u8, 0..4),
            steps in proptest::collection::vec((0..3, 0..4_usize, 0..3_u8), 0..24),
        ) {
            let (mut few, mut map) = (FewParams::default(), Map::new());
            for (key, number) in KEYS.into_iter().zip(sent) {
                few.sent(key.into(), value(number));
                map.insert(key.to_owned(), value(number));
            }
            let before = map.clone();
            for (step, key, number) in steps {
                let (key, value) = (KEYS[key], value(number));
                match step {
                    0 => { few.insert(key, value.clone()); Params::insert(&mut map, key, value); }
                    1 => prop_assert_eq!(few.remove(key), Params::remove(&mut map, key)),
                    _ => { few.remove_nulls(); map.remove_nulls(); }
                }
                prop_assert_eq!(few.get(key), Params::get(&map, key));
                prop_assert_eq!(order(&few), map.clone().into_iter().collect::<Vec<_>>());
                let changed: Vec<_> = few.changed().map(|(key, value)| (key.as_ref(), value)).collect();
                let differs = map.iter().filter(|(key, value)| before.get(*key) != Some(*value));
                prop_assert_eq!(changed, differs.map(|(key, value)| (key.as_str(), value)).collect::<Vec<_>>());
                let mut gone: Vec<_> = few.gone().map(|(key, value)| (key.as_ref(), value)).collect();
                gone.sort_by_key(|(key, _)| *key);
                let mut lost: Vec<_> = before.iter().filter(|(key, _)| !map.contains_key(*key)).map(|(key, value)| (key.as_str(), value)).collect();
                lost.sort_by_key(|(key, _)| *key);
                prop_assert_eq!(gone, lost);
            }
        }
    }
}
