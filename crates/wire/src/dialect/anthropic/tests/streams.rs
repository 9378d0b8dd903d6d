//! Streamed answers.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::error::ErrorKind;

fn run(events: &[Value]) -> Vec<ChatEvent> {
    stream_in(sse(events).as_bytes(), 1 << 20, &DecodeContext::default())
}

fn text_block(index: u64, pieces: &[&str]) -> Vec<Value> {
    let mut events = vec![block_start(index, json!({"type": "text", "text": ""}))];
    events.extend(
        pieces
            .iter()
            .map(|text| delta(index, json!({"type": "text_delta", "text": text}))),
    );
    events.push(block_stop(index));
    events
}

fn input(index: u64, fragment: &str) -> Value {
    delta(
        index,
        json!({"type": "input_json_delta", "partial_json": fragment}),
    )
}

/// Thinking, text with a citation, a server tool, two calls: most of what there is.
fn rich() -> Vec<Value> {
    let mut events = vec![
        start(),
        block_start(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        json!({"type": "ping"}),
        delta(0, json!({"type": "thinking_delta", "thinking": "Hm… "})),
        delta(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        block_stop(0),
    ];
    events.extend(text_block(1, &["Grüß", " dich 😀. "]));
    events.extend([
        block_start(2, json!({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}})),
        block_stop(2),
        block_start(3, json!({"type": "text", "text": "", "citations": []})),
        delta(3, json!({"type": "citations_delta", "citation": {"type": "web_search_result_location", "url": "https://e", "title": "E"}})),
        delta(3, json!({"type": "text_delta", "text": "Cited."})),
        block_stop(3),
        block_start(4, json!({"type": "tool_use", "id": "t1", "name": "f", "input": {}})),
        input(4, ""), input(4, "{\"a\":"), input(4, "1}"),
        block_stop(4),
        block_start(5, json!({"type": "tool_use", "id": "t2", "name": "g", "input": {}})),
        block_stop(5),
        json!({"type": "something_new", "x": 1}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": null, "container": {"id": "c"}},
            "usage": {"output_tokens": 9, "input_tokens": 30},
            "context_management": {"applied_edits": []},
        }),
        message_stop(),
    ]);
    events
}

/// §12.2, §12.3, Anthropic → chat; Claude on Vertex AI alike.
#[test]
fn a_stream_says_the_same_as_the_whole_answer() {
    let streamed = fold(run(&rich())).unwrap();
    let whole = decode(json!({
        "content": [
            {"type": "thinking", "thinking": "Hm… ", "signature": "c2ln"},
            {"type": "text", "text": "Grüß dich 😀. "},
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
            {"type": "text", "text": "Cited.", "citations": [{"type": "web_search_result_location", "url": "https://e", "title": "E"}]},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "container": {"id": "c"},
        "context_management": {"applied_edits": []},
        "usage": {"input_tokens": 30, "output_tokens": 9},
    }));
    assert_eq!(streamed, whole);
    assert_eq!(whole.choices[0].message.tool_calls[1].arguments, "{}");
}

/// §12.1, parser duties; Claude on Vertex AI alike.
#[test]
fn case_28_29_any_chunking_and_line_ends_give_the_same_events() {
    let body = sse(&rich());
    let expected = run(&rich());
    for newline in ["\n", "\r\n"] {
        let body = format!("\u{feff}{}", body.replace('\n', newline));
        for size in [1, 2, 3, 7, 64] {
            assert_eq!(
                stream_in(body.as_bytes(), size, &DecodeContext::default()),
                expected
            );
        }
    }
    assert_eq!(
        expected
            .iter()
            .filter(|event| **event == ChatEvent::Ping)
            .count(),
        1
    );
    assert_eq!(expected.last(), Some(&ChatEvent::End));
}

/// §12.1, §12.3: set, do not add; Claude on Vertex AI alike.
#[test]
fn an_answer_whose_start_was_lost_begins_before_it_ends() {
    let ending = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}});
    let events = run(&[ending, message_stop()]);
    assert!(matches!(events[0], ChatEvent::Start { .. }), "{events:?}");
    assert_eq!(events.last(), Some(&ChatEvent::End));
}

