//! Parameters, tools and formats.

use serde_json::{Value, json};

use super::*;
use crate::capability::{ForcedToolChoice, JsonSchemaSupport, Sampling};
use crate::error::EncodeErrorCode;

#[test]
fn section_2_a_request_is_stateless_and_asks_for_sealed_reasoning() {
    let (body, encoded) = encode(json!({"stream": true}));
    assert_eq!(
        body,
        json!({"model": "gpt-test", "input": [{"role": "user", "content": "Hi"}], "store": false,
            "include": ["reasoning.encrypted_content"], "stream": true})
    );
    assert_eq!(encoded.path, "/responses");
    assert_eq!(encoded.context.provider, "openai");
    // A model that does not think refuses to be asked for it.
    let mut plain = target();
    plain.capabilities.reasoning = Reasoning::None;
    assert!(encode_for(json!({}), &plain).0.get("include").is_none());
    assert_eq!(encode(json!({"store": true})).0["store"], true);
}

#[test]
fn section_9_effort_verbosity_and_limits_have_their_places() {
    let (body, encoded) = encode(json!({
        "reasoning_effort": "high", "verbosity": "low", "max_completion_tokens": 500,
    }));
    assert_eq!(body["reasoning"], json!({"effort": "high"}));
    assert_eq!(body["text"], json!({"verbosity": "low"}));
    assert_eq!(body["max_output_tokens"], 500);
    assert!(encoded.changed.is_empty() && encoded.dropped.is_empty());
    // What the model has not is stepped down; the least that the API takes is 16 (case 20).
    let (body, encoded) = encode(json!({"reasoning_effort": "max", "max_tokens": 1}));
    assert_eq!(body["reasoning"]["effort"], "high");
    assert_eq!(body["max_output_tokens"], 16);
    assert_eq!(
        encoded.changed,
        ["max_completion_tokens=16", "reasoning_effort=high"]
    );
}

#[test]
fn section_4_what_the_api_lacks_is_named_or_refused() {
    let everything = json!({
        "stop": ["END"], "seed": 7, "logit_bias": {"1": 1}, "frequency_penalty": 0.5,
        "presence_penalty": 0.5, "top_k": 3, "prediction": {"type": "content", "content": "x"},
        "frobnicate": 1, "audio": {"voice": "a"},
    });
    let (_, encoded) = encode(everything.clone());
    assert_eq!(
        encoded.dropped,
        [
            "audio",
            "frequency_penalty",
            "frobnicate",
            "logit_bias",
            "prediction",
            "presence_penalty",
            "seed",
            "stop",
            "top_k"
        ]
    );
    let mut strict = target();
    strict.policy.strict_params = true;
    let error = try_encode(everything, &strict).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter);
    // What says nothing is no loss.
    let (_, encoded) = encode(json!({
        "n": 1, "logit_bias": {}, "frequency_penalty": 0, "modalities": ["text"], "logprobs": false,
        "store": false,
    }));
    assert!(encoded.dropped.is_empty(), "{:?}", encoded.dropped);
    for (body, param) in [
        (json!({"n": 2}), "n"),
        (json!({"modalities": ["text", "audio"]}), "modalities"),
    ] {
        let error = try_encode(body, &target()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(param));
    }
}

#[test]
fn section_4_sampling_goes_by_what_the_model_takes() {
    let body = json!({"temperature": 0.2, "top_p": 1.0, "reasoning_effort": "low"});
    assert_eq!(encode(body.clone()).0["temperature"], 0.2);
    for sampling in [Sampling::DefaultOnly, Sampling::UnlessThinking] {
        let mut picky = target();
        picky.capabilities.sampling = sampling;
        let (wire, encoded) = encode_for(body.clone(), &picky);
        assert!(wire.get("temperature").is_none());
        assert_eq!(wire["top_p"], 1.0);
        assert_eq!(encoded.dropped, ["temperature"]);
    }
    let (wire, _) = encode(json!({"logprobs": true, "top_logprobs": 2}));
    assert_eq!(wire["include"][1], "message.output_text.logprobs");
    assert_eq!(wire["top_logprobs"], 2);
}

#[test]
fn section_7_tools_are_flat_and_say_whether_they_are_strict() {
    let function =
        json!({"type": "function", "function": {"name": "fs.read", "description": "Reads."}});
    let (body, encoded) = encode(json!({
        "tools": [
            function,
            {"type": "custom", "custom": {"name": "sql", "format": {"type": "grammar",
                "grammar": {"syntax": "regex", "definition": ".*"}}}},
            {"type": "web_search"},
        ],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
            {"type": "function", "function": {"name": "fs.read"}},
            {"type": "custom", "custom": {"name": "sql"}},
        ]}},
        "parallel_tool_calls": false,
    }));
    let name = encoded.context.names.to_wire("fs.read").to_owned();
    assert_ne!(name, "fs.read");
    assert_eq!(
        body["tools"],
        json!([
            {"type": "function", "name": name, "description": "Reads.",
                "parameters": {"type": "object", "properties": {}}, "strict": false},
            {"type": "custom", "name": "sql",
                "format": {"type": "grammar", "syntax": "regex", "definition": ".*"}},
            {"type": "web_search"},
        ])
    );
    assert_eq!(
        body["tool_choice"],
        json!({"type": "allowed_tools", "mode": "required", "tools": [
            {"type": "function", "name": name}, {"type": "custom", "name": "sql"}]})
    );
    assert_eq!(body["parallel_tool_calls"], false);
    let named = json!({"type": "function", "function": {"name": "f"}});
    let (body, _) = encode(
        json!({"tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": named}),
    );
    assert_eq!(
        body["tool_choice"],
        json!({"type": "function", "name": "f"})
    );
}

