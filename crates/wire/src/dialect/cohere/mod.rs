//! Cohere v2 (`POST /v2/chat`, `/v2/embed`, `/v2/rerank`), and v1 for those that serve nothing else:
//! the hub's requests out, its answers in.
//!
//! [`Cohere`] is the way in; the endpoint's `api_version` says which of the two is spoken, v2 where it
//! says nothing, and `v1` holds what v1 says otherwise. Requests are built in `request` (with
//! `messages`, `content`, `tools`, `format` and `params` for its parts); answers are read by one
//! machine for whole bodies (`response`) and streams (`stream`) alike. What is not in wire-protocols
//! is from Cohere's API description (`cohere-openapi.yaml`), its page of error messages and its
//! schema guide.

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

use crate::adapter::{DecodeContext, Encoded, Target};
use crate::chat::{ChatRequest, ChatResponse, StreamDecoder};
use crate::dialect::parts::{Composed, Embeddings, Models, Parts, Rerank};
use crate::error::{EncodeError, UpstreamError};
use crate::media::MediaStore;

/// The name under which this dialect's options travel.
const ISSUER: &str = "cohere";

/// The versions of the API that are spoken, as `api_version` names them; the last is the default.
pub const API_VERSIONS: [&str; 2] = [v1::VERSION, "v2"];

/// Translates between the hub and Cohere's API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cohere;

impl Composed for Cohere {
    const PARTS: Parts = Parts {
        media_to_fetch: content::media_to_fetch,
        encode_chat: encode,
        decode_chat: decode,
        chat_decoder: decoder,
        embeddings: Embeddings::Offered {
            encode: embeddings::encode,
            decode: embeddings::decode,
        },
        rerank: Some(Rerank {
            encode: rerank::encode,
            decode: rerank::decode,
        }),
        count: None,
        classify: errors::classify,
        models: Models {
            encode: |_, page| Encoded::get(models::path(page)),
            decode: models::read,
            base_url: |_| None,
        },
    };
}

fn encode(
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

fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    if v1::was_asked(context) {
        v1::decode(body, context)
    } else {
        response::decode(body, context)
    }
}

fn decoder(context: &DecodeContext) -> Box<dyn StreamDecoder> {
    if v1::was_asked(context) {
        Box::new(v1::Decoder::new(context))
    } else {
        Box::new(stream::decoder(context))
    }
}
