//! Row S25: a mistake of ours in one request is that request's alone.
//!
//! The mistakes here are real panics within the gateway: what it tells its operator goes through a
//! subscriber of these tests, which panics where a target's name asks for it.

use std::sync::Once;
use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::http2::{DATA, H2, HEADERS, RST_STREAM};
use crate::kit::{CHAT, OPENAI, lab_with, metric, post, serves};
use crate::provider::{DONE, Provider, chunk, finish, json_answer, stream_answer};
use crate::support::{Lab, ask, ask_streamed, until};

/// Panics over an event with a value that says so.
struct Panics;

struct Look;

impl Visit for Look {
    fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
        let said = format!("{value:?}");
        assert!(
            !said.contains("it-panics"),
            "a panic that this test asked for"
        );
    }
}

impl Subscriber for Panics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("polyroute")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Look);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn panics_are_on() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Panics).unwrap());
}

/// A provider that takes no `seed`, which a gateway tells its operator of, after so long. Without a
/// seed it answers.
async fn fussy(wait: Duration) -> Provider {
    Provider::start(move |mut peer| async move {
        while let Some(request) = peer.request().await {
            if !request.contains("\"seed\"") {
                let events = [&chunk("fine"), &finish(), DONE].concat();
                let answer = if request.contains("\"stream\":true") {
                    stream_answer(&events)
                } else {
                    json_answer(&crate::provider::whole("fine")).into_bytes()
                };
                peer.rest(Duration::from_millis(400)).await;
                peer.send(answer).await;
                return;
            }
            peer.rest(wait).await;
            let body = json!({"error": {"message": "Unsupported parameter: 'seed' is not supported with this model.",
                "type": "invalid_request_error", "param": "seed", "code": "unsupported_parameter"}})
            .to_string();
            let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            peer.send(head + &body).await;
        }
    })
    .await
}

/// One for each panic: what was learned of a model is not told of again.
const TARGETS: [&str; 6] = [
    "it-panics-0",
    "it-panics-1",
    "it-panics-2",
    "it-panics-3",
    "it-panics-4",
    "it-panics-5",
];

async fn lab(provider: &Provider, server: &str) -> Lab {
    panics_are_on();
    let targets: String = TARGETS
        .iter()
        .map(|name| {
            format!(
                "  {name}: {{ use: openai/{} }}\n",
                name.replace("it-panics", "fussy")
            )
        })
        .collect();
    let more = format!("{}targets:\n{targets}", crate::support::server(server));
    lab_with(Some(provider), None, &more).await
}

fn panicking(nth: usize, stream: bool) -> serde_json::Value {
    let mut body = if stream {
        ask_streamed(TARGETS[nth], "hello")
    } else {
        ask(TARGETS[nth], "hello")
    };
    body["seed"] = json!(7);
    body
}

