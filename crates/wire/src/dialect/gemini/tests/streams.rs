//! Streamed answers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::chat::{FinishReason, Fold};
use crate::error::{ErrorKind, UpstreamError};

fn sse(chunks: &[Value]) -> String {
    chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\r\n\r\n"))
        .collect()
}

fn said(parts: Value) -> Value {
    json!({"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0}]})
}

fn ended(parts: Value) -> Value {
    let mut chunk = said(parts);
    chunk["candidates"][0]["finishReason"] = "STOP".into();
    chunk
}

fn read(body: &str) -> Vec<ChatEvent> {
    events(body.as_bytes(), body.len(), &DecodeContext::default())
}

fn error_of(body: &str) -> UpstreamError {
    match read(body).pop() {
        Some(ChatEvent::Error(error)) => error,
        other => panic!("{other:?} instead of an error"),
    }
}

fn conversation() -> Vec<Value> {
    let mut first = said(json!([{"text": "let me", "thought": true}]));
    first["responseId"] = "r".into();
    first["usageMetadata"] = json!({"promptTokenCount": 9, "thoughtsTokenCount": 2});
    let mut second = said(json!([{"text": "Grüße 😀"}]));
    second["usageMetadata"] = json!({"candidatesTokenCount": 3});
    let mut last = ended(json!([{"functionCall": {"name": "f", "args": {"a": [1]}}},
        {"text": "", "thoughtSignature": "c2ln"}]));
    last["usageMetadata"] = json!({"trafficType": "ON_DEMAND"});
    vec![first, second, last]
}

/// §12.1, §12.2: counts on any chunk, a bare `trafficType`, a signature with empty text; Vertex AI
/// alike.
#[test]
fn case_62_a_stream_folds_into_one_answer() {
    let mut fold = Fold::new();
    for event in read(&sse(&conversation())) {
        fold.push(event);
    }
    let response = fold.finish().unwrap();
    let choice = &response.choices[0];
    assert_eq!(choice.message.text, "Grüße 😀");
    assert_eq!(choice.message.reasoning, "let me");
    assert_eq!(choice.message.tool_calls[0].arguments, r#"{"a":[1]}"#);
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    let span = choice.message.blocks[0].span;
    assert_eq!((span.text, span.calls), (7, 1));
    let usage = response.usage.unwrap();
    assert_eq!((usage.input, usage.output), (9, 5));
    assert_eq!(usage.native["trafficType"], "ON_DEMAND");
    assert_eq!(response.service_tier.as_deref(), Some("default"));
}

/// §12.3: the finish on the last chunk only; Vertex AI alike.
#[test]
fn one_finish_and_one_end_come_last() {
    let all = read(&sse(&conversation()));
    let finishes = all
        .iter()
        .filter(|event| matches!(event, ChatEvent::Finish { .. }))
        .count();
    assert_eq!(finishes, 1);
    assert_eq!(all.last(), Some(&ChatEvent::End));
    assert!(matches!(all.first(), Some(ChatEvent::Start { id, .. }) if id == "r"));
}

/// §12.1, without `alt=sse`; Vertex AI alike.
#[test]
fn a_json_array_and_a_lone_object_are_streams_too() {
    let expected = read(&sse(&conversation()));
    let array = format!(" {}\n", Value::from(conversation()));
    assert_eq!(read(&array), expected);
    assert_eq!(
        events(array.as_bytes(), 1, &DecodeContext::default()),
        expected
    );
    let whole = ended(json!([{"text": "a \" ] } \\"}])).to_string();
    assert_eq!(
        read(&whole),
        read(&sse(&[ended(json!([{"text": "a \" ] } \\"}]))]))
    );
    let cut = array.trim().trim_end_matches(']');
    assert_eq!(error_of(cut).kind, ErrorKind::Truncated);
}

/// §12.4, error frames; Vertex AI alike.
#[test]
fn case_31_and_32_errors_in_band_in_any_framing() {
    let error = json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "busy"}});
    let start = said(json!([{"text": "a"}]));
    for body in [
        error.to_string(),
        json!([error]).to_string(),
        json!([start, error]).to_string(),
        sse(std::slice::from_ref(&error)),
        sse(&[json!([error])]),
        sse(&[start, error]),
    ] {
        let found = error_of(&body);
        assert_eq!(found.kind, ErrorKind::Overloaded, "{body}");
        assert_eq!(found.status, None);
    }
}

/// §12.4: EOF after a finish is the end; Vertex AI alike.
#[test]
fn case_33_and_34_ends() {
    let half = said(json!([{"text": "half"}]));
    assert_eq!(
        error_of(&sse(std::slice::from_ref(&half))).kind,
        ErrorKind::Truncated
    );
    assert_eq!(error_of("").kind, ErrorKind::Truncated);
    // The last event may lack its blank line, and a proxy may add a terminator.
    let done = ended(json!([{"text": "x"}]));
    assert_eq!(read(&format!("data: {done}")).last(), Some(&ChatEvent::End));
    let proxied = sse(std::slice::from_ref(&done)) + "data: [DONE]\n\n";
    assert_eq!(read(&proxied).last(), Some(&ChatEvent::End));
    // One of two candidates did not end.
    let mut other = half.clone();
    other["candidates"][0]["index"] = 1.into();
    assert_eq!(error_of(&sse(&[other, done])).kind, ErrorKind::Truncated);
}

