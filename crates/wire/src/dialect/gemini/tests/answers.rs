//! Whole answers.

use serde_json::{Value, json};

use super::*;
use crate::chat::{ChatResponse, FinishReason};
use crate::error::{ErrorKind, UpstreamError};

fn decode(body: &Value) -> Result<ChatResponse, UpstreamError> {
    let context = DecodeContext {
        model: "asked".into(),
        id_seed: "seed".into(),
        ..DecodeContext::default()
    };
    Gemini.decode_chat(body.to_string().as_bytes(), &context)
}

fn candidate(parts: Value, reason: &str) -> Value {
    json!({"candidates": [{"content": {"parts": parts, "role": "model"},
        "finishReason": reason}]})
}

/// §11.2, §11.3: counts, text without separators, thoughts apart; Vertex AI alike.
#[test]
fn text_thoughts_identity_usage_and_the_rest() {
    let response = decode(&json!({
        "candidates": [
            {"content": {"parts": [{"text": "hm", "thought": true}, {"text": "A"}, {"text": "B"}]},
             "finishReason": "STOP", "avgLogprobs": -0.5,
             "safetyRatings": [{"category": "X"}]},
            {"index": 1, "content": {"parts": [{"text": "C"}]}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2,
            "thoughtsTokenCount": 4, "serviceTier": "priority"},
        "modelVersion": "gemini-x-001", "responseId": "r1",
        "createTime": "1970-01-01T00:01:00Z", "promptFeedback": {"note": 1}}))
    .unwrap();
    assert_eq!(
        (response.id.as_str(), response.model.as_str()),
        ("r1", "gemini-x-001")
    );
    assert_eq!(response.created, Some(60));
    assert_eq!(response.service_tier.as_deref(), Some("priority"));
    assert_eq!(response.metadata["promptFeedback"]["note"], 1);
    let usage = response.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.reasoning), (3, 6, 4));
    let [first, second] = response.choices.as_slice() else {
        panic!("two choices are due")
    };
    assert_eq!(first.message.text, "AB");
    assert_eq!(first.message.reasoning, "hm");
    assert_eq!(first.metadata["avgLogprobs"], -0.5);
    assert_eq!(second.finish_reason, Some(FinishReason::Length));
    assert_eq!(second.native_finish_reason.as_deref(), Some("MAX_TOKENS"));
}

/// §7, §11.1: `STOP` with calls, which have no ids; Vertex AI alike.
#[test]
fn calls_end_in_tool_calls_and_get_ids() {
    let response = decode(&candidate(
        json!([{"functionCall": {"name": "a", "args": {"x": 1}}}, {"functionCall": {"name": "a"}}]),
        "STOP",
    ))
    .unwrap();
    let choice = &response.choices[0];
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    let calls = &choice.message.tool_calls;
    assert_eq!(calls[0].arguments, r#"{"x":1}"#);
    assert_eq!(calls[1].arguments, "{}");
    assert!(calls[0].id.starts_with("call_"));
    assert_ne!(calls[0].id, calls[1].id);
    assert!(choice.message.blocks.is_empty());
}

/// §11.1: `blockReason` without a candidate; Vertex AI alike.
#[test]
fn case_39_blocked_prompts_and_blocked_answers() {
    let error = decode(&json!({"promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 3}}))
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ContentFiltered);
    assert_eq!(error.code.as_deref(), Some("SAFETY"));
    let response = decode(&json!({"candidates": [{"finishReason": "SAFETY"}]})).unwrap();
    assert_eq!(response.choices[0].message.text, "");
    assert_eq!(
        response.choices[0].finish_reason,
        Some(FinishReason::ContentFilter)
    );
}

/// §11.1, the row "error path"; Vertex AI alike.
#[test]
fn case_55_error_reasons_with_and_without_output() {
    let error = decode(
        &json!({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL",
        "finishMessage": "bad call"}]}),
    )
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::ServerError);
    assert_eq!(error.message, "bad call");
    let response = decode(&candidate(json!([{"text": "half"}]), "OTHER")).unwrap();
    assert_eq!(response.choices[0].finish_reason, Some(FinishReason::Error));
    assert_eq!(
        response.choices[0].native_finish_reason.as_deref(),
        Some("OTHER")
    );
}

