//! Error answers: read as their status and type say, and told to the caller accordingly.

use std::collections::BTreeMap;
use std::time::Duration;

use polyroute_wire::adapter::ReplyHead;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::chat::ChatResponse;
use polyroute_wire::error::ErrorKind;
use serde_json::Value;

use crate::entry::{Body, Dialect, Entry};

/// Whether an error answer is read as what it is.
pub(crate) fn classified(entry: &Entry) -> Result<(), String> {
    let adapter = entry.dialect.adapter();
    let headers: BTreeMap<String, String> = entry
        .headers
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())))
        .collect();
    let head = ReplyHead {
        status: entry.status,
        headers: &headers,
        now: Duration::from_secs(1_790_000_000),
    };
    let error = adapter.classify(&head, &entry.bytes());
    let expected = expected(entry);
    if error.kind != expected {
        return Err(format!(
            "read as {:?}, expected {expected:?}: {}",
            error.kind, error.message
        ));
    }
    if error.status != Some(entry.status) {
        return Err("the status is lost".to_owned());
    }
    let said = match &entry.body {
        Body::Json(value) => value
            .pointer("/error/message")
            .or_else(|| value.pointer("/message"))
            .or_else(|| value.pointer("/0/error/message"))
            .or_else(|| value.pointer("/message"))
            .and_then(Value::as_str),
        Body::Stream { .. } | Body::Text(_) => None,
    };
    if said.is_some_and(|said| !error.message.contains(said)) {
        return Err(format!("the provider's words are lost: {}", error.message));
    }
    told(&ApiError::from_upstream(&error), expected)
}

/// What the caller is told: the status of the kind, and never the provider's 401.
fn told(told: &ApiError, kind: ErrorKind) -> Result<(), String> {
    let status = match kind {
        ErrorKind::RateLimited | ErrorKind::QuotaExhausted => 429,
        ErrorKind::Overloaded => 503,
        ErrorKind::Timeout => 504,
        ErrorKind::PayloadTooLarge => 413,
        ErrorKind::ContextLengthExceeded
        | ErrorKind::UnsupportedParameter
        | ErrorKind::InvalidRequest
        | ErrorKind::ContentFiltered => 400,
        ErrorKind::ServerError
        | ErrorKind::Connection
        | ErrorKind::Auth
        | ErrorKind::Permission
        | ErrorKind::NotFound
        | ErrorKind::Truncated
        | ErrorKind::MalformedReply => 502,
    };
    if told.status == status {
        Ok(())
    } else {
        Err(format!("told as {} and not {status}", told.status))
    }
}

