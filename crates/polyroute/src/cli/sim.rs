//! `polyroute sim`

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use polyroute_sim::{Latency, Sim, SimConfig};

/// Options of `polyroute sim`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    polyroute sim --listen 127.0.0.1:8070 --latency realistic\n  \
    OPENAI_API_KEY=sim OPENAI_BASE_URL=http://127.0.0.1:8070/v1 python app.py\n  \
    curl -s http://127.0.0.1:8070/_sim/faults/catalogue     what can go wrong on demand\n  \
    curl -s http://127.0.0.1:8070/_sim/log                  every attempt that it saw")]
pub struct SimArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8070")]
    listen: SocketAddr,
    /// Pace of the answers: zero or realistic
    #[arg(long, default_value = "realistic")]
    latency: String,
    /// Seeds answers, jitter and probabilities
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// JSON file with faults, scripts and paces (the shape of `SimConfig`)
    #[arg(long)]
    script: Option<PathBuf>,
}

/// Runs the simulator until Ctrl-C.
pub(super) fn run(args: &SimArgs) -> anyhow::Result<()> {
    let mut config = match &args.script {
        None => SimConfig::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read `{}`", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("`{}` is no simulator script", path.display()))?
        }
    };
    config.listen = args.listen;
    config.seed = args.seed;
    config.latency = Latency::preset(&args.latency)
        .with_context(|| format!("`{}` is no pace: `zero` or `realistic`", args.latency))?;
    super::runtime()?.block_on(async {
        let sim = Sim::start(config).await?;
        writeln!(
            std::io::stdout(),
            "simulating every provider at {} (paths and faults: docs/simulator.md)",
            sim.url()
        )?;
        tokio::signal::ctrl_c().await?;
        sim.shutdown().await;
        Ok(())
    })
}
