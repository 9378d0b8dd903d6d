//! A provider simulator: the real wire formats of OpenAI, Anthropic, Gemini, Bedrock and the vendors
//! of OpenAI-compatible APIs ([`vendor`]) with scripted or seeded answers, realistic latency, usage,
//! limits and faults.
//!
//! It is the upstream of Polyroute's tests and demo and, as `polyroute sim`, a fault lab for any
//! gateway. It shares no translation code with `polyroute-wire`: a bug that both had would hide
//! itself. The one type to read first is [`prompt::Prompt`]: what a strict dialect understood of
//! a request. [`Sim::start`] runs one.
//!
//! # Paths
//!
//! Each provider's own paths, on one port: `/v1/chat/completions`, `/v1/embeddings`,
//! `/v1/messages`, `/v1/messages/count_tokens`, `/v1beta/models/{model}:generateContent` and the
//! other Gemini calls (also under `/v1/`), `/model/{id}/converse`, `/converse-stream` and
//! `/count-tokens` of Bedrock with `/foundation-models` and `/inference-profiles`, and `/v1/models`,
//! which goes by the caller's headers.
//! In front of them may stand `/openai`, `/anthropic`, `/gemini` or `/bedrock`; a vendor's name must
//! (`/groq/openai/v1/chat/completions`: its host becomes a prefix). In front of that may stand
//! `/p/<name>`: a named instance, for which fault rules and scripts can be set apart.
//!
//! `/vertex/v1/projects/…` is Vertex AI with Gemini and Claude ([`cloud::vertex`]). Tokens for it come
//! from `/oauth2/token`, `/sts/v1/token`, `/iamcredentials/…` and `/computeMetadata/…`, Microsoft
//! Entra's from `/entra/sim-tenant/oauth2/v2.0/token` and `/metadata/identity/oauth2/token`
//! ([`cloud::identity`]).
//!
//! # What decides the answer
//!
//! * The last user text: `echo: …` is repeated, `words:500` gives that many words, the name of an
//!   offered tool (or a telling word of it) calls it, with JSON objects in the text as arguments;
//!   `both` or `parallel` makes several calls. Anything else gives seeded prose.
//! * A schema or JSON mode gives JSON that fits; tool results are quoted.
//! * Scripts ([`script::Script`]) replace all that with exact replies.
//! * Faults ([`fault`]) are put in last. `x-sim-ttft-ms` and `x-sim-itl-ms` set the pace.
//! * The key: `sim-bad…`, `sim-quota…` and `sim-forbidden…` are refused ([`auth`]).
//!   Bedrock takes any bearer key too, or SigV4 by known pairs ([`dialect::bedrock::signature`]).
//!
//! # `/_sim/`
//!
//! `GET health`, `GET log?since=N`, `DELETE log`, `GET | POST | DELETE faults`,
//! `GET faults/catalogue`, `POST | DELETE script`, `GET models` ([`admin`]).
//!
//! # Inside
//!
//! The way of a request: [`server`] → [`service`] → [`route`] → [`respond`] → [`answer`] →
//! `dialect/<name>/render` or `stream` → [`fault`] → [`play`].

pub mod admin;
pub mod answer;
pub mod auth;
pub mod clock;
pub mod cloud;
pub mod config;
pub mod connection;
mod crc32;
pub mod dialect;
pub mod errors;
pub mod fault;
pub mod headers;
pub mod latency;
pub mod log;
pub mod models;
pub mod plan;
pub mod play;
pub mod prompt;
pub mod respond;
pub mod route;
pub mod script;
pub mod seed;
pub mod server;
pub mod service;
pub mod state;
mod strict;
pub mod vendor;
pub mod wire;

pub use config::SimConfig;
pub use latency::Latency;
pub use server::{Sim, StartError};
