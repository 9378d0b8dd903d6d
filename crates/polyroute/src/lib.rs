//! The program: configuration, listeners, pipeline, upstream I/O, telemetry, CLI.
//!
//! It moves bytes and keeps time; it neither decides (`polyroute-engine`) nor translates
//! (`polyroute-wire`). Start with [`config`].

pub mod cli;
pub mod config;
