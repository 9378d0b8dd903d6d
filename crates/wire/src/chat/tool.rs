//! Tools, tool choice and tool calls of the hub.

use serde_json::Value;

use super::CacheControl;

/// A tool that the model may call and the caller runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Tool {
    /// Called with a JSON object.
    Function {
        /// Its name as the caller wrote it.
        name: String,
        /// What it does.
        description: Option<String>,
        /// JSON schema of its arguments; `None` if it takes none.
        parameters: Option<Value>,
        /// Whether arguments must fit the schema exactly.
        strict: Option<bool>,
        /// Prompt-cache mark.
        cache_control: Option<CacheControl>,
    },
    /// Called with free text, optionally bound by a grammar (OpenAI `custom`).
    Custom {
        /// Its name.
        name: String,
        /// What it does.
        description: Option<String>,
        /// OpenAI `format`, verbatim.
        format: Option<Value>,
    },
    /// A tool type that the hub does not know (a provider-run tool), verbatim.
    Unknown {
        /// Its `type`.
        kind: String,
        /// The whole definition.
        value: Value,
    },
}

/// Which tools the model may or must call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// At least one call.
    Required,
    /// This tool.
    Named(String),
    /// One of these; `required` as in `mode: "required"`.
    Allowed {
        /// Tool names.
        names: Vec<String>,
        /// Whether a call is a must.
        required: bool,
    },
}

impl ToolChoice {
    /// Whether a call is a must.
    #[must_use]
    pub const fn is_forced(&self) -> bool {
        match self {
            Self::Required | Self::Named(_) => true,
            Self::Allowed { required, .. } => *required,
            Self::Auto | Self::None => false,
        }
    }
}

/// A call that the model made.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall {
    /// Links the result to the call. Never empty in a decoded response: made from a hash where the
    /// provider sends none.
    pub id: String,
    /// The tool's name as the caller knows it.
    pub name: String,
    /// JSON text of the arguments; for a custom tool the free text itself.
    pub arguments: String,
    /// A custom (free-form) tool.
    pub custom: bool,
}
