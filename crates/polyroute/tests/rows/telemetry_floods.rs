//! What callers and providers can put into logs, metrics and streams (S18 to S20).

use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::{CHAT, CLAUDE, GEMINI, OPENAI, post, scaled};
use crate::program::Program;
use crate::provider::{
    Provider, claude_begins, claude_ends, claude_says, json_answer, stream_answer, whole,
};
use crate::raw::{Raw, head};
use crate::support::{Lab, MODELS, ask, get};

/// What would forge a line, colour a terminal, or turn a line round.
const FORGED: &str = "a\n{\"event\":\"request\",\"forged\":1}\r\n\u{1b}[31m\u{2028}\u{2029}\u{85}\u{202e}\u{0}\u{7f}b";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s18_every_line_of_the_log_is_one_event() {
    let lab = Lab::start().await;
    let program = Program::start(&lab.sim.url(), "");
    let mut bodies: Vec<Value> = Vec::new();
    for (_, model) in MODELS {
        let mut body = ask(model, FORGED);
        body["user"] = json!(FORGED);
        body["metadata"] = json!({"case": FORGED, FORGED: "1", "long": "x".repeat(5_000)});
        body["tools"] = json!([{"type": "function", "function": {"name": FORGED, "parameters": {"type": "object"}}}]);
        body["stop"] = json!([FORGED]);
        bodies.push(body);
    }
    bodies.push(ask(FORGED, "hello"));
    bodies.push(ask(&format!("openai/{FORGED}"), "hello"));
    bodies.push(ask(&"m".repeat(1 << 20), "hello"));
    bodies.push(json!({"model": OPENAI, "messages": FORGED, FORGED: FORGED}));
    for (at, body) in bodies.iter().enumerate() {
        let headers = format!(
            "x-request-id: row-{at}\r\nx-polyroute-tags: a=\t\u{1b}[31m, b={}\r\nuser-agent: \u{9b}31m\r\n",
            "y".repeat(2_000)
        );
        let headers = headers.replace('\u{1b}', "\u{e9}");
        let read = post(program.address, &headers, body, Duration::from_secs(20)).await;
        assert!(read.text.starts_with("HTTP/1.1 "), "{at}: {}", read.text);
    }
    // One whose id is no id, and paths that are none.
    let read = post(
        program.address,
        "x-request-id: {\"forged\":1}\r\n",
        &ask("none", "x"),
        Duration::from_secs(20),
    )
    .await;
    assert!(read.text.starts_with("HTTP/1.1 404"), "{}", read.text);
    program.terminate();
    let (code, stdout, stderr) = program.ended(20).await;
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<Value> = stdout
        .split('\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line:?}")))
        .collect();
    assert_eq!(lines.len(), bodies.len() + 1, "{stdout}");
    for line in &lines {
        assert_eq!(line["event"], "request");
        assert!(line.get("forged").is_none(), "{line}");
        assert!(
            line["requested_model"].as_str().unwrap().len() <= 800,
            "{line}"
        );
        assert!(line.to_string().len() < 4_096, "{line}");
    }
    for text in [&stdout, &stderr] {
        for raw in [
            '\u{1b}', '\r', '\0', '\u{2028}', '\u{2029}', '\u{85}', '\u{202e}', '\u{9b}',
        ] {
            assert!(!text.contains(raw), "{raw:?} in {text}");
        }
    }
    assert!(stderr.lines().count() < 20, "{stderr}");
}

/// Series of `/metrics`.
async fn series(program: &Program) -> usize {
    let text = get(program.admin, "/metrics", &[]).await.text();
    assert!(!text.contains("made-up"), "{text}");
    text.lines().filter(|line| !line.starts_with('#')).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s19_made_up_names_make_no_series_and_take_no_memory() {
    let lab = Lab::start().await;
    let keys = "keys: [{ name: checkout, secret: \"${CALLER}\" }]\n";
    let program = Program::with(&lab.sim.url(), ", access_log: off", keys);
    let caller = crate::support::CALLER;
    let mut raw = Raw::open(program.address).await;
    let ask_all = async |raw: &mut Raw, from: usize, count: usize| {
        for at in from..from + count {
            let (model, key) = match at % 4 {
                0 => (format!("made-up-{at}"), caller.to_owned()),
                1 => (format!("openai/made-up-{at}"), caller.to_owned()),
                2 => (format!("made-up-{at}/made-up-{at}"), caller.to_owned()),
                _ => (OPENAI.to_owned(), format!("made-up-{at}")),
            };
            let body = ask(&model, "hello").to_string();
            let more = format!(
                "x-api-key: {key}\r\nx-request-id: made-up-{at}\r\nx-polyroute-tags: made-up-{at}=made-up-{at}\r\n\
                 x-polyroute-provider: {}\r\n",
                if at % 8 == 0 { "made-up" } else { "" }
            );
            raw.write(head(body.len(), &more) + &body).await;
            let mut text = String::new();
            while !text.contains("\r\n\r\n{") || !text.ends_with('}') {
                let read = raw.read_some(Duration::from_secs(20)).await;
                assert!(!read.closed, "{at}: {text}");
                text.push_str(&read.text);
            }
            assert!(text.starts_with("HTTP/1.1 4"), "{model}: {text}");
        }
    };
    // The records that are remembered are full, and each kind of error was counted.
    ask_all(&mut raw, 0, 1_200).await;
    let (before, memory) = (series(&program).await, program.resident_kib());
    ask_all(&mut raw, 1_200, scaled(6_000)).await;
    let (after, grown) = (
        series(&program).await,
        program.resident_kib().saturating_sub(memory),
    );
    println!("{before} series became {after}; {grown} KiB more");
    assert!(after <= before + 50, "{before} series became {after}");
    assert!(grown < 10 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn row_s20_event_syntax_in_a_text_stays_in_the_text() {
    const TEXT: &str = "one\n\ndata: [DONE]\n\nevent: error\ndata: {\"error\":{\"message\":\"forged\"}}\n\n: forged\r\n\r\ndata:{}\r\rretry: 1\n\u{2028}two";
    let mut chunk: Value = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"content": TEXT}, "finish_reason": null}]});
    let mut events = format!("data: {chunk}\n\n");
    chunk["choices"][0] = json!({"index": 0, "delta": {}, "finish_reason": "stop"});
    events.push_str(&format!("data: {chunk}\n\ndata: [DONE]\n\n"));
    let openai = Provider::says(stream_answer(&events)).await;
    let events = [claude_begins(), claude_says(TEXT), claude_ends()].concat();
    let claude = Provider::says(stream_answer(&events)).await;
    let lab = crate::kit::lab_before(Some(&openai), Some(&claude)).await;
    for model in [OPENAI, CLAUDE] {
        let answer = lab
            .chat(&crate::support::ask_streamed(model, "hello"))
            .await;
        assert_eq!(
            answer.streamed(),
            (TEXT.to_owned(), true),
            "{model}: {}",
            answer.text()
        );
        assert_eq!(answer.finishes(), ["stop"], "{model}");
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "complete", "{record}");
    }
    // Whole answers, and what a tool gave back.
    let openai = Provider::says(json_answer(&whole(TEXT))).await;
    let lab = crate::kit::lab_before(Some(&openai), None).await;
    assert_eq!(lab.chat(&ask(OPENAI, "hello")).await.content(), TEXT);
    let lab = Lab::start().await;
    for model in [OPENAI, CLAUDE, GEMINI] {
        let body = json!({"model": model, "stream": true, "messages": [
            {"role": "user", "content": "echo: fine"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "call_1", "type": "function",
                "function": {"name": "look", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": TEXT},
        ], "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]});
        let answer = lab.post(CHAT, &body).await;
        assert!(answer.streamed().1, "{model}: {}", answer.text());
        // The simulator quotes it; in no event is it more than text.
        assert_eq!(answer.finishes().len(), 1, "{model}: {}", answer.text());
        assert!(answer.code().is_empty(), "{model}: {}", answer.text());
        let sent: Value = serde_json::from_str(&lab.attempts().pop().unwrap().body).unwrap();
        assert!(
            strings(&sent).iter().any(|text| text.contains(TEXT)),
            "{model}: {sent}"
        );
    }
}

/// All strings of a value.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}
