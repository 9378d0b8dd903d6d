//! What the fuzz targets do. Each is a function of bytes that panics if something that must always
//! hold does not, so that the fuzzing engine (`fuzz_targets/`) and an ordinary test
//! (`tests/replay.rs`) run the same.
//!
//! Read [`TARGETS`] first. Where structure pays, the first bytes of an input choose among events and
//! requests that we wrote ([`templates`]) and change them; else they are the very bytes of a body.

mod answers;
mod config;
mod edits;
mod errors;
mod framing;
mod growth;
mod input;
mod requests;
mod schema;
mod streams;
mod structured;
mod tap;
pub mod templates;
mod words;

use polyroute_wire::dialect::Dialect;

/// One target.
#[derive(Debug, Clone, Copy)]
pub struct FuzzTarget {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// The check.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($name:literal => $run:expr,)*) => {
        /// All targets.
        pub const TARGETS: &[FuzzTarget] = &[$(FuzzTarget { name: $name, run: $run },)*];
    };
}

targets! {
    "sse" => framing::sse,
    "event_stream" => framing::event_stream,
    "tap" => tap::run,
    "decode_openai" => |data| streams::run(Dialect::OpenAi, data),
    "decode_responses" => |data| streams::run(Dialect::Responses, data),
    "decode_anthropic" => |data| streams::run(Dialect::Anthropic, data),
    "decode_gemini" => |data| streams::run(Dialect::Gemini, data),
    "decode_cohere" => |data| streams::run(Dialect::Cohere, data),
    "decode_cohere_v1" => streams::run_cohere_v1,
    "decode_ollama" => |data| streams::run(Dialect::Ollama, data),
    "decode_bedrock" => |data| streams::run(Dialect::Bedrock, data),
    "answers" => answers::run,
    "errors" => errors::run,
    "chat_request" => requests::chat,
    "endpoint_requests" => requests::endpoints,
    "json_edit" => edits::json,
    "chat_edit" => edits::chat,
    "structured" => structured::run,
    "schema" => schema::run,
    "config" => config::load,
    "credentials" => config::credentials,
    "words" => words::run,
    "growth" => growth::run,
}

/// Runs the target of that name.
///
/// # Panics
/// If there is none, or if it finds something.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("no target `{name}`"));
    (target.run)(data);
}
