//! Reads error answers (wire-protocols §13.3): `{"error": "text"}`. The texts are those of the
//! server's handlers.

use serde_json::Value;

use crate::adapter::ReplyHead;
use crate::classify::{is_context_length, kind_of_status};
use crate::delay::retry_after;
use crate::error::{ErrorKind, UpstreamError};

/// What a model of a missing capability is refused with, and the caller's field.
const CAPABILITIES: [(&str, &str); 3] = [
    (" does not support thinking", "reasoning_effort"),
    (" does not support tools", "tools"),
    (" does not support vision", "messages"),
];

/// An error answer: status other than 2xx.
pub(super) fn classify(reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = text(&parsed);
    let message = if said.is_empty() {
        // A page of the edge or an empty body: quoting it would help nobody.
        format!("the provider answered with status {}", reply.status)
    } else {
        said.to_owned()
    };
    let lacks = CAPABILITIES
        .iter()
        .find(|(words, _)| reply.status == 400 && said.ends_with(words));
    let kind = match (reply.status, lacks) {
        (_, Some(_)) => ErrorKind::UnsupportedParameter,
        // Older servers say so with a status of 500.
        (400 | 413 | 500, None) if is_context_length(said) => ErrorKind::ContextLengthExceeded,
        // "request canceled": not by us, who wait for the answer.
        (499, None) => ErrorKind::ServerError,
        (status, None) => kind_of_status(status),
    };
    let mut error = UpstreamError::new(kind, message).with_status(reply.status);
    if let Some((_, param)) = lacks {
        error.param = Some((*param).to_owned());
    }
    error.retry_after = retry_after(reply, said);
    error
}

/// Whether a JSON value is an error's.
pub(super) fn is_error(value: &Value) -> bool {
    value.get("error").is_some_and(|error| !error.is_null())
}

/// An error object in a 200: the body of it, or a line of its stream.
pub(super) fn in_band(value: &Value) -> UpstreamError {
    let said = text(value);
    let kind = if is_context_length(said) {
        ErrorKind::ContextLengthExceeded
    } else {
        ErrorKind::ServerError
    };
    UpstreamError::new(
        kind,
        if said.is_empty() {
            "the provider reported an error without a message"
        } else {
            said
        },
    )
}

/// Tolerant: the text may be that of an object, as on the OpenAI-compatible endpoint.
fn text(body: &Value) -> &str {
    let error = body.get("error").unwrap_or(&Value::Null);
    error
        .as_str()
        .or_else(|| error.get("message").and_then(Value::as_str))
        .unwrap_or_default()
}
