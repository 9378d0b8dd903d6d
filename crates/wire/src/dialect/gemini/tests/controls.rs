//! Parameters on their way out.

use serde_json::{Value, json};

use super::*;
use crate::capability::Sampling;
use crate::error::EncodeErrorCode;

/// §4, column Gem; on Vertex AI `metadata` and `service_tier` differ (`vertex.rs`).
#[test]
fn every_parameter_is_sent_or_named() {
    let (body, encoded) = encode(json!({
        "temperature": 0.5, "top_p": 0.9, "top_k": 7, "max_tokens": 50, "stop": ["x", "y"],
        "n": 2, "seed": 12, "presence_penalty": 0.25, "frequency_penalty": 0.5,
        "logprobs": true, "top_logprobs": 3, "user": "u", "safety_identifier": "s",
        "metadata": {"a": "b"}, "logit_bias": {"1": 2}, "store": true,
        "parallel_tool_calls": false, "service_tier": "flex", "verbosity": "low",
        "prompt_cache_key": "k", "made_up": 1}));
    assert_eq!(
        body["generationConfig"],
        json!({"temperature": 0.5, "topP": 0.9, "topK": 7, "maxOutputTokens": 50,
            "stopSequences": ["x", "y"], "candidateCount": 2, "seed": 12,
            "presencePenalty": 0.25, "frequencyPenalty": 0.5,
            "responseLogprobs": true, "logprobs": 3})
    );
    assert_eq!(body["serviceTier"], "FLEX");
    assert_eq!(
        encoded.dropped,
        [
            "logit_bias",
            "made_up",
            "metadata",
            "parallel_tool_calls",
            "prompt_cache_key",
            "safety_identifier",
            "store",
            "user",
            "verbosity"
        ]
    );
    assert_eq!(encoded.path, "/v1beta/models/gemini-x:generateContent");
    let (_, streamed) = encode(json!({"stream": true, "stream_options": {"include_usage": true}}));
    assert_eq!(
        streamed.path,
        "/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    );
    assert!(streamed.dropped.is_empty());
    assert!(streamed.context.stream);
}

/// §4, verb R; Vertex AI alike.
#[test]
fn strict_params_refuses_what_would_be_dropped() {
    let mut strict = target(2);
    strict.policy.strict_params = true;
    for (name, value) in [
        ("user", json!("u")),
        ("made_up", json!(1)),
        ("store", json!(true)),
    ] {
        let error = try_encode(json!({ name: value }), &strict).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter);
        assert_eq!(error.param.as_deref(), Some(name));
    }
    assert!(try_encode(json!({"store": false, "temperature": 1}), &strict).is_ok());
}

/// §4: `stop` ≤ 5, `candidateCount`, `maxOutputTokens`; Vertex AI alike.
#[test]
fn limits_are_clamped_or_refused() {
    let mut small = target(2);
    small.capabilities.max_output = Some(100);
    let (body, encoded) = encode_for(
        json!({"max_tokens": 500, "seed": 4_294_967_297_i64}),
        &small,
    );
    assert_eq!(body["generationConfig"]["maxOutputTokens"], 100);
    assert_eq!(body["generationConfig"]["seed"], 0);
    assert_eq!(encoded.changed, ["max_completion_tokens=100", "seed=0"]);
    let error = try_encode(json!({"n": 9}), &small).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("n"));
    small.capabilities.stop_max = Some(1);
    let error = try_encode(json!({"stop": ["a", "b"]}), &small).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("stop"));
    small.capabilities.penalties = false;
    small.capabilities.sampling = Sampling::DefaultOnly;
    let asked = json!({"presence_penalty": 0.5, "frequency_penalty": 0, "temperature": 0.1,
        "top_p": 1});
    let (body, encoded) = encode_for(asked, &small);
    assert!(body.get("generationConfig").is_none());
    assert_eq!(encoded.dropped, ["presence_penalty", "temperature"]);
}

