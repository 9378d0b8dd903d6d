//! Whole Cohere answers: chat, embeddings, reranking, models, errors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::answer::{Call, Finish, Usage};
use crate::models::{self, Dialect, Model, Purpose, Thinking};
use crate::prompt::Prompt;
use crate::seed::{Dice, hash};
use crate::wire::Context;

/// Tokens of the API's own prompt, which are counted and not billed.
const OWN_PROMPT_TOKENS: u64 = 495;

/// An id as the API writes them.
pub fn uuid(id_seed: u64, what: &str) -> String {
    let digits = Dice::new(id_seed, &[what]).hex(32);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(13, 16),
        part(17, 20),
        part(20, 32)
    )
}

/// The id of one tool call: the tool's name and twelve signs.
pub fn call_id(id_seed: u64, at: usize, call: &Call) -> String {
    let signs = Dice::new(id_seed, &["call", &at.to_string()]).base62(12);
    format!("{}_{}", call.name, signs.to_ascii_lowercase())
}

/// What the model says before its calls.
pub fn plan(calls: &[Call]) -> String {
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    format!("I will use {} to find the answer.", names.join(" and "))
}

/// A tool call.
pub fn tool_call(id: &str, call: &Call, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
}

/// A whole chat answer. In a tool turn `content` is absent, but for thoughts.
pub fn chat(context: &Context<'_>) -> Value {
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    let mut content: Vec<Value> = Vec::new();
    if let Some(thought) = &turn.thinking {
        content.push(json!({"type": "thinking", "thinking": thought}));
    }
    if let Some(said) = turn.text.as_deref() {
        content.push(json!({"type": "text", "text": said}));
    }
    if turn.calls.is_empty() || !content.is_empty() {
        message.insert("content".to_owned(), content.into());
    }
    if !turn.calls.is_empty() {
        let calls: Vec<Value> = turn
            .calls
            .iter()
            .enumerate()
            .map(|(at, call)| tool_call(&call_id(context.id_seed, at, call), call, &call.arguments))
            .collect();
        message.insert("tool_plan".to_owned(), plan(&turn.calls).into());
        message.insert("tool_calls".to_owned(), calls.into());
    }
    let mut body = json!({
        "id": uuid(context.id_seed, "chat"),
        "message": message,
        "finish_reason": finish_reason(&turn.finish),
        "usage": usage(&context.answer.usage, turn.thinking.is_some()),
    });
    if let (Some(_), Some(said), Some(members)) = (
        context.prompt.logprobs,
        turn.text.as_deref(),
        body.as_object_mut(),
    ) {
        members.insert("logprobs".to_owned(), json!([logprob(said)]));
    }
    body
}

/// Log probabilities of a piece of text.
pub fn logprob(text: &str) -> Value {
    let id = hash(0, &["token", text]) % 250_000;
    json!({"text": text, "token_ids": [id], "logprobs": [-0.25]})
}

/// Cohere's word for why a turn ended. It has none for a filter.
pub fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop => "COMPLETE",
        Finish::StopSequence(_) => "STOP_SEQUENCE",
        Finish::Length => "MAX_TOKENS",
        Finish::ToolCalls => "TOOL_CALL",
        Finish::ContentFilter => "ERROR",
    }
}

/// Usage: `tokens` are real and hold the API's own prompt, `billed_units` are what is paid.
pub fn usage(usage: &Usage, thinks: bool) -> Value {
    let mut tokens = json!({
        "input_tokens": usage.input_total() + OWN_PROMPT_TOKENS,
        "output_tokens": usage.output_total(),
    });
    if let (true, Some(members)) = (thinks, tokens.as_object_mut()) {
        members.insert("reasoning_tokens".to_owned(), usage.thinking.into());
    }
    json!({
        "billed_units": {"input_tokens": usage.input_total(), "output_tokens": usage.output_total()},
        "tokens": tokens,
        "cached_tokens": usage.cache_read,
    })
}

