//! Chat answers in each dialect, whole and streamed: both ways must say the same.

use polyroute_sim::models::Dialect;
use polyroute_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::client::{Chat, sim};
use crate::said::{Said, said};

/// Sends the chat both ways and checks that the stream says what the whole answer says.
async fn both_ways(sim: &Sim, chat: &Chat) -> Said {
    let whole = said(chat.dialect, false, &chat.send(sim).await);
    let mut streamed = chat.clone().streamed();
    if chat.dialect == Dialect::Openai {
        streamed = streamed.with("stream_options", json!({"include_usage": true}));
    }
    let streamed = said(chat.dialect, true, &streamed.send(sim).await);
    let plain = |said: &Said| Said {
        ids: Vec::new(),
        ..said.clone()
    };
    assert_eq!(plain(&whole), plain(&streamed), "{}", chat.dialect);
    assert!(
        whole.ids.iter().all(|id| !streamed.ids.contains(id)),
        "ids are never reused"
    );
    whole
}

fn finish(dialect: Dialect, openai: &'static str) -> &'static str {
    match (dialect, openai) {
        (Dialect::Openai, word) => word,
        (Dialect::Anthropic | Dialect::Bedrock, "stop") => "end_turn",
        (Dialect::Anthropic | Dialect::Bedrock, "length") => "max_tokens",
        (Dialect::Anthropic | Dialect::Bedrock, _) => "tool_use",
        (Dialect::Cohere, "stop") => "COMPLETE",
        (Dialect::Cohere, "tool_calls") => "TOOL_CALL",
        (Dialect::Cohere | Dialect::Gemini, "length") => "MAX_TOKENS",
        (Dialect::Cohere, word) => word,
        (Dialect::Gemini, _) => "STOP",
    }
}

#[tokio::test]
async fn text_is_seeded_and_the_same_both_ways() {
    let (one, two) = (sim().await, sim().await);
    let other = Sim::start(SimConfig {
        seed: 99,
        ..SimConfig::default()
    })
    .await
    .unwrap();
    for dialect in Dialect::ALL {
        let chat = Chat::new(dialect, "Why is the sky blue?");
        let first = both_ways(&one, &chat).await;
        assert!(first.text.contains("Why is the sky blue"), "{}", first.text);
        assert_eq!(first.finish, finish(dialect, "stop"));
        assert!(first.usage[0] > 0 && first.usage[2] > 0);
        assert_eq!(
            first,
            both_ways(&two, &chat).await,
            "same seed, same answer"
        );
        assert_ne!(
            first.text,
            both_ways(&other, &chat).await.text,
            "other seed, other answer"
        );
    }
}

#[tokio::test]
async fn echo_keeps_every_character() {
    let sim = sim().await;
    for dialect in Dialect::ALL {
        let text = "Grüße 👩‍👩‍👧‍👦 \u{200b}\"quoted\"\n\tend";
        let made = both_ways(&sim, &Chat::new(dialect, &format!("echo: {text}"))).await;
        assert_eq!(made.text, text);
    }
}

#[tokio::test]
async fn tools_are_called_with_fitting_arguments() {
    let sim = sim().await;
    let schema = json!({"type": "object", "required": ["city"], "properties": {
        "city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}}});
    for dialect in Dialect::ALL {
        let chat =
            Chat::new(dialect, "What is the weather in Oslo?").tools(&["get_weather"], &schema);
        let made = both_ways(&sim, &chat).await;
        assert_eq!(made.calls.len(), 1);
        assert_eq!(made.calls[0].0, "get_weather");
        assert_eq!(made.calls[0].1["city"], "Oslo");
        assert!(["c", "f"].contains(&made.calls[0].1["unit"].as_str().unwrap()));
        assert_eq!(made.finish, finish(dialect, "tool_calls"));
        assert_eq!(made.text, "");
    }
}

#[tokio::test]
async fn parallel_calls_and_given_arguments() {
    let sim = sim().await;
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
    for dialect in Dialect::ALL {
        let chat = Chat::new(dialect, r#"use both add {"a": 1} and mul {"a": 2}"#)
            .tools(&["add", "mul"], &schema);
        let made = both_ways(&sim, &chat).await;
        let wanted = [("add", json!({"a": 1})), ("mul", json!({"a": 2}))];
        let wanted: Vec<_> = wanted.map(|(name, args)| (name.to_owned(), args)).into();
        assert_eq!(made.calls, wanted, "{dialect}");
    }
}

#[tokio::test]
async fn tool_without_arguments_gets_an_empty_object() {
    let sim = sim().await;
    for dialect in Dialect::ALL {
        let chat = Chat::new(dialect, "call now_utc")
            .tools(&["now_utc"], &json!({"type": "object", "properties": {}}));
        assert_eq!(both_ways(&sim, &chat).await.calls[0].1, json!({}));
    }
}

#[tokio::test]
async fn forced_and_forbidden_calls() {
    let sim = sim().await;
    let schema = json!({"type": "object", "properties": {}});
    let choices = [
        (
            Dialect::Openai,
            "tool_choice",
            json!("required"),
            json!("none"),
        ),
        (
            Dialect::Anthropic,
            "tool_choice",
            json!({"type": "any"}),
            json!({"type": "none"}),
        ),
        (
            Dialect::Gemini,
            "toolConfig",
            json!({"functionCallingConfig": {"mode": "ANY"}}),
            json!({"functionCallingConfig": {"mode": "NONE"}}),
        ),
    ];
    for (dialect, member, forced, forbidden) in choices {
        let idle = Chat::new(dialect, "tell a story").tools(&["get_weather"], &schema);
        assert!(both_ways(&sim, &idle).await.calls.is_empty());
        assert_eq!(
            both_ways(&sim, &idle.with(member, forced))
                .await
                .calls
                .len(),
            1
        );
        let asked = Chat::new(dialect, "get_weather").tools(&["get_weather"], &schema);
        assert!(
            both_ways(&sim, &asked.with(member, forbidden))
                .await
                .calls
                .is_empty()
        );
    }
}

#[tokio::test]
async fn results_are_quoted() {
    let sim = sim().await;
    let schema = json!({"type": "object", "properties": {}});
    let call = json!({"id": "call_1", "type": "function",
        "function": {"name": "get_weather", "arguments": "{}"}});
    let histories = [
        (
            Dialect::Openai,
            "messages",
            json!([
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "17 degrees"}]),
        ),
        (
            Dialect::Anthropic,
            "messages",
            json!([
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "17 degrees"}]}]),
        ),
        (
            Dialect::Gemini,
            "contents",
            json!([
            {"role": "user", "parts": [{"text": "weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse":
                {"name": "get_weather", "response": {"result": "17 degrees"}}}]}]),
        ),
    ];
    for (dialect, member, history) in histories {
        let chat = Chat::new(dialect, "")
            .tools(&["get_weather"], &schema)
            .with(member, history);
        let made = both_ways(&sim, &chat).await;
        assert!(
            made.calls.is_empty() && made.text.contains("17 degrees"),
            "{}",
            made.text
        );
        assert!(made.text.contains("get_weather"), "{}", made.text);
    }
}

#[tokio::test]
async fn thinking_shows_as_each_dialect_shows_it() {
    let sim = sim().await;
    let openai = Chat::new(Dialect::Openai, "think").model("o3");
    let made = both_ways(&sim, &openai).await;
    assert!(
        made.usage[3] > 0 && made.usage[3] < made.usage[2],
        "inside completion tokens"
    );

    let claude = Chat::new(Dialect::Anthropic, "think").with(
        "thinking",
        json!({"type": "enabled", "budget_tokens": 1024}),
    );
    let made = both_ways(&sim, &claude).await;
    assert!(made.signed && made.thinking.contains("think") && made.usage[3] < made.usage[2]);

    let adaptive = json!({"type": "adaptive"});
    let hidden = Chat::new(Dialect::Anthropic, "think").model("claude-opus-4-8");
    let hidden = hidden.with("thinking", adaptive);
    let made = both_ways(&sim, &hidden).await;
    assert!(made.signed && made.thinking.is_empty() && made.usage[3] > 0);
    let shown = hidden.with(
        "thinking",
        json!({"type": "adaptive", "display": "summarized"}),
    );
    assert!(!both_ways(&sim, &shown).await.thinking.is_empty());

    let config = json!({"thinkingConfig": {"includeThoughts": true}});
    let gemini = Chat::new(Dialect::Gemini, "think").with("generationConfig", config);
    let made = both_ways(&sim, &gemini).await;
    assert!(!made.thinking.is_empty() && made.usage[3] > 0);
    let calling = gemini.tools(&["think"], &json!({"type": "object", "properties": {}}));
    assert!(
        both_ways(&sim, &calling).await.signed,
        "the first call is signed"
    );
}

#[tokio::test]
async fn schemas_are_met() {
    let sim = sim().await;
    let schema = json!({"type": "object", "additionalProperties": false, "required": ["name", "age"],
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}});
    let formats = [
        (
            Dialect::Openai,
            "response_format",
            json!({"type": "json_schema",
            "json_schema": {"name": "person", "strict": true, "schema": schema}}),
        ),
        (
            Dialect::Anthropic,
            "output_config",
            json!({"format":
            {"type": "json_schema", "schema": schema}}),
        ),
        (
            Dialect::Gemini,
            "generationConfig",
            json!({"responseMimeType": "application/json",
            "responseJsonSchema": schema}),
        ),
    ];
    for (dialect, member, format) in formats {
        let made = both_ways(&sim, &Chat::new(dialect, "a person").with(member, format)).await;
        let value: Value = serde_json::from_str(&made.text).unwrap();
        assert!(
            value["name"].is_string() && value["age"].is_u64(),
            "{value}"
        );
    }
}

