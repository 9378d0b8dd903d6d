//! Who calls, what they may use, and which credential goes where (rows S3, S13).

use http::StatusCode;
use polyroute_sim::log::{Entry, hidden};
use serde_json::{Value, json};

use crate::support::{CALLER, CANARY, Lab, MODELS, Plan, ask, ask_streamed, server};

const CHAT: &str = "/v1/chat/completions";
const KEYS: &str = "keys:\n  - { name: checkout, secret: \"${CALLER}\", tags: { team: payments } }\n  \
    - { name: narrow, secret: \"${NARROW}\", routes: [chat, openai/gpt-4o-mini] }\n";
const NARROW: &str = "narrow-key-0123456789";

async fn keyed() -> Lab {
    Lab::build(Plan {
        more: KEYS,
        environment: &[("NARROW", NARROW)],
        ..Plan::default()
    })
    .await
}

#[tokio::test]
async fn a_key_is_taken_in_each_of_the_three_headers() {
    let lab = keyed().await;
    let body = ask("openai/gpt-4o-mini", "echo: in").to_string();
    let bearer = format!("Bearer {CALLER}");
    let lower = format!("bearer {CALLER}");
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![("authorization", lower.as_str())],
        vec![("x-api-key", CALLER)],
        vec![("api-key", CALLER)],
        // An SDK with a proxy before it may send the same key twice.
        vec![("authorization", bearer.as_str()), ("api-key", CALLER)],
    ] {
        let answer = lab.post_bytes(CHAT, body.clone(), &headers).await;
        assert_eq!(answer.content(), "in", "{headers:?}: {}", answer.text());
        let record = lab.record(&answer).await;
        assert_eq!(record["principal"], "checkout", "{record}");
        assert!(!record.to_string().contains(CALLER), "{record}");
    }
}

