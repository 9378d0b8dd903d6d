//! Each fault as a caller sees it, in each dialect, streamed and whole.

use std::time::Duration;

use polyroute_sim::models::Dialect;
use serde_json::Value;

use crate::client::{Answer, Chat, End, send, sim};

/// Enough words for three events in each dialect.
const TEXT: &str = "echo: one two three four five six seven eight nine ten eleven twelve thirteen \
    fourteen fifteen sixteen seventeen eighteen nineteen twenty";

type Check = fn(Dialect, &Answer);

fn chat(dialect: Dialect, fault: &str) -> Chat {
    Chat::new(dialect, TEXT).header("x-sim-fault", fault)
}

/// Checks each row in each dialect, all at once: many of them wait for something not to come.
async fn all(rows: &'static [(&str, Check)], stream: bool, dialects: &[Dialect]) {
    let mut checks = tokio::task::JoinSet::new();
    for (fault, check) in rows {
        for dialect in dialects.iter().copied() {
            checks.spawn(async move {
                let sim = sim().await;
                let mut chat = chat(dialect, fault);
                chat.stream = stream;
                let answer = chat.send(&sim).await;
                let logged = sim.log_since(0)[0].fault.clone().unwrap();
                eprintln!(
                    "{fault} {dialect} stream={stream}: {:?} {}",
                    answer.end,
                    answer.text()
                );
                assert!(
                    logged.starts_with(fault.split(':').next().unwrap()),
                    "{logged}"
                );
                check(dialect, &answer);
            });
        }
    }
    while let Some(done) = checks.join_next().await {
        done.unwrap();
    }
}

fn ended(answer: &Answer, status: u16, end: End) {
    assert_eq!((answer.status, answer.end), (status, end));
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

/// Whether the stream says why it ended.
fn has_finish(answer: &Answer) -> bool {
    let text = answer.text();
    [
        "\"finish_reason\":\"stop\"",
        "\"stop_reason\":\"end_turn\"",
        "\"finishReason\":\"STOP\"",
        "\"stopReason\":\"end_turn\"",
        "\"finish_reason\":\"COMPLETE\"",
    ]
    .iter()
    .any(|finish| text.contains(finish))
}

fn is_error(value: &Value) -> bool {
    // Cohere says it as a text, and at the end of a stream.
    value["error"].is_object()
        || value["message"].is_string()
        || value["delta"]["error"].is_string()
}

/// Those whose streams are text; `bedrock` looks at frames.
const SSE: [Dialect; 4] = [
    Dialect::Openai,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Cohere,
];

/// Faults that look the same whatever was asked for.
const ANYWAY: &[(&str, Check)] = &[
    ("reset_before_headers", |_, answer| {
        ended(answer, 0, End::Reset)
    }),
    ("hang", |_, answer| ended(answer, 0, End::Silent)),
    ("head_then_hang", |_, answer| {
        ended(answer, 200, End::Silent);
        assert!(answer.body.is_empty());
    }),
    ("empty_body", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(answer.body.is_empty());
    }),
    ("slow_first_token:150", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(answer.took >= Duration::from_millis(150));
    }),
    ("wrong_content_type:html", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        assert!(answer.text().starts_with("<!doctype html>"));
    }),
    ("error_200", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("application/json")
        );
        assert!(is_error(&answer.json()));
    }),
    ("gzip_error", |_, answer| {
        ended(answer, 500, End::Complete);
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        assert_eq!(answer.body[..3], [0x1f, 0x8b, 8]);
    }),
    ("redirect:http://127.0.0.1:9/x", |_, answer| {
        ended(answer, 307, End::Complete);
        assert_eq!(answer.header("location"), Some("http://127.0.0.1:9/x"));
    }),
    ("length_too_long", |_, answer| {
        assert_eq!(answer.end, End::Closed);
        let claimed: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert_eq!(claimed, answer.body.len() + 100);
    }),
    ("many_headers:1000", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(answer.headers.len() > 1000);
    }),
    ("slow_drip:100000", |_, answer| {
        // A tenth of a second between two parts of 10,000 bytes: one wait at least.
        ended(answer, 200, End::Complete);
        assert!(answer.took >= Duration::from_millis(100));
    }),
];

