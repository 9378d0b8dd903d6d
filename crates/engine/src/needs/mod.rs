//! What a request needs of the model that answers it, for choosing among targets before any of
//! them is called.
//!
//! Read [`RequestNeeds`] first. It is made from the hub request where there is one, and else by a
//! peek into the caller's JSON that copies nothing but a few short fields.

mod api;
mod peek;

pub use api::ApiNeeds;

use polyroute_wire::chat::{
    ChatRequest, MediaSource, Message, Part, ResponseFormat, Role, Tool, ToolChoice,
};
use polyroute_wire::embedding::{EmbeddingInput, EmbeddingRequest};
use polyroute_wire::media::parse_data_url;
use polyroute_wire::rerank::RerankRequest;

use crate::estimate;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Operation {
    /// Chat completions.
    #[default]
    Chat,
    /// Embeddings.
    Embedding,
    /// Reranking.
    Rerank,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestNeeds {
    /// What is asked for.
    pub operation: Operation,
    /// Client tools are given.
    pub tools: bool,
    /// A call is forced: required, or a named tool.
    pub forced_tool: bool,
    /// Pictures.
    pub image: bool,
    /// Sound.
    pub audio: bool,
    /// PDF documents.
    pub pdf: bool,
    /// Moving pictures.
    pub video: bool,
    /// The answer must fit a JSON schema.
    pub json_schema: bool,
    /// The last message is the assistant's, to be continued.
    pub prefill: bool,
    /// Choices asked for; 0 and 1 mean one.
    pub choices: u32,
    /// Estimated input tokens. Media are not counted.
    pub estimated_input_tokens: u64,
    /// The caller's limit on output tokens.
    pub max_output: Option<u64>,
}

impl RequestNeeds {
    /// Of a chat request.
    #[must_use]
    pub fn of_chat(request: &ChatRequest) -> Self {
        let mut needs = Self {
            tools: request
                .tools
                .iter()
                .any(|tool| !matches!(tool, Tool::Unknown { .. })),
            forced_tool: matches!(
                request.tool_choice,
                Some(
                    ToolChoice::Required
                        | ToolChoice::Named(_)
                        | ToolChoice::Allowed { required: true, .. }
                )
            ),
            json_schema: matches!(
                request.response_format,
                Some(ResponseFormat::JsonSchema { .. })
            ),
            prefill: request
                .messages
                .last()
                .is_some_and(|last| last.role == Role::Assistant && last.tool_calls.is_empty()),
            choices: request.n.unwrap_or(1),
            max_output: request.max_output_tokens,
            ..Self::default()
        };
        let mut bytes = 0;
        for message in &request.messages {
            bytes += needs.message(message);
        }
        for tool in &request.tools {
            bytes += tool_bytes(tool);
        }
        needs.estimated_input_tokens =
            estimate::tokens_of_bytes(bytes) + estimate::overhead(request.messages.len());
        needs
    }

    /// Of an embeddings request.
    #[must_use]
    pub fn of_embeddings(request: &EmbeddingRequest) -> Self {
        // The window of an embeddings model bounds each input, not their sum.
        let longest = request.input.iter().map(|input| match input {
            EmbeddingInput::Text(text) => estimate::tokens_of_bytes(text.len()),
            EmbeddingInput::Tokens(tokens) => u64::try_from(tokens.len()).unwrap_or(u64::MAX),
        });
        Self {
            operation: Operation::Embedding,
            estimated_input_tokens: longest.max().unwrap_or(0),
            ..Self::default()
        }
    }

    /// Of a rerank request.
    #[must_use]
    pub fn of_rerank(request: &RerankRequest) -> Self {
        // Rerankers cut what is longer than their window: no document is too long for one.
        let query = estimate::tokens_of_bytes(request.query.len());
        Self {
            operation: Operation::Rerank,
            estimated_input_tokens: query,
            ..Self::default()
        }
    }

    /// Notes what a message needs; gives the bytes of its text.
    fn message(&mut self, message: &Message) -> usize {
        let calls = message
            .tool_calls
            .iter()
            .map(|call| call.name.len() + call.arguments.len());
        let parts = message.parts.iter().map(|part| match part {
            Part::Text { text, .. } | Part::Refusal { text } => text.len(),
            Part::Image { .. } => {
                self.image = true;
                0
            }
            Part::Audio { .. } => {
                self.audio = true;
                0
            }
            Part::Video { .. } => {
                self.video = true;
                0
            }
            Part::File {
                source, filename, ..
            } => {
                self.file(source, filename.as_deref());
                0
            }
            Part::Unknown { .. } => 0,
        });
        let parts: usize = parts.sum();
        parts + calls.sum::<usize>() + message.reasoning.as_ref().map_or(0, String::len)
    }

    /// A file is a PDF unless its type or name says something else.
    fn file(&mut self, source: &MediaSource, filename: Option<&str>) {
        let media_type = match source {
            MediaSource::Inline { media_type, .. } => media_type.clone(),
            MediaSource::Url(url) => parse_data_url(url)
                .map(|(kind, _)| kind)
                .unwrap_or_default(),
            // Only its provider knows what it is.
            MediaSource::FileId(_) => return,
        };
        let name = match source {
            MediaSource::Url(url) if filename.is_none() => url.as_str(),
            _ => filename.unwrap_or_default(),
        };
        let ends = |ending: &str| {
            name.len() >= ending.len()
                && name
                    .get(name.len() - ending.len()..)
                    .is_some_and(|end| end.eq_ignore_ascii_case(ending))
        };
        match media_type.split('/').next().unwrap_or_default() {
            "image" => self.image = true,
            "audio" => self.audio = true,
            "video" => self.video = true,
            "text" => {}
            _ if media_type == "application/pdf" || ends(".pdf") => self.pdf = true,
            _ => {}
        }
    }
}

fn tool_bytes(tool: &Tool) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            ..
        } => {
            let schema = parameters
                .as_ref()
                .map_or(0, |schema| schema.to_string().len());
            name.len() + text(description) + schema
        }
        Tool::Custom {
            name, description, ..
        } => name.len() + text(description),
        Tool::Unknown { .. } => 0,
    }
}

#[cfg(test)]
mod tests;
