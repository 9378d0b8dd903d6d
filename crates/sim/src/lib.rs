//! A provider simulator: the real wire formats of OpenAI, Anthropic and Gemini with scripted or
//! seeded answers, realistic latency, usage, limits and faults.
//!
//! It is the upstream of Polyroute's tests and demo and, as `polyroute sim`, a fault lab for any
//! gateway. It shares no translation code with `polyroute-wire`: a bug that both had would hide
//! itself. The one type to read first is [`prompt::Prompt`]: what a strict dialect understood of
//! a request. [`Sim::start`] runs one.
//!
//! The way of a request: [`server`] → [`service`] → [`route`] → [`respond`] → [`answer`] →
//! `dialect/<name>/render` or `stream` → [`fault`] → [`play`].

pub mod admin;
pub mod answer;
pub mod auth;
pub mod clock;
pub mod config;
pub mod connection;
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
pub mod wire;

pub use config::SimConfig;
pub use latency::Latency;
pub use server::{Sim, StartError};
