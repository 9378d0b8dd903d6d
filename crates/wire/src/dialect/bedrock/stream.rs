//! Reads a streamed answer: `messageStart`, content blocks, `messageStop`, `metadata`
//! (wire-protocols §12.2). Bodies that are no event stream after all are recognised by their first
//! byte: a frame begins with the high byte of its length, which is 0.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::errors;
use super::machine::Machine;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, StreamDecoder};
use crate::error::UpstreamError;
use crate::event_stream::{Frame, Reader};
use crate::reply::{malformed, truncated};
use crate::sse::EVENT_BYTES_MAX;

/// What the body turned out to be.
#[derive(Debug)]
enum Body {
    /// Nothing so far.
    Unknown,
    Frames(Reader),
    /// JSON where a stream was due: read when it is whole.
    Json(Vec<u8>),
}

/// The decoder of one stream.
#[derive(Debug)]
pub(super) struct Decoder {
    machine: Machine,
    body: Body,
    /// The `metadata` event came.
    counted: bool,
    done: bool,
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            machine: Machine::new(context),
            body: Body::Unknown,
            counted: false,
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

    /// Tells by its beginning what the body is; how many bytes of white space stand before it.
    fn recognise(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) -> usize {
        let is_text = |byte: &u8| !byte.is_ascii_whitespace();
        let at = bytes.iter().position(is_text).unwrap_or(bytes.len());
        match bytes.get(at) {
            None => {}
            Some(0) => self.body = Body::Frames(Reader::new()),
            Some(b'{' | b'[') => self.body = Body::Json(Vec::new()),
            Some(b'<') => self.fail(malformed("it is an HTML page, not an event stream"), out),
            Some(_) => self.fail(malformed("it is no AWS event stream"), out),
        }
        at
    }

    fn take_frame(&mut self, frame: Frame, out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        match frame {
            Frame::Event { name, payload } => self.take_event(&name, &payload, out),
            Frame::Exception { name, payload } => Err(errors::exception(&name, &payload)),
            Frame::Error { name, message } => Err(errors::in_stream(&name, &message)),
            Frame::Broken(what) => Err(malformed(what)),
        }
    }

    fn take_event(
        &mut self,
        name: &str,
        payload: &[u8],
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        // Most of a stream is text: such an event needs no tree of values.
        if name == "contentBlockDelta"
            && let Ok(said) = serde_json::from_slice::<TextEvent<'_>>(payload)
        {
            self.machine.text(said.index, &said.delta.text, out);
            return Ok(());
        }
        let event: Value = serde_json::from_slice(payload)
            .map_err(|_| malformed("an event of the stream is not JSON"))?;
        let index = event.get("contentBlockIndex").and_then(Value::as_u64);
        let index = index.unwrap_or(0);
        let said = |key: &str| event.get(key).unwrap_or(&Value::Null);
        match name {
            "messageStart" => self.machine.start(out),
            "contentBlockStart" => self.machine.take(index, said("start"), out),
            "contentBlockDelta" => self.machine.take(index, said("delta"), out),
            "contentBlockStop" => self.machine.close(index, out),
            "messageStop" => {
                if said("stopReason") == "tool_use" && self.machine.has_cut_arguments() {
                    return Err(truncated("inside the arguments of a tool call"));
                }
                self.machine.finish(&event, out)?;
            }
            "metadata" => {
                self.machine.metadata(&event, out);
                self.counted = true;
            }
            // A type that is newer than this code says nothing that we could place.
            _ => {}
        }
        if self.counted && self.machine.finished() {
            self.end(out);
        }
        Ok(())
    }

    /// A body that is JSON: an error, or a whole answer said as events.
    fn finish_json(&mut self, body: &[u8], out: &mut Vec<ChatEvent>) {
        let read = super::response::read(body);
        match read.and_then(|answer| self.machine.whole(&answer, out)) {
            Ok(()) => self.end(out),
            Err(error) => self.fail(error, out),
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        if matches!(self.body, Body::Unknown) {
            let skipped = self.recognise(bytes, out);
            bytes = bytes.get(skipped..).unwrap_or_default();
        }
        let mut frames = Vec::new();
        match &mut self.body {
            _ if self.done => return,
            Body::Unknown => {}
            Body::Frames(reader) => reader.push(bytes, &mut frames),
            Body::Json(body) => {
                body.extend_from_slice(bytes);
                if body.len() > EVENT_BYTES_MAX {
                    *body = Vec::new();
                    let what = "it is JSON of more than 8 MiB, not a stream";
                    self.fail(malformed(what), out);
                }
            }
        }
        for frame in frames {
            if self.done {
                return;
            }
            if let Err(error) = self.take_frame(frame, out) {
                self.fail(error, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        let inside = match std::mem::replace(&mut self.body, Body::Unknown) {
            Body::Json(body) => return self.finish_json(&body, out),
            Body::Frames(reader) => reader.is_inside_frame(),
            Body::Unknown => false,
        };
        if inside {
            self.fail(truncated("within a frame"), out);
        } else if self.machine.finished() {
            // The counts are missing, the answer is whole.
            self.end(out);
        } else {
            self.fail(truncated("before its stop reason"), out);
        }
    }
}

/// `contentBlockDelta` with text, and padding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextEvent<'a> {
    #[serde(rename = "contentBlockIndex")]
    index: u64,
    #[serde(borrow)]
    delta: TextDelta<'a>,
    #[serde(default, rename = "p")]
    _padding: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextDelta<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}
