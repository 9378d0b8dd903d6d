//! The hub's embeddings request and response.

use serde_json::Map;
use serde_json::Value;

use crate::usage::Usage;

/// An embeddings request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbeddingRequest {
    /// The model as the caller named it.
    pub model: String,
    /// What to embed, one vector each.
    pub input: Vec<EmbeddingInput>,
    /// Dimensions asked for.
    pub dimensions: Option<u32>,
    /// The caller wants base64 of little-endian float32 (the official clients do).
    pub base64: bool,
    /// End-user id.
    pub user: Option<String>,
    /// `provider_options.<dialect>`.
    pub provider_options: Map<String, Value>,
    /// Names of fields that the hub does not know.
    pub unread: Vec<String>,
}

/// One thing to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbeddingInput {
    /// Text.
    Text(String),
    /// Token ids of the model's own tokeniser.
    Tokens(Vec<u64>),
}

/// An embeddings answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EmbeddingResponse {
    /// The model that answered, as the provider named it; empty if it did not.
    pub model: String,
    /// One vector an input, in the inputs' order.
    pub vectors: Vec<Vec<f32>>,
    /// Token counts; `None` if the provider gave none.
    pub usage: Option<Usage>,
    /// What else the provider said, by its own names.
    pub metadata: Map<String, Value>,
}