const STREAMED: &[(&str, Check)] = &[
    ("cut:2:close", |_, answer| {
        ended(answer, 200, End::Closed);
        assert_eq!(answer.events().len(), 2);
        assert!(!has_finish(answer));
    }),
    ("cut:2:reset", |_, answer| {
        ended(answer, 200, End::Reset);
        assert_eq!(answer.events().len(), 2);
    }),
    ("cut:0:reset", |_, answer| {
        ended(answer, 200, End::Reset);
        assert!(answer.body.is_empty());
    }),
    ("cut:1:end", |_, answer| {
        ended(answer, 200, End::Complete);
        assert_eq!(answer.events().len(), 1);
    }),
    ("stall:1", |_, answer| {
        ended(answer, 200, End::Silent);
        assert_eq!(answer.events().len(), 1);
    }),
    ("malformed_event:1", |_, answer| {
        ended(answer, 200, End::Complete);
        let broken: Vec<bool> = answer
            .events()
            .iter()
            .map(|data| data != "[DONE]" && !is_json(data))
            .collect();
        assert_eq!(broken.iter().filter(|broken| **broken).count(), 1);
        assert!(broken[1] && has_finish(answer));
    }),
    ("missing_done", |dialect, answer| {
        ended(answer, 200, End::Complete);
        assert!(has_finish(answer));
        let text = answer.text();
        assert!(
            dialect == Dialect::Gemini
                || !text.contains("[DONE]") && !text.contains("message_stop")
        );
    }),
    ("missing_finish", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(!has_finish(answer) && answer.text().contains("twenty"));
    }),
    ("garbage_json", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(answer.events().iter().all(|data| !is_json(data)));
    }),
    ("half_json", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(!answer.text().ends_with("\n\n") && !answer.events().is_empty());
    }),
    ("wrong_content_type:swap", |_, answer| {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(has_finish(answer));
    }),
    ("error_first_event", |_, answer| {
        ended(answer, 200, End::Complete);
        let events = answer.event_values();
        assert!(events.len() == 1 && is_error(&events[0]));
    }),
    ("error_after:2", |_, answer| {
        ended(answer, 200, End::Complete);
        let events = answer.event_values();
        assert!(is_error(events.last().unwrap()) && !has_finish(answer));
        assert_eq!(events.iter().filter(|event| is_error(event)).count(), 1);
    }),
    ("one_byte_chunks", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(answer.chunks.iter().all(|size| *size == 1) && has_finish(answer));
    }),
    ("crlf", |_, answer| {
        let text = answer.text();
        assert!(text.ends_with("\r\n\r\n") && !text.replace("\r\n", "").contains('\n'));
        assert!(has_finish(answer));
    }),
    ("comments_flood:300", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(answer.text().matches(": keep-alive\n\n").count() >= 600 && has_finish(answer));
    }),
    ("big_event:300000", |_, answer| {
        ended(answer, 200, End::Complete);
        let longest = answer.events().iter().map(String::len).max().unwrap();
        assert!(longest > 300_000 && has_finish(answer));
    }),
    ("ping_only:20:3", |dialect, answer| {
        ended(answer, 200, End::Silent);
        let ping = if dialect == Dialect::Anthropic {
            "event: ping"
        } else {
            ": keep-alive"
        };
        assert_eq!(answer.text().matches(ping).count(), 3);
    }),
    ("double_done", |_, answer| {
        ended(answer, 200, End::Complete);
        let events = answer.events();
        assert_eq!(events[events.len() - 1], events[events.len() - 2]);
        assert!(answer.text().ends_with(": bye\n\n"));
    }),
    ("no_final_newline", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(!answer.text().ends_with('\n') && has_finish(answer));
    }),
    ("filtered:output", |dialect, answer| {
        ended(answer, 200, End::Complete);
        let word = match dialect {
            Dialect::Openai => "\"finish_reason\":\"content_filter\"",
            Dialect::Anthropic => "\"stop_reason\":\"refusal\"",
            Dialect::Gemini => "\"finishReason\":\"SAFETY\"",
            Dialect::Bedrock => "\"stopReason\":\"guardrail_intervened\"",
            Dialect::Cohere => "\"finish_reason\":\"ERROR\"",
        };
        let text = answer.text();
        assert!(text.contains(word) && text.contains("one") && !text.contains("twenty"));
    }),
    ("usage_missing", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(!answer.text().contains("tokens") && !answer.text().contains("TokenCount"));
    }),
];

