use serde_json::json;

use super::*;
use crate::adapter::Endpoint;
use crate::capability::Capabilities;
use crate::dialect::openai::parse_chat;
use crate::error::EncodeErrorCode;
use crate::json::RawObject;
use crate::media::Media;

fn target(first_party: bool) -> Target {
    Target {
        endpoint: Endpoint {
            provider: if first_party { "openai" } else { "house" }.into(),
            api_version: None,
            first_party,
            ..Endpoint::default()
        },
        model: "up".into(),
        capabilities: Capabilities::default(),
        ..Target::default()
    }
}

fn encode_with(body: &Value, target: &Target, media: &MediaStore) -> Result<Encoded, EncodeError> {
    let text = body.to_string();
    let request = parse_chat(&RawObject::parse(text.as_bytes()).unwrap()).unwrap();
    encode(&request, target, media)
}

fn sent(body: &Value, target: &Target) -> Value {
    let encoded = encode_with(body, target, &MediaStore::default()).unwrap();
    serde_json::from_slice(&encoded.body).unwrap()
}

#[test]
fn options_never_say_another_model_or_stream() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}],
        "provider_options": {"openai": {"seed": 7}, "house": {"model": "dear", "stream": true}}});
    let mut target = target(false);
    let encoded = encode_with(&body, &target, &MediaStore::default()).unwrap();
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!((&sent["model"], &sent["seed"]), (&json!("up"), &json!(7)));
    assert_eq!(sent.get("stream"), None);
    let lost = [
        "provider_options.openai.model",
        "provider_options.openai.stream",
    ];
    assert_eq!(encoded.dropped, lost);
    target.policy.strict_params = true;
    assert!(encode_with(&body, &target, &MediaStore::default()).is_err());
}

#[test]
fn a_full_request_comes_out_as_it_went_in() {
    let body = json!({
        "model": "up",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": [
                {"type": "text", "text": "t"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
            ]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                {"id": "c2", "type": "custom", "custom": {"name": "g", "input": "x"}}]},
            {"role": "tool", "tool_call_id": "c2", "content": "2"},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_completion_tokens": 5,
        "temperature": 0.5,
        "stop": ["a"],
        "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
        "verbosity": "low",
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}},
            {"type": "custom", "custom": {"name": "g", "format": {"type": "text"}}}],
        "tool_choice": {"type": "custom", "custom": {"name": "g"}},
        "parallel_tool_calls": false,
    });
    assert_eq!(sent(&body, &target(true)), body);
}

#[test]
fn case_8_orphans_are_refused_or_repaired() {
    let orphan_result = json!({"model": "m", "messages": [
        {"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "gone", "content": "1"}]});
    let orphan_call = json!({"model": "m", "messages": [
        {"role": "assistant", "tool_calls": [{"id": "c9", "function": {"name": "f", "arguments": ""}}]},
        {"role": "user", "content": "x"}]});
    for (body, id, count) in [(orphan_result, "gone", 1), (orphan_call, "c9", 3)] {
        let error = encode_with(&body, &target(true), &MediaStore::default()).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
        assert!(error.message.contains(id));
        let mut lenient = target(true);
        lenient.policy.repair_orphans = true;
        assert_eq!(
            sent(&body, &lenient)["messages"].as_array().unwrap().len(),
            count
        );
    }
}

#[test]
fn case_7_names_are_mangled_everywhere_alike() {
    let body = json!({"model": "m",
        "messages": [
            {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "fs.read", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "1"}],
        "tools": [{"type": "function", "function": {"name": "fs.read"}}],
        "tool_choice": {"type": "function", "function": {"name": "fs.read"}}});
    let encoded = encode_with(&body, &target(true), &MediaStore::default()).unwrap();
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let name = sent["tools"][0]["function"]["name"].as_str().unwrap();
    assert!(!name.contains('.'));
    assert_eq!(sent["tool_choice"]["function"]["name"], name);
    assert_eq!(
        sent["messages"][0]["tool_calls"][0]["function"]["name"],
        name
    );
    assert_eq!(encoded.context.names.to_caller(name), "fs.read");
}

#[test]
fn custom_tools_are_functions_elsewhere() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
        "tools": [{"type": "custom", "custom": {"name": "shell", "format": {"type": "text"}}}]});
    let encoded = encode_with(&body, &target(false), &MediaStore::default()).unwrap();
    assert_eq!(encoded.context.custom_tools, ["shell"]);
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        sent["tools"][0]["function"]["parameters"]["required"],
        json!(["input"])
    );
}

