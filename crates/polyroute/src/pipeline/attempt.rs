//! The attempts of one request: encode, send, classify, and whatever the engine says comes next.
//!
//! The loop decides nothing. It ends with an answer whose first content is there, or with the error
//! that the caller gets.

mod reading;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use polyroute_engine::estimate::{self, Provenance};
use polyroute_engine::next::{Attempt, AttemptEnd, Failure, Next, Stop, most_telling, next};
use polyroute_engine::plan::{Plan, PlannedTarget};
use polyroute_wire::adapter::Encoded;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::dialect::openai::encode;
use polyroute_wire::error::{EncodeError, ErrorKind, UpstreamError};
use polyroute_wire::usage::Usage;

use self::reading::Reading;
pub(super) use self::reading::refusal;
use super::batch::send_all;
use super::call::{Call, Operation};
use super::decode::WholeSummary;
use super::encode::Encoding;
use super::output::{Rejected, Repair, Rule};
use super::reader::Reader;
use super::received::{check_encoding, upstream_request_id};
use super::relay::Live;
use super::settle::{Settle, millis};
use crate::config::settings::{Credential, Timeouts as Limits};
use crate::gateway::ProviderState;
use crate::telemetry::{AttemptRecord, End};
use crate::upstream::{AnswerBody, UpstreamClient, outgoing};

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
    Live(Box<Live>),
}

