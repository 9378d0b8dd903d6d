//! The attempts of one request: encode, send, classify, and whatever the engine says comes next.
//!
//! The loop decides nothing. It ends with an answer whose first content is there, or with the error
//! that the caller gets.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use polyroute_engine::estimate::Provenance;
use polyroute_engine::next::{Attempt, AttemptEnd, Failure, Next, Stop, most_telling, next};
use polyroute_engine::plan::{Plan, PlannedTarget};
use polyroute_wire::adapter::{DecodeContext, Encoded, ReplyHead};
use polyroute_wire::api_error::ApiError;
use polyroute_wire::error::{EncodeError, ErrorKind, UpstreamError};

use super::batch::send_all;
use super::call::Call;
use super::decode::{Part, WholeSummary};
use super::encode::{Encoding, Kind};
use super::reader::{Reader, Step};
use super::received::{check_encoding, header_map, read_all, read_up_to, upstream_request_id};
use super::relay::Live;
use super::settle::{Settle, millis};
use crate::config::settings::{Credential, Timeouts as Limits};
use crate::telemetry::{AttemptRecord, End};
use crate::upstream::outgoing;

/// Largest error answer that is read; the rest is cut.
const ERROR_BYTES_MAX: usize = 256 * 1024;
/// Longest wait for the body of an error answer.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(5);

/// A request that came to nothing.
pub(super) struct Failed {
    /// What the caller is told.
    pub(super) error: ApiError,
    /// The request's record.
    pub(super) settle: Settle,
}

/// A whole answer.
pub(super) struct Whole {
    /// The body for the caller.
    pub(super) body: Bytes,
    /// The request's record; the end is still to be said.
    pub(super) settle: Settle,
}

/// What answered.
pub(super) enum Answer {
    /// A whole answer.
    Whole(Whole),
    /// A stream whose first content is there.
    Live(Live),
}

/// Runs the attempts of a call.
///
/// # Errors
/// No target could answer; the error of the last attempt.
pub(super) async fn run(call: Arc<Call>, mut settle: Settle) -> Result<Answer, Failed> {
    let mut history: Vec<Attempt> = Vec::new();
    let mut errors: Vec<ApiError> = Vec::new();
    loop {
        let (target, credential, after) = match next(&call.plan, &history, clock(&settle)) {
            Next::Try {
                target,
                credential,
                after,
            } => (target, credential, after),
            Next::Stop(stop) => {
                let metrics = &call.gateway.telemetry.metrics;
                match stop {
                    Stop::AttemptsSpent => metrics.bound_hit("attempts"),
                    Stop::DeadlineSpent => metrics.bound_hit("deadline"),
                    Stop::Answered
                    | Stop::ContentSent
                    | Stop::RequestAtFault
                    | Stop::NothingLeft { .. } => {}
                }
                let error = told(stop, &history, errors);
                return Err(Failed { error, settle });
            }
        };
        if !after.is_zero() {
            tokio::time::sleep(after).await;
            settle.waited(after);
        }
        let Some(planned) = call.plan.targets.get(target) else {
            let error = ApiError::new(
                "internal_error",
                "The plan names a target that it does not hold.",
            );
            return Err(Failed { error, settle });
        };
        let started_ms = clock(&settle);
        let one = One {
            call: &call,
            plan: &call.plan,
            target: planned,
            index: target,
            credential,
            settle,
        };
        match one.attempt().await {
            Ok(answer) => return Ok(answer),
            Err(missed) => {
                settle = missed.settle;
                let (error, end) = match &missed.error {
                    Miss::Upstream(error) => {
                        let failure = Failure {
                            taught: call.learn(planned, error),
                            ..Failure::from(error)
                        };
                        (call.told_of(error), AttemptEnd::Failed(failure))
                    }
                    Miss::Encode(error) => (
                        ApiError::from_encode(error),
                        AttemptEnd::Refused(error.code),
                    ),
                };
                errors.push(error);
                history.push(Attempt {
                    target,
                    credential,
                    started_ms,
                    ended_ms: clock(&settle),
                    end,
                });
            }
        }
    }
}

