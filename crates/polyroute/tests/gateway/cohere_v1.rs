//! Cohere's v1 API behind the OpenAI shape: a deployment whose `api_version` is `v1`.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Lab, Plan, ask, ask_streamed};

const MODEL: &str = "house/command-r-plus-08-2024";
/// A picture of one pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async fn lab(routes: &str) -> Lab {
    Lab::build(Plan {
        more: "providers:\n  \
            house: { kind: cohere, api_version: v1, base_url: \"$SIM/cohere\", credentials: [\"${KEY}\"] }\n  \
            events: { kind: cohere, api_version: v1, base_url: \"$SIM/cohere\", credentials: [\"${KEY}\"], headers: { accepts: text/event-stream } }\n  \
            openai: { base_url: \"$SIM/openai/v1\", credentials: [\"${KEY}\"] }\n  \
            anthropic: { base_url: \"$SIM/anthropic\", credentials: [\"${KEY}\"] }\n  \
            gemini: { base_url: \"$SIM/gemini\", credentials: [\"${KEY}\"] }\n",
        routes,
        ..Plan::default()
    })
    .await
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "Looks it up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}})
}

fn calls(message: &Value) -> Vec<(&str, Value)> {
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    calls
        .map(|call| {
            let function = &call["function"];
            let arguments = function["arguments"].as_str().unwrap();
            (
                function["name"].as_str().unwrap(),
                serde_json::from_str(arguments).unwrap(),
            )
        })
        .collect()
}

/// Names and arguments of streamed calls, in their order.
fn streamed_calls(events: &[String]) -> Vec<(String, Value)> {
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in events {
        let Ok(event) = serde_json::from_str::<Value>(event) else {
            continue;
        };
        let deltas = event["choices"][0]["delta"]["tool_calls"].as_array();
        for delta in deltas.into_iter().flatten() {
            let at = usize::try_from(delta["index"].as_u64().unwrap()).unwrap();
            if at == calls.len() {
                assert!(delta["id"].as_str().unwrap().starts_with("call_"));
                let name = delta["function"]["name"].as_str().unwrap();
                calls.push((name.to_owned(), String::new()));
            }
            let piece = delta["function"]["arguments"].as_str();
            calls[at].1.push_str(piece.unwrap_or_default());
        }
    }
    calls
        .into_iter()
        .map(|(name, arguments)| (name, serde_json::from_str(&arguments).unwrap()))
        .collect()
}

#[tokio::test]
async fn text_whole_and_streamed_with_its_record() {
    let lab = lab("").await;
    let mut body = ask(MODEL, "echo: déjà vu 😀");
    body["temperature"] = json!(1.5);
    body["user"] = json!("u");
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.content(), "déjà vu 😀");
    assert_eq!(answer.header("x-polyroute-provider"), "house");
    assert_eq!(answer.header("x-polyroute-dropped-params"), "user");
    assert_eq!(answer.header("x-polyroute-changed-params"), "temperature=1");
    let whole = answer.json();
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    assert!(whole["usage"]["prompt_tokens"].as_u64().unwrap() > 490);
    let record = lab.record(&answer).await;
    assert_eq!(record["end"], "complete", "{record}");
    // Real tokens hold the provider's own prompt; the cost goes by the invoice.
    let usd: f64 = record["cost"]["usd"].as_str().unwrap().parse().unwrap();
    assert!(usd > 0.0 && usd < 0.000_5, "{record}");
    assert_eq!(lab.attempts().last().unwrap().path, "/cohere/v1/chat");
    // A line an event, and server-sent events where the deployment is asked for those.
    for model in [MODEL, "events/command-r-plus-08-2024"] {
        let answer = lab.chat(&ask_streamed(model, "echo: déjà vu 😀")).await;
        assert_eq!(
            answer.streamed(),
            ("déjà vu 😀".to_owned(), true),
            "{model}"
        );
        assert_eq!(answer.finishes(), ["stop"]);
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "complete", "{record}");
        assert!(record["cost"]["usd"].is_string(), "{record}");
    }
}

