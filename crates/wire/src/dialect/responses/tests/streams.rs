//! Streamed responses.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chat::FinishReason;
use crate::error::ErrorKind;

/// A stream with all that is usual: reasoning, text, two calls.
fn usual() -> Vec<Value> {
    let thought = json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm. So."}], "encrypted_content": "end"});
    let opened =
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "beginning"});
    let summary = |text: &str| json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": text});
    let said = json!({"type": "message", "id": "msg_1", "role": "assistant", "content": []});
    let items = json!([
        thought,
        text_item("Déjà vu."),
        call_item("call_a", "f", "{\"a\":1}"),
        call_item("call_b", "g", "{}")
    ]);
    vec![
        created(),
        json!({"type": "response.in_progress", "response": {}}),
        added(0, opened),
        summary("Hm. "),
        summary("So."),
        done(0, thought),
        added(1, said),
        delta(1, "output_text", "Déjà "),
        delta(1, "output_text", "vu."),
        done(1, text_item("Déjà vu.")),
        added(2, call_item("call_a", "f", "")),
        added(3, call_item("call_b", "g", "")),
        delta(2, "function_call_arguments", "{\"a\""),
        delta(3, "function_call_arguments", "{}"),
        delta(2, "function_call_arguments", ":1}"),
        done(3, call_item("call_b", "g", "{}")),
        done(2, call_item("call_a", "f", "{\"a\":1}")),
        completed(items),
    ]
}

#[test]
fn section_12_2_the_usual_sequence() {
    let answer = streamed(&usual()).unwrap();
    let choice = &answer.choices[0];
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    assert_eq!(choice.message.text, "Déjà vu.");
    assert_eq!(choice.message.reasoning, "Hm. So.");
    let calls: Vec<_> = choice
        .message
        .tool_calls
        .iter()
        .map(|call| (call.id.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("call_a", "{\"a\":1}"), ("call_b", "{}")]);
    // The seal of the end counts, not that of the beginning (§9).
    assert_eq!(choice.message.blocks.len(), 1);
    assert_eq!(choice.message.blocks[0].block["encrypted_content"], "end");
    assert_eq!(answer.usage.unwrap().input, 10);
}

#[test]
fn a_stream_says_what_the_whole_says() {
    let events = usual();
    let whole = try_decode(&events.last().unwrap()["response"]).unwrap();
    let mut live = streamed(&events).unwrap();
    live.created = whole.created;
    assert_eq!(live, whole);
}

#[test]
fn section_12_2_ends_that_are_renumbered_or_hold_more_or_less() {
    let mut said = text_item("Hi");
    said["id"] = json!("msg_other");
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    // Another id at the end is the same message; what was never streamed is taken from there.
    let events = [
        created(),
        delta(0, "output_text", "Hi"),
        done(0, text_item("Hi")),
        completed(json!([search, said])),
    ];
    let message = streamed(&events).unwrap().choices.remove(0).message;
    assert_eq!(message.text, "Hi");
    assert_eq!(message.blocks[0].block["id"], "ws_1");
    // A short end takes nothing away.
    let events = [created(), done(0, text_item("Hi")), completed(json!([]))];
    assert_eq!(streamed(&events).unwrap().choices[0].message.text, "Hi");
    // Nothing but the end.
    let events = [completed(json!([
        text_item("Hi"),
        call_item("c", "f", "{}")
    ]))];
    let answer = streamed(&events).unwrap();
    assert_eq!(answer.choices[0].message.text, "Hi");
    assert_eq!(answer.choices[0].message.tool_calls.len(), 1);
    // Ends of items left out: the response's end stands in for them.
    let opened = json!({"type": "message", "id": "msg_1", "content": []});
    let events = [
        created(),
        added(0, opened),
        delta(0, "output_text", "H"),
        completed(json!([text_item("Hi")])),
    ];
    assert_eq!(streamed(&events).unwrap().choices[0].message.text, "Hi");
}

#[test]
fn section_9_deepseek_streams_open_reasoning_and_counts_from_anywhere() {
    let item = json!({"type": "reasoning", "id": "2cd8", "summary": [], "content": [{"type": "reasoning_text", "text": "We add."}]});
    // mantle's `content_index` of a text that follows reasoning begins at 1.
    let text = json!({"type": "response.output_text.delta", "output_index": 1, "content_index": 1, "delta": "4"});
    let events = [
        created(),
        json!({"type": "response.reasoning_part.added", "output_index": 0}),
        delta(0, "reasoning_text", "We add."),
        done(0, item),
        text,
        done(1, text_item("4")),
        completed(json!([])),
    ];
    let message = streamed(&events).unwrap().choices.remove(0).message;
    assert_eq!(
        (message.reasoning.as_str(), message.text.as_str()),
        ("We add.", "4")
    );
    assert_eq!(message.blocks[0].block["id"], "2cd8");
}

#[test]
fn section_12_1_event_lines_comments_obfuscation_and_news() {
    let text = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"a\",\"obfuscation\":\"xyz\",\"logprobs\":[{\"token\":\"a\",\"logprob\":-0.1}]}\n\n";
    let news =
        "event: response.new_thing\ndata: {\"type\":\"response.new_thing\",\"output_index\":9}\n\n";
    let named = "event: response.output_text.delta\ndata: {\"delta\":\"b\"}\n\n";
    let body = format!(
        ": keep-alive\n\n{text}{news}{named}{}",
        sse(&[completed(json!([]))])
    );
    let events = stream_in(body.as_bytes(), 7);
    assert!(events.contains(&ChatEvent::Ping));
    let answer = fold(events).unwrap();
    assert_eq!(answer.choices[0].message.text, "ab");
    assert_eq!(
        answer.choices[0].logprobs.as_ref().unwrap()["content"][0]["token"],
        "a"
    );
}

#[test]
fn case_33_a_call_that_was_cut_is_no_call() {
    let opened = json!({"type": "function_call", "id": "fc_7", "call_id": "c", "name": "f", "arguments": ""});
    let events = [
        created(),
        added(0, opened),
        delta(0, "function_call_arguments", "{\"a\":"),
        completed(json!([])),
    ];
    assert_eq!(streamed(&events).unwrap_err().kind, ErrorKind::Truncated);
}

proptest! {
    #[test]
    fn any_pieces_give_the_same_events(size in 1_usize..64) {
        let body = sse(&usual());
        prop_assert_eq!(stream_in(body.as_bytes(), size), stream_in(body.as_bytes(), usize::MAX));
    }

    #[test]
    fn events_in_any_order_end_once_and_never_panic(order in proptest::collection::vec(0_usize..18, 0..40)) {
        let usual = usual();
        let body: String = order.iter().map(|at| sse(&[usual[*at].clone()])).collect();
        let events = stream_in(body.as_bytes(), usize::MAX);
        let ends = |event: &&ChatEvent| matches!(event, ChatEvent::End | ChatEvent::Error(_));
        prop_assert_eq!(events.iter().filter(ends).count(), 1);
        prop_assert!(events.last().as_ref().is_some_and(ends));
    }

    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = stream_in(&body, 5);
        let _ = Responses.decode_chat(&body, &context());
    }
}
