use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::chat::{MediaSource, Part, Role, Tool, ToolChoice};

fn parse(body: &Value) -> Result<ChatRequest, ParseError> {
    let text = body.to_string();
    parse_chat(&RawObject::parse(text.as_bytes()).unwrap())
}

/// A request with these members beside a model and one user message.
fn with(members: Value) -> Result<ChatRequest, ParseError> {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    parse(&body)
}

fn messages(list: Value) -> Result<Vec<crate::chat::Message>, ParseError> {
    with(json!({ "messages": list })).map(|request| request.messages)
}

#[test]
fn case_1_assistant_without_content_beside_calls() {
    for content in [json!(null), json!(""), json!([])] {
        let parsed = messages(json!([
            {"role": "user", "content": "weather?"},
            {"role": "assistant", "content": content, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "w", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ]))
        .unwrap();
        assert!(parsed[1].parts.is_empty());
        assert_eq!(parsed[1].tool_calls[0].id, "c1");
        assert_eq!(parsed[2].role, Role::Tool);
    }
}

#[test]
fn case_2_arguments_empty_missing_or_an_object() {
    for (arguments, expected) in [
        (json!(""), ""),
        (json!(null), ""),
        (json!({"a": 1}), "{\"a\":1}"),
    ] {
        let parsed = messages(json!([{"role": "assistant", "tool_calls": [
            {"id": "c", "function": {"name": "f", "arguments": arguments}}]}]))
        .unwrap();
        assert_eq!(parsed[0].tool_calls[0].arguments, expected);
    }
}

#[test]
fn case_3_a_tool_without_parameters() {
    let request = with(json!({"tools": [{"type": "function", "function": {"name": "now"}}]}));
    let tools = request.unwrap().tools;
    assert!(matches!(&tools[0], Tool::Function { name, parameters: None, .. } if name == "now"));
}

#[test]
fn case_9_tool_results_empty_image_only_and_error() {
    let parsed = messages(json!([
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "tool", "tool_call_id": "b", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
        {"role": "tool", "tool_call_id": "c", "content": "boom", "is_error": true},
    ]))
    .unwrap();
    assert!(parsed[0].parts.is_empty());
    assert!(
        matches!(&parsed[1].parts[0], Part::Image { source: MediaSource::Inline { data, .. }, .. } if data == "AA==")
    );
    assert!(parsed[2].is_error);
}

#[test]
fn case_13_developer_and_the_legacy_function_role() {
    let parsed = messages(json!([
        {"role": "developer", "content": "be brief"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    ]))
    .unwrap();
    assert_eq!(parsed[0].role, Role::Developer);
    let id = &parsed[1].tool_calls[0].id;
    assert_eq!(parsed[2].tool_call_id.as_ref(), Some(id));
}

#[test]
fn case_21_opaque_blocks_come_back_in_every_spelling() {
    let block = json!({"type": "thinking", "thinking": "", "signature": "sig"});
    let ours = json!({"index": 0, "issuer": "anthropic", "model": "claude", "block": block,
        "span": {"text": 0, "calls": 0}});
    let theirs =
        messages(json!([{"role": "assistant", "content": "x", "thinking_blocks": [block]}]));
    let own = messages(json!([{"role": "assistant", "content": "x",
        "provider_blocks": [ours], "thinking_blocks": [block]}]));
    for parsed in [theirs.unwrap(), own.unwrap()] {
        assert_eq!(parsed[0].blocks.len(), 1);
        assert_eq!(parsed[0].blocks[0].issuer, "anthropic");
        assert_eq!(parsed[0].blocks[0].block, block);
    }
    let google = messages(
        json!([{"role": "assistant", "content": "né", "tool_calls": [
        {"id": "a", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "function": {"name": "f", "arguments": "{}"},
         "extra_content": {"google": {"thought_signature": "AbC="}}}]}]),
    )
    .unwrap();
    let found = &google[0].blocks[0];
    assert_eq!(found.issuer, "gemini");
    assert_eq!(
        (found.span.text, found.span.calls, found.span.call_len),
        (2, 1, 1)
    );
    assert_eq!(found.block["thoughtSignature"], "AbC=");
}

#[test]
fn case_25_an_empty_reasoning_content_is_kept() {
    let parsed = messages(json!([{"role": "assistant", "content": "x", "reasoning_content": ""}]));
    assert_eq!(parsed.unwrap()[0].reasoning.as_deref(), Some(""));
}

#[test]
fn parts_of_every_kind() {
    let parsed = messages(json!([{"role": "user", "content": [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "b", "prompt_cache_breakpoint": {"mode": "explicit"}},
        {"type": "image_url", "image_url": "https://example.com/a.png"},
        {"type": "image_url", "image_url": {"url": "gs://bucket/a.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/v.mp4", "fps": 2}},
        {"type": "hologram", "depth": 3},
    ]}]))
    .unwrap();
    let parts = &parsed[0].parts;
    assert!(
        matches!(&parts[0], Part::Text { cache_control: Some(mark), .. } if mark.0["ttl"] == "1h")
    );
    assert!(
        matches!(&parts[1], Part::Text { cache_control: Some(mark), .. } if mark.0["type"] == "ephemeral")
    );
    assert!(matches!(
        &parts[2],
        Part::Image {
            source: MediaSource::Url(_),
            detail: None,
            ..
        }
    ));
    assert!(matches!(&parts[3], Part::Image { detail: Some(detail), .. } if detail == "low"));
    assert!(
        matches!(&parts[4], Part::Audio { source: MediaSource::Inline { media_type, .. }, .. } if media_type == "audio/mpeg")
    );
    assert!(matches!(&parts[5], Part::File { filename: Some(name), .. } if name == "a.pdf"));
    assert!(
        matches!(&parts[6], Part::File { source: MediaSource::FileId(id), .. } if id == "file-1")
    );
    assert!(
        matches!(&parts[7], Part::Video { settings: Some(settings), .. } if settings["fps"] == 2)
    );
    assert!(
        matches!(&parts[8], Part::Unknown { kind, value } if kind == "hologram" && value["depth"] == 3)
    );
}

#[test]
fn tool_choices_of_every_form() {
    let named = |name: &str| ToolChoice::Named(name.to_owned());
    for (form, expected) in [
        (json!("auto"), ToolChoice::Auto),
        (json!("none"), ToolChoice::None),
        (json!("required"), ToolChoice::Required),
        (json!("any"), ToolChoice::Required),
        (
            json!({"type": "function", "function": {"name": "f"}}),
            named("f"),
        ),
        (json!({"type": "function", "name": "f"}), named("f")),
        (
            json!({"type": "custom", "custom": {"name": "c"}}),
            named("c"),
        ),
        (
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
                {"type": "function", "function": {"name": "a"}}]}}),
            ToolChoice::Allowed {
                names: vec!["a".into()],
                required: true,
            },
        ),
    ] {
        assert_eq!(
            with(json!({"tool_choice": form})).unwrap().tool_choice,
            Some(expected)
        );
    }
}

