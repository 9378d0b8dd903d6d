//! Streams: the head commit and its heartbeats, slow callers, callers that leave, usage.

use std::time::{Duration, Instant};

use http::StatusCode;
use http_body_util::BodyExt as _;
use polyroute_sim::{Latency, SimConfig};
use serde_json::{Value, json};

use crate::grid::{Due, QUICK, judge};
use crate::program::Program;
use crate::raw::{Raw, head};
use crate::support::{Answer, Lab, MODELS, Plan, ask_streamed, server, until, within};

/// A lab in which our 200 goes out after 200 ms and a heartbeat every 100 ms.
async fn impatient(latency: Latency) -> Lab {
    impatient_for(latency, "3s").await
}

/// The same with this long for the first content.
async fn impatient_for(latency: Latency, first_content: &str) -> Lab {
    let more = format!(
        "{}{QUICK}",
        server(", head_commit: 200ms, heartbeat: 100ms")
    )
    .replace(
        "first_content: 5s",
        &format!("first_content: {first_content}"),
    );
    Lab::build(Plan {
        more: &more,
        sim: SimConfig {
            latency,
            ..SimConfig::default()
        },
        ..Plan::default()
    })
    .await
}

/// Where a comment of ours, the first content and the end stand in a stream.
fn places(answer: &Answer) -> (Option<usize>, Option<usize>) {
    let text = answer.text();
    (text.find(": ping\n\n"), text.find("\"content\":\""))
}

#[tokio::test]
async fn a_slow_first_token_gets_our_200_and_heartbeats_first() {
    for (provider, model) in MODELS {
        let lab = impatient(Latency::ZERO).await;
        lab.fault(provider, "slow_first_token:900");
        let begun = Instant::now();
        let response = lab.open(&ask_streamed(model, "echo: at last")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(
            begun.elapsed() < Duration::from_millis(850),
            "{:?}",
            begun.elapsed()
        );
        let (head, body) = response.into_parts();
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            body: within(10, body.collect()).await.unwrap().to_bytes(),
        };
        assert_eq!(
            answer.streamed(),
            ("at last".to_owned(), true),
            "{}",
            answer.text()
        );
        let (ping, content) = places(&answer);
        assert!(ping.unwrap() < content.unwrap(), "{}", answer.text());
        assert!(
            answer.text().matches(": ping\n\n").count() >= 3,
            "{}",
            answer.text()
        );
        // What the head could not say any more stands in a comment.
        let notice = format!(": x-polyroute-provider: {provider}");
        assert!(answer.text().contains(&notice), "{}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            "text/event-stream; charset=utf-8"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "complete", "{record}");
        assert!(record["ttft_ms"].as_f64().unwrap() >= 800.0, "{record}");
    }
}

#[tokio::test]
async fn a_failure_after_the_head_commit_falls_back_within_the_stream() {
    for fault in ["ping_only:100:5", "slow_head:30"] {
        let lab = impatient_for(Latency::ZERO, "1s").await;
        lab.fault("openai", fault);
        let answer = lab.chat(&ask_streamed("chat", "echo: here")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.streamed(),
            ("here".to_owned(), true),
            "{fault}: {}",
            answer.text()
        );
        assert!(
            answer.text().contains(": x-polyroute-provider: anthropic"),
            "{}",
            answer.text()
        );
        let record = lab.record(&answer).await;
        assert_eq!(record["attempts"].as_array().unwrap().len(), 2, "{record}");
        assert_eq!(record["provider"], "anthropic", "{record}");
    }
}

#[tokio::test]
async fn a_failure_after_the_head_commit_with_nobody_left_is_an_error_event() {
    for (provider, model) in MODELS {
        let lab = impatient_for(Latency::ZERO, "500ms").await;
        lab.fault(provider, "hang");
        let answer = lab.chat(&ask_streamed(model, "echo: here")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.code(), "upstream_timeout", "{}", answer.text());
        assert!(!answer.text().contains("[DONE]"), "{}", answer.text());
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "failed", "{record}");
        assert_eq!(record["error_code"], "upstream_timeout", "{record}");
    }
}

#[tokio::test]
async fn a_pause_within_the_answer_is_bridged_by_heartbeats() {
    let lab = impatient(Latency {
        itl_ms: 450,
        words_per_event: 1,
        ..Latency::ZERO
    })
    .await;
    let answer = lab
        .chat(&ask_streamed("openai/gpt-4o-mini", "words:3"))
        .await;
    let (text, done) = answer.streamed();
    assert!(
        done && text.split_whitespace().count() == 3,
        "{}",
        answer.text()
    );
    let (ping, content) = places(&answer);
    assert!(ping.unwrap() > content.unwrap(), "{}", answer.text());
    assert_eq!(answer.finishes().len(), 1);
}

