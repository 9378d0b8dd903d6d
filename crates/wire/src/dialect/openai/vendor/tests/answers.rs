//! What of the answer's way back a vendor's rules change.

use serde_json::json;

use super::{request, sent_to, target};
use crate::adapter::DecodeContext;
use crate::capability::{Capabilities, Reasoning};
use crate::chat::Effort;
use crate::dialect::openai::{edit_chat, needs_translation};
use crate::json::RawObject;

fn context(
    vendor: &str,
    members: &serde_json::Value,
    capabilities: Capabilities,
) -> (bool, DecodeContext) {
    let mut target = target(vendor);
    target.capabilities = capabilities;
    let text = request(members).to_string();
    let raw = RawObject::parse(text.as_bytes()).unwrap();
    let encoded = edit_chat(&raw, &target).unwrap().encoded;
    let body: serde_json::Value = serde_json::from_slice(&encoded.body).unwrap();
    (body["stream"] == true, encoded.context)
}

fn thinker() -> Capabilities {
    Capabilities {
        reasoning: Reasoning::Effort {
            levels: vec![Effort::None, Effort::Low],
        },
        ..Capabilities::default()
    }
}

#[test]
fn section_15_qwen_thinks_in_streams_only() {
    let (streams, context_) = context("qwen", &json!({"reasoning_effort": "low"}), thinker());
    assert!(streams && context_.stream_turned);
    let (streams, context_) = context("qwen", &json!({"reasoning_effort": "none"}), thinker());
    assert!(!streams && !context_.stream_turned);
    let both = json!({"reasoning_effort": "low", "stream": true});
    let (streams, context_) = context("qwen", &both, thinker());
    assert!(streams && !context_.stream_turned);
}

#[test]
fn section_8_2_groq_does_not_stream_schemas() {
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}});
    let asked = json!({"stream": true, "response_format": schema});
    let (streams, context_) = context("groq", &asked, Capabilities::default());
    assert!(!streams && context_.stream_turned);
    let (streams, context_) = context("groq", &json!({"stream": true}), Capabilities::default());
    assert!(streams && !context_.stream_turned);
}

/// Case 7.
#[test]
fn section_7_names_that_a_vendor_refuses_are_mangled() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "a.b/c", "parameters": {"type": "object"}}}]});
    let text = request(&tools).to_string();
    let raw = RawObject::parse(text.as_bytes()).unwrap();
    for (vendor, strict) in [
        ("groq", true),
        ("mistral", true),
        ("vllm", false),
        ("ollama", false),
    ] {
        assert_eq!(needs_translation(&raw, &target(vendor)), strict, "{vendor}");
    }
}

#[test]
fn section_15_mistral_takes_no_member_of_a_message_that_it_does_not_know() {
    let body = json!({"model": "x", "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo", "refusal": null, "annotations": [], "audio": {"id": "a"}},
        {"role": "user", "content": "Hi"},
    ]});
    let text = body.to_string();
    let raw = RawObject::parse(text.as_bytes()).unwrap();
    let sent = edit_chat(&raw, &target("mistral")).unwrap().encoded;
    let value: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(
        value["messages"][1],
        json!({"role": "assistant", "content": "Yo"})
    );
    assert_eq!(sent.dropped, ["messages[].audio"]);
}

#[test]
fn section_6_parts_that_a_model_does_not_take_are_refused_by_their_place() {
    let mut blind = target("deepseek");
    blind.capabilities.image_input = false;
    let body = json!({"model": "x", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "Hi"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
    ]}]});
    let text = body.to_string();
    let raw = RawObject::parse(text.as_bytes()).unwrap();
    assert!(needs_translation(&raw, &blind));
    assert!(!needs_translation(&raw, &target("deepseek")));
    assert!(sent_to(&target("deepseek"), &body).is_ok());
}
