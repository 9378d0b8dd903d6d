//! Answers, whole and streamed, and what of them is sent back.

use serde_json::{Value, json};

use super::{CLAUDE, NOVA, decode, delta, encode_for, ending, event, start, stop, stream, target};
use crate::chat::{ChatResponse, FinishReason};

fn reason(answer: &ChatResponse) -> Option<FinishReason> {
    answer.choices[0].finish_reason
}

#[test]
fn section_11_1_stop_reasons() {
    for (word, wanted) in [
        ("end_turn", FinishReason::Stop),
        ("stop_sequence", FinishReason::Stop),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("guardrail_intervened", FinishReason::ContentFilter),
        ("content_filtered", FinishReason::ContentFilter),
        ("malformed_model_output", FinishReason::Error),
        ("something_new", FinishReason::Stop),
    ] {
        let answer = decode(json!([{"text": "a"}]), word).unwrap();
        assert_eq!(reason(&answer), Some(wanted), "{word}");
        assert_eq!(
            answer.choices[0].native_finish_reason.as_deref(),
            Some(word)
        );
    }
    // Nothing of use came: another target may do better.
    assert!(decode(json!([]), "malformed_tool_use").is_err());
    let empty = decode(json!([]), "end_turn").unwrap();
    assert_eq!(
        empty.choices.len(),
        1,
        "case 55: one empty choice, never none"
    );
}

#[test]
fn section_12_2_a_stream_says_what_the_whole_answer_says() {
    let whole = decode(
        json!([
            {"reasoningContent": {"reasoningText": {"text": "Hm, so.", "signature": "sig"}}},
            {"text": "Grüße 👋"},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
        ]),
        "tool_use",
    )
    .unwrap();
    let streamed = stream(&[
        event("messageStart", json!({"role": "assistant", "p": "ab"})),
        delta(0, json!({"reasoningContent": {"text": "Hm, "}})),
        delta(0, json!({"reasoningContent": {"text": "so."}})),
        delta(0, json!({"reasoningContent": {"signature": "sig"}})),
        stop(0),
        delta(1, json!({"text": "Grüße "})),
        delta(1, json!({"text": "👋"})),
        stop(1),
        start(2, json!({"toolUse": {"toolUseId": "t1", "name": "f"}})),
        delta(2, json!({"toolUse": {"input": "{\"a\""}})),
        delta(2, json!({"toolUse": {"input": ":1}"}})),
        stop(2),
        start(3, json!({"toolUse": {"toolUseId": "t2", "name": "g"}})),
        delta(3, json!({"toolUse": {"input": ""}})),
        stop(3),
        ending("tool_use"),
    ])
    .unwrap();
    assert_eq!(streamed, whole);
    let message = &whole.choices[0].message;
    assert_eq!(
        (message.text.as_str(), message.reasoning.as_str()),
        ("Grüße 👋", "Hm, so.")
    );
    assert_eq!(message.tool_calls[1].arguments, "{}");
    assert_eq!(reason(&whole), Some(FinishReason::ToolCalls));
    assert_eq!(whole.usage.as_ref().map(|usage| usage.total()), Some(8));
    assert_eq!(whole.model, CLAUDE);
}

#[test]
fn section_7_case_52_server_run_pairs_are_kept_and_never_offered() {
    let content = json!([
        {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {"q": 1}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s", "content": [{"text": "x"}], "status": "success", "type": "nova_grounding_result"}},
        {"text": "Found."},
    ]);
    let whole = decode(content.clone(), "end_turn").unwrap();
    let message = &whole.choices[0].message;
    assert!(message.tool_calls.is_empty());
    assert_eq!(message.text, "Found.");
    assert_eq!(message.blocks.len(), 2);
    let streamed = stream(&[
        start(0, json!({"toolUse": {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}})),
        delta(0, json!({"toolUse": {"input": "{\"q\":1}"}})),
        stop(0),
        start(1, json!({"toolResult": {"toolUseId": "s", "status": "success", "type": "nova_grounding_result"}})),
        delta(1, json!({"toolResult": [{"text": "x"}]})),
        stop(1),
        delta(2, json!({"text": "Found."})),
        stop(2),
        ending("end_turn"),
    ])
    .unwrap();
    assert_eq!(streamed.choices[0].message.text, "Found.");
    assert_eq!(streamed.choices[0].message.blocks.len(), 2);
    assert_eq!(replayed(&whole, NOVA, NOVA), content);
}

/// The assistant turn that a caller who sends an answer back makes the wire say.
fn replayed(answer: &ChatResponse, issuer: &str, reader: &str) -> Value {
    let message = &answer.choices[0].message;
    let mut blocks = serde_json::to_value(&message.blocks).unwrap();
    for block in blocks.as_array_mut().unwrap() {
        block["model"] = issuer.into();
    }
    let calls: Vec<Value> = message
        .tool_calls
        .iter()
        .map(|call| {
            json!({"id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": call.arguments}})
        })
        .collect();
    let mut turns = vec![
        json!({"role": "user", "content": "a"}),
        json!({"role": "assistant", "content": message.text, "tool_calls": calls, "provider_blocks": blocks}),
    ];
    turns.extend(
        message
            .tool_calls
            .iter()
            .map(|call| json!({"role": "tool", "tool_call_id": call.id, "content": "r"})),
    );
    turns.push(json!({"role": "user", "content": "b"}));
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let body = json!({"messages": turns, "tools": tools});
    encode_for(body, &target(reader)).0["messages"][1]["content"].clone()
}

