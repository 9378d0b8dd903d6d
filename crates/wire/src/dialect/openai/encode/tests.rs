use serde_json::json;

use super::*;
use crate::chat::{BlockSpan, ChatEvent, ProviderBlock, replay};
use crate::error::{ErrorKind, UpstreamError};

fn identity() -> ReplyIdentity {
    ReplyIdentity {
        id: "chatcmpl-x".into(),
        created: 9,
        model: "anthropic/claude".into(),
    }
}

fn answer() -> ChatResponse {
    let message = AssistantMessage {
        text: "Hi \"you\"".into(),
        reasoning: "hm".into(),
        tool_calls: vec![ToolCall {
            id: "c1".into(),
            name: "f".into(),
            arguments: "{\"a\":1}".into(),
            custom: false,
        }],
        annotations: vec![Annotation {
            url: "https://example.com".into(),
            title: "Example".into(),
            start_index: 0,
            end_index: 2,
            native: json!({"type": "web", "cited": "Hi"}),
        }],
        blocks: vec![ProviderBlock {
            index: 0,
            issuer: "anthropic".into(),
            model: "claude".into(),
            span: BlockSpan::default(),
            block: json!({"type": "thinking", "thinking": "", "signature": "s"}),
        }],
        ..AssistantMessage::default()
    };
    ChatResponse {
        id: "msg_1".into(),
        created: None,
        model: "claude".into(),
        choices: vec![Choice {
            index: 0,
            message,
            finish_reason: Some(FinishReason::ToolCalls),
            native_finish_reason: Some("tool_use".into()),
            stop_sequence: None,
            logprobs: None,
            metadata: Map::new(),
        }],
        usage: Some(Usage {
            input: 5,
            output: 7,
            native: json!({"input_tokens": 5}).as_object().unwrap().clone(),
            ..Usage::default()
        }),
        service_tier: Some("standard".into()),
        system_fingerprint: None,
        metadata: json!({"container": "x"}).as_object().unwrap().clone(),
    }
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The chunks of a stream, and whether it ended in `[DONE]`.
fn stream(events: Vec<ChatEvent>, options: ChunkOptions) -> (Vec<Value>, bool) {
    let mut encoder = ChunkEncoder::new(&identity(), options);
    let mut out = Vec::new();
    for event in events {
        encoder.push(event, &mut out);
    }
    assert!(encoder.is_ended());
    let text = String::from_utf8(out).unwrap();
    let mut data: Vec<&str> = text
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .collect();
    let done = data.last() == Some(&"[DONE]");
    data.retain(|data| *data != "[DONE]");
    (
        data.iter().map(|data| parsed(data.as_bytes())).collect(),
        done,
    )
}

#[test]
fn a_whole_answer_with_its_extensions() {
    let body = parsed(&response(&answer(), &identity(), false));
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(
        (&body["id"], &body["created"]),
        (&json!("chatcmpl-x"), &json!(9))
    );
    assert_eq!(body["service_tier"], "default");
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["native_finish_reason"], "tool_use");
    let message = &choice["message"];
    assert_eq!(message["content"], "Hi \"you\"");
    assert_eq!(message["reasoning_content"], "hm");
    assert_eq!(
        message["tool_calls"][0]["function"]["arguments"],
        "{\"a\":1}"
    );
    assert_eq!(message["annotations"][0]["native"]["cited"], "Hi");
    assert_eq!(message["provider_blocks"][0]["block"]["signature"], "s");
    assert_eq!(body["usage"]["total_tokens"], 12);
    let metadata =
        json!({"container": "x", "usage": {"input_tokens": 5}, "service_tier": "standard"});
    assert_eq!(body["provider_metadata"], metadata);
}

#[test]
fn a_streamed_answer_says_the_same() {
    let options = ChunkOptions {
        include_usage: true,
        legacy_functions: false,
    };
    let (chunks, done) = stream(replay(answer()), options);
    assert!(done);
    let first = &chunks[0]["choices"][0]["delta"];
    assert_eq!(
        (&first["role"], &first["content"]),
        (&json!("assistant"), &json!(""))
    );
    for chunk in &chunks {
        assert_eq!(
            (&chunk["id"], &chunk["created"], &chunk["model"]),
            (&json!("chatcmpl-x"), &json!(9), &json!("anthropic/claude"))
        );
        assert_eq!(chunk["service_tier"], "default");
    }
    let deltas = |key: &str| -> Vec<Value> {
        chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"].get(key).cloned())
            .collect()
    };
    assert_eq!(deltas("reasoning_content"), [json!("hm")]);
    assert_eq!(deltas("content"), [json!(""), json!("Hi \"you\"")]);
    let calls = deltas("tool_calls");
    assert_eq!(
        calls[0],
        json!([{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}])
    );
    assert_eq!(
        calls[1],
        json!([{"index": 0, "function": {"arguments": "{\"a\":1}"}}])
    );
    assert_eq!(deltas("provider_blocks")[0][0]["index"], 0);
    assert_eq!(deltas("annotations")[0][0]["index"], 0);
    let finish = &chunks[chunks.len() - 2]["choices"][0];
    assert_eq!(
        (&finish["finish_reason"], &finish["delta"]),
        (&json!("tool_calls"), &json!({}))
    );
    let last = chunks.last().unwrap();
    assert_eq!(
        (&last["choices"], &last["usage"]["total_tokens"]),
        (&json!([]), &json!(12))
    );
    assert_eq!(last["provider_metadata"]["container"], "x");
}

