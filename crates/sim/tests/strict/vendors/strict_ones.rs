//! The vendors that refuse what they do not know, and DeepSeek, whose rules are many.

use polyroute_sim::vendor::accept::accept_chat;
use serde_json::json;

use super::{each, edited, judge, looped, rows, said, tools, vendor};
use crate::kit::with;

/// wire-protocols §15: unknown fields are 422, all of them named.
#[test]
fn section_15_mistral_refuses_what_it_does_not_know() {
    let unknown = edited(
        "mistral",
        &[
            ("/max_completion_tokens", json!(9)),
            ("/stream_options", json!({"include_usage": true})),
            ("/messages/0/name", json!("ada")),
        ],
    );
    said(
        "three unknown",
        judge("mistral", &unknown),
        422,
        &[
            ("/object", "error"),
            ("/type", "invalid_request_error"),
            ("/message/detail/0/type", "extra_forbidden"),
            ("/message/detail/0/loc/1", "max_completion_tokens"),
            ("/message/detail/1/loc/1", "stream_options"),
            ("/message/detail/2/loc/3", "user"),
            ("/message/detail/2/loc/4", "name"),
            ("/message/detail/2/msg", "Extra inputs are not permitted"),
            ("/raw_status_code", "422"),
        ],
    );
    for key in [
        "logit_bias",
        "logprobs",
        "user",
        "seed",
        "service_tier",
        "store",
    ] {
        let pointer = format!("/{key}");
        let body = edited("mistral", &[(pointer.as_str(), json!(1))]);
        said(
            key,
            judge("mistral", &body),
            422,
            &[("/message/detail/0/loc/1", key)],
        );
    }
    each(
        "mistral",
        422,
        "/message/detail/0/type",
        &[("/code", "null")],
        rows! {
            "developer": [("/messages/0/role", json!("developer"))]
                => "union_tag_invalid";
            "temperature": [("/temperature", json!(1.7))]
                => "less_than_equal";
            "type": [("/max_tokens", json!("many"))]
                => "int_type";
            "choice": [("/tool_choice", json!("always"))]
                => "enum";
            "cache mark": [("/messages/0/content", json!([{"type": "text", "text": "a", "cache_control": {}}]))]
                => "extra_forbidden";
            "reasoning": [("/messages/1", json!({"role": "assistant", "content": "a", "reasoning_content": "b"}))]
                => "extra_forbidden";
        },
    );
}

/// wire-protocols §§5, 7: ids of nine letters (3280), roles in order (3230).
#[test]
fn section_5_and_7_mistral_order_and_ids() {
    for id in ["call_1234", "short", "aB3dE6gH9x"] {
        let at = [("/code", "3280"), ("/type", "invalid_function_call")];
        said(id, judge("mistral", &looped("mistral", id)), 400, &at);
    }
    let user_after_tool = |model: &str| {
        let mut body = looped("mistral", "aB3dE6gH9");
        body["model"] = json!(model);
        body["messages"]
            .as_array_mut()
            .unwrap()
            .push(json!({"role": "user", "content": "so?"}));
        judge("mistral", &body)
    };
    let at = [
        ("/code", "3230"),
        ("/message", "Unexpected role 'user' after role 'tool'"),
        ("/type", "invalid_request_message_order"),
    ];
    said("large", user_after_tool("mistral-large-latest"), 400, &at);
    assert!(user_after_tool("mistral-small-latest").is_ok());
    let assistant = json!({"role": "assistant", "content": "The"});
    let trailing = edited("mistral", &[("/messages/1", assistant.clone())]);
    said(
        "prefill",
        judge("mistral", &trailing),
        400,
        &[("/code", "3230")],
    );
    let prefix = with(&trailing, &[("/messages/1/prefix", json!(true))]);
    assert!(judge("mistral", &prefix).is_ok());
    let silent = edited(
        "mistral",
        &[
            ("/messages/1", json!({"role": "assistant", "content": ""})),
            ("/messages/2", json!({"role": "user", "content": "a"})),
        ],
    );
    said(
        "silent",
        judge("mistral", &silent),
        400,
        &[("/code", "3240")],
    );
    let mut unanswered = looped("mistral", "aB3dE6gH9");
    unanswered["messages"][2] = json!({"role": "user", "content": "well?"});
    said(
        "unanswered",
        judge("mistral", &unanswered),
        400,
        &[("/code", "3230")],
    );
}

