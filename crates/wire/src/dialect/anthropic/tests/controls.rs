//! Parameters, thinking, tools and tool choice.

use serde_json::{Value, json};

use super::*;
use crate::capability::{ForcedToolChoice, Reasoning, Sampling};
use crate::chat::Effort;
use crate::error::EncodeErrorCode;

fn budget() -> Target {
    let mut target = target();
    target.capabilities.reasoning = Reasoning::Budget {
        min: 1_024,
        max: 32_768,
        can_disable: true,
    };
    target.capabilities.sampling = Sampling::UnlessThinking;
    target.capabilities.forced_tool_choice = ForcedToolChoice::UnlessThinking;
    target
}

fn adaptive(levels: &[Effort], can_disable: bool) -> Target {
    let mut target = target();
    target.capabilities.reasoning = Reasoning::Adaptive {
        levels: levels.to_vec(),
        can_disable,
        budget_accepted: false,
    };
    target
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}})
}

#[test]
fn the_least_request_and_its_headers() {
    let (body, encoded) = encode(json!({}));
    assert_eq!(
        body,
        json!({
            "model": "claude-test", "max_tokens": 50_000,
            "messages": [{"role": "user", "content": "Hi"}],
        })
    );
    assert_eq!(
        (encoded.path.as_str(), encoded.get),
        ("/v1/messages", false)
    );
    assert_eq!(
        encoded.headers,
        [("anthropic-version", "2023-06-01".to_owned())]
    );
    assert!(encoded.dropped.is_empty() && encoded.changed.is_empty());
}

/// §4, `max tokens` "M req."; §14, default; Claude on Vertex AI alike.
#[test]
fn the_output_limit_comes_from_caller_then_catalog_then_a_safe_value() {
    let limit = |body: Value, most: Option<u64>| {
        let mut target = target();
        target.capabilities.max_output = most;
        let (body, encoded) = encode_for(body, &target);
        (body["max_tokens"].as_u64().unwrap(), encoded.changed)
    };
    assert_eq!(limit(json!({}), None), (4_096, vec![]));
    assert_eq!(limit(json!({"max_tokens": 7}), Some(900)), (7, vec![]));
    assert_eq!(
        limit(json!({"max_completion_tokens": 5_000}), Some(900)),
        (900, vec!["max_completion_tokens=900".to_owned()])
    );
}

/// §4, column Ant; Claude on Vertex AI alike, without tiers (`vertex.rs`).
#[test]
fn what_has_no_equivalent_is_named_or_refused_if_strict() {
    let body = json!({
        "seed": 1, "frequency_penalty": 0.5, "presence_penalty": 0, "logit_bias": {"5": 1},
        "logprobs": true, "top_logprobs": 2, "verbosity": "low", "store": true,
        "prediction": {"type": "content", "content": "x"}, "metadata": {"a": "b"},
        "prompt_cache_key": "k", "n": 1, "modalities": ["text"], "frobnicate": 1,
        "messages": [{"role": "user", "name": "ann", "content": "Hi"}],
    });
    let (_, encoded) = encode(body);
    assert_eq!(
        encoded.dropped,
        [
            "frequency_penalty",
            "frobnicate",
            "logit_bias",
            "logprobs",
            "messages[].name",
            "metadata",
            "prediction",
            "prompt_cache_key",
            "seed",
            "store",
            "top_logprobs",
            "verbosity",
        ]
    );
    let mut strict = target();
    strict.policy.strict_params = true;
    for (field, value) in [
        ("seed", json!(1)),
        ("frobnicate", json!(1)),
        ("verbosity", json!("low")),
    ] {
        let error = try_encode(json!({ field: value }), &strict).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter);
        assert_eq!(error.param.as_deref(), Some(field));
    }
}

/// §4 note 9; Claude on Vertex AI alike.
#[test]
fn case_26_several_choices_and_spoken_answers_are_refused() {
    for (body, field) in [
        (json!({"n": 2}), "n"),
        (
            json!({"modalities": ["text", "audio"], "audio": {"voice": "v", "format": "wav"}}),
            "modalities",
        ),
    ] {
        let error = try_encode(body, &target()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(field));
    }
}

/// §4: `metadata.user_id`, note 16, `stop`; on Vertex AI no tier (`vertex.rs`).
#[test]
fn user_tier_and_stops() {
    let (body, encoded) = encode(json!({
        "user": "old", "safety_identifier": "u1", "service_tier": "default", "stop": ["\n\n", "END"],
    }));
    assert_eq!(body["metadata"], json!({"user_id": "u1"}));
    assert_eq!(body["service_tier"], "standard_only");
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert_eq!(encoded.dropped, ["stop", "user"]);
    assert_eq!(
        encode(json!({"service_tier": "priority"})).1.changed,
        ["service_tier=auto"]
    );
    assert_eq!(
        encode(json!({"service_tier": "flex"})).1.dropped,
        ["service_tier"]
    );
}

