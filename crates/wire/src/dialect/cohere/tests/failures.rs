//! Error answers: wire-protocols §13.1 to §13.5.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::adapter::ReplyHead;
use crate::error::{ErrorKind, ErrorScope};

fn classify(status: u16, body: &str, headers: &[(&str, &str)]) -> UpstreamError {
    let headers: BTreeMap<String, String> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let reply = ReplyHead {
        status,
        headers: &headers,
        now: Duration::from_secs(1_790_000_000),
    };
    Cohere.classify(&reply, body.as_bytes())
}

#[test]
fn section_13_3_refused_requests() {
    use ErrorKind::*;
    for (status, message, kind) in [
        (
            400,
            "invalid request: message must not be empty in a turn",
            InvalidRequest,
        ),
        (
            400,
            "too many tokens: total number of tokens in the prompt cannot exceed 4081",
            ContextLengthExceeded,
        ),
        (
            400,
            "invalid request: model 'command-r' is not supported by the generate API",
            NotFound,
        ),
        (
            400,
            "invalid request: response_format is not supported with RAG.",
            UnsupportedParameter,
        ),
        (
            400,
            "unknown field: parameter foo is not a valid field",
            UnsupportedParameter,
        ),
    ] {
        let body = json!({"id": "e-1", "message": message}).to_string();
        let error = classify(status, &body, &[]);
        assert_eq!(error.kind, kind, "{status} {message}");
        assert_eq!(
            (error.status, error.message.as_str()),
            (Some(status), message)
        );
    }
}

#[test]
fn section_13_3_statuses() {
    use ErrorKind::*;
    for (status, message, kind) in [
        (401, "invalid api token", Auth),
        (
            402,
            "Please add or update your payment method",
            QuotaExhausted,
        ),
        (403, "not allowed", Permission),
        (
            404,
            "model 'xyz' not found, make sure the correct model ID was used",
            NotFound,
        ),
        (422, "bad", InvalidRequest),
        (
            429,
            "You are past the per minute request limit, please wait and try again later.",
            RateLimited,
        ),
        (
            429,
            "You are using a Trial key, which is limited to 40 API calls / minute.",
            RateLimited,
        ),
        (
            429,
            "You are using a Trial key, which is limited to 1000 API calls / month.",
            QuotaExhausted,
        ),
        // Never the window on a 429 (wire-protocols §13.4).
        (429, "too many tokens", RateLimited),
        (498, "deny-listed token", ContentFiltered),
        (499, "cancelled", ServerError),
        (
            500,
            "internal server error, this has been reported to our developers.",
            ServerError,
        ),
        (501, "not implemented", NotFound),
        (503, "unavailable", Overloaded),
        (504, "timed out", Timeout),
    ] {
        let body = json!({"id": "e-1", "message": message}).to_string();
        let error = classify(status, &body, &[]);
        assert_eq!(error.kind, kind, "{status} {message}");
        assert_eq!(
            (error.status, error.message.as_str()),
            (Some(status), message)
        );
    }
}

#[test]
fn section_13_3_error_types_and_the_scope_of_quotas() {
    let body = r#"{"message":"x","error_type":"TOO_MANY_TOKENS"}"#;
    let error = classify(400, body, &[]);
    assert_eq!(error.kind, ErrorKind::ContextLengthExceeded);
    assert_eq!(error.code.as_deref(), Some("TOO_MANY_TOKENS"));
    assert_eq!(classify(402, "{}", &[]).scope, ErrorScope::Account);
}

#[test]
fn section_13_6_the_parameter_is_named_by_templates_only() {
    for (message, param) in [
        (
            "unknown field: parameter 'foo' is not a valid field",
            Some("foo"),
        ),
        (
            "invalid request: only one of 'presence_penalty' and 'frequency_penalty' can be specified for this model.",
            Some("presence_penalty"),
        ),
        (
            "invalid request: cannot specify both frequency_penalty and presence_penalty.",
            Some("presence_penalty"),
        ),
        (
            "invalid request: temperature must be between 0 and 1.0 inclusive.",
            Some("temperature"),
        ),
        (
            "The user said: unknown field: parameter foo is not a valid field",
            None,
        ),
        ("tool call id must be provided with tool message", None),
    ] {
        let body = json!({ "message": message }).to_string();
        assert_eq!(
            classify(400, &body, &[]).param.as_deref(),
            param,
            "{message}"
        );
    }
}

/// And section 13.5: call-limit headers.
#[test]
fn section_13_2_case_35_delays() {
    let body = r#"{"message":"Please wait and try again later"}"#;
    let wait = |headers: &[(&str, &str)]| classify(429, body, headers).retry_after;
    assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(
        wait(&[("retry-after", "1"), ("retry-after-ms", "1500")]),
        Some(Duration::from_millis(1_500))
    );
    // Section 13.5: its own headers count calls and say no time.
    assert_eq!(wait(&[("x-trial-endpoint-call-remaining", "0")]), None);
    let said = r#"{"message":"trial token rate limit exceeded, try again in 20s"}"#;
    assert_eq!(
        classify(429, said, &[]).retry_after,
        Some(Duration::from_secs(20))
    );
}

#[test]
fn case_50_pages_and_empty_bodies_are_read_by_their_status() {
    for (body, status, kind) in [
        ("<html>502</html>", 502, ErrorKind::ServerError),
        ("", 503, ErrorKind::Overloaded),
        ("[]", 429, ErrorKind::RateLimited),
        (r#"{"error":"text"}"#, 401, ErrorKind::Auth),
        (
            r#"{"error":{"message":"m","type":"t"}}"#,
            404,
            ErrorKind::NotFound,
        ),
    ] {
        let error = classify(status, body, &[]);
        assert_eq!(error.kind, kind, "{body}");
        assert!(!error.message.is_empty() && !error.message.contains('<'));
    }
}

#[test]
fn case_31_an_error_or_rubbish_under_a_200_is_no_answer() {
    let context = DecodeContext::default();
    for (body, kind) in [
        (
            r#"{"id":"1","message":"internal server error"}"#,
            ErrorKind::ServerError,
        ),
        (
            r#"{"message":"too many tokens: 5"}"#,
            ErrorKind::ContextLengthExceeded,
        ),
        (r#"{"id":"1"}"#, ErrorKind::MalformedReply),
        ("<html>", ErrorKind::MalformedReply),
        ("", ErrorKind::MalformedReply),
        ("{", ErrorKind::MalformedReply),
    ] {
        let error = Cohere.decode_chat(body.as_bytes(), &context).unwrap_err();
        assert_eq!(error.kind, kind, "{body}");
        for error in [
            Cohere
                .decode_embeddings(body.as_bytes(), &context)
                .unwrap_err(),
            Cohere.decode_rerank(body.as_bytes(), &context).unwrap_err(),
        ] {
            assert_eq!(error.kind, kind, "{body}");
        }
    }
}
