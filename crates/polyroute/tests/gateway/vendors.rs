//! What vendors of OpenAI's format do differently, end to end: the caller does not notice.

use serde_json::{Value, json};

use crate::support::{Answer, Lab, Plan, providers};

/// A lab with vendors beside the usual three.
async fn lab() -> Lab {
    let more = format!(
        "{}  groq: {{ base_url: \"$SIM/groq/openai/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         qwen: {{ base_url: \"$SIM/qwen/compatible-mode/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         together: {{ base_url: \"$SIM/together/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         openrouter: {{ base_url: \"$SIM/openrouter/api/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         perplexity: {{ base_url: \"$SIM/perplexity\", credentials: [\"${{KEY}}\"] }}\n  \
         vllm: {{ base_url: \"$SIM/vllm/v1\", think_tags: opened }}\n",
        providers("$SIM")
    );
    Lab::build(Plan {
        more: &more,
        ..Plan::default()
    })
    .await
}

fn ask(model: &str, more: &Value) -> Value {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "How warm is it in Oslo? Answer as JSON."}]});
    let all = body.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    body
}

/// The last body that the simulator was sent.
fn sent(lab: &Lab) -> Value {
    serde_json::from_str(&lab.attempts().last().unwrap().body).unwrap()
}

/// wire-protocols §15: Qwen's thinking models answer in streams only.
#[tokio::test]
async fn section_15_qwen_is_asked_for_a_stream_and_the_answer_is_folded() {
    let lab = lab().await;
    let asked = json!({"reasoning_effort": "low"});
    let answer = lab.chat(&ask("qwen/qwen-plus", &asked)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sent(&lab)["stream"], true);
    assert_eq!(sent(&lab)["enable_thinking"], true);
    let body = answer.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert!(
        !body["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .is_empty()
    );
    assert!(
        body["usage"]["completion_tokens"].as_u64().unwrap() > 0,
        "{body}"
    );
    let record = lab.record(&answer).await;
    assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
}

/// wire-protocols §8.2: Groq does not stream answers of a schema.
#[tokio::test]
async fn section_8_2_groq_is_asked_for_a_whole_answer_and_it_is_replayed() {
    let lab = lab().await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false});
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}, "response_format":
        {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": schema}}});
    let answer = lab.chat(&ask("groq/openai/gpt-oss-120b", &asked)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(sent(&lab).get("stream").is_none(), "{}", sent(&lab));
    let (text, done) = answer.streamed();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert!(value["city"].is_string() && done);
    assert_eq!(answer.finishes(), ["stop"]);
    assert!(answer.text().contains("\"usage\":{"));
}

/// wire-protocols §11.1 and §12.1: finish words of a vendor's own, and finish reasons said twice.
#[tokio::test]
async fn section_11_1_finish_reasons_are_openais_and_said_once() {
    let lab = lab().await;
    for model in [
        "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
        "openrouter/openai/gpt-4o-mini",
    ] {
        let whole = lab.chat(&ask(model, &json!({}))).await;
        assert_eq!(
            whole.json()["choices"][0]["finish_reason"],
            "stop",
            "{model}"
        );
        let streamed = lab.chat(&ask(model, &json!({"stream": true}))).await;
        assert_eq!(streamed.finishes(), ["stop"], "{model} {}", streamed.text());
    }
}

/// What a caller is told of the model's thinking, and what it says.
fn thought_and_said(answer: &Answer) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Ok(whole) = serde_json::from_slice::<Value>(&answer.body) {
        let message = &whole["choices"][0]["message"];
        return (
            text(&message["reasoning_content"]),
            text(&message["content"]),
        );
    }
    let (mut thought, mut said) = (String::new(), String::new());
    for event in answer.events() {
        let chunk: Value = serde_json::from_str(&event).unwrap_or_default();
        let delta = &chunk["choices"][0]["delta"];
        thought += &text(&delta["reasoning_content"]);
        said += &text(&delta["content"]);
    }
    (thought, said)
}

