//! The memory of parameters that models were seen to refuse; what it holds is decided by
//! `polyroute_engine::learn`.

use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use polyroute_engine::learn::{Learned, Pupil, teaches};
use polyroute_wire::adapter::Target;
use polyroute_wire::error::UpstreamError;

/// The memory. Reading takes no lock; what is rarely written is copied then.
#[derive(Debug, Default)]
pub struct LearnedParams {
    learned: ArcSwap<Learned>,
}

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

impl LearnedParams {
    /// What a target's model does not take.
    #[must_use]
    pub fn params(&self, target: &Target) -> Vec<&'static str> {
        let learned = self.learned.load();
        if learned.is_empty() {
            return Vec::new();
        }
        learned.params(target, now_ms())
    }

    /// Learns from a refusal of a request that had the parameters `sent`; what was learned.
    pub fn learn(
        &self,
        error: &UpstreamError,
        target: &Target,
        sent: impl Fn(&str) -> bool,
    ) -> Vec<&'static str> {
        let params = teaches(error, target, sent);
        if !params.is_empty() {
            let (pupil, now_ms) = (Pupil::of(target), now_ms());
            self.learned.rcu(|learned| {
                let mut next = Learned::clone(learned);
                next.learn(&pupil, &params, &error.message, now_ms);
                next
            });
        }
        params
    }

    /// All that is known now.
    #[must_use]
    pub fn all(&self) -> arc_swap::Guard<std::sync::Arc<Learned>> {
        self.learned.load()
    }

    /// Forgets what was learned of a provider or `provider/model`, or all; how much that was.
    pub fn reset(&self, target: Option<&str>) -> usize {
        let mut forgotten = 0;
        self.learned.rcu(|learned| {
            let mut next = Learned::clone(learned);
            forgotten = next.reset(target);
            next
        });
        forgotten
    }
}
