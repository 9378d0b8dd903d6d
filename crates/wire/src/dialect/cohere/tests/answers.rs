//! Whole answers: wire-protocols §11 and §15 (Cohere).

use serde_json::json;

use super::*;
use crate::chat::FinishReason;

fn answer(message: Value, finish: &str) -> Value {
    json!({"id": "a-1", "message": message, "finish_reason": finish, "usage": {
        "billed_units": {"input_tokens": 8, "output_tokens": 7},
        "tokens": {"input_tokens": 503, "output_tokens": 11}, "cached_tokens": 448}})
}

#[test]
fn section_15_content_is_a_list_or_absent_or_a_text() {
    for (content, text) in [
        (
            json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
            "ab",
        ),
        (json!("plain"), "plain"),
        (Value::Null, ""),
    ] {
        let read = decode(&answer(
            json!({"role": "assistant", "content": content}),
            "COMPLETE",
        ));
        assert_eq!(read.choices[0].message.text, text);
        assert_eq!(read.choices[0].finish_reason, Some(FinishReason::Stop));
    }
    let read = decode(&answer(json!({"role": "assistant"}), "COMPLETE"));
    assert_eq!(read.choices.len(), 1);
    assert_eq!((read.id.as_str(), read.model.as_str()), ("a-1", ""));
}

#[test]
fn section_11_3_the_plan_is_text_before_the_calls() {
    let read = decode(&answer(
        json!({"role": "assistant", "tool_plan": "I will look.", "tool_calls": [
            {"id": "f_abc", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"type": "function", "function": {"name": "g", "arguments": {"b": 2}}},
            {"id": "h_abc", "function": {"name": "h", "arguments": ""}}]}),
        "TOOL_CALL",
    ));
    let message = &read.choices[0].message;
    assert_eq!(message.text, "I will look.");
    let calls: Vec<_> = message
        .tool_calls
        .iter()
        .map(|call| call.arguments.as_str())
        .collect();
    assert_eq!(calls, ["{\"a\":1}", "{\"b\":2}", "{}"]);
    assert_eq!(message.tool_calls[0].id, "f_abc");
    assert!(message.tool_calls[1].id.starts_with("call_"));
    assert_eq!(read.choices[0].finish_reason, Some(FinishReason::ToolCalls));
}

#[test]
fn section_11_1_finish_reasons() {
    let text = json!({"content": [{"type": "text", "text": "a"}]});
    for (native, reason) in [
        ("COMPLETE", FinishReason::Stop),
        ("STOP_SEQUENCE", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("ERROR", FinishReason::Error),
        ("TIMEOUT", FinishReason::Error),
        ("LATER", FinishReason::Stop),
    ] {
        let read = decode(&answer(text.clone(), native));
        assert_eq!(read.choices[0].finish_reason, Some(reason), "{native}");
        assert_eq!(
            read.choices[0].native_finish_reason.as_deref(),
            Some(native)
        );
    }
    // Derived from the calls, not from the word.
    let call = json!({"tool_calls": [{"id": "x", "function": {"name": "f", "arguments": "{}"}}]});
    let read = decode(&answer(call, "COMPLETE"));
    assert_eq!(read.choices[0].finish_reason, Some(FinishReason::ToolCalls));
}

#[test]
fn section_9_thoughts_are_reasoning() {
    let read = decode(&answer(
        json!({"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "4"}]}),
        "COMPLETE",
    ));
    let message = &read.choices[0].message;
    assert_eq!(
        (message.reasoning.as_str(), message.text.as_str()),
        ("Hm.", "4")
    );
}

#[test]
fn section_11_2_real_tokens_count_and_the_invoice_is_kept() {
    let read = decode(&answer(json!({"content": []}), "COMPLETE"));
    let usage = read.usage.unwrap();
    assert_eq!(
        (usage.input, usage.output, usage.cache_read),
        (503, 11, 448)
    );
    let billed = usage.billed.unwrap();
    assert_eq!((billed.input, billed.output), (8, 7));
    assert_eq!(usage.native["cached_tokens"], 448);
}

#[test]
fn section_11_3_citations_are_annotations_one_a_source() {
    let citation = json!({"start": 0, "end": 4, "text": "Ruby", "type": "TEXT_CONTENT", "content_index": 1,
        "sources": [
            {"type": "tool", "id": "kb_1:0", "tool_output": {"url": "https://e.example/r", "title": "Facts"}},
            {"type": "document", "id": "https://e.example/d", "document": {"text": "x"}}]});
    let read = decode(&answer(
        json!({"tool_plan": "Größe. ", "content": [
            {"type": "thinking", "thinking": "…"}, {"type": "text", "text": "Ruby is 😀."}],
            "citations": [citation, {"start": 8, "end": 9, "text": "😀"}]}),
        "COMPLETE",
    ));
    let notes = &read.choices[0].message.annotations;
    let seen: Vec<_> = notes
        .iter()
        .map(|note| {
            (
                note.url.as_str(),
                note.title.as_str(),
                note.start_index,
                note.end_index,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            // Counted in characters, after the plan.
            ("https://e.example/r", "Facts", 7, 11),
            ("https://e.example/d", "https://e.example/d", 7, 11),
            ("", "", 15, 16),
        ]
    );
    assert_eq!(notes[0].native["sources"].as_array().unwrap().len(), 1);
}

#[test]
fn section_4_log_probabilities_are_openais() {
    let mut body = answer(
        json!({"content": [{"type": "text", "text": "Hi!"}]}),
        "COMPLETE",
    );
    body["logprobs"] = json!([{"text": "Hi", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]},
        {"text": "!", "token_ids": [3], "logprobs": [-1.0]}]);
    let read = decode(&body);
    let content = &read.choices[0].logprobs.as_ref().unwrap()["content"];
    assert_eq!(content[0]["token"], "Hi");
    assert_eq!(content[0]["logprob"], -0.75);
    assert_eq!(content[1]["bytes"], json!([33]));
}

#[test]
fn section_2_6_what_is_new_is_kept() {
    let mut body = answer(json!({"content": [], "mood": "good"}), "COMPLETE");
    body["extra"] = json!({"a": 1});
    let read = decode(&body);
    assert_eq!(read.metadata["extra"], json!({"a": 1}));
    assert_eq!(read.choices[0].metadata["mood"], "good");
}
