//! Cohere v2 (`POST /v2/chat`, `/v2/embed`, `/v2/rerank`): the hub's requests out, its answers in.
//!
//! [`Cohere`] is the way in. Requests are built in `request` (with `messages`, `content`, `tools`,
//! `format` and `params` for its parts); answers are read by one machine for whole bodies
//! (`response`) and streams (`stream`) alike. What is not in wire-protocols is from Cohere's API
//! description (`cohere-openapi.yaml`), its page of error messages and its schema guide.

mod citations;
mod content;
mod embeddings;
mod errors;
mod format;
mod machine;
mod messages;
mod models;
mod params;
mod request;
mod rerank;
mod response;
mod schema;
mod stream;
mod tools;
mod usage;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::adapter::{Adapter, DecodeContext, Encoded, Endpoint, ModelListing, ReplyHead, Target};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, UpstreamError};
use crate::media::MediaStore;
use crate::rerank::{RerankRequest, RerankResponse};

/// The name under which this dialect's options travel.
const ISSUER: &str = "cohere";

/// Translates between the hub and the Cohere v2 API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cohere;

impl Adapter for Cohere {
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
        request: &EmbeddingRequest,
        target: &Target,
    ) -> Result<Encoded, EncodeError> {
        embeddings::encode(request, target)
    }

    fn decode_embeddings(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<EmbeddingResponse, UpstreamError> {
        embeddings::decode(body, context)
    }

    fn encode_rerank(
        &self,
        request: &RerankRequest,
        target: &Target,
    ) -> Result<Encoded, EncodeError> {
        rerank::encode(request, target)
    }

    fn decode_rerank(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<RerankResponse, UpstreamError> {
        rerank::decode(body, context)
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
}
