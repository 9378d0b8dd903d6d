//! What a model can do and will take: the table that translation reads instead of model names.
//!
//! Values come from the catalog (`catalog/*.json`, by model family); the defaults here are what an
//! unknown OpenAI-compatible model is assumed to take: everything, as sent.

use serde::{Deserialize, Serialize};

use crate::chat::Effort;

/// What one model takes. Read by adapters (wire-protocols §4 to §9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// Input window in tokens; `None` if unknown.
    pub context_window: Option<u64>,
    /// Most output tokens of one answer; `None` if unknown.
    pub max_output: Option<u64>,
    /// `temperature`, `top_p`, `top_k`.
    pub sampling: Sampling,
    /// `temperature` and `top_p` are refused together (Claude Opus 4.1, and Claude from 4.5 on).
    pub one_of_temperature_top_p: bool,
    /// `frequency_penalty` and `presence_penalty`.
    pub penalties: bool,
    /// `logit_bias`.
    pub logit_bias: bool,
    /// `logprobs` and `top_logprobs`.
    pub logprobs: bool,
    /// `seed`.
    pub seed: bool,
    /// Most stop sequences; 0 if it takes none; `None` for no known limit.
    pub stop_max: Option<u32>,
    /// Most choices of one call (`n`, `candidateCount`).
    pub choices_max: u32,
    /// The role that instructions go out in on an OpenAI-shaped wire.
    pub system_role: SystemRole,
    /// Takes a system message in the middle of a conversation (Claude 4.8 and later).
    pub mid_conversation_system: bool,
    /// Continues a trailing assistant message.
    pub prefill: bool,
    /// Takes a user message right after a tool result (some Mistral models refuse it, error 3230).
    pub user_after_tool: bool,
    /// Client tools.
    pub tools: bool,
    /// A tool call may be forced (`required` or a named tool).
    pub forced_tool_choice: ForcedToolChoice,
    /// One named tool may be forced; else a forced choice means any of the tools (Bedrock: Mistral).
    pub named_tool_choice: bool,
    /// `parallel_tool_calls` or an equivalent.
    pub parallel_tool_control: bool,
    /// Pictures in tool results.
    pub tool_result_media: bool,
    /// JSON mode without a schema.
    pub json_object: bool,
    /// JSON schema enforced by the provider.
    pub json_schema: JsonSchemaSupport,
    /// Gemini: takes `responseJsonSchema`/`parametersJsonSchema`, else the OpenAPI subset only.
    pub json_schema_dialect: SchemaDialect,
    /// How thinking is controlled.
    pub reasoning: Reasoning,
    /// Function tools and `reasoning_effort` above `none` may meet on chat completions.
    pub tools_with_effort: bool,
    /// Whether requests go to the provider's Responses API instead of chat completions.
    pub responses: ResponsesUse,
    /// Pictures as input.
    pub image_input: bool,
    /// Sound as input.
    pub audio_input: bool,
    /// PDF documents as input.
    pub pdf_input: bool,
    /// Video as input.
    pub video_input: bool,
    /// Fetches `https` URLs of pictures and documents itself.
    pub fetches_urls: bool,
    /// Takes prompt-cache marks.
    pub cache_control: bool,
    /// OpenAI explicit cache breakpoints (`prompt_cache_options`, GPT-5.6 and later).
    pub cache_breakpoints: bool,
    /// The dialect's `max_tokens` is refused: send `max_completion_tokens`.
    pub max_completion_tokens: bool,
    /// Bedrock: whose own fields `additionalModelRequestFields` takes.
    pub converse_fields: ConverseFields,
}

impl Default for Capabilities {
    fn default() -> Self {
        Self {
            context_window: None,
            max_output: None,
            sampling: Sampling::Free,
            one_of_temperature_top_p: false,
            penalties: true,
            logit_bias: true,
            logprobs: true,
            seed: true,
            stop_max: None,
            choices_max: u32::MAX,
            system_role: SystemRole::System,
            mid_conversation_system: true,
            prefill: true,
            user_after_tool: true,
            tools: true,
            forced_tool_choice: ForcedToolChoice::Yes,
            named_tool_choice: true,
            parallel_tool_control: true,
            tool_result_media: false,
            json_object: true,
            json_schema: JsonSchemaSupport::Yes,
            json_schema_dialect: SchemaDialect::JsonSchema,
            reasoning: Reasoning::Unknown,
            tools_with_effort: true,
            responses: ResponsesUse::Never,
            image_input: true,
            audio_input: true,
            pdf_input: true,
            video_input: true,
            fetches_urls: true,
            cache_control: false,
            cache_breakpoints: false,
            max_completion_tokens: false,
            converse_fields: ConverseFields::ByVendor,
        }
    }
}

