//! Google's error bodies (wire-protocols §13.3): `{"error":{code,message,status,details}}`, at
//! times inside a list of one. The Gemini API answers with them, and Vertex AI for every dialect
//! that it serves.

use std::time::Duration;

use serde_json::Value;

use crate::adapter::ReplyHead;
use crate::classify::{is_context_length, kind_of_status, optional_param};
use crate::delay::{parse_duration, retry_after};
use crate::error::{ErrorKind, UpstreamError};
use crate::proto_json::{list, text};

/// Reads an answer whose status is an error.
pub(crate) fn classify(reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let object = value.as_ref().and_then(error_object);
    let mut error = match object {
        Some(object) => read(object, Some(reply.status)),
        None => {
            let said = value
                .as_ref()
                .map(|value| text(value, "message"))
                .filter(|said| !said.is_empty());
            let message = said.map_or_else(
                || format!("the provider answered with status {}", reply.status),
                ToOwned::to_owned,
            );
            UpstreamError::new(kind_of_status(reply.status), message)
        }
    };
    error.status = Some(reply.status);
    // The header, then `RetryInfo`; the text is finer than the latter, so the longer of both.
    error.retry_after = retry_after(reply, &error.message).max(error.retry_after);
    error.retry_forbidden = reply
        .headers
        .get("x-should-retry")
        .is_some_and(|value| value.eq_ignore_ascii_case("false"));
    error
}

/// Whether a body is an error in Google's words and no other vendor's: a list of one, or an object
/// with a numeric `code` and a `status` word.
pub(crate) fn is_google(value: &Value) -> bool {
    value.is_array()
        || error_object(value).is_some_and(|error| {
            error.get("code").is_some_and(Value::is_number) && !text(error, "status").is_empty()
        })
}

/// The error object of a body or of one event of a stream.
pub(crate) fn error_object(value: &Value) -> Option<&Value> {
    match value {
        Value::Array(items) => items.first().and_then(error_object),
        value => value.get("error").filter(|error| !error.is_null()),
    }
}

/// An error object that came inside an answer with status 200.
pub(crate) fn in_band(object: &Value) -> UpstreamError {
    let mut error = read(object, None);
    error.status = None;
    error
}

fn read(object: &Value, status: Option<u16>) -> UpstreamError {
    if let Some(message) = object.as_str() {
        return UpstreamError::new(kind_of_status(status.unwrap_or(500)), message);
    }
    let message = text(object, "message");
    let word = text(object, "status");
    let code = object
        .get("code")
        .and_then(|code| {
            code.as_u64()
                .or_else(|| code.as_str().and_then(|digits| digits.parse().ok()))
        })
        .and_then(|code| u16::try_from(code).ok())
        .or(status)
        .unwrap_or(500);
    let kind = kind(object, word, code, message);
    let mut error = UpstreamError::new(
        kind,
        if message.is_empty() {
            "the provider reported an error without a message"
        } else {
            message
        },
    );
    error.code = reason(object)
        .or(Some(word).filter(|word| !word.is_empty()))
        .map(ToOwned::to_owned);
    error.param = details(object)
        .flat_map(|detail| list(detail, "fieldViolations"))
        .map(|violation| text(violation, "field"))
        .find(|field| !field.is_empty())
        .map(ToOwned::to_owned);
    if kind == ErrorKind::UnsupportedParameter {
        error.unsupported = unsupported(error.param.as_deref(), message);
    }
    error.retry_after = details(object)
        .map(|detail| text(detail, "retryDelay"))
        .find_map(parse_duration)
        .max(delay_in_text(message));
    error
}

/// The optional parameters that the model does not take: by the field that is named, else by the
/// API's own templates, which stand at the start.
fn unsupported(param: Option<&str>, message: &str) -> Vec<&'static str> {
    if message.starts_with("Penalty is not enabled for") {
        return vec!["frequency_penalty", "presence_penalty"];
    }
    let unknown = || {
        let rest = message.strip_prefix("Invalid JSON payload received. Unknown name \"")?;
        rest.split('"').next()
    };
    let name = param
        .and_then(optional_param)
        .or_else(|| unknown().and_then(optional_param));
    name.into_iter().collect()
}

