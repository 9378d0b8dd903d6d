//! Prometheus metrics. Every label set is bounded: names come from the configuration or the
//! catalog, and what a caller makes up is counted as `other` (row S19).

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Distinct model names that become label values; later ones are `other`.
const MODEL_LABELS_MAX: usize = 500;

/// Seconds, from a millisecond to ten minutes: what LLM calls take.
const SECONDS: [f64; 18] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0,
    480.0, 600.0,
];
/// Seconds, from ten microseconds to a second: what we add.
const OVERHEAD_SECONDS: [f64; 14] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025,
    0.1, 0.25, 1.0,
];

/// Labels of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// `chat`, `embeddings`.
    pub operation: String,
    /// Route, or model where no route was named.
    pub route: String,
    /// HTTP status that the caller got.
    pub status: u16,
    /// `complete`, `failed`, `client_closed`, `truncated`, `refused`.
    pub end: String,
}

/// Labels of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabels {
    /// Provider's name in the configuration.
    pub provider: String,
    /// Model at the provider.
    pub model: String,
    /// The API that was spoken, by its dialect's name.
    pub api: &'static str,
    /// `ok`, or the error kind.
    pub outcome: String,
}

/// Labels of a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TargetLabels {
    /// Provider's name in the configuration.
    pub provider: String,
    /// Model at the provider.
    pub model: String,
}

/// Labels of a token count.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TokenLabels {
    /// Provider's name in the configuration.
    pub provider: String,
    /// Model at the provider.
    pub model: String,
    /// `input`, `cache_read`, `cache_write`, `output`, `reasoning`.
    pub r#type: String,
}

/// Labels of an error that a caller got.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ErrorLabels {
    /// The stable `code`.
    pub code: String,
}

/// Labels of a bound.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BoundLabels {
    /// Its name.
    pub bound: String,
}

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Requests by how they ended.
    pub requests: Family<RequestLabels, Counter>,
    /// Errors that callers got, by code.
    pub errors: Family<ErrorLabels, Counter>,
    /// Attempts at providers.
    pub attempts: Family<AttemptLabels, Counter>,
    /// Tokens as the providers reported them.
    pub tokens: Family<TokenLabels, Counter>,
    /// Cost in USD.
    pub cost: Family<TargetLabels, Counter<f64, AtomicU64>>,
    /// Answers whose price is unknown.
    pub unpriced: Family<TargetLabels, Counter>,
    /// Answers of another model than the one asked for, by target.
    pub pin_drift: Family<TargetLabels, Counter>,
    /// Answers to a name that moves, by target.
    pub floating_alias: Family<TargetLabels, Counter>,
    /// Time to the first content of a stream.
    pub ttft: Family<TargetLabels, Histogram>,
    /// Time from the request to the last byte.
    pub duration: Family<TargetLabels, Histogram>,
    /// What we add: time in which we neither waited for a provider nor for the caller.
    pub overhead: Histogram,
    /// Streams that are open.
    pub open_streams: Gauge,
    /// Requests that were taken in and are not settled.
    pub requests_under_way: Gauge,
    /// Bytes of request bodies in memory.
    pub body_bytes_held: Gauge,
    /// Bounds that were hit.
    pub bounds_hit: Family<BoundLabels, Counter>,
    /// Parameters that were left out or changed, by provider.
    pub parameters_dropped: Family<TargetLabels, Counter>,
    /// Refusals that taught to leave a parameter out.
    pub parameters_learned: Family<TargetLabels, Counter>,
    models_seen: Mutex<HashSet<String>>,
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("polyroute");
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let metrics = Self {
            requests: Family::default(),
            errors: Family::default(),
            attempts: Family::default(),
            tokens: Family::default(),
            cost: Family::default(),
            unpriced: Family::default(),
            pin_drift: Family::default(),
            floating_alias: Family::default(),
            ttft: Family::new_with_constructor(seconds),
            duration: Family::new_with_constructor(seconds),
            overhead: Histogram::new(OVERHEAD_SECONDS),
            open_streams: Gauge::default(),
            requests_under_way: Gauge::default(),
            body_bytes_held: Gauge::default(),
            bounds_hit: Family::default(),
            parameters_dropped: Family::default(),
            parameters_learned: Family::default(),
            models_seen: Mutex::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        Self {
            registry,
            ..metrics
        }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register(
            "requests",
            "Requests by how they ended",
            self.requests.clone(),
        );
        registry.register(
            "errors",
            "Errors that callers got, by code",
            self.errors.clone(),
        );
        registry.register(
            "attempts",
            "Attempts at providers, by outcome",
            self.attempts.clone(),
        );
        registry.register(
            "tokens",
            "Tokens as reported by providers",
            self.tokens.clone(),
        );
        registry.register(
            "cost_usd",
            "Cost in USD at catalog prices",
            self.cost.clone(),
        );
        let help = "Answers whose price is unknown";
        registry.register("unpriced_answers", help, self.unpriced.clone());
        let help = "Answers of another model or version than the one asked for or pinned";
        registry.register("pin_drift", help, self.pin_drift.clone());
        let help = "Answers to a model name that leads to another version one day";
        registry.register("floating_alias_answers", help, self.floating_alias.clone());
        let help = "Time to first content of a stream";
        registry.register_with_unit("ttft", help, Unit::Seconds, self.ttft.clone());
        let help = "Time to the last byte";
        registry.register_with_unit(
            "request_duration",
            help,
            Unit::Seconds,
            self.duration.clone(),
        );
        let help = "Time that the gateway added before the first byte of the answer";
        registry.register_with_unit("overhead", help, Unit::Seconds, self.overhead.clone());
        registry.register(
            "open_streams",
            "Streams that are open",
            self.open_streams.clone(),
        );
        let help = "Requests that were taken in and have not ended";
        registry.register("requests_under_way", help, self.requests_under_way.clone());
        let help = "Bytes of request bodies that are in memory";
        registry.register(
            "request_body_held_bytes",
            help,
            self.body_bytes_held.clone(),
        );
        registry.register(
            "bounds_hit",
            "Bounds that were hit, by name",
            self.bounds_hit.clone(),
        );
        let help = "Request parameters that a provider could not be sent";
        registry.register("parameters_dropped", help, self.parameters_dropped.clone());
        let help = "Refusals that taught to leave a parameter out of later requests";
        registry.register("parameters_learned", help, self.parameters_learned.clone());
    }

    /// The text that Prometheus scrapes.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts a hit of a named bound.
    pub fn bound_hit(&self, bound: &'static str) {
        self.bounds_hit
            .get_or_create(&BoundLabels {
                bound: bound.to_owned(),
            })
            .inc();
    }

    /// A model name as a label value: itself while there is room, else `other`.
    #[must_use]
    pub fn model_label<'a>(&self, model: &'a str) -> &'a str {
        let mut seen = self
            .models_seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if seen.contains(model) {
            return model;
        }
        if seen.len() >= MODEL_LABELS_MAX || model.len() > 200 {
            return "other";
        }
        seen.insert(model.to_owned());
        model
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
