//! What a caller gets when all is well.

use http::StatusCode;
use serde_json::json;

use crate::support::{Lab, MODELS, ask, ask_streamed};

#[tokio::test]
async fn every_provider_answers_whole_and_streamed() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let answer = lab.chat(&ask(model, "echo: déjà vu 😀")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.content(), "déjà vu 😀", "{provider}");
        assert_eq!(answer.header("x-polyroute-provider"), provider);
        assert!(answer.json()["usage"]["total_tokens"].as_u64().unwrap() > 0);

        let answer = lab.chat(&ask_streamed(model, "echo: déjà vu 😀")).await;
        assert_eq!(
            answer.streamed(),
            ("déjà vu 😀".to_owned(), true),
            "{}",
            answer.text()
        );
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "complete", "{record}");
        assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
        assert!(record["ttft_ms"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn the_usage_chunk_comes_only_when_asked_for() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let without = lab.chat(&ask_streamed(model, "Hello")).await.text();
        assert!(
            !without.contains("\"prompt_tokens\""),
            "{provider}: {without}"
        );
        let mut body = ask_streamed(model, "Hello");
        body["stream_options"] = json!({"include_usage": true});
        let answer = lab.chat(&body).await;
        let events = answer.events();
        let usage: serde_json::Value = serde_json::from_str(&events[events.len() - 2]).unwrap();
        assert_eq!(usage["choices"], json!([]), "{provider}");
        assert!(
            usage["usage"]["total_tokens"].as_u64().unwrap() > 0,
            "{provider}"
        );
    }
}

#[tokio::test]
async fn a_dead_provider_is_not_noticed() {
    let lab = Lab::start().await;
    for fault in [
        "reset_before_headers",
        "status:500",
        "status:503",
        "garbage_json",
        "empty_body",
    ] {
        lab.fault("openai", fault);
        for body in [
            ask("chat", "echo: here"),
            ask_streamed("chat", "echo: here"),
        ] {
            let answer = lab.chat(&body).await;
            assert_eq!(answer.status, StatusCode::OK, "{fault}: {}", answer.text());
            assert_eq!(
                answer.header("x-polyroute-provider"),
                "anthropic",
                "{fault}"
            );
            assert!(answer.text().contains("here"), "{fault}");
        }
        lab.sim.clear_faults();
    }
}

#[tokio::test]
async fn an_input_too_long_for_one_embeddings_model_goes_to_the_next() {
    let routes = "  vectors: [gemini/gemini-embedding-001, openai/text-embedding-3-small]";
    let lab = Lab::with("", routes).await;
    for (input, provider) in [
        ("short".to_owned(), "gemini"),
        ("word ".repeat(4_000), "openai"),
    ] {
        let body = json!({"model": "vectors", "input": [input], "encoding_format": "float"});
        let answer = lab.post("/v1/embeddings", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("x-polyroute-provider"), provider);
        let record = lab.record(&answer).await;
        let excluded = record["excluded"].as_array().map_or(0, Vec::len);
        assert_eq!(excluded, usize::from(provider == "openai"), "{record}");
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1, "{record}");
    }
    let wrong = json!({"model": "vectors", "input": {"no": "list"}});
    let answer = lab.post("/v1/embeddings", &wrong).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
}
