//! Gemini generateContent and batchEmbedContents, as the Gemini API and Vertex AI speak them.
//!
//! Owns the translation both ways and nothing of transport. Read [`Gemini`] first, then `request`
//! for what goes out and `answer` for what comes back.

mod answer;
mod assistant;
mod config;
mod contents;
mod count;
mod embeddings;
mod finish;
mod format;
mod grounding;
mod media;
mod merge;
mod models;
mod partial;
mod parts;
mod path;
mod request;
mod response;
mod schema;
mod stream;
mod thinking;
mod tools;
mod usage;
mod vertex_embeddings;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::adapter::{Adapter, DecodeContext, Encoded, Endpoint, ModelListing, ReplyHead, Target};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, UpstreamError};
use crate::media::MediaStore;
use crate::{google_error as errors, proto_json as read};

/// Who issues this dialect's opaque blocks, and its name in `provider_options`.
const ISSUER: &str = "gemini";

/// The Gemini dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gemini;

impl Adapter for Gemini {
    fn media_to_fetch(&self, request: &ChatRequest, target: &Target) -> Vec<String> {
        media::to_fetch(request, target)
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

    fn encode_count(
        &self,
        request: &ChatRequest,
        target: &Target,
        media: &MediaStore,
    ) -> Result<Encoded, EncodeError> {
        count::encode(request, target, media)
    }

    fn decode_count(&self, body: &[u8]) -> Result<u64, UpstreamError> {
        crate::count::read(body, "totalTokens")
    }

    fn classify(&self, reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
        errors::classify(reply, body)
    }

    fn encode_models(&self, target: &Endpoint, page: Option<&str>) -> Encoded {
        Encoded {
            get: true,
            path: path::of_models(target, page),
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
        models::decode(body)
    }
}
