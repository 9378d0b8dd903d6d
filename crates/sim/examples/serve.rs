//! Runs a simulator until Ctrl-C and prints its address.
//!
//! `cargo run -p polyroute-sim --example serve -- --listen 127.0.0.1:8070 --latency realistic --seed 7`

use std::error::Error;
use std::io::Write as _;

use polyroute_sim::{Latency, Sim, SimConfig};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut config = SimConfig::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .ok_or_else(|| format!("`{name}` needs a value"))?;
        match name.as_str() {
            "--listen" => config.listen = value.parse()?,
            "--seed" => config.seed = value.parse()?,
            "--latency" => {
                config.latency =
                    Latency::preset(&value).ok_or("`--latency` is `zero` or `realistic`")?;
            }
            _ => return Err(format!("unknown argument `{name}`").into()),
        }
    }
    let sim = Sim::start(config).await?;
    writeln!(std::io::stdout(), "{}", sim.url())?;
    tokio::signal::ctrl_c().await?;
    sim.shutdown().await;
    Ok(())
}
