//! Tools and tool choice: names, schemas, and what may only be sent together.

use serde_json::{Value, json};

use super::schema;
use super::wording::{empty_array, invalid_value, long_array, long_text, refuse};
use super::{list, set, text};
use crate::prompt::{Refusal, ToolChoice, ToolOffer};

const NAME_MAX: usize = 64;
const TOOLS_MAX: usize = 128;

/// Checks `tools`, `functions`, `tool_choice` and `parallel_tool_calls`.
pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    for key in ["tools", "functions"] {
        match body.get(key) {
            Some(Value::Array(items)) if items.is_empty() => return Err(empty_array(key)),
            Some(Value::Array(items)) if items.len() > TOOLS_MAX => {
                return Err(long_array(key, TOOLS_MAX, items.len()));
            }
            _ => {}
        }
    }
    for (index, tool) in list(body, "tools").iter().enumerate() {
        let kind = text(tool, "type");
        let path = format!("tools[{index}].{kind}");
        definition(tool.get(kind).unwrap_or(&Value::Null), &path)?;
    }
    for (index, function) in list(body, "functions").iter().enumerate() {
        definition(function, &format!("functions[{index}]"))?;
    }
    companions(body)?;
    named(body)
}

fn definition(tool: &Value, path: &str) -> Result<(), Refusal> {
    name(text(tool, "name"), &format!("{path}.name"))?;
    let Some(parameters) = set(tool, "parameters") else {
        return Ok(());
    };
    let strict = tool.get("strict").and_then(Value::as_bool) == Some(true);
    schema::check(parameters, strict).map_err(|fault| {
        refuse(
            &format!(
                "Invalid schema for function '{}': {fault}",
                text(tool, "name")
            ),
            Some(&format!("{path}.parameters")),
            Some("invalid_function_parameters"),
        )
    })
}

/// A name of a tool, a function or a schema.
pub(in crate::dialect::openai) fn name(name: &str, param: &str) -> Result<(), Refusal> {
    let length = name.chars().count();
    if length > NAME_MAX {
        return Err(long_text(param, NAME_MAX, length));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        return Err(invalid_value(
            param,
            &format!(
                "Invalid '{param}': string does not match pattern. Expected a string that matches \
                 the pattern '^[a-zA-Z0-9_-]+$'."
            ),
        ));
    }
    Ok(())
}

fn companions(body: &Value) -> Result<(), Refusal> {
    for (param, needs) in [
        ("tool_choice", "tools"),
        ("parallel_tool_calls", "tools"),
        ("function_call", "functions"),
    ] {
        if set(body, param).is_some() && set(body, needs).is_none() {
            return Err(refuse(
                &format!(
                    "Invalid value for '{param}': '{param}' is only allowed when '{needs}' are \
                     specified."
                ),
                Some(param),
                None,
            ));
        }
    }
    Ok(())
}

fn named(body: &Value) -> Result<(), Refusal> {
    let offered = offers(body);
    let missing = |name: &str| !offered.iter().any(|tool| tool.name == name);
    let ToolChoice::Named(wanted) = choice(body) else {
        return Ok(());
    };
    match wanted.iter().find(|name| missing(name)) {
        Some(name) => Err(refuse(
            &format!("Tool choice '{name}' not found in 'tools' parameter."),
            Some("tool_choice"),
            None,
        )),
        None => Ok(()),
    }
}

/// The tools as offered to the model.
pub(super) fn offers(body: &Value) -> Vec<ToolOffer> {
    let tools = list(body, "tools").iter().map(|tool| {
        let kind = text(tool, "type");
        (tool.get(kind).unwrap_or(&Value::Null), kind == "custom")
    });
    let functions = list(body, "functions").iter().map(|f| (f, false));
    tools
        .chain(functions)
        .map(|(tool, custom)| ToolOffer {
            name: text(tool, "name").to_owned(),
            schema: set(tool, "parameters")
                .cloned()
                .unwrap_or_else(|| json!({"type": "object"})),
            custom,
        })
        .collect()
}

/// What the tool definitions cost: one string a tool.
pub(super) fn texts(body: &Value) -> Vec<String> {
    let tools = list(body, "tools").iter();
    tools
        .chain(list(body, "functions"))
        .map(Value::to_string)
        .collect()
}

/// What the caller said about calling.
pub(super) fn choice(body: &Value) -> ToolChoice {
    let given = set(body, "tool_choice").or_else(|| set(body, "function_call"));
    let Some(given) = given else {
        return ToolChoice::Auto;
    };
    match given.as_str() {
        Some("none") => return ToolChoice::None,
        Some("required") => return ToolChoice::Required,
        Some(_) => return ToolChoice::Auto,
        None => {}
    }
    let kind = text(given, "type");
    let chosen = given.get(kind).unwrap_or(given);
    if kind != "allowed_tools" {
        return ToolChoice::Named(vec![text(chosen, "name").to_owned()]);
    }
    if text(chosen, "mode") != "required" {
        return ToolChoice::Auto;
    }
    let names = list(chosen, "tools").iter().map(|tool| {
        let inner = tool.get(text(tool, "type")).unwrap_or(tool);
        text(inner, "name").to_owned()
    });
    ToolChoice::Named(names.collect())
}
