//! Whole Converse answers: messages, token counts, the models list, errors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::answer::{Finish, Usage};
use crate::clock::rfc3339;
use crate::models::{self, Dialect};
use crate::seed::Dice;
use crate::wire::Context;

/// The id of one tool call.
pub fn tool_use_id(id_seed: u64, call: usize) -> String {
    let mut dice = Dice::new(id_seed, &["tooluse", &call.to_string()]);
    format!("tooluse_{}", dice.base62(22))
}

/// What binds a thought to its issuer. Only Claude signs.
pub fn signature(context: &Context<'_>) -> Option<String> {
    let signs = context.known.model.name.contains("anthropic.");
    signs.then(|| STANDARD.encode(Dice::new(context.id_seed, &["signature"]).bytes(192)))
}

/// A whole answer.
pub fn message(context: &Context<'_>) -> Value {
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    let mut content: Vec<Value> = Vec::new();
    if let Some(thought) = turn.thinking.as_deref() {
        let mut text = json!({"text": thought});
        if let (Some(signature), Some(members)) = (signature(context), text.as_object_mut()) {
            members.insert("signature".to_owned(), signature.into());
        }
        content.push(json!({"reasoningContent": {"reasoningText": text}}));
    }
    if let Some(said) = turn.text.as_deref().filter(|said| !said.is_empty()) {
        content.push(json!({ "text": said }));
    }
    for (at, call) in turn.calls.iter().enumerate() {
        content.push(json!({"toolUse": {
            "toolUseId": tool_use_id(context.id_seed, at), "name": call.name, "input": call.input()}}));
    }
    json!({
        "metrics": {"latencyMs": latency_ms(context)},
        "output": {"message": {"content": content, "role": "assistant"}},
        "stopReason": stop_reason(&turn.finish),
        "usage": usage(&context.answer.usage),
    })
}

/// How long the service says that it took.
pub fn latency_ms(context: &Context<'_>) -> u64 {
    200 + 10 * context.answer.usage.output_total()
}

/// Bedrock's word for why a turn ended.
pub fn stop_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::StopSequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter => "guardrail_intervened",
    }
}

/// Usage: cache reads and writes are outside input tokens and inside the total; each stands there
/// under two spellings. Thinking is inside output tokens.
pub fn usage(usage: &Usage) -> Value {
    let total = usage.input_fresh + usage.cache_read + usage.cache_write + usage.output_total();
    json!({
        "cacheReadInputTokenCount": usage.cache_read,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokenCount": usage.cache_write,
        "cacheWriteInputTokens": usage.cache_write,
        "inputTokens": usage.input_fresh,
        "outputTokens": usage.output_total(),
        "serverToolUsage": {},
        "totalTokens": total,
    })
}

/// A token count.
pub fn counted(tokens: u64) -> Value {
    json!({ "inputTokens": tokens })
}

/// The control plane's list of base models.
pub fn foundation_models() -> Value {
    let models = models::of(Dialect::Bedrock).map(|model| {
        let (vendor, _) = model.name.split_once('.').unwrap_or_default();
        let inference = if models::needs_profile(model.name) {
            "INFERENCE_PROFILE"
        } else {
            "ON_DEMAND"
        };
        json!({
            "modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{}", model.name),
            "modelId": model.name,
            "modelName": model.name,
            "providerName": vendor,
            "inputModalities": ["TEXT", "IMAGE"],
            "outputModalities": ["TEXT"],
            "responseStreamingSupported": true,
            "customizationsSupported": [],
            "inferenceTypesSupported": [inference],
            "modelLifecycle": {"status": "ACTIVE"},
        })
    });
    json!({"modelSummaries": models.collect::<Vec<_>>()})
}

/// The control plane's list of inference profiles, one page of this size from this place.
pub fn inference_profiles(size: usize, from: usize) -> Value {
    let all: Vec<Value> = models::of(Dialect::Bedrock)
        .filter(|model| models::needs_profile(model.name))
        .map(|model| {
            json!({
                "inferenceProfileName": format!("US {}", model.name),
                "inferenceProfileId": format!("us.{}", model.name),
                "inferenceProfileArn": format!(
                    "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{}", model.name),
                "models": [],
                "createdAt": rfc3339(model.released_s),
                "status": "ACTIVE",
                "type": "SYSTEM_DEFINED",
            })
        })
        .collect();
    let page: Vec<Value> = all.iter().skip(from).take(size).cloned().collect();
    let next = from + page.len();
    let mut body = json!({ "inferenceProfileSummaries": page });
    if let (true, Some(members)) = (next < all.len(), body.as_object_mut()) {
        members.insert("nextToken".to_owned(), next.to_string().into());
    }
    body
}

/// An error body; its name is in a header.
pub fn error(message: &str) -> Value {
    json!({ "message": message })
}
