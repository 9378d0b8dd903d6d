//! What the demo's application asks for, and what goes wrong meanwhile.

use std::net::SocketAddr;

use polyroute_sim::Sim;
use serde_json::{Value, json};

use crate::cli::client::{self, Seen};

/// One request and what came of it.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) model: String,
    pub(super) seen: Seen,
    /// Another target than the first one answered.
    pub(super) fell_back: bool,
    pub(super) ok: bool,
}

const MODELS: [&str; 3] = [
    "openai/gpt-4o-mini",
    "anthropic/claude-haiku-4-5",
    "gemini/gemini-2.5-flash",
];

/// Plays all scenes; `each` sees every row as it happens.
pub(super) async fn play(
    sim: &Sim,
    gateway: SocketAddr,
    each: impl Fn(&Row),
) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (what, more) in [
        ("a question", json!({})),
        (
            "the same, streamed",
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        ),
        (
            "a tool call",
            json!({"tools": [weather()], "tool_choice": "required"}),
        ),
        (
            "an answer by JSON schema",
            json!({"response_format": schema()}),
        ),
    ] {
        for model in MODELS {
            rows.push(scene(gateway, what, model, &more, None).await?);
            rows.last().into_iter().for_each(&each);
        }
    }
    let down = [
        (
            "OpenAI resets connections",
            "reset_before_headers",
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        ),
        (
            "OpenAI falls silent",
            "head_then_hang",
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        ),
        ("OpenAI says 429", "status:429", json!({})),
    ];
    for (what, fault, more) in down {
        sim.add_fault(serde_json::from_value(
            json!({"match": {"prefix": "openai"}, "fault": fault}),
        )?);
        rows.push(scene(gateway, what, "chat", &more, Some("openai")).await?);
        rows.last().into_iter().for_each(&each);
        sim.clear_faults();
    }
    let embedding = json!({"model": "openai/text-embedding-3-small", "input": "Hello"});
    let seen = client::send(gateway, "/v1/embeddings", &embedding).await?;
    let row = Row {
        what: "an embedding",
        model: "openai/text-embedding-3-small".to_owned(),
        ok: seen.status == 200,
        seen,
        fell_back: false,
    };
    each(&row);
    rows.push(row);
    Ok(rows)
}

async fn scene(
    gateway: SocketAddr,
    what: &'static str,
    model: &str,
    more: &Value,
    down: Option<&str>,
) -> anyhow::Result<Row> {
    let mut body = json!({
        "model": model,
        "messages": [
            {"role": "system", "content": "You are brief."},
            {"role": "user", "content": "What is the weather in Oslo today?"},
        ],
    });
    if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
        body.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    let seen = client::send(gateway, "/v1/chat/completions", &body).await?;
    let fell_back = down.is_some_and(|down| seen.provider != down);
    let ok =
        seen.status == 200 && seen.whole && !seen.text.is_empty() && fell_back == down.is_some();
    Ok(Row {
        what,
        model: model.to_owned(),
        seen,
        fell_back,
        ok,
    })
}

fn weather() -> Value {
    json!({"type": "function", "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false},
    }})
}

fn schema() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "weather", "strict": true, "schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "celsius": {"type": "integer"}},
        "required": ["city", "celsius"],
        "additionalProperties": false,
    }}})
}
