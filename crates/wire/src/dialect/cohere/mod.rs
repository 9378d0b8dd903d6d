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

use crate::adapter::Encoded;
use crate::dialect::parts::{Composed, Embeddings, Models, Parts, Rerank};

/// The name under which this dialect's options travel.
const ISSUER: &str = "cohere";

/// Translates between the hub and the Cohere v2 API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cohere;

impl Composed for Cohere {
    const PARTS: Parts = Parts {
        media_to_fetch: content::media_to_fetch,
        encode_chat: request::encode,
        decode_chat: response::decode,
        chat_decoder: |context| Box::new(stream::decoder(context)),
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
