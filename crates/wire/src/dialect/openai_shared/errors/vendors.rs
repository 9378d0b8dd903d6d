//! Each row of the table of error bodies (wire-protocols §13.3), by vendor.

use serde_json::json;

use super::*;
use ErrorKind::{
    Auth, ContentFiltered, ContextLengthExceeded, InvalidRequest, NotFound, Overloaded,
    PayloadTooLarge, Permission, QuotaExhausted, RateLimited, ServerError, Timeout,
    UnsupportedParameter,
};

fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> UpstreamError {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let head = ReplyHead {
        status,
        headers: &headers,
        now: Duration::from_secs(1_800_000_000),
    };
    classify(&head, body.as_bytes())
}

/// Holds rows of status, body and what it means.
fn hold(vendor: &str, rows: &[(u16, Value, ErrorKind)]) {
    for (status, body, expected) in rows {
        let error = with_headers(*status, &[], &body.to_string());
        assert_eq!(error.kind, *expected, "{vendor} {status} {body}");
        assert!(!error.message.is_empty());
    }
}

/// `{"error":{message,type,code}}`.
fn said(message: &str, kind: &str, code: Value) -> Value {
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
}

#[test]
fn section_13_3_openai() {
    let of = |kind: &str, code: &str| said("No.", kind, json!(code));
    let invalid = |code: &str| of("invalid_request_error", code);
    hold(
        "openai",
        &[
            (401, invalid("invalid_api_key"), Auth),
            (403, invalid("unsupported_country"), Permission),
            (404, invalid("model_not_found"), NotFound),
            (400, invalid("model_not_found"), NotFound),
            (429, of("requests", "rate_limit_exceeded"), RateLimited),
            (429, of("rate_limit_error", "slow_down"), RateLimited),
            (429, of("x", "credit_balance_exhausted"), QuotaExhausted),
            (
                429,
                of("x", "organization_spend_limit_exceeded"),
                QuotaExhausted,
            ),
            (429, of("x", "project_spend_limit_exceeded"), QuotaExhausted),
            (
                429,
                of("x", "organization_usage_limit_exceeded"),
                QuotaExhausted,
            ),
            (429, of("insufficient_quota", ""), QuotaExhausted),
            (503, of("x", "server_is_overloaded"), Overloaded),
            (503, of("x", "slow_down"), Overloaded),
            (
                400,
                invalid("context_length_exceeded"),
                ContextLengthExceeded,
            ),
            (400, invalid("unsupported_parameter"), UnsupportedParameter),
            (400, invalid("unsupported_value"), UnsupportedParameter),
            (400, invalid("invalid_prompt"), ContentFiltered),
            (400, invalid("bio_policy"), ContentFiltered),
            (
                400,
                invalid("misalignment_policy_violation"),
                ContentFiltered,
            ),
            (500, of("server_error", ""), ServerError),
        ],
    );
}

#[test]
fn section_13_3_azure() {
    let filtered = json!({"error": {"message": "The response was filtered", "type": null,
        "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": {"code": "ResponsibleAIPolicyViolation"}}});
    let inner_only = json!({"error": {"message": "Filtered", "code": "400",
        "innererror": {"code": "ResponsibleAIPolicyViolation"}}});
    hold(
        "azure",
        &[
            (400, filtered, ContentFiltered),
            (400, inner_only, ContentFiltered),
            (
                404,
                json!({"error": {"code": "DeploymentNotFound", "message": "No."}}),
                NotFound,
            ),
            (
                429,
                json!({"error": {"code": "RateLimitReached", "message": "Slow."}}),
                RateLimited,
            ),
            (
                429,
                json!({"error": {"code": "429", "message": "The system is experiencing high demand."}}),
                Overloaded,
            ),
            (
                401,
                json!({"error": {"code": "401", "message": "Access denied.", "details": "none"}}),
                Auth,
            ),
            (
                401,
                json!({"error": {"code": "PermissionDenied", "message": "No."}}),
                Auth,
            ),
        ],
    );
}

