//! Reading what a provider answers: its refusals, a whole answer, a stream up to its commit.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::upstream::AnswerBody;
use http::{Response, header};
use http_body_util::BodyExt as _;
use polyroute_engine::plan::PlannedTarget;
use polyroute_wire::adapter::{DecodeContext, ReplyHead};
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::super::call::Call;
use super::super::decode::Part;
use super::super::encode::Kind;
use super::super::output::{Rejected, Rule};
use super::super::reader::Step;
use super::super::received::{header_map, read_all, read_up_to};
use super::{Got, One, timed_out};

/// Largest error answer that is read; the rest is cut.
const ERROR_BYTES_MAX: usize = 256 * 1024;
/// Longest wait for the body of an error answer.
const ERROR_BODY_WAIT: Duration = Duration::from_secs(5);

/// How an answer is to be read, and until when.
pub(super) struct Reading<'a> {
    pub(super) context: DecodeContext,
    pub(super) kind: Kind,
    pub(super) rule: Option<&'a Rule>,
    pub(super) started: Instant,
    pub(super) until: Instant,
}

/// What a provider's answer with another status than 2xx says.
pub(in super::super) async fn refusal(
    call: &Call,
    target: &PlannedTarget,
    response: Response<AnswerBody>,
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
    let adapter = call.adapter(target);
    let mut error = adapter.classify(&reply, &body).quota_if_lasting();
    error.status = error.status.or(Some(head.status.as_u16()));
    error
}

impl One<'_> {
    pub(super) async fn read_whole(
        &mut self,
        response: Response<AnswerBody>,
        reading: Reading<'_>,
    ) -> Result<Got, Box<Rejected>> {
        let waiting = Instant::now();
        let body = read_all(response.into_body());
        let read = tokio::time::timeout_at(reading.until.into(), body).await;
        self.settle.waited(waiting.elapsed());
        let bytes = match read {
            Ok(bytes) => bytes?,
            Err(_) => return Err(timed_out(reading.started).into()),
        };
        let part = Part {
            bytes,
            context: reading.context,
        };
        let (kind, rule) = (reading.kind, reading.rule);
        let (bytes, summary) = self.call.decode_whole(self.target, kind, rule, part)?;
        Ok(Got::Whole(bytes, Box::new(summary)))
    }

    /// Reads until the first content: everything up to it can still be thrown away. Where the
    /// answer is held, that is its end.
    pub(super) async fn read_stream(
        &mut self,
        response: Response<AnswerBody>,
        reading: &Reading<'_>,
    ) -> Result<Got, Box<Rejected>> {
        let (head, mut body) = response.into_parts();
        let content_type = head
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        if content_type.is_some_and(|kind| kind.starts_with("text/html")) {
            return Err(UpstreamError::new(
                ErrorKind::MalformedReply,
                "the provider answered a stream with an HTML page",
            )
            .into());
        }
        let json = content_type.is_some_and(|kind| kind.starts_with("application/json"));
        let (context, rule) = (&reading.context, reading.rule);
        let mut reader = self
            .call
            .reader(self.target, reading.kind, context, rule, json);
        let mut prelude = Vec::new();
        let limits = self.limits();
        // A held answer takes as long as it takes, but a silent provider is not waited for.
        let mut silent_at = reading.started + limits.first_content;
        loop {
            let waiting = Instant::now();
            let until = reading.until.min(silent_at);
            let frame = tokio::time::timeout_at(until.into(), body.frame()).await;
            self.settle.waited(waiting.elapsed());
            let step = match frame {
                Err(_) => return Err(timed_out(reading.started).into()),
                Ok(Some(Err(_))) => {
                    return Err(UpstreamError::new(
                        ErrorKind::Connection,
                        "the provider's connection broke before content",
                    )
                    .into());
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
            // Even if content came in the same piece: nothing of it was sent yet, so fall back.
            if let Some(rejected) = step.failed {
                return Err(rejected);
            }
            if step.event && rule.is_some_and(Rule::holds) {
                silent_at = Instant::now() + limits.inter_token;
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
