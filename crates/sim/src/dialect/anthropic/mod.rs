//! The anthropic wire format.

pub mod render;
pub mod stream;
