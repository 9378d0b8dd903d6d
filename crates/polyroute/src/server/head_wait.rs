//! The wait for the rest of an HTTP/1 head (row S22). The library's own bound runs between two requests
//! too, so that it has to be as long as a connection may idle; a head that has begun has less.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::activity::Activity;

/// Since when a head has been on its way.
#[derive(Debug)]
pub(super) struct HeadWait {
    timeout: Duration,
    /// When its first bytes came, and after how many turns ([`Activity::turns`]).
    begun: Option<(Instant, u64)>,
    /// Set once a head did not come in one piece: most do.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl HeadWait {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            begun: None,
            alarm: None,
        }
    }

    /// Reads from an HTTP/1 connection, unless a head is overdue.
    ///
    /// Bytes that come while a request is answered are its body, or the beginning of the next head;
    /// the time of that one begins with the first byte that comes after the answer.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        inner: &mut S,
        activity: &Activity,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let turns = activity.turns();
        if self.begun.is_some_and(|(_, then)| then != turns) {
            self.begun = None;
            self.alarm = None;
        }
        if Activity::is_answering(turns) {
            return Pin::new(inner).poll_read(context, buffer);
        }
        let before = buffer.filled().len();
        let read = Pin::new(inner).poll_read(context, buffer)?;
        if read.is_ready() {
            if buffer.filled().len() == before {
                return Poll::Ready(Ok(()));
            }
            let (begun, _) = *self.begun.get_or_insert_with(|| (Instant::now(), turns));
            if begun.elapsed() <= self.timeout {
                return Poll::Ready(Ok(()));
            }
        } else {
            let Some((begun, _)) = self.begun else {
                return Poll::Pending;
            };
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(begun + self.timeout)));
            ready!(alarm.as_mut().poll(context));
        }
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the head did not come in time",
        )))
    }
}
