//! The hub request.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{CacheControl, Message, Tool, ToolChoice};

/// A chat completion request as the hub holds it. Absent is `None` or empty; what the parser did
/// not understand is named in [`ChatRequest::unread`] so that no translation drops it in silence.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatRequest {
    /// The model as the caller named it.
    pub model: String,
    /// The conversation in order.
    pub messages: Vec<Message>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Settings of the stream.
    pub stream_options: StreamOptions,
    /// `max_completion_tokens` or `max_tokens` (both present and different is refused).
    pub max_output_tokens: Option<u64>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// Extension: only the k likeliest tokens.
    pub top_k: Option<u64>,
    /// Choices asked for.
    pub n: Option<u32>,
    /// Best-effort determinism.
    pub seed: Option<i64>,
    /// Stop sequences.
    pub stop: Vec<String>,
    /// -2 to 2.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2.
    pub presence_penalty: Option<f64>,
    /// Token id → bias.
    pub logit_bias: Option<Map<String, Value>>,
    /// Whether log probabilities are wanted.
    pub logprobs: Option<bool>,
    /// How many alternatives a token.
    pub top_logprobs: Option<u32>,
    /// Deprecated end-user id.
    pub user: Option<String>,
    /// End-user id for abuse detection.
    pub safety_identifier: Option<String>,
    /// Caller's key-value pairs.
    pub metadata: Option<Map<String, Value>>,
    /// Client tools.
    pub tools: Vec<Tool>,
    /// Which may or must be called.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several calls may come in one turn.
    pub parallel_tool_calls: Option<bool>,
    /// The request used the legacy `functions` fields, so the answer must use `function_call`.
    pub legacy_functions: bool,
    /// Shape of the answer.
    pub response_format: Option<ResponseFormat>,
    /// How hard to think.
    pub reasoning_effort: Option<Effort>,
    /// `reasoning_effort` where the caller sent a number of tokens or a switch, for providers that
    /// take that; `reasoning_effort` is then the word that stands for it.
    pub effort_as_sent: Option<Value>,
    /// Prompt-cache mark on the whole request (extension; Anthropic's automatic caching).
    pub cache_control: Option<CacheControl>,
    /// Fields that some providers have an equivalent of and that the hub carries verbatim, by
    /// their OpenAI names: `service_tier`, `verbosity`, `prompt_cache_key`,
    /// `prompt_cache_options`, `prediction`, `web_search_options`, `modalities`, `audio`, `store`,
    /// `moderation`.
    pub carried: Map<String, Value>,
    /// `provider_options.<dialect or provider>`: merged into that provider's body.
    pub provider_options: Map<String, Value>,
    /// Members of the body that the hub does not know, as they came: for providers of the caller's
    /// own dialect. `unread` names them too.
    pub unknown: Map<String, Value>,
    /// Paths of fields that the hub does not know, array indexes left out (`messages[].foo`).
    pub unread: Vec<String>,
}

/// `stream_options`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// Send a last chunk with usage.
    pub include_usage: bool,
    /// Pad deltas against traffic analysis; `None` is the provider's default.
    pub include_obfuscation: Option<bool>,
}

/// `response_format`.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// Free text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// Schema name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The JSON schema.
        schema: Value,
        /// Exact adherence.
        strict: Option<bool>,
    },
}

/// How hard a model is asked to think, OpenAI's `reasoning_effort`, least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Not at all.
    None,
    /// `minimal`
    Minimal,
    /// `low`
    Low,
    /// `medium`
    Medium,
    /// `high`
    High,
    /// `xhigh`
    XHigh,
    /// `max`
    Max,
}

impl Effort {
    /// All levels, least first.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::XHigh,
        Self::Max,
    ];

    /// The wire word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads the wire word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == word)
    }

    /// Thinking budget in tokens that stands for this effort where a model takes a budget only
    /// (our policy, wire-protocols §9).
    #[must_use]
    pub const fn budget_tokens(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal => 1_024,
            Self::Low => 2_048,
            Self::Medium => 8_192,
            Self::High => 16_384,
            Self::XHigh => 24_576,
            Self::Max => 32_768,
        }
    }

    /// The effort whose budget is nearest (the inverse of [`Effort::budget_tokens`]).
    #[must_use]
    pub fn nearest_to_budget(tokens: u64) -> Self {
        Self::ALL
            .into_iter()
            .min_by_key(|effort| effort.budget_tokens().abs_diff(tokens))
            .unwrap_or(Self::Medium)
    }

    /// The word that stands for a form of `reasoning_effort` other than a word: a number of tokens,
    /// or whether to think at all (Fireworks).
    #[must_use]
    pub fn of_form(form: &Value) -> Option<Self> {
        match form {
            Value::Bool(false) => Some(Self::None),
            Value::Bool(true) => Some(Self::Medium),
            Value::Number(tokens) => tokens.as_u64().map(|tokens| match tokens {
                0 => Self::None,
                // However few, they are more than none.
                tokens => Self::nearest_to_budget(tokens).max(Self::Minimal),
            }),
            _ => None,
        }
    }

    /// The highest of `levels` that is not above this one; the lowest of them if all are above.
    /// `None` only if `levels` is empty (wire-protocols §9: step to the nearest lower level).
    #[must_use]
    pub fn step_to(self, levels: &[Self]) -> Option<Self> {
        levels
            .iter()
            .copied()
            .filter(|level| *level <= self)
            .max()
            .or_else(|| levels.iter().copied().min())
    }
}
