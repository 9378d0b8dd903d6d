//! What callers send too much of, too slowly or too cleverly (S9, S13 to S17). Smuggling (S8), slow
//! callers (S22) and HTTP/2 (S23) have files of their own.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};

use crate::kit::{CHAT, CLAUDE, GEMINI, OPENAI, honest_beside, serves};
use crate::program::Program;
use crate::raw::{Raw, head};
use crate::support::{CALLER, CANARY, Lab, Plan, ask, ask_streamed};

const KEYS: &str = "keys: [{ name: checkout, secret: \"${CALLER}\", routes: [chat] }]\n";

/// Sends a request line and headers, and reads the answer.
async fn said(lab: &Lab, text: &str) -> String {
    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write(text).await;
    raw.read_for(Duration::from_secs(5)).await.text
}

/// What proxies tell of callers, and what some servers take orders from.
const FORWARDED: [&str; 11] = [
    "x-forwarded-for: 127.0.0.1",
    "x-forwarded-host: localhost",
    "x-real-ip: 127.0.0.1",
    "forwarded: for=127.0.0.1",
    "x-original-url: /health/live",
    "x-rewrite-url: /health/live",
    "x-http-method-override: GET",
    "x-forwarded-proto: https",
    "x-forwarded-user: admin",
    "x-forwarded-prefix: /health",
    "x-client-ip: ::1",
];

#[tokio::test]
async fn row_s9_hosts_forwarded_headers_and_odd_paths_open_nothing() {
    let lab = Lab::with(KEYS, "").await;
    let body = ask("chat", "echo: in").to_string();
    for line in FORWARDED {
        let more = format!("connection: close\r\n{line}\r\n");
        let text = said(&lab, &(head(body.len(), &more) + &body)).await;
        assert!(text.starts_with("HTTP/1.1 401"), "{line}: {text}");
    }
    for host in ["localhost", "127.0.0.1:9090", "", "admin", "x@y", "[::1]"] {
        let text =
            head(body.len(), "connection: close\r\n").replace("host: x", &format!("host: {host}"));
        let text = said(&lab, &(text + &body)).await;
        let refused = text.starts_with("HTTP/1.1 401") || text.starts_with("HTTP/1.1 400");
        assert!(refused, "{host}: {text}");
    }
    // With a key: a path is what it says, letter by letter.
    let key = format!("connection: close\r\nauthorization: Bearer {CALLER}\r\n");
    for path in [
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/v1/chat/completions;x=1",
        "/V1/chat/completions",
        "/v1/chat/completions.",
        "/v1/chat/%63ompletions",
        "/v1/%2e%2e/v1/chat/completions",
        "/v1/../v1/chat/completions",
        "/./v1/chat/completions",
        "/v1/chat%2fcompletions",
        "/v1\\chat\\completions",
        "/v1/chat/completions%00",
        "/v1/chat/completions/..;/",
        "/health/live/../../v1/chat/completions",
        "/v1/models/../admin/requests",
        "/metrics",
        "//metrics",
        "/v1/admin/requests",
        "/health/%2e%2e/metrics",
    ] {
        let text = head(body.len(), &key).replace(CHAT, path);
        let text = said(&lab, &(text + &body)).await;
        let refused = text.starts_with("HTTP/1.1 404")
            || text.starts_with("HTTP/1.1 400")
            || text.starts_with("HTTP/1.1 405");
        assert!(refused, "{path}: {text}");
    }
    assert!(lab.attempts().is_empty(), "something went upstream");
    // In absolute form it is the same path, whatever host it names.
    let text = head(body.len(), &key).replace(CHAT, "http://elsewhere.example/v1/chat/completions");
    let text = said(&lab, &(text + &body)).await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    // A model's name in a path is data.
    for path in [
        "/v1/models/..%2f..%2fadmin",
        "/v1/models/%00",
        "/v1/models/%ff",
        "/v1/models/chat/../../x",
    ] {
        let text = said(
            &lab,
            &format!("GET {path} HTTP/1.1\r\nhost: x\r\n{key}\r\n"),
        )
        .await;
        assert!(text.starts_with("HTTP/1.1 404"), "{path}: {text}");
    }
}

