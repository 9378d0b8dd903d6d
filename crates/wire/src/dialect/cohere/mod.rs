//! Cohere v2 (`POST /v2/chat`, `/v2/embed`, `/v2/rerank`), and v1 for those that serve nothing else:
//! the hub's requests out, its answers in.
//!
//! [`Cohere`] is the way in; the endpoint's `api_version` says which of the two is spoken, v2 where it
//! says nothing, and [`v1`] holds what v1 says otherwise. Requests are built in `request` (with `messages`, `content`, `tools`,
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
mod v1;

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

/// The versions of the API that are spoken, as `api_version` names them; the last is the default.
pub const API_VERSIONS: [&str; 2] = [v1::VERSION, "v2"];

/// Translates between the hub and Cohere's API.
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
        if v1::is_spoken(&target.endpoint) {
            v1::encode(request, target, media)
        } else {
            request::encode(request, target, media)
        }
    }

    fn decode_chat(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<ChatResponse, UpstreamError> {
        if v1::was_asked(context) {
            v1::decode(body, context)
        } else {
            response::decode(body, context)
        }
    }

    fn chat_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder> {
        if v1::was_asked(context) {
            Box::new(v1::Decoder::new(context))
        } else {
            Box::new(stream::Decoder::new(context))
        }
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
