//! Messages: content that each role may carry, and the order of calls and results.

use serde_json::Value;

use super::model::Traits;
use super::wording::{
    empty_array, invalid_value, long_text, missing, refuse, unsupported_value, wrong_word,
};
use super::{list, set, text};
use crate::prompt::Refusal;
use crate::strict::{decode_base64, sniff_image};

/// Longest id that chat takes (seen in public issue reports; recorded ids stay below it).
const CALL_ID_MAX: usize = 40;

/// Checks every message, then the order of tool calls and results.
pub(super) fn check(messages: &[Value], traits: &Traits) -> Result<(), Refusal> {
    for (index, message) in messages.iter().enumerate() {
        let role = text(message, "role");
        if traits.refuses_system() && matches!(role, "system" | "developer") {
            let param = format!("messages[{index}].role");
            let value = Value::String(role.to_owned());
            return Err(unsupported_value(&param, &value, ""));
        }
        present(message, index)?;
        calls(message, index)?;
        for (at, part) in list(message, "content").iter().enumerate() {
            allowed(part, role, index, at)?;
            sane(part, &format!("messages[{index}].content[{at}]"))?;
        }
    }
    order(messages)
}

fn present(message: &Value, index: usize) -> Result<(), Refusal> {
    let stands_for_content = ["tool_calls", "function_call", "refusal", "audio"]
        .iter()
        .any(|key| set(message, key).is_some());
    match message.get("content") {
        _ if text(message, "role") == "assistant" && stands_for_content => Ok(()),
        None => Err(missing(&format!("messages[{index}].content"))),
        Some(Value::Null) if text(message, "role") != "function" => Err(refuse(
            "Invalid value for 'content': expected a string, got null.",
            Some(&format!("messages.[{index}].content")),
            None,
        )),
        Some(Value::Array(parts)) if parts.is_empty() => {
            Err(empty_array(&format!("messages[{index}].content")))
        }
        Some(_) => Ok(()),
    }
}

fn calls(message: &Value, index: usize) -> Result<(), Refusal> {
    if matches!(message.get("tool_calls"), Some(Value::Array(calls)) if calls.is_empty()) {
        return Err(empty_array(&format!("messages[{index}].tool_calls")));
    }
    for (at, call) in list(message, "tool_calls").iter().enumerate() {
        let path = format!("messages[{index}].tool_calls[{at}]");
        let length = text(call, "id").chars().count();
        if length > CALL_ID_MAX {
            return Err(long_text(&format!("{path}.id"), CALL_ID_MAX, length));
        }
        let kind = text(call, "type");
        let name = call.get(kind).map(|called| text(called, "name"));
        super::tools::name(name.unwrap_or_default(), &format!("{path}.{kind}.name"))?;
    }
    Ok(())
}

fn allowed(part: &Value, role: &str, index: usize, at: usize) -> Result<(), Refusal> {
    let kind = text(part, "type");
    let path = format!("messages[{index}]");
    match (role, kind) {
        ("user", "refusal") => {
            let param = format!("{path}.content[{at}].type");
            let kinds = ["text", "image_url", "input_audio", "file"];
            Err(wrong_word(&param, kind, &kinds))
        }
        ("user", _) | (_, "text") | ("assistant", "refusal") => Ok(()),
        (_, "image_url") => Err(invalid_value(
            &path,
            &format!(
                "Invalid '{path}'. Image URLs are only allowed for messages with role 'user', but \
                 this message with role '{role}' contains an image URL."
            ),
        )),
        ("tool", _) => Err(invalid_value(
            &path,
            &format!(
                "Invalid '{path}'. Content blocks are expected to be either text or image_url type."
            ),
        )),
        ("assistant", _) => Err(wrong_word(
            &format!("{path}.content[{at}].type"),
            kind,
            &["text", "refusal"],
        )),
        _ => Err(wrong_word(
            &format!("{path}.content[{at}].type"),
            kind,
            &["text"],
        )),
    }
}

