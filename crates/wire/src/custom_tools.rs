//! Custom (free-form) tools where a wire has functions only: they go out as functions with one text
//! field, and the answer is unwrapped (wire-protocols §7).

use serde_json::{Value, json};

use crate::error::EncodeError;
use crate::notes::Notes;

/// The schema of such a function's arguments.
pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
    })
}

/// What the model is told of such a tool: the caller's words, and the grammar that nothing enforces.
///
/// # Errors
/// A grammar under `strict_params`.
pub(crate) fn description(
    said: Option<&str>,
    format: Option<&Value>,
    notes: &mut Notes,
) -> Result<Option<String>, EncodeError> {
    let grammar = grammar(format);
    if grammar.is_some() {
        notes.drop(
            "tools[].custom.format",
            "the model does not enforce a grammar; it is only told of it",
        )?;
    }
    Ok(match (said, grammar) {
        (Some(said), Some(grammar)) => Some(format!("{said}\n\n{grammar}")),
        (said, grammar) => said.map(ToOwned::to_owned).or(grammar),
    })
}

/// What the model is told of a custom tool's grammar; `None` for free text.
fn grammar(format: Option<&Value>) -> Option<String> {
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

/// The free text in the arguments of such a function; the arguments as they are if it is not there.
pub(crate) fn unwrap_input(arguments: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(arguments).ok();
    match parsed.as_ref().and_then(|value| value.get("input")) {
        Some(Value::String(input)) => input.clone(),
        Some(input) => input.to_string(),
        None => arguments.to_owned(),
    }
}
