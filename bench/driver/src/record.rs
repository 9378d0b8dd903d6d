//! One measured run as a line of JSON: what `load` prints and `report` reads.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::subject::Subject;

/// What a run measures, which decides the rows that the report makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Whole answers, every connection busy: requests/s and CPU per request.
    Requests,
    /// Whole answers at a fixed rate on one connection: latency.
    Latency,
    /// Streams as fast as they come: chunks/s and CPU per chunk.
    Chunks,
    /// Paced streams: time to the first chunk, CPU per chunk that comes alone.
    First,
    /// Nothing, before the first request: memory.
    Idle,
    /// Nothing, after all load: memory.
    After,
    /// Many streams in which nothing comes: memory of each.
    IdleStreams,
    /// Many callers that ask for a long answer and stop reading: memory held for each.
    StalledReaders,
    /// From the start of the process to the first answer. The subcommand `start-up` measures it.
    #[value(skip)]
    StartUp,
    /// The scenario of `requests` by another load generator: the subcommand `cross-check`.
    #[value(skip)]
    CrossCheck,
}

/// A run's figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// What was called: `direct`, `nginx`, `polyroute`, …
    pub(crate) target: String,
    /// The scenario's name; runs of one scenario are compared with each other only.
    pub(crate) scenario: String,
    /// What was measured.
    pub(crate) mode: Mode,
    /// The round that the run belongs to.
    pub(crate) round: u32,
    /// The scenario of the same target and round that the ratios are to, if not nginx in this one.
    pub(crate) compared_with: Option<String>,
    /// Connections held open.
    pub(crate) connections: usize,
    /// Size of the larger body, of request or answer, where answers are whole.
    pub(crate) body_bytes: Option<usize>,
    /// Length of the measured window, warm-up excluded.
    pub(crate) seconds: f64,
    /// Answers completed in the window.
    pub(crate) requests: u64,
    /// Content chunks that arrived in the window.
    pub(crate) chunks: u64,
    /// Requests that failed, warm-up and after-run included: any is too many.
    pub(crate) errors: u64,
    /// What the first failure was.
    pub(crate) first_error: Option<String>,
    /// From request sent to answer complete.
    pub(crate) latency: Quantiles,
    /// From request sent to first content chunk.
    pub(crate) first_chunk: Quantiles,
    /// CPU time of the gateway's processes in the window.
    pub(crate) gateway_cpu_us: Option<u64>,
    /// Memory of the gateway's processes before what is held was asked for.
    pub(crate) gateway_memory_before_kib: Option<u64>,
    /// Memory of the gateway's processes at the window's end.
    pub(crate) gateway_memory_kib: Option<u64>,
    /// Share of the machine that neither gateway, driver nor upstream used, 0 to 1.
    pub(crate) other_work: Option<f64>,
}

impl Record {
    /// A record without figures.
    pub(crate) fn new(subject: &Subject, mode: Mode) -> Self {
        Self {
            target: subject.target.clone(),
            scenario: subject.scenario.clone(),
            mode,
            round: subject.round,
            compared_with: None,
            connections: 0,
            body_bytes: None,
            seconds: 0.0,
            requests: 0,
            chunks: 0,
            errors: 0,
            first_error: None,
            latency: Quantiles::default(),
            first_chunk: Quantiles::default(),
            gateway_cpu_us: None,
            gateway_memory_before_kib: None,
            gateway_memory_kib: None,
            other_work: None,
        }
    }
}

/// A histogram in a few figures.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Quantiles {
    /// Values recorded.
    pub(crate) count: u64,
    /// Half were faster.
    pub(crate) p50_us: f64,
    /// Nine of ten were faster.
    pub(crate) p90_us: f64,
    /// All but one in a hundred were faster.
    pub(crate) p99_us: f64,
    /// The slowest.
    pub(crate) max_us: f64,
}

impl From<&Histogram<u64>> for Quantiles {
    /// From a histogram in nanoseconds.
    fn from(histogram: &Histogram<u64>) -> Self {
        let us = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
        Self {
            count: histogram.len(),
            p50_us: us(histogram.value_at_quantile(0.5)),
            p90_us: us(histogram.value_at_quantile(0.9)),
            p99_us: us(histogram.value_at_quantile(0.99)),
            max_us: us(histogram.max()),
        }
    }
}
