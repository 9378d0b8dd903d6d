//! How a provider's wire differs from its dialect's own: data, not code. An OpenAI-compatible
//! vendor is one such profile in its file of the catalog (`catalog/<vendor>.json`); the cells are
//! those of wire-protocols §4, §5, §7, §9 and §12.1.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::think_tags::ThinkTags;

/// The rules of one provider. The default is the dialect as it stands: everything as sent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Request parameters, by OpenAI's name. What is not named passes.
    pub params: BTreeMap<String, ParamRule>,
    /// Parameters that neither a rule nor OpenAI's own API knows.
    pub unknown_params: UnknownParams,
    /// Members that are sent where the caller sends none of that name.
    pub defaults: Map<String, Value>,
    /// The name of the output limit.
    pub output_limit: OutputLimit,
    /// The provider's own output limit is low: the model's maximum is sent where the caller sends
    /// none.
    pub send_output_limit: bool,
    /// How thinking is asked for and given back.
    pub reasoning: ReasoningRules,
    /// What holds for messages.
    pub messages: MessageRules,
    /// Whether `strict` of a tool is known.
    pub strict_tools: StrictTools,
    /// Which names tools may have.
    pub tool_names: ToolNames,
    /// Whether usage of a stream must be asked for.
    pub stream_usage: StreamUsage,
    /// A model thinks only in a stream: one is asked for and folded where the caller wants a whole
    /// answer (Qwen).
    pub thinks_only_streamed: bool,
    /// An answer of a JSON schema is not streamed: a whole one is asked for and replayed (Groq).
    pub schema_never_streamed: bool,
    /// Which JSON schemas may be asked for with `strict`.
    pub strict_schemas: StrictSchemas,
    /// JSON mode is refused while the model thinks: it is asked for in words then (Qwen).
    pub json_object_unless_thinking: bool,
    /// What is asked for beside parameters that must not be overlooked.
    pub insist: Option<Insist>,
    /// How answers reach the caller.
    pub answers: Answers,
    /// Which other endpoints the provider has.
    pub endpoints: Endpoints,
    /// What holds for embeddings.
    pub embeddings: EmbeddingRules,
}

impl Profile {
    /// Whether answers are written anew for callers of the same dialect.
    #[must_use]
    pub fn rewrites_answers(&self) -> bool {
        self.answers == Answers::Translated || self.reasoning.tags != ThinkTags::Off
    }
}

/// What becomes of a parameter that the caller set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamRule {
    /// It passes as it is: OpenAI's name for something that others have too.
    Pass,
    /// The provider has no such parameter, or refuses it: left out and named, or refused where the
    /// policy is strict.
    Drop,
    /// Its name there.
    Rename(String),
    /// The only values that are taken; another one is refused.
    Only(Vec<Value>),
    /// The largest value; a larger one becomes this.
    Max(f64),
    /// Words there for words here; one that is not among them is left out and named.
    Map(BTreeMap<String, String>),
    /// Always a list.
    List,
    /// A number of likely tokens in place of `true` (Together's `logprobs`).
    Count,
    /// Taken without effect while the model thinks, which it does unless told not to: left out
    /// and named then.
    UnlessThinking,
    /// Nothing there does the same, and an answer without it is another answer: refused.
    Refuse,
    /// These members do what it does. What it says in detail is lost and named.
    StandIn(Map<String, Value>),
}

/// Which JSON schemas may be asked for with `strict` (wire-protocols §8.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrictSchemas {
    /// Any: the schema is sent as it is.
    #[default]
    Any,
    /// Those whose objects are closed and require all that they have, in a subset of the keywords
    /// (Groq). A schema is brought into that form where that changes nothing that the caller can
    /// see; where it would, it is sent without `strict`, and the answer is checked here.
    Closed,
}

/// What is asked for beside parameters that must not be overlooked: a router may send requests to
/// hosts that leave out what they do not know (OpenRouter, wire-protocols §15).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Insist {
    /// Where one of these stands in the request.
    pub on: Vec<String>,
    /// These members are sent, unless the caller's own say otherwise.
    pub members: Map<String, Value>,
}

/// What becomes of parameters that nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownParams {
    /// They pass: the provider may know them.
    #[default]
    Pass,
    /// They are left out and named: the provider refuses what it does not know.
    Drop,
}

/// The name of the output limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputLimit {
    /// Both are known.
    #[default]
    Either,
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// How thinking is asked for and given back (wire-protocols §9).
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReasoningRules {
    /// How it is asked for.
    pub control: ReasoningControl,
    /// How earlier thinking goes back to the provider.
    pub replay: ReasoningReplay,
    /// Members that are sent to models that think, where the caller sends none of that name.
    pub defaults: Map<String, Value>,
    /// What becomes of OpenRouter's object `reasoning`.
    pub object: ReasoningObject,
    /// `reasoning_effort` may be a number of tokens or a switch, and not only a word (Fireworks).
    pub numeric_effort: bool,
    /// Whether the text of answers holds reasoning in tags.
    pub tags: ThinkTags,
}

/// What becomes of OpenRouter's object `reasoning`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningObject {
    /// It passes; only OpenAI itself is known to refuse it.
    #[default]
    Pass,
    /// What it says of the effort is put in the vendor's words, and the rest is left out and named.
    Read,
}