/// Which sampling parameters a model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// All.
    Free,
    /// Only while it does not think; thinking takes temperature 1 and top_p 0.95 to 1 (Claude up
    /// to 4.6).
    UnlessThinking,
    /// Only the default values: anything else is refused (OpenAI reasoning models).
    DefaultOnly,
    /// None at any value (Claude 4.7 and later).
    Never,
}

/// The role of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemRole {
    /// `system`; `developer` is rewritten to it.
    System,
    /// `developer` and `system` as the caller wrote them.
    Developer,
    /// Neither: a user turn (the first o1 models).
    User,
}

/// Whether a tool call may be forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForcedToolChoice {
    /// Always.
    Yes,
    /// Only while the model does not think with a budget (Claude up to 4.5).
    UnlessThinking,
    /// Never (Claude Opus 5.5, Fable 5.1).
    Never,
}

impl ForcedToolChoice {
    /// Whether a call may be forced while the model thinks with a budget, or without one.
    #[must_use]
    pub const fn holds(self, has_budget: bool) -> bool {
        match self {
            Self::Yes => true,
            Self::UnlessThinking => !has_budget,
            Self::Never => false,
        }
    }
}

/// Whether the provider enforces a JSON schema on the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonSchemaSupport {
    /// Yes.
    Yes,
    /// Yes, but not together with tools (Gemini before 3).
    WithoutTools,
    /// No: it is emulated (wire-protocols §8.2).
    No,
}

/// When a model is called over the Responses API of a provider that has it beside chat completions
/// (wire-protocols §9, §15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponsesUse {
    /// Never.
    Never,
    /// Where tools meet an effort above `none` that the caller asked for: chat completions refuse
    /// the two together (GPT-5.4).
    ToolsWithEffort,
    /// Where there are tools, unless the caller asked for effort `none`: the model thinks by
    /// default, and chat completions take tools only while it does not (GPT-5.5 and later).
    ToolsUnlessOff,
    /// Always, but for what only chat completions can do (xAI).
    Preferred,
}

/// Which schema language a Gemini model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaDialect {
    /// JSON Schema (`parametersJsonSchema`, `responseJsonSchema`).
    JsonSchema,
    /// The OpenAPI subset only (`parameters`, `responseSchema`).
    OpenApiSubset,
}

/// Which fields of its vendor's own a model takes through Bedrock Converse
/// (`additionalModelRequestFields`; wire-protocols §4 note 5, §9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConverseFields {
    /// Those of the vendor that the model's id names.
    ByVendor,
    /// None that we know of.
    None,
    /// `thinking`, `output_config`, `top_k`, `anthropic_beta`.
    Anthropic,
    /// `reasoningConfig`, `inferenceConfig.topK`.
    Nova,
    /// `reasoning_effort`.
    OpenAi,
    /// `reasoning_config` with a word.
    Qwen,
    /// `top_k`.
    Mistral,
    /// `k`.
    Cohere,
}

/// How a model's thinking is controlled (wire-protocols §9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reasoning {
    /// Unknown: the caller's fields pass as they are.
    Unknown,
    /// The model does not think; effort is left out.
    None,
    /// By a word out of `levels` (OpenAI `reasoning_effort`, Gemini 3 `thinkingLevel`). `none` is
    /// among them if thinking can be off.
    Effort {
        /// Accepted levels.
        levels: Vec<Effort>,
    },
    /// By a token budget (Claude up to 4.5, Gemini 2.5).
    Budget {
        /// Least budget in tokens.
        min: u64,
        /// Largest budget in tokens.
        max: u64,
        /// Whether thinking can be off.
        can_disable: bool,
    },
    /// Claude 4.6 and later: `thinking.type = adaptive` with `output_config.effort`.
    Adaptive {
        /// Accepted effort levels.
        levels: Vec<Effort>,
        /// Whether `thinking.type = disabled` is taken.
        can_disable: bool,
        /// Whether `thinking.type = enabled` with a budget is still taken (4.6).
        budget_accepted: bool,
    },
}