fn kind(object: &Value, word: &str, code: u16, message: &str) -> ErrorKind {
    if reason(object).is_some_and(|reason| {
        matches!(
            reason,
            "API_KEY_INVALID" | "API_KEY_EXPIRED" | "API_KEY_REVOKED"
        )
    }) || (code == 400 && message.starts_with("API key not valid"))
    {
        return ErrorKind::Auth;
    }
    match word {
        "INVALID_ARGUMENT" | "OUT_OF_RANGE" => invalid(message),
        "FAILED_PRECONDITION" | "PERMISSION_DENIED" => ErrorKind::Permission,
        "UNAUTHENTICATED" => ErrorKind::Auth,
        "NOT_FOUND" => ErrorKind::NotFound,
        "RESOURCE_EXHAUSTED" => exhausted(object, message),
        "UNAVAILABLE" => ErrorKind::Overloaded,
        "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
        "INTERNAL" | "UNKNOWN" | "DATA_LOSS" => ErrorKind::ServerError,
        _ if code == 429 => exhausted(object, message),
        _ if code == 503 => ErrorKind::Overloaded,
        _ if code == 400 => invalid(message),
        _ => kind_of_status(code),
    }
}

fn invalid(message: &str) -> ErrorKind {
    if is_context_length(message) {
        return ErrorKind::ContextLengthExceeded;
    }
    if message.contains("payload size exceeds the limit") {
        return ErrorKind::PayloadTooLarge;
    }
    // Templates of the API itself; the quoted part is a path of our own body.
    let unsupported = message.contains("Unknown name \"")
        || message.contains("is not enabled for")
        || message.contains("is not supported for this model");
    if unsupported {
        ErrorKind::UnsupportedParameter
    } else {
        ErrorKind::InvalidRequest
    }
}

/// A quota of the day or of zero is no use waiting minutes for. The message always says "exceeded
/// your current quota", even where only the minute's rate is used up, so ids decide.
fn exhausted(object: &Value, message: &str) -> ErrorKind {
    let zero = message
        .split("limit: ")
        .skip(1)
        .any(|rest| rest.starts_with('0') && !rest.starts_with("0."));
    let per_day = details(object)
        .flat_map(|detail| list(detail, "violations"))
        .any(|violation| text(violation, "quotaId").contains("PerDay"));
    // Without details, Vertex AI is short of capacity that all share, whoever asks.
    let shared = details(object).next().is_none() && message.contains("/error-code-429");
    if zero || per_day {
        ErrorKind::QuotaExhausted
    } else if shared {
        ErrorKind::Overloaded
    } else {
        ErrorKind::RateLimited
    }
}

fn delay_in_text(message: &str) -> Option<Duration> {
    let (_, rest) = message.split_once("retry in ")?;
    let word = rest.split_whitespace().next()?;
    parse_duration(word.trim_end_matches(['.', ',']))
}

fn details(object: &Value) -> impl Iterator<Item = &Value> {
    list(object, "details").iter()
}

