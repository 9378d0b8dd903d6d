//! What LLM providers and their clients *say*: wire formats, framing, the hub that they meet in,
//! usage and errors.
//!
//! Everything here is pure: no I/O, no async, no clock, no randomness. Bytes go in, typed values
//! and events come out, which is what makes it testable on recorded traffic and by fuzzing.
//!
//! The one type to read first is [`chat::ChatRequest`], the hub request; then
//! [`adapter::Adapter`], the seam that each dialect fills.

pub mod adapter;
pub mod api_error;
pub mod capability;
pub mod chat;
pub mod classify;
mod claude_thinking;
mod closed_schema;
mod count;
mod custom_tools;
pub mod delay;
pub mod dialect;
pub mod embedding;
pub mod error;
pub mod event_stream;
mod function;
mod google_error;
pub mod json;
pub mod media;
pub mod names;
pub mod ndjson;
mod notes;
mod options;
mod pairing;
pub mod profile;
mod proto_json;
pub mod rerank;
mod sampling;
mod schema_format;
pub mod sse;
mod stream_body;
pub mod structured;
pub mod surface;
mod turn_text;
mod unsent;
pub mod url;
pub mod usage;
