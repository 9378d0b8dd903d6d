use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::adapter::Endpoint;
use crate::capability::{Capabilities, ForcedToolChoice, JsonSchemaSupport, Reasoning, Sampling};
use crate::chat::Effort;
use crate::surface::Surface;

fn target(first_party: bool, capabilities: Capabilities) -> Target {
    Target {
        endpoint: Endpoint {
            provider: if first_party { "openai" } else { "house" }.into(),
            api_version: None,
            first_party,
            ..Endpoint::default()
        },
        model: "up".into(),
        capabilities,
        ..Target::default()
    }
}

fn edit(body: &str, target: &Target) -> Result<Edited, EncodeError> {
    edit_chat(&RawObject::parse(body.as_bytes()).unwrap(), target)
}

fn text(edited: &Edited) -> String {
    String::from_utf8(edited.encoded.body.to_vec()).unwrap()
}

fn json_of(edited: &Edited) -> Value {
    serde_json::from_slice(&edited.encoded.body).unwrap()
}

/// A request with these members, edited.
fn with(members: Value, target: &Target) -> Result<Edited, EncodeError> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    edit(&body.to_string(), target)
}

#[test]
fn only_the_model_changes() {
    let body = "{ \"model\": \"a\", \"messages\" : [{\"role\":\"user\",\"content\":\"the \\\"is_error\\\" word\"}],\n \"temperature\":1.0e0, \"unknown\": 12345678901234567890123 }";
    let edited = edit(body, &target(true, Capabilities::default())).unwrap();
    assert_eq!(text(&edited), body.replace("\"a\"", "\"up\""));
    assert!(edited.encoded.dropped.is_empty() && edited.encoded.changed.is_empty());
}

#[test]
fn our_own_members_go_and_options_are_merged() {
    let members = json!({
        "provider": "house", "x-tag": 1,
        "metadata": {"a": "1"},
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "provider_options": {
            "openai": {"metadata": {"b": "2"}, "tools": [{"type": "web"}]},
            "house": {"min_p": 0.1}, "gemini": {"z": 1}},
    });
    let sent = json_of(&with(members, &target(false, Capabilities::default())).unwrap());
    assert_eq!(sent["metadata"], json!({"a": "1", "b": "2"}));
    assert_eq!(sent["tools"].as_array().unwrap().len(), 2);
    assert_eq!(sent["min_p"], 0.1);
    for key in ["provider", "x-tag", "provider_options", "z"] {
        assert!(sent.get(key).is_none(), "{key}");
    }
}

#[test]
fn openrouters_provider_object_is_not_our_provider_name() {
    let members = json!({"provider": {"only": ["x"]}});
    let sent = json_of(&with(members.clone(), &target(false, Capabilities::default())).unwrap());
    assert_eq!(sent["provider"], json!({"only": ["x"]}));
    let edited = with(members, &target(true, Capabilities::default())).unwrap();
    assert!(json_of(&edited).get("provider").is_none());
    assert_eq!(edited.encoded.dropped, ["provider"]);
}

#[test]
fn options_never_say_another_model_or_stream() {
    let options = json!({"openai": {"model": "dear", "stream": true, "seed": 7}, "house": {"model": "dearer"}});
    let members = json!({"provider_options": options});
    let mut target = target(false, Capabilities::default());
    let edited = with(members.clone(), &target).unwrap();
    let sent = json_of(&edited);
    assert_eq!((&sent["model"], &sent["seed"]), (&json!("up"), &json!(7)));
    assert!(sent.get("stream").is_none() && !edited.encoded.context.stream);
    let lost = [
        "provider_options.openai.model",
        "provider_options.openai.stream",
    ];
    assert_eq!(edited.encoded.dropped, lost);
    target.policy.strict_params = true;
    let error = with(members, &target).unwrap_err();
    assert_eq!(error.param.as_deref(), Some(lost[0]));
}

#[test]
fn options_for_a_member_that_we_add_too_make_one_member() {
    let members =
        json!({"stream": true, "provider_options": {"openai": {"stream_options": {"pad": 1}}}});
    let edited = with(members, &target(true, Capabilities::default())).unwrap();
    // A second member of the same key would be refused here.
    let sent = RawObject::parse(&edited.encoded.body).unwrap();
    let options: Value = serde_json::from_str(sent.get("stream_options").unwrap()).unwrap();
    assert_eq!(options, json!({"include_usage": true, "pad": 1}));
}

#[test]
fn case_42_usage_is_always_asked_for_upstream() {
    let target = target(true, Capabilities::default());
    let edited = with(json!({"stream": true}), &target).unwrap();
    assert!(!edited.usage_asked && edited.encoded.context.stream);
    assert_eq!(
        json_of(&edited)["stream_options"],
        json!({"include_usage": true})
    );
    let options = json!({"stream": true, "stream_options": {"include_obfuscation": false}});
    let edited = with(options, &target).unwrap();
    assert_eq!(
        json_of(&edited)["stream_options"]["include_obfuscation"],
        false
    );
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    assert!(with(asked, &target).unwrap().usage_asked);
}

