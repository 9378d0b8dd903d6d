//! Brings a JSON schema into the subset that Claude enforces, at Anthropic and on Bedrock
//! (wire-protocols §8.1): what it refuses is moved to the description, so that the model still reads it.
//!
//! Works by position, so that a property that is *named* like a keyword is left alone.

use serde_json::{Map, Value, json};

/// Keywords that the API takes as they are.
const KEPT: [&str; 7] = [
    "type",
    "title",
    "description",
    "default",
    "const",
    "$ref",
    "required",
];

/// String formats that the API knows.
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

/// Keywords that constrain nothing and say nothing to the model.
const SILENT: [&str; 6] = [
    "$schema", "$id", "$comment", "strict", "$anchor", "nullable",
];

/// Deepest schema that is walked; requests nest less (they are refused at 128).
const DEPTH_MAX: usize = 200;

/// A schema that the API takes.
#[derive(Debug)]
pub(crate) struct Sanitised {
    /// The schema.
    pub(crate) schema: Value,
    /// Some constraint of the original is only described now.
    pub(crate) lossy: bool,
}

/// Brings a schema into the subset.
pub(crate) fn sanitise(schema: &Value) -> Sanitised {
    let mut walk = Walk { lossy: false };
    let schema = walk.schema(schema, 0);
    Sanitised {
        schema,
        lossy: walk.lossy,
    }
}

/// Whether [`sanitise`] takes nothing from what the schema allows that the caller may count on: each
/// object has properties, requires all of them, and is not open to others.
pub(crate) fn is_closable(schema: &Value) -> bool {
    closable(schema, 0)
}

fn closable(schema: &Value, depth: usize) -> bool {
    let Value::Object(members) = schema else {
        return schema != &Value::Bool(true);
    };
    if depth > DEPTH_MAX || members.contains_key("allOf") {
        return false;
    }
    let required = members.get("required").and_then(Value::as_array);
    let is_required =
        |name: &String| required.is_some_and(|required| required.iter().any(|key| key == name));
    let named = members.get("properties").and_then(Value::as_object);
    let whole = named.is_some_and(|named| !named.is_empty() && named.keys().all(is_required));
    let open = members
        .get("additionalProperties")
        .is_some_and(|others| others != &Value::Bool(false));
    let is_object = is_object(members) || members.contains_key("additionalProperties");
    if is_object && (!whole || open) {
        return false;
    }
    let named = ["properties", "$defs", "definitions"].into_iter();
    let lists = ["anyOf", "oneOf"].into_iter();
    named
        .filter_map(|key| members.get(key)?.as_object())
        .flat_map(Map::values)
        .chain(
            lists
                .filter_map(|key| members.get(key)?.as_array())
                .flatten(),
        )
        .chain(members.get("items"))
        .all(|schema| closable(schema, depth + 1))
}

struct Walk {
    lossy: bool,
}

impl Walk {
    fn schema(&mut self, schema: &Value, depth: usize) -> Value {
        let Value::Object(members) = schema else {
            // `true` and `false` are schemas too.
            return schema.clone();
        };
        if depth > DEPTH_MAX {
            self.lossy = true;
            return json!({});
        }
        let mut out = Map::new();
        let mut moved: Vec<String> = Vec::new();
        for (key, value) in members {
            if !SILENT.contains(&key.as_str()) || (key == "nullable" && value != false) {
                self.keyword(key, value, depth, &mut out, &mut moved);
            }
        }
        if is_object(&out) {
            out.insert("additionalProperties".to_owned(), false.into());
        }
        if !moved.is_empty() {
            self.lossy = true;
            describe(&mut out, &moved);
        }
        split_types(out)
    }

    /// One keyword: kept, rewritten, or told in words.
    fn keyword(
        &mut self,
        key: &str,
        value: &Value,
        depth: usize,
        out: &mut Map<String, Value>,
        moved: &mut Vec<String>,
    ) {
        let (key, kept) = match (key, value) {
            ("properties" | "$defs" | "definitions", Value::Object(named)) => {
                let named = named
                    .iter()
                    .map(|(name, schema)| (name.clone(), self.schema(schema, depth + 1)));
                (key, Value::Object(named.collect()))
            }
            ("items", Value::Object(_) | Value::Bool(_)) => (key, self.schema(value, depth + 1)),
            ("allOf", Value::Array(list)) => (key, self.list(list, depth)),
            // Exactly one of is not enforced; at least one of is.
            ("anyOf" | "oneOf", Value::Array(list)) if !out.contains_key("anyOf") => {
                ("anyOf", self.list(list, depth))
            }
            ("enum", Value::Array(list)) if list.iter().all(is_primitive) => (key, value.clone()),
            ("format", Value::String(format)) if FORMATS.contains(&format.as_str()) => {
                (key, value.clone())
            }
            ("minItems", Value::Number(least)) if least.as_u64().is_some_and(|n| n <= 1) => {
                (key, value.clone())
            }
            // Closed objects are the rule (set at the end); `true` asks for nothing.
            ("additionalProperties", Value::Bool(_)) => return,
            _ if KEPT.contains(&key) => (key, value.clone()),
            _ => {
                moved.push(told(key, value));
                return;
            }
        };
        out.insert(key.to_owned(), kept);
    }

    fn list(&mut self, list: &[Value], depth: usize) -> Value {
        let list = list.iter().map(|schema| self.schema(schema, depth + 1));
        Value::Array(list.collect())
    }
}

fn is_primitive(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

fn told(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{key}: {text}"),
        value => format!("{key}: {value}"),
    }
}

