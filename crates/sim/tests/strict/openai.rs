//! Bad OpenAI requests of our own, and good ones that must stay good.

use http::HeaderMap;
use polyroute_sim::dialect::openai::accept::{accept_chat, accept_embeddings};
use polyroute_sim::prompt::{Prompt, Refusal, ToolChoice};
use serde_json::{Value, json};

use crate::kit::{cases, refused, with, without};

const PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn judge(body: &Value) -> Result<Prompt, Refusal> {
    accept_chat(&HeaderMap::new(), &serde_json::to_vec(body).unwrap())
}

fn base() -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "Name a river."}]})
}

fn reasoning() -> Value {
    with(&base(), &[("/model", json!("gpt-5-mini"))])
}

fn tool() -> Value {
    json!({"type": "function", "function": {
        "name": "tide",
        "description": "The tide at a port",
        "parameters": {"type": "object", "properties": {"port": {"type": "string"}}},
    }})
}

fn strict_tool(parameters: Value) -> Value {
    with(
        &base(),
        &[(
            "/tools",
            json!([{"type": "function", "function": {
                "name": "tide", "strict": true, "parameters": parameters,
            }}]),
        )],
    )
}

fn looped() -> Value {
    json!({"model": "gpt-4o", "tools": [tool()], "messages": [
        {"role": "user", "content": "High water at Brest and Cork?"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "call_a", "type": "function",
             "function": {"name": "tide", "arguments": "{\"port\":\"Brest\"}"}},
            {"id": "call_b", "type": "function",
             "function": {"name": "tide", "arguments": "{\"port\":\"Cork\"}"}},
        ]},
        {"role": "tool", "tool_call_id": "call_b", "content": "06:10"},
        {"role": "tool", "tool_call_id": "call_a", "content": "04:42"},
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

fn hold(cases: Vec<Case>) {
    hold_by(judge, cases);
}

fn hold_by(judge: fn(&Value) -> Result<Prompt, Refusal>, cases: Vec<Case>) {
    for (name, body, code, param, message) in cases {
        let fragment = format!("~{message}");
        let expected = [
            ("/error/type", "invalid_request_error"),
            ("/error/code", code),
            ("/error/param", param),
            ("/error/message", fragment.as_str()),
        ];
        refused(name, judge(&body), &expected);
    }
}

#[test]
fn good_requests_are_accepted() {
    let image = json!([{"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}}]);
    let good = [
        base(),
        looped(),
        with(&base(), &[("/messages/0/content", image)]),
        with(
            &base(),
            &[("/max_tokens", json!(9)), ("/stop", json!(["a", "b"]))],
        ),
        with(
            &base(),
            &[
                ("/tools", json!([tool()])),
                ("/tool_choice", json!("required")),
            ],
        ),
        with(
            &reasoning(),
            &[
                ("/temperature", json!(1)),
                ("/reasoning_effort", json!("minimal")),
            ],
        ),
        with(
            &base(),
            &[
                ("/model", json!("gpt-5.4")),
                ("/tools", json!([tool()])),
                ("/reasoning_effort", json!("none")),
                ("/temperature", json!(0.2)),
            ],
        ),
        with(
            &base(),
            &[
                ("/model", json!("my-deployment")),
                ("/max_tokens", json!(5)),
            ],
        ),
        with(&base(), &[("/metadata", Value::Null), ("/seed", json!(-4))]),
        strict_tool(json!({"type": "object", "additionalProperties": false,
            "required": ["port"], "properties": {"port": {"type": ["string", "null"]}}})),
    ];
    for body in good {
        assert!(judge(&body).is_ok(), "{body}: {:?}", judge(&body));
    }
}

#[test]
fn the_prompt_says_what_was_asked() {
    let body = with(
        &looped(),
        &[
            ("/stream", json!(true)),
            ("/stream_options", json!({"include_usage": true})),
            ("/n", json!(2)),
            ("/max_completion_tokens", json!(64.0)),
            ("/logprobs", json!(true)),
            ("/top_logprobs", json!(3)),
            ("/stop", json!("END")),
            (
                "/tool_choice",
                json!({"type": "function", "function": {"name": "tide"}}),
            ),
            ("/parallel_tool_calls", json!(false)),
        ],
    );

    let prompt = judge(&body).unwrap();

    assert!(prompt.stream && prompt.include_usage && !prompt.parallel_tools);
    assert_eq!(
        (prompt.choices, prompt.max_output_tokens, prompt.logprobs),
        (2, Some(64), Some(3))
    );
    assert_eq!(prompt.stop, ["END"]);
    assert_eq!(
        prompt.tool_choice,
        ToolChoice::Named(vec!["tide".to_owned()])
    );
    let results: Vec<(&str, &str)> = prompt
        .tool_results
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert_eq!(results, [("tide", "06:10"), ("tide", "04:42")]);
    assert_eq!(prompt.last_user_text, "High water at Brest and Cork?");
    assert!(!prompt.thinking);
    assert!(judge(&reasoning()).unwrap().thinking);
}

#[test]
fn keys_and_types_are_refused() {
    hold(cases! {
        "unknown key": with(&base(), &[("/top_k", json!(4))])
            => "unknown_parameter", "top_k", "Unknown parameter: 'top_k'.";
        "unknown message key": with(&base(), &[("/messages/0/mood", json!("calm"))])
            => "unknown_parameter", "messages[0].mood", "Unknown parameter";
        "unknown tool key": with(&base(), &[("/tools", json!([tool()])), ("/tools/0/function/cache_control", json!({}))])
            => "unknown_parameter", "tools[0].function.cache_control", "Unknown parameter";
        "unknown part key": with(&base(), &[("/messages/0/content", json!([{"type": "text", "text": "a", "cache_control": {}}]))])
            => "unknown_parameter", "messages[0].content[0].cache_control", "Unknown parameter";
        "no messages": without(&base(), "messages")
            => "missing_required_parameter", "messages", "Missing required parameter: 'messages'.";
        "empty messages": with(&base(), &[("/messages", json!([]))])
            => "empty_array", "messages", "empty array";
        "no model": without(&base(), "model")
            => "null", "null", "you must provide a model parameter";
        "messages is text": with(&base(), &[("/messages", json!("hi"))])
            => "invalid_type", "messages", "expected an array of objects, but got a string instead.";
        "message is text": with(&base(), &[("/messages/0", json!("hi"))])
            => "invalid_type", "messages[0]", "expected an object";
        "temperature is text": with(&base(), &[("/temperature", json!("hot"))])
            => "invalid_type", "temperature", "expected a decimal, but got a string";
        "stream is a number": with(&base(), &[("/stream", json!(1))])
            => "invalid_type", "stream", "expected a boolean, but got an integer";
        "n is a fraction": with(&base(), &[("/n", json!(1.5))])
            => "invalid_type", "n", "expected an integer, but got a decimal number";
        "unknown role": with(&base(), &[("/messages/0/role", json!("model"))])
            => "invalid_value", "messages[0].role", "Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.";
        "unknown part": with(&base(), &[("/messages/0/content", json!([{"type": "video"}]))])
            => "invalid_value", "messages[0].content[0].type", "Invalid value: 'video'";
        "null user content": with(&base(), &[("/messages/0/content", Value::Null)])
            => "null", "messages.[0].content", "expected a string, got null.";
        "no role": with(&base(), &[("/messages", json!([{"content": "a"}]))])
            => "missing_required_parameter", "messages[0].role", "messages[0].role";
        "unknown format": with(&base(), &[("/response_format", json!({"type": "yaml"}))])
            => "invalid_value", "response_format.type", "'json_object', 'json_schema', and 'text'";
        "unknown effort": with(&reasoning(), &[("/reasoning_effort", json!("extreme"))])
            => "invalid_value", "reasoning_effort", "Invalid value: 'extreme'";
        "grammar without syntax": with(&base(), &[("/tools", json!([{"type": "custom", "custom": {"name": "g", "format": {"type": "grammar", "grammar": {"definition": "a"}}}}]))])
            => "missing_required_parameter", "tools[0].custom.format.grammar.syntax", "Missing required";
    });
}

#[test]
fn ranges_are_refused() {
    let long = "x".repeat(41);
    hold(cases! {
        "hot": with(&base(), &[("/temperature", json!(2.5))])
            => "decimal_above_max_value", "temperature", "Expected a value <= 2, but got 2.5 instead.";
        "negative top_p": with(&base(), &[("/top_p", json!(-0.1))])
            => "decimal_below_min_value", "top_p", ">= 0";
        "n is zero": with(&base(), &[("/n", json!(0))])
            => "integer_below_min_value", "n", "Expected a value >= 1, but got 0 instead.";
        "n is huge": with(&base(), &[("/n", json!(129))])
            => "integer_above_max_value", "n", "<= 128";
        "no output": with(&base(), &[("/max_completion_tokens", json!(0))])
            => "integer_below_min_value", "max_completion_tokens", ">= 1";
        "penalty": with(&base(), &[("/presence_penalty", json!(3))])
            => "decimal_above_max_value", "presence_penalty", "<= 2";
        "five stops": with(&base(), &[("/stop", json!(["a", "b", "c", "d", "e"]))])
            => "array_above_max_length", "stop", "maximum length 4";
        "21 logprobs": with(&base(), &[("/logprobs", json!(true)), ("/top_logprobs", json!(21))])
            => "integer_above_max_value", "top_logprobs", "<= 20";
        "long call id": with(&looped(), &[("/messages/1/tool_calls/0/id", json!(long))])
            => "string_above_max_length", "messages[1].tool_calls[0].id", "maximum length 40";
        "tool name": with(&base(), &[("/tools", json!([tool()])), ("/tools/0/function/name", json!("sea.tide"))])
            => "invalid_value", "tools[0].function.name", "'^[a-zA-Z0-9_-]+$'";
        "long tool name": with(&base(), &[("/tools", json!([tool()])), ("/tools/0/function/name", json!("t".repeat(65)))])
            => "string_above_max_length", "tools[0].function.name", "maximum length 64";
    });
}

#[test]
fn parameters_that_need_each_other_are_refused() {
    hold(cases! {
        "choice without tools": with(&base(), &[("/tool_choice", json!("auto"))])
            => "null", "tool_choice", "only allowed when 'tools' are specified.";
        "parallel without tools": with(&base(), &[("/parallel_tool_calls", json!(true))])
            => "null", "parallel_tool_calls", "only allowed when 'tools'";
        "no tools at all": with(&base(), &[("/tools", json!([]))])
            => "empty_array", "tools", "empty array";
        "choice of a stranger": with(&base(), &[("/tools", json!([tool()])), ("/tool_choice", json!({"type": "function", "function": {"name": "wind"}}))])
            => "null", "tool_choice", "'wind' not found";
        "stream options": with(&base(), &[("/stream_options", json!({"include_usage": true}))])
            => "null", "stream_options", "only allowed when 'stream' is enabled.";
        "top_logprobs alone": with(&base(), &[("/top_logprobs", json!(2))])
            => "null", "top_logprobs", "only allowed when 'logprobs' is enabled.";
        "two limits": with(&base(), &[("/max_tokens", json!(5)), ("/max_completion_tokens", json!(6))])
            => "invalid_parameter_combination", "max_tokens", "at the same time";
        "json unsaid": with(&base(), &[("/response_format", json!({"type": "json_object"}))])
            => "null", "messages", "must contain the word 'json'";
        "audio unspecified": with(&base(), &[("/modalities", json!(["text", "audio"]))])
            => "null", "audio", "required";
    });
}

#[test]
fn reasoning_models_refuse_sampling() {
    let newest = |edits: &[(&str, Value)]| {
        let model = with(
            &base(),
            &[
                ("/model", json!("gpt-5.6-sol")),
                ("/tools", json!([tool()])),
            ],
        );
        with(&model, edits)
    };
    let early = json!({"model": "o1-mini", "messages": [{"role": "developer", "content": "a"}]});
    hold(cases! {
        "max_tokens": with(&reasoning(), &[("/max_tokens", json!(9))])
            => "unsupported_parameter", "max_tokens", "Use 'max_completion_tokens' instead.";
        "temperature": with(&reasoning(), &[("/temperature", json!(0.3))])
            => "unsupported_value", "temperature", "does not support 0.3 with this model. Only the default (1) value is supported.";
        "top_p": with(&reasoning(), &[("/top_p", json!(0.5))])
            => "unsupported_parameter", "top_p", "not supported with this model";
        "stop": with(&reasoning(), &[("/stop", json!("x"))])
            => "unsupported_parameter", "stop", "not supported";
        "penalty": with(&reasoning(), &[("/frequency_penalty", json!(0.5))])
            => "unsupported_parameter", "frequency_penalty", "not supported";
        "bias": with(&reasoning(), &[("/logit_bias", json!({"50256": -100}))])
            => "unsupported_parameter", "logit_bias", "not supported";
        "logprobs": with(&reasoning(), &[("/logprobs", json!(true))])
            => "unsupported_parameter", "logprobs", "not supported";
        "effort of another model": with(&reasoning(), &[("/reasoning_effort", json!("xhigh"))])
            => "unsupported_value", "reasoning_effort", "'minimal', 'low', 'medium', and 'high'";
        "effort on a plain model": with(&base(), &[("/reasoning_effort", json!("low"))])
            => "null", "null", "Unrecognized request argument supplied: reasoning_effort";
        "tools on 5.6": newest(&[]) => "null", "reasoning_effort", "set reasoning_effort to 'none'.";
        "effort with tools": newest(&[("/model", json!("gpt-5.4")), ("/reasoning_effort", json!("low"))])
            => "null", "reasoning_effort", "Please use /v1/responses instead.";
        "developer on o1-mini": early
            => "unsupported_value", "messages[0].role", "'messages[0].role' does not support 'developer' with this model.";
    });
}

#[test]
fn broken_tool_loops_are_refused() {
    let cut = |from: usize, to: usize| {
        let all = looped()["messages"].as_array().unwrap().clone();
        with(
            &looped(),
            &[("/messages", Value::Array(all[from..to].to_vec()))],
        )
    };
    let interrupted = {
        let mut all = looped()["messages"].as_array().unwrap().clone();
        all.insert(3, json!({"role": "user", "content": "And?"}));
        with(&looped(), &[("/messages", Value::Array(all))])
    };
    hold(cases! {
        "orphan result": cut(2, 4)
            => "null", "messages.[0].role", "must be a response to a preceeding message with 'tool_calls'";
        "half answered": cut(0, 3)
            => "null", "messages.[3].role", "did not have response messages: call_a";
        "unanswered": cut(0, 2) => "null", "messages.[2].role", "call_a, call_b";
        "user in between": interrupted => "null", "messages.[3].role", "call_a";
        "stranger's id": with(&looped(), &[("/messages/3/tool_call_id", json!("call_z"))])
            => "null", "messages.[3].tool_call_id", "'call_z' not found";
        "no id": with(&looped(), &[("/messages/3", json!({"role": "tool", "content": "x"}))])
            => "missing_required_parameter", "messages[3].tool_call_id", "tool_call_id";
        "arguments as object": with(&looped(), &[("/messages/1/tool_calls/0/function/arguments", json!({}))])
            => "invalid_type", "messages[1].tool_calls[0].function.arguments", "expected a string, but got an object";
        "image in a result": with(&looped(), &[("/messages/3/content", json!([{"type": "image_url", "image_url": {"url": PNG}}]))])
            => "invalid_value", "messages[3]", "only allowed for messages with role 'user'";
        "file in a result": with(&looped(), &[("/messages/3/content", json!([{"type": "file", "file": {"file_id": "file-1"}}]))])
            => "invalid_value", "messages[3]", "Content blocks are expected to be either text or image_url type.";
        "empty calls": with(&looped(), &[("/messages/1/tool_calls", json!([]))])
            => "empty_array", "messages[1].tool_calls", "empty array";
    });
}

#[test]
fn broken_media_are_refused() {
    let part = |part: Value| with(&base(), &[("/messages/0/content", json!([part]))]);
    let image = |url: &str| part(json!({"type": "image_url", "image_url": {"url": url}}));
    let at = "messages[0].content[0].image_url.url";
    hold(cases! {
        "no image": image("data:image/png;base64,bm90IGFuIGltYWdl")
            => "invalid_image_format", "null", "['png', 'jpeg', 'gif', 'webp']";
        "wrong scheme": image("ftp://example.com/a.png")
            => "invalid_value", at, "Expected a valid URL";
        "pdf as image": image("data:application/pdf;base64,JVBERi0=")
            => "invalid_value", at, "unsupported MIME type 'application/pdf'";
        "not base64": image("data:image/png;base64,@@@") => "invalid_value", at, "invalid base64";
        "detail": part(json!({"type": "image_url", "image_url": {"url": PNG, "detail": "ultra"}}))
            => "invalid_value", "messages[0].content[0].image_url.detail", "'ultra'";
        "audio format": part(json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "ogg"}}))
            => "invalid_value", "messages[0].content[0].input_audio.format", "'wav' and 'mp3'";
        "bare file": part(json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "JVBERi0="}}))
            => "invalid_value", "messages[0].content[0].file.file_data", "without the 'data:' prefix";
        "no file": part(json!({"type": "file", "file": {}}))
            => "missing_required_parameter", "messages[0].content[0].file.file_id", "Missing";
        "web search on a plain model": with(&base(), &[("/web_search_options", json!({}))])
            => "null", "web_search_options", "Web search options not supported with this model.";
    });
}

