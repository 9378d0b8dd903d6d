//! The command line: one file a subcommand.

mod client;
pub mod config;
pub mod demo;
pub mod models;
pub mod providers;
pub mod serve;
pub mod sim;
pub mod targets;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::env::Environment;

/// Every LLM provider behind one OpenAI-compatible endpoint.
#[derive(Debug, Parser)]
#[command(
    name = "polyroute",
    version,
    about,
    after_help = "Examples:\n  \
        polyroute demo                       see it work: simulated providers, no keys\n  \
        OPENAI_API_KEY=… polyroute serve     a gateway on http://127.0.0.1:8080/v1\n  \
        polyroute config example > polyroute.yaml && polyroute config check"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway
    Serve(serve::ServeArgs),
    /// Show the gateway at work on simulated providers: no keys, no network
    Demo(demo::DemoArgs),
    /// Run the provider simulator: every known provider, with faults on demand
    Sim(sim::SimArgs),
    /// List, filter and compare models; read LiteLLM's price file
    Models(models::ModelsArgs),
    /// Show what a running gateway learned of its targets
    Targets(targets::TargetsArgs),
    /// Check, document and start configurations
    Config(config::ConfigArgs),
    /// What each provider supports, and whether yours work
    Providers(providers::ProvidersArgs),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment::of_process();
    match cli.command {
        Command::Config(args) => {
            let mut out = std::io::stdout().lock();
            let is_terminal = out.is_terminal();
            config::run(&args, &environment, &mut out, is_terminal)
        }
        Command::Models(args) => {
            let mut out = std::io::stdout().lock();
            let is_terminal = out.is_terminal();
            models::run(&args, &environment, &mut out, is_terminal)
        }
        Command::Serve(args) => finish(serve::run(&args, &environment)),
        Command::Demo(args) => finish(demo::run(&args)),
        Command::Sim(args) => finish(sim::run(&args)),
        Command::Targets(args) => finish(targets::run(&args)),
        Command::Providers(args) => providers::run(&args, &environment),
    }
}

fn finish(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A runtime for a server: one thread a core; on one core no work stealing.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = if cores == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}
