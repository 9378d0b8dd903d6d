//! `polyroute targets`: what a running gateway knows of its targets, asked of its admin API.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Longest wait for the admin API.
const WAIT: Duration = Duration::from_secs(10);
/// Largest answer of the admin API that is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a running gateway knows of its targets.
#[derive(Debug, Args)]
pub struct TargetsArgs {
    /// What to show.
    #[command(subcommand)]
    command: TargetsCommand,
}

#[derive(Debug, Subcommand)]
enum TargetsCommand {
    /// Show or forget the parameters that models were seen to refuse
    Capabilities {
        /// Address of the gateway's admin API
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
        admin: SocketAddr,
        /// Forget what was learned of a provider or `provider/model`, or of all of them
        #[arg(long, value_name = "TARGET", num_args = 0..=1, default_missing_value = "")]
        reset: Option<String>,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// No gateway answers at the address, or it answers with an error.
pub fn run(args: &TargetsArgs) -> anyhow::Result<()> {
    let TargetsCommand::Capabilities { admin, reset } = &args.command;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut path = "/v1/admin/targets/capabilities".to_owned();
    let method = match reset.as_deref() {
        None => Method::GET,
        Some(target) => {
            if !target.is_empty() {
                let target = percent_encoding::utf8_percent_encode(
                    target,
                    percent_encoding::NON_ALPHANUMERIC,
                );
                path = format!("{path}?target={target}");
            }
            Method::DELETE
        }
    };
    let answer = runtime.block_on(ask(*admin, method.clone(), &path))?;
    let shown = if method == Method::DELETE {
        let forgotten = answer.get("forgotten").and_then(Value::as_u64);
        format!("{} forgotten\n", forgotten.unwrap_or_default())
    } else {
        table(&answer)
    };
    print(&shown)
}

/// Writes to standard output; a reader that has seen enough is no failure of ours.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

async fn ask(admin: SocketAddr, method: Method, path: &str) -> anyhow::Result<Value> {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(method)
        .uri(format!("http://{admin}{path}"))
        .body(Full::default())?;
    let exchange = async {
        let response = client.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => bail!("the answer could not be read: {error}"),
        };
        Ok((status, body))
    };
    let (status, body) = tokio::time::timeout(WAIT, exchange)
        .await
        .context("no answer in 10 s")?
        .with_context(|| {
            format!("no gateway answers at {admin}; name its admin address with --admin")
        })?;
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if !status.is_success() {
        let message = answer.pointer("/error/message").and_then(Value::as_str);
        bail!("{status}: {}", message.unwrap_or("no reason given"));
    }
    Ok(answer)
}

/// The lessons as a table.
fn table(answer: &Value) -> String {
    let rows = answer.get("data").and_then(Value::as_array);
    let rows = rows.map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return "No model was seen to refuse a parameter.\n".to_owned();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let columns = [
        ("provider", "provider"),
        ("model", "model"),
        ("version", "version"),
        ("parameter", "param"),
        ("learned at", "learned_at"),
        ("expires at", "expires_at"),
        ("refused", "count"),
        ("the provider's words", "words"),
    ];
    table.set_header(columns.map(|(title, _)| title));
    for row in rows {
        table.add_row(columns.map(|(_, key)| match row.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }));
    }
    format!("{table}\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lesson_is_a_row() {
        let answer = json!({"data": [{"provider": "house", "model": "m", "param": "seed",
            "learned_at": "2026-11-21T10:00:00Z", "expires_at": "2026-11-22T10:00:00Z",
            "count": 3, "words": "no seed"}]});
        let shown = table(&answer);
        for word in ["house", "seed", "2026-11-22T10:00:00Z", "3", "no seed"] {
            assert!(shown.contains(word), "{shown}");
        }
        assert!(table(&json!({"data": []})).starts_with("No model"));
    }
}
