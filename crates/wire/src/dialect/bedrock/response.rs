//! Reads a whole answer, through the same machine that reads streams.

use serde_json::Value;

use super::errors;
use super::machine::{Machine, malformed};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, ChatResponse, Fold};
use crate::error::UpstreamError;

/// Decodes the body of a 2xx answer.
pub(super) fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    let answer = read(body)?;
    let mut events = Vec::new();
    Machine::new(context).whole(&answer, &mut events)?;
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    fold.push(ChatEvent::End);
    let mut response = fold.finish()?;
    if response.choices.is_empty() {
        // An answer without content is one empty choice, never none (wire-protocols §11.1).
        response.choices.push(crate::chat::Choice::default());
    }
    Ok(response)
}

/// The answer of a whole body.
///
/// # Errors
/// The error that stands there instead, or bytes that are no answer.
pub(super) fn read(body: &[u8]) -> Result<Value, UpstreamError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let value: Value = serde_json::from_slice(body).map_err(|_| {
        malformed(if body.trim_ascii_start().first() == Some(&b'<') {
            "it is an HTML page, not JSON"
        } else if body.trim_ascii().is_empty() {
            "it is empty"
        } else {
            "it is not valid JSON"
        })
    })?;
    if value.get("output").is_some() && value.get("stopReason").is_some() {
        return Ok(value);
    }
    Err(errors::in_body(&value).unwrap_or_else(|| malformed("it has no `output` and `stopReason`")))
}
