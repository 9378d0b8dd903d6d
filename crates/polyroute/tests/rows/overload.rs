//! Row L4: more requests than there is room for. A few seconds each; `POLYROUTE_ROWS_SCALE=20` for the
//! minute of the row.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use crate::kit::{GEMINI, OPENAI, lab_with, metric, scaled};
use crate::program::Program;
use crate::provider::{DONE, Provider, chunk, finish, json_answer, stream_answer, whole};
use crate::raw::{Raw, head};
use crate::support::{Lab, ask, ask_streamed, get, server, until};

const PATIENT: &str = "resilience: { deadline: 600s, timeouts: { first_content: 600s, inter_token: 600s, total: 600s } }\n";

/// Words of a stream, 200 ms each: longer than a test's overload lasts.
const WORDS: usize = 70;

/// A provider that answers each request after so long, and streams for 14 s; the most requests that it
/// had at once.
async fn steady(takes: Duration) -> (Provider, Arc<AtomicUsize>) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let provider = Provider::start(move |mut peer| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move {
            while let Some(request) = peer.request().await {
                let here = now.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(here, Ordering::Relaxed);
                if request.contains("\"stream\":true") {
                    peer.send(stream_answer("")).await;
                    for at in 0..WORDS * scaled(1) {
                        peer.send(chunk(&format!("w{at} "))).await;
                        peer.rest(Duration::from_millis(200)).await;
                    }
                    peer.send([finish(), DONE.to_owned()].concat()).await;
                } else {
                    peer.rest(takes).await;
                    peer.send(json_answer(&whole("hello"))).await;
                }
                now.fetch_sub(1, Ordering::Relaxed);
                if request.contains("\"stream\":true") {
                    return;
                }
            }
        }
    })
    .await;
    (provider, seen)
}

/// A provider that answers once it is let.
async fn stuck() -> (Provider, tokio::sync::watch::Sender<bool>) {
    let (go, gate) = tokio::sync::watch::channel(false);
    let provider = Provider::start(move |mut peer| {
        let mut gate = gate.clone();
        async move {
            while peer.request().await.is_some() {
                let _ = gate.wait_for(|open| *open).await;
                peer.send(json_answer(&whole("hello"))).await;
            }
        }
    })
    .await;
    (provider, go)
}

async fn streams(address: SocketAddr, count: usize) -> Vec<Raw> {
    let one = async || {
        let body = ask_streamed(OPENAI, "hello").to_string();
        let mut raw = Raw::open(address).await;
        raw.write(head(body.len(), "connection: close\r\n") + &body)
            .await;
        raw
    };
    join_all((0..count).map(|_| one())).await
}

async fn are_whole(streams: &mut [Raw]) {
    let ends = format!("w{} ", WORDS * scaled(1) - 1);
    let wait = Duration::from_secs(60 * scaled(1) as u64);
    for read in join_all(streams.iter_mut().map(|stream| stream.read_for(wait))).await {
        let whole = read.text.contains(&ends) && read.text.contains("[DONE]");
        assert!(whole, "{}", read.text);
    }
}

/// What callers got.
#[derive(Debug, Default)]
struct Got {
    answers: usize,
    refusals: Vec<Duration>,
}

impl Got {
    fn refused_within(&self, of_a_hundred: usize) -> Duration {
        let mut all = self.refusals.clone();
        all.sort();
        let at = all.len() * of_a_hundred / 100;
        all.get(at).copied().unwrap_or_default()
    }
}

