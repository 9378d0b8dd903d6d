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

use crate::adapter::Encoded;
use crate::dialect::parts::{Composed, Count, Embeddings, Models, Parts};
use crate::{google_error as errors, proto_json as read};

/// Who issues this dialect's opaque blocks, and its name in `provider_options`.
const ISSUER: &str = "gemini";

/// The Gemini dialect.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gemini;

impl Composed for Gemini {
    const PARTS: Parts = Parts {
        media_to_fetch: media::to_fetch,
        encode_chat: request::encode,
        decode_chat: response::decode,
        chat_decoder: |context| Box::new(stream::Decoder::new(context)),
        embeddings: Embeddings::Offered {
            encode: embeddings::encode,
            decode: embeddings::decode,
        },
        rerank: None,
        count: Some(Count {
            encode: count::encode,
            tokens: "totalTokens",
        }),
        classify: errors::classify,
        models: Models {
            encode: |endpoint, page| Encoded::get(path::of_models(endpoint, page)),
            decode: models::decode,
            base_url: |_| None,
        },
    };
}