#[test]
fn case_42_no_usage_chunk_unless_asked() {
    let (chunks, done) = stream(replay(answer()), ChunkOptions::default());
    assert!(done);
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(last["provider_metadata"]["container"], "x");
}

#[test]
fn case_32_an_error_ends_without_a_finish_and_without_done() {
    let events = vec![
        ChatEvent::Text {
            choice: 0,
            text: "x".into(),
        },
        ChatEvent::Finish {
            choice: 0,
            reason: FinishReason::Stop,
            native: String::new(),
            stop_sequence: None,
        },
        ChatEvent::Error(UpstreamError::new(ErrorKind::Truncated, "cut")),
        ChatEvent::Text {
            choice: 0,
            text: "y".into(),
        },
    ];
    let (chunks, done) = stream(events, ChunkOptions::default());
    assert!(!done);
    assert_eq!(
        chunks.last().unwrap()["error"]["code"],
        "upstream_truncated"
    );
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["choices"][0]["finish_reason"].is_null())
    );
}

#[test]
fn legacy_functions_get_a_function_call() {
    let body = parsed(&response(&answer(), &identity(), true));
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "function_call");
    assert_eq!(choice["message"]["function_call"]["name"], "f");
    assert!(choice["message"].get("tool_calls").is_none());
    let options = ChunkOptions {
        include_usage: false,
        legacy_functions: true,
    };
    let (chunks, _) = stream(replay(answer()), options);
    let delta = |at: usize| &chunks[at]["choices"][0]["delta"]["function_call"];
    let at = chunks
        .iter()
        .position(|chunk| chunk["choices"][0]["delta"].get("function_call").is_some())
        .unwrap();
    assert_eq!(
        (&delta(at)["name"], &delta(at + 1)["arguments"]),
        (&json!("f"), &json!("{\"a\":1}"))
    );
}

#[test]
fn custom_calls_keep_their_shape() {
    let mut whole = answer();
    whole.choices[0].message.tool_calls[0].custom = true;
    whole.choices[0].message.tool_calls[0].arguments = "ls -l".into();
    let body = parsed(&response(&whole, &identity(), false));
    assert_eq!(
        body["choices"][0]["message"]["tool_calls"][0]["custom"],
        json!({"name": "f", "input": "ls -l"})
    );
    let (chunks, _) = stream(replay(whole), ChunkOptions::default());
    assert!(
        chunks.iter().any(
            |chunk| chunk["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"] == "ls -l"
        )
    );
}

#[test]
fn case_26_two_choices_each_begin_and_end() {
    let events = vec![
        ChatEvent::Text {
            choice: 1,
            text: "b".into(),
        },
        ChatEvent::Text {
            choice: 0,
            text: "a".into(),
        },
        ChatEvent::End,
    ];
    let (chunks, _) = stream(events, ChunkOptions::default());
    for index in [0, 1] {
        let own: Vec<_> = chunks
            .iter()
            .filter(|chunk| chunk["choices"][0]["index"] == index)
            .collect();
        assert_eq!(own.len(), 3);
        assert_eq!(own[0]["choices"][0]["delta"]["role"], "assistant");
        assert_eq!(own[2]["choices"][0]["finish_reason"], "stop");
    }
}

#[test]
fn embeddings_as_floats_and_as_base64() {
    let answer = EmbeddingResponse {
        model: "e".into(),
        vectors: vec![vec![1.0, -0.5], vec![0.25, 0.0]],
        usage: None,
        metadata: Map::new(),
    };
    let floats = parsed(&embeddings(&answer, false));
    assert_eq!(floats["data"][1]["embedding"], json!([0.25, 0.0]));
    assert_eq!(floats["data"][1]["index"], 1);
    assert_eq!(
        floats["usage"],
        json!({"prompt_tokens": 0, "total_tokens": 0})
    );
    // 1.0 and -0.5 as little-endian float32.
    let base64 = parsed(&embeddings(&answer, true));
    assert_eq!(base64["data"][0]["embedding"], "AACAPwAAAL8=");
}

#[test]
fn case_22_23_and_24_blocks_come_back_from_a_caller_unchanged() {
    let mut whole = answer();
    let blocks = [
        (
            "anthropic",
            json!({"type": "thinking", "thinking": "", "signature": "s="}),
            0,
        ),
        (
            "anthropic",
            json!({"type": "redacted_thinking", "data": "x=="}),
            0,
        ),
        ("gemini", json!({"thoughtSignature": "g="}), 1),
    ];
    let blocks = blocks
        .into_iter()
        .zip(0..)
        .map(|((issuer, block, call_len), index)| ProviderBlock {
            index,
            issuer: issuer.into(),
            model: "m".into(),
            span: BlockSpan {
                text: 0,
                text_len: 0,
                calls: 0,
                call_len,
            },
            block,
        });
    whole.choices[0].message.blocks = blocks.collect();
    let body = parsed(&response(&whole, &identity(), false));
    // What a streaming client puts together: list entries by their index.
    let (chunks, _) = stream(replay(whole.clone()), ChunkOptions::default());
    let mut streamed = body["choices"][0]["message"].clone();
    streamed["provider_blocks"] = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["provider_blocks"].as_array())
        .flatten()
        .cloned()
        .collect();
    for message in [body["choices"][0]["message"].clone(), streamed] {
        let request = json!({"model": "m", "messages": [message]}).to_string();
        let raw = crate::json::RawObject::parse(request.as_bytes()).unwrap();
        let request = crate::dialect::openai::parse_chat(&raw).unwrap();
        assert_eq!(request.messages[0].blocks, whole.choices[0].message.blocks);
        assert_eq!(request.messages[0].reasoning.as_deref(), Some("hm"));
    }
}
