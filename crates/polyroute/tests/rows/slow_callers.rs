//! Callers that take their time (S22).

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::kit::{OPENAI, honest_beside, lab_with, metric, scaled, serves};
use crate::provider::{Provider, json_answer, whole};
use crate::raw::{Raw, head};
use crate::support::{Lab, ask, server};
use crate::tls::{Authority, Folder, Good};

#[tokio::test]
async fn row_s22_every_bound_is_on_without_a_setting() {
    let lab = Lab::start().await;
    let limits = &lab.gateway.gateway.settings.server.limits;
    assert_eq!(limits.body_bytes_max, 64 << 20);
    assert_eq!(limits.head_bytes_max, 64 << 10);
    assert_eq!(limits.connections_max, 20_000);
    assert_eq!(limits.requests_max, 15_000);
    assert_eq!(limits.bodies_bytes_max, 1 << 30);
    assert_eq!(limits.header_count_max, 100);
    assert_eq!(limits.nesting_max, 128);
    assert_eq!(limits.head_timeout, Duration::from_secs(10));
    assert_eq!(limits.body_timeout, Duration::from_secs(30));
    assert_eq!(limits.idle_timeout, Duration::from_secs(75));
    assert_eq!(limits.send_timeout, Duration::from_secs(60));
}

/// Opens many connections that begin like this and go on byte by byte; waits until all are closed.
async fn slow(address: std::net::SocketAddr, begin: &str, count: usize) -> usize {
    let all = join_all((0..count).map(|_| async {
        let mut raw = Raw::open(address).await;
        raw.write(begin).await;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            if raw.read_for(Duration::from_millis(300)).await.closed {
                return 1;
            }
            if !begin.is_empty()
                && tokio::io::AsyncWriteExt::write_all(&mut raw.stream, b"a")
                    .await
                    .is_err()
            {
                return 1;
            }
        }
        0
    }));
    all.await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s22_hundreds_of_slow_callers_are_closed_and_hold_nobody_up() {
    let lab = Lab::with(
        &server(", limits: { head_timeout: 1s, body_timeout: 1s }"),
        "",
    )
    .await;
    let address = lab.gateway.address;
    let count = scaled(150);
    for begin in [
        String::new(),
        "P".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: ".to_owned(),
        head(100_000, ""),
    ] {
        let attack = slow(address, &begin, count);
        let (closed, honest, slowest) = honest_beside(address, OPENAI, "", attack).await;
        println!("{begin:?}: {honest} honest answers, the slowest in {slowest:?}");
        assert_eq!(closed, count, "{begin:?}");
    }
    let text = lab.admin("/metrics").await.text();
    let hits = metric(
        &text,
        "polyroute_bounds_hit_total{bound=\"request_body_time\"}",
    );
    assert_eq!(hits, count as u64, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s22_silence_before_and_in_the_handshake_is_closed_too() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("localhost", Good::Now);
    let folder = Folder::new();
    let cert = folder.write("tls.crt", &certificate);
    let key = folder.write("tls.key", &key);
    let more = server(&format!(
        ", limits: {{ head_timeout: 1s }}, tls: {{ cert: \"{}\", key: \"{}\" }}",
        cert.display(),
        key.display()
    ));
    let lab = Lab::with(&more, "").await;
    let address = lab.gateway.address;
    let count = scaled(100);
    for begin in ["", "\x16\x03\x01\x02\x00\x01"] {
        assert_eq!(slow(address, begin, count).await, count, "{begin:?}");
    }
    // After the handshake, with either protocol agreed on.
    for alpn in ["h2", "http/1.1"] {
        let mut stream = authority.connect(address, &[alpn]).await;
        let mut rest = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest);
        let ended = tokio::time::timeout(Duration::from_secs(8), read).await;
        assert!(ended.is_ok(), "{alpn}: it is still open");
    }
}

