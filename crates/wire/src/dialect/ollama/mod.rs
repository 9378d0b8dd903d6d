//! Ollama's own API (`POST /api/chat`, `/api/embed`, `GET /api/tags`): the hub's requests out, its
//! answers in.
//!
//! [`Ollama`] is the way in. Requests are built in `request` (with `messages`, `content`, `tools`,
//! `format`, `params` and `window` for their parts); answers are read by one machine for whole
//! bodies (`response`) and streams (`stream`) alike. What is not in wire-protocols is from Ollama's
//! API types and handlers (`api/types.go`, `server/routes.go`, August 2026).
//!
//! Its OpenAI-compatible endpoint can't be told how large a context to load, and drops the head of
//! a longer prompt in silence (wire-protocols §15); here `window` sees to it that this does not
//! happen.

mod content;
mod embeddings;
mod errors;
mod format;
mod machine;
mod messages;
mod models;
mod params;
mod request;
mod response;
mod stream;
mod tools;
mod usage;
mod window;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::adapter::{Adapter, DecodeContext, Encoded, Endpoint, ModelListing, ReplyHead, Target};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, UpstreamError};
use crate::media::MediaStore;

/// The name under which this dialect's options travel.
const ISSUER: &str = "ollama";

/// Translates between the hub and Ollama's own API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ollama;

impl Adapter for Ollama {
    fn media_to_fetch(&self, request: &ChatRequest, _target: &Target) -> Vec<String> {
        content::media_to_fetch(request)
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

    fn classify(&self, reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
        errors::classify(reply, body)
    }

    fn encode_models(&self, _target: &Endpoint, _page: Option<&str>) -> Encoded {
        Encoded {
            get: true,
            path: "/api/tags".to_owned(),
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
