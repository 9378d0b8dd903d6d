use proptest::prelude::*;
use serde_json::json;

use super::super::calls::CALLS_MAX;
use super::*;
use crate::chat::{ChatResponse, Fold};

fn decode_with(context: &DecodeContext, pieces: &[&[u8]]) -> Vec<ChatEvent> {
    let mut decoder = Decoder::new(context);
    let mut out = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    decoder.finish(&mut out);
    out
}

pub(super) fn decode(body: &str) -> Vec<ChatEvent> {
    let events = decode_with(&DecodeContext::default(), &[body.as_bytes()]);
    let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
    assert_eq!(events, decode_with(&DecodeContext::default(), &bytes));
    let last = events
        .iter()
        .filter(|event| matches!(event, ChatEvent::End | ChatEvent::Error(_)));
    assert_eq!(last.count(), 1, "{events:?}");
    events
}

pub(in crate::dialect::openai) fn fold(body: &str) -> Result<ChatResponse, UpstreamError> {
    let mut fold = Fold::new();
    for event in decode(body) {
        fold.push(event);
    }
    fold.finish()
}

/// A chunk of one choice.
pub(super) fn chunk(delta: Value, finish: Value) -> String {
    let chunk = json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    });
    format!("data: {chunk}\n\n")
}

pub(super) const DONE: &str = "data: [DONE]\n\n";

#[test]
fn text_reasoning_usage_and_end() {
    let body = [
        chunk(json!({"role": "assistant", "content": ""}), json!(null)),
        chunk(json!({"reasoning_content": "hm"}), json!(null)),
        chunk(json!({"content": "Hé"}), json!(null)),
        chunk(json!({"role": "assistant", "content": "😀"}), json!(null)),
        chunk(json!({}), json!("stop")),
        "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n".to_owned(),
        DONE.to_owned(),
    ]
    .concat();
    let answer = fold(&body).unwrap();
    let message = &answer.choices[0].message;
    assert_eq!(
        (message.text.as_str(), message.reasoning.as_str()),
        ("Hé😀", "hm")
    );
    assert_eq!(answer.usage.unwrap().total(), 5);
    assert_eq!(
        (answer.id.as_str(), answer.created),
        ("chatcmpl-1", Some(7))
    );
}

#[test]
fn case_28_emoji_split_across_reads() {
    let body = chunk(json!({"content": "a😀b"}), json!("stop")) + DONE;
    for at in 0..body.len() {
        let (head, tail) = body.as_bytes().split_at(at);
        let events = decode_with(&DecodeContext::default(), &[head, tail]);
        assert!(
            events.contains(&ChatEvent::Text {
                choice: 0,
                text: "a😀b".into()
            }),
            "{at}"
        );
    }
}

#[test]
fn case_29_crlf_and_comments() {
    let body = format!(
        ": hi\r\n\r\n{}{DONE}",
        chunk(json!({"content": "x"}), json!("stop"))
    );
    let body = body.replace("\n\n", "\r\n\r\n");
    let events = decode(&body);
    assert_eq!(events[0], ChatEvent::Ping);
    assert_eq!(events.last(), Some(&ChatEvent::End));
}

#[test]
fn case_30_and_51_azures_first_chunk_has_no_identity() {
    let first = json!({"id": "", "model": "", "object": "", "created": 0, "choices": [],
        "prompt_filter_results": [{"prompt_index": 0}]});
    let body = format!(
        "data: {first}\n\n{}{DONE}",
        chunk(json!({"content": "x"}), json!("stop"))
    );
    let events = decode(&body);
    assert_eq!(
        events[0],
        ChatEvent::Start {
            id: "chatcmpl-1".into(),
            model: "m".into(),
            created: Some(7)
        }
    );
    let answer = fold(&body).unwrap();
    assert_eq!(
        answer.metadata["prompt_filter_results"][0]["prompt_index"],
        0
    );
}

#[test]
fn case_31_an_error_frame_first() {
    let error = json!({"error": {"message": "Busy", "type": "server_error", "code": "server_is_overloaded"}});
    for body in [
        format!("data: {error}\n\n"),
        format!("event: error\ndata: {error}\n\n"),
        // A JSON body where a stream was due.
        error.to_string(),
    ] {
        assert_eq!(
            fold(&body).unwrap_err().kind,
            ErrorKind::Overloaded,
            "{body}"
        );
    }
    assert_eq!(
        fold("<html>no</html>").unwrap_err().kind,
        ErrorKind::MalformedReply
    );
    assert_eq!(fold("").unwrap_err().kind, ErrorKind::Truncated);
    assert_eq!(
        fold("data: {broken\n\n").unwrap_err().kind,
        ErrorKind::MalformedReply
    );
}

