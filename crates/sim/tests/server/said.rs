//! Reads an answer of any dialect, whole or streamed, into what was said. Written for the tests
//! alone, from the wire formats' descriptions, so that it shares no mistake with the simulator.

use polyroute_sim::models::Dialect;
use serde_json::{Value, json};

use crate::client::{Answer, frames};

/// What an answer says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    pub text: String,
    pub thinking: String,
    pub signed: bool,
    /// Names and arguments.
    pub calls: Vec<(String, Value)>,
    pub ids: Vec<String>,
    pub finish: String,
    /// Input, cached, output, thinking, in the dialect's own arithmetic.
    pub usage: [u64; 4],
}

pub fn said(dialect: Dialect, stream: bool, answer: &Answer) -> Said {
    assert_eq!(answer.status, 200, "{}", answer.text());
    match (dialect, stream) {
        (Dialect::Openai, false) => openai(&answer.json()),
        (Dialect::Openai, true) => openai_stream(answer),
        (Dialect::Anthropic, false) => anthropic(&answer.json()),
        (Dialect::Anthropic, true) => anthropic_stream(answer),
        (Dialect::Cohere, false) => cohere(&answer.json()),
        (Dialect::Cohere, true) => cohere_stream(answer),
        (Dialect::Gemini, false) => gemini(&[answer.json()]),
        (Dialect::Gemini, true) => gemini(&answer.event_values()),
        (Dialect::Bedrock, false) => bedrock(&answer.json()),
        (Dialect::Bedrock, true) => bedrock_stream(answer),
    }
}

fn count(usage: &Value, path: &str) -> u64 {
    usage.pointer(path).and_then(Value::as_u64).unwrap_or(0)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn cohere_usage(usage: &Value) -> [u64; 4] {
    assert!(count(usage, "/billed_units/input_tokens") < count(usage, "/tokens/input_tokens"));
    [
        count(usage, "/billed_units/input_tokens"),
        count(usage, "/cached_tokens"),
        count(usage, "/tokens/output_tokens"),
        count(usage, "/tokens/reasoning_tokens"),
    ]
}

fn cohere(body: &Value) -> Said {
    let message = &body["message"];
    let mut said = Said {
        finish: string(&body["finish_reason"]),
        usage: cohere_usage(&body["usage"]),
        ..Said::default()
    };
    for item in message["content"].as_array().into_iter().flatten() {
        said.text.push_str(&string(&item["text"]));
    }
    said.ids.push(string(&body["id"]));
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        assert!(message["tool_plan"].is_string(), "calls come with a plan");
        said.ids.push(string(&call["id"]));
        let arguments = string(&call["function"]["arguments"]);
        let arguments = serde_json::from_str(&arguments).unwrap();
        said.calls
            .push((string(&call["function"]["name"]), arguments));
    }
    said
}

/// The whole answer that the events of a stream make up.
fn cohere_stream(answer: &Answer) -> Said {
    assert!(answer.text().ends_with("data: [DONE]\n\n"));
    let mut whole = json!({"message": {"content": [], "tool_calls": [], "tool_plan": ""}});
    let add = |text: &mut Value, more: &Value| *text = json!(string(text) + &string(more));
    for event in answer.event_values() {
        let at = usize::try_from(event["index"].as_u64().unwrap_or(0)).unwrap();
        let said = &event["delta"]["message"];
        match event["type"].as_str().unwrap_or_default() {
            "message-start" => whole["id"] = event["id"].clone(),
            "content-start" => {
                let items = whole["message"]["content"].as_array_mut().unwrap();
                assert_eq!(items.len(), at);
                items.push(said["content"].clone());
            }
            "content-delta" => {
                let item = &mut whole["message"]["content"][at];
                let kind = string(&item["type"]);
                add(&mut item[kind.as_str()], &said["content"][kind.as_str()]);
            }
            "tool-plan-delta" => add(&mut whole["message"]["tool_plan"], &said["tool_plan"]),
            "tool-call-start" => {
                let calls = whole["message"]["tool_calls"].as_array_mut().unwrap();
                assert_eq!(calls.len(), at);
                calls.push(said["tool_calls"].clone());
            }
            "tool-call-delta" => add(
                &mut whole["message"]["tool_calls"][at]["function"]["arguments"],
                &said["tool_calls"]["function"]["arguments"],
            ),
            "message-end" => {
                whole["finish_reason"] = event["delta"]["finish_reason"].clone();
                whole["usage"] = event["delta"]["usage"].clone();
            }
            "content-end" | "tool-call-end" => {}
            other => panic!("no event of a stream: {other}"),
        }
    }
    cohere(&whole)
}

fn openai_usage(usage: &Value) -> [u64; 4] {
    [
        count(usage, "/prompt_tokens"),
        count(usage, "/prompt_tokens_details/cached_tokens"),
        count(usage, "/completion_tokens"),
        count(usage, "/completion_tokens_details/reasoning_tokens"),
    ]
}

