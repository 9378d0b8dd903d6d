//! Whole responses.

use serde_json::{Value, json};

use super::super::render::{call_id, logprob};
use super::items::seal;
use crate::answer::{Call, Finish, Turn, Usage, text};
use crate::seed::Dice;
use crate::wire::Context;

/// The id of a response.
fn id(context: &Context<'_>) -> String {
    let mut dice = Dice::new(context.id_seed, &["resp"]);
    format!("resp_{}", dice.hex(48))
}

/// The id of an item.
fn item_id(context: &Context<'_>, prefix: &str, at: usize) -> String {
    let mut dice = Dice::new(context.id_seed, &[prefix, &at.to_string()]);
    format!("{prefix}_{}", dice.hex(48))
}

/// A response that is whole.
pub fn response(context: &Context<'_>) -> Value {
    let turn = context.answer.turns.first();
    let status = match turn.map(|turn| &turn.finish) {
        Some(Finish::Length | Finish::ContentFilter) => "incomplete",
        _ => "completed",
    };
    let mut response = skeleton(context, status);
    if let (Some(members), Some(turn)) = (response.as_object_mut(), turn) {
        members.insert("output".to_owned(), json!(output(context, turn)));
        members.insert("usage".to_owned(), usage(&context.answer.usage));
        let reason = match turn.finish {
            Finish::Length => Some("max_output_tokens"),
            Finish::ContentFilter => Some("content_filter"),
            _ => None,
        };
        if let Some(reason) = reason {
            let details = json!({ "reason": reason });
            members.insert("incomplete_details".to_owned(), details);
        }
        let done = if status == "completed" {
            json!(context.created_s)
        } else {
            Value::Null
        };
        members.insert("completed_at".to_owned(), done);
    }
    response
}

/// A response without its output: what opens a stream.
pub fn skeleton(context: &Context<'_>, status: &str) -> Value {
    let prompt = context.prompt;
    let summary = if prompt.show_thoughts {
        json!("detailed")
    } else {
        Value::Null
    };
    json!({
        "id": id(context),
        "object": "response",
        "created_at": context.created_s,
        "status": status,
        "background": false,
        "completed_at": null,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "max_output_tokens": prompt.max_output_tokens,
        "max_tool_calls": null,
        "model": context.known.served_as,
        "output": [],
        "parallel_tool_calls": prompt.parallel_tools,
        "previous_response_id": null,
        "reasoning": {"effort": if prompt.thinking { "medium" } else { "none" }, "summary": summary},
        "service_tier": "default",
        "store": false,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": null,
        "user": null,
        "metadata": {},
    })
}

/// The items of a turn in order: what it thought, what it said, what it calls.
pub fn output(context: &Context<'_>, turn: &Turn) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(thought) = &turn.thinking {
        items.push(reasoning(context, thought));
    }
    if let Some(said) = &turn.text {
        items.push(message(context, said, items.len()));
    }
    for (at, call) in turn.calls.iter().enumerate() {
        items.push(called(context, call, at, &call.arguments, "completed"));
    }
    items
}

fn reasoning(context: &Context<'_>, thought: &str) -> Value {
    let summary = if context.prompt.show_thoughts {
        json!([{"type": "summary_text", "text": thought}])
    } else {
        json!([])
    };
    let mut item = json!({
        "id": item_id(context, "rs", 0),
        "type": "reasoning",
        "summary": summary,
    });
    if let (true, Some(item)) = (context.prompt.seal_thoughts, item.as_object_mut()) {
        item.insert("encrypted_content".to_owned(), json!(seal(thought)));
    }
    item
}

fn message(context: &Context<'_>, said: &str, at: usize) -> Value {
    json!({
        "id": item_id(context, "msg", at),
        "type": "message",
        "status": "completed",
        "content": [text_part(context, said)],
        "role": "assistant",
    })
}

/// A part of text, with its log probabilities where they were asked for.
pub fn text_part(context: &Context<'_>, said: &str) -> Value {
    let logprobs: Vec<Value> = match context.prompt.logprobs {
        Some(alternatives) => text::pieces(said, 1)
            .iter()
            .map(|piece| logprob(piece, alternatives))
            .collect(),
        None => Vec::new(),
    };
    json!({"type": "output_text", "annotations": [], "logprobs": logprobs, "text": said})
}

/// A call's item with these arguments (a stream opens one with none).
pub fn called(
    context: &Context<'_>,
    call: &Call,
    at: usize,
    arguments: &str,
    status: &str,
) -> Value {
    let (kind, prefix, key) = if call.custom {
        ("custom_tool_call", "ctc", "input")
    } else {
        ("function_call", "fc", "arguments")
    };
    let mut item = json!({
        "id": item_id(context, prefix, at),
        "type": kind,
        "status": status,
        "call_id": call_id(context.id_seed, 0, at),
        "name": call.name,
    });
    if let Some(members) = item.as_object_mut() {
        members.insert(key.to_owned(), json!(arguments));
    }
    item
}

/// What a count of a request answers.
pub fn counted(input_tokens: u64) -> Value {
    json!({"object": "response.input_tokens", "input_tokens": input_tokens})
}

/// Usage: cached tokens are inside input tokens, reasoning tokens inside output tokens.
fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_total(),
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output_total(),
        "output_tokens_details": {"reasoning_tokens": usage.thinking},
        "total_tokens": usage.input_total() + usage.output_total(),
    })
}
