//! Requests that are wrong: each gets an error that says what to change, or a clean close, and the
//! next request is served.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};

use crate::raw::{Raw, head, resident_kib};
use crate::support::{CALLER, Lab, ask, server};

const CHAT: &str = "/v1/chat/completions";

async fn serves(lab: &Lab) {
    let answer = lab.chat(&ask("openai/gpt-4o-mini", "echo: fine")).await;
    assert_eq!(answer.content(), "fine", "{}", answer.text());
}

/// Sends a body and checks status, code, words of the message, the record, and the next request.
async fn refused(
    lab: &Lab,
    body: impl Into<bytes::Bytes>,
    status: u16,
    code: &str,
    words: &[&str],
) {
    let answer = lab.post_bytes(CHAT, body, &[]).await;
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.code(), code, "{}", answer.text());
    let error = &answer.json()["error"];
    for word in words {
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
    }
    assert!(
        error["type"].is_string() && error.get("param").is_some(),
        "{error}"
    );
    let record = lab.record(&answer).await;
    assert_eq!(record["end"], "refused", "{record}");
    assert_eq!(record["error_code"], code, "{record}");
    serves(lab).await;
}

#[tokio::test]
async fn malformed_json_says_where() {
    let lab = Lab::start().await;
    refused(
        &lab,
        "{\"model\": \"chat\",",
        400,
        "invalid_json",
        &["line 1"],
    )
    .await;
    refused(&lab, "", 400, "invalid_json", &["empty"]).await;
    refused(&lab, "[]", 400, "invalid_json", &["JSON object"]).await;
    refused(&lab, "null", 400, "invalid_json", &["JSON object"]).await;
    let twice = r#"{"model":"chat","model":"other","messages":[]}"#;
    refused(&lab, twice, 400, "invalid_json", &["`model`", "twice"]).await;
    let bytes = b"{\"model\":\"chat\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}";
    refused(&lab, &bytes[..], 400, "invalid_json", &["UTF-8"]).await;
    refused(&lab, &[0_u8; 64][..], 400, "invalid_json", &[]).await;
}

#[tokio::test]
async fn wrong_types_name_the_field_and_the_type() {
    let lab = Lab::start().await;
    let chat = |field: &str, value: Value| {
        let mut body = ask("chat", "hello");
        body[field] = value;
        body.to_string()
    };
    for (field, value, words) in [
        ("model", json!(7), ["`model`", "string"]),
        ("stream", json!("yes"), ["`stream`", "boolean"]),
        (
            "stream_options",
            json!(true),
            ["`stream_options`", "object"],
        ),
        ("messages", json!("hello"), ["messages", "list"]),
        ("messages", json!([7]), ["messages[0]", "object"]),
        ("provider", json!(5), ["`provider`", "string"]),
        ("temperature", json!("hot"), ["temperature", "expected"]),
    ] {
        let answer = lab.post_bytes(CHAT, chat(field, value), &[]).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{field}: {}",
            answer.text()
        );
        let text = answer.text();
        for word in words {
            assert!(text.contains(word), "{field}: no {word} in {text}");
        }
        assert!(answer.json()["error"]["param"].is_string(), "{text}");
    }
    serves(&lab).await;
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let lab = Lab::start().await;
    let missing = "missing_required_parameter";
    for body in [
        json!({"messages": []}),
        json!({"model": "", "messages": []}),
        json!({"model": null}),
    ] {
        refused(
            &lab,
            body.to_string(),
            400,
            missing,
            &["`model`", "/v1/models"],
        )
        .await;
    }
    for body in [
        json!({"model": "chat"}),
        json!({"model": "chat", "messages": null}),
    ] {
        refused(&lab, body.to_string(), 400, missing, &["`messages`"]).await;
    }
    let answer = lab
        .post(
            "/v1/embeddings",
            &json!({"model": "openai/text-embedding-3-small"}),
        )
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (400, missing)
    );
}

#[tokio::test]
async fn empty_messages_are_refused_for_every_provider() {
    let lab = Lab::start().await;
    for model in [
        "openai/gpt-4o-mini",
        "anthropic/claude-haiku-4-5",
        "gemini/gemini-2.5-flash",
        "chat",
    ] {
        let answer = lab.chat(&json!({"model": model, "messages": []})).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{model}: {}",
            answer.text()
        );
        assert!(
            answer.text().contains("messages"),
            "{model}: {}",
            answer.text()
        );
        assert!(!answer.code().is_empty(), "{model}: {}", answer.text());
        serves(&lab).await;
    }
}

