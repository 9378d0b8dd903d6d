//! How a dialect is put together: a table of its functions, which [`Adapter`] is read off, so that
//! no dialect writes methods that only pass on what they are given.

use crate::adapter::{
    Adapter, DecodeContext, Encoded, Endpoint, ModelListing, ReplyHead, Target, not_offered,
};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::count;
use crate::embedding::{EmbeddingRequest, EmbeddingResponse};
use crate::error::{EncodeError, EncodeErrorCode, ErrorKind, UpstreamError};
use crate::media::MediaStore;
use crate::rerank::{RerankRequest, RerankResponse};

/// Where embeddings are, if the dialect has none.
pub(super) const EMBEDDINGS_ELSEWHERE: &str = "Use an embeddings model of another provider, such \
                                               as OpenAI, Gemini, Mistral, Cohere or Voyage.";

/// A dialect as the parts that it is made of.
pub(super) trait Composed: Send + Sync {
    /// Them.
    const PARTS: Parts;
}

/// What each of them does is said at the method of [`Adapter`] of its name.
pub(super) struct Parts {
    pub(super) media_to_fetch: fn(&ChatRequest, &Target) -> Vec<String>,
    pub(super) encode_chat: EncodeChat,
    pub(super) decode_chat: fn(&[u8], &DecodeContext) -> Result<ChatResponse, UpstreamError>,
    pub(super) chat_decoder: fn(&DecodeContext) -> Box<dyn StreamDecoder>,
    pub(super) embeddings: Embeddings,
    pub(super) rerank: Option<Rerank>,
    pub(super) count: Option<Count>,
    pub(super) classify: fn(&ReplyHead<'_>, &[u8]) -> UpstreamError,
    pub(super) models: Models,
}

type EncodeChat = fn(&ChatRequest, &Target, &MediaStore) -> Result<Encoded, EncodeError>;

/// Embeddings, or why there are none.
pub(super) enum Embeddings {
    Offered {
        encode: fn(&EmbeddingRequest, &Target) -> Result<Encoded, EncodeError>,
        decode: fn(&[u8], &DecodeContext) -> Result<EmbeddingResponse, UpstreamError>,
    },
    Lacking {
        /// How the model is called, as in "the model is `served over Bedrock Converse`".
        called: &'static str,
        /// What the caller is told to do, a sentence.
        instead: &'static str,
    },
}

/// Reranking.
pub(super) struct Rerank {
    pub(super) encode: fn(&RerankRequest, &Target) -> Result<Encoded, EncodeError>,
    pub(super) decode: fn(&[u8], &DecodeContext) -> Result<RerankResponse, UpstreamError>,
}

/// Counting of a request's tokens.
pub(super) struct Count {
    pub(super) encode: EncodeChat,
    /// The member of the answer with the number.
    pub(super) tokens: &'static str,
}

/// One page of models, and the next one's token.
type Page = (Vec<ModelListing>, Option<String>);

/// The list of models.
pub(super) struct Models {
    pub(super) encode: fn(&Endpoint, Option<&str>) -> Encoded,
    pub(super) decode: fn(&[u8]) -> Result<Page, UpstreamError>,
    /// Its own base URL, if it is not under the provider's.
    pub(super) base_url: fn(&str) -> Option<String>,
}

impl<T: Composed> Adapter for T {
    fn media_to_fetch(&self, request: &ChatRequest, target: &Target) -> Vec<String> {
        (T::PARTS.media_to_fetch)(request, target)
    }

    fn encode_chat(
        &self,
        request: &ChatRequest,
        target: &Target,
        media: &MediaStore,
    ) -> Result<Encoded, EncodeError> {
        (T::PARTS.encode_chat)(request, target, media)
    }

    fn decode_chat(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<ChatResponse, UpstreamError> {
        (T::PARTS.decode_chat)(body, context)
    }

    fn chat_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder> {
        (T::PARTS.chat_decoder)(context)
    }

    fn encode_embeddings(
        &self,
        request: &EmbeddingRequest,
        target: &Target,
    ) -> Result<Encoded, EncodeError> {
        match T::PARTS.embeddings {
            Embeddings::Offered { encode, .. } => encode(request, target),
            Embeddings::Lacking { called, instead } => Err(EncodeError::new(
                EncodeErrorCode::UnsupportedParameter,
                "model",
                format!(
                    "`{}` is {called}, which has no embeddings. {instead}",
                    target.model
                ),
            )),
        }
    }

    fn decode_embeddings(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<EmbeddingResponse, UpstreamError> {
        match T::PARTS.embeddings {
            Embeddings::Offered { decode, .. } => decode(body, context),
            Embeddings::Lacking { .. } => Err(never_asked("has no embeddings")),
        }
    }

    fn encode_rerank(
        &self,
        request: &RerankRequest,
        target: &Target,
    ) -> Result<Encoded, EncodeError> {
        match T::PARTS.rerank {
            Some(rerank) => (rerank.encode)(request, target),
            None => Err(not_offered(target, "reranking")),
        }
    }

    fn decode_rerank(
        &self,
        body: &[u8],
        context: &DecodeContext,
    ) -> Result<RerankResponse, UpstreamError> {
        match T::PARTS.rerank {
            Some(rerank) => (rerank.decode)(body, context),
            None => Err(never_asked("has no reranking")),
        }
    }

    fn encode_count(
        &self,
        request: &ChatRequest,
        target: &Target,
        media: &MediaStore,
    ) -> Result<Encoded, EncodeError> {
        match T::PARTS.count {
            Some(count) => (count.encode)(request, target, media),
            None => Err(not_offered(target, "counting of tokens")),
        }
    }

    fn decode_count(&self, body: &[u8]) -> Result<u64, UpstreamError> {
        match T::PARTS.count {
            Some(count) => count::read(body, count.tokens),
            None => Err(never_asked("counts no tokens")),
        }
    }

    fn classify(&self, reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
        (T::PARTS.classify)(reply, body)
    }

    fn encode_models(&self, target: &Endpoint, page: Option<&str>) -> Encoded {
        (T::PARTS.models.encode)(target, page)
    }

    fn models_base_url(&self, base_url: &str) -> Option<String> {
        (T::PARTS.models.base_url)(base_url)
    }

    fn decode_models(&self, body: &[u8]) -> Result<Page, UpstreamError> {
        (T::PARTS.models.decode)(body)
    }
}

/// An answer to a request that the dialect can't encode.
fn never_asked(lacks: &str) -> UpstreamError {
    UpstreamError::new(ErrorKind::MalformedReply, format!("this API {lacks}"))
}