#[tokio::test]
async fn row_s13_headers_that_hold_more_than_a_value_are_refused() {
    let lab = Lab::with("", "").await;
    let body = ask(OPENAI, "echo: in").to_string();
    for value in ["a\rb", "a\0b", "a\x01b", "a\x7fb"] {
        for name in [
            "x-request-id",
            "traceparent",
            "x-polyroute-tags",
            "x-polyroute-provider",
            "x-any",
        ] {
            let more = format!("connection: close\r\n{name}: {value}\r\n");
            let text = said(&lab, &(head(body.len(), &more) + &body)).await;
            assert!(
                text.starts_with("HTTP/1.1 400") || text.is_empty(),
                "{name} {value:?}: {text}"
            );
        }
    }
    assert!(lab.attempts().is_empty());
    // Bytes above ASCII may stand in a header; they come out nowhere.
    for name in [
        "x-request-id",
        "traceparent",
        "tracestate",
        "x-polyroute-tags",
        "user-agent",
        "cookie",
    ] {
        let more = format!("connection: close\r\n{name}: \u{e9}forged\r\n");
        let text = said(&lab, &(head(body.len(), &more) + &body)).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{name}: {text}");
        assert!(!text.contains("forged"), "{name}: {text}");
    }
    for entry in lab.attempts() {
        let sent = serde_json::to_string(&entry).unwrap();
        assert!(!sent.contains("forged"), "{sent}");
    }
    // Hop by hop: our own credential can't be named away.
    let more = "connection: close, authorization, x-api-key, content-length, host\r\nproxy-authorization: Basic forged\r\n\
                te: trailers\r\nkeep-alive: timeout=1\r\nproxy-connection: keep-alive\r\n";
    for model in [OPENAI, CLAUDE, GEMINI] {
        lab.sim.clear_log();
        let body = ask(model, "echo: in").to_string();
        let text = said(&lab, &(head(body.len(), more) + &body)).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{model}: {text}");
        let entry = lab.attempts().pop().unwrap();
        let names: Vec<&str> = entry
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        for name in [
            "proxy-authorization",
            "te",
            "keep-alive",
            "proxy-connection",
            "connection",
        ] {
            assert!(!names.contains(&name), "{model}: {names:?}");
        }
    }
}

#[tokio::test]
async fn row_s13_an_id_or_a_tag_cannot_write_a_header() {
    let lab = Lab::start().await;
    let mut body = ask(OPENAI, "echo: in");
    body["metadata"] = json!({"case": "a\r\nset-cookie: forged=1", "b\r\nx: y": "1"});
    for name in [
        "x\r\nset-cookie: forged=1",
        "openai/x\r\nset-cookie: forged=1",
        "\u{0}",
        "no\u{85}such\u{2028}",
    ] {
        body["model"] = json!(name);
        let answer = lab.chat(&body).await;
        assert!(
            answer.status.is_client_error(),
            "{name:?}: {}",
            answer.text()
        );
        assert!(
            answer.headers.get("set-cookie").is_none(),
            "{:?}",
            answer.headers
        );
        let record = lab.record(&answer).await;
        assert_eq!(record["tags"], json!({}), "{record}");
    }
}

/// The body that went upstream for this one, if it was served.
async fn sent(lab: &Lab, body: impl Into<bytes::Bytes>) -> Result<String, (u16, String)> {
    lab.sim.clear_log();
    let answer = lab.post_bytes(CHAT, body, &[]).await;
    if answer.status == StatusCode::OK {
        return Ok(lab.attempts().pop().unwrap().body);
    }
    Err((answer.status.as_u16(), answer.code()))
}

