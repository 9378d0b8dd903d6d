//! The vendors' errors and limits, and faults in front of them.

use serde_json::{Value, json};

use super::{Ask, VENDORS};
use crate::client::{Answer, End, send, sim};

/// Vendor, key, status, pointer into the body, what is there.
#[rustfmt::skip]
const KEYS: &[(&str, &str, u16, &str, &str)] = &[
    ("mistral", "Bearer bad", 401, "/detail", "Invalid API Key"),
    ("deepseek", "Bearer bad", 401, "/error/type", "authentication_error"),
    ("groq", "Bearer bad", 401, "/error/code", "invalid_api_key"),
    ("cerebras", "Bearer bad", 401, "/code", "wrong_api_key"),
    ("perplexity", "Bearer bad", 401, "/error/code", "401"),
    ("xai", "Bearer bad", 400, "/code", "invalid-argument"),
    ("openrouter", "Bearer bad", 401, "/error/code", "401"),
    ("vllm", "Bearer bad", 401, "/error", "Unauthorized"),
    ("ollama", "Bearer bad", 401, "/error/message", "Unauthorized"),
    ("deepseek", "Bearer sim-quota", 402, "/error/message", "Insufficient Balance"),
    ("cerebras", "Bearer sim-quota", 402, "/code", "payment_required"),
    ("together", "Bearer sim-quota", 402, "/error/type", "credit_limit"),
    ("fireworks", "Bearer sim-quota", 412, "/error/code", "PRECONDITION_FAILED"),
    ("openrouter", "Bearer sim-quota", 402, "/error/code", "402"),
    ("qwen", "Bearer sim-quota", 400, "/error/code", "Arrearage"),
    ("mistral", "Bearer sim-quota", 429, "/code", "1300"),
];

/// Vendor, status for a model that is not there, pointer into the body, what is there.
#[rustfmt::skip]
const MODELS: &[(&str, u16, &str, &str)] = &[
    ("mistral", 400, "/code", "1500"),
    ("deepseek", 400, "/error/message", "Model Not Exist"),
    ("groq", 404, "/error/code", "model_not_found"),
    ("cerebras", 404, "/code", "model_not_found"),
    ("together", 404, "/error/code", "model_not_available"),
    ("perplexity", 400, "/error/type", "invalid_model"),
    ("xai", 404, "/code", "not-found"),
    ("openrouter", 400, "/error/message", "nobody is not a valid model ID"),
    ("vllm", 404, "/error/type", "NotFoundError"),
    ("azure", 404, "/error/code", "DeploymentNotFound"),
];

/// The text or number at a pointer.
fn at(answer: &Answer, pointer: &str) -> String {
    match answer.json().pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "absent".to_owned(),
    }
}

/// wire-protocols §13.3: the bodies of keys, models, quotas and limits.
#[tokio::test]
async fn section_13_errors_have_each_vendors_shape() {
    let sim = sim().await;
    for (name, key, status, pointer, wanted) in KEYS {
        let answer = Ask::new(name, "hi").key(key).send(&sim).await;
        assert_eq!(answer.status, *status, "{name}: {}", answer.text());
        assert_eq!(at(&answer, pointer), *wanted, "{name}: {}", answer.text());
    }
    for (name, status, pointer, wanted) in MODELS {
        let answer = Ask::new(name, "hi")
            .with("model", json!("nobody"))
            .send(&sim)
            .await;
        assert_eq!(answer.status, *status, "{name}: {}", answer.text());
        assert_eq!(at(&answer, pointer), *wanted, "{name}: {}", answer.text());
    }
    let deepseek = Ask::new("deepseek", "hi")
        .key("Bearer bad")
        .send(&sim)
        .await;
    assert_eq!(
        deepseek.header("content-type"),
        Some("application/octet-stream")
    );
    let open = send(
        &sim,
        "POST",
        "/ollama/v1/chat/completions",
        &[],
        &Ask::new("ollama", "hi").body.to_string(),
    )
    .await;
    assert_eq!(open.status, 200, "a local server wants no key");
}

