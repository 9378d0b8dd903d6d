//! Whole answers.

use serde_json::json;

use super::*;
use crate::adapter::Endpoint;
use crate::chat::FinishReason;
use crate::embedding::EmbeddingRequest;

/// §11.2, §11.3; Claude on Vertex AI alike.
#[test]
fn text_blocks_join_without_separator_and_counts_are_read() {
    let answer = decode(
        json!({"content": [{"type": "text", "text": "One "}, {"type": "text", "text": "two."}]}),
    );
    let choice = &answer.choices[0];
    assert_eq!(choice.message.text, "One two.");
    assert_eq!(choice.finish_reason, Some(FinishReason::Stop));
    assert_eq!(choice.native_finish_reason.as_deref(), Some("end_turn"));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.input, usage.output), (3, 5));
    assert_eq!(
        (answer.id.as_str(), answer.model.as_str()),
        ("msg_1", "claude-test")
    );
}

/// §11.1, column Anthropic; Claude on Vertex AI alike.
#[test]
fn stop_reasons() {
    let call = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    for (native, content, reason) in [
        ("end_turn", json!([]), FinishReason::Stop),
        ("stop_sequence", json!([]), FinishReason::Stop),
        ("pause_turn", json!([]), FinishReason::Stop),
        ("something_new", json!([]), FinishReason::Stop),
        ("max_tokens", json!([call]), FinishReason::Length),
        (
            "model_context_window_exceeded",
            json!([]),
            FinishReason::Length,
        ),
        ("tool_use", json!([call]), FinishReason::ToolCalls),
        // The calls decide, not the word.
        ("end_turn", json!([call]), FinishReason::ToolCalls),
        ("tool_use", json!([]), FinishReason::Stop),
        ("refusal", json!([]), FinishReason::ContentFilter),
    ] {
        let answer = decode(json!({"content": content, "stop_reason": native}));
        assert_eq!(answer.choices[0].finish_reason, Some(reason), "{native}");
        assert_eq!(
            answer.choices[0].native_finish_reason.as_deref(),
            Some(native)
        );
    }
    let unsaid = decode(json!({"content": [], "stop_reason": null}));
    assert_eq!(unsaid.choices[0].finish_reason, Some(FinishReason::Stop));
    let hit =
        decode(json!({"content": [], "stop_reason": "stop_sequence", "stop_sequence": "END"}));
    assert_eq!(hit.choices[0].stop_sequence.as_deref(), Some("END"));
}

/// §11.1, refusals; Claude on Vertex AI alike.
#[test]
fn a_refusal_gives_its_words_and_details() {
    let details = json!({"type": "refusal", "category": "cyber", "explanation": "No.", "recommended_model": "m2"});
    let answer =
        decode(json!({"content": [], "stop_reason": "refusal", "stop_details": details.clone()}));
    assert_eq!(answer.choices[0].message.refusal.as_deref(), Some("No."));
    assert_eq!(answer.metadata["stop_details"], details);
}

/// §7, §11.3, server-run calls; Claude on Vertex AI alike.
#[test]
fn calls_of_server_tools_are_kept_and_never_offered() {
    let by_code = json!({"type": "tool_use", "id": "t2", "name": "f", "input": {}, "caller": {"type": "code_execution_20260120", "tool_id": "s"}});
    let answer = decode(json!({
        "container": {"id": "c1", "expires_at": "2026-01-01T00:00:00Z"},
        "content": [
            {"type": "server_tool_use", "id": "s", "name": "code_execution", "input": {"code": "1"}},
            by_code.clone(),
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": 2}, "caller": {"type": "direct"}},
            {"type": "container_upload", "file_id": "file_1"},
        ],
    }));
    let message = &answer.choices[0].message;
    assert_eq!(message.tool_calls.len(), 1);
    assert_eq!(message.tool_calls[0].arguments, "{\"b\":1,\"a\":2}");
    let kinds: Vec<_> = message
        .blocks
        .iter()
        .map(|block| block.block["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["server_tool_use", "tool_use", "container_upload"]);
    assert_eq!(message.blocks[1].block, by_code);
    assert_eq!(
        (message.blocks[1].span.calls, message.blocks[2].span.calls),
        (0, 1)
    );
    assert_eq!(answer.metadata["container"]["id"], "c1");
}

/// §11.3, citations; Claude on Vertex AI alike.
#[test]
fn citations_of_every_source() {
    let answer = decode(
        json!({"content": [{"type": "text", "text": "é!", "citations": [
            {"type": "char_location", "document_index": 0, "document_title": "doc", "start_char_index": 0, "end_char_index": 2, "cited_text": "x"},
            {"type": "search_result_location", "source": "https://s", "title": "S", "search_result_index": 0, "start_block_index": 0, "end_block_index": 1, "cited_text": "y"},
        ]}]}),
    );
    let message = &answer.choices[0].message;
    let cited: Vec<_> = message
        .annotations
        .iter()
        .map(|a| (a.url.as_str(), a.title.as_str(), a.start_index, a.end_index))
        .collect();
    assert_eq!(cited, [("", "doc", 0, 2), ("https://s", "S", 0, 2)]);
    assert_eq!(message.blocks[0].span.text_len, 2);
}

#[test]
fn custom_calls_are_unwrapped_and_a_missing_id_is_made() {
    let context = DecodeContext {
        custom_tools: vec!["sql".into()],
        id_seed: "seed".into(),
        ..DecodeContext::default()
    };
    let answer = decode_with(
        json!({"content": [{"type": "tool_use", "name": "sql", "input": {"input": "select 1"}}]}),
        &context,
    );
    let call = &answer.choices[0].message.tool_calls[0];
    assert_eq!((call.arguments.as_str(), call.custom), ("select 1", true));
    assert!(call.id.starts_with("call_"));
}

#[test]
fn models_are_listed_page_by_page() {
    let first = Anthropic.encode_models(&Endpoint::default(), None);
    assert_eq!(
        (first.path.as_str(), first.get),
        ("/v1/models?limit=1000", true)
    );
    let next = Anthropic.encode_models(&Endpoint::default(), Some("a/b"));
    assert_eq!(next.path, "/v1/models?limit=1000&after_id=a%2Fb");
    let page = json!({
        "data": [{"id": "claude-a", "created_at": "2026-01-01T00:00:00Z", "max_input_tokens": 9, "max_tokens": 0}],
        "has_more": true, "last_id": "claude-a",
    });
    let (models, more) = Anthropic
        .decode_models(page.to_string().as_bytes())
        .unwrap();
    assert_eq!(models[0].created, Some(1_767_225_600));
    assert_eq!(
        (models[0].context_window, models[0].max_output),
        (Some(9), None)
    );
    assert_eq!(more.as_deref(), Some("claude-a"));
    // An empty token would ask for the first page again.
    let empty = br#"{"data":[],"has_more":true,"last_id":""}"#;
    assert_eq!(Anthropic.decode_models(empty).unwrap().1, None);
    assert!(Anthropic.decode_models(b"[]").is_err());
}

#[test]
fn embeddings_are_refused_with_a_way_out() {
    let error = Anthropic
        .encode_embeddings(&EmbeddingRequest::default(), &target())
        .unwrap_err();
    assert!(error.message.contains("Voyage"));
}
