//! OpenAI chat completions and embeddings: the hub's own wire format, spoken to callers and to
//! OpenAI-compatible providers.
//!
//! To callers: [`parse_chat`] and [`parse_embeddings`] read requests, [`encode`] writes answers.
//! To providers: [`edit_chat`] and [`Tap`] pass bytes on with the few edits that must be, and
//! [`OpenAi`] is the full translation from and to the hub.

mod calls;
mod edit;
mod errors;
mod parse;
mod policy;
mod response;
mod stream;
mod strip;
mod usage;

pub use edit::{Edited, edit_chat};
pub use parse::{parse_chat, parse_embeddings};
