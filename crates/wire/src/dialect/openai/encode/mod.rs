//! Writes answers to our caller in OpenAI's shape, whole and streamed.
//!
//! What OpenAI's shape has no place for goes out as extension members that its SDKs keep:
//! `reasoning_content`, `provider_blocks`, `images`, `native_finish_reason`, `stop_sequence` and
//! `provider_metadata`.

mod chunks;
mod completions;
mod rerank;

use base64::Engine as _;
use serde_json::{Map, Value, json};

pub use chunks::{ChunkEncoder, ChunkOptions};
pub use completions::{CompletionEncoder, completion};
pub use rerank::rerank;

use crate::chat::{Annotation, AssistantMessage, ChatResponse, Choice, FinishReason, ToolCall};
use crate::embedding::EmbeddingResponse;
use crate::json::set_member;
use crate::usage::Usage;

/// What an answer is called: the same over all chunks of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyIdentity {
    /// `chatcmpl-…`.
    pub id: String,
    /// Seconds since the Unix epoch.
    pub created: i64,
    /// The model as the caller is told it.
    pub model: String,
}

/// Body of the answer to how many tokens the input of a chat request is. `model` as it is counted
/// by, `estimated` where its provider did not say.
#[must_use]
pub fn input_tokens(model: &str, tokens: u64, estimated: bool) -> Vec<u8> {
    json!({
        "object": "input_tokens",
        "model": model,
        "input_tokens": tokens,
        "estimated": estimated,
    })
    .to_string()
    .into_bytes()
}

/// Body of a whole chat completion. `legacy_functions` answers a request that used `functions`.
#[must_use]
pub fn response(
    answer: &ChatResponse,
    identity: &ReplyIdentity,
    legacy_functions: bool,
) -> Vec<u8> {
    let mut body = Map::new();
    body.insert("id".to_owned(), identity.id.clone().into());
    body.insert("object".to_owned(), "chat.completion".into());
    body.insert("created".to_owned(), identity.created.into());
    body.insert("model".to_owned(), identity.model.clone().into());
    let choices = answer
        .choices
        .iter()
        .map(|choice| whole_choice(choice, legacy_functions))
        .collect();
    body.insert("choices".to_owned(), Value::Array(choices));
    if let Some(usage) = &answer.usage {
        body.insert("usage".to_owned(), usage.to_openai());
    }
    if let Some(tier) = answer.service_tier.as_deref().and_then(service_tier) {
        body.insert("service_tier".to_owned(), tier.into());
    }
    if let Some(print) = &answer.system_fingerprint {
        body.insert("system_fingerprint".to_owned(), print.clone().into());
    }
    let tier = answer.service_tier.as_deref();
    let metadata = provider_metadata(answer.metadata.clone(), answer.usage.as_ref(), tier);
    if !metadata.is_empty() {
        body.insert("provider_metadata".to_owned(), metadata.into());
    }
    Value::Object(body).to_string().into_bytes()
}

fn whole_choice(choice: &Choice, legacy_functions: bool) -> Value {
    let reason = choice.finish_reason.unwrap_or(FinishReason::Stop);
    let mut out = Map::new();
    out.insert("index".to_owned(), choice.index.into());
    out.insert(
        "message".to_owned(),
        message(&choice.message, legacy_functions),
    );
    out.insert(
        "logprobs".to_owned(),
        choice.logprobs.as_ref().map_or(Value::Null, logprobs),
    );
    out.insert(
        "finish_reason".to_owned(),
        finish_word(
            reason,
            !choice.message.tool_calls.is_empty(),
            legacy_functions,
        )
        .into(),
    );
    let mut metadata = choice.metadata.clone();
    metadata.extend(choice.message.metadata.clone());
    finish_extras(
        &mut out,
        choice.native_finish_reason.as_deref(),
        choice.stop_sequence.as_deref(),
        metadata,
    );
    Value::Object(out)
}

/// The extension members of a choice that ended.
fn finish_extras(
    out: &mut Map<String, Value>,
    native: Option<&str>,
    stop_sequence: Option<&str>,
    metadata: Map<String, Value>,
) {
    if let Some(native) = native.filter(|native| !native.is_empty()) {
        out.insert("native_finish_reason".to_owned(), native.into());
    }
    if let Some(stop) = stop_sequence {
        out.insert("stop_sequence".to_owned(), stop.into());
    }
    if !metadata.is_empty() {
        out.insert("provider_metadata".to_owned(), metadata.into());
    }
}

/// The word for the caller. A turn that ended in the model's own error with calls in it (Gemini's
/// `UNEXPECTED_TOOL_CALL`) says that there are calls, as they are there to be run.
fn finish_word(reason: FinishReason, has_calls: bool, legacy_functions: bool) -> &'static str {
    let reason = match reason {
        FinishReason::Error if has_calls => FinishReason::ToolCalls,
        other => other,
    };
    if legacy_functions && reason == FinishReason::ToolCalls {
        "function_call"
    } else {
        reason.as_str()
    }
}

