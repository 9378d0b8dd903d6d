//! A body that should be an event stream, and what it turns out to be: events, JSON where a stream
//! was due, or a page of the edge (wire-protocols §12.1, parser duties).

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
