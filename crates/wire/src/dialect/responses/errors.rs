//! Failures of the Responses API: error answers, `response.failed`, and `error` events
//! (wire-protocols §12.4, §13.3).

use serde_json::{Value, json};

use crate::adapter::ReplyHead;
use crate::dialect::openai_shared::errors;
use crate::error::{ErrorKind, ErrorScope, UpstreamError};

/// Codes of a failed response that are about what the caller sent: pictures and files that can't
/// be read or fetched.
const CALLER: [&str; 12] = [
    "invalid_image",
    "invalid_image_format",
    "invalid_base64_image",
    "invalid_image_url",
    "image_too_large",
    "image_too_small",
    "image_parse_error",
    "invalid_image_mode",
    "image_file_too_large",
    "unsupported_image_media_type",
    "empty_image_file",
    "failed_to_download_image",
];

/// Reads an error answer: a status other than 2xx.
pub(super) fn classify(reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
    refine(errors::classify(reply, body))
}

/// The failure of a whole response with status `failed`, or of its end in a stream.
pub(super) fn failed(response: &Value) -> UpstreamError {
    in_band(&json!({ "error": response.get("error") }))
}

/// An `error` event, or a body that holds an error where a response was due.
pub(super) fn in_band(value: &Value) -> UpstreamError {
    let read = errors::in_band(value);
    let mut error = read.unwrap_or_else(|| {
        UpstreamError::new(
            ErrorKind::ServerError,
            "the provider's response failed without saying why",
        )
    });
    // The event's own `type` is no code.
    error.code = error.code.filter(|code| code != "error");
    refine(error)
}

fn refine(mut error: UpstreamError) -> UpstreamError {
    let kind = match error.code.as_deref() {
        Some("image_content_policy_violation") => ErrorKind::ContentFiltered,
        Some(code) if CALLER.contains(&code) => ErrorKind::InvalidRequest,
        _ => return error,
    };
    error.kind = kind;
    error.scope = ErrorScope::Request;
    error
}
