//! Cases that cross the files of this dialect; rules of one file are tested beside it.

mod answers;
mod controls;
mod count;
mod history;
mod outputs;
mod streams;
mod vertex;

use serde_json::{Value, json};

use super::Gemini;
use crate::adapter::{Adapter as _, DecodeContext, Encoded, Target};
use crate::capability::{Capabilities, JsonSchemaSupport, Reasoning};
use crate::chat::{ChatEvent, ChatRequest, Effort};
use crate::error::EncodeError;
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

/// A model that thinks by budget (2.5) or by level (3 and later).
fn target(generation: u32) -> Target {
    let reasoning = if generation < 3 {
        Reasoning::Budget {
            min: 128,
            max: 24_576,
            can_disable: true,
        }
    } else {
        Reasoning::Effort {
            levels: vec![Effort::Low, Effort::Medium, Effort::High],
        }
    };
    Target {
        model: "gemini-x".into(),
        capabilities: Capabilities {
            prefill: false,
            stop_max: Some(5),
            choices_max: 8,
            tool_result_media: generation >= 3,
            json_schema: if generation < 3 {
                JsonSchemaSupport::WithoutTools
            } else {
                JsonSchemaSupport::Yes
            },
            reasoning,
            ..Capabilities::default()
        },
        ..Target::default()
    }
}

fn try_encode(body: Value, target: &Target) -> Result<Encoded, EncodeError> {
    Gemini.encode_chat(&request(body), target, &MediaStore::default())
}

/// The wire body for a caller's body.
fn encode_for(body: Value, target: &Target) -> (Value, Encoded) {
    let encoded = try_encode(body, target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn encode(body: Value) -> (Value, Encoded) {
    encode_for(body, &target(2))
}

/// The wire's contents for a caller's messages.
fn contents(generation: u32, messages: Value) -> Value {
    let (body, _) = encode_for(json!({ "messages": messages }), &target(generation));
    body["contents"].clone()
}

/// One call of the tool `look` with that id.
fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}})
}

fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object",
        "properties": {"at": {"type": "integer"}}}}})
}

/// The events of a body that comes in pieces of that size.
fn events(body: &[u8], piece: usize, context: &DecodeContext) -> Vec<ChatEvent> {
    let mut decoder = Gemini.chat_decoder(context);
    let mut out = Vec::new();
    for bytes in body.chunks(piece.max(1)) {
        decoder.push(bytes, &mut out);
    }
    decoder.finish(&mut out);
    out
}