#[test]
fn section_13_3_mistral() {
    let flat = |message: &str, kind: &str, code: &str, status: u16| {
        json!({"object": "error", "message": message, "type": kind, "param": null, "code": code,
            "raw_status_code": status})
    };
    let validation =
        |kind: &str| json!({"detail": [{"loc": ["body", "seed"], "msg": "No.", "type": kind}]});
    hold(
        "mistral",
        &[
            (
                400,
                flat(
                    "Expected last role",
                    "invalid_request_message_order",
                    "3230",
                    400,
                ),
                InvalidRequest,
            ),
            (
                400,
                flat("Tool call id was x", "invalid_function_call", "3280", 400),
                InvalidRequest,
            ),
            (422, validation("extra_forbidden"), UnsupportedParameter),
            (422, validation("missing"), InvalidRequest),
            (
                429,
                flat("Rate limit exceeded", "rate_limited", "1300", 429),
                RateLimited,
            ),
            (
                429,
                json!({"message": "Requests rate limit exceeded"}),
                RateLimited,
            ),
            (
                429,
                flat(
                    "Service tier capacity exceeded for this model.",
                    "service_tier_capacity_exceeded",
                    "3505",
                    429,
                ),
                Overloaded,
            ),
            (
                400,
                flat("Invalid model: x", "invalid_model", "1500", 400),
                NotFound,
            ),
            (401, json!({"detail": "Invalid API Key"}), Auth),
            (400, json!({"detail": "Not like this."}), InvalidRequest),
        ],
    );
    let limited = flat("Rate limit exceeded", "rate_limited", "1300", 429).to_string();
    let by_limit =
        |limit| with_headers(429, &[("x-ratelimit-limit-req-minute", limit)], &limited).kind;
    assert_eq!(by_limit("0"), QuotaExhausted);
    assert_eq!(by_limit("360"), RateLimited);
}

#[test]
fn section_13_3_deepseek() {
    // `code` is the same always: type and status count.
    let of = |message: &str, kind: &str| said(message, kind, json!("invalid_request_error"));
    hold(
        "deepseek",
        &[
            (400, of("No.", "invalid_request_error"), InvalidRequest),
            (422, of("No.", "invalid_request_error"), InvalidRequest),
            (
                401,
                of("Authentication Fails", "authentication_error"),
                Auth,
            ),
            (
                402,
                of("Insufficient Balance", "unknown_error"),
                QuotaExhausted,
            ),
            (
                429,
                of("Rate limit reached", "rate_limit_error"),
                RateLimited,
            ),
            (500, of("Broken", "server_error"), ServerError),
            (503, of("Too busy", "service_unavailable_error"), Overloaded),
            (
                400,
                of("Model Not Exist", "invalid_request_error"),
                NotFound,
            ),
            (
                400,
                of("Content Exists Risk", "invalid_request_error"),
                ContentFiltered,
            ),
        ],
    );
}

#[test]
fn section_13_3_groq() {
    let of = |message: &str, code: &str| json!({"error": {"message": message, "type": "invalid_request_error", "code": code}});
    let failed = |code: &str| {
        json!({"error": {"message": "Failed to call a function.", "code": code,
            "type": "invalid_request_error", "failed_generation": "<function=f"}})
    };
    hold(
        "groq",
        &[
            (
                413,
                of(
                    "Request too large for model `m` on tokens per minute (TPM): Limit 6000, Requested 9000",
                    "rate_limit_exceeded",
                ),
                PayloadTooLarge,
            ),
            (
                413,
                of("Please reduce the length of the messages.", ""),
                ContextLengthExceeded,
            ),
            (422, of("No.", ""), InvalidRequest),
            (424, of("A tool server failed.", ""), ServerError),
            (
                429,
                of("Rate limit reached", "rate_limit_exceeded"),
                RateLimited,
            ),
            (498, of("Over capacity", "capacity_exceeded"), Overloaded),
            (400, failed("tool_use_failed"), ServerError),
            (400, failed("json_validate_failed"), ServerError),
        ],
    );
}

