//! Reads a streamed v1 answer: `stream-start`, text, calls, citations and searches, and `stream-end`,
//! which repeats the whole answer. One event a line, or server-sent events where those were asked for
//! ("Streaming Responses"; wire-protocols §12.1).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::super::errors;
use super::super::machine::Machine;
use super::response;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, StreamDecoder};
use crate::error::UpstreamError;
use crate::ndjson;
use crate::reply::{malformed, truncated};
use crate::sse::{self, EVENT_BYTES_MAX};

/// How the body turns out to be framed.
#[derive(Debug, Default)]
enum Body {
    /// Nothing but white space so far; the bytes of a BOM may be among it.
    #[default]
    Unknown,
    /// One JSON value a line.
    Lines(ndjson::Reader),
    /// Server-sent events.
    Events(sse::Reader),
}

/// The decoder of one stream.
#[derive(Debug)]
pub(in super::super) struct Decoder {
    context: DecodeContext,
    machine: Machine,
    body: Body,
    /// JSON that is written over several lines, so far: an error, or a whole answer.
    document: Option<String>,
    /// Citations wait for the documents that they name.
    cited: Vec<Value>,
    /// What `search-results` said, for an end without a `response`.
    found: Value,
    /// An event was read.
    began: bool,
    done: bool,
    /// The body began as JSON: events in lines, or one whole answer.
    is_json: bool,
}