/// wire-protocols §9: turns with calls send their thoughts back.
#[test]
fn section_9_deepseek_wants_thoughts_back() {
    let body = looped("deepseek", "call_00_x");
    let at = [
        (
            "/error/message",
            "~`reasoning_content` in the thinking mode must be passed back",
        ),
        ("/error/type", "invalid_request_error"),
        ("/error/code", "invalid_request_error"),
    ];
    said("replay", judge("deepseek", &body), 400, &at);
    let empty = with(&body, &[("/messages/1/reasoning_content", json!(""))]);
    assert!(judge("deepseek", &empty).is_ok());
    let chat = with(&body, &[("/model", json!("deepseek-chat"))]);
    assert!(judge("deepseek", &chat).is_ok());
    let off = with(&body, &[("/reasoning_effort", json!("none"))]);
    assert!(judge("deepseek", &off).is_ok());
}

#[test]
fn deepseek_rules() {
    let image = json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    let prefix = json!({"role": "assistant", "content": "The", "prefix": true});
    each(
        "deepseek",
        400,
        "/error/message",
        &[
            ("/error/code", "invalid_request_error"),
            ("/error/param", "null"),
        ],
        rows! {
            "developer": [("/messages/0/role", json!("developer"))]
                => "unknown variant `developer`, expected one of `system`, `user`";
            "image": [("/messages/0/content", image)]
                => "unknown variant `image_url`, expected `text`";
            "type": [("/max_tokens", json!("many"))]
                => "invalid type: string \"many\"";
            "temperature": [("/temperature", json!(2.5))]
                => "valid range of temperature is [0, 2]";
            "schema": [("/response_format", json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}))]
                => "response_format type is unavailable now";
            "json": [("/response_format", json!({"type": "json_object"}))]
                => "must contain the word 'json'";
            "tool name": [("/tools", json!([{"type": "function", "function": {"name": "a.b"}}]))]
                => "string does not match pattern";
            "prefix": [("/messages/1", prefix.clone())]
                => "base_url=\"https://api.deepseek.com/beta\"";
            "no messages": [("/messages", json!([]))]
                => "Empty input messages";
        },
    );
    let body = edited("deepseek", &[("/messages/1", prefix)]);
    let bytes = serde_json::to_vec(&body).unwrap();
    assert!(accept_chat(vendor("deepseek"), "/beta", &bytes).is_ok());
    let unknown = edited(
        "deepseek",
        &[("/verbosity", json!("low")), ("/logit_bias", json!({}))],
    );
    assert!(
        judge("deepseek", &unknown).is_ok(),
        "unknown members are ignored"
    );
    let mut unanswered = looped("deepseek", "call_1");
    unanswered["model"] = json!("deepseek-chat");
    unanswered["messages"].as_array_mut().unwrap().pop();
    let at = [("/error/message", "~insufficient tool messages")];
    said("unanswered", judge("deepseek", &unanswered), 400, &at);
}