/// §4 note 2; Claude on Vertex AI alike.
#[test]
fn case_44_sampling_by_model_generation_and_api_version() {
    let ask = json!({"temperature": 1.7, "top_p": 0.5, "top_k": 4});
    // Takes all: clamped to its range.
    let (body, encoded) = encode(ask.clone());
    assert_eq!(
        (&body["temperature"], &body["top_p"], &body["top_k"]),
        (&json!(1), &json!(0.5), &json!(4))
    );
    assert_eq!(encoded.changed, ["temperature=1"]);
    // Takes one of two: the temperature stays.
    let mut either = target();
    either.capabilities.one_of_temperature_top_p = true;
    let (body, encoded) = encode_for(ask.clone(), &either);
    assert!(body.get("temperature").is_some() && body.get("top_p").is_none());
    assert_eq!(encoded.dropped, ["top_p"]);
    assert_eq!(encode_for(json!({"top_p": 0.5}), &either).0["top_p"], 0.5);
    // Takes none.
    let mut newest = target();
    newest.capabilities.sampling = Sampling::Never;
    let mut dated = target();
    dated.endpoint.api_version = Some("2026-10-21".into());
    for target in [&newest, &dated] {
        let (body, encoded) = encode_for(ask.clone(), target);
        assert!(body.get("temperature").is_none() && body.get("top_p").is_none());
        assert_eq!(encoded.dropped, ["temperature", "top_k", "top_p"]);
        // The default is what the model does anyway.
        let (_, encoded) = encode_for(json!({"temperature": 1, "top_p": 1}), target);
        assert!(encoded.dropped.is_empty());
    }
    // Takes them only while it does not think.
    let (body, _) = encode_for(json!({"temperature": 0.2}), &budget());
    assert_eq!(body["temperature"], 0.2);
    let thinking = json!({"temperature": 0.2, "top_p": 0.97, "reasoning_effort": "low"});
    let (body, encoded) = encode_for(thinking, &budget());
    assert!(body.get("temperature").is_none());
    assert_eq!(body["top_p"], 0.97);
    assert_eq!(encoded.dropped, ["temperature"]);
}

/// §9, row Anthropic ≤ 4.5; Claude on Vertex AI alike.
#[test]
fn effort_becomes_a_budget_below_max_tokens() {
    let plan = |body: Value| {
        let (wire, encoded) = encode_for(body, &budget());
        (
            wire["thinking"]["budget_tokens"].as_u64(),
            wire["max_tokens"].as_u64().unwrap(),
            encoded.changed,
        )
    };
    assert_eq!(
        plan(json!({"reasoning_effort": "medium"})),
        (Some(8_192), 50_000, vec![])
    );
    assert_eq!(
        plan(json!({"reasoning_effort": "none"})),
        (None, 50_000, vec![])
    );
    assert_eq!(
        plan(json!({"reasoning_effort": "low", "max_completion_tokens": 500})),
        (
            Some(2_048),
            2_548,
            vec!["max_completion_tokens=2548".to_owned()]
        )
    );
}

#[test]
fn case_20_one_token_on_a_small_model_that_would_think() {
    let mut small = budget();
    small.capabilities.max_output = Some(4_096);
    let (body, encoded) = encode_for(json!({"reasoning_effort": "high", "max_tokens": 1}), &small);
    assert_eq!(body["max_tokens"], 4_096);
    assert_eq!(body["thinking"]["budget_tokens"], 4_095);
    assert_eq!(
        encoded.changed,
        ["max_completion_tokens=4096", "reasoning_effort=4095 tokens"]
    );
    small.capabilities.max_output = Some(512);
    let (body, encoded) = encode_for(json!({"reasoning_effort": "high"}), &small);
    assert!(body.get("thinking").is_none());
    assert_eq!(encoded.changed, ["reasoning_effort=none"]);
}

/// §9, rows Anthropic 4.6 and later; Claude on Vertex AI alike.
#[test]
fn effort_becomes_a_level_the_model_has() {
    let model = adaptive(&[Effort::Low, Effort::Medium, Effort::High], false);
    for (asked, sent, changed) in [
        ("high", "high", false),
        ("minimal", "low", true),
        ("xhigh", "high", true),
        ("none", "low", true),
    ] {
        let (body, encoded) = encode_for(json!({"reasoning_effort": asked}), &model);
        assert_eq!(body["thinking"], json!({"type": "adaptive"}), "{asked}");
        assert_eq!(body["output_config"]["effort"], sent, "{asked}");
        assert_eq!(!encoded.changed.is_empty(), changed, "{asked}");
    }
    let (body, encoded) = encode_for(
        json!({"reasoning_effort": "none"}),
        &adaptive(&[Effort::Low], true),
    );
    assert_eq!(body["thinking"], json!({"type": "disabled"}));
    assert!(encoded.changed.is_empty() && body.get("output_config").is_none());
    let mut plain = target();
    plain.capabilities.reasoning = Reasoning::None;
    assert_eq!(
        encode_for(json!({"reasoning_effort": "low"}), &plain)
            .1
            .dropped,
        ["reasoning_effort"]
    );
}