fn message(message: &AssistantMessage, legacy_functions: bool) -> Value {
    let mut out = Map::new();
    out.insert("role".to_owned(), "assistant".into());
    let says_else = !message.tool_calls.is_empty() || message.refusal.is_some();
    let content = if message.text.is_empty() && says_else {
        Value::Null
    } else {
        message.text.clone().into()
    };
    out.insert("content".to_owned(), content);
    out.insert("refusal".to_owned(), message.refusal.clone().into());
    if !message.reasoning.is_empty() {
        out.insert(
            "reasoning_content".to_owned(),
            message.reasoning.clone().into(),
        );
    }
    if !message.annotations.is_empty() {
        let list = message.annotations.iter().map(annotation).collect();
        out.insert("annotations".to_owned(), Value::Array(list));
    }
    match message.tool_calls.first() {
        Some(call) if legacy_functions => {
            let call = json!({"name": call.name, "arguments": call.arguments});
            out.insert("function_call".to_owned(), call);
        }
        Some(_) => {
            let list = message.tool_calls.iter().map(tool_call).collect();
            out.insert("tool_calls".to_owned(), Value::Array(list));
        }
        None => {}
    }
    if let Some(audio) = &message.audio {
        out.insert("audio".to_owned(), audio.clone());
    }
    if !message.images.is_empty() {
        out.insert("images".to_owned(), Value::Array(message.images.clone()));
    }
    if !message.blocks.is_empty() {
        out.insert("provider_blocks".to_owned(), json!(message.blocks));
    }
    Value::Object(out)
}

fn tool_call(call: &ToolCall) -> Value {
    if call.custom {
        json!({
            "id": call.id,
            "type": "custom",
            "custom": {"name": call.name, "input": call.arguments},
        })
    } else {
        // Callers parse it: an empty text would fail them.
        let arguments = if call.arguments.is_empty() {
            "{}"
        } else {
            &call.arguments
        };
        json!({
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": arguments},
        })
    }
}

fn annotation(annotation: &Annotation) -> Value {
    let mut out = json!({
        "type": "url_citation",
        "url_citation": {
            "url": annotation.url,
            "title": annotation.title,
            "start_index": annotation.start_index,
            "end_index": annotation.end_index,
        },
    });
    let is_ours = annotation.native.get("type").and_then(Value::as_str) == Some("url_citation");
    if !is_ours && !annotation.native.is_null() {
        set_member(&mut out, "native", annotation.native.clone());
    }
    out
}

/// OpenAI's SDKs know `content` and `refusal` and expect both keys.
fn logprobs(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        for key in ["content", "refusal"] {
            object.entry(key).or_insert(Value::Null);
        }
    }
    value
}

/// OpenAI's word for a tier; what OpenAI has no word for stands in `provider_metadata`.
fn service_tier(tier: &str) -> Option<&'static str> {
    match tier.to_ascii_lowercase().as_str() {
        "auto" => Some("auto"),
        "default" | "standard" | "on_demand" => Some("default"),
        "flex" => Some("flex"),
        "scale" => Some("scale"),
        "priority" | "fast" => Some("priority"),
        _ => None,
    }
}

/// What the provider said beside the answer, its usage object and its own word for the tier
/// included where they say more than ours.
fn provider_metadata(
    mut metadata: Map<String, Value>,
    usage: Option<&Usage>,
    tier: Option<&str>,
) -> Map<String, Value> {
    if let Some(usage) = usage.filter(|usage| !usage.native.is_empty()) {
        metadata.insert("usage".to_owned(), usage.native.clone().into());
    }
    if let Some(tier) = tier.filter(|tier| service_tier(tier) != Some(*tier)) {
        metadata.insert("service_tier".to_owned(), tier.into());
    }
    metadata
}

/// Body of an embeddings answer; `base64` of little-endian float32 where the caller asked for it.
#[must_use]
pub fn embeddings(answer: &EmbeddingResponse, base64: bool) -> Vec<u8> {
    let data: Vec<Value> = answer
        .vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding: Value = if base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
                base64::engine::general_purpose::STANDARD
                    .encode(bytes)
                    .into()
            } else {
                json!(vector)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let input = answer.usage.as_ref().map_or(0, |usage| usage.input);
    let total = answer.usage.as_ref().map_or(0, Usage::total);
    let mut body = json!({
        "object": "list",
        "data": data,
        "model": answer.model,
        "usage": {"prompt_tokens": input, "total_tokens": total},
    });
    if !answer.metadata.is_empty() {
        set_member(&mut body, "provider_metadata", answer.metadata.clone());
    }
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests;
