//! Streams that fail, delays, and quotas.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kit::{
    anthropic_events, ask_tools, data_events, folded, last_error, passes, script_sse, sent,
    streamed,
};
use crate::support::{Answer, Lab, MODELS, ask, ask_streamed};

/// That a stream ended in an error event: no finish reason before it, no `[DONE]` after it.
fn assert_broken(answer: &Answer, code: &str, what: &str) {
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    let error = last_error(answer);
    assert_eq!(error["code"], code, "{what}: {}", answer.text());
    assert!(error["message"].is_string() && error["type"].is_string());
    assert_eq!(folded(answer).1, None, "{what}: {}", answer.text());
    assert!(!answer.text().contains("[DONE]"), "{what}");
}

/// A provider's stream that has begun to say "Hello ", in pieces.
fn beginning(provider: &str) -> Vec<String> {
    match provider {
        "openai" => data_events(&[
            openai_chunk(json!({"role": "assistant", "content": ""}), Value::Null),
            openai_chunk(json!({"content": "Hello "}), Value::Null),
        ]),
        "anthropic" => anthropic_events(&[
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
                "role": "assistant", "model": "claude-haiku-4-5", "content": [],
                "stop_reason": null, "stop_sequence": null,
                "usage": {"input_tokens": 4, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0,
                "delta": {"type": "text_delta", "text": "Hello "}}),
        ]),
        _ => data_events(&[gemini_chunk(json!({"text": "Hello "}), None)]),
    }
}

fn openai_chunk(delta: Value, finish: Value) -> Value {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
        "model": "gpt-4o-mini", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

fn gemini_chunk(part: Value, finish: Option<&str>) -> Value {
    let mut chunk = json!({"candidates": [{"content": {"role": "model", "parts": [part]},
        "index": 0}], "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
        "modelVersion": "gemini-2.5-flash"});
    if let Some(finish) = finish {
        chunk["candidates"][0]["finishReason"] = json!(finish);
    }
    chunk
}

fn ends(provider: &str) -> Vec<String> {
    match provider {
        "openai" => data_events(&[openai_chunk(json!({}), json!("stop"))]),
        "anthropic" => anthropic_events(&[
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn",
                "stop_sequence": null}, "usage": {"output_tokens": 3}}),
        ]),
        _ => data_events(&[gemini_chunk(json!({"text": "there."}), Some("STOP"))]),
    }
}

#[tokio::test]
async fn case_31_error_as_the_first_event_of_a_200() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        lab.fault(provider, "error_first_event");
        // Our head was held back, so the error has its own status and may be tried again.
        let answer = lab.chat(&ask_streamed(model, "Hello")).await;
        assert_eq!(answer.status, 503, "{provider}: {}", answer.text());
        assert_eq!(answer.code(), "server_is_overloaded", "{provider}");
        lab.sim.clear_faults();
    }
    // With somewhere else to go, nobody notices.
    lab.fault("openai", "error_first_event");
    lab.fault("anthropic", "error_first_event");
    let answer = lab.chat(&ask_streamed("chat", "echo: here")).await;
    assert_eq!(answer.streamed(), ("here".to_owned(), true));
    assert_eq!(answer.header("x-polyroute-provider"), "gemini");
    assert_eq!(answer.header("x-polyroute-attempts"), "3");
    // An error in the body of a 200, not streamed.
    lab.sim.clear_faults();
    for (provider, model) in MODELS {
        lab.fault(provider, "error_200");
        for body in [ask(model, "Hello"), ask_streamed(model, "Hello")] {
            let answer = lab.chat(&body).await;
            assert_eq!(answer.status, 502, "{provider}: {}", answer.text());
        }
        lab.sim.clear_faults();
    }
}

