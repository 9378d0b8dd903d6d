//! How much work a schema makes of one value, before any validator is let loose on it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::order::{IN_PLACE, address};

/// Most schemas that one value may have to be held against, every path to each counted. A chain of
/// thirty references, each named twice, would be a billion.
pub const CHECKS_MAX: u64 = 10_000;

/// Most schemas with a name of their own (`$id`, `$anchor`) within one schema.
const NAMED_MAX: usize = 256;

/// The most checks that any one value may need, by the alternatives and references that hold in its
/// place; members and items are other values. References that lead back to themselves count once.
///
/// A reference by name (`$anchor`, `$id`) counts as one to every schema that has a name: more than
/// it is, so that no name can hide the work.
#[must_use]
pub fn checks(schema: &Value) -> u64 {
    let mut counter = Counter {
        root: schema,
        named: Vec::new(),
        known: HashMap::new(),
    };
    let mut objects: Vec<&Map<String, Value>> = Vec::new();
    let mut due = vec![schema];
    while let Some(value) = due.pop() {
        match value {
            Value::Array(list) => due.extend(list),
            Value::Object(object) => {
                if !std::ptr::eq(value, schema) && has_name(object) {
                    counter.named.push(value);
                }
                objects.push(object);
                due.extend(object.values());
            }
            _ => {}
        }
    }
    if counter.named.len() > NAMED_MAX {
        return u64::MAX;
    }
    let most = objects.into_iter().map(|object| counter.count(object));
    most.max().unwrap_or(1)
}

fn has_name(schema: &Map<String, Value>) -> bool {
    let names = ["$id", "id", "$anchor", "$dynamicAnchor"];
    // A property that is called `id` has a schema for its value, and no text.
    names
        .iter()
        .any(|key| schema.get(*key).is_some_and(Value::is_string))
}

struct Counter<'a> {
    root: &'a Value,
    /// Schemas with a name of their own.
    named: Vec<&'a Value>,
    /// Counts by address; 0 while it is being counted.
    known: HashMap<usize, u64>,
}

impl<'a> Counter<'a> {
    /// Without recursion: a chain of references is as long as a schema has room for.
    fn count(&mut self, object: &'a Map<String, Value>) -> u64 {
        let mut stack = vec![(object, false)];
        while let Some((object, is_left)) = stack.pop() {
            let here = address(object);
            if is_left {
                let below = self.below(object).into_iter();
                let count = below.fold(1_u64, |sum, below| {
                    sum.saturating_add(self.known.get(&address(below)).copied().unwrap_or(0))
                });
                self.known.insert(here, count);
            } else if let std::collections::hash_map::Entry::Vacant(entry) = self.known.entry(here)
            {
                entry.insert(0);
                stack.push((object, true));
                stack.extend(self.below(object).into_iter().map(|below| (below, false)));
            }
        }
        self.known.get(&address(object)).copied().unwrap_or(1)
    }

    /// The schemas that hold for the same value.
    fn below(&self, object: &'a Map<String, Value>) -> Vec<&'a Map<String, Value>> {
        let mut below: Vec<&'a Value> = Vec::new();
        for keyword in IN_PLACE.iter().chain(&["not", "dependencies"]) {
            match object.get(*keyword) {
                Some(Value::Array(list)) => below.extend(list),
                Some(one @ Value::Object(map)) => {
                    below.push(one);
                    // Of `dependentSchemas` and `dependencies` each member is one.
                    if keyword.starts_with("depend") {
                        below.extend(map.values());
                    }
                }
                _ => {}
            }
        }
        for keyword in ["$ref", "$dynamicRef", "$recursiveRef"] {
            let Some(reference) = object.get(keyword).and_then(Value::as_str) else {
                continue;
            };
            match reference.strip_prefix('#') {
                Some(pointer) if pointer.is_empty() || pointer.starts_with('/') => {
                    // Relative to the next name above it, wherever that is.
                    let roots = self.named.iter().copied().chain([self.root]);
                    below.extend(roots.filter_map(|root| root.pointer(&unescaped(pointer))));
                }
                _ => below.extend(&self.named),
            }
        }
        below.into_iter().filter_map(Value::as_object).collect()
    }
}

/// `%25` and the like in a pointer that is part of a URI.
pub(super) fn unescaped(pointer: &str) -> String {
    let mut bytes = Vec::with_capacity(pointer.len());
    let mut rest = pointer.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).filter(|_| *first == b'%');
        let byte = hex
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A chain in which each schema names the next one twice, by `name`.
    fn doubling(length: usize, name: impl Fn(usize) -> String, keyword: &str) -> Value {
        let mut defs = Map::new();
        for at in 0..length {
            let next = json!({"$ref": name(at + 1)});
            defs.insert(
                format!("d {at}"),
                json!({"$anchor": format!("d{at}"), keyword: [next, next]}),
            );
        }
        defs.insert(
            format!("d {length}"),
            json!({"$anchor": format!("d{length}")}),
        );
        json!({"$ref": name(0), "$defs": defs})
    }

    #[test]
    fn doubling_is_seen_however_it_is_spelt() {
        let pointer = |at: usize| format!("#/$defs/d%20{at}");
        assert!(checks(&doubling(3, pointer, "anyOf")) < 100);
        for keyword in ["anyOf", "allOf", "oneOf"] {
            assert!(
                checks(&doubling(30, pointer, keyword)) > CHECKS_MAX,
                "{keyword}"
            );
        }
        let anchor = |at: usize| format!("#d{at}");
        assert!(checks(&doubling(30, anchor, "anyOf")) > CHECKS_MAX);
    }

    #[test]
    fn long_chains_and_cycles_come_to_an_end() {
        let mut defs = Map::new();
        for at in 0..20_000 {
            defs.insert(
                format!("{at}"),
                json!({"$ref": format!("#/$defs/{}", at + 1)}),
            );
        }
        assert!(checks(&json!({"$defs": defs})) > CHECKS_MAX);
        let cycle = json!({"anyOf": [{"$ref": "#"}, {"allOf": [{"$ref": "#/anyOf/1"}]}]});
        assert!(checks(&cycle) < 10);
    }

    #[test]
    fn what_people_write_is_far_below() {
        let variants: Vec<Value> = (0..40)
            .map(|at| json!({"type": "object", "properties": {"kind": {"const": at}, "next": {"$ref": "#"}}}))
            .collect();
        assert!(checks(&json!({"anyOf": variants, "$defs": {"a": {"$id": "x"}}})) < 100);
    }
}
