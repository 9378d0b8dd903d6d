//! Ollama's own API behind the OpenAI shape.

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Lab, Plan, ask, ask_streamed, providers};

const MODEL: &str = "ollama/llama3.1";
const THINKER: &str = "ollama/qwen3";
const SEER: &str = "ollama/gemma3";
/// A picture of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A lab with Ollama, whose section has more keys, beside the usual three.
async fn lab_with(keys: &str) -> Lab {
    let more = format!(
        "{}  ollama: {{ base_url: \"$SIM/ollama\"{keys} }}\n  \
         compatible: {{ kind: ollama, base_url: \"$SIM/ollama/v1\"{keys} }}\n",
        providers("$SIM")
    );
    Lab::build(Plan {
        more: &more,
        routes: "  local: [ollama/llama3, openai/gpt-4o-mini]\n",
        ..Plan::default()
    })
    .await
}

async fn lab() -> Lab {
    lab_with("").await
}

/// The last body that the simulator was sent.
fn sent(lab: &Lab) -> Value {
    serde_json::from_str(&lab.attempts().last().unwrap().body).unwrap()
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "Looks it up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
            "required": ["city"]}}})
}

fn with(mut body: Value, more: &Value) -> Value {
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn text_whole_and_streamed_with_its_record() {
    let lab = lab().await;
    let body = with(
        ask(MODEL, "echo: déjà vu 😀"),
        &json!({"temperature": 0.5, "top_k": 5, "max_tokens": 50, "user": "u",
            "keep_alive": "10m"}),
    );
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.content(), "déjà vu 😀");
    assert_eq!(answer.header("x-polyroute-dropped-params"), "user");
    assert_eq!(
        sent(&lab),
        json!({"model": "llama3.1", "stream": false, "truncate": false, "shift": false,
            "messages": [{"role": "user", "content": "echo: déjà vu 😀"}], "keep_alive": "10m",
            "options": {"num_predict": 50, "temperature": 0.5, "top_k": 5}})
    );
    let whole = answer.json();
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    assert!(whole["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
    assert!(whole["created"].as_i64().unwrap() > 1_700_000_000);
    let record = lab.record(&answer).await;
    assert_eq!(
        (&record["end"], &record["tokens"]["provenance"]),
        (&json!("complete"), &json!("reported"))
    );

    let mut body = ask_streamed(MODEL, "echo: déjà vu 😀");
    body["stream_options"] = json!({"include_usage": true});
    let answer = lab.chat(&body).await;
    assert_eq!(answer.streamed(), ("déjà vu 😀".to_owned(), true));
    assert_eq!(answer.finishes(), ["stop"]);
    assert!(answer.text().contains("\"usage\":{"));
    assert_eq!(lab.attempts().last().unwrap().path, "/ollama/api/chat");
    assert_eq!(lab.record(&answer).await["end"], "complete");
}

#[tokio::test]
async fn thinking_is_asked_for_and_shown() {
    let lab = lab().await;
    for (effort, think) in [("high", true), ("none", false)] {
        let body = with(
            ask(THINKER, "echo: yes"),
            &json!({"reasoning_effort": effort}),
        );
        let answer = lab.chat(&body).await;
        assert_eq!(answer.content(), "yes", "{}", answer.text());
        assert_eq!(sent(&lab)["think"], think);
        let thought = answer.json()["choices"][0]["message"]["reasoning_content"].is_string();
        assert_eq!(thought, think, "{}", answer.text());
    }
    let streamed = lab
        .chat(&with(ask_streamed(THINKER, "echo: yes"), &json!({})))
        .await;
    assert!(
        streamed.text().contains("\"reasoning_content\":"),
        "{}",
        streamed.text()
    );
    let levelled = with(
        ask("ollama/gpt-oss:20b", "echo: yes"),
        &json!({"reasoning_effort": "minimal"}),
    );
    let answer = lab.chat(&levelled).await;
    assert_eq!(
        (answer.content().as_str(), &sent(&lab)["think"]),
        ("yes", &json!("low"))
    );
    assert_eq!(
        answer.header("x-polyroute-changed-params"),
        "reasoning_effort=low"
    );
}

#[tokio::test]
async fn tools_single_parallel_and_their_results() {
    let lab = lab().await;
    for (text, count) in [
        ("call weather", 1),
        ("call weather and time.now in parallel", 2),
    ] {
        for stream in [false, true] {
            let body = with(
                ask(MODEL, text),
                &json!({"stream": stream,
                "tools": [tool("weather"), tool("time.now")]}),
            );
            let answer = lab.chat(&body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            if stream {
                assert_eq!(answer.finishes(), ["tool_calls"]);
                assert_eq!(answer.text().matches("\"id\":\"call_").count(), count);
                continue;
            }
            let whole = answer.json();
            let choice = &whole["choices"][0];
            assert_eq!(choice["finish_reason"], "tool_calls");
            let calls = choice["message"]["tool_calls"].as_array().unwrap();
            assert_eq!(calls.len(), count, "{whole}");
            let arguments: Value =
                serde_json::from_str(calls[0]["function"]["arguments"].as_str().unwrap()).unwrap();
            assert!(arguments["city"].is_string());
            let mut again = with(ask(MODEL, text), &json!({"tools": body["tools"]}));
            let messages = again["messages"].as_array_mut().unwrap();
            messages.push(choice["message"].clone());
            // The last first: they go out in the order of their calls.
            for (at, call) in calls.iter().enumerate().rev() {
                messages.push(json!({"role": "tool", "tool_call_id": call["id"],
                    "content": format!("result {at}")}));
            }
            let answer = lab.chat(&again).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            assert!(answer.content().contains("result 0"), "{}", answer.text());
            let messages = sent(&lab)["messages"].clone();
            assert_eq!(messages[2]["content"], "result 0");
            assert!(messages[1]["tool_calls"][0]["function"]["arguments"].is_object());
        }
    }
    let forced = with(
        ask(MODEL, "hi"),
        &json!({"tools": [tool("weather")],
        "tool_choice": "required"}),
    );
    let refused = lab.chat(&forced).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::BAD_REQUEST, "unsupported_parameter".to_owned())
    );
}

#[tokio::test]
async fn a_schema_is_the_format_and_a_picture_is_bare() {
    let lab = lab().await;
    let schema = json!({"type": "json_schema", "json_schema": {"name": "person", "strict": true,
        "schema": {"type": "object", "required": ["name", "age"], "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}}});
    for stream in [false, true] {
        let body = with(
            ask(MODEL, "A person"),
            &json!({"response_format": schema, "stream": stream}),
        );
        let answer = lab.chat(&body).await;
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
        assert_eq!(sent(&lab)["format"]["required"], json!(["name", "age"]));
    }
    let json = with(
        ask(MODEL, "A person as JSON"),
        &json!({"response_format": {"type": "json_object"}}),
    );
    let answer = lab.chat(&json).await;
    assert!(
        serde_json::from_str::<Value>(&answer.content())
            .unwrap()
            .is_object()
    );
    assert_eq!(sent(&lab)["format"], "json");

    let mut body = ask(SEER, "");
    let url = format!("data:image/png;base64,{PIXEL}");
    body["messages"][0]["content"] = json!([{"type": "text", "text": "echo: seen"},
        {"type": "image_url", "image_url": {"url": url}}]);
    let answer = lab.chat(&body).await;
    assert_eq!(answer.content(), "seen", "{}", answer.text());
    assert_eq!(sent(&lab)["messages"][0]["images"], json!([PIXEL]));
}

#[tokio::test]
async fn errors_are_told_as_what_they_are() {
    let lab = lab().await;
    let missing = lab.chat(&ask("ollama/nobody", "hi")).await;
    assert_eq!(missing.code(), "model_not_found", "{}", missing.text());
    assert!(missing.text().contains("model 'nobody' not found"));
    for (fault, status, code) in [
        ("status:503", 503, "server_is_overloaded"),
        ("status:500", 502, "upstream_error"),
    ] {
        lab.fault("ollama", fault);
        let answer = lab.chat(&ask(MODEL, "hi")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{}",
            answer.text()
        );
        lab.sim.clear_faults();
    }
    // Another provider answers in its place.
    lab.fault("ollama", "status:500");
    let answer = lab.chat(&ask("local", "echo: here")).await;
    assert_eq!(
        (
            answer.content().as_str(),
            answer.header("x-polyroute-provider")
        ),
        ("here", "openai")
    );
}

/// wire-protocols §12.1, §12.4: a stream without `done` and an error line are failures, and before
/// the first content another target answers.
#[tokio::test]
async fn section_12_a_broken_stream_is_never_success() {
    for fault in [
        "missing_finish",
        "error_after:4",
        "half_json",
        "cut:4:end",
        "cut:4:reset",
        "malformed_event:4",
    ] {
        let lab = lab().await;
        lab.fault("ollama", fault);
        let answer = lab.chat(&ask_streamed(MODEL, "words:40")).await;
        assert!(!answer.streamed().1, "{fault}: {}", answer.text());
        assert!(answer.finishes().is_empty(), "{fault}: {}", answer.text());
        assert!(!answer.code().is_empty(), "{fault}: {}", answer.text());
        let end = lab.record(&answer).await["end"].clone();
        assert!(
            end == "truncated" || end == "upstream_error",
            "{fault}: {end}"
        );
    }
    for fault in ["error_first_event", "cut:0:end", "garbage_json"] {
        let lab = lab().await;
        lab.fault("ollama", fault);
        let answer = lab.chat(&ask_streamed("local", "echo: here")).await;
        assert_eq!(answer.streamed(), ("here".to_owned(), true), "{fault}");
        assert_eq!(answer.header("x-polyroute-provider"), "openai", "{fault}");
    }
}

/// wire-protocols §15: the server would drop the head of a long prompt without a word.
#[tokio::test]
async fn section_15_a_long_prompt_is_read_whole_or_refused() {
    let lab = lab().await;
    // About 6,000 tokens: more than the 4,096 that the server takes by default.
    let long = format!("echo: kept {}", "word ".repeat(6_000));
    let answer = lab.chat(&ask("ollama/qwen3", &long)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let num_ctx = sent(&lab)["options"]["num_ctx"].as_u64().unwrap();
    let read = answer.json()["usage"]["prompt_tokens"].as_u64().unwrap();
    assert!(read > 6_000 && num_ctx > read, "{num_ctx} {read}");
    // The window of these weights is 8,192 tokens, and the server is told not to cut.
    let longer = "word ".repeat(12_000);
    let refused = lab.chat(&ask("ollama/llama3", &longer)).await;
    assert_eq!(
        refused.code(),
        "context_length_exceeded",
        "{}",
        refused.text()
    );
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    // A wider target takes it.
    let answer = lab.chat(&ask("local", &longer)).await;
    assert_eq!(
        answer.header("x-polyroute-provider"),
        "openai",
        "{}",
        answer.text()
    );
    // A context of the caller's that the prompt does not fit.
    let own = with(ask("ollama/qwen3", "echo: hi"), &json!({"num_ctx": 2}));
    let refused = lab.chat(&own).await;
    assert_eq!(
        refused.status,
        StatusCode::BAD_REQUEST,
        "{}",
        refused.text()
    );
}

#[tokio::test]
async fn section_15_the_operators_context_is_sent_and_kept() {
    let lab = lab_with(", num_ctx: 6000").await;
    assert_eq!(lab.chat(&ask(THINKER, "echo: a")).await.content(), "a");
    assert_eq!(sent(&lab)["options"]["num_ctx"], 6_000);
    let long = "word ".repeat(8_000);
    for model in [THINKER, "compatible/qwen3"] {
        let refused = lab.chat(&ask(model, &long)).await;
        assert_eq!(refused.code(), "context_length_exceeded", "{model}");
    }
    // A base URL that ends with /v1 is that of the compatible API.
    assert_eq!(
        lab.chat(&ask("compatible/qwen3", "echo: b"))
            .await
            .content(),
        "b"
    );
    assert_eq!(
        lab.attempts().last().unwrap().path,
        "/ollama/v1/chat/completions"
    );
}

#[tokio::test]
async fn embeddings_completions_and_the_list_of_models() {
    let lab = lab().await;
    let body = json!({"model": "ollama/nomic-embed-text", "input": ["a", "b"]});
    let answer = lab.post("/v1/embeddings", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(lab.attempts().last().unwrap().path, "/ollama/api/embed");
    let long = json!({"model": "ollama/nomic-embed-text", "input": ["word ".repeat(5_000)]});
    let refused = lab.post("/v1/embeddings", &long).await;
    assert_eq!(
        refused.code(),
        "context_length_exceeded",
        "{}",
        refused.text()
    );

    let body = json!({"model": MODEL, "prompt": "echo: go on", "max_tokens": 20});
    let answer = lab.post("/v1/completions", &body).await;
    assert_eq!(
        answer.json()["choices"][0]["text"],
        "go on",
        "{}",
        answer.text()
    );
    assert_eq!(lab.attempts().last().unwrap().path, "/ollama/api/chat");

    let listed = lab.get("/v1/models", &[]).await.json();
    let ids: Vec<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert!(ids.contains(&"ollama/qwen3"), "{ids:?}");
}
