//! What OpenAI's two APIs have in common, chat completions and Responses: error bodies, model
//! lists, and how members of an answer are read.

pub(in crate::dialect) mod errors;
pub(in crate::dialect) mod models;

use serde_json::{Map, Value};

use crate::error::{ErrorKind, UpstreamError};

pub(in crate::dialect) fn malformed(message: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::MalformedReply, message)
}

pub(in crate::dialect) fn malformed_body(body: &[u8]) -> UpstreamError {
    malformed(match body.first() {
        None => "the provider's answer is empty",
        Some(b'<') => "the provider answered with an HTML page",
        Some(_) => "the provider's answer is not JSON",
    })
}

/// What of an object says something: no nulls and no empty lists or objects.
pub(in crate::dialect) fn present(fields: Map<String, Value>) -> Map<String, Value> {
    fields
        .into_iter()
        .filter(|(_, value)| !is_empty(value))
        .collect()
}

pub(in crate::dialect) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

pub(in crate::dialect) fn take_text(fields: &mut Map<String, Value>, key: &str) -> Option<String> {
    match fields.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

pub(in crate::dialect) fn take_list(fields: &mut Map<String, Value>, key: &str) -> Vec<Value> {
    match fields.remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// A time in seconds, by some servers with a fraction.
#[expect(
    clippy::cast_possible_truncation,
    reason = "`as` saturates, and a fraction is no matter"
)]
pub(in crate::dialect) fn take_seconds(fields: &mut Map<String, Value>, key: &str) -> Option<i64> {
    let created = fields.remove(key)?;
    created
        .as_i64()
        .or_else(|| created.as_f64().map(|seconds| seconds as i64))
        .filter(|created| *created != 0)
}
