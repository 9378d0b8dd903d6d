//! Reads a whole answer, through the same machine that reads streams.

use serde_json::Value;

use super::machine::{Machine, malformed, truncated};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, ChatResponse, Fold};
use crate::error::UpstreamError;

/// Decodes the body of a 2xx answer.
pub(super) fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    let answer = read_json(body)?;
    let mut events = Vec::new();
    let mut machine = Machine::new(context);
    machine.take(&answer, &mut events)?;
    if !machine.finished() {
        return Err(truncated("before it was done"));
    }
    events.push(ChatEvent::End);
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

/// A body that must be JSON.
pub(super) fn read_json(body: &[u8]) -> Result<Value, UpstreamError> {
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
