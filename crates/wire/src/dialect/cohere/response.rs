//! Reads a whole answer, through the same machine that reads streams.

use serde_json::Value;

use super::errors;
use super::machine::Machine;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, ChatResponse, Fold};
use crate::error::UpstreamError;
use crate::reply::{malformed, read_json};

/// Members of an answer that have a place of their own in the hub.
const KNOWN_MEMBERS: [&str; 5] = ["id", "message", "finish_reason", "usage", "logprobs"];
/// Members of its message that do.
const KNOWN_MESSAGE_MEMBERS: [&str; 5] =
    ["role", "content", "tool_plan", "tool_calls", "citations"];

/// Decodes the body of a 2xx answer.
pub(super) fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    let mut events = events(body, context)?;
    events.push(ChatEvent::End);
    Fold::of(events).finish()
}

/// A whole answer as events, without `End`.
///
/// # Errors
/// The failure that stands there instead, or bytes that are no answer.
pub(super) fn events(
    body: &[u8],
    context: &DecodeContext,
) -> Result<Vec<ChatEvent>, UpstreamError> {
    let answer = read(body)?;
    let message = answer.get("message").unwrap_or(&Value::Null);
    let list = |key: &str| {
        let list = message.get(key).and_then(Value::as_array);
        (0_u64..).zip(list.into_iter().flatten())
    };
    let mut out = Vec::new();
    let mut machine = Machine::new(context);
    let id = answer.get("id").and_then(Value::as_str);
    machine.start(id.unwrap_or_default(), &mut out);
    machine.metadata(None, &answer, &KNOWN_MEMBERS, &mut out);
    machine.metadata(Some(0), message, &KNOWN_MESSAGE_MEMBERS, &mut out);
    let plan = message.get("tool_plan").and_then(Value::as_str);
    machine.plan(plan.unwrap_or_default(), &mut out);
    if let Some(text @ Value::String(_)) = message.get("content") {
        machine.content(0, &serde_json::json!({ "text": text }), &mut out);
    }
    for (index, item) in list("content") {
        machine.content(index, item, &mut out);
    }
    let logprobs = answer.get("logprobs").and_then(Value::as_array);
    for item in logprobs.into_iter().flatten() {
        machine.logprobs(item, &mut out);
    }
    for (index, call) in list("tool_calls") {
        machine.open_call(index, call, &mut out);
        machine.close_call(index, &mut out);
    }
    machine.cite(message.get("citations").unwrap_or(&Value::Null), &mut out);
    machine.finish(&answer, &mut out)?;
    Ok(out)
}

/// The answer object of a whole body.
fn read(body: &[u8]) -> Result<Value, UpstreamError> {
    let value = read_json(body)?;
    if !value.get("message").is_some_and(Value::is_object) {
        // An error's `message` is its text.
        return Err(if errors::is_error(&value) {
            errors::in_band(&value)
        } else {
            malformed("it has no `message` object")
        });
    }
    Ok(value)
}
