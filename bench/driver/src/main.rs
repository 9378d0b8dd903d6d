//! The benchmark's own programs in one binary: a fixed-answer `upstream`, a `load` driver with
//! `start-up` and `cross-check` beside it, and a `report` over what these printed. `bench/run` puts them together; it decides what is
//! measured, pinned and compared. Nothing here knows Polyroute: any HTTP gateway can stand between
//! driver and upstream.

mod answer;
mod cross_check;
mod events;
mod expected;
mod http;
mod load;
mod machine;
mod payload;
mod ports;
mod record;
mod report;
mod start_up;
mod subject;
mod upstream;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The benchmark's upstream, load driver and report.
#[derive(Parser)]
#[command(name = "polyroute-bench", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answer chat completions with fixed bytes, as fast as one thread can.
    Upstream(upstream::Options),
    /// Send load to one address for a while and print one JSON line of figures.
    Load(load::Options),
    /// Start a gateway several times and print how long the first answer took, as one JSON line.
    StartUp(start_up::Options),
    /// Send the load of `--mode requests` by wrk and print one JSON line of its figures.
    CrossCheck(cross_check::Options),
    /// Read the JSON lines of a whole run; print the table, write the summary.
    Report(report::Options),
    /// Print free ports of 127.0.0.1, one a line.
    Ports(ports::Options),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Upstream(options) => upstream::run(&options),
        Command::Load(options) => load::run(&options),
        Command::StartUp(options) => start_up::run(&options),
        Command::CrossCheck(options) => cross_check::run(&options),
        Command::Report(options) => report::run(&options),
        Command::Ports(options) => ports::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("polyroute-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
