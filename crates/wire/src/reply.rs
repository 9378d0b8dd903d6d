//! The body of an answer as JSON, and what is said of one that is none.

use serde_json::Value;

use crate::error::{ErrorKind, UpstreamError};

/// An answer that is not what the API promises. `what` follows "could not be read".
pub(crate) fn malformed(what: &str) -> UpstreamError {
    UpstreamError::new(
        ErrorKind::MalformedReply,
        format!("the provider's answer could not be read: {what}"),
    )
}

/// A stream that ended before its end. `what` says where.
pub(crate) fn truncated(what: &str) -> UpstreamError {
    UpstreamError::new(
        ErrorKind::Truncated,
        format!("the provider's stream ended {what}"),
    )
}

/// What the provider says is wrong, or its status where it says nothing: a page of the edge or an
/// empty body, which to quote would help nobody.
pub(crate) fn message_or_status(message: &str, status: u16) -> String {
    if message.is_empty() {
        format!("the provider answered with status {status}")
    } else {
        message.to_owned()
    }
}

/// A body that must be JSON.
///
/// # Errors
/// What it is instead.
pub(crate) fn read_json(body: &[u8]) -> Result<Value, UpstreamError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).map_err(|_| {
        malformed(if body.trim_ascii_start().first() == Some(&b'<') {
            "it is an HTML page, not JSON"
        } else if body.trim_ascii().is_empty() {
            "it is empty"
        } else {
            "it is not valid JSON"
        })
    })
}
