//! Tests of the dialect as a whole; rules of one file are tested beside it.

mod answers;
mod controls;
mod count;
mod failures;
mod history;
mod invariants;
mod outputs;
mod streams;
mod vertex;

use serde_json::{Value, json};

use super::Anthropic;
use crate::adapter::{Adapter as _, DecodeContext, Encoded, Target};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, Fold};
use crate::error::{EncodeError, UpstreamError};
use crate::json::RawObject;
use crate::media::MediaStore;

/// A hub request from what a caller would send, `messages` put to "Hi" if left out.
fn request(mut body: Value) -> ChatRequest {
    let members = body.as_object_mut().unwrap();
    members.insert("model".into(), "m".into());
    if !members.contains_key("messages") {
        members.insert(
            "messages".into(),
            json!([{"role": "user", "content": "Hi"}]),
        );
    }
    let text = body.to_string();
    crate::dialect::openai::parse_chat(&RawObject::parse(text.as_bytes()).unwrap()).unwrap()
}

fn target() -> Target {
    let mut target = Target {
        model: "claude-test".into(),
        ..Target::default()
    };
    target.endpoint.provider = "anthropic".into();
    target.endpoint.first_party = true;
    target.capabilities.max_output = Some(50_000);
    target
}

fn try_encode(body: Value, target: &Target) -> Result<Encoded, EncodeError> {
    Anthropic.encode_chat(&request(body), target, &MediaStore::default())
}

/// The wire body for a caller's body.
fn encode_for(body: Value, target: &Target) -> (Value, Encoded) {
    let encoded = try_encode(body, target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn encode(body: Value) -> (Value, Encoded) {
    encode_for(body, &target())
}

/// The wire's messages for a caller's messages.
fn messages(list: Value) -> Value {
    encode(json!({ "messages": list })).0["messages"].clone()
}

fn decode(message: Value) -> ChatResponse {
    decode_with(message, &DecodeContext::default())
}

fn decode_with(message: Value, context: &DecodeContext) -> ChatResponse {
    let mut whole = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test",
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    });
    let members = message.as_object().expect("a message is an object");
    crate::options::merge(whole.as_object_mut().unwrap(), members);
    Anthropic
        .decode_chat(whole.to_string().as_bytes(), context)
        .unwrap()
}

/// All events of a body, fed in pieces of `size` bytes.
fn stream_in(body: &[u8], size: usize, context: &DecodeContext) -> Vec<ChatEvent> {
    let mut decoder = Anthropic.chat_decoder(context);
    let mut events = Vec::new();
    for piece in body.chunks(size) {
        decoder.push(piece, &mut events);
    }
    decoder.finish(&mut events);
    events
}

fn fold(events: Vec<ChatEvent>) -> Result<ChatResponse, UpstreamError> {
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

/// A stream's body from its events.
fn sse(events: &[Value]) -> String {
    events
        .iter()
        .map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap_or_default()
            )
        })
        .collect()
}

fn start() -> Value {
    json!({"type": "message_start", "message": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-test",
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 1},
    }})
}

fn block_start(index: u64, block: Value) -> Value {
    json!({"type": "content_block_start", "index": index, "content_block": block})
}

fn delta(index: u64, delta: Value) -> Value {
    json!({"type": "content_block_delta", "index": index, "delta": delta})
}

fn block_stop(index: u64) -> Value {
    json!({"type": "content_block_stop", "index": index})
}

fn message_delta(reason: &str) -> Value {
    json!({
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": 5},
    })
}

fn message_stop() -> Value {
    json!({"type": "message_stop"})
}
