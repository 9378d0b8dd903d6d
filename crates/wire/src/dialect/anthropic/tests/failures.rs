//! Error answers.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::adapter::ReplyHead;
use crate::error::{ErrorKind, ErrorScope};

fn classify(status: u16, headers: &[(&str, &str)], body: &[u8]) -> UpstreamError {
    let headers: BTreeMap<String, String> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let reply = ReplyHead {
        status,
        headers: &headers,
        now: Duration::from_secs(1_800_000_000),
    };
    Anthropic.classify(&reply, body)
}

fn error(status: u16, kind: &str, message: &str, code: Option<&str>) -> UpstreamError {
    let mut body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
    if let Some(code) = code {
        body["error"]["details"] = json!({"error_code": code});
    }
    classify(status, &[], body.to_string().as_bytes())
}

/// §13.3, row Anthropic; Claude on Vertex AI alike, and Google's own (`vertex.rs`).
#[test]
fn kinds_by_type_and_code() {
    for (status, kind, expected) in [
        (400, "invalid_request_error", ErrorKind::InvalidRequest),
        (401, "authentication_error", ErrorKind::Auth),
        (402, "billing_error", ErrorKind::QuotaExhausted),
        (403, "permission_error", ErrorKind::Permission),
        (404, "not_found_error", ErrorKind::NotFound),
        (413, "request_too_large", ErrorKind::PayloadTooLarge),
        (429, "rate_limit_error", ErrorKind::RateLimited),
        (500, "api_error", ErrorKind::ServerError),
        (504, "timeout_error", ErrorKind::Timeout),
        (529, "overloaded_error", ErrorKind::Overloaded),
        (529, "unheard_of", ErrorKind::Overloaded),
    ] {
        let read = error(status, kind, "why", None);
        assert_eq!(read.kind, expected, "{kind}");
        assert_eq!(
            (read.status, read.code.as_deref()),
            (Some(status), Some(kind))
        );
    }
}

/// §13.3: spend limits; Claude on Vertex AI alike.
#[test]
fn case_36_a_spent_limit_is_no_rate_limit() {
    for code in [
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
    ] {
        let read = error(429, "rate_limit_error", "slow down", Some(code));
        assert_eq!(
            (read.kind, read.scope),
            (ErrorKind::QuotaExhausted, ErrorScope::Account)
        );
        assert_eq!(read.code.as_deref(), Some(code));
    }
    assert_eq!(
        error(429, "rate_limit_error", "x", Some("ramp_limit_exceeded")).kind,
        ErrorKind::RateLimited
    );
    let low = "Your credit balance is too low to access the Anthropic API.";
    assert_eq!(
        error(400, "invalid_request_error", low, None).kind,
        ErrorKind::QuotaExhausted
    );
    // Words that a user could have put there decide nothing.
    let quoted = "messages.0.content: unexpected `credit balance is too low`";
    assert_eq!(
        error(400, "invalid_request_error", quoted, None).kind,
        ErrorKind::InvalidRequest
    );
}

/// §13.2; Claude on Vertex AI alike.
#[test]
fn case_35_37_delays_and_the_ban_on_retries() {
    let body =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
            .to_string();
    let read = classify(
        529,
        &[("retry-after", "7"), ("x-should-retry", "false")],
        body.as_bytes(),
    );
    assert_eq!(read.retry_after, Some(Duration::from_secs(7)));
    assert!(read.retry_forbidden);
    assert!(!classify(529, &[], body.as_bytes()).retry_forbidden);
}

/// §13.4, §13.6; Claude on Vertex AI alike.
#[test]
fn case_38_context_and_parameters() {
    let long = error(
        400,
        "invalid_request_error",
        "prompt is too long: 9 tokens > 5 maximum",
        None,
    );
    assert_eq!(long.kind, ErrorKind::ContextLengthExceeded);
    for (message, param) in [
        ("temperature: Extra inputs are not permitted", "temperature"),
        ("`top_k` is deprecated for this model.", "top_k"),
        (
            "tools.0.custom.strict: Extra inputs are not permitted",
            "tools.0.custom.strict",
        ),
    ] {
        let read = error(400, "invalid_request_error", message, None);
        assert_eq!(
            (read.kind, read.param.as_deref()),
            (ErrorKind::UnsupportedParameter, Some(param))
        );
    }
    let read = error(
        400,
        "invalid_request_error",
        "messages.1.content: Field required",
        None,
    );
    assert_eq!(
        (read.kind, read.param.as_deref()),
        (ErrorKind::InvalidRequest, Some("messages.1.content"))
    );
}

/// §13.3, "parse defensively"; Claude on Vertex AI alike.
#[test]
fn case_50_html_and_empty_bodies_fall_back_to_the_status() {
    for body in [
        &b"<html><body>502</body></html>"[..],
        b"",
        b"\x1f\x8b\x08",
        b"[]",
        b"null",
    ] {
        let read = classify(502, &[], body);
        assert_eq!(read.kind, ErrorKind::ServerError);
        assert!(!read.message.contains('<'), "{}", read.message);
    }
}

#[test]
fn an_error_or_rubbish_under_a_200_is_no_answer() {
    let context = DecodeContext::default();
    let decode = |body: &[u8]| Anthropic.decode_chat(body, &context).unwrap_err();
    let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    assert_eq!(decode(body).kind, ErrorKind::Overloaded);
    for body in [
        &b""[..],
        b"<html>",
        b"{",
        b"{}",
        b"[]",
        b"7",
        b"{\"content\":\"x\"}",
    ] {
        assert_eq!(decode(body).kind, ErrorKind::MalformedReply);
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200), status in 100_u16..700) {
        let _ = classify(status, &[], &body);
        let _ = Anthropic.decode_chat(&body, &DecodeContext::default());
        let _ = Anthropic.decode_models(&body);
        let _ = stream_in(&body, 3, &DecodeContext::default());
    }
}
