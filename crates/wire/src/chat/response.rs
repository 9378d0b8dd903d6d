//! The hub response.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ProviderBlock, ToolCall};
use crate::usage::Usage;

/// A whole answer as the hub holds it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatResponse {
    /// The provider's id of the answer; empty if it gave none (we make one).
    pub id: String,
    /// Seconds since the Unix epoch as the provider said; `None` if it did not.
    pub created: Option<i64>,
    /// The model that answered, as the provider named it.
    pub model: String,
    /// At least one.
    pub choices: Vec<Choice>,
    /// Token counts, if the provider gave any.
    pub usage: Option<Usage>,
    /// The tier that served it.
    pub service_tier: Option<String>,
    /// OpenAI `system_fingerprint`.
    pub system_fingerprint: Option<String>,
    /// What else the provider said at the top level, by its own names: offered to the caller as
    /// `provider_metadata`.
    pub metadata: Map<String, Value>,
}

/// One alternative.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Choice {
    /// From 0.
    pub index: u32,
    /// What the model said.
    pub message: AssistantMessage,
    /// Why it ended.
    pub finish_reason: Option<FinishReason>,
    /// The provider's own word for it.
    pub native_finish_reason: Option<String>,
    /// The stop sequence that was hit, where the provider names it.
    pub stop_sequence: Option<String>,
    /// OpenAI-shaped `logprobs`.
    pub logprobs: Option<Value>,
    /// What else the provider said of this choice, by its own names.
    pub metadata: Map<String, Value>,
}

/// What the model said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AssistantMessage {
    /// Text; empty if none.
    pub text: String,
    /// Readable reasoning; empty if none.
    pub reasoning: String,
    /// Refusal in words.
    pub refusal: Option<String>,
    /// Client calls, in order of first appearance.
    pub tool_calls: Vec<ToolCall>,
    /// Citations.
    pub annotations: Vec<Annotation>,
    /// OpenAI `audio`.
    pub audio: Option<Value>,
    /// Opaque provider state.
    pub blocks: Vec<ProviderBlock>,
    /// Generated pictures as data URIs (extension `images`, the shape OpenRouter uses:
    /// `{"type":"image_url","image_url":{"url":…}}`).
    pub images: Vec<Value>,
    /// What else stood in the message, by the provider's own names.
    pub metadata: Map<String, Value>,
}

/// Why a choice ended, in OpenAI's words (wire-protocols §11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// A natural end or a stop sequence.
    Stop,
    /// The token limit.
    Length,
    /// The model calls tools.
    ToolCalls,
    /// A filter or a refusal.
    ContentFilter,
    /// The model ended in an error of its own (malformed call, provider's timeout).
    Error,
}

impl FinishReason {
    /// The wire word. [`FinishReason::Error`] is no OpenAI word: a partial answer says `stop`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop | Self::Error => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// A citation: a span of the answer's text and its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Where the source is; empty for a document of the request.
    pub url: String,
    /// The source's title.
    pub title: String,
    /// First character of the cited span in the content text.
    pub start_index: usize,
    /// One past the last character.
    pub end_index: usize,
    /// The provider's own citation object, verbatim.
    pub native: Value,
}
