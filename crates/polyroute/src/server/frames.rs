//! A bound on what an HTTP/2 caller may make us do for nothing (row S23): frames that carry no part of
//! a request have a budget. The HTTP library bounds what it keeps of them, not how many there are.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::head_wait::HeadWait;

/// What an HTTP/2 connection begins with (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes before the payload of a frame (RFC 9113 §4.1).
const FRAME_HEAD_BYTES: usize = 9;
/// Frames of control that may come at once. Clients that cancel, ping and open windows send some
/// hundred.
const BUDGET: u64 = 1_000;
/// What is added to the budget each second.
const BUDGET_PER_S: u64 = 100;
/// Bytes of answers that pay for one frame: a caller opens its window for what it takes.
const BYTES_PER_FRAME: u64 = 64;

/// Whether a connection that begins so may speak HTTP/2.
pub(super) fn may_be_http2(begin: &[u8]) -> bool {
    PREFACE.starts_with(begin)
}

/// Where in the bytes of a connection we are.
#[derive(Debug)]
enum Place {
    /// So many bytes of the preface matched.
    Preface(usize),
    /// HTTP/1: nothing is counted.
    Http1,
    /// So many bytes of this frame's head were read.
    Head([u8; FRAME_HEAD_BYTES], usize),
    /// So many bytes of its payload are still to come.
    Payload(usize),
}

/// Counts frames of control against the budget.
#[derive(Debug)]
struct Budget {
    place: Place,
    left: u64,
    refilled: Instant,
    written: u64,
}

impl Budget {
    fn new() -> Self {
        Self {
            place: Place::Preface(0),
            left: BUDGET,
            refilled: Instant::now(),
            written: 0,
        }
    }

    /// Takes what was read; whether the budget holds.
    fn take(&mut self, mut bytes: &[u8], written: u64) -> bool {
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Http1 => return true,
                Place::Preface(matched) => {
                    if PREFACE.get(*matched) != Some(first) {
                        self.place = Place::Http1;
                        return true;
                    }
                    *matched += 1;
                    if *matched == PREFACE.len() {
                        self.place = Place::Head([0; FRAME_HEAD_BYTES], 0);
                    }
                    bytes = rest;
                }
                Place::Head(head, filled) => {
                    if let Some(byte) = head.get_mut(*filled) {
                        *byte = *first;
                    }
                    *filled += 1;
                    bytes = rest;
                    if *filled == FRAME_HEAD_BYTES {
                        let head = *head;
                        let length = length(head);
                        self.place = match length {
                            0 => Place::Head([0; FRAME_HEAD_BYTES], 0),
                            _ => Place::Payload(length),
                        };
                        if is_control(head) && !self.pay(written) {
                            return false;
                        }
                    }
                }
                Place::Payload(left) => {
                    let taken = bytes.len().min(*left);
                    *left -= taken;
                    bytes = bytes.get(taken..).unwrap_or_default();
                    if *left == 0 {
                        self.place = Place::Head([0; FRAME_HEAD_BYTES], 0);
                    }
                }
            }
        }
        true
    }

    /// Pays for one frame; whether there was enough.
    fn pay(&mut self, written: u64) -> bool {
        if self.left == 0 {
            let earned = u64::try_from(self.refilled.elapsed().as_millis()).unwrap_or(u64::MAX)
                * BUDGET_PER_S
                / 1_000
                + (written - self.written) / BYTES_PER_FRAME;
            if earned == 0 {
                return false;
            }
            self.left = earned.min(BUDGET);
            self.refilled = Instant::now();
            self.written = written;
        }
        self.left -= 1;
        true
    }

    const fn is_http2(&self) -> bool {
        matches!(self.place, Place::Head(..) | Place::Payload(_))
    }
}

const fn length([a, b, c, ..]: [u8; FRAME_HEAD_BYTES]) -> usize {
    u32::from_be_bytes([0, a, b, c]) as usize
}

