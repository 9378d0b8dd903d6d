//! What a plan and its history leave open: free credentials, fresh targets, retries worth a wait.

use std::time::Duration;

use polyroute_wire::error::{ErrorKind, ErrorScope};

use super::{Attempt, AttemptEnd, Failure, WAIT_MAX};
use crate::plan::{Plan, PlannedTarget};

/// First and longest backoff of retries without a hint.
const BACKOFF_MS: u64 = 250;
const BACKOFF_MS_MAX: u64 = 2_000;

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
pub(super) struct Retry {
    /// Index of the target.
    pub(super) target: usize,
    /// Index of the credential.
    pub(super) credential: usize,
    /// How long to wait first.
    pub(super) after: Duration,
}

/// The plan, what happened, and the time.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// The attempts so far.
    pub(super) history: &'a [Attempt],
    /// The time, on the clock of the plan.
    pub(super) now_ms: u64,
}

impl<'a> View<'a> {
    pub(super) fn remaining(&self) -> Duration {
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

    /// After a refusal that taught to leave a parameter out: the same target and credential once
    /// more, and only once for a target.
    pub(super) fn without_the_refused(&self) -> Option<(usize, usize)> {
        let last = self.history.last()?;
        let taught = |attempt: &Attempt| {
            matches!(attempt.end, AttemptEnd::Failed(failure) if failure.taught && !failure.content_sent)
                && attempt.target == last.target
        };
        let times = self
            .history
            .iter()
            .filter(|attempt| taught(attempt))
            .count();
        (taught(last) && times == 1).then_some((last.target, last.credential))
    }

    /// Where the last answer can be put right: once in a request.
    pub(super) fn repair(&self) -> Option<(usize, usize)> {
        let last = self.history.last()?;
        let is_repairable =
            |end: &AttemptEnd| matches!(end, AttemptEnd::Failed(failure) if failure.repairable);
        let invalid = self
            .history
            .iter()
            .filter(|attempt| is_repairable(&attempt.end));
        (self.plan.repair && is_repairable(&last.end) && invalid.count() == 1)
            .then_some((last.target, last.credential))
    }

    /// After a failure that is about the credential: the same target with another one.
    pub(super) fn other_credential(&self) -> Option<(usize, usize)> {
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
    pub(super) fn fresh_target(&self) -> Option<(usize, usize)> {
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
        let limited = |credential: usize| {
            self.with_credential(planned, credential)
                .any(|(attempt, failure)| {
                    // Rates are limited per model at most providers.
                    let here = attempt.target == target
                        || matches!(failure.scope, ErrorScope::Account | ErrorScope::Provider);
                    failure.kind == ErrorKind::RateLimited && here
                })
        };
        let mut order = planned.credentials.order();
        order.find(|credential| !limited(*credential) && !self.is_spent(planned, *credential))
    }

    /// The provider refused the credential, or it has no quota left, whichever the model.
    fn is_spent(&self, planned: &PlannedTarget, credential: usize) -> bool {
        self.with_credential(planned, credential)
            .any(|(_, failure)| matches!(failure.kind, ErrorKind::Auth | ErrorKind::QuotaExhausted))
    }

    /// The failures of one credential of a target's provider.
    fn with_credential(
        &self,
        planned: &'a PlannedTarget,
        credential: usize,
    ) -> impl Iterator<Item = (&'a Attempt, Failure)> {
        let view = *self;
        self.failures().filter(move |(attempt, _)| {
            attempt.credential == credential
                && view.provider_of(attempt) == Some(planned.provider())
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
    pub(super) fn retry(&self) -> Option<Retry> {
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
        let passing = |attempt: &&Attempt| matches!(attempt.end, AttemptEnd::Failed(other) if retries_max(other.kind) > 0);
        // Attempts with other credentials were no retries: only what failed on this one counts.
        let tries = here()
            .filter(passing)
            .filter(|attempt| attempt.credential == last.credential)
            .count();
        let retries_max = retries_max(failure.kind);
        if failure.retry_forbidden || retries_max == 0 || tries > retries_max {
            return None;
        }
        let credential = match failure.kind {
            // It is free again after the wait, unless it was refused at another target since.
            ErrorKind::RateLimited if self.is_spent(planned, last.credential) => return None,
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

    pub(super) fn least_wait(&self) -> Option<Duration> {
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
