//! Anthropic Messages (`POST /v1/messages`): the hub's requests out, its answers in.
//!
//! [`Anthropic`] is the way in. Requests are built in `request`, their turns by `block_turns` in
//! the form of `form`, with `content`, `tools` and `params` for the rest; answers are read by one
//! machine for whole bodies (`response`) and streams (`stream`) alike.

mod block;
mod content;
mod count;
mod errors;
mod form;
mod machine;
mod models;
mod params;
mod request;
mod response;
mod stream;
mod tools;
mod usage;

#[cfg(test)]
mod tests;

use crate::adapter::{Encoded, Endpoint};
use crate::dialect::parts::{Composed, Count, EMBEDDINGS_ELSEWHERE, Embeddings, Models, Parts};

/// The name under which this dialect's blocks and options travel.
const ISSUER: &str = "anthropic";

/// `anthropic-version` where the endpoint names none.
const API_VERSION: &str = "2023-06-01";

/// Translates between the hub and the Anthropic Messages API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anthropic;

impl Composed for Anthropic {
    const PARTS: Parts = Parts {
        media_to_fetch: content::media_to_fetch,
        encode_chat: request::encode,
        decode_chat: response::decode,
        chat_decoder: |context| Box::new(stream::decoder(context)),
        embeddings: Embeddings::Lacking {
            called: "served over the Anthropic Messages API",
            instead: EMBEDDINGS_ELSEWHERE,
        },
        rerank: None,
        count: Some(Count {
            encode: count::encode,
            tokens: "input_tokens",
        }),
        classify: errors::classify,
        models: Models {
            encode: |endpoint, page| Encoded {
                headers: vec![("anthropic-version", version(endpoint).to_owned())],
                ..Encoded::get(models::path(page))
            },
            decode: models::read,
            base_url: |_| None,
        },
    };
}

fn version(endpoint: &Endpoint) -> &str {
    endpoint.api_version.as_deref().unwrap_or(API_VERSION)
}
