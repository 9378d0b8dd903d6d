//! Bodies made by editing a good one, and the comparison of refusals.

use polyroute_sim::prompt::{Prompt, Refusal};
use serde_json::Value;

/// A copy of `body` with members set by JSON pointer; parents are made where they are missing.
pub(crate) fn with(body: &Value, edits: &[(&str, Value)]) -> Value {
    let mut edited = body.clone();
    for (pointer, value) in edits {
        let mut at = &mut edited;
        for step in pointer.trim_start_matches('/').split('/') {
            at = match step.parse::<usize>() {
                Ok(index) if at.is_array() => {
                    let items = at.as_array_mut().unwrap();
                    while items.len() <= index {
                        items.push(Value::Null);
                    }
                    &mut items[index]
                }
                _ => &mut at[step],
            };
        }
        *at = value.clone();
    }
    edited
}

/// A copy of `body` without one top-level member.
pub(crate) fn without(body: &Value, key: &str) -> Value {
    let mut edited = body.clone();
    edited.as_object_mut().unwrap().remove(key);
    edited
}

/// What a refusal must say: pointers into its body with the text that must be there. A value that
/// starts with `~` must only be contained.
pub(crate) fn refused(name: &str, verdict: Result<Prompt, Refusal>, expected: &[(&str, &str)]) {
    let Err(refusal) = verdict else {
        panic!("`{name}` was accepted");
    };
    assert_eq!(refusal.status, 400, "{name}");
    for (pointer, wanted) in expected {
        let found = match refusal.body.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "absent".to_owned(),
        };
        let fits = match wanted.strip_prefix('~') {
            Some(part) => found.contains(part),
            None => found == *wanted,
        };
        assert!(fits, "{name}: {pointer} is `{found}`, not `{wanted}`");
    }
}

/// Rows of `name: body => what the refusal says;`, as a list of tuples.
macro_rules! cases {
    ($($name:literal: $body:expr => $($said:expr),+;)+) => {
        vec![$(($name, $body, $($said),+)),+]
    };
}

pub(crate) use cases;
