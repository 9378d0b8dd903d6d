//! Rows L1 to L3, a few seconds each; `POLYROUTE_ROWS_SCALE=20` for long runs by hand. The callers,
//! the simulator and the gateway share the machine, so that bounds in time are generous and the
//! figures are printed. L4 is in `overload.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::kit::{GEMINI, OPENAI, metric, scaled};
use crate::program::Program;
use crate::provider::{Provider, chunk, stream_answer};
use crate::raw::{Raw, head};
use crate::support::{Lab, ask, ask_streamed, get};

const PATIENT: &str = "resilience: { deadline: 600s, timeouts: { first_content: 600s, inter_token: 600s, total: 600s } }\n";

async fn open(address: std::net::SocketAddr, model: &str) -> Raw {
    let body = ask_streamed(model, "hello").to_string();
    let mut raw = Raw::open(address).await;
    raw.write(head(body.len(), "") + &body).await;
    raw
}

/// Streams that say something and then nothing.
async fn quiet() -> Provider {
    Provider::start(|mut peer| async move {
        if peer.request().await.is_some() {
            peer.send(stream_answer(&chunk("one "))).await;
            peer.closed().await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l1_idle_streams_are_kept_warm_and_cost_little() {
    let provider = quiet().await;
    let server = ", access_log: off, heartbeat: 1s, drain: 1s";
    let program = Program::with(&provider.url(), server, PATIENT);
    let count = scaled(300);
    // Warm: what is there for the first stream is not counted for all.
    let mut warm = Vec::new();
    for _ in 0..20 {
        warm.push(open(program.address, OPENAI).await);
    }
    let read = warm[19].read_for(Duration::from_millis(700)).await;
    assert!(read.text.contains("one "), "{}", read.text);
    let before = program.resident_kib();
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        streams.push(open(program.address, OPENAI).await);
    }
    // Each gets its content, and heartbeats.
    let lasts = Duration::from_secs(4);
    let reads = join_all(streams.iter_mut().map(|stream| stream.read_for(lasts))).await;
    for read in &reads {
        assert!(!read.closed && read.text.contains("one "), "{}", read.text);
        assert!(read.text.matches(": ping").count() >= 2, "{}", read.text);
    }
    let each = program.resident_kib().saturating_sub(before) / count as u64;
    println!("{count} idle streams: {each} KiB each");
    // Each has two connections with the HTTP library's buffers of 8 KiB for either direction, and the
    // tasks of a build for tests.
    assert!(each <= 128, "{each} KiB each");
    let text = get(program.admin, "/metrics", &[]).await.text();
    assert_eq!(
        metric(&text, "polyroute_open_streams"),
        count as u64 + 20,
        "{text}"
    );
    drop((streams, warm));
    let begun = Instant::now();
    loop {
        let text = get(program.admin, "/metrics", &[]).await.text();
        if metric(&text, "polyroute_open_streams") == 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A provider whose stream is 32 MiB, more than the system's own buffers take on both ways; bytes sent, and connections that broke off before their end.
async fn large() -> (Provider, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let sent = Arc::new(AtomicUsize::new(0));
    let closed = Arc::new(AtomicUsize::new(0));
    let (counted, ended) = (Arc::clone(&sent), Arc::clone(&closed));
    let provider = Provider::start(move |mut peer| {
        let (sent, closed) = (Arc::clone(&counted), Arc::clone(&ended));
        async move {
            if peer.request().await.is_some() {
                peer.send(stream_answer("")).await;
                let piece = chunk(&"x".repeat(512)).repeat(8);
                for _ in 0..32 * 1024 * 1024 / piece.len() {
                    if !peer.send(&piece).await {
                        closed.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    sent.fetch_add(piece.len(), Ordering::Relaxed);
                }
            }
        }
    })
    .await;
    (provider, sent, closed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l2_readers_that_stop_hold_little_and_are_cut() {
    let (provider, sent, closed) = large().await;
    let server = ", access_log: off, drain: 1s, limits: { send_timeout: 3s }";
    let program = Program::with(&provider.url(), server, PATIENT);
    let count = scaled(40);
    // Warm: what is there for the first streams is not counted for all.
    let mut streams = Vec::with_capacity(count + 8);
    for _ in 0..8 {
        streams.push(open(program.address, OPENAI).await);
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    let before = program.resident_kib();
    for _ in 0..count {
        streams.push(open(program.address, OPENAI).await);
    }
    // Reading upstream stops: what is sent does not go on to its end.
    let mut most = 0;
    let mut last = (0, Instant::now());
    while last.1.elapsed() < Duration::from_millis(800) {
        let now = sent.load(Ordering::Relaxed);
        if now != last.0 {
            last = (now, Instant::now());
        }
        most = most.max(program.resident_kib());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(
        last.0 < (count + 8) * 24 * 1024 * 1024,
        "{} bytes were read",
        last.0
    );
    let each = most.saturating_sub(before) / count as u64;
    println!(
        "{count} stopped readers: {each} KiB each, {} KiB sent each",
        last.0 / count / 1024
    );
    assert!(each <= 512, "{each} KiB each");
    // Then they are cut, with their records, and the provider is let go.
    let begun = Instant::now();
    while closed.load(Ordering::Relaxed) < count + 8 {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{closed:?} of {count} are closed"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let all = get(program.admin, "/v1/admin/requests?limit=1000", &[])
        .await
        .json();
    let records = all["data"].as_array().unwrap();
    assert_eq!(records.len(), count + 8);
    assert!(
        records
            .iter()
            .all(|record| record["end"] == "client_closed"),
        "{}",
        records[0]
    );
    drop(streams);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l3_a_herd_is_served_without_a_reset() {
    let lab = Lab::start().await;
    let program = Program::start(&lab.sim.url(), ", access_log: off");
    let address = program.address;
    let count = scaled(600);
    let begun = Instant::now();
    let herd = (0..count).map(|_| {
        tokio::spawn(async move {
            let begun = Instant::now();
            let read = crate::kit::post(
                address,
                "",
                &ask(GEMINI, "echo: fine"),
                Duration::from_secs(60),
            )
            .await;
            assert!(read.closed && read.text.contains("fine"), "{read:?}");
            begun.elapsed()
        })
    });
    let mut times: Vec<Duration> = join_all(herd)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    times.sort();
    println!(
        "{count} connections at once in {:?}: half in {:?}, 99 of 100 in {:?}",
        begun.elapsed(),
        times[count / 2],
        times[count * 99 / 100]
    );
    assert!(times[count - 1] < Duration::from_secs(30));
}
