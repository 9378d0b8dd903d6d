//! The Bedrock Converse wire format: `accept` judges a request, `render` writes a whole answer,
//! `stream` its events, `frame` makes AWS frames of them, `signature` verifies SigV4.

pub mod accept;
pub mod frame;
pub mod render;
pub mod signature;
pub mod stream;