/// Milliseconds since the request began: the clock of plan and history.
fn clock(settle: &Settle) -> u64 {
    u64::try_from(settle.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// What the caller is told when nothing is left to try: the most telling failure.
fn told(stop: Stop, history: &[Attempt], mut errors: Vec<ApiError>) -> ApiError {
    let index = most_telling(history).filter(|index| *index < errors.len());
    let mut error = match index {
        Some(index) => errors.swap_remove(index),
        None => ApiError::new(
            "upstream_timeout",
            "No target could take the request in time.",
        ),
    };
    if let Stop::NothingLeft { retry_after } = stop {
        error.retry_after = error.retry_after.or(retry_after);
    }
    // We have tried again already: a client that did so too would multiply the load (row R6).
    if history.len() > 1 && error.status >= 500 && error.retry_after.is_none() {
        error.should_retry = Some(false);
    }
    error
}

/// One attempt that came to nothing; the record goes on to the next.
struct Missed {
    error: Miss,
    settle: Settle,
}

/// Why an attempt came to nothing.
enum Miss {
    /// The provider, or the way to it.
    Upstream(UpstreamError),
    /// This target can't be sent this request.
    Encode(EncodeError),
}

/// One attempt.
struct One<'a> {
    call: &'a Arc<Call>,
    plan: &'a Plan,
    target: &'a PlannedTarget,
    /// Its place in the plan.
    index: usize,
    credential: usize,
    settle: Settle,
}

impl One<'_> {
    async fn attempt(mut self) -> Result<Answer, Missed> {
        let encoding = match self.call.encode(self.target).await {
            Ok(encoding) => encoding,
            Err(error) => {
                return Err(Missed {
                    error: Miss::Encode(error),
                    settle: self.settle,
                });
            }
        };
        let started = Instant::now();
        let before = self.settle.elapsed();
        let mut record = self.attempt_record(before);
        match self.exchange(encoding, started, &mut record).await {
            Ok(answer) => {
                record.latency_ms = millis(started.elapsed());
                Ok(self.answered(answer, record, started))
            }
            Err(mut error) => {
                self.call.redact(self.target.provider(), &mut error);
                record.latency_ms = millis(started.elapsed());
                self.settle.attempt(record, Some(&error));
                Err(Missed {
                    error: Miss::Upstream(error),
                    settle: self.settle,
                })
            }
        }
    }

    fn attempt_record(&self, before: Duration) -> AttemptRecord {
        let provider = self.call.provider(self.target);
        let credential =
            provider.and_then(|provider| provider.config.credentials.get(self.credential));
        AttemptRecord {
            target: self.target.name.clone(),
            provider: self.target.provider().to_owned(),
            model: self.target.wire.model.clone(),
            known: self.call.is_known(self.target),
            credential: credential.map(|credential| self.label(credential)),
            status: None,
            outcome: "ok",
            message: None,
            started_ms: millis(before),
            latency_ms: 0.0,
            upstream_request_id: None,
            calls: 1,
        }
    }

    /// Where a credential came from; with its place among several.
    fn label(&self, credential: &Credential) -> String {
        let provider = self.call.provider(self.target);
        if provider.is_some_and(|provider| provider.config.credentials.len() > 1) {
            return format!("{}[{}]", credential.label, self.credential);
        }
        credential.label.clone()
    }

    fn answered(mut self, answer: Exchange, attempt: AttemptRecord, started: Instant) -> Answer {
        let provider = self.target.provider().to_owned();
        self.settle.attempt(attempt, None);
        let dropped = answer.dropped;
        let changed = answer.changed;
        self.settle.record(|record| {
            record.provider = Some(provider);
            record.dropped_params = dropped;
            record.changed_params = changed;
        });
        match answer.kind {
            Got::Whole(bytes, summary) => {
                let prices = self.call.prices(self.target);
                let (usage, provenance) = match summary.usage {
                    Some(usage) => (usage, Provenance::Reported),
                    None => (
                        self.call.estimate(self.target, &bytes),
                        Provenance::Estimated,
                    ),
                };
                if provenance == Provenance::Reported {
                    self.settle.counted(self.call.counted(self.target));
                }
                self.settle.usage(&usage, provenance, prices);
                let sent = bytes.len() as u64;
                let target_model = self.target.wire.model.clone();
                self.settle.record(|record| {
                    record.model = summary.model.or(Some(target_model));
                    record.finish_reason = summary.finish_reason;
                    record.bytes_sent = sent;
                });
                self.settle.committed();
                Answer::Whole(Whole {
                    body: bytes,
                    settle: self.settle,
                })
            }
            Got::Live {
                body,
                reader,
                prelude,
                ended,
            } => {
                let target_model = self.target.wire.model.clone();
                self.settle
                    .record(|record| record.model = Some(target_model));
                self.settle.committed();
                self.settle.first_content();
                Answer::Live(Live {
                    body,
                    reader,
                    prelude,
                    ended,
                    inter_token: self.limits().inter_token,
                    total_until: started + self.limits().total,
                    target: self.index,
                    call: Arc::clone(self.call),
                    provider: self.target.provider().to_owned(),
                    prices: self.call.prices(self.target),
                    settle: self.settle,
                    notice: None,
                })
            }
        }
    }

    /// Sends and reads up to the commit. Every wait has an end.
    async fn exchange(
        &mut self,
        encoding: Encoding,
        started: Instant,
        record: &mut AttemptRecord,
    ) -> Result<Exchange, UpstreamError> {
        let provider = self.call.provider(self.target).ok_or_else(|| {
            UpstreamError::new(ErrorKind::NotFound, "the provider is not configured")
        })?;
        let credential = provider.config.credentials.get(self.credential);
        let client = self
            .call
            .gateway
            .clients
            .get(self.target.provider(), self.limits().connect)
            .ok_or_else(|| UpstreamError::new(ErrorKind::NotFound, "the provider has no client"))?;
        let Encoding {
            encoded,
            rest,
            kind,
        } = encoding;
        let (dropped, changed) = (encoded.dropped.clone(), encoded.changed.clone());
        let ready = |encoded: Encoded| {
            let context = encoded.context.clone();
            let (stream, trace) = (self.call.stream, &self.call.trace);
            let outgoing = outgoing(&provider.config, credential, encoded, stream, trace)?;
            Ok::<_, UpstreamError>((outgoing, context))
        };
        let until = self.until(started);
        let sending = Instant::now();
        if !rest.is_empty() {
            let calls = std::iter::once(encoded).chain(rest).map(ready);
            let calls = calls.collect::<Result<Vec<_>, _>>()?;
            record.calls = calls.len();
            let sent = send_all(self.call, self.target, client, calls, started, until).await;
            self.settle.waited(sending.elapsed());
            let (body, summary) = self.call.decode_parts(self.target, &sent?)?;
            record.status = Some(200);
            return Ok(Exchange {
                kind: Got::Whole(body, summary),
                dropped,
                changed,
            });
        }
        let (outgoing, context) = ready(encoded)?;
        let sent = tokio::time::timeout_at(until.into(), client.send(outgoing)).await;
        self.settle.waited(sending.elapsed());
        let response = match sent {
            Ok(response) => response?,
            Err(_) => return Err(timed_out(started)),
        };
        record.status = Some(response.status().as_u16());
        record.upstream_request_id = upstream_request_id(response.headers());
        check_encoding(response.headers())?;
        if !response.status().is_success() {
            let waiting = Instant::now();
            let error = refusal(self.call, self.target, response).await;
            self.settle.waited(waiting.elapsed());
            return Err(error);
        }
        let kind = if self.call.stream {
            self.read_stream(response, &context, kind, started, until)
                .await?
        } else {
            self.read_whole(response, &context, kind, started, until)
                .await?
        };
        Ok(Exchange {
            kind,
            dropped,
            changed,
        })
    }

    /// The target's timeouts, every one of them.
    fn limits(&self) -> Limits {
        let own = &self.target.timeouts;
        let defaults = &self.call.gateway.settings.resilience.timeouts;
        Limits {
            connect: own.connect.unwrap_or(defaults.connect),
            first_content: own.first_content.unwrap_or(defaults.first_content),
            inter_token: own.inter_token.unwrap_or(defaults.inter_token),
            total: own.total.unwrap_or(defaults.total),
        }
    }

    /// When this attempt must have brought content: its own limit or the chain's deadline.
    fn until(&self, started: Instant) -> Instant {
        let limits = self.limits();
        let own = if self.call.stream {
            limits.first_content
        } else {
            limits.total
        };
        let left = self.plan.deadline.saturating_sub(self.settle.elapsed());
        started + own.min(left)
    }

    async fn read_whole(
        &mut self,
        response: Response<Incoming>,
        context: &DecodeContext,
        kind: Kind,
        started: Instant,
        until: Instant,
    ) -> Result<Got, UpstreamError> {
        let waiting = Instant::now();
        let read = tokio::time::timeout_at(until.into(), read_all(response.into_body())).await;
        self.settle.waited(waiting.elapsed());
        let bytes = match read {
            Ok(bytes) => bytes?,
            Err(_) => return Err(timed_out(started)),
        };
        let context = context.clone();
        let part = Part { bytes, context };
        let (bytes, summary) = self.call.decode_whole(self.target, kind, part)?;
        Ok(Got::Whole(bytes, summary))
    }

    /// Reads until the first content: everything up to it can still be thrown away.
    async fn read_stream(
        &mut self,
        response: Response<Incoming>,
        context: &DecodeContext,
        kind: Kind,
        started: Instant,
        until: Instant,
    ) -> Result<Got, UpstreamError> {
        let (head, mut body) = response.into_parts();
        let content_type = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        if content_type.is_some_and(|kind| kind.starts_with("text/html")) {
            return Err(UpstreamError::new(
                ErrorKind::MalformedReply,
                "the provider answered a stream with an HTML page",
            ));
        }
        let json = content_type.is_some_and(|kind| kind.starts_with("application/json"));
        let mut reader = self.call.reader(self.target, kind, context, json);
        let mut prelude = Vec::new();
        loop {
            let waiting = Instant::now();
            let frame = tokio::time::timeout_at(until.into(), body.frame()).await;
            self.settle.waited(waiting.elapsed());
            let step = match frame {
                Err(_) => return Err(timed_out(started)),
                Ok(Some(Err(_))) => {
                    return Err(UpstreamError::new(
                        ErrorKind::Connection,
                        "the provider's connection broke before content",
                    ));
                }
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => reader.push(&bytes, &mut prelude),
                    Err(_) => Step::default(),
                },
                Ok(None) => {
                    let step = reader.finish(&mut prelude);
                    if step.failed.is_none() {
                        return Ok(Got::Live {
                            body,
                            reader,
                            prelude,
                            ended: true,
                        });
                    }
                    step
                }
            };
            if let Some(error) = step.failed {
                if !step.content {
                    return Err(error);
                }
                // Content and failure came in one piece. Nothing of it was sent yet: fall back.
                return Err(error);
            }
            if step.content || step.ended {
                return Ok(Got::Live {
                    body,
                    reader,
                    prelude,
                    ended: step.ended,
                });
            }
        }
    }
}

