//! The command line: one file a subcommand, each a thin shell around the library.

pub mod config;
