//! Whole OpenAI answers: chat completions, embeddings, the models list, errors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::{Call, Finish, Turn, Usage, text};
use crate::models::{self, Dialect, Known};
use crate::prompt::Prompt;
use crate::seed::Dice;
use crate::wire::Context;

/// Ids and other members that all parts of one answer share.
#[derive(Debug, Clone)]
pub struct Identity {
    /// `chatcmpl-…`.
    pub id: String,
    /// `fp_…`, null for the reasoning models.
    pub fingerprint: Value,
}

/// The identity of this answer.
pub fn identity(context: &Context<'_>) -> Identity {
    let mut dice = Dice::new(context.id_seed, &["chatcmpl"]);
    let mut build = Dice::new(0, &["fingerprint", context.known.served_as.as_str()]);
    let reasons = context.known.model.thinking != models::Thinking::Never;
    Identity {
        id: format!("chatcmpl-{}", dice.base62(29)),
        fingerprint: if reasons {
            Value::Null
        } else {
            json!(format!("fp_{}", build.hex(10)))
        },
    }
}

/// The id of one tool call of an answer.
pub fn call_id(id_seed: u64, choice: usize, call: usize) -> String {
    let mut dice = Dice::new(id_seed, &["call", &choice.to_string(), &call.to_string()]);
    format!("call_{}", dice.base62(24))
}

/// What a chat model is answered with at `/v1/completions`.
pub fn chat_model_only() -> Value {
    json!({"error": {
        "message": "This is a chat model and not supported in the v1/completions endpoint. Did \
                    you mean to use v1/chat/completions?",
        "type": "invalid_request_error",
        "param": "model",
        "code": null,
    }})
}

/// A whole chat completion.
pub fn completion(context: &Context<'_>) -> Value {
    let identity = identity(context);
    let choices: Vec<Value> = context
        .answer
        .turns
        .iter()
        .enumerate()
        .map(|(index, turn)| {
            json!({
                "index": index,
                "message": message(context, index, turn),
                "logprobs": logprobs(context, turn),
                "finish_reason": finish_reason(&turn.finish),
            })
        })
        .collect();
    json!({
        "id": identity.id,
        "object": "chat.completion",
        "created": context.created_s,
        "model": context.known.served_as,
        "choices": choices,
        "usage": usage(&context.answer.usage),
        "service_tier": "default",
        "system_fingerprint": identity.fingerprint,
    })
}

fn message(context: &Context<'_>, choice: usize, turn: &Turn) -> Value {
    let mut message = json!({"role": "assistant", "content": turn.text});
    if let Some(members) = message.as_object_mut() {
        if !turn.calls.is_empty() {
            let calls = turn.calls.iter().enumerate();
            let calls: Vec<Value> = calls
                .map(|(at, call)| {
                    tool_call(&call_id(context.id_seed, choice, at), call, &call.arguments)
                })
                .collect();
            members.insert("tool_calls".to_owned(), json!(calls));
        }
        members.insert("refusal".to_owned(), Value::Null);
        members.insert("annotations".to_owned(), json!([]));
    }
    message
}

/// A tool call object with these arguments (a stream opens one with none).
pub fn tool_call(id: &str, call: &Call, arguments: &str) -> Value {
    if call.custom {
        return json!({"id": id, "type": "custom", "custom": {"name": call.name, "input": arguments}});
    }
    let function = json!({"name": call.name, "arguments": arguments});
    json!({"id": id, "type": "function", "function": function})
}

fn logprobs(context: &Context<'_>, turn: &Turn) -> Value {
    let (Some(alternatives), Some(said)) = (context.prompt.logprobs, &turn.text) else {
        return Value::Null;
    };
    let tokens: Vec<Value> = text::pieces(said, 1)
        .iter()
        .map(|piece| logprob(piece, alternatives))
        .collect();
    json!({"content": tokens, "refusal": null})
}

/// The log probability of one token, with this many alternatives.
pub fn logprob(piece: &str, alternatives: u32) -> Value {
    let mut dice = Dice::new(0, &["logprob", piece]);
    let entry = |token: &str, logprob: f64| json!({"token": token, "logprob": logprob, "bytes": token.as_bytes()});
    let own = -(dice.unit() * 1e6).round() / 1e6;
    let mut made = entry(piece, own);
    let others: Vec<Value> = (0..alternatives)
        .map(|rank| match rank {
            0 => entry(piece, own),
            rank => entry(&format!(" {}", dice.base62(3)), own - f64::from(rank)),
        })
        .collect();
    if let Some(members) = made.as_object_mut() {
        members.insert("top_logprobs".to_owned(), json!(others));
    }
    made
}

/// OpenAI's word for why a turn ended.
pub fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) => "stop",
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
    }
}

/// Usage: cached tokens are inside prompt tokens, reasoning tokens inside completion tokens.
pub fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input_total(),
        "completion_tokens": usage.output_total(),
        "total_tokens": usage.input_total() + usage.output_total(),
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.thinking,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    })
}

/// An embeddings answer.
pub fn embeddings(
    prompt: &Prompt,
    known: &Known,
    vectors: &[Vec<f32>],
    input_tokens: u64,
) -> Value {
    let data: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding = if prompt.base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    json!({
        "object": "list",
        "data": data,
        "model": known.served_as,
        "usage": {"prompt_tokens": input_tokens, "total_tokens": input_tokens},
    })
}

/// The models list.
pub fn models() -> Value {
    let data: Vec<Value> = models::of(Dialect::Openai).map(model).collect();
    json!({"object": "list", "data": data})
}

/// One model of the list.
pub fn model(model: &models::Model) -> Value {
    json!({"id": model.name, "object": "model", "created": model.released_s, "owned_by": "system"})
}

/// An error body.
pub fn error(message: &str, kind: &str, param: Option<&str>, code: Option<&str>) -> Value {
    json!({"error": {"message": message, "type": kind, "param": param, "code": code}})
}
