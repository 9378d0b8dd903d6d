//! The anthropic wire format.

pub mod accept;