fn reasoning_model() -> Capabilities {
    Capabilities {
        sampling: Sampling::DefaultOnly,
        penalties: false,
        logit_bias: false,
        logprobs: false,
        seed: false,
        stop_max: Some(0),
        max_completion_tokens: true,
        tools_with_effort: false,
        max_output: Some(1_000),
        reasoning: Reasoning::Effort {
            levels: vec![Effort::None, Effort::Low, Effort::High],
        },
        ..Capabilities::default()
    }
}

#[test]
fn what_a_reasoning_model_refuses_is_left_out_and_named() {
    let members = json!({
        "temperature": 0.2, "top_p": 1, "presence_penalty": 0, "frequency_penalty": 1,
        "logprobs": true, "top_logprobs": 2, "logit_bias": {"1": 2}, "seed": 4, "stop": ["x"],
        "max_tokens": 50, "reasoning_effort": "medium",
    });
    let edited = with(members.clone(), &target(true, reasoning_model())).unwrap();
    assert_eq!(
        edited.encoded.dropped,
        [
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "seed",
            "stop",
            "temperature",
            "top_logprobs"
        ]
    );
    assert_eq!(edited.encoded.changed, ["reasoning_effort=low"]);
    let sent = json_of(&edited);
    assert_eq!(sent["max_completion_tokens"], 50);
    assert!(sent.get("max_tokens").is_none());
    assert_eq!(sent["top_p"], 1);
    let mut strict = target(true, reasoning_model());
    strict.policy.strict_params = true;
    let error = with(members, &strict).unwrap_err();
    assert_eq!(
        (error.code, error.param.as_deref()),
        (EncodeErrorCode::UnsupportedParameter, Some("temperature"))
    );
}

#[test]
fn case_20_a_limit_keeps_its_bytes_under_its_new_name() {
    let body = "{\"max_tokens\": 1, \"model\":\"a\", \"messages\":[]}";
    let edited = edit(body, &target(true, reasoning_model())).unwrap();
    assert_eq!(
        text(&edited),
        "{\"max_completion_tokens\":1, \"model\":\"up\", \"messages\":[]}"
    );
    let edited = with(
        json!({"max_tokens": 5_000}),
        &target(true, reasoning_model()),
    )
    .unwrap();
    assert_eq!(edited.encoded.changed, ["max_completion_tokens=1000"]);
}

#[test]
fn case_46_effort_and_tools() {
    let members = json!({"reasoning_effort": "high", "tools": [{"type": "function", "function": {"name": "f"}}]});
    let edited = with(members.clone(), &target(true, reasoning_model())).unwrap();
    assert_eq!(json_of(&edited)["reasoning_effort"], "none");
    assert_eq!(edited.encoded.changed, ["reasoning_effort=none"]);
    let mut always = reasoning_model();
    always.reasoning = Reasoning::Effort {
        levels: vec![Effort::Low, Effort::High],
    };
    let edited = with(members, &target(true, always)).unwrap();
    assert_eq!(edited.encoded.dropped, ["reasoning_effort"]);
}

#[test]
fn case_26_more_choices_than_the_model_gives() {
    let capabilities = Capabilities {
        choices_max: 1,
        ..Capabilities::default()
    };
    let error = with(json!({"n": 2}), &target(false, capabilities.clone())).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("n"));
    assert!(with(json!({"n": 1}), &target(false, capabilities)).is_ok());
}

#[test]
fn tool_choice_without_tools_and_empty_tools_go() {
    let members = json!({"tools": [], "tool_choice": "auto", "parallel_tool_calls": true});
    let edited = with(members, &target(true, Capabilities::default())).unwrap();
    let sent = json_of(&edited);
    for key in ["tools", "tool_choice", "parallel_tool_calls"] {
        assert!(sent.get(key).is_none(), "{key}");
    }
    assert!(edited.encoded.dropped.is_empty());
    let edited = with(
        json!({"tool_choice": "required"}),
        &target(true, Capabilities::default()),
    );
    assert_eq!(edited.unwrap().encoded.dropped, ["tool_choice"]);
}

