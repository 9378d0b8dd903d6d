//! The gemini wire format.

pub mod render;
pub mod stream;
