//! A body that should be an event stream, and what it turns out to be: events, JSON where a stream
//! was due, or a page of the edge (wire-protocols §12.1, parser duties).

use crate::chat::{ChatEvent, StreamDecoder};
use crate::error::UpstreamError;
use crate::reply::malformed;
use crate::sse::{EVENT_BYTES_MAX, Frame, Reader};

/// What is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It begins as an HTML page.
    Html,
    /// It is JSON of more than [`EVENT_BYTES_MAX`].
    JsonTooLarge,
}

impl Fault {
    /// What it is, in words that follow `it is`.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Html => "it is an HTML page, not an event stream",
            Self::JsonTooLarge => "it is JSON of more than 8 MiB, not a stream",
        }
    }
}

/// The body so far. Any chunking of the same bytes gives the same frames.
#[derive(Debug, Default)]
pub(crate) enum StreamBody {
    /// Nothing but white space so far; the bytes of a BOM may be among it.
    #[default]
    Unknown,
    /// Server-sent events.
    Events(Reader),
    /// JSON: read when it is whole.
    Json(Vec<u8>),
}

impl StreamBody {
    /// Takes the next bytes; appends the frames that they complete.
    ///
    /// # Errors
    /// What the body is instead of a stream or JSON. Nothing more is read then.
    pub(crate) fn push(&mut self, mut bytes: &[u8], out: &mut Vec<Frame>) -> Result<(), Fault> {
        if matches!(self, Self::Unknown) {
            let at = bytes
                .iter()
                .position(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte));
            bytes = bytes.get(at.unwrap_or(bytes.len())..).unwrap_or_default();
            match bytes.first() {
                None => {}
                Some(b'{' | b'[') => *self = Self::Json(Vec::new()),
                Some(b'<') => return Err(Fault::Html),
                Some(_) => *self = Self::Events(Reader::new()),
            }
        }
        match self {
            Self::Unknown => {}
            Self::Events(reader) => reader.push(bytes, out),
            Self::Json(body) => {
                body.extend_from_slice(bytes);
                if body.len() > EVENT_BYTES_MAX {
                    *body = Vec::new();
                    return Err(Fault::JsonTooLarge);
                }
            }
        }
        Ok(())
    }

    /// The body ended: appends what the last line completes, or gives the JSON that it was.
    pub(crate) fn finish(&mut self, out: &mut Vec<Frame>) -> Option<Vec<u8>> {
        match std::mem::take(self) {
            Self::Unknown => None,
            Self::Events(mut reader) => {
                reader.finish(out);
                None
            }
            Self::Json(body) => Some(body),
        }
    }
}

/// Whether an answer goes on behind an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    GoesOn,
    /// The event was its end.
    Ends,
}

/// What reads the events of one dialect's streams.
pub(crate) trait Events: Send {
    /// Takes one event.
    ///
    /// # Errors
    /// The failure that it says, or what is wrong with it.
    fn event(
        &mut self,
        name: &str,
        data: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<Flow, UpstreamError>;

    /// Takes a whole answer where a stream was due.
    ///
    /// # Errors
    /// The failure that stands there instead, or bytes that are no answer.
    fn whole(&mut self, body: &[u8], out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError>;

    /// The body ended without the event that is its end.
    ///
    /// # Errors
    /// Unless the answer is whole all the same.
    fn cut(&self) -> Result<(), UpstreamError>;
}

/// The decoder of one stream of server-sent events.
#[derive(Debug)]
pub(crate) struct EventDecoder<E> {
    events: E,
    body: StreamBody,
    done: bool,
}

impl<E: Events> EventDecoder<E> {
    pub(crate) const fn new(events: E) -> Self {
        Self {
            events,
            body: StreamBody::Unknown,
            done: false,
        }
    }

    fn end(&mut self, end: Result<(), UpstreamError>, out: &mut Vec<ChatEvent>) {
        self.done = true;
        out.push(match end {
            Ok(()) => ChatEvent::End,
            Err(error) => ChatEvent::Error(error),
        });
    }

    fn take(&mut self, frames: Vec<Frame>, out: &mut Vec<ChatEvent>) {
        for frame in frames {
            if self.done {
                return;
            }
            match frame {
                Frame::Comment => out.push(ChatEvent::Ping),
                Frame::TooLarge => self.end(Err(malformed("an event is larger than 8 MiB")), out),
                Frame::Event { name, data } => match self.events.event(&name, &data, out) {
                    Ok(Flow::GoesOn) => {}
                    Ok(Flow::Ends) => self.end(Ok(()), out),
                    Err(error) => self.end(Err(error), out),
                },
            }
        }
    }
}

impl<E: Events> StreamDecoder for EventDecoder<E> {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        let mut frames = Vec::new();
        let read = self.body.push(bytes, &mut frames);
        self.take(frames, out);
        if let (Err(fault), false) = (read, self.done) {
            self.end(Err(malformed(fault.words())), out);
        }
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.done {
            return;
        }
        let mut frames = Vec::new();
        if let Some(body) = self.body.finish(&mut frames) {
            let end = self.events.whole(&body, out);
            return self.end(end, out);
        }
        self.take(frames, out);
        if !self.done {
            self.end(self.events.cut(), out);
        }
    }
}