#[tokio::test]
async fn an_unknown_model_is_404_with_the_nearest_names() {
    let lab = Lab::with("", "  checkout: openai/gpt-4o-mini").await;
    let body = ask("chekout", "hello").to_string();
    refused(
        &lab,
        body,
        404,
        "model_not_found",
        &["`chekout`", "`checkout`"],
    )
    .await;
    let body = ask("gpt-4o-mni", "hello").to_string();
    refused(&lab, body, 404, "model_not_found", &["gpt-4o-mini"]).await;
    for model in ["mistral/mistral-large", "nonsense/model"] {
        let answer = lab.chat(&ask(model, "hello")).await;
        assert!(
            [400, 404].contains(&answer.status.as_u16()),
            "{model}: {}",
            answer.text()
        );
        assert!(!answer.code().is_empty(), "{}", answer.text());
    }
    let answer = lab
        .chat(&ask("openai/text-embedding-3-small", "hello"))
        .await;
    assert!(answer.status.is_client_error(), "{}", answer.text());
    let answer = lab.get("/v1/models/chekout", &[]).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text().contains("checkout"), "{}", answer.text());
    assert!(
        lab.attempts()
            .iter()
            .all(|entry| entry.model.as_deref() != Some("chekout"))
    );
}

#[tokio::test]
async fn wrong_paths_and_methods_say_the_right_ones() {
    let lab = Lab::start().await;
    let answer = lab.post("/chat/completions", &ask("chat", "hello")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(
        answer.text().contains("/v1/chat/completions"),
        "{}",
        answer.text()
    );
    let answer = lab.get(CHAT, &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), "POST");
    assert!(!answer.header("x-request-id").is_empty());
    serves(&lab).await;
}

#[tokio::test]
async fn row_s15_deep_nesting_is_refused() {
    let lab = Lab::start().await;
    for depth in [129, 10_000, 1_000_000] {
        let body = format!(
            r#"{{"model":"chat","messages":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        );
        refused(&lab, body, 400, "invalid_json", &["128"]).await;
    }
    let objects = format!(
        "{{\"model\":\"chat\",\"messages\":{}",
        "{\"a\":".repeat(10_000)
    );
    refused(&lab, objects, 400, "invalid_json", &["nests"]).await;
    let lab = Lab::with(&server(", limits: { nesting: 8 }"), "").await;
    let body = format!(
        r#"{{"model":"chat","messages":{}1{}}}"#,
        "[".repeat(9),
        "]".repeat(9)
    );
    refused(&lab, body, 400, "invalid_json", &["deeper than 8"]).await;
}

#[tokio::test]
async fn row_s17_compressed_bodies_are_415() {
    let lab = Lab::start().await;
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, gzip"] {
        let headers = [("content-encoding", encoding)];
        let answer = lab.post_bytes(CHAT, "\u{1f}", &headers).await;
        assert_eq!(
            answer.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{}",
            answer.text()
        );
        assert_eq!(answer.code(), "unsupported_encoding");
        serves(&lab).await;
    }
}

#[tokio::test]
async fn row_s16_a_body_over_the_limit_is_413_however_it_comes() {
    let lab = Lab::with(&server(", limits: { body: 1MiB }"), "").await;
    let address = lab.gateway.address;

    // Announced, and nothing sent yet.
    let mut raw = Raw::open(address).await;
    raw.write(head(2 << 20, "")).await;
    let read = raw.read_for(Duration::from_secs(5)).await;
    assert!(read.text.starts_with("HTTP/1.1 413"), "{read:?}");
    assert!(read.text.contains("payload_too_large"), "{read:?}");
    assert!(read.text.contains("server.limits.body"), "{read:?}");
    assert!(read.closed, "{read:?}");

    // Announced and sent in one go: a caller that sends first still sees the answer.
    let mut raw = Raw::open(address).await;
    raw.write(head(4 << 20, "")).await;
    raw.write(vec![b' '; 4 << 20]).await;
    let read = raw.read_for(Duration::from_secs(5)).await;
    assert!(read.text.starts_with("HTTP/1.1 413"), "{read:?}");
    assert!(read.closed, "{read:?}");

    // Not announced: chunk after chunk.
    let mut raw = Raw::open(address).await;
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    raw.write(head).await;
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(65_536));
    for _ in 0..32 {
        raw.write(&chunk).await;
    }
    let read = raw.read_for(Duration::from_secs(5)).await;
    assert!(read.text.starts_with("HTTP/1.1 413"), "{read:?}");
    assert!(read.closed, "{read:?}");
    serves(&lab).await;

    // Every hit of the bound is counted.
    let metrics = lab.admin("/metrics").await.text();
    let hits = "polyroute_bounds_hit_total{bound=\"request_body\"} 3";
    assert!(metrics.contains(hits), "{metrics}");
}

#[tokio::test]
async fn row_s16_a_body_over_64_mib_is_413_by_default_and_does_not_stay_in_memory() {
    let lab = Lab::start().await;
    serves(&lab).await;
    let before = resident_kib();
    let mut raw = Raw::open(lab.gateway.address).await;
    let head =
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    raw.write(head).await;
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    let mut most = 0;
    for _ in 0..80 {
        raw.write(&chunk).await;
        most = most.max(resident_kib());
    }
    let read = raw.read_for(Duration::from_secs(10)).await;
    assert!(read.text.starts_with("HTTP/1.1 413"), "{read:?}");
    assert!(read.closed, "{read:?}");
    // The buffer doubles as it grows: never more than twice the limit. Other tests run beside.
    let grown = most.saturating_sub(before) / 1024;
    assert!(grown < 320, "{grown} MiB");
    serves(&lab).await;
}