#[test]
fn allowed_tools_are_a_subset_elsewhere() {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name}});
    let choice = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [tool("b")]}});
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}],
        "tools": [tool("a"), tool("b")], "tool_choice": choice});
    assert_eq!(sent(&body, &target(true))["tool_choice"], choice);
    let elsewhere = sent(&body, &target(false));
    assert_eq!(elsewhere["tools"], json!([tool("b")]));
    assert_eq!(elsewhere["tool_choice"], "required");
}

#[test]
fn case_16_pictures_that_a_target_does_not_fetch_or_take() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]});
    let mut blind = target(false);
    blind.capabilities.fetches_urls = false;
    let text = body.to_string();
    let request = parse_chat(&RawObject::parse(text.as_bytes()).unwrap()).unwrap();
    assert_eq!(
        content::media_to_fetch(&request, &blind),
        ["https://example.com/a.png"]
    );
    let missing = encode(&request, &blind, &MediaStore::default()).unwrap_err();
    assert_eq!(missing.param.as_deref(), Some("messages[0].content[0]"));
    let mut media = MediaStore::default();
    let mut put = |media_type: &str| {
        let file = Media {
            media_type: media_type.into(),
            data: "AAAA".into(),
        };
        media.insert("https://example.com/a.png".into(), file);
        encode(&request, &blind, &media)
    };
    let sent: Value = serde_json::from_slice(&put("image/png").unwrap().body).unwrap();
    assert_eq!(
        sent["messages"][0]["content"][0]["image_url"]["url"],
        "data:image/png;base64,AAAA"
    );
    assert_eq!(
        put("image/svg+xml").unwrap_err().code,
        EncodeErrorCode::UnsupportedContent
    );
}

#[test]
fn unread_fields_are_named_or_refused() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "min_p": 1});
    let encoded = encode_with(&body, &target(true), &MediaStore::default()).unwrap();
    assert_eq!(encoded.dropped, ["min_p"]);
    let mut strict = target(true);
    strict.policy.strict_params = true;
    let error = encode_with(&body, &strict, &MediaStore::default()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("min_p"));
}

/// The messages as they are sent.
fn sent_messages(messages: &Value, target: &Target) -> Value {
    sent(&json!({"model": "m", "messages": messages}), target)["messages"].clone()
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}})
}

#[test]
fn case_4_parallel_calls_with_results_in_reverse_order() {
    let messages = json!([
        {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
    ]);
    assert_eq!(sent_messages(&messages, &target(true)), messages);
}

#[test]
fn case_5_the_same_call_id_in_two_turns() {
    let turn = |result: &str| {
        [
            json!({"role": "assistant", "content": null, "tool_calls": [call("call_0")]}),
            json!({"role": "tool", "tool_call_id": "call_0", "content": result}),
        ]
    };
    let messages = Value::from([turn("1"), turn("2")].concat());
    assert_eq!(sent_messages(&messages, &target(true)), messages);
}

#[test]
fn case_10_user_text_between_two_results() {
    let body = json!({"model": "m", "messages": [
        {"role": "assistant", "tool_calls": [call("a"), call("b")]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "user", "content": "wait"},
        {"role": "tool", "tool_call_id": "b", "content": "2"},
    ]});
    let error = encode_with(&body, &target(true), &MediaStore::default()).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
    assert!(error.message.contains("`b`"), "{error}");
}

#[test]
fn case_11_12_and_14_system_messages_anywhere_and_turns_in_a_row() {
    for messages in [
        json!([{"role": "system", "content": "only"}]),
        json!([
            {"role": "system", "content": "a"}, {"role": "system", "content": "b"},
            {"role": "user", "content": "x"}, {"role": "system", "content": "c"},
            {"role": "user", "content": "y"}, {"role": "user", "content": "z"},
            {"role": "assistant", "content": "1"}, {"role": "assistant", "content": "2"},
        ]),
    ] {
        assert_eq!(sent_messages(&messages, &target(true)), messages);
    }
}

#[test]
fn case_15_a_trailing_assistant_keeps_its_space() {
    let messages = json!([
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "Sure, "},
    ]);
    assert_eq!(sent_messages(&messages, &target(true)), messages);
}

#[test]
fn case_17_schemas_go_out_as_they_came() {
    let schema = json!({
        "type": "object",
        "properties": {
            "default": {"type": ["string", "null"]},
            "node": {"$ref": "#/$defs/node"},
            "kind": {"const": 3},
        },
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
    });
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "json"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}});
    let out = sent(&body, &target(true));
    assert_eq!(out["tools"], body["tools"]);
    assert_eq!(out["response_format"], body["response_format"]);
}
