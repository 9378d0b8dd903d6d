//! The stream to the caller: pulls from the provider only as fast as the caller takes, keeps a
//! silent line warm, ends every stream in exactly one way.
//!
//! There is no channel and no task: the server polls this body, and it polls the provider. A slow
//! caller thus holds one chunk, and a caller that leaves drops the provider's connection.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::upstream::AnswerBody;
use bytes::Bytes;
use http_body::Body as _;
use polyroute_engine::estimate::{self, Family, Provenance};
use polyroute_wire::api_error::ApiError;
use polyroute_wire::error::{ErrorKind, UpstreamError};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::attempt::Failed;
use super::call::Call;
use super::reader::{Reader, Step};
use super::settle::Settle;
use crate::telemetry::End;

/// How long the provider may keep the line open after a whole answer.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// Bytes that are gathered for one write, at most.
const GATHER_BYTES: usize = 16 * 1024;

/// Polls without anything new until the bytes at hand are sent: hyper polls a body twice within one
/// turn of an HTTP/1 connection's task, and nobody else had a turn in between. Without it, 64 unpaced
/// streams were a sixth slower, and paced ones no faster.
const HOLD_BACK: u8 = 2;

/// An SSE comment: ignored by clients, seen by everything between that counts idle time.
const HEARTBEAT: &[u8] = b": ping\n\n";

/// A stream whose first content is there.
pub(super) struct Live {
    pub(super) body: AnswerBody,
    pub(super) reader: Reader,
    /// Bytes for the caller that came up to the content commit.
    pub(super) prelude: Vec<u8>,
    /// The provider's body already ended within the prelude.
    pub(super) ended: bool,
    pub(super) inter_token: Duration,
    pub(super) total_until: Instant,
    /// The place in the plan of the target that answers.
    pub(super) target: usize,
    pub(super) call: Arc<Call>,
    /// The provider that answers, by its name in the configuration.
    pub(super) provider: String,
    pub(super) settle: Settle,
    /// A comment to send first: what headers would have said, had they not been sent before.
    pub(super) notice: Option<String>,
}

/// What the attempts of a stream come to.
pub(super) type Attempting = Pin<Box<dyn Future<Output = Result<Box<Live>, Failed>> + Send>>;

enum State {
    /// Our 200 is out and no target has answered yet.
    Attempting(Attempting),
    /// A target answers.
    Live(Box<Live>),
    /// The answer is whole; the provider has until then to end its body.
    Closing(AnswerBody, Instant),
    /// The end was sent.
    Done,
}

/// What callers are told whose answer is not whole when the process ends.
pub(super) fn shutting_down() -> ApiError {
    ApiError::new(
        "shutting_down",
        "The gateway is shutting down and could not finish this answer. Send the request again.",
    )
}

/// What a caller is told whose request a mistake of ours has ended.
pub fn panicked() -> ApiError {
    ApiError::new(
        "internal_error",
        "The gateway failed on this request; this is a bug. Report it with the request's `x-request-id`.",
    )
}

/// A response body that relays a stream.
pub struct Relay {
    state: State,
    out: Vec<u8>,
    heartbeat: Duration,
    last_sent: Instant,
    last_event: Instant,
    alarm: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// How often the bytes at hand were not sent, to wait for more.
    held_back: u8,
    sent: u64,
}

impl Relay {
    /// Relays a stream that has content.
    #[must_use]
    pub(super) fn live(live: Box<Live>, heartbeat: Duration, cut: &CancellationToken) -> Self {
        let mut relay = Self::new(State::Done, heartbeat, cut);
        relay.begin(live);
        relay
    }

    /// Heartbeats until a target answers, then relays it.
    #[must_use]
    pub(super) fn attempting(
        attempting: Attempting,
        heartbeat: Duration,
        cut: &CancellationToken,
    ) -> Self {
        let mut relay = Self::new(State::Attempting(attempting), heartbeat, cut);
        relay.out.extend_from_slice(HEARTBEAT);
        relay
    }