/// Whether a frame carries no part of a request: anything but HEADERS and DATA, and DATA with
/// nothing in it that does not end its stream (RFC 9113 §6).
const fn is_control(head: [u8; FRAME_HEAD_BYTES]) -> bool {
    const END_STREAM: u8 = 1;
    let [.., kind, flags, _, _, _, _] = head;
    match kind {
        0 => length(head) == 0 && flags & END_STREAM == 0,
        1 => false,
        _ => true,
    }
}

/// A stream whose HTTP/2 frames have a budget, and whose HTTP/1 heads have their time. Over it, reading
/// fails, and with it the connection.
#[derive(Debug)]
pub(super) struct Frames<S> {
    inner: S,
    budget: Budget,
    head: HeadWait,
    activity: Arc<Activity>,
}

impl<S> Frames<S> {
    /// `head_timeout`: how long an HTTP/1 head that has begun may take.
    pub(super) fn new(inner: S, head_timeout: Duration, activity: Arc<Activity>) -> Self {
        Self {
            inner,
            budget: Budget::new(),
            head: HeadWait::new(head_timeout),
            activity,
        }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        if self.budget.is_http2()
            && let Poll::Ready(Ok(length)) = written
        {
            self.activity.wrote(*length);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Frames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if matches!(this.budget.place, Place::Http1) {
            let (inner, activity) = (&mut this.inner, &this.activity);
            return this.head.poll_read(inner, activity, context, buffer);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
        let read = buffer.filled().get(before..).unwrap_or_default();
        if this.budget.take(read, this.activity.written()) {
            return Poll::Ready(Ok(()));
        }
        this.activity.flooded();
        Poll::Ready(Err(io::Error::other("too many frames of control")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Frames<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const SETTINGS: u8 = 4;
    const PING: u8 = 6;
    const CONTINUATION: u8 = 9;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let [.., a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[a, b, c, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// Feeds a connection piece by piece; how many of `frame` it bears after the preface.
    fn borne(frame: &[u8], most: usize, piece: usize) -> usize {
        let mut budget = Budget::new();
        assert!(budget.take(PREFACE, 0));
        (0..most)
            .find(|_| !frame.chunks(piece).all(|bytes| budget.take(bytes, 0)))
            .unwrap_or(most)
    }

    #[test]
    fn s23_frames_that_carry_nothing_have_a_budget() {
        let most = 3 * usize::try_from(BUDGET).unwrap();
        for piece in [1, 7, 1_000] {
            for (kind, payload) in [
                (RST_STREAM, &[0; 4][..]),
                (SETTINGS, &[]),
                (PING, &[0; 8]),
                (CONTINUATION, &[]),
                (DATA, &[]),
                (200, &[1, 2, 3]),
            ] {
                let borne = borne(&frame(kind, 0, payload), most, piece);
                assert!(borne < most && borne >= 1_000, "{kind}: {borne}");
            }
        }
    }

    #[test]
    fn s23_requests_and_their_bodies_have_none() {
        for frame in [
            frame(HEADERS, 5, b"head"),
            frame(DATA, 0, b"body"),
            frame(DATA, 1, b""),
        ] {
            assert_eq!(borne(&frame, 5_000, 5), 5_000);
        }
    }

    #[test]
    fn a_caller_that_takes_answers_may_open_its_window_for_them() {
        let mut budget = Budget::new();
        assert!(budget.take(PREFACE, 0));
        let update = frame(8, 0, &[0, 0, 1, 0]);
        for answered in 0..20_000_u64 {
            assert!(budget.take(&update, answered * 200), "{answered}");
        }
    }

    #[test]
    fn http_1_is_told_from_its_first_bytes_and_not_counted() {
        for first in ["POST / HTTP/1.1\r\n", "PRI / HTTP/1.1\r\n"] {
            let mut budget = Budget::new();
            assert!(budget.take(first.as_bytes(), 0));
            assert!(budget.take(&frame(PING, 0, &[0; 8]).repeat(5_000), 0));
            assert!(!budget.is_http2());
        }
    }
}