/// So many callers for so long, each on a connection of its own that it keeps: the next request follows
/// on an answer at once, and on a refusal after a pause.
async fn callers(address: SocketAddr, count: usize, lasts: Duration, pause: Duration) -> Got {
    let all = (0..count).map(|nth| {
        tokio::spawn(async move {
            let begun = Instant::now();
            let body = ask(OPENAI, "hello").to_string();
            let mut raw = Raw::open(address).await;
            let mut got = Got::default();
            // Not all at the same moment.
            tokio::time::sleep(pause * u32::try_from(nth % 16).unwrap() / 16).await;
            while begun.elapsed() < lasts {
                let asked = Instant::now();
                raw.write(head(body.len(), "") + &body).await;
                let mut text = String::new();
                while !text.ends_with('}') {
                    let read = raw.read_some(Duration::from_secs(30)).await;
                    assert!(!read.closed, "{text}");
                    text.push_str(&read.text);
                }
                if text.starts_with("HTTP/1.1 200") {
                    got.answers += 1;
                    continue;
                }
                got.refusals.push(asked.elapsed());
                assert!(text.starts_with("HTTP/1.1 503"), "{text}");
                assert!(text.contains("\r\nretry-after: "), "{text}");
                tokio::time::sleep(pause).await;
            }
            got
        })
    });
    let mut sum = Got::default();
    for got in join_all(all).await {
        let got = got.unwrap();
        sum.answers += got.answers;
        sum.refusals.extend(got.refusals);
    }
    sum
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l4_at_two_and_three_times_its_capacity_it_does_as_much_and_cuts_no_stream() {
    const PLACES: usize = 40;
    const STREAMS: usize = 10;
    let takes = Duration::from_millis(200);
    let (provider, most) = steady(takes).await;
    let bound = PLACES + STREAMS;
    let limits = format!(", access_log: off, limits: {{ requests: {bound} }}");
    let program = Program::with(&provider.url(), &limits, PATIENT);
    let address = program.address;
    let mut streams = streams(address, STREAMS).await;
    let lasts = Duration::from_secs(scaled(3) as u64);
    callers(address, PLACES, lasts / 4, takes).await;
    let peak = callers(address, PLACES, lasts, takes).await;
    assert!(peak.refusals.is_empty(), "{peak:?}");
    let mut asked = 0;
    for times in [2, 3] {
        // What else runs on the machine must not fail it: one of three rounds has to hold.
        let mut rounds = 0;
        loop {
            rounds += 1;
            let got = callers(address, times * PLACES, lasts, takes).await;
            let share = 100 * got.answers / peak.answers;
            asked += got.refusals.len();
            println!(
                "{times}x: {} answers, {share} % of {}; {} refusals, half within {:?}, 99 of 100 within {:?}",
                got.answers,
                peak.answers,
                got.refusals.len(),
                got.refused_within(50),
                got.refused_within(99),
            );
            let offered = got.answers + got.refusals.len();
            let holds = share >= 90 && got.refused_within(50) <= Duration::from_millis(5);
            if holds && offered * 10 >= times * peak.answers * 9 {
                break;
            }
            assert!(rounds < 3, "{times}x: {share} % of {}", peak.answers);
        }
    }
    are_whole(&mut streams).await;
    // Nobody who was refused went upstream, and each is counted and told.
    assert!(most.load(Ordering::Relaxed) <= bound, "{most:?}");
    let text = get(program.admin, "/metrics", &[]).await.text();
    let hits = metric(&text, "polyroute_bounds_hit_total{bound=\"requests\"}");
    assert_eq!(hits, asked as u64, "{text}");
    assert_eq!(metric(&text, "polyroute_requests_under_way"), 0, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l4_more_callers_than_the_machine_serves_get_as_much_done() {
    let (provider, _) = steady(Duration::ZERO).await;
    let program = Program::with(&provider.url(), ", access_log: off", PATIENT);
    let address = program.address;
    let mut streams = streams(address, 20).await;
    let lasts = Duration::from_secs(scaled(1) as u64);
    callers(address, 16, lasts / 2, Duration::ZERO).await;
    let peak = callers(address, 16, lasts, Duration::ZERO).await.answers;
    for count in [32, 48, 160] {
        let over = callers(address, count, lasts, Duration::ZERO).await.answers;
        println!("16 callers: {peak} answers, {count} callers: {over}");
        // The callers take the same two processors.
        assert!(over * 2 > peak, "{peak} answers became {over}");
    }
    are_whole(&mut streams).await;
}

/// The error of a refusal for room, checked for what its caller heeds.
fn refused(text: &str) -> Value {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    assert!(head.starts_with("HTTP/1.1 503"), "{text}");
    let value = |name: &str| {
        let mut lines = head.lines();
        let line = lines.find_map(|line| line.strip_prefix(name)).unwrap_or("");
        line.trim().parse::<u64>().unwrap_or_default()
    };
    assert!((1..=3).contains(&value("retry-after:")), "{text}");
    assert!((1_000..3_000).contains(&value("retry-after-ms:")), "{text}");
    assert!(!head.contains("x-should-retry"), "{text}");
    let error: Value = serde_json::from_str(body).unwrap();
    assert_eq!(error["error"]["code"], "server_is_overloaded", "{text}");
    assert_eq!(error["error"]["type"], "server_error", "{text}");
    error
}

async fn under_way(lab: &Lab) -> (u64, u64) {
    let text = lab.admin("/metrics").await.text();
    let requests = metric(&text, "polyroute_requests_under_way");
    (requests, metric(&text, "polyroute_request_body_held_bytes"))
}

/// Waits until so many requests are under way.
async fn are_under_way(lab: &Lab, count: u64) {
    let begun = Instant::now();
    while under_way(lab).await.0 != count {
        assert!(begun.elapsed() < Duration::from_secs(10), "not {count}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l4_over_the_bound_is_503_at_once_and_nothing_else_is_touched() {
    let (provider, go) = stuck().await;
    let more = server(", limits: { requests: 3 }");
    let lab = lab_with(Some(&provider), None, &more).await;
    let address = lab.gateway.address;
    let body = ask(OPENAI, "hello").to_string();
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::open(address).await;
        raw.write(head(body.len(), "") + &body).await;
        held.push(raw);
    }
    are_under_way(&lab, 3).await;
    // Whichever model and whichever operation.
    for (path, body) in [
        ("/v1/chat/completions", ask(GEMINI, "echo: fine")),
        ("/v1/chat/completions", ask_streamed(GEMINI, "echo: fine")),
        ("/v1/embeddings", json!({"model": OPENAI, "input": "x"})),
        ("/v1/completions", json!({"model": OPENAI, "prompt": "x"})),
        ("/v1/moderations", json!({"model": OPENAI, "input": "x"})),
        (
            "/v1/chat/completions/input_tokens",
            ask(GEMINI, "echo: fine"),
        ),
    ] {
        let answer = lab.post(path, &body).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.code(), "server_is_overloaded", "{path}");
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "refused", "{record}");
        assert_eq!(record["error_code"], "server_is_overloaded", "{record}");
        assert_eq!(record["attempts"], json!([]), "{record}");
    }
    // Whoever waits for our word before it sends its body does not send it.
    let mut raw = Raw::open(address).await;
    raw.write(head(1 << 20, "expect: 100-continue\r\n")).await;
    let read = raw.read_for(Duration::from_secs(5)).await;
    assert!(
        read.closed && !read.text.contains("100 Continue"),
        "{read:?}"
    );
    refused(&read.text);
    // A body that is there does not end the connection: it serves when there is room again.
    let mut kept = Raw::open(address).await;
    kept.write(head(body.len(), "") + &body).await;
    let read = kept.read_some(Duration::from_secs(5)).await;
    refused(&read.text);
    // Health, the list of models and the admin API are never refused.
    for path in ["/health/live", "/health/ready", "/v1/models"] {
        let answer = lab.get(path, &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    let text = lab.admin("/metrics").await.text();
    let hits = metric(&text, "polyroute_bounds_hit_total{bound=\"requests\"}");
    assert_eq!(hits, 8, "{text}");
    assert_eq!(provider.seen.requests().len(), 3);
    // A caller that leaves makes room for another one.
    drop(held.pop());
    are_under_way(&lab, 2).await;
    assert_eq!(lab.chat(&ask(GEMINI, "echo: fine")).await.content(), "fine");
    // What was under way is answered, and what comes then as well.
    go.send_replace(true);
    for raw in &mut held {
        let read = raw.read_some(Duration::from_secs(10)).await;
        assert!(read.text.starts_with("HTTP/1.1 200"), "{read:?}");
    }
    kept.write(head(body.len(), "") + &body).await;
    let read = kept.read_some(Duration::from_secs(10)).await;
    assert!(read.text.starts_with("HTTP/1.1 200"), "{read:?}");
    are_under_way(&lab, 0).await;
    assert_eq!(under_way(&lab).await, (0, 0));
}

/// A chat request that is so long, and a stand-in for it that is chunked.
fn large(bytes: usize) -> (String, String) {
    let body = ask(OPENAI, &"x".repeat(bytes)).to_string();
    let chunked = head(0, "").replace("content-length: 0", "transfer-encoding: chunked")
        + &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    (head(body.len(), "") + &body, chunked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l4_bodies_have_so_much_room_and_no_more() {
    let (provider, go) = stuck().await;
    let more = server(", limits: { body: 1MiB, bodies: 2MiB }");
    let lab = lab_with(Some(&provider), None, &more).await;
    let address = lab.gateway.address;
    let (announced, chunked) = large(900 * 1024);
    // What is only announced takes no room.
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::open(address).await;
        raw.write(head(1 << 20, "")).await;
        silent.push(raw);
    }
    let mut held = Vec::new();
    for text in [&announced, &chunked] {
        let mut raw = Raw::open(address).await;
        raw.write(text).await;
        held.push(raw);
    }
    until(10, "the provider has not got both", || {
        (provider.seen.requests().len() == 2).then_some(())
    })
    .await;
    let (_, bytes) = under_way(&lab).await;
    assert!((1_800 * 1024..2 << 20).contains(&bytes), "{bytes}");
    // The third does not fit: told before it is sent, or when it is too much.
    let mut raw = Raw::open(address).await;
    raw.write(head(900 * 1024, "expect: 100-continue\r\n"))
        .await;
    let read = raw.read_for(Duration::from_secs(5)).await;
    assert!(
        read.closed && !read.text.contains("100 Continue"),
        "{read:?}"
    );
    refused(&read.text);
    for text in [&announced, &chunked] {
        let mut raw = Raw::open(address).await;
        raw.write(text).await;
        refused(&raw.read_some(Duration::from_secs(5)).await.text);
    }
    let text = lab.admin("/metrics").await.text();
    let hits = metric(
        &text,
        "polyroute_bounds_hit_total{bound=\"request_bodies\"}",
    );
    assert_eq!(hits, 3, "{text}");
    // A small one does.
    assert_eq!(lab.chat(&ask(GEMINI, "echo: fine")).await.content(), "fine");
    go.send_replace(true);
    for raw in &mut held {
        let read = raw.read_some(Duration::from_secs(10)).await;
        assert!(read.text.starts_with("HTTP/1.1 200"), "{read:?}");
    }
    drop(silent);
    are_under_way(&lab, 0).await;
    assert_eq!(under_way(&lab).await, (0, 0));
    let mut raw = Raw::open(address).await;
    raw.write(&announced).await;
    let read = raw.read_some(Duration::from_secs(10)).await;
    assert!(read.text.starts_with("HTTP/1.1 200"), "{read:?}");
}
