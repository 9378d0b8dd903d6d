//! Whatever the conversation, what goes out keeps the API's rules, or is refused before.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::chat::{BlockSpan, CacheControl, Message, Part, ProviderBlock, Role, ToolCall};

fn arb_id() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("call_0"),
        Just("call_0_2"),
        Just("a:b"),
        Just("a_b"),
        Just("")
    ]
    .prop_map(ToOwned::to_owned)
}

fn arb_text() -> impl Strategy<Value = String> {
    prop_oneof![Just("é 😀 x"), Just(" \n"), Just(""), Just("tail \n")].prop_map(ToOwned::to_owned)
}

fn arb_block() -> impl Strategy<Value = ProviderBlock> {
    let block = prop_oneof![
        Just(json!({"type": "thinking", "thinking": "", "signature": "s"})),
        Just(json!({"type": "thinking", "thinking": "t", "signature": ""})),
        Just(json!({"type": "text", "text": "é 😀", "citations": [{"url": "u"}]})),
        Just(json!({"type": "tool_use", "id": "call_0", "name": "f", "input": {}, "extra": 1})),
        Just(json!([1])),
    ];
    let span = (0_usize..8, 0_usize..4, 0_usize..3, 0_usize..2);
    (block, span, any::<bool>()).prop_map(|(block, (text, text_len, calls, call_len), own)| {
        ProviderBlock {
            index: 0,
            issuer: if own { "anthropic" } else { "gemini" }.into(),
            model: String::new(),
            span: BlockSpan {
                text,
                text_len,
                calls,
                call_len,
            },
            block,
        }
    })
}

fn arb_message() -> impl Strategy<Value = Message> {
    let role = prop_oneof![
        Just(Role::System),
        Just(Role::User),
        Just(Role::Assistant),
        Just(Role::Assistant),
        Just(Role::Tool),
        Just(Role::Tool),
    ];
    (
        role,
        proptest::collection::vec(arb_text(), 0..3),
        proptest::collection::vec((arb_id(), "[a-z.]{1,3}", "(\\{\\}|\\{|x|)"), 0..3),
        proptest::option::of(arb_id()),
        proptest::collection::vec(arb_block(), 0..3),
        any::<bool>(),
    )
        .prop_map(|(role, texts, calls, result, blocks, marked)| {
            let mut message = Message::new(role);
            message.parts = texts
                .into_iter()
                .map(|text| Part::Text {
                    text,
                    cache_control: None,
                })
                .collect();
            if role == Role::Assistant {
                message.tool_calls = calls
                    .into_iter()
                    .map(|(id, name, arguments)| ToolCall {
                        id,
                        name,
                        arguments,
                        custom: false,
                    })
                    .collect();
                message.blocks = blocks;
            }
            if role == Role::Tool {
                message.tool_call_id = result;
            }
            if marked {
                let mark = json!({"type": "ephemeral"});
                message.cache_control = mark.as_object().cloned().map(CacheControl);
            }
            message
        })
}

fn blocks(turn: &Value) -> Vec<Value> {
    match &turn["content"] {
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        content => content.as_array().unwrap().clone(),
    }
}

fn ids(blocks: &[Value], kind: &str, key: &str) -> Vec<String> {
    blocks
        .iter()
        .filter(|block| block["type"] == kind)
        .map(|block| block[key].as_str().unwrap().to_owned())
        .collect()
}

fn check(turns: &[Value]) {
    assert_eq!(turns[0]["role"], "user");
    let mut seen = BTreeSet::new();
    for (at, turn) in turns.iter().enumerate() {
        let content = blocks(turn);
        assert!(!content.is_empty(), "an empty turn: {turns:?}");
        if let Some(before) = at.checked_sub(1).map(|at| &turns[at]) {
            assert_ne!(before["role"], turn["role"], "{turns:?}");
            assert!(turn["role"] != "system" || before["role"] == "user");
        }
        let first_other = content
            .iter()
            .position(|block| block["type"] != "tool_result");
        assert!(
            content
                .iter()
                .skip(first_other.unwrap_or(content.len()))
                .all(|block| block["type"] != "tool_result"),
            "results come first: {turns:?}"
        );
        for block in &content {
            assert!(block["type"] != "text" || !block["text"].as_str().unwrap().trim().is_empty());
            assert!(block["type"] != "thinking" || block["signature"] != "");
            assert!(block["type"] != "tool_use" || block["input"].is_object());
        }
        let mut calls = ids(&content, "tool_use", "id");
        let next = turns.get(at + 1).map(blocks).unwrap_or_default();
        let mut results = ids(&next, "tool_result", "tool_use_id");
        for id in &calls {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
            assert!(!id.is_empty() && id.bytes().all(fits), "{id}");
            assert!(seen.insert(id.clone()), "repeated: {id}");
        }
        if turn["role"] == "assistant" {
            calls.sort();
            results.sort();
            assert_eq!(calls, results, "{turns:?}");
        }
    }
    let last = turns.last().unwrap();
    if last["role"] == "assistant" {
        let text = blocks(last).last().unwrap()["text"]
            .as_str()
            .map(ToOwned::to_owned);
        assert!(text.is_none_or(|text| text.trim_end() == text));
    }
}

proptest! {
    #[test]
    fn what_goes_out_keeps_the_rules(
        messages in proptest::collection::vec(arb_message(), 1..7),
        in_place: bool,
        prefill: bool,
    ) {
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let mut target = target();
        target.capabilities.mid_conversation_system = in_place;
        target.capabilities.prefill = prefill;
        target.policy.repair_orphans = true;
        target.policy.rewrite_prefill = true;
        if let Ok(encoded) = Anthropic.encode_chat(&request, &target, &MediaStore::default()) {
            let body: Value = serde_json::from_slice(&encoded.body).unwrap();
            check(body["messages"].as_array().unwrap());
            let again = Anthropic.encode_chat(&request, &target, &MediaStore::default()).unwrap();
            prop_assert_eq!(encoded, again);
        }
    }
}
