//! Parameters: wire-protocols §4 (column Co) and §9.

use serde_json::json;

use super::*;
use crate::capability::{Reasoning, Sampling};
use crate::error::EncodeErrorCode;

#[test]
fn section_4_sampling_is_mapped_and_clamped() {
    let (body, encoded) = encode(json!({
        "temperature": 1.7, "top_p": 1, "top_k": 900, "seed": 7, "max_tokens": 100,
        "stop": ["a", "b"], "logprobs": true,
    }));
    assert_eq!(
        body,
        json!({
            "model": "command-test", "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 100, "temperature": 1, "p": 0.99, "k": 500, "seed": 7,
            "stop_sequences": ["a", "b"], "logprobs": true,
        })
    );
    assert_eq!(
        encoded.changed,
        ["temperature=1", "top_k=500", "top_p=0.99"]
    );
    assert!(encoded.dropped.is_empty());
    assert_eq!((encoded.path.as_str(), encoded.get), ("/v2/chat", false));
}

#[test]
fn section_4_what_the_api_lacks_is_named() {
    let (body, encoded) = encode(json!({
        "logit_bias": {"5": 1}, "top_logprobs": 3, "user": "u", "safety_identifier": "s",
        "metadata": {"a": "b"}, "parallel_tool_calls": false, "prediction": {"type": "content"},
        "verbosity": "low", "prompt_cache_key": "k", "store": true, "seed": -1, "nonsense": 1,
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }));
    assert_eq!(
        encoded.dropped,
        [
            "logit_bias",
            "metadata",
            "nonsense",
            "parallel_tool_calls",
            "prediction",
            "prompt_cache_key",
            "safety_identifier",
            "seed",
            "store",
            "top_logprobs",
            "user",
            "verbosity",
        ]
    );
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["model", "messages", "tools"]);
    // What says nothing is not named.
    let (_, silent) = encode(json!({
        "n": 1, "store": false, "parallel_tool_calls": true, "frequency_penalty": 0,
        "modalities": ["text"], "service_tier": "auto", "stream_options": {"include_usage": true},
        "stream": true,
    }));
    assert!(silent.dropped.is_empty() && silent.changed.is_empty());
}

#[test]
fn section_4_strict_params_refuses_what_would_be_dropped() {
    let mut strict = target();
    strict.policy.strict_params = true;
    let error = try_encode(json!({"user": "u"}), &strict).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter);
    assert_eq!(error.param.as_deref(), Some("user"));
}

#[test]
fn section_4_note_9_case_26_one_choice_a_call() {
    let error = try_encode(json!({"n": 2}), &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("n"));
    for (field, value) in [
        ("modalities", json!(["text", "audio"])),
        ("web_search_options", json!({})),
    ] {
        let error = try_encode(json!({ (field): value }), &target()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(field));
    }
}

#[test]
fn section_4_note_12_only_one_penalty_goes_out() {
    let (body, encoded) = encode(json!({"frequency_penalty": 1.5, "presence_penalty": 0.5}));
    assert_eq!(body["frequency_penalty"], 1);
    assert!(body.get("presence_penalty").is_none());
    assert_eq!(encoded.changed, ["frequency_penalty=1"]);
    assert_eq!(encoded.dropped, ["presence_penalty"]);
    let (body, encoded) = encode(json!({"frequency_penalty": 0, "presence_penalty": -0.5}));
    assert_eq!(body["presence_penalty"], 0);
    assert_eq!(encoded.changed, ["presence_penalty=0"]);
}

#[test]
fn section_4_stop_sequences_beyond_five_are_named() {
    let (body, encoded) = encode(json!({"stop": ["1", "2", "3", "4"]}));
    assert_eq!(body["stop_sequences"], json!(["1", "2", "3", "4"]));
    assert!(encoded.dropped.is_empty());
    let mut few = target();
    few.capabilities.stop_max = Some(1);
    let (body, encoded) = encode_for(json!({"stop": ["1", "2"]}), &few);
    assert_eq!(body["stop_sequences"], json!(["1"]));
    assert_eq!(encoded.dropped, ["stop"]);
}

#[test]
fn section_4_service_tier_is_a_priority() {
    for (tier, priority) in [("priority", json!(0)), ("flex", json!(999))] {
        let (body, _) = encode(json!({ "service_tier": tier }));
        assert_eq!(body["priority"], priority);
    }
    let (body, encoded) = encode(json!({"service_tier": "default"}));
    assert!(body.get("priority").is_none() && encoded.dropped.is_empty());
    let (_, encoded) = encode(json!({"service_tier": "scale"}));
    assert_eq!(encoded.dropped, ["service_tier"]);
}

