//! Paths and values as vendors write them in their refusals.

use serde_json::{Value, json};

use super::errors::Complaint;
use crate::strict::{Fault, Finding, Kind, Step};

/// `messages[0].content[1]`.
pub(super) fn bracketed(path: &[Step]) -> String {
    let mut written = String::new();
    for step in path {
        match step {
            Step::Key(key) if written.is_empty() => written.push_str(key),
            Step::Key(key) => written.push_str(&format!(".{key}")),
            Step::Index(index) => written.push_str(&format!("[{index}]")),
            Step::Tag(_) => {}
        }
    }
    written
}

/// `messages.0.user.content`: with the names of variants where they are wanted.
pub(super) fn dotted(path: &[Step], tags: bool) -> String {
    let steps = path.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.clone()),
        Step::Index(index) => Some(index.to_string()),
        Step::Tag(tag) => tags.then(|| (*tag).to_owned()),
    });
    steps.collect::<Vec<String>>().join(".")
}

/// `["body", "messages", 0, "user", "name"]`.
pub(super) fn location(path: &[Step]) -> Value {
    let steps = path.iter().map(|step| match step {
        Step::Key(key) => json!(key),
        Step::Index(index) => json!(index),
        Step::Tag(tag) => json!(tag),
    });
    std::iter::once(json!("body")).chain(steps).collect()
}

/// The last name of a path.
pub(super) fn last_key(path: &[Step]) -> &str {
    let keys = path.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        Step::Index(_) | Step::Tag(_) => None,
    });
    keys.unwrap_or_default()
}

/// What a type check of Rust's serde calls a value.
pub(super) fn serde_kind(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(given) => format!("boolean `{given}`"),
        Value::Number(given) if given.is_f64() => format!("floating point `{given}`"),
        Value::Number(given) => format!("integer `{given}`"),
        Value::String(given) => format!("string {given:?}"),
        Value::Array(_) => "sequence".to_owned(),
        Value::Object(_) => "map".to_owned(),
    }
}

/// What Rust's serde expects.
fn serde_wanted(expected: &[Kind]) -> &'static str {
    match expected {
        [Kind::Text, ..] => "a string",
        [Kind::Bool, ..] => "a boolean",
        [Kind::Int, ..] => "u32",
        [Kind::Num, ..] => "f32",
        [Kind::Object, ..] => "struct",
        _ => "a sequence",
    }
}

/// A refusal of servers written in Rust: axum's words around serde's.
pub(super) fn serde_words(finding: &Finding) -> String {
    let path = bracketed(&finding.path);
    let what = match &finding.fault {
        Fault::Unknown => format!("unknown field `{}`", last_key(&finding.path)),
        Fault::Missing => format!("missing field `{}`", last_key(&finding.path)),
        Fault::Type { expected, got } => format!(
            "{path}: invalid type: {}, expected {}",
            serde_kind(got),
            serde_wanted(expected)
        ),
        Fault::Word { allowed, got } => format!(
            "{path}: unknown variant `{got}`, expected one of {}",
            ticked(allowed)
        ),
        Fault::Variant { tag, allowed, got } => format!(
            "{path}.{tag}: unknown variant `{got}`, expected {}{}",
            if allowed.len() > 1 { "one of " } else { "" },
            ticked(allowed)
        ),
        Fault::Below { bound, got, .. } | Fault::Above { bound, got, .. } => {
            format!("{path}: invalid value: {got}, expected a number up to {bound}")
        }
    };
    format!("Failed to deserialize the JSON body into the target type: {what} at line 1 column 1")
}

/// `` `a`, `b` ``.
pub(super) fn ticked(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The rule that a finding breaks, as pydantic names and words it.
pub(super) fn pydantic(finding: &Finding) -> (&'static str, String, Value) {
    match &finding.fault {
        Fault::Unknown => (
            "extra_forbidden",
            "Extra inputs are not permitted".to_owned(),
            Value::Null,
        ),
        Fault::Missing => ("missing", "Field required".to_owned(), Value::Null),
        Fault::Type { expected, got } => {
            let (kind, wanted) = match expected.as_slice() {
                [Kind::Text, ..] => ("string_type", "string"),
                [Kind::Bool, ..] => ("bool_type", "boolean"),
                [Kind::Int, ..] => ("int_type", "integer"),
                [Kind::Num, ..] => ("float_type", "number"),
                [Kind::Object, ..] => ("dict_type", "dictionary"),
                _ => ("list_type", "list"),
            };
            (
                kind,
                format!("Input should be a valid {wanted}"),
                got.clone(),
            )
        }
        Fault::Word { allowed, got } => {
            let allowed: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            let words = format!("Input should be {}", allowed.join(", "));
            ("enum", words, json!(got))
        }
        Fault::Variant { tag, allowed, got } => {
            let allowed: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            let words = format!(
                "Input tag '{got}' found using '{tag}' does not match any of the expected tags: {}",
                allowed.join(", ")
            );
            ("union_tag_invalid", words, json!(got))
        }
        Fault::Below { bound, got, .. } => (
            "greater_than_equal",
            format!("Input should be greater than or equal to {bound}"),
            got.clone(),
        ),
        Fault::Above { bound, got, .. } => (
            "less_than_equal",
            format!("Input should be less than or equal to {bound}"),
            got.clone(),
        ),
    }
}

/// The first finding in pydantic's words with its path, as a 400.
pub(super) fn first_plainly(found: &[Finding]) -> Complaint {
    let Some(first) = found.first() else {
        return Complaint::invalid("Invalid request.");
    };
    let (_, words, _) = pydantic(first);
    let path = bracketed(&first.path);
    Complaint::invalid(format!("{path}: {words}")).param(path)
}
