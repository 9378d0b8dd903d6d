//! Reads a whole answer, through the same machine that reads streams.

use serde_json::Value;

use super::errors;
use super::machine::Machine;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, ChatResponse, Fold};
use crate::error::UpstreamError;
use crate::reply::{malformed, read_json};

/// Decodes the body of a 2xx answer.
pub(super) fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    let answer = read(body)?;
    let mut events = Vec::new();
    Machine::new(context).whole(&answer, &mut events)?;
    events.push(ChatEvent::End);
    let mut response = Fold::of(events).finish()?;
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
    let value = read_json(body)?;
    if value.get("output").is_some() && value.get("stopReason").is_some() {
        return Ok(value);
    }
    Err(errors::in_body(&value).unwrap_or_else(|| malformed("it has no `output` and `stopReason`")))
}
