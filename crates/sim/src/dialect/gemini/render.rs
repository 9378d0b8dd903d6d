//! Whole Gemini answers: generateContent, embeddings, token counts, the models list, errors.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use crate::answer::{Call, Finish, Turn, Usage, text};
use crate::models::{self, Dialect, Model, Purpose, Thinking};
use crate::seed::Dice;
use crate::wire::Context;

/// The id that all chunks of an answer carry.
pub fn response_id(id_seed: u64) -> String {
    URL_SAFE_NO_PAD.encode(Dice::new(id_seed, &["responseId"]).bytes(17))
}

/// A thought signature: base64 of opaque bytes.
pub fn thought_signature(id_seed: u64, choice: usize) -> String {
    STANDARD.encode(Dice::new(id_seed, &["thought", &choice.to_string()]).bytes(160))
}

/// A whole answer.
pub fn generated(context: &Context<'_>) -> Value {
    let candidates: Vec<Value> = context
        .answer
        .turns
        .iter()
        .enumerate()
        .map(|(index, turn)| {
            let mut made = candidate(index, parts(context, index, turn), Some(turn));
            if let Some(members) = made.as_object_mut() {
                members.extend(odds(context, turn));
            }
            made
        })
        .collect();
    let usage = usage(&context.answer.usage);
    json!({
        "candidates": candidates,
        "usageMetadata": usage,
        "modelVersion": context.known.served_as,
        "responseId": response_id(context.id_seed),
    })
}

/// One candidate; `ended` adds the reason, as only the last chunk of a stream has it.
pub fn candidate(index: usize, parts: Vec<Value>, ended: Option<&Turn>) -> Value {
    let mut members = Map::new();
    let mut content = Map::new();
    if !parts.is_empty() {
        content.insert("parts".to_owned(), Value::Array(parts));
    }
    content.insert("role".to_owned(), json!("model"));
    members.insert("content".to_owned(), Value::Object(content));
    if let Some(turn) = ended {
        members.insert(
            "finishReason".to_owned(),
            json!(finish_reason(&turn.finish)),
        );
    }
    members.insert("index".to_owned(), json!(index));
    if ended.is_some_and(|turn| !turn.calls.is_empty()) {
        members.insert(
            "finishMessage".to_owned(),
            json!("Model generated function call(s)."),
        );
    }
    Value::Object(members)
}

/// Log probabilities, where the request asks for them.
pub fn odds(context: &Context<'_>, turn: &Turn) -> Map<String, Value> {
    let mut members = Map::new();
    let (Some(alternatives), Some(said)) = (context.prompt.logprobs, &turn.text) else {
        return members;
    };
    let (mut chosen, mut top, mut sum) = (Vec::new(), Vec::new(), 0.0);
    for piece in text::pieces(said, 1) {
        let mut dice = Dice::new(0, &["logprob", &piece]);
        let own = -(dice.unit() * 1e6).round() / 1e6;
        sum += own;
        let own = json!({"token": piece, "tokenId": dice.below(256_000), "logProbability": own});
        let other = |rank: u32| {
            let odds = -f64::from(rank) - 1.0;
            json!({"token": format!(" {rank}"), "tokenId": rank, "logProbability": odds})
        };
        let others = (1..alternatives.max(1)).map(other);
        let candidates: Vec<Value> = std::iter::once(own.clone()).chain(others).collect();
        top.push(json!({"candidates": candidates}));
        chosen.push(own);
    }
    let average = if chosen.is_empty() {
        0.0
    } else {
        sum / chosen.len() as f64
    };
    members.insert("avgLogprobs".to_owned(), json!(average));
    let result = json!({"topCandidates": top, "chosenCandidates": chosen});
    members.insert("logprobsResult".to_owned(), result);
    members
}

fn parts(context: &Context<'_>, index: usize, turn: &Turn) -> Vec<Value> {
    let mut parts = Vec::new();
    if let Some(thought) = shown_thought(context, turn) {
        parts.push(json!({"text": thought, "thought": true}));
    }
    if let Some(said) = turn.text.as_deref().filter(|said| !said.is_empty()) {
        let mut part = json!({"text": said});
        if signs_text(context) && turn.calls.is_empty() {
            sign(&mut part, context, index);
        }
        parts.push(part);
    }
    parts.extend(call_parts(context, index, turn));
    parts
}

/// The thought text, where the caller asked to see it.
pub fn shown_thought<'a>(context: &Context<'_>, turn: &'a Turn) -> Option<&'a str> {
    turn.thinking
        .as_deref()
        .filter(|_| context.prompt.show_thoughts)
}

/// Whether plain text carries a signature too: Gemini 3 and later sign it.
pub fn signs_text(context: &Context<'_>) -> bool {
    context.known.model.name.starts_with("gemini-3")
}

/// Adds a signature to a part.
pub fn sign(part: &mut Value, context: &Context<'_>, index: usize) {
    if let Some(members) = part.as_object_mut() {
        let signature = thought_signature(context.id_seed, index);
        members.insert("thoughtSignature".to_owned(), json!(signature));
    }
}