#[tokio::test]
async fn row_s22_slow_heads_and_silent_connections_are_closed() {
    let lab = Lab::with(&server(", limits: { head_timeout: 700ms }"), "").await;
    for begin in [
        "",
        "PRI * HTTP/2.0\r\n",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: ",
    ] {
        let mut raw = Raw::open(lab.gateway.address).await;
        raw.write(begin).await;
        let begun = Instant::now();
        let read = raw.read_for(Duration::from_secs(8)).await;
        assert!(read.closed, "{begin:?} is still open");
        assert!(
            begun.elapsed() > Duration::from_millis(300),
            "{begin:?}: {:?}",
            begun.elapsed()
        );
        assert!(!read.text.contains(" 200 "), "{read:?}");
        serves(&lab).await;
    }
    // One byte now and then is no progress either.
    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write("GET /health/live HTTP/1.1\r\nx-slow: ").await;
    let begun = Instant::now();
    let read = loop {
        let read = raw.read_for(Duration::from_millis(200)).await;
        if read.closed || begun.elapsed() > Duration::from_secs(8) {
            break read;
        }
        if tokio::io::AsyncWriteExt::write_all(&mut raw.stream, b"a")
            .await
            .is_err()
        {
            break raw.read_for(Duration::from_millis(200)).await;
        }
    };
    assert!(read.closed);
    serves(&lab).await;
}

#[tokio::test]
async fn row_s22_a_body_that_stops_or_drips_is_408() {
    let lab = Lab::with(&server(", limits: { body_timeout: 600ms }"), "").await;
    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write(head(1_000, "")).await;
    raw.write("{\"model\":").await;
    let read = raw.read_for(Duration::from_secs(8)).await;
    assert!(read.text.starts_with("HTTP/1.1 408"), "{read:?}");
    assert!(
        read.text.contains("request_timeout") && read.text.contains("body_timeout"),
        "{read:?}"
    );
    assert!(read.closed, "{read:?}");

    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write(head(1_000, "")).await;
    let begun = Instant::now();
    let mut text = String::new();
    while begun.elapsed() < Duration::from_secs(8) && text.is_empty() {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, b" ").await;
        text = raw.read_for(Duration::from_millis(100)).await.text;
    }
    assert!(text.starts_with("HTTP/1.1 408"), "{text}");
    serves(&lab).await;
}

#[tokio::test]
async fn a_caller_that_breaks_off_in_its_body_leaves_a_record() {
    let lab = Lab::start().await;
    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write(head(1_000, "x-request-id: broken-off\r\n")).await;
    raw.write("{\"model\":").await;
    drop(raw);
    let record = lab.record_of("broken-off").await;
    assert!(
        ["client_closed", "refused"].contains(&record["end"].as_str().unwrap()),
        "{record}"
    );
    serves(&lab).await;
}

#[tokio::test]
async fn wrong_keys_are_401_and_say_what_to_send() {
    let more = "keys: [{ name: checkout, secret: \"${CALLER}\" }]\n";
    let lab = Lab::with(more, "").await;
    let body = ask("openai/gpt-4o-mini", "echo: fine").to_string();
    let good = [("authorization", format!("Bearer {CALLER}"))];
    let good: Vec<(&str, &str)> = good
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    for (headers, code, words) in [
        (vec![], "invalid_api_key", "No API key"),
        (
            vec![("authorization", "Bearer nope")],
            "invalid_api_key",
            "not known",
        ),
        (vec![("x-api-key", "nope")], "invalid_api_key", "not known"),
        (
            vec![("authorization", "Basic Zm9vOmJhcg==")],
            "invalid_api_key",
            "not known",
        ),
        (
            vec![good[0], ("x-api-key", "another")],
            "conflicting_api_keys",
            "Send one",
        ),
    ] {
        let answer = lab.post_bytes(CHAT, body.clone(), &headers).await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{headers:?}: {}",
            answer.text()
        );
        assert_eq!(answer.code(), code, "{headers:?}");
        assert!(answer.text().contains(words), "{}", answer.text());
        assert!(!answer.text().contains("nope") && !answer.text().contains(CALLER));
        let next = lab.post_bytes(CHAT, body.clone(), &good).await;
        assert_eq!(next.content(), "fine", "{}", next.text());
    }
    assert_eq!(
        lab.get("/v1/models", &[]).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(lab.get("/health/ready", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn too_many_and_too_large_headers_are_431() {
    let lab = Lab::start().await;
    for more in [
        "x-many: 1\r\n".repeat(200),
        format!("x-large: {}\r\n", "a".repeat(100_000)),
    ] {
        let mut raw = Raw::open(lab.gateway.address).await;
        let _ =
            tokio::io::AsyncWriteExt::write_all(&mut raw.stream, head(2, &more).as_bytes()).await;
        let read = raw.read_for(Duration::from_secs(5)).await;
        assert!(read.closed, "{read:?}");
        assert!(
            read.text.is_empty() || read.text.starts_with("HTTP/1.1 4"),
            "{read:?}"
        );
        serves(&lab).await;
    }
}