#[tokio::test]
async fn chunks_arrive_as_they_are_made() {
    let latency = Latency {
        itl_ms: 250,
        words_per_event: 1,
        ..Latency::ZERO
    };
    for (provider, model) in MODELS {
        let lab = impatient(latency).await;
        let mut body = lab.open(&ask_streamed(model, "words:6")).await.into_body();
        let begun = Instant::now();
        let mut first_content = None;
        while let Some(frame) = within(10, body.frame()).await {
            let data = frame.unwrap().into_data().unwrap();
            let has_content = String::from_utf8_lossy(&data).contains("\"content\":\"");
            if has_content && first_content.is_none() {
                first_content = Some(begun.elapsed());
            }
        }
        let all = begun.elapsed();
        let first = first_content.unwrap();
        assert!(
            first + Duration::from_millis(400) < all,
            "{provider}: {first:?} of {all:?}"
        );
    }
}

/// A scripted stream of 40 MiB.
fn flood(provider: &str) -> Value {
    let text = "x".repeat(64 * 1024);
    let (first, piece) = if provider == "openai" {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": null}]});
        (String::new(), format!("data: {chunk}\n\n"))
    } else {
        let start = json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant",
            "model": "claude-haiku-4-5", "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 1, "output_tokens": 1}}});
        let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
        let delta = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
        (
            format!(
                "event: message_start\ndata: {start}\n\nevent: content_block_start\ndata: {block}\n\n"
            ),
            format!("event: content_block_delta\ndata: {delta}\n\n"),
        )
    };
    let mut chunks = vec![json!({"data": first})];
    chunks.resize(641, json!({"data": piece}));
    json!({"match": {"prefix": provider}, "replies": [{"sse": chunks}]})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_l2_a_caller_that_does_not_read_holds_a_bounded_amount() {
    let lab = Lab::start().await;
    let program = Program::start(&lab.sim.url(), "");
    for (provider, model) in &MODELS[..2] {
        // Warm: pools and buffers exist.
        let warm = ask_streamed(model, "words:50").to_string();
        let mut raw = Raw::open(program.address).await;
        raw.write(head(warm.len(), "connection: close\r\n")).await;
        raw.write(&warm).await;
        assert!(raw.read_for(Duration::from_secs(10)).await.closed);
        let seen = lab.attempts().len();
        lab.sim
            .add_script(serde_json::from_value(flood(provider)).unwrap());
        let body = ask_streamed(model, "hello").to_string();
        let before = program.resident_kib();
        let mut raw = Raw::open(program.address).await;
        raw.write(head(body.len(), "")).await;
        raw.write(&body).await;
        let now = || {
            lab.attempts()
                .into_iter()
                .nth(seen)
                .map_or(0, |entry| entry.sent_bytes)
        };
        // The simulator stops sending once every buffer on the way is full.
        let mut last = (0, Instant::now());
        let begun = Instant::now();
        while last.0 == 0 || last.1.elapsed() < Duration::from_millis(700) {
            if now() != last.0 {
                last = (now(), Instant::now());
            }
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{provider}: no stop at {}",
                last.0
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let entry = lab.attempts().into_iter().nth(seen).unwrap();
        assert!(
            entry.ended_ms.is_none(),
            "{provider}: all {} bytes were taken",
            entry.sent_bytes
        );
        // What was sent lies in the kernel's socket buffers, not in our memory. A decoder keeps the
        // text of the turn beside that.
        let grown = program.resident_kib().saturating_sub(before);
        let kept = if *provider == "openai" {
            0
        } else {
            2 * last.0 / 1024
        };
        assert!(grown < 12 * 1024 + kept, "{provider}: {grown} KiB");
        // Once the caller reads on, the answer goes on; once it leaves, the upstream is closed.
        let read = raw.read_for(Duration::from_millis(300)).await;
        assert!(read.text.starts_with("HTTP/1.1 200"), "{provider}");
        until(5, "the answer does not go on", || {
            (now() > last.0).then_some(())
        })
        .await;
        drop(raw);
        until(5, "the upstream is still open", || {
            lab.attempts().into_iter().nth(seen)?.ended_ms
        })
        .await;
    }
    program.terminate();
    assert_eq!(program.ended(10).await.0, Some(0));
}

#[tokio::test]
async fn b4_a_caller_that_leaves_stops_the_upstream_and_leaves_a_record() {
    let latency = Latency {
        itl_ms: 20,
        words_per_event: 1,
        ..Latency::ZERO
    };
    for (provider, model) in MODELS {
        let lab = impatient(latency).await;
        let mut request = ask_streamed(model, "words:2000");
        request["stream_options"] = json!({"include_usage": true});
        let response = lab.open(&request).await;
        let id = response.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        let mut body = response.into_body();
        let mut text = String::new();
        while text.matches("\"content\":\"").count() < 5 {
            let data = within(10, body.frame())
                .await
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap();
            text.push_str(&String::from_utf8_lossy(&data));
        }
        drop(body);
        let left = Instant::now();
        let entry = until(3, "the upstream is still open", || {
            lab.attempts()
                .pop()
                .filter(|entry| entry.ended_ms.is_some())
        })
        .await;
        assert!(entry.closed_early, "{provider}: {entry:?}");
        assert!(
            left.elapsed() < Duration::from_secs(2),
            "{provider}: {:?}",
            left.elapsed()
        );
        let record = lab.record_of(&id).await;
        assert_eq!(record["end"], "client_closed", "{provider}: {record}");
        assert_eq!(record["status"], 499, "{provider}: {record}");
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1, "{record}");
        let tokens = &record["tokens"];
        assert!(
            tokens["output"].as_u64().unwrap() >= 4,
            "{provider}: {record}"
        );
        assert!(
            tokens["input"].as_u64().unwrap() > 0,
            "{provider}: {record}"
        );
        assert!(
            tokens["output"].as_u64().unwrap() < 2_000,
            "{provider}: {record}"
        );
    }
}

#[tokio::test]
async fn b4_a_caller_that_leaves_before_anything_came_leaves_a_record() {
    for (provider, model) in MODELS {
        let lab = impatient(Latency::ZERO).await;
        lab.fault(provider, "hang");
        for stream in [false, true] {
            let id = format!("left-{provider}-{stream}");
            let mut body = ask_streamed(model, "hello");
            body["stream"] = json!(stream);
            let body = body.to_string();
            let mut raw = Raw::open(lab.gateway.address).await;
            raw.write(head(body.len(), &format!("x-request-id: {id}\r\n")))
                .await;
            raw.write(&body).await;
            let seen = until(5, "no attempt", || lab.attempts().pop()).await.seq;
            drop(raw);
            let entry = until(3, "the upstream is still open", || {
                let entries = lab.attempts().into_iter();
                entries
                    .filter(|entry| entry.seq == seen)
                    .find(|entry| entry.ended_ms.is_some())
            })
            .await;
            assert!(entry.closed_early, "{entry:?}");
            let record = lab.record_of(&id).await;
            assert_eq!(record["end"], "client_closed", "{record}");
            lab.sim.clear_log();
        }
    }
}

#[tokio::test]
async fn usage_is_told_to_the_record_whether_the_caller_asked_or_not() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for asked in [false, true] {
            let mut body = ask_streamed(model, "words:20");
            body["stream_options"] = json!({"include_usage": asked});
            let answer = lab.chat(&body).await;
            let record = judge_plain(&lab, &answer).await;
            let usage: Vec<Value> = answer
                .events()
                .iter()
                .filter_map(|event| serde_json::from_str::<Value>(event).ok())
                .filter(|event| event["usage"].is_object())
                .collect();
            assert_eq!(
                usage.len(),
                usize::from(asked),
                "{provider}: {}",
                answer.text()
            );
            assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
            if let Some(last) = usage.last() {
                let told = &last["usage"];
                assert_eq!(
                    told["prompt_tokens"], record["tokens"]["input"],
                    "{provider}: {record}"
                );
                assert_eq!(
                    told["completion_tokens"], record["tokens"]["output"],
                    "{provider}"
                );
                assert_eq!(last["choices"], json!([]), "{provider}");
            }
            assert!(record["cost"]["usd"].is_string(), "{provider}: {record}");
        }
    }
}

