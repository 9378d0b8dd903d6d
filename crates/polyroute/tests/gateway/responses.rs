//! Chat callers served over the Responses API: what they send, what they get, and what of it shows.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Lab, ask};

/// Thinks unless told not to, and takes tools on chat completions only while it does not.
const MODEL: &str = "openai/gpt-5.6";
const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn with(mut body: Value, members: Value) -> Value {
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

fn tools() -> Value {
    json!([{"type": "function", "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }}])
}

/// A question that must be answered by a call, by a model that thinks.
fn forced(model: &str) -> Value {
    with(
        ask(model, "What about Rome?"),
        json!({"tools": tools(), "tool_choice": "required", "reasoning_effort": "high"}),
    )
}

fn streamed(body: Value) -> Value {
    with(body, json!({"stream": true}))
}

/// Paths and bodies that went upstream.
fn sent(lab: &Lab) -> Vec<(String, Value)> {
    let attempts = lab.attempts().into_iter();
    attempts
        .map(|entry| {
            (
                entry.path,
                serde_json::from_str(&entry.body).unwrap_or_default(),
            )
        })
        .collect()
}

/// The assistant message of an answer, as a client puts it together from chunks or finds it.
fn message(answer: &Answer) -> Value {
    if let Ok(whole) = serde_json::from_slice::<Value>(&answer.body) {
        return whole["choices"][0]["message"].clone();
    }
    let mut message =
        json!({"role": "assistant", "content": "", "tool_calls": [], "provider_blocks": []});
    for event in answer.events() {
        let chunk: Value = serde_json::from_str(&event).unwrap_or_default();
        let delta = &chunk["choices"][0]["delta"];
        for block in delta["provider_blocks"].as_array().into_iter().flatten() {
            message["provider_blocks"]
                .as_array_mut()
                .unwrap()
                .push(block.clone());
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let calls = message["tool_calls"].as_array_mut().unwrap();
            if call["id"].is_string() {
                calls.push(call.clone());
            } else {
                let arguments = &mut calls.last_mut().unwrap()["function"]["arguments"];
                let more = call["function"]["arguments"].as_str().unwrap();
                *arguments = json!(format!("{}{more}", arguments.as_str().unwrap()));
            }
        }
    }
    message
}

#[tokio::test]
async fn case_46_tools_and_effort_go_over_the_responses_api_unseen() {
    let lab = Lab::start().await;
    for body in [
        forced(MODEL),
        streamed(forced(MODEL)),
        forced("openai/gpt-5.4"),
    ] {
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("x-polyroute-api"), "responses");
        assert_eq!(answer.header("x-polyroute-dropped-params"), "");
        assert_eq!(answer.header("x-polyroute-changed-params"), "");
        let said = message(&answer);
        let call = &said["tool_calls"][0];
        assert!(call["id"].as_str().unwrap().starts_with("call_"), "{call}");
        assert_eq!(call["function"]["name"], "get_weather");
        let arguments = call["function"]["arguments"].as_str().unwrap();
        assert!(
            serde_json::from_str::<Value>(arguments).is_ok(),
            "{arguments}"
        );
        let (path, upstream) = sent(&lab).pop().unwrap();
        assert!(path.ends_with("/v1/responses"), "{path}");
        assert_eq!(upstream["reasoning"]["effort"], "high");
        assert_eq!(upstream["store"], false);
        let record = lab.record(&answer).await;
        assert_eq!(record["attempts"][0]["api"], "responses", "{record}");
        assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
        assert!(
            record["tokens"]["reasoning"].as_u64().unwrap() > 0,
            "{record}"
        );
        assert!(record["cost"]["usd"].is_string(), "{record}");
        assert_eq!(record["finish_reason"], "tool_calls", "{record}");
    }
    let metrics = lab.admin("/metrics").await.text();
    assert!(metrics.contains("api=\"responses\""), "{metrics}");
}

#[tokio::test]
async fn what_chat_completions_can_do_stays_there() {
    let lab = Lab::start().await;
    let off = with(forced(MODEL), json!({"reasoning_effort": "none"}));
    for body in [ask(MODEL, "Hello"), off, forced("openai/gpt-5")] {
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("x-polyroute-api"), "openai", "{body}");
    }
    let more = "providers:\n  openai: { base_url: \"$SIM/openai/v1\", credentials: [\"${KEY}\"], api: chat }\n  \
                anthropic: { base_url: \"$SIM/anthropic\", credentials: [\"${KEY}\"] }\n  \
                gemini: { base_url: \"$SIM/gemini\", credentials: [\"${KEY}\"] }\n";
    let lab = Lab::with(more, "").await;
    let answer = lab.chat(&forced(MODEL)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("x-polyroute-api"), "openai");
    assert_eq!(
        answer.header("x-polyroute-changed-params"),
        "reasoning_effort=none"
    );
    let lab = Lab::with(&more.replace("api: chat", "api: responses"), "").await;
    let answer = lab.chat(&ask("openai/gpt-4o-mini", "echo: there")).await;
    assert_eq!(answer.content(), "there");
    assert_eq!(answer.header("x-polyroute-api"), "responses");
}

#[tokio::test]
async fn models_that_are_served_only_there_answer() {
    let lab = Lab::start().await;
    for body in [
        ask("openai/o3-pro", "echo: deep"),
        streamed(ask("openai/o3-pro", "echo: deep")),
    ] {
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert!(answer.text().contains("deep"), "{}", answer.text());
        assert_eq!(answer.header("x-polyroute-api"), "responses");
    }
    let several = with(ask("openai/o3-pro", "Hello"), json!({"n": 2}));
    let answer = lab.chat(&several).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert_eq!(answer.code(), "unsupported_parameter");
}

#[tokio::test]
async fn section_9_a_tool_loop_replays_reasoning_for_every_kind_of_client() {
    let lab = Lab::start().await;
    for first in [forced(MODEL), streamed(forced(MODEL))] {
        for keeps in [true, false] {
            // Another question each time, so that each turn is its own.
            let mut body = first.clone();
            body["messages"][0]["content"] = json!(format!("Rome {keeps} {}?", first["stream"]));
            let answer = lab.chat(&body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let mut said = message(&answer);
            assert_eq!(
                said["provider_blocks"][0]["block"]["type"], "reasoning",
                "{said}"
            );
            if !keeps {
                said.as_object_mut().unwrap().remove("provider_blocks");
            }
            let id = said["tool_calls"][0]["id"].clone();
            let messages = body["messages"].as_array_mut().unwrap();
            messages.push(said);
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": "sunny"}));
            body["tool_choice"] = json!("auto");
            let answer = lab.chat(&body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            assert!(answer.text().contains("sunny"), "{}", answer.text());
            let (_, upstream) = sent(&lab).pop().unwrap();
            let kinds: Vec<&str> = upstream["input"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["type"].as_str().unwrap_or("message"))
                .collect();
            assert_eq!(
                kinds,
                [
                    "message",
                    "reasoning",
                    "function_call",
                    "function_call_output"
                ],
                "{keeps}"
            );
            let thought = &upstream["input"][1];
            assert!(thought["encrypted_content"].is_string(), "{thought}");
            assert!(thought.get("id").is_none(), "{thought}");
        }
    }
}

#[tokio::test]
async fn what_only_openai_can_read_goes_to_nobody_else() {
    let routes = "  both: [openai/gpt-5.6, anthropic/claude-haiku-4-5]";
    let lab = Lab::with("", routes).await;
    let mut body = forced("both");
    body.as_object_mut().unwrap().remove("reasoning_effort");
    let answer = lab.chat(&body).await;
    assert_eq!(
        answer.header("x-polyroute-api"),
        "responses",
        "{}",
        answer.text()
    );
    let said = message(&answer);
    let sealed = said["provider_blocks"][0]["block"]["encrypted_content"].clone();
    let id = said["tool_calls"][0]["id"].clone();
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(said);
    messages.push(json!({"role": "tool", "tool_call_id": id, "content": "sunny"}));
    body["tool_choice"] = json!("auto");
    lab.fault("openai", "status:500");
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("x-polyroute-provider"), "anthropic");
    assert_eq!(answer.header("x-polyroute-api"), "anthropic");
    let (_, upstream) = sent(&lab).pop().unwrap();
    assert!(!upstream.to_string().contains(sealed.as_str().unwrap()));
}

#[tokio::test]
async fn a_schema_and_a_picture_go_along() {
    let lab = Lab::start().await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
        "required": ["city"], "additionalProperties": false});
    let body = json!({
        "model": MODEL, "tools": tools(), "tool_choice": "none", "verbosity": "low",
        "response_format": {"type": "json_schema",
            "json_schema": {"name": "place", "strict": true, "schema": schema}},
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "Where is this?"},
            {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        ]}],
    });
    for body in [body.clone(), streamed(body)] {
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("x-polyroute-api"), "responses");
        let text = if body["stream"] == true {
            answer.streamed().0
        } else {
            answer.content()
        };
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(value["city"].is_string(), "{value}");
        let (_, upstream) = sent(&lab).pop().unwrap();
        assert_eq!(upstream["text"]["format"]["schema"], schema);
        assert_eq!(upstream["text"]["verbosity"], "low");
        assert_eq!(upstream["input"][0]["content"][1]["image_url"], PNG);
        assert_eq!(upstream["tools"][0]["strict"], false);
    }
}

