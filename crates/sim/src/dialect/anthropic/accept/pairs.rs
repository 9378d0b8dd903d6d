//! Tool calls and their results: every call answered at the start of the next user turn, every
//! result with its call, and thoughts in front of the calls of the current tool loop.

use serde_json::Value;

use super::Call;
use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, text};

/// A turn as the API sees it: consecutive messages of one role merged, system messages left out.
struct Turn<'a> {
    role: &'a str,
    /// Each block with its message's index and its own.
    blocks: Vec<(usize, usize, &'a Value)>,
    first_message: usize,
}

/// Checks that calls and results pair up.
pub(super) fn check(messages: &[Value]) -> Result<(), Refusal> {
    let turns = turns(messages);
    let mut previous: Option<&Turn<'_>> = None;
    for turn in &turns {
        identifiers(turn)?;
        results(turn, previous)?;
        previous = Some(turn);
    }
    match previous {
        Some(last) => answered(last, &[]),
        None => Ok(()),
    }
}

/// Ids are unique within a turn; later turns may use them again (providers that number their calls
/// do, and the API took it).
fn identifiers(turn: &Turn<'_>) -> Result<(), Refusal> {
    let mut called: Vec<&str> = Vec::new();
    for (index, at, block) in &turn.blocks {
        if text(block, "type") != "tool_use" {
            continue;
        }
        let path = format!("messages.{index}.content.{at}.tool_use.id");
        identifier(block, "id", &path)?;
        if called.contains(&text(block, "id")) {
            return Err(refuse("messages: `tool_use` ids must be unique"));
        }
        called.push(text(block, "id"));
    }
    Ok(())
}

fn results(turn: &Turn<'_>, previous: Option<&Turn<'_>>) -> Result<(), Refusal> {
    let calls = previous.map(calls).unwrap_or_default();
    let mut seen: Vec<&str> = Vec::new();
    let mut leading: Vec<&str> = Vec::new();
    let mut in_front = true;
    for (index, at, block) in &turn.blocks {
        if text(block, "type") != "tool_result" {
            in_front = false;
            continue;
        }
        let id = text(block, "tool_use_id");
        let path = format!("messages.{index}.content.{at}");
        identifier(
            block,
            "tool_use_id",
            &format!("{path}.tool_result.tool_use_id"),
        )?;
        if !calls.contains(&id) {
            return Err(refuse(&format!(
                "{path}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each \
                 `tool_result` block must have a corresponding `tool_use` block in the previous \
                 message."
            )));
        }
        if seen.contains(&id) {
            return Err(refuse(&format!(
                "{path}: each tool_use must have a single result. Found multiple `tool_result` \
                 blocks with id: {id}"
            )));
        }
        seen.push(id);
        if in_front {
            leading.push(id);
        }
    }
    match previous {
        Some(previous) => answered(previous, &leading),
        None => Ok(()),
    }
}

fn answered(turn: &Turn<'_>, results: &[&str]) -> Result<(), Refusal> {
    let mut open = calls(turn);
    open.retain(|id| !results.contains(id));
    if open.is_empty() {
        return Ok(());
    }
    Err(refuse(&format!(
        "messages.{}: `tool_use` ids were found without `tool_result` blocks immediately after: \
         {}. Each `tool_use` block must have a corresponding `tool_result` block in the next \
         message.",
        turn.first_message,
        open.join(", ")
    )))
}

fn calls<'a>(turn: &Turn<'a>) -> Vec<&'a str> {
    let uses = turn
        .blocks
        .iter()
        .filter(|(_, _, block)| text(block, "type") == "tool_use");
    uses.map(|(_, _, block)| text(block, "id")).collect()
}

fn identifier(block: &Value, key: &str, path: &str) -> Result<(), Refusal> {
    let id = text(block, key);
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !id.is_empty() && id.chars().all(fits) {
        return Ok(());
    }
    Err(refuse(&format!(
        "{path}: String should match pattern '^[a-zA-Z0-9_-]+$'"
    )))
}

/// With `thinking.type: enabled`, the assistant turn of the running tool loop starts with a thought.
pub(super) fn thinking_first(call: &Call<'_>, messages: &[Value]) -> Result<(), Refusal> {
    if call.thinking_mode() != "enabled" {
        return Ok(());
    }
    let turns = turns(messages);
    let [.., assistant, last] = turns.as_slice() else {
        return Ok(());
    };
    let looping = last
        .blocks
        .iter()
        .any(|(_, _, block)| text(block, "type") == "tool_result");
    let Some((index, at, first)) = assistant.blocks.first() else {
        return Ok(());
    };
    let kind = text(first, "type");
    if !looping || kind == "thinking" || kind == "redacted_thinking" {
        return Ok(());
    }
    Err(refuse(&format!(
        "messages.{index}.content.{at}.type: Expected `thinking` or `redacted_thinking`, but found \
         `{kind}`. When `thinking` is enabled, a final `assistant` message must start with a \
         thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We \
         recommend you include thinking blocks from previous turns. To avoid this requirement, \
         disable `thinking`."
    )))
}

fn turns(messages: &[Value]) -> Vec<Turn<'_>> {
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let role = text(message, "role");
        if role == "system" {
            continue;
        }
        let blocks = list(message, "content").iter().enumerate();
        let blocks = blocks.map(|(at, block)| (index, at, block));
        match turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.blocks.extend(blocks),
            None => turns.push(Turn {
                role,
                blocks: blocks.collect(),
                first_message: index,
            }),
        }
    }
    turns
}

/// The results that the conversation ends with: the tool's name and the block.
pub(super) fn last_results(messages: &[Value]) -> Vec<(String, &Value)> {
    let turns = turns(messages);
    let [.., assistant, last] = turns.as_slice() else {
        return Vec::new();
    };
    let name_of = |result: &Value| {
        let id = text(result, "tool_use_id");
        let mut uses = assistant.blocks.iter();
        uses.find(|(_, _, block)| text(block, "id") == id)
            .map_or("", |(_, _, block)| text(block, "name"))
            .to_owned()
    };
    let results = last
        .blocks
        .iter()
        .filter(|(_, _, block)| text(block, "type") == "tool_result");
    results
        .map(|(_, _, block)| (name_of(block), *block))
        .collect()
}