#[test]
fn options_of_the_callers_own_come_last() {
    let (body, encoded) = encode_for(
        json!({
            "reasoning_effort": "low",
            "tools": [tool("f")],
            "provider_options": {
                "anthropic": {
                    "thinking": {"type": "enabled", "budget_tokens": 60_000},
                    "output_config": {"task_budget": {"type": "tokens", "total": 9}},
                    "tools": [{"type": "web_fetch_20260209", "name": "web_fetch"}],
                    "container": "c1", "betas": ["a-1", "b-2"], "model": "other", "max_tokens": 70_000,
                },
                "gemini": {"safetySettings": []},
            },
        }),
        &adaptive(&[Effort::Low], true),
    );
    assert_eq!(
        body["thinking"],
        json!({"type": "enabled", "budget_tokens": 60_000})
    );
    assert_eq!(
        body["output_config"],
        json!({"effort": "low", "task_budget": {"type": "tokens", "total": 9}})
    );
    assert_eq!(body["tools"][1]["name"], "web_fetch");
    assert_eq!(
        (&body["container"], &body["model"], &body["max_tokens"]),
        (&json!("c1"), &json!("claude-test"), &json!(70_000))
    );
    assert!(body.get("safetySettings").is_none());
    assert!(
        encoded
            .headers
            .contains(&("anthropic-beta", "a-1,b-2".into()))
    );
    assert_eq!(encoded.dropped, ["provider_options.anthropic.model"]);
}

/// §7, definition; Claude on Vertex AI alike.
#[test]
fn case_3_tools_without_parameters_and_without_a_type() {
    let (body, _) = encode(json!({"tools": [
        {"type": "function", "function": {"name": "a"}},
        {"type": "function", "function": {"name": "b", "parameters": {}}},
        {"type": "function", "function": {"name": "c", "description": "C", "parameters": {"properties": {"x": {}}}}},
    ]}));
    let empty = json!({"type": "object", "properties": {}});
    assert_eq!(
        body["tools"],
        json!([
            {"name": "a", "input_schema": empty},
            {"name": "b", "input_schema": empty},
            {"name": "c", "description": "C", "input_schema": {"type": "object", "properties": {"x": {}}}},
        ])
    );
    let error = try_encode(
        json!({"tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}]}),
        &target(),
    )
    .unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tools[0].function.parameters"));
}

/// §7, name rule; Claude on Vertex AI alike.
#[test]
fn case_7_names_are_mangled_in_tools_history_and_choice() {
    let long = "n".repeat(70);
    let (body, encoded) = encode(json!({
        "tools": [tool("fs.read"), tool(&long)],
        "tool_choice": {"type": "function", "function": {"name": "fs.read"}},
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "fs.read", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "x"},
        ],
    }));
    let wire = body["tools"][0]["name"].as_str().unwrap();
    assert_ne!(wire, "fs.read");
    assert_eq!(body["messages"][1]["content"][0]["name"], wire);
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": wire}));
    assert!(body["tools"][1]["name"].as_str().unwrap().len() <= 64);
    let answer = decode_with(
        json!({"content": [{"type": "tool_use", "id": "t", "name": wire, "input": {}}], "stop_reason": "tool_use"}),
        &encoded.context,
    );
    assert_eq!(answer.choices[0].message.tool_calls[0].name, "fs.read");
}

/// §7 `strict`, §8.1 column Anthropic; Claude on Vertex AI alike.
#[test]
fn strict_tools_send_a_closed_schema_only_where_it_is_enforced() {
    let body = json!({"tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": {
        "type": "object", "properties": {"n": {"type": "integer", "minimum": 2}},
    }}}]});
    let (wire, _) = encode(body.clone());
    assert_eq!(wire["tools"][0]["strict"], true);
    assert_eq!(
        wire["tools"][0]["input_schema"]["additionalProperties"],
        false
    );
    assert_eq!(
        wire["tools"][0]["input_schema"]["properties"]["n"]["description"],
        "(minimum: 2)"
    );
    let mut older = target();
    older.capabilities.json_schema = crate::capability::JsonSchemaSupport::No;
    let (wire, encoded) = encode_for(body, &older);
    assert!(wire["tools"][0].get("strict").is_none());
    assert_eq!(
        wire["tools"][0]["input_schema"]["properties"]["n"]["minimum"],
        2
    );
    assert_eq!(encoded.dropped, ["tools[].function.strict"]);
}