#[test]
fn case_32_an_error_after_content() {
    let body = chunk(json!({"content": "x"}), json!(null))
        + "data: {\"error\":{\"message\":\"died\",\"code\":502}}\n\n";
    let events = decode(&body);
    assert!(
        matches!(events.last(), Some(ChatEvent::Error(error)) if error.kind == ErrorKind::ServerError)
    );
    assert!(
        !events
            .iter()
            .any(|event| matches!(event, ChatEvent::Finish { .. }))
    );
}

#[test]
fn case_33_a_cut_within_tool_arguments() {
    let call = json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{\"a\":"}}]});
    let body = chunk(call.clone(), json!(null));
    assert_eq!(fold(&body).unwrap_err().kind, ErrorKind::Truncated);
    // A finish that says calls over arguments that are cut is no end either.
    let body = chunk(call.clone(), json!("tool_calls"));
    assert_eq!(fold(&body).unwrap_err().kind, ErrorKind::Truncated);
    // The token limit may cut them.
    assert!(fold(&chunk(call, json!("length"))).is_ok());
}

#[test]
fn case_34_and_61_an_end_without_done() {
    let answer = fold(&chunk(json!({"content": "x"}), json!("stop"))).unwrap();
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
    let cut = chunk(json!({"content": "x"}), json!(null));
    assert_eq!(fold(&cut).unwrap_err().kind, ErrorKind::Truncated);
    let trailing = chunk(json!({"content": "x"}), json!("stop")) + "data: [DONE] bye";
    assert!(fold(&trailing).is_ok());
}

#[test]
fn case_54_finish_repeated_early_missing_or_empty() {
    let late_call = json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]});
    let body = [
        chunk(
            json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}),
            json!("stop"),
        ),
        chunk(late_call, json!(null)),
        chunk(json!({}), json!("stop")),
        DONE.to_owned(),
    ]
    .concat();
    let answer = fold(&body).unwrap();
    assert_eq!(
        answer.choices[0].finish_reason,
        Some(FinishReason::ToolCalls)
    );
    assert_eq!(answer.choices[0].message.tool_calls[0].arguments, "{}");
    let finishes = decode(&body)
        .iter()
        .filter(|event| matches!(event, ChatEvent::Finish { .. }))
        .count();
    assert_eq!(finishes, 1);
    let empty = chunk(json!({"content": "x"}), json!("")) + DONE;
    assert_eq!(
        fold(&empty).unwrap().choices[0].finish_reason,
        Some(FinishReason::Stop)
    );
    let missing = chunk(json!({"content": "x"}), json!(null)) + DONE;
    assert_eq!(
        fold(&missing).unwrap().choices[0].finish_reason,
        Some(FinishReason::Stop)
    );
}

#[test]
fn case_56_call_ids_empty_repeated_or_new_under_an_old_index() {
    let calls = |list: Value| chunk(json!({ "tool_calls": list }), json!(null));
    let body = [
        calls(json!([{"index": 0, "id": "", "function": {"name": "f", "arguments": "{}"}}])),
        calls(json!([{"index": 1, "id": "b", "function": {"name": "g", "arguments": "{\"x\":"}}])),
        calls(json!([{"index": 1, "id": "b", "function": {"arguments": "1}"}}])),
        // A new id under an old index is a new call.
        calls(json!([{"index": 0, "id": "d", "function": {"name": "h", "arguments": ""}}])),
        // Neither index nor id: goes on with the last one.
        calls(json!([{"function": {"arguments": "[]"}}])),
        chunk(json!({}), json!("tool_calls")),
        DONE.to_owned(),
    ]
    .concat();
    let answer = fold(&body).unwrap();
    let calls = &answer.choices[0].message.tool_calls;
    let seen: Vec<_> = calls
        .iter()
        .map(|call| (call.name.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(seen, [("f", "{}"), ("g", "{\"x\":1}"), ("h", "[]")]);
    assert!(calls[0].id.starts_with("call_"));
    assert_eq!((calls[1].id.as_str(), calls[2].id.as_str()), ("b", "d"));
}

#[test]
fn case_60_all_calls_in_the_finish_chunk_without_index_and_type() {
    let list = json!({"content": "", "tool_calls": [
        {"id": "aaaaaaaaa", "function": {"name": "f", "arguments": "{}"}},
        {"id": "bbbbbbbbb", "function": {"name": "g", "arguments": {"a": 1}}}]});
    let answer = fold(&(chunk(list, json!("tool_calls")) + DONE)).unwrap();
    let calls = &answer.choices[0].message.tool_calls;
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[1].arguments, "{\"a\":1}");
}

#[test]
fn case_2_a_call_without_arguments_says_an_empty_object() {
    let body = chunk(
        json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}),
        json!("tool_calls"),
    ) + DONE;
    assert_eq!(
        fold(&body).unwrap().choices[0].message.tool_calls[0].arguments,
        "{}"
    );
}

