//! One folder a wire format. A dialect translates between its own bytes and the hub and knows
//! nothing of the other dialects.

pub mod anthropic;
pub mod gemini;
pub mod openai;
mod openai_shared;
pub mod responses;
