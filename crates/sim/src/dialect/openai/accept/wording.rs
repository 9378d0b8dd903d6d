//! Refusals in OpenAI's words: the texts, codes and `param` paths that the API answers with.

use serde_json::{Value, json};

use crate::prompt::Refusal;
use crate::strict::{Fault, Finding, Kind, Step};

/// A 400 with a message, the parameter at fault and a code.
pub(in crate::dialect::openai) fn refuse(
    message: &str,
    param: Option<&str>,
    code: Option<&str>,
) -> Refusal {
    Refusal {
        status: 400,
        body: json!({"error": {
            "message": message,
            "type": "invalid_request_error",
            "param": param,
            "code": code,
        }}),
    }
}

/// A 400 with neither parameter nor code.
pub(in crate::dialect::openai) fn plain(message: &str) -> Refusal {
    refuse(message, None, None)
}

/// A parameter that this model does not take at all.
pub(in crate::dialect::openai) fn unsupported_parameter(
    param: &str,
    instead: Option<&str>,
) -> Refusal {
    let hint = instead.map_or(String::new(), |other| format!(" Use '{other}' instead."));
    refuse(
        &format!("Unsupported parameter: '{param}' is not supported with this model.{hint}"),
        Some(param),
        Some("unsupported_parameter"),
    )
}

/// A value that this model does not take.
pub(in crate::dialect::openai) fn unsupported_value(
    param: &str,
    value: &Value,
    rest: &str,
) -> Refusal {
    let shown = match value {
        Value::String(word) => format!("'{word}'"),
        other => other.to_string(),
    };
    refuse(
        &format!("Unsupported value: '{param}' does not support {shown} with this model.{rest}"),
        Some(param),
        Some("unsupported_value"),
    )
}

/// An array that must hold something.
pub(in crate::dialect::openai) fn empty_array(param: &str) -> Refusal {
    refuse(
        &format!(
            "Invalid '{param}': empty array. Expected an array with minimum length 1, but got an \
             empty array instead."
        ),
        Some(param),
        Some("empty_array"),
    )
}

/// An array with more elements than the API takes.
pub(in crate::dialect::openai) fn long_array(param: &str, most: usize, got: usize) -> Refusal {
    refuse(
        &format!(
            "Invalid '{param}': array too long. Expected an array with maximum length {most}, but \
             got an array with length {got} instead."
        ),
        Some(param),
        Some("array_above_max_length"),
    )
}

/// A string longer than the API takes.
pub(in crate::dialect::openai) fn long_text(param: &str, most: usize, got: usize) -> Refusal {
    refuse(
        &format!(
            "Invalid '{param}': string too long. Expected a string with maximum length {most}, but \
             got a string with length {got} instead."
        ),
        Some(param),
        Some("string_above_max_length"),
    )
}

/// A value that breaks a rule which has no code of its own.
pub(in crate::dialect::openai) fn invalid_value(param: &str, message: &str) -> Refusal {
    refuse(message, Some(param), Some("invalid_value"))
}

/// A required member that is not there.
pub(in crate::dialect::openai) fn missing(param: &str) -> Refusal {
    refuse(
        &format!("Missing required parameter: '{param}'."),
        Some(param),
        Some("missing_required_parameter"),
    )
}

/// A finding of the shape check.
pub(in crate::dialect::openai) fn found(finding: &Finding) -> Refusal {
    let path = path(&finding.path);
    match &finding.fault {
        Fault::Unknown => refuse(
            &format!("Unknown parameter: '{path}'."),
            Some(&path),
            Some("unknown_parameter"),
        ),
        Fault::Missing => missing(&path),
        Fault::Type { expected, got } => refuse(
            &format!(
                "Invalid type for '{path}': expected {}, but got {} instead.",
                expectation(expected),
                kind_of(got)
            ),
            Some(&path),
            Some("invalid_type"),
        ),
        Fault::Word { allowed, got } => wrong_word(&path, got, allowed),
        Fault::Variant { tag, allowed, got } => wrong_word(&format!("{path}.{tag}"), got, allowed),
        Fault::Below { whole, bound, got } => out_of_range(&path, *whole, *bound, got, true),
        Fault::Above { whole, bound, got } => out_of_range(&path, *whole, *bound, got, false),
    }
}

/// A word that is not in the API's list.
pub(in crate::dialect::openai) fn wrong_word(param: &str, got: &str, allowed: &[&str]) -> Refusal {
    invalid_value(
        param,
        &format!(
            "Invalid value: '{got}'. Supported values are: {}.",
            enumerate(allowed)
        ),
    )
}

/// `'a', 'b', and 'c'`.
pub(in crate::dialect::openai) fn enumerate(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("'{one}'"),
        [one, other] => format!("'{one}' and '{other}'"),
        [front @ .., last] => {
            let front: Vec<String> = front.iter().map(|word| format!("'{word}'")).collect();
            format!("{}, and '{last}'", front.join(", "))
        }
    }
}

fn out_of_range(path: &str, whole: bool, bound: f64, got: &Value, below: bool) -> Refusal {
    let noun = if whole { "integer" } else { "decimal" };
    let (side, sign, code) = if below {
        ("below minimum", ">=", format!("{noun}_below_min_value"))
    } else {
        ("above maximum", "<=", format!("{noun}_above_max_value"))
    };
    refuse(
        &format!(
            "Invalid '{path}': {noun} {side} value. Expected a value {sign} {bound}, but got {got} \
             instead."
        ),
        Some(path),
        Some(&code),
    )
}

fn expectation(kinds: &[Kind]) -> String {
    let words: Vec<&str> = kinds
        .iter()
        .map(|kind| match kind {
            Kind::Text => "a string",
            Kind::Bool => "a boolean",
            Kind::Int => "an integer",
            Kind::Num => "a decimal",
            Kind::Object => "an object",
            Kind::Texts => "an array of strings",
            Kind::List => "an array of objects",
        })
        .collect();
    match words.as_slice() {
        [front @ .., last] if !front.is_empty() => {
            format!("one of {} or {last}", front.join(", "))
        }
        _ => words.concat(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a decimal number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Key(key) if path.is_empty() => path.push_str(key),
            Step::Key(key) => {
                path.push('.');
                path.push_str(key);
            }
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Tag(_) => {}
        }
    }
    path
}