#[test]
fn legacy_functions_are_tools() {
    let request = with(json!({
        "functions": [{"name": "f", "parameters": {"type": "object"}}],
        "function_call": {"name": "f"},
    }))
    .unwrap();
    assert!(request.legacy_functions);
    assert_eq!(request.tools.len(), 1);
    assert_eq!(request.tool_choice, Some(ToolChoice::Named("f".into())));
}

#[test]
fn what_is_unknown_is_named_and_our_own_is_not() {
    let request = with(json!({
        "messages": [{"role": "user", "mood": "good", "content": [{"type": "text", "text": "x", "foo": 1}]}],
        "provider": "openai", "provider_options": {"gemini": {"a": 1}}, "x-trace": "1",
        "metadata": {"team": "a"}, "min_p": 0.1, "logit_bias": null, "route": [],
        "reasoning": {"effort": "high", "max_tokens": 5},
        "verbosity": "low",
    }))
    .unwrap();
    assert_eq!(
        request.unread,
        [
            "messages[].content[].foo",
            "messages[].mood",
            "min_p",
            "reasoning.max_tokens"
        ]
    );
    assert_eq!(request.reasoning_effort, Some(Effort::High));
    assert_eq!(request.carried["verbosity"], "low");
    assert_eq!(request.metadata.unwrap()["team"], "a");
    assert_eq!(request.provider_options["gemini"]["a"], 1);
}

/// Each of these members is refused with this code and parameter.
fn refused<const N: usize>(cases: [(Value, &str, &str); N]) {
    for (members, code, param) in cases {
        let error = with(members.clone()).unwrap_err();
        assert_eq!(
            (error.code, error.param.as_deref()),
            (code, Some(param)),
            "{members}: {error}"
        );
    }
}

