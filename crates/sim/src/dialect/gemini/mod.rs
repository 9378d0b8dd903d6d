//! The gemini wire format.

pub mod accept;
