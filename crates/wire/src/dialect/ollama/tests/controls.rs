//! Parameters, tools, formats and thinking: wire-protocols §4, §7, §8, §9.

use super::*;
use crate::capability::{JsonSchemaSupport, Reasoning};
use crate::chat::Effort;
use crate::error::EncodeErrorCode;

#[test]
fn section_4_sampling_is_among_the_options() {
    let (sent, encoded) = encode(json!({
        "temperature": 1.5, "top_p": 0.9, "top_k": 20, "seed": 7, "max_completion_tokens": 64,
        "stop": ["END", ""], "frequency_penalty": 0.5, "presence_penalty": -0.5,
        "repetition_penalty": 1.1, "min_p": 0.05, "keep_alive": "1h",
    }));
    assert_eq!(
        sent["options"],
        json!({"num_predict": 64, "temperature": 1.5, "top_p": 0.9, "top_k": 20,
            "frequency_penalty": 0.5, "presence_penalty": -0.5, "seed": 7, "stop": ["END"],
            "repeat_penalty": 1.1, "min_p": 0.05})
    );
    assert_eq!(
        (&sent["keep_alive"], &sent["stream"]),
        (&json!("1h"), &json!(false))
    );
    assert_eq!(encoded.path, "/api/chat");
    assert_eq!(encoded.dropped, ["stop"]);
}

#[test]
fn section_4_what_the_api_lacks_is_named_or_refused() {
    let (_, encoded) = encode(json!({
        "user": "u", "metadata": {"a": "b"}, "logit_bias": {"1": 2}, "store": true,
        "service_tier": "flex", "safety_identifier": "s", "prompt_cache_key": "k",
        "foo": 1, "repeat_penalty": "much", "stream_options": {"include_obfuscation": true},
    }));
    assert_eq!(
        encoded.dropped,
        [
            "foo",
            "logit_bias",
            "metadata",
            "prompt_cache_key",
            "repeat_penalty",
            "safety_identifier",
            "service_tier",
            "store",
            "stream_options.include_obfuscation",
            "user"
        ]
    );
    for (body, param) in [
        (json!({"n": 2}), "n"),
        (json!({"modalities": ["audio"]}), "modalities"),
    ] {
        assert_eq!(
            try_encode(body, &target()).unwrap_err().param.as_deref(),
            Some(param)
        );
    }
    let mut strict = target();
    strict.policy.strict_params = true;
    let refused = try_encode(json!({"user": "u"}), &strict).unwrap_err();
    assert_eq!(refused.code, EncodeErrorCode::UnsupportedParameter);
    let mut small = target();
    small.capabilities.max_output = Some(100);
    let (sent, encoded) = encode_for(json!({"max_tokens": 500}), &small);
    assert_eq!(sent["options"]["num_predict"], 100);
    assert_eq!(encoded.changed, ["max_completion_tokens=100"]);
}

#[test]
fn section_4_logprobs_where_the_model_gives_them() {
    let ask = json!({"logprobs": true, "top_logprobs": 3});
    let (sent, _) = encode(ask.clone());
    assert_eq!(
        (&sent["logprobs"], &sent["top_logprobs"]),
        (&json!(true), &json!(3))
    );
    let mut without = target();
    without.capabilities.logprobs = false;
    let (sent, encoded) = encode_for(ask, &without);
    assert_eq!(
        (sent.get("logprobs"), encoded.dropped),
        (None, vec!["logprobs".to_owned()])
    );
}

#[test]
fn section_9_thinking_is_a_switch_or_a_word() {
    let think = |reasoning: Reasoning, effort: &str| {
        let mut target = target();
        target.capabilities.reasoning = reasoning;
        let (sent, encoded) = encode_for(json!({"reasoning_effort": effort}), &target);
        (sent.get("think").cloned(), encoded)
    };
    let levels = || Reasoning::Effort {
        levels: vec![Effort::Low, Effort::Medium, Effort::High],
    };
    assert_eq!(think(Reasoning::Unknown, "high").0, Some(json!(true)));
    assert_eq!(think(Reasoning::Unknown, "none").0, Some(json!(false)));
    assert_eq!(think(levels(), "low").0, Some(json!("low")));
    // It can't be off there.
    let (word, encoded) = think(levels(), "none");
    assert_eq!(
        (word, encoded.changed),
        (Some(json!("low")), vec!["reasoning_effort=low".to_owned()])
    );
    assert_eq!(think(levels(), "max").0, Some(json!("high")));
    let (word, encoded) = think(Reasoning::None, "high");
    assert_eq!(
        (word, encoded.dropped),
        (None, vec!["reasoning_effort".to_owned()])
    );
    assert_eq!(think(Reasoning::None, "none").0, None);
    assert!(encode(json!({})).0.get("think").is_none());
    // The caller's own word.
    let own = json!({"reasoning_effort": "low", "provider_options": {"ollama": {"think": "max"}}});
    assert_eq!(encode(own).0["think"], "max");
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "Looks it up",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}})
}

