//! Beginning and end: drain, signals, what is seen from outside (rows C2, S18, S19).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::StatusCode;
use http_body_util::BodyExt as _;
use polyroute::telemetry::Record;
use polyroute_sim::{Latency, SimConfig};
use serde_json::{Value, json};

use crate::program::Program;
use crate::raw::{Raw, Read, head};
use crate::support::{
    Answer, CANARY, Lab, MODELS, Plan, ask, ask_streamed, get, providers, server, until, within,
};

async fn slow(more: &str, itl_ms: u64) -> Lab {
    Lab::build(Plan {
        more: &server(more),
        sim: SimConfig {
            latency: Latency {
                itl_ms,
                words_per_event: 1,
                ..Latency::ZERO
            },
            ..SimConfig::default()
        },
        ..Plan::default()
    })
    .await
}

async fn whole(response: http::Response<hyper::body::Incoming>) -> Answer {
    let (head, body) = response.into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        body: within(20, body.collect()).await.unwrap().to_bytes(),
    }
}

#[tokio::test]
async fn c2_a_drain_is_told_at_once_and_open_streams_finish() {
    let Lab { sim: _sim, gateway } = {
        let lab = slow(", drain: 10s", 30).await;
        assert_eq!(lab.admin("/health/ready").await.status, StatusCode::OK);
        assert_eq!(lab.get("/health/live", &[]).await.status, StatusCode::OK);
        lab
    };
    let (address, admin) = (gateway.address, gateway.admin_address);
    let inner = std::sync::Arc::clone(&gateway.gateway);
    let request = ask_streamed("openai/gpt-4o-mini", "words:40").to_string();
    let mut raw = Raw::open(address).await;
    raw.write(head(
        request.len(),
        "x-request-id: open-stream\r\nconnection: close\r\n",
    ))
    .await;
    raw.write(&request).await;
    until(5, "the stream does not begin", || {
        (inner.telemetry.metrics.open_streams.get() == 1).then_some(())
    })
    .await;
    let draining = tokio::spawn(gateway.drain());
    let begun = Instant::now();
    while get(admin, "/health/ready", &[]).await.status != StatusCode::SERVICE_UNAVAILABLE {
        assert!(begun.elapsed() < Duration::from_secs(1), "still ready");
    }
    assert_eq!(get(admin, "/health/live", &[]).await.status, StatusCode::OK);
    let begun = Instant::now();
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(2), "still accepts");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let read = raw.read_for(Duration::from_secs(15)).await;
    assert!(read.text.contains("data: [DONE]"), "{}", read.text);
    within(5, draining).await.unwrap();
    let record = until(2, "no record", || inner.telemetry.recent.get("open-stream")).await;
    assert_eq!(record.end.as_str(), "complete");
}

/// Told by an error, never by a clean end.
fn was_cut(id: &str, read: &Read, record: &Record) {
    assert!(read.closed, "{id}: {read:?}");
    let code = "\"code\":\"shutting_down\"";
    assert!(read.text.contains(code), "{id}: {}", read.text);
    assert!(!read.text.contains("[DONE]"), "{id}: {}", read.text);
    let (status, end) = match id {
        "not-streamed" => ("503", "failed"),
        "before-content" => ("200", "failed"),
        _ => ("200", "truncated"),
    };
    let head = format!("HTTP/1.1 {status}");
    assert!(read.text.starts_with(&head), "{id}: {}", read.text);
    assert_eq!(record.error_code.as_deref(), Some("shutting_down"), "{id}");
    assert_eq!(record.end.as_str(), end, "{record:?}");
}