#[tokio::test]
async fn case_32_error_after_content() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let error = match provider {
            "openai" => data_events(&[json!({"error": {"message": "The server is overloaded.",
                "type": "server_error", "code": "server_is_overloaded", "param": null}})]),
            "anthropic" => anthropic_events(&[json!({"type": "error",
                "error": {"type": "overloaded_error", "message": "Overloaded"}})]),
            _ => data_events(&[
                json!({"error": {"code": 503, "message": "The model is overloaded.",
                "status": "UNAVAILABLE"}}),
            ]),
        };
        let pieces = [beginning(provider), error].concat();
        script_sse(&lab, provider, &pieces);
        let before = sent(&lab).len();
        let answer = lab.chat(&ask_streamed(model, "Hello")).await;
        assert_broken(&answer, "server_is_overloaded", provider);
        assert_eq!(answer.streamed().0, "Hello ", "{provider}");
        // Never begun again: that would say things twice.
        assert_eq!(sent(&lab).len(), before + 1, "{provider}");
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "truncated", "{record}");
        assert_eq!(record["error_code"], "server_is_overloaded", "{record}");
    }
    // In a list of targets, too.
    script_sse(
        &lab,
        "openai",
        &[
            beginning("openai"),
            data_events(&[json!({"error": {"message": "Failed.", "type": "server_error"}})]),
        ]
        .concat(),
    );
    let answer = lab.chat(&ask_streamed("chat", "Hello")).await;
    assert_broken(&answer, "upstream_error", "route");
    assert_eq!(answer.header("x-polyroute-attempts"), "1");
}

#[tokio::test]
async fn case_33_end_within_the_arguments_of_a_call() {
    let lab = Lab::start().await;
    let cut = |provider: &str| -> Vec<String> {
        match provider {
            "openai" => data_events(&[
                openai_chunk(
                    json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0,
                        "id": "call_1", "type": "function",
                        "function": {"name": "get_weather", "arguments": ""}}]}),
                    Value::Null,
                ),
                openai_chunk(
                    json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"city\":"}}]}),
                    Value::Null,
                ),
            ]),
            "anthropic" => {
                let mut events = beginning("anthropic");
                events.extend(anthropic_events(&[
                    json!({"type": "content_block_stop", "index": 0}),
                    json!({"type": "content_block_start", "index": 1, "content_block":
                        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}}),
                    json!({"type": "content_block_delta", "index": 1, "delta":
                        {"type": "input_json_delta", "partial_json": "{\"city\":"}}),
                ]));
                events
            }
            _ => data_events(&[
                gemini_chunk(json!({"text": "Hello "}), None),
                gemini_chunk(
                    json!({"functionCall": {"name": "get_weather", "willContinue": true,
                        "partialArgs": [{"jsonPath": "$.city", "stringValue": "Ro",
                            "willContinue": true}]}}),
                    None,
                ),
            ]),
        }
    };
    for (provider, model) in MODELS {
        script_sse(&lab, provider, &cut(provider));
        let body = streamed(ask_tools(model, "Weather?", &["get_weather"]));
        let answer = lab.chat(&body).await;
        assert_broken(&answer, "upstream_truncated", provider);
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "truncated", "{record}");
        // The same where the connection breaks.
        lab.fault(provider, "cut:4:reset");
        let body = streamed(ask_tools(
            model,
            "get_weather {\"city\":\"a long name of a city in several words\"}",
            &["get_weather"],
        ));
        let answer = lab.chat(&body).await;
        if provider != "gemini" {
            assert_broken(&answer, "upstream_truncated", provider);
        }
        lab.sim.clear_faults();
    }
    // A stop reason does not make half a call whole.
    let mut pieces = cut("anthropic");
    pieces.extend(anthropic_events(&[
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use",
            "stop_sequence": null}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]));
    script_sse(&lab, "anthropic", &pieces);
    let body = streamed(ask_tools(MODELS[1].1, "Weather?", &["get_weather"]));
    assert_broken(&lab.chat(&body).await, "upstream_truncated", "stop reason");
}

#[tokio::test]
async fn case_34_end_after_the_finish_without_a_marker() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        script_sse(
            &lab,
            provider,
            &[beginning(provider), ends(provider)].concat(),
        );
        let answer = lab.chat(&ask_streamed(model, "Hello")).await;
        if provider == "anthropic" {
            // Here the marker (`message_stop`) is what says that the message is whole.
            assert_broken(&answer, "upstream_truncated", provider);
            continue;
        }
        let (text, ended) = answer.streamed();
        assert!(text.starts_with("Hello "), "{provider}: {text}");
        assert!(ended, "{provider}: {}", answer.text());
        assert_eq!(folded(&answer).1.as_deref(), Some("stop"), "{provider}");
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "complete", "{record}");
    }
    // An end without any finish is never a clean one.
    for (provider, model) in MODELS {
        script_sse(&lab, provider, &beginning(provider));
        let answer = lab.chat(&ask_streamed(model, "Hello")).await;
        assert_broken(&answer, "upstream_truncated", provider);
    }
}