/// An embed answer of a version of the API, as float or base64.
pub fn embeddings(
    prompt: &Prompt,
    version: &str,
    id_seed: u64,
    vectors: &[Vec<f32>],
    tokens: u64,
) -> Value {
    let embeddings = if prompt.base64 {
        let each: Vec<String> = vectors
            .iter()
            .map(|vector| {
                let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
                STANDARD.encode(bytes)
            })
            .collect();
        json!({ "base64": each })
    } else {
        json!({ "float": vectors })
    };
    json!({
        "id": uuid(id_seed, "embed"),
        "texts": prompt.inputs,
        "embeddings": embeddings,
        "meta": {"api_version": {"version": version}, "billed_units": {"input_tokens": tokens, "image_tokens": 0}},
        "response_type": "embeddings_by_type",
    })
}

/// A rerank answer of a version of the API: documents that share more words with the query come first.
pub fn rerank(prompt: &Prompt, version: &str, id_seed: u64) -> Value {
    let words = |text: &str| -> Vec<String> {
        let lower = text.to_lowercase();
        lower
            .split(|sign: char| !sign.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let asked = words(&prompt.last_user_text);
    let mut scored: Vec<(usize, f64)> = prompt
        .inputs
        .iter()
        .enumerate()
        .map(|(at, document)| {
            let said = words(document);
            let shared = asked.iter().filter(|word| said.contains(word)).count();
            let share = shared as f64 / asked.len().max(1) as f64;
            (at, ((0.05 + 0.9 * share) * 1e6).round() / 1e6)
        })
        .collect();
    scored.sort_by(|left, right| right.1.total_cmp(&left.1));
    let most = prompt
        .top_n
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(usize::MAX);
    let results: Vec<Value> = scored
        .into_iter()
        .take(most)
        .map(|(index, score)| json!({"index": index, "relevance_score": score}))
        .collect();
    // One search unit is a query with up to a hundred documents.
    let units = prompt.inputs.len().div_ceil(100);
    json!({
        "id": uuid(id_seed, "rerank"),
        "results": results,
        "meta": {"api_version": {"version": version}, "billed_units": {"search_units": units}},
    })
}

/// One page of the models list. `None` where the token is none of ours.
pub fn models(limit: usize, token: Option<&str>) -> Option<Value> {
    let all: Vec<&Model> = models::of(Dialect::Cohere).collect();
    let start = match token {
        Some(token) => token.parse::<usize>().ok().filter(|at| *at < all.len())?,
        None => 0,
    };
    let end = start.saturating_add(limit).min(all.len());
    let page: Vec<Value> = all
        .get(start..end)
        .unwrap_or_default()
        .iter()
        .map(|listed| model(listed))
        .collect();
    let mut body = json!({ "models": page });
    if let (true, Some(members)) = (end < all.len(), body.as_object_mut()) {
        members.insert("next_page_token".to_owned(), end.to_string().into());
    }
    Some(body)
}

/// One model.
pub fn model(model: &Model) -> Value {
    let (endpoint, features) = match model.purpose {
        Purpose::Chat if model.thinking == Thinking::Never => (
            "chat",
            json!(["json_mode", "json_schema", "strict_tools", "tools"]),
        ),
        Purpose::Chat => (
            "chat",
            json!([
                "json_mode",
                "json_schema",
                "strict_tools",
                "tools",
                "reasoning"
            ]),
        ),
        Purpose::Embedding { .. } => ("embed", Value::Null),
        Purpose::Rerank => ("rerank", Value::Null),
    };
    json!({
        "name": model.name,
        "endpoints": [endpoint],
        "finetuned": false,
        "context_length": model.window,
        "tokenizer_url": null,
        "features": features,
        "default_endpoints": [],
    })
}

/// An error body.
pub fn error(message: &str, request_id: &str) -> Value {
    json!({"id": request_id, "message": message})
}