const WHOLE: &[(&str, Check)] = &[
    ("cut", |_, answer| {
        ended(answer, 200, End::Closed);
        assert!(!answer.body.is_empty() && !is_json(&answer.text()));
    }),
    ("cut:0:reset", |_, answer| ended(answer, 200, End::Reset)),
    ("stall", |_, answer| {
        ended(answer, 200, End::Silent);
        assert!(!answer.body.is_empty());
    }),
    ("garbage_json", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(!is_json(&answer.text()));
    }),
    ("half_json", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(!is_json(&answer.text()) && answer.text().starts_with('{'));
    }),
    ("missing_finish", |_, answer| {
        ended(answer, 200, End::Complete);
        assert!(is_json(&answer.text()) && !has_finish(answer));
    }),
    ("wrong_content_type:swap", |_, answer| {
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        assert!(is_json(&answer.text()));
    }),
    ("error_first_event", |_, answer| {
        assert!(is_error(&answer.json()))
    }),
    ("big_event:300000", |_, answer| {
        assert!(answer.body.len() > 300_000 && is_json(&answer.text()))
    }),
    ("usage_missing", |_, answer| {
        assert!(
            answer.json().get("usage").is_none() && answer.json().get("usageMetadata").is_none()
        );
    }),
    ("usage_odd:negative", |_, answer| {
        let body = answer.json();
        let usage = ["/usage/tokens", "/usage", "/usageMetadata"]
            .into_iter()
            .find_map(|path| body.pointer(path))
            .unwrap();
        let counts = usage
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_i64);
        assert!(counts.clone().count() >= 2 && counts.into_iter().all(|count| count < 0));
    }),
    ("usage_odd:huge", |_, answer| {
        assert!(answer.text().contains("9223372036854775808"))
    }),
    ("usage_odd:null", |_, answer| {
        assert!(is_json(&answer.text()))
    }),
    ("one_byte_chunks", |_, answer| {
        assert!(is_json(&answer.text()))
    }),
];

#[tokio::test]
async fn faults_that_replace_or_delay_any_answer() {
    all(ANYWAY, false, &Dialect::ALL).await;
    all(ANYWAY, true, &Dialect::ALL).await;
}

#[tokio::test]
async fn faults_of_streams() {
    all(STREAMED, true, &SSE).await;
}

#[tokio::test]
async fn faults_of_whole_answers() {
    all(WHOLE, false, &Dialect::ALL).await;
}

#[tokio::test]
async fn every_status_has_the_dialects_body() {
    let sim = sim().await;
    let codes = [
        400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503, 504, 529,
    ];
    for code in codes {
        for dialect in Dialect::ALL {
            let answer = chat(dialect, &format!("status:{code}"))
                .streamed()
                .send(&sim)
                .await;
            ended(&answer, code, End::Complete);
            let body = answer.json();
            let error = match dialect {
                // Bedrock names the exception in a header.
                Dialect::Bedrock | Dialect::Cohere => body,
                _ => body["error"].clone(),
            };
            assert!(error["message"].is_string());
            let member = match dialect {
                Dialect::Cohere => "id",
                Dialect::Openai | Dialect::Anthropic => "type",
                Dialect::Gemini => "status",
                Dialect::Bedrock => "message",
            };
            assert!(error[member].is_string(), "{error}");
            assert!(dialect != Dialect::Gemini || error["code"] == code);
            assert_eq!(answer.header("retry-after"), None);
        }
    }
    let page = chat(Dialect::Gemini, "status:502").send(&sim).await;
    assert_eq!(page.header("content-type"), Some("text/html"));
    assert!(page.text().contains("<html>"));
}

