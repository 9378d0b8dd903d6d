//! Failures: before the answer, instead of it, and within it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::adapter::ReplyHead;
use crate::error::ErrorKind;

fn classify(status: u16, body: &Value) -> UpstreamError {
    let headers = BTreeMap::new();
    let head = ReplyHead {
        status,
        headers: &headers,
        now: Duration::ZERO,
    };
    Responses.classify(&head, body.to_string().as_bytes())
}

#[test]
fn section_13_3_error_answers() {
    let error = |code: &str, param: &str| json!({"error": {"message": "No.", "type": "invalid_request_error", "code": code, "param": param}});
    for (status, body, kind) in [
        // Where chat completions say 404.
        (400, error("model_not_found", "model"), ErrorKind::NotFound),
        (
            400,
            error("context_length_exceeded", "input"),
            ErrorKind::ContextLengthExceeded,
        ),
        (
            400,
            error("unsupported_parameter", "temperature"),
            ErrorKind::UnsupportedParameter,
        ),
        (
            400,
            error("invalid_image_format", "input"),
            ErrorKind::InvalidRequest,
        ),
        (401, error("invalid_api_key", ""), ErrorKind::Auth),
        // xAI's error is a text, and a bad key a 400 (case 58).
        (
            400,
            json!({"code": "invalid-argument", "error": "Incorrect API key provided."}),
            ErrorKind::Auth,
        ),
        (
            429,
            error("rate_limit_exceeded", ""),
            ErrorKind::RateLimited,
        ),
        (
            503,
            error("server_is_overloaded", ""),
            ErrorKind::Overloaded,
        ),
    ] {
        assert_eq!(classify(status, &body).kind, kind, "{body}");
    }
}

#[test]
fn section_13_failed_responses_say_why() {
    for (code, kind) in [
        ("server_error", ErrorKind::ServerError),
        ("rate_limit_exceeded", ErrorKind::RateLimited),
        ("invalid_prompt", ErrorKind::ContentFiltered),
        ("bio_policy", ErrorKind::ContentFiltered),
        ("image_content_policy_violation", ErrorKind::ContentFiltered),
        ("failed_to_download_image", ErrorKind::InvalidRequest),
    ] {
        let failed = json!({"id": "resp_1", "status": "failed", "output": [], "error": {"code": code, "message": "Sorry."}});
        let whole = try_decode(&failed).unwrap_err();
        let event = json!({"type": "response.failed", "response": failed});
        let live = streamed(&[created(), event]).unwrap_err();
        for error in [whole, live] {
            assert_eq!(
                (error.kind, error.message.as_str()),
                (kind, "Sorry."),
                "{code}"
            );
            assert_eq!(error.code.as_deref(), Some(code));
        }
    }
}

#[test]
fn section_12_4_error_events_and_cut_streams() {
    let flat = json!({"type": "error", "code": "server_error", "message": "Sorry.", "param": null, "sequence_number": 3});
    let nested = json!({"type": "error", "error": {"type": "server_error", "message": "Sorry."}});
    let foreign = json!({"error": {"message": "Sorry.", "type": "server_error"}});
    for event in [flat, nested, foreign] {
        let error = streamed(&[created(), event]).unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::ServerError, "Sorry.")
        );
    }
    let text = delta(0, "output_text", "Half");
    for end in ["", "data: [DONE]\n\n"] {
        let body = sse(&[created(), text.clone()]) + end;
        let error = fold(stream_in(body.as_bytes(), 64)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated, "{end}");
    }
    let error = streamed(&[
        created(),
        text,
        json!({"type": "response.completed", "response": {"status": "queued", "output": []}}),
    ])
    .unwrap_err();
    assert_eq!(error.kind, ErrorKind::MalformedReply);
}

#[test]
fn what_is_no_response_is_malformed() {
    for body in [
        "",
        "<html>busy</html>",
        "{\"object\":\"list\"}",
        "[1]",
        "{\"id\":\"resp_1\",\"deleted\":true}",
    ] {
        let error = Responses
            .decode_chat(body.as_bytes(), &context())
            .unwrap_err();
        assert_eq!(error.kind, ErrorKind::MalformedReply, "{body}");
        let error = fold(stream_in(body.as_bytes(), 3)).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::MalformedReply | ErrorKind::Truncated),
            "{body}"
        );
    }
    // A background response that is not done: chat can't wait for it.
    let mut queued = response(json!([]));
    queued["status"] = json!("queued");
    assert_eq!(
        try_decode(&queued).unwrap_err().kind,
        ErrorKind::MalformedReply
    );
}

#[test]
fn a_whole_body_where_a_stream_was_due_is_read_or_told() {
    let whole = response(json!([text_item("Hi")])).to_string();
    assert_eq!(
        fold(stream_in(whole.as_bytes(), 9)).unwrap().choices[0]
            .message
            .text,
        "Hi"
    );
    let error = json!({"error": {"message": "Busy.", "type": "server_error", "code": "server_is_overloaded"}}).to_string();
    assert_eq!(
        fold(stream_in(error.as_bytes(), 9)).unwrap_err().kind,
        ErrorKind::Overloaded
    );
}
