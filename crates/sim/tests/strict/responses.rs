//! Bad Responses requests of our own, and good ones that must stay good.

use http::HeaderMap;
use polyroute_sim::dialect::openai::accept::accept_chat;
use polyroute_sim::dialect::openai::responses::accept::accept_response;
use polyroute_sim::prompt::{Prompt, Refusal, ToolChoice};
use serde_json::{Value, json};

use crate::kit::{cases, refused, with, without};

fn judge(body: &Value) -> Result<Prompt, Refusal> {
    accept_response(&HeaderMap::new(), &serde_json::to_vec(body).unwrap())
}

fn base() -> Value {
    json!({"model": "gpt-5-mini", "input": [{"role": "user", "content": "Name a river."}]})
}

fn plain() -> Value {
    with(&base(), &[("/model", json!("gpt-4o"))])
}

fn tool() -> Value {
    json!({"type": "function", "name": "tide", "strict": false,
        "parameters": {"type": "object", "properties": {"port": {"type": "string"}}}})
}

/// A loop with recorded-looking reasoning.
fn looped() -> Value {
    json!({"model": "gpt-5-mini", "store": false, "tools": [tool()],
        "include": ["reasoning.encrypted_content"], "input": [
        {"role": "user", "content": "High water at Brest?"},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAABrecorded"},
        {"type": "function_call", "call_id": "call_a", "name": "tide", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_a", "output": "04:42"},
    ]})
}

/// Name, body, `code`, `param`, part of the message.
type Case = (
    &'static str,
    Value,
    &'static str,
    &'static str,
    &'static str,
);

fn check(list: Vec<Case>) {
    for (name, body, code, param, message) in list {
        let message = format!("~{message}");
        let said = [
            ("/error/type", "invalid_request_error"),
            ("/error/code", code),
            ("/error/param", param),
            ("/error/message", message.as_str()),
        ];
        refused(name, judge(&body), &said);
    }
}

#[test]
fn good_requests_are_understood() {
    let text = json!({"model": "gpt-4o", "input": "Name a river.", "instructions": "Be brief."});
    let prompt = judge(&text).unwrap();
    assert_eq!(prompt.last_user_text, "Name a river.");
    assert_eq!(prompt.texts.len(), 2);
    let prompt = judge(&looped()).unwrap();
    assert_eq!(
        prompt.tool_results,
        [("tide".to_owned(), "04:42".to_owned())]
    );
    assert!(prompt.seal_thoughts && prompt.thinking && !prompt.show_thoughts);
    let choices = with(
        &looped(),
        &[("/tool_choice", json!({"type": "function", "name": "tide"}))],
    );
    let named = ToolChoice::Named(vec!["tide".into()]);
    assert_eq!(judge(&choices).unwrap().tool_choice, named);
    let quiet = with(
        &base(),
        &[(
            "/reasoning",
            json!({"effort": "minimal", "summary": "auto"}),
        )],
    );
    assert!(judge(&quiet).unwrap().show_thoughts);
}

#[test]
fn members_types_and_ranges() {
    check(cases! {
        "unknown member": with(&base(), &[("/stop", json!("x"))]) => "unknown_parameter", "stop", "Unknown parameter";
        "chat's limit": with(&base(), &[("/max_completion_tokens", json!(99))]) => "unknown_parameter", "max_completion_tokens", "Unknown";
        "chat's messages": with(&base(), &[("/messages", json!([]))]) => "unknown_parameter", "messages", "Unknown";
        "no input": without(&base(), "input") => "missing_required_parameter", "null", "must be provided";
        "a small limit": with(&base(), &[("/max_output_tokens", json!(15))]) => "integer_below_min_value", "max_output_tokens", ">= 16";
        "an unknown inclusion": with(&base(), &[("/include", json!(["all"]))]) => "invalid_value", "include[0]", "Supported values";
        "a part of chat": with(&base(), &[("/input/0/content", json!([{"type": "text", "text": "x"}]))]) => "invalid_value", "input[0].content[0].type", "'text'";
        "chat's nested function": with(&base(), &[("/tools", json!([{"type": "function", "function": {"name": "f"}}]))]) => "unknown_parameter", "tools[0].function", "Unknown";
        "no parameters": with(&base(), &[("/tools", json!([{"type": "function", "name": "f"}]))]) => "missing_required_parameter", "tools[0].parameters", "Missing";
        "an unknown item": with(&base(), &[("/input/0", json!({"type": "tool_result"}))]) => "invalid_value", "input[0].type", "'tool_result'";
        "padding of nothing": with(&base(), &[("/stream_options", json!({"include_obfuscation": false}))]) => "null", "stream_options", "only allowed when 'stream'";
    });
}

#[test]
fn what_a_model_does_not_take() {
    check(cases! {
        "temperature": with(&base(), &[("/temperature", json!(0.2))]) => "unsupported_parameter", "temperature", "not supported with this model";
        "an effort": with(&base(), &[("/reasoning", json!({"effort": "xhigh"}))]) => "unsupported_value", "reasoning.effort", "does not support 'xhigh'";
        "effort of a plain model": with(&plain(), &[("/reasoning", json!({"effort": "low"}))]) => "unsupported_parameter", "reasoning.effort", "not supported";
        "sealed thoughts of a plain model": with(&plain(), &[("/include", json!(["reasoning.encrypted_content"]))]) => "null", "include", "Encrypted content is not supported";
        "thoughts for a plain model": with(&looped(), &[("/model", json!("gpt-4o")), ("/include", json!([]))]) => "null", "input", "can only be provided to a reasoning";
        "json mode without the word": with(&base(), &[("/text", json!({"format": {"type": "json_object"}}))]) => "null", "input", "must contain the word 'json'";
        "an open strict schema": with(&base(), &[("/text", json!({"format": {"type": "json_schema", "name": "a", "strict": true, "schema": {"type": "object", "properties": {}}}}))]) => "invalid_json_schema", "text.format.schema", "additionalProperties";
        "a choice of nothing": with(&base(), &[("/tool_choice", json!("required"))]) => "null", "tool_choice", "must be specified with 'tools'";
        "an unknown choice": with(&looped(), &[("/tool_choice", json!({"type": "function", "name": "g"}))]) => "null", "tool_choice", "'g' not found";
    });
}

#[test]
fn section_3_3_ids_and_pairs() {
    let long = "x".repeat(65);
    check(cases! {
        "case 47, a call id as item id": with(&looped(), &[("/input/2/id", json!("call_a"))]) => "invalid_value", "input[2].id", "begins with 'fc'";
        "a foreign reasoning id": with(&looped(), &[("/input/1/id", json!("msg_1"))]) => "invalid_value", "input[1].id", "begins with 'rs'";
        "a long call id": with(&looped(), &[("/input/2/call_id", json!(long)), ("/input/3/call_id", json!(long))]) => "string_above_max_length", "input[2].call_id", "maximum length 64";
        "a result without its call": with(&looped(), &[("/input/3/call_id", json!("call_b"))]) => "null", "input", "No tool call found for function call output with call_id call_b";
        "a call without its result": with(&looped(), &[("/input/3", json!({"role": "user", "content": "And?"}))]) => "null", "input", "No tool output found for function call call_a";
        "input parts of the model's": with(&base(), &[("/input/0", json!({"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}))]) => "invalid_value", "input[0].content[0]", "'output_text' and 'refusal'";
        "a file without a name": with(&base(), &[("/input/0/content", json!([{"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0x"}]))]) => "missing_required_parameter", "input[0].content[0].filename", "Missing";
        "a sound as a file": with(&base(), &[("/input/0/content", json!([{"type": "input_file", "filename": "a.mp3", "file_data": "data:audio/mpeg;base64,SUQz"}]))]) => "invalid_value", "input[0].content[0].file_data", "unsupported MIME type 'audio/mpeg'";
    });
}

#[test]
fn section_2_4_reasoning_needs_its_follower_and_its_seal() {
    let alone = json!([
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAABx", "id": "rs_1"},
        {"role": "user", "content": "And?"},
    ]);
    check(cases! {
        "no follower": with(&looped(), &[("/input", alone)]) => "null", "input", "'rs_1' of type 'reasoning' was provided without its required following item";
        "a follower that lost its id": with(&looped(), &[("/input/1/id", json!("rs_1"))]) => "null", "input", "without its required following item";
        "a broken seal": with(&looped(), &[("/input/1/encrypted_content", json!("gAAAABsim0000000000000000YWJj"))]) => "invalid_encrypted_content", "input[1]", "could not be verified";
        "another provider's seal": with(&looped(), &[("/input/1/encrypted_content", json!("EqMD…"))]) => "invalid_encrypted_content", "input[1]", "could not be verified";
        "nothing to read": with(&looped(), &[("/input/1/encrypted_content", Value::Null)]) => "null", "input", "Items are not persisted";
    });
    let bound = with(
        &looped(),
        &[
            ("/input/1/id", json!("rs_1")),
            ("/input/2/id", json!("fc_1")),
        ],
    );
    assert!(judge(&bound).is_ok());
}

#[test]
fn chat_completions_name_the_models_of_the_other_api() {
    let body = json!({"model": "o3-pro", "messages": [{"role": "user", "content": "Hi"}]});
    let refusal = accept_chat(&HeaderMap::new(), body.to_string().as_bytes()).unwrap_err();
    assert_eq!(refusal.status, 404);
    let said = refusal.body["error"]["message"].as_str().unwrap();
    assert!(said.contains("only supported in v1/responses"), "{said}");
    let there = with(&base(), &[("/model", json!("o3-pro"))]);
    assert!(judge(&there).is_ok());
}
