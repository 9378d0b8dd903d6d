//! Tests of the dialect as a whole; rules of one file are tested beside it.

mod answers;
mod controls;
mod endpoints;
mod failures;
mod history;
mod lines;
mod outputs;
mod streams;
mod v1;
mod v1_answers;

use serde_json::{Value, json};

use super::Cohere;
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
        model: "command-test".into(),
        ..Target::default()
    };
    target.endpoint.provider = "cohere".into();
    target.endpoint.first_party = true;
    target.capabilities.max_output = Some(50_000);
    target
}

fn try_encode(body: Value, target: &Target) -> Result<Encoded, EncodeError> {
    Cohere.encode_chat(&request(body), target, &MediaStore::default())
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
    Cohere
        .decode_chat(answer.to_string().as_bytes(), &DecodeContext::default())
        .unwrap()
}

/// All events of a body, fed in pieces of `size` bytes.
fn stream_in(body: &[u8], size: usize, context: &DecodeContext) -> Vec<ChatEvent> {
    let mut decoder = Cohere.chat_decoder(context);
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

/// A stream's body from its events, terminator included.
fn sse(events: &[Value]) -> String {
    let mut body: String = events
        .iter()
        .map(|event| {
            let kind = event["type"].as_str().unwrap_or_default();
            format!("event: {kind}\ndata: {event}\n\n")
        })
        .collect();
    body.push_str("data: [DONE]\n\n");
    body
}
