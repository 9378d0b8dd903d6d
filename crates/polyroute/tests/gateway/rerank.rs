//! `POST /v1/rerank`.

use http::StatusCode;
use serde_json::{Value, json};

use crate::cohere::lab;
use crate::support::CANARY;

fn body(model: &str) -> Value {
    json!({"model": model, "query": "ruby language",
        "documents": ["Paris is in France", {"text": "Ruby is a language", "id": 7}, "A ruby ring"]})
}

#[tokio::test]
async fn cohere_and_servers_of_jinas_shape_rank_alike() {
    let lab = lab("").await;
    for (model, path) in [
        ("cohere/rerank-v3.5", "/cohere/v2/rerank"),
        ("jina/rerank-v3.5", "/cohere/v2/rerank"),
    ] {
        let mut asked = body(model);
        asked["top_n"] = json!(2);
        asked["return_documents"] = json!(true);
        let answer = lab.post("/v1/rerank", &asked).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let ranked = answer.json();
        let results = ranked["results"].as_array().unwrap();
        assert_eq!(results.len(), 2, "{ranked}");
        assert_eq!(results[0]["index"], 1);
        assert_eq!(
            results[0]["document"],
            json!({"text": "Ruby is a language", "id": 7})
        );
        assert!(results[0]["relevance_score"].as_f64() > results[1]["relevance_score"].as_f64());
        assert_eq!(ranked["model"], "rerank-v3.5");
        assert_eq!(lab.attempts().last().unwrap().path, path);
        let record = lab.record(&answer).await;
        assert_eq!(record["operation"], "rerank", "{record}");
        assert_eq!(record["end"], "complete", "{record}");
        assert!(!answer.text().contains(CANARY));
    }
    let plain = lab
        .post("/v1/rerank", &body("cohere/rerank-v3.5"))
        .await
        .json();
    assert_eq!(plain["results"].as_array().unwrap().len(), 3);
    assert!(plain["results"][0].get("document").is_none());
    assert_eq!(plain["meta"]["billed_units"]["search_units"], 1);
}

#[tokio::test]
async fn search_units_have_their_price_or_are_an_alert_and_never_zero() {
    let lab = lab("").await;
    let answer = lab.post("/v1/rerank", &body("cohere/rerank-v3.5")).await;
    let record = lab.record(&answer).await;
    // USD 2 for a thousand.
    assert_eq!(record["cost"]["usd"], "0.002", "{record}");
    assert_ne!(record["cost"]["price_unknown"], true, "{record}");
    let answer = lab.post("/v1/rerank", &body("jina/rerank-v3.5")).await;
    let record = lab.record(&answer).await;
    assert_eq!(record["cost"]["price_unknown"], true, "{record}");
    assert!(record["cost"].get("usd").is_none(), "{record}");
}

#[tokio::test]
async fn another_target_answers_what_one_does_not_offer_or_fails_at() {
    let lab =
        lab("  ranked: [anthropic/claude-haiku-4-5, cohere/rerank-v3.5, jina/rerank-v3.5]\n").await;
    let answer = lab.post("/v1/rerank", &body("ranked")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("x-polyroute-provider"), "cohere");
    let record = lab.record(&answer).await;
    // A chat model is no target of this request at all.
    assert_eq!(
        record["excluded"][0]["target"], "anthropic/claude-haiku-4-5",
        "{record}"
    );
    lab.fault("cohere", "status:500");
    let answer = lab.post("/v1/rerank", &body("cohere/rerank-v3.5")).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{}", answer.text());
    assert_eq!(answer.code(), "upstream_error");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let lab = lab("").await;
    let with = |key: &str, value: Value| {
        let mut body = body("cohere/rerank-v3.5");
        body[key] = value;
        body
    };
    for (body, code) in [
        (with("documents", Value::Null), "missing_required_parameter"),
        (with("query", Value::Null), "missing_required_parameter"),
        (with("documents", json!([])), "invalid_value"),
        (with("documents", json!([3])), "invalid_type"),
        (with("documents", json!("text")), "invalid_type"),
        (with("top_n", json!(0)), "invalid_value"),
        (
            with("model", json!("cohere/command-a-03-2025")),
            "wrong_model_kind",
        ),
        (
            with("model", json!("openai/gpt-4o-mini")),
            "wrong_model_kind",
        ),
        (
            with("model", json!("openai/nobody-knows-it")),
            "endpoint_not_offered",
        ),
        (
            with("model", json!("anthropic/claude-nobody")),
            "endpoint_not_offered",
        ),
    ] {
        let answer = lab.post("/v1/rerank", &body).await;
        assert_eq!(answer.code(), code, "{body}: {}", answer.text());
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let chat =
        json!({"model": "cohere/rerank-v3.5", "messages": [{"role": "user", "content": "Hi"}]});
    assert_eq!(lab.chat(&chat).await.code(), "wrong_model_kind");
    let answer = lab.get("/v1/rerank", &[]).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    let dropped = lab
        .post("/v1/rerank", &with("truncation", json!(true)))
        .await;
    assert_eq!(dropped.header("x-polyroute-dropped-params"), "truncation");
}
