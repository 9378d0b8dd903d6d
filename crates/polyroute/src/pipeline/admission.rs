//! How much is under way at once (row L4): requests, and bytes of their bodies. What is above a bound is
//! refused at once, so that what was taken in is answered as fast as ever and memory has an end.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use polyroute_wire::api_error::ApiError;
use polyroute_wire::json::stable_hash;
use prometheus_client::metrics::gauge::Gauge;

use crate::config::settings::Limits;
use crate::telemetry::Metrics;

/// When a refused caller is to come again, in milliseconds: somewhere in between, or all who were
/// refused together would come back together.
const RETRY_AFTER_MS: std::ops::Range<u64> = 1_000..3_000;

/// The two bounds, and how much of each is taken. The gauges of the metrics are the counters: they
/// are atomic, so that no request waits for another one here.
#[derive(Debug)]
pub struct Admission {
    requests: Quota,
    bodies: Quota,
}

impl Admission {
    /// Nothing is taken.
    #[must_use]
    pub fn new(limits: &Limits, metrics: &Metrics) -> Self {
        Self {
            requests: Quota::new(limits.requests_max, &metrics.requests_under_way),
            bodies: Quota::new(limits.bodies_bytes_max, &metrics.body_bytes_held),
        }
    }

    /// A request's place, until it is dropped.
    pub(super) fn request(&self) -> Result<Share, Overload> {
        let mut share = self.requests.share();
        share.grow(1).then_some(share).ok_or(Overload("requests"))
    }

    /// Room for the bytes of a request's body, none of it taken yet.
    pub(super) fn body(&self) -> Share {
        self.bodies.share()
    }
}

/// The bound that a request is above, by its name in `polyroute_bounds_hit_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overload(pub(super) &'static str);

impl Overload {
    /// A body for which there is no room.
    pub(super) const BODY: Self = Self("request_bodies");

    /// What the caller is told.
    pub(super) fn error(self, request_id: &str) -> ApiError {
        let spread = RETRY_AFTER_MS.end - RETRY_AFTER_MS.start;
        let wait = RETRY_AFTER_MS.start + stable_hash(request_id.as_bytes()) % spread;
        let mut error = ApiError::new(
            "server_is_overloaded",
            "The gateway has as many requests under way as it may. Wait for `retry-after`, then send it again.",
        );
        error.retry_after = Some(Duration::from_millis(wait));
        error
    }
}

/// So much may be taken at once.
#[derive(Debug)]
struct Quota {
    taken: Gauge,
    max: i64,
}

impl Quota {
    fn new(max: usize, taken: &Gauge) -> Self {
        Self {
            taken: taken.clone(),
            max: i64::try_from(max).unwrap_or(i64::MAX),
        }
    }

    fn share(&self) -> Share {
        Share {
            taken: self.taken.clone(),
            max: self.max,
            own: 0,
        }
    }
}

/// What one request has taken. Given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    taken: Gauge,
    max: i64,
    own: i64,
}

impl Share {
    /// Whether there is room for so much more now.
    pub(super) fn has_room_for(&self, more: usize) -> bool {
        fits(self.taken.get(), more, self.max).is_some()
    }

    /// Takes more; whether there was room.
    pub(super) fn grow(&mut self, more: usize) -> bool {
        let taken: &AtomicI64 = self.taken.inner();
        let grown = taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
            fits(taken, more, self.max)
        });
        if grown.is_ok() {
            self.own += i64::try_from(more).unwrap_or(i64::MAX);
        }
        grown.is_ok()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.taken.inner().fetch_sub(self.own, Ordering::Relaxed);
    }
}

/// What is taken with so much more, if it is within the bound.
fn fits(taken: i64, more: usize, max: i64) -> Option<i64> {
    let taken = taken.checked_add(i64::try_from(more).ok()?)?;
    (taken <= max).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(max: usize) -> Quota {
        Quota::new(max, &Gauge::default())
    }

    #[test]
    fn l4_what_is_taken_is_bounded_and_given_back() {
        let quota = quota(3);
        let mut first = quota.share();
        assert!(first.grow(2));
        let mut second = quota.share();
        assert!(!second.grow(2) && !second.has_room_for(2) && second.has_room_for(1));
        assert!(second.grow(1) && !second.has_room_for(1) && second.has_room_for(0));
        assert_eq!(quota.taken.get(), 3);
        drop(first);
        assert!(second.grow(2));
        assert!(!second.grow(usize::MAX));
        drop(second);
        assert_eq!(quota.taken.get(), 0);
    }

    #[test]
    fn l4_many_at_once_get_no_more_than_there_is() {
        let quota = quota(100);
        let given: usize = std::thread::scope(|scope| {
            let one = || {
                let shares: Vec<Share> = (0..50)
                    .filter_map(|_| {
                        let mut share = quota.share();
                        share.grow(1).then_some(share)
                    })
                    .collect();
                assert!(quota.taken.get() <= 100);
                // Kept until all have tried.
                shares
            };
            let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
            let all: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
            all.iter().map(Vec::len).sum()
        });
        assert_eq!(given, 100);
        assert_eq!(quota.taken.get(), 0);
    }

    #[test]
    fn l4_those_who_are_refused_together_come_back_apart() {
        let waits: std::collections::BTreeSet<Duration> = (0..100)
            .map(|nth| Overload::BODY.error(&format!("req_{nth}")).retry_after)
            .map(Option::unwrap)
            .collect();
        assert!(waits.len() > 80, "{waits:?}");
        let bounds = Duration::from_secs(1)..Duration::from_secs(3);
        assert!(waits.iter().all(|wait| bounds.contains(wait)), "{waits:?}");
    }
}