#[tokio::test]
async fn case_35_delays() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for (fault, seconds) in [
            ("status:429:7", 7..=7),
            ("status:429:20000ms", 20..=20),
            ("status:429:date9", 7..=9),
            ("status:503:7", 7..=7),
        ] {
            lab.fault(provider, fault);
            let answer = lab.chat(&ask(model, "Hello")).await;
            let expected = if fault.starts_with("status:429") {
                (429, "rate_limit_exceeded")
            } else {
                (503, "server_is_overloaded")
            };
            let told = (answer.status.as_u16(), &*answer.code());
            assert_eq!(told, expected, "{provider} {fault}: {}", answer.text());
            let wait: u64 = answer.header("retry-after").parse().unwrap_or_default();
            assert!(seconds.contains(&wait), "{provider} {fault}: {wait} s");
            assert_eq!(answer.header("x-should-retry"), "", "{provider} {fault}");
            lab.sim.clear_faults();
        }
        // Without a hint none is made up, but Gemini has one in its body.
        lab.fault(provider, "status:429:none");
        let answer = lab.chat(&ask(model, "Hello")).await;
        assert_eq!(answer.status, 429, "{}", answer.text());
        let expected = if provider == "gemini" { "7" } else { "" };
        assert_eq!(answer.header("retry-after"), expected, "{provider}");
        lab.sim.clear_faults();
        // A short wait is waited out by us.
        lab.sim.add_fault(
            serde_json::from_value(
                json!({"match": {"prefix": provider}, "fault": "status:429:40ms", "times": 1}),
            )
            .unwrap(),
        );
        let began = std::time::Instant::now();
        let (answer, _) = passes(&lab, &ask(model, "echo: later")).await;
        assert_eq!(answer.content(), "later", "{provider}");
        assert!(began.elapsed() >= Duration::from_millis(40), "{provider}");
        assert_eq!(answer.header("x-polyroute-attempts"), "2");
        lab.sim.clear_faults();
        // Ten hours are no rate limit any more.
        lab.fault(provider, "status:429:36000");
        let answer = lab.chat(&ask(model, "Hello")).await;
        assert_eq!(answer.status, 429, "{}", answer.text());
        assert_eq!(answer.code(), "insufficient_quota", "{provider}");
        assert_eq!(answer.header("x-should-retry"), "false", "{provider}");
        lab.sim.clear_faults();
    }
}

#[tokio::test]
async fn case_36_quota_is_not_a_rate_limit() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for (fault, code, retried) in [
            ("status:429:none:quota", "insufficient_quota", "false"),
            ("status:402", "insufficient_quota", "false"),
            ("status:429:5", "rate_limit_exceeded", ""),
        ] {
            // Google says it with 400 FAILED_PRECONDITION, not with 402.
            if (provider, fault) == ("gemini", "status:402") {
                continue;
            }
            lab.fault(provider, fault);
            for body in [ask(model, "Hello"), ask_streamed(model, "Hello")] {
                let answer = lab.chat(&body).await;
                assert_eq!(answer.status, 429, "{provider} {fault}: {}", answer.text());
                assert_eq!(answer.code(), code, "{provider} {fault}");
                assert_eq!(
                    answer.header("x-should-retry"),
                    retried,
                    "{provider} {fault}"
                );
            }
            lab.sim.clear_faults();
        }
        // Another provider answers either.
        lab.sim.clear_faults();
    }
    lab.fault("openai", "status:429:none:quota");
    lab.fault("anthropic", "status:429:5");
    let (answer, _) = passes(&lab, &ask("chat", "echo: here")).await;
    assert_eq!(answer.header("x-polyroute-provider"), "gemini");
    let record = lab.record(&answer).await;
    let outcomes: Vec<&Value> = record["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| &attempt["outcome"])
        .collect();
    assert_eq!(outcomes, ["quota_exhausted", "rate_limited", "ok"]);
}