#[tokio::test]
async fn c2_what_is_open_at_the_end_of_the_drain_gets_its_error_and_its_record() {
    let lab = slow(", drain: 300ms, head_commit: 150ms, heartbeat: 100ms", 50).await;
    lab.fault("anthropic", "hang");
    let (sim, gateway) = (lab.sim, lab.gateway);
    let inner = std::sync::Arc::clone(&gateway.gateway);
    let mut open = Vec::new();
    for (id, body) in [
        (
            "in-content",
            ask_streamed("openai/gpt-4o-mini", "words:4000"),
        ),
        (
            "before-content",
            ask_streamed("anthropic/claude-haiku-4-5", "hello"),
        ),
        ("not-streamed", ask("anthropic/claude-haiku-4-5", "hello")),
    ] {
        let body = body.to_string();
        let mut raw = Raw::open(gateway.address).await;
        raw.write(head(body.len(), &format!("x-request-id: {id}\r\n")))
            .await;
        raw.write(&body).await;
        open.push((id, raw));
    }
    until(5, "not all are open", || {
        let posts = sim
            .log_since(0)
            .into_iter()
            .filter(|entry| entry.method == "POST")
            .count();
        (posts == 3 && inner.telemetry.metrics.open_streams.get() == 1).then_some(())
    })
    .await;
    // Past the head commit, so that the second has its 200 already.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    within(8, gateway.drain()).await;
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    for (id, mut raw) in open {
        let read = raw.read_for(Duration::from_secs(3)).await;
        let record = until(2, id, || inner.telemetry.recent.get(id)).await;
        was_cut(id, &read, &record);
    }
    until(3, "an upstream is still open", || {
        let mut posts = sim
            .log_since(0)
            .into_iter()
            .filter(|entry| entry.method == "POST");
        posts.all(|entry| entry.ended_ms.is_some()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn c2_a_model_list_that_hangs_does_not_hold_the_drain() {
    let lab = Lab::with("", "").await;
    lab.fault("openai", "hang");
    let Lab { sim, gateway } = Lab::build(Plan {
        more: &format!(
            "{}{}",
            server(", models_refresh: 50ms, drain: 20s"),
            providers(&lab.sim.url())
        ),
        ..Plan::default()
    })
    .await;
    until(5, "no list is read", || {
        let entries = lab.sim.log_since(0).into_iter();
        let mut lists = entries.filter(|entry| entry.method == "GET" && entry.fault.is_some());
        lists.next()
    })
    .await;
    let begun = Instant::now();
    within(15, gateway.drain()).await;
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    drop(sim);
}

async fn post(address: SocketAddr, id: &str, body: &Value) -> Raw {
    let body = body.to_string();
    let mut raw = Raw::open(address).await;
    let more = format!("connection: close\r\nx-polyroute-tags: note=a\r\nx-request-id: {id}\r\n");
    raw.write(head(body.len(), &more)).await;
    raw.write(&body).await;
    raw
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c2_sigterm_lets_streams_finish_and_ends_with_0() {
    let lab = slow("", 30).await;
    let program = Program::start(&lab.sim.url(), ", drain: 20s");
    let address = program.address;
    let mut first = post(
        address,
        "first",
        &ask("anthropic/claude-haiku-4-5", "echo: one"),
    )
    .await;
    let read = first.read_for(Duration::from_secs(10)).await;
    assert!(read.text.contains("one"), "{}", read.text);
    // Row S18: what a caller names can't forge a line.
    let forged = "no-such\n{\"event\":\"request\"}\u{1b}[31m\u{2028}";
    let mut forger = post(address, "forged", &ask(forged, "hello")).await;
    let read = forger.read_for(Duration::from_secs(10)).await;
    assert!(read.text.starts_with("HTTP/1.1 404"), "{}", read.text);
    let mut stream = post(
        address,
        "stream",
        &ask_streamed("openai/gpt-4o-mini", "words:50"),
    )
    .await;
    until(10, "the stream does not begin", || {
        let attempts = lab.attempts();
        attempts
            .iter()
            .any(|entry| entry.sent_events > 3 && entry.ended_ms.is_none())
            .then_some(())
    })
    .await;
    program.terminate();
    let read = stream.read_for(Duration::from_secs(20)).await;
    assert!(read.text.contains("data: [DONE]"), "{}", read.text);
    let (code, stdout, stderr) = program.ended(10).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stderr.contains("draining") && stderr.contains("drained"),
        "{stderr}"
    );
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<&str> = lines
        .iter()
        .map(|line| line["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["first", "forged", "stream"], "{stdout}");
    for line in &lines {
        assert_eq!(line["event"], "request");
        assert!(
            line["time"].is_string() && line["status"].is_u64() && line["total_ms"].is_f64(),
            "{line}"
        );
    }
    assert_eq!(
        (&lines[2]["end"], &lines[2]["stream"]),
        (&json!("complete"), &json!(true))
    );
    assert_eq!(lines[0]["tags"], json!({"note": "a"}));
    // Rows S10 and I5: no key, no prompt, no answer.
    for text in [&stdout, &stderr] {
        assert!(
            !text.contains(CANARY) && !text.contains("echo: one"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c2_a_second_sigterm_ends_at_once() {
    let lab = slow("", 100).await;
    let program = Program::start(&lab.sim.url(), ", drain: 60s, access_log: off");
    let _stream = post(
        program.address,
        "long",
        &ask_streamed("openai/gpt-4o-mini", "words:5000"),
    )
    .await;
    until(10, "the stream does not begin", || lab.attempts().pop()).await;
    program.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    program.terminate();
    let (code, stdout, _) = program.ended(5).await;
    assert_eq!(code, Some(0));
    assert_eq!(stdout, "");
}

#[tokio::test]
async fn request_ids_come_in_and_go_out() {
    let lab = Lab::start().await;
    let body = ask("openai/gpt-4o-mini", "hello").to_string();
    let answer = lab
        .post_bytes(
            "/v1/chat/completions",
            body.clone(),
            &[("x-request-id", "mine-1")],
        )
        .await;
    assert_eq!(answer.header("x-request-id"), "mine-1");
    assert_eq!(lab.record_of("mine-1").await["status"], 200);
    let long = "x".repeat(500);
    for bad in ["a b", "<script>", long.as_str()] {
        let answer = lab
            .post_bytes(
                "/v1/chat/completions",
                body.clone(),
                &[("x-request-id", bad)],
            )
            .await;
        assert!(answer.header("x-request-id").starts_with("req_"), "{bad}");
    }
    for path in ["/nowhere", "/v1/models", "/health/live", "/v1/models/none"] {
        assert!(
            !lab.get(path, &[]).await.header("x-request-id").is_empty(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn row_s19_metrics_count_what_happened_and_their_labels_are_bounded() {
    let lab = Lab::start().await;
    for (_, model) in MODELS {
        lab.chat(&ask(model, "words:20")).await;
        lab.chat(&ask_streamed(model, "words:20")).await;
    }
    lab.fault("openai", "status:500");
    lab.chat(&ask("chat", "hello")).await;
    let last = lab.chat(&ask("openai/gpt-4o-mini", "hello")).await;
    lab.record(&last).await;
    lab.sim.clear_faults();
    let text = lab.admin("/metrics").await.text();
    for line in [
        "polyroute_requests_total{operation=\"chat\",route=\"chat\",status=\"200\",end=\"complete\"} 1",
        "polyroute_errors_total{code=\"upstream_error\"} 1",
        "outcome=\"server_error\"} 3",
        "polyroute_tokens_total{provider=\"anthropic\",model=\"claude-haiku-4-5\",type=\"output\"}",
        "polyroute_ttft_seconds_bucket",
        "polyroute_request_duration_seconds_bucket",
        "polyroute_overhead_seconds_bucket",
        "polyroute_open_streams 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    // Every label value that a caller can make up.
    let before = text.lines().count();
    let mut last = None;
    for index in 0..100 {
        let made_up = format!("made-up-{index}");
        for model in [
            made_up.clone(),
            format!("openai/{made_up}"),
            format!("anthropic/{made_up}"),
            format!("gemini/{made_up}"),
        ] {
            let headers = [("x-polyroute-tags", made_up.as_str())];
            let body = ask(&model, "hello").to_string();
            let answer = lab.post_bytes("/v1/chat/completions", body, &headers).await;
            assert!(!answer.status.is_success(), "{model}: {}", answer.text());
            last = Some(answer);
        }
    }
    lab.record(&last.unwrap()).await;
    let text = lab.admin("/metrics").await.text();
    assert!(!text.contains("made-up"), "{text}");
    let after = text.lines().count();
    assert!(after < before + 120, "{before} lines became {after}");
}

#[tokio::test]
async fn the_admin_api_shows_a_bounded_number_of_records_newest_first() {
    let lab = Lab::start().await;
    let mut last = None;
    for index in 0..120 {
        let headers = [("x-request-id", format!("n-{index}"))];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        last = Some(lab.post_bytes("/v1/chat/completions", "{}", &headers).await);
    }
    lab.record(&last.unwrap()).await;
    let list = |text: Answer| text.json()["data"].as_array().unwrap().clone();
    assert_eq!(list(lab.admin("/v1/admin/requests").await).len(), 100);
    let three = list(lab.admin("/v1/admin/requests?limit=3").await);
    let ids: Vec<&str> = three
        .iter()
        .map(|record| record["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["n-119", "n-118", "n-117"]);
    assert_eq!(
        list(lab.admin("/v1/admin/requests?limit=99999999").await).len(),
        120
    );
    for index in 0..1_000 {
        // On one connection each: the admin API must forget.
        let id = format!("m-{index}");
        last = Some(
            lab.post_bytes(
                "/v1/chat/completions",
                "{}",
                &[("x-request-id", id.as_str())],
            )
            .await,
        );
        if index % 250 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let _ = last;
    lab.record_of("m-999").await;
    assert_eq!(
        list(lab.admin("/v1/admin/requests?limit=99999999").await).len(),
        1_000
    );
    assert_eq!(
        lab.admin("/v1/admin/requests/n-0").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        lab.admin("/v1/admin/nothing").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_model_list_has_routes_the_catalog_and_what_providers_list() {
    let lab = Lab::with(
        "targets:\n  pinned: { use: openai/gpt-4o, pin: gpt-4o-2024-11-20 }\n",
        "",
    )
    .await;
    // Live lists come shortly after the start.
    let begun = Instant::now();
    let names = loop {
        let listed = lab.get("/v1/models", &[]).await.json();
        assert_eq!(listed["object"], "list");
        let models = listed["data"].as_array().unwrap().clone();
        let live = models
            .iter()
            .filter(|model| model["created"].as_i64().unwrap() > 0)
            .count();
        if live > 0 || begun.elapsed() > Duration::from_secs(5) {
            assert!(live > 0, "no live model: {listed}");
            break models
                .into_iter()
                .map(|model| model["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>();
        }
    };
    for name in [
        "chat",
        "pinned",
        "openai/gpt-4o-mini",
        "anthropic/claude-haiku-4-5",
        "gemini/gemini-2.5-flash",
    ] {
        assert!(
            names.iter().any(|known| known == name),
            "{name} is not in {names:?}"
        );
        let one = lab.get(&format!("/v1/models/{name}"), &[]).await;
        assert_eq!(one.status, StatusCode::OK, "{name}: {}", one.text());
        assert_eq!(one.json()["id"], name);
    }
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len(), "a name stands twice");
    let encoded = lab.get("/v1/models/openai%2Fgpt-4o-mini", &[]).await;
    assert_eq!(encoded.status, StatusCode::OK, "{}", encoded.text());
}

#[tokio::test]
async fn an_open_stream_is_seen_in_the_metrics() {
    let lab = slow("", 40).await;
    let response = lab
        .open(&ask_streamed("openai/gpt-4o-mini", "words:30"))
        .await;
    let text = lab.admin("/metrics").await.text();
    assert!(text.contains("polyroute_open_streams 1"), "{text}");
    let answer = whole(response).await;
    assert!(answer.streamed().1, "{}", answer.text());
    lab.record(&answer).await;
    let text = lab.admin("/metrics").await.text();
    assert!(text.contains("polyroute_open_streams 0"), "{text}");
}
