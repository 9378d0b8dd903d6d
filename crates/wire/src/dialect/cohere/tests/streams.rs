//! Streamed answers: wire-protocols §12.1, §12.2 and §12.4.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chat::FinishReason;
use crate::error::ErrorKind;

fn run(events: &[Value]) -> Vec<ChatEvent> {
    stream_in(sse(events).as_bytes(), 1 << 20, &DecodeContext::default())
}

fn start() -> Value {
    json!({"id": "s-1", "type": "message-start", "delta": {"message": {
        "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}})
}

fn content(kind: &str, index: u64, item: Value) -> Value {
    json!({"type": kind, "index": index, "delta": {"message": {"content": item}}})
}

fn call(kind: &str, index: u64, call: Value) -> Value {
    json!({"type": kind, "index": index, "delta": {"message": {"tool_calls": call}}})
}

fn end(reason: &str) -> Value {
    json!({"type": "message-end", "delta": {"finish_reason": reason, "usage": {
        "billed_units": {"input_tokens": 3, "output_tokens": 5},
        "tokens": {"input_tokens": 30, "output_tokens": 9}}}})
}

/// Thinking, a plan, text with a citation, two calls: all that there is.
fn rich() -> Vec<Value> {
    vec![
        start(),
        content(
            "content-start",
            0,
            json!({"type": "thinking", "thinking": ""}),
        ),
        content("content-delta", 0, json!({"thinking": "Hm… "})),
        json!({"type": "content-end", "index": 0}),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "Plän. "}}}),
        content("content-start", 1, json!({"type": "text", "text": ""})),
        content("content-delta", 1, json!({"text": "Grüß "})),
        content("content-delta", 1, json!({"text": "dich 😀"})),
        json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations": {
            "start": 5, "end": 9, "text": "dich", "sources": [], "type": "TEXT_CONTENT", "content_index": 1}}}}),
        json!({"type": "citation-end", "index": 0}),
        json!({"type": "content-end", "index": 1}),
        call(
            "tool-call-start",
            0,
            json!({"id": "f_1", "type": "function",
            "function": {"name": "f", "arguments": ""}}),
        ),
        call(
            "tool-call-delta",
            0,
            json!({"function": {"arguments": "{\"a\":"}}),
        ),
        call(
            "tool-call-delta",
            0,
            json!({"function": {"arguments": "1}"}}),
        ),
        json!({"type": "tool-call-end", "index": 0}),
        call(
            "tool-call-start",
            1,
            json!({"id": "g_1", "type": "function",
            "function": {"name": "g", "arguments": ""}}),
        ),
        json!({"type": "tool-call-end", "index": 1}),
        json!({"type": "something-new", "x": 1}),
        end("TOOL_CALL"),
    ]
}

