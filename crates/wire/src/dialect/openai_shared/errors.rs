//! Reads OpenAI-shaped error bodies (wire-protocols §13.3): OpenAI's and Azure's in full, and the
//! many near-shapes of compatible servers defensively.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

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
    /// OpenRouter's `metadata`: what the vendor behind it said, with its headers.
    metadata: Map<String, Value>,
    /// A request id stands at the top: Qwen's mark (wire-protocols §13.3).
    has_request_id: bool,
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
    let of_metadata = metadata_delay(&said.metadata, Some(reply.now));
    let no_requests = reply.status == 429
        && reply
            .headers
            .get("x-ratelimit-limit-req-minute")
            .is_some_and(|limit| limit.trim() == "0");
    let mut error = build(said, reply.status).with_status(reply.status);
    if no_requests && error.kind == ErrorKind::RateLimited {
        // Mistral's plan has no requests at all: no minute will change that.
        error.kind = ErrorKind::QuotaExhausted;
        error.scope = ErrorScope::Account;
    }
    error.retry_after = delay::of_headers(reply)
        .or(of_metadata)
        .or_else(|| delay::retry_after(reply, &error.message));
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
    // Without a clock a moment of the future is no delay.
    let of_metadata = metadata_delay(&said.metadata, None);
    let mut error = build(said, status);
    let none = BTreeMap::new();
    let head = ReplyHead {
        status,
        headers: &none,
        now: Duration::ZERO,
    };
    error.retry_after = of_metadata.or_else(|| delay::retry_after(&head, &error.message));
    Some(error)
}

/// The delay in OpenRouter's `metadata` (wire-protocols §13.2): seconds, or the headers of a limit
/// that is used up, whose reset is a moment and needs the time that it is.
fn metadata_delay(metadata: &Map<String, Value>, now: Option<Duration>) -> Option<Duration> {
    let in_s = metadata
        .get("retry_after_seconds")
        .or_else(|| metadata.get("retry_after"))
        .and_then(Value::as_f64)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
    let of_headers = || {
        let headers = metadata
            .get("headers")?
            .as_object()?
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), word(Some(value))))
            .collect();
        let head = ReplyHead {
            status: 429,
            headers: &headers,
            now: now?,
        };
        delay::retry_after(&head, "")
    };
    in_s.or_else(of_headers)
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
    let mut said = Said {
        has_request_id: top.get("request_id").is_some_and(Value::is_string),
        ..Said::default()
    };
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
            router_metadata(&mut said, error);
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

/// What OpenRouter says beside its own words: those of the vendor behind it, and its filter's.
fn router_metadata(said: &mut Said, error: &Value) {
    let Some(metadata) = error.get("metadata").and_then(Value::as_object) else {
        return;
    };
    if said.inner.is_empty() && metadata.contains_key("flagged_input") {
        "content_policy_violation".clone_into(&mut said.inner);
    }
    if let Some(raw) = metadata.get("raw").and_then(Value::as_str) {
        said.message = format!("{}: {raw}", said.message);
    }
    said.metadata.clone_from(metadata);
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
const FILTERED: [&str; 10] = [
    "content_filter",
    "content_policy_violation",
    "refusal",
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
    // Qwen calls its tokens a minute a quota, and says so in OpenAI's words for money.
    let qwens_rate = status == 429 && said.has_request_id && !is("Arrearage");
    if QUOTA.iter().any(|word| is(word)) && !qwens_rate {
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
    let no_model = is("model_not_found")
        || is("DeploymentNotFound")
        || is("model_not_available")
        || is("invalid_model")
        || (status == 400
            && (text == "model not exist" || text.ends_with("is not a valid model id")));
    if no_model {
        return ErrorKind::NotFound;
    }
    if is("3505") || is("service_tier_capacity_exceeded") {
        return ErrorKind::Overloaded;
    }
    match status {
        429 => rate_kind(said, &text),
        403 => forbidden_kind(&text),
        // Groq: a tool server that it asked has failed.
        424 => ErrorKind::ServerError,
        // Fireworks: the account is suspended, for its spending limit or unpaid invoices.
        412 => ErrorKind::QuotaExhausted,
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
        // By type alone: DeepSeek's code says so of everything.
        500 if said.kind == "invalid_request_error" && said.status.is_none() => {
            ErrorKind::InvalidRequest
        }
        _ => kind_of_status(status),
    }
}

fn rate_kind(said: &Said, text: &str) -> ErrorKind {
    let overloaded = text.contains("experiencing high demand")
        || text.contains("currently overloaded")
        || text.contains("rate increased too quickly")
        || said.code == "queue_exceeded"
        || said.inner == "provider_overloaded";
    if overloaded {
        return ErrorKind::Overloaded;
    }
    // Qwen says "exceeded your current quota" of its tokens a minute, so text alone must speak of
    // money.
    let of_money = text.contains("check your plan and billing") && !said.has_request_id;
    if of_money && said.code != "rate_limit_exceeded" {
        return ErrorKind::QuotaExhausted;
    }
    ErrorKind::RateLimited
}

/// xAI says with one status that credits are used up, that content is not wanted, and that the key
/// may not do this.
fn forbidden_kind(text: &str) -> ErrorKind {
    if text.contains("content violates usage guidelines") {
        ErrorKind::ContentFiltered
    } else if text.contains("used all available credits") || text.contains("purchase more credits")
    {
        ErrorKind::QuotaExhausted
    } else {
        ErrorKind::Permission
    }
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
    if text == "content exists risk" {
        // DeepSeek.
        return ErrorKind::ContentFiltered;
    }
    if code == "tool_use_failed" || code == "json_validate_failed" {
        return ErrorKind::ServerError;
    }
    ErrorKind::InvalidRequest
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vendors;