#[tokio::test]
async fn a_key_may_use_its_routes_and_nothing_else() {
    let lab = keyed().await;
    let headers = [("x-api-key", NARROW)];
    for model in ["chat", "openai/gpt-4o-mini"] {
        let body = ask(model, "echo: in").to_string();
        let answer = lab.post_bytes(CHAT, body, &headers).await;
        assert_eq!(answer.content(), "in", "{model}: {}", answer.text());
    }
    let before = lab.attempts().len();
    for model in ["openai/gpt-4o", "anthropic/claude-haiku-4-5", "gpt-4o"] {
        let body = ask(model, "echo: in").to_string();
        let answer = lab.post_bytes(CHAT, body, &headers).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{model}: {}",
            answer.text()
        );
        assert_eq!(answer.code(), "model_not_allowed", "{model}");
        assert!(answer.text().contains("`chat`"), "{}", answer.text());
    }
    // Nor by insisting on a provider.
    let mut body = ask("chat", "echo: in");
    body["provider"] = json!("anthropic");
    let answer = lab.post_bytes(CHAT, body.to_string(), &headers).await;
    assert!(answer.status.is_client_error(), "{}", answer.text());
    let insist = [headers[0], ("x-polyroute-provider", "anthropic")];
    let body = ask("openai/gpt-4o-mini", "echo: in").to_string();
    let answer = lab.post_bytes(CHAT, body, &insist).await;
    assert!(answer.status.is_client_error(), "{}", answer.text());
    assert_eq!(
        lab.attempts().len(),
        before,
        "a refused request went upstream"
    );
    // The list shows what it may use only.
    let listed = lab.get("/v1/models", &headers).await.json();
    let names: Vec<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert!(names.contains(&"chat"), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| ["chat", "openai/gpt-4o-mini", "gpt-4o-mini"].contains(name)),
        "{names:?}"
    );
    let one = lab
        .get("/v1/models/anthropic/claude-haiku-4-5", &headers)
        .await;
    assert_eq!(one.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_provider_that_is_asked_for_wins_over_the_name() {
    let lab = Lab::start().await;
    let mut body = ask("claude-haiku-4-5", "echo: in");
    body["provider"] = json!("anthropic");
    let answer = lab.chat(&body).await;
    assert_eq!(
        answer.header("x-polyroute-provider"),
        "anthropic",
        "{}",
        answer.text()
    );
    // Our own field does not go upstream.
    assert!(!lab.attempts().pop().unwrap().body.contains("\"provider\""));
    let headers = [("x-polyroute-provider", "openai")];
    let body = ask("gpt-4o-mini", "echo: in").to_string();
    let answer = lab.post_bytes(CHAT, body, &headers).await;
    assert_eq!(
        answer.header("x-polyroute-provider"),
        "openai",
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn tags_come_from_key_header_and_metadata_and_the_key_s_win() {
    let lab = keyed().await;
    let mut body = ask("openai/gpt-4o-mini", "echo: in");
    body["metadata"] = json!({"case": "m-1", "team": "forged", "run": "1"});
    let headers = [
        ("api-key", CALLER),
        ("x-polyroute-tags", "run=2, feature=search, team=forged"),
    ];
    let answer = lab.post_bytes(CHAT, body.to_string(), &headers).await;
    let record = lab.record(&answer).await;
    assert_eq!(
        record["tags"],
        json!({"case": "m-1", "run": "2", "feature": "search", "team": "payments"})
    );
    // Bounded: neither many nor long ones are kept.
    let many: Vec<String> = (0..200).map(|index| format!("tag{index}=1")).collect();
    let many = many.join(",");
    let headers = [("api-key", CALLER), ("x-polyroute-tags", many.as_str())];
    let answer = lab.post_bytes(CHAT, body.to_string(), &headers).await;
    let record = lab.record(&answer).await;
    assert!(record["tags"].as_object().unwrap().len() <= 33, "{record}");
    assert_eq!(record["tags"]["team"], "payments");
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// What a caller may send along, beside its key. Of these the trace alone goes on.
const SENT_ALONG: [(&str, &str); 12] = [
    ("api-key", CALLER),
    ("cookie", "session=cookie-of-the-caller"),
    ("x-forwarded-for", "203.0.113.9"),
    ("openai-organization", "org-of-the-caller"),
    ("anthropic-beta", "a-beta-of-the-caller"),
    ("x-goog-user-project", "project-of-the-caller"),
    ("x-custom", "custom-of-the-caller"),
    ("x-sim-fault", "status:500"),
    ("user-agent", "agent-of-the-caller"),
    ("x-polyroute-tags", "secret=tag-of-the-caller"),
    ("traceparent", TRACE),
    ("tracestate", "vendor=1"),
];

fn header<'a>(entry: &'a Entry, name: &str) -> Vec<&'a str> {
    let all = entry.headers.iter();
    all.filter(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .collect()
}

/// The provider got its own credential and the trace, and nothing of the caller.
fn is_clean(provider: &str, entry: &Entry) {
    let sent = serde_json::to_string(entry).unwrap();
    for word in ["of-the-caller", CALLER, "203.0.113"] {
        assert!(!sent.contains(word), "{provider}: {sent}");
    }
    let callers = hidden(&format!("Bearer {CALLER}"));
    assert!(!sent.contains(&callers), "{provider}: {sent}");
    let own = match provider {
        "openai" => "authorization",
        "anthropic" => "x-api-key",
        _ => "x-goog-api-key",
    };
    assert_eq!(header(entry, own), [hidden(CANARY)], "{provider}: {sent}");
    assert_eq!(header(entry, "traceparent"), [TRACE], "{provider}");
    assert_eq!(header(entry, "tracestate"), ["vendor=1"], "{provider}");
    assert!(header(entry, "user-agent")[0].starts_with("polyroute/"));
}

#[tokio::test]
async fn row_s13_no_credential_and_no_header_of_the_caller_goes_upstream() {
    let lab = keyed().await;
    let bearer = format!("Bearer {CALLER}");
    let mut headers = SENT_ALONG.to_vec();
    headers.push(("authorization", &bearer));
    for (provider, model) in MODELS {
        lab.sim.clear_log();
        for mut body in [ask(model, "hello"), ask_streamed(model, "hello")] {
            body["metadata"] = json!({"case": "1"});
            let answer = lab.post_bytes(CHAT, body.to_string(), &headers).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        }
        let attempts = lab.attempts();
        assert_eq!(attempts.len(), 2);
        for entry in &attempts {
            is_clean(provider, entry);
        }
    }
    // A trace that is none is not passed on.
    lab.sim.clear_log();
    let headers = [
        ("api-key", CALLER),
        ("traceparent", "00-nonsense"),
        ("tracestate", "vendor=1"),
    ];
    let body = ask("openai/gpt-4o-mini", "hello").to_string();
    lab.post_bytes(CHAT, body, &headers).await;
    let entry = lab.attempts().pop().unwrap();
    for name in ["traceparent", "tracestate"] {
        assert!(header(&entry, name).is_empty(), "{entry:?}");
    }
}

#[tokio::test]
async fn row_s13_the_provider_s_headers_and_credential_do_not_come_back() {
    let lab = Lab::start().await;
    let reply = json!({"match": {"prefix": "openai"}, "repeat": true, "replies": [{"json": {
        "status": 200,
        "headers": [["set-cookie", "a=b"], ["openai-organization", "org-ours"], ["x-ratelimit-remaining-requests", "7"],
            ["x-request-id", "req-of-the-provider"], ["server", "provider"], ["retry-after", "5"], ["connection", "x-own"], ["x-own", "1"]],
        "body": {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}}}]});
    lab.sim.add_script(serde_json::from_value(reply).unwrap());
    let answer = lab.chat(&ask("openai/gpt-4o-mini", "hello")).await;
    assert_eq!(answer.content(), "hello", "{}", answer.text());
    for name in [
        "set-cookie",
        "openai-organization",
        "x-ratelimit-remaining-requests",
        "server",
        "x-own",
        "retry-after",
    ] {
        assert!(
            answer.headers.get(name).is_none(),
            "{name}: {:?}",
            answer.headers
        );
    }
    assert_ne!(answer.header("x-request-id"), "req-of-the-provider");
    let record = lab.record(&answer).await;
    assert_eq!(
        record["attempts"][0]["upstream_request_id"],
        "req-of-the-provider"
    );
    for (provider, model) in MODELS {
        for body in [ask(model, "hello"), ask_streamed(model, "hello")] {
            let answer = lab.chat(&body).await;
            let record = lab.record(&answer).await.to_string();
            for shown in [answer.text(), format!("{:?}", answer.headers), record] {
                assert!(!shown.contains(CANARY), "{provider}: {shown}");
            }
            let known = [
                "content-type",
                "content-length",
                "transfer-encoding",
                "date",
                "cache-control",
                "x-request-id",
                "x-accel-buffering",
            ];
            for name in answer.headers.keys() {
                let ours = name.as_str().starts_with("x-polyroute-");
                assert!(ours || known.contains(&name.as_str()), "{provider}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_a_provider_quotes_does_not_come_back() {
    let lab = Lab::start().await;
    let words = format!("Incorrect API key provided: {CANARY}.");
    for (provider, body) in [
        (
            "openai",
            json!({"error": {"message": words, "type": "invalid_request_error", "code": "invalid_api_key"}}),
        ),
        (
            "anthropic",
            json!({"type": "error", "error": {"type": "authentication_error", "message": words}}),
        ),
    ] {
        for status in [401, 403, 400, 500] {
            let script = json!({"match": {"prefix": provider}, "replies": [{"json": {"status": status, "body": body}}, {"json": {"status": status, "body": body}}]});
            lab.sim.add_script(serde_json::from_value(script).unwrap());
            let model = MODELS.iter().find(|(name, _)| *name == provider).unwrap().1;
            let answer = lab.chat(&ask(model, "hello")).await;
            let record = lab.record(&answer).await.to_string();
            assert!(
                !answer.text().contains(CANARY),
                "{provider} {status}: {}",
                answer.text()
            );
            assert!(!record.contains(CANARY), "{provider} {status}: {record}");
        }
    }
}

#[tokio::test]
async fn a_key_that_a_provider_quotes_within_a_stream_does_not_come_back_either() {
    let lab = Lab::start().await;
    let error = json!({"error": {"message": format!("key {CANARY} is over its limit"), "type": "server_error"}});
    let content = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"content": "Well"}, "finish_reason": null}]});
    let script = json!({"match": {"prefix": "openai"}, "replies": [{"sse": [
        {"data": format!("data: {content}\n\n")},
        {"data": format!("data: {error}\n\n"), "wait_ms": 50},
    ]}]});
    lab.sim.add_script(serde_json::from_value(script).unwrap());
    let answer = lab.chat(&ask_streamed("openai/gpt-4o-mini", "hello")).await;
    assert_eq!(answer.streamed(), ("Well".to_owned(), false));
    assert!(answer.text().contains("[credential]"), "{}", answer.text());
    assert!(!answer.text().contains(CANARY), "{}", answer.text());
    let record = lab.record(&answer).await;
    assert_eq!(record["end"], "truncated", "{record}");
    assert!(!record.to_string().contains(CANARY), "{record}");
}

fn with_credentials(list: &str) -> String {
    format!(
        "providers:\n  openai: {{ base_url: \"$SIM/openai/v1\", credentials: [{list}] }}\n  \
         anthropic: {{ base_url: \"$SIM/anthropic\", credentials: [{list}] }}\n  \
         gemini: {{ base_url: \"$SIM/gemini\", credentials: [{list}] }}\n"
    )
}

fn credentials(entry: &Entry) -> String {
    let names = ["authorization", "x-api-key", "x-goog-api-key"];
    let found = entry
        .headers
        .iter()
        .find(|(name, _)| names.contains(&name.as_str()));
    found.unwrap().1.clone()
}

#[tokio::test]
async fn several_credentials_share_the_load() {
    let more = with_credentials("\"${KEY}\", \"${SECOND}\", \"${THIRD}\"");
    let lab = Lab::build(Plan {
        more: &more,
        environment: &[
            ("SECOND", "provider-key-two"),
            ("THIRD", "provider-key-3333"),
        ],
        ..Plan::default()
    })
    .await;
    for (provider, model) in MODELS {
        lab.sim.clear_log();
        for _ in 0..9 {
            let answer = lab.chat(&ask(model, "hello")).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        }
        let mut used: Vec<String> = lab.attempts().iter().map(credentials).collect();
        used.sort();
        let each: Vec<usize> = used
            .chunk_by(|left, right| left == right)
            .map(<[String]>::len)
            .collect();
        assert_eq!(each, [3, 3, 3], "{provider}");
    }
}

#[tokio::test]
async fn a_refused_credential_is_followed_by_the_next_one() {
    let more = with_credentials("\"${BAD}\", \"${KEY}\"");
    let lab = Lab::with(&more, "").await;
    for (provider, model) in MODELS {
        let mut refused = 0;
        for body in [
            ask(model, "hello"),
            ask_streamed(model, "hello"),
            ask(model, "hello"),
            ask_streamed(model, "hello"),
        ] {
            let answer = lab.chat(&body).await;
            assert_eq!(
                answer.status,
                StatusCode::OK,
                "{provider}: {}",
                answer.text()
            );
            let record = lab.record(&answer).await;
            let attempts = record["attempts"].as_array().unwrap();
            assert!(attempts.len() <= 2, "{record}");
            if attempts.len() == 2 {
                refused += 1;
                assert_eq!(attempts[0]["outcome"], "auth", "{provider}: {record}");
                assert_eq!(attempts[1]["outcome"], "ok", "{record}");
                assert_ne!(
                    attempts[0]["credential"], attempts[1]["credential"],
                    "{record}"
                );
            }
            assert!(!record.to_string().contains("bad-key"), "{record}");
        }
        assert!(
            refused > 0,
            "{provider}: the bad credential was never tried"
        );
    }
}

#[tokio::test]
async fn embeddings_go_the_same_way() {
    let lab = keyed().await;
    let headers = [("api-key", CALLER)];
    for model in [
        "openai/text-embedding-3-small",
        "gemini/gemini-embedding-001",
    ] {
        let body: Value =
            json!({"model": model, "input": ["one", "two"], "encoding_format": "float"});
        let answer = lab
            .post_bytes("/v1/embeddings", body.to_string(), &headers)
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{model}: {}", answer.text());
        let data = answer.json()["data"].as_array().unwrap().clone();
        assert_eq!(data.len(), 2, "{model}");
        assert!(
            data[0]["embedding"].as_array().unwrap().len() > 10,
            "{model}"
        );
        let record = lab.record(&answer).await;
        assert_eq!(record["operation"], "embeddings");
        assert!(record["tokens"]["input"].as_u64().unwrap() > 0, "{record}");
    }
    let body = json!({"model": "openai/text-embedding-3-small", "input": ["one"]}).to_string();
    let answer = lab.post_bytes("/v1/embeddings", body.clone(), &[]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    lab.fault("openai", "status:401");
    let answer = lab.post_bytes("/v1/embeddings", body, &headers).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (502, "upstream_auth")
    );
}

#[tokio::test]
async fn s11_the_admin_listener_is_apart_from_the_public_one() {
    let lab = Lab::with(&server(""), "").await;
    for path in ["/metrics", "/v1/admin/requests"] {
        assert_eq!(
            lab.get(path, &[]).await.status,
            StatusCode::NOT_FOUND,
            "{path}"
        );
        assert_eq!(lab.admin(path).await.status, StatusCode::OK, "{path}");
    }
    assert!(lab.gateway.admin_address.ip().is_loopback());
}
