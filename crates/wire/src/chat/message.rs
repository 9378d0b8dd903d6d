//! Messages and content parts of the hub request.

use serde_json::{Map, Value};

use super::{ProviderBlock, ToolCall};

/// Who speaks. The legacy `function` role is read as [`Role::Tool`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions, older spelling.
    System,
    /// Instructions, OpenAI's spelling for reasoning models.
    Developer,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// The result of one tool call.
    Tool,
}

/// One message. String content is one text part; empty content is no part.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// Content in order.
    pub parts: Vec<Part>,
    /// `name` of the speaker, or of the function for a legacy function message.
    pub name: Option<String>,
    /// Calls that the assistant made in this turn.
    pub tool_calls: Vec<ToolCall>,
    /// For [`Role::Tool`]: the call that this answers.
    pub tool_call_id: Option<String>,
    /// For [`Role::Tool`]: the tool failed (extension `is_error`).
    pub is_error: bool,
    /// The model's readable reasoning (extension `reasoning_content`).
    pub reasoning: Option<String>,
    /// Opaque provider state of this turn, in order.
    pub blocks: Vec<ProviderBlock>,
    /// Prompt-cache mark on the whole message (extension `cache_control`).
    pub cache_control: Option<CacheControl>,
}

impl Message {
    /// An empty message of that role.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            parts: Vec::new(),
            name: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
            is_error: false,
            reasoning: None,
            blocks: Vec::new(),
            cache_control: None,
        }
    }

    /// All text parts (and refusals) joined with nothing between them (wire-protocols §6).
    #[must_use]
    pub fn text(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Text { text, .. } | Part::Refusal { text } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

/// One piece of content.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// Plain text.
    Text {
        /// The text.
        text: String,
        /// Prompt-cache mark.
        cache_control: Option<CacheControl>,
    },
    /// A picture.
    Image {
        /// Where it is.
        source: MediaSource,
        /// OpenAI `detail`: `auto`, `low`, `high`, `original`.
        detail: Option<String>,
        /// Prompt-cache mark.
        cache_control: Option<CacheControl>,
    },
    /// A sound clip.
    Audio {
        /// Where it is.
        source: MediaSource,
        /// OpenAI `format`: `wav` or `mp3`.
        format: Option<String>,
    },
    /// A document (PDF, text) or any other file.
    File {
        /// Where it is.
        source: MediaSource,
        /// Its name as given.
        filename: Option<String>,
        /// Prompt-cache mark.
        cache_control: Option<CacheControl>,
    },
    /// A moving picture (extension `video_url`).
    Video {
        /// Where it is.
        source: MediaSource,
        /// Provider settings such as Gemini's `videoMetadata`, verbatim.
        settings: Option<Value>,
    },
    /// The assistant's refusal of an earlier turn.
    Refusal {
        /// Its words.
        text: String,
    },
    /// A part of a type that the hub does not know, verbatim. Only a same-dialect target gets it.
    Unknown {
        /// Its `type`.
        kind: String,
        /// The whole part.
        value: Value,
    },
}

impl Part {
    /// Where its bytes are, if it has some.
    #[must_use]
    pub const fn source(&self) -> Option<&MediaSource> {
        match self {
            Self::Image { source, .. }
            | Self::File { source, .. }
            | Self::Audio { source, .. }
            | Self::Video { source, .. } => Some(source),
            Self::Text { .. } | Self::Refusal { .. } | Self::Unknown { .. } => None,
        }
    }

    /// Its prompt-cache mark.
    #[must_use]
    pub const fn cache_control(&self) -> Option<&CacheControl> {
        match self {
            Self::Text { cache_control, .. }
            | Self::Image { cache_control, .. }
            | Self::File { cache_control, .. } => cache_control.as_ref(),
            Self::Audio { .. }
            | Self::Video { .. }
            | Self::Refusal { .. }
            | Self::Unknown { .. } => None,
        }
    }
}

/// Where the bytes of a media part are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaSource {
    /// Given in the request. `data` is standard base64 without line breaks.
    Inline {
        /// MIME type; empty if the caller gave none.
        media_type: String,
        /// Base64.
        data: String,
    },
    /// An `http`, `https`, `gs` or `s3` URL.
    Url(String),
    /// A file that was uploaded to the provider before.
    FileId(String),
}

/// An Anthropic-style prompt-cache mark, verbatim (`{"type":"ephemeral","ttl":"1h"}`).
#[derive(Debug, Clone, PartialEq)]
pub struct CacheControl(pub Map<String, Value>);
