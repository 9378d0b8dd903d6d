//! What most cases need: conversations with tools, what went upstream, and scripted answers.

use serde_json::{Map, Value, json};

use crate::support::{Answer, Lab, ask};

/// A request as a provider got it.
#[derive(Debug)]
pub struct Sent {
    pub provider: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
    pub text: String,
    pub status: Option<u16>,
}

/// All chat calls that went upstream, in order.
pub fn sent(lab: &Lab) -> Vec<Sent> {
    lab.sim
        .log_since(0)
        .into_iter()
        .filter(|entry| entry.method == "POST")
        .map(|entry| Sent {
            provider: entry.prefix.unwrap_or_default(),
            headers: entry.headers,
            body: serde_json::from_str(&entry.body).unwrap_or_default(),
            text: entry.body,
            status: entry.status,
        })
        .collect()
}

/// The latest call that went upstream.
pub fn last_sent(lab: &Lab) -> Sent {
    sent(lab).pop().unwrap()
}

/// Sends a request that must be answered with 200, and gives the answer with what was sent for it.
pub async fn passes(lab: &Lab, body: &Value) -> (Answer, Sent) {
    let answer = lab.chat(body).await;
    assert_eq!(answer.status, 200, "{}\nfor {body}", answer.text());
    let sent = last_sent(lab);
    assert_eq!(sent.status, Some(200), "{}", sent.text);
    (answer, sent)
}

/// Sends a request that must be refused with 400 before anything goes upstream.
pub async fn refused(lab: &Lab, body: &Value) -> Answer {
    let before = sent(lab).len();
    let answer = lab.chat(body).await;
    assert_eq!(answer.status, 400, "{}\nfor {body}", answer.text());
    assert_eq!(sent(lab).len(), before, "it was sent: {body}");
    answer
}

/// The request with one more member.
pub fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

/// A request with these messages.
pub fn talk(model: &str, messages: &[Value]) -> Value {
    json!({"model": model, "messages": messages})
}

/// The request, streamed.
pub fn streamed(body: Value) -> Value {
    with(body, "stream", json!(true))
}

/// A message with text.
pub fn say(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

/// A function tool with one string parameter.
pub fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {
        "name": name,
        "description": "Looks something up.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }})
}

/// A tool call of the history.
pub fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// An assistant message that makes these calls and says nothing.
pub fn calls(calls: &[Value]) -> Value {
    json!({"role": "assistant", "content": null, "tool_calls": calls})
}

/// The result of a call.
pub fn result(id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": text})
}

/// A question, one call to `get_weather` and its result.
pub fn tool_loop(model: &str, id: &str) -> Value {
    let messages = [
        say("user", "What about Rome?"),
        calls(&[call(id, "get_weather", "{\"city\":\"Rome\"}")]),
        result(id, "sunny"),
    ];
    with(
        talk(model, &messages),
        "tools",
        json!([tool("get_weather")]),
    )
}

/// A question with tools.
pub fn ask_tools(model: &str, text: &str, names: &[&str]) -> Value {
    let tools: Vec<Value> = names.iter().map(|name| tool(name)).collect();
    with(ask(model, text), "tools", json!(tools))
}

/// The message of a whole answer.
pub fn message(answer: &Answer) -> Value {
    answer.json()["choices"][0]["message"].clone()
}

/// What an SDK makes of the first choice of a stream: the message, and its finish reason. Lists
/// are put together by their `index`.
pub fn folded(answer: &Answer) -> (Value, Option<String>) {
    let mut message = Map::new();
    let mut finish = None;
    for data in answer.events() {
        let Ok(chunk) = serde_json::from_str::<Value>(&data) else {
            continue;
        };
        let Some(choice) = chunk.pointer("/choices/0") else {
            continue;
        };
        if choice["index"] != 0 {
            continue;
        }
        if let Some(delta) = choice["delta"].as_object() {
            merge(&mut message, delta);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            finish = Some(reason.to_owned());
        }
    }
    for key in ["tool_calls", "provider_blocks"] {
        for entry in message
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if key == "tool_calls" {
                entry.as_object_mut().unwrap().remove("index");
            }
        }
    }
    (Value::Object(message), finish)
}

fn merge(into: &mut Map<String, Value>, delta: &Map<String, Value>) {
    for (key, value) in delta {
        match (into.get_mut(key), value) {
            (Some(Value::String(text)), Value::String(more)) if key != "role" && key != "id" => {
                text.push_str(more);
            }
            (Some(Value::Object(known)), Value::Object(more)) => merge(known, more),
            (Some(Value::Array(list)), Value::Array(more)) => {
                for entry in more {
                    let same = list
                        .iter_mut()
                        .find(|known| known["index"] == entry["index"]);
                    match (same.and_then(Value::as_object_mut), entry.as_object()) {
                        (Some(known), Some(entry)) => merge(known, entry),
                        _ => list.push(entry.clone()),
                    }
                }
            }
            (_, Value::Null) => {}
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

/// The `error` object at the end of a stream.
pub fn last_error(answer: &Answer) -> Value {
    let last = answer.events().pop().unwrap_or_default();
    serde_json::from_str::<Value>(&last).unwrap_or_default()["error"].clone()
}

/// Queues one whole JSON answer of a provider.
pub fn script_json(lab: &Lab, provider: &str, body: Value) {
    let script = json!({"match": {"prefix": provider}, "replies": [{"json": {"body": body}}]});
    lab.sim.add_script(serde_json::from_value(script).unwrap());
}

/// Queues one turn of a provider, rendered in its dialect.
pub fn script_turn(lab: &Lab, provider: &str, turn: Value) {
    let script = json!({"match": {"prefix": provider}, "replies": [{"turn": turn}]});
    lab.sim.add_script(serde_json::from_value(script).unwrap());
}

/// Queues one stream of a provider: raw text, each piece some time after the one before it.
pub fn script_sse(lab: &Lab, provider: &str, pieces: &[String]) {
    let chunks: Vec<Value> = pieces
        .iter()
        .map(|piece| json!({"data": piece, "wait_ms": 30}))
        .collect();
    let script = json!({"match": {"prefix": provider}, "replies": [{"sse": chunks}]});
    lab.sim.add_script(serde_json::from_value(script).unwrap());
}

/// Events of Anthropic's stream as text.
pub fn anthropic_events(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        })
        .collect()
}

/// Events without names, as OpenAI and Gemini send them.
pub fn data_events(events: &[Value]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("data: {event}\n\n"))
        .collect()
}
