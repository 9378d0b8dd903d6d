//! One attempt in several calls: a request that is larger than the provider takes at once, or that
//! asks several things of a model that answers one. All of them answer, or the attempt failed.

use std::time::Instant;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use polyroute_engine::plan::PlannedTarget;
use polyroute_wire::adapter::DecodeContext;
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::attempt::{refusal, timed_out};
use super::call::Call;
use super::decode::Part;
use super::received::{check_encoding, read_all};
use crate::upstream::{Outgoing, UpstreamClient};

/// Calls of one attempt that are under way at once.
const PARALLEL: usize = 4;
/// Most bytes of all answers of one attempt.
const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Sends the calls of one attempt and reads their answers, in order. The first failure ends the
/// others.
///
/// # Errors
/// The failure of any call, or `until` passing.
pub(super) async fn send_all(
    call: &Call,
    target: &PlannedTarget,
    client: &UpstreamClient,
    calls: Vec<(Outgoing, DecodeContext)>,
    started: Instant,
    until: Instant,
) -> Result<Vec<Part>, UpstreamError> {
    let answers = stream::iter(calls.into_iter().map(|(outgoing, context)| async move {
        let response = client.send(outgoing).await?;
        check_encoding(response.headers())?;
        if !response.status().is_success() {
            return Err(refusal(call, target, response).await);
        }
        let bytes = read_all(response.into_body()).await?;
        Ok(Part { bytes, context })
    }))
    .buffered(PARALLEL)
    .try_fold((Vec::new(), 0_usize), |(mut parts, bytes), part: Part| {
        let bytes = bytes.saturating_add(part.bytes.len());
        parts.push(part);
        std::future::ready(if bytes > BATCH_BYTES_MAX {
            Err(UpstreamError::new(
                ErrorKind::MalformedReply,
                format!("the provider's answers are larger than {BATCH_BYTES_MAX} bytes"),
            ))
        } else {
            Ok((parts, bytes))
        })
    });
    match tokio::time::timeout_at(until.into(), answers).await {
        Ok(answers) => answers.map(|(parts, _)| parts),
        Err(_) => Err(timed_out(started)),
    }
}