#[test]
fn section_4_models_that_take_less_are_asked_less() {
    let mut poor = target();
    poor.capabilities.sampling = Sampling::DefaultOnly;
    poor.capabilities.penalties = false;
    poor.capabilities.logprobs = false;
    poor.capabilities.seed = false;
    let (body, encoded) = encode_for(
        json!({"temperature": 0, "top_p": 0.5, "top_k": 1, "presence_penalty": 1, "seed": 1,
            "logprobs": true}),
        &poor,
    );
    assert_eq!(body.as_object().unwrap().len(), 2);
    assert_eq!(
        encoded.dropped,
        [
            "logprobs",
            "presence_penalty",
            "seed",
            "temperature",
            "top_k",
            "top_p"
        ]
    );
}

fn thinker(min: u64, max: u64, can_disable: bool) -> Target {
    let mut target = target();
    target.capabilities.reasoning = Reasoning::Budget {
        min,
        max,
        can_disable,
    };
    target
}

#[test]
fn section_9_effort_is_a_token_budget() {
    let thinker = thinker(1, 31_000, true);
    for (effort, thinking) in [
        ("none", json!({"type": "disabled"})),
        ("low", json!({"type": "enabled", "token_budget": 2_048})),
        ("max", json!({"type": "enabled", "token_budget": 31_000})),
    ] {
        let (body, encoded) = encode_for(json!({ "reasoning_effort": effort }), &thinker);
        assert_eq!(body["thinking"], thinking);
        assert!(encoded.changed.is_empty(), "{effort}");
    }
    let (body, _) = encode(json!({"reasoning_effort": "medium"}));
    assert_eq!(body["thinking"]["token_budget"], 8_192);
}

#[test]
fn section_9_the_limit_leaves_room_for_the_answer() {
    let mut thinker = thinker(1, 31_000, true);
    let (body, encoded) = encode_for(
        json!({"reasoning_effort": "medium", "max_tokens": 1_000}),
        &thinker,
    );
    assert_eq!(body["max_tokens"], 9_192);
    assert_eq!(encoded.changed, ["max_completion_tokens=9192"]);
    thinker.capabilities.max_output = Some(4_000);
    let (body, encoded) = encode_for(
        json!({"reasoning_effort": "medium", "max_tokens": 1_000}),
        &thinker,
    );
    assert_eq!(body["max_tokens"], 4_000);
    assert_eq!(body["thinking"]["token_budget"], 3_999);
    assert_eq!(
        encoded.changed,
        ["max_completion_tokens=4000", "reasoning_effort=3999 tokens"]
    );
}

#[test]
fn section_9_models_that_do_not_think_and_those_that_always_do() {
    let mut plain = target();
    plain.capabilities.reasoning = Reasoning::None;
    let (body, encoded) = encode_for(json!({"reasoning_effort": "high"}), &plain);
    assert!(body.get("thinking").is_none());
    assert_eq!(encoded.dropped, ["reasoning_effort"]);
    let (_, encoded) = encode_for(json!({"reasoning_effort": "none"}), &plain);
    assert!(encoded.dropped.is_empty());
    let (body, encoded) = encode_for(
        json!({"reasoning_effort": "none"}),
        &thinker(1_024, 31_000, false),
    );
    assert_eq!(
        body["thinking"],
        json!({"type": "enabled", "token_budget": 1_024})
    );
    assert_eq!(encoded.changed, ["reasoning_effort=minimal"]);
}

#[test]
fn section_9_the_callers_own_thinking_wins() {
    let (body, _) = encode(json!({
        "reasoning_effort": "low",
        "provider_options": {"cohere": {"thinking": {"type": "disabled"}}},
    }));
    assert_eq!(body["thinking"], json!({"type": "disabled"}));
}

/// Section 15: `documents`, `citation_options` and `safety_mode` are such.
#[test]
fn section_2_6_own_options_are_merged_and_the_model_is_not_theirs() {
    let (body, encoded) = encode(json!({
        "temperature": 0.2, "stream": true,
        "provider_options": {
            "cohere": {"safety_mode": "STRICT", "citation_options": {"mode": "FAST"},
                "documents": ["a", {"data": {"text": "b"}}], "model": "other", "stream": false},
            "openai": {"nothing": 1},
        },
    }));
    assert_eq!(body["safety_mode"], "STRICT");
    assert_eq!(body["citation_options"], json!({"mode": "FAST"}));
    assert_eq!(body["documents"], json!(["a", {"data": {"text": "b"}}]));
    assert_eq!(
        (&body["model"], &body["stream"]),
        (&json!("command-test"), &json!(true))
    );
    assert!(body.get("nothing").is_none());
    assert_eq!(
        encoded.dropped,
        [
            "provider_options.cohere.model",
            "provider_options.cohere.stream"
        ]
    );
}
