//! The simulator is as strict as the real APIs: recorded requests get the answer that the provider
//! gave, and our own bad requests are refused in the API's words.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod anthropic;
mod anything;
mod bedrock;
mod cohere;
mod cohere_v1;
mod corpus;
mod gemini;
mod kit;
mod openai;
mod responses;
mod vendors;