#[test]
fn case_45_a_forced_choice_that_the_model_refuses() {
    let capabilities = Capabilities {
        forced_tool_choice: ForcedToolChoice::Never,
        ..Capabilities::default()
    };
    let members = json!({"tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}});
    let mut target = target(false, capabilities);
    let error = with(members.clone(), &target).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tool_choice"));
    target.policy.downgrade_forced_tool_choice = true;
    let sent = json_of(&with(members, &target).unwrap());
    assert_eq!(sent["tool_choice"], "auto");
    assert!(
        sent["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("`f`")
    );
}

#[test]
fn case_18_json_mode_without_the_word() {
    let target = target(true, Capabilities::default());
    let members = json!({"response_format": {"type": "json_object"}});
    let sent = json_of(&with(members, &target).unwrap());
    assert_eq!(sent["messages"].as_array().unwrap().len(), 2);
    assert_eq!(sent["messages"][0]["role"], "system");
    let members = json!({"response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": "as Json please"}]});
    let sent = json_of(&with(members, &target).unwrap());
    assert_eq!(sent["messages"].as_array().unwrap().len(), 1);
}

#[test]
fn case_19_a_schema_that_the_server_does_not_enforce() {
    let capabilities = Capabilities {
        json_schema: JsonSchemaSupport::No,
        ..Capabilities::default()
    };
    let schema = json!({"type": "object"});
    let members = json!({"stream": true, "response_format": {"type": "json_schema",
        "json_schema": {"name": "n", "schema": schema}}});
    let edited = with(members, &target(false, capabilities)).unwrap();
    let sent = json_of(&edited);
    assert_eq!(sent["response_format"], json!({"type": "json_object"}));
    assert!(
        sent["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("{\"type\":\"object\"}")
    );
    assert_eq!(edited.encoded.context.schema_to_validate, Some(schema));
    assert_eq!(edited.encoded.changed, ["response_format=json_object"]);
}

#[test]
fn case_13_developer_for_compatible_servers_and_for_openai() {
    let members = json!({"messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]});
    let role = |target: &Target| {
        json_of(&with(members.clone(), target).unwrap())["messages"][0]["role"].clone()
    };
    assert_eq!(role(&target(false, Capabilities::default())), "system");
    assert_eq!(role(&target(true, Capabilities::default())), "developer");
    let old = Capabilities {
        system_role: SystemRole::User,
        ..Capabilities::default()
    };
    assert_eq!(role(&target(true, old)), "user");
}

#[test]
fn case_21_extension_fields_do_not_reach_openai() {
    let messages = json!([
        {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": "y", "reasoning_content": "r", "thinking_blocks": [],
         "provider_blocks": [{"index": 0, "issuer": "openai", "span": {"text": 0, "calls": 0},
            "block": {"reasoning_details": [{"text": "t"}]}}],
         "custom": 1, "parsed": null,
         "tool_calls": [{"id": "c", "type": "function",
            "function": {"name": "f", "arguments": "{}", "parsed_arguments": {}},
            "extra_content": {"google": {"thought_signature": "s"}}}]},
        {"role": "tool", "tool_call_id": "c", "content": "no", "is_error": true},
    ]);
    let members = json!({"messages": messages});
    let edited = with(members.clone(), &target(true, Capabilities::default())).unwrap();
    let sent = json_of(&edited)["messages"].to_string();
    for gone in [
        "cache_control",
        "reasoning_content",
        "blocks",
        "extra_content",
        "is_error",
        "reasoning_details",
        "parsed",
    ] {
        assert!(!sent.contains(gone), "{gone}: {sent}");
    }
    assert!(sent.contains("\"custom\":1"));
    assert_eq!(
        edited.encoded.dropped,
        ["messages[].content[].cache_control", "messages[].is_error"]
    );
    // A compatible server gets back what it had given.
    let sent = json_of(&with(members, &target(false, Capabilities::default())).unwrap());
    assert_eq!(sent["messages"][1]["reasoning_content"], "r");
    assert_eq!(
        sent["messages"][1]["reasoning_details"],
        json!([{"text": "t"}])
    );
}

#[test]
fn cache_marks_become_breakpoints_where_the_model_has_them() {
    let capabilities = Capabilities {
        cache_breakpoints: true,
        ..Capabilities::default()
    };
    let members = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}]});
    let edited = with(members, &target(true, capabilities)).unwrap();
    assert_eq!(
        json_of(&edited)["messages"][0]["content"][0]["prompt_cache_breakpoint"],
        json!({"mode": "explicit"})
    );
    assert!(edited.encoded.dropped.is_empty());
}

#[test]
fn case_6_an_id_too_long_is_shortened_on_both_sides() {
    let id = "call:1.".repeat(10);
    let members = json!({"messages": [
        {"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": id, "content": "1"}]});
    let sent = json_of(&with(members.clone(), &target(true, Capabilities::default())).unwrap());
    let short = sent["messages"][0]["tool_calls"][0]["id"].as_str().unwrap();
    assert!(short.len() <= 40);
    assert_eq!(sent["messages"][1]["tool_call_id"], short);
    let sent = json_of(&with(members, &target(false, Capabilities::default())).unwrap());
    assert_eq!(sent["messages"][1]["tool_call_id"], id);
}

