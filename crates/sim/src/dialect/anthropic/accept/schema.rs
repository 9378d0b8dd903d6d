//! The schemas that structured output and strict tools take.

use serde_json::{Map, Value};

/// Keywords that constrained decoding does not know, by the type that they belong to.
const UNSUPPORTED: [(&str, &[&str]); 4] = [
    (
        "integer",
        &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ],
    ),
    (
        "number",
        &[
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "multipleOf",
        ],
    ),
    ("string", &["minLength", "maxLength"]),
    ("array", &["maxItems", "uniqueItems"]),
];
const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];
const DEPTH_MAX: usize = 64;

/// Checks a schema; the error is the tail of the API's message.
///
/// # Errors
/// The first keyword or rule that the API refuses.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    node(schema, 0)
}

fn node(schema: &Value, depth: usize) -> Result<(), String> {
    let Some(members) = schema.as_object() else {
        return Ok(());
    };
    if depth > DEPTH_MAX {
        return Err("Schema is too deeply nested".to_owned());
    }
    let kind = members
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    keywords(members, kind)?;
    if kind == "object" && members.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err(
            "For 'object' type, 'additionalProperties' must be explicitly set to false".to_owned(),
        );
    }
    for pool in ["properties", "$defs", "definitions"] {
        let inner = members.get(pool).and_then(Value::as_object);
        for member in inner.into_iter().flat_map(Map::values) {
            node(member, depth + 1)?;
        }
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        let inner = members.get(key).and_then(Value::as_array);
        for member in inner.into_iter().flatten() {
            node(member, depth + 1)?;
        }
    }
    members
        .get("items")
        .map_or(Ok(()), |items| node(items, depth + 1))
}

fn keywords(members: &Map<String, Value>, kind: &str) -> Result<(), String> {
    let named = UNSUPPORTED.iter().filter(|(name, _)| *name == kind);
    for word in named.flat_map(|(_, words)| words.iter()) {
        if members.contains_key(*word) {
            return Err(format!(
                "For '{kind}' type, property '{word}' is not supported"
            ));
        }
    }
    if kind == "array" {
        let fewest = members.get("minItems").and_then(Value::as_u64);
        if fewest.is_some_and(|fewest| fewest > 1) {
            return Err(
                "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
                    .to_owned(),
            );
        }
    }
    let format = members.get("format").and_then(Value::as_str);
    match format {
        Some(format) if kind == "string" && !FORMATS.contains(&format) => Err(format!(
            "For 'string' type, format '{format}' is not supported"
        )),
        _ => Ok(()),
    }
}
