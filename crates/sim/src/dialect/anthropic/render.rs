//! Whole Anthropic answers: messages, token counts, the models list, errors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::{Call, Finish, Turn, Usage};
use crate::clock::rfc3339;
use crate::models::{self, Dialect, Model, Thinking};
use crate::seed::Dice;
use crate::wire::Context;

/// The id of a message.
pub fn message_id(id_seed: u64) -> String {
    format!("msg_01{}", Dice::new(id_seed, &["msg"]).base62(22))
}

/// The id of one tool call.
pub fn tool_use_id(id_seed: u64, call: usize) -> String {
    format!(
        "toolu_01{}",
        Dice::new(id_seed, &["toolu", &call.to_string()]).base62(22)
    )
}

/// A thinking block's signature.
pub fn signature(id_seed: u64) -> String {
    STANDARD.encode(Dice::new(id_seed, &["signature"]).bytes(192))
}

/// The thinking text that is shown; empty where the model hides it but still signs it.
pub fn shown_thinking<'a>(context: &Context<'_>, turn: &'a Turn) -> Option<&'a str> {
    let thought = turn.thinking.as_deref()?;
    Some(if context.prompt.show_thoughts {
        thought
    } else {
        ""
    })
}

/// A whole message.
pub fn message(context: &Context<'_>) -> Value {
    let mut content: Vec<Value> = Vec::new();
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    if let Some(thinking) = shown_thinking(context, &turn) {
        let signature = signature(context.id_seed);
        content.push(json!({"type": "thinking", "thinking": thinking, "signature": signature}));
    }
    if let Some(said) = turn.text.as_deref().filter(|said| !said.is_empty()) {
        content.push(json!({"type": "text", "text": said}));
    }
    for (at, call) in turn.calls.iter().enumerate() {
        let mut block = tool_use(&tool_use_id(context.id_seed, at), call);
        if let Some(members) = block.as_object_mut() {
            members.insert("input".to_owned(), call.input());
        }
        content.push(block);
    }
    json!({
        "model": context.known.served_as,
        "id": message_id(context.id_seed),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop_reason(&turn.finish),
        "stop_sequence": stop_sequence(&turn.finish),
        "stop_details": null,
        "usage": usage(&context.answer.usage),
    })
}

/// A `tool_use` block with an empty input.
pub fn tool_use(id: &str, call: &Call) -> Value {
    json!({"type": "tool_use", "id": id, "name": call.name, "input": {}, "caller": {"type": "direct"}})
}

/// Anthropic's word for why a turn ended.
pub fn stop_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::StopSequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter => "refusal",
    }
}

/// The stop sequence that was met.
pub fn stop_sequence(finish: &Finish) -> Option<&str> {
    match finish {
        Finish::StopSequence(stop) => Some(stop),
        Finish::Stop | Finish::Length | Finish::ToolCalls | Finish::ContentFilter => None,
    }
}

/// Usage: cache reads and writes are outside input tokens, thinking inside output tokens.
pub fn usage(usage: &Usage) -> Value {
    let mut counts = json!({
        "input_tokens": usage.input_fresh,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": usage.output_total(),
    });
    if let Some(members) = counts.as_object_mut() {
        if usage.thinking > 0 {
            let details = json!({"thinking_tokens": usage.thinking});
            members.insert("output_tokens_details".to_owned(), details);
        }
        members.insert("service_tier".to_owned(), json!("standard"));
        members.insert("inference_geo".to_owned(), json!("not_available"));
    }
    counts
}

/// One page of the models list. `None` where a cursor names no model.
pub fn models(limit: usize, after: Option<&str>, before: Option<&str>) -> Option<Value> {
    let all: Vec<&Model> = models::of(Dialect::Anthropic).collect();
    let place = |id: &str| {
        all.iter()
            .position(|model| model.served_as == id || model.name == id)
    };
    let start = match after {
        Some(id) => place(id)? + 1,
        None => 0,
    };
    let end = match before {
        Some(id) => place(id)?,
        None => all.len(),
    };
    let window = all.get(start..end.max(start)).unwrap_or_default();
    let page: Vec<Value> = window
        .iter()
        .take(limit)
        .map(|listed| model(listed))
        .collect();
    let id = |entry: Option<&Value>| entry.and_then(|entry| entry.get("id")).cloned();
    Some(json!({
        "has_more": window.len() > page.len(),
        "first_id": id(page.first()),
        "last_id": id(page.last()),
        "data": page,
    }))
}

/// One model of the list, with its limits and what it can do.
pub fn model(model: &Model) -> Value {
    let thinks = model.thinking != Thinking::Never;
    let adaptive = thinks && (model.hides_thoughts || model.name.ends_with("-4-6"));
    let is = |supported: bool| json!({"supported": supported});
    json!({
        "type": "model",
        "id": model.served_as,
        "display_name": display_name(model.name),
        "created_at": rfc3339(model.released_s),
        "max_input_tokens": model.window,
        "max_tokens": model.output_max,
        "capabilities": {
            "batch": is(true),
            "citations": is(true),
            "code_execution": is(thinks),
            "effort": {"supported": adaptive, "low": is(adaptive), "medium": is(adaptive),
                "high": is(adaptive), "max": is(adaptive)},
            "image_input": is(true),
            "pdf_input": is(true),
            "structured_outputs": is(thinks),
            "thinking": {"supported": thinks,
                "types": {"enabled": is(thinks && !model.hides_thoughts), "adaptive": is(adaptive)}},
        },
    })
}

/// `claude-opus-4-8` as people say it: `Claude Opus 4.8`.
fn display_name(name: &str) -> String {
    let (mut words, mut version) = (Vec::new(), Vec::new());
    for part in name.trim_end_matches("-latest").split('-') {
        if part.chars().all(|sign| sign.is_ascii_digit()) {
            version.push(part);
        } else {
            let mut letters = part.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            words.push(first.into_iter().chain(letters).collect::<String>());
        }
    }
    words.push(version.join("."));
    words.join(" ")
}

/// An error body.
pub fn error(kind: &str, message: &str, request_id: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_well() {
        assert_eq!(display_name("claude-opus-4-8"), "Claude Opus 4.8");
        assert_eq!(
            display_name("claude-3-5-sonnet-latest"),
            "Claude Sonnet 3.5"
        );
    }

    #[test]
    fn pages_meet_without_gap_or_overlap() {
        let mut seen = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = models(4, after.as_deref(), None).unwrap();
            let ids = page["data"].as_array().unwrap().iter();
            seen.extend(ids.map(|model| model["id"].as_str().unwrap().to_owned()));
            after = page["last_id"].as_str().map(str::to_owned);
            if page["has_more"] == false {
                break;
            }
        }
        let all: Vec<_> = models::of(Dialect::Anthropic)
            .map(|model| model.served_as)
            .collect();
        assert_eq!(seen, all);
        assert_eq!(models(4, Some("no-such"), None), None);
    }
}
