//! Messages: roles, blocks each role may carry, content that must not be empty, and the pairing of
//! tool calls with results.

use serde_json::Value;

use super::wording::refuse;
use super::{Call, Version, media};
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

/// Blocks that only a user message may hold.
const USER_ONLY: [&str; 4] = ["tool_result", "search_result", "container_upload", "image"];
/// Blocks that only an assistant message may hold.
const ASSISTANT_ONLY: [&str; 5] = [
    "tool_use",
    "server_tool_use",
    "mcp_tool_use",
    "thinking",
    "redacted_thinking",
];

/// Checks all messages of a call.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let messages = list(call.body, "messages");
    let Some(last) = messages.last() else {
        return Err(refuse("messages: at least one message is required"));
    };
    system_text(call.body)?;
    for (index, message) in messages.iter().enumerate() {
        role(call, messages, index)?;
        content(message, index, index + 1 == messages.len())?;
        for (at, block) in list(message, "content").iter().enumerate() {
            placed(call, block, text(message, "role"), index)?;
            thought(block, index, at)?;
            media::check(block, &format!("messages.{index}.content.{at}"))?;
        }
    }
    super::pairs::check(messages)?;
    ending(call, last)?;
    super::pairs::thinking_first(call, messages)
}

fn system_text(body: &Value) -> Result<(), Refusal> {
    let blank = |block: &Value| text(block, "text").is_empty();
    if list(body, "system").iter().any(blank) {
        return Err(refuse("system: text content blocks must be non-empty"));
    }
    Ok(())
}

fn role(call: &Call<'_>, messages: &[Value], index: usize) -> Result<(), Refusal> {
    let role_at = |at: usize| messages.get(at).map_or("", |message| text(message, "role"));
    if role_at(index) != "system" {
        if index == 0 && role_at(0) != "user" {
            return Err(refuse("messages: first message must use the \"user\" role"));
        }
        return Ok(());
    }
    if !call.traits.takes_system_turns() {
        return Err(refuse(&format!(
            "messages.{index}: role 'system' is not supported on this model"
        )));
    }
    if index == 0 {
        return Err(refuse(
            "messages.0: use the top-level 'system' parameter for the initial system prompt",
        ));
    }
    if role_at(index - 1) == "assistant" {
        return Err(refuse(&format!(
            "messages.{index}: role 'system' must follow a user message or a tool result"
        )));
    }
    Ok(())
}

fn content(message: &Value, index: usize, last: bool) -> Result<(), Refusal> {
    let empty = match message.get("content") {
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(blocks)) => blocks.is_empty(),
        _ => false,
    };
    if empty && !(last && text(message, "role") == "assistant") {
        return Err(refuse(&format!(
            "messages.{index}: all messages must have non-empty content except for the optional \
             final assistant message"
        )));
    }
    if let Some(Value::String(said)) = message.get("content")
        && !said.is_empty()
        && said.trim().is_empty()
    {
        return Err(blank());
    }
    for block in list(message, "content") {
        let nested = list(block, "content");
        let empty = |inner: &Value| inner.get("text").is_some_and(|text| text == "");
        if text(block, "type") == "tool_result" && nested.iter().any(empty) {
            return Err(refuse("messages: text content blocks must be non-empty"));
        }
        if text(block, "type") != "text" {
            continue;
        }
        if text(block, "text").is_empty() {
            return Err(refuse("messages: text content blocks must be non-empty"));
        }
        if text(block, "text").trim().is_empty() {
            return Err(blank());
        }
    }
    Ok(())
}

fn blank() -> Refusal {
    refuse("messages: text content blocks must contain non-whitespace text")
}

fn placed(call: &Call<'_>, block: &Value, role: &str, index: usize) -> Result<(), Refusal> {
    let kind = text(block, "type");
    let needs = match role {
        "assistant" if USER_ONLY.contains(&kind) => "user",
        "assistant" if kind == "document" && call.version == Version::V20261021 => "user",
        "user" if ASSISTANT_ONLY.contains(&kind) => "assistant",
        _ => return Ok(()),
    };
    Err(refuse(&format!(
        "messages.{index}: `{kind}` blocks can only be in `{needs}` messages"
    )))
}

fn thought(block: &Value, index: usize, at: usize) -> Result<(), Refusal> {
    if text(block, "type") == "thinking" && text(block, "signature").is_empty() {
        return Err(refuse(&format!(
            "messages.{index}.content.{at}: Invalid `signature` in `thinking` block"
        )));
    }
    Ok(())
}

/// The last message: no prefill where the model refuses it, no trailing whitespace elsewhere.
fn ending(call: &Call<'_>, last: &Value) -> Result<(), Refusal> {
    if text(last, "role") != "assistant" {
        return Ok(());
    }
    let blocks = list(last, "content");
    let words = match last.get("content") {
        Some(Value::String(said)) => Some(said.as_str()),
        _ => blocks
            .last()
            .filter(|block| text(block, "type") == "text")
            .map(|block| text(block, "text")),
    };
    // A turn that the server paused ends with a block of its own and is sent back to go on.
    let Some(words) = words else {
        return Ok(());
    };
    if call.traits.refuses_prefill() {
        return Err(refuse(
            "This model does not support assistant message prefill. The conversation must end \
             with a user message.",
        ));
    }
    if words.ends_with(char::is_whitespace) {
        return Err(refuse(
            "messages: final assistant content cannot end with trailing whitespace",
        ));
    }
    Ok(())
}

/// All text of a message that costs tokens.
pub(super) fn text_of(message: &Value) -> String {
    let mut pieces = vec![text(message, "content").to_owned()];
    for block in list(message, "content") {
        pieces.push(block_text(block));
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("\n")
}

/// All text of a block, nested results included.
pub(super) fn block_text(block: &Value) -> String {
    let mut pieces: Vec<String> = ["text", "thinking", "title", "context", "content"]
        .map(|key| text(block, key).to_owned())
        .to_vec();
    if let Some(input) = set(block, "input") {
        pieces.push(input.to_string());
    }
    if let Some(source) = block
        .get("source")
        .filter(|source| text(source, "type") == "text")
    {
        pieces.push(text(source, "data").to_owned());
    }
    pieces.extend(list(block, "content").iter().map(block_text));
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("\n")
}
