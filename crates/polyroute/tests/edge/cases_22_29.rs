//! Opaque thinking, choices, and bytes cut in awkward places.

use serde_json::{Value, json};

use crate::kit::{
    anthropic_events, ask_tools, data_events, folded, message, passes, refused, result, say,
    script_json, script_sse, streamed, talk, tool, tool_loop, with,
};
use crate::support::{Answer, Lab, MODELS, ask, ask_streamed};

const OPENAI: &str = "openai/gpt-4o-mini";
const ANTHROPIC: &str = "anthropic/claude-haiku-4-5";
const THINKER: &str = "anthropic/claude-opus-5-5";
const GEMINI: &str = "gemini/gemini-2.5-flash";
const GEMINI_3: &str = "gemini/gemini-3-flash";
/// Stands for what only the issuer can read.
const SECRET: &str = "T3BhcXVlIHN0YXRlIG9mIHRoZSBpc3N1ZXI=";

/// A message that thinks in these blocks and then calls a tool.
fn anthropic_turn(thoughts: &[Value]) -> Vec<Value> {
    let call = json!({"type": "tool_use", "id": "toolu_01abc", "name": "get_weather",
        "input": {"city": "Rome"}});
    thoughts.iter().cloned().chain([call]).collect()
}

fn anthropic_body(content: &[Value]) -> Value {
    json!({"id": "msg_01", "type": "message", "role": "assistant", "model": "claude-opus-5-5",
        "content": content, "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 20, "output_tokens": 30}})
}

/// The same as the events of a stream.
fn anthropic_stream(content: &[Value]) -> Vec<String> {
    let mut opening = anthropic_body(&[]);
    opening["stop_reason"] = json!(null);
    let mut events = vec![json!({"type": "message_start", "message": opening})];
    for (index, block) in content.iter().enumerate() {
        let mut start = block.clone();
        let mut deltas = Vec::new();
        match block["type"].as_str().unwrap() {
            "thinking" => {
                start["signature"] = json!("");
                start["thinking"] = json!("");
                let thought = block["thinking"].as_str().unwrap();
                if !thought.is_empty() {
                    deltas.push(json!({"type": "thinking_delta", "thinking": thought}));
                }
                deltas.push(json!({"type": "signature_delta", "signature": block["signature"]}));
            }
            "tool_use" => {
                start["input"] = json!({});
                let text = block["input"].to_string();
                deltas.push(json!({"type": "input_json_delta", "partial_json": text}));
            }
            _ => {}
        }
        events.push(json!({"type": "content_block_start", "index": index, "content_block": start}));
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use",
        "stop_sequence": null}, "usage": {"output_tokens": 30}}),
    );
    events.push(json!({"type": "message_stop"}));
    anthropic_events(&events)
}

/// The assistant message as a client holds it that drops what it does not know.
fn forgetful(said: &Value) -> Value {
    json!({"role": "assistant", "content": said["content"], "tool_calls": said["tool_calls"]})
}

/// The conversation goes on: the message as it came, and the result of each of its calls.
fn goes_on(model: &str, said: &Value) -> Value {
    let mut messages = vec![say("user", "Weather?"), said.clone()];
    for call in said["tool_calls"].as_array().unwrap() {
        messages.push(result(call["id"].as_str().unwrap(), "sunny"));
    }
    with(
        talk(model, &messages),
        "tools",
        json!([tool("get_weather")]),
    )
}

fn said(answer: &Answer, stream: bool) -> Value {
    if stream {
        folded(answer).0
    } else {
        message(answer)
    }
}

/// Thinking of Claude's comes back to Claude as it was, whether the client keeps it or not, and to
/// nobody else.
async fn thinking_comes_back(thoughts: &[Value]) {
    let content = anthropic_turn(thoughts);
    for stream in [false, true] {
        let lab = Lab::start().await;
        if stream {
            script_sse(&lab, "anthropic", &anthropic_stream(&content));
        } else {
            script_json(&lab, "anthropic", anthropic_body(&content));
        }
        let mut first = ask_tools(THINKER, "Weather?", &["get_weather"]);
        first["reasoning_effort"] = json!("high");
        first["stream"] = json!(stream);
        let (answer, _) = passes(&lab, &first).await;
        let kept = said(&answer, stream);
        assert_eq!(kept["tool_calls"][0]["id"], "toolu_01abc", "{kept}");
        assert!(kept["provider_blocks"].to_string().contains(SECRET));
        for message in [kept.clone(), forgetful(&kept)] {
            let mut second = goes_on(THINKER, &message);
            second["reasoning_effort"] = json!("high");
            let (_, sent) = passes(&lab, &second).await;
            assert_eq!(
                sent.body["messages"][1]["content"],
                json!(content),
                "stream {stream}, client sent {message}"
            );
            for model in [OPENAI, GEMINI, GEMINI_3] {
                let (_, sent) = passes(&lab, &goes_on(model, &message)).await;
                assert!(!sent.text.contains(SECRET), "{model}: {}", sent.text);
                assert!(!sent.text.contains("redacted"), "{model}: {}", sent.text);
            }
        }
        // Another caller's memory is not ours: an unknown turn has no thoughts.
        let mut stranger = forgetful(&kept);
        stranger["tool_calls"][0]["id"] = json!("toolu_01other");
        let (_, sent) = passes(&lab, &goes_on(THINKER, &stranger)).await;
        assert!(!sent.text.contains(SECRET), "{}", sent.text);
    }
}

