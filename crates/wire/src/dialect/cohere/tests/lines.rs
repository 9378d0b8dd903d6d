//! Lines of wire-protocols §4 to §15 that no other file of these tests holds.

use serde_json::json;

use super::*;
use crate::adapter::ReplyHead;
use crate::chat::FinishReason;
use crate::error::ErrorKind;

fn tool_turn(content: Option<Value>) -> Value {
    let mut message = json!({"role": "assistant", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    if let Some(content) = content {
        message["content"] = content;
    }
    message
}

#[test]
fn section_4_moderation_is_named_as_left_out() {
    let (body, encoded) = encode(json!({"moderation": {"model": "m"}}));
    assert_eq!(body.get("moderation"), None);
    assert_eq!(encoded.dropped, ["moderation"]);
}

/// "Must start with user: no", and "`user` directly after `tool`: ok".
#[test]
fn section_5_the_assistant_may_begin_and_a_user_may_follow_a_tool() {
    let (body, encoded) = encode(json!({"messages": [
        {"role": "assistant", "content": "Welcome."},
        {"role": "user", "content": "Hi"},
        tool_turn(None),
        {"role": "tool", "tool_call_id": "a", "content": "x"},
        {"role": "user", "content": "Go on"},
    ]}));
    let list = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = list
        .iter()
        .map(|one| one["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["assistant", "user", "assistant", "tool", "user"]);
    assert!(encoded.changed.is_empty(), "{:?}", encoded.changed);
}

/// "`content:null` / missing / `\"\"` / `[]` … Cohere: omit `content`."
#[test]
fn section_5_empty_content_beside_calls_is_omitted_however_it_is_written() {
    for content in [None, Some(Value::Null), Some(json!("")), Some(json!([]))] {
        let sent = messages(json!([
            {"role": "user", "content": "Hi"}, tool_turn(content.clone()),
            {"role": "tool", "tool_call_id": "a", "content": "x"}]));
        let turn = sent[1].as_object().unwrap();
        assert!(
            !turn.contains_key("content") && !turn.contains_key("tool_plan"),
            "{content:?}"
        );
    }
}

/// "Multiple text parts: join with nothing added for string-only wires."
#[test]
fn section_6_parts_of_instructions_are_joined_with_nothing_between() {
    let sent = messages(json!([
        {"role": "system", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]},
        {"role": "user", "content": "Hi"}]));
    assert_eq!(sent[0]["content"], "Be brief.");
}

/// "Objects returned where a string is due → serialise", and an id for a call that has none.
#[test]
fn section_7_odd_calls_of_an_answer_are_read() {
    let read = decode(
        &json!({"id": "1", "finish_reason": "TOOL_CALL", "message": {"tool_calls": [
        {"id": "", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}},
        {"type": "function", "function": {"name": "g"}}]}}),
    );
    let calls = &read.choices[0].message.tool_calls;
    assert_eq!(
        (calls[0].arguments.as_str(), calls[1].arguments.as_str()),
        ("{\"a\":1}", "{}")
    );
    assert!(calls[0].id.starts_with("call_") && calls[1].id.starts_with("call_"));
    assert_ne!(calls[0].id, calls[1].id);
    let none = decode(
        &json!({"id": "1", "finish_reason": "COMPLETE", "message": {"tool_calls": null,
        "content": [{"type": "text", "text": "Hi"}]}}),
    );
    assert_eq!(none.choices[0].finish_reason, Some(FinishReason::Stop));
}

/// "Cohere `documents`. Map only OpenAI `web_search_options` → those with an equivalent; otherwise
/// 400, never a silent drop."
#[test]
fn section_10_a_search_is_refused_and_documents_are_the_callers_way() {
    let error = try_encode(json!({"web_search_options": {}}), &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("web_search_options"));
    assert!(
        error.message.contains("provider_options.cohere.documents"),
        "{}",
        error.message
    );
}

/// "Derive `tool_calls` from the presence of calls … Keep `length` … when they are what ended the
/// turn."
#[test]
fn section_11_1_calls_and_the_word_for_the_end() {
    let calls = json!([{"id": "x", "function": {"name": "f", "arguments": "{}"}}]);
    for (native, calls, reason) in [
        ("TOOL_CALL", json!([]), FinishReason::Stop),
        ("TOOL_CALL", calls.clone(), FinishReason::ToolCalls),
        ("MAX_TOKENS", calls, FinishReason::Length),
    ] {
        let message = json!({"content": [{"type": "text", "text": "a"}], "tool_calls": calls});
        let read = decode(&json!({"id": "1", "finish_reason": native, "message": message}));
        assert_eq!(read.choices[0].finish_reason, Some(reason), "{native}");
    }
}

/// "Clamp every sub-count to its parent."
#[test]
fn section_11_2_case_53_parts_never_exceed_their_whole() {
    let read = decode(
        &json!({"id": "1", "finish_reason": "COMPLETE", "message": {"content": "a"},
        "usage": {"cached_tokens": 90, "tokens": {"input_tokens": 9, "output_tokens": 2, "reasoning_tokens": 5}}}),
    );
    let usage = read.usage.unwrap();
    assert!(
        usage.cache_read <= usage.input && usage.reasoning <= usage.output,
        "{usage:?}"
    );
    assert!(usage.clamped);
}

/// "`event:` line always equal to `type`": either is enough. "`[DONE]` with trailing text."
#[test]
fn section_12_1_the_event_line_names_what_has_no_type() {
    let body = "event: message-start\ndata: {\"id\":\"s\",\"delta\":{\"message\":{}}}\n\n\
        event: content-delta\ndata: {\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Hi\"}}}}\n\n\
        event: message-end\ndata: {\"delta\":{\"finish_reason\":\"COMPLETE\"}}\n\ndata: [DONE] bye\n\n";
    let read = fold(stream_in(body.as_bytes(), 5, &DecodeContext::default())).unwrap();
    assert_eq!(
        (read.id.as_str(), read.choices[0].message.text.as_str()),
        ("s", "Hi")
    );
}

/// "message-start has arrays for content and tool_calls, the deltas single objects", "tool-call-start
/// (id, name, first args)".
#[test]
fn section_12_2_what_the_first_events_hold_is_read() {
    let call = |kind: &str, call: Value| json!({"type": kind, "index": 0, "delta": {"message": {"tool_calls": call}}});
    let read = fold(stream_in(
        sse(&[
            json!({"id": "s", "type": "message-start", "delta": {"message": {"role": "assistant",
                "tool_plan": "Plan. ", "content": [{"type": "text", "text": "Then "}], "tool_calls": []}}}),
            json!({"type": "content-start", "index": 1,
                "delta": {"message": {"content": {"type": "text", "text": "text."}}}}),
            call("tool-call-start", json!({"id": "f_1", "function": {"name": "f", "arguments": "{\"a\""}})),
            call("tool-call-delta", json!({"function": {"arguments": ":1}"}})),
            json!({"type": "tool-call-end", "index": 0}),
            json!({"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}),
        ])
        .as_bytes(),
        11,
        &DecodeContext::default(),
    ))
    .unwrap();
    let message = &read.choices[0].message;
    assert_eq!(message.text, "Plan. Then text.");
    assert_eq!(message.tool_calls[0].arguments, "{\"a\":1}");
}

/// "v1: connector '' not found" is about the request, not about the model.
#[test]
fn section_13_3_a_connector_that_is_not_there_is_the_requests_fault() {
    let reply = ReplyHead {
        status: 404,
        headers: &std::collections::BTreeMap::new(),
        now: std::time::Duration::ZERO,
    };
    let error = Cohere.classify(&reply, b"{\"message\":\"connector 'wiki' not found.\"}");
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
}

/// "ids are `<tool name>_<12>` (≤35 seen)": they pass both ways as they are.
#[test]
fn section_15_the_apis_own_call_ids_pass_both_ways() {
    let id = "get_current_weather_v2_k88p0m8504w5";
    let read = decode(
        &json!({"id": "1", "finish_reason": "TOOL_CALL", "message": {"tool_calls": [
        {"id": id, "function": {"name": "f", "arguments": "{}"}}]}}),
    );
    assert_eq!(read.choices[0].message.tool_calls[0].id, id);
    let mut turn = tool_turn(None);
    turn["tool_calls"][0]["id"] = id.into();
    let sent = messages(json!([{"role": "user", "content": "Hi"}, turn,
        {"role": "tool", "tool_call_id": id, "content": "x"}]));
    assert_eq!(
        (&sent[1]["tool_calls"][0]["id"], &sent[2]["tool_call_id"]),
        (&json!(id), &json!(id))
    );
}

/// v1's own members are not dropped: the API says itself that it has none.
#[test]
fn connectors_reach_v2_as_well() {
    let own = json!({"cohere": {"connectors": [{"id": "wiki"}]}});
    let (body, encoded) = encode(json!({ "provider_options": own }));
    assert_eq!(body["connectors"], json!([{"id": "wiki"}]));
    assert!(encoded.dropped.is_empty());
}