#[test]
fn section_7_custom_tools_are_functions_where_there_are_none() {
    let mut elsewhere = target();
    elsewhere.endpoint.provider = "xai".into();
    elsewhere.endpoint.first_party = false;
    let messages = json!([
        {"role": "user", "content": "q"},
        {"role": "assistant", "tool_calls": [
            {"id": "c1", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
    ]);
    let tools = json!([{"type": "custom", "custom": {"name": "sql"}}]);
    let body = json!({"messages": messages, "tools": tools, "verbosity": "low"});
    let (wire, encoded) = encode_for(body.clone(), &elsewhere);
    assert_eq!(wire["tools"][0]["type"], "function");
    assert_eq!(wire["input"][1]["arguments"], r#"{"input":"select 1"}"#);
    assert_eq!(wire["input"][2]["type"], "function_call_output");
    assert_eq!(encoded.context.custom_tools, ["sql"]);
    assert_eq!(encoded.dropped, ["verbosity"]);
    let (wire, _) = encode(body);
    assert_eq!(wire["input"][1]["type"], "custom_tool_call");
    assert_eq!(wire["input"][1]["input"], "select 1");
    assert_eq!(wire["input"][2]["type"], "custom_tool_call_output");
}

#[test]
fn section_7_tools_that_the_caller_would_have_to_run_are_refused() {
    for kind in ["local_shell", "computer_use_preview", "apply_patch"] {
        let error = try_encode(json!({"tools": [{"type": kind}]}), &target()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("tools[0]"), "{kind}");
    }
    let mut picky = target();
    picky.capabilities.forced_tool_choice = ForcedToolChoice::Never;
    let forced = json!({"tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "required"});
    let error = try_encode(forced.clone(), &picky).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tool_choice"));
    picky.policy.downgrade_forced_tool_choice = true;
    let (wire, encoded) = encode_for(forced, &picky);
    assert_eq!(wire["tool_choice"], "auto");
    assert_eq!(wire["input"][0]["content"], "Call one of the tools now.");
    assert_eq!(encoded.changed, ["tool_choice=auto"]);
}

#[test]
fn section_8_formats_are_flat() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let wanted = json!({"type": "json_schema",
        "json_schema": {"name": "a", "strict": true, "schema": schema}});
    let (body, _) = encode(json!({"response_format": wanted}));
    assert_eq!(
        body["text"]["format"],
        json!({"type": "json_schema", "name": "a", "schema": schema, "strict": true})
    );
    // JSON mode needs the word (case 18).
    let (body, _) = encode(json!({"response_format": {"type": "json_object"}}));
    assert_eq!(body["text"]["format"]["type"], "json_object");
    assert_eq!(body["input"][0]["role"], "system");
    let speaks = json!([{"role": "user", "content": "As JSON, please."}]);
    let (body, _) = encode(json!({"response_format": {"type": "json_object"}, "messages": speaks}));
    assert_eq!(body["input"].as_array().unwrap().len(), 1);
    let mut older = target();
    older.capabilities.json_schema = JsonSchemaSupport::No;
    let (body, encoded) = encode_for(json!({"response_format": wanted}), &older);
    assert_eq!(body["text"]["format"]["type"], "json_object");
    assert_eq!(encoded.context.schema_to_validate, Some(schema));
    assert_eq!(encoded.changed, ["response_format=json_object"]);
}

#[test]
fn section_15_xai_is_sent_what_its_wire_has() {
    let mut xai = target();
    xai.endpoint.provider = "xai".into();
    xai.endpoint.first_party = false;
    let rules = json!({"params": {"metadata": "drop", "safety_identifier": "drop"}});
    xai.endpoint.profile = std::sync::Arc::new(serde_json::from_value(rules).unwrap());
    let body = json!({"metadata": {"a": "b"}, "safety_identifier": "kim", "user": "kim",
        "prompt_cache_key": "k"});
    let (wire, encoded) = encode_for(body, &xai);
    assert_eq!(encoded.dropped, ["metadata", "safety_identifier"]);
    assert_eq!(wire["user"], "kim");
    assert_eq!(wire["prompt_cache_key"], "k");
    assert_eq!(wire["store"], false);
}

#[test]
fn section_10_search_options_become_the_tool() {
    let (body, _) = encode(json!({"web_search_options": {"search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"city": "Cork"}}}}));
    assert_eq!(
        body["tools"],
        json!([{"type": "web_search", "search_context_size": "low",
            "user_location": {"type": "approximate", "city": "Cork"}}])
    );
}

#[test]
fn options_meant_for_chat_find_their_place() {
    let (body, encoded) = encode(json!({"provider_options": {
        "openai": {"reasoning_effort": "low", "verbosity": "high", "seed": 3, "model": "other",
            "truncation": "auto", "include": ["web_search_call.results"]},
        "responses": {"reasoning": {"summary": "auto"}},
        "xai": {"search": true},
    }}));
    assert_eq!(
        body["reasoning"],
        json!({"effort": "low", "summary": "auto"})
    );
    assert_eq!(body["text"], json!({"verbosity": "high"}));
    assert_eq!(body["truncation"], "auto");
    assert_eq!(
        body["include"],
        json!(["reasoning.encrypted_content", "web_search_call.results"])
    );
    assert_eq!(body["model"], "gpt-test");
    assert_eq!(body.get("search"), None::<&Value>);
    assert_eq!(
        encoded.dropped,
        [
            "provider_options.openai.model",
            "provider_options.openai.seed"
        ]
    );
}