#[tokio::test]
async fn case_22_thinking_of_a_signature_only() {
    thinking_comes_back(&[json!({"type": "thinking", "thinking": "", "signature": SECRET})]).await;
    thinking_comes_back(&[
        json!({"type": "thinking", "thinking": "Rome, then.", "signature": SECRET}),
    ])
    .await;
    // Where the thoughts of a running tool loop are lost, a model that insists on them does not
    // think in this turn, and the caller is told.
    let lab = Lab::start().await;
    let body = with(
        tool_loop(ANTHROPIC, "toolu_01lost"),
        "reasoning_effort",
        json!("high"),
    );
    let (answer, sent) = passes(&lab, &body).await;
    assert_eq!(sent.body.get("thinking"), None);
    assert!(
        answer
            .header("x-polyroute-changed-params")
            .contains("reasoning_effort=none")
    );
}

#[tokio::test]
async fn case_23_redacted_thinking() {
    thinking_comes_back(&[
        json!({"type": "redacted_thinking", "data": SECRET}),
        json!({"type": "thinking", "thinking": "Rome.", "signature": "c2ln"}),
    ])
    .await;
}

#[tokio::test]
async fn case_24_parallel_calls_with_one_signature() {
    let parts = json!([
        {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}}, "thoughtSignature": SECRET},
        {"functionCall": {"name": "get_weather", "args": {"city": "Oslo"}}},
    ]);
    let body = json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP",
            "index": 0}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 8, "totalTokenCount": 18},
        "modelVersion": "gemini-3-flash", "responseId": "r1",
    });
    for stream in [false, true] {
        let lab = Lab::start().await;
        if stream {
            script_sse(&lab, "gemini", &data_events(std::slice::from_ref(&body)));
        } else {
            script_json(&lab, "gemini", body.clone());
        }
        let mut first = ask_tools(GEMINI_3, "Weather?", &["get_weather"]);
        first["stream"] = json!(stream);
        let (answer, _) = passes(&lab, &first).await;
        let kept = said(&answer, stream);
        let calls = kept["tool_calls"].as_array().unwrap();
        assert_eq!(calls.len(), 2, "{kept}");
        assert_ne!(calls[0]["id"], calls[1]["id"]);
        for message in [kept.clone(), forgetful(&kept)] {
            let (_, sent) = passes(&lab, &goes_on(GEMINI_3, &message)).await;
            assert_eq!(
                sent.body["contents"][1]["parts"], parts,
                "stream {stream}, client sent {message}"
            );
            for model in [OPENAI, ANTHROPIC] {
                let (_, sent) = passes(&lab, &goes_on(model, &message)).await;
                assert!(!sent.text.contains(SECRET), "{model}: {}", sent.text);
            }
        }
    }
    // A turn of another vendor's has no signature: the documented stand-in takes its place.
    let lab = Lab::start().await;
    let (_, sent) = passes(&lab, &tool_loop(GEMINI_3, "toolu_01abc")).await;
    let part = &sent.body["contents"][1]["parts"][0];
    assert_eq!(
        part["thoughtSignature"],
        "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
    );
    // Older models need none and get none.
    let (_, sent) = passes(&lab, &tool_loop(GEMINI, "toolu_01abc")).await;
    assert!(!sent.text.contains("thoughtSignature"), "{}", sent.text);
}

#[tokio::test]
async fn case_26_two_choices() {
    let lab = Lab::with(
        "",
        "  two: [anthropic/claude-haiku-4-5, openai/gpt-4o-mini]\n",
    )
    .await;
    for (provider, model) in [("openai", OPENAI), ("gemini", GEMINI)] {
        let body = with(ask(model, "Hello"), "n", json!(2));
        let (answer, sent) = passes(&lab, &body).await;
        let choices = answer.json()["choices"].as_array().unwrap().clone();
        let indexes: Vec<&Value> = choices.iter().map(|choice| &choice["index"]).collect();
        assert_eq!(indexes, [0, 1], "{provider}");
        if provider == "gemini" {
            assert_eq!(sent.body["generationConfig"]["candidateCount"], 2);
        }
        let (answer, _) = passes(&lab, &streamed(body)).await;
        for index in [0, 1] {
            let finished = answer.events().iter().any(|data| {
                let chunk: Value = serde_json::from_str(data).unwrap_or_default();
                chunk["choices"].as_array().is_some_and(|choices| {
                    choices
                        .iter()
                        .any(|choice| choice["index"] == index && choice["finish_reason"] == "stop")
                })
            });
            assert!(finished, "{provider} choice {index}: {}", answer.text());
        }
    }
    let body = with(ask(ANTHROPIC, "Hello"), "n", json!(2));
    let answer = refused(&lab, &body).await;
    assert_eq!(answer.code(), "unsupported_parameter");
    assert_eq!(answer.json()["error"]["param"], "n");
    // One choice is what it gives anyway.
    passes(&lab, &with(ask(ANTHROPIC, "Hello"), "n", json!(1))).await;
    // In a list, the target that can answers.
    let (answer, _) = passes(&lab, &with(ask("two", "Hello"), "n", json!(2))).await;
    assert_eq!(answer.header("x-polyroute-provider"), "openai");
}