fn sane(part: &Value, path: &str) -> Result<(), Refusal> {
    match text(part, "type") {
        "image_url" => {
            let image = part.get("image_url").unwrap_or(&Value::Null);
            let url = image.as_str().unwrap_or_else(|| text(image, "url"));
            image_url(url, &format!("{path}.image_url.url"))
        }
        "input_audio" => {
            let data = part.get("input_audio").map(|audio| text(audio, "data"));
            let decoded = data.and_then(decode_base64).unwrap_or_default();
            if decoded.is_empty() {
                let param = format!("{path}.input_audio.data");
                return Err(invalid_value(
                    &param,
                    &format!("Invalid '{param}'. Expected base64-encoded audio data."),
                ));
            }
            Ok(())
        }
        "file" => file(part.get("file").unwrap_or(&Value::Null), path),
        _ => Ok(()),
    }
}

pub(in crate::dialect::openai) fn image_url(url: &str, param: &str) -> Result<(), Refusal> {
    let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Ok(());
    }
    let Some(rest) = url.strip_prefix("data:") else {
        return Err(refuse(
            &format!(
                "Invalid '{param}'. Expected a valid URL, but got a value with an invalid format."
            ),
            Some(param),
            Some("invalid_value"),
        ));
    };
    let expected = format!(
        "Invalid '{param}'. Expected a base64-encoded data URL with an image MIME type (e.g. \
         'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got"
    );
    let Some((head, data)) = rest.split_once(";base64,") else {
        let message = format!("{expected} a value without the 'base64' marker.");
        return Err(invalid_value(param, &message));
    };
    if !head.starts_with("image/") {
        let message = format!("{expected} unsupported MIME type '{head}'.");
        return Err(invalid_value(param, &message));
    }
    let bytes = decode_base64(data)
        .ok_or_else(|| invalid_value(param, &format!("{expected} invalid base64-encoded data.")))?;
    if sniff_image(&bytes).is_none() {
        return Err(refuse(
            "You uploaded an unsupported image. Please make sure your image has of one the \
             following formats: ['png', 'jpeg', 'gif', 'webp'].",
            None,
            Some("invalid_image_format"),
        ));
    }
    Ok(())
}

fn file(file: &Value, path: &str) -> Result<(), Refusal> {
    let data = set(file, "file_data").and_then(Value::as_str);
    let id = set(file, "file_id");
    let param = format!("{path}.file");
    let Some(data) = data else {
        return match id {
            Some(_) => Ok(()),
            None => Err(missing(&format!("{param}.file_id"))),
        };
    };
    if id.is_some() {
        return Err(refuse(
            &format!("Mutually exclusive parameters: '{param}.file_data' and '{param}.file_id'."),
            Some(&param),
            Some("mutually_exclusive_parameters"),
        ));
    }
    let param = format!("{param}.file_data");
    let expected = format!(
        "Invalid '{param}'. Expected a base64-encoded data URL with an application/pdf MIME type \
         (e.g. 'data:application/pdf;base64,aGVsbG8='), but got"
    );
    let Some((head, content)) = data
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
    else {
        let message = format!("{expected} a value without the 'data:' prefix.");
        return Err(invalid_value(&param, &message));
    };
    if head.starts_with("audio/") || head.starts_with("video/") || head.is_empty() {
        let message = format!("{expected} unsupported MIME type '{head}'.");
        return Err(invalid_value(&param, &message));
    }
    if decode_base64(content).is_none_or(|bytes| bytes.is_empty()) {
        let message = format!("{expected} invalid base64-encoded data.");
        return Err(invalid_value(&param, &message));
    }
    if set(file, "filename").is_none() {
        return Err(missing(&format!("{path}.file.filename")));
    }
    Ok(())
}