#[test]
fn section_12_3_a_stream_says_the_same_as_the_whole_answer() {
    let streamed = fold(run(&rich())).unwrap();
    let whole = decode(&json!({"id": "s-1", "finish_reason": "TOOL_CALL",
        "message": {"role": "assistant", "tool_plan": "Plän. ",
            "content": [{"type": "thinking", "thinking": "Hm… "}, {"type": "text", "text": "Grüß dich 😀"}],
            "tool_calls": [
                {"id": "f_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "g_1", "type": "function", "function": {"name": "g", "arguments": ""}}],
            "citations": [{"start": 5, "end": 9, "text": "dich", "sources": [], "type": "TEXT_CONTENT",
                "content_index": 1}]},
        "usage": {"billed_units": {"input_tokens": 3, "output_tokens": 5},
            "tokens": {"input_tokens": 30, "output_tokens": 9}}}));
    assert_eq!(streamed, whole);
    let choice = &whole.choices[0];
    assert_eq!(choice.message.text, "Plän. Grüß dich 😀");
    assert_eq!(choice.message.tool_calls[1].arguments, "{}");
    assert_eq!(choice.message.annotations[0].start_index, 11);
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
}

#[test]
fn case_28_29_any_chunking_and_line_ends_give_the_same_events() {
    let body = sse(&rich());
    let expected = run(&rich());
    for newline in ["\n", "\r\n"] {
        let body = format!("\u{feff}: hello\n\n{}", body.replace('\n', newline));
        for size in [1, 2, 3, 7, 64] {
            let events = stream_in(body.as_bytes(), size, &DecodeContext::default());
            assert_eq!(events[0], ChatEvent::Ping);
            assert_eq!(events[1..], expected);
        }
    }
    assert_eq!(expected.last(), Some(&ChatEvent::End));
}

#[test]
fn section_12_1_the_terminator_may_be_missing_after_the_end_and_nothing_else() {
    let whole = rich();
    let body = sse(&whole);
    let body = body.strip_suffix("data: [DONE]\n\n").unwrap();
    let events = stream_in(body.as_bytes(), 64, &DecodeContext::default());
    assert_eq!(events, run(&whole));
    for kept in 0..whole.len() {
        let body = sse(&whole[..kept]);
        for body in [body.as_str(), body.trim_end_matches("data: [DONE]\n\n")] {
            let events = stream_in(body.as_bytes(), 64, &DecodeContext::default());
            let Some(ChatEvent::Error(error)) = events.last() else {
                panic!("no error after {kept} events");
            };
            assert_eq!(error.kind, ErrorKind::Truncated);
        }
    }
}

#[test]
fn case_33_cut_arguments_are_never_a_clean_end() {
    let cut = |reason: &str| {
        run(&[
            start(),
            call(
                "tool-call-start",
                0,
                json!({"id": "f_1", "function": {"name": "f", "arguments": "{\"a\""}}),
            ),
            end(reason),
        ])
    };
    assert_eq!(
        fold(cut("TOOL_CALL")).unwrap_err().kind,
        ErrorKind::Truncated
    );
    let answer = fold(cut("MAX_TOKENS")).unwrap();
    assert_eq!(answer.choices[0].message.tool_calls[0].arguments, "{\"a\"");
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Length));
}

#[test]
fn section_12_4_an_error_at_the_end_is_an_error() {
    let events = run(&[
        start(),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I will"}}}),
        json!({"type": "message-end", "delta": {"finish_reason": "ERROR", "usage": {},
            "error": "your request resulted in an invalid tool generation.",
            "error_type": "INVALID_TOOL_GENERATION"}}),
    ]);
    let Some(ChatEvent::Error(error)) = events.last() else {
        panic!("no error: {events:?}");
    };
    assert_eq!(error.kind, ErrorKind::ServerError);
    assert_eq!(error.code.as_deref(), Some("INVALID_TOOL_GENERATION"));
    assert!(!events.contains(&ChatEvent::End));
}

#[test]
fn section_11_1_a_failed_end_without_content_may_be_tried_again() {
    for (reason, kind) in [
        ("ERROR", ErrorKind::ServerError),
        ("TIMEOUT", ErrorKind::Timeout),
    ] {
        let failure = fold(run(&[start(), end(reason)])).unwrap_err();
        assert_eq!(failure.kind, kind);
        let said = fold(run(&[
            start(),
            content("content-delta", 0, json!({"text": "a"})),
            end(reason),
        ]));
        assert_eq!(
            said.unwrap().choices[0].finish_reason,
            Some(FinishReason::Error)
        );
    }
}

