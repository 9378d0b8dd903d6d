//! Anthropic Messages (`POST /v1/messages`): the hub's requests out, its answers in.
//!
//! [`Anthropic`] is the way in. Requests are built in `request`, their turns by `block_turns` in
//! the form of `form`, with `content`, `tools` and `params` for the rest; answers are read by one
//! machine for whole bodies (`response`) and streams (`stream`) alike.

mod block;
mod content;
mod count;
mod errors;
mod form;
mod machine;
mod models;
mod params;
mod request;
mod response;
mod stream;
mod tools;
mod usage;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::adapter::{Adapter, DecodeContext, Encoded, Endpoint, ModelListing, ReplyHead, Target};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, EncodeErrorCode, ErrorKind, UpstreamError};
use crate::media::MediaStore;

/// The name under which this dialect's blocks and options travel.
const ISSUER: &str = "anthropic";

/// `anthropic-version` where the endpoint names none.
const API_VERSION: &str = "2023-06-01";

/// Translates between the hub and the Anthropic Messages API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anthropic;

impl Adapter for Anthropic {
    fn media_to_fetch(&self, request: &ChatRequest, target: &Target) -> Vec<String> {
        content::media_to_fetch(request, target)
    }

    fn encode_chat(
        &self,
        request: &ChatRequest,
        target: &Target,
        media: &MediaStore,
    ) -> Result<Encoded, EncodeError> {
        request::encode(request, target, media)
    }

    fn decode_chat(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<ChatResponse, UpstreamError> {
        response::decode(body, context)
    }

    fn chat_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder> {
        Box::new(stream::Decoder::new(context))
    }

    fn encode_embeddings(
        &self,
        _request: &EmbeddingRequest,
        target: &Target,
    ) -> Result<Encoded, EncodeError> {
        Err(EncodeError::new(
            EncodeErrorCode::UnsupportedParameter,
            "model",
            format!(
                "`{}` is served over the Anthropic Messages API, which has no embeddings. Use an \
                 embeddings model of another provider, such as OpenAI, Gemini, Mistral, Cohere or \
                 Voyage.",
                target.model
            ),
        ))
    }

    fn decode_embeddings(
        &self,
        _body: &[u8],
        _context: &DecodeContext,
    ) -> Result<EmbeddingResponse, UpstreamError> {
        Err(UpstreamError::new(
            ErrorKind::MalformedReply,
            "the Anthropic Messages API has no embeddings",
        ))
    }

    fn encode_count(
        &self,
        request: &ChatRequest,
        target: &Target,
        media: &MediaStore,
    ) -> Result<Encoded, EncodeError> {
        count::encode(request, target, media)
    }

    fn decode_count(&self, body: &[u8]) -> Result<u64, UpstreamError> {
        crate::count::read(body, "input_tokens")
    }

    fn classify(&self, reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
        errors::classify(reply, body)
    }

    fn encode_models(&self, target: &Endpoint, page: Option<&str>) -> Encoded {
        Encoded {
            get: true,
            path: models::path(page),
            headers: vec![("anthropic-version", version(target).to_owned())],
            body: Bytes::new(),
            dropped: Vec::new(),
            changed: Vec::new(),
            context: DecodeContext::default(),
        }
    }

    fn decode_models(
        &self,
        body: &[u8],
    ) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
        models::read(body)
    }
}

fn version(endpoint: &Endpoint) -> &str {
    endpoint.api_version.as_deref().unwrap_or(API_VERSION)
}
