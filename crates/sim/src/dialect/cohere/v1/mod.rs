//! Cohere v1: chat with the last message apart from its history, embed and rerank. `accept` judges a
//! request along `shape`, `render` writes an answer and the events of its stream.

pub mod accept;
pub mod render;
mod shape;
