//! The record of a settled request: who asked for what, what was decided, what happened, what it
//! used and cost. Plain data for the admin API, the log and later the journal; no prompt and no
//! answer text.
//!
//! Read [`Outcome`] first.

use std::collections::BTreeMap;

use polyroute_wire::usage::Usage;
use serde::Serialize;

use crate::estimate::Provenance;
use crate::plan::Plan;
use crate::price::Cost;

/// What became of one request.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Our id of the request (`x-request-id`).
    pub request_id: String,
    /// When it came, milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// From its arrival to its end, milliseconds.
    pub duration_ms: u64,
    /// The name of the gateway key; `None` where none is needed.
    pub principal: Option<String>,
    /// Tags of the key and of the request.
    pub tags: BTreeMap<String, String>,
    /// `chat` or `embeddings`.
    pub operation: &'static str,
    /// The caller asked for a stream.
    pub stream: bool,
    /// The model as the caller named it.
    pub requested_model: String,
    /// The route, if the name was one.
    pub route: Option<String>,
    /// What was planned; `None` if the request did not get that far.
    pub plan: Option<PlanSummary>,
    /// Every attempt in order.
    pub attempts: Vec<AttemptRecord>,
    /// The target that answered, `provider/model` as it was called.
    pub served_by: Option<String>,
    /// From arrival to the first content that the caller got, milliseconds.
    pub ttft_ms: Option<u64>,
    /// Token counts.
    pub tokens: Tokens,
    /// What it cost at list prices.
    pub cost: Cost,
    /// The state of the price list that the cost was computed by (`2026-11-21`).
    pub prices_as_of: Option<String>,
    /// Request fields that were left out, by their OpenAI names.
    pub dropped_params: Vec<String>,
    /// Request fields that went out with another value (`temperature=1`).
    pub changed_params: Vec<String>,
    /// Why the model stopped, in OpenAI's words.
    pub finish_reason: Option<String>,
    /// HTTP status that the caller got; `None` if it left before one was sent.
    pub status: Option<u16>,
    /// How it ended.
    pub end: End,
    /// The stable code of the error that the caller got.
    pub error_code: Option<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With a whole answer.
    Complete,
    /// With an error and no answer.
    #[default]
    Failed,
    /// The caller left.
    ClientClosed,
    /// With a part of an answer and an error behind it.
    Truncated,
}

impl End {
    /// The stable name, for metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::ClientClosed => "client_closed",
            Self::Truncated => "truncated",
        }
    }
}

/// What was planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// Target names in order.
    pub targets: Vec<String>,
    /// What was left out.
    pub excluded: Vec<ExcludedSummary>,
}

/// A target that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExcludedSummary {
    /// Its name.
    pub target: String,
    /// The stable name of the reason.
    pub reason: &'static str,
    /// The reason in words.
    pub detail: String,
}

impl From<&Plan> for PlanSummary {
    fn from(plan: &Plan) -> Self {
        let excluded = plan.excluded.iter().map(|excluded| ExcludedSummary {
            target: excluded.target.clone(),
            reason: excluded.reason.as_str(),
            detail: excluded.reason.to_string(),
        });
        Self {
            targets: plan
                .targets
                .iter()
                .map(|target| target.name.clone())
                .collect(),
            excluded: excluded.collect(),
        }
    }
}

/// One attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    /// The target's name.
    pub target: String,
    /// The provider.
    pub provider: String,
    /// The model id that was asked for upstream.
    pub model: String,
    /// Which of the provider's credentials, counted from 0. Never the credential.
    pub credential: usize,
    /// From the arrival of the request to the begin of the attempt, milliseconds.
    pub after_ms: u64,
    /// From its begin to its end, milliseconds.
    pub latency_ms: u64,
    /// From its begin to the first content, milliseconds.
    pub ttft_ms: Option<u64>,
    /// The upstream's HTTP status, if there was one.
    pub status: Option<u16>,
    /// The kind of failure (`rate_limited`); `None` if it succeeded.
    pub error: Option<&'static str>,
    /// The provider's own code of it.
    pub upstream_code: Option<String>,
    /// The provider's id of the call, for its support.
    pub upstream_request_id: Option<String>,
}

/// Token counts of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    /// All input tokens, cached ones included.
    pub input: u64,
    /// Of these, read from a cache.
    pub cache_read: u64,
    /// Of the input, written to a cache.
    pub cache_write: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// Of these, reasoning.
    pub reasoning: u64,
    /// Who counted.
    pub provenance: Provenance,
    /// The provider's counts contradicted each other and were clamped.
    pub clamped: bool,
}

impl Tokens {
    /// The counts of a usage.
    #[must_use]
    pub const fn new(usage: &Usage, provenance: Provenance) -> Self {
        Self {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            output: usage.output,
            reasoning: usage.reasoning,
            provenance,
            clamped: usage.clamped,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_reads_as_plain_json() {
        let usage = Usage {
            input: 7,
            output: 3,
            ..Usage::default()
        };
        let outcome = Outcome {
            request_id: "r-1".into(),
            operation: "chat",
            tokens: Tokens::new(&usage, Provenance::Reported),
            cost: Cost {
                amount: "0.0125".parse().ok(),
                ..Cost::default()
            },
            end: End::Complete,
            ..Outcome::default()
        };
        let record = serde_json::to_value(&outcome).unwrap();
        assert_eq!(
            record["cost"],
            json!({"amount": "0.0125", "unknown": false})
        );
        assert_eq!(record["tokens"]["provenance"], "reported");
        assert_eq!(record["end"], End::Complete.as_str());
    }

    #[test]
    fn an_unpriced_answer_has_no_amount() {
        let outcome = Outcome {
            cost: Cost::unpriced(),
            ..Outcome::default()
        };
        let record = serde_json::to_value(&outcome).unwrap();
        assert_eq!(
            record["cost"],
            json!({"amount": null, "unknown": true, "missing": ["prices"]})
        );
    }
}
