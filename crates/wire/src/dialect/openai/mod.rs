//! OpenAI chat completions and embeddings: the hub's own wire format, spoken to callers and to
//! OpenAI-compatible providers.
//!
//! To callers: [`parse_chat`] and [`parse_embeddings`] read requests, [`encode`] writes answers.
//! To providers: [`edit_chat`] and [`Tap`] pass bytes on with the few edits that must be, and
//! [`OpenAi`] is the full translation from and to the hub.

mod calls;
mod completions;
mod content;
mod edit;
mod embeddings;
pub mod encode;
mod params;
mod parse;
mod pass_embeddings;
mod policy;
mod request;
mod rerank;
mod response;
mod sources;
mod stream;
mod strip;
mod tap;
mod usage;
mod vendor;

pub use completions::{
    EditedCompletion, PROMPTS_MAX, completion_as_chats, edit_completion, edit_moderation,
    tap_completion, tap_moderation,
};
pub use edit::{Edited, edit_chat, needs_translation};
pub use parse::{parse_chat, parse_embeddings, parse_rerank};
pub use pass_embeddings::{
    EmbeddingsPeek, edit_embeddings, needs_reencoding, peek_embeddings, tap_embeddings,
};
pub use tap::{Tap, TapSignal, TapSummary, tap_whole};

use crate::adapter::{Adapter, DecodeContext, Encoded, Endpoint, ModelListing, ReplyHead, Target};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::dialect::openai_shared::{errors, models};
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, UpstreamError};
use crate::media::MediaStore;
use crate::rerank::{RerankRequest, RerankResponse};

/// Full translation between the hub and an OpenAI-compatible provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenAi;

impl Adapter for OpenAi {
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
