//! What vendors of OpenAI's format do differently, end to end: the caller does not notice.

use serde_json::{Value, json};

use crate::support::{Lab, Plan, providers};

/// A lab with vendors beside the usual three.
async fn lab() -> Lab {
    let more = format!(
        "{}  groq: {{ base_url: \"$SIM/groq/openai/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         qwen: {{ base_url: \"$SIM/qwen/compatible-mode/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         together: {{ base_url: \"$SIM/together/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         openrouter: {{ base_url: \"$SIM/openrouter/api/v1\", credentials: [\"${{KEY}}\"] }}\n",
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
