//! Turns: who speaks when, what each may hold, and content that must not be empty.

use serde_json::Value;

use super::Call;
use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

/// Blocks that only a user turn may hold.
const USER_ONLY: [&str; 6] = [
    "image",
    "document",
    "video",
    "audio",
    "searchResult",
    "guardContent",
];

/// Checks all turns of a call.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let messages = list(call.body, "messages");
    system(call)?;
    if messages.first().map(|first| text(first, "role")) != Some("user") {
        return Err(refuse(
            "A conversation must start with a user message. Try again with a conversation that \
             starts with a user message.",
        ));
    }
    let mut before = "";
    for (index, message) in messages.iter().enumerate() {
        let role = text(message, "role");
        alternates(call, before, role)?;
        before = role;
        content(message, index)?;
    }
    marks(call)
}

fn alternates(call: &Call<'_>, before: &str, role: &str) -> Result<(), Refusal> {
    if role == "system" && !super::claude::takes_system_turns(call) {
        return Err(refuse("role 'system' is not supported on this model"));
    }
    // Recorded: Titan takes two user turns.
    if before == role && !call.model.starts_with("amazon.titan") {
        return Err(refuse(
            "A conversation must alternate between user and assistant roles. Make sure the \
             conversation alternates between user and assistant roles and try again.",
        ));
    }
    Ok(())
}

fn system(call: &Call<'_>) -> Result<(), Refusal> {
    for (index, block) in list(call.body, "system").iter().enumerate() {
        one_member(block, &format!("system.{}.member", index + 1))?;
        if block.get("text").is_some_and(|text| text == "") {
            return Err(refuse(&format!(
                "1 validation error detected: Value '' at 'system.{}.member.text' failed to \
                 satisfy constraint: Member must have length greater than or equal to 1",
                index + 1
            )));
        }
    }
    Ok(())
}

/// A union holds just one member.
pub(super) fn one_member(union: &Value, path: &str) -> Result<(), Refusal> {
    if union.as_object().is_some_and(|members| members.len() == 1) {
        return Ok(());
    }
    Err(refuse(&format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must \
         have exactly one union member set"
    )))
}

fn content(message: &Value, index: usize) -> Result<(), Refusal> {
    let blocks = list(message, "content");
    if blocks.is_empty() {
        return Err(refuse(&format!(
            "The content field in the Message object at messages.{index} is empty. Add a \
             ContentBlock object to the content field and try again."
        )));
    }
    let words = |block: &&Value| !text(block, "text").trim().is_empty();
    let has_words = blocks.iter().any(|block| words(&block));
    let mut called = false;
    for (at, block) in blocks.iter().enumerate() {
        let path = format!("messages.{}.member.content.{}.member", index + 1, at + 1);
        one_member(block, &path)?;
        let said = set(block, "text").and_then(Value::as_str);
        // Blank text beside other words was served.
        if said.is_some_and(|said| said.is_empty() || (said.trim().is_empty() && !has_words)) {
            return Err(refuse(&format!(
                "The text field in the ContentBlock object at messages.{index}.content.{at} is \
                 blank. Add text to the text field, and try again."
            )));
        }
        placed(block, text(message, "role"), index)?;
        if called && said.is_some() && text(message, "role") == "assistant" {
            return Err(refuse(&format!(
                "Text blocks must come before the toolUse blocks at messages.{index}."
            )));
        }
        called |= block
            .get("toolUse")
            .is_some_and(|call| text(call, "type") != "server_tool_use");
    }
    let has = |kind: &str| blocks.iter().any(|block| block.get(kind).is_some());
    if has("document") && !has("text") && !has("toolResult") {
        return Err(refuse(&format!(
            "A text block is required in messages.{index} when a document is included. Add a text \
             block and try again."
        )));
    }
    Ok(())
}

fn placed(block: &Value, role: &str, index: usize) -> Result<(), Refusal> {
    let wrong = match role {
        "assistant" => USER_ONLY.iter().find(|kind| block.get(**kind).is_some()),
        _ => ["toolUse", "reasoningContent", "citationsContent"]
            .iter()
            .find(|kind| block.get(**kind).is_some()),
    };
    match wrong {
        Some(kind) => Err(refuse(&format!(
            "The {kind} content block at messages.{index} is not allowed in a message with the \
             {role} role."
        ))),
        None => Ok(()),
    }
}

/// Prompt-cache marks: behind something, at most four, and only where they are known.
fn marks(call: &Call<'_>) -> Result<(), Refusal> {
    let tools = call.body.get("toolConfig").unwrap_or(&Value::Null);
    let mut lists = vec![list(tools, "tools"), list(call.body, "system")];
    let messages = list(call.body, "messages").iter();
    lists.extend(messages.map(|message| list(message, "content")));
    let mut count = 0;
    for blocks in lists {
        let is_mark = |block: &Value| block.get("cachePoint").is_some();
        count += blocks.iter().filter(|block| is_mark(block)).count();
        let first = blocks.first().is_some_and(is_mark);
        let twice = blocks.windows(2).any(|pair| pair.iter().all(is_mark));
        if first || twice {
            return Err(refuse(
                "CachePoint cannot be inserted at this place: it must follow content.",
            ));
        }
    }
    if count > 4 {
        return Err(refuse(&format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {count}."
        )));
    }
    if count > 0 && !(call.is_claude() || call.is_nova()) {
        return Err(refuse(
            "You invoked an unsupported model or your request did not allow prompt caching. See \
             the documentation for more information.",
        ));
    }
    Ok(())
}

/// All text of a message that costs tokens.
pub(super) fn text_of(message: &Value) -> String {
    let pieces: Vec<String> = list(message, "content").iter().map(block_text).collect();
    let filled = pieces.into_iter().filter(|piece| !piece.is_empty());
    filled.collect::<Vec<_>>().join("\n")
}

/// All text of a block, nested results included; bytes cost nothing here.
pub(super) fn block_text(block: &Value) -> String {
    let mut pieces = vec![text(block, "text").to_owned()];
    let at = |path: &str| block.pointer(path);
    let said = |path: &str| {
        at(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    pieces.push(said("/reasoningContent/reasoningText/text"));
    pieces.push(said("/document/source/text"));
    pieces.extend(at("/toolUse/input").map(Value::to_string));
    pieces.extend(at("/json").map(Value::to_string));
    for path in [
        "/toolResult/content",
        "/citationsContent/content",
        "/document/source/content",
        "/searchResult/content",
    ] {
        let nested = at(path).and_then(Value::as_array).into_iter().flatten();
        pieces.extend(nested.map(block_text));
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("\n")
}
