//! AWS Bedrock Converse and ConverseStream (`POST /model/{id}/converse`): the hub's requests out, its
//! answers in.
//!
//! [`Bedrock`] is the way in. Requests are built in `request`, their turns by `block_turns` in the
//! form of `form`, with `content`, `media`, `tools` and `params` for the rest; answers are read by one
//! machine for whole bodies (`response`) and event streams (`stream`) alike. Signing is not the translation's business.

mod block;
mod content;
mod count;
mod errors;
mod form;
mod id;
mod machine;
mod media;
mod models;
mod params;
mod request;
mod response;
mod stream;
mod tools;
mod usage;

#[cfg(test)]
mod tests;

use crate::adapter::Encoded;
use crate::dialect::parts::{Composed, Count, EMBEDDINGS_ELSEWHERE, Embeddings, Models, Parts};

pub use id::base_model;

/// The name under which this dialect's blocks and options travel.
const ISSUER: &str = "bedrock";

/// Translates between the hub and the Bedrock Converse API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bedrock;

impl Composed for Bedrock {
    const PARTS: Parts = Parts {
        media_to_fetch: |request, _| media::to_fetch(request),
        encode_chat: request::encode,
        decode_chat: response::decode,
        chat_decoder: |context| Box::new(stream::Decoder::new(context)),
        embeddings: Embeddings::Lacking {
            called: "served over Bedrock Converse",
            instead: EMBEDDINGS_ELSEWHERE,
        },
        rerank: None,
        count: Some(Count {
            encode: count::encode,
            tokens: "inputTokens",
        }),
        classify: errors::classify,
        models: Models {
            encode: |_, page| Encoded::get(models::path(page)),
            decode: models::read,
            base_url: models::control_plane,
        },
    };
}
