use proptest::prelude::*;

use super::*;

fn read_reply(status: u16, body: &str) -> UpstreamError {
    let headers = BTreeMap::new();
    let head = ReplyHead {
        status,
        headers: &headers,
        now: Duration::ZERO,
    };
    classify(&head, body.as_bytes())
}

fn error(code: &str, kind: &str, message: &str) -> String {
    serde_json::json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
        .to_string()
}

#[test]
fn case_36_quota_rate_and_overload_are_told_apart() {
    for (status, body, expected) in [
        (
            429,
            error("rate_limit_exceeded", "tokens", "Try again in 2s"),
            ErrorKind::RateLimited,
        ),
        (
            429,
            error("slow_down", "rate_limit_error", "Slow down"),
            ErrorKind::RateLimited,
        ),
        (
            429,
            error("insufficient_quota", "insufficient_quota", "No quota"),
            ErrorKind::QuotaExhausted,
        ),
        (
            429,
            error("project_spend_limit_exceeded", "x", "Spent"),
            ErrorKind::QuotaExhausted,
        ),
        (
            429,
            error("RateLimitReached", "", "Too many"),
            ErrorKind::RateLimited,
        ),
        (
            429,
            error("429", "", "System is experiencing high demand"),
            ErrorKind::Overloaded,
        ),
        (
            503,
            error("server_is_overloaded", "service_unavailable_error", "Busy"),
            ErrorKind::Overloaded,
        ),
        (503, error("slow_down", "", "Busy"), ErrorKind::Overloaded),
        (
            402,
            error("", "unknown_error", "Insufficient Balance"),
            ErrorKind::QuotaExhausted,
        ),
        (
            500,
            error("", "server_error", "Sorry"),
            ErrorKind::ServerError,
        ),
    ] {
        assert_eq!(read_reply(status, &body).kind, expected, "{status} {body}");
    }
    let error = read_reply(
        429,
        &error("rate_limit_exceeded", "tokens", "Try again in 2s."),
    );
    assert_eq!(error.retry_after, Some(Duration::from_secs(2)));
}

#[test]
fn section_13_6_what_a_model_does_not_take_is_read_from_field_and_template_only() {
    let body = |code: &str, param: Value, message: &str| {
        serde_json::json!({"error": {"message": message, "param": param, "code": code}}).to_string()
    };
    let not_supported = "Unsupported parameter: 'seed' is not supported with this model.";
    let own: &[&str] = &["temperature"];
    let seed: &[&str] = &["seed"];
    let extra = r#"{"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted"}]}"#;
    for (body, expected) in [
        (
            body("unsupported_parameter", "temperature".into(), "x"),
            own,
        ),
        (body("unsupported_value", "temperature".into(), "x"), own),
        // Another value may be taken.
        (
            body("unsupported_value", "reasoning_effort".into(), "x"),
            &[],
        ),
        // Leaving it out would change the answer.
        (body("unsupported_parameter", "tools".into(), "x"), &[]),
        (body("unsupported_parameter", "max_tokens".into(), "x"), &[]),
        (body("", Value::Null, not_supported), seed),
        (
            body(
                "",
                Value::Null,
                "Unrecognized request argument supplied: seed",
            ),
            seed,
        ),
        // Words that may be the caller's own.
        (
            body(
                "invalid_value",
                Value::Null,
                &format!("You said: {not_supported}"),
            ),
            &[],
        ),
        (body("invalid_value", "seed".into(), "x"), &[]),
        (extra.to_owned(), seed),
    ] {
        assert_eq!(read_reply(400, &body).unsupported, expected, "{body}");
    }
}

#[test]
fn callers_mistakes_are_told_apart() {
    for (status, body, expected) in [
        (
            400,
            error("unsupported_parameter", "invalid_request_error", "No"),
            ErrorKind::UnsupportedParameter,
        ),
        (
            400,
            error("unsupported_value", "invalid_request_error", "No"),
            ErrorKind::UnsupportedParameter,
        ),
        (
            400,
            error("context_length_exceeded", "invalid_request_error", "No"),
            ErrorKind::ContextLengthExceeded,
        ),
        (
            400,
            error("content_filter", "", "Blocked"),
            ErrorKind::ContentFiltered,
        ),
        (
            400,
            error("invalid_value", "invalid_request_error", "No"),
            ErrorKind::InvalidRequest,
        ),
        (
            401,
            error("invalid_api_key", "invalid_request_error", "No"),
            ErrorKind::Auth,
        ),
        (401, error("401", "", "Access denied"), ErrorKind::Auth),
        (
            404,
            error("model_not_found", "invalid_request_error", "No"),
            ErrorKind::NotFound,
        ),
        (
            404,
            error("DeploymentNotFound", "", "No"),
            ErrorKind::NotFound,
        ),
        (
            400,
            error("model_not_found", "invalid_request_error", "No"),
            ErrorKind::NotFound,
        ),
        (
            403,
            error("", "", "Country not supported"),
            ErrorKind::Permission,
        ),
    ] {
        assert_eq!(read_reply(status, &body).kind, expected, "{status} {body}");
    }
}

#[test]
fn case_58_a_bad_key_as_400_with_a_string_error() {
    let body = r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xx"}"#;
    let error = read_reply(400, body);
    assert_eq!(error.kind, ErrorKind::Auth);
    assert!(error.message.starts_with("Incorrect API key"));
}

#[test]
fn case_50_html_gzip_and_empty_bodies() {
    let html = read_reply(502, "<html><body>Bad gateway</body></html>");
    assert_eq!(html.kind, ErrorKind::ServerError);
    assert!(html.message.contains("HTML page"), "{}", html.message);
    let headers = BTreeMap::new();
    let head = ReplyHead {
        status: 500,
        headers: &headers,
        now: Duration::ZERO,
    };
    assert!(
        classify(&head, &[0x1f, 0x8b, 8, 0])
            .message
            .contains("compressed")
    );
    let empty = read_reply(503, "");
    assert_eq!(empty.kind, ErrorKind::Overloaded);
    assert!(empty.message.contains("503"));
}

#[test]
fn near_shapes_of_compatible_servers() {
    let detail = read_reply(422, r#"{"detail":[{"loc":["body","foo"],"msg":"extra"}]}"#);
    assert!(detail.message.contains("extra"));
    let flat = read_reply(
        400,
        r#"{"object":"error","message":"bad order","type":"invalid_request_message_order","code":3230}"#,
    );
    assert_eq!(flat.code.as_deref(), Some("invalid_request_message_order"));
    let router = in_band(&serde_json::json!({
        "error": {"code": 429, "message": "Provider returned error", "metadata": {"raw": "try again in 3s"}}
    }))
    .unwrap();
    assert_eq!(router.kind, ErrorKind::RateLimited);
    assert_eq!(router.retry_after, Some(Duration::from_secs(3)));
    assert!(in_band(&serde_json::json!({"choices": []})).is_none());
    assert!(in_band(&serde_json::json!({"choices": [], "error": null})).is_none());
}

proptest! {
    #[test]
    fn no_bytes_panic(status in 0u16..1000, body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let headers = BTreeMap::new();
        let _ = classify(&ReplyHead { status, headers: &headers, now: Duration::ZERO }, &body);
    }
}