#[test]
fn case_31_50_bodies_that_are_no_stream_are_recognised() {
    let context = DecodeContext::default();
    let answer = json!({"id": "1", "finish_reason": "COMPLETE", "message": {"role": "assistant",
        "content": [{"type": "text", "text": "A"}]}});
    let said = fold(stream_in(format!("\n {answer}").as_bytes(), 5, &context)).unwrap();
    assert_eq!(said, decode(&answer));
    for (body, kind) in [
        (
            &br#"{"id":"1","message":"internal server error"}"#[..],
            ErrorKind::ServerError,
        ),
        (
            b"data: {\"message\":\"too many tokens: 9\"}\n\n",
            ErrorKind::ContextLengthExceeded,
        ),
        (b"<!doctype html><p>hi", ErrorKind::MalformedReply),
        (b"[1,", ErrorKind::MalformedReply),
        (b"{\"a\":1}", ErrorKind::MalformedReply),
        (b"", ErrorKind::Truncated),
        (b": hello\n\n", ErrorKind::Truncated),
        (b"data: [DONE]\n\n", ErrorKind::Truncated),
        (
            b"event: message-start\ndata: {\"type\":\n\n",
            ErrorKind::MalformedReply,
        ),
        (
            b"data: {\"type\":\"tool-call-delta\",\"index\":4}\n\n",
            ErrorKind::MalformedReply,
        ),
    ] {
        let failure = fold(stream_in(body, 4, &context)).unwrap_err();
        assert_eq!(failure.kind, kind, "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn section_12_2_custom_calls_come_unwrapped_and_log_probabilities_with_their_text() {
    let context = DecodeContext {
        custom_tools: vec!["sql".into()],
        ..DecodeContext::default()
    };
    let mut delta = content("content-delta", 0, json!({"text": "Hi"}));
    delta["logprobs"] = json!({"text": "Hi", "token_ids": [1], "logprobs": [-0.5]});
    let body = sse(&[
        start(),
        delta,
        call(
            "tool-call-start",
            0,
            json!({"id": "x", "function": {"name": "sql", "arguments": ""}}),
        ),
        call(
            "tool-call-delta",
            0,
            json!({"function": {"arguments": "{\"inp"}}),
        ),
        call(
            "tool-call-delta",
            0,
            json!({"function": {"arguments": "ut\":\"a\\nb\"}"}}),
        ),
        json!({"type": "tool-call-end", "index": 0}),
        end("TOOL_CALL"),
    ]);
    let answer = fold(stream_in(body.as_bytes(), 6, &context)).unwrap();
    let choice = &answer.choices[0];
    assert_eq!(choice.message.tool_calls[0].arguments, "a\nb");
    assert_eq!(
        choice.logprobs.as_ref().unwrap()["content"][0]["logprob"],
        -0.5
    );
}

#[test]
fn section_11_2_usage_comes_with_the_end_only() {
    let usage: Vec<_> = run(&rich())
        .into_iter()
        .filter_map(|event| match event {
            ChatEvent::Usage(usage) => Some((usage.input, usage.output)),
            _ => None,
        })
        .collect();
    assert_eq!(usage, [(30, 9)]);
}

fn arb_events() -> impl Strategy<Value = Vec<Value>> {
    let item = prop_oneof![
        "\\PC{0,6}".prop_map(|text| json!({"type": "text", "text": text})),
        "\\PC{0,6}".prop_map(|text| json!({"thinking": text})),
        Just(Value::Null),
    ];
    let event = prop_oneof![
        Just(start()),
        (0_u64..3, item).prop_map(|(index, item)| content("content-delta", index, item)),
        (0_u64..2, "[{}\":a1]{0,6}").prop_map(|(index, text)| call(
            "tool-call-start",
            index,
            json!({"id": "x", "function": {"name": "f", "arguments": text}})
        )),
        (0_u64..2, "[{}\":a1]{0,6}").prop_map(|(index, text)| call(
            "tool-call-delta",
            index,
            json!({"function": {"arguments": text}})
        )),
        (0_u64..2).prop_map(|index| json!({"type": "tool-call-end", "index": index})),
        Just(
            json!({"type": "citation-start", "delta": {"message": {"citations": [{"start": 9, "end": 2}]}}})
        ),
        Just(end("TOOL_CALL")),
        Just(json!([7])),
    ];
    proptest::collection::vec(event, 0..20)
}

proptest! {
    #[test]
    fn any_events_in_any_chunking_end_once_and_alike(events in arb_events(), size in 1_usize..40) {
        let body = sse(&events);
        let whole = stream_in(body.as_bytes(), body.len().max(1), &DecodeContext::default());
        let pieces = stream_in(body.as_bytes(), size, &DecodeContext::default());
        prop_assert_eq!(&whole, &pieces);
        let ends = whole
            .iter()
            .filter(|event| matches!(event, ChatEvent::End | ChatEvent::Error(_)))
            .count();
        prop_assert_eq!(ends, 1);
        prop_assert!(matches!(whole.last(), Some(ChatEvent::End | ChatEvent::Error(_))));
    }
}
