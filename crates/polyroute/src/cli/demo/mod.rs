//! `polyroute demo`: the gateway in front of simulated providers, real traffic through it, one
//! provider down, and a table of what the application saw.

mod scenes;
mod table;

use std::io::{IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use clap::Args;
use polyroute_sim::{Latency, Sim, SimConfig};

use crate::boot::Running;
use crate::config::env::Environment;
use crate::config::{self, Input};

/// Where the gateway of the demo listens if it can, so that the lines to copy are short.
const PREFERRED: [&str; 2] = ["127.0.0.1:8080", "127.0.0.1:9090"];

/// Options of `polyroute demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// End after the table instead of staying up
    #[arg(long)]
    exit: bool,
}

/// Runs the demo.
pub(super) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    super::runtime()?.block_on(play(args.exit))
}

async fn play(exit: bool) -> anyhow::Result<()> {
    let latency = Latency::preset("realistic").context("the simulator knows no realistic pace")?;
    let sim = Sim::start(SimConfig {
        latency,
        ..SimConfig::default()
    })
    .await?;
    let running = Running::start(settings(&sim.url())?).await?;
    let mut out = std::io::stdout();
    let colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    writeln!(
        out,
        "Polyroute at http://{}/v1 in front of three simulated providers at {}.\n\
         One application, the OpenAI API, sends:\n",
        running.address,
        sim.url()
    )?;
    let rows = scenes::play(&sim, running.address, |row| {
        // One line as it happens; the table follows.
        let _ = writeln!(std::io::stdout(), "  {}", row.line(colour));
    })
    .await?;
    writeln!(out, "\n{}", table::render(&rows, colour))?;
    let failed = rows.iter().filter(|row| !row.ok).count();
    writeln!(out, "{}", table::summary(&rows))?;
    if !exit {
        writeln!(
            out,
            "{}",
            table::try_next(running.address, running.admin_address)
        )?;
        tokio::signal::ctrl_c().await?;
        writeln!(out)?;
    }
    running.drain().await;
    sim.shutdown().await;
    anyhow::ensure!(
        failed == 0,
        "{failed} of the demo's requests did not get the answer they should"
    );
    Ok(())
}

/// What a user would write in `polyroute.yaml`, pointed at the simulator.
fn settings(sim: &str) -> anyhow::Result<config::settings::Settings> {
    let [listen, admin] = PREFERRED.map(free);
    let text = format!(
        "server: {{ listen: \"{listen}\", admin: \"{admin}\", access_log: off }}\n\
         providers:\n  \
           openai: {{ base_url: \"{sim}/openai/v1\", credentials: [\"${{DEMO_KEY}}\"] }}\n  \
           anthropic: {{ base_url: \"{sim}/anthropic\", credentials: [\"${{DEMO_KEY}}\"] }}\n  \
           gemini: {{ base_url: \"{sim}/gemini\", credentials: [\"${{DEMO_KEY}}\"] }}\n\
         targets:\n  \
           careful: {{ use: openai/gpt-4o-mini, timeouts: {{ first_content: 1500ms }} }}\n\
         routes:\n  \
           chat: [careful, anthropic/claude-haiku-4-5, gemini/gemini-2.5-flash]\n"
    );
    let environment: Environment = [("DEMO_KEY", "sim-demo-key")].into_iter().collect();
    let input = Input {
        file: None,
        listen: None,
        admin: None,
        environment: &environment,
    };
    match config::load_text(Some("demo.yaml"), &text, Path::new(""), &input) {
        Ok(loaded) => Ok(loaded.settings),
        Err(report) => anyhow::bail!(
            "the demo's configuration is wrong:\n{}",
            report.to_text(false)
        ),
    }
}

/// The address if nobody listens there, else any free port of it.
fn free(address: &str) -> String {
    match std::net::TcpListener::bind(address) {
        Ok(_) => address.to_owned(),
        Err(_) => address
            .parse::<SocketAddr>()
            .map_or_else(|_| address.to_owned(), |taken| format!("{}:0", taken.ip())),
    }
}
