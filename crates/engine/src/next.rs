//! What follows an attempt: the next credential, the next target, a wait and a retry, or the end.
//!
//! Read [`next`] first. It looks at the whole history each time, so there is no state to keep, and
//! one budget of attempts and one deadline bound retries and fallbacks together.

use std::time::Duration;

use polyroute_wire::error::{EncodeErrorCode, ErrorKind, ErrorScope, UpstreamError};

use crate::plan::{Plan, PlannedTarget};

/// Longest wait that a provider may ask for before a retry at the same target; longer ones end
/// the request, with the wait as advice to the caller.
pub const WAIT_MAX: Duration = Duration::from_secs(2);

/// First and longest backoff of retries without a hint.
const BACKOFF_MS: u64 = 250;
const BACKOFF_MS_MAX: u64 = 2_000;

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
}

impl From<&UpstreamError> for Failure {
    fn from(error: &UpstreamError) -> Self {
        Self {
            kind: error.kind,
            scope: error.scope,
            retry_after: error.retry_after,
            retry_forbidden: error.retry_forbidden,
            content_sent: false,
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
    if let Some(stop) = history.last().and_then(stop_after) {
        return Next::Stop(stop);
    }
    let calls = history.iter().filter(|attempt| was_sent(attempt)).count();
    if calls >= usize::try_from(plan.attempts_max).unwrap_or(usize::MAX) {
        return Next::Stop(Stop::AttemptsSpent);
    }
    if view.remaining().is_zero() {
        return Next::Stop(Stop::DeadlineSpent);
    }
    if let Some((target, credential)) = view.other_credential().or_else(|| view.fresh_target()) {
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
            EncodeErrorCode::UnsupportedParameter | EncodeErrorCode::UnsupportedContent => None,
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

/// How often a target may be tried again after such a failure, when no other target is left.
const fn retries_max(kind: ErrorKind) -> usize {
    match kind {
        ErrorKind::Overloaded => 2,
        ErrorKind::ServerError
        | ErrorKind::Timeout
        | ErrorKind::Connection
        | ErrorKind::RateLimited => 1,
        ErrorKind::QuotaExhausted
        | ErrorKind::ContextLengthExceeded
        | ErrorKind::PayloadTooLarge
        | ErrorKind::UnsupportedParameter
        | ErrorKind::InvalidRequest
        | ErrorKind::ContentFiltered
        | ErrorKind::Auth
        | ErrorKind::Permission
        | ErrorKind::NotFound
        | ErrorKind::Truncated
        | ErrorKind::MalformedReply => 0,
    }
}

/// One possible retry.
#[derive(Debug, Clone, Copy)]
struct Retry {
    target: usize,
    credential: usize,
    after: Duration,
}

/// The plan, what happened, and the time.
#[derive(Clone, Copy)]
struct View<'a> {
    plan: &'a Plan,
    history: &'a [Attempt],
    now_ms: u64,
}

impl<'a> View<'a> {
    fn remaining(&self) -> Duration {
        let gone = Duration::from_millis(self.now_ms.saturating_sub(self.plan.started_ms));
        self.plan.deadline.saturating_sub(gone)
    }

    fn failures(&self) -> impl DoubleEndedIterator<Item = (&'a Attempt, Failure)> {
        self.history.iter().filter_map(|attempt| match attempt.end {
            AttemptEnd::Failed(failure) => Some((attempt, failure)),
            AttemptEnd::Succeeded | AttemptEnd::Refused(_) => None,
        })
    }

    fn provider_of(&self, attempt: &Attempt) -> Option<&'a str> {
        self.plan
            .targets
            .get(attempt.target)
            .map(PlannedTarget::provider)
    }

    /// After a failure that is about the credential: the same target with another one.
    fn other_credential(&self) -> Option<(usize, usize)> {
        let last = self.history.last()?;
        let AttemptEnd::Failed(failure) = last.end else {
            return None;
        };
        match failure.kind {
            ErrorKind::Auth | ErrorKind::QuotaExhausted | ErrorKind::RateLimited => {
                Some((last.target, self.free_credential(last.target)?))
            }
            ErrorKind::Overloaded
            | ErrorKind::ServerError
            | ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::ContextLengthExceeded
            | ErrorKind::PayloadTooLarge
            | ErrorKind::UnsupportedParameter
            | ErrorKind::InvalidRequest
            | ErrorKind::ContentFiltered
            | ErrorKind::Permission
            | ErrorKind::NotFound
            | ErrorKind::Truncated
            | ErrorKind::MalformedReply => None,
        }
    }

    /// The first target in order that was not tried and could answer.
    fn fresh_target(&self) -> Option<(usize, usize)> {
        let targets = self.plan.targets.iter().enumerate();
        targets
            .filter(|(index, target)| {
                let tried = self.history.iter().any(|attempt| attempt.target == *index);
                !tried && self.could_answer(target)
            })
            .find_map(|(index, _)| Some((index, self.free_credential(index)?)))
    }

    /// The first credential in order that no failure speaks against.
    fn free_credential(&self, target: usize) -> Option<usize> {
        let planned = self.plan.targets.get(target)?;
        planned.credentials.order().find(|credential| {
            !self.failures().any(|(attempt, failure)| {
                let same = attempt.credential == *credential
                    && self.provider_of(attempt) == Some(planned.provider());
                let wider = failure.scope == ErrorScope::Account
                    || failure.scope == ErrorScope::Provider
                    || attempt.target == target;
                same && match failure.kind {
                    ErrorKind::Auth | ErrorKind::QuotaExhausted => true,
                    // Rates are limited per model at most providers.
                    ErrorKind::RateLimited => wider,
                    _ => false,
                }
            })
        })
    }

    /// Whether failures for size leave a target in the running.
    fn could_answer(&self, target: &PlannedTarget) -> bool {
        let window = |target: &PlannedTarget| target.wire.capabilities.context_window;
        self.failures()
            .all(|(attempt, failure)| match failure.kind {
                ErrorKind::ContextLengthExceeded => {
                    let failed = self.plan.targets.get(attempt.target).and_then(window);
                    matches!((window(target), failed), (Some(this), Some(failed)) if this > failed)
                }
                // How large a body may be is not in the catalog: another provider's limit may differ.
                ErrorKind::PayloadTooLarge => self.provider_of(attempt) != Some(target.provider()),
                _ => true,
            })
    }

    /// The retry that has to wait least, the earlier target first.
    fn retry(&self) -> Option<Retry> {
        let targets = 0..self.plan.targets.len();
        targets
            .filter_map(|target| self.retry_at(target))
            .min_by_key(|retry| (retry.after, retry.target))
    }

    fn retry_at(&self, target: usize) -> Option<Retry> {
        let planned = self.plan.targets.get(target)?;
        if !self.could_answer(planned) {
            return None;
        }
        let here = || {
            self.history
                .iter()
                .filter(move |attempt| attempt.target == target)
        };
        let last = here().next_back()?;
        let AttemptEnd::Failed(failure) = last.end else {
            return None;
        };
        let same_kind = |attempt: &&Attempt| matches!(attempt.end, AttemptEnd::Failed(other) if retries_max(other.kind) > 0);
        // Attempts with other credentials were no retries: only what failed on this one counts.
        let tries = here()
            .filter(same_kind)
            .filter(|attempt| attempt.credential == last.credential)
            .count();
        if failure.retry_forbidden || tries > retries_max(failure.kind) {
            return None;
        }
        // The account is at fault for all its credentials alike.
        let credential = match failure.kind {
            ErrorKind::RateLimited => last.credential,
            _ => self.free_credential(target)?,
        };
        let asked = failure.retry_after.unwrap_or(Duration::ZERO);
        if asked > WAIT_MAX {
            return None;
        }
        let gone = Duration::from_millis(self.now_ms.saturating_sub(last.ended_ms));
        let after = asked.max(self.backoff(tries)).saturating_sub(gone);
        Some(Retry {
            target,
            credential,
            after,
        })
    }

    /// Full jitter: anywhere from nothing to a bound that doubles with each retry.
    fn backoff(&self, tries: usize) -> Duration {
        let doublings = u32::try_from(tries.saturating_sub(1))
            .unwrap_or(u32::MAX)
            .min(3);
        let bound = (BACKOFF_MS << doublings).min(BACKOFF_MS_MAX);
        let step = u64::try_from(self.history.len()).unwrap_or(u64::MAX);
        Duration::from_millis(mix(self.plan.seed.wrapping_add(step)) % (bound + 1))
    }

    fn least_wait(&self) -> Option<Duration> {
        self.failures()
            .filter_map(|(attempt, failure)| {
                let gone = Duration::from_millis(self.now_ms.saturating_sub(attempt.ended_ms));
                failure.retry_after.map(|wait| wait.saturating_sub(gone))
            })
            .min()
    }
}

/// `SplitMix64`: one well-mixed number a seed.
const fn mix(seed: u64) -> u64 {
    let mut value = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests;
