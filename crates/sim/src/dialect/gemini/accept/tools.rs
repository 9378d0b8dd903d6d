//! Function declarations and `toolConfig`.

use serde_json::{Value, json};

use super::schema;
use super::wording::refuse;
use crate::prompt::{Refusal, ToolChoice, ToolOffer};
use crate::strict::{list, set, text};

const NAME_MAX: usize = 128;

/// Checks declarations and the calling mode of a canonical request.
pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    let mut names: Vec<&str> = Vec::new();
    for (at, tool) in list(body, "tools").iter().enumerate() {
        for (index, function) in list(tool, "functionDeclarations").iter().enumerate() {
            let path = format!("GenerateContentRequest.tools[{at}].function_declarations[{index}]");
            declaration(function, &path)?;
            let name = text(function, "name");
            if names.contains(&name) {
                return Err(refuse(&format!(
                    "Duplicate function declaration found: {name}"
                )));
            }
            names.push(name);
        }
    }
    calling(body, &names)
}

fn declaration(function: &Value, path: &str) -> Result<(), Refusal> {
    let name = text(function, "name");
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if !starts || !name.chars().all(fits) || name.len() > NAME_MAX {
        return Err(refuse(&format!(
            "* {path}.name: Invalid function name. Must start with a letter or an underscore. Must \
             be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes \
             (-), with a maximum length of {NAME_MAX}.\n"
        )));
    }
    for (open, json, words) in [
        (
            "parameters",
            "parametersJsonSchema",
            "parameters and parameters_json_schema",
        ),
        (
            "response",
            "responseJsonSchema",
            "response and response_json_schema",
        ),
    ] {
        if set(function, open).is_some() && set(function, json).is_some() {
            return Err(refuse(&format!(
                "* {path}: only one of {words} may be set.\n"
            )));
        }
    }
    let Some(parameters) = set(function, "parameters") else {
        return Ok(());
    };
    let path = format!("{path}.parameters");
    if !matches!(text(parameters, "type"), "OBJECT" | "" | "TYPE_UNSPECIFIED") {
        return Err(refuse(&format!(
            "* {path}.type: schema at top-level must be of type OBJECT.\n"
        )));
    }
    schema::check(parameters, &path)
}

fn calling(body: &Value, names: &[&str]) -> Result<(), Refusal> {
    let config = config(body);
    let allowed = list(config, "allowedFunctionNames");
    let mode = text(config, "mode");
    if !allowed.is_empty() && !matches!(mode, "ANY" | "VALIDATED") {
        return Err(refuse(
            "Allowed function names should only be set when the function calling mode is ANY or \
             VALIDATED.",
        ));
    }
    if mode == "ANY" && names.is_empty() {
        return Err(refuse(
            "Function calling config is set without function_declarations.",
        ));
    }
    let missing = allowed
        .iter()
        .filter_map(Value::as_str)
        .find(|name| !names.contains(name));
    match missing {
        Some(name) => Err(refuse(&format!(
            "* GenerateContentRequest.tool_config.function_calling_config.allowed_function_names: \
             `{name}` is not among the declared functions.\n"
        ))),
        None => Ok(()),
    }
}

fn config(body: &Value) -> &Value {
    body.get("toolConfig")
        .and_then(|config| config.get("functionCallingConfig"))
        .unwrap_or(&Value::Null)
}

/// The declared functions.
pub(super) fn offers(body: &Value) -> Vec<ToolOffer> {
    let tools = list(body, "tools").iter();
    let functions = tools.flat_map(|tool| list(tool, "functionDeclarations"));
    let offer = |function: &Value| {
        let json = set(function, "parametersJsonSchema").cloned();
        let open = set(function, "parameters").map(json_schema);
        ToolOffer {
            name: text(function, "name").to_owned(),
            schema: json.or(open).unwrap_or_else(|| json!({"type": "object"})),
            custom: false,
        }
    };
    functions.map(offer).collect()
}

/// A canonical `Schema` message as JSON schema: types in lower case, `nullable` as a second type.
pub(super) fn json_schema(schema: &Value) -> Value {
    let Some(members) = schema.as_object() else {
        return schema.clone();
    };
    let nullable = schema.get("nullable") == Some(&Value::Bool(true));
    let convert = |(key, member): (&String, &Value)| {
        let converted = match (key.as_str(), member) {
            ("type", Value::String(word)) if nullable => {
                json!([word.to_ascii_lowercase(), "null"])
            }
            ("type", Value::String(word)) => json!(word.to_ascii_lowercase()),
            ("items", _) => json_schema(member),
            ("anyOf", Value::Array(options)) => options.iter().map(json_schema).collect(),
            ("properties", Value::Object(inner)) => Value::Object(
                inner
                    .iter()
                    .map(|(name, one)| (name.clone(), json_schema(one)))
                    .collect(),
            ),
            _ => member.clone(),
        };
        (key.clone(), converted)
    };
    let kept = members
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "nullable" | "propertyOrdering"));
    Value::Object(kept.map(convert).collect())
}

/// What the caller said about calling.
pub(super) fn choice(body: &Value) -> ToolChoice {
    let config = config(body);
    let allowed: Vec<String> = list(config, "allowedFunctionNames")
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    match text(config, "mode") {
        "ANY" if allowed.is_empty() => ToolChoice::Required,
        "ANY" => ToolChoice::Named(allowed),
        "NONE" => ToolChoice::None,
        _ => ToolChoice::Auto,
    }
}