/// Its record: one, and it says what happened.
async fn failed(lab: &Lab, id: &str) {
    let record = lab.record_of(id).await;
    assert_eq!(record["end"], "failed", "{record}");
    assert_eq!(record["status"], 500, "{record}");
    assert_eq!(record["error_code"], "internal_error", "{record}");
    let all = lab.admin("/v1/admin/requests?limit=1000").await.json();
    let same = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["request_id"] == id);
    assert_eq!(same.count(), 1, "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s25_a_panic_is_one_500_with_its_record_and_nobody_else_s() {
    let provider = fussy(Duration::ZERO).await;
    let lab = lab(&provider, "").await;
    for stream in [false, true] {
        // Others are under way, before the same provider.
        let body = ask_streamed(OPENAI, "hello");
        let (others, broken) = futures_util::future::join(
            futures_util::future::join_all((0..10).map(|_| lab.chat(&body))),
            futures_util::future::join_all((0..3).map(|nth| {
                let id = format!("broken-{stream}-{nth}");
                let lab = &lab;
                async move {
                    let body = panicking(nth + 3 * usize::from(stream), stream).to_string();
                    lab.post_bytes(CHAT, body, &[("x-request-id", &id)]).await
                }
            })),
        )
        .await;
        for answer in others {
            assert_eq!(
                answer.streamed(),
                ("fine".to_owned(), true),
                "{}",
                answer.text()
            );
        }
        for (nth, answer) in broken.iter().enumerate() {
            assert_eq!(
                answer.status,
                StatusCode::INTERNAL_SERVER_ERROR,
                "{}",
                answer.text()
            );
            assert_eq!(answer.code(), "internal_error", "{}", answer.text());
            assert_eq!(
                answer.header("x-request-id"),
                format!("broken-{stream}-{nth}")
            );
            // What it said of itself is nobody's business.
            assert!(!answer.text().contains("asked for"), "{}", answer.text());
            failed(&lab, answer.header("x-request-id")).await;
        }
    }
    serves(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s25_a_panic_within_a_stream_is_its_error_event() {
    let provider = fussy(Duration::from_millis(600)).await;
    let lab = lab(&provider, ", head_commit: 100ms, heartbeat: 100ms").await;
    let answer = lab
        .post_bytes(
            CHAT,
            panicking(0, true).to_string(),
            &[("x-request-id", "in-stream")],
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains(": ping"), "{}", answer.text());
    assert_eq!(answer.code(), "internal_error", "{}", answer.text());
    assert!(!answer.text().contains("[DONE]"), "{}", answer.text());
    failed(&lab, "in-stream").await;
    until(3, "a stream counts as open", || {
        (lab.gateway.gateway.telemetry.metrics.open_streams.get() == 0).then_some(())
    })
    .await;
    serves(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s25_on_one_http_2_connection_the_others_go_on() {
    let provider = fussy(Duration::ZERO).await;
    let lab = lab(&provider, "").await;
    let mut connection = H2::open(lab.gateway.address, &[]).await;
    connection
        .post(1, CHAT, &ask_streamed(OPENAI, "hello").to_string())
        .await;
    connection
        .post(3, CHAT, &panicking(0, false).to_string())
        .await;
    connection
        .post(5, CHAT, &ask(OPENAI, "hello").to_string())
        .await;
    let (frames, closed) = connection.read_for(Duration::from_secs(3)).await;
    assert!(
        !closed && frames.iter().all(|frame| frame.kind != RST_STREAM),
        "{frames:?}"
    );
    let text = |stream| {
        let own = frames
            .iter()
            .filter(|frame| frame.stream == stream && frame.kind == DATA);
        String::from_utf8(own.flat_map(|frame| frame.payload.clone()).collect()).unwrap()
    };
    assert!(text(1).contains("[DONE]"), "{}", text(1));
    assert!(text(3).contains("internal_error"), "{}", text(3));
    assert!(text(5).contains("fine"), "{}", text(5));
    assert_eq!(
        frames.iter().filter(|frame| frame.kind == HEADERS).count(),
        3
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s25_a_panic_over_one_record_loses_no_other_one() {
    panics_are_on();
    // A model that nobody has a price for is told of; its name makes the test's subscriber panic,
    // this time in the thread that takes the records.
    let provider = Provider::says(json_answer(&crate::provider::whole("fine"))).await;
    let lab = lab_with(Some(&provider), None, "").await;
    for (at, model) in ["openai/it-panics-1", OPENAI, "openai/it-panics-2", OPENAI]
        .iter()
        .enumerate()
    {
        let id = format!("record-{at}");
        let body = ask(model, "hello").to_string();
        let answer = lab.post_bytes(CHAT, body, &[("x-request-id", &id)]).await;
        assert_eq!(answer.content(), "fine", "{}", answer.text());
        assert_eq!(lab.record_of(&id).await["end"], "complete");
    }
    let text = lab.admin("/metrics").await.text();
    assert_eq!(
        metric(
            &text,
            "polyroute_bounds_hit_total{bound=\"telemetry_failure\"}"
        ),
        2,
        "{text}"
    );
    serves(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s25_a_caller_that_leaves_is_no_failure_of_ours() {
    let provider = fussy(Duration::from_secs(20)).await;
    let lab = lab(&provider, "").await;
    let read = post(
        lab.gateway.address,
        "x-request-id: left\r\n",
        &panicking(0, false),
        Duration::from_millis(300),
    )
    .await;
    assert!(!read.closed);
    let record = lab.record_of("left").await;
    assert_eq!(record["end"], "client_closed", "{record}");
}
