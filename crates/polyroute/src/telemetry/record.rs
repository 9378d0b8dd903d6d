//! The outcome record: what happened to one request, without a word of its content.

use std::collections::BTreeMap;

use polyroute_engine::estimate::{Provenance, Shape};
use polyroute_engine::money::Money;
use serde::{Serialize, Serializer};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// A whole answer.
    Complete,
    /// An error that the caller was told of.
    Failed,
    /// Refused before any attempt: bad key, bad request, unknown model.
    Refused,
    /// The caller left before the end.
    ClientClosed,
    /// Content was sent and then the upstream failed: the caller got an error event.
    Truncated,
}

impl End {
    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::ClientClosed => "client_closed",
            Self::Truncated => "truncated",
        }
    }
}

/// An estimate of the input beside which the provider's own count is to be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The target that counted, as corrections are kept.
    pub target: String,
    /// What kind of request it was.
    pub shape: Shape,
    /// The uncorrected estimate in tokens.
    pub estimate: u64,
}

/// What happened to one request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// Our id, as in `x-request-id`.
    pub request_id: String,
    /// When it came; RFC 3339 with milliseconds in JSON.
    #[serde(serialize_with = "rfc3339")]
    pub time: jiff::Timestamp,
    /// `chat`, `embeddings` or `rerank`.
    pub operation: &'static str,
    /// The key's name.
    pub principal: String,
    /// Tags of key and request.
    pub tags: BTreeMap<String, String>,
    /// The model as the caller named it, cut to 200 bytes.
    pub requested_model: String,
    /// The route that the name led to, if one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// Targets that were not eligible, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<Excluded>,
    /// Every attempt, in order.
    pub attempts: Vec<AttemptRecord>,
    /// HTTP status that the caller got. 499 if it left before; where a stream failed after its
    /// head was sent, the status that its error stands for.
    pub status: u16,
    /// How it ended.
    pub end: End,
    /// Stable code of the error that the caller got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The provider that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The model that answered, as the provider named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The version of the provider's backend, where it says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_fingerprint: Option<String>,
    /// Another model, version or fingerprint answered than the one that was asked for or pinned.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pin_drift: bool,
    /// The model was asked for by a name that leads to another version one day.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub floating_alias: bool,
    /// Finish reason in OpenAI's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<&'static str>,
    /// Tokens.
    pub tokens: TokenRecord,
    /// Cost at catalog prices.
    pub cost: CostRecord,
    /// Parameters that were left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped_params: Vec<String>,
    /// Parameters whose value was changed, with what it became.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed_params: Vec<String>,
    /// Milliseconds from the request to the first content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttft_ms: Option<f64>,
    /// Milliseconds from the request to the end.
    pub total_ms: f64,
    /// Milliseconds that we added before the first byte of the answer.
    pub overhead_ms: f64,
    /// Bytes of the answer that the caller took.
    pub bytes_sent: u64,
    /// What the reported input is held against, to correct later estimates.
    #[serde(skip)]
    pub counted: Option<Counted>,
}

/// A target that could not take the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Excluded {
    /// Its name.
    pub target: String,
    /// Why.
    pub reason: String,
}

/// One attempt at a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptRecord {
    /// The target's name.
    pub target: String,
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model that was asked for there.
    pub model: String,
    /// The API that was spoken there, by its dialect's name: `responses` where a chat request was
    /// translated to it.
    pub api: &'static str,
    /// Configuration, catalog or the provider's own list name this model: it is no invention of a
    /// caller, and may be a metric label.
    #[serde(skip)]
    pub known: bool,
    /// Where the credential came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The model was sent its own answer back, to put it right.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub repair: bool,
    /// HTTP status that the provider answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `ok`, or the error kind.
    pub outcome: &'static str,
    /// The provider's message, shortened; never request content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds into the request at which it began.
    pub started_ms: f64,
    /// How long it took, milliseconds.
    pub latency_ms: f64,
    /// The provider's request id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_request_id: Option<String>,
    /// Calls upstream that the attempt was made of: more than one where a request was split.
    #[serde(skip_serializing_if = "is_one")]
    pub calls: usize,
}

/// Token counts of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TokenRecord {
    /// Where they come from.
    pub provenance: Provenance,
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Input tokens written to a cache.
    pub cache_write: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
    /// The provider's counts contradicted themselves and were clamped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub clamped: bool,
}

/// Cost of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CostRecord {
    /// USD as an exact decimal; absent if the price is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<Money>,
    /// The model's price is not in the catalog: an alert, never zero.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub price_unknown: bool,
    /// The day on which the price was last checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_as_of: Option<String>,
}

pub(super) fn rfc3339<S: Serializer>(
    time: &jiff::Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what serde calls it with"
)]
const fn is_one(calls: &usize) -> bool {
    *calls == 1
}