#[test]
fn section_13_3_cerebras_together_fireworks() {
    let top = |message: &str, kind: &str, code: &str| json!({"message": message, "type": kind, "param": "", "code": code});
    hold(
        "cerebras",
        &[
            (
                402,
                top("Pay.", "payment_required", "payment_required"),
                QuotaExhausted,
            ),
            (
                429,
                top("High traffic", "too_many_requests_error", "queue_exceeded"),
                Overloaded,
            ),
            (
                429,
                top(
                    "Too many tokens processed.",
                    "too_many_requests_error",
                    "token_quota_exceeded",
                ),
                RateLimited,
            ),
            (401, said("Wrong", "x", json!("wrong_api_key")), Auth),
        ],
    );
    hold(
        "together",
        &[
            (
                402,
                said("Limit", "credit_limit", json!(null)),
                QuotaExhausted,
            ),
            (
                429,
                said("Rate", "rate_limit", json!("dynamic_request_limited")),
                RateLimited,
            ),
            (
                503,
                said("Not ready", "service_unavailable", json!(null)),
                Overloaded,
            ),
            (
                422,
                said("No.", "invalid_request_error", json!(null)),
                InvalidRequest,
            ),
        ],
    );
    let text = json!({"error": "No."});
    hold(
        "fireworks",
        &[
            (402, text.clone(), QuotaExhausted),
            (
                412,
                said("Account suspended", "error", json!("PRECONDITION_FAILED")),
                QuotaExhausted,
            ),
            (408, text.clone(), Timeout),
            (429, text.clone(), RateLimited),
            (502, text.clone(), ServerError),
            (503, text.clone(), Overloaded),
            (504, text, Timeout),
        ],
    );
}

#[test]
fn section_13_3_perplexity_and_xai() {
    hold(
        "perplexity",
        &[
            (
                400,
                said("Roles alternate", "invalid_message", json!(400)),
                InvalidRequest,
            ),
            (
                400,
                said("Too long", "too_many_prompt_tokens", json!(400)),
                ContextLengthExceeded,
            ),
            (401, said("No.", "invalid_api_key", json!(401)), Auth),
            (
                401,
                said("Pay.", "insufficient_quota", json!(401)),
                QuotaExhausted,
            ),
            (400, said("No.", "invalid_model", json!(400)), NotFound),
            (429, said("Slow", "x", json!(429)), RateLimited),
        ],
    );
    let html = with_headers(401, &[], "<html><h1>401 Authorization Required</h1></html>");
    assert_eq!(html.kind, Auth);
    let text = |code: &str, error: &str| json!({"code": code, "error": error});
    let forbidden = "The caller does not have permission to execute the specified operation";
    hold(
        "xai",
        &[
            (400, text("invalid-argument", "No."), InvalidRequest),
            (
                400,
                text("invalid-argument", "Incorrect API key provided: xx"),
                Auth,
            ),
            (401, text("unauthenticated", "No."), Auth),
            (403, text(forbidden, "No access."), Permission),
            (
                403,
                text(forbidden, "Content violates usage guidelines."),
                ContentFiltered,
            ),
            (
                403,
                text(
                    forbidden,
                    "Your team has either used all available credits or reached its limit.",
                ),
                QuotaExhausted,
            ),
            (
                429,
                text("resource-exhausted", "Too many requests"),
                RateLimited,
            ),
        ],
    );
}

#[test]
fn section_13_3_qwen() {
    let of = |status: u16, message: &str, code: &str, expected: ErrorKind| {
        let mut body = said(message, code, json!(code));
        body["request_id"] = json!("8e2c");
        hold(
            "qwen",
            &[
                (status, body, expected),
                // Its native shape.
                (
                    status,
                    json!({"code": code, "message": message, "request_id": "8e2c"}),
                    expected,
                ),
            ],
        );
    };
    of(400, "No.", "InvalidParameter", InvalidRequest);
    of(400, "No.", "data_inspection_failed", ContentFiltered);
    of(400, "Access denied.", "Arrearage", QuotaExhausted);
    // The limit of tokens a minute, whatever its words.
    let tokens = "You exceeded your current quota, please check your plan and billing details.";
    of(429, tokens, "insufficient_quota", RateLimited);
    of(429, tokens, "limit_requests", RateLimited);
    of(
        429,
        "Allocated quota exceeded, please increase your quota limit.",
        "insufficient_quota",
        RateLimited,
    );
    of(
        429,
        "Request rate increased too quickly.",
        "limit_burst_rate",
        Overloaded,
    );
}