#[tokio::test]
async fn row_s14_what_we_read_is_what_the_provider_gets() {
    let lab = Lab::start().await;
    let invalid = || Err((400, "invalid_json".to_owned()));
    let messages = r#""messages":[{"role":"user","content":"echo: in"}]"#;
    for model in [OPENAI, CLAUDE] {
        let body = |rest: &str| format!(r#"{{"model":"{model}",{messages}{rest}}}"#);
        // One key twice, however it is written.
        for rest in [
            r#","model":"openai/gpt-4o""#,
            r#","Model":"openai/gpt-4o""#,
            r#","mode\u006c":"openai/gpt-4o""#,
            r#","max_tokens":1,"max_tokens":100000"#,
            r#","max_tokens":1,"MAX_TOKENS":100000"#,
            r#","stream":false,"stream":true"#,
            r#","messages":[]"#,
        ] {
            assert_eq!(sent(&lab, body(rest)).await, invalid(), "{model} {rest}");
        }
        // Numbers that JSON readers take differently.
        for rest in [
            r#","max_tokens":1e400"#,
            r#","temperature":1e400"#,
            r#","seed":-1e999"#,
        ] {
            let (status, code) = sent(&lab, body(rest)).await.unwrap_err();
            assert_eq!(status, 400, "{model} {rest}: {code}");
        }
        for rest in [
            r#","max_tokens":NaN"#,
            r#","max_tokens":0x10"#,
            r#","max_tokens":+1"#,
            r#","max_tokens":01"#,
        ] {
            assert_eq!(sent(&lab, body(rest)).await, invalid(), "{model} {rest}");
        }
    }
    // A BOM is no part of it.
    let got = sent(
        &lab,
        format!("\u{feff}{{\"model\":\"{OPENAI}\",{messages}}}"),
    )
    .await
    .unwrap();
    assert!(got.starts_with('{'), "{got}");
    // Half a surrogate is no text: refused, or passed on as it was written, and no panic.
    for text in [r"\ud800", r"\udc00\ud800", r"\ud83d x"] {
        for model in [OPENAI, CLAUDE, GEMINI] {
            let body = format!(
                r#"{{"model":"{model}","messages":[{{"role":"user","content":"echo: {text}"}}]}}"#
            );
            match sent(&lab, body).await {
                Ok(got) => assert!(model == OPENAI && got.contains(text), "{model}: {got}"),
                Err((status, code)) => assert_eq!(status, 400, "{model} {text}: {code}"),
            }
            let body = format!(r#"{{"model":"{text}",{messages}}}"#);
            let (status, code) = sent(&lab, body).await.unwrap_err();
            assert!(status == 400 || status == 404, "{text}: {code}");
        }
    }
    serves(&lab).await;
}

#[tokio::test]
async fn row_s14_whole_numbers_beyond_2_53_stay_what_they_are() {
    let lab = Lab::start().await;
    let messages = r#""messages":[{"role":"user","content":"echo: in"}]"#;
    for number in ["9007199254740993", "-9007199254740993"] {
        let body = format!(r#"{{"model":"{OPENAI}",{messages},"seed":{number}}}"#);
        let got = sent(&lab, body).await.unwrap();
        assert!(got.contains(number), "{got}");
    }
    // In a tool call's arguments, too, for whoever gets them.
    let call = json!({"model": "x", "messages": [
        {"role": "user", "content": "echo: in"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function",
            "function": {"name": "f", "arguments": "{\"id\":9007199254740993}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "ok"},
    ], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}}}}]});
    for model in [OPENAI, CLAUDE, GEMINI] {
        let mut call = call.clone();
        call["model"] = json!(model);
        let got = sent(&lab, call.to_string()).await.unwrap();
        assert!(got.contains("9007199254740993"), "{model}: {got}");
    }
}

/// A schema that is 2^depth long once each reference is what it names.
fn bomb(depth: usize, place: &str) -> Vec<u8> {
    let mut types = serde_json::Map::new();
    for at in 0..depth {
        let next = json!({"$ref": format!("#/$defs/a{}", at + 1)});
        types.insert(
            format!("a{at}"),
            json!({"type": "object", "properties": {"x": next, "y": next}}),
        );
    }
    types.insert(format!("a{depth}"), json!({"type": "string"}));
    let schema =
        json!({"type": "object", "properties": {"r": {"$ref": "#/$defs/a0"}}, "$defs": types});
    let mut body = ask(GEMINI, "hello");
    body[place] = match place {
        "tools" => json!([{"type": "function", "function": {"name": "f", "parameters": schema}}]),
        _ => json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}),
    };
    body.to_string().into_bytes()
}