#[test]
fn legacy_calls_custom_tools_and_thinking_parts() {
    let legacy = [
        chunk(
            json!({"function_call": {"name": "f", "arguments": ""}}),
            json!(null),
        ),
        chunk(
            json!({"function_call": {"arguments": "{\"a\":1}"}}),
            json!(null),
        ),
        chunk(json!({}), json!("function_call")),
        DONE.to_owned(),
    ]
    .concat();
    let answer = fold(&legacy).unwrap();
    assert_eq!(
        answer.choices[0].message.tool_calls[0].arguments,
        "{\"a\":1}"
    );
    assert_eq!(
        answer.choices[0].finish_reason,
        Some(FinishReason::ToolCalls)
    );

    let context = DecodeContext {
        custom_tools: vec!["shell".into()],
        ..DecodeContext::default()
    };
    let body = chunk(
        json!({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "shell", "arguments": "{\"input\":\"ls\"}"}}]}),
        json!("tool_calls"),
    ) + DONE;
    let events = decode_with(&context, &[body.as_bytes()]);
    assert!(events.contains(&ChatEvent::ToolArguments {
        choice: 0,
        call: 0,
        fragment: "ls".into()
    }));

    let thinking =
        json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}]});
    let body =
        chunk(thinking, json!(null)) + &chunk(json!({"content": "yes"}), json!("stop")) + DONE;
    let message = &fold(&body).unwrap().choices[0].message;
    assert_eq!(
        (message.reasoning.as_str(), message.text.as_str()),
        ("so", "yes")
    );
}