/// Runs the attempts of a call.
///
/// # Errors
/// No target could answer; the error of the last attempt.
pub(super) async fn run(call: Arc<Call>, mut settle: Settle) -> Result<Answer, Failed> {
    let mut history: Vec<Attempt> = Vec::new();
    let mut errors: Vec<ApiError> = Vec::new();
    let mut repair: Option<Repair> = None;
    loop {
        let mut asking = Arc::clone(&call);
        let (target, credential, after) = match next(&call.plan, &history, clock(&settle)) {
            Next::Try {
                target,
                credential,
                after,
            } => (target, credential, after),
            Next::Repair { target, credential } => {
                if let Some(repaired) = repair.take().and_then(|repair| call.repaired(&repair)) {
                    asking = repaired;
                }
                (target, credential, Duration::ZERO)
            }
            Next::Stop(stop) => {
                note_bound(&call, stop);
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
            call: &asking,
            provider: call.provider(planned),
            plan: &call.plan,
            repairs: !Arc::ptr_eq(&asking, &call),
            target: planned,
            index: target,
            credential,
            settle,
        };
        match one.attempt().await {
            Ok(answer) => return Ok(answer),
            Err(missed) => {
                settle = missed.settle;
                let (error, end);
                (error, end, repair) = missed.error.told(&call, planned);
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

/// Counts a bound that ended the attempts.
fn note_bound(call: &Call, stop: Stop) {
    let metrics = &call.gateway.telemetry.metrics;
    match stop {
        Stop::AttemptsSpent => metrics.bound_hit("attempts"),
        Stop::DeadlineSpent => metrics.bound_hit("deadline"),
        Stop::Answered | Stop::ContentSent | Stop::RequestAtFault | Stop::NothingLeft { .. } => {}
    }
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
    /// The provider, or the way to it, or what it answered.
    Upstream(Box<Rejected>),
    /// This target can't be sent this request.
    Encode(EncodeError),
}

impl Miss {
    /// What the caller and the engine are told of it, and what may put it right.
    fn told(self, call: &Call, target: &PlannedTarget) -> (ApiError, AttemptEnd, Option<Repair>) {
        match self {
            Self::Upstream(rejected) => {
                let failure = Failure {
                    repairable: rejected.repair.is_some(),
                    taught: call.learn(target, &rejected.error),
                    ..Failure::from(&rejected.error)
                };
                let error = call.told_of(&rejected.error);
                (error, AttemptEnd::Failed(failure), rejected.repair)
            }
            Self::Encode(error) => (
                ApiError::from_encode(&error),
                AttemptEnd::Refused(error.code),
                None,
            ),
        }
    }
}

/// One attempt.
struct One<'a> {
    call: &'a Arc<Call>,
    plan: &'a Plan,
    target: &'a PlannedTarget,
    /// The target's.
    provider: Option<&'a ProviderState>,
    /// Its place in the plan.
    index: usize,
    credential: usize,
    /// The call holds the model's last answer, to be put right.
    repairs: bool,
    settle: Settle,
}

impl One<'_> {
    async fn attempt(mut self) -> Result<Answer, Missed> {
        let encoding = match self.call.encode_unless_estimated(self.target).await {
            Ok(Some(encoding)) => encoding,
            Ok(None) => return Ok(self.estimated()),
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
            Err(mut rejected) => {
                let error = &mut rejected.error;
                self.call.redact(self.target.provider(), error);
                record.latency_ms = millis(started.elapsed());
                self.settle.attempt(record, Some(error));
                if rejected.too_large {
                    let metrics = &self.call.gateway.telemetry.metrics;
                    metrics.bound_hit("checked_answer");
                }
                if let Some((usage, bytes)) = rejected.spent.take() {
                    self.account(usage, bytes, None);
                }
                Err(Missed {
                    error: Miss::Upstream(rejected),
                    settle: self.settle,
                })
            }
        }
    }

    /// Our own count of the input, without a call.
    fn estimated(mut self) -> Answer {
        let target = self.target;
        let tokens = estimate::told(self.call.input_estimate(target));
        let body: Bytes = encode::input_tokens(&target.wire.model, tokens, true).into();
        let sent = body.len() as u64;
        self.settle.free();
        self.settle.record(|record| {
            record.provider = Some(target.provider().to_owned());
            record.model = Some(target.wire.model.clone());
            record.bytes_sent = sent;
        });
        self.settle.committed();
        Answer::Whole(Whole {
            body,
            settle: self.settle,
        })
    }

    fn attempt_record(&self, before: Duration) -> AttemptRecord {
        let credential = self
            .provider
            .and_then(|provider| provider.config.credentials.get(self.credential));
        AttemptRecord {
            target: self.target.name().to_owned(),
            provider: self.target.provider().to_owned(),
            model: self.target.wire.model.clone(),
            api: self.target.dialect.as_str(),
            known: self.call.is_known(self.target),
            credential: credential.map(|credential| self.label(credential)),
            repair: self.repairs,
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
        let several = |provider: &ProviderState| provider.config.credentials.len() > 1;
        if self.provider.is_some_and(several) {
            return format!("{}[{}]", credential.label, self.credential);
        }
        credential.label.clone()
    }

    fn answered(mut self, answer: Exchange, attempt: AttemptRecord, started: Instant) -> Answer {
        let provider = self.target.provider().to_owned();
        self.call.gateway.facts.answered(&self.target.facts);
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
                let summary = *summary;
                let sent = bytes.len() as u64;
                self.account(summary.usage, sent, summary.service_tier.as_deref());
                let target_model = self.target.wire.model.clone();
                let (finish_reason, model) = (summary.finish_reason, summary.model);
                let fingerprint = summary.fingerprint;
                self.settle.record(|record| {
                    record.model = Some(target_model);
                    record.finish_reason = finish_reason;
                    record.bytes_sent = sent;
                });
                let catalog = &self.call.gateway.snapshot.catalog;
                let facts = &self.target.facts;
                self.settle.served(catalog, facts, model, fingerprint);
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
                Answer::Live(Box::new(Live {
                    body,
                    reader,
                    prelude,
                    ended,
                    inter_token: self.limits().inter_token,
                    total_until: started + self.limits().total,
                    target: self.index,
                    call: Arc::clone(self.call),
                    provider: self.target.provider().to_owned(),
                    settle: self.settle,
                    notice: None,
                }))
            }
        }
    }

    /// Adds what a whole answer cost: as the provider counted, else by its bytes.
    fn account(&mut self, usage: Option<Usage>, bytes: u64, service_tier: Option<&str>) {
        if self.call.operation == Operation::InputTokens {
            return self.settle.free();
        }
        let prices = self.call.prices(self.target);
        let (usage, provenance) = match usage {
            Some(usage) => (usage, Provenance::Reported),
            None => (
                self.call.estimate(self.target, bytes),
                Provenance::Estimated,
            ),
        };
        if provenance == Provenance::Reported {
            self.settle.counted(self.call.counted(self.target));
        }
        self.settle.usage(&usage, provenance, prices, service_tier);
    }

    /// The way to the target's provider.
    fn client(&self) -> Result<&UpstreamClient, UpstreamError> {
        let connect = self.limits().connect;
        let client = self
            .call
            .gateway
            .clients
            .get(self.target.provider(), connect);
        client.ok_or_else(|| UpstreamError::new(ErrorKind::NotFound, "the provider has no client"))
    }

    /// Sends and reads up to the commit. Every wait has an end.
    async fn exchange(
        &mut self,
        encoding: Encoding,
        started: Instant,
        record: &mut AttemptRecord,
    ) -> Result<Exchange, Box<Rejected>> {
        let provider = self.provider.ok_or_else(|| {
            UpstreamError::new(ErrorKind::NotFound, "the provider is not configured")
        })?;
        let credential = provider.config.credentials.get(self.credential);
        let client = self.client()?;
        let Encoding {
            mut encoded,
            rest,
            kind,
            rule,
        } = encoding;
        let holds = rule.as_ref().is_some_and(Rule::holds);
        let dropped = std::mem::take(&mut encoded.dropped);
        let changed = std::mem::take(&mut encoded.changed);
        let ready = |mut encoded: Encoded| {
            let context = std::mem::take(&mut encoded.context);
            let trace = &self.call.trace;
            outgoing(&provider.config, credential, encoded, context.stream, trace)
                .map(|outgoing| (outgoing, context))
        };
        let until = self.until(started, holds);
        let sending = Instant::now();
        if !rest.is_empty() {
            let calls = std::iter::once(encoded).chain(rest).map(ready);
            let calls = calls.collect::<Result<Vec<_>, _>>()?;
            record.calls = calls.len();
            let sent = send_all(self.call, self.target, client, calls, started, until).await;
            self.settle.waited(sending.elapsed());
            let rule = rule.as_ref();
            let (body, summary) = self.call.decode_parts(self.target, rule, &sent?)?;
            record.status = Some(200);
            return Ok(Exchange {
                kind: Got::Whole(body, Box::new(summary)),
                dropped,
                changed,
            });
        }
        let (outgoing, context) = ready(encoded)?;
        let sent = tokio::time::timeout_at(until.into(), client.send(outgoing)).await;
        self.settle.waited(sending.elapsed());
        let response = sent.map_err(|_| timed_out(started))??;
        record.status = Some(response.status().as_u16());
        record.upstream_request_id = upstream_request_id(response.headers());
        check_encoding(response.headers())?;
        if !response.status().is_success() {
            let waiting = Instant::now();
            let error = refusal(self.call, self.target, response).await;
            self.settle.waited(waiting.elapsed());
            return Err(error.into());
        }
        let reading = Reading {
            context,
            kind,
            rule: rule.as_ref(),
            started,
            until,
        };
        let kind = match self.call.stream {
            true => self.read_stream(response, &reading).await?,
            false => self.read_whole(response, reading).await?,
        };
        Ok(Exchange {
            kind,
            dropped,
            changed,
        })
    }

    /// The target's timeouts, every one of them.
    fn limits(&self) -> Limits {
        let own = &self.target.facts.timeouts;
        let defaults = &self.call.gateway.settings.resilience.timeouts;
        Limits {
            connect: own.connect.unwrap_or(defaults.connect),
            first_content: own.first_content.unwrap_or(defaults.first_content),
            inter_token: own.inter_token.unwrap_or(defaults.inter_token),
            total: own.total.unwrap_or(defaults.total),
        }
    }

    /// When this attempt must have brought content, or all of it where it is held: its own limit
    /// or the chain's deadline.
    fn until(&self, started: Instant, holds: bool) -> Instant {
        let limits = self.limits();
        let own = if self.call.stream && !holds {
            limits.first_content
        } else {
            limits.total
        };
        let left = self.plan.deadline.saturating_sub(self.settle.elapsed());
        started + own.min(left)
    }
}

struct Exchange {
    kind: Got,
    dropped: Vec<String>,
    changed: Vec<String>,
}

enum Got {
    Whole(Bytes, Box<WholeSummary>),
    Live {
        body: AnswerBody,
        reader: Reader,
        prelude: Vec<u8>,
        ended: bool,
    },
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
