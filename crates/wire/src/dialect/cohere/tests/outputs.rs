//! Tools and answer formats: wire-protocols §7 and §8.

use serde_json::json;

use super::*;
use crate::capability::{ForcedToolChoice, JsonSchemaSupport};
use crate::error::EncodeErrorCode;

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "D",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}})
}

fn wire_names(body: &Value) -> Vec<&str> {
    let tools = body["tools"].as_array().unwrap();
    tools
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap())
        .collect()
}

#[test]
fn section_7_case_3_definitions_are_like_openais() {
    let (body, _) =
        encode(json!({"tools": [tool("f"), {"type": "function", "function": {"name": "g"}}]}));
    assert_eq!(
        body["tools"],
        json!([tool("f"), {"type": "function", "function": {
            "name": "g", "parameters": {"type": "object", "properties": {}}}}])
    );
    assert!(body.get("tool_choice").is_none());
    let (body, encoded) = encode(json!({"tools": [], "tool_choice": "required"}));
    assert!(body.get("tools").is_none() && body.get("tool_choice").is_none());
    assert_eq!(encoded.dropped, ["tool_choice"]);
}

#[test]
fn section_7_case_7_names_are_mangled_and_come_back() {
    let long = "n".repeat(70);
    for name in ["fs.read", "my-tool", "9lives", long.as_str()] {
        let (body, encoded) = encode(json!({"tools": [tool(name)],
            "tool_choice": {"type": "function", "function": {"name": name}}}));
        let wire = wire_names(&body)[0].to_owned();
        assert!(!wire.starts_with(|first: char| first.is_ascii_digit()));
        assert!(
            wire.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        );
        let answer = json!({"id": "1", "finish_reason": "TOOL_CALL", "message": {"role": "assistant",
            "tool_calls": [{"id": "x", "type": "function", "function": {"name": wire, "arguments": "{}"}}]}});
        let answer = Cohere
            .decode_chat(answer.to_string().as_bytes(), &encoded.context)
            .unwrap();
        assert_eq!(answer.choices[0].message.tool_calls[0].name, name);
    }
}

#[test]
fn section_7_choices() {
    for (choice, wire, names) in [
        (json!("auto"), Value::Null, vec!["f", "g", "h"]),
        (json!("none"), json!("NONE"), vec!["f", "g", "h"]),
        (json!("required"), json!("REQUIRED"), vec!["f", "g", "h"]),
        (
            json!({"type": "function", "function": {"name": "g"}}),
            json!("REQUIRED"),
            vec!["g"],
        ),
        (
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
                {"type": "function", "function": {"name": "h"}}, {"type": "function", "function": {"name": "f"}}]}}),
            Value::Null,
            vec!["f", "h"],
        ),
        (
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
                {"type": "function", "function": {"name": "h"}}]}}),
            json!("REQUIRED"),
            vec!["h"],
        ),
    ] {
        let (body, encoded) =
            encode(json!({"tools": [tool("f"), tool("g"), tool("h")], "tool_choice": choice}));
        assert_eq!(body.get("tool_choice").cloned().unwrap_or_default(), wire);
        assert_eq!(wire_names(&body), names);
        assert!(encoded.dropped.is_empty());
    }
    for choice in [
        json!({"type": "function", "function": {"name": "z"}}),
        json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [
            {"type": "function", "function": {"name": "z"}}]}}),
    ] {
        let error = try_encode(
            json!({"tools": [tool("f")], "tool_choice": choice}),
            &target(),
        );
        assert_eq!(error.unwrap_err().code, EncodeErrorCode::InvalidValue);
    }
}

#[test]
fn section_7_models_that_know_no_tool_choice() {
    let mut old = target();
    old.capabilities.forced_tool_choice = ForcedToolChoice::Never;
    let (body, _) = encode_for(json!({"tools": [tool("f")], "tool_choice": "none"}), &old);
    assert!(body.get("tools").is_none());
    let forced = json!({"tools": [tool("f")], "tool_choice": "required"});
    let error = try_encode(forced.clone(), &old).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tool_choice"));
    old.policy.downgrade_forced_tool_choice = true;
    let (body, encoded) = encode_for(forced, &old);
    assert!(body.get("tool_choice").is_none());
    assert_eq!(body["messages"][0]["role"], "system");
    assert_eq!(encoded.changed, ["tool_choice=auto"]);
    old.capabilities.tools = false;
    let error = try_encode(json!({"tools": [tool("f")]}), &old).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tools"));
}

#[test]
fn section_7_strict_holds_for_all_tools_or_none() {
    let strict = |name: &str| {
        let mut tool = tool(name);
        tool["function"]["strict"] = true.into();
        tool
    };
    let (body, encoded) = encode(json!({"tools": [strict("f"), strict("g")]}));
    assert_eq!(body["strict_tools"], true);
    assert!(body["tools"][0]["function"].get("strict").is_none());
    assert!(encoded.dropped.is_empty());
    let (body, encoded) = encode(json!({"tools": [strict("f"), tool("g")]}));
    assert!(body.get("strict_tools").is_none());
    assert_eq!(encoded.dropped, ["tools[].function.strict"]);
    // "Every tool must have at least one required parameter."
    let mut empty = strict("f");
    empty["function"]["parameters"] = json!({"type": "object", "properties": {}});
    let (_, encoded) = encode(json!({"tools": [empty]}));
    assert_eq!(encoded.dropped, ["tools[].function.strict"]);
}

