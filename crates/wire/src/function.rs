//! What the dialects share of tools: names, schemas, arguments, and custom tools as functions.

use serde_json::{Map, Value, json};

use crate::chat::{ChatRequest, Tool, ToolCall};
use crate::error::EncodeError;
use crate::names::{NameMap, NameRule};
use crate::notes::{Notes, invalid};

/// The names that this request uses, as the wire takes them.
pub(crate) fn names(request: &ChatRequest, rule: &NameRule) -> NameMap {
    let defined = request.tools.iter().filter_map(name_of);
    let called = request
        .messages
        .iter()
        .flat_map(|message| &message.tool_calls)
        .map(|call| call.name.as_str());
    NameMap::new(defined.chain(called), rule)
}

/// The name of a tool, if it has one.
pub(crate) fn name_of(tool: &Tool) -> Option<&str> {
    match tool {
        Tool::Function { name, .. } | Tool::Custom { name, .. } => Some(name),
        Tool::Unknown { value, .. } => value.get("name").and_then(Value::as_str),
    }
}

/// The schema of a function's arguments, with the `type: object` that the API demands.
///
/// # Errors
/// Parameters that are no schema of an object.
pub(crate) fn input_schema(parameters: Option<&Value>, at: &str) -> Result<Value, EncodeError> {
    let empty = || json!({"type": "object", "properties": {}});
    let schema = match parameters {
        None | Some(Value::Null) => return Ok(empty()),
        Some(Value::Object(schema)) if schema.is_empty() => return Ok(empty()),
        Some(Value::Object(schema)) => schema,
        Some(_) => return Err(invalid(at, "The parameters must be a JSON schema object.")),
    };
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "object" => Ok(Value::Object(schema.clone())),
        None | Some(Value::Null) => {
            let mut whole = Map::new();
            whole.insert("type".to_owned(), "object".into());
            for (key, value) in schema {
                if key != "type" {
                    whole.insert(key.clone(), value.clone());
                }
            }
            Ok(Value::Object(whole))
        }
        Some(kind) => Err(invalid(
            at,
            format!("The schema of a function's parameters must be of type `object`, not {kind}."),
        )),
    }
}

/// The schema of a custom tool that goes out as a function with one text field.
pub(crate) fn custom_schema() -> Value {
    json!({
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
    })
}

/// What a custom tool's `format` asks for, in words; `None` for free text.
pub(crate) fn grammar(format: Option<&Value>) -> Option<String> {
    let format = format?;
    if format.get("type").and_then(Value::as_str) == Some("text") {
        return None;
    }
    let part = |key: &str| {
        format
            .pointer(&format!("/grammar/{key}"))
            .or_else(|| format.get(key))
            .and_then(Value::as_str)
    };
    Some(match (part("syntax"), part("definition")) {
        (Some(syntax), Some(definition)) => {
            format!("The input must match this {syntax} grammar:\n{definition}")
        }
        _ => format!("The input must have this format: {format}"),
    })
}

/// The arguments of a call as the object that a wire wants; anything else is wrapped and said.
pub(crate) fn object_arguments(call: &ToolCall, notes: &mut Notes) -> Value {
    if call.custom {
        return json!({ "input": call.arguments });
    }
    if call.arguments.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&call.arguments) {
        Ok(Value::Object(input)) => Value::Object(input),
        _ => {
            notes.change("messages[].tool_calls[].function.arguments", "_raw");
            json!({ "_raw": call.arguments })
        }
    }
}

/// A custom tool went out as a function with one text field: the text is the call.
pub(crate) fn unwrap_custom(arguments: String) -> String {
    let parsed: Option<Value> = serde_json::from_str(&arguments).ok();
    match parsed.as_ref().and_then(|value| value.get("input")) {
        Some(Value::String(input)) => input.clone(),
        Some(input) => input.to_string(),
        None => arguments,
    }
}
