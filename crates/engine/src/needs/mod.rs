//! What a request needs of the model that answers it, for choosing among targets before any of
//! them is called.
//!
//! Read [`RequestNeeds`] first. It is made from the hub request where there is one, and else by a
//! peek into the caller's JSON that copies nothing but a few short fields.

mod api;
mod peek;

pub use api::ApiNeeds;

use serde_json::Value;

use polyroute_wire::chat::{
    ChatRequest, Effort, MediaSource, Message, Part, ResponseFormat, Role, Tool, ToolChoice,
};
use polyroute_wire::embedding::{EmbeddingInput, EmbeddingRequest};
use polyroute_wire::media::{image_size, parse_data_url};
use polyroute_wire::rerank::RerankRequest;

use crate::estimate::{Family, Form, InputSize};

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
    /// Text completions.
    Completions,
    /// Moderations.
    Moderations,
    /// How many tokens the input of a chat request is.
    InputTokens,
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
    /// How large the input is, for an estimate of its tokens.
    pub size: InputSize,
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
        for message in &request.messages {
            needs.message(message);
        }
        for tool in &request.tools {
            add_tool(&mut needs.size, tool);
        }
        match &request.tool_choice {
            Some(ToolChoice::None) => needs.size.uncallable(),
            _ if needs.forced_tool => needs.size.forced(),
            _ => {}
        }
        if request.parallel_tool_calls == Some(false) {
            needs.size.sequential();
        }
        match &request.response_format {
            Some(ResponseFormat::JsonSchema { schema, .. }) => {
                needs.size.answer_schema(&schema.to_string());
            }
            Some(ResponseFormat::JsonObject) => needs.size.json(),
            _ => {}
        }
        if request
            .reasoning_effort
            .is_some_and(|effort| effort != Effort::None)
        {
            needs.size.thinks();
        }
        needs
    }

    /// Of a text completions request, by the JSON text of its prompt and its limits.
    #[must_use]
    pub fn of_completion(prompt: &str, choices: Option<u32>, max_output: Option<u64>) -> Self {
        let mut size = InputSize::default();
        size.message();
        size.text(prompt, Form::Escaped);
        Self {
            operation: Operation::Completions,
            choices: choices.unwrap_or(1),
            max_output,
            size,
            ..Self::default()
        }
    }

    /// Of an embeddings request.
    #[must_use]
    pub fn of_embeddings(request: &EmbeddingRequest) -> Self {
        // The window of an embeddings model bounds each input, not their sum.
        let sizes = request.input.iter().map(|input| {
            let mut size = InputSize::default();
            match input {
                EmbeddingInput::Text(text) => size.text(text, Form::Plain),
                EmbeddingInput::Tokens(tokens) => {
                    size.exact(u64::try_from(tokens.len()).unwrap_or(u64::MAX));
                }
            }
            size
        });
        Self {
            operation: Operation::Embedding,
            size: sizes
                .max_by_key(|size| size.plain_tokens(Family::Other))
                .unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Of a rerank request.
    #[must_use]
    pub fn of_rerank(request: &RerankRequest) -> Self {
        let mut needs = Self {
            operation: Operation::Rerank,
            ..Self::default()
        };
        // Rerankers cut what is longer than their window: no document is too long for one.
        needs.size.text(&request.query, Form::Plain);
        needs
    }

    /// Notes what a message needs and how large it is.
    fn message(&mut self, message: &Message) {
        self.size.message();
        match message.role {
            Role::User => self.size.turn(),
            Role::Tool => self.size.result(),
            _ => {}
        }
        for block in &message.blocks {
            let text = |key: &str| block.block.get(key).and_then(Value::as_str);
            let (reasoning, signature) = (text("encrypted_content"), text("thoughtSignature"));
            self.sealed(
                reasoning.unwrap_or_default(),
                signature.unwrap_or_default(),
                block.span.call_len > 0,
            );
        }
        for call in &message.tool_calls {
            self.size.call(&call.name, &call.arguments, Form::Plain);
        }
        if let Some(reasoning) = &message.reasoning {
            self.size.reasoning(reasoning, Form::Plain);
        }
        for part in &message.parts {
            self.part(part);
        }
    }

    /// Thinking that only its provider can read: encrypted reasoning (OpenAI, xAI), and signatures
    /// (Gemini), of which those of calls count.
    fn sealed(&mut self, reasoning: &str, signature: &str, is_call: bool) {
        let characters = u64::try_from(reasoning.len()).unwrap_or(u64::MAX);
        self.size.sealed(characters);
        if is_call {
            self.size.signature(signature);
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text { text, .. } | Part::Refusal { text } => self.size.text(text, Form::Plain),
            Part::Image { source, detail, .. } => {
                self.image = true;
                let size = match source {
                    MediaSource::Inline { data, .. } => image_size(data),
                    MediaSource::Url(url) if url.starts_with("data:") => {
                        url.split_once(',').and_then(|(_, data)| image_size(data))
                    }
                    MediaSource::Url(_) | MediaSource::FileId(_) => None,
                };
                self.size.picture(size, detail.as_deref() == Some("low"));
            }
            Part::Audio { source, .. } => {
                self.audio = true;
                self.size.sound(inline_bytes(source));
            }
            Part::Video { .. } => self.video = true,
            Part::File {
                source, filename, ..
            } => {
                self.file(source, filename.as_deref());
                self.size.document(inline_bytes(source));
            }
            Part::Unknown { .. } => {}
        }
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

/// Bytes of inline media; none where they are somewhere else.
fn inline_bytes(source: &MediaSource) -> u64 {
    let chars = match source {
        MediaSource::Inline { data, .. } => data.len(),
        MediaSource::Url(url) if url.starts_with("data:") => url.len(),
        MediaSource::Url(_) | MediaSource::FileId(_) => 0,
    };
    u64::try_from(chars).unwrap_or(u64::MAX) / 4 * 3
}

fn add_tool(size: &mut InputSize, tool: &Tool) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            ..
        } => {
            let schema = parameters.as_ref().map(ToString::to_string);
            let schema = schema.unwrap_or_default();
            size.tool(name, &text(description), &schema, Form::Plain);
        }
        Tool::Custom {
            name, description, ..
        } => size.tool(name, &text(description), "", Form::Plain),
        Tool::Unknown { .. } => {}
    }
}

#[cfg(test)]
mod tests;