#[test]
fn counts_replace_each_other_and_are_never_added() {
    let usage: Vec<_> = run(&rich())
        .into_iter()
        .filter_map(|event| match event {
            ChatEvent::Usage(usage) => Some((usage.input, usage.output)),
            _ => None,
        })
        .collect();
    assert_eq!(usage, [(3, 1), (30, 9)]);
}

/// §12.4, `event: error`; Claude on Vertex AI alike.
#[test]
fn case_31_32_errors_in_band_before_and_after_content() {
    let overloaded =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    let mut late = vec![start()];
    late.extend(text_block(0, &["Part"]));
    late.push(overloaded.clone());
    late.push(message_stop());
    for events in [vec![overloaded], late] {
        let events = run(&events);
        let Some(ChatEvent::Error(error)) = events.last() else {
            panic!("no error: {events:?}");
        };
        assert_eq!((error.kind, error.status), (ErrorKind::Overloaded, None));
        assert!(!events.contains(&ChatEvent::End));
    }
}

/// §12.4, truncation; Claude on Vertex AI alike.
#[test]
fn case_33_34_a_cut_stream_is_never_a_clean_end() {
    let whole = rich();
    for kept in 0..whole.len() {
        let events = run(&whole[..kept]);
        let Some(ChatEvent::Error(error)) = events.last() else {
            panic!("no error after {kept} events");
        };
        assert_eq!(error.kind, ErrorKind::Truncated);
    }
    // A terminator does not make cut arguments whole.
    let cut = [
        start(),
        block_start(
            0,
            json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        ),
        input(0, "{\"a\""),
        message_delta("tool_use"),
        message_stop(),
    ];
    assert_eq!(fold(run(&cut)).unwrap_err().kind, ErrorKind::Truncated);
    assert_eq!(
        fold(run(&[start(), message_stop()])).unwrap_err().kind,
        ErrorKind::Truncated
    );
}

/// §15, Anthropic: arguments cut by max_tokens; Claude on Vertex AI alike.
#[test]
fn arguments_cut_by_the_token_limit_come_as_they_are() {
    let answer = fold(run(&[
        start(),
        block_start(
            0,
            json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        ),
        input(0, "{\"a\""),
        block_stop(0),
        message_delta("max_tokens"),
        message_stop(),
    ]))
    .unwrap();
    assert_eq!(answer.choices[0].message.tool_calls[0].arguments, "{\"a\"");
}

#[test]
fn bodies_that_are_no_stream_are_recognised() {
    let context = DecodeContext::default();
    let answer = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
        "content": [{"type": "text", "text": "A"}], "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    })
    .to_string();
    let said = fold(stream_in(format!("\n {answer}").as_bytes(), 5, &context)).unwrap();
    assert_eq!(
        said,
        Anthropic.decode_chat(answer.as_bytes(), &context).unwrap()
    );
    for (body, kind) in [
        (
            &br#"{"type":"error","error":{"type":"api_error","message":"x"}}"#[..],
            ErrorKind::ServerError,
        ),
        (b"<!doctype html><p>hi", ErrorKind::MalformedReply),
        (b"[1,", ErrorKind::MalformedReply),
        (b"", ErrorKind::Truncated),
        (b": hello\n\n", ErrorKind::Truncated),
        (
            b"event: message_start\ndata: {\"type\":\n\n",
            ErrorKind::MalformedReply,
        ),
        (
            b"data: {\"type\":\"content_block_delta\",\"index\":4,\"delta\":{}}\n\n",
            ErrorKind::MalformedReply,
        ),
    ] {
        let failure = fold(stream_in(body, 4, &context)).unwrap_err();
        assert_eq!(failure.kind, kind, "{}", String::from_utf8_lossy(body));
    }
}

