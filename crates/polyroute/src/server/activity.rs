//! What goes on in one connection. HTTP/2: which requests are in it, whether their callers take what
//! they asked for, and since when nothing happens (row S23). HTTP/1: whether a request is answered or
//! the next head awaited; a caller that does not read is seen in its socket.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{BoundHit, ReplyBody};

/// Requests that are remembered before those that ended are forgotten.
const STREAMS_KEPT: usize = 512;
/// Bytes a second that count as a caller taking its answer.
const TAKEN_BYTES_PER_S_MIN: u64 = 1024;

/// What goes on in a connection.
pub(super) struct Activity {
    send_timeout: Duration,
    began: Instant,
    written: AtomicU64,
    /// How often an HTTP/1 request and its answer began and ended: odd while there is one.
    turns: AtomicU64,
    streams: Mutex<Vec<Weak<Stream>>>,
    on_bound: BoundHit,
}

/// What was seen when it was last looked.
#[derive(Debug, Default)]
pub(super) struct Seen {
    written: u64,
    looked: Duration,
    active: Duration,
}

impl std::fmt::Debug for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activity").finish_non_exhaustive()
    }
}

impl Activity {
    /// `send_timeout`: how long a caller may take nothing of what is there.
    pub(super) fn new(send_timeout: Duration, on_bound: BoundHit) -> Self {
        Self {
            send_timeout,
            began: Instant::now(),
            written: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            streams: Mutex::new(Vec::new()),
            on_bound,
        }
    }

    /// Bytes went out.
    pub(super) fn wrote(&self, bytes: usize) {
        self.written.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that went out.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// An HTTP/1 request came; it is answered when what this gives is dropped.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        self.turns.fetch_add(1, Ordering::Relaxed);
        Answering(Arc::clone(self))
    }

    /// How often an HTTP/1 request and its answer began and ended.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }

    /// Whether an HTTP/1 request is answered after so many turns.
    pub(super) const fn is_answering(turns: u64) -> bool {
        turns % 2 == 1
    }

    /// The caller sent too many frames that carry nothing.
    pub(super) fn flooded(&self) {
        (self.on_bound)("http2_frames");
    }

    /// Whether requests came over HTTP/2.
    pub(super) fn is_http2(&self) -> bool {
        !lock(&self.streams).is_empty()
    }

    /// A request came.
    pub(super) fn asked(&self) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            began: self.began,
            patience: self.send_timeout,
            due: AtomicU64::new(0),
            state: Mutex::new(State::Asked),
        });
        let mut streams = lock(&self.streams);
        if streams.len() >= STREAMS_KEPT {
            streams.retain(|stream| stream.strong_count() > 0);
        }
        streams.push(Arc::downgrade(&stream));
        stream
    }

    /// Ends what waits too long for its caller; whether the connection itself has had nothing to do
    /// for longer than `idle_timeout`.
    pub(super) fn is_over(&self, idle_timeout: Duration, seen: &mut Seen) -> bool {
        let now = self.began.elapsed();
        let streams: Vec<Arc<Stream>> = {
            let mut streams = lock(&self.streams);
            streams.retain(|stream| stream.strong_count() > 0);
            streams.iter().filter_map(Weak::upgrade).collect()
        };
        let mut live = false;
        for stream in streams {
            if stream.is_due(now) {
                (self.on_bound)("send_time");
                stream.end();
            }
            live |= !matches!(*lock(&stream.state), State::Ended);
        }
        let written = self.written();
        let due = TAKEN_BYTES_PER_S_MIN * (now - seen.looked).as_millis() as u64 / 1_000;
        if live || written - seen.written > due.max(1) {
            seen.active = now;
        }
        seen.written = written;
        seen.looked = now;
        now - seen.active > idle_timeout
    }
}

/// An HTTP/1 request, from its head to the last byte of its answer.
pub(super) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.turns.fetch_add(1, Ordering::Relaxed);
    }
}

/// One HTTP/2 request of a connection, from its head to the last byte of its answer.
pub(super) struct Stream {
    began: Instant,
    patience: Duration,
    /// Until when the caller must have taken what it was given last, in milliseconds of the
    /// connection; 0 while it waits for us.
    due: AtomicU64,
    state: Mutex<State>,
}

enum State {
    Asked,
    Answered(ReplyBody),
    Ended,
}

impl Stream {
    /// The answer to it is there.
    pub(super) fn answered(self: Arc<Self>, body: ReplyBody) -> Answered {
        self.gave(0);
        *lock(&self.state) = State::Answered(body);
        Answered::Watched(self)
    }

    /// The caller was given so many bytes: at the slowest pace that counts, it takes them until then.
    fn gave(&self, bytes: usize) {
        let pace = Duration::from_millis(bytes as u64 * 1_000 / TAKEN_BYTES_PER_S_MIN);
        let due = self.began.elapsed() + self.patience + pace;
        let due = u64::try_from(due.as_millis()).unwrap_or(u64::MAX);
        self.due.store(due.max(1), Ordering::Relaxed);
    }

    fn is_due(&self, now: Duration) -> bool {
        match self.due.load(Ordering::Relaxed) {
            0 => false,
            due => now > Duration::from_millis(due),
        }
    }

    /// Ends it, and with it what it holds at the provider.
    fn end(&self) {
        self.due.store(0, Ordering::Relaxed);
        let before = std::mem::replace(&mut *lock(&self.state), State::Ended);
        drop(before);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of an answer on its way to the caller.
pub(super) enum Answered {
    /// Over HTTP/1.
    Plain {
        /// What is sent.
        body: ReplyBody,
        /// The request is answered when this is dropped.
        _answering: Answering,
    },
    /// Over HTTP/2.
    Watched(Arc<Stream>),
}

impl Body for Answered {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let stream = match &mut *self {
            Self::Plain { body, .. } => return poll(body, context),
            Self::Watched(stream) => stream,
        };
        let mut state = lock(&stream.state);
        let State::Answered(body) = &mut *state else {
            let error = io::Error::new(io::ErrorKind::TimedOut, "the caller stopped reading");
            return Poll::Ready(Some(Err(error)));
        };
        let polled = poll(body, context);
        match &polled {
            Poll::Ready(Some(frame)) => {
                let data = frame.as_ref().ok().and_then(Frame::data_ref);
                stream.gave(data.map_or(0, Bytes::len));
            }
            Poll::Pending | Poll::Ready(None) => stream.due.store(0, Ordering::Relaxed),
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain { body, .. } => body.is_end_stream(),
            Self::Watched(stream) => match &*lock(&stream.state) {
                State::Answered(body) => body.is_end_stream(),
                State::Asked | State::Ended => false,
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain { body, .. } => body.size_hint(),
            Self::Watched(stream) => match &*lock(&stream.state) {
                State::Answered(body) => body.size_hint(),
                State::Asked | State::Ended => SizeHint::default(),
            },
        }
    }
}

fn poll(
    body: &mut ReplyBody,
    context: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
    Pin::new(body)
        .poll_frame(context)
        .map(|frame| frame.map(|frame| frame.map_err(|never| match never {})))
}