/// §9, rows Gemini 2.5 and 3+; Vertex AI alike.
#[test]
fn effort_is_a_budget_or_a_level_and_never_both() {
    let thinking = |generation: u32, effort: &str| {
        let (body, encoded) = encode_for(json!({"reasoning_effort": effort}), &target(generation));
        (
            body["generationConfig"]["thinkingConfig"].clone(),
            encoded.changed,
        )
    };
    assert_eq!(thinking(2, "none"), (json!({"thinkingBudget": 0}), vec![]));
    assert_eq!(
        thinking(2, "medium"),
        (
            json!({"thinkingBudget": 8192, "includeThoughts": true}),
            vec![]
        )
    );
    assert_eq!(thinking(2, "max").0["thinkingBudget"], 24_576);
    assert_eq!(
        thinking(3, "high"),
        (
            json!({"thinkingLevel": "HIGH", "includeThoughts": true}),
            vec![]
        )
    );
    assert_eq!(
        thinking(3, "none"),
        (
            json!({"thinkingLevel": "LOW", "includeThoughts": true}),
            vec!["reasoning_effort=low".to_owned()]
        )
    );
    assert_eq!(thinking(3, "xhigh").1, ["reasoning_effort=high"]);

    let (body, _) = encode(json!({"reasoning_effort": "high", "max_tokens": 1000}));
    assert_eq!(
        body["generationConfig"]["thinkingConfig"]["thinkingBudget"],
        999
    );
    let mut always = target(2);
    always.capabilities.reasoning = Reasoning::Budget {
        min: 128,
        max: 32_768,
        can_disable: false,
    };
    let (body, encoded) = encode_for(json!({"reasoning_effort": "none"}), &always);
    assert_eq!(
        body["generationConfig"]["thinkingConfig"]["thinkingBudget"],
        128
    );
    assert_eq!(encoded.changed, ["reasoning_effort=minimal"]);
    always.capabilities.reasoning = Reasoning::None;
    let (_, encoded) = encode_for(json!({"reasoning_effort": "low"}), &always);
    assert_eq!(encoded.dropped, ["reasoning_effort"]);

    let (body, _) = encode_for(
        json!({"reasoning_effort": "high", "provider_options": {"gemini":
            {"generation_config": {"thinking_config": {"thinking_budget": 5}}}}}),
        &target(3),
    );
    assert_eq!(
        body["generationConfig"]["thinkingConfig"],
        json!({"includeThoughts": true, "thinking_budget": 5})
    );
}

/// §7: AUTO, NONE, ANY, `allowedFunctionNames`; Vertex AI alike.
#[test]
fn tool_choices() {
    let config = |choice: Value| {
        let (body, encoded) =
            encode(json!({"tools": [function("a"), function("b")], "tool_choice": choice}));
        assert!(encoded.dropped.is_empty());
        body["toolConfig"]["functionCallingConfig"].clone()
    };
    assert_eq!(config(json!("auto")), Value::Null);
    assert_eq!(config(json!("none")), json!({"mode": "NONE"}));
    assert_eq!(config(json!("required")), json!({"mode": "ANY"}));
    let allowed = |mode: &str| {
        json!({"type": "allowed_tools", "allowed_tools": {"mode": mode,
            "tools": [{"type": "function", "function": {"name": "b"}}]}})
    };
    assert_eq!(
        config(allowed("required")),
        json!({"mode": "ANY", "allowedFunctionNames": ["b"]})
    );
    assert_eq!(
        config(allowed("auto")),
        json!({"mode": "VALIDATED", "allowedFunctionNames": ["b"]})
    );
    let (_, encoded) = encode(json!({"tool_choice": "required"}));
    assert_eq!(encoded.dropped, ["tool_choice"]);
}

