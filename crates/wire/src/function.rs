//! What the dialects share of tools: names, schemas and arguments.

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::chat::{ChatRequest, Tool, ToolCall, ToolChoice};
use crate::error::EncodeError;
use crate::names::{NameMap, NameRule};
use crate::notes::{Notes, invalid, unsupported};

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

/// The words that stand for a forced choice that the model can't be held to. `refused`: what else is
/// said of a model that `can't be forced to call a tool`.
///
/// # Errors
/// Where the policy is to refuse instead.
pub(crate) fn forced_in_words(
    choice: &ToolChoice,
    target: &Target,
    names: &NameMap,
    refused: &str,
    notes: &mut Notes,
) -> Result<String, EncodeError> {
    if !target.policy.downgrade_forced_tool_choice {
        return Err(unsupported(
            "tool_choice",
            format!("`{}` can't be forced to call a tool{refused}", target.model),
        ));
    }
    notes.change("tool_choice", "auto");
    Ok(match choice {
        ToolChoice::Named(name) => format!(
            "Answer this request by calling the tool `{}`.",
            names.to_wire(name)
        ),
        _ => "Answer this request by calling at least one of the tools.".to_owned(),
    })
}
