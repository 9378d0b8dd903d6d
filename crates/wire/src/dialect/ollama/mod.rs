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

use crate::adapter::Encoded;
use crate::dialect::parts::{Composed, Embeddings, Models, Parts};

/// The name under which this dialect's options travel.
const ISSUER: &str = "ollama";

/// Translates between the hub and Ollama's own API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ollama;

impl Composed for Ollama {
    const PARTS: Parts = Parts {
        media_to_fetch: |request, _| content::media_to_fetch(request),
        encode_chat: request::encode,
        decode_chat: response::decode,
        chat_decoder: |context| Box::new(stream::Decoder::new(context)),
        embeddings: Embeddings::Offered {
            encode: embeddings::encode,
            decode: embeddings::decode,
        },
        rerank: None,
        count: None,
        classify: errors::classify,
        models: Models {
            encode: |_, _| Encoded::get("/api/tags".to_owned()),
            decode: models::read,
            base_url: |_| None,
        },
    };
}
