//! Framing of a streamed answer: SSE without a terminator, or one JSON array, or a lone JSON body
//! where a stream was due (wire-protocols §12.1).

use serde_json::Value;

use super::answer::AnswerReader;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, StreamDecoder};
use crate::error::{ErrorKind, UpstreamError};
use crate::reply::malformed;
use crate::sse::{EVENT_BYTES_MAX, Frame, Reader};

/// Reads one streamed answer.
pub(super) struct Decoder {
    answer: AnswerReader,
    framing: Framing,
    done: bool,
}

enum Framing {
    /// Nothing but white space and part of a byte order mark so far.
    Unknown(Vec<u8>),
    Sse(Reader),
    Json(Values),
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            answer: AnswerReader::new(context),
            framing: Framing::Unknown(Vec::new()),
            done: false,
        }
    }

    fn read(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        match &mut self.framing {
            Framing::Unknown(start) => {
                start.extend_from_slice(bytes);
                let body = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
                let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
                let framing = match first {
                    None if start.len() <= EVENT_BYTES_MAX => return Ok(()),
                    Some(b'{' | b'[') => Framing::Json(Values::default()),
                    None | Some(b'<') => {
                        return Err(malformed("the body is no event stream but a web page"));
                    }
                    // A byte order mark may still be cut.
                    Some(b'\xef') if body.len() < 3 => return Ok(()),
                    Some(_) => Framing::Sse(Reader::new()),
                };
                let start = body.to_vec();
                self.framing = framing;
                self.read(&start, out)
            }
            Framing::Sse(reader) => {
                let mut frames = Vec::new();
                reader.push(bytes, &mut frames);
                self.frames(frames, out)
            }
            Framing::Json(values) => {
                let mut found = Vec::new();
                let result = values.push(bytes, &mut found);
                for value in &found {
                    self.answer.feed(value, out)?;
                }
                result
            }
        }
    }

    fn frames(
        &mut self,
        frames: Vec<Frame>,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        for frame in frames {
            match frame {
                Frame::Comment => out.push(ChatEvent::Ping),
                Frame::TooLarge => return Err(malformed("an event is too large")),
                Frame::Event { data, .. } => {
                    let data = data.trim();
                    // Some proxies add the terminator that this wire does not have.
                    if data.is_empty() || data.starts_with("[DONE]") {
                        continue;
                    }
                    let value: Value =
                        serde_json::from_str(data).map_err(|_| malformed("an event is no JSON"))?;
                    self.answer.feed(&value, out)?;
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        match &mut self.framing {
            Framing::Unknown(_) => {}
            Framing::Sse(reader) => {
                let mut frames = Vec::new();
                reader.finish(&mut frames);
                self.frames(frames, out)?;
            }
            Framing::Json(values) if !values.is_complete() => return Err(truncated()),
            Framing::Json(_) => {}
        }
        if self.answer.is_complete() {
            self.answer.finish(out)
        } else {
            Err(truncated())
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        if let Err(error) = self.read(bytes, out) {
            self.done = true;
            out.push(ChatEvent::Error(error));
        }
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        self.done = true;
        let end = match self.end(out) {
            Ok(()) => ChatEvent::End,
            Err(error) => ChatEvent::Error(error),
        };
        out.push(end);
    }
}

fn truncated() -> UpstreamError {
    UpstreamError::new(
        ErrorKind::Truncated,
        "the answer ended before its finish reason",
    )
}

/// Splits a growing JSON text into its values: the elements of one array, or objects in a row.
#[derive(Default)]
struct Values {
    value: Vec<u8>,
    /// Open brackets inside the current value.
    depth: usize,
    in_string: bool,
    escaped: bool,
    in_array: bool,
    closed: bool,
}

impl Values {
    fn push(&mut self, bytes: &[u8], found: &mut Vec<Value>) -> Result<(), UpstreamError> {
        for &byte in bytes {
            if self.depth == 0 {
                self.between(byte)?;
            } else {
                self.value.push(byte);
                if self.value.len() > EVENT_BYTES_MAX {
                    return Err(malformed("an event is too large"));
                }
                self.inside(byte);
                if self.depth == 0 {
                    let value = serde_json::from_slice(&self.value)
                        .map_err(|_| malformed("an event is no JSON"))?;
                    found.push(value);
                    self.value.clear();
                }
            }
        }
        Ok(())
    }

    fn between(&mut self, byte: u8) -> Result<(), UpstreamError> {
        match byte {
            b'{' if !self.closed => {
                self.value.push(byte);
                self.depth = 1;
            }
            b'[' if !self.in_array && !self.closed => self.in_array = true,
            b']' if self.in_array => {
                self.in_array = false;
                self.closed = true;
            }
            b',' if self.in_array => {}
            byte if byte.is_ascii_whitespace() => {}
            _ => return Err(malformed("the body is no JSON")),
        }
        Ok(())
    }

    fn inside(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth -= 1,
            _ => {}
        }
    }

    const fn is_complete(&self) -> bool {
        self.depth == 0 && !self.in_array
    }
}