/// §7, definition and no parameters; Vertex AI alike.
#[test]
fn case_3_tools_of_all_kinds() {
    let (body, encoded) = encode_for(
        json!({"tools": [
            {"type": "function", "function": {"name": "bare"}},
            {"type": "custom", "custom": {"name": "sql", "description": "Runs SQL."}},
            {"type": "google_search"}]}),
        &target(3),
    );
    let declared = &body["tools"][0]["functionDeclarations"];
    assert_eq!(declared[0], json!({"name": "bare"}));
    assert_eq!(
        declared[1]["parametersJsonSchema"]["required"],
        json!(["input"])
    );
    assert_eq!(body["tools"][1], json!({"google_search": {}}));
    assert_eq!(body["toolConfig"]["includeServerSideToolInvocations"], true);
    assert_eq!(encoded.context.custom_tools, ["sql"]);
    let answer = json!({"candidates": [{"content": {"parts": [
        {"functionCall": {"name": "sql", "args": {"input": "select 1"}}}]},
        "finishReason": "STOP"}]});
    let response = Gemini
        .decode_chat(answer.to_string().as_bytes(), &encoded.context)
        .unwrap();
    let call = &response.choices[0].message.tool_calls[0];
    assert_eq!((call.arguments.as_str(), call.custom), ("select 1", true));
    let error = try_encode(json!({"tools": [{"type": "code_interpreter"}]}), &target(3));
    assert_eq!(error.unwrap_err().param.as_deref(), Some("tools[0]"));
    let mut old = target(2);
    old.capabilities.json_schema_dialect = crate::capability::SchemaDialect::OpenApiSubset;
    let (body, _) = encode_for(json!({"tools": [function("a")]}), &old);
    assert_eq!(
        body["tools"][0]["functionDeclarations"][0]["parameters"]["type"],
        "OBJECT"
    );
}

/// §10: `googleSearch`, `cachedContent`; Vertex AI alike.
#[test]
fn search_cache_and_own_options() {
    let (body, encoded) = encode(json!({"web_search_options": {"search_context_size": "low"}}));
    assert_eq!(body["tools"], json!([{"googleSearch": {}}]));
    assert_eq!(encoded.dropped, ["web_search_options.search_context_size"]);
    let both = json!({"web_search_options": {}, "tools": [function("a")]});
    assert!(try_encode(both.clone(), &target(2)).is_err());
    assert!(try_encode(both, &target(3)).is_ok());

    let (body, encoded) = encode(json!({
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
        "tools": [function("a")], "tool_choice": "required",
        "provider_options": {"gemini": {"cachedContent": "cachedContents/1",
            "safetySettings": []}, "anthropic": {"thinking": {}}}}));
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["contents", "cachedContent", "safetySettings"]);
    assert_eq!(
        encoded.dropped,
        ["messages[].role=system", "tool_choice", "tools"]
    );
}

/// §6, `mediaResolution`; Vertex AI alike.
#[test]
fn media_detail_and_speech() {
    let picture = |detail: &str| {
        json!({"type": "image_url", "image_url":
            {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": detail}})
    };
    let asked = |parts: Value| json!({"messages": [{"role": "user", "content": parts}]});
    let (body, _) = encode(asked(json!([picture("low"), picture("low")])));
    assert_eq!(
        body["generationConfig"]["mediaResolution"],
        "MEDIA_RESOLUTION_LOW"
    );
    let (body, encoded) = encode(asked(json!([picture("low"), picture("high")])));
    assert!(body.get("generationConfig").is_none());
    assert_eq!(encoded.dropped, ["messages[].content[].image_url.detail"]);
    let (body, encoded) = encode(
        json!({"modalities": ["text", "audio"], "audio": {"voice": "Kore", "format": "mp3"}}),
    );
    assert_eq!(
        body["generationConfig"],
        json!({"responseModalities": ["TEXT", "AUDIO"],
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}})
    );
    assert_eq!(encoded.dropped, ["audio.format"]);
}