fn openai(body: &Value) -> Said {
    assert_eq!(body["object"], "chat.completion");
    let choice = &body["choices"][0];
    let mut said = Said {
        text: string(&choice["message"]["content"]),
        finish: string(&choice["finish_reason"]),
        usage: openai_usage(&body["usage"]),
        ..Said::default()
    };
    for call in choice["message"]["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let function = &call["function"];
        let arguments = serde_json::from_str(function["arguments"].as_str().unwrap()).unwrap();
        said.calls.push((string(&function["name"]), arguments));
        said.ids.push(string(&call["id"]));
    }
    said
}

fn openai_stream(answer: &Answer) -> Said {
    assert_eq!(answer.events().last().map(String::as_str), Some("[DONE]"));
    let mut said = Said::default();
    let mut arguments: Vec<String> = Vec::new();
    for chunk in answer.event_values() {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        if chunk["usage"].is_object() {
            said.usage = openai_usage(&chunk["usage"]);
        }
        let Some(choice) = chunk["choices"].get(0) else {
            continue;
        };
        said.text
            .push_str(choice["delta"]["content"].as_str().unwrap_or(""));
        if let Some(finish) = choice["finish_reason"].as_str() {
            said.finish = finish.to_owned();
        }
        for call in choice["delta"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if let Some(id) = call["id"].as_str() {
                assert_eq!(at, arguments.len(), "a new id means the next index");
                said.ids.push(id.to_owned());
                said.calls
                    .push((string(&call["function"]["name"]), Value::Null));
                arguments.push(String::new());
            }
            arguments[at].push_str(call["function"]["arguments"].as_str().unwrap());
        }
    }
    for (call, text) in said.calls.iter_mut().zip(&arguments) {
        call.1 = serde_json::from_str(text).unwrap();
    }
    said
}

fn anthropic_usage(usage: &Value) -> [u64; 4] {
    [
        count(usage, "/input_tokens"),
        count(usage, "/cache_read_input_tokens"),
        count(usage, "/output_tokens"),
        count(usage, "/output_tokens_details/thinking_tokens"),
    ]
}

fn anthropic(body: &Value) -> Said {
    assert_eq!(body["type"], "message");
    let mut said = Said {
        finish: string(&body["stop_reason"]),
        usage: anthropic_usage(&body["usage"]),
        ..Said::default()
    };
    for block in body["content"].as_array().unwrap() {
        match block["type"].as_str().unwrap() {
            "text" => said.text.push_str(block["text"].as_str().unwrap()),
            "thinking" => {
                said.thinking.push_str(block["thinking"].as_str().unwrap());
                said.signed = !string(&block["signature"]).is_empty();
            }
            "tool_use" => {
                said.calls
                    .push((string(&block["name"]), block["input"].clone()));
                said.ids.push(string(&block["id"]));
            }
            other => panic!("{other}"),
        }
    }
    said
}

/// Folds the events back into a message, holding them to the order that the SDKs rely on.
fn anthropic_stream(answer: &Answer) -> Said {
    let events = answer.event_values();
    assert_eq!(events[0]["type"], "message_start");
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    let mut message = events[0]["message"].clone();
    assert_eq!(message["stop_reason"], Value::Null);
    let mut open: Option<(Value, String)> = None;
    for event in &events[1..events.len() - 1] {
        match event["type"].as_str().unwrap() {
            "ping" => {}
            "content_block_start" => {
                assert!(open.is_none(), "one block open at a time");
                assert_eq!(event["index"], message["content"].as_array().unwrap().len());
                open = Some((event["content_block"].clone(), String::new()));
            }
            "content_block_delta" => {
                let (block, arguments) = open.as_mut().expect("a block is open");
                let delta = &event["delta"];
                let add = |block: &mut Value, key: &str| {
                    let text = string(&block[key]) + delta[key].as_str().unwrap();
                    block[key] = json!(text);
                };
                match delta["type"].as_str().unwrap() {
                    "text_delta" => add(block, "text"),
                    "thinking_delta" => add(block, "thinking"),
                    "signature_delta" => add(block, "signature"),
                    "input_json_delta" => {
                        arguments.push_str(delta["partial_json"].as_str().unwrap())
                    }
                    other => panic!("{other}"),
                }
            }
            "content_block_stop" => {
                let (mut block, arguments) = open.take().expect("a block is open");
                if block["type"] == "tool_use" && !arguments.is_empty() {
                    block["input"] = serde_json::from_str(&arguments).unwrap();
                }
                message["content"].as_array_mut().unwrap().push(block);
            }
            "message_delta" => {
                message["stop_reason"] = event["delta"]["stop_reason"].clone();
                message["usage"] = event["usage"].clone();
            }
            other => panic!("{other}"),
        }
    }
    assert!(open.is_none());
    anthropic(&message)
}

