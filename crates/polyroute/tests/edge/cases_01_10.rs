//! Tool calls, their ids, names and results.

use serde_json::{Value, json};

use crate::kit::{
    ask_tools, call, calls, folded, message, passes, refused, result, say, sent, streamed, talk,
    tool, tool_loop, with,
};
use crate::support::{Lab, MODELS};

const OPENAI: &str = "openai/gpt-4o-mini";
const ANTHROPIC: &str = "anthropic/claude-haiku-4-5";
const GEMINI: &str = "gemini/gemini-2.5-flash";

#[tokio::test]
async fn case_01_calls_without_content() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for content in [Some(json!(null)), Some(json!("")), None] {
            let mut body = tool_loop(model, "call_1");
            match &content {
                Some(content) => body["messages"][1]["content"] = content.clone(),
                None => drop(
                    body["messages"][1]
                        .as_object_mut()
                        .unwrap()
                        .remove("content"),
                ),
            }
            let (answer, sent) = passes(&lab, &body).await;
            assert!(answer.content().contains("sunny"), "{provider}");
            match provider {
                // Its own dialect goes through as it was written.
                "openai" => assert_eq!(sent.body["messages"], body["messages"]),
                "anthropic" => {
                    let blocks = &sent.body["messages"][1]["content"];
                    assert_eq!(blocks.as_array().unwrap().len(), 1, "{blocks}");
                    assert_eq!(blocks[0]["type"], "tool_use");
                }
                _ => {
                    let parts = &sent.body["contents"][1]["parts"];
                    assert_eq!(parts.as_array().unwrap().len(), 1, "{parts}");
                    assert_eq!(parts[0]["functionCall"]["args"]["city"], "Rome");
                }
            }
        }
    }
}

#[tokio::test]
async fn case_02_empty_arguments() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for arguments in ["", "{}"] {
            let mut body = tool_loop(model, "call_1");
            body["messages"][1]["tool_calls"][0]["function"]["arguments"] = json!(arguments);
            let (_, sent) = passes(&lab, &body).await;
            match provider {
                "openai" => {}
                "anthropic" => {
                    assert_eq!(sent.body["messages"][1]["content"][0]["input"], json!({}));
                }
                _ => assert_eq!(
                    sent.body["contents"][1]["parts"][0]["functionCall"]["args"],
                    json!({})
                ),
            }
        }
        // And in answers: a call without arguments reaches the caller as `{}`.
        for stream in [false, true] {
            crate::kit::script_turn(
                &lab,
                provider,
                json!({"calls": [{"name": "get_weather", "arguments": {}}]}),
            );
            let asked = with(
                ask_tools(model, "Hello", &["get_weather"]),
                "stream",
                json!(stream),
            );
            let (answer, _) = passes(&lab, &asked).await;
            let said = if stream {
                folded(&answer).0
            } else {
                message(&answer)
            };
            let arguments = said["tool_calls"][0]["function"]["arguments"]
                .as_str()
                .unwrap();
            assert_eq!(
                serde_json::from_str::<Value>(arguments).unwrap(),
                json!({}),
                "{provider} stream {stream}: {arguments:?}"
            );
        }
    }
}

#[tokio::test]
async fn case_03_tool_without_parameters() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let mut body = ask_tools(model, "Please call ping_server", &["x"]);
        body["tools"] = json!([{"type": "function", "function": {"name": "ping_server"}}]);
        let (answer, sent) = passes(&lab, &body).await;
        let called = &message(&answer)["tool_calls"][0]["function"];
        assert_eq!(called["name"], "ping_server", "{provider}");
        assert!(
            serde_json::from_str::<Value>(called["arguments"].as_str().unwrap())
                .unwrap()
                .is_object()
        );
        match provider {
            "openai" => assert_eq!(sent.body["tools"], body["tools"]),
            "anthropic" => assert_eq!(
                sent.body["tools"][0]["input_schema"],
                json!({"type": "object", "properties": {}})
            ),
            _ => assert_eq!(
                sent.body["tools"][0]["functionDeclarations"][0],
                json!({"name": "ping_server"})
            ),
        }
    }
}

