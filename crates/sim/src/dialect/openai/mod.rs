//! The openai wire format.

pub mod render;
pub mod stream;
