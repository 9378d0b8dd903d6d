//! The end of every request: its record, exactly once, whatever happened (invariant 3).

use std::sync::Arc;
use std::time::{Duration, Instant};

use polyroute_engine::catalog::Catalog;
use polyroute_engine::estimate::Provenance;
use polyroute_engine::facts::Facts;
use polyroute_engine::money::Money;
use polyroute_engine::pin::{self, Served, Verdict};
use polyroute_engine::price::{Prices, cost};
use polyroute_wire::error::UpstreamError;
use polyroute_wire::usage::Usage;
use tokio_util::sync::CancellationToken;

use super::admission::Share;
use crate::telemetry::{AttemptRecord, CostRecord, Counted, End, Record, Telemetry, TokenRecord};

/// Longest provider message kept in a record, in bytes.
const MESSAGE_BYTES_MAX: usize = 300;

/// Holds the record of a request in flight. Settles on drop: a request that nobody ended has lost
/// its caller.
#[derive(Debug)]
pub(super) struct Settle {
    record: Option<Box<Record>>,
    /// Its place among the requests under way.
    place: Option<Share>,
    telemetry: Arc<Telemetry>,
    /// The process is ending: what nobody ended was cut by us, not left by its caller.
    cut: CancellationToken,
    ended: bool,
    started: Instant,
    /// Time spent waiting for providers and for the caller's body before the first byte.
    waited: Duration,
    open_stream: bool,
    /// What the answers so far cost, those that were thrown away included.
    spent: Spent,
}

/// Sums over the answers of one request.
#[derive(Debug, Default)]
struct Spent {
    answers: u32,
    amount: Option<Money>,
}

impl Settle {
    /// The record of a request that began at `started`.
    #[must_use]
    pub(super) fn new(
        telemetry: Arc<Telemetry>,
        cut: CancellationToken,
        started: Instant,
        operation: &'static str,
        request_id: String,
    ) -> Self {
        let record = Record {
            request_id,
            time: jiff::Timestamp::now(),
            operation,
            principal: String::new(),
            tags: std::collections::BTreeMap::new(),
            requested_model: String::new(),
            route: None,
            stream: false,
            excluded: Vec::new(),
            attempts: Vec::new(),
            status: 499,
            end: End::ClientClosed,
            error_code: None,
            provider: None,
            model: None,
            system_fingerprint: None,
            pin_drift: false,
            floating_alias: false,
            finish_reason: None,
            tokens: TokenRecord::default(),
            cost: CostRecord::default(),
            dropped_params: Vec::new(),
            changed_params: Vec::new(),
            ttft_ms: None,
            total_ms: 0.0,
            overhead_ms: 0.0,
            bytes_sent: 0,
            counted: None,
        };
        Self {
            record: Some(Box::new(record)),
            place: None,
            telemetry,
            cut,
            ended: false,
            started,
            waited: Duration::ZERO,
            open_stream: false,
            spent: Spent::default(),
        }
    }

    /// The request was taken in: its place is free again when it is settled.
    pub(super) fn admitted(&mut self, place: Share) {
        self.place = Some(place);
    }

    /// When the request came, in seconds since the Unix epoch.
    pub(super) fn unix_seconds(&self) -> u64 {
        let came = self.view(|record| record.time.as_second());
        u64::try_from(came).unwrap_or_default()
    }

    /// Changes the record.
    pub(super) fn record(&mut self, change: impl FnOnce(&mut Record)) {
        if let Some(record) = &mut self.record {
            change(record);
        }
    }

    /// Looks at the record.
    pub(super) fn view<T: Default>(&self, look: impl FnOnce(&Record) -> T) -> T {
        self.record.as_deref().map(look).unwrap_or_default()
    }

    /// Time since the request began.
    #[must_use]
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts time in which we only waited, so that it is not taken for ours.
    pub(super) fn waited(&mut self, waited: Duration) {
        self.waited += waited;
    }

    /// The first byte of the answer is ready.
    pub(super) fn committed(&mut self) {
        let overhead = self.started.elapsed().saturating_sub(self.waited);
        self.record(|record| record.overhead_ms = millis(overhead));
    }

    /// The first content of a stream is ready.
    pub(super) fn first_content(&mut self) {
        let elapsed = self.started.elapsed();
        self.record(|record| record.ttft_ms = Some(millis(elapsed)));
    }

    /// A stream is open from here to the end.
    pub(super) fn open_stream(&mut self) {
        self.open_stream = true;
        self.telemetry.metrics.open_streams.inc();
    }