/// wire-protocols §13.5: limits under each vendor's own names, and in its own formats.
#[tokio::test]
async fn section_13_rate_limit_headers() {
    let sim = sim().await;
    let names = [
        ("mistral", "x-ratelimit-remaining-req-minute"),
        ("groq", "x-ratelimit-reset-tokens"),
        ("cerebras", "x-ratelimit-remaining-requests-day"),
        ("together", "x-ratelimit-reset"),
        ("fireworks", "x-ratelimit-over-limit"),
        ("xai", "x-ratelimit-remaining-requests"),
        ("azure", "x-ratelimit-renewalperiod-tokens"),
    ];
    for (name, header) in names {
        let answer = Ask::new(name, "hi").send(&sim).await;
        assert!(
            answer.header(header).is_some(),
            "{name}: {:?}",
            answer.headers
        );
    }
    let groq = Ask::new("groq", "hi").send(&sim).await;
    assert!(
        groq.header("x-ratelimit-reset-tokens")
            .unwrap()
            .ends_with("ms")
    );
    let xai = Ask::new("xai", "hi").send(&sim).await;
    assert!(
        xai.header("x-ratelimit-reset-requests").is_none(),
        "xAI says no reset"
    );
    for name in [
        "deepseek",
        "perplexity",
        "ollama",
        "vllm",
        "openrouter",
        "qwen",
    ] {
        let answer = Ask::new(name, "hi").send(&sim).await;
        let limits = answer
            .headers
            .iter()
            .filter(|(name, _)| name.contains("limit"));
        assert_eq!(limits.count(), 0, "{name}");
    }
    let limited = Ask::new("openrouter", "hi")
        .fault("status:429")
        .send(&sim)
        .await;
    let reset: u64 = limited
        .header("x-ratelimit-reset")
        .unwrap()
        .parse()
        .unwrap();
    assert!(reset > 1_700_000_000_000, "milliseconds since 1970");
    let quota = Ask::new("mistral", "hi")
        .key("Bearer sim-quota")
        .send(&sim)
        .await;
    assert_eq!(quota.header("x-ratelimit-limit-req-minute"), Some("0"));
}

/// Faults, rules, scripts and instances work in front of every vendor.
#[tokio::test]
async fn faults_and_scripts_reach_every_vendor() {
    let sim = sim().await;
    for (name, ..) in VENDORS {
        let ask = |fault| Ask::new(name, "words:40").streamed().fault(fault);
        let limited = ask("status:429:7").send(&sim).await;
        assert_eq!(
            (limited.status, limited.header("retry-after")),
            (429, Some("7")),
            "{name}"
        );
        assert!(limited.json().is_object());
        assert_eq!(ask("cut:3").send(&sim).await.end, End::Closed, "{name}");
        let undone = ask("missing_done").send(&sim).await;
        assert!(!undone.events().contains(&"[DONE]".to_owned()), "{name}");
        let unfinished = ask("missing_finish").send(&sim).await;
        assert_eq!(unfinished.end, End::Complete);
        let reasons = unfinished.event_values();
        let named = |chunk: &Value| chunk["choices"][0]["finish_reason"].is_string();
        assert!(!reasons.iter().any(named), "{name}");
        let uncounted = ask("usage_missing").send(&sim).await.text();
        assert!(!uncounted.contains("\"total_tokens\""), "{name}");
        let error = ask("error_first_event").send(&sim).await.event_values();
        assert_eq!(error.len(), 1, "{name}");
        assert!(
            error[0].get("error").or(error[0].get("message")).is_some(),
            "{name}: {error:?}"
        );
        let big = ask("big_event:5000").send(&sim).await;
        assert!(big.body.len() > 5_000, "{name}");
        assert_eq!(
            ask("ping_only:1:2").send(&sim).await.end,
            End::Silent,
            "{name}"
        );
    }
    let groq = Ask::new("groq", "hi")
        .streamed()
        .fault("error_first_event")
        .send(&sim)
        .await;
    assert!(groq.text().starts_with("event: error\ndata: "));
    let router = Ask::new("openrouter", "hi")
        .streamed()
        .fault("error_first_event")
        .send(&sim)
        .await;
    assert_eq!(
        router.event_values()[0]["choices"][0]["finish_reason"],
        "error"
    );
    let rule = json!({"fault": "status:503", "match": {"prefix": "groq"}}).to_string();
    send(&sim, "POST", "/_sim/faults", &[], &rule).await;
    assert_eq!(Ask::new("groq", "hi").send(&sim).await.status, 503);
    assert_eq!(Ask::new("mistral", "hi").send(&sim).await.status, 200);
    let script = json!({"match": {"prefix": "mistral"}, "replies": [
        {"turn": {"text": "Hello", "calls": [{"name": "f", "arguments": {"a": 1}}]}}]});
    send(&sim, "POST", "/_sim/script", &[], &script.to_string()).await;
    let scripted = Ask::new("mistral", "hi").send(&sim).await.json();
    let call = scripted["choices"][0]["message"]["tool_calls"][0].clone();
    assert_eq!(call["id"].as_str().map(str::len), Some(9));
    let mut named = Ask::new("xai", "echo: hi");
    named.path = format!("/p/eu{}", named.path);
    assert_eq!(named.send(&sim).await.status, 200);
    let logged = sim.log_since(0).pop().unwrap();
    assert_eq!(
        (logged.instance.as_deref(), logged.prefix.as_deref()),
        (Some("eu"), Some("xai"))
    );
}