/// The calls as parts; of parallel ones only the first is signed.
pub fn call_parts(context: &Context<'_>, index: usize, turn: &Turn) -> Vec<Value> {
    let mut parts: Vec<Value> = turn.calls.iter().map(call_part).collect();
    if turn.thinking.is_some()
        && let Some(first) = parts.first_mut()
    {
        sign(first, context, index);
    }
    parts
}

fn call_part(call: &Call) -> Value {
    let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
    json!({"functionCall": {"name": call.name, "args": arguments}})
}

/// Gemini's word for why a turn ended; calls end with STOP too.
pub fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls => "STOP",
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter => "SAFETY",
    }
}

/// Usage: cached tokens are inside the prompt's, thoughts outside the candidates'.
pub fn usage(usage: &Usage) -> Value {
    let input = usage.input_total();
    let mut counts = Map::new();
    counts.insert("promptTokenCount".to_owned(), json!(input));
    if usage.output_visible > 0 {
        counts.insert(
            "candidatesTokenCount".to_owned(),
            json!(usage.output_visible),
        );
    }
    counts.insert(
        "totalTokenCount".to_owned(),
        json!(input + usage.output_total()),
    );
    if usage.cache_read > 0 {
        counts.insert(
            "cachedContentTokenCount".to_owned(),
            json!(usage.cache_read),
        );
    }
    let details = json!([{"modality": "TEXT", "tokenCount": input}]);
    counts.insert("promptTokensDetails".to_owned(), details);
    if usage.cache_read > 0 {
        let cached = json!([{"modality": "TEXT", "tokenCount": usage.cache_read}]);
        counts.insert("cacheTokensDetails".to_owned(), cached);
    }
    if usage.thinking > 0 {
        counts.insert("thoughtsTokenCount".to_owned(), json!(usage.thinking));
    }
    counts.insert("serviceTier".to_owned(), json!("standard"));
    Value::Object(counts)
}

/// An embedContent or batchEmbedContents answer. Only the newer models count tokens.
pub fn embeddings(batch: bool, model: &str, vectors: &[Vec<f32>], input_tokens: u64) -> Value {
    let mut answer = Map::new();
    let mut entries: Vec<Value> = vectors
        .iter()
        .map(|vector| json!({"values": vector}))
        .collect();
    if batch {
        answer.insert("embeddings".to_owned(), Value::Array(entries));
    } else {
        answer.insert(
            "embedding".to_owned(),
            entries.pop().unwrap_or_else(|| json!({"values": []})),
        );
    }
    if model.starts_with("gemini-embedding-2") {
        let details = json!([{"modality": "TEXT", "tokenCount": input_tokens}]);
        let usage = json!({"promptTokenCount": input_tokens, "promptTokenDetails": details});
        answer.insert("usageMetadata".to_owned(), usage);
    }
    Value::Object(answer)
}

/// A countTokens answer.
pub fn counted(input_tokens: u64) -> Value {
    json!({"totalTokens": input_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": input_tokens}]})
}

/// One page of the models list; the page token is the next entry's place.
pub fn models(page_size: usize, page_token: Option<&str>) -> Option<Value> {
    let start: usize = match page_token {
        Some(token) => token.strip_prefix("page-")?.parse().ok()?,
        None => 0,
    };
    let all: Vec<&Model> = models::of(Dialect::Gemini).collect();
    let end = start.saturating_add(page_size.max(1)).min(all.len());
    let page: Vec<Value> = all
        .get(start..end)?
        .iter()
        .map(|listed| model(listed))
        .collect();
    let mut answer = json!({"models": page});
    if end < all.len()
        && let Some(members) = answer.as_object_mut()
    {
        members.insert("nextPageToken".to_owned(), json!(format!("page-{end}")));
    }
    Some(answer)
}

/// One model of the list.
pub fn model(model: &Model) -> Value {
    let methods = match model.purpose {
        Purpose::Chat | Purpose::Rerank => json!([
            "generateContent",
            "countTokens",
            "createCachedContent",
            "batchGenerateContent"
        ]),
        Purpose::Embedding { .. } => json!(["embedContent", "countTextTokens", "countTokens"]),
    };
    let mut entry = json!({
        "name": format!("models/{}", model.name),
        "version": "001",
        "displayName": model.name,
        "description": format!("Simulated {}", model.name),
        "inputTokenLimit": model.window,
        "outputTokenLimit": model.output_max,
        "supportedGenerationMethods": methods,
    });
    if model.purpose == Purpose::Chat
        && let Some(members) = entry.as_object_mut()
    {
        members.insert("temperature".to_owned(), json!(1));
        members.insert("topP".to_owned(), json!(0.95));
        members.insert("topK".to_owned(), json!(64));
        members.insert("maxTemperature".to_owned(), json!(2));
        if model.thinking != Thinking::Never {
            members.insert("thinking".to_owned(), json!(true));
        }
    }
    entry
}

/// An error body.
pub fn error(code: u16, status: &str, message: &str, details: Option<Value>) -> Value {
    let mut body = json!({"error": {"code": code, "message": message, "status": status}});
    if let (Some(details), Some(members)) = (
        details,
        body.get_mut("error").and_then(Value::as_object_mut),
    ) {
        members.insert("details".to_owned(), details);
    }
    body
}
