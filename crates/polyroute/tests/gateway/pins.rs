//! Which model answered, held against the one that was asked for; and answers that nobody can
//! price.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::support::{Lab, Plan, ask, ask_streamed};

/// An OpenAI that answers everything as this model.
async fn upstream(model: &'static str, fingerprint: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, model, fingerprint));
        }
    });
    format!("http://{address}/v1")
}

async fn serve(mut stream: TcpStream, model: &str, fingerprint: &str) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).await.unwrap_or(0);
        request.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&request);
        // The bodies of these tests end with the only `]}` or a list's end.
        if length == 0 || text.starts_with("GET") || text.trim_end().ends_with('}') {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request);
    let usage =
        json!({"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000});
    let head = json!({"id": "chatcmpl-1", "created": 1, "model": model,
        "system_fingerprint": fingerprint, "service_tier": "default"});
    let with = |more: Value| {
        let mut whole = head.clone();
        whole
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        whole
    };
    let (kind, body) = if text.contains("\"stream\":true") {
        let content = with(json!({"object": "chat.completion.chunk", "choices":
            [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": null}]}));
        let finish = with(json!({"object": "chat.completion.chunk", "choices":
            [{"index": 0, "delta": {}, "finish_reason": "stop"}]}));
        let counts =
            with(json!({"object": "chat.completion.chunk", "choices": [], "usage": usage}));
        (
            "text/event-stream",
            format!("data: {content}\n\ndata: {finish}\n\ndata: {counts}\n\ndata: [DONE]\n\n"),
        )
    } else {
        let whole = with(
            json!({"object": "chat.completion", "usage": usage, "choices":
            [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}),
        );
        ("application/json", whole.to_string())
    };
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A gateway in front of such an OpenAI.
async fn lab(model: &'static str, fingerprint: &'static str, targets: &str) -> Lab {
    let url = upstream(model, fingerprint).await;
    let more = format!(
        "providers:\n  openai: {{ base_url: \"{url}\", credentials: [\"${{KEY}}\"] }}\n  \
         anthropic: {{ base_url: \"$SIM/anthropic\", credentials: [\"${{KEY}}\"] }}\n  \
         gemini: {{ base_url: \"$SIM/gemini\", credentials: [\"${{KEY}}\"] }}\n{targets}\n"
    );
    Lab::build(Plan {
        more: &more,
        ..Plan::default()
    })
    .await
}

async fn record(lab: &Lab, body: &Value) -> Value {
    let answer = lab.chat(body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    lab.record(&answer).await
}

#[tokio::test]
async fn another_version_than_the_pinned_one_is_reported() {
    let targets = "targets:\n  steady: { use: openai/gpt-4o, pin: gpt-4o-2024-08-06 }";
    let lab = lab("gpt-4o-2024-11-20", "fp_1", targets).await;
    for body in [ask("steady", "hello"), ask_streamed("steady", "hello")] {
        let record = record(&lab, &body).await;
        assert_eq!(record["pin_drift"], true, "{record}");
        assert_eq!(record["model"], "gpt-4o-2024-11-20");
        assert_eq!(record["attempts"][0]["model"], "gpt-4o-2024-08-06");
        assert_eq!(record["system_fingerprint"], "fp_1");
        assert!(record["floating_alias"].is_null());
    }
    let metrics = lab.admin("/metrics").await.text();
    let line = metrics
        .lines()
        .find(|line| line.contains("pin_drift_total{"));
    assert!(line.is_some_and(|line| line.ends_with(" 2")), "{metrics}");
}

#[tokio::test]
async fn another_fingerprint_than_the_expected_one_is_reported() {
    let targets =
        "targets:\n  steady: { use: openai/gpt-4o, pin: gpt-4o-2024-08-06, fingerprint: fp_0 }";
    let lab = lab("gpt-4o-2024-08-06", "fp_1", targets).await;
    assert_eq!(
        record(&lab, &ask("steady", "hello")).await["pin_drift"],
        true
    );
}

#[tokio::test]
async fn the_pinned_version_is_no_drift_and_is_priced_as_itself() {
    let targets = "targets:\n  steady: { use: openai/gpt-4o, pin: gpt-4o-2024-05-13 }";
    let lab = lab("gpt-4o-2024-05-13", "fp_1", targets).await;
    for body in [ask("steady", "hello"), ask_streamed("steady", "hello")] {
        let record = record(&lab, &body).await;
        assert!(record["pin_drift"].is_null(), "{record}");
        // A million tokens of input; gpt-4o of today costs half of that.
        assert_eq!(record["cost"]["usd"], "5", "{record}");
        assert!(record["cost"]["price_unknown"].is_null());
    }
}

#[tokio::test]
async fn a_name_that_moves_is_flagged_and_its_version_is_no_drift() {
    let lab = lab("gpt-4o-2024-08-06", "fp_1", "").await;
    let record = record(&lab, &ask("openai/gpt-4o", "hello")).await;
    assert_eq!(record["floating_alias"], true, "{record}");
    assert!(record["pin_drift"].is_null());
    let metrics = lab.admin("/metrics").await.text();
    assert!(
        metrics.contains("floating_alias_answers_total{"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_unknown_price_is_flagged_and_counted_and_never_zero() {
    let lab = lab("gpt-99-luna", "fp_1", "").await;
    let record = record(&lab, &ask("openai/gpt-99-luna", "hello")).await;
    assert_eq!(record["cost"]["price_unknown"], true, "{record}");
    assert!(record["cost"]["usd"].is_null(), "{record}");
    let metrics = lab.admin("/metrics").await.text();
    assert!(metrics.contains("unpriced_answers_total{"), "{metrics}");
}
