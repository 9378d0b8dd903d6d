//! The load of the mode `requests` by another generator, wrk, with the same bytes: what says whether
//! our driver's rates are the gateway's.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::payload::{self, Wanted};
use crate::record::{Mode, Record};
use crate::subject::Subject;

/// What to send where, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// Connections.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// How long, in seconds.
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Size of both bodies.
    #[arg(long, default_value_t = 460)]
    body_bytes: usize,
    /// Where wrk's script is written.
    #[arg(long)]
    script: PathBuf,
}

/// Runs wrk and prints the record.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let Subject { address, .. } = options.subject;
    fs::write(&options.script, script(options))
        .with_context(|| format!("can't write {}", options.script.display()))?;
    let output = Command::new("wrk")
        .arg("-t1")
        .arg(format!("-c{}", options.connections))
        .arg(format!("-d{}s", options.seconds))
        .arg("-s")
        .arg(&options.script)
        .arg(format!("http://{address}/v1/chat/completions"))
        .output()
        .context("can't start wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {text}");
    let figures = parse(&text).with_context(|| format!("wrk said what we can't read: {text}"))?;
    let record = Record {
        connections: options.connections,
        body_bytes: Some(options.body_bytes),
        seconds: figures.requests / figures.per_second,
        requests: figures.requests as u64,
        errors: figures.errors,
        first_error: (figures.errors > 0).then(|| "wrk counted errors".to_owned()),
        ..Record::new(&options.subject, Mode::CrossCheck)
    };
    println!("{}", serde_json::to_string(&record)?);
    Ok(())
}

/// The script that makes wrk send what our driver sends.
fn script(options: &Options) -> String {
    let wanted = Wanted::Whole {
        body_bytes: options.body_bytes,
    };
    let caller = options.subject.caller();
    let body = payload::request_body(wanted, options.body_bytes, &caller.model_prefix);
    let mut script = format!("wrk.method = \"POST\"\nwrk.body = [==[{body}]==]\n");
    for (name, value) in payload::headers(wanted, &caller) {
        // Writing to a string can't fail.
        let _ = writeln!(script, "wrk.headers[ [==[{name}]==] ] = [==[{value}]==]");
    }
    script
}

/// What wrk counted.
#[derive(Debug, PartialEq)]
struct Figures {
    requests: f64,
    per_second: f64,
    errors: u64,
}

/// Reads wrk's summary.
fn parse(text: &str) -> Option<Figures> {
    let after = |name: &str| {
        let line = text.lines().find_map(|line| line.split_once(name))?;
        Some(line.1.trim())
    };
    let requests = text
        .lines()
        .find_map(|line| line.split_once(" requests in "))?;
    // "connect 0, read 0, write 0, timeout 0", where there was any.
    let sockets = after("Socket errors:").unwrap_or_default();
    let sockets = sockets
        .split(", ")
        .filter_map(|part| part.split_once(' ')?.1.parse::<u64>().ok());
    let statuses = after("Non-2xx or 3xx responses:").and_then(|count| count.parse::<u64>().ok());
    Some(Figures {
        requests: requests.0.trim().parse().ok()?,
        per_second: after("Requests/sec:")?.parse().ok()?,
        errors: sockets.sum::<u64>() + statuses.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "Running 3s test @ http://127.0.0.1:1/\n  1 threads and 64 connections\n\
        \x20 Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     1.90ms  600us\n\
        \x20 98765 requests in 3.01s, 80.1MB read\n  ERRORS\nRequests/sec:  32812.29\nTransfer/sec: 26MB\n";

    #[test]
    fn the_summary_is_read_and_errors_add_up() {
        let figures = |errors| Figures {
            requests: 98765.0,
            per_second: 32812.29,
            errors,
        };
        assert_eq!(parse(OUTPUT), Some(figures(0)));
        let lines =
            "Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 10";
        assert_eq!(parse(&OUTPUT.replace("ERRORS", lines)), Some(figures(17)));
        assert_eq!(parse("unable to connect"), None);
    }

    #[test]
    fn the_script_holds_body_and_key() {
        let options = Options {
            subject: Subject {
                target: "x".to_owned(),
                scenario: "y".to_owned(),
                round: 1,
                address: ([127, 0, 0, 1], 1).into(),
                key: "secret".to_owned(),
                model_prefix: "openai/".to_owned(),
                headers: Vec::new(),
            },
            connections: 64,
            seconds: 1,
            body_bytes: 460,
            script: PathBuf::new(),
        };
        let script = script(&options);
        assert!(script.contains("Bearer secret") && script.contains("\"openai/bench-460\""));
    }
}
