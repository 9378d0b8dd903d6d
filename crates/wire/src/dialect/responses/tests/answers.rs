//! Whole responses.

use serde_json::json;

use super::*;
use crate::chat::FinishReason;
use crate::names::{NameMap, NameRule};

#[test]
fn section_11_a_response_becomes_one_choice() {
    let mut whole = response(json!([
        {"type": "reasoning", "id": "rs_1", "encrypted_content": "seal",
            "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": "Then."}]},
        text_item("Hello."),
    ]));
    whole["usage"] = json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 6}, "total_tokens": 19});
    whole["service_tier"] = json!("default");
    whole["temperature"] = json!(1.0);
    whole["moderation"] = json!({"flagged": false});
    let answer = try_decode(&whole).unwrap();
    assert_eq!(
        (answer.id.as_str(), answer.model.as_str()),
        ("resp_1", "gpt-test-1")
    );
    assert_eq!(answer.created, Some(1_700_000_000));
    assert_eq!(answer.service_tier.as_deref(), Some("default"));
    // What repeats the request is no news.
    assert!(answer.metadata.contains_key("moderation"));
    assert!(!answer.metadata.contains_key("temperature"));
    let choice = &answer.choices[0];
    assert_eq!(choice.finish_reason, Some(FinishReason::Stop));
    assert_eq!(choice.message.text, "Hello.");
    assert_eq!(choice.message.reasoning, "First.\n\nThen.");
    let block = &choice.message.blocks[0];
    assert_eq!(
        (block.issuer.as_str(), block.model.as_str()),
        ("responses/openai", "gpt-test-1")
    );
    assert_eq!(block.block["encrypted_content"], "seal");
    let usage = answer.usage.unwrap();
    assert_eq!(
        (usage.input, usage.cache_read, usage.cache_write),
        (10, 4, 2)
    );
    assert_eq!((usage.output, usage.reasoning), (9, 6));
}

#[test]
fn section_11_2_xai_counts_reasoning_within_the_output() {
    let mut whole = response(json!([text_item("a")]));
    whole["usage"] = json!({"input_tokens": 32, "output_tokens": 268, "total_tokens": 300,
        "output_tokens_details": {"reasoning_tokens": 251}, "num_sources_used": 3,
        "server_side_tool_usage_details": {"web_search_calls": 2}, "cost_in_usd_ticks": 5});
    let usage = try_decode(&whole).unwrap().usage.unwrap();
    assert_eq!(
        (usage.output, usage.reasoning, usage.searches),
        (268, 251, 2)
    );
    assert_eq!(usage.native["cost_in_usd_ticks"], 5);
    // Where nobody counts them, searches are those among the items.
    let answer = decode(json!([
        {"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "q"}},
        {"type": "web_search_call", "id": "ws_2", "action": {"type": "open_page", "url": "u"}},
        text_item("a"),
    ]));
    assert_eq!(answer.usage.unwrap().searches, 1);
}

#[test]
fn section_11_1_finish_reasons() {
    let call = call_item("call_1", "f", "{}");
    let refusal = json!({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]});
    for (output, status, why, expected, native) in [
        (
            json!([text_item("a")]),
            "completed",
            None,
            FinishReason::Stop,
            "completed",
        ),
        (
            json!([call]),
            "completed",
            None,
            FinishReason::ToolCalls,
            "completed",
        ),
        (
            json!([refusal]),
            "completed",
            None,
            FinishReason::ContentFilter,
            "refusal",
        ),
        (
            json!([]),
            "incomplete",
            Some("max_output_tokens"),
            FinishReason::Length,
            "max_output_tokens",
        ),
        (
            json!([text_item("a")]),
            "incomplete",
            Some("content_filter"),
            FinishReason::ContentFilter,
            "content_filter",
        ),
        (
            json!([text_item("a")]),
            "incomplete",
            Some("steered"),
            FinishReason::Length,
            "steered",
        ),
    ] {
        let mut whole = response(output);
        whole["status"] = json!(status);
        whole["incomplete_details"] = json!({ "reason": why });
        let answer = try_decode(&whole).unwrap();
        assert_eq!(answer.choices[0].finish_reason, Some(expected), "{native}");
        assert_eq!(
            answer.choices[0].native_finish_reason.as_deref(),
            Some(native)
        );
    }
}

