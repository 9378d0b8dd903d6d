//! `POST /v1/chat/completions/input_tokens`.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{CALLER, CANARY, Lab, MODELS, Plan, ask, providers};

const PATH: &str = "/v1/chat/completions/input_tokens";

/// A request with everything that is input, and much that is not.
fn full(model: &str) -> Value {
    json!({
        "model": model,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How is the weather in Paris, and what of the rivers?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "Tells it.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}],
        "max_completion_tokens": 300, "temperature": 0.5, "stream": true,
        "stream_options": {"include_usage": true}, "user": "someone",
    })
}

#[tokio::test]
async fn section_14_each_provider_counts_what_it_would_be_sent() {
    let lab = Lab::start().await;
    let paths = [
        "/openai/v1/responses/input_tokens",
        "/anthropic/v1/messages/count_tokens",
        "/gemini/v1beta/models/gemini-2.5-flash:countTokens",
    ];
    for ((provider, model), path) in MODELS.into_iter().zip(paths) {
        let answer = lab.post(PATH, &full(model)).await;
        assert_eq!(answer.status, StatusCode::OK, "{model}: {}", answer.text());
        let counted = answer.json();
        assert_eq!(lab.attempts().last().unwrap().path, path);
        let tokens = counted["input_tokens"].as_u64().unwrap();
        let name = model.split_once('/').unwrap().1;
        let wanted = json!({"object": "input_tokens", "model": name, "input_tokens": tokens,
            "estimated": false});
        assert_eq!(counted, wanted);
        assert_eq!(answer.header("x-polyroute-provider"), provider);
        assert_eq!(answer.header("x-polyroute-attempts"), "1");
        assert!(!answer.text().contains(CANARY));
        // As many as the answer's usage then says.
        let mut chat = full(model);
        chat["stream"] = json!(false);
        chat.as_object_mut().unwrap().remove("stream_options");
        let usage = lab.chat(&chat).await.json()["usage"].clone();
        assert_eq!(usage["prompt_tokens"], tokens, "{model}");
        let record = lab.record(&answer).await;
        assert_eq!(record["operation"], "input_tokens", "{record}");
        assert_eq!(record["end"], "complete");
        assert_eq!(record["stream"], false);
        // Nothing was used, and it costs nothing.
        assert_eq!(record["cost"]["usd"], "0", "{record}");
        assert_eq!(record["tokens"]["input"], 0, "{record}");
        assert_eq!(record["tokens"]["provenance"], "none", "{record}");
    }
    let metrics = lab.admin("/metrics").await.text();
    assert!(metrics.contains("operation=\"input_tokens\""), "{metrics}");
}

#[tokio::test]
async fn section_14_an_estimate_is_told_as_one_and_is_not_low() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let counted = lab.post(PATH, &full(model)).await.json();
        let calls = lab.attempts().len();
        let answer = lab
            .post(&format!("{PATH}?estimate=true"), &full(model))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let estimated = answer.json();
        assert_eq!(lab.attempts().len(), calls, "nobody was asked");
        assert_eq!(estimated["estimated"], true);
        assert_eq!(estimated["model"], counted["model"]);
        let tokens = |answer: &Value| answer["input_tokens"].as_u64().unwrap();
        assert!(tokens(&estimated) > 20, "{estimated}");
        assert_eq!(answer.header("x-polyroute-provider"), provider);
        assert_eq!(answer.header("x-polyroute-attempts"), "");
        let record = lab.record(&answer).await;
        assert_eq!(record["provider"], provider);
        assert_eq!(record["cost"]["usd"], "0", "{record}");
        // More text, more tokens.
        let mut longer = full(model);
        longer["messages"][1]["content"] = json!("rivers of the world ".repeat(200));
        let answer = lab.post(&format!("{PATH}?estimate=true"), &longer).await;
        assert!(tokens(&answer.json()) > tokens(&estimated) + 600);
    }
}