/// How thinking is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningControl {
    /// `reasoning_effort`.
    #[default]
    Effort,
    /// `thinking.type` switches, `reasoning_effort` says how much (DeepSeek).
    ThinkingType,
    /// `enable_thinking` switches, `thinking_budget` says how many tokens (Qwen).
    EnableThinking,
    /// `reasoning.enabled` switches, `reasoning_effort` says how much (Together).
    ReasoningEnabled,
    /// `disable_reasoning` switches off, `reasoning_effort` says how much (Cerebras).
    DisableReasoning,
}

/// How earlier thinking goes back to the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasoningReplay {
    /// As the caller sends it.
    #[default]
    AsSent,
    /// Not at all.
    Drop,
    /// As `reasoning`.
    Reasoning,
    /// As `reasoning_content`, which every turn that calls tools must have, if only as `""`
    /// (DeepSeek).
    ReasoningContentWithCalls,
    /// As `reasoning_details`, unmodified (OpenRouter).
    Details,
    /// As content parts of type `thinking` (Mistral).
    ThinkingParts,
}

/// What holds for messages (wire-protocols §5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessageRules {
    /// `name` of a message.
    pub name: MessageName,
    /// Where system messages may stand.
    pub system: SystemPlace,
    /// Whether turns of one role may follow each other.
    pub same_role: SameRole,
    /// Which ids tool calls may have.
    pub tool_ids: ToolIds,
    /// How a trailing assistant message is said to be one to go on with.
    pub prefill: Prefill,
    /// The content of an assistant message that says nothing.
    pub silent_assistant: SilentAssistant,
    /// How a document is sent.
    pub documents: Documents,
    /// The members that a message may have; any where empty. Others are refused by the vendor:
    /// they are left out and named, unless they say nothing.
    pub members: Vec<String>,
}

/// `name` of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageName {
    /// Known.
    #[default]
    Pass,
    /// Known on tool results only; elsewhere left out and named.
    ToolOnly,
    /// Refused or unknown: left out and named.
    Drop,
}

/// Where system messages may stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemPlace {
    /// Anywhere.
    #[default]
    Anywhere,
    /// Before all others only: a later one becomes a user turn.
    First,
}

/// Whether turns of one role may follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameRole {
    /// They may.
    #[default]
    Pass,
    /// They are joined with a blank line, and a conversation of instructions only ends with a user
    /// turn (Perplexity).
    Merge,
}

/// Which ids tool calls may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolIds {
    /// Any.
    #[default]
    Any,
    /// Nine letters and digits: another one becomes such, the same on both sides (Mistral).
    NineAlphanumerics,
}

/// How a trailing assistant message is said to be one to go on with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prefill {
    /// It is not: it is passed as it is.
    #[default]
    Plain,
    /// `prefix: true` on it, and another path where there is one for that.
    Prefix {
        /// Path and query below the base URL; the usual one where `None`.
        path: Option<String>,
    },
    /// `continue_final_message` in the body (vLLM).
    ContinueFinalMessage,
}

/// The content of an assistant message that says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SilentAssistant {
    /// As the caller sends it.
    #[default]
    AsSent,
    /// `""`.
    Empty,
}

/// How a document is sent (wire-protocols §6).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Documents {
    /// As OpenAI's `file` part.
    #[default]
    File,
    /// As a `document_url` part, whose URL may be a `data:` URL (Mistral).
    DocumentUrl,
    /// As a `file_url` part with a URL, or with base64 and nothing before it (Perplexity).
    FileUrl,
}

/// Whether `strict` of a tool is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrictTools {
    /// It is.
    #[default]
    Pass,
    /// It is left out and named.
    Drop,
}

/// Which names tools may have (wire-protocols §7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolNames {
    /// Any.
    #[default]
    Any,
    /// Up to 64 letters, digits, `_` and `-`: others are sent under another name and named back.
    Strict,
}

/// How answers reach the caller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Byte for byte.
    #[default]
    Passed,
    /// Read and written anew, since clients of OpenAI's would stumble over what is different:
    /// finish reasons of the vendor's own or twice, calls without `type`, lists as content,
    /// sources by number instead of annotations.
    Translated,
}

/// Whether usage of a stream must be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamUsage {
    /// By `stream_options.include_usage`.
    #[default]
    Ask,
    /// It comes unasked, and `stream_options` is unknown or refused.
    Always,
}

/// Which endpoints a provider has beside chat and embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoints {
    /// `/completions` for its chat models too; models that are for completions only have it in any
    /// case.
    pub completions: bool,
    /// `/moderations`.
    pub moderations: bool,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self {
            completions: true,
            moderations: true,
        }
    }
}

/// What holds for embeddings (wire-protocols §3.6).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmbeddingRules {
    /// Most inputs of one call; larger requests are split. `None` for no known limit.
    pub inputs_max: Option<u32>,
    /// Most tokens of all inputs of one call.
    pub tokens_max: Option<u64>,
    /// Token ids are taken as input.
    pub token_ids: bool,
    /// The name of `dimensions` there.
    pub dimensions: Option<String>,
    /// How vectors come.
    pub vectors: VectorForm,
}

impl Default for EmbeddingRules {
    fn default() -> Self {
        Self {
            inputs_max: None,
            tokens_max: None,
            token_ids: true,
            dimensions: None,
            vectors: VectorForm::Float,
        }
    }
}

/// How vectors come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorForm {
    /// Lists of numbers, or base64 of little-endian float32.
    #[default]
    Float,
    /// Base64 of one signed byte a dimension (Perplexity): 127 stands for 1.
    Int8,
}