/// §7, choices, §4 note 14; Claude on Vertex AI alike.
#[test]
fn tool_choice_in_every_form() {
    let choice = |choice: Value, parallel: Value| {
        let mut body = json!({"tools": [tool("f"), tool("g")], "tool_choice": choice});
        if !parallel.is_null() {
            body["parallel_tool_calls"] = parallel;
        }
        encode(body).0
    };
    let null = Value::Null;
    for (asked, parallel, wire) in [
        (json!("auto"), null.clone(), json!({"type": "auto"})),
        (json!("none"), json!(false), json!({"type": "none"})),
        (json!("required"), null.clone(), json!({"type": "any"})),
        (
            json!("required"),
            json!(false),
            json!({"type": "any", "disable_parallel_tool_use": true}),
        ),
        (json!("auto"), json!(true), json!({"type": "auto"})),
        (
            null.clone(),
            json!(false),
            json!({"type": "auto", "disable_parallel_tool_use": true}),
        ),
    ] {
        assert_eq!(
            choice(asked.clone(), parallel)["tool_choice"],
            wire,
            "{asked}"
        );
    }
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {
        "mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}],
    }});
    let body = choice(allowed, null);
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tools"][0]["name"], "g");
    assert_eq!(body["tool_choice"], json!({"type": "any"}));
    // Without tools there is nothing to choose.
    let (body, encoded) =
        encode(json!({"tools": [], "parallel_tool_calls": false, "tool_choice": "auto"}));
    assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
    assert!(encoded.dropped.is_empty());
}

/// §7, forced choice; Claude on Vertex AI alike.
#[test]
fn case_45_a_forced_choice_is_refused_or_becomes_an_instruction() {
    let named = json!({"tools": [tool("f")], "tool_choice": {"type": "function", "function": {"name": "f"}}});
    let mut never = target();
    never.capabilities.forced_tool_choice = ForcedToolChoice::Never;
    assert_eq!(
        try_encode(named.clone(), &never)
            .unwrap_err()
            .param
            .as_deref(),
        Some("tool_choice")
    );
    never.policy.downgrade_forced_tool_choice = true;
    let (body, encoded) = encode_for(named.clone(), &never);
    assert_eq!(body["tool_choice"], json!({"type": "auto"}));
    assert!(body["system"].as_str().unwrap().contains("`f`"));
    assert_eq!(encoded.changed, ["tool_choice=auto"]);
    // Legacy thinking refuses it too; without thinking it is taken.
    assert!(try_encode(named.clone(), &budget()).is_ok());
    let mut thinking = named;
    thinking["reasoning_effort"] = "low".into();
    assert!(try_encode(thinking, &budget()).is_err());
}

/// §7, custom tools; Claude on Vertex AI alike.
#[test]
fn custom_tools_go_as_functions_of_one_text() {
    let (body, encoded) = encode(json!({
        "tools": [{"type": "custom", "custom": {"name": "sql", "description": "Runs SQL.", "format": {
            "type": "grammar", "grammar": {"syntax": "lark", "definition": "start: WORD"},
        }}}],
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ],
    }));
    assert_eq!(
        body["tools"][0]["input_schema"]["required"],
        json!(["input"])
    );
    assert!(
        body["tools"][0]["description"]
            .as_str()
            .unwrap()
            .contains("start: WORD")
    );
    assert_eq!(
        body["messages"][1]["content"][0]["input"],
        json!({"input": "select 1"})
    );
    assert_eq!(encoded.context.custom_tools, ["sql"]);
    assert_eq!(encoded.dropped, ["tools[].custom.format"]);
}

/// §7, hosted tools; Claude on Vertex AI alike.
#[test]
fn provider_tools_pass_and_foreign_ones_are_refused() {
    let native = json!({"type": "code_execution_20260120", "name": "code_execution"});
    let (body, _) = encode(json!({"tools": [native.clone()]}));
    assert_eq!(body["tools"][0], native);
    let error = try_encode(json!({"tools": [{"type": "file_search"}]}), &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tools[0]"));
}

/// §10, search; Claude on Vertex AI alike.
#[test]
fn web_search_options_become_the_search_tool() {
    let (body, encoded) = encode(json!({"web_search_options": {
        "search_context_size": "high",
        "user_location": {"type": "approximate", "approximate": {"city": "Oslo", "country": "NO"}},
    }}));
    assert_eq!(
        body["tools"],
        json!([{"type": "web_search_20250305", "name": "web_search",
            "user_location": {"type": "approximate", "city": "Oslo", "country": "NO"}}])
    );
    assert_eq!(encoded.dropped, ["web_search_options.search_context_size"]);
}
