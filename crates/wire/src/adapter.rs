//! The seam between the program and the providers' wire formats.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::capability::Capabilities;
use crate::chat::{ChatEvent, ChatRequest, ChatResponse, StreamDecoder};
use crate::classify::synthetic_call_id;
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, EncodeErrorCode, ErrorKind, UpstreamError};
use crate::media::MediaStore;
use crate::names::NameMap;
use crate::notes::Notes;
use crate::profile::Profile;
use crate::rerank::{RerankRequest, RerankResponse};
use crate::surface::Surface;
use crate::think_tags::ThinkTags;

/// Translation between the hub and one provider's wire format. Pure: the same request gives the
/// same bytes, which prompt caches and signed thinking blocks need (wire-protocols §2.5).
pub trait Adapter: Send + Sync {
    /// URLs in the request whose bytes the target can't fetch itself, so that the caller of
    /// [`Adapter::encode_chat`] must have them in the [`MediaStore`].
    fn media_to_fetch(&self, request: &ChatRequest, target: &Target) -> Vec<String>;

    /// Translates a chat request.
    ///
    /// # Errors
    /// What this target can't be sent, with the field and what to change.
    fn encode_chat(
        &self,
        request: &ChatRequest,
        target: &Target,
        media: &MediaStore,
    ) -> Result<Encoded, EncodeError>;

    /// Reads a whole answer with status 2xx.
    ///
    /// # Errors
    /// The failure that the body turned out to be: an error object under a 200, a blocked prompt,
    /// or bytes that are no such answer.
    fn decode_chat(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<ChatResponse, UpstreamError>;

    /// A decoder for one streamed answer.
    fn chat_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder>;

    /// Translates an embeddings request.
    ///
    /// # Errors
    /// What this target can't be sent.
    fn encode_embeddings(
        &self,
        request: &EmbeddingRequest,
        target: &Target,
    ) -> Result<Encoded, EncodeError>;

    /// Reads an embeddings answer with status 2xx.
    ///
    /// # Errors
    /// The failure that the body turned out to be.
    fn decode_embeddings(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<EmbeddingResponse, UpstreamError>;

    /// Translates a rerank request.
    ///
    /// # Errors
    /// What this target can't be sent; `endpoint_not_offered` where the dialect has no reranking.
    fn encode_rerank(
        &self,
        _request: &RerankRequest,
        target: &Target,
    ) -> Result<Encoded, EncodeError> {
        Err(not_offered(target, "reranking"))
    }

    /// Reads a rerank answer with status 2xx.
    ///
    /// # Errors
    /// The failure that the body turned out to be.
    fn decode_rerank(
        &self,
        _body: &[u8],
        _context: &DecodeContext,
    ) -> Result<RerankResponse, UpstreamError> {
        Err(UpstreamError::new(
            ErrorKind::MalformedReply,
            "this API has no reranking",
        ))
    }

    /// Translates the question how many tokens the input of a chat request is (wire-protocols §14).
    /// Wants the same media as [`Adapter::encode_chat`].
    ///
    /// # Errors
    /// What this target can't be sent; `endpoint_not_offered` where the provider has no such call.
    fn encode_count(
        &self,
        _request: &ChatRequest,
        target: &Target,
        _media: &MediaStore,
    ) -> Result<Encoded, EncodeError> {
        Err(not_offered(target, "counting of tokens"))
    }

    /// Reads the answer to it with status 2xx: tokens.
    ///
    /// # Errors
    /// A body without the number.
    fn decode_count(&self, _body: &[u8]) -> Result<u64, UpstreamError> {
        Err(UpstreamError::new(
            ErrorKind::MalformedReply,
            "this API counts no tokens",
        ))
    }

    /// Reads an error answer: status other than 2xx.
    fn classify(&self, reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError;

    /// The request that lists models; `page` is the token that the last page gave.
    fn encode_models(&self, target: &Endpoint, page: Option<&str>) -> Encoded;

    /// Where the model list is, if not under the provider's base URL (Bedrock's control plane has a
    /// host of its own).
    fn models_base_url(&self, _base_url: &str) -> Option<String> {
        None
    }

    /// Reads one page of the model list: ids as `model` of a request takes them, and the next
    /// page's token.
    ///
    /// # Errors
    /// A body that is no model list.
    fn decode_models(
        &self,
        body: &[u8],
    ) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError>;
}

/// The provider has no endpoint for what is asked. Another target may have.
pub(crate) fn not_offered(target: &Target, what: &str) -> EncodeError {
    EncodeError::new(
        EncodeErrorCode::NotOffered,
        "model",
        format!(
            "The provider `{}` of `{}` offers no {what}. Use a model of a provider that does.",
            target.endpoint.provider, target.model
        ),
    )
}

/// What of a provider's endpoint the translation depends on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Endpoint {
    /// The provider's name in the config (`openai`, `anthropic`, `house`).
    pub provider: String,
    /// The version to speak, where the dialect has one (`anthropic-version`, Gemini `v1beta`).
    pub api_version: Option<String>,
    /// The provider's own service (not merely compatible with it): first-party features are there.
    pub first_party: bool,
    /// What its wire differs in from its dialect's own.
    pub profile: Arc<Profile>,
    /// Where it serves the dialect.
    pub surface: Surface,
    /// The context that the server loads its models with, in tokens, where the operator says
    /// (Ollama).
    pub num_ctx: Option<u64>,
}

/// Where a request goes, as far as translation depends on it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Target {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The model's id at the provider.
    pub model: String,
    /// What that model can do.
    pub capabilities: Capabilities,
    /// How to treat what the target can't take.
    pub policy: TranslationPolicy,
    /// Our estimate of the request's input tokens there, if one was made.
    pub input_tokens: Option<u64>,
}

/// What the operator or caller allows the translation to do. The default changes nothing unasked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TranslationPolicy {
    /// Refuse a parameter that the target can't honour instead of leaving it out and saying so.
    pub strict_params: bool,
    /// Repair tool calls without a result (and results without a call) instead of refusing them.
    pub repair_orphans: bool,
    /// Turn a trailing assistant message into a request to continue where prefill is refused.
    pub rewrite_prefill: bool,
    /// Replace a forced tool choice by an instruction where the model refuses to be forced.
    pub downgrade_forced_tool_choice: bool,
}