#[tokio::test]
async fn where_a_provider_has_no_such_call_our_estimate_answers() {
    let sim = polyroute_sim::Sim::start(polyroute_sim::SimConfig::default())
        .await
        .unwrap();
    let url = sim.url();
    let more = format!(
        "{}  house: {{ dialect: openai, base_url: \"{url}/openai/v1\", credentials: [\"${{KEY}}\"] }}\n",
        providers(&url)
    );
    let routes = "  mixed: [openai/gpt-4o-mini, house/gpt-4o-mini]\n";
    let plan = Plan {
        more: &more,
        routes,
        ..Plan::default()
    };
    let lab = Lab::before(sim, &plan).await;
    let answer = lab.post(PATH, &full("house/gpt-4o-mini")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["estimated"], true);
    assert!(lab.attempts().is_empty());
    // After a failure of another one, too.
    lab.fault("openai", "status:500");
    let answer = lab.post(PATH, &full("mixed")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["estimated"], true);
    assert_eq!(answer.header("x-polyroute-provider"), "house");
    assert_eq!(answer.header("x-polyroute-model"), "gpt-4o-mini");
}

#[tokio::test]
async fn counting_falls_back_as_answering_does() {
    let lab = Lab::start().await;
    lab.fault("openai", "status:500");
    let answer = lab.post(PATH, &full("chat")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let counted = answer.json();
    assert_eq!(counted["model"], "claude-haiku-4-5", "{counted}");
    assert_eq!(counted["estimated"], false);
    assert_eq!(answer.header("x-polyroute-provider"), "anthropic");
    let record = lab.record(&answer).await;
    assert_eq!(record["route"], "chat");
    let only = lab.post(PATH, &full("openai/gpt-4o-mini")).await;
    assert_eq!(only.status, StatusCode::BAD_GATEWAY, "{}", only.text());
    assert_eq!(only.code(), "upstream_error");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let lab = Lab::start().await;
    let model = "anthropic/claude-haiku-4-5";
    for query in ["", "?estimate=true"] {
        let path = format!("{PATH}{query}");
        for (body, code) in [
            (json!({"model": model}), "missing_required_parameter"),
            (json!({"messages": []}), "missing_required_parameter"),
            (
                json!({"model": model, "messages": [{"role": "wizard", "content": "Hi"}]}),
                "invalid_value",
            ),
            (ask("nobody/nothing", "Hi"), "model_not_found"),
            (
                ask("openai/text-embedding-3-small", "Hi"),
                "wrong_model_kind",
            ),
        ] {
            let answer = lab.post(&path, &body).await;
            assert!(answer.status.is_client_error(), "{body}: {}", answer.text());
            assert_eq!(answer.code(), code, "{query} {body}: {}", answer.text());
        }
    }
    let odd = lab
        .post(&format!("{PATH}?estimate=maybe"), &full(model))
        .await;
    assert_eq!(odd.json()["error"]["param"], "estimate", "{}", odd.text());
    assert!(lab.attempts().is_empty());
    let answer = lab.get(PATH, &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), Method::POST.as_str());
}

#[tokio::test]
async fn counting_takes_the_keys_of_answering() {
    let lab = Lab::build(Plan {
        more: "keys:\n  - { name: narrow, secret: \"${CALLER}\", routes: [openai/gpt-4o-mini] }\n",
        ..Plan::default()
    })
    .await;
    let body = |model| full(model).to_string();
    let key = [("x-api-key", CALLER)];
    for query in ["", "?estimate=true"] {
        let path = format!("{PATH}{query}");
        let nobody = lab.post_bytes(&path, body("openai/gpt-4o-mini"), &[]).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
        let other = lab.post_bytes(&path, body("openai/gpt-4o"), &key).await;
        assert_eq!(other.status, StatusCode::FORBIDDEN);
        let own = lab
            .post_bytes(&path, body("openai/gpt-4o-mini"), &key)
            .await;
        assert_eq!(own.status, StatusCode::OK, "{}", own.text());
        assert_eq!(lab.record(&own).await["principal"], "narrow");
    }
}
