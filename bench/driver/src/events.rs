//! Checks a streamed answer while it arrives: every event delimited on its own, content chunks
//! numbered without a gap, finish, usage and `[DONE]` at the end. What a gateway joins, drops,
//! repeats or reorders becomes an error, not a better figure.

use anyhow::{bail, ensure};
use memchr::memmem;

use crate::expected::USAGE_MARK;
use crate::payload::CONTENT_MARK;

/// One stream's check.
#[derive(Debug, Default)]
pub(crate) struct EventCheck {
    /// The start of an event whose end has not come yet.
    partial: Vec<u8>,
    /// Content chunks seen, which is also the number that the next one must carry.
    content: usize,
    /// Whether a usage object went by.
    usage: bool,
    /// Whether `[DONE]` went by.
    done: bool,
}

impl EventCheck {
    /// Content chunks so far.
    pub(crate) fn content(&self) -> usize {
        self.content
    }

    /// Takes the next bytes of the body.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if self.partial.is_empty() {
            let used = self.events_in(bytes)?;
            self.partial
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            let mut all = std::mem::take(&mut self.partial);
            all.extend_from_slice(bytes);
            let used = self.events_in(&all)?;
            all.drain(..used);
            self.partial = all;
        }
        Ok(())
    }

    /// Checks the complete events at the start of `bytes`; says how many bytes they are.
    fn events_in(&mut self, bytes: &[u8]) -> anyhow::Result<usize> {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..)
            && let Some(end) = memmem::find(rest, b"\n\n")
        {
            self.event(rest.get(..end).unwrap_or_default())?;
            used += end + 2;
        }
        Ok(used)
    }

    /// Checks one event.
    fn event(&mut self, event: &[u8]) -> anyhow::Result<()> {
        if event.starts_with(b":") {
            return Ok(()); // A heartbeat: allowed, and no chunk.
        }
        let Some(data) = event.strip_prefix(b"data:") else {
            bail!(
                "an event without data: `{}`",
                String::from_utf8_lossy(event)
            );
        };
        ensure!(!self.done, "an event after [DONE]");
        ensure!(
            memchr::memchr(b'\n', data).is_none(),
            "two events joined in one"
        );
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
        } else if let Some(at) = memmem::find(data, CONTENT_MARK) {
            let rest = data.get(at + CONTENT_MARK.len()..).unwrap_or_default();
            let number = rest
                .get(..6)
                .and_then(|digits| std::str::from_utf8(digits).ok());
            let number = number.and_then(|digits| digits.parse().ok());
            ensure!(
                number == Some(self.content),
                "content chunk {number:?} came where {} was due: dropped or out of order",
                self.content
            );
            ensure!(
                memmem::find(rest, CONTENT_MARK).is_none(),
                "two content chunks joined"
            );
            self.content += 1;
        } else if memmem::find(data, USAGE_MARK).is_some() {
            self.usage = true;
        }
        Ok(())
    }

    /// Checks that the stream is whole: `chunks` of content, usage and `[DONE]`.
    pub(crate) fn finish(&self, chunks: usize) -> anyhow::Result<()> {
        ensure!(
            self.content == chunks,
            "{} content chunks of {chunks} came",
            self.content
        );
        ensure!(self.usage, "no usage chunk came");
        ensure!(self.done, "no [DONE] came");
        ensure!(self.partial.is_empty(), "the stream ends inside an event");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Dialect, stream_frames};

    /// The stream's body without HTTP chunking: one event a frame or more.
    fn body(chunks: usize) -> Vec<u8> {
        let text =
            String::from_utf8(stream_frames(Dialect::OpenAi, chunks, true).concat()).unwrap();
        let lines = text.split("\r\n").filter(|line| line.starts_with("data:"));
        lines.collect::<String>().into_bytes()
    }

    #[test]
    fn a_whole_stream_passes_however_it_is_cut() {
        let body = body(5);
        for step in 1..body.len() {
            let mut check = EventCheck::default();
            for piece in body.chunks(step) {
                check.push(piece).unwrap();
            }
            check.finish(5).unwrap();
        }
    }

    #[test]
    fn a_dropped_chunk_is_an_error() {
        let body = String::from_utf8(body(5)).unwrap();
        let events: Vec<_> = body.split_inclusive("\n\n").collect();
        let without_third = [&events[..3], &events[4..]].concat().concat();
        assert!(
            EventCheck::default()
                .push(without_third.as_bytes())
                .is_err()
        );
    }

    #[test]
    fn joined_chunks_are_an_error() {
        let body = String::from_utf8(body(5)).unwrap();
        let joined = body.replacen(
            "w000001 \"},\"finish_reason\":null}]}\n\n",
            "w000001 \"}\n",
            1,
        );
        assert_ne!(joined, body);
        assert!(EventCheck::default().push(joined.as_bytes()).is_err());
    }

    #[test]
    fn a_stream_cut_short_is_an_error() {
        let body = body(5);
        let mut check = EventCheck::default();
        check.push(&body[..body.len() - 20]).unwrap();
        assert!(check.finish(5).is_err());
    }

    #[test]
    fn heartbeats_are_no_chunks() {
        let mut check = EventCheck::default();
        check.push(b": ping\n\n").unwrap();
        check.push(&body(2)).unwrap();
        check.finish(2).unwrap();
    }
}
