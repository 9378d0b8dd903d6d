//! The OpenAI wire format: `accept` judges a request, `render` writes a whole answer, `stream` its
//! events.

pub mod accept;
pub mod legacy;
pub mod render;
pub mod responses;
pub mod stream;
