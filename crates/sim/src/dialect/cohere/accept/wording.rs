//! Refusals in Cohere's words: one sentence under `message`.

use serde_json::{Value, json};

use crate::prompt::Refusal;
use crate::strict::{Fault, Finding, Kind, Step};

/// A 400.
pub(in crate::dialect::cohere) fn refuse(message: &str) -> Refusal {
    Refusal {
        status: 400,
        body: json!({"id": "00000000-0000-4000-8000-000000000000", "message": message}),
    }
}

/// A finding of the shape check.
pub(super) fn found(finding: &Finding) -> Refusal {
    let path = path(&finding.path);
    refuse(&match &finding.fault {
        Fault::Unknown => format!("unknown field: parameter '{path}' is not a valid field"),
        Fault::Missing if path == "model" => {
            "a model parameter is required for this endpoint.".to_owned()
        }
        Fault::Missing if path == "input_type" => {
            "invalid request: valid input_type must be provided with the provided model".to_owned()
        }
        Fault::Missing if path.ends_with(".tool_call_id") => {
            "tool call id must be provided with tool message".to_owned()
        }
        Fault::Missing => format!("invalid request: required '{path}' param is missing or empty."),
        Fault::Type { expected, got } => format!(
            "invalid type: parameter {path} is of type {} but should be of type {}.",
            type_of(got),
            expected.first().map_or("string", |kind| name_of(*kind))
        ),
        Fault::Word { .. } if path.ends_with("tool_calls.type") => {
            "tool call must be of type function".to_owned()
        }
        Fault::Word { allowed, .. } => format!(
            "invalid request: {path} must be one of {}.",
            alternatives(allowed)
        ),
        Fault::Variant { tag, allowed, .. } => format!(
            "invalid request: {path}.{tag} must be one of {}.",
            alternatives(allowed)
        ),
        Fault::Below { .. } | Fault::Above { .. } => out_of_range(&path, &finding.fault),
    })
}

/// `temperature must be between 0 and 1.0 inclusive.`
fn out_of_range(path: &str, fault: &Fault) -> String {
    let range = match path {
        "temperature" => Some("0 and 1.0"),
        "frequency_penalty" | "presence_penalty" => Some("0 and 1"),
        "p" => Some("0.01 and 0.99"),
        "k" => Some("0 and 500"),
        "priority" => Some("0 and 999"),
        _ => None,
    };
    match (range, fault) {
        (Some(range), _) => {
            format!("invalid request: {path} must be between {range} inclusive.")
        }
        (None, Fault::Above { bound, .. }) => {
            format!("invalid request: {path} must be at most {bound}.")
        }
        (None, Fault::Below { bound, .. }) => {
            format!("invalid request: {path} must be at least {bound}.")
        }
        (None, _) => format!("invalid request: {path} is invalid."),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Bool => "bool",
        Kind::Int => "integer",
        Kind::Num => "float",
        Kind::Object => "object",
        Kind::Texts => "[]string",
        Kind::List => "array",
    }
}

fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(", ")
}

/// `messages.content.text`: indexes and variants are no part of it.
fn path(steps: &[Step]) -> String {
    let keys: Vec<&str> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) | Step::Tag(_) => None,
        })
        .collect();
    keys.join(".")
}