#[tokio::test]
async fn case_04_parallel_results_in_reverse_order() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let messages = [
            say("user", "Rome and Oslo?"),
            calls(&[
                call("call_rome", "get_weather", "{\"city\":\"Rome\"}"),
                call("call_oslo", "get_time", "{\"city\":\"Oslo\"}"),
            ]),
            result("call_oslo", "at noon"),
            result("call_rome", "sunny"),
        ];
        let body = with(
            talk(model, &messages),
            "tools",
            json!([tool("get_weather"), tool("get_time")]),
        );
        let (answer, sent) = passes(&lab, &body).await;
        // The provider took each result for the call that it answers.
        assert!(
            answer.content().contains("get_weather returned")
                && answer.content().contains("get_time returned"),
            "{provider}: {}",
            answer.content()
        );
        match provider {
            "openai" => assert_eq!(sent.body["messages"], body["messages"]),
            "anthropic" => {
                let turns = sent.body["messages"].as_array().unwrap();
                assert_eq!(turns.len(), 3);
                assert_eq!(
                    turns[2]["content"],
                    json!([
                        {"type": "tool_result", "tool_use_id": "call_rome", "content": "sunny"},
                        {"type": "tool_result", "tool_use_id": "call_oslo", "content": "at noon"},
                    ])
                );
            }
            _ => {
                let turns = sent.body["contents"].as_array().unwrap();
                assert_eq!(turns.len(), 3);
                let names: Vec<&Value> = turns[2]["parts"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|part| &part["functionResponse"]["name"])
                    .collect();
                assert_eq!(names, ["get_weather", "get_time"]);
                assert_eq!(
                    turns[2]["parts"][0]["functionResponse"]["response"],
                    json!({"result": "sunny"})
                );
            }
        }
    }
}

#[tokio::test]
async fn case_05_call_ids_that_repeat() {
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        let messages = [
            say("user", "Rome?"),
            calls(&[call("call_0", "get_weather", "{\"city\":\"Rome\"}")]),
            result("call_0", "sunny"),
            say("assistant", "Sunny."),
            say("user", "And the time in Oslo?"),
            calls(&[call("call_0", "get_time", "{\"city\":\"Oslo\"}")]),
            result("call_0", "at noon"),
        ];
        let body = with(
            talk(model, &messages),
            "tools",
            json!([tool("get_weather"), tool("get_time")]),
        );
        let (answer, sent) = passes(&lab, &body).await;
        assert!(
            answer.content().contains("get_time returned"),
            "{provider}: {}",
            answer.content()
        );
        match provider {
            "openai" => {}
            "anthropic" => {
                let turns = &sent.body["messages"];
                for (call, result) in [(1, 2), (5, 6)] {
                    assert_eq!(
                        turns[call]["content"][0]["id"],
                        turns[result]["content"][0]["tool_use_id"]
                    );
                }
                assert_ne!(turns[1]["content"][0]["id"], turns[5]["content"][0]["id"]);
            }
            _ => {
                // No id that means two calls goes out; the name says whose result it is.
                let parts = &sent.body["contents"][6]["parts"][0]["functionResponse"];
                assert_eq!(parts["name"], "get_time");
                assert_eq!(parts.get("id"), None);
            }
        }
    }
    repeats_within_a_turn(&lab).await;
}

/// Twice within one turn: the nth result answers the nth call.
async fn repeats_within_a_turn(lab: &Lab) {
    for model in [ANTHROPIC, GEMINI] {
        let messages = [
            say("user", "Rome and Oslo?"),
            calls(&[
                call("call_0", "get_weather", "{\"city\":\"Rome\"}"),
                call("call_0", "get_weather", "{\"city\":\"Oslo\"}"),
            ]),
            result("call_0", "sunny"),
            result("call_0", "snow"),
        ];
        let body = with(
            talk(model, &messages),
            "tools",
            json!([tool("get_weather")]),
        );
        let (_, sent) = passes(lab, &body).await;
        if model == ANTHROPIC {
            let turns = &sent.body["messages"];
            for (at, text) in [(0, "sunny"), (1, "snow")] {
                assert_eq!(
                    turns[1]["content"][at]["id"],
                    turns[2]["content"][at]["tool_use_id"]
                );
                assert_eq!(turns[2]["content"][at]["content"], text);
            }
        } else {
            let parts = &sent.body["contents"][2]["parts"];
            assert_eq!(
                parts[0]["functionResponse"]["response"],
                json!({"result": "sunny"})
            );
            assert_eq!(
                parts[1]["functionResponse"]["response"],
                json!({"result": "snow"})
            );
        }
    }
}