#[tokio::test]
async fn a_conversation_with_instructions_and_a_limit() {
    let lab = lab("").await;
    let body = json!({"model": MODEL, "max_completion_tokens": 3, "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "system", "content": "Speak up."},
        {"role": "user", "content": "words:50"}]});
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "length");
    assert_eq!(answer.header("x-polyroute-changed-params"), "");
}

#[tokio::test]
async fn tools_single_parallel_and_their_results() {
    let lab = lab("").await;
    for (asked, count) in [("the weather?", 1), ("both in parallel", 2)] {
        let mut body = ask(MODEL, asked);
        body["tools"] = json!([tool("weather"), tool("clock")]);
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let whole = answer.json();
        let message = &whole["choices"][0]["message"];
        assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
        assert!(
            message["content"]
                .as_str()
                .unwrap()
                .starts_with("I will use")
        );
        let made = calls(message);
        assert_eq!(made.len(), count, "{whole}");
        assert_eq!(made[0].0, "weather");
        assert!(made.len() == 1 || made[1].0 == "clock", "{whole}");
        assert!(
            made.iter()
                .all(|(_, arguments)| arguments["city"].is_string())
        );
        body["stream"] = true.into();
        let streamed = lab.chat(&body).await;
        assert_eq!(streamed.finishes(), ["tool_calls"], "{}", streamed.text());
        let again = streamed_calls(&streamed.events());
        let whole_ones: Vec<_> = made
            .into_iter()
            .map(|(name, made)| (name.to_owned(), made))
            .collect();
        assert_eq!(again, whole_ones);

        body["stream"] = false.into();
        let messages = body["messages"].as_array_mut().unwrap();
        messages[0] = json!({"role": "user", "content": "What is it like?"});
        messages.push(message.clone());
        for (at, call) in message["tool_calls"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
            .rev()
        {
            messages.push(json!({"role": "tool", "tool_call_id": call["id"],
                "content": format!("{{\"result\":\"number {at}\"}}")}));
        }
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert!(answer.content().contains("number 0"), "{}", answer.text());
        assert_eq!(answer.header("x-polyroute-changed-params"), "");
        // The next question, without an answer of the model's between.
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "user", "content": "echo: and now"}));
        let answer = lab.chat(&body).await;
        assert_eq!(answer.content(), "and now", "{}", answer.text());
        assert_eq!(
            answer.header("x-polyroute-changed-params"),
            "messages[].role=assistant_turn_added"
        );
    }
    let mut forced = ask(MODEL, "Hi");
    forced["tools"] = json!([tool("weather")]);
    forced["tool_choice"] = json!("required");
    assert_eq!(lab.chat(&forced).await.code(), "unsupported_parameter");
}