#[test]
fn section_9_signed_thoughts_go_back_to_their_vendor_only() {
    let content = json!([
        {"reasoningContent": {"reasoningText": {"text": "", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "cmVk"}},
        {"text": "I look."},
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}},
    ]);
    let answer = decode(content.clone(), "tool_use").unwrap();
    // Cases 21, 22, 23.
    assert_eq!(replayed(&answer, CLAUDE, CLAUDE), content);
    let elsewhere = replayed(&answer, CLAUDE, NOVA);
    assert_eq!(elsewhere.as_array().unwrap().len(), 2, "{elsewhere}");
    let unsigned = json!([{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "b"}]);
    let answer = decode(unsigned, "end_turn").unwrap();
    assert_eq!(answer.choices[0].message.reasoning, "hm");
    assert!(answer.choices[0].message.blocks.is_empty());
}

#[test]
fn section_7_text_goes_before_the_calls_of_a_turn() {
    let content = json!([
        {"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}},
        {"text": "I look."},
    ]);
    let answer = decode(content, "tool_use").unwrap();
    let turn = replayed(&answer, CLAUDE, CLAUDE);
    assert_eq!(turn[0], json!({"text": "I look."}));
    assert!(turn[1].get("toolUse").is_some());
}

#[test]
fn section_15_citations_are_text_with_sources() {
    let location = json!({"documentPage": {"documentIndex": 0, "start": 1, "end": 2}});
    let web = json!({"web": {"url": "https://a.example", "domain": "a.example"}});
    let whole = decode(
        json!([
            {"text": "So "},
            {"citationsContent": {"content": [{"text": "it says"}], "citations": [
                {"title": "T", "location": location}]}},
            {"citationsContent": {"citations": [{"location": web}]}},
        ]),
        "end_turn",
    )
    .unwrap();
    let message = &whole.choices[0].message;
    assert_eq!(message.text, "So it says");
    let first = &message.annotations[0];
    assert_eq!(
        (first.start_index, first.end_index, first.title.as_str()),
        (3, 10, "T")
    );
    assert_eq!(message.annotations[1].url, "https://a.example");
    let streamed = stream(&[
        delta(0, json!({"text": "So "})),
        stop(0),
        delta(1, json!({"text": "it says"})),
        delta(1, json!({"citation": {"title": "T", "location": location}})),
        stop(1),
        ending("end_turn"),
    ])
    .unwrap();
    assert_eq!(streamed.choices[0].message.text, "So it says");
    assert_eq!(streamed.choices[0].message.annotations[0], *first);
}

#[test]
fn pictures_come_as_data_urls_whole_or_in_pieces() {
    let whole = decode(
        json!([{"image": {"format": "png", "source": {"bytes": "AQIDBA=="}}}]),
        "end_turn",
    )
    .unwrap();
    let streamed = stream(&[
        start(0, json!({"image": {"format": "png"}})),
        delta(0, json!({"image": {"source": {"bytes": "AQI="}}})),
        delta(0, json!({"image": {"source": {"bytes": "AwQ="}}})),
        stop(0),
        ending("end_turn"),
    ])
    .unwrap();
    let url = &whole.choices[0].message.images[0]["image_url"]["url"];
    assert_eq!(url, "data:image/png;base64,AQIDBA==");
    assert_eq!(
        streamed.choices[0].message.images,
        whole.choices[0].message.images
    );
}