/// §12.4, §13.3: an error object or a list of one; Vertex AI alike.
#[test]
fn case_31_errors_and_oddities_under_a_200() {
    for (body, kind) in [
        (
            json!({"error": {"code": 503, "status": "UNAVAILABLE", "message": "x"}}),
            ErrorKind::Overloaded,
        ),
        (
            json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}}]),
            ErrorKind::RateLimited,
        ),
        (json!({"candidates": []}), ErrorKind::ServerError),
        (json!("text"), ErrorKind::MalformedReply),
        (json!({"candidates": [7]}), ErrorKind::MalformedReply),
        (
            json!({"candidates": [{"index": -1, "finishReason": "STOP"}, {"index": 5_000_000}]}),
            ErrorKind::MalformedReply,
        ),
    ] {
        assert_eq!(decode(&body).unwrap_err().kind, kind, "{body}");
    }
    let html = Gemini.decode_chat(b"<html></html>", &DecodeContext::default());
    assert_eq!(html.unwrap_err().kind, ErrorKind::MalformedReply);
}

#[test]
fn pictures_come_once_and_keep_their_signature() {
    let response = decode(&candidate(
        json!([{"text": "Here:"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="},
             "thoughtSignature": "c2ln"}]),
        "STOP",
    ))
    .unwrap();
    let message = &response.choices[0].message;
    assert_eq!(
        message.images[0]["image_url"]["url"],
        "data:image/png;base64,iVBORw0KGgo="
    );
    assert_eq!(
        message.blocks[0].block,
        json!({"thoughtSignature": "c2ln", "inlineData": {"mimeType": "image/png"}})
    );
    assert_eq!(message.blocks[0].span.text, 5);
}

/// §4, `logprobs`; Vertex AI alike.
#[test]
fn log_probabilities_are_in_openai_shape_and_kept() {
    let response = decode(
        &json!({"candidates": [{"content": {"parts": [{"text": "ä"}]},
        "finishReason": "STOP", "logprobsResult": {
            "chosenCandidates": [{"token": "ä", "tokenId": 5, "logProbability": -0.1}],
            "topCandidates": [{"candidates": [{"token": "a", "logProbability": -2}]}]}}]}),
    )
    .unwrap();
    assert_eq!(
        response.choices[0].logprobs,
        Some(
            json!({"content": [{"token": "ä", "logprob": -0.1, "bytes": [195, 164],
            "top_logprobs": [{"token": "a", "logprob": -2, "bytes": [97]}]}]})
        )
    );
    assert_eq!(
        response.choices[0].metadata["logprobsResult"]["chosenCandidates"][0]["tokenId"],
        5
    );
}

/// §11.3, citations; Vertex AI alike.
#[test]
fn grounding_becomes_annotations_and_stays_verbatim() {
    let grounding = json!({"webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 5},
            "groundingChunkIndices": [0]}]});
    let mut body = candidate(json!([{"text": "é yes"}]), "STOP");
    body["candidates"][0]["groundingMetadata"] = grounding.clone();
    body["usageMetadata"] = json!({"promptTokenCount": 1});
    let response = decode(&body).unwrap();
    let found = &response.choices[0].message.annotations[0];
    assert_eq!((found.start_index, found.end_index), (2, 4));
    assert_eq!(response.choices[0].metadata["groundingMetadata"], grounding);
    assert_eq!(response.usage.unwrap().searches, 1);
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(body in "[\\[{]?\\{\"candidates\":\\[\\{\"(content|index|finishReason)\":.{0,60}") {
        let _ = Gemini.decode_chat(body.as_bytes(), &DecodeContext::default());
        let _ = Gemini.decode_embeddings(body.as_bytes(), &DecodeContext::default());
        let _ = Gemini.decode_models(body.as_bytes());
    }
}
