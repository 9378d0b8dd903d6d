//! What the gateway allocates for a request, held to `bounds.json`: from the socket to the socket,
//! its connections kept.
//!
//! The gateway has the test's own thread. Caller and provider are threads of their own with plain
//! sockets, and what telemetry does with records is done on its thread: the counter sees none of
//! them. What differs from request to request (a buffer that grows) is evened out over many, and of
//! several rounds the leanest counts: what a busy machine adds, bytes that come in more pieces, is
//! not the gateway's.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod peers;

use std::path::Path;

use allocation_counter::measure;
use polyroute::boot::Running;
use polyroute::config::env::Environment;
use polyroute::config::{self, Input};
use polyroute_measure::{Allocated, hold};

use peers::{Caller, answer_as_providers_do, whole};

/// Requests before the first that counts: connections, buffers, what is learned of a new target.
const WARM_UP: usize = 40;
/// Requests of a round.
const COUNTED: usize = 40;
/// Rounds, the leanest of which counts.
const ROUNDS: usize = 5;

#[test]
fn no_request_allocates_more_than_its_bound() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let provider = answer_as_providers_do();
    let gateway = runtime.block_on(start(&format!("http://{provider}")));
    let address = gateway.address;
    let cases = [
        ("pass a request on/0.5 KB", whole("gpt-4o-mini", 300)),
        ("pass a request on/20 KB", whole("gpt-4o-mini", 20_000)),
        (
            "translate a request/0.5 KB to anthropic",
            whole("claude-haiku-4-5", 300),
        ),
        (
            "pass a stream on/20 chunks",
            peers::streamed("gpt-4o-mini", 300),
        ),
    ];
    let mut measured = Vec::new();
    for (name, body) in cases {
        let mut caller = Caller::connect(address);
        let mut ask = |times| {
            let (asked, ends) = caller.ask(body.clone(), times);
            runtime.block_on(asked).unwrap();
            caller = ends.join().unwrap();
        };
        ask(WARM_UP);
        let count = u64::try_from(COUNTED).unwrap();
        let rounds = (0..ROUNDS).map(|_| measure(|| ask(COUNTED)));
        let leanest = rounds.min_by_key(|round| round.count_total).unwrap();
        let allocated = Allocated {
            allocations: leanest.count_total / count,
            bytes: leanest.bytes_total / count,
        };
        measured.push((name.to_owned(), allocated));
    }
    runtime.block_on(gateway.drain());
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/allocations/bounds.json");
    if let Err(complaints) = hold(Path::new(table), &measured) {
        panic!("{complaints}");
    }
}

/// A gateway with a key of its own in front of two providers at `url`.
async fn start(url: &str) -> Running {
    let text = format!(
        "server: {{ listen: \"127.0.0.1:0\", admin: \"127.0.0.1:0\", access_log: off }}\n\
         providers:\n  \
           openai: {{ base_url: \"{url}/v1\", credentials: [\"${{KEY}}\"] }}\n  \
           anthropic: {{ base_url: \"{url}\", credentials: [\"${{KEY}}\"] }}\n\
         keys:\n  - {{ name: caller, secret: \"${{CALLER}}\" }}\n"
    );
    let environment: Environment = [("KEY", "provider-key"), ("CALLER", peers::KEY)]
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    let input = Input {
        file: None,
        listen: None,
        admin: None,
        environment: &environment,
    };
    match config::load_text(Some("test.yaml"), &text, Path::new(""), &input) {
        Ok(loaded) => Running::start(loaded.settings).await.unwrap(),
        Err(report) => panic!("{}\n{text}", report.to_text(false)),
    }
}
