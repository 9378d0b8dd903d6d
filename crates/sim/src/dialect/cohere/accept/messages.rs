//! The order of messages, their content, and calls with their results.

use std::collections::BTreeSet;

use serde_json::Value;

use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{decode_base64, list, set, sniff_image, text};

/// Checks the conversation.
pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    let messages = list(body, "messages");
    let Some(last) = messages.last() else {
        return Err(refuse(
            "invalid request: list of messages must not be empty",
        ));
    };
    let mut spoken = false;
    let mut calls: BTreeSet<&str> = BTreeSet::new();
    for message in messages {
        match text(message, "role") {
            "system" if spoken => {
                return Err(refuse("system turn must be the first in the list"));
            }
            "system" => not_empty(message)?,
            "assistant" => {
                spoken = true;
                assistant(message, &mut calls)?;
            }
            "tool" => {
                spoken = true;
                if !calls.contains(text(message, "tool_call_id")) {
                    return Err(refuse("tool call id not found in previous tool calls"));
                }
                not_empty(message)?;
            }
            _ => {
                spoken = true;
                not_empty(message)?;
                for item in list(message, "content") {
                    picture(item)?;
                }
            }
        }
    }
    if matches!(text(last, "role"), "user" | "tool") {
        Ok(())
    } else {
        Err(refuse(
            "invalid request: the last message must be from the user or a tool",
        ))
    }
}

fn not_empty(message: &Value) -> Result<(), Refusal> {
    let has_content = !text(message, "content").is_empty() || !list(message, "content").is_empty();
    if has_content {
        Ok(())
    } else {
        Err(refuse("message must not be empty in a turn"))
    }
}

fn assistant<'a>(message: &'a Value, calls: &mut BTreeSet<&'a str>) -> Result<(), Refusal> {
    let made = list(message, "tool_calls");
    if made.is_empty() {
        not_empty(message)?;
    }
    for call in made {
        if !calls.insert(text(call, "id")) {
            return Err(refuse("cannot have duplicate tool ids"));
        }
        let function = call.get("function").unwrap_or(&Value::Null);
        let arguments = text(function, "arguments");
        if serde_json::from_str::<Value>(arguments).is_err() {
            return Err(refuse(
                "invalid request: tool call arguments must be valid JSON",
            ));
        }
    }
    Ok(())
}

/// A picture is at an `https` URL, or inline with bytes that are what they say.
fn picture(item: &Value) -> Result<(), Refusal> {
    let Some(url) = item.pointer("/image_url/url").and_then(Value::as_str) else {
        return Ok(());
    };
    if url.starts_with("https://") {
        return Ok(());
    }
    let inline = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"));
    let Some((said, data)) = inline else {
        return Err(refuse("invalid request: image_url must be a valid url"));
    };
    let kind = decode_base64(data).as_deref().and_then(sniff_image);
    if kind == Some(said) {
        Ok(())
    } else {
        Err(refuse(
            "invalid request: image must be in one of the following formats: image/png, \
             image/jpeg, image/webp, image/gif",
        ))
    }
}

/// Pictures of a message.
pub(super) fn pictures(message: &Value) -> u32 {
    let items = list(message, "content").iter();
    let count = items
        .filter(|item| text(item, "type") == "image_url")
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// All text of a message.
pub(super) fn text_of(message: &Value) -> String {
    let mut out = text(message, "tool_plan").to_owned();
    out.push_str(text(message, "content"));
    for item in list(message, "content") {
        out.push_str(text(item, "text"));
        out.push_str(text(item, "thinking"));
        if let Some(data) = item.pointer("/document/data") {
            out.push_str(&data.to_string());
        }
    }
    for call in list(message, "tool_calls") {
        out.push_str(&call.to_string());
    }
    out
}

/// The results that the conversation ends with: the tool's name and what it returned.
pub(super) fn last_results(messages: &[Value]) -> Vec<(String, String)> {
    let tail = messages
        .iter()
        .rev()
        .take_while(|message| text(message, "role") == "tool")
        .count();
    let (before, results) = messages.split_at(messages.len().saturating_sub(tail));
    let name_of = |id: &str| {
        let mut calls = before
            .iter()
            .rev()
            .flat_map(|message| list(message, "tool_calls"));
        calls
            .find(|call| text(call, "id") == id)
            .and_then(|call| set(call, "function"))
            .map_or("", |function| text(function, "name"))
            .to_owned()
    };
    results
        .iter()
        .map(|result| (name_of(text(result, "tool_call_id")), text_of(result)))
        .collect()
}
