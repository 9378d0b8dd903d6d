//! Reads streamed responses (wire-protocols §12.2). Events are told apart by the `type` of their
//! data: some servers send no `event:` lines, and early ones no `sequence_number`.

use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

use super::item::{Place, text_of};
use super::machine::Machine;
use super::{errors, response};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, StreamDecoder};
use crate::dialect::openai_shared::{malformed, malformed_body};
use crate::error::{ErrorKind, UpstreamError};
use crate::sse::{EVENT_BYTES_MAX, Frame, Reader};

/// What the body turned out to be.
#[derive(Debug)]
enum Body {
    /// Nothing but white space so far.
    Unknown,
    Events(Reader),
    /// JSON where a stream was due: read when it is whole.
    Json(Vec<u8>),
}

/// The decoder of one stream.
#[derive(Debug)]
pub(super) struct Decoder {
    machine: Machine,
    body: Body,
    done: bool,
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            machine: Machine::new(context),
            body: Body::Unknown,
            done: false,
        }
    }

    fn fail(&mut self, error: UpstreamError, out: &mut Vec<ChatEvent>) {
        if !std::mem::replace(&mut self.done, true) {
            out.push(ChatEvent::Error(error));
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
                    if let Err(error) = self.take_event(&name, data.trim(), out) {
                        self.fail(error, out);
                    }
                }
            }
        }
    }

    fn take_event(
        &mut self,
        name: &str,
        data: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        if data.is_empty() {
            return Ok(());
        }
        // Most of a stream is text: such an event needs no tree of values.
        if let Ok(said) = serde_json::from_str::<TextEvent<'_>>(data)
            && said.kind == "response.output_text.delta"
            && said.logprobs.is_none_or(|list| list.is_empty())
        {
            let place = Place::Text(said.content_index);
            self.machine
                .piece(said.output_index, place, &said.delta, out);
            return Ok(());
        }
        if data.starts_with("[DONE]") {
            return Err(truncated());
        }
        let mut event: Value = serde_json::from_str(data).map_err(|_| {
            if name == "error" {
                UpstreamError::new(ErrorKind::ServerError, data)
            } else {
                malformed_body(data.as_bytes())
            }
        })?;
        let kind = match text_of(&event, "type") {
            "" => name.to_owned(),
            kind => kind.to_owned(),
        };
        match kind.as_str() {
            "response.created" | "response.in_progress" | "response.queued" => {
                let response = event.get("response").unwrap_or(&Value::Null);
                self.machine.start(response, out);
            }
            "response.completed" | "response.incomplete" => {
                let response = event.get_mut("response").map(Value::take);
                self.machine.finish(response.unwrap_or_default(), out)?;
                self.done = true;
                out.push(ChatEvent::End);
            }
            "response.failed" | "response.cancelled" => {
                return Err(errors::failed(event.get("response").unwrap_or(&event)));
            }
            "error" => return Err(errors::in_band(&event)),
            // An error object of the other API, or of something before the provider.
            "" if event.get("error").is_some_and(|error| !error.is_null()) => {
                return Err(errors::in_band(&event));
            }
            "" => return Err(malformed("an event of the provider's stream has no type")),
            _ => self.take_item_event(&kind, event, out),
        }
        Ok(())
    }

    fn take_item_event(&mut self, kind: &str, mut event: Value, out: &mut Vec<ChatEvent>) {
        let number = |key: &str| event.get(key).and_then(Value::as_u64).unwrap_or(0);
        let index = number("output_index");
        let (content, summary) = (number("content_index"), number("summary_index"));
        let delta = text_of(&event, "delta");
        let machine = &mut self.machine;
        match kind {
            "response.output_item.added" => {
                machine.open(index, event.get("item").unwrap_or(&Value::Null), out);
            }
            "response.output_item.done" => {
                let item = event.get_mut("item").map(Value::take);
                machine.close(index, item.unwrap_or_default(), out);
            }
            "response.output_text.delta" => {
                machine.piece(index, Place::Text(content), delta, out);
                machine.logprobs(event.get("logprobs"), out);
            }
            "response.refusal.delta" => machine.piece(index, Place::Refusal(content), delta, out),
            "response.reasoning_summary_text.delta" => {
                machine.piece(index, Place::Summary(summary), delta, out);
            }
            "response.reasoning_text.delta" => {
                machine.piece(index, Place::Reasoning(content), delta, out);
            }
            "response.function_call_arguments.delta" => {
                machine.with(index, "function_call", out, |item, _, out| {
                    item.arguments(delta, out);
                });
            }
            "response.custom_tool_call_input.delta" => {
                machine.with(index, "custom_tool_call", out, |item, _, out| {
                    item.arguments(delta, out);
                });
            }
            "response.output_text.annotation.added" => {
                let annotation = event.get("annotation").unwrap_or(&Value::Null);
                machine.with(index, "message", out, |item, machine, out| {
                    item.annotation(annotation, machine, out);
                });
            }
            // Ends of parts, which the end of the item repeats; progress of server-run tools; and
            // types that are newer than this code.
            _ => {}
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        if matches!(self.body, Body::Unknown) {
            let is_lead = |byte: &u8| byte.is_ascii_whitespace() || b"\xef\xbb\xbf".contains(byte);
            match bytes.iter().find(|byte| !is_lead(byte)) {
                None => return,
                Some(b'{' | b'[' | b'<') => self.body = Body::Json(Vec::new()),
                Some(_) => self.body = Body::Events(Reader::new()),
            }
        }
        let mut frames = Vec::new();
        match &mut self.body {
            Body::Unknown => {}
            Body::Events(reader) => reader.push(bytes, &mut frames),
            Body::Json(body) => {
                body.extend_from_slice(bytes);
                if body.len() > EVENT_BYTES_MAX {
                    *body = Vec::new();
                    self.fail(malformed("the provider's answer is too large"), out);
                }
            }
        }
        self.take_frames(frames, out);
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        match std::mem::replace(&mut self.body, Body::Unknown) {
            Body::Json(body) => {
                let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body);
                match response::read(body.trim_ascii_start(), &mut self.machine, out) {
                    Ok(()) => self.done = true,
                    Err(error) => self.fail(error, out),
                }
            }
            Body::Events(mut reader) => {
                let mut frames = Vec::new();
                reader.finish(&mut frames);
                self.take_frames(frames, out);
            }
            Body::Unknown => {}
        }
        self.fail(truncated(), out);
    }
}

/// `response.output_text.delta`.
#[derive(Deserialize)]
struct TextEvent<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(default)]
    output_index: u64,
    #[serde(default)]
    content_index: u64,
    #[serde(borrow)]
    delta: Cow<'a, str>,
    #[serde(default)]
    logprobs: Option<Vec<serde::de::IgnoredAny>>,
}

fn truncated() -> UpstreamError {
    UpstreamError::new(
        ErrorKind::Truncated,
        "the provider's stream ended before the response was completed",
    )
}
