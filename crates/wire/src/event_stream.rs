//! AWS event streams (`application/vnd.amazon.eventstream`): binary frames with two checksums, read
//! over any chunking (wire-protocols §12.2, Bedrock framing).

use aws_smithy_eventstream::frame::read_message_from;
use aws_smithy_types::event_stream::Message;
use bytes::{Buf as _, Bytes, BytesMut};

use crate::sse::EVENT_BYTES_MAX;

/// Total length, header length and their checksum.
const PRELUDE_BYTES: usize = 12;

/// What the reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// `:message-type: event`.
    Event {
        /// `:event-type`.
        name: String,
        /// JSON.
        payload: Bytes,
    },
    /// `:message-type: exception`: the stream failed.
    Exception {
        /// `:exception-type`.
        name: String,
        /// JSON with the exception's members.
        payload: Bytes,
    },
    /// `:message-type: error`: the stream failed without a modelled exception.
    Error {
        /// `:error-code`.
        name: String,
        /// `:error-message`.
        message: String,
    },
    /// Bytes that are no frame: a wrong checksum, impossible lengths, a kind that nobody knows. The
    /// reader stops here.
    Broken(&'static str),
}

/// Splits a byte stream into frames. Each byte is looked at once, whatever the chunking.
#[derive(Debug, Default)]
pub struct Reader {
    buffer: BytesMut,
    dead: bool,
}

impl Reader {
    /// A reader at the start of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and appends what they complete.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Frame>) {
        if self.dead {
            return;
        }
        self.buffer.extend_from_slice(bytes);
        while let Some(frame) = self.next() {
            self.dead = matches!(frame, Frame::Broken(_));
            out.push(frame);
            if self.dead {
                self.buffer = BytesMut::new();
                return;
            }
        }
    }

    /// Whether the body ended within a frame.
    #[must_use]
    pub fn is_inside_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    fn next(&mut self) -> Option<Frame> {
        if self.buffer.len() < PRELUDE_BYTES {
            return None;
        }
        let total = (&self.buffer[..]).get_u32();
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        if total > EVENT_BYTES_MAX {
            return Some(Frame::Broken("a frame is larger than 8 MiB"));
        }
        if self.buffer.len() < total {
            return None;
        }
        // A length below the least possible one is refused by the codec.
        let whole = self.buffer.split_to(total.max(PRELUDE_BYTES)).freeze();
        Some(match read_message_from(whole) {
            Ok(message) => read(&message),
            Err(_) => Frame::Broken("a frame's checksum or lengths are wrong"),
        })
    }
}

fn read(message: &Message) -> Frame {
    let header = |name: &str| {
        let header = message
            .headers()
            .iter()
            .find(|header| header.name().as_str() == name);
        header
            .and_then(|header| header.value().as_string().ok())
            .map(|value| value.as_str().to_owned())
            .unwrap_or_default()
    };
    match header(":message-type").as_str() {
        "event" => Frame::Event {
            name: header(":event-type"),
            payload: message.payload().clone(),
        },
        "exception" => Frame::Exception {
            name: header(":exception-type"),
            payload: message.payload().clone(),
        },
        "error" => Frame::Error {
            name: header(":error-code"),
            message: header(":error-message"),
        },
        _ => Frame::Broken("a frame has no known `:message-type`"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_smithy_eventstream::frame::write_message_to;
    use aws_smithy_types::event_stream::{Header, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    /// A frame with string headers.
    pub(crate) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut message = Message::new(payload.to_vec());
        for (name, value) in headers {
            let value = HeaderValue::String((*value).to_owned().into());
            message = message.add_header(Header::new((*name).to_owned(), value));
        }
        let mut out = Vec::new();
        write_message_to(&message, &mut out).unwrap();
        out
    }

    fn event(name: &str, payload: &str) -> Vec<u8> {
        frame(
            &[
                (":event-type", name),
                (":content-type", "application/json"),
                (":message-type", "event"),
            ],
            payload.as_bytes(),
        )
    }

    fn read_in(bytes: &[u8], size: usize) -> (Vec<Frame>, bool) {
        let mut reader = Reader::new();
        let mut out = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(piece, &mut out);
        }
        (out, reader.is_inside_frame())
    }

    #[test]
    fn section_12_2_frames_in_any_pieces() {
        let body = [event("a", "{}"), event("b", r#"{"x":1}"#)].concat();
        let whole = read_in(&body, body.len());
        assert_eq!(whole.0.len(), 2);
        assert!(!whole.1);
        for size in [1, 2, 3, 11, 12, 13, 50] {
            assert_eq!(read_in(&body, size), whole, "{size}");
        }
        assert!(read_in(&body[..body.len() - 1], 7).1, "cut within a frame");
    }

    #[test]
    fn section_12_2_both_checksums_are_verified() {
        let good = event("a", r#"{"text":"hello"}"#);
        // Lengths, prelude checksum, a header, the payload, the message checksum.
        for at in [1, 5, 9, 20, good.len() - 8, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            let (frames, inside) = read_in(&bad, 5);
            assert!(
                frames.iter().all(|frame| matches!(frame, Frame::Broken(_)))
                    && (inside || !frames.is_empty()),
                "{at}: {frames:?}"
            );
        }
    }

    #[test]
    fn exceptions_errors_and_the_unknown() {
        let exception = frame(
            &[
                (":message-type", "exception"),
                (":exception-type", "throttlingException"),
            ],
            br#"{"message":"slow"}"#,
        );
        let error = frame(
            &[
                (":message-type", "error"),
                (":error-code", "500"),
                (":error-message", "oh"),
            ],
            b"",
        );
        let unknown = frame(&[(":message-type", "later")], b"");
        let (frames, _) = read_in(&[exception, error, unknown, event("a", "{}")].concat(), 9);
        assert!(
            matches!(&frames[0], Frame::Exception { name, .. } if name == "throttlingException")
        );
        assert!(matches!(&frames[1], Frame::Error { message, .. } if message == "oh"));
        assert!(matches!(&frames[2], Frame::Broken(_)));
        assert_eq!(frames.len(), 3, "nothing follows what is broken");
    }

    #[test]
    fn a_frame_that_would_never_end_is_refused_at_once() {
        let (frames, _) = read_in(&[0x7f, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 12);
        assert!(matches!(frames[..], [Frame::Broken(_)]));
        let (frames, _) = read_in(&[0, 0, 0, 3, 0, 0, 0, 0, 1, 2, 3, 4, 5], 13);
        assert!(matches!(frames[..], [Frame::Broken(_)]));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_pieces_do_not_matter(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            size in 1_usize..40,
        ) {
            prop_assert_eq!(read_in(&bytes, size).0, read_in(&bytes, 200).0);
        }
    }
}