fn bedrock(body: &Value) -> Said {
    let usage = &body["usage"];
    let mut said = Said {
        finish: string(&body["stopReason"]),
        usage: [
            count(usage, "/inputTokens"),
            count(usage, "/cacheReadInputTokens"),
            count(usage, "/outputTokens"),
            0,
        ],
        ..Said::default()
    };
    let written = count(usage, "/cacheWriteInputTokens");
    let sum = said.usage[0] + said.usage[1] + written + said.usage[2];
    assert_eq!(count(usage, "/totalTokens"), sum);
    for block in body["output"]["message"]["content"].as_array().unwrap() {
        let (kind, block) = block.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "text" => said.text.push_str(block.as_str().unwrap()),
            "reasoningContent" => {
                let thought = &block["reasoningText"];
                said.thinking.push_str(thought["text"].as_str().unwrap());
                said.signed = !string(&thought["signature"]).is_empty();
            }
            "toolUse" => {
                said.calls
                    .push((string(&block["name"]), block["input"].clone()));
                said.ids.push(string(&block["toolUseId"]));
            }
            other => panic!("{other}"),
        }
    }
    said
}

/// Folds the events back into an answer, holding them to their order.
fn bedrock_stream(answer: &Answer) -> Said {
    let frames = frames(&answer.body);
    let names: Vec<&str> = frames
        .iter()
        .map(|frame| {
            let header = |name: &str| {
                let found = frame.headers.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.as_str()).unwrap_or_default()
            };
            assert_eq!(header(":message-type"), "event");
            assert_eq!(header(":content-type"), "application/json");
            header(":event-type")
        })
        .collect();
    assert_eq!(names.first(), Some(&"messageStart"));
    assert_eq!(names[names.len() - 2..], ["messageStop", "metadata"]);
    let mut content: Vec<Value> = Vec::new();
    let mut open: Option<(Value, String)> = None;
    for (name, frame) in names.iter().zip(&frames) {
        assert!(frame.value["p"].is_string(), "padding");
        match *name {
            "contentBlockStart" => {
                assert!(open.is_none(), "one block open at a time");
                open = Some((frame.value["start"].clone(), String::new()));
            }
            "contentBlockDelta" => {
                assert_eq!(frame.value["contentBlockIndex"], content.len());
                let delta = &frame.value["delta"];
                let (block, arguments) = open.get_or_insert_with(|| (json!({}), String::new()));
                if let Some(piece) = delta["toolUse"]["input"].as_str() {
                    arguments.push_str(piece);
                } else if let Some(piece) = delta["text"].as_str() {
                    block["text"] = json!(string(&block["text"]) + piece);
                } else {
                    let thought = &mut block["reasoningContent"]["reasoningText"];
                    for (key, piece) in delta["reasoningContent"].as_object().unwrap() {
                        let whole = string(&thought[key]) + piece.as_str().unwrap();
                        thought[key] = json!(whole);
                    }
                }
            }
            "contentBlockStop" => {
                let (mut block, arguments) = open.take().expect("a block is open");
                if block["toolUse"].is_object() {
                    block["toolUse"]["input"] = serde_json::from_str(&arguments).unwrap();
                }
                content.push(block);
            }
            _ => {}
        }
    }
    let stop = &frames[frames.len() - 2].value;
    let counts = &frames[frames.len() - 1].value;
    bedrock(&json!({
        "output": {"message": {"content": content}},
        "stopReason": stop["stopReason"],
        "usage": counts["usage"],
    }))
}

fn gemini(chunks: &[Value]) -> Said {
    let mut said = Said::default();
    for chunk in chunks {
        let usage = &chunk["usageMetadata"];
        said.usage = [
            count(usage, "/promptTokenCount"),
            count(usage, "/cachedContentTokenCount"),
            count(usage, "/candidatesTokenCount"),
            count(usage, "/thoughtsTokenCount"),
        ];
        let sum = said.usage[0] + said.usage[2] + said.usage[3];
        assert_eq!(count(usage, "/totalTokenCount"), sum);
        let candidate = &chunk["candidates"][0];
        assert!(
            said.finish.is_empty(),
            "the reason is on the last chunk only"
        );
        said.finish = string(&candidate["finishReason"]);
        for part in candidate["content"]["parts"]
            .as_array()
            .into_iter()
            .flatten()
        {
            said.signed |= part["thoughtSignature"].is_string();
            match (part["text"].as_str(), part["thought"] == true) {
                (Some(text), true) => said.thinking.push_str(text),
                (Some(text), false) => said.text.push_str(text),
                (None, _) => {
                    let call = &part["functionCall"];
                    said.calls
                        .push((string(&call["name"]), call["args"].clone()));
                }
            }
        }
    }
    said
}