#[tokio::test]
async fn case_06_call_ids_that_a_provider_refuses() {
    let lab = Lab::start().await;
    let long = format!("functions.get_weather:{}", "0".repeat(60));
    for (provider, model) in MODELS {
        for id in ["functions.get_weather:0", long.as_str()] {
            let body = tool_loop(model, id);
            let (answer, first) = passes(&lab, &body).await;
            assert!(
                answer.content().contains("get_weather returned"),
                "{provider}"
            );
            let (_, second) = passes(&lab, &body).await;
            assert_eq!(first.text, second.text, "{provider}: not the same twice");
            match provider {
                "openai" => {
                    let sent_id = &first.body["messages"][1]["tool_calls"][0]["id"];
                    assert_eq!(*sent_id, first.body["messages"][2]["tool_call_id"]);
                    assert!(sent_id.as_str().unwrap().len() <= 40, "{sent_id}");
                    assert_eq!(sent_id == id, id.len() <= 40);
                }
                "anthropic" => {
                    let sent_id = &first.body["messages"][1]["content"][0]["id"];
                    assert_eq!(
                        *sent_id,
                        first.body["messages"][2]["content"][0]["tool_use_id"]
                    );
                    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
                    assert!(sent_id.as_str().unwrap().bytes().all(fits), "{sent_id}");
                }
                _ => assert!(!first.text.contains(id), "{}", first.text),
            }
        }
        // Ids that differ only in what is refused stay apart.
        let messages = [
            say("user", "Rome and Oslo?"),
            calls(&[
                call("a.1", "get_weather", "{\"city\":\"Rome\"}"),
                call("a:1", "get_weather", "{\"city\":\"Oslo\"}"),
            ]),
            result("a:1", "snow"),
            result("a.1", "sunny"),
        ];
        let body = with(
            talk(model, &messages),
            "tools",
            json!([tool("get_weather")]),
        );
        passes(&lab, &body).await;
    }
}

#[tokio::test]
async fn case_07_tool_names_that_a_provider_refuses() {
    let lab = Lab::start().await;
    let long = format!("server.tools/{}", "a".repeat(57));
    assert_eq!(long.len(), 70);
    for (provider, model) in MODELS {
        for stream in [false, true] {
            let mut body = ask_tools(model, "Rome?", &[&long, "get.weather", "get/weather"]);
            body["stream"] = json!(stream);
            body["tool_choice"] = json!({"type": "function", "function": {"name": long}});
            body["messages"] = json!([
                say("user", "Oslo?"),
                calls(&[call("call_1", "get/weather", "{\"city\":\"Oslo\"}")]),
                result("call_1", "snow"),
                say("user", "Rome?"),
            ]);
            let (answer, sent) = passes(&lab, &body).await;
            let said = if stream {
                folded(&answer).0
            } else {
                message(&answer)
            };
            assert_eq!(
                said["tool_calls"][0]["function"]["name"], long,
                "{provider} stream {stream}: {said}"
            );
            assert!(!sent.text.contains(&long), "{}", sent.text);
        }
    }
}