#[test]
fn section_7_custom_tools_are_functions_with_one_text() {
    let (body, encoded) = encode(json!({
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom",
                "custom": {"name": "sql", "input": "select 1"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ],
        "tools": [{"type": "custom", "custom": {"name": "sql", "description": "Runs SQL",
            "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}}}],
    }));
    let function = &body["tools"][0]["function"];
    assert_eq!(function["parameters"]["required"], json!(["input"]));
    assert!(
        function["description"]
            .as_str()
            .unwrap()
            .contains("start: X")
    );
    assert_eq!(
        body["messages"][1]["tool_calls"][0]["function"]["arguments"],
        "{\"input\":\"select 1\"}"
    );
    assert_eq!(encoded.dropped, ["tools[].custom.format"]);
    let answer = json!({"id": "1", "finish_reason": "TOOL_CALL", "message": {"tool_calls": [{"id": "x",
        "function": {"name": "sql", "arguments": "{\"input\":\"select 2\"}"}}]}});
    let answer = Cohere
        .decode_chat(answer.to_string().as_bytes(), &encoded.context)
        .unwrap();
    let call = &answer.choices[0].message.tool_calls[0];
    assert_eq!((call.arguments.as_str(), call.custom), ("select 2", true));
}

#[test]
fn section_7_tools_that_providers_run_are_refused() {
    let error = try_encode(json!({"tools": [{"type": "web_search"}]}), &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tools[0]"));
}

fn schema(strict: bool) -> Value {
    json!({"response_format": {"type": "json_schema", "json_schema": {
        "name": "answer", "description": "An age", "strict": strict,
        "schema": {"type": "object", "required": ["age"],
            "properties": {"age": {"type": "integer", "minimum": 0}}}}}})
}

#[test]
fn section_8_2_formats_are_native() {
    let (body, encoded) = encode(schema(false));
    assert_eq!(
        body["response_format"],
        json!({"type": "json_object", "json_schema": {"type": "object", "required": ["age"],
            "description": "An age",
            "properties": {"age": {"type": "integer", "description": "minimum: 0"}}}})
    );
    assert!(encoded.context.schema_to_validate.is_none() && encoded.changed.is_empty());
    // What is not enforced and was asked for strictly is checked on the answer.
    let (_, encoded) = encode(schema(true));
    assert!(encoded.context.schema_to_validate.is_some());
    let (body, _) = encode(json!({"response_format": {"type": "text"}}));
    assert!(body.get("response_format").is_none());
}

#[test]
fn section_8_2_case_18_json_mode_says_json() {
    let (body, _) = encode(json!({"response_format": {"type": "json_object"}}));
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert!(
        body["messages"][0]["content"]
            .as_str()
            .unwrap()
            .contains("JSON")
    );
    let (body, _) = encode(json!({"response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": "As json please"}]}));
    assert_eq!(body["messages"][0]["role"], "user");
}

#[test]
fn section_8_2_case_19_with_tools_or_documents_the_format_is_emulated() {
    let mut with_tools = schema(false);
    with_tools["tools"] = json!([tool("f")]);
    let mut with_documents = schema(false);
    with_documents["provider_options"] = json!({"cohere": {"documents": ["d"]}});
    for body in [with_tools.clone(), with_documents] {
        let (body, encoded) = encode(body);
        assert!(body.get("response_format").is_none());
        assert!(
            body["messages"][0]["content"]
                .as_str()
                .unwrap()
                .contains("\"minimum\":0")
        );
        assert!(encoded.context.schema_to_validate.is_some());
        assert_eq!(encoded.changed, ["response_format=emulated"]);
    }
    with_tools["tool_choice"] = json!("required");
    let error = try_encode(with_tools, &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("response_format"));
    let (body, encoded) =
        encode(json!({"tools": [tool("f")], "response_format": {"type": "json_object"}}));
    assert!(body.get("response_format").is_none());
    assert_eq!(encoded.changed, ["response_format=emulated"]);
}

#[test]
fn section_8_2_schemas_that_are_not_enforced_go_out_in_words() {
    let mut old = target();
    old.capabilities.json_schema = JsonSchemaSupport::No;
    let (body, encoded) = encode_for(schema(true), &old);
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert!(encoded.context.schema_to_validate.is_some());
    // A list is no object: only words are left.
    let (body, encoded) = encode(
        json!({"response_format": {"type": "json_schema", "json_schema": {
        "name": "l", "schema": {"type": "array", "items": {"type": "string"}}}}}),
    );
    assert!(body.get("response_format").is_none());
    assert_eq!(encoded.changed, ["response_format=emulated"]);
}