#[tokio::test]
async fn a_schema_is_enforced_and_beside_tools_it_is_checked() {
    let lab = lab("").await;
    let schema = json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true,
        "schema": {"type": "object", "required": ["name", "age"], "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}}});
    for stream in [false, true] {
        let mut body = ask(MODEL, "A person");
        body["response_format"] = schema.clone();
        body["stream"] = stream.into();
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let text = if stream {
            answer.streamed().0
        } else {
            answer.content()
        };
        let person: Value = serde_json::from_str(&text).unwrap();
        assert!(
            person["name"].is_string() && person["age"].is_i64(),
            "{person}"
        );
    }
    for (said, good) in [
        ("{\"name\": \"Ann\", \"age\": 3}", true),
        ("no JSON", false),
    ] {
        let mut body = ask(MODEL, &format!("echo: {said}"));
        body["response_format"] = schema.clone();
        body["tools"] = json!([tool("weather")]);
        let answer = lab.chat(&body).await;
        if good {
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let changed = answer.header("x-polyroute-changed-params");
            assert_eq!(changed, "response_format=emulated");
        } else {
            assert_eq!(answer.code(), "structured_output_invalid");
        }
    }
}

#[tokio::test]
async fn what_v1_has_no_words_for_is_refused_or_named() {
    let lab = lab("").await;
    let mut body = ask("house/command-a-vision-07-2025", "");
    body["messages"][0]["content"] = json!([{"type": "text", "text": "echo: seen"},
        {"type": "image_url", "image_url": {"url": PIXEL}}]);
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.code(), "unsupported_content", "{}", answer.text());
    let mut body = ask("house/command-a-reasoning-08-2025", "echo: four");
    body["reasoning_effort"] = json!("low");
    let answer = lab.chat(&body).await;
    assert_eq!(answer.content(), "four", "{}", answer.text());
    assert_eq!(
        answer.header("x-polyroute-dropped-params"),
        "reasoning_effort"
    );
    // The caller's own connectors reach the API, which has none of that name.
    let mut body = ask(MODEL, "Hi");
    body["provider_options"] = json!({"cohere": {"connectors": [{"id": "wiki"}]}});
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert!(
        answer.text().contains("connector 'wiki' not found"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn failures_are_told_and_fallen_back_from() {
    let lab = lab("  both: [house/command-r-plus-08-2024, openai/gpt-4o-mini]\n").await;
    for fault in [
        "status:429",
        "status:500",
        "status:503",
        "error_first_event",
        "reset_before_headers",
        "garbage_json",
        "empty_body",
    ] {
        lab.fault("cohere", fault);
        let answer = lab.chat(&ask_streamed("both", "echo: here")).await;
        assert_eq!(answer.status, StatusCode::OK, "{fault}: {}", answer.text());
        assert_eq!(answer.header("x-polyroute-provider"), "openai", "{fault}");
        assert_eq!(answer.streamed(), ("here".to_owned(), true), "{fault}");
        lab.sim.clear_faults();
    }
    lab.fault("cohere", "status:401");
    let answer = lab.chat(&ask(MODEL, "Hi")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (502, "upstream_auth")
    );
    lab.sim.clear_faults();
    let long = ask(MODEL, &"word ".repeat(300_000));
    assert_eq!(lab.chat(&long).await.code(), "context_length_exceeded");
    let unknown = ask("house/command-nothing", "Hi");
    assert_eq!(lab.chat(&unknown).await.code(), "model_not_found");
}

#[tokio::test]
async fn a_stream_without_its_end_is_never_a_success() {
    let lab = lab("").await;
    for model in [MODEL, "events/command-r-plus-08-2024"] {
        for fault in [
            "cut:5",
            "missing_finish",
            "error_after:5",
            "malformed_event:5",
        ] {
            lab.fault("cohere", fault);
            let answer = lab.chat(&ask_streamed(model, "words:50")).await;
            let (text, clean) = answer.streamed();
            assert!(!clean, "{fault}: {}", answer.text());
            assert!(answer.finishes().is_empty(), "{fault}: {}", answer.text());
            assert!(!text.is_empty(), "{fault}");
            let record = lab.record(&answer).await;
            assert_ne!(record["end"], "complete", "{fault}: {record}");
            lab.sim.clear_faults();
        }
        // However the bytes are parted, a sound stream stays one.
        lab.fault("cohere", "one_byte_chunks");
        let answer = lab.chat(&ask_streamed(model, "echo: whole")).await;
        assert_eq!(answer.streamed(), ("whole".to_owned(), true));
        lab.sim.clear_faults();
    }
}

#[tokio::test]
async fn completions_embeddings_and_reranking() {
    let lab = lab("").await;
    let asked = json!({"model": MODEL, "prompt": "echo: ahoy"});
    let answer = lab.post("/v1/completions", &asked).await;
    assert_eq!(
        answer.json()["choices"][0]["text"],
        "ahoy",
        "{}",
        answer.text()
    );
    let mut asked = json!({"model": "house/embed-v4.0", "input": ["one", "two"]});
    let answer = lab.post("/v1/embeddings", &asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["data"][1]["embedding"].is_array());
    assert_eq!(lab.attempts().last().unwrap().path, "/cohere/v1/embed");
    asked["dimensions"] = json!(256);
    let answer = lab.post("/v1/embeddings", &asked).await;
    assert_eq!(answer.code(), "unsupported_parameter", "{}", answer.text());
    let asked =
        json!({"model": "house/rerank-v3.5", "query": "sea", "documents": ["land", "the sea"]});
    let answer = lab.post("/v1/rerank", &asked).await;
    assert_eq!(answer.json()["results"][0]["index"], 1, "{}", answer.text());
    assert_eq!(lab.attempts().last().unwrap().path, "/cohere/v1/rerank");
}
