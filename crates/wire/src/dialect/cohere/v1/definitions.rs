//! Tools as v1 defines them: no JSON schema, but a list of parameters with Python's types ("Parameter
//! Types in Tool Use"). What those can't say goes into the descriptions, so that the model knows it.

use serde_json::{Map, Value, json};

use crate::error::EncodeError;
use crate::names::NameRule;
use crate::notes::unsupported;

/// "Valid parameter names contain only the characters `a-z`, `A-Z`, `0-9`, `_` and must not begin
/// with a digit."
const NAME_RULE: NameRule = NameRule {
    bytes_max: usize::MAX,
    allows: |byte| byte.is_ascii_alphanumeric() || byte == b'_',
    letter_first: true,
};
/// Deeper types are not followed: the schema beside them says them.
const DEPTH_MAX: usize = 8;
/// Keywords of a parameter that its definition says in its own words.
const SAID: [&str; 5] = ["type", "description", "title", "enum", "default"];
/// Keywords of the whole that the list of parameters says, or that say nothing of a value.
const WHOLE_SAID: [&str; 9] = [
    "type",
    "properties",
    "required",
    "description",
    "title",
    "additionalProperties",
    "$schema",
    "$defs",
    "definitions",
];

/// The v1 definition of a tool that is given as v2 defines it; `at` is where the caller defined it.
///
/// # Errors
/// A name of a parameter that the API refuses.
pub(super) fn definition(tool: &Value, at: &str) -> Result<Value, EncodeError> {
    let function = tool.get("function").unwrap_or(&Value::Null);
    let name = function.get("name").and_then(Value::as_str);
    let name = name.unwrap_or_default();
    let schema = function.get("parameters").unwrap_or(&Value::Null);
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(name)));
    let mut definitions = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        if !NAME_RULE.fits(name) {
            return Err(unsupported(
                format!("{at}.function.parameters.properties.{name}"),
                "Cohere's v1 API takes names of parameters of letters, digits and `_` that begin \
                 with no digit. Rename it, or use a provider that speaks v2.",
            ));
        }
        let mut parameter = Map::new();
        let described = described(property, schema);
        if !described.is_empty() {
            parameter.insert("description".to_owned(), described.into());
        }
        parameter.insert("type".to_owned(), python(property, schema, 0).into());
        parameter.insert("required".to_owned(), is_required(name).into());
        definitions.insert(name.clone(), Value::Object(parameter));
    }
    let text = |value: &'_ Value| {
        let said = value.get("description").and_then(Value::as_str);
        said.filter(|said| !said.is_empty()).map(str::to_owned)
    };
    let mut lines: Vec<String> = text(function).into_iter().collect();
    lines.extend(text(schema).filter(|about| !lines.contains(about)));
    let says_more = schema.as_object().is_some_and(|members| {
        members
            .keys()
            .any(|key| !WHOLE_SAID.contains(&key.as_str()))
    });
    if says_more {
        lines.push(format!("JSON schema of the parameters: {schema}"));
    }
    if lines.is_empty() {
        // The API demands a description.
        lines.push(name.to_owned());
    }
    let description = lines.join("\n");
    let mut out = Map::new();
    out.insert("name".to_owned(), name.into());
    out.insert("description".to_owned(), description.into());
    if !definitions.is_empty() {
        out.insert("parameter_definitions".to_owned(), definitions.into());
    }
    Ok(Value::Object(out))
}

/// A tool that was called before and is not offered now: results are taken beside tools only.
pub(super) fn retired(name: &str) -> Value {
    json!({
        "name": name,
        "description": "Was used before and can't be called now. Never call it.",
    })
}

