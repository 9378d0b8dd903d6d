//! Cohere behind the OpenAI shape.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Lab, Plan, ask, ask_streamed};

const MODEL: &str = "cohere/command-a-03-2025";
/// A picture of one pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub async fn lab(routes: &str) -> Lab {
    Lab::build(Plan {
        more: "providers:\n  \
            cohere: { base_url: \"$SIM/cohere\", credentials: [\"${KEY}\"] }\n  \
            openai: { base_url: \"$SIM/openai/v1\", credentials: [\"${KEY}\"] }\n  \
            anthropic: { base_url: \"$SIM/anthropic\", credentials: [\"${KEY}\"] }\n  \
            gemini: { base_url: \"$SIM/gemini\", credentials: [\"${KEY}\"] }\n  \
            jina: { dialect: openai, base_url: \"$SIM/cohere/v2\", credentials: [\"${KEY}\"] }\n",
        routes,
        ..Plan::default()
    })
    .await
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "Looks it up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}})
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
    assert_eq!(answer.header("x-polyroute-provider"), "cohere");
    assert_eq!(answer.header("x-polyroute-dropped-params"), "user");
    assert_eq!(answer.header("x-polyroute-changed-params"), "temperature=1");
    let whole = answer.json();
    assert_eq!(whole["model"], "command-a-03-2025");
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    // Real tokens, with the provider's own prompt; the cost goes by the invoice.
    assert!(whole["usage"]["prompt_tokens"].as_u64().unwrap() > 490);
    let record = lab.record(&answer).await;
    assert_eq!(record["end"], "complete", "{record}");
    let usd: f64 = record["cost"]["usd"].as_str().unwrap().parse().unwrap();
    assert!(usd > 0.0 && usd < 0.000_5, "{record}");

    let answer = lab.chat(&ask_streamed(MODEL, "echo: déjà vu 😀")).await;
    assert_eq!(answer.streamed(), ("déjà vu 😀".to_owned(), true));
    assert_eq!(answer.finishes(), ["stop"]);
    let sent = lab.attempts();
    assert_eq!(sent.last().unwrap().path, "/cohere/v2/chat");
}

#[tokio::test]
async fn tools_single_parallel_named_and_their_results() {
    let lab = lab("").await;
    let mut body = ask(MODEL, "call:weather call:time");
    body["tools"] = json!([tool("weather"), tool("time.now")]);
    body["tool_choice"] = json!("required");
    for stream in [false, true] {
        body["stream"] = stream.into();
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        if stream {
            assert_eq!(answer.finishes(), ["tool_calls"]);
            assert!(answer.text().contains("\"weather\"") || answer.text().contains("time.now"));
        }
    }
    body["stream"] = false.into();
    body["tool_choice"] = json!({"type": "function", "function": {"name": "time.now"}});
    let answer = lab.chat(&body).await.json();
    let message = &answer["choices"][0]["message"];
    let call = &message["tool_calls"][0];
    // The name that the wire can't take comes back as the caller wrote it.
    assert_eq!(call["function"]["name"], "time.now", "{answer}");
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert!(
        message["content"]
            .as_str()
            .unwrap()
            .starts_with("I will use")
    );
    let mut again = ask(MODEL, "What time is it?");
    again["tools"] = body["tools"].clone();
    let messages = again["messages"].as_array_mut().unwrap();
    messages.push(message.clone());
    messages
        .push(json!({"role": "tool", "tool_call_id": call["id"], "content": "{\"now\":\"noon\"}"}));
    let answer = lab.chat(&again).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.content().contains("noon"), "{}", answer.text());
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
    // The API takes no format beside tools: the answer is checked here instead.
    let mut body = ask(MODEL, "echo: {\"name\": \"Ann\", \"age\": 3}");
    body["response_format"] = schema.clone();
    body["tools"] = json!([tool("weather")]);
    body["tool_choice"] = json!("none");
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        answer.header("x-polyroute-changed-params"),
        "response_format=emulated"
    );
    let mut wrong = ask(MODEL, "echo: no JSON");
    wrong["response_format"] = schema;
    wrong["tools"] = json!([tool("weather")]);
    wrong["tool_choice"] = json!("none");
    assert_eq!(lab.chat(&wrong).await.code(), "structured_output_invalid");
}

#[tokio::test]
async fn pictures_go_inline() {
    let lab = lab("").await;
    let mut body = ask("cohere/command-a-vision-07-2025", "");
    body["messages"][0]["content"] = json!([{"type": "text", "text": "echo: seen"},
        {"type": "image_url", "image_url": {"url": PIXEL}}]);
    let answer = lab.chat(&body).await;
    assert_eq!(answer.content(), "seen", "{}", answer.text());
    body["model"] = json!(MODEL);
    let answer = lab.chat(&body).await;
    assert_eq!(answer.code(), "unsupported_content", "{}", answer.text());
}

#[tokio::test]
async fn thoughts_are_reasoning() {
    let lab = lab("").await;
    for stream in [false, true] {
        let mut body = ask("cohere/command-a-reasoning-08-2025", "echo: four");
        body["reasoning_effort"] = json!("low");
        body["stream"] = stream.into();
        let answer = lab.chat(&body).await;
        assert!(
            answer.text().contains("reasoning_content"),
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn failures_are_told_and_fallen_back_from() {
    let lab = lab("  both: [cohere/command-a-03-2025, openai/gpt-4o-mini]\n").await;
    for fault in [
        "status:429",
        "status:500",
        "status:503",
        "error_first_event",
        "reset_before_headers",
        "garbage_json",
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
    lab.fault("cohere", "cut:3");
    let answer = lab.chat(&ask_streamed(MODEL, "words:50")).await;
    assert!(!answer.streamed().1, "{}", answer.text());
    lab.sim.clear_faults();
    let long = ask(MODEL, &"word ".repeat(300_000));
    assert_eq!(lab.chat(&long).await.code(), "context_length_exceeded");
    let unknown = ask("cohere/command-nothing", "Hi");
    assert_eq!(lab.chat(&unknown).await.code(), "model_not_found");
}

#[tokio::test]
async fn embeddings_come_as_base64_and_float() {
    let lab = lab("").await;
    let mut body =
        json!({"model": "cohere/embed-v4.0", "input": ["one", "two"], "dimensions": 256});
    let answer = lab.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let rows = answer.json();
    assert_eq!(rows["data"][1]["embedding"].as_array().unwrap().len(), 256);
    assert!(rows["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
    body["encoding_format"] = json!("base64");
    let answer = lab.post("/v1/embeddings", &body).await.json();
    assert!(answer["data"][0]["embedding"].is_string());
}
