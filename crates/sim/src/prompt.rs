//! What a dialect understood of an accepted request: just enough to answer it.

use serde_json::Value;

/// An accepted chat, embeddings or rerank request, whatever dialect it came in.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prompt {
    /// The model that the caller named.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// OpenAI: `stream_options.include_usage`. The other dialects always send usage.
    pub include_usage: bool,
    /// Choices asked for (`n`, `candidateCount`); at least 1.
    pub choices: u32,
    /// All text of the request that costs input tokens, in order, one string a message or block.
    pub texts: Vec<String>,
    /// Text of the last user turn (the seeded answer talks about it).
    pub last_user_text: String,
    /// Images, audio clips, documents and videos in the request.
    pub media: u32,
    /// The client tools that the model may call.
    pub tools: Vec<ToolOffer>,
    /// Which of them it must, may or may not call.
    pub tool_choice: ToolChoice,
    /// Whether more than one call may be made in one turn.
    pub parallel_tools: bool,
    /// The last turn carries tool results, so the answer is text about them: (tool name, result text).
    pub tool_results: Vec<(String, String)>,
    /// JSON mode without a schema.
    pub json_mode: bool,
    /// The JSON schema that the answer must fit.
    pub schema: Option<Value>,
    /// The most output tokens that the caller allows.
    pub max_output_tokens: Option<u64>,
    /// Stop sequences.
    pub stop: Vec<String>,
    /// Whether the model is to think before it answers (thinking on, effort above none).
    pub thinking: bool,
    /// Whether the thoughts are to be shown (Gemini `includeThoughts`; Anthropic's `display`).
    pub show_thoughts: bool,
    /// OpenAI Responses: whether the thoughts go out sealed, so that they can be sent back.
    pub seal_thoughts: bool,
    /// Log probabilities asked for, and how many alternatives.
    pub logprobs: Option<u32>,
    /// Input tokens marked for the prompt cache (a `cache_control` mark, `cachedContent`).
    pub cache_marked: bool,
    /// Ollama: the context that the request asks for, in tokens.
    pub context_size: Option<u64>,
    /// Ollama: a prompt that exceeds the context is to be refused, not cut.
    pub refuses_to_be_cut: bool,
    /// Reranking: results asked for.
    pub top_n: Option<u64>,
    /// Embeddings, moderations and text completions: the inputs; reranking: the documents. Empty
    /// for chat.
    pub inputs: Vec<String>,
    /// Text completions: the prompt goes in front of the text.
    pub echo: bool,
    /// Embeddings: dimensions asked for.
    pub dimensions: Option<u32>,
    /// Embeddings: answer as base64 of little-endian float32.
    pub base64: bool,
}

/// A client tool as offered to the model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolOffer {
    /// Its name on the wire.
    pub name: String,
    /// Its JSON schema (`{"type":"object"}` where none was given).
    pub schema: Value,
    /// OpenAI custom (free-form) tool: the call carries text instead of JSON.
    pub custom: bool,
}

/// What the caller said about calling tools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// No call may be made.
    None,
    /// Some tool must be called.
    Required,
    /// One of these must be called.
    Named(Vec<String>),
}

/// A refusal as the real API would word it.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Error body in the dialect's own shape.
    pub body: Value,
}