/// What is said of a parameter: its description, values and default as the guide writes them, and
/// its schema where that says more.
fn described(property: &Value, whole: &Value) -> String {
    let mut lines: Vec<String> = Vec::new();
    if let Some(said) = property.get("description").and_then(Value::as_str) {
        lines.push(said.to_owned());
    }
    let says_more = match property {
        Value::Object(members) => {
            let unsaid = members.keys().any(|key| !SAID.contains(&key.as_str()));
            unsaid && !is_plain_list(members)
        }
        // `true` takes anything, as no type does; `false` takes nothing.
        other => *other == Value::Bool(false),
    };
    if says_more {
        let definitions = ["$defs", "definitions"].iter().filter_map(|key| {
            let held = whole.get(*key)?;
            Some(((*key).to_owned(), held.clone()))
        });
        let mut schema = property.clone();
        if let Some(members) = schema.as_object_mut() {
            members.shift_remove("description");
            members.shift_remove("title");
            if property.to_string().contains("\"$ref\"") {
                members.extend(definitions);
            }
        }
        lines.push(format!("JSON schema: {schema}"));
        return lines.join("\n");
    }
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some(values) = property.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values.iter().map(text).collect();
        lines.push(format!("Possible enum values: {}.", values.join(", ")));
    }
    if let Some(default) = property.get("default") {
        lines.push(format!("The default value is: {}.", text(default)));
    }
    lines.join("\n")
}

/// A list of a scalar type and nothing else, which `List[str]` says whole.
fn is_plain_list(members: &Map<String, Value>) -> bool {
    let scalar = |items: &Value| {
        let kind = items.get("type").and_then(Value::as_str);
        let alone = items.as_object().is_some_and(|items| items.len() == 1);
        alone && matches!(kind, Some("string" | "integer" | "number" | "boolean"))
    };
    members.get("type").and_then(Value::as_str) == Some("array")
        && members.get("items").is_some_and(scalar)
        && members
            .keys()
            .all(|key| key == "items" || SAID.contains(&key.as_str()))
}

/// The Python type of a schema; `Any` where it says none.
fn python(schema: &Value, whole: &Value, depth: usize) -> String {
    const ANY: &str = "Any";
    if depth > DEPTH_MAX {
        return ANY.to_owned();
    }
    let inner = |schema: &Value| python(schema, whole, depth + 1);
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let found = reference
            .strip_prefix('#')
            .and_then(|path| whole.pointer(path));
        return found.map_or_else(|| ANY.to_owned(), inner);
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(variants) = schema.get(key).and_then(Value::as_array) {
            return union(variants.iter().map(inner).collect());
        }
    }
    match schema.get("type") {
        Some(Value::String(kind)) => one(kind, schema, &inner),
        Some(Value::Array(kinds)) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            union(kinds.map(|kind| one(kind, schema, &inner)).collect())
        }
        _ => {
            let listed = schema.get("enum").and_then(Value::as_array);
            let values = listed.map_or_else(
                || schema.get("const").into_iter().collect::<Vec<_>>(),
                |listed| listed.iter().collect(),
            );
            union(
                values
                    .into_iter()
                    .map(|value| of_value(value).to_owned())
                    .collect(),
            )
        }
    }
}

fn one(kind: &str, schema: &Value, inner: &dyn Fn(&Value) -> String) -> String {
    match kind {
        "string" => "str".to_owned(),
        "integer" => "int".to_owned(),
        "number" => "float".to_owned(),
        "boolean" => "bool".to_owned(),
        "null" => "None".to_owned(),
        "array" => match schema.get("items") {
            Some(items @ Value::Object(_)) => format!("List[{}]", inner(items)),
            _ => "List".to_owned(),
        },
        "object" => match schema.get("additionalProperties") {
            Some(values @ Value::Object(_)) if schema.get("properties").is_none() => {
                format!("Dict[str, {}]", inner(values))
            }
            _ => "Dict".to_owned(),
        },
        _ => "Any".to_owned(),
    }
}

fn of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "None",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "List",
        Value::Object(_) => "Dict",
    }
}

