//! Reads a streamed answer: `message-start`, content, plan, tool calls and citations,
//! `message-end`, `[DONE]` (wire-protocols §12.1, §12.2).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::errors;
use super::machine::{Machine, malformed, truncated};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, StreamDecoder};
use crate::error::UpstreamError;
use crate::sse::Frame;
use crate::stream_body::StreamBody;

/// Members of the end that have a place of their own in the hub.
const KNOWN_END_MEMBERS: [&str; 4] = ["finish_reason", "usage", "error", "error_type"];

/// The decoder of one stream.
#[derive(Debug)]
pub(super) struct Decoder {
    context: DecodeContext,
    machine: Machine,
    body: StreamBody,
    done: bool,
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            machine: Machine::new(context),
            body: StreamBody::default(),
            done: false,
        }
    }

    fn fail(&mut self, error: UpstreamError, out: &mut Vec<ChatEvent>) {
        if !std::mem::replace(&mut self.done, true) {
            out.push(ChatEvent::Error(error));
        }
    }

    fn end(&mut self, out: &mut Vec<ChatEvent>) {
        if !std::mem::replace(&mut self.done, true) {
            out.push(ChatEvent::End);
        }
    }

    fn take_frames(&mut self, frames: Vec<Frame>, out: &mut Vec<ChatEvent>) {
        for frame in frames {
            if self.done {
                return;
            }
            match frame {
                Frame::Comment => out.push(ChatEvent::Ping),
                Frame::TooLarge => self.fail(malformed("an event is larger than 8 MiB"), out),
                Frame::Event { name, data } => {
                    if data.trim_start().starts_with("[DONE]") {
                        self.terminator(out);
                    } else if let Err(error) = self.take_event(&name, &data, out) {
                        self.fail(error, out);
                    }
                }
            }
        }
    }

    fn terminator(&mut self, out: &mut Vec<ChatEvent>) {
        if self.machine.finished() {
            self.end(out);
        } else {
            self.fail(truncated("without a finish reason"), out);
        }
    }

    fn take_event(
        &mut self,
        name: &str,
        data: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        // Most of a stream is text: such an event needs no tree of values.
        if let Ok(said) = serde_json::from_str::<TextEvent<'_>>(data)
            && said.kind == "content-delta"
            && !self.machine.finished()
        {
            self.machine
                .text(said.index, &said.delta.message.content.text, out);
            return Ok(());
        }
        let event: Value = serde_json::from_str(data)
            .map_err(|_| malformed("an event of the stream is not JSON"))?;
        let kind = event.get("type").and_then(Value::as_str).unwrap_or(name);
        if self.machine.finished() {
            // Nothing of the answer follows its end.
            return Ok(());
        }
        let index = event.get("index").and_then(Value::as_u64).unwrap_or(0);
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
        Ok(())
    }

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

    /// A body that is JSON: an error, or a whole answer said as events.
    fn finish_json(&mut self, body: &[u8], out: &mut Vec<ChatEvent>) {
        match super::response::events(body, &self.context) {
            Ok(events) => {
                out.extend(events);
                self.end(out);
            }
            Err(error) => self.fail(error, out),
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        let mut frames = Vec::new();
        let read = self.body.push(bytes, &mut frames);
        self.take_frames(frames, out);
        if let Err(fault) = read {
            self.fail(malformed(fault.words()), out);
        }
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        let mut frames = Vec::new();
        if let Some(body) = self.body.finish(&mut frames) {
            self.finish_json(&body, out);
        }
        self.take_frames(frames, out);
        if self.done {
            return;
        }
        if self.machine.finished() {
            // The answer is whole; its terminator alone is missing.
            self.end(out);
        } else {
            self.fail(truncated("before its `message-end`"), out);
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