#[test]
fn section_13_3_openrouter() {
    let typed = |code: u16, kind: &str| {
        json!({"error": {"code": code, "message": "Provider returned error",
            "metadata": {"error_type": kind}}})
    };
    let plain = |code: u16| json!({"error": {"code": code, "message": "No."}});
    let flagged = json!({"error": {"code": 403, "message": "Your input was flagged.",
        "metadata": {"reasons": ["violence"], "flagged_input": "…"}}});
    let rows = [
        (402, plain(402), QuotaExhausted),
        (403, plain(403), Permission),
        (403, flagged, ContentFiltered),
        (408, plain(408), Timeout),
        (429, plain(429), RateLimited),
        (502, plain(502), ServerError),
        (503, plain(503), Overloaded),
        (
            400,
            typed(400, "context_length_exceeded"),
            ContextLengthExceeded,
        ),
        (429, typed(429, "rate_limit_exceeded"), RateLimited),
        (503, typed(503, "provider_overloaded"), Overloaded),
        (429, typed(429, "provider_overloaded"), Overloaded),
        (502, typed(502, "provider_unavailable"), ServerError),
        (402, typed(402, "payment_required"), QuotaExhausted),
        (403, typed(403, "content_policy_violation"), ContentFiltered),
        (403, typed(403, "refusal"), ContentFiltered),
        (
            400,
            json!({"error": {"code": 400, "message": "x/y is not a valid model ID"}}),
            NotFound,
        ),
    ];
    hold("openrouter", &rows);
    // The same under a 200.
    for (_, body, expected) in rows {
        assert_eq!(in_band(&body).unwrap().kind, expected, "{body}");
    }
}

#[test]
fn section_13_3_vllm_and_ollama() {
    hold(
        "vllm",
        &[
            (
                400,
                json!({"error": {"message": "No.", "type": "BadRequestError", "param": null, "code": 400}}),
                InvalidRequest,
            ),
            (
                404,
                json!({"object": "error", "message": "The model `m` does not exist.",
                    "type": "NotFoundError", "param": null, "code": 404}),
                NotFound,
            ),
            (503, json!({"error": "queue full"}), Overloaded),
        ],
    );
    hold(
        "ollama",
        &[
            (
                404,
                json!({"error": "model \"m\" not found, try pulling it first"}),
                NotFound,
            ),
            (503, json!({"error": "server busy"}), Overloaded),
        ],
    );
}

/// The end of §13.3: whatever shape there is, the status decides what the body does not.
#[test]
fn section_13_3_odd_shapes_fall_back_to_the_status() {
    for (status, expected) in [
        (401, Auth),
        (402, QuotaExhausted),
        (403, Permission),
        (404, NotFound),
        (408, Timeout),
        (413, PayloadTooLarge),
        (429, RateLimited),
        (498, Overloaded),
        (500, ServerError),
        (502, ServerError),
        (504, Timeout),
        (529, Overloaded),
    ] {
        for body in [
            json!({"error": "No."}),
            json!({"error": ["No."]}),
            json!({"error": [{"message": "No.", "code": 7}]}),
            json!([{"error": {"message": "No.", "code": "7"}}]),
            json!({"error": {}}),
            json!({}),
            json!(null),
        ] {
            let error = with_headers(status, &[], &body.to_string());
            assert_eq!(error.kind, expected, "{status} {body}");
        }
        assert_eq!(with_headers(status, &[], "").kind, expected);
        assert_eq!(with_headers(status, &[], "<html>").kind, expected);
    }
}

/// §13.4: `too many tokens` on a 429 is a rate.
#[test]
fn section_13_4_a_429_is_never_the_window() {
    let body = json!({"message": "too many tokens processed"});
    hold(
        "a vendor",
        &[
            (429, body.clone(), RateLimited),
            (400, body, ContextLengthExceeded),
        ],
    );
}

#[test]
fn section_13_2_openrouters_metadata_comes_before_the_words() {
    let wait = |headers: &[(&str, &str)], metadata: &Value| {
        let body =
            json!({"error": {"code": 429, "message": "Try again in 9s", "metadata": metadata}});
        with_headers(429, headers, &body.to_string()).retry_after
    };
    let s = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(wait(&[], &json!({})), s(9));
    assert_eq!(wait(&[], &json!({"retry_after_seconds": 5})), s(5));
    // Milliseconds since 1970.
    let reset = json!({"headers": {"X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": "1800000007000"}});
    assert_eq!(wait(&[], &reset), s(7));
    assert_eq!(wait(&[("retry-after", "3")], &reset), s(3));
    // In a stream there is no clock to hold the moment against.
    let streamed = json!({"error": {"code": 429, "message": "Slow", "metadata": reset}});
    assert_eq!(in_band(&streamed).unwrap().retry_after, None);
    assert!(wait(&[], &json!({"retry_after_seconds": -1})) == s(0));
}