    /// An attempt ended.
    pub(super) fn attempt(&mut self, mut attempt: AttemptRecord, error: Option<&UpstreamError>) {
        if let Some(error) = error {
            attempt.outcome = error.kind.as_str();
            attempt.status = attempt.status.or(error.status);
            attempt.message = Some(cut(&error.message, MESSAGE_BYTES_MAX).to_owned());
        }
        self.record(|record| {
            // There is seldom another.
            record.attempts.reserve_exact(1);
            record.attempts.push(attempt);
        });
    }

    /// Token counts of one answer and what they cost, on top of those before it: an answer that
    /// was thrown away is paid for like any other.
    pub(super) fn usage(
        &mut self,
        usage: &Usage,
        provenance: Provenance,
        prices: Option<(&Prices, &str)>,
        service_tier: Option<&str>,
    ) {
        let cost = cost(usage, prices.map(|(prices, _)| prices), service_tier);
        let is_first = self.spent.answers == 0;
        self.spent.answers = self.spent.answers.saturating_add(1);
        let before = self.spent.amount;
        self.spent.amount = match (before, cost.amount) {
            (Some(before), Some(amount)) => Some(before.plus(amount)),
            (before, amount) => amount.or(before),
        };
        let usd = self.spent.amount;
        self.record(|record| {
            let tokens = &mut record.tokens;
            let estimated = !is_first && tokens.provenance == Provenance::Estimated;
            let sum = |count: &mut u64, more: u64| *count = count.saturating_add(more);
            tokens.provenance = if estimated {
                Provenance::Estimated
            } else {
                provenance
            };
            sum(&mut tokens.input, usage.input);
            sum(&mut tokens.cache_read, usage.cache_read);
            sum(&mut tokens.cache_write, usage.cache_write);
            sum(&mut tokens.output, usage.output);
            sum(&mut tokens.reasoning, usage.reasoning);
            tokens.clamped |= usage.clamped;
            record.cost = CostRecord {
                usd,
                price_unknown: record.cost.price_unknown | cost.unknown,
                price_as_of: prices
                    .map(|(_, as_of)| as_of.to_owned())
                    .or_else(|| record.cost.price_as_of.take()),
            };
        });
    }

    /// The answer costs nothing and used no tokens: it only counts them.
    pub(super) fn free(&mut self) {
        self.record(|record| record.cost.usd = Some(Money::ZERO));
    }

    /// Which model answered, held against the one that was asked for.
    pub(super) fn served(
        &mut self,
        catalog: &Catalog,
        facts: &Facts,
        model: Option<String>,
        fingerprint: Option<String>,
    ) {
        let served = Served {
            model: model.as_deref().unwrap_or_default(),
            fingerprint: fingerprint.as_deref(),
        };
        let drift = pin::compare(catalog, &facts.asked, served) == Verdict::Drift;
        self.record(|record| {
            record.pin_drift = drift;
            record.floating_alias = facts.floats;
            record.system_fingerprint = fingerprint;
            if model.is_some() {
                record.model = model;
            }
        });
    }

    /// What the answer's token count is to be held against.
    pub(super) fn counted(&mut self, counted: Option<Counted>) {
        self.record(|record| record.counted = counted);
    }

    /// Ends the request.
    pub(super) fn end(mut self, end: End, status: u16, error_code: Option<&str>) {
        self.ended = true;
        self.record(|record| {
            record.end = end;
            record.status = status;
            record.error_code = error_code.map(ToOwned::to_owned);
        });
    }
}

impl Drop for Settle {
    fn drop(&mut self) {
        if self.open_stream {
            self.telemetry.metrics.open_streams.dec();
        }
        if let Some(mut record) = self.record.take() {
            if !self.ended && std::thread::panicking() {
                record.end = End::Failed;
                record.status = 500;
                record.error_code = Some("internal_error".to_owned());
            } else if !self.ended && self.cut.is_cancelled() {
                record.end = End::Failed;
                record.status = 503;
                record.error_code = Some("shutting_down".to_owned());
            }
            record.total_ms = millis(self.started.elapsed());
            self.telemetry.settle(record);
        }
    }
}

/// Milliseconds with microseconds behind the point.
#[must_use]
pub(super) fn millis(duration: Duration) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of a request are far below 2^52"
    )]
    let micros = duration.as_micros() as f64;
    micros / 1_000.0
}

/// The first bytes of a text, whole characters only.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max))
        .unwrap_or_default()
}
