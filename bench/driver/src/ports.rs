//! Finds free ports: the kernel picks them, all held at once so that they differ.

use std::net::TcpListener;

/// How many ports to find.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many.
    count: u8,
}

/// Prints the ports. They are free again when this returns, so whoever binds one soon gets it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let listeners = (0..options.count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect::<Result<Vec<_>, _>>()?;
    for listener in &listeners {
        println!("{}", listener.local_addr()?.port());
    }
    Ok(())
}
