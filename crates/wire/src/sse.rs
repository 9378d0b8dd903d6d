//! Server-sent events: a push-style reader over any chunking, and the writer.
//!
//! Reads what providers really send (wire-protocols §12.1): LF, CRLF and lone CR, `data:` with and
//! without the space, several `data:` lines, comments, a BOM, events parted by a single newline.

use memchr::memchr2;

/// Largest event that is kept, in bytes (row F23).
pub const EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An event: its `event:` name (empty if none) and its data lines joined by `\n`.
    Event {
        /// `event:` field.
        name: String,
        /// `data:` field.
        data: String,
    },
    /// A comment line (`: …`): the sender is alive.
    Comment,
    /// An event larger than [`EVENT_BYTES_MAX`]. The reader stops here.
    TooLarge,
}

/// Splits a byte stream into events. Each byte is looked at once, whatever the chunking.
#[derive(Debug, Default)]
pub struct Reader {
    /// Bytes of the unfinished line.
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    /// A line that looked like a new event was joined to data that was no whole JSON: nothing
    /// behind can make it whole, so that it is not looked at again.
    joined: bool,
    /// The last byte was a CR: a following LF belongs to it.
    after_cr: bool,
    started: bool,
    dead: bool,
}

impl Reader {
    /// A reader at the start of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and appends what they complete.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<Frame>) {
        while !self.dead && !bytes.is_empty() {
            if std::mem::take(&mut self.after_cr) && bytes.first() == Some(&b'\n') {
                bytes = bytes.get(1..).unwrap_or_default();
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', bytes) else {
                self.line.extend_from_slice(bytes);
                if self.line.len() + self.data.len() > EVENT_BYTES_MAX {
                    self.overflow(out);
                }
                return;
            };
            self.after_cr = bytes.get(end) == Some(&b'\r');
            let (head, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                self.take_line(head, out);
            } else {
                let mut line = std::mem::take(&mut self.line);
                line.extend_from_slice(head);
                self.take_line(&line, out);
                line.clear();
                self.line = line;
            }
        }
    }

    /// The body ended: a last event without its blank line counts (row F28).
    pub fn finish(&mut self, out: &mut Vec<Frame>) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, out);
        }
        self.dispatch(out);
    }

    fn take_line(&mut self, line: &[u8], out: &mut Vec<Frame>) {
        if self.dead {
            return;
        }
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        if line.is_empty() {
            self.dispatch(out);
            return;
        }
        let (field, value) = match memchr::memchr(b':', line) {
            Some(0) => {
                out.push(Frame::Comment);
                return;
            }
            Some(colon) => {
                let (field, value) = line.split_at(colon);
                let value = value.get(1..).unwrap_or_default();
                (field, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        match field {
            b"data" => self.take_data(value, out),
            b"event" => {
                // A sender that parts events by one newline starts the next with `event:`.
                if self.has_data {
                    self.dispatch(out);
                }
                self.name = String::from_utf8_lossy(value).into_owned();
            }
            _ => {}
        }
    }

    fn take_data(&mut self, value: &[u8], out: &mut Vec<Frame>) {
        let value = String::from_utf8_lossy(value);
        if self.has_data {
            // Saved streams part events by a single newline: where the data so far is a whole JSON
            // object and a new one begins, they are two events (wire-protocols §12.1).
            let looks_new = !self.joined
                && (value.starts_with('{') || value.starts_with("[DONE]"))
                && self.data.ends_with('}');
            if looks_new && serde_json::from_str::<serde::de::IgnoredAny>(&self.data).is_ok() {
                self.dispatch(out);
            } else {
                self.joined |= looks_new;
                self.data.push('\n');
            }
        }
        self.has_data = true;
        if self.data.len() + value.len() > EVENT_BYTES_MAX {
            self.overflow(out);
            return;
        }
        self.data.push_str(&value);
    }

    fn dispatch(&mut self, out: &mut Vec<Frame>) {
        self.joined = false;
        if std::mem::take(&mut self.has_data) {
            out.push(Frame::Event {
                name: std::mem::take(&mut self.name),
                data: std::mem::take(&mut self.data),
            });
        } else {
            self.name.clear();
        }
    }

    fn overflow(&mut self, out: &mut Vec<Frame>) {
        self.dead = true;
        self.line = Vec::new();
        self.data = String::new();
        self.has_data = false;
        out.push(Frame::TooLarge);
    }
}

/// Appends one event. `data` must hold no line breaks, as serialised JSON does not.
pub fn write_event(out: &mut Vec<u8>, name: Option<&str>, data: &[u8]) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Vec<Frame> {
        let mut reader = Reader::new();
        let mut out = Vec::new();
        for chunk in chunks {
            reader.push(chunk, &mut out);
        }
        reader.finish(&mut out);
        out
    }

    fn event(name: &str, data: &str) -> Frame {
        Frame::Event {
            name: name.into(),
            data: data.into(),
        }
    }

    #[test]
    fn case_29_line_ends_comments_bom_and_missing_blank_line() {
        let expected = vec![
            Frame::Comment,
            event("ping", "{}"),
            event("", "a\nb"),
            event("", "[DONE]"),
        ];
        for newline in ["\n", "\r\n", "\r"] {
            let body = "\u{feff}: hi|event: ping|data:{}||data: a|data: b||data: [DONE]"
                .replace('|', newline);
            assert_eq!(read(&[body.as_bytes()]), expected, "{newline:?}");
            let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes), expected, "{newline:?} byte by byte");
        }
    }

    #[test]
    fn events_parted_by_a_single_newline_are_split() {
        assert_eq!(
            read(&[b"data: {\"a\":1}\ndata: {\"b\":2}\n\n"]),
            vec![event("", "{\"a\":1}"), event("", "{\"b\":2}")]
        );
    }

    #[test]
    fn case_29_a_one_megabyte_event_in_small_pieces_is_linear() {
        let body = format!("data: {}\n\n", "x".repeat(1 << 20));
        let pieces: Vec<&[u8]> = body.as_bytes().chunks(7).collect();
        assert_eq!(read(&pieces), vec![event("", &"x".repeat(1 << 20))]);
    }

    #[test]
    fn lines_that_look_like_events_behind_broken_json_are_read_once() {
        let lines = 20_000;
        let start = format!("data: {{\"a\":\"{}\",\"b\":[{{}}\n", "x".repeat(1 << 20));
        let body = start + &"data: {}\n".repeat(lines) + "\ndata: {\"c\":1}\ndata: {}\n\n";
        let begun = std::time::Instant::now();
        let frames = read(&[body.as_bytes()]);
        // Reading the first line again for each other one takes minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(10));
        assert_eq!(frames.len(), 3);
        assert_eq!(frames[1..], [event("", "{\"c\":1}"), event("", "{}")]);
    }

    #[test]
    fn f23_an_event_over_the_limit_ends_the_stream() {
        let line = vec![b'x'; EVENT_BYTES_MAX + 10];
        assert_eq!(
            read(&[b"data: ", &line, b"\n\ndata: {}\n\n"]),
            vec![Frame::TooLarge]
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            body in "(data:|data: |event: |: |\\{\\}|é|😀|a|\n|\r\n|\r){0,40}",
            cuts in proptest::collection::vec(0usize..200, 0..8),
        ) {
            let bytes = body.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in cuts { pieces.push(&bytes[from..cut]); from = cut; }
            pieces.push(&bytes[from..]);
            prop_assert_eq!(read(&pieces), read(&[bytes]));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            read(&[&bytes]);
        }
    }
}