#[tokio::test]
async fn limits_and_stops_end_the_text() {
    let sim = sim().await;
    let limited = [
        Chat::new(Dialect::Openai, "echo:abcdefgh ijkl").with("max_tokens", json!(2)),
        Chat::new(Dialect::Anthropic, "echo:abcdefgh ijkl").with("max_tokens", json!(2)),
        Chat::new(Dialect::Gemini, "echo:abcdefgh ijkl")
            .model("gemini-2.0-flash")
            .with("generationConfig", json!({"maxOutputTokens": 2})),
    ];
    for chat in limited {
        let made = both_ways(&sim, &chat).await;
        assert_eq!((made.text.as_str(), made.usage[2]), ("abcdefgh", 2));
        assert_eq!(made.finish, finish(chat.dialect, "length"));
    }
    let claude = Chat::new(Dialect::Anthropic, "echo:one END two");
    let stopped = claude
        .with("stop_sequences", json!(["END"]))
        .send(&sim)
        .await
        .json();
    assert_eq!(stopped["stop_reason"], "stop_sequence");
    assert_eq!(stopped["stop_sequence"], "END");
    assert_eq!(stopped["content"][0]["text"], "one ");
}

#[tokio::test]
async fn several_choices_come_side_by_side() {
    let sim = sim().await;
    let chat = Chat::new(Dialect::Openai, "hello").with("n", json!(2));
    let choices = chat.send(&sim).await.json()["choices"].clone();
    assert_eq!(choices.as_array().unwrap().len(), 2);
    assert_ne!(
        choices[0]["message"]["content"],
        choices[1]["message"]["content"]
    );
    let events = chat.streamed().send(&sim).await.event_values();
    let order: Vec<_> = events
        .iter()
        .take(4)
        .map(|event| &event["choices"][0]["index"])
        .collect();
    assert_eq!(order, [0, 1, 0, 1]);
    let gemini =
        Chat::new(Dialect::Gemini, "hello").with("generationConfig", json!({"candidateCount": 2}));
    assert_eq!(gemini.send(&sim).await.json()["candidates"][1]["index"], 1);
}

