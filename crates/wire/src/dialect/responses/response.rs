//! Reads whole responses.

use serde_json::Value;

use super::machine::Machine;
use super::{errors, stream};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, ChatResponse, Fold, StreamDecoder as _};
use crate::dialect::openai_shared::{malformed, malformed_body};
use crate::error::UpstreamError;

/// Reads a body with status 2xx.
pub(super) fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    let trimmed = body.trim_ascii_start();
    let is_stream = [&b"data:"[..], b"event:", b":"]
        .iter()
        .any(|head| trimmed.starts_with(head));
    let mut events = Vec::new();
    if is_stream {
        // A stream that came where a whole answer was due.
        let mut decoder = stream::Decoder::new(context);
        decoder.push(trimmed, &mut events);
        decoder.finish(&mut events);
    } else {
        read(trimmed, &mut Machine::new(context), &mut events)?;
    }
    Fold::of(events).finish()
}

/// Says a whole response as events, its end included.
pub(super) fn read(
    body: &[u8],
    machine: &mut Machine,
    out: &mut Vec<ChatEvent>,
) -> Result<(), UpstreamError> {
    let response: Value = serde_json::from_slice(body).map_err(|_| malformed_body(body))?;
    let is_failed = response.get("error").is_some_and(|error| !error.is_null());
    if is_failed {
        return Err(errors::in_band(&response));
    }
    if !response.get("output").is_some_and(Value::is_array) {
        return Err(malformed("the provider's answer is no response"));
    }
    machine.finish(response, out)?;
    out.push(ChatEvent::End);
    Ok(())
}