fn describe(out: &mut Map<String, Value>, moved: &[String]) {
    let told = format!("({})", moved.join("; "));
    let described = match out.get("description").and_then(Value::as_str) {
        Some(said) if !said.is_empty() => format!("{said} {told}"),
        _ => told,
    };
    out.insert("description".to_owned(), described.into());
}

fn is_object(schema: &Map<String, Value>) -> bool {
    match schema.get("type") {
        Some(Value::String(kind)) => kind == "object",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "object"),
        _ => schema.contains_key("properties"),
    }
}

/// A list of types becomes `anyOf` with one branch a type, each with the keywords of its type.
fn split_types(mut schema: Map<String, Value>) -> Value {
    let kinds = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.clone(),
        _ => return Value::Object(schema),
    };
    schema.shift_remove("type");
    if let [only] = kinds.as_slice() {
        let mut whole = Map::from_iter([("type".to_owned(), only.clone())]);
        whole.extend(schema);
        return Value::Object(whole);
    }
    if kinds.is_empty() || schema.contains_key("anyOf") {
        return Value::Object(schema);
    }
    let mut branches = Vec::with_capacity(kinds.len());
    for kind in &kinds {
        let kind = kind.as_str().unwrap_or_default();
        let mut branch = Map::from_iter([("type".to_owned(), Value::from(kind))]);
        for (key, value) in &schema {
            if let Some(value) = keyword_of_type(key, value, kind) {
                branch.insert(key.clone(), value);
            }
        }
        let has_values = branch
            .get("enum")
            .and_then(Value::as_array)
            .is_none_or(|values| !values.is_empty());
        if has_values {
            branches.push(Value::Object(branch));
        }
    }
    let mut out = Map::new();
    for (key, value) in schema {
        if matches!(
            key.as_str(),
            "title" | "description" | "default" | "$defs" | "definitions"
        ) {
            out.insert(key, value);
        }
    }
    out.insert("anyOf".to_owned(), branches.into());
    Value::Object(out)
}

/// A keyword for the branch of one type, if it speaks of that type.
fn keyword_of_type(key: &str, value: &Value, kind: &str) -> Option<Value> {
    match key {
        "properties" | "required" | "additionalProperties" => {
            (kind == "object").then(|| value.clone())
        }
        "items" | "minItems" => (kind == "array").then(|| value.clone()),
        "format" => (kind == "string").then(|| value.clone()),
        "enum" => {
            let values = value.as_array()?.iter();
            let fitting = values.filter(|value| is_of_type(value, kind));
            Some(Value::Array(fitting.cloned().collect()))
        }
        "const" => is_of_type(value, kind).then(|| value.clone()),
        "allOf" | "$ref" => (kind != "null").then(|| value.clone()),
        _ => None,
    }
}

fn is_of_type(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => {
            kind == "number" || (kind == "integer" && (number.is_i64() || number.is_u64()))
        }
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(schema: Value) -> Value {
        sanitise(&schema).schema
    }

    #[test]
    fn case_17_recursion_const_type_lists_and_properties_named_like_keywords() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "default": {"type": "integer", "minimum": 1},
                "const": {"const": "x"},
                "oneOf": {"type": ["string", "null"], "description": "maybe"},
                "child": {"$ref": "#/$defs/node"},
            },
            "required": ["default"],
            "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}},
        });
        assert_eq!(
            clean(schema),
            json!({
                "type": "object",
                "properties": {
                    "default": {"type": "integer", "description": "(minimum: 1)"},
                    "const": {"const": "x"},
                    "oneOf": {"description": "maybe", "anyOf": [{"type": "string"}, {"type": "null"}]},
                    "child": {"$ref": "#/$defs/node"},
                },
                "required": ["default"],
                "$defs": {"node": {
                    "properties": {"next": {"$ref": "#/$defs/node"}},
                    "additionalProperties": false,
                }},
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn one_of_becomes_any_of_and_unknown_formats_are_told() {
        assert_eq!(
            clean(
                json!({"oneOf": [{"type": "string", "format": "uuid"}, {"type": "string", "format": "iban"}]})
            ),
            json!({"anyOf": [
                {"type": "string", "format": "uuid"},
                {"type": "string", "description": "(format: iban)"},
            ]})
        );
    }

    #[test]
    fn type_lists_part_values_and_keywords_by_type() {
        assert_eq!(
            clean(json!({"type": ["array", "null"], "items": {"type": "string"}, "minItems": 1})),
            json!({"anyOf": [
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "null"},
            ]})
        );
        assert_eq!(
            clean(json!({"type": ["string", "null"], "enum": ["a", null]})),
            json!({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null", "enum": [null]}]})
        );
    }

    #[test]
    fn lossy_says_whether_a_constraint_was_moved() {
        let plain =
            json!({"type": "object", "properties": {"a": {"type": "array", "minItems": 1}}});
        assert!(!sanitise(&plain).lossy);
        for constraint in [
            json!({"type": "string", "maxLength": 3}),
            json!({"type": "array", "minItems": 2}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"enum": [{"a": 1}]}),
        ] {
            assert!(sanitise(&constraint).lossy, "{constraint}");
        }
    }

    #[test]
    fn a_stray_strict_inside_the_schema_is_removed_but_not_a_property_of_that_name() {
        assert_eq!(
            clean(
                json!({"type": "object", "strict": true, "properties": {"strict": {"type": "boolean"}}})
            ),
            json!({
                "type": "object",
                "properties": {"strict": {"type": "boolean"}},
                "additionalProperties": false,
            })
        );
    }
}
