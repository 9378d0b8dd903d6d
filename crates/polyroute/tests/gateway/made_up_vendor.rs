//! An OpenAI-compatible vendor that nobody has heard of: one data file, and one line.

use serde_json::{Value, json};

use crate::support::{CANARY, Lab, Plan, providers};
use crate::tls::Folder;

/// The data file: how the vendor is reached, what its wire differs in, what it offers and charges.
const ACME: &str = r#"{
  "format": 1,
  "provider": "acme",
  "connection": {
    "title": "Acme AI", "docs": "https://acme.example/docs", "aliases": ["acme_ai"], "dialect": "openai",
    "base_url": "https://api.acme.example/v1",
    "key_variables": ["ACME_API_KEY"], "base_url_variables": ["ACME_BASE_URL"]
  },
  "profile": {
    "params": {"user": "drop", "top_k": {"rename": "seed"}, "n": {"only": [1]}},
    "output_limit": "max_completion_tokens",
    "messages": {"name": "drop"},
    "strict_tools": "drop"
  },
  "as_of": "2026-11-21",
  "sources": {"us": {"title": "made up for this test", "url": "https://acme.example", "read": "2026-11-21"}},
  "source": "us",
  "fallback": "acme",
  "families": [{"name": "acme", "match": ["sim-acme*"], "capabilities": {"logit_bias": false}}],
  "models": [
    {"id": "sim-acme", "family": "acme", "context_window": 32000, "max_output": 4000,
     "prices": {"input": "1.00", "output": "2.00"}}
  ]
}"#;

async fn lab() -> Lab {
    let folder = Folder::new();
    let file = folder.write("acme.json", ACME);
    // The one line is `catalog:`; the section only says where its API is simulated.
    let more = format!(
        "catalog: [\"{}\"]\n{}  acme: {{ base_url: \"$SIM/openai/v1\" }}\n",
        file.display(),
        providers("$SIM")
    );
    Lab::build(Plan {
        more: &more,
        environment: &[("ACME_API_KEY", CANARY)],
        ..Plan::default()
    })
    .await
}

#[tokio::test]
async fn one_data_file_and_one_line_make_a_provider() {
    let lab = lab().await;
    let answer = lab
        .chat(&json!({
            "model": "sim-acme",
            "messages": [{"role": "user", "name": "Ann", "content": "Hi"}],
            "max_tokens": 9000, "top_k": 7, "user": "u", "logit_bias": {"1": 1},
        }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-polyroute-provider"), "acme");
    let dropped = answer.header("x-polyroute-dropped-params");
    assert_eq!(dropped, "logit_bias, messages[].name, user");
    // Its rules, and its model's limit.
    let attempts = lab.attempts();
    let sent: Value = serde_json::from_str(&attempts.last().unwrap().body).unwrap();
    assert_eq!(sent["max_completion_tokens"], 4000);
    assert_eq!(sent["seed"], 7);
    assert!(sent.get("user").is_none() && sent.get("top_k").is_none());
    // Its price.
    let usage = &answer.json()["usage"];
    let count = |key: &str| usage[key].as_f64().unwrap();
    let usd = (count("prompt_tokens") + 2.0 * count("completion_tokens")) / 1e6;
    let record = lab.record(&answer).await;
    let cost: f64 = record["cost"]["usd"].as_str().unwrap().parse().unwrap();
    assert!((cost - usd).abs() < 1e-12, "{record}");
}

#[tokio::test]
async fn its_name_other_names_and_bare_models_mean_it() {
    let lab = lab().await;
    for model in ["acme/sim-acme", "acme_ai/sim-acme", "sim-acme"] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        assert_eq!(answer.header("x-polyroute-provider"), "acme", "{model}");
    }
    let several =
        json!({"model": "sim-acme", "messages": [{"role": "user", "content": "Hi"}], "n": 2});
    let answer = lab.chat(&several).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.code(), "unsupported_parameter");
}