#[test]
fn reasoning_details_are_kept_whole_to_be_sent_back() {
    let piece = |text: &str| json!({"reasoning": text, "reasoning_details": [{"type": "reasoning.text", "index": 0, "text": text}]});
    let sign =
        json!({"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "s"}]});
    let body = [
        chunk(piece("a"), json!(null)),
        chunk(piece("b"), json!(null)),
        chunk(sign, json!(null)),
        chunk(json!({"content": "x"}), json!("stop")),
        DONE.to_owned(),
    ]
    .concat();
    let message = &fold(&body).unwrap().choices[0].message;
    assert_eq!(message.reasoning, "ab");
    assert_eq!(
        message.blocks[0].block["reasoning_details"],
        json!([{"type": "reasoning.text", "index": 0, "text": "ab", "signature": "s"}])
    );
}

#[test]
fn odd_chunks_are_no_failure() {
    let body = format!(
        "data: {{\"id\":\"a\"}}\n\ndata: {{\"choices\":null}}\n\ndata: {{\"choices\":[{{\"delta\":null}}]}}\n\n{}{DONE}",
        chunk(json!({"content": "x"}), json!("stop"))
    );
    assert_eq!(fold(&body).unwrap().choices[0].message.text, "x");
    let no_output = chunk(json!({}), json!("error")) + DONE;
    assert_eq!(fold(&no_output).unwrap_err().kind, ErrorKind::ServerError);
    assert_eq!(fold(DONE).unwrap_err().kind, ErrorKind::MalformedReply);
}

#[test]
fn a_whole_answer_where_a_stream_was_due_is_replayed() {
    let whole = json!({"id": "i", "model": "m", "created": 1, "choices": [{"index": 0,
        "message": {"role": "assistant", "content": "x", "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let context = DecodeContext::default();
    let direct = response::decode(whole.to_string().as_bytes(), &context).unwrap();
    assert_eq!(fold(&whole.to_string()).unwrap(), direct);
    // And the other way round.
    let streamed = chunk(json!({"content": "x"}), json!("stop")) + DONE;
    assert_eq!(
        response::decode(streamed.as_bytes(), &context).unwrap(),
        fold(&streamed).unwrap()
    );
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_events(
        body in "(data: |event: error\n|\\{\"choices\":\\[\\{\"delta\":\\{\"content\":\"é\"\\}\\}\\]\\}|\\{\"error\":\\{\\}\\}|\n\n|\r\n|: c\n|\\[DONE\\]| |😀|<|\\{|x){0,24}",
        cuts in proptest::collection::vec(0usize..600, 0..8),
    ) {
        let bytes = body.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts { pieces.push(&bytes[from..cut]); from = cut; }
        pieces.push(&bytes[from..]);
        let context = DecodeContext::default();
        prop_assert_eq!(decode_with(&context, &pieces), decode_with(&context, &[bytes]));
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let context = DecodeContext::default();
        decode_with(&context, &[&bytes]);
        let _ = response::decode(&bytes, &context);
        let _ = crate::dialect::openai::tap_whole(&bytes);
    }
}

#[test]
fn an_empty_custom_beside_a_function_is_no_custom_call() {
    let entry = json!({"index": 0, "id": "c", "type": "function",
        "function": {"name": "f", "arguments": "{}"}, "custom": {"name": "", "input": ""}});
    let body = chunk(json!({ "tool_calls": [entry] }), json!("tool_calls")) + DONE;
    let whole = json!({"choices": [{"message": {"tool_calls": [entry]}, "finish_reason": ""}]});
    let context = DecodeContext::default();
    let whole = response::decode(whole.to_string().as_bytes(), &context).unwrap();
    for answer in [fold(&body).unwrap(), whole] {
        let call = &answer.choices[0].message.tool_calls[0];
        assert_eq!((call.name.as_str(), call.custom), ("f", false));
    }
}

#[test]
fn section_15_late_verdicts_of_azures_filter_add_nothing_to_the_text() {
    let verdict = json!({"id": "", "model": "", "object": "", "created": 0, "choices": [
        {"index": 0, "finish_reason": null, "content_filter_results": {"hate": {"filtered": false}},
         "content_filter_offsets": {"check_offset": 4, "start_offset": 0, "end_offset": 4}}]});
    let body = format!(
        "{}data: {verdict}\n\n{}data: {verdict}\n\n{DONE}",
        chunk(json!({"content": "x"}), Value::Null),
        chunk(json!({}), json!("stop"))
    );
    let answer = fold(&body).unwrap();
    assert_eq!(answer.choices.len(), 1);
    assert_eq!(answer.choices[0].message.text, "x");
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
}

#[test]
fn a_call_that_is_named_late_comes_behind_those_that_were_said() {
    let call = |index: u32, function: &str| {
        format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{{\"index\":{index},\"function\":{{{function}}}}}]}}}}]}}\n\n"
        )
    };
    let early = call(0, "\"arguments\":\"{\\\"a\\\":1}\"");
    let named = call(1, "\"name\":\"g\",\"arguments\":\"{\\\"b\\\":2}\"");
    let late = call(0, "\"name\":\"f\"");
    let body = early + &named + &late + "data: [DONE]\n\n";
    let answer = fold(&body).unwrap();
    let calls: Vec<_> = answer.choices[0]
        .message
        .tool_calls
        .iter()
        .map(|call| (call.name.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("g", "{\"b\":2}"), ("f", "{\"a\":1}")]);
}

#[test]
fn groqs_own_member_is_said_once_however_many_chunks_add_to_it() {
    let chunk = |at: u32| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}],\"x_groq\":{{\"k{at}\":1}}}}\n\n"
        )
    };
    let body: String = (0..50).map(chunk).collect::<String>() + "data: [DONE]\n\n";
    let events = decode(&body);
    let said: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            ChatEvent::Metadata { key, value, .. } if key == "x_groq" => value.as_object(),
            _ => None,
        })
        .collect();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].len(), 50);
}

#[test]
fn an_answer_of_very_many_calls_is_a_failure_and_not_the_square_of_them() {
    let call = |at: usize| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":{at},\"id\":\"c{at}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{{}}\"}}}}]}}}}]}}\n\n"
        )
    };
    let answer = |calls: usize| {
        let body = (0..calls).map(call).collect::<String>() + "data: [DONE]\n\n";
        fold(&body)
    };
    let most = answer(CALLS_MAX).unwrap();
    assert_eq!(most.choices[0].message.tool_calls.len(), CALLS_MAX);
    let error = answer(CALLS_MAX + 1).unwrap_err();
    assert_eq!(error.kind, ErrorKind::MalformedReply);
}