/// Every call is answered before the next other message, and every answer has its call.
fn order(messages: &[Value]) -> Result<(), Refusal> {
    let mut known: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if text(message, "role") != "tool" {
            unanswered(&open, index)?;
            open = list(message, "tool_calls")
                .iter()
                .map(|call| text(call, "id"))
                .collect();
            known.clone_from(&open);
            continue;
        }
        if known.is_empty() {
            return Err(refuse(
                "Invalid parameter: messages with role 'tool' must be a response to a preceeding \
                 message with 'tool_calls'.",
                Some(&format!("messages.[{index}].role")),
                None,
            ));
        }
        let id = text(message, "tool_call_id");
        if !known.contains(&id) {
            return Err(refuse(
                &format!(
                    "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of \
                     previous message."
                ),
                Some(&format!("messages.[{index}].tool_call_id")),
                None,
            ));
        }
        if let Some(at) = open.iter().position(|called| *called == id) {
            open.remove(at);
        }
    }
    unanswered(&open, messages.len())
}

fn unanswered(open: &[&str], index: usize) -> Result<(), Refusal> {
    if open.is_empty() {
        return Ok(());
    }
    Err(refuse(
        &format!(
            "An assistant message with 'tool_calls' must be followed by tool messages responding \
             to each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
            open.join(", ")
        ),
        Some(&format!("messages.[{index}].role")),
        None,
    ))
}

/// All text of one message: content, refusals, and the calls that it makes.
pub(super) fn text_of(message: &Value) -> String {
    let mut pieces: Vec<&str> = vec![text(message, "content"), text(message, "refusal")];
    for part in list(message, "content") {
        pieces.push(text(part, "text"));
        pieces.push(text(part, "refusal"));
    }
    let calls = list(message, "tool_calls").iter();
    for called in calls.filter_map(|call| call.get(text(call, "type"))) {
        pieces.extend(["name", "arguments", "input"].map(|key| text(called, key)));
    }
    if let Some(called) = set(message, "function_call") {
        pieces.extend(["name", "arguments"].map(|key| text(called, key)));
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("\n")
}

/// Text of the last user message.
pub(super) fn last_user_text(messages: &[Value]) -> String {
    let mut from_the_end = messages.iter().rev();
    from_the_end
        .find(|message| text(message, "role") == "user")
        .map(text_of)
        .unwrap_or_default()
}

/// How many images, audio clips and files the messages carry.
pub(super) fn media(messages: &[Value]) -> u32 {
    let parts = messages.iter().flat_map(|message| list(message, "content"));
    let media =
        parts.filter(|part| matches!(text(part, "type"), "image_url" | "input_audio" | "file"));
    u32::try_from(media.count()).unwrap_or(u32::MAX)
}

/// The results that the conversation ends with, with the names of the tools that gave them.
pub(super) fn results(messages: &[Value]) -> Vec<(String, String)> {
    let is_result = |message: &&Value| matches!(text(message, "role"), "tool" | "function");
    let tail = messages.iter().rev().take_while(is_result).count();
    let (before, ending) = messages.split_at(messages.len() - tail);
    let calls = before
        .last()
        .map(|assistant| list(assistant, "tool_calls"))
        .unwrap_or_default();
    let name_of = |message: &Value| {
        let id = text(message, "tool_call_id");
        let call = calls.iter().find(|call| text(call, "id") == id);
        let called = call.and_then(|call| call.get(text(call, "type")));
        called
            .map_or_else(|| text(message, "name"), |called| text(called, "name"))
            .to_owned()
    };
    ending
        .iter()
        .map(|message| (name_of(message), text_of(message)))
        .collect()
}

/// Whether any part carries an explicit cache breakpoint.
pub(super) fn cache_marked(messages: &[Value]) -> bool {
    let mut parts = messages.iter().flat_map(|message| list(message, "content"));
    parts.any(|part| set(part, "prompt_cache_breakpoint").is_some())
}
