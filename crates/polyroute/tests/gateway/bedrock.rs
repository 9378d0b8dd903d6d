//! Bedrock through the gateway: Converse behind OpenAI's shape, and signatures that the simulator
//! verifies.

use std::time::Duration;

use http::StatusCode;
use polyroute_sim::SimConfig;
use serde_json::{Value, json};

use crate::support::{Lab, Plan, ask, ask_streamed, server};

const CLAUDE: &str = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
pub const NOVA: &str = "bedrock/us.amazon.nova-2-lite-v1:0";
const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIASIM1"),
    ("AWS_SECRET_ACCESS_KEY", "sim-secret-of-AKIASIM1"),
];

/// Bedrock with more keys, beside the usual three.
fn providers(more: &str) -> String {
    let usual = "providers:\n  openai: { base_url: \"$SIM/openai/v1\", credentials: [\"${KEY}\"] }\n  \
                 anthropic: { base_url: \"$SIM/anthropic\", credentials: [\"${KEY}\"] }\n  \
                 gemini: { base_url: \"$SIM/gemini\", credentials: [\"${KEY}\"] }\n";
    format!("{usual}  bedrock: {{ base_url: \"$SIM/bedrock\", region: eu-central-1{more} }}\n")
}

pub async fn lab_with(more: &str, environment: &[(&str, &str)], sim: SimConfig) -> Lab {
    Lab::build(Plan {
        more: &providers(more),
        routes: "  both: [bedrock/us.amazon.nova-2-lite-v1:0, openai/gpt-4o-mini]\n",
        environment,
        sim,
    })
    .await
}

pub async fn lab(environment: &[(&str, &str)]) -> Lab {
    lab_with("", environment, SimConfig::default()).await
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}})
}

fn with(mut body: Value, members: Value) -> Value {
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn text_and_streams_are_signed_and_translated() {
    let lab = lab(&KEYS).await;
    for model in [CLAUDE, NOVA] {
        let answer = lab.chat(&ask(model, "echo: Grüße 👋")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.content(), "Grüße 👋");
        let body = answer.json();
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
        assert!(body["usage"]["prompt_tokens"].as_u64() > Some(0));
        let streamed = lab.chat(&ask_streamed(model, "echo: Grüße 👋")).await;
        assert_eq!(streamed.streamed(), ("Grüße 👋".to_owned(), true));
        let record = lab.record(&streamed).await;
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1);
        assert!(
            record["attempts"][0]["upstream_request_id"].is_string(),
            "{record}"
        );
    }
    let entry = lab.attempts().remove(0);
    assert!(
        entry
            .path
            .starts_with("/bedrock/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/")
    );
}

#[tokio::test]
async fn tools_schemas_and_pictures() {
    let lab = lab(&KEYS).await;
    let tools = json!([tool("get_weather"), tool("get_time")]);
    let asked = with(
        ask(CLAUDE, "What is the weather in Oslo?"),
        json!({ "tools": tools }),
    );
    let single = lab.chat(&asked).await.json();
    let message = &single["choices"][0]["message"];
    let call = &message["tool_calls"][0];
    assert_eq!(call["function"]["name"], "get_weather");
    assert_eq!(single["choices"][0]["finish_reason"], "tool_calls");
    let result = with(
        asked,
        json!({"messages": [
        {"role": "user", "content": "What is the weather in Oslo?"}, message,
        {"role": "tool", "tool_call_id": call["id"], "content": "4 degrees"}]}),
    );
    let told = lab.chat(&result).await;
    assert!(told.content().contains("4 degrees"), "{}", told.text());
    let both = with(
        ask_streamed(CLAUDE, "use both get_weather and get_time"),
        json!({ "tools": tools }),
    );
    let parallel = lab.chat(&both).await;
    assert_eq!(parallel.finishes(), ["tool_calls"]);
    assert!(parallel.text().contains("get_weather") && parallel.text().contains("get_time"));
    let schema = json!({"type": "json_schema", "json_schema": {"name": "city", "strict": true, "schema": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false}}});
    for model in [CLAUDE, NOVA] {
        let answer = lab
            .chat(&with(
                ask(model, "A city"),
                json!({"response_format": schema}),
            ))
            .await;
        let city: Value = serde_json::from_str(&answer.content()).unwrap();
        assert!(city["city"].is_string(), "{}", answer.text());
    }
    let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let seen = lab.chat(&json!({"model": CLAUDE, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "echo: seen"}, {"type": "image_url", "image_url": {"url": png}}]}]})).await;
    assert_eq!(seen.content(), "seen", "{}", seen.text());
}

