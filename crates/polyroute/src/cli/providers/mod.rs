//! `polyroute providers list | show | check | reference`.

mod check;
mod sheet;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::config::env::{self, Environment};
use crate::providers;

/// What each provider supports, and whether yours work.
#[derive(Debug, Args)]
pub struct ProvidersArgs {
    /// What to do.
    #[command(subcommand)]
    command: ProvidersCommand,
}

#[derive(Debug, Subcommand)]
enum ProvidersCommand {
    /// List the providers that are known by name, and which are switched on
    List,
    /// Show what one provider is sent as it is, in its own words, changed, left out or refused
    #[command(after_help = "Example:\n  polyroute providers show groq --model openai/gpt-oss-120b")]
    Show {
        /// A known provider, such as `groq`
        provider: String,
        /// One of its models; the ones that stand for it where this is not given
        #[arg(long)]
        model: Option<String>,
    },
    /// Send the cheapest calls to each configured target and say what works
    #[command(after_help = "Examples:\n  \
        polyroute providers check                       every target of the configuration\n  \
        polyroute providers check --only groq           one provider's\n  \
        polyroute providers check --model mistral/mistral-small-2603\n\n\
        It needs the providers' real keys and costs a few hundred tokens a target. Exits 1 if\n\
        anything does not work.")]
    Check(CheckArgs),
    /// Print docs/providers.md
    Reference,
}

/// Options of `polyroute providers check`.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Configuration file; else $POLYROUTE_CONFIG, else polyroute.yaml, else the environment
    #[arg(long)]
    config: Option<PathBuf>,
    /// Only this provider's targets
    #[arg(long)]
    only: Option<String>,
    /// This model (`provider/model`, or the name of a target) in place of the configured ones
    #[arg(long)]
    model: Vec<String>,
    /// JSON in place of a table
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn run(args: &ProvidersArgs, environment: &Environment) -> ExitCode {
    let mut out = io::stdout();
    let colour = out.is_terminal() && environment.get(env::NO_COLOR).is_none();
    let done = match &args.command {
        ProvidersCommand::List => writeln!(out, "{}", sheet::list(environment, colour)),
        ProvidersCommand::Reference => write!(out, "{}", providers::reference()),
        ProvidersCommand::Show { provider, model } => {
            match sheet::show(provider, model.as_deref(), colour) {
                Ok(text) => writeln!(out, "{text}"),
                Err(reason) => return super::finish(Err(reason)),
            }
        }
        ProvidersCommand::Check(args) => {
            return match check::run(args, environment, colour) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(error) => super::finish(Err(error)),
            };
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe that has seen enough is no failure of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