/// The kind that status, type and code of the recorded body say.
fn expected(entry: &Entry) -> ErrorKind {
    let body = match &entry.body {
        Body::Json(Value::Array(items)) => items.first().cloned().unwrap_or_default(),
        Body::Json(value) => value.clone(),
        Body::Stream { .. } | Body::Text(_) => Value::Null,
    };
    let word = |path: &str| {
        body.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let message = word("/error/message").to_lowercase();
    // The model's own broken call: another try may do better (wire-protocols §13.3, Groq).
    if word("/error/code") == "tool_use_failed" {
        return ErrorKind::ServerError;
    }
    let long = [
        "prompt is too long",
        "maximum context length",
        "input token count",
        "total length of all messages is too long",
    ];
    if long.iter().any(|cue| message.contains(cue)) {
        return ErrorKind::ContextLengthExceeded;
    }
    if entry.dialect == Dialect::Bedrock {
        return of_bedrock(entry, word("/message"));
    }
    match (entry.dialect, entry.status) {
        (Dialect::OpenAi | Dialect::Responses, 400) => match word("/error/code") {
            "model_not_found" => ErrorKind::NotFound,
            // xAI says so, with the error as a text.
            _ if word("/error").starts_with("Incorrect API key") => ErrorKind::Auth,
            "unsupported_parameter" | "unsupported_value" => ErrorKind::UnsupportedParameter,
            "context_length_exceeded" => ErrorKind::ContextLengthExceeded,
            "content_filter" => ErrorKind::ContentFiltered,
            _ => ErrorKind::InvalidRequest,
        },
        (Dialect::Gemini, 400) => {
            let details = body.pointer("/error/details").map(ToString::to_string);
            if details.is_some_and(|details| details.contains("API_KEY_INVALID")) {
                ErrorKind::Auth
            } else if word("/error/status") == "FAILED_PRECONDITION" {
                ErrorKind::Permission
            } else {
                ErrorKind::InvalidRequest
            }
        }
        (_, 400) if message.contains("does not support") => ErrorKind::UnsupportedParameter,
        (_, 400 | 409 | 422) => ErrorKind::InvalidRequest,
        (_, 401) => ErrorKind::Auth,
        (_, 402) => ErrorKind::QuotaExhausted,
        (_, 403) => ErrorKind::Permission,
        (_, 404) => ErrorKind::NotFound,
        (_, 413) => ErrorKind::PayloadTooLarge,
        (_, 408 | 504) => ErrorKind::Timeout,
        (_, 429) => ErrorKind::RateLimited,
        (_, 503 | 529) => ErrorKind::Overloaded,
        _ => ErrorKind::ServerError,
    }
}

/// As [`expected`] for Bedrock: by the exception's name where it was recorded, else by what the
/// text of the same exception says elsewhere (wire-protocols §13.3).
fn of_bedrock(entry: &Entry, message: &str) -> ErrorKind {
    let name = entry.headers["x-amzn-errortype"].as_str();
    let name = name.unwrap_or_default().split(':').next();
    match (entry.status, name.unwrap_or_default()) {
        (403, "ExpiredTokenException" | "UnrecognizedClientException") => ErrorKind::Auth,
        (400, "" | "ValidationException") if message.contains("model identifier is invalid") => {
            ErrorKind::NotFound
        }
        (400, "" | "ValidationException") if message.starts_with("This model doesn't support") => {
            ErrorKind::UnsupportedParameter
        }
        (400, "" | "ValidationException") => ErrorKind::InvalidRequest,
        (403, _) => ErrorKind::Permission,
        (404, _) => ErrorKind::NotFound,
        (429, _) => ErrorKind::RateLimited,
        (503, _) => ErrorKind::Overloaded,
        _ => ErrorKind::ServerError,
    }
}

/// For an answer with status 2xx that is itself a failure: whether it was read as that. `None` for
/// every other answer.
pub(crate) fn expected_in_answer(
    entry: &Entry,
    decoded: &Result<ChatResponse, String>,
) -> Option<Result<(), String>> {
    let values: Vec<&Value> = match &entry.body {
        Body::Json(value) => vec![value],
        Body::Stream { events, .. } => events.iter().collect(),
        Body::Text(_) => Vec::new(),
    };
    let blocked = values
        .iter()
        .any(|value| value.pointer("/promptFeedback/blockReason").is_some())
        && values
            .iter()
            .all(|value| value["candidates"].as_array().is_none_or(Vec::is_empty));
    // A complaint after a normal end changes nothing of the answer (wire-protocols §12.4).
    let ended = values.iter().position(|value| {
        value
            .pointer("/choices/0/finish_reason")
            .is_some_and(Value::is_string)
    });
    let failed = values
        .iter()
        .take(ended.unwrap_or(values.len()))
        .any(|value| {
            // Cohere says it beside the finish reason.
            let error = value.get("error").or_else(|| value.pointer("/delta/error"));
            error.is_some_and(|error| !error.is_null())
        });
    // A response of the background mode, which is not done: chat can't wait for it.
    let undone = values.iter().any(|value| {
        value["object"] == "response"
            && matches!(value["status"].as_str(), Some("queued" | "in_progress"))
    });
    let kind = if undone {
        "MalformedReply"
    } else if blocked {
        "ContentFiltered"
    } else if failed {
        "UpstreamError"
    } else {
        return None;
    };
    Some(match decoded {
        Err(why) if why.contains(kind) => Ok(()),
        other => Err(format!("expected {kind}, got {other:?}")),
    })
}
