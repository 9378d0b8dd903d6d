//! A provider simulator: the real wire formats of OpenAI, Anthropic and Gemini with scripted or
//! seeded answers, realistic latency, usage, limits and faults.
//!
//! It is the upstream of Polyroute's tests and demo and, as `polyroute sim`, a fault lab for any
//! gateway. It shares no translation code with `polyroute-wire`: a bug that both had would hide
//! itself. The one type to read first is [`prompt::Prompt`]: what a strict dialect understood of
//! a request.

pub mod dialect;
pub mod prompt;
mod strict;