#[tokio::test]
async fn section_14_claude_is_counted_and_others_are_estimated() {
    let lab = lab(&KEYS).await;
    for (model, estimated) in [(CLAUDE, false), (NOVA, true)] {
        let mut body = ask(model, "What is the weather in Oslo?");
        let usage = lab.chat(&body).await.json()["usage"].clone();
        let calls = lab.attempts().len();
        body["stream"] = json!(true);
        body["temperature"] = json!(0.5);
        let answer = lab.post("/v1/chat/completions/input_tokens", &body).await;
        let counted = answer.json();
        assert_eq!(counted["estimated"], estimated, "{counted}");
        if estimated {
            assert_eq!(lab.attempts().len(), calls, "nobody was asked");
        } else {
            assert_eq!(counted["input_tokens"], usage["prompt_tokens"]);
            let entry = lab.attempts().pop().unwrap();
            assert!(entry.path.ends_with("/count-tokens"), "{}", entry.path);
        }
    }
}

#[tokio::test]
async fn failures_fall_back_and_streams_that_break_say_so() {
    let lab = lab(&KEYS).await;
    lab.fault("bedrock", "status:503");
    let answer = lab.chat(&ask("both", "echo: here")).await;
    assert_eq!(answer.content(), "here");
    assert_eq!(
        answer.header("x-polyroute-provider"),
        "openai",
        "{:?}",
        answer.headers
    );
    let lab = self::lab(&KEYS).await;
    lab.fault("bedrock", "error_first_event");
    let answer = lab.chat(&ask_streamed("both", "echo: here")).await;
    assert_eq!(answer.streamed(), ("here".to_owned(), true));
    for fault in ["error_after:4", "half_json", "cut:4:reset"] {
        let lab = self::lab(&KEYS).await;
        lab.fault("bedrock", fault);
        let broken = lab.chat(&ask_streamed(NOVA, "words:60")).await;
        let clean = broken.status == StatusCode::OK && broken.streamed().1;
        assert!(!clean, "{fault}: {}", broken.text());
        assert!(!broken.code().is_empty(), "{fault}: {}", broken.text());
    }
    let lab = self::lab(&KEYS).await;
    let missing = lab.chat(&ask("bedrock/us.vendor.nothing", "hi")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "{}", missing.text());
}

#[tokio::test]
async fn a_bearer_key_goes_instead_of_a_signature() {
    let lab = lab(&[("AWS_BEARER_TOKEN_BEDROCK", "sim-bearer-key")]).await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    let seen = format!("{:?}", lab.attempts()[0].headers);
    assert!(!seen.contains("AWS4-HMAC"), "{seen}");
    let bad = lab_with(
        "",
        &[("AWS_BEARER_TOKEN_BEDROCK", "sim-bad")],
        SimConfig::default(),
    )
    .await;
    let refused = bad.chat(&ask(NOVA, "hi")).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth")
    );
    assert!(!refused.text().contains("sim-bad"));
}

#[tokio::test]
async fn wrong_keys_are_told_without_the_keys() {
    let environment = [KEYS[0], ("AWS_SECRET_ACCESS_KEY", "wrong-secret-canary")];
    let lab = lab(&environment).await;
    let refused = lab.chat(&ask(NOVA, "hi")).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth")
    );
    assert!(!refused.text().contains("canary"), "{}", refused.text());
    assert_eq!(
        lab.chat(&ask("both", "echo: b")).await.content(),
        "b",
        "another provider answers"
    );
}

#[tokio::test]
async fn section_15_a_clock_that_differs_is_made_up_for_once() {
    let config = SimConfig {
        aws_clock_ahead_s: -3_600,
        ..SimConfig::default()
    };
    let lab = lab_with(", models: false", &KEYS, config).await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    assert_eq!(
        lab.attempts().len(),
        2,
        "refused, and sent again by AWS's clock"
    );
    assert_eq!(lab.chat(&ask(NOVA, "echo: b")).await.content(), "b");
    assert_eq!(lab.attempts().len(), 3, "the difference is remembered");
}

#[tokio::test]
async fn section_1_models_are_listed_by_the_control_plane() {
    let lab = Lab::build(Plan {
        more: &format!("{}{}", server(""), providers("")),
        environment: &KEYS,
        ..Plan::default()
    })
    .await;
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        let models = lab.get("/v1/models", &[]).await.text();
        let profile = models.contains("bedrock/us.anthropic.claude-sonnet-4-6");
        if profile && models.contains("bedrock/amazon.nova-pro-v1:0") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{models}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