#[test]
fn schemas_are_refused() {
    let at = "tools[0].function.parameters";
    let code = "invalid_function_parameters";
    let closed = |properties: Value, required: Value| {
        json!({"type": "object", "additionalProperties": false,
            "properties": properties, "required": required})
    };
    let format = |schema: Value| {
        with(
            &base(),
            &[(
                "/response_format",
                json!({"type": "json_schema",
            "json_schema": {"name": "port", "strict": true, "schema": schema}}),
            )],
        )
    };
    hold(cases! {
        "open object": strict_tool(json!({"type": "object", "properties": {}}))
            => code, at, "'additionalProperties' is required to be supplied and to be false.";
        "optional key": strict_tool(closed(json!({"a": {"type": "string"}}), json!([])))
            => code, at, "Missing 'a'";
        "nested open": strict_tool(closed(json!({"a": {"type": "object", "properties": {}}}), json!(["a"])))
            => code, at, "In context=('properties', 'a'), 'additionalProperties'";
        "oneOf": strict_tool(closed(json!({"a": {"oneOf": [{"type": "string"}]}}), json!(["a"])))
            => code, at, "'oneOf' is not permitted.";
        "no type": strict_tool(closed(json!({"a": {"description": "x"}}), json!(["a"])))
            => code, at, "schema must have a 'type' key.";
        "far reference": strict_tool(closed(json!({"a": {"$ref": "#/$defs/none"}}), json!(["a"])))
            => code, at, "reference can only point to definitions";
        "not an object": with(&base(), &[("/tools", json!([tool()])), ("/tools/0/function/parameters", json!({"type": "array"}))])
            => code, at, "got 'type: \"array\"'";
        "format with uri": format(closed(json!({"a": {"type": "string", "format": "uri"}}), json!(["a"])))
            => "null", "response_format", "Invalid schema for response_format 'port'";
        "root anyOf": format(json!({"anyOf": [{"type": "object"}]}))
            => "null", "response_format", "at the top level";
    });
}

