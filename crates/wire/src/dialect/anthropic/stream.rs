//! Reads a streamed answer: `message_start`, content blocks, `message_delta`, `message_stop`
//! (wire-protocols §12.2). Bodies that are no event stream after all are recognised by their first
//! byte.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::errors;
use super::machine::Machine;
use crate::adapter::DecodeContext;
use crate::chat::ChatEvent;
use crate::error::{ErrorKind, UpstreamError};
use crate::reply::{malformed, truncated};
use crate::stream_body::{EventDecoder, Events, Flow};

/// Members of an event that are read by name.
const KNOWN_DELTA_MEMBERS: [&str; 2] = ["stop_reason", "stop_sequence"];
const KNOWN_EVENT_MEMBERS: [&str; 3] = ["type", "delta", "usage"];

/// The decoder of one stream.
pub(super) fn decoder(context: &DecodeContext) -> EventDecoder<Answer> {
    EventDecoder::new(Answer {
        machine: Machine::new(context),
    })
}

/// The answer so far.
#[derive(Debug)]
pub(super) struct Answer {
    machine: Machine,
}

impl Events for Answer {
    fn event(
        &mut self,
        name: &str,
        data: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<Flow, UpstreamError> {
        // Most of a stream is text: such an event needs no tree of values.
        if let Ok(said) = serde_json::from_str::<TextEvent<'_>>(data)
            && said.kind == "content_block_delta"
            && said.delta.kind == "text_delta"
        {
            self.machine.text(said.index, &said.delta.text, out)?;
            return Ok(Flow::GoesOn);
        }
        let mut event: Value = serde_json::from_str(data).map_err(|_| {
            if name == "error" {
                UpstreamError::new(ErrorKind::ServerError, data)
            } else {
                malformed("an event of the stream is not JSON")
            }
        })?;
        let index = event.get("index").and_then(Value::as_u64).unwrap_or(0);
        let kind = event.get("type").and_then(Value::as_str).unwrap_or(name);
        match kind {
            "ping" => out.push(ChatEvent::Ping),
            "message_start" => {
                let message = event.get("message").unwrap_or(&Value::Null);
                self.machine.start(message, out);
            }
            "content_block_start" => {
                let block = event.get_mut("content_block").map(Value::take);
                let block = block.ok_or_else(|| malformed("a block start without a block"))?;
                self.machine.open(index, block, out);
            }
            "content_block_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                self.machine.delta(index, delta, out)?;
            }
            "content_block_stop" => self.machine.close(index, out)?,
            "message_delta" => self.take_message_delta(&event, out)?,
            "message_stop" => {
                self.stop()?;
                return Ok(Flow::Ends);
            }
            "error" => return Err(errors::in_band(&event)),
            _ if event.get("error").is_some_and(|error| !error.is_null()) => {
                return Err(errors::in_band(&event));
            }
            // A type that is newer than this code says nothing that we could place.
            _ => {}
        }
        Ok(Flow::GoesOn)
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        let message = super::response::read(body)?;
        self.machine.whole(&message, out);
        Ok(())
    }

    fn cut(&self) -> Result<(), UpstreamError> {
        Err(truncated(if self.machine.finished() {
            "after its stop reason, before `message_stop`"
        } else {
            "before its stop reason"
        }))
    }
}

impl Answer {
    fn take_message_delta(
        &mut self,
        event: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        // A proxy may have lost the start of an answer that is nothing but an end.
        self.machine.start(&Value::Null, out);
        let delta = event.get("delta").unwrap_or(&Value::Null);
        self.machine.metadata(delta, &KNOWN_DELTA_MEMBERS, out);
        self.machine.metadata(event, &KNOWN_EVENT_MEMBERS, out);
        if let Some(reason) = delta.get("stop_reason").and_then(Value::as_str) {
            if reason == "tool_use" && self.machine.has_cut_arguments() {
                return Err(truncated("inside the arguments of a tool call"));
            }
            self.machine.close_all(out);
            self.machine.finish(delta, out);
        }
        self.machine.take_usage(event.get("usage"), out);
        Ok(())
    }

    fn stop(&self) -> Result<(), UpstreamError> {
        if self.machine.has_cut_arguments() {
            return Err(truncated("inside the arguments of a tool call"));
        }
        if !self.machine.finished() {
            return Err(truncated("without a stop reason"));
        }
        Ok(())
    }
}

/// `content_block_delta` with a `text_delta` and nothing else in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    index: u64,
    #[serde(borrow)]
    delta: TextDelta<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextDelta<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    text: Cow<'a, str>,
}
