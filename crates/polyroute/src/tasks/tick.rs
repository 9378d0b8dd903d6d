//! A timer that is always due soon.

use std::time::Duration;

use crate::server::Drain;

/// Below every timeout that a request sets on its way (the shortest is the 10 s for a head).
const EVERY: Duration = Duration::from_secs(1);

/// Wakes once a second and does nothing, until the drain.
///
/// tokio wakes its driver by a system call whenever a timer is set that is due before all others.
/// With only the long timeouts of open requests, each new request would set such a one.
pub async fn tick(drain: Drain) {
    let mut interval = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            () = drain.stopped().cancelled() => return,
            _ = interval.tick() => {}
        }
    }
}