#[test]
fn bodies_that_are_no_stream() {
    for body in [
        "<html>",
        "data: {\"candidates\n\n",
        "data: 7\n\n",
        "[1",
        "{\"a\":}",
    ] {
        assert_eq!(error_of(body).kind, ErrorKind::MalformedReply, "{body}");
    }
}

#[test]
fn a_blocked_prompt_is_an_error() {
    let body = sse(&[json!({"promptFeedback": {"blockReason": "OTHER"}})]);
    assert_eq!(error_of(&body).kind, ErrorKind::ContentFiltered);
}

/// §12.2, `partialArgs`; Vertex AI alike.
#[test]
fn case_62_arguments_in_pieces_become_calls() {
    let piece = |path: &str, text: &str, more: bool| {
        let mut arg = json!({"jsonPath": path, "stringValue": text});
        if more {
            arg["willContinue"] = true.into();
        }
        said(json!([{"functionCall": {"partialArgs": [arg], "willContinue": true}}]))
    };
    let open = json!({"functionCall": {"name": "f", "willContinue": true},
        "thoughtSignature": "c2ln"});
    let chunks = [
        said(json!([open])),
        piece("$.city", "Lis", true),
        piece("$.city", "bon", false),
        said(json!([{"functionCall": {}}])),
        said(json!([{"functionCall": {"name": "g", "willContinue": true}}])),
        ended(json!([{"functionCall": {"willContinue": false}}])),
    ];
    let mut fold = Fold::new();
    for event in read(&sse(&chunks)) {
        fold.push(event);
    }
    let response = fold.finish().unwrap();
    let calls: Vec<_> = response.choices[0]
        .message
        .tool_calls
        .iter()
        .map(|call| (call.name.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("f", r#"{"city":"Lisbon"}"#), ("g", "{}")]);
    assert_eq!(response.choices[0].message.blocks[0].span.call_len, 1);

    let mut cut = chunks[..2].to_vec();
    cut.push(ended(json!([])));
    assert_eq!(error_of(&sse(&cut)).kind, ErrorKind::Truncated);
}

/// §11.3, citations in streams; Vertex AI alike.
#[test]
fn grounding_in_pieces_is_joined() {
    let mut first = said(json!([{"text": "a"}]));
    first["candidates"][0]["groundingMetadata"] = json!({"webSearchQueries": ["q"]});
    let mut last = ended(json!([{"text": "b"}]));
    last["candidates"][0]["groundingMetadata"] = json!({});
    let mut fold = Fold::new();
    for event in read(&sse(&[first, last])) {
        fold.push(event);
    }
    let response = fold.finish().unwrap();
    assert_eq!(
        response.choices[0].metadata["groundingMetadata"],
        json!({"webSearchQueries": ["q"]})
    );
}

#[test]
fn sound_in_pieces_is_one_base64_text() {
    let piece =
        |data: &str| json!([{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": data}}]);
    // "a", "bcd" and "ef", each padded on its own.
    let chunks = [
        said(piece("YQ==")),
        said(piece("YmNk")),
        ended(piece("ZWY=")),
    ];
    let mut fold = Fold::new();
    for event in read(&sse(&chunks)) {
        fold.push(event);
    }
    let audio = fold.finish().unwrap().choices[0].message.audio.clone();
    assert_eq!(
        audio,
        Some(json!({"data": "YWJjZGVm", "mime_type": "audio/L16;rate=24000"}))
    );
}

fn any_chunk() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-zé😀\"\\\\{}\\[\\]]{0,6}".prop_map(|text| said(json!([{ "text": text }]))),
        Just(ended(
            json!([{"functionCall": {"name": "f", "args": {"é": "}"}}}])
        )),
        Just(said(
            json!([{"functionCall": {"name": "f", "willContinue": true}}])
        )),
        Just(json!({"usageMetadata": {"promptTokenCount": 1}})),
        Just(json!({"error": {"code": 500}})),
    ]
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(
        chunks in proptest::collection::vec(any_chunk(), 0..6),
        piece in 1usize..40,
        array in any::<bool>(),
        cut in 0usize..3,
    ) {
        let body = if array { Value::from(chunks).to_string() } else { sse(&chunks) };
        let body = &body.as_bytes()[..body.len().saturating_sub(cut)];
        let context = DecodeContext::default();
        let whole = events(body, body.len(), &context);
        prop_assert_eq!(&events(body, piece, &context), &whole);
        let ends = whole
            .iter()
            .filter(|event| matches!(event, ChatEvent::End | ChatEvent::Error(_)))
            .count();
        prop_assert_eq!(ends, 1);
        prop_assert!(matches!(whole.last(), Some(ChatEvent::End | ChatEvent::Error(_))));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1usize..9) {
        let context = DecodeContext::default();
        prop_assert_eq!(
            events(&bytes, piece, &context),
            events(&bytes, bytes.len(), &context)
        );
    }
}
