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

use crate::dialect::openai_shared::models;
use crate::dialect::parts::{Composed, Count, Embeddings, Models, Parts};

/// Translates between the hub and the Responses API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Responses;

/// The name under which opaque items of a provider travel. Encrypted reasoning is for the provider
/// that made it, not for all that have a Responses API (wire-protocols §2.2).
fn issuer(provider: &str) -> String {
    format!("responses/{provider}")
}

impl Composed for Responses {
    const PARTS: Parts = Parts {
        media_to_fetch: content::media_to_fetch,
        encode_chat: request::encode,
        decode_chat: response::decode,
        chat_decoder: |context| Box::new(stream::Decoder::new(context)),
        embeddings: Embeddings::Lacking {
            called: "called over the Responses API",
            instead: "Set the provider's `dialect` to `openai` for them.",
        },
        rerank: None,
        count: Some(Count {
            encode: count::encode,
            tokens: "input_tokens",
        }),
        classify: errors::classify,
        models: Models {
            encode: |_, _| models::encode(),
            decode: models::decode,
            base_url: |_| None,
        },
    };
}
