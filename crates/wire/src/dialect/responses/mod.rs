//! OpenAI Responses (`POST /responses`): the hub's requests out, its answers in, for models that
//! think and call tools in one turn only there (wire-protocols §3.3, §9).
//!
//! [`Responses`] is the way in. Requests are stateless (`store: false`, encrypted reasoning asked
//! for) and built in `request`, with `input`, `assistant`, `content`, `tools` and `params` for its
//! parts; answers are read item by item by one machine for whole bodies (`response`) and streams
//! (`stream`) alike.

mod assistant;
mod content;
mod count;
mod errors;
mod finish;
mod format;
mod input;
mod item;
mod machine;
mod params;
mod request;
mod response;
mod stream;
mod tools;
mod usage;

#[cfg(test)]
mod tests;

use crate::adapter::{Adapter, DecodeContext, Encoded, Endpoint, ModelListing, ReplyHead, Target};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::dialect::openai_shared::models;
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, EncodeErrorCode, ErrorKind, UpstreamError};
use crate::media::MediaStore;

/// Translates between the hub and the Responses API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Responses;

/// The name under which opaque items of a provider travel. Encrypted reasoning is for the provider
/// that made it, not for all that have a Responses API (wire-protocols §2.2).
fn issuer(provider: &str) -> String {
    format!("responses/{provider}")
}

impl Adapter for Responses {
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
                "`{}` is called over the Responses API, which has no embeddings. Set the \
                 provider's `dialect` to `openai` for them.",
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
            "the Responses API has no embeddings",
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

    fn encode_models(&self, _target: &Endpoint, _page: Option<&str>) -> Encoded {
        models::encode()
    }

    fn decode_models(
        &self,
        body: &[u8],
    ) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
        models::decode(body)
    }
}
