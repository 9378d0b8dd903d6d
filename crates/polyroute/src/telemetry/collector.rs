//! Takes the records of settled requests off the path: a bounded queue and one thread.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::access_log::AccessLog;
use super::alerts::Alerts;
use super::counters::Counters;
use super::{LogTarget, Metrics, Record};

/// Records waiting for the thread; more are counted as lost (`bound="telemetry_queue"`).
const QUEUE_MAX: usize = 65_536;
/// Records that the admin API remembers.
const RECENT_MAX: usize = 1_000;
/// How long records gather before the thread looks: one wake-up serves many requests.
const GATHER: Duration = Duration::from_millis(5);

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
        let thread = {
            let (metrics, recent) = (Arc::clone(&metrics), Arc::clone(&recent));
            std::thread::Builder::new()
                .name("telemetry".to_owned())
                .spawn(move || collect(&records, AccessLog::new(log), &metrics, &recent))?
        };
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            metrics,
            recent,
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
    mut log: AccessLog,
    metrics: &Metrics,
    recent: &Recent,
) {
    let mut counters = Counters::new(metrics);
    let mut alerts = Alerts::default();
    loop {
        match records.recv_timeout(Duration::from_secs(1)) {
            Ok(record) => {
                alerts.look(&record, metrics);
                take(*record, &mut log, &mut counters, recent);
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a thread of its own, which gathers records meanwhile"
        )]
        std::thread::sleep(GATHER);
        while let Ok(record) = records.try_recv() {
            alerts.look(&record, metrics);
            take(*record, &mut log, &mut counters, recent);
        }
        log.flush();
    }
    log.flush();
}

fn take(record: Record, log: &mut AccessLog, counters: &mut Counters<'_>, recent: &Recent) {
    log.write(&record);
    counters.count(&record);
    recent.push(record);
}