async fn judge_plain(lab: &Lab, answer: &Answer) -> Value {
    judge(lab, answer, true, Due::Any, "plain").await
}

/// A provider whose every answer is one stream of `chunks` chunks, all of them in one write.
async fn burst(chunks: usize) -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                      transfer-encoding: chunked\r\n\r\n"
        .to_owned();
    let mut add = |event: &str| {
        answer.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
    };
    for at in 0..chunks {
        add(&format!(
            "data: {{\"id\":\"b\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"w{at} \"}},\"finish_reason\":null}}]}}\n\n"
        ));
    }
    add(
        "data: {\"id\":\"b\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    );
    add("data: [DONE]\n\n");
    answer.push_str("0\r\n\r\n");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 16 * 1024];
            if stream.read(&mut head).await.unwrap() > 0 {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    address
}

#[tokio::test]
async fn chunks_that_came_together_leave_together() {
    const CHUNKS: usize = 60;
    let provider = burst(CHUNKS).await;
    let lab = Lab::with(
        &format!(
            "providers:\n  openai: {{ base_url: \"http://{provider}/v1\", credentials: [\"${{KEY}}\"] }}\n  \
             anthropic: {{ base_url: \"$SIM/anthropic\", credentials: [\"${{KEY}}\"] }}\n  \
             gemini: {{ base_url: \"$SIM/gemini\", credentials: [\"${{KEY}}\"] }}\n"
        ),
        "",
    )
    .await;
    let body = ask_streamed("openai/gpt-4o-mini", "hi").to_string();
    let mut caller = Raw::open(lab.gateway.address).await;
    caller
        .write(head(body.len(), "connection: close\r\n") + &body)
        .await;
    let read = caller.read_for(Duration::from_secs(5)).await;
    assert!(read.closed && read.text.contains("[DONE]"), "{}", read.text);
    for at in 0..CHUNKS {
        assert!(read.text.contains(&format!("\"w{at} \"")), "{at}");
    }
    // Each HTTP chunk of ours is a write. The bytes that came are fewer than the provider's
    // connection reads at first in three goes; one more is for the first content.
    let writes = read
        .text
        .lines()
        .filter(|line| !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .count();
    assert!(writes < 12, "{writes} writes of {CHUNKS} chunks");
}
