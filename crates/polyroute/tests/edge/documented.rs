//! What `docs/api.md` says of parameters and headers, held against the gateway.

use serde_json::{Value, json};

use crate::kit::{ask_tools, last_sent, passes, sent, tool_loop, with};
use crate::support::{Lab, MODELS, ask};

/// A request with about everything that the table of parameters names.
fn everything(model: &str) -> Value {
    let mut body = ask_tools(model, "Hello", &["get_weather"]);
    body["messages"][0]["name"] = json!("kim");
    for (key, value) in [
        ("temperature", json!(0.5)),
        ("top_k", json!(5)),
        ("max_tokens", json!(64)),
        ("stop", json!("END")),
        ("seed", json!(7)),
        ("frequency_penalty", json!(0.5)),
        ("presence_penalty", json!(0.5)),
        ("logit_bias", json!({"1": 1})),
        ("logprobs", json!(true)),
        ("top_logprobs", json!(2)),
        ("user", json!("kim")),
        ("metadata", json!({"team": "a"})),
        ("parallel_tool_calls", json!(false)),
        ("service_tier", json!("flex")),
        ("prompt_cache_key", json!("key")),
        ("store", json!(true)),
    ] {
        body[key] = value;
    }
    body
}

#[tokio::test]
async fn the_table_of_parameters_holds() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let mut body = everything(model);
        if provider != "openai" {
            // OpenAI itself refuses what it does not know, and the caller hears that.
            body["frobnicate"] = json!(1);
        }
        let (answer, sent) = passes(&lab, &body).await;
        let dropped = answer.header("x-polyroute-dropped-params");
        let expected = match provider {
            "openai" => "top_k",
            "anthropic" => {
                "frequency_penalty, frobnicate, logit_bias, logprobs, messages[].name, metadata, \
                 presence_penalty, prompt_cache_key, seed, service_tier, store, top_logprobs"
            }
            _ => {
                "frequency_penalty, frobnicate, logit_bias, messages[].name, metadata, \
                 parallel_tool_calls, presence_penalty, prompt_cache_key, store, user"
            }
        };
        assert_eq!(dropped, expected, "{provider}");
        match provider {
            "openai" => {
                assert_eq!(sent.body["max_completion_tokens"], 64);
                assert_eq!(sent.body["seed"], 7);
            }
            "anthropic" => {
                assert_eq!(sent.body["max_tokens"], 64);
                assert_eq!(sent.body["top_k"], 5);
                assert_eq!(sent.body["stop_sequences"], json!(["END"]));
                assert_eq!(sent.body["metadata"], json!({"user_id": "kim"}));
                assert_eq!(
                    sent.body["tool_choice"],
                    json!({"type": "auto", "disable_parallel_tool_use": true})
                );
            }
            _ => {
                let config = &sent.body["generationConfig"];
                assert_eq!(config["maxOutputTokens"], 64);
                assert_eq!(config["topK"], 5);
                assert_eq!(config["stopSequences"], json!(["END"]));
                assert_eq!(config["seed"], 7);
                assert_eq!(config["logprobs"], 2);
                assert_eq!(sent.body["serviceTier"], "FLEX");
            }
        }
        // The tags of the record.
        let record = lab.record(&answer).await;
        assert_eq!(record["tags"]["team"], "a", "{provider}: {record}");
    }
}

#[tokio::test]
async fn options_reach_the_provider_that_they_are_meant_for() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let body = with(
            ask(model, "Hello"),
            "provider_options",
            json!({
                "openai": {"verbosity": "medium"},
                "anthropic": {"top_k": 3},
                "gemini": {"generationConfig": {"topK": 4}},
            }),
        );
        let (_, sent) = passes(&lab, &body).await;
        assert!(!sent.text.contains("provider_options"), "{}", sent.text);
        let found = [
            sent.body.get("verbosity").is_some(),
            sent.body.get("top_k").is_some(),
            sent.body.pointer("/generationConfig/topK").is_some(),
        ];
        let expected = ["openai", "anthropic", "gemini"].map(|name| name == provider);
        assert_eq!(found, expected, "{provider}: {}", sent.text);
    }
}

#[tokio::test]
async fn the_provider_that_is_asked_for_answers() {
    let lab = Lab::start().await;
    let in_body = with(
        ask("claude-haiku-4-5", "echo: hi"),
        "provider",
        json!("anthropic"),
    );
    let (answer, sent) = passes(&lab, &in_body).await;
    assert_eq!(answer.header("x-polyroute-provider"), "anthropic");
    assert_eq!(answer.header("x-polyroute-model"), "claude-haiku-4-5");
    assert_eq!(answer.header("x-polyroute-attempts"), "1");
    assert_eq!(sent.body.get("provider"), None);
    let answer = lab
        .post_bytes(
            "/v1/chat/completions",
            with(
                ask("gemini-2.5-flash", "echo: hi"),
                "provider",
                json!("openai"),
            )
            .to_string(),
            &[("x-polyroute-provider", "gemini"), ("x-request-id", "a-1")],
        )
        .await;
    assert_eq!(answer.header("x-polyroute-provider"), "gemini");
    assert_eq!(answer.header("x-request-id"), "a-1");
    assert_eq!(last_sent(&lab).provider, "gemini");
}

#[tokio::test]
async fn nothing_of_ours_goes_upstream() {
    let lab = Lab::start().await;
    for (_, model) in MODELS {
        let mut body = tool_loop(model, "call_1");
        body["messages"][1]["provider_blocks"] = json!([{"index": 0, "issuer": "elsewhere",
            "model": "", "span": {"text": 0, "calls": 0}, "block": {"type": "thinking"}}]);
        body["messages"][1]["reasoning_content"] = json!("I wonder.");
        body["x-note"] = json!("ours");
        let answer = lab
            .post_bytes(
                "/v1/chat/completions",
                body.to_string(),
                &[
                    ("x-polyroute-tags", "team=a"),
                    ("cookie", "session=1"),
                    (
                        "traceparent",
                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                    ),
                ],
            )
            .await;
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
    }
    for sent in sent(&lab) {
        for word in ["provider_blocks", "elsewhere", "I wonder", "x-note"] {
            assert!(!sent.text.contains(word), "{word}: {}", sent.text);
        }
        let has = |name: &str| sent.headers.iter().any(|(known, _)| known == name);
        assert!(has("traceparent"), "{:?}", sent.headers);
        assert!(!has("cookie") && !has("x-polyroute-tags"));
    }
}
