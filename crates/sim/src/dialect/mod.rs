//! One module a wire format: `accept` judges a request as strictly as the real API does and says
//! what it understood; the rest renders answers.

pub mod anthropic;
pub mod bedrock;
pub mod cohere;
pub mod gemini;
pub mod openai;
