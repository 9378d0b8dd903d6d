//! Plays an answer: a list of steps becomes a response body that sends, waits, stalls or breaks
//! off as it says, and reports to the log what became of it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use crate::connection::KillSwitch;
use crate::log::Attempt;

/// One step of an answer's body.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Sends bytes; `event` where they complete an event of the stream.
    Send {
        /// The bytes.
        bytes: Bytes,
        /// Whether to count an event.
        event: bool,
    },
    /// Waits; what was sent before goes out.
    Wait(Duration),
    /// Lets what was sent before go out as a write of its own.
    Flush,
    /// Never goes on.
    Hang,
    /// Closes the connection without ending the body.
    Close,
    /// Resets the connection.
    Reset,
}

/// How an answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Opening {
    /// With its head.
    #[default]
    Head,
    /// Not at all: the connection stays open and silent.
    Hang,
    /// Not at all: the connection is reset.
    Reset,
}

/// A whole answer, ready to play.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Play {
    /// How it begins.
    pub opening: Opening,
    /// The wait before the head.
    pub head_wait: Duration,
    /// HTTP status.
    pub status: u16,
    /// All headers but the length.
    pub headers: Vec<(String, String)>,
    /// The length that the head claims; none for a chunked body.
    pub length: Option<u64>,
    /// The body.
    pub steps: Vec<Step>,
    /// Slows the whole connection down to this many bytes a second.
    pub wire_bytes_per_s: Option<u64>,
}

/// The body was cut off on purpose.
#[derive(Debug, thiserror::Error)]
#[error("a fault cut the body off")]
pub struct CutOff;

/// The response body that plays the steps.
#[derive(Debug)]
pub struct Playback {
    steps: VecDeque<Step>,
    waiting: Option<Pin<Box<Sleep>>>,
    attempt: Option<Attempt>,
    switch: KillSwitch,
}

impl Playback {
    /// A body of these steps that reports to this attempt.
    pub fn new(steps: Vec<Step>, mut attempt: Attempt, switch: KillSwitch) -> Self {
        if steps.is_empty() {
            attempt.finish();
        }
        Self {
            steps: steps.into(),
            waiting: None,
            attempt: Some(attempt),
            switch,
        }
    }

    /// A body of these bytes that reports to nobody.
    pub fn plain(bytes: Bytes) -> Self {
        let steps = VecDeque::from([Step::Send {
            bytes,
            event: false,
        }]);
        Self {
            steps,
            waiting: None,
            attempt: None,
            switch: KillSwitch::default(),
        }
    }

    fn sent(&mut self, bytes: &Bytes, event: bool) {
        let last = self.steps.is_empty();
        let Some(attempt) = self.attempt.as_mut() else {
            return;
        };
        attempt.note(|entry| {
            entry.sent_bytes += bytes.len() as u64;
            entry.sent_events += u64::from(event);
        });
        // With a known length hyper does not ask again after the last byte.
        if last {
            attempt.finish();
        }
    }

    fn cut(&mut self) {
        if let Some(attempt) = self.attempt.as_mut() {
            attempt.cut();
        }
    }
}

impl Body for Playback {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        loop {
            if let Some(waiting) = self.waiting.as_mut() {
                if waiting.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                self.waiting = None;
            }
            match self.steps.pop_front() {
                None => {
                    if let Some(attempt) = self.attempt.as_mut() {
                        attempt.finish();
                    }
                    return Poll::Ready(None);
                }
                Some(Step::Send { bytes, event }) => {
                    self.sent(&bytes, event);
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Wait(wait)) => self.waiting = Some(Box::pin(sleep(wait))),
                Some(Step::Flush) => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Hang) => {
                    // Nothing wakes this body again; the caller hanging up drops it.
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::Close) => {
                    self.cut();
                    return Poll::Ready(Some(Err(CutOff)));
                }
                Some(Step::Reset) => {
                    self.cut();
                    self.switch.reset();
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.waiting.is_none()
    }
}
