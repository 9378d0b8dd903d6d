//! Newline-delimited JSON: a push-style reader over any chunking (wire-protocols §12.1, Ollama
//! native and Cohere v1).
//!
//! Only frames: whether a line is JSON is for the decoder to say.

use memchr::memchr;

use crate::sse::EVENT_BYTES_MAX;

/// What the reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A line that is not blank, without its end and without white space around it. Bytes that are
    /// not UTF-8 are replaced.
    Line(String),
    /// A line larger than [`EVENT_BYTES_MAX`]. The reader stops here.
    TooLarge,
}

/// Splits a byte stream into lines. Each byte is looked at once, whatever the chunking.
#[derive(Debug, Default)]
pub struct Reader {
    /// Bytes of the unfinished line.
    line: Vec<u8>,
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
            let end = memchr(b'\n', bytes);
            let (head, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            bytes = rest.get(1..).unwrap_or_default();
            if self.line.len() + head.len() > EVENT_BYTES_MAX {
                self.dead = true;
                self.line = Vec::new();
                out.push(Frame::TooLarge);
            } else if end.is_none() {
                self.line.extend_from_slice(head);
            } else if self.line.is_empty() {
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

    /// The body ended: a last line without its end counts.
    pub fn finish(&mut self, out: &mut Vec<Frame>) {
        let line = std::mem::take(&mut self.line);
        self.take_line(&line, out);
    }

    fn take_line(&mut self, line: &[u8], out: &mut Vec<Frame>) {
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
        };
        let line = line.trim_ascii();
        if !line.is_empty() {
            out.push(Frame::Line(String::from_utf8_lossy(line).into_owned()));
        }
    }
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

    fn line(text: &str) -> Frame {
        Frame::Line(text.into())
    }

    #[test]
    fn line_ends_blank_lines_bom_and_a_last_line_without_its_end() {
        let expected = vec![line(r#"{"a":"é"}"#), line(r#"{"b":1}"#), line("{}")];
        for newline in ["\n", "\r\n"] {
            let body = "\u{feff}{\"a\":\"é\"}||  |{\"b\":1} |{}".replace('|', newline);
            assert_eq!(read(&[body.as_bytes()]), expected, "{newline:?}");
            let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
            assert_eq!(read(&bytes), expected, "{newline:?} byte by byte");
        }
    }

    #[test]
    fn f23_a_line_over_the_limit_ends_the_stream_in_any_chunking() {
        let long = vec![b'x'; EVENT_BYTES_MAX + 1];
        let whole = [&long[..], b"\n{}\n"].concat();
        assert_eq!(read(&[&whole]), vec![Frame::TooLarge]);
        let (head, tail) = whole.split_at(EVENT_BYTES_MAX);
        assert_eq!(
            read(&[b"{}\n", head, tail]),
            vec![line("{}"), Frame::TooLarge]
        );
    }

    #[test]
    fn a_line_at_the_limit_passes() {
        let body = [&vec![b'x'; EVENT_BYTES_MAX][..], b"\n{}\n"].concat();
        assert_eq!(
            read(&[&body]),
            vec![line(&"x".repeat(EVENT_BYTES_MAX)), line("{}")]
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_frames(
            body in "(\\{\\}|é|😀|a| |\u{feff}|\n|\r\n|\r){0,40}",
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
