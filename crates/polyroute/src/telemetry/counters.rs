//! A settled record → counts. The counters of a route or target are found once and kept: finding
//! one costs a lock and a string for each of its labels, and a record counts on ten of them.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

use polyroute_engine::estimate::Provenance;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;

use super::{
    AttemptLabels, AttemptRecord, ErrorLabels, Metrics, Record, RequestLabels, TargetLabels,
    TokenLabels,
};

/// The token counts of a record, by the label that each is counted under.
const TOKEN_KINDS: [&str; 5] = ["input", "cache_read", "cache_write", "output", "reasoning"];

/// Counts records. What it keeps is bounded by the bounds of the labels.
pub(super) struct Counters<'a> {
    metrics: &'a Metrics,
    /// By route.
    requests: HashMap<String, Vec<Requests>>,
    /// By provider, then model.
    targets: HashMap<String, HashMap<String, Target>>,
}

/// Requests of one route that ended alike.
struct Requests {
    operation: &'static str,
    status: u16,
    end: &'static str,
    counter: Counter,
}

/// The counters of one target, each made when it is first needed: a series that never counted is
/// not shown.
#[derive(Default)]
struct Target {
    /// By outcome and API.
    attempts: Vec<((&'static str, &'static str), Counter)>,
    duration: Option<Histogram>,
    ttft: Option<Histogram>,
    tokens: Option<[Counter; 5]>,
    parameters_dropped: Option<Counter>,
    unpriced: Option<Counter>,
    pin_drift: Option<Counter>,
    floating_alias: Option<Counter>,
    cost: Option<Counter<f64, AtomicU64>>,
}

impl<'a> Counters<'a> {
    pub(super) fn new(metrics: &'a Metrics) -> Self {
        Self {
            metrics,
            requests: HashMap::new(),
            targets: HashMap::new(),
        }
    }

    /// Counts a record.
    pub(super) fn count(&mut self, record: &Record) {
        self.request(record);
        if let Some(code) = &record.error_code {
            let labels = ErrorLabels { code: code.clone() };
            self.metrics.errors.get_or_create(&labels).inc();
        }
        for attempt in &record.attempts {
            let (metrics, outcome, api) = (self.metrics, attempt.outcome, attempt.api);
            let model = model_label(metrics, attempt, &attempt.model);
            let known = &mut self.target(&attempt.provider, model).attempts;
            if let Some((_, counter)) = known.iter().find(|(known, _)| *known == (outcome, api)) {
                counter.inc();
                continue;
            }
            let counter = metrics.attempts.get_or_create_owned(&AttemptLabels {
                provider: attempt.provider.clone(),
                model: model.to_owned(),
                api,
                outcome: outcome.to_owned(),
            });
            counter.inc();
            known.push(((outcome, api), counter));
        }
        self.answer(record);
    }

    fn request(&mut self, record: &Record) {
        // A name that led nowhere is the caller's invention.
        let route = match (&record.route, record.attempts.last()) {
            (Some(route), _) => route,
            (None, None) => "none",
            (None, Some(last)) => model_label(self.metrics, last, &record.requested_model),
        };
        let (operation, status, end) = (record.operation, record.status, record.end.as_str());
        let known = self.requests.entry(route.to_owned()).or_default();
        let found = known.iter().find(|known| {
            known.status == status && known.end == end && known.operation == operation
        });
        if let Some(found) = found {
            found.counter.inc();
            return;
        }
        let counter = self.metrics.requests.get_or_create_owned(&RequestLabels {
            operation: operation.to_owned(),
            route: route.to_owned(),
            status,
            end: end.to_owned(),
        });
        counter.inc();
        known.push(Requests {
            operation,
            status,
            end,
            counter,
        });
    }

    fn target(&mut self, provider: &str, model: &str) -> &mut Target {
        let models = self.targets.entry(provider.to_owned()).or_default();
        models.entry(model.to_owned()).or_default()
    }

    /// What an answer took, by the target that gave it.
    fn answer(&mut self, record: &Record) {
        let Some(last) = record.attempts.last() else {
            return;
        };
        let metrics = self.metrics;
        let model = model_label(metrics, last, &last.model);
        let target = self.target(&last.provider, model);
        let labels = || TargetLabels {
            provider: last.provider.clone(),
            model: model.to_owned(),
        };
        target
            .duration
            .get_or_insert_with(|| metrics.duration.get_or_create_owned(&labels()))
            .observe(record.total_ms / 1_000.0);
        metrics.overhead.observe(record.overhead_ms / 1_000.0);
        if let Some(ttft_ms) = record.ttft_ms {
            target
                .ttft
                .get_or_insert_with(|| metrics.ttft.get_or_create_owned(&labels()))
                .observe(ttft_ms / 1_000.0);
        }
        if !record.dropped_params.is_empty() {
            target
                .parameters_dropped
                .get_or_insert_with(|| metrics.parameters_dropped.get_or_create_owned(&labels()))
                .inc_by(record.dropped_params.len() as u64);
        }
        if record.tokens.provenance != Provenance::None {
            let counters = target
                .tokens
                .get_or_insert_with(|| token_counters(metrics, &last.provider, model));
            let tokens = &record.tokens;
            let counts = [
                tokens.input,
                tokens.cache_read,
                tokens.cache_write,
                tokens.output,
                tokens.reasoning,
            ];
            for (counter, count) in counters.iter().zip(counts) {
                counter.inc_by(count);
            }
        }
        if record.cost.price_unknown {
            target
                .unpriced
                .get_or_insert_with(|| metrics.unpriced.get_or_create_owned(&labels()))
                .inc();
        }
        if record.pin_drift {
            target
                .pin_drift
                .get_or_insert_with(|| metrics.pin_drift.get_or_create_owned(&labels()))
                .inc();
        }
        if record.floating_alias {
            target
                .floating_alias
                .get_or_insert_with(|| metrics.floating_alias.get_or_create_owned(&labels()))
                .inc();
        }
        let usd = record.cost.usd.map(|usd| usd.to_string().parse::<f64>());
        if let Some(Ok(usd)) = usd {
            target
                .cost
                .get_or_insert_with(|| metrics.cost.get_or_create_owned(&labels()))
                .inc_by(usd);
        }
    }
}

/// A model as a label value. What only callers name is `other` until it has answered: a server
/// with models that no list tells of has them all the same.
fn model_label<'a>(metrics: &Metrics, attempt: &AttemptRecord, name: &'a str) -> &'a str {
    if attempt.known || attempt.outcome == "ok" {
        metrics.model_label(name)
    } else {
        "other"
    }
}

fn token_counters(metrics: &Metrics, provider: &str, model: &str) -> [Counter; 5] {
    TOKEN_KINDS.map(|kind| {
        metrics.tokens.get_or_create_owned(&TokenLabels {
            provider: provider.to_owned(),
            model: model.to_owned(),
            r#type: kind.to_owned(),
        })
    })
}