#[tokio::test]
async fn case_27_stop_sequence_of_multibyte_characters() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for fault in [None, Some("one_byte_chunks")] {
            lab.sim.clear_faults();
            if let Some(fault) = fault {
                lab.fault(provider, fault);
            }
            for stop in [json!("é😀"), json!(["😀", "ß"])] {
                let body = with(
                    ask(model, "echo: naïve café😀 und mehr"),
                    "stop",
                    stop.clone(),
                );
                let expected = if stop.is_string() {
                    "naïve caf"
                } else {
                    "naïve café"
                };
                let (answer, _) = passes(&lab, &body).await;
                assert_eq!(answer.content(), expected, "{provider}");
                assert_eq!(answer.json()["choices"][0]["finish_reason"], "stop");
                if provider == "anthropic" {
                    let hit = &answer.json()["choices"][0]["stop_sequence"];
                    assert!(hit.is_string(), "{}", answer.text());
                }
                let (answer, _) = passes(&lab, &streamed(body)).await;
                assert_eq!(answer.streamed(), (expected.to_owned(), true), "{provider}");
                assert_eq!(folded(&answer).1.as_deref(), Some("stop"));
            }
        }
    }
}

#[tokio::test]
async fn case_28_emoji_split_across_reads() {
    const TEXT: &str = "👩‍👩‍👧‍👦 und 🇪🇺: größer ≠ kleiner, \u{fffd} \u{10ffff} 漢字";
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        lab.fault(provider, "one_byte_chunks");
        let asked = format!("echo: {TEXT}");
        let (answer, _) = passes(&lab, &ask_streamed(model, &asked)).await;
        assert_eq!(answer.streamed(), (TEXT.to_owned(), true), "{provider}");
        let (answer, _) = passes(&lab, &ask(model, &asked)).await;
        assert_eq!(answer.content(), TEXT, "{provider}");
        // Within the arguments of a call, too.
        let mut body = ask_tools(
            model,
            "get_weather {\"city\":\"Zürich 😀\"}",
            &["get_weather"],
        );
        body["stream"] = json!(true);
        let (answer, _) = passes(&lab, &body).await;
        let arguments = folded(&answer).0["tool_calls"][0]["function"]["arguments"].clone();
        let arguments: Value = serde_json::from_str(arguments.as_str().unwrap()).unwrap();
        assert_eq!(arguments["city"], "Zürich 😀", "{provider}");
    }
}

#[tokio::test]
async fn case_29_crlf_comments_single_bytes_and_a_large_event() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for fault in [
            "crlf",
            "comments_flood:200",
            "one_byte_chunks",
            "no_final_newline",
            "double_done",
        ] {
            // Gemini has no end marker that could come twice.
            if (provider, fault) == ("gemini", "double_done") {
                continue;
            }
            lab.sim.clear_faults();
            lab.fault(provider, fault);
            let (answer, _) = passes(&lab, &ask_streamed(model, "echo: a b c d e f g")).await;
            assert_eq!(
                answer.streamed(),
                ("a b c d e f g".to_owned(), true),
                "{provider} {fault}: {}",
                answer.text()
            );
            let ends = answer
                .events()
                .iter()
                .filter(|data| *data == "[DONE]")
                .count();
            assert_eq!(ends, 1, "{provider} {fault}");
            let record = lab.record(&answer).await;
            assert_eq!(record["end"], "complete", "{provider} {fault}: {record}");
        }
        lab.sim.clear_faults();
        lab.fault(provider, "big_event:1048576");
        let (answer, _) = passes(&lab, &ask_streamed(model, "Hello")).await;
        let (text, ended) = answer.streamed();
        assert!(ended, "{provider}");
        assert!(text.len() >= 1 << 20, "{provider}: {}", text.len());
        let (answer, _) = passes(&lab, &ask(model, "Hello")).await;
        assert_eq!(answer.content().len(), 1 << 20, "{provider}");
        lab.sim.clear_faults();
    }
}
