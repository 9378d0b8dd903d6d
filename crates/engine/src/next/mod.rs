//! What follows an attempt: the next credential, the next target, a wait and a retry, or the end.
//!
//! Read [`next`] first. It looks at the whole history each time, so there is no state to keep, and
//! one budget of attempts and one deadline bound retries and fallbacks together.

mod view;

use std::time::Duration;

use polyroute_wire::error::{EncodeErrorCode, ErrorKind, ErrorScope, UpstreamError};

use crate::plan::Plan;
use view::View;

/// Longest wait that a provider may ask for before a retry at the same target; longer ones end
/// the request, with the wait as advice to the caller.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// One attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Index into [`Plan::targets`].
    pub target: usize,
    /// Index of the provider's credential.
    pub credential: usize,
    /// When it began, on the clock of the plan.
    pub started_ms: u64,
    /// When it was over.
    pub ended_ms: u64,
    /// How it ended.
    pub end: AttemptEnd,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptEnd {
    /// With an answer.
    Succeeded,
    /// Nothing was sent: the target can't be sent this request.
    Refused(EncodeErrorCode),
    /// The call failed.
    Failed(Failure),
}

/// What of a failure decides on what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The kind.
    pub kind: ErrorKind,
    /// What it is about.
    pub scope: ErrorScope,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// The provider forbade a retry.
    pub retry_forbidden: bool,
    /// The caller already has content of this attempt.
    pub content_sent: bool,
    /// The refusal taught to leave a parameter out ([`crate::learn::teaches`]): the same target may
    /// take the request without it.
    pub taught: bool,
    /// The model may put its answer right if it is told what is wrong with it: the JSON does not
    /// fit the schema that was asked for.
    pub repairable: bool,
}

impl From<&UpstreamError> for Failure {
    fn from(error: &UpstreamError) -> Self {
        Self {
            kind: error.kind,
            scope: error.scope,
            retry_after: error.retry_after,
            retry_forbidden: error.retry_forbidden,
            content_sent: false,
            taught: false,
            repairable: false,
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Call a target.
    Try {
        /// Index into [`Plan::targets`].
        target: usize,
        /// Index of the provider's credential.
        credential: usize,
        /// How long to wait first.
        after: Duration,
    },
    /// Send the last answer back to the target that gave it, with what is wrong with it.
    Repair {
        /// Index into [`Plan::targets`].
        target: usize,
        /// Index of the provider's credential.
        credential: usize,
    },
    /// It is over.
    Stop(Stop),
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// There is an answer.
    Answered,
    /// The caller has content already: a second answer would contradict it.
    ContentSent,
    /// The request is at fault, and would be anywhere.
    RequestAtFault,
    /// All attempts are used.
    AttemptsSpent,
    /// The time is over, or would be after the wait that is needed.
    DeadlineSpent,
    /// No target is left that could answer.
    NothingLeft {
        /// The shortest wait that a target asked for, to pass on to the caller.
        retry_after: Option<Duration>,
    },
}

impl Stop {
    /// The stable name, for records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::ContentSent => "content_sent",
            Self::RequestAtFault => "request_at_fault",
            Self::AttemptsSpent => "attempts_spent",
            Self::DeadlineSpent => "deadline_spent",
            Self::NothingLeft { .. } => "nothing_left",
        }
    }
}

/// Decides what follows `history`. The same arguments give the same decision.
#[must_use]
pub fn next(plan: &Plan, history: &[Attempt], now_ms: u64) -> Next {
    let view = View {
        plan,
        history,
        now_ms,
    };
    let relearn = view.without_the_refused();
    if relearn.is_none()
        && let Some(stop) = history.last().and_then(stop_after)
    {
        return Next::Stop(stop);
    }
    let calls = history.iter().filter(|attempt| was_sent(attempt)).count();
    if calls >= usize::try_from(plan.attempts_max).unwrap_or(usize::MAX) {
        return Next::Stop(Stop::AttemptsSpent);
    }
    if view.remaining().is_zero() {
        return Next::Stop(Stop::DeadlineSpent);
    }
    if let Some((target, credential)) = view.repair() {
        return Next::Repair { target, credential };
    }
    if let Some((target, credential)) = relearn
        .or_else(|| view.other_credential())
        .or_else(|| view.fresh_target())
    {
        return Next::Try {
            target,
            credential,
            after: Duration::ZERO,
        };
    }
    match view.retry() {
        Some(retry) if retry.after < view.remaining() => Next::Try {
            target: retry.target,
            credential: retry.credential,
            after: retry.after,
        },
        Some(_) => Next::Stop(Stop::DeadlineSpent),
        None => Next::Stop(Stop::NothingLeft {
            retry_after: view.least_wait(),
        }),
    }
}

/// The attempt whose failure tells the caller most: one that the caller can act upon, else one
/// that waiting helps, else the last. `None` if none failed.
#[must_use]
pub fn most_telling(history: &[Attempt]) -> Option<usize> {
    let rank = |end: &AttemptEnd| match end {
        AttemptEnd::Succeeded => None,
        AttemptEnd::Refused(_) => Some(5),
        AttemptEnd::Failed(failure) => Some(match failure.kind {
            ErrorKind::InvalidRequest
            | ErrorKind::UnsupportedParameter
            | ErrorKind::ContentFiltered => 6,
            ErrorKind::ContextLengthExceeded | ErrorKind::PayloadTooLarge => 5,
            ErrorKind::RateLimited | ErrorKind::Overloaded => 4,
            ErrorKind::Timeout
            | ErrorKind::ServerError
            | ErrorKind::Connection
            | ErrorKind::Truncated
            | ErrorKind::MalformedReply => 3,
            ErrorKind::NotFound | ErrorKind::Permission => 2,
            ErrorKind::QuotaExhausted | ErrorKind::Auth => 1,
        }),
    };
    history
        .iter()
        .enumerate()
        .filter_map(|(index, attempt)| Some((rank(&attempt.end)?, index)))
        .max()
        .map(|(_, index)| index)
}

/// Whether the last attempt ends it all.
fn stop_after(last: &Attempt) -> Option<Stop> {
    match &last.end {
        AttemptEnd::Succeeded => Some(Stop::Answered),
        AttemptEnd::Refused(code) => match code {
            EncodeErrorCode::InvalidValue | EncodeErrorCode::UnpairedToolCall => {
                Some(Stop::RequestAtFault)
            }
            EncodeErrorCode::UnsupportedParameter
            | EncodeErrorCode::UnsupportedContent
            | EncodeErrorCode::NotOffered => None,
        },
        AttemptEnd::Failed(failure) if failure.content_sent => Some(Stop::ContentSent),
        AttemptEnd::Failed(failure) => match failure.kind {
            ErrorKind::InvalidRequest
            | ErrorKind::UnsupportedParameter
            | ErrorKind::ContentFiltered => Some(Stop::RequestAtFault),
            ErrorKind::RateLimited
            | ErrorKind::QuotaExhausted
            | ErrorKind::Overloaded
            | ErrorKind::ServerError
            | ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::ContextLengthExceeded
            | ErrorKind::PayloadTooLarge
            | ErrorKind::Auth
            | ErrorKind::Permission
            | ErrorKind::NotFound
            | ErrorKind::Truncated
            | ErrorKind::MalformedReply => None,
        },
    }
}

const fn was_sent(attempt: &Attempt) -> bool {
    !matches!(attempt.end, AttemptEnd::Refused(_))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
