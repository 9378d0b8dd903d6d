//! Reads a streamed answer: `message-start`, content, plan, tool calls and citations,
//! `message-end`, `[DONE]` (wire-protocols §12.1, §12.2).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::errors;
use super::machine::Machine;
use crate::adapter::DecodeContext;
use crate::chat::ChatEvent;
use crate::error::UpstreamError;
use crate::reply::{malformed, truncated};
use crate::stream_body::{EventDecoder, Events, Flow};

/// Members of the end that have a place of their own in the hub.
const KNOWN_END_MEMBERS: [&str; 4] = ["finish_reason", "usage", "error", "error_type"];

/// The decoder of one stream.
pub(super) fn decoder(context: &DecodeContext) -> EventDecoder<Answer> {
    EventDecoder::new(Answer {
        context: context.clone(),
        machine: Machine::new(context),
    })
}

/// The answer so far.
#[derive(Debug)]
pub(super) struct Answer {
    context: DecodeContext,
    machine: Machine,
}

impl Events for Answer {
    fn event(
        &mut self,
        name: &str,
        data: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<Flow, UpstreamError> {
        if data.trim_start().starts_with("[DONE]") {
            return if self.machine.finished() {
                Ok(Flow::Ends)
            } else {
                Err(truncated("without a finish reason"))
            };
        }
        // Most of a stream is text: such an event needs no tree of values.
        if let Ok(said) = serde_json::from_str::<TextEvent<'_>>(data)
            && said.kind == "content-delta"
            && !self.machine.finished()
        {
            self.machine
                .text(said.index, &said.delta.message.content.text, out);
            return Ok(Flow::GoesOn);
        }
        let event: Value = serde_json::from_str(data)
            .map_err(|_| malformed("an event of the stream is not JSON"))?;
        let kind = event.get("type").and_then(Value::as_str).unwrap_or(name);
        if self.machine.finished() {
            // Nothing of the answer follows its end.
            return Ok(Flow::GoesOn);
        }
        let index = event.get("index").and_then(Value::as_u64).unwrap_or(0);
        let is_said = ["content-delta", "citation-start", "message-end"].contains(&kind);
        if is_said {
            // A proxy may have lost the start.
            self.machine.start("", out);
        }
        let part = |path: &str| event.pointer(path).unwrap_or(&Value::Null);
        match kind {
            "message-start" => self.message_start(&event, out),
            "content-start" | "content-delta" => {
                self.machine
                    .content(index, part("/delta/message/content"), out);
                self.machine.logprobs(part("/logprobs"), out);
            }
            "tool-plan-delta" => {
                let plan = part("/delta/message/tool_plan");
                self.machine.plan(plan.as_str().unwrap_or_default(), out);
            }
            "tool-call-start" => {
                self.machine
                    .open_call(index, part("/delta/message/tool_calls"), out);
            }
            "tool-call-delta" => {
                self.machine
                    .delta_call(index, part("/delta/message/tool_calls"), out)?;
            }
            "tool-call-end" => self.machine.close_call(index, out),
            "citation-start" => self.machine.cite(part("/delta/message/citations"), out),
            "message-end" => {
                let end = part("/delta");
                self.machine.metadata(Some(0), end, &KNOWN_END_MEMBERS, out);
                self.machine.finish(end, out)?;
            }
            _ if errors::is_error(&event) => return Err(errors::in_band(&event)),
            // `content-end`, `citation-end`, `debug`, or a type that is newer than this code.
            _ => {}
        }
        Ok(Flow::GoesOn)
    }

    fn whole(&mut self, body: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        out.extend(super::response::events(body, &self.context)?);
        Ok(())
    }

    fn cut(&self) -> Result<(), UpstreamError> {
        if self.machine.finished() {
            // The answer is whole; its terminator alone is missing.
            Ok(())
        } else {
            Err(truncated("before its `message-end`"))
        }
    }
}

impl Answer {
    /// Its message holds empty lists, as it is recorded; what else it held is said.
    fn message_start(&mut self, event: &Value, out: &mut Vec<ChatEvent>) {
        let id = event.get("id").and_then(Value::as_str).unwrap_or_default();
        self.machine.start(id, out);
        let plan = event.pointer("/delta/message/tool_plan");
        self.machine
            .plan(plan.and_then(Value::as_str).unwrap_or_default(), out);
        let content = event.pointer("/delta/message/content");
        for (index, item) in (0_u64..).zip(content.and_then(Value::as_array).into_iter().flatten())
        {
            self.machine.content(index, item, out);
        }
    }
}

/// `content-delta` with text and nothing else in it.
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
    #[serde(borrow)]
    message: TextMessage<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextMessage<'a> {
    #[serde(borrow)]
    content: TextContent<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextContent<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}
