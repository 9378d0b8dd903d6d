//! Takes the records of settled requests off the path: a bounded queue and one thread.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use polyroute_engine::estimate::{Corrections, Provenance};

use super::access_log::AccessLog;
use super::alerts::Alerts;
use super::counters::Counters;
use super::{LogTarget, Metrics, Record};

/// Records waiting for the thread; more are counted as lost (`bound="telemetry_queue"`).
const QUEUE_MAX: usize = 16_384;
/// Records that the admin API remembers.
const RECENT_MAX: usize = 1_000;
/// How long records gather before the thread looks: one wake-up serves many requests.
const GATHER: Duration = Duration::from_millis(5);
/// How long corrections of token counts gather before requests see them.
const PUBLISH: Duration = Duration::from_secs(1);

/// The last records, newest last.
#[derive(Debug, Default)]
pub struct Recent {
    records: Mutex<VecDeque<Arc<Record>>>,
}

impl Recent {
    /// The last `limit` records, newest first.
    #[must_use]
    pub fn last(&self, limit: usize) -> Vec<Arc<Record>> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().rev().take(limit).cloned().collect()
    }

    /// The record of a request.
    #[must_use]
    pub fn get(&self, request_id: &str) -> Option<Arc<Record>> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records
            .iter()
            .rev()
            .find(|record| record.request_id == request_id)
            .cloned()
    }

    fn push(&self, record: Record) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= RECENT_MAX {
            records.pop_front();
        }
        records.push_back(Arc::new(record));
    }
}

/// The hand-over. Dropping the last one ends the thread after it has written everything.
#[derive(Debug)]
pub struct Telemetry {
    queue: Option<SyncSender<Box<Record>>>,
    thread: Option<JoinHandle<()>>,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// The last records.
    pub recent: Arc<Recent>,
    /// What answers taught of the providers' own token counts.
    pub corrections: Arc<ArcSwap<Corrections>>,
}

impl Telemetry {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(log: LogTarget) -> std::io::Result<Self> {
        let (queue, records) = sync_channel(QUEUE_MAX);
        let metrics = Arc::new(Metrics::new());
        let recent = Arc::new(Recent::default());
        let corrections = Arc::new(ArcSwap::default());
        let thread = {
            let (metrics, recent) = (Arc::clone(&metrics), Arc::clone(&recent));
            let lessons = Lessons::new(Arc::clone(&corrections));
            std::thread::Builder::new()
                .name("telemetry".to_owned())
                .spawn(move || collect(&records, AccessLog::new(log), &metrics, &recent, lessons))?
        };
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            metrics,
            recent,
            corrections,
        })
    }

    /// Hands a record over. Never waits.
    pub fn settle(&self, record: Box<Record>) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send(record) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.metrics.bound_hit("telemetry_queue")
            }
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn collect(
    records: &Receiver<Box<Record>>,
    log: AccessLog,
    metrics: &Metrics,
    recent: &Recent,
    lessons: Lessons,
) {
    let mut sinks = Sinks {
        log,
        counters: Counters::new(metrics),
        alerts: Alerts::default(),
        lessons,
        metrics,
        recent,
    };
    loop {
        match records.recv_timeout(Duration::from_secs(1)) {
            Ok(record) => sinks.take(*record),
            Err(RecvTimeoutError::Timeout) => {
                sinks.lessons.publish();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a thread of its own, which gathers records meanwhile"
        )]
        std::thread::sleep(GATHER);
        while let Ok(record) = records.try_recv() {
            sinks.take(*record);
        }
        sinks.log.flush();
        sinks.lessons.publish_now_and_then();
    }
    sinks.log.flush();
}

/// Where records go.
struct Sinks<'a> {
    log: AccessLog,
    counters: Counters<'a>,
    alerts: Alerts,
    lessons: Lessons,
    metrics: &'a Metrics,
    recent: &'a Recent,
}

impl Sinks<'_> {
    /// A mistake of ours over one record costs no other one (row S25).
    fn take(&mut self, record: Record) {
        let looked = catch_unwind(AssertUnwindSafe(|| {
            self.alerts.look(&record, self.metrics);
            self.lessons.learn(&record);
        }));
        let taken = catch_unwind(AssertUnwindSafe(|| {
            self.log.write(&record);
            self.counters.count(&record);
            self.recent.push(record);
        }));
        if looked.and(taken).is_err() {
            self.metrics.bound_hit("telemetry_failure");
        }
    }
}

/// What answers teach of token counts. The path of a request reads a published copy, so that it
/// takes no lock; copying it costs about 100 µs at most, and happens once in [`PUBLISH`].
struct Lessons {
    corrections: Corrections,
    published: Arc<ArcSwap<Corrections>>,
    at: Instant,
    changed: bool,
}

impl Lessons {
    fn new(published: Arc<ArcSwap<Corrections>>) -> Self {
        Self {
            corrections: Corrections::default(),
            published,
            at: Instant::now(),
            changed: false,
        }
    }

    fn learn(&mut self, record: &Record) {
        let Some(counted) = &record.counted else {
            return;
        };
        // The counts of several calls are summed: they say nothing of one.
        let one_call = matches!(record.attempts.as_slice(), [only] if only.calls == 1);
        if record.tokens.provenance != Provenance::Reported || !one_call {
            return;
        }
        let (shape, estimate) = (counted.shape, counted.estimate);
        let reported = record.tokens.input;
        self.corrections
            .observe(&counted.target, shape, estimate, reported);
        self.changed = true;
    }

    fn publish_now_and_then(&mut self) {
        if self.at.elapsed() >= PUBLISH {
            self.publish();
        }
    }

    fn publish(&mut self) {
        if std::mem::take(&mut self.changed) {
            self.published.store(Arc::new(self.corrections.clone()));
            self.at = Instant::now();
        }
    }
}
