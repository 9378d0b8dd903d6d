//! The program: configuration, listeners, pipeline, upstream I/O, telemetry, CLI.
//!
//! It moves bytes and keeps time; it neither decides (`polyroute-engine`) nor translates
//! (`polyroute-wire`). A request comes in at [`api`], goes through [`pipeline`] and leaves by
//! [`upstream`]; [`boot`] puts it all together.

pub mod api;
pub mod boot;
pub mod cli;
pub mod config;
mod facts;
pub mod gateway;
pub mod learned;
pub mod pipeline;
pub mod providers;
pub mod server;
mod snapshot;
pub mod tasks;
pub mod telemetry;
pub mod upstream;