#[tokio::test]
async fn section_12_failures_are_answered_elsewhere_or_told() {
    let routes = "  both: [openai/gpt-5.6, anthropic/claude-haiku-4-5]";
    let lab = Lab::with("", routes).await;
    let with_tools = |model| {
        with(
            ask(model, "echo: one two three four"),
            json!({"tools": tools(), "tool_choice": "none"}),
        )
    };
    for fault in [
        "status:500",
        "error_first_event",
        "garbage_json",
        "empty_body",
        "missing_finish",
    ] {
        lab.fault("openai", fault);
        for body in [with_tools("both"), streamed(with_tools("both"))] {
            if fault == "missing_finish" && body["stream"] == true {
                continue;
            }
            let answer = lab.chat(&body).await;
            assert_eq!(answer.status, StatusCode::OK, "{fault}: {}", answer.text());
            let answered = answer.header("x-polyroute-provider").to_owned();
            // In a whole answer an event fault changes nothing.
            assert!(
                answered == "anthropic" || body["stream"] != true,
                "{fault}: {answered}"
            );
        }
        lab.sim.clear_faults();
    }
    // After content: an error event, and no clean end.
    for (fault, code) in [
        ("error_after:8", "server_is_overloaded"),
        ("missing_finish", "upstream_truncated"),
    ] {
        lab.fault("openai", fault);
        let answer = lab.chat(&streamed(with_tools(MODEL))).await;
        assert_eq!(answer.status, StatusCode::OK, "{fault}: {}", answer.text());
        assert_eq!(answer.code(), code, "{fault}: {}", answer.text());
        assert!(!answer.text().contains("[DONE]"), "{fault}");
        assert!(answer.finishes().is_empty(), "{fault}");
        lab.sim.clear_faults();
    }
    // The provider says 400 to a model that it does not have, here as there a 404.
    let answer = lab.chat(&forced("openai/gpt-5.6-nowhere")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.text());
    assert_eq!(answer.code(), "model_not_found");
}
