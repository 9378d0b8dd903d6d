//! Tests of the dialect as a whole.

mod answers;
mod controls;
mod count;
mod failures;
mod history;
mod lines;
mod streams;

use serde_json::{Value, json};

use super::Responses;
use crate::adapter::{Adapter as _, DecodeContext, Encoded, Target};
use crate::capability::Reasoning;
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, Effort, Fold};
use crate::error::{EncodeError, UpstreamError};
use crate::json::RawObject;
use crate::media::MediaStore;

/// A hub request from what a caller would send, `messages` put to "Hi" if left out.
fn request(mut body: Value) -> ChatRequest {
    let members = body.as_object_mut().unwrap();
    members.insert("model".into(), "m".into());
    if !members.contains_key("messages") {
        let hi = json!([{"role": "user", "content": "Hi"}]);
        members.insert("messages".into(), hi);
    }
    let text = body.to_string();
    crate::dialect::openai::parse_chat(&RawObject::parse(text.as_bytes()).unwrap()).unwrap()
}

/// A model of OpenAI's own that thinks.
fn target() -> Target {
    let mut target = Target {
        model: "gpt-test".into(),
        ..Target::default()
    };
    target.endpoint.provider = "openai".into();
    target.endpoint.first_party = true;
    target.capabilities.reasoning = Reasoning::Effort {
        levels: vec![Effort::None, Effort::Low, Effort::Medium, Effort::High],
    };
    target
}

fn try_encode(body: Value, target: &Target) -> Result<Encoded, EncodeError> {
    Responses.encode_chat(&request(body), target, &MediaStore::default())
}

/// The wire body for a caller's body.
fn encode_for(body: Value, target: &Target) -> (Value, Encoded) {
    let encoded = try_encode(body, target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn encode(body: Value) -> (Value, Encoded) {
    encode_for(body, &target())
}

/// The wire's items for a caller's messages.
fn items(list: Value) -> Value {
    encode(json!({ "messages": list })).0["input"].clone()
}

fn context() -> DecodeContext {
    DecodeContext {
        provider: "openai".into(),
        id_seed: "seed".into(),
        ..DecodeContext::default()
    }
}

/// A response that is whole, with these items.
fn response(output: Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000.5, "model": "gpt-test-1",
        "status": "completed", "error": null, "incomplete_details": null, "output": output,
        "usage": {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14},
    })
}

fn try_decode(response: &Value) -> Result<ChatResponse, UpstreamError> {
    Responses.decode_chat(response.to_string().as_bytes(), &context())
}

fn decode(output: Value) -> ChatResponse {
    try_decode(&response(output)).unwrap()
}

fn text_item(text: &str) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

fn call_item(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": "fc_1", "call_id": id, "name": name,
        "arguments": arguments, "status": "completed"})
}

/// All events of a body, fed in pieces of `size` bytes.
fn stream_in(body: &[u8], size: usize) -> Vec<ChatEvent> {
    let mut decoder = Responses.chat_decoder(&context());
    let mut events = Vec::new();
    for piece in body.chunks(size) {
        decoder.push(piece, &mut events);
    }
    decoder.finish(&mut events);
    events
}

/// A stream's body from its events, without `event:` lines as bedrock-mantle sends it.
fn sse(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect()
}

fn fold(events: Vec<ChatEvent>) -> Result<ChatResponse, UpstreamError> {
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

fn streamed(events: &[Value]) -> Result<ChatResponse, UpstreamError> {
    fold(stream_in(sse(events).as_bytes(), usize::MAX))
}

fn created() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-test-1",
        "created_at": 1, "status": "in_progress", "output": []}})
}

fn completed(output: Value) -> Value {
    json!({"type": "response.completed", "response": response(output)})
}

fn added(index: u64, item: Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": index, "item": item})
}

fn done(index: u64, item: Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": index, "item": item})
}

fn delta(index: u64, kind: &str, text: &str) -> Value {
    json!({"type": format!("response.{kind}.delta"), "output_index": index, "content_index": 0,
        "delta": text})
}