#[tokio::test]
async fn case_08_orphans() {
    let lab = Lab::start().await;
    let missing = |model: &str| {
        let mut body = tool_loop(model, "call_7");
        body["messages"][2] = say("user", "Never mind.");
        body
    };
    let orphan = |model: &str| {
        let mut body = tool_loop(model, "call_7");
        body["messages"][2]["tool_call_id"] = json!("call_8");
        body["messages"]
            .as_array_mut()
            .unwrap()
            .insert(2, result("call_7", "sunny"));
        body
    };
    for (provider, model) in MODELS {
        for (body, id) in [(missing(model), "call_7"), (orphan(model), "call_8")] {
            if provider == "openai" {
                // It says so itself.
                let answer = lab.chat(&body).await;
                assert_eq!(answer.status, 400, "{}", answer.text());
                assert!(answer.text().contains("tool_call"), "{}", answer.text());
                continue;
            }
            let answer = refused(&lab, &body).await;
            assert_eq!(answer.code(), "unpaired_tool_call");
            let error = &answer.json()["error"];
            assert!(error["message"].as_str().unwrap().contains(id), "{error}");
            assert!(error["param"].as_str().unwrap().starts_with("messages["));
        }
    }
    let lab = Lab::with("translation: { repair_orphans: true }\n", "").await;
    for model in [OPENAI, ANTHROPIC, GEMINI] {
        for body in [missing(model), orphan(model)] {
            let (answer, sent) = passes(&lab, &body).await;
            assert!(!sent.text.contains("call_8"), "{}", sent.text);
            let said = answer.header("x-polyroute-changed-params").to_owned()
                + answer.header("x-polyroute-dropped-params");
            assert!(!said.is_empty(), "{model}: a repair must be named");
        }
    }
}

#[tokio::test]
async fn case_09_results_empty_image_only_and_failed() {
    const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let lab = Lab::start().await;
    for (provider, model) in MODELS {
        for content in [json!(""), json!(null), json!([])] {
            // OpenAI's own wire wants a content there.
            if provider == "openai" && content != "" {
                continue;
            }
            let mut body = tool_loop(model, "call_1");
            body["messages"][2]["content"] = content;
            passes(&lab, &body).await;
        }
        let mut image = tool_loop(model, "call_1");
        image["messages"][2]["content"] = json!([
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}}
        ]);
        let (_, sent) = passes(&lab, &image).await;
        assert!(sent.text.contains(PNG), "{provider}: the picture is gone");
        match provider {
            "openai" => {
                // Results are text there: the picture follows in a user message.
                let messages = sent.body["messages"].as_array().unwrap();
                assert_eq!(messages.len(), 4);
                assert_eq!(messages[3]["role"], "user");
            }
            "anthropic" => assert_eq!(
                sent.body["messages"][2]["content"][0]["content"][0]["source"]["data"],
                PNG
            ),
            _ => {}
        }
        let mut failed = tool_loop(model, "call_1");
        failed["messages"][2]["is_error"] = json!(true);
        let (answer, sent) = passes(&lab, &failed).await;
        match provider {
            "openai" => assert_eq!(
                answer.header("x-polyroute-dropped-params"),
                "messages[].is_error"
            ),
            "anthropic" => assert_eq!(sent.body["messages"][2]["content"][0]["is_error"], true),
            _ => assert_eq!(
                sent.body["contents"][2]["parts"][0]["functionResponse"]["response"],
                json!({"error": "sunny"})
            ),
        }
    }
}

#[tokio::test]
async fn case_10_user_text_between_results() {
    let lab = Lab::start().await;
    let body = |model: &str| {
        let messages = [
            say("user", "Rome and Oslo?"),
            calls(&[
                call("call_1", "get_weather", "{\"city\":\"Rome\"}"),
                call("call_2", "get_weather", "{\"city\":\"Oslo\"}"),
            ]),
            result("call_1", "sunny"),
            say("user", "Be brief."),
            result("call_2", "snow"),
        ];
        with(
            talk(model, &messages),
            "tools",
            json!([tool("get_weather")]),
        )
    };
    let (_, upstream) = passes(&lab, &body(ANTHROPIC)).await;
    let turn = &upstream.body["messages"][2]["content"];
    assert_eq!(upstream.body["messages"].as_array().unwrap().len(), 3);
    assert_eq!(turn[0]["tool_use_id"], "call_1");
    assert_eq!(turn[1]["tool_use_id"], "call_2");
    assert_eq!(turn[2], json!({"type": "text", "text": "Be brief."}));
    let (_, upstream) = passes(&lab, &body(GEMINI)).await;
    let turns = upstream.body["contents"].as_array().unwrap();
    assert_eq!(turns[2]["parts"].as_array().unwrap().len(), 2);
    assert_eq!(turns[3]["parts"], json!([{"text": "Be brief."}]));
    // OpenAI wants results right behind their calls and says so; the caller is told.
    let answer = lab.chat(&streamed(body(OPENAI))).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("call_2"), "{}", answer.text());
    assert_eq!(sent(&lab).len(), 3);
}