#[test]
fn mistakes_in_messages_are_named_by_path_and_code() {
    refused([
        (json!({"model": ""}), "missing_required_parameter", "model"),
        (json!({"model": 5}), "invalid_type", "model"),
        (json!({"messages": []}), "invalid_value", "messages"),
        (
            json!({"messages": null}),
            "missing_required_parameter",
            "messages",
        ),
        (json!({"messages": "hi"}), "invalid_type", "messages"),
        (json!({"messages": [5]}), "invalid_type", "messages[0]"),
        (
            json!({"messages": [{"content": "x"}]}),
            "missing_required_parameter",
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "robot", "content": "x"}]}),
            "invalid_value",
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "user"}]}),
            "missing_required_parameter",
            "messages[0].content",
        ),
        (
            json!({"messages": [{"role": "user", "content": 5}]}),
            "invalid_type",
            "messages[0].content",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"text": "x"}]}]}),
            "missing_required_parameter",
            "messages[0].content[0].type",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}]}),
            "invalid_value",
            "messages[0].content[0].image_url.url",
        ),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "missing_required_parameter",
            "messages[0].tool_call_id",
        ),
    ]);
}

#[test]
fn mistakes_in_parameters_are_named_by_path_and_code() {
    refused([
        (json!({"temperature": 2.5}), "invalid_value", "temperature"),
        (json!({"temperature": "hot"}), "invalid_type", "temperature"),
        (json!({"top_p": -0.1}), "invalid_value", "top_p"),
        (json!({"n": 0}), "invalid_value", "n"),
        (json!({"top_logprobs": 21}), "invalid_value", "top_logprobs"),
        (
            json!({"max_tokens": 5, "max_completion_tokens": 6}),
            "invalid_value",
            "max_tokens",
        ),
        (json!({"max_tokens": 1.5}), "invalid_value", "max_tokens"),
        (json!({"stop": [1]}), "invalid_type", "stop[0]"),
        (json!({"stream": "yes"}), "invalid_type", "stream"),
        (
            json!({"tools": [{"type": "function", "name": "f"}]}),
            "missing_required_parameter",
            "tools[0].function",
        ),
        (
            json!({"tool_choice": "maybe"}),
            "invalid_value",
            "tool_choice",
        ),
        (
            json!({"reasoning_effort": "huge"}),
            "invalid_value",
            "reasoning_effort",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            "invalid_value",
            "response_format.type",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "missing_required_parameter",
            "response_format.json_schema",
        ),
        (
            json!({"provider_options": {"gemini": 1}}),
            "invalid_type",
            "provider_options.gemini",
        ),
    ]);
    assert_eq!(
        with(json!({"max_tokens": 6, "max_completion_tokens": 6}))
            .unwrap()
            .max_output_tokens,
        Some(6)
    );
}

#[test]
fn embedding_inputs_of_every_form() {
    let parse = |members: Value| {
        let text = members.to_string();
        parse_embeddings(&RawObject::parse(text.as_bytes()).unwrap())
    };
    for (input, count) in [
        (json!("a"), 1),
        (json!(["a", "b"]), 2),
        (json!([1, 2, 3]), 1),
        (json!([[1], [2, 3]]), 2),
    ] {
        let request = parse(json!({"model": "m", "input": input, "encoding_format": "base64"}));
        let request = request.unwrap();
        assert_eq!((request.input.len(), request.base64), (count, true));
    }
    for (members, param) in [
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": []}), "input"),
        (json!({"model": "m", "input": [""]}), "input[0]"),
        (json!({"model": "m", "input": [-1]}), "input[0]"),
        (
            json!({"model": "m", "input": "a", "encoding_format": "hex"}),
            "encoding_format",
        ),
        (
            json!({"model": "m", "input": "a", "dimensions": -1}),
            "dimensions",
        ),
    ] {
        assert_eq!(parse(members).unwrap_err().param.as_deref(), Some(param));
    }
}

fn arb_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_]{0,9}".prop_map(Value::from),
        Just(json!("data:;base64,")),
        Just(json!("function")),
        Just(json!("assistant")),
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        let key = prop_oneof![
            Just("messages"),
            Just("role"),
            Just("content"),
            Just("type"),
            Just("tools"),
            Just("tool_calls"),
            Just("function"),
            Just("name"),
            Just("image_url"),
            Just("url"),
            Just("provider_blocks"),
            Just("tool_choice"),
            Just("stop"),
            Just("stream_options"),
        ]
        .prop_map(ToOwned::to_owned);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(body in arb_json()) {
        let body = json!({"model": "m", "messages": [body.clone()], "tools": [body.clone()], "tool_choice": body.clone(), "response_format": body.clone(), "input": body});
        let text = body.to_string();
        let raw = RawObject::parse(text.as_bytes()).unwrap();
        let _ = parse_chat(&raw);
        let _ = parse_embeddings(&raw);
        let _ = crate::dialect::openai::edit_chat(&raw, &crate::adapter::Target::default());
    }
}
