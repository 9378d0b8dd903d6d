//! Reads a streamed answer: one JSON object a line, the last with `done: true` (wire-protocols
//! §12.1, Ollama native).

use std::borrow::Cow;

use serde::Deserialize;

use super::machine::{Machine, malformed, truncated};
use super::response::read_json;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, StreamDecoder};
use crate::error::UpstreamError;
use crate::ndjson::{Frame, Reader};

/// The decoder of one stream.
#[derive(Debug)]
pub(super) struct Decoder {
    machine: Machine,
    reader: Reader,
    done: bool,
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            machine: Machine::new(context),
            reader: Reader::new(),
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
                Frame::TooLarge => self.fail(malformed("a line is larger than 8 MiB"), out),
                Frame::Line(line) => match self.take_line(&line, out) {
                    Err(error) => self.fail(error, out),
                    Ok(()) if self.machine.finished() => {
                        self.done = true;
                        out.push(ChatEvent::End);
                    }
                    Ok(()) => {}
                },
            }
        }
    }

    fn take_line(&mut self, line: &str, out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        // Most of a stream is text: such a line needs no tree of values.
        if let Ok(said) = serde_json::from_str::<TextLine<'_>>(line)
            && !said.done
        {
            self.machine.start(&said.model, &said.created_at, out);
            Machine::say(&said.message.content, out);
            return Ok(());
        }
        self.machine.take(&read_json(line.as_bytes())?, out)
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        let mut frames = Vec::new();
        self.reader.push(bytes, &mut frames);
        self.take_frames(frames, out);
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        let mut frames = Vec::new();
        self.reader.finish(&mut frames);
        self.take_frames(frames, out);
        if !self.done {
            self.fail(truncated("without a line that says `done`"), out);
        }
    }
}

/// A line with text and nothing else in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextLine<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    created_at: Cow<'a, str>,
    #[serde(borrow)]
    message: TextMessage<'a>,
    done: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextMessage<'a> {
    #[serde(rename = "role")]
    _role: serde::de::IgnoredAny,
    #[serde(borrow)]
    content: Cow<'a, str>,
}