#[tokio::test]
async fn row_s22_a_connection_idles_no_longer_than_it_may() {
    let limits = ", limits: { head_timeout: 500ms, idle_timeout: 1s }";
    let lab = Lab::with(&server(limits), "").await;
    let mut raw = Raw::open(lab.gateway.address).await;
    for _ in 0..3 {
        raw.write("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        // Within the time for the next request it stays open.
        let read = raw.read_for(Duration::from_millis(600)).await;
        assert!(
            !read.closed && read.text.starts_with("HTTP/1.1 200"),
            "{read:?}"
        );
    }
    let begun = Instant::now();
    assert!(raw.read_for(Duration::from_secs(8)).await.closed);
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
}

/// Goes on with a head byte by byte; how long until the connection is closed.
async fn drips(raw: &mut Raw) -> Duration {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        let closed = raw.read_for(Duration::from_millis(150)).await.closed;
        let sent = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, b"a").await;
        if closed || sent.is_err() {
            break;
        }
    }
    begun.elapsed()
}

#[tokio::test]
async fn row_s22_a_head_that_drips_after_a_first_request_has_no_more_time_than_the_first() {
    const GET: &str = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let limits = ", limits: { head_timeout: 1s, idle_timeout: 60s }";
    let lab = Lab::with(&server(limits), "").await;
    let bound = Duration::from_millis(900)..Duration::from_secs(4);
    // By itself, and right behind the request before it.
    for (first, half) in [
        (
            GET.to_owned(),
            "POST /v1/chat/completions HTTP/1.1\r\nx-slow: ",
        ),
        (format!("{GET}POST /v1/chat"), "/"),
        (GET.to_owned(), "\r\n"),
        (GET.to_owned(), "P"),
    ] {
        let mut raw = Raw::open(lab.gateway.address).await;
        raw.write(&first).await;
        let read = raw.read_some(Duration::from_secs(5)).await;
        assert!(read.text.starts_with("HTTP/1.1 200"), "{read:?}");
        // A connection that idles is not hurried.
        let read = raw.read_for(Duration::from_millis(1_500)).await;
        assert!(!read.closed, "{half:?}");
        raw.write(half).await;
        let took = drips(&mut raw).await;
        assert!(bound.contains(&took), "{half:?}: {took:?}");
    }
    // One that stops in the middle is closed without another byte.
    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write(GET).await;
    raw.read_some(Duration::from_secs(5)).await;
    raw.write("POST /v1").await;
    let begun = Instant::now();
    assert!(raw.read_for(Duration::from_secs(8)).await.closed);
    assert!(bound.contains(&begun.elapsed()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn row_s22_bodies_answers_and_pauses_may_take_longer_than_a_head() {
    let limits = ", limits: { head_timeout: 500ms, idle_timeout: 60s }";
    let provider = Provider::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.rest(Duration::from_secs(1)).await;
            peer.send(json_answer(&whole("fine"))).await;
        }
    })
    .await;
    let lab = lab_with(Some(&provider), None, &server(limits)).await;
    let mut raw = Raw::open(lab.gateway.address).await;
    let body = ask(OPENAI, "echo: fine").to_string();
    for _ in 0..3 {
        let text = head(body.len(), "");
        let (text, body) = (text.as_bytes(), body.as_bytes());
        // The head in two pieces, the body in two, and the answer, with a pause in each.
        raw.write(&text[..20]).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        raw.write(&text[20..]).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        raw.write(&body[..10]).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        raw.write(&body[10..]).await;
        let read = raw.read_some(Duration::from_secs(10)).await;
        let fine = read.text.starts_with("HTTP/1.1 200") && read.text.contains("fine");
        assert!(fine, "{read:?}");
        let read = raw.read_for(Duration::from_millis(800)).await;
        assert!(!read.closed, "{read:?}");
    }
}

#[tokio::test]
async fn row_s22_connections_over_the_cap_wait_and_are_counted() {
    let limits = ", limits: { connections: 3, head_timeout: 1s }";
    let lab = Lab::with(&server(limits), "").await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(Raw::open(lab.gateway.address).await);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    // The fourth waits in the system's queue, and is served when the silent ones were closed.
    serves(&lab).await;
    let text = lab.admin("/metrics").await.text();
    assert!(
        metric(&text, "polyroute_bounds_hit_total{bound=\"connections\"}") >= 1,
        "{text}"
    );
}
