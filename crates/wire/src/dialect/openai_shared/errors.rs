//! Reads OpenAI-shaped error bodies (wire-protocols §13.3): OpenAI's and Azure's in full, and the
//! many near-shapes of compatible servers defensively.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::adapter::ReplyHead;
use crate::classify::{is_context_length, kind_of_status, optional_param};
use crate::delay;
use crate::error::{ErrorKind, ErrorScope, UpstreamError};

/// What an error object says, whatever its shape.
#[derive(Debug, Default)]
struct Said {
    message: String,
    kind: String,
    code: String,
    param: Option<String>,
    /// Status that stands in the body, where there is no other.
    status: Option<u16>,
    /// `innererror.code` of Azure, `metadata.error_type` of OpenRouter.
    inner: String,
}

/// Reads an error answer: a status other than 2xx.
#[must_use]
pub(in crate::dialect) fn classify(reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
    let said = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| read(&value))
        .unwrap_or_else(|| Said {
            message: plain(body, reply.status),
            ..Said::default()
        });
    let mut error = build(said, reply.status).with_status(reply.status);
    error.retry_after = delay::retry_after(reply, &error.message);
    error.retry_forbidden = reply
        .headers
        .get("x-should-retry")
        .is_some_and(|value| value == "false");
    error
}

/// Reads an error object that came in a stream or under a 200. `None` if it is none.
#[must_use]
pub(in crate::dialect) fn in_band(value: &Value) -> Option<UpstreamError> {
    let said = read(value)?;
    let status = said.status.unwrap_or(500);
    let mut error = build(said, status);
    let none = BTreeMap::new();
    let head = ReplyHead {
        status,
        headers: &none,
        now: Duration::ZERO,
    };
    error.retry_after = delay::retry_after(&head, &error.message);
    Some(error)
}

fn build(said: Said, status: u16) -> UpstreamError {
    let kind = kind(&said, status);
    let message = if said.message.is_empty() {
        format!("the provider answered with status {status} and no message")
    } else {
        said.message
    };
    let mut error = UpstreamError::new(kind, message);
    if kind == ErrorKind::Overloaded || (kind == ErrorKind::RateLimited && status == 503) {
        error.scope = ErrorScope::Target;
    }
    if kind == ErrorKind::UnsupportedParameter {
        error.unsupported = unsupported(&said.code, said.param.as_deref(), &error.message);
    }
    error.code = [said.code, said.kind, said.inner]
        .into_iter()
        .find(|word| !word.is_empty() && word.parse::<u16>().is_err());
    error.param = said.param;
    error
}

/// `error` may be an object, a string, a list, or absent with its members at the top.
fn read(value: &Value) -> Option<Said> {
    let value = match value {
        Value::Array(items) => items.first()?,
        other => other,
    };
    let top = value.as_object()?;
    let error = match top.get("error") {
        Some(Value::Array(items)) => items.first().unwrap_or(&Value::Null),
        Some(error) => error,
        None => &Value::Null,
    };
    let mut said = Said::default();
    match error {
        Value::String(text) => {
            said.message = text.clone();
            said.code = word(top.get("code"));
        }
        Value::Object(object) => {
            said.message = word(object.get("message"));
            said.kind = word(object.get("type"));
            said.code = word(object.get("code"));
            said.param = object
                .get("param")
                .and_then(Value::as_str)
                .map(ToOwned::to_owned);
            said.inner = [
                error.pointer("/innererror/code"),
                error.pointer("/metadata/error_type"),
            ]
            .into_iter()
            .map(word)
            .find(|inner| !inner.is_empty())
            .unwrap_or_default();
            // OpenRouter keeps the upstream's own words beside its own.
            if let Some(raw) = error.pointer("/metadata/raw").and_then(Value::as_str) {
                said.message = format!("{}: {raw}", said.message);
            }
            said.status = status_in(object.get("status_code")).or(status_in(object.get("code")));
        }
        _ => {
            let is_error = top.get("object").and_then(Value::as_str) == Some("error")
                || top.contains_key("detail")
                || (top.contains_key("message") && !top.contains_key("choices"));
            if !is_error {
                return None;
            }
            said.message = word(top.get("message"));
            said.kind = word(top.get("type"));
            said.code = word(top.get("code"));
            said.param = top
                .get("param")
                .and_then(Value::as_str)
                .map(ToOwned::to_owned);
            said.status = status_in(top.get("raw_status_code")).or(status_in(top.get("code")));
            if let Some(field) = top.get("detail").and_then(extra_field) {
                said.code = "unknown_parameter".to_owned();
                said.param = Some(field);
            }
            if said.message.is_empty() {
                said.message = match top.get("detail") {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => String::new(),
                };
            }
        }
    }
    Some(said)
}

/// A code may be a string or a number.
fn word(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(other @ (Value::Object(_) | Value::Array(_))) => other.to_string(),
        Some(Value::Null | Value::Bool(_)) | None => String::new(),
    }
}