struct Exchange {
    kind: Got,
    dropped: Vec<String>,
    changed: Vec<String>,
}

enum Got {
    Whole(Bytes, WholeSummary),
    Live {
        body: Incoming,
        reader: Reader,
        prelude: Vec<u8>,
        ended: bool,
    },
}

/// What a provider's answer with another status than 2xx says.
pub(super) async fn refusal(
    call: &Call,
    target: &PlannedTarget,
    response: Response<Incoming>,
) -> UpstreamError {
    let (head, body) = response.into_parts();
    if head.status.is_redirection() {
        return UpstreamError::new(
            ErrorKind::MalformedReply,
            "the provider answered with a redirect, which is not followed",
        )
        .with_status(head.status.as_u16());
    }
    let body = tokio::time::timeout(ERROR_BODY_WAIT, read_up_to(body, ERROR_BYTES_MAX))
        .await
        .unwrap_or_default();
    let headers = header_map(&head.headers);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let reply = ReplyHead {
        status: head.status.as_u16(),
        headers: &headers,
        now,
    };
    let mut error = call
        .adapter(target)
        .classify(&reply, &body)
        .quota_if_lasting();
    error.status = error.status.or(Some(head.status.as_u16()));
    error
}

pub(super) fn timed_out(started: Instant) -> UpstreamError {
    UpstreamError::new(
        ErrorKind::Timeout,
        format!(
            "the provider sent no content within {} ms",
            started.elapsed().as_millis()
        ),
    )
}

/// Ends a request that was refused before any attempt.
pub(super) fn refuse(mut settle: Settle, error: &ApiError) {
    settle.committed();
    settle.end(End::Refused, error.status, Some(error.code));
}