/// One type of several: `Optional[str]`, `Union[int, str]`.
fn union(mut kinds: Vec<String>) -> String {
    let mut seen: Vec<String> = Vec::new();
    kinds.retain(|kind| {
        let new = !seen.contains(kind);
        seen.push(kind.clone());
        new
    });
    let is_optional = kinds.len() > 1 && kinds.iter().any(|kind| kind == "None");
    if is_optional {
        kinds.retain(|kind| kind != "None");
    }
    let said = match kinds.as_slice() {
        [] => "Any".to_owned(),
        [only] => only.clone(),
        several => format!("Union[{}]", several.join(", ")),
    };
    if is_optional {
        format!("Optional[{said}]")
    } else {
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(schema: Value) -> Value {
        let tool = json!({"type": "function", "function": {"name": "f", "parameters": schema}});
        definition(&tool, "tools[0]").unwrap()["parameter_definitions"].clone()
    }

    #[test]
    fn json_types_are_pythons() {
        let kinds = [
            (json!({"type": "string"}), "str"),
            (json!({"type": "integer"}), "int"),
            (json!({"type": "number"}), "float"),
            (json!({"type": "boolean"}), "bool"),
            (json!({"type": "object"}), "Dict"),
            (
                json!({"type": "object", "additionalProperties": {"type": "integer"}}),
                "Dict[str, int]",
            ),
            (json!({"type": "array"}), "List"),
            (
                json!({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}),
                "List[List[str]]",
            ),
            (json!({"type": ["string", "null"]}), "Optional[str]"),
            (
                json!({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}),
                "Optional[Union[int, str]]",
            ),
            (json!({"$ref": "#/$defs/size"}), "float"),
            (json!({"$ref": "#/$defs/loop"}), "Any"),
            (json!({"enum": ["a", "b"]}), "str"),
            (json!({"const": 3}), "int"),
            (json!({}), "Any"),
            (json!(true), "Any"),
        ];
        for (schema, kind) in kinds {
            let said = parameters(json!({"type": "object", "properties": {"p": schema},
                "$defs": {"size": {"type": "number"}, "loop": {"$ref": "#/$defs/loop"}}}));
            assert_eq!(said["p"]["type"], kind, "{schema}");
        }
    }

    #[test]
    fn what_the_types_cannot_say_is_told() {
        let said = parameters(
            json!({"type": "object", "required": ["kind"], "properties": {
            "kind": {"type": "string", "description": "Which", "enum": ["a", "b"], "default": "a"},
            "many": {"type": "array", "items": {"type": "string"}},
            "size": {"type": "integer", "description": "How big", "minimum": 1},
            "at": {"$ref": "#/$defs/place"},
        }, "$defs": {"place": {"type": "object", "properties": {"x": {"type": "number"}}}}}),
        );
        assert_eq!(
            said,
            json!({
                "kind": {"description": "Which\nPossible enum values: a, b.\nThe default value is: a.",
                    "type": "str", "required": true},
                "many": {"type": "List[str]", "required": false},
                "size": {"description": "How big\nJSON schema: {\"type\":\"integer\",\"minimum\":1}",
                    "type": "int", "required": false},
                "at": {"description": "JSON schema: {\"$ref\":\"#/$defs/place\",\"$defs\":{\"place\":\
                    {\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\"}}}}}",
                    "type": "Dict", "required": false},
            })
        );
        let tool = json!({"type": "function", "function": {"name": "f", "description": "D",
            "parameters": {"type": "object", "description": "A", "anyOf": [{"required": ["a"]}]}}});
        assert_eq!(
            definition(&tool, "tools[0]").unwrap(),
            json!({"name": "f", "description": "D\nA\nJSON schema of the parameters: \
                {\"type\":\"object\",\"description\":\"A\",\"anyOf\":[{\"required\":[\"a\"]}]}"})
        );
    }

    #[test]
    fn a_tool_is_never_without_a_description() {
        for function in [
            json!({"name": "f"}),
            json!({"name": "f", "description": ""}),
        ] {
            let defined = definition(&json!({ "function": function }), "tools[0]").unwrap();
            assert_eq!(defined, json!({"name": "f", "description": "f"}));
        }
    }

    #[test]
    fn a_name_that_the_api_refuses_is_refused_by_its_place() {
        let tool = json!({"function": {"name": "f", "parameters": {"properties": {"a-b": {}}}}});
        let error = definition(&tool, "tools[2]").unwrap_err();
        assert_eq!(
            error.param.as_deref(),
            Some("tools[2].function.parameters.properties.a-b")
        );
    }
}