#[test]
fn case_9_a_picture_in_a_result_follows_the_whole_group() {
    let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}});
    let members = json!({"messages": [
        {"role": "tool", "tool_call_id": "a", "content": [image]},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "user", "content": "so?"}]});
    let sent = json_of(&with(members, &target(true, Capabilities::default())).unwrap());
    let roles: Vec<_> = sent["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["tool", "tool", "user", "user"]);
    assert_eq!(sent["messages"][2]["content"][1], image);
}

proptest! {
    #[test]
    fn a_request_with_nothing_to_change_is_unchanged_but_for_its_model(
        content in "\\PC{0,40}", key in "[a-w_]{1,12}", number: i64, pretty: bool, first_party: bool,
    ) {
        prop_assume!(!PARAMS.contains(&key.as_str()) && !["model", "messages", "tools", "functions", "provider", "provider_options", "cache_control"].contains(&key.as_str()));
        let body = json!({"model": "caller", "messages": [{"role": "user", "content": content}], key: number, "temperature": 0.5, "max_tokens": 3});
        let body = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) }.unwrap();
        let edited = edit(&body, &target(first_party, Capabilities::default())).unwrap();
        prop_assert_eq!(text(&edited), body.replacen("\"caller\"", "\"up\"", 1));
    }
}

#[test]
fn case_7_only_names_that_openai_refuses_need_a_translation() {
    let needs = |name: &str, target: &Target| {
        // Of free-form tools only OpenAI itself knows.
        let kind = if target.endpoint.first_party {
            "custom"
        } else {
            "function"
        };
        let body = json!({"model": "m", "messages": [], "tools": [
            {"type": "function", "function": {"name": "fine"}},
            {"type": kind, kind: {"name": name}}]})
        .to_string();
        needs_translation(&RawObject::parse(body.as_bytes()).unwrap(), target)
    };
    let openai = target(true, Capabilities::default());
    for (name, expected) in [
        ("get_weather-2", false),
        ("get.weather", true),
        ("get\u{e9}", true),
        (&*"a".repeat(64), false),
        (&*"a".repeat(65), true),
        ("", false),
    ] {
        assert_eq!(needs(name, &openai), expected, "{name}");
        // Nobody knows what names a compatible server takes.
        assert!(!needs(name, &target(false, Capabilities::default())));
    }
    let odd = r#"{"model":"m","messages":[],"tools":[1,{"function":"x"}]}"#;
    assert!(!needs_translation(
        &RawObject::parse(odd.as_bytes()).unwrap(),
        &openai
    ));
}

#[test]
fn case_8_calls_are_read_only_where_orphans_are_to_be_mended() {
    let body = r#"{"model":"m","messages":[{"role":"tool","tool_call_id":"a","content":"b"}]}"#;
    let raw = RawObject::parse(body.as_bytes()).unwrap();
    let mut mending = target(false, Capabilities::default());
    assert!(!needs_translation(&raw, &mending));
    mending.policy.repair_orphans = true;
    assert!(needs_translation(&raw, &mending));
    let plain = RawObject::parse(br#"{"model":"m","messages":[]}"#).unwrap();
    assert!(!needs_translation(&plain, &mending));
}

#[test]
fn section_1_azure_surfaces_pass_the_same_bytes_on_to_their_own_paths() {
    let mut target = target(true, Capabilities::default());
    for (surface, path) in [
        (Surface::AzureV1, "/openai/v1/chat/completions"),
        (
            Surface::AzureDeployments,
            "/openai/deployments/up/chat/completions?api-version=2024-10-21",
        ),
        (
            Surface::AzureInference,
            "/models/chat/completions?api-version=2024-05-01-preview",
        ),
    ] {
        target.endpoint.surface = surface;
        let body = r#"{ "model": "a", "messages" : [], "x": 1.0e0 }"#;
        let edited = edit(body, &target).unwrap();
        assert_eq!(edited.encoded.path, path);
        assert_eq!(text(&edited), body.replace("\"a\"", "\"up\""));
    }
}

#[test]
fn azure_before_september_2024_is_not_asked_for_usage() {
    let mut target = target(true, Capabilities::default());
    target.endpoint.surface = Surface::AzureDeployments;
    target.endpoint.api_version = Some("2024-02-01".into());
    let edited = with(json!({"stream": true}), &target).unwrap();
    assert_eq!(json_of(&edited).get("stream_options"), None);
    assert!(edited.encoded.dropped.is_empty());
    let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
    let edited = with(asked.clone(), &target).unwrap();
    assert_eq!(json_of(&edited).get("stream_options"), None);
    assert_eq!(edited.encoded.dropped, ["stream_options"]);
    target.policy.strict_params = true;
    assert!(with(asked, &target).is_err());
}
