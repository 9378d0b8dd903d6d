//! The hub's stream: what a decoder says, in order.

use serde_json::Value;

use super::{Annotation, FinishReason, ProviderBlock};
use crate::error::UpstreamError;
use crate::usage::Usage;

/// One thing that an upstream stream said.
///
/// Per choice the order is: text, reasoning, tool starts and fragments, then `Finish`, unless the
/// provider goes on after its own stop reason: who writes holds a finish back to the end. A decoder
/// ends every stream with exactly one [`ChatEvent::End`] or one [`ChatEvent::Error`], and says
/// nothing after it.
#[derive(Debug, Clone, PartialEq)]
pub enum ChatEvent {
    /// Identity of the answer. Once, before anything else but `Ping`.
    Start {
        /// Provider's id; empty if none.
        id: String,
        /// Model that answers, as the provider names it.
        model: String,
        /// Seconds since the epoch, if said.
        created: Option<i64>,
    },
    /// Content text.
    Text {
        /// Choice index.
        choice: u32,
        /// Text to append.
        text: String,
    },
    /// Readable reasoning.
    Reasoning {
        /// Choice index.
        choice: u32,
        /// Text to append.
        text: String,
    },
    /// Refusal text.
    Refusal {
        /// Choice index.
        choice: u32,
        /// Text to append.
        text: String,
    },
    /// A client tool call begins.
    ToolStart {
        /// Choice index.
        choice: u32,
        /// Call index in order of first appearance within the choice.
        call: u32,
        /// Call id, never empty.
        id: String,
        /// Tool name as the caller knows it.
        name: String,
        /// A custom (free-form) tool.
        custom: bool,
    },
    /// A fragment of a call's arguments.
    ToolArguments {
        /// Choice index.
        choice: u32,
        /// Call index.
        call: u32,
        /// Text to append.
        fragment: String,
    },
    /// A whole opaque block.
    Block {
        /// Choice index.
        choice: u32,
        /// The block.
        block: ProviderBlock,
    },
    /// A citation.
    Annotation {
        /// Choice index.
        choice: u32,
        /// The citation.
        annotation: Annotation,
    },
    /// OpenAI-shaped log probabilities of the text just sent (`{"content":[…]}`).
    Logprobs {
        /// Choice index.
        choice: u32,
        /// The object.
        logprobs: Value,
    },
    /// OpenAI `delta.audio`, verbatim.
    Audio {
        /// Choice index.
        choice: u32,
        /// The object.
        audio: Value,
    },
    /// A generated picture (`{"type":"image_url",…}`).
    Image {
        /// Choice index.
        choice: u32,
        /// The entry.
        image: Value,
    },
    /// A choice ended.
    Finish {
        /// Choice index.
        choice: u32,
        /// Why, in OpenAI's words.
        reason: FinishReason,
        /// Why, in the provider's word.
        native: String,
        /// The stop sequence that was hit, if said.
        stop_sequence: Option<String>,
    },
    /// Token counts so far; a later one replaces an earlier one.
    Usage(Usage),
    /// Something else that the provider said: of a choice, or of the whole answer. A later value
    /// of the same key replaces an earlier one.
    Metadata {
        /// Choice index; `None` for the whole answer. `service_tier` and `system_fingerprint` of
        /// the whole answer come this way too.
        choice: Option<u32>,
        /// The provider's name of it.
        key: String,
        /// Its value.
        value: Value,
    },
    /// The provider is alive and says nothing.
    Ping,
    /// The stream failed in band, was cut, or could not be read. Nothing follows.
    Error(UpstreamError),
    /// The stream ended as it should. Nothing follows.
    End,
}

impl ChatEvent {
    /// Whether this event carries content for the caller: the first such event is the content
    /// commit, after which no other target may answer in silence.
    #[must_use]
    pub fn is_content(&self) -> bool {
        match self {
            Self::Text { text, .. } | Self::Reasoning { text, .. } | Self::Refusal { text, .. } => {
                !text.is_empty()
            }
            Self::ToolStart { .. }
            | Self::ToolArguments { .. }
            | Self::Audio { .. }
            | Self::Image { .. }
            | Self::Finish { .. } => true,
            Self::Start { .. }
            | Self::Block { .. }
            | Self::Annotation { .. }
            | Self::Logprobs { .. }
            | Self::Usage(_)
            | Self::Metadata { .. }
            | Self::Ping
            | Self::Error(_)
            | Self::End => false,
        }
    }
}

/// Reads one streamed body. Any chunking of the same bytes gives the same events.
pub trait StreamDecoder: Send {
    /// Takes the next bytes and appends what they say to `out`.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>);

    /// The body ended. Appends `End` if the stream was complete, else an `Error` of kind
    /// `truncated`, unless one of them was said before.
    fn finish(&mut self, out: &mut Vec<ChatEvent>);
}
