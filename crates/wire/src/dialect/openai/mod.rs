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
pub use edit::{Edited, edit_chat, needs_translation, pass_chat};
pub use parse::{parse_chat, parse_embeddings, parse_rerank};
pub use pass_embeddings::{
    EmbeddingsPeek, edit_embeddings, needs_reencoding, peek_embeddings, tap_embeddings,
};
pub use tap::{Tap, TapSignal, TapSummary, tap_whole};

use crate::dialect::openai_shared::{errors, models};
use crate::dialect::parts::{Composed, Embeddings, Models, Parts, Rerank};

/// Full translation between the hub and an OpenAI-compatible provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenAi;

impl Composed for OpenAi {
    const PARTS: Parts = Parts {
        media_to_fetch: content::media_to_fetch,
        encode_chat: request::encode,
        decode_chat: response::decode,
        chat_decoder: |context| Box::new(stream::Decoder::new(context)),
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
            encode: |_, _| models::encode(),
            decode: models::decode,
            base_url: |_| None,
        },
    };
}