    fn new(state: State, heartbeat: Duration, cut: &CancellationToken) -> Self {
        let now = Instant::now();
        Self {
            state,
            out: Vec::new(),
            heartbeat,
            last_sent: now,
            last_event: now,
            alarm: Box::pin(tokio::time::sleep(heartbeat)),
            cut: Box::pin(cut.clone().cancelled_owned()),
            held_back: 0,
            sent: 0,
        }
    }

    fn begin(&mut self, mut live: Box<Live>) {
        if let Some(notice) = live.notice.take() {
            self.out
                .extend_from_slice(format!(": {notice}\n\n").as_bytes());
        }
        self.out.append(&mut live.prelude);
        self.last_event = Instant::now();
        live.settle.open_stream();
        let ended = live.ended;
        self.state = State::Live(live);
        if ended {
            self.complete();
        }
    }

    /// The next bytes for the caller; `None` at the end. A mistake of ours ends this stream with an
    /// error event, and no other one (row S25).
    pub fn poll_bytes(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        catch_unwind(AssertUnwindSafe(|| this.poll_next(context))).unwrap_or_else(|_| {
            // What is left of the state may be broken: it is not looked at outside of this.
            let failed = catch_unwind(AssertUnwindSafe(|| this.fail(&panicked())));
            if failed.is_err() {
                this.state = State::Done;
            }
            this.out = panicked().stream_event();
            Poll::Ready(Some(this.take_out()))
        })
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = self;
        loop {
            if this.out.len() >= GATHER_BYTES || (!this.out.is_empty() && this.must_send()) {
                return Poll::Ready(Some(this.take_out()));
            }
            match &mut this.state {
                State::Done => return Poll::Ready(None),
                State::Attempting(attempting) => match attempting.as_mut().poll(context) {
                    Poll::Ready(Ok(live)) => {
                        this.begin(live);
                        continue;
                    }
                    Poll::Ready(Err(failed)) => {
                        this.out = failed.error.stream_event();
                        failed.settle.end(
                            End::Failed,
                            failed.error.status,
                            Some(failed.error.code),
                        );
                        this.state = State::Done;
                        continue;
                    }
                    Poll::Pending => {}
                },
                State::Closing(body, _) => match Pin::new(body).poll_frame(context) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Ready(None | Some(Err(_))) => {
                        this.state = State::Done;
                        continue;
                    }
                    Poll::Pending => {}
                },
                State::Live(live) => match Pin::new(&mut live.body).poll_frame(context) {
                    Poll::Ready(frame) => {
                        this.held_back = 0;
                        this.take_frame(frame);
                        continue;
                    }
                    Poll::Pending if this.out.is_empty() => {}
                    // The socket is empty. Others have their turn before it is looked at again: what
                    // comes meanwhile leaves in the same write.
                    Poll::Pending if this.held_back < HOLD_BACK => {
                        this.held_back += 1;
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Ready(Some(this.take_out())),
                },
            }
            if this.cut.as_mut().poll(context).is_ready() {
                this.fail(&shutting_down());
                continue;
            }
            if this.poll_alarm(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Only bytes of a live stream wait for more; everything else goes out as it is.
    const fn must_send(&self) -> bool {
        !matches!(self.state, State::Live(_))
    }

    fn take_out(&mut self) -> Bytes {
        self.held_back = 0;
        self.last_sent = Instant::now();
        self.sent += self.out.len() as u64;
        Bytes::from(std::mem::take(&mut self.out))
    }

    fn take_frame(&mut self, frame: Option<Result<http_body::Frame<Bytes>, hyper::Error>>) {
        let State::Live(live) = &mut self.state else {
            return;
        };
        let step = match frame {
            Some(Ok(frame)) => {
                let Ok(bytes) = frame.into_data() else { return };
                live.reader.push(&bytes, &mut self.out)
            }
            Some(Err(_)) => Step {
                failed: Some(
                    UpstreamError::new(
                        ErrorKind::Truncated,
                        "the provider's connection broke within the answer",
                    )
                    .into(),
                ),
                ..Step::default()
            },
            None => live.reader.finish(&mut self.out),
        };
        if step.event {
            self.last_event = Instant::now();
        }
        if let Some(rejected) = step.failed {
            if rejected.too_large {
                let metrics = &live.call.gateway.telemetry.metrics;
                metrics.bound_hit("checked_answer");
            }
            self.upstream_failed(&rejected.error);
        } else if step.ended {
            self.complete();
        }
    }

    /// Wakes for whichever comes first: heartbeat, a provider that fell silent, the end of time.
    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = Instant::now();
            let mut due = self.last_sent + self.heartbeat;
            if let State::Closing(_, until) = &self.state {
                due = *until;
                if now >= due {
                    self.state = State::Done;
                    return Poll::Ready(());
                }
            }
            if let State::Live(live) = &self.state {
                let idle_due = self.last_event + live.inter_token;
                if now >= idle_due || now >= live.total_until {
                    let what = if now >= idle_due {
                        "no token for"
                    } else {
                        "no end after"
                    };
                    let limit = if now >= idle_due {
                        live.inter_token
                    } else {
                        live.settle.elapsed()
                    };
                    let error = UpstreamError::new(
                        ErrorKind::Timeout,
                        format!("the provider sent {what} {} ms", limit.as_millis()),
                    );
                    self.upstream_failed(&error);
                    return Poll::Ready(());
                }
                due = due.min(idle_due).min(live.total_until);
            }
            if now >= self.last_sent + self.heartbeat && !matches!(self.state, State::Closing(..)) {
                self.out.extend_from_slice(HEARTBEAT);
                return Poll::Ready(());
            }
            let due = tokio::time::Instant::from_std(due);
            if self.alarm.deadline() != due {
                self.alarm.as_mut().reset(due);
            }
            if self.alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// A failure after content: an error event in the caller's dialect, never a clean end.
    fn upstream_failed(&mut self, error: &UpstreamError) {
        let mut error = error.clone();
        if let State::Live(live) = &self.state {
            live.call.redact(&live.provider, &mut error);
        }
        let mut error = ApiError::from_upstream(&error);
        // What was sent can't be unsent: a client that tries again on its own would double it.
        error.should_retry = Some(false);
        self.fail(&error);
    }

    fn fail(&mut self, error: &ApiError) {
        self.out.extend_from_slice(&error.stream_event());
        match std::mem::replace(&mut self.state, State::Done) {
            State::Live(live) => {
                let (settle, _body) = self.account(*live, false);
                settle.end(End::Truncated, error.status, Some(error.code));
            }
            // Dropping the attempts settles them.
            State::Attempting(_) | State::Closing(..) | State::Done => {}
        }
    }

    fn complete(&mut self) {
        if let State::Live(live) = std::mem::replace(&mut self.state, State::Done) {
            let (settle, body) = self.account(*live, true);
            settle.end(End::Complete, 200, None);
            // Reading to the end of the body lets the connection be used again.
            self.state = State::Closing(body, Instant::now() + CLOSE_WAIT);
        }
    }

    fn account(&self, live: Live, ended_well: bool) -> (Settle, AnswerBody) {
        let summary = live.reader.summary();
        let mut settle = live.settle;
        let target = live.call.plan.targets.get(live.target);
        let (usage, provenance) = estimate::complete(
            summary.usage.as_ref(),
            ended_well,
            || target.map_or(0, |target| live.call.input_estimate(target)),
            summary.content_bytes,
            target.map_or(Family::Other, |target| target.facts.family),
        );
        if provenance == Provenance::Reported {
            settle.counted(target.and_then(|target| live.call.counted(target)));
        }
        let tier = summary.service_tier.as_deref();
        let prices = target.and_then(|target| live.call.prices(target));
        settle.usage(&usage, provenance, prices, tier);
        let sent = self.sent + self.out.len() as u64;
        settle.record(|record| {
            record.bytes_sent = sent;
            record.finish_reason = summary.finish_reason;
        });
        if let Some(target) = target {
            let catalog = &live.call.gateway.snapshot.catalog;
            settle.served(catalog, &target.facts, summary.model, summary.fingerprint);
        }
        (settle, live.body)
    }
}

impl Drop for Relay {
    /// The caller left: the provider's connection is dropped with the state, and what was used is
    /// still accounted.
    fn drop(&mut self) {
        if let State::Live(live) = std::mem::replace(&mut self.state, State::Done) {
            let (settle, _body) = self.account(*live, false);
            settle.end(End::ClientClosed, 499, None);
        }
    }
}