/// wire-protocols §§4, 5, 8.2, 13.3: `name`, logprobs, logit_bias, n, JSON mode; no `param`.
#[test]
fn section_4_groq_refuses_and_names() {
    let schema = |strict: bool, closed: bool| {
        json!({"type": "json_schema", "json_schema": {"name": "a", "strict": strict, "schema": {
            "type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"],
            "additionalProperties": !closed}}})
    };
    let oss = || ("/model", json!("openai/gpt-oss-120b"));
    let qwen = || ("/model", json!("qwen/qwen3-32b"));
    each(
        "groq",
        400,
        "/error/message",
        &[
            ("/error/type", "invalid_request_error"),
            ("/error/param", "absent"),
            ("/error/code", "absent"),
        ],
        rows! {
            "unknown": [("/top_k", json!(4))]
                => "property 'top_k' is unsupported";
            "name": [("/messages/0/name", json!("ada"))]
                => "'messages.0' : for 'role:user' the following must be satisfied[('messages.0' : property 'name' is unsupported)]";
            "thoughts": [("/messages/1", json!({"role": "assistant", "content": "a", "reasoning_content": "b"}))]
                => "'messages.1' : for 'role:assistant' the following must be satisfied";
            "logprobs": [("/logprobs", json!(true))]
                => "`logprobs` is not supported with this model";
            "logit_bias": [("/logit_bias", json!({"1": 2}))]
                => "`logit_bias` is not supported";
            "n": [("/n", json!(2))]
                => "'n' : number must be at most 1";
            "effort": [("/reasoning_effort", json!("low"))]
                => "`reasoning_effort` is not supported with this model";
            "qwen effort": [qwen(), ("/reasoning_effort", json!("high"))]
                => "must be one of `none` or `default`";
            "both": [oss(), ("/reasoning_format", json!("parsed")), ("/include_reasoning", json!(true))]
                => "cannot specify both";
            "raw tools": [qwen(), ("/reasoning_format", json!("raw")), ("/tools", tools())]
                => "`reasoning_format` must be either";
            "json tools": [("/response_format", json!({"type": "json_object"})), ("/tools", tools())]
                => "json mode cannot be combined";
            "json word": [("/response_format", json!({"type": "json_object"}))]
                => "'messages' must contain the word 'json'";
            "schema model": [("/response_format", schema(false, true))]
                => "does not support response format `json_schema`";
            "open schema": [oss(), ("/response_format", schema(true, false))]
                => "`additionalProperties:false` must be set";
            "streamed schema": [oss(), ("/stream", json!(true)), ("/response_format", schema(true, true))]
                => "does not support streaming";
        },
    );
}

#[test]
fn cerebras_names_everything_at_the_top_level() {
    let body = edited(
        "cerebras",
        &[
            ("/store", json!(true)),
            (
                "/messages/1",
                json!({"role": "assistant", "content": "a", "reasoning_content": "b"}),
            ),
        ],
    );
    let at = [
        (
            "/message",
            "body.store: property 'body.store' is unsupported\nmessages.1.assistant.reasoning_content: property 'messages.1.assistant.reasoning_content' is unsupported",
        ),
        ("/type", "invalid_request_error"),
        ("/param", "validation_error"),
        ("/code", "wrong_api_format"),
    ];
    said("two unknown", judge("cerebras", &body), 400, &at);
    each(
        "cerebras",
        400,
        "/message",
        &[("/code", "wrong_api_format")],
        rows! {
            "temperature": [("/temperature", json!(1.8))]
                => "less than or equal to 1.5";
            "json tools": [("/response_format", json!({"type": "json_object"})), ("/tools", tools())]
                => "\"tools\" is incompatible with \"response_format\"";
            "both limits": [("/max_tokens", json!(1)), ("/max_completion_tokens", json!(1))]
                => "mutually exclusive";
            "audio": [("/messages/0/content", json!([{"type": "input_audio", "input_audio": {}}]))]
                => "does not match any of the expected tags";
        },
    );
    let thoughts = json!({"role": "assistant", "content": "a", "reasoning": "b"});
    let kept = edited(
        "cerebras",
        &[
            ("/messages/1", thoughts),
            ("/messages/2", json!({"role": "user", "content": "c"})),
        ],
    );
    assert!(judge("cerebras", &kept).is_ok());
}

#[test]
fn fireworks_rules() {
    each(
        "fireworks",
        400,
        "/error/message",
        &[("/error/code", "BAD_REQUEST")],
        rows! {
            "unknown": [("/verbosity", json!("low"))]
                => "Extra inputs are not permitted, field: 'verbosity'";
            "two unknown": [("/verbosity", json!(1)), ("/moderation", json!({}))]
                => "2 request validation errors: Extra inputs";
            "tool mark": [("/tools", tools()), ("/tools/0/cache_control", json!({}))]
                => "field: 'tools[0].cache_control'";
            "both limits": [("/max_tokens", json!(1)), ("/max_completion_tokens", json!(1))]
                => "Only one of 'max_tokens' and";
            "long whole": [("/max_tokens", json!(8_192))]
                => "Requests with max_tokens > 4096 must have stream=true";
            "both thinking": [("/thinking", json!({"type": "enabled"})), ("/reasoning_effort", json!("low"))]
                => "Only one of 'thinking' and";
        },
    );
    let long = edited(
        "fireworks",
        &[("/max_tokens", json!(8_192)), ("/stream", json!(true))],
    );
    assert!(judge("fireworks", &long).is_ok());
}
