//! AWS Bedrock Converse and ConverseStream (`POST /model/{id}/converse`): the hub's requests out, its
//! answers in.
//!
//! [`Bedrock`] is the way in. Requests are built in `request`, their turns by `block_turns` in the
//! form of `form`, with `content`, `media`, `tools` and `params` for the rest; answers are read by one
//! machine for whole bodies (`response`) and event streams (`stream`) alike. Signing is not the translation's business.

mod block;
mod content;
mod count;
mod errors;
mod form;
mod id;
mod machine;
mod media;
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

pub use id::base_model;

/// The name under which this dialect's blocks and options travel.
const ISSUER: &str = "bedrock";

/// Translates between the hub and the Bedrock Converse API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bedrock;

impl Adapter for Bedrock {
    fn media_to_fetch(&self, request: &ChatRequest, _target: &Target) -> Vec<String> {
        media::to_fetch(request)
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
                "`{}` is served over Bedrock Converse, which has no embeddings. Use an embeddings \
                 model of another provider, such as OpenAI, Gemini, Mistral, Cohere or Voyage.",
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
            "Bedrock Converse has no embeddings",
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
        crate::count::read(body, "inputTokens")
    }

    fn classify(&self, reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
        errors::classify(reply, body)
    }

    fn encode_models(&self, _target: &Endpoint, page: Option<&str>) -> Encoded {
        Encoded {
            get: true,
            path: models::path(page),
            headers: Vec::new(),
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

    fn models_base_url(&self, base_url: &str) -> Option<String> {
        models::control_plane(base_url)
    }
}