impl Decoder {
    pub(in super::super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            machine: Machine::new(context),
            body: Body::Unknown,
            document: None,
            cited: Vec::new(),
            found: Value::Null,
            is_json: false,
            began: false,
            done: false,
        }
    }

    fn fail(&mut self, error: UpstreamError, out: &mut Vec<ChatEvent>) {
        if !std::mem::replace(&mut self.done, true) {
            out.push(ChatEvent::Error(error));
        }
    }

    /// An event's text, or the reason why there is none.
    fn take(&mut self, data: &str, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        match self.event(data, out) {
            Ok(true) => {
                self.done = true;
                out.push(ChatEvent::End);
            }
            Ok(false) => {}
            Err(error) => self.fail(error, out),
        }
    }

    /// Whether the line is a part of a document that stands over several.
    fn collects(&mut self, line: &str, out: &mut Vec<ChatEvent>) -> bool {
        let is_json = || serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
        if !self.began && !is_json() {
            self.document = Some(String::new());
            self.began = true;
        }
        let Some(text) = &mut self.document else {
            return false;
        };
        text.push_str(line);
        text.push('\n');
        if text.len() > EVENT_BYTES_MAX {
            *text = String::new();
            self.fail(
                malformed("it is JSON of more than 8 MiB, not a stream"),
                out,
            );
        }
        true
    }

    /// Reads one event; whether it was the last.
    fn event(&mut self, data: &str, out: &mut Vec<ChatEvent>) -> Result<bool, UpstreamError> {
        // Most of a stream is text: such an event needs no tree of values.
        if let Ok(said) = serde_json::from_str::<TextEvent<'_>>(data)
            && said.event_type == "text-generation"
        {
            self.began = true;
            self.machine.text(0, &said.text, out);
            return Ok(false);
        }
        let event: Value = serde_json::from_str(data)
            .map_err(|_| malformed("an event of the stream is not JSON"))?;
        let began = std::mem::replace(&mut self.began, true);
        let part = |key: &str| event.get(key).unwrap_or(&Value::Null);
        let text = |key: &str| part(key).as_str().unwrap_or_default();
        let list = |key: &str| part(key).as_array().map(Vec::as_slice).unwrap_or_default();
        match text("event_type") {
            "stream-start" => self.machine.start(text("generation_id"), out),
            "text-generation" => self.machine.text(0, text("text"), out),
            "tool-calls-chunk" => self.chunk(&event, out)?,
            "tool-calls-generation" => {
                if !self.machine.wrote() {
                    self.machine.text(0, text("text"), out);
                }
                response::calls(&mut self.machine, list("tool_calls"), out)?;
            }
            "citation-generation" => self.cited.extend(list("citations").iter().cloned()),
            "search-results" => self.found = event.clone(),
            "stream-end" => {
                self.end(&event, out)?;
                return Ok(true);
            }
            "stream-error" => return Err(errors::in_band(&event)),
            // Not a stream at all.
            "" if !began && self.is_json && response::is_answer(&event) => {
                out.extend(response::events(&event, &self.context)?);
                return Ok(true);
            }
            _ if errors::is_error(&event) => return Err(errors::in_band(&event)),
            "" => return Err(malformed("an event of the stream has no `event_type`")),
            // `search-queries-generation`, which the end repeats, `debug`, or a type that is newer
            // than this code.
            _ => {}
        }
        Ok(false)
    }

    /// A piece of the plan before the calls, or of a call.
    fn chunk(&mut self, event: &Value, out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        let delta = event.get("tool_call_delta").unwrap_or(&Value::Null);
        for said in [event.get("text"), delta.get("text")].into_iter().flatten() {
            self.machine.text(0, said.as_str().unwrap_or_default(), out);
        }
        let index = delta.get("index").and_then(Value::as_u64).unwrap_or(0);
        let call = response::call_of(delta);
        if delta.get("name").is_some_and(Value::is_string) {
            self.machine.open_call(index, &call, out);
        } else if delta.get("parameters").is_some_and(Value::is_string) {
            self.machine.delta_call(index, &call, out)?;
        }
        Ok(())
    }

    fn end(&mut self, event: &Value, out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        let cited = std::mem::take(&mut self.cited);
        let answer = match event.get("response") {
            Some(answer @ Value::Object(_)) => answer.clone(),
            _ => {
                let mut found = std::mem::take(&mut self.found);
                if let Some(members) = found.as_object_mut() {
                    members.shift_remove("event_type");
                    members.shift_remove("is_finished");
                }
                found
            }
        };
        response::close(&mut self.machine, &answer, event, &cited, out)
    }

    /// A body that was one document.
    fn whole(&mut self, text: &str, out: &mut Vec<ChatEvent>) {
        let read = serde_json::from_str::<Value>(text)
            .map_err(|_| malformed("an event of the stream is not JSON"))
            .and_then(|answer| response::events(&answer, &self.context));
        match read {
            Ok(events) => {
                out.extend(events);
                self.done = true;
                out.push(ChatEvent::End);
            }
            Err(error) => self.fail(error, out),
        }
    }

    fn lines(&mut self, frames: Vec<ndjson::Frame>, out: &mut Vec<ChatEvent>) {
        for frame in frames {
            match frame {
                ndjson::Frame::Line(line) if self.collects(&line, out) => {}
                ndjson::Frame::Line(line) => self.take(&line, out),
                ndjson::Frame::TooLarge => {
                    self.fail(malformed("an event is larger than 8 MiB"), out);
                }
            }
        }
    }

    fn frames(&mut self, frames: Vec<sse::Frame>, out: &mut Vec<ChatEvent>) {
        for frame in frames {
            match frame {
                sse::Frame::Comment if !self.done => out.push(ChatEvent::Ping),
                sse::Frame::Comment => {}
                sse::Frame::Event { data, .. } if data.trim_start().starts_with("[DONE]") => {}
                sse::Frame::Event { data, .. } => self.take(&data, out),
                sse::Frame::TooLarge => {
                    self.fail(malformed("an event is larger than 8 MiB"), out);
                }
            }
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        if matches!(self.body, Body::Unknown) {
            let at = bytes
                .iter()
                .position(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
            bytes = bytes.get(at.unwrap_or(bytes.len())..).unwrap_or_default();
            match bytes.first() {
                None => return,
                Some(b'{' | b'[') => {
                    self.is_json = true;
                    self.body = Body::Lines(ndjson::Reader::new());
                }
                Some(b'<') => {
                    return self.fail(malformed("it is an HTML page, not an event stream"), out);
                }
                Some(_) => self.body = Body::Events(sse::Reader::new()),
            }
        }
        match &mut self.body {
            Body::Unknown => {}
            Body::Lines(reader) => {
                let mut frames = Vec::new();
                reader.push(bytes, &mut frames);
                self.lines(frames, out);
            }
            Body::Events(reader) => {
                let mut frames = Vec::new();
                reader.push(bytes, &mut frames);
                self.frames(frames, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        match std::mem::take(&mut self.body) {
            Body::Unknown => {}
            Body::Lines(mut reader) => {
                let mut frames = Vec::new();
                reader.finish(&mut frames);
                self.lines(frames, out);
            }
            Body::Events(mut reader) => {
                let mut frames = Vec::new();
                reader.finish(&mut frames);
                self.frames(frames, out);
            }
        }
        if let Some(text) = self.document.take()
            && !self.done
        {
            self.whole(&text, out);
        }
        self.fail(truncated("before its `stream-end`"), out);
    }
}

/// `text-generation` and nothing else in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextEvent<'a> {
    event_type: &'a str,
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default, rename = "is_finished")]
    _is_finished: bool,
}
