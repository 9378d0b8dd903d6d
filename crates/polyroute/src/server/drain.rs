//! The end of the process, in three steps: not ready, no new connections, open streams cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// How far the shutdown has come. Cloned to whoever must know.
#[derive(Debug, Clone, Default)]
pub struct Drain {
    draining: Arc<AtomicBool>,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Drain {
    /// Nothing is ending.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Step one and two: readiness says no, and listeners accept nothing more.
    pub fn begin(&self) {
        self.draining.store(true, Ordering::Release);
        self.stop.cancel();
    }

    /// Step three: streams still open end with an error event.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Fires when listeners are to stop.
    #[must_use]
    pub const fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// Fires when open streams are to end.
    #[must_use]
    pub const fn cut_token(&self) -> &CancellationToken {
        &self.cut
    }
}
