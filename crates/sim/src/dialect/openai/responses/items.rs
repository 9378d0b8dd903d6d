//! Input items: content that each role may carry, ids, sealed reasoning, and what must follow what.

use serde_json::Value;

use super::super::accept::messages::image_url;
use super::super::accept::model::Traits;
use super::super::accept::tools;
use super::super::accept::wording::{invalid_value, long_text, missing, refuse, wrong_word};
use crate::prompt::Refusal;
use crate::seed::hash;
use crate::strict::{decode_base64, list, set, text};

/// Longest `call_id` that the API takes.
const CALL_ID_MAX: usize = 64;
/// How the API's sealed reasoning begins; ours goes on with [`OWN_SEAL`].
const SEAL: &str = "gAAAA";
const OWN_SEAL: &str = "gAAAABsim";

/// Seals a thought so that [`check`] knows it again.
pub(super) fn seal(thought: &str) -> String {
    use base64::Engine as _;
    let sealed = base64::engine::general_purpose::URL_SAFE.encode(thought);
    format!("{OWN_SEAL}{:016x}{sealed}", hash(0, &["seal", &sealed]))
}

fn is_sealed(content: &str) -> bool {
    match content.strip_prefix(OWN_SEAL) {
        Some(own) => own
            .split_at_checked(16)
            .is_some_and(|(mark, sealed)| mark == format!("{:016x}", hash(0, &["seal", sealed]))),
        // Recorded ones can't be opened here.
        None => content.starts_with(SEAL),
    }
}

/// Checks every item, then calls and results, then reasoning and what it led to.
pub(super) fn check(body: &Value, traits: &Traits) -> Result<(), Refusal> {
    let items = list(body, "input");
    for (index, item) in items.iter().enumerate() {
        let path = format!("input[{index}]");
        ids(item, &path)?;
        content(item, &path)?;
        if kind(item) == "reasoning" {
            reasoning(item, &path, body, traits)?;
        }
    }
    // What was said before is the API's own memory.
    let remembers = ["previous_response_id", "conversation", "prompt"]
        .iter()
        .any(|key| set(body, key).is_some());
    pairs(items, remembers)?;
    followers(items)
}

fn kind(item: &Value) -> &str {
    match text(item, "type") {
        "" => "message",
        kind => kind,
    }
}

/// Item ids begin as those of their kind do; `call_id` is free but for its length.
fn ids(item: &Value, path: &str) -> Result<(), Refusal> {
    let prefix = match kind(item) {
        "message" => "msg",
        "function_call" => "fc",
        "custom_tool_call" => "ctc",
        "reasoning" => "rs",
        _ => "",
    };
    if let Some(id) = set(item, "id").and_then(Value::as_str)
        && !id.starts_with(prefix)
    {
        let param = format!("{path}.id");
        return Err(invalid_value(
            &param,
            &format!("Invalid '{param}': '{id}'. Expected an ID that begins with '{prefix}'."),
        ));
    }
    let length = text(item, "call_id").chars().count();
    if length > CALL_ID_MAX {
        return Err(long_text(&format!("{path}.call_id"), CALL_ID_MAX, length));
    }
    if matches!(kind(item), "function_call" | "custom_tool_call") {
        tools::name(text(item, "name"), &format!("{path}.name"))?;
    }
    Ok(())
}

fn content(item: &Value, path: &str) -> Result<(), Refusal> {
    let assistant = text(item, "role") == "assistant";
    let allowed: &[&str] = match kind(item) {
        "message" if assistant => &["output_text", "refusal"],
        "message" | "function_call_output" | "custom_tool_call_output" => {
            &["input_text", "input_image", "input_file"]
        }
        _ => return Ok(()),
    };
    let key = if kind(item) == "message" {
        "content"
    } else {
        "output"
    };
    for (at, part) in list(item, key).iter().enumerate() {
        let place = format!("{path}.{key}[{at}]");
        let said = text(part, "type");
        if !allowed.contains(&said) {
            return Err(wrong_word(&place, said, allowed));
        }
        match said {
            "input_image" => image(part, &place)?,
            "input_file" => file(part, &place)?,
            _ => {}
        }
    }
    Ok(())
}

fn image(part: &Value, place: &str) -> Result<(), Refusal> {
    match (set(part, "image_url"), set(part, "file_id")) {
        (Some(url), _) => image_url(
            url.as_str().unwrap_or_default(),
            &format!("{place}.image_url"),
        ),
        (None, Some(_)) => Ok(()),
        (None, None) => Err(missing(&format!("{place}.image_url"))),
    }
}

fn file(part: &Value, place: &str) -> Result<(), Refusal> {
    let Some(data) = set(part, "file_data").and_then(Value::as_str) else {
        return match ["file_id", "file_url"]
            .iter()
            .find(|key| set(part, key).is_some())
        {
            Some(_) => Ok(()),
            None => Err(missing(&format!("{place}.file_id"))),
        };
    };
    let param = format!("{place}.file_data");
    let expected = format!(
        "Invalid file data: '{param}'. Expected a base64-encoded data URL with a valid file MIME \
         type (e.g. 'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got"
    );
    let Some((media_type, content)) = data
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
    else {
        let message = format!("{expected} a value without the 'data:' prefix.");
        return Err(invalid_value(&param, &message));
    };
    if ["audio/", "video/", "image/"]
        .iter()
        .any(|kind| media_type.starts_with(kind))
    {
        let message = format!("{expected} unsupported MIME type '{media_type}'.");
        return Err(invalid_value(&param, &message));
    }
    if decode_base64(content).is_none_or(|bytes| bytes.is_empty()) {
        let message = format!("{expected} invalid base64-encoded data.");
        return Err(invalid_value(&param, &message));
    }
    if set(part, "filename").is_none() {
        return Err(missing(&format!("{place}.filename")));
    }
    Ok(())
}