/// wire-protocols §9: reasoning that a provider leaves in the text is reasoning to the caller, whole
/// and streamed alike.
#[tokio::test]
async fn section_9_thoughts_in_tags_are_no_content() {
    let lab = lab().await;
    let asked = json!({"messages": [{"role": "user", "content": "echo: warm"}]});
    let whole = lab
        .chat(&ask("perplexity/sonar-reasoning-pro", &asked))
        .await;
    let (thought, said) = thought_and_said(&whole);
    assert!(!thought.trim().is_empty(), "{}", whole.text());
    assert_eq!(said.trim(), "warm");
    let mut asked = asked;
    asked["stream"] = json!(true);
    let streamed = lab
        .chat(&ask("perplexity/sonar-reasoning-pro", &asked))
        .await;
    assert_eq!(thought_and_said(&streamed), (thought, said));
    assert!(!streamed.text().contains("think>"), "{}", streamed.text());
    // A local server whose template opens the thought in the prompt, as its operator says.
    let text = "Let me see.</think>Yes.";
    let chunk = |text: &str, finish: Value| {
        let body = json!({"id": "a", "object": "chat.completion.chunk", "created": 7, "model": "m",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]});
        format!("data: {body}\n\n")
    };
    let reply = json!({"id": "a", "object": "chat.completion", "created": 7, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}]});
    let pieces = [
        chunk("Let me see.</", Value::Null),
        chunk("thi", Value::Null),
        chunk("nk>Ye", Value::Null),
        chunk("s.", json!("stop")),
        "data: [DONE]\n\n".to_owned(),
    ];
    let pair = ("Let me see.".to_owned(), "Yes.".to_owned());
    for (stream, reply) in [
        (false, json!({"json": {"status": 200, "body": reply}})),
        (
            true,
            json!({"sse": pieces.map(|piece| json!({"data": piece}))}),
        ),
    ] {
        let script = json!({"match": {"prefix": "vllm"}, "replies": [reply]});
        lab.sim.add_script(serde_json::from_value(script).unwrap());
        let answer = lab
            .chat(&ask("vllm/Qwen/Qwen3-32B", &json!({ "stream": stream })))
            .await;
        assert_eq!(thought_and_said(&answer), pair, "{}", answer.text());
    }
}

/// wire-protocols §8.1: Groq enforces closed schemas only; another one is checked here, and what fits
/// is the answer.
#[tokio::test]
async fn section_8_1_groq_takes_every_strict_schema() {
    let lab = lab().await;
    let open = json!({"type": "object", "properties": {"city": {"type": "string"}, "note": {"type": "string"}}, "required": ["city"]});
    let unclosed = json!({"type": "object", "properties": {"city": {"type": "string", "minLength": 1}}, "required": ["city"]});
    for (schema, strict) in [(open, false), (unclosed, true)] {
        let asked = json!({"response_format":
            {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": schema}}});
        let answer = lab.chat(&ask("groq/openai/gpt-oss-120b", &asked)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let named = sent(&lab)["response_format"]["json_schema"].clone();
        assert_eq!(named["strict"], strict, "{named}");
        let value: Value = serde_json::from_str(&answer.content()).unwrap();
        assert!(value["city"].is_string(), "{value}");
    }
}

/// wire-protocols §10: a search is done or refused; another target may do it.
#[tokio::test]
async fn section_10_a_search_goes_where_it_can_be_done() {
    let lab = lab().await;
    let asked = json!({"web_search_options": {}});
    let answer = lab.chat(&ask("perplexity/sonar", &asked)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sent(&lab)["web_search_options"], json!({}));
    let answer = lab.chat(&ask("qwen/qwen-plus", &asked)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sent(&lab)["enable_search"], true);
    let refused = lab.chat(&ask("groq/llama-3.3-70b-versatile", &asked)).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert_eq!(refused.json()["error"]["param"], "web_search_options");
}

/// wire-protocols §15: a schema at OpenRouter goes to hosts that know schemas, and its id is kept.
#[tokio::test]
async fn section_15_openrouter_is_held_to_a_schema() {
    let lab = lab().await;
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false});
    let asked = json!({"provider": {"sort": "price"}, "response_format":
        {"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": schema}}});
    let answer = lab
        .chat(&ask("openrouter/openai/gpt-4o-mini", &asked))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        sent(&lab)["provider"],
        json!({"sort": "price", "require_parameters": true})
    );
    let record = lab.record(&answer).await;
    let id = record["attempts"][0]["upstream_request_id"].as_str();
    assert!(id.is_some_and(|id| id.starts_with("gen-")), "{record}");
}
