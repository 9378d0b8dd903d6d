//! Takes the records of settled requests off the path: a bounded queue and one thread.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use polyroute_engine::estimate::Provenance;

use super::access_log::AccessLog;
use super::{
    AttemptLabels, AttemptRecord, ErrorLabels, LogTarget, Metrics, Record, RequestLabels,
    TargetLabels, TokenLabels,
};

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
    loop {
        match records.recv_timeout(Duration::from_secs(1)) {
            Ok(record) => take(*record, &mut log, metrics, recent),
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a thread of its own, which gathers records meanwhile"
        )]
        std::thread::sleep(GATHER);
        while let Ok(record) = records.try_recv() {
            take(*record, &mut log, metrics, recent);
        }
        log.flush();
    }
    log.flush();
}

fn take(record: Record, log: &mut AccessLog, metrics: &Metrics, recent: &Recent) {
    log.write(&record);
    count(&record, metrics);
    recent.push(record);
}

fn count(record: &Record, metrics: &Metrics) {
    // A name that led nowhere is the caller's invention.
    let route = match (&record.route, record.attempts.last()) {
        (Some(route), _) => route.clone(),
        (None, None) => "none".to_owned(),
        (None, Some(last)) => model_label(metrics, last, &record.requested_model),
    };
    metrics
        .requests
        .get_or_create(&RequestLabels {
            operation: record.operation.to_owned(),
            route,
            status: record.status,
            end: record.end.as_str().to_owned(),
        })
        .inc();
    if let Some(code) = &record.error_code {
        metrics
            .errors
            .get_or_create(&ErrorLabels { code: code.clone() })
            .inc();
    }
    for attempt in &record.attempts {
        let labels = AttemptLabels {
            provider: attempt.provider.clone(),
            model: model_label(metrics, attempt, &attempt.model),
            outcome: attempt.outcome.to_owned(),
        };
        metrics.attempts.get_or_create(&labels).inc();
    }
    count_answer(record, metrics);
}

/// A model as a label value. What only callers name is `other` until it has answered: a server
/// with models that no list tells of has them all the same.
fn model_label(metrics: &Metrics, attempt: &AttemptRecord, name: &str) -> String {
    if attempt.known || attempt.outcome == "ok" {
        metrics.model_label(name)
    } else {
        "other".to_owned()
    }
}

/// What an answer took, by the target that gave it.
fn count_answer(record: &Record, metrics: &Metrics) {
    let Some(last) = record.attempts.last() else {
        return;
    };
    let target = TargetLabels {
        provider: last.provider.clone(),
        model: model_label(metrics, last, &last.model),
    };
    metrics
        .duration
        .get_or_create(&target)
        .observe(record.total_ms / 1_000.0);
    metrics.overhead.observe(record.overhead_ms / 1_000.0);
    if let Some(ttft_ms) = record.ttft_ms {
        metrics
            .ttft
            .get_or_create(&target)
            .observe(ttft_ms / 1_000.0);
    }
    if !record.dropped_params.is_empty() {
        metrics
            .parameters_dropped
            .get_or_create(&target)
            .inc_by(record.dropped_params.len() as u64);
    }
    if record.tokens.provenance != Provenance::None {
        let tokens = &record.tokens;
        for (kind, count) in [
            ("input", tokens.input),
            ("cache_read", tokens.cache_read),
            ("cache_write", tokens.cache_write),
            ("output", tokens.output),
            ("reasoning", tokens.reasoning),
        ] {
            let labels = TokenLabels {
                provider: target.provider.clone(),
                model: target.model.clone(),
                r#type: kind.to_owned(),
            };
            metrics.tokens.get_or_create(&labels).inc_by(count);
        }
    }
    if record.cost.price_unknown {
        metrics.unpriced.get_or_create(&target).inc();
    }
    if let Some(usd) = record
        .cost
        .usd
        .as_deref()
        .and_then(|usd| usd.parse::<f64>().ok())
    {
        metrics.cost.get_or_create(&target).inc_by(usd);
    }
}
