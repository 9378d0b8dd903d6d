//! The openai wire format.

pub mod accept;