#[tokio::test]
async fn log_probabilities_cover_the_text() {
    let sim = sim().await;
    let chat = Chat::new(Dialect::Openai, "echo:one two").with("logprobs", json!(true));
    let answer = chat.with("top_logprobs", json!(2)).send(&sim).await.json();
    let tokens = answer["choices"][0]["logprobs"]["content"]
        .as_array()
        .unwrap()
        .clone();
    let text: String = tokens
        .iter()
        .map(|token| token["token"].as_str().unwrap())
        .collect();
    assert_eq!(text, "one two");
    assert!(
        tokens
            .iter()
            .all(|token| token["top_logprobs"].as_array().unwrap().len() == 2)
    );
    assert!(
        tokens
            .iter()
            .all(|token| token["logprob"].as_f64().unwrap() <= 0.0)
    );
}

#[tokio::test]
async fn repeated_long_prefix_is_read_from_the_cache() {
    let sim = sim().await;
    let long = "A rule of the house. ".repeat(500);
    for dialect in Dialect::ALL {
        let chat = match dialect {
            Dialect::Openai | Dialect::Cohere => Chat::new(dialect, "").with(
                "messages",
                json!([
                {"role": "system", "content": long}, {"role": "user", "content": "hi"}]),
            ),
            Dialect::Anthropic => Chat::new(dialect, "hi").with(
                "system",
                json!([
                {"type": "text", "text": long, "cache_control": {"type": "ephemeral"}}]),
            ),
            Dialect::Bedrock => Chat::new(dialect, "hi").with(
                "system",
                json!([{"text": long}, {"cachePoint": {"type": "default"}}]),
            ),
            Dialect::Gemini => Chat::new(dialect, "hi")
                .with("systemInstruction", json!({"parts": [{"text": long}]})),
        };
        let first = said(dialect, false, &chat.send(&sim).await);
        let second = said(dialect, false, &chat.send(&sim).await);
        assert_eq!(first.usage[1], 0);
        assert!(second.usage[1] >= 1024, "{dialect} {:?}", second.usage);
        if matches!(dialect, Dialect::Anthropic | Dialect::Bedrock) {
            assert!(
                second.usage[0] < 1024,
                "cached tokens are outside input_tokens"
            );
        } else {
            assert_eq!(
                first.usage[0], second.usage[0],
                "cached tokens are inside the prompt"
            );
        }
    }
}

#[tokio::test]
async fn gemini_without_sse_streams_one_array() {
    let sim = sim().await;
    let body = json!({"contents": [{"parts": [{"text": "tell me"}]}]}).to_string();
    let path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    let answer = crate::client::send(&sim, "POST", path, &[("x-goog-api-key", "k")], &body).await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=UTF-8")
    );
    assert!(answer.json().as_array().unwrap().len() > 1);
}

#[tokio::test]
async fn obfuscation_can_be_switched_off() {
    let sim = sim().await;
    let chat = Chat::new(Dialect::Openai, "hi").streamed();
    let padded = chat.send(&sim).await.event_values();
    assert!(padded.iter().all(|event| event["obfuscation"].is_string()));
    let plain = chat.with("stream_options", json!({"include_obfuscation": false}));
    let plain = plain.send(&sim).await.event_values();
    assert!(plain.iter().all(|event| event.get("obfuscation").is_none()));
}