#[test]
fn section_7_tools_go_out_by_their_own_names() {
    let (sent, _) = encode(json!({"tools": [tool("a.b/c"), tool("b")]}));
    assert_eq!(sent["tools"], json!([tool("a.b/c"), tool("b")]));
    let bare = json!({"tools": [{"type": "function", "function": {"name": "t", "strict": true}}]});
    let (sent, encoded) = encode(bare);
    assert_eq!(
        sent["tools"][0]["function"]["parameters"],
        json!({"type": "object", "properties": {}})
    );
    assert_eq!(encoded.dropped, ["tools[].function.strict"]);
    let mut without = target();
    without.capabilities.tools = false;
    let refused = try_encode(json!({"tools": [tool("a")]}), &without).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("tools"));
}

#[test]
fn section_7_a_choice_is_what_is_shown_and_said() {
    let tools = json!([tool("a"), tool("b")]);
    let (sent, encoded) = encode(json!({"tools": tools, "tool_choice": "none"}));
    assert_eq!(
        (sent.get("tools"), encoded.changed),
        (None, vec!["tools=withheld".to_owned()])
    );
    let named = json!({"type": "function", "function": {"name": "b"}});
    let forced = json!({"tools": tools, "tool_choice": named});
    let refused = try_encode(forced.clone(), &target()).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("tool_choice"));
    let mut lenient = target();
    lenient.policy.downgrade_forced_tool_choice = true;
    let (sent, encoded) = encode_for(forced, &lenient);
    assert_eq!(sent["tools"], json!([tool("b")]));
    assert!(
        sent["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("`b`")
    );
    assert_eq!(encoded.changed, ["tool_choice=auto", "tools=1 of 2"]);
}

const SCHEMA: &str = r#"{"type": "object", "properties": {"minimum": {"type": "integer"}}, "required": ["minimum"]}"#;

fn schema(strict: bool, more: &[(&str, Value)]) -> Value {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for (key, value) in more {
        schema["properties"]["minimum"][*key] = value.clone();
    }
    json!({"type": "json_schema", "json_schema": {"name": "n", "description": "It.",
        "strict": strict, "schema": schema}})
}

#[test]
fn section_8_a_schema_is_the_format() {
    let (sent, encoded) = encode(json!({"response_format": schema(true, &[])}));
    assert_eq!(sent["format"]["required"], json!(["minimum"]));
    assert_eq!(sent["format"]["description"], "It.");
    assert_eq!(encoded.context.schema_to_validate, None);
    // A keyword that no grammar is made of is checked on the answer, if that is counted on.
    for (strict, checked) in [(true, true), (false, false)] {
        let format = schema(strict, &[("multipleOf", json!(5))]);
        let (_, encoded) = encode(json!({ "response_format": format }));
        assert_eq!(encoded.context.schema_to_validate.is_some(), checked);
    }
    let mut without = target();
    without.capabilities.json_schema = JsonSchemaSupport::No;
    let (sent, encoded) = encode_for(json!({"response_format": schema(false, &[])}), &without);
    assert!(sent.get("format").is_none() && encoded.context.schema_to_validate.is_some());
}

#[test]
fn section_8_beside_tools_the_format_is_asked_for_in_words() {
    let (sent, encoded) =
        encode(json!({"response_format": schema(true, &[]), "tools": [tool("a")]}));
    assert!(sent.get("format").is_none());
    assert!(
        sent["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("JSON schema")
    );
    assert_eq!(encoded.changed, ["response_format=emulated"]);
    assert!(encoded.context.schema_to_validate.is_some());
    // Tools that are not shown do not count.
    let (sent, _) = encode(
        json!({"response_format": schema(true, &[]), "tools": [tool("a")],
        "tool_choice": "none"}),
    );
    assert!(sent["format"].is_object());
}

#[test]
fn section_8_json_mode_says_json() {
    let (sent, encoded) = encode(json!({"response_format": {"type": "json_object"}}));
    assert_eq!(sent["format"], "json");
    assert!(
        sent["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("JSON object")
    );
    assert!(encoded.changed.is_empty());
    let said = json!([{"role": "user", "content": "As JSON, please"}]);
    let (sent, _) = encode(json!({"response_format": {"type": "json_object"}, "messages": said}));
    assert_eq!(sent["messages"].as_array().unwrap().len(), 1);
}
