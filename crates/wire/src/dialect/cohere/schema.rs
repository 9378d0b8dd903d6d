//! JSON schemas as the API enforces them ("Structured Outputs", schema constraints): a subset, in
//! which the rest is told to the model in words.

use serde_json::{Map, Value};

/// Keywords that are not enforced, with which a schema may be refused.
const NOT_ENFORCED: [&str; 21] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minLength",
    "maxLength",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "not",
    "if",
    "then",
    "else",
];
/// The formats that are enforced.
const FORMATS: [&str; 4] = ["date-time", "uuid", "date", "time"];
/// Keywords that hold one schema.
const ONE: [&str; 2] = ["items", "additionalProperties"];
/// Keywords that hold a list of schemas.
const LISTS: [&str; 2] = ["anyOf", "prefixItems"];
/// Keywords that hold schemas by name.
const NAMED: [&str; 3] = ["properties", "$defs", "definitions"];
/// Deeper schemas are not for enforcement.
const DEPTH_MAX: usize = 64;

/// A schema that the API takes.
#[derive(Debug)]
pub(super) struct Enforceable {
    pub(super) schema: Value,
    /// Something of the caller's schema is told and not enforced.
    pub(super) lossy: bool,
}

/// The schema as the API takes it. `None` if it can't be said: the top level must be an object,
/// and every object must require a field.
pub(super) fn enforceable(schema: &Value) -> Option<Enforceable> {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        return None;
    }
    let mut lossy = false;
    let schema = node(schema, 0, &mut lossy)?;
    Some(Enforceable { schema, lossy })
}

fn node(schema: &Value, depth: usize, lossy: &mut bool) -> Option<Value> {
    let Value::Object(members) = schema else {
        // `true` and `false` are schemas, too.
        return Some(schema.clone());
    };
    if depth > DEPTH_MAX {
        return None;
    }
    let is_object = members.get("type").and_then(Value::as_str) == Some("object")
        || members.contains_key("properties");
    let requires = members
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|required| !required.is_empty());
    if is_object && !requires {
        return None;
    }
    let mut out = Map::new();
    let mut told: Vec<String> = Vec::new();
    for (key, value) in members {
        match (key.as_str(), value) {
            // A stray `strict` of some clients, and the name of the schema language.
            ("strict" | "$schema" | "$id", _) => {}
            ("oneOf", Value::Array(_)) => {
                out.insert("anyOf".to_owned(), list(value, depth, lossy)?);
            }
            ("allOf", Value::Array(parts)) => match parts.as_slice() {
                [Value::Object(only)] if only.keys().all(|key| !members.contains_key(key)) => {
                    let only = node(&Value::Object(only.clone()), depth + 1, lossy)?;
                    out.extend(only.as_object().cloned().unwrap_or_default());
                }
                _ => return None,
            },
            ("format", Value::String(format)) if !FORMATS.contains(&format.as_str()) => {
                *lossy = true;
                told.push(format!("format: {format}"));
            }
            (key, value) if NOT_ENFORCED.contains(&key) => {
                *lossy = true;
                told.push(format!("{key}: {value}"));
            }
            (key, value) if ONE.contains(&key) => {
                out.insert(key.to_owned(), node(value, depth + 1, lossy)?);
            }
            (key, Value::Array(_)) if LISTS.contains(&key) => {
                out.insert(key.to_owned(), list(value, depth, lossy)?);
            }
            (key, Value::Object(named)) if NAMED.contains(&key) => {
                let mut all = Map::new();
                for (name, schema) in named {
                    all.insert(name.clone(), node(schema, depth + 1, lossy)?);
                }
                out.insert(key.to_owned(), Value::Object(all));
            }
            (key, value) => {
                out.insert(key.to_owned(), value.clone());
            }
        }
    }
    if !told.is_empty() {
        let said = out.get("description").and_then(Value::as_str);
        let lines: Vec<&str> = said
            .into_iter()
            .chain(told.iter().map(String::as_str))
            .collect();
        let description = lines.join("\n");
        out.insert("description".to_owned(), description.into());
    }
    Some(Value::Object(out))
}

fn list(schemas: &Value, depth: usize, lossy: &mut bool) -> Option<Value> {
    let schemas = schemas.as_array()?;
    let all: Option<Vec<Value>> = schemas
        .iter()
        .map(|schema| node(schema, depth + 1, lossy))
        .collect();
    all.map(Value::Array)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn section_8_1_what_is_not_enforced_is_told_and_property_names_are_no_keywords() {
        let taken = enforceable(&json!({
            "type": "object", "required": ["minimum"], "strict": true,
            "properties": {
                "minimum": {"type": "integer", "minimum": 0, "description": "Least"},
                "mail": {"type": "string", "format": "email"},
                "day": {"type": "string", "format": "date"},
                "either": {"oneOf": [{"type": "string"}, {"type": "null"}]},
                "ref": {"allOf": [{"$ref": "#/$defs/a"}]},
            },
            "$defs": {"a": {"type": "string", "const": "x"}},
            "additionalProperties": false,
        }))
        .unwrap();
        assert!(taken.lossy);
        assert_eq!(
            taken.schema,
            json!({
                "type": "object", "required": ["minimum"],
                "properties": {
                    "minimum": {"type": "integer", "description": "Least\nminimum: 0"},
                    "mail": {"type": "string", "description": "format: email"},
                    "day": {"type": "string", "format": "date"},
                    "either": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    "ref": {"$ref": "#/$defs/a"},
                },
                "$defs": {"a": {"type": "string", "const": "x"}},
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn section_8_1_a_schema_that_the_api_refuses_is_not_sent() {
        for schema in [
            json!({"type": "array", "items": {"type": "string"}}),
            json!({"type": "object", "properties": {"a": {"type": "string"}}}),
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "object"}}}),
            json!({"type": "object", "required": ["a"], "allOf": [{"a": 1}, {"b": 2}]}),
            json!(true),
        ] {
            assert!(enforceable(&schema).is_none(), "{schema}");
        }
        let plain = json!({"type": "object", "required": ["a"], "properties": {"a": {}}});
        assert!(!enforceable(&plain).unwrap().lossy);
    }
}