#[test]
fn bodies_that_are_no_json_object_are_refused() {
    let deep = "[".repeat(10_000);
    for body in [
        &b"{\"model\":"[..],
        b"[]",
        b"\xff\xfe",
        b"",
        deep.as_bytes(),
    ] {
        let verdict = accept_chat(&HeaderMap::new(), body);
        refused(
            "syntax",
            verdict,
            &[
                ("/error/message", "~could not parse the JSON body"),
                ("/error/param", "null"),
            ],
        );
    }
}

fn judge_embeddings(body: &Value) -> Result<Prompt, Refusal> {
    accept_embeddings(&HeaderMap::new(), &serde_json::to_vec(body).unwrap())
}

#[test]
fn embeddings_are_judged() {
    let good = json!({"model": "text-embedding-3-small", "input": ["ebb", "flow"],
        "dimensions": 256, "encoding_format": "base64"});
    let prompt = judge_embeddings(&good).unwrap();
    assert_eq!(
        (prompt.inputs.len(), prompt.dimensions, prompt.base64),
        (2, Some(256), true)
    );
    let tokens = judge_embeddings(&with(&good, &[("/input", json!([[1, 2], [3]]))])).unwrap();
    assert_eq!(tokens.inputs.len(), 2);

    hold_by(
        judge_embeddings,
        cases! {
            "no input": without(&good, "input")
                => "missing_required_parameter", "input", "Missing required";
            "empty list": with(&good, &[("/input", json!([]))])
                => "null", "null", "'$.input' is invalid";
            "mixed input": with(&good, &[("/input", json!(["a", 1]))])
                => "invalid_type", "input[1]", "Invalid type";
            "too many": with(&good, &[("/input", json!(vec!["a"; 2049]))])
                => "array_above_max_length", "input", "2048";
            "many dimensions": with(&good, &[("/dimensions", json!(1537))])
                => "null", "null", "Must be less than or equal to 1536";
            "ada with dimensions": with(&good, &[("/model", json!("text-embedding-ada-002"))])
                => "null", "null", "does not support specifying dimensions";
            "format": with(&good, &[("/encoding_format", json!("int8"))])
                => "invalid_value", "encoding_format", "'float' and 'base64'";
            "unknown key": with(&good, &[("/input_type", json!("query"))])
                => "unknown_parameter", "input_type", "Unknown parameter";
        },
    );
}