#[test]
fn case_47_a_calls_id_is_its_call_id() {
    // bedrock-mantle has `item_id` and `output_index` in place of `id`, and ids that repeat.
    let mantle = json!({"type": "function_call", "item_id": "fc_9", "output_index": 0,
        "call_id": "call_0", "name": "f", "arguments": ""});
    let answer = decode(json!([mantle, call_item("call_0", "g", "{\"a\":1}")]));
    let calls = &answer.choices[0].message.tool_calls;
    assert_eq!(
        (calls[0].id.as_str(), calls[0].arguments.as_str()),
        ("call_0", "{}")
    );
    assert_ne!(calls[1].id, "call_0");
    assert_eq!(calls[1].arguments, "{\"a\":1}");
}

#[test]
fn section_7_names_and_custom_tools_are_as_the_caller_knows_them() {
    let names = NameMap::new(["fs.read"], &NameRule::STRICT);
    let wire = names.to_wire("fs.read").to_owned();
    let context = DecodeContext {
        names,
        custom_tools: vec!["sql".into()],
        ..context()
    };
    let whole = response(json!([
        call_item("a", &wire, "{}"),
        call_item("b", "sql", r#"{"input":"select 1"}"#),
        {"type": "custom_tool_call", "call_id": "c", "name": "free", "input": "go"},
    ]));
    let answer = Responses
        .decode_chat(whole.to_string().as_bytes(), &context)
        .unwrap();
    let calls: Vec<_> = answer.choices[0]
        .message
        .tool_calls
        .iter()
        .map(|call| (call.name.as_str(), call.arguments.as_str(), call.custom))
        .collect();
    assert_eq!(
        calls,
        [
            ("fs.read", "{}", false),
            ("sql", "select 1", true),
            ("free", "go", true)
        ]
    );
}

#[test]
fn section_7_server_run_items_are_kept_and_never_offered() {
    let answer = decode(json!([
        {"type": "mcp_call", "id": "mcp_1", "name": "f", "arguments": "{}", "output": "x"},
        {"type": "tool_search_call", "id": "ts_1", "call_id": null, "execution": "server"},
        {"type": "image_generation_call", "id": "ig_1", "result": "AAAA", "size": "1x1", "output_format": "webp"},
        {"type": "function_call", "call_id": "c1", "name": "g", "arguments": "{}", "namespace": "crm"},
        {"type": "something_new", "id": "x"},
    ]));
    let message = &answer.choices[0].message;
    assert_eq!(message.tool_calls.len(), 1);
    let kinds: Vec<_> = message
        .blocks
        .iter()
        .map(|block| block.block["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "mcp_call",
            "tool_search_call",
            "function_call",
            "something_new"
        ]
    );
    assert_eq!(
        message.blocks[2].block,
        json!({"type": "function_call", "namespace": "crm"})
    );
    assert_eq!(
        (
            message.blocks[2].span.calls,
            message.blocks[2].span.call_len
        ),
        (0, 1)
    );
    assert_eq!(
        message.images[0]["image_url"]["url"],
        "data:image/webp;base64,AAAA"
    );
}

#[test]
fn section_11_3_citations_count_from_the_beginning_of_all_text() {
    let cited = json!({"type": "message", "phase": "final_answer", "content": [
        {"type": "output_text", "text": "Rain.", "annotations": [{"type": "url_citation",
            "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 5}]}]});
    let answer = decode(json!([text_item("Wait…"), cited]));
    let message = &answer.choices[0].message;
    assert_eq!(message.text, "Wait…\n\nRain.");
    let citation = &message.annotations[0];
    assert_eq!((citation.start_index, citation.end_index), (7, 12));
    assert_eq!(citation.url, "https://a.example");
    let span = message.blocks[0].span;
    assert_eq!((span.text, span.text_len), (7, 5));
    assert_eq!(
        message.blocks[0].block,
        json!({"type": "message", "phase": "final_answer"})
    );
}

#[test]
fn a_stream_where_a_whole_answer_was_due_is_read() {
    let body = sse(&[
        created(),
        done(0, text_item("Hi")),
        completed(json!([text_item("Hi")])),
    ]);
    let answer = Responses.decode_chat(body.as_bytes(), &context()).unwrap();
    assert_eq!(answer.choices[0].message.text, "Hi");
}