/// Bodies that are work to read, and the statuses that may come of them.
fn awkward() -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let many: String = (0..1_000_000).fold(
        String::from("{\"model\":\"chat\",\"messages\":[]"),
        |mut text, at| {
            text.push_str(&format!(",\"k{at}\":1"));
            text
        },
    ) + "}";
    let list = format!(
        r#"{{"model":"chat","messages":[{}1]}}"#,
        "1,".repeat(2_000_000)
    );
    let wide = format!(
        r#"{{"model":"{OPENAI}","messages":[{{"role":"user","content":"hello"}}],"metadata":{{{}"a":"b"}}}}"#,
        (0..200_000).fold(String::new(), |text, at| text
            + &format!("\"k{at}\":\"v\","))
    );
    let nul = format!(
        r#"{{"model":"{OPENAI}","messages":[{{"role":"user","content":"a{}b"}}]}}"#,
        '\0'
    );
    vec![
        ("1 M keys", many.into(), &[400]),
        ("2 M numbers", list.into(), &[400]),
        ("200,000 tags", wide.into(), &[200, 400]),
        (
            "types within types of a tool",
            bomb(24, "tools"),
            &[200, 400],
        ),
        (
            "types within types of an answer",
            bomb(24, "response_format"),
            &[200, 400],
        ),
        ("a NUL", nul.into(), &[400]),
        ("32 MiB of brackets", vec![b'['; 32 << 20], &[400]),
        ("32 MiB of quotes", vec![b'"'; 32 << 20], &[400]),
        ("32 MiB of backslashes", vec![b'\\'; 32 << 20], &[400]),
        ("32 MiB of no UTF-8", vec![0xff; 32 << 20], &[400]),
        (
            "100,000 deep",
            format!(r#"{{"model":"chat","messages":{}"#, "[".repeat(100_000)).into(),
            &[400],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s15_wide_long_and_broken_json_is_answered_in_time() {
    let lab = Lab::start().await;
    let address = lab.gateway.address;
    for (said, body, due) in awkward() {
        let attack = async { lab.post_bytes(CHAT, body, &[]).await };
        let begun = Instant::now();
        let (answer, _, _) = honest_beside(address, GEMINI, "", attack).await;
        assert!(
            due.contains(&answer.status.as_u16()),
            "{said}: {:.300}",
            answer.text()
        );
        assert!(
            answer.body.len() < 4_096,
            "{said}: {} bytes",
            answer.body.len()
        );
        println!("{said}: {} in {:?}", answer.status, begun.elapsed());
    }
    // A long text is no attack: it is passed on whole.
    let long = "x".repeat(32 << 20);
    let answer = lab.chat(&ask(OPENAI, &long)).await;
    assert!(
        answer.status == StatusCode::OK || answer.code() == "context_length_exceeded",
        "{:.300}",
        answer.text()
    );
    serves(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s16_bodies_over_the_limit_hold_no_more_than_the_limit() {
    const KIB: u64 = 1024;
    let lab = Lab::start().await;
    let program = Program::start(&lab.sim.url(), ", access_log: off, limits: { body: 16MiB }");
    let before = program.resident_kib();
    // Twelve at once, in chunks, each a little over the limit at its end and slow before it.
    let attack = join_all((0..12).map(|_| async {
        let mut raw = Raw::open(program.address).await;
        raw.write(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await;
        let chunk = format!("40000\r\n{}\r\n", " ".repeat(256 * 1024));
        for _ in 0..66 {
            if tokio::io::AsyncWriteExt::write_all(&mut raw.stream, chunk.as_bytes())
                .await
                .is_err()
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        raw.read_for(Duration::from_secs(10)).await
    }));
    tokio::pin!(attack);
    let mut most = 0;
    let reads = loop {
        tokio::select! {
            reads = &mut attack => break reads,
            () = tokio::time::sleep(Duration::from_millis(10)) => most = most.max(program.resident_kib()),
        }
    };
    for read in reads {
        assert!(
            read.text.starts_with("HTTP/1.1 413") && read.closed,
            "{read:?}"
        );
    }
    let grown = most.saturating_sub(before);
    println!("12 bodies of 16 MiB: {} MiB more", grown / KIB);
    assert!(grown < (12 * 16 + 64) * KIB, "{grown} KiB");
}

#[tokio::test]
async fn row_s17_a_bomb_is_refused_by_its_label_and_never_unpacked() {
    let lab = Lab::start().await;
    for encoding in [
        "gzip",
        "br",
        "zstd",
        "deflate",
        "x-gzip",
        "GZIP",
        "gzip, identity",
        "identity, gzip",
        "compress",
    ] {
        let answer = lab
            .post_bytes(CHAT, vec![0x1f; 1 << 20], &[("content-encoding", encoding)])
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "{encoding}: {}",
            answer.text()
        );
        assert_eq!(answer.code(), "unsupported_encoding");
    }
    // As a transfer coding it is no request at all.
    let text = said(&lab, "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").await;
    assert!(
        text.starts_with("HTTP/1.1 4") && !text.contains("200 OK"),
        "{text}"
    );
    // In two header lines, of which the first is harmless.
    let body = ask(OPENAI, "echo: in").to_string();
    let more = "connection: close\r\ncontent-encoding: identity\r\ncontent-encoding: gzip\r\n";
    let text = said(&lab, &(head(body.len(), more) + &body)).await;
    assert!(text.starts_with("HTTP/1.1 415"), "{text}");
    serves(&lab).await;
}

#[tokio::test]
async fn row_s13_nothing_of_ours_is_in_any_refusal() {
    let lab = Lab::build(Plan {
        more: KEYS,
        ..Plan::default()
    })
    .await;
    let bodies: [Value; 3] = [
        ask("chat", "x"),
        ask_streamed("none", "x"),
        json!({"model": 7}),
    ];
    for body in bodies {
        for headers in [
            vec![],
            vec![("x-api-key", CALLER)],
            vec![("x-api-key", CANARY)],
        ] {
            let answer = lab.post_bytes(CHAT, body.to_string(), &headers).await;
            let shown = format!("{:?}{}", answer.headers, answer.text());
            for secret in [CANARY, CALLER, &lab.sim.addr().to_string()] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}