fn reason(object: &Value) -> Option<&str> {
    details(object)
        .map(|detail| text(detail, "reason"))
        .find(|reason| !reason.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(status: u16, body: &Value) -> UpstreamError {
        of_bytes(status, body.to_string().as_bytes())
    }

    fn of_bytes(status: u16, body: &[u8]) -> UpstreamError {
        let headers = BTreeMap::new();
        let reply = ReplyHead {
            status,
            headers: &headers,
            now: Duration::ZERO,
        };
        classify(&reply, body)
    }

    fn exhausted_body(message: &str, quota: &str) -> Value {
        json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure",
                 "violations": [{"quotaId": quota}]},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"}]}})
    }

    /// §13.3, row Gemini/Vertex: `QuotaFailure`.
    #[test]
    fn case_36_quota_and_rate_are_told_apart_by_the_quota_id() {
        let text = "You exceeded your current quota. Please retry in 12.5s.";
        let rate = of(
            429,
            &exhausted_body(text, "TokensPerModelPerMinute-FreeTier"),
        );
        assert_eq!(rate.kind, ErrorKind::RateLimited);
        assert_eq!(rate.retry_after, Some(Duration::from_millis(12_500)));
        let day = of(429, &exhausted_body(text, "RequestsPerDayPerProject"));
        assert_eq!(day.kind, ErrorKind::QuotaExhausted);
        let zero = of(429, &exhausted_body("metric: a, limit: 0\n", "PerMinute"));
        assert_eq!(zero.kind, ErrorKind::QuotaExhausted);
        let bare = json!({"error": {"code": 429, "message": "Resource exhausted."}});
        assert_eq!(of(429, &bare).kind, ErrorKind::RateLimited);
    }

    #[test]
    fn section_13_3_a_429_without_details_on_vertex_is_overload() {
        let body = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message":
            "Resource exhausted. Please try again later. Please refer to \
             https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."}}]);
        assert_eq!(of(429, &body).kind, ErrorKind::Overloaded);
    }

    #[test]
    fn other_vendors_errors_are_not_googles() {
        assert!(is_google(&json!([{"error": {"message": "x"}}])));
        assert!(is_google(
            &json!({"error": {"code": 404, "status": "NOT_FOUND"}})
        ));
        assert!(!is_google(
            &json!({"error": {"type": "not_found_error"}, "type": "error"})
        ));
        assert!(!is_google(
            &json!({"error": {"code": "404", "message": "x"}})
        ));
        assert!(!is_google(&Value::Null));
    }

    /// §13.3, row Gemini/Vertex: `API_KEY_INVALID`.
    #[test]
    fn case_40_a_bad_key_is_auth_although_its_status_is_400() {
        let body = json!([{"error": {"code": 400, "message": "API key not valid.",
            "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}]);
        let error = of(400, &body);
        assert_eq!(error.kind, ErrorKind::Auth);
        assert_eq!(error.code.as_deref(), Some("API_KEY_INVALID"));
        assert_eq!(error.status, Some(400));
    }

    /// §13.3, row Gemini/Vertex.
    #[test]
    fn statuses_and_words() {
        let error = |code: u16, word: &str, message: &str| {
            of(
                code,
                &json!({"error": {"code": code, "message": message, "status": word}}),
            )
            .kind
        };
        assert_eq!(
            error(400, "FAILED_PRECONDITION", "no billing"),
            ErrorKind::Permission
        );
        assert_eq!(error(503, "UNAVAILABLE", "busy"), ErrorKind::Overloaded);
        assert_eq!(error(504, "DEADLINE_EXCEEDED", "slow"), ErrorKind::Timeout);
        assert_eq!(error(500, "INTERNAL", "oops"), ErrorKind::ServerError);
        assert_eq!(
            error(404, "NOT_FOUND", "no such model"),
            ErrorKind::NotFound
        );
        assert_eq!(
            error(
                400,
                "INVALID_ARGUMENT",
                "The input token count (5000000) exceeds the maximum number of tokens allowed."
            ),
            ErrorKind::ContextLengthExceeded
        );
        assert_eq!(
            error(
                400,
                "INVALID_ARGUMENT",
                "Request payload size exceeds the limit: 20971520 bytes."
            ),
            ErrorKind::PayloadTooLarge
        );
        assert_eq!(
            error(
                400,
                "INVALID_ARGUMENT",
                "Invalid JSON payload. Unknown name \"foo\" at 'x'"
            ),
            ErrorKind::UnsupportedParameter
        );
    }

    /// §13.3, "parse defensively"; Vertex AI alike.
    #[test]
    fn case_50_html_empty_and_odd_bodies() {
        assert_eq!(
            of_bytes(502, b"<html>bad gateway</html>").kind,
            ErrorKind::ServerError
        );
        assert_eq!(of_bytes(503, b"").kind, kind_of_status(503));
        assert_eq!(of(400, &json!({"error": "text"})).message, "text");
        assert_eq!(
            of(401, &json!({"error": {"code": "401"}})).kind,
            ErrorKind::Auth
        );
        assert_eq!(
            of(400, &json!({"error": {"details": {}}})).kind,
            ErrorKind::InvalidRequest
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(status in 300u16..600, body in "[\\[{]?\\{\"error\":.{0,60}") {
            of_bytes(status, body.as_bytes());
        }
    }
}
