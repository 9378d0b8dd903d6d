//! Text completions, moderations, embeddings in batches, and what is learned from refusals.

use serde_json::{Value, json};

use crate::support::{Lab, ask, within};

const COMPLETIONS: &str = "/v1/completions";

fn complete(model: &str, more: &Value) -> Value {
    let mut body = json!({"model": model, "prompt": "Tell me of rivers."});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn section_3_5_completions_are_passed_on_to_models_that_have_them() {
    let lab = Lab::start().await;
    let body = complete(
        "openai/gpt-3.5-turbo-instruct",
        &json!({"prompt": ["One.", "Two."], "n": 2, "echo": true, "logprobs": 2, "max_tokens": 40}),
    );
    let answer = lab.post(COMPLETIONS, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    assert_eq!(json["object"], "text_completion");
    assert_eq!(json["choices"].as_array().unwrap().len(), 4);
    let text = json["choices"][3]["text"].as_str().unwrap();
    assert!(text.starts_with("Two."), "{text}");
    assert!(json["choices"][0]["logprobs"]["tokens"].is_array());
    let record = lab.record(&answer).await;
    assert_eq!(record["operation"], "completions");
    assert_eq!(record["tokens"]["provenance"], "reported");
    assert!(record["cost"]["usd"].is_string(), "{record}");
    // Token ids, which only such a model takes.
    let ids = complete("openai/davinci-002", &json!({"prompt": [1, 2, 3]}));
    assert_eq!(lab.post(COMPLETIONS, &ids).await.status, 200);
}

#[tokio::test]
async fn section_3_5_completions_are_streamed_as_completions() {
    let lab = Lab::start().await;
    for model in [
        "openai/gpt-3.5-turbo-instruct",
        "openai/gpt-4o-mini",
        "anthropic/claude-haiku-4-5",
        "gemini/gemini-2.5-flash",
    ] {
        let body = complete(
            model,
            &json!({"stream": true, "max_tokens": 60, "stream_options": {"include_usage": true}}),
        );
        let answer = within(20, lab.post(COMPLETIONS, &body)).await;
        assert_eq!(answer.status, 200, "{model} {}", answer.text());
        let events = answer.events();
        assert_eq!(events.last().unwrap(), "[DONE]", "{model}");
        let chunks: Vec<Value> = events
            .iter()
            .filter_map(|event| serde_json::from_str(event).ok())
            .collect();
        let mut text = String::new();
        let (mut finishes, mut usages) = (0, 0);
        for chunk in &chunks {
            assert_eq!(chunk["object"], "text_completion", "{model} {chunk}");
            usages += usize::from(chunk["usage"]["completion_tokens"].as_u64() > Some(0));
            for choice in chunk["choices"].as_array().unwrap() {
                assert!(choice.get("delta").is_none(), "{model}");
                text.push_str(choice["text"].as_str().unwrap());
                finishes += usize::from(choice["finish_reason"].is_string());
            }
        }
        assert!(text.len() > 10, "{model} {text}");
        assert_eq!((finishes, usages), (1, 1), "{model}");
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "complete", "{model}");
        assert!(record["tokens"]["output"].as_u64() > Some(0), "{model}");
    }
}

#[tokio::test]
async fn section_3_5_chat_models_complete_too() {
    let lab = Lab::start().await;
    for model in [
        "openai/gpt-4o-mini",
        "anthropic/claude-haiku-4-5",
        "gemini/gemini-2.5-flash",
    ] {
        let body = complete(
            model,
            &json!({"prompt": ["One?", "Two?"], "max_tokens": 50}),
        );
        let answer = lab.post(COMPLETIONS, &body).await;
        assert_eq!(answer.status, 200, "{model} {}", answer.text());
        let json = answer.json();
        assert_eq!(json["object"], "text_completion", "{model}");
        assert!(json["id"].as_str().unwrap().starts_with("cmpl-"));
        let choices = json["choices"].as_array().unwrap();
        assert_eq!(choices.len(), 2, "{model}");
        assert_eq!(choices[1]["index"], 1);
        assert!(!choices[1]["text"].as_str().unwrap().is_empty());
        let record = lab.record(&answer).await;
        assert_eq!(record["attempts"][0]["calls"], 2, "{model}");
        let usage = &json["usage"];
        assert_eq!(record["tokens"]["input"], usage["prompt_tokens"]);
        // One call for each prompt, at the chat endpoint.
        let calls = lab.attempts();
        assert_eq!(calls.len(), 2, "{model}");
        assert!(
            calls.iter().all(|call| !call.path.ends_with("/completions")
                || call.path.ends_with("/chat/completions"))
        );
        lab.sim.clear_log();
        for (param, value) in [
            ("echo", json!(true)),
            ("suffix", json!("end")),
            ("best_of", json!(3)),
            ("logprobs", json!(1)),
            ("prompt", json!([[1, 2]])),
        ] {
            let mut more = json!({});
            more[param] = value;
            let refused = lab.post(COMPLETIONS, &complete(model, &more)).await;
            assert_eq!(refused.status, 400, "{model} {param}");
            assert_eq!(refused.code(), "unsupported_parameter");
            assert_eq!(refused.json()["error"]["param"], param);
        }
        assert!(lab.attempts().is_empty(), "{model}");
    }
}

#[tokio::test]
async fn completions_fall_back_like_chat() {
    let routes = "  texts: [openai/gpt-3.5-turbo-instruct, anthropic/claude-haiku-4-5]\n";
    let lab = Lab::with("", routes).await;
    lab.fault("openai", "status:500");
    let answer = lab.post(COMPLETIONS, &complete("texts", &json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-polyroute-provider"), "anthropic");
    // What only the first can do is refused by the second, and the caller hears why.
    let echo = lab
        .post(COMPLETIONS, &complete("texts", &json!({"echo": true})))
        .await;
    assert_eq!(echo.code(), "unsupported_parameter", "{}", echo.text());
    let missing = lab.post(COMPLETIONS, &json!({"model": "texts"})).await;
    assert_eq!(missing.code(), "missing_required_parameter");
}

#[tokio::test]
async fn moderations_go_where_there_are_any() {
    let lab = Lab::start().await;
    let body = |model: &str| json!({"model": model, "input": ["kind words", "I will kill"]});
    let answer = lab
        .post("/v1/moderations", &body("openai/omni-moderation-latest"))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["results"][1]["flagged"], true);
    assert_eq!(answer.json()["results"][0]["flagged"], false);
    let record = lab.record(&answer).await;
    assert_eq!(record["operation"], "moderations");
    assert_eq!(record["cost"]["usd"], "0", "{record}");
    for (model, code) in [
        ("anthropic/claude-haiku-4-5", "wrong_model_kind"),
        ("anthropic/claude-of-tomorrow", "endpoint_not_offered"),
        ("openai/gpt-4o-mini", "wrong_model_kind"),
    ] {
        let refused = lab.post("/v1/moderations", &body(model)).await;
        assert_eq!(refused.status, 400, "{model} {}", refused.text());
        assert_eq!(refused.code(), code, "{model}");
    }
    let chat = lab.chat(&ask("openai/omni-moderation-latest", "x")).await;
    assert_eq!(chat.code(), "wrong_model_kind");
}

#[tokio::test]
async fn section_3_6_embeddings_are_split_and_rejoined_in_order() {
    let lab = Lab::start().await;
    let inputs: Vec<String> = (0..230).map(|at| format!("text {at}")).collect();
    let body = |inputs: &[String]| json!({"model": "gemini/gemini-embedding-001", "input": inputs, "dimensions": 8});
    let answer = lab.post("/v1/embeddings", &body(&inputs)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    // Gemini takes a hundred at once.
    assert_eq!(lab.attempts().len(), 3);
    let json = answer.json();
    let rows = json["data"].as_array().unwrap();
    assert_eq!(rows.len(), 230);
    let record = lab.record(&answer).await;
    assert_eq!(record["attempts"][0]["calls"], 3);
    assert_eq!(record["attempts"].as_array().unwrap().len(), 1);
    for at in [0, 99, 100, 199, 200, 229] {
        assert_eq!(rows[at]["index"], at);
        let one = lab.post("/v1/embeddings", &body(&inputs[at..=at])).await;
        assert_eq!(one.json()["data"][0]["embedding"], rows[at]["embedding"]);
    }
    // One failing call fails them all, with its own error.
    lab.fault("gemini", "status:400");
    let failed = lab.post("/v1/embeddings", &body(&inputs)).await;
    assert_eq!(failed.status, 400, "{}", failed.text());
    assert!(failed.json().get("data").is_none());
}

#[tokio::test]
async fn section_3_6_more_inputs_than_openai_takes_and_base64_from_floats() {
    let lab = Lab::start().await;
    let inputs: Vec<String> = (0..2_050).map(|at| format!("{at}")).collect();
    let body = json!({"model": "openai/text-embedding-3-small", "input": inputs, "dimensions": 2,
        "encoding_format": "base64"});
    let answer = lab.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(lab.attempts().len(), 2);
    let json = answer.json();
    assert_eq!(json["data"].as_array().unwrap().len(), 2_050);
    assert!(json["data"][2_049]["embedding"].is_string());
}

/// The next request is refused for a parameter, as OpenAI does it.
fn refuse_next(lab: &Lab, param: &str) {
    let message = format!("Unsupported parameter: '{param}' is not supported with this model.");
    let body = json!({"error": {"message": message, "type": "invalid_request_error",
        "param": param, "code": "unsupported_parameter"}});
    let script = json!({"match": {"prefix": "openai"},
        "replies": [{"json": {"status": 400, "body": body}}]});
    lab.sim.add_script(serde_json::from_value(script).unwrap());
}

/// Sends `DELETE` to the admin API; the answer's body.
async fn forget(lab: &Lab, query: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let admin = lab.gateway.admin_address;
    let mut stream = tokio::net::TcpStream::connect(admin).await.unwrap();
    let request = format!(
        "DELETE /v1/admin/targets/capabilities{query} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn section_13_6_a_refused_parameter_is_left_out_once_and_then_up_front() {
    let lab = Lab::start().await;
    let body = |more: Value| {
        let mut body = ask("openai/gpt-4o-mini", "Hello");
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    refuse_next(&lab, "seed");
    let seeded = body(json!({"seed": 7}));
    let answer = lab.chat(&seeded).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-polyroute-dropped-params"), "seed");
    assert_eq!(answer.header("x-polyroute-attempts"), "2");
    let sent: Vec<bool> = lab
        .attempts()
        .iter()
        .map(|entry| entry.body.contains("\"seed\""))
        .collect();
    assert_eq!(sent, [true, false]);
    // The next one is spared the refusal.
    let next = lab.chat(&seeded).await;
    assert_eq!(next.header("x-polyroute-dropped-params"), "seed");
    assert_eq!(next.header("x-polyroute-attempts"), "1");
    let listed = lab.admin("/v1/admin/targets/capabilities").await.json();
    assert_eq!(listed["data"][0]["provider"], "openai");
    assert_eq!(listed["data"][0]["model"], "gpt-4o-mini");
    assert_eq!(listed["data"][0]["param"], "seed");
    assert_eq!(listed["data"][0]["count"], 1);
    assert!(
        listed["data"][0]["words"]
            .as_str()
            .unwrap()
            .contains("'seed'")
    );
    let metrics = lab.admin("/metrics").await.text();
    assert!(
        metrics.contains(
            "polyroute_parameters_learned_total{provider=\"openai\",model=\"gpt-4o-mini\"} 1"
        ),
        "{metrics}"
    );
    // Forgotten, it is sent again.
    assert!(
        forget(&lab, "?target=anthropic")
            .await
            .contains("\"forgotten\": 0")
    );
    let gone = forget(&lab, "?target=openai%2Fgpt-4o-mini").await;
    assert!(gone.contains("\"forgotten\": 1"), "{gone}");
    let again = lab.chat(&seeded).await;
    assert_eq!(again.header("x-polyroute-dropped-params"), "");
    // Another model was not seen to refuse it.
    let mut other = seeded.clone();
    other["model"] = "openai/gpt-4o".into();
    let other = lab.chat(&other).await;
    assert_eq!(other.header("x-polyroute-dropped-params"), "");
}

#[tokio::test]
async fn section_13_6_what_changes_the_meaning_is_never_left_out() {
    let lab = Lab::start().await;
    for (param, value) in [
        (
            "tools",
            json!([{"type": "function", "function": {"name": "f"}}]),
        ),
        ("response_format", json!({"type": "text"})),
        ("stop", json!(["x"])),
        ("n", json!(2)),
    ] {
        refuse_next(&lab, param);
        let mut body = ask("openai/gpt-4o-mini", "Hello");
        body[param] = value;
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, 400, "{param} {}", answer.text());
        assert_eq!(answer.code(), "unsupported_parameter", "{param}");
    }
    // Nor is anything where the caller wants refusals.
    refuse_next(&lab, "seed");
    let mut body = ask("openai/gpt-4o-mini", "Hello");
    body["seed"] = 7.into();
    let strict = [("x-polyroute-strict-params", "true")];
    let bytes = body.to_string();
    let answer = lab.post_bytes("/v1/chat/completions", bytes, &strict).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let listed = lab.admin("/v1/admin/targets/capabilities").await.json();
    assert_eq!(listed["data"], json!([]));
}
