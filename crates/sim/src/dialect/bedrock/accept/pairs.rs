//! Tool calls and their results: every call answered in the next user turn, every result with its
//! call. Pairs of tools that the provider runs stand inside one assistant turn.

use serde_json::Value;

use super::Call;
use super::messages::block_text;
use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, text};

/// Checks that calls and results pair up.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let messages = list(call.body, "messages");
    let mut open: Vec<&str> = Vec::new();
    let mut any = false;
    for (index, message) in messages.iter().enumerate() {
        let is_assistant = text(message, "role") == "assistant";
        any |= has_tools(message);
        if is_assistant {
            own_pairs(message, index)?;
            open = ids(message, index)?;
            continue;
        }
        if text(message, "role") == "system" {
            continue;
        }
        answered(call, message, index, &open)?;
        open.clear();
    }
    if !open.is_empty() {
        return Err(missing(messages.len(), &open));
    }
    if any && call.body.get("toolConfig").is_none() {
        return Err(refuse(
            "The toolConfig field must be defined when using toolUse and toolResult content \
             blocks.",
        ));
    }
    Ok(())
}

fn has_tools(message: &Value) -> bool {
    list(message, "content")
        .iter()
        .any(|block| block.get("toolUse").is_some() || block.get("toolResult").is_some())
}

/// The ids of the calls that the client is to run.
fn ids(message: &Value, index: usize) -> Result<Vec<&str>, Refusal> {
    let mut ids = Vec::new();
    for use_ in list(message, "content")
        .iter()
        .filter_map(|block| block.get("toolUse"))
    {
        let id = identifier(use_, index)?;
        name(use_, index)?;
        if text(use_, "type") == "server_tool_use" {
            continue;
        }
        if ids.contains(&id) {
            return Err(refuse(&format!(
                "The toolUse blocks at messages.{index}.content contain duplicate Ids: {id}"
            )));
        }
        ids.push(id);
    }
    Ok(ids)
}

/// Results inside an assistant turn belong to server tools of the same turn.
fn own_pairs(message: &Value, index: usize) -> Result<(), Refusal> {
    let mut served: Vec<&str> = Vec::new();
    for block in list(message, "content") {
        if let Some(call) = block.get("toolUse") {
            if text(call, "type") == "server_tool_use" {
                served.push(text(call, "toolUseId"));
            }
        } else if let Some(result) = block.get("toolResult")
            && !served.contains(&text(result, "toolUseId"))
        {
            return Err(refuse(&format!(
                "The toolResult content block at messages.{index} is not allowed in a message \
                 with the assistant role."
            )));
        }
    }
    Ok(())
}

fn answered(call: &Call<'_>, message: &Value, index: usize, open: &[&str]) -> Result<(), Refusal> {
    let mut seen: Vec<&str> = Vec::new();
    let mut behind_content = false;
    for block in list(message, "content") {
        let Some(result) = block.get("toolResult") else {
            behind_content |= block.get("cachePoint").is_none();
            continue;
        };
        let id = identifier(result, index)?;
        if !open.contains(&id) || seen.contains(&id) {
            return Err(refuse(&format!(
                "The number of toolResult blocks at messages.{index}.content exceeds the number \
                 of toolUse blocks of previous turn."
            )));
        }
        // Claude wants its results first.
        if behind_content && call.is_claude() {
            return Err(missing(index, &[id]));
        }
        if list(result, "content").is_empty() {
            return Err(refuse(&format!(
                "The content field in the toolResult block at messages.{index} is empty."
            )));
        }
        let blank = list(result, "content").iter().all(|part| {
            part.get("text")
                .is_some_and(|text| text.as_str().is_some_and(|text| text.trim().is_empty()))
        });
        if text(result, "status") == "error" && blank {
            return Err(refuse(&format!(
                "The toolResult block at messages.{index} has the status error and no content."
            )));
        }
        seen.push(id);
    }
    let left: Vec<&str> = open
        .iter()
        .copied()
        .filter(|id| !seen.contains(id))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(missing(index, &left))
}

fn missing(index: usize, ids: &[&str]) -> Refusal {
    refuse(&format!(
        "Expected toolResult blocks at messages.{index}.content for the following Ids: {}",
        ids.join(", ")
    ))
}

fn identifier(block: &Value, index: usize) -> Result<&str, Refusal> {
    let id = text(block, "toolUseId");
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    if (1..=64).contains(&id.len()) && id.chars().all(fits) {
        return Ok(id);
    }
    Err(pattern(id, index, "toolUseId", "[a-zA-Z0-9_.:-]+"))
}

fn name(block: &Value, index: usize) -> Result<(), Refusal> {
    let name = text(block, "name");
    if super::tools::is_name(name) {
        return Ok(());
    }
    Err(pattern(name, index, "name", "[a-zA-Z0-9_-]+"))
}

fn pattern(value: &str, index: usize, member: &str, pattern: &str) -> Refusal {
    refuse(&format!(
        "1 validation error detected: Value '{value}' at 'messages.{}.member.content.{member}' \
         failed to satisfy constraint: Member must satisfy regular expression pattern: {pattern}",
        index + 1
    ))
}

/// The results that the last turn carries: the name of the tool and its words.
pub(super) fn last_results(messages: &[Value]) -> Vec<(String, String)> {
    let [.., asked, last] = messages else {
        return Vec::new();
    };
    let uses = list(asked, "content")
        .iter()
        .filter_map(|block| block.get("toolUse"));
    let name_of = |id: &str| {
        let mut uses = uses.clone();
        let found = uses.find(|call| text(call, "toolUseId") == id);
        found.map(|call| text(call, "name").to_owned())
    };
    if text(last, "role") != "user" {
        return Vec::new();
    }
    let results = list(last, "content").iter();
    results
        .filter_map(|block| {
            let id = text(block.get("toolResult")?, "toolUseId");
            Some((name_of(id)?, block_text(block)))
        })
        .collect()
}
