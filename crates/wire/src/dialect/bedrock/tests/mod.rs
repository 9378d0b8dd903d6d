//! Tests of the dialect as a whole; rules of one file are tested beside it.

mod answers;
mod count;
mod failures;
mod lines;
mod requests;

use serde_json::{Value, json};

use super::Bedrock;
use crate::adapter::{Adapter as _, DecodeContext, Encoded, Target};
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, Fold};
use crate::error::{EncodeError, UpstreamError};
use crate::event_stream::tests::frame;
use crate::json::RawObject;
use crate::media::MediaStore;

const CLAUDE: &str = "us.anthropic.claude-test";
const NOVA: &str = "us.amazon.nova-2-test";

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

fn target(model: &str) -> Target {
    let mut target = Target {
        model: model.into(),
        ..Target::default()
    };
    target.endpoint.provider = "bedrock".into();
    target.capabilities.cache_control = true;
    target.capabilities.tool_result_media = true;
    target.capabilities.mid_conversation_system = false;
    target
}

fn try_encode(body: Value, target: &Target) -> Result<Encoded, EncodeError> {
    Bedrock.encode_chat(&request(body), target, &MediaStore::default())
}

/// The wire body for a caller's body.
fn encode_for(body: Value, target: &Target) -> (Value, Encoded) {
    let encoded = try_encode(body, target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn encode(body: Value) -> (Value, Encoded) {
    encode_for(body, &target(CLAUDE))
}

/// The wire's messages for a caller's messages.
fn messages(list: Value) -> Value {
    encode(json!({ "messages": list })).0["messages"].clone()
}

fn context() -> DecodeContext {
    DecodeContext {
        model: CLAUDE.into(),
        ..DecodeContext::default()
    }
}

fn decode(content: Value, stop_reason: &str) -> Result<ChatResponse, UpstreamError> {
    let answer = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8},
        "metrics": {"latencyMs": 7},
    });
    Bedrock.decode_chat(answer.to_string().as_bytes(), &context())
}

/// An event's frame.
fn event(name: &str, payload: Value) -> Vec<u8> {
    let headers = [(":event-type", name), (":message-type", "event")];
    frame(&headers, payload.to_string().as_bytes())
}

fn delta(index: u64, delta: Value) -> Vec<u8> {
    event(
        "contentBlockDelta",
        json!({"contentBlockIndex": index, "delta": delta, "p": "abc"}),
    )
}

fn start(index: u64, start: Value) -> Vec<u8> {
    event(
        "contentBlockStart",
        json!({"contentBlockIndex": index, "start": start}),
    )
}

fn stop(index: u64) -> Vec<u8> {
    event("contentBlockStop", json!({ "contentBlockIndex": index }))
}

fn ending(reason: &str) -> Vec<u8> {
    let usage = json!({"inputTokens": 3, "outputTokens": 5, "totalTokens": 8});
    [
        event("messageStop", json!({ "stopReason": reason })),
        event(
            "metadata",
            json!({"usage": usage, "metrics": {"latencyMs": 7}}),
        ),
    ]
    .concat()
}

/// All events of a body, fed in pieces of `size` bytes.
fn stream_in(body: &[u8], size: usize) -> Vec<ChatEvent> {
    let mut decoder = Bedrock.chat_decoder(&context());
    let mut events = Vec::new();
    for piece in body.chunks(size) {
        decoder.push(piece, &mut events);
    }
    decoder.finish(&mut events);
    events
}

/// The answer of a stream, which must not depend on its pieces.
fn stream(frames: &[Vec<u8>]) -> Result<ChatResponse, UpstreamError> {
    let body = frames.concat();
    let events = stream_in(&body, body.len().max(1));
    assert_eq!(stream_in(&body, 1), events);
    assert_eq!(stream_in(&body, 13), events);
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}