#[tokio::test]
async fn waits_come_in_every_form() {
    let sim = sim().await;
    let ask = |dialect, fault: &'static str| {
        let (chat, sim) = (chat(dialect, fault), &sim);
        async move { chat.send(sim).await }
    };
    let seconds = ask(Dialect::Openai, "status:429:7").await;
    assert_eq!(seconds.header("retry-after"), Some("7"));
    assert!(seconds.text().contains("try again in 7s"));
    let millis = ask(Dialect::Openai, "status:429:20ms").await;
    assert_eq!(millis.header("retry-after-ms"), Some("20"));
    let date = ask(Dialect::Anthropic, "status:529:date30").await;
    assert!(date.header("retry-after").unwrap().ends_with("GMT"));
    let raw = ask(Dialect::Anthropic, "status:429:raw=-1").await;
    assert_eq!(raw.header("retry-after"), Some("-1"));
    let google = ask(Dialect::Gemini, "status:429:7").await;
    assert!(
        google.text().contains("\"retryDelay\": \"7s\""),
        "{}",
        google.text()
    );
    let daily = ask(Dialect::Gemini, "status:429:none:quota").await;
    assert!(daily.text().contains("PerDay") && !daily.text().contains("retryDelay"));
    let spent = ask(Dialect::Openai, "status:429:quota").await;
    assert_eq!(spent.json()["error"]["code"], "insufficient_quota");
    let limit = ask(Dialect::Anthropic, "status:429:quota").await;
    assert_eq!(
        limit.json()["error"]["details"]["error_code"],
        "enforced_spend_limit_reached"
    );
}

#[tokio::test]
async fn model_name_chooses_a_fault_too() {
    let sim = sim().await;
    for dialect in Dialect::ALL {
        let plain = Chat::new(dialect, TEXT);
        for suffix in ["!cut:1:reset", "!fault=cut:1:reset"] {
            let model = format!("{}{suffix}", plain.model);
            let answer = plain.clone().streamed().model(&model).send(&sim).await;
            ended(&answer, 200, End::Reset);
            let events = match dialect {
                Dialect::Bedrock => crate::client::frames(&answer.body).len(),
                _ => answer.events().len(),
            };
            assert_eq!(events, 1);
        }
        let invented = plain
            .clone()
            .model("whatever!missing_done")
            .send(&sim)
            .await;
        ended(&invented, 200, End::Complete);
        let typo = plain
            .clone()
            .model(&format!("{}!cutt", plain.model))
            .send(&sim)
            .await;
        ended(&typo, 400, End::Complete);
        assert!(typo.text().contains("unknown fault"), "{}", typo.text());
    }
}

#[tokio::test]
async fn no_fault_upsets_another_endpoint_or_the_simulator() {
    let listed = polyroute_sim::fault::catalogue();
    let mut checks = tokio::task::JoinSet::new();
    for line in listed.as_array().unwrap() {
        let fault = match line["name"].as_str().unwrap() {
            "status" => "status:503".to_owned(),
            // At their own pace these two would outlast the test.
            "slow_drip" => "slow_drip:1000000".to_owned(),
            "slow_head" => continue,
            name => name.to_owned(),
        };
        checks.spawn(async move {
            let sim = sim().await;
            let key = ("x-goog-api-key", "k");
            let headers = [key, ("x-sim-fault", fault.as_str())];
            let embed = r#"{"content":{"parts":[{"text":"a"}]}}"#;
            let count = r#"{"contents":[{"parts":[{"text":"a"}]}]}"#;
            for (method, path, body) in [
                ("GET", "/v1beta/models", ""),
                (
                    "POST",
                    "/v1beta/models/gemini-embedding-001:embedContent",
                    embed,
                ),
                ("POST", "/v1beta/models/gemini-2.5-flash:countTokens", count),
                (
                    "POST",
                    "/v1beta/models/gemini-2.5-flash:streamGenerateContent",
                    count,
                ),
                (
                    "POST",
                    "/v1beta/models/no-such-model:generateContent",
                    count,
                ),
            ] {
                send(&sim, method, path, &headers, body).await;
                let after = send(&sim, "GET", "/v1beta/models", &[key], "").await;
                assert_eq!(
                    (after.status, after.end),
                    (200, End::Complete),
                    "{fault} {path}"
                );
            }
        });
    }
    while let Some(done) = checks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn array_streams_break_off_too() {
    let sim = sim().await;
    let path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    let body = serde_json::json!({"contents": [{"parts": [{"text": TEXT}]}]}).to_string();
    for (fault, end) in [
        ("cut:2", End::Closed),
        ("stall:2", End::Silent),
        ("error_after:2", End::Complete),
    ] {
        let headers = [("x-goog-api-key", "k"), ("x-sim-fault", fault)];
        let answer = send(&sim, "POST", path, &headers, &body).await;
        assert_eq!((answer.status, answer.end), (200, end), "{fault}");
        let whole = is_json(&answer.text());
        assert_eq!(whole, fault == "error_after:2", "{}", answer.text());
        assert!(!has_finish(&answer));
    }
}
