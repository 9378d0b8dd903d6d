//! The log, fault rules, scripts, latency, and how soon a caller's leaving is noticed.

use std::time::{Duration, Instant};

use polyroute_sim::models::Dialect;
use polyroute_sim::{Latency, Sim, SimConfig};
use serde_json::{Value, json};

use crate::client::{Chat, End, send, sim};

async fn admin(sim: &Sim, method: &str, path: &str, body: Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = send(sim, method, path, &[], &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn log_says_what_was_sent_and_how_it_ended() {
    let sim = sim().await;
    Chat::new(Dialect::Openai, "hi")
        .prefix("/p/eu/openai")
        .streamed()
        .send(&sim)
        .await;
    Chat::new(Dialect::Gemini, "hi")
        .header("x-sim-fault", "cut:1")
        .streamed()
        .send(&sim)
        .await;
    let log = admin(&sim, "GET", "/_sim/log", Value::Null).await;
    let (first, second) = (&log["entries"][0], &log["entries"][1]);
    assert_eq!(first["dialect"], "openai");
    assert_eq!(
        (&first["instance"], &first["prefix"]),
        (&json!("eu"), &json!("openai"))
    );
    assert_eq!(
        (&first["model"], &first["status"]),
        (&json!("gpt-4o"), &json!(200))
    );
    assert_eq!(first["finished"], true);
    assert!(
        first["sent_events"].as_u64().unwrap() > 3 && first["sent_bytes"].as_u64().unwrap() > 100
    );
    assert!(first["body"].as_str().unwrap().contains("\"hi\""));
    assert!(
        !first.to_string().contains("sk-test-1234"),
        "keys are hidden"
    );
    assert_eq!(second["fault"], "cut:1:close");
    assert_eq!(
        (&second["finished"], &second["closed_early"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(second["sent_events"], 1);
    let later = admin(&sim, "GET", "/_sim/log?since=1", Value::Null).await;
    assert_eq!(later["entries"].as_array().unwrap().len(), 1);
    assert_eq!(later["last_seq"], 2);
    admin(&sim, "DELETE", "/_sim/log", Value::Null).await;
    assert!(sim.log_since(0).is_empty());
}

/// Leaves after the first bytes, or before any, and waits until the log knows.
async fn leave(chat: &Chat, wait_for_bytes: bool) -> Duration {
    use tokio::io::AsyncReadExt;
    let sim = sim().await;
    let mut stream = chat.open(&sim).await;
    if wait_for_bytes {
        let mut byte = [0_u8];
        stream.read_exact(&mut byte).await.unwrap();
    } else {
        while sim
            .log_since(0)
            .first()
            .is_none_or(|entry| entry.body_bytes == 0)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert_eq!(sim.log_since(0)[0].ended_ms, None, "it still runs");
    drop(stream);
    let left = Instant::now();
    while left.elapsed() < Duration::from_secs(5) {
        if sim.log_since(0)[0].closed_early {
            assert!(sim.log_since(0)[0].ended_ms.is_some());
            return left.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the simulator never noticed");
}

#[tokio::test]
async fn callers_leaving_is_noticed_within_a_second() {
    for dialect in Dialect::ALL {
        let stalled = Chat::new(dialect, "hi")
            .streamed()
            .header("x-sim-fault", "stall:1");
        assert!(leave(&stalled, true).await < Duration::from_secs(1));
        let hanging = Chat::new(dialect, "hi").header("x-sim-fault", "hang");
        assert!(leave(&hanging, false).await < Duration::from_secs(1));
        let slow = Chat::new(dialect, "words:500")
            .streamed()
            .header("x-sim-itl-ms", "20");
        assert!(leave(&slow, true).await < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn rules_hit_the_first_n_of_an_instance() {
    let sim = sim().await;
    let rule = json!({"match": {"prefix": "eu"}, "fault": "status:503:1", "times": 2});
    admin(&sim, "POST", "/_sim/faults", json!([rule])).await;
    let (eu, us) = (
        Chat::new(Dialect::Openai, "hi").prefix("/p/eu/openai"),
        Chat::new(Dialect::Openai, "hi").prefix("/p/us/openai"),
    );
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push((eu.send(&sim).await.status, us.send(&sim).await.status));
    }
    assert_eq!(statuses, [(503, 200), (503, 200), (200, 200)]);
    let listed = admin(&sim, "GET", "/_sim/faults", Value::Null).await;
    assert_eq!(listed["faults"][0]["fault"], "status:503:1");
    admin(&sim, "POST", "/_sim/faults", json!({"fault": "status:500"})).await;
    assert_eq!(us.send(&sim).await.status, 500);
    admin(&sim, "DELETE", "/_sim/faults", Value::Null).await;
    assert_eq!(us.send(&sim).await.status, 200);
}

#[tokio::test]
async fn admin_refuses_what_it_does_not_know() {
    let sim = sim().await;
    for body in [r#"{"fault":"nope"}"#, r#"{"fault":"hang","tims":1}"#, "{"] {
        let answer = send(&sim, "POST", "/_sim/faults", &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"]["message"].is_string());
    }
    assert_eq!(
        send(&sim, "GET", "/_sim/nothing", &[], "").await.status,
        404
    );
    let health = admin(&sim, "GET", "/_sim/health", Value::Null).await;
    assert_eq!(health["status"], "ok");
    let catalogue = admin(&sim, "GET", "/_sim/faults/catalogue", Value::Null).await;
    assert!(catalogue["faults"].as_array().unwrap().len() >= 28);
}

#[tokio::test]
async fn scripts_give_exact_answers_in_order() {
    let sim = sim().await;
    let raw = "data: {\"odd\":1}\n\n: note\n\ndata: [DONE]\n\n";
    let script = json!({"match": {"model": "gpt-4o"}, "replies": [
        {"turn": {"text": "scripted", "calls": [{"name": "t", "arguments": "{\"cut"}]}},
        {"json": {"status": 418, "headers": [["x-tea", "yes"]], "body": {"tea": true}}},
        {"sse": [{"data": raw}, {"data": "data: late\n\n", "wait_ms": 60}]},
    ]});
    admin(&sim, "POST", "/_sim/script", script).await;
    let chat = Chat::new(Dialect::Openai, "hi");
    let message = chat.send(&sim).await.json()["choices"][0]["message"].clone();
    assert_eq!(message["content"], "scripted");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{\"cut");
    let other = chat.clone().model("gpt-4o-mini").send(&sim).await;
    assert!(!other.text().contains("scripted"));
    let tea = chat.send(&sim).await;
    assert_eq!((tea.status, tea.header("x-tea")), (418, Some("yes")));
    let stream = chat.clone().streamed().send(&sim).await;
    assert_eq!(stream.text(), format!("{raw}data: late\n\n"));
    assert!(stream.took >= Duration::from_millis(60));
    assert!(
        chat.send(&sim).await.text().contains("chat.completion"),
        "the queue is empty"
    );
}

#[tokio::test]
async fn latency_is_kept_and_can_be_overridden() {
    let latency = Latency {
        ttft_ms: 80,
        itl_ms: 0,
        cold_start_ms: 120,
        ..Latency::ZERO
    };
    let config = SimConfig {
        latency,
        ..SimConfig::default()
    };
    let sim = Sim::start(config).await.unwrap();
    let chat = Chat::new(Dialect::Openai, "echo:hi").streamed();
    let cold = chat.send(&sim).await.took;
    let warm = chat.send(&sim).await.took;
    let fast = chat
        .clone()
        .header("x-sim-ttft-ms", "0")
        .send(&sim)
        .await
        .took;
    assert!(cold >= Duration::from_millis(200), "{cold:?}");
    assert!(warm >= Duration::from_millis(80) && warm < cold, "{warm:?}");
    assert!(fast < Duration::from_millis(80), "{fast:?}");
}

#[tokio::test]
async fn events_hold_as_many_words_as_wanted() {
    let latency = Latency {
        words_per_event: 100,
        ..Latency::ZERO
    };
    let config = SimConfig {
        latency,
        ..SimConfig::default()
    };
    let sim = Sim::start(config).await.unwrap();
    for dialect in Dialect::ALL {
        let answer = Chat::new(dialect, "words:250").streamed().send(&sim).await;
        let with_text = |event: &&Value| {
            let paths = [
                "/choices/0/delta/content",
                "/delta/text",
                "/candidates/0/content/parts/0/text",
                "/delta/message/content/text",
            ];
            paths
                .iter()
                .any(|path| event.pointer(path).is_some_and(|text| *text != ""))
        };
        assert_eq!(
            answer.event_values().iter().filter(with_text).count(),
            3,
            "{dialect}"
        );
    }
}

#[tokio::test]
async fn whole_answers_take_as_long_as_their_tokens() {
    let sim = sim().await;
    let chat = Chat::new(Dialect::Openai, "echo:0123456789abcdef").header("x-sim-itl-ms", "50");
    let took = chat.send(&sim).await.took;
    assert!(
        took >= Duration::from_millis(150) && took < Duration::from_millis(350),
        "{took:?}"
    );
}

#[tokio::test]
async fn http2_and_kept_alive_connections_work() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let sim = sim().await;
    let chat = Chat::new(Dialect::Openai, "hi");
    let mut stream = chat.open(&sim).await;
    for _ in 0..2 {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("system_fingerprint") {
            let mut buffer = [0_u8; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "the connection stays open");
            seen.extend_from_slice(&buffer[..count]);
        }
        let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: s\r\nauthorization: Bearer k\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
    }
    // The preface and empty settings; the answer to HTTP/2 is a settings frame (type 4).
    let mut two = tokio::net::TcpStream::connect(sim.addr()).await.unwrap();
    two.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        .await
        .unwrap();
    let mut frame = [0_u8; 9];
    two.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame[3], 4);
}

#[tokio::test]
async fn taken_address_is_an_error_and_shutdown_ends_all() {
    let sim = sim().await;
    let config = SimConfig {
        listen: sim.addr(),
        ..SimConfig::default()
    };
    let refused = Sim::start(config).await.unwrap_err();
    assert!(refused.to_string().contains(&sim.addr().to_string()));
    let hanging = Chat::new(Dialect::Openai, "hi").header("x-sim-fault", "hang");
    let _stream = hanging.open(&sim).await;
    let addr = sim.addr();
    tokio::time::timeout(Duration::from_secs(2), sim.shutdown())
        .await
        .unwrap();
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn faults_leave_the_next_request_alone() {
    let sim = sim().await;
    for fault in [
        "reset_before_headers",
        "cut:1:reset",
        "hang",
        "garbage_json",
    ] {
        let chat = Chat::new(Dialect::Anthropic, "hi").streamed();
        chat.clone().header("x-sim-fault", fault).send(&sim).await;
        assert_eq!(chat.send(&sim).await.end, End::Complete);
    }
}