fn status_in(value: Option<&Value>) -> Option<u16> {
    let number = match value? {
        Value::Number(number) => u16::try_from(number.as_u64()?).ok()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    (400..600).contains(&number).then_some(number)
}

/// The optional parameters that the provider says its model does not take. Its field counts; where
/// there is none, its exact templates, in which the name stands at a fixed place.
fn unsupported(code: &str, param: Option<&str>, message: &str) -> Vec<&'static str> {
    let templates = [
        ("Unsupported parameter: '", "'"),
        ("Unknown parameter: '", "'"),
        ("Unrecognized request argument supplied: ", "\n"),
    ];
    let template = || {
        templates.iter().find_map(|(before, after)| {
            let rest = message.strip_prefix(before)?;
            Some(rest.split(after).next().unwrap_or(rest).trim())
        })
    };
    let name = param.filter(|name| !name.is_empty()).or_else(template);
    let known = name.and_then(optional_param);
    // Of a value that is refused, another one may be taken; but for sampling there is only the
    // default (wire-protocols §4, note 1).
    let default_only = |name: &&str| {
        code != "unsupported_value"
            || matches!(
                *name,
                "temperature" | "top_p" | "frequency_penalty" | "presence_penalty"
            )
    };
    known.filter(default_only).into_iter().collect()
}

/// The field that a validator names as one too many: `[{"type":"extra_forbidden","loc":["body","x"]}]`
/// (Mistral, and servers that use the same one).
fn extra_field(detail: &Value) -> Option<String> {
    let extra = detail
        .as_array()?
        .iter()
        .find(|item| item.get("type").and_then(Value::as_str) == Some("extra_forbidden"))?;
    let place = extra.get("loc")?.as_array()?;
    match place.as_slice() {
        [body, field] if body == "body" => field.as_str().map(ToOwned::to_owned),
        _ => None,
    }
}

/// A few words for a body that is no JSON: an edge's HTML page, text, or nothing (case 50).
fn plain(body: &[u8], status: u16) -> String {
    if body.starts_with(&[0x1f, 0x8b]) {
        return format!("the provider answered with status {status} and a compressed body");
    }
    let text = String::from_utf8_lossy(body.get(..body.len().min(300)).unwrap_or_default());
    let text = text.trim();
    if text.is_empty() {
        String::new()
    } else if text.starts_with('<') {
        format!("the provider answered with status {status} and an HTML page")
    } else {
        text.chars().take(200).collect()
    }
}

/// Codes and types that say that money or a long quota is used up.
const QUOTA: [&str; 9] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
    "billing_hard_limit_reached",
    "billing_not_active",
    "payment_required",
    "Arrearage",
];

/// Codes that say that content was blocked.
const FILTERED: [&str; 9] = [
    "content_filter",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
    "invalid_prompt",
    "bio_policy",
    "cyber_policy",
    "misalignment_policy_violation",
    "data_inspection_failed",
    "moderation_blocked",
];

fn kind(said: &Said, status: u16) -> ErrorKind {
    let is = |word: &str| said.code == word || said.kind == word || said.inner == word;
    let text = said.message.to_ascii_lowercase();
    if QUOTA.iter().any(|word| is(word)) {
        return ErrorKind::QuotaExhausted;
    }
    if FILTERED.iter().any(|word| is(word)) {
        return ErrorKind::ContentFiltered;
    }
    if is("context_length_exceeded")
        || is("too_many_prompt_tokens")
        || (matches!(status, 400 | 413 | 422 | 500) && is_context_length(&text))
    {
        return ErrorKind::ContextLengthExceeded;
    }
    if is("invalid_api_key")
        || is("authentication_error")
        || is("invalid_authentication_error")
        || (status == 400 && text.starts_with("incorrect api key"))
    {
        return ErrorKind::Auth;
    }
    if is("model_not_found") || is("DeploymentNotFound") || is("model_not_available") {
        return ErrorKind::NotFound;
    }
    match status {
        429 => rate_kind(said, &text),
        400 | 422 => invalid_kind(said, &text),
        // Chat completions say 401 for a wrong endpoint of Azure, 403 for a country.
        _ if is("server_is_overloaded")
            || is("slow_down")
            || is("capacity_exceeded")
            || is("provider_overloaded")
            || is("engine_overloaded_error") =>
        {
            ErrorKind::Overloaded
        }
        500.. if is("rate_limit_exceeded") => ErrorKind::RateLimited,
        500.. if is("invalid_request_error") && said.status.is_none() && status == 500 => {
            ErrorKind::InvalidRequest
        }
        _ => kind_of_status(status),
    }
}

fn rate_kind(said: &Said, text: &str) -> ErrorKind {
    let overloaded = text.contains("experiencing high demand")
        || text.contains("currently overloaded")
        || text.contains("rate increased too quickly")
        || said.code == "queue_exceeded";
    if overloaded {
        return ErrorKind::Overloaded;
    }
    // Qwen says "exceeded your current quota" of its tokens a minute, so text alone must speak of
    // money.
    if text.contains("check your plan and billing") && said.code != "rate_limit_exceeded" {
        return ErrorKind::QuotaExhausted;
    }
    ErrorKind::RateLimited
}

fn invalid_kind(said: &Said, text: &str) -> ErrorKind {
    let code = said.code.as_str();
    if code == "unsupported_parameter"
        || code == "unsupported_value"
        || code == "unknown_parameter"
        || text.starts_with("unsupported parameter")
        || text.starts_with("unrecognized request argument")
    {
        return ErrorKind::UnsupportedParameter;
    }
    // The model's own broken call or JSON (Groq): another try may do better.
    if code == "tool_use_failed" || code == "json_validate_failed" {
        return ErrorKind::ServerError;
    }
    ErrorKind::InvalidRequest
}

#[cfg(test)]
mod tests {
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
            serde_json::json!({"error": {"message": message, "param": param, "code": code}})
                .to_string()
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
}
