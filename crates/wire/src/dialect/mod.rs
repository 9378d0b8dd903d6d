//! One folder a wire format. A dialect translates between its own bytes and the hub and knows
//! nothing of the other dialects.

pub mod anthropic;
pub mod bedrock;
pub mod gemini;
pub mod openai;
