//! The hub's answer as one JSON value, so that its leaves can be looked at.

use polyroute_wire::chat::{ChatResponse, Choice};
use serde_json::{Value, json};

/// Every leaf of a hub answer.
pub(crate) fn value(answer: &ChatResponse) -> Value {
    json!({
        "id": answer.id,
        "created": answer.created,
        "model": answer.model,
        "service_tier": answer.service_tier,
        "system_fingerprint": answer.system_fingerprint,
        "metadata": answer.metadata,
        "usage": answer.usage.as_ref().map(|usage| &usage.native),
        "choices": answer.choices.iter().map(choice).collect::<Vec<_>>(),
    })
}

fn choice(choice: &Choice) -> Value {
    let message = &choice.message;
    let calls: Vec<Value> = message
        .tool_calls
        .iter()
        .map(|call| {
            json!({
                "id": call.id,
                "name": call.name,
                "arguments": call.arguments,
                // The leaves of an object that the provider sent as such.
                "parsed": serde_json::from_str::<Value>(&call.arguments).ok(),
                "custom": call.custom,
            })
        })
        .collect();
    let annotations: Vec<Value> = message
        .annotations
        .iter()
        .map(|annotation| {
            json!({
                "url": annotation.url,
                "title": annotation.title,
                "start_index": annotation.start_index,
                "end_index": annotation.end_index,
                "native": annotation.native,
            })
        })
        .collect();
    json!({
        "index": choice.index,
        "finish_reason": choice.finish_reason.map(|reason| reason.as_str()),
        "native_finish_reason": choice.native_finish_reason,
        "stop_sequence": choice.stop_sequence,
        "logprobs": choice.logprobs,
        "metadata": choice.metadata,
        "text": message.text,
        "reasoning": message.reasoning,
        "refusal": message.refusal,
        "tool_calls": calls,
        "annotations": annotations,
        "audio": message.audio,
        "images": message.images,
        "message_metadata": message.metadata,
        "blocks": message.blocks.iter().map(|block| &block.block).collect::<Vec<_>>(),
    })
}