/// §12.2, on read; Claude on Vertex AI alike.
#[test]
fn blocks_without_deltas_and_with_unknown_ones_are_kept_whole() {
    let answer = fold(run(&[
        start(),
        block_start(0, json!({"type": "redacted_thinking", "data": "enc"})),
        block_stop(0),
        block_start(1, json!({"type": "compaction", "content": ""})),
        delta(1, json!({"type": "compaction_delta", "content": "The "})),
        delta(1, json!({"type": "compaction_delta", "content": "gist"})),
        block_stop(1),
        block_start(
            2,
            json!({"type": "server_tool_use", "id": "s", "name": "n", "input": {}}),
        ),
        input(2, "{\"q\":"),
        input(2, "2}"),
        block_stop(2),
        message_delta("end_turn"),
        message_stop(),
    ]))
    .unwrap();
    let blocks: Vec<_> = answer.choices[0]
        .message
        .blocks
        .iter()
        .map(|block| block.block.clone())
        .collect();
    assert_eq!(
        blocks,
        [
            json!({"type": "redacted_thinking", "data": "enc"}),
            json!({"type": "compaction", "content": "The gist"}),
            json!({"type": "server_tool_use", "id": "s", "name": "n", "input": {"q": 2}}),
        ]
    );
}

#[test]
fn custom_calls_come_unwrapped_in_one_piece() {
    let context = DecodeContext {
        custom_tools: vec!["sql".into()],
        ..DecodeContext::default()
    };
    let body = sse(&[
        start(),
        block_start(
            0,
            json!({"type": "tool_use", "id": "t", "name": "sql", "input": {}}),
        ),
        input(0, "{\"inp"),
        input(0, "ut\":\"a\\nb\"}"),
        block_stop(0),
        message_delta("tool_use"),
        message_stop(),
    ]);
    let answer = fold(stream_in(body.as_bytes(), 6, &context)).unwrap();
    assert_eq!(answer.choices[0].message.tool_calls[0].arguments, "a\nb");
}

/// §12.2, failures seen in the field; Claude on Vertex AI alike.
#[test]
fn a_second_message_start_changes_nothing() {
    let mut events = vec![start(), start()];
    events.extend(text_block(0, &["A"]));
    events.extend([message_delta("end_turn"), message_stop(), start()]);
    let events = run(&events);
    let starts = events
        .iter()
        .filter(|event| matches!(event, ChatEvent::Start { .. }))
        .count();
    assert_eq!(starts, 1);
    assert_eq!(events.last(), Some(&ChatEvent::End));
}

fn arb_events() -> impl Strategy<Value = Vec<Value>> {
    let block = prop_oneof![
        Just(json!({"type": "text", "text": "é"})),
        Just(json!({"type": "thinking", "thinking": "", "signature": ""})),
        Just(json!({"type": "tool_use", "id": "t", "name": "f", "input": {}})),
        Just(json!({"type": "later", "x": [1]})),
    ];
    let piece = prop_oneof![
        "\\PC{0,6}".prop_map(|text| json!({"type": "text_delta", "text": text})),
        "\\PC{0,6}".prop_map(|text| json!({"type": "thinking_delta", "thinking": text})),
        "[{}\":a1]{0,6}".prop_map(|text| json!({"type": "input_json_delta", "partial_json": text})),
        Just(json!({"type": "citations_delta", "citation": {"url": "u"}})),
        Just(Value::Null),
    ];
    let event = prop_oneof![
        Just(start()),
        (0_u64..3, block).prop_map(|(index, block)| block_start(index, block)),
        (0_u64..3, piece).prop_map(|(index, piece)| delta(index, piece)),
        (0_u64..3).prop_map(block_stop),
        Just(json!({"type": "ping"})),
        Just(message_delta("tool_use")),
        Just(message_stop()),
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
