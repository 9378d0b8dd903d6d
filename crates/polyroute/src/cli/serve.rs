//! `polyroute serve`

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::boot::Running;
use crate::config::env::{self, Environment};
use crate::config::{self, Input};

/// Options of `polyroute serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Configuration file [default: POLYROUTE_CONFIG, else polyroute.yaml, else the environment alone]
    #[arg(long, short)]
    config: Option<PathBuf>,
    /// Address that applications call, for example 127.0.0.1:8080
    #[arg(long)]
    listen: Option<String>,
    /// Address of metrics and the admin API
    #[arg(long)]
    admin: Option<String>,
}

/// Runs the gateway until a signal.
pub(super) fn run(args: &ServeArgs, environment: &Environment) -> anyhow::Result<()> {
    let file = config::find_file(args.config.as_deref(), environment);
    let input = Input {
        file: file.as_deref(),
        listen: args.listen.as_deref(),
        admin: args.admin.as_deref(),
        environment,
    };
    let colour = std::io::stderr().is_terminal() && environment.get(env::NO_COLOR).is_none();
    let loaded = match config::load(&input) {
        Ok(loaded) => loaded,
        Err(report) => {
            let _ = write!(std::io::stderr(), "{}", report.to_text(colour));
            bail!("the configuration has errors; nothing was started");
        }
    };
    let _ = write!(std::io::stderr(), "{}", loaded.warnings.to_text(colour));
    let settings = loaded.settings;
    tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .init();
    report_panics();
    super::runtime()?.block_on(async {
        let tls = settings.server.tls.is_some();
        let names: Vec<String> = settings
            .providers
            .iter()
            .map(|provider| provider.name.clone())
            .collect();
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let running = Running::start(settings).await?;
        let scheme = if tls { "https" } else { "http" };
        tracing::info!(
            "listening on {scheme}://{}/v1, metrics and admin API on http://{}; providers: {}",
            running.address,
            running.admin_address,
            names.join(", ")
        );
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(
            "draining: no new connections, open answers may finish; a second signal ends at once"
        );
        tokio::select! {
            () = running.drain() => tracing::info!("drained"),
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

/// Says where a mistake of ours was, and not what it says: that may quote a prompt or a key.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a bug of the gateway ended what it was doing");
    }));
}