fn reasoning(item: &Value, path: &str, body: &Value, traits: &Traits) -> Result<(), Refusal> {
    if !traits.reasons() && !traits.knows_effort() {
        return Err(refuse(
            "Reasoning input items can only be provided to a reasoning or computer use model. \
             Remove reasoning items from your input and try again.",
            Some("input"),
            None,
        ));
    }
    let id = text(item, "id");
    match set(item, "encrypted_content").and_then(Value::as_str) {
        Some(content) if !is_sealed(content) => Err(refuse(
            &format!(
                "The encrypted content for item {id} could not be verified. Reason: Encrypted \
                 content could not be decrypted or parsed."
            ),
            Some(path),
            Some("invalid_encrypted_content"),
        )),
        Some(_) => Ok(()),
        // Without its content the item is a reference to what was stored.
        None if body.get("store") == Some(&Value::Bool(false))
            && list(item, "content").is_empty() =>
        {
            Err(refuse(
                &format!(
                    "Item with id '{id}' not found. Items are not persisted when `store` is set to \
                     false. Try again with `store` set to true, or remove this item from your \
                     input."
                ),
                Some("input"),
                None,
            ))
        }
        None => Ok(()),
    }
}

/// Every result has its call before it, and every call its result.
fn pairs(items: &[Value], remembers: bool) -> Result<(), Refusal> {
    let mut open: Vec<&str> = Vec::new();
    let mut known: Vec<&str> = Vec::new();
    for item in items {
        let id = text(item, "call_id");
        match kind(item) {
            "function_call" | "custom_tool_call" => {
                open.push(id);
                known.push(id);
            }
            kind @ ("function_call_output" | "custom_tool_call_output") => {
                if !known.contains(&id) && !remembers {
                    let what = if kind.starts_with("custom") {
                        "custom tool"
                    } else {
                        "function"
                    };
                    return Err(refuse(
                        &format!("No tool call found for {what} call output with call_id {id}."),
                        Some("input"),
                        None,
                    ));
                }
                if let Some(at) = open.iter().position(|called| *called == id) {
                    open.remove(at);
                }
            }
            // A tool search of the caller's is answered by a plain result (recorded).
            "tool_search_call" => known.push(id),
            _ => {}
        }
    }
    match open.first() {
        Some(id) => Err(refuse(
            &format!("No tool output found for function call {id}."),
            Some("input"),
            None,
        )),
        None => Ok(()),
    }
}

/// A reasoning item is followed by what it led to; with an id, that has one too (recorded).
fn followers(items: &[Value]) -> Result<(), Refusal> {
    for (item, next) in items
        .iter()
        .zip(items.iter().skip(1).map(Some).chain([None]))
    {
        if kind(item) != "reasoning" {
            continue;
        }
        let is_output = |next: &Value| match kind(next) {
            "message" => text(next, "role") == "assistant",
            "function_call_output" | "custom_tool_call_output" | "item_reference" => false,
            _ => true,
        };
        let follows = next.is_some_and(|next| {
            is_output(next) && (set(item, "id").is_none() || set(next, "id").is_some())
        });
        if !follows {
            let id = text(item, "id");
            return Err(refuse(
                &format!(
                    "Item '{id}' of type 'reasoning' was provided without its required following \
                     item."
                ),
                Some("input"),
                None,
            ));
        }
    }
    Ok(())
}

/// All text of an item.
fn text_of(item: &Value) -> String {
    let mut pieces: Vec<&str> = ["content", "output", "name", "arguments", "input"]
        .iter()
        .map(|key| text(item, key))
        .collect();
    for key in ["content", "output", "summary"] {
        for part in list(item, key) {
            pieces.extend(["text", "refusal"].map(|key| text(part, key)));
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("\n")
}

/// One string an item, instructions first.
pub(super) fn texts(body: &Value) -> Vec<String> {
    let said = [text(body, "instructions"), text(body, "input")];
    let said = said.iter().filter(|said| !said.is_empty());
    let mut texts: Vec<String> = said.map(|said| (*said).to_owned()).collect();
    texts.extend(list(body, "input").iter().map(text_of));
    texts
}

/// Text of the last user message.
pub(super) fn last_user_text(body: &Value) -> String {
    let user = |item: &&Value| kind(item) == "message" && text(item, "role") == "user";
    match list(body, "input").iter().rev().find(user) {
        Some(item) => text_of(item),
        None => text(body, "input").to_owned(),
    }
}

/// How many pictures and files the items carry.
pub(super) fn media(body: &Value) -> u32 {
    let items = list(body, "input").iter();
    let parts = items.flat_map(|item| list(item, "content").iter().chain(list(item, "output")));
    let media = parts.filter(|part| matches!(text(part, "type"), "input_image" | "input_file"));
    u32::try_from(media.count()).unwrap_or(u32::MAX)
}

/// The results that the input ends with, with the names of their tools.
pub(super) fn results(body: &Value) -> Vec<(String, String)> {
    let items = list(body, "input");
    let is_result = |item: &&Value| kind(item).ends_with("_call_output");
    let tail = items.iter().rev().take_while(is_result).count();
    let (before, ending) = items.split_at(items.len() - tail);
    let name_of = |result: &Value| {
        let id = text(result, "call_id");
        let call = before.iter().rev().find(|item| text(item, "call_id") == id);
        call.map(|call| text(call, "name").to_owned())
            .unwrap_or_default()
    };
    ending
        .iter()
        .map(|result| (name_of(result), text_of(result)))
        .collect()
}
