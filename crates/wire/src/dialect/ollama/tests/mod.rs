//! Tests of the dialect as a whole.

mod answers;
mod controls;
mod endpoints;
mod failures;
mod history;
mod streams;
mod window;

use serde_json::{Value, json};

use super::Ollama;
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
        model: "qwen-test".into(),
        ..Target::default()
    };
    target.endpoint.provider = "ollama".into();
    target
}

fn try_encode(body: Value, target: &Target) -> Result<Encoded, EncodeError> {
    Ollama.encode_chat(&request(body), target, &MediaStore::default())
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

fn decode(answer: &Value) -> ChatResponse {
    try_decode(answer).unwrap()
}

fn try_decode(answer: &Value) -> Result<ChatResponse, UpstreamError> {
    Ollama.decode_chat(answer.to_string().as_bytes(), &DecodeContext::default())
}

/// All events of a body, fed in pieces of `size` bytes.
fn stream_in(body: &[u8], size: usize, context: &DecodeContext) -> Vec<ChatEvent> {
    let mut decoder = Ollama.chat_decoder(context);
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

/// A line with a piece of a message.
fn piece(message: Value) -> Value {
    json!({"model": "qwen-test", "created_at": "2026-03-02T10:00:00.5Z", "message": message,
        "done": false})
}

/// The last line.
fn end(reason: &str) -> Value {
    json!({"model": "qwen-test", "created_at": "2026-03-02T10:00:01Z",
        "message": {"role": "assistant", "content": ""}, "done": true, "done_reason": reason,
        "total_duration": 5, "load_duration": 1, "prompt_eval_count": 11,
        "prompt_eval_duration": 2, "eval_count": 7, "eval_duration": 3})
}

/// A stream's body from its objects.
fn lines(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("{object}\n")).collect()
}