/// A request in a provider's own format, without its credential.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// `true` for `GET`, else `POST`.
    pub get: bool,
    /// Path and query to append to the provider's base URL; starts with `/`.
    pub path: String,
    /// Headers besides content type and credential.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Bytes,
    /// Request fields that were left out, in OpenAI's notation, for `x-polyroute-dropped-params`.
    /// Sorted, without repeats.
    pub dropped: Vec<String>,
    /// Request fields whose value was changed to the nearest that the target takes, with what it
    /// became (`temperature=1`), for `x-polyroute-changed-params`.
    pub changed: Vec<String>,
    /// What the decoder of the answer must know.
    pub context: DecodeContext,
}

impl Encoded {
    /// A `GET` of that path.
    pub(crate) fn get(path: String) -> Self {
        Self {
            get: true,
            ..Self::post(path, Bytes::new(), DecodeContext::default())
        }
    }

    /// A `POST` of that JSON.
    pub(crate) fn post(path: String, body: impl Into<Bytes>, context: DecodeContext) -> Self {
        Self {
            get: false,
            path,
            headers: Vec::new(),
            body: body.into(),
            dropped: Vec::new(),
            changed: Vec::new(),
            context,
        }
    }

    /// With what was noted while it was encoded.
    pub(crate) fn noted(mut self, notes: Notes) -> Self {
        (self.dropped, self.changed) = notes.finish();
        self
    }
}

/// What decoding an answer needs to know of its request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DecodeContext {
    /// The provider's name in the config, where opaque state is for one provider alone and not
    /// for all that speak its dialect.
    pub provider: String,
    /// The model id that was asked for upstream.
    pub model: String,
    /// The version of the API that was asked, where its answers are others than the default's
    /// (Cohere `v1`).
    pub api_version: Option<String>,
    /// Tool names that had to be changed for the wire.
    pub names: NameMap,
    /// Names (as the caller knows them) of custom tools that went out as functions with one string
    /// field `input`, to be unwrapped.
    pub custom_tools: Vec<String>,
    /// The wire name of the tool that stands for a JSON schema: its arguments are the content, its
    /// finish is `stop`, and the caller never sees it.
    pub schema_tool: Option<String>,
    /// The answer must be validated against this schema, as the target does not enforce it.
    pub schema_to_validate: Option<serde_json::Value>,
    /// Inputs of an embeddings request, with an estimate of the tokens of each.
    pub embedding_inputs: Vec<u64>,
    /// Documents of a rerank request.
    pub rerank_documents: usize,
    /// Vectors come as base64 of one signed byte a dimension.
    pub int8_vectors: bool,
    /// The upstream was asked to stream.
    pub stream: bool,
    /// The upstream was asked for the other of whole and streamed than the caller wants: the answer
    /// is folded, or replayed.
    pub stream_turned: bool,
    /// Whether the text of the answer holds reasoning in tags.
    pub think_tags: ThinkTags,
    /// Stable seed for ids that the provider does not give (request id).
    pub id_seed: String,
}

impl DecodeContext {
    /// The start of a call as the caller knows it, and whether it is of a custom tool. `call`: calls
    /// of the choice before it; an empty `id` is made up.
    pub(crate) fn tool_start(
        &self,
        choice: u32,
        call: u32,
        id: &str,
        wire_name: &str,
    ) -> (ChatEvent, bool) {
        let name = self.names.to_caller(wire_name).to_owned();
        let custom = self.custom_tools.contains(&name);
        let id = match id {
            "" => synthetic_call_id(&self.id_seed, choice, call),
            id => id.to_owned(),
        };
        let start = ChatEvent::ToolStart {
            choice,
            call,
            id,
            name,
            custom,
        };
        (start, custom)
    }
}

/// Status and headers of an answer.
#[derive(Debug, Clone, Copy)]
pub struct ReplyHead<'a> {
    /// HTTP status.
    pub status: u16,
    /// Header values by lower-case name; several of a name are joined by `, `.
    pub headers: &'a BTreeMap<String, String>,
    /// Time since the Unix epoch when it came, for delays given as dates.
    pub now: Duration,
}

/// One model that a provider lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelListing {
    /// Its id.
    pub id: String,
    /// When it was made, seconds since the epoch, if said.
    pub created: Option<i64>,
    /// Who owns it, if said.
    pub owned_by: Option<String>,
    /// Input window in tokens, if said.
    pub context_window: Option<u64>,
    /// Most output tokens, if said.
    pub max_output: Option<u64>,
}
