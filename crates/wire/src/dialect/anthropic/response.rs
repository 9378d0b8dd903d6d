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
    let message = read(body)?;
    let mut events = Vec::new();
    Machine::new(context).whole(&message, &mut events);
    events.push(ChatEvent::End);
    let mut response = Fold::of(events).finish()?;
    if response.choices.is_empty() {
        // An answer without content is one empty choice, never none (wire-protocols §11.1).
        response.choices.push(crate::chat::Choice::default());
    }
    Ok(response)
}

/// The message object of a whole body.
///
/// # Errors
/// The error object that stands there instead, or bytes that are no message.
pub(super) fn read(body: &[u8]) -> Result<Value, UpstreamError> {
    let value = read_json(body)?;
    let kind = value.get("type").and_then(Value::as_str);
    if kind == Some("error") || value.get("error").is_some_and(|error| !error.is_null()) {
        return Err(errors::in_band(&value));
    }
    if value
        .get("content")
        .is_none_or(|content| !content.is_array())
    {
        return Err(malformed("it has no `content` list"));
    }
    Ok(value)
}
