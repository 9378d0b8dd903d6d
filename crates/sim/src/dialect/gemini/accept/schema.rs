//! The schema rules that hold beyond known keywords: what each type needs and may not have.

use serde_json::{Map, Value};

use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

const DEPTH_MAX: usize = 32;

/// Checks a canonical `Schema` message at `path`.
pub(super) fn check(schema: &Value, path: &str) -> Result<(), Refusal> {
    node(schema, path, 0)
}

fn node(schema: &Value, path: &str, depth: usize) -> Result<(), Refusal> {
    let fail = |field: &str, rule: &str| Err(refuse(&format!("* {path}{field}: {rule}\n")));
    if depth > DEPTH_MAX {
        return fail("", "schema exceeds the maximum nesting depth");
    }
    let kind = text(schema, "type");
    let format = text(schema, "format");
    let formats: &[&str] = match kind {
        "STRING" => &["enum", "date-time"],
        "NUMBER" => &["float", "double"],
        "INTEGER" => &["int32", "int64"],
        _ => &[],
    };
    if !format.is_empty() && !formats.is_empty() && !formats.contains(&format) {
        let known: Vec<String> = formats.iter().map(|word| format!("'{word}'")).collect();
        let rule = format!("only {} are supported for {kind} type", known.join(" and "));
        return fail(".format", &rule);
    }
    if !list(schema, "enum").is_empty() && !matches!(kind, "STRING" | "") {
        return fail(".enum", "only allowed for STRING type");
    }
    if list(schema, "enum").iter().any(|word| word == "") {
        return fail(".enum", "cannot be empty");
    }
    if kind == "ARRAY" && set(schema, "items").is_none() {
        return fail(".items", "missing field.");
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    if properties.is_some_and(|known| !known.is_empty()) && !matches!(kind, "OBJECT" | "") {
        return fail(".properties", "only allowed for OBJECT type");
    }
    let known = |name: &Value| {
        let name = name.as_str().unwrap_or_default();
        properties.is_some_and(|known| known.contains_key(name))
    };
    let mut required = list(schema, "required").iter().enumerate();
    if let Some((index, _)) = required.find(|(_, name)| !known(name)) {
        return fail(&format!(".required[{index}]"), "property is not defined");
    }
    children(schema, properties, path, depth)
}

fn children(
    schema: &Value,
    properties: Option<&Map<String, Value>>,
    path: &str,
    depth: usize,
) -> Result<(), Refusal> {
    for (name, member) in properties.into_iter().flatten() {
        node(member, &format!("{path}.properties[{name}]"), depth + 1)?;
    }
    if let Some(items) = set(schema, "items") {
        node(items, &format!("{path}.items"), depth + 1)?;
    }
    for (index, option) in list(schema, "anyOf").iter().enumerate() {
        node(option, &format!("{path}.any_of[{index}]"), depth + 1)?;
    }
    Ok(())
}
