//! OpenAI's two APIs: which one a request goes over, and the two ids of a call.

use serde_json::{Value, json};

use crate::kit::{
    ask_tools, call, calls, last_sent, message, passes, result, say, streamed, talk, tool, with,
};
use crate::support::{Lab, ask};

#[tokio::test]
async fn case_46_effort_and_tools_on_gpt_5_4_and_later() {
    let lab = Lab::start().await;
    let tools = |model: &str| ask_tools(model, "Hello", &["get_weather"]);
    let effort = |body: Value, word: &str| with(body, "reasoning_effort", json!(word));
    for (body, api, upstream) in [
        (
            effort(tools("openai/gpt-5.4"), "high"),
            "responses",
            Some("high"),
        ),
        (
            effort(tools("openai/gpt-5.4"), "none"),
            "openai",
            Some("none"),
        ),
        (
            effort(ask("openai/gpt-5.4", "Hello"), "high"),
            "openai",
            Some("high"),
        ),
        (
            effort(tools("openai/gpt-5.6"), "low"),
            "responses",
            Some("low"),
        ),
        // The model thinks as it does by default.
        (tools("openai/gpt-5.6"), "responses", None),
        (
            effort(tools("openai/gpt-5.6"), "none"),
            "openai",
            Some("none"),
        ),
        (
            effort(tools("openai/gpt-5"), "high"),
            "openai",
            Some("high"),
        ),
        // A level that the model has not is stepped to the next lower one, and named.
        (
            effort(tools("openai/gpt-5.4"), "max"),
            "responses",
            Some("xhigh"),
        ),
    ] {
        for body in [body.clone(), streamed(body)] {
            let (answer, sent) = passes(&lab, &body).await;
            assert_eq!(answer.header("x-polyroute-api"), api, "{body}");
            let word = if api == "responses" {
                sent.body.pointer("/reasoning/effort")
            } else {
                sent.body.get("reasoning_effort")
            };
            assert_eq!(word.and_then(Value::as_str), upstream, "{body}");
            let asked = body["reasoning_effort"].as_str();
            let changed = match (asked, upstream) {
                (Some(asked), Some(sent)) if asked != sent => format!("reasoning_effort={sent}"),
                _ => String::new(),
            };
            assert_eq!(
                answer.header("x-polyroute-changed-params"),
                changed,
                "{body}"
            );
        }
    }
}

#[tokio::test]
async fn case_47_call_ids_are_the_callers_and_item_ids_nobodys() {
    let lab = Lab::start().await;
    let model = "openai/gpt-5.6";
    // The id of a call in chat is its `call_id`, by which results are paired, not its item's.
    let forced = with(
        ask_tools(model, "Rome?", &["get_weather"]),
        "tool_choice",
        json!("required"),
    );
    let (answer, _) = passes(&lab, &forced).await;
    let id = message(&answer)["tool_calls"][0]["id"].clone();
    assert!(id.as_str().unwrap().starts_with("call_"), "{id}");

    // Ids of other providers, one that is too long, and one that comes twice.
    let long = "x".repeat(80);
    let ids = ["toolu_01AbC", "fc_12", "1", long.as_str(), "call_0"];
    let mut messages = vec![say("user", "What about Rome?")];
    for id in ids.iter().chain(&["call_0"]) {
        messages.push(calls(&[call(id, "get_weather", "{}")]));
        messages.push(result(id, "sunny"));
    }
    let body = with(
        talk(model, &messages),
        "tools",
        json!([tool("get_weather")]),
    );
    passes(&lab, &body).await;
    let sent = last_sent(&lab);
    let items = sent.body["input"].as_array().unwrap();
    let of =
        |kind: &str| -> Vec<&Value> { items.iter().filter(|item| item["type"] == kind).collect() };
    let (made, answered) = (of("function_call"), of("function_call_output"));
    assert_eq!(made.len(), 6);
    let mut seen: Vec<&str> = Vec::new();
    for (made, answered) in made.iter().zip(&answered) {
        assert!(made.get("id").is_none(), "{made}");
        assert_eq!(made["call_id"], answered["call_id"]);
        let id = made["call_id"].as_str().unwrap();
        assert!(id.len() <= 64 && !seen.contains(&id), "{id}");
        seen.push(id);
    }
    assert_eq!(seen[..3], ids[..3]);
}
