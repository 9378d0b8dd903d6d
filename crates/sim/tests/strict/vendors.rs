//! Bad requests to the vendors of OpenAI-compatible APIs: each rule has a request that breaks it,
//! refused with the vendor's own status and body.

use polyroute_sim::prompt::{Prompt, Refusal};
use polyroute_sim::vendor::accept::{accept_chat, accept_embeddings, accept_native_chat};
use polyroute_sim::vendor::{ALL, Vendor};
use serde_json::{Value, json};

use crate::kit::with;

fn vendor(name: &str) -> &'static Vendor {
    Vendor::find(name).unwrap()
}

fn model(name: &str) -> &'static str {
    match name {
        "azure" => "grok-4-1-fast-non-reasoning",
        other => vendor(other).models()[0].name,
    }
}

fn base(name: &str) -> Value {
    json!({"model": model(name), "messages": [{"role": "user", "content": "Name a river."}]})
}

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "tide", "description": "The tide",
        "parameters": {"type": "object", "properties": {"port": {"type": "string"}}}}}])
}

/// A call and its result, with this id.
fn looped(name: &str, id: &str) -> Value {
    let call = json!({"id": id, "type": "function",
        "function": {"name": "tide", "arguments": "{\"port\":\"Brest\"}"}});
    with(
        &base(name),
        &[
            ("/tools", tools()),
            (
                "/messages",
                json!([
                    {"role": "user", "content": "High water?"},
                    {"role": "assistant", "content": "", "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": id, "content": "06:10"},
                ]),
            ),
        ],
    )
}

fn path(name: &str) -> &'static str {
    match name {
        "azure" => "/models",
        "deepseek" | "perplexity" => "",
        "groq" => "/openai/v1",
        _ => "/v1",
    }
}

fn judge(name: &str, body: &Value) -> Result<Prompt, Refusal> {
    accept_chat(vendor(name), path(name), &serde_json::to_vec(body).unwrap())
}

fn edited(name: &str, edits: &[(&str, Value)]) -> Value {
    with(&base(name), edits)
}

/// Checks status and the text at a pointer; a text that starts with `~` must only be contained.
fn said(what: &str, verdict: Result<Prompt, Refusal>, status: u16, at: &[(&str, &str)]) {
    let Err(refusal) = verdict else {
        panic!("`{what}` was accepted");
    };
    assert_eq!(refusal.status, status, "{what}: {}", refusal.body);
    for (pointer, wanted) in at {
        let found = match refusal.body.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "absent".to_owned(),
        };
        let fits = match wanted.strip_prefix('~') {
            Some(part) => found.contains(part),
            None => found == *wanted,
        };
        assert!(fits, "{what}: {pointer} is `{found}`, not `{wanted}`");
    }
}

/// Name, edits, part of the message.
type Row = (&'static str, Vec<(&'static str, Value)>, &'static str);

fn each(name: &str, status: u16, pointer: &str, more: &[(&str, &str)], rows: Vec<Row>) {
    for (what, edits, words) in rows {
        let fragment = format!("~{words}");
        let mut at = vec![(pointer, fragment.as_str())];
        at.extend_from_slice(more);
        let what = format!("{name}: {what}");
        said(&what, judge(name, &edited(name, &edits)), status, &at);
    }
}

#[test]
fn good_requests_are_accepted_everywhere() {
    for vendor in ALL {
        let name = vendor.name();
        let tooled = [("/tools", tools()), ("/tool_choice", json!("auto"))];
        for body in [
            base(name),
            edited(name, &tooled),
            edited(
                name,
                &[("/temperature", json!(0.5)), ("/stream", json!(true))],
            ),
            looped(name, "aB3dE6gH9"),
        ] {
            let body = if name == "deepseek" {
                with(&body, &[("/thinking", json!({"type": "disabled"}))])
            } else {
                body
            };
            let verdict = judge(name, &body);
            assert!(verdict.is_ok(), "{name}: {body}: {verdict:?}");
        }
    }
}

#[test]
fn the_prompt_says_what_was_asked() {
    let any = [("/tools", tools()), ("/tool_choice", json!("any"))];
    let prompt = judge("mistral", &edited("mistral", &any)).unwrap();
    assert_eq!(
        prompt.tool_choice,
        polyroute_sim::prompt::ToolChoice::Required
    );
    let results = judge("mistral", &looped("mistral", "aB3dE6gH9")).unwrap();
    assert_eq!(
        results.tool_results,
        [("tide".to_owned(), "06:10".to_owned())]
    );
    // Fireworks answers with few tokens unless asked for more.
    let short = judge("fireworks", &base("fireworks")).unwrap();
    assert_eq!(short.max_output_tokens, Some(2_048));
    let file = json!([{"type": "text", "text": "x"},
        {"type": "document_url", "document_url": "https://example.com/a.pdf"}]);
    let media = judge(
        "mistral",
        &edited("mistral", &[("/messages/0/content", file)]),
    )
    .unwrap();
    assert_eq!(media.media, 1);
}

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
        vec![
            (
                "developer",
                vec![("/messages/0/role", json!("developer"))],
                "union_tag_invalid",
            ),
            (
                "temperature",
                vec![("/temperature", json!(1.7))],
                "less_than_equal",
            ),
            ("type", vec![("/max_tokens", json!("many"))], "int_type"),
            ("choice", vec![("/tool_choice", json!("always"))], "enum"),
            (
                "cache mark",
                vec![(
                    "/messages/0/content",
                    json!([{"type": "text", "text": "a", "cache_control": {}}]),
                )],
                "extra_forbidden",
            ),
            (
                "reasoning",
                vec![(
                    "/messages/1",
                    json!({"role": "assistant", "content": "a", "reasoning_content": "b"}),
                )],
                "extra_forbidden",
            ),
        ],
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
        vec![
            (
                "developer",
                vec![("/messages/0/role", json!("developer"))],
                "unknown variant `developer`, expected one of `system`, `user`",
            ),
            (
                "image",
                vec![("/messages/0/content", image)],
                "unknown variant `image_url`, expected `text`",
            ),
            (
                "type",
                vec![("/max_tokens", json!("many"))],
                "invalid type: string \"many\"",
            ),
            (
                "temperature",
                vec![("/temperature", json!(2.5))],
                "valid range of temperature is [0, 2]",
            ),
            (
                "schema",
                vec![(
                    "/response_format",
                    json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}),
                )],
                "response_format type is unavailable now",
            ),
            (
                "json",
                vec![("/response_format", json!({"type": "json_object"}))],
                "must contain the word 'json'",
            ),
            (
                "tool name",
                vec![(
                    "/tools",
                    json!([{"type": "function", "function": {"name": "a.b"}}]),
                )],
                "string does not match pattern",
            ),
            (
                "prefix",
                vec![("/messages/1", prefix.clone())],
                "base_url=\"https://api.deepseek.com/beta\"",
            ),
            (
                "no messages",
                vec![("/messages", json!([]))],
                "Empty input messages",
            ),
        ],
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
        vec![
            (
                "unknown",
                vec![("/top_k", json!(4))],
                "property 'top_k' is unsupported",
            ),
            (
                "name",
                vec![("/messages/0/name", json!("ada"))],
                "'messages.0' : for 'role:user' the following must be satisfied[('messages.0' : property 'name' is unsupported)]",
            ),
            (
                "thoughts",
                vec![(
                    "/messages/1",
                    json!({"role": "assistant", "content": "a", "reasoning_content": "b"}),
                )],
                "'messages.1' : for 'role:assistant' the following must be satisfied",
            ),
            (
                "logprobs",
                vec![("/logprobs", json!(true))],
                "`logprobs` is not supported with this model",
            ),
            (
                "logit_bias",
                vec![("/logit_bias", json!({"1": 2}))],
                "`logit_bias` is not supported",
            ),
            (
                "n",
                vec![("/n", json!(2))],
                "'n' : number must be at most 1",
            ),
            (
                "effort",
                vec![("/reasoning_effort", json!("low"))],
                "`reasoning_effort` is not supported with this model",
            ),
            (
                "qwen effort",
                vec![qwen(), ("/reasoning_effort", json!("high"))],
                "must be one of `none` or `default`",
            ),
            (
                "both",
                vec![
                    oss(),
                    ("/reasoning_format", json!("parsed")),
                    ("/include_reasoning", json!(true)),
                ],
                "cannot specify both",
            ),
            (
                "raw tools",
                vec![
                    qwen(),
                    ("/reasoning_format", json!("raw")),
                    ("/tools", tools()),
                ],
                "`reasoning_format` must be either",
            ),
            (
                "json tools",
                vec![
                    ("/response_format", json!({"type": "json_object"})),
                    ("/tools", tools()),
                ],
                "json mode cannot be combined",
            ),
            (
                "json word",
                vec![("/response_format", json!({"type": "json_object"}))],
                "'messages' must contain the word 'json'",
            ),
            (
                "schema model",
                vec![("/response_format", schema(false, true))],
                "does not support response format `json_schema`",
            ),
            (
                "open schema",
                vec![oss(), ("/response_format", schema(true, false))],
                "`additionalProperties:false` must be set",
            ),
            (
                "streamed schema",
                vec![
                    oss(),
                    ("/stream", json!(true)),
                    ("/response_format", schema(true, true)),
                ],
                "does not support streaming",
            ),
        ],
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
        vec![
            (
                "temperature",
                vec![("/temperature", json!(1.8))],
                "less than or equal to 1.5",
            ),
            (
                "json tools",
                vec![
                    ("/response_format", json!({"type": "json_object"})),
                    ("/tools", tools()),
                ],
                "\"tools\" is incompatible with \"response_format\"",
            ),
            (
                "both limits",
                vec![
                    ("/max_tokens", json!(1)),
                    ("/max_completion_tokens", json!(1)),
                ],
                "mutually exclusive",
            ),
            (
                "audio",
                vec![(
                    "/messages/0/content",
                    json!([{"type": "input_audio", "input_audio": {}}]),
                )],
                "does not match any of the expected tags",
            ),
        ],
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
fn together_rules() {
    each(
        "together",
        422,
        "/error/message",
        &[("/error/type", "invalid_request_error")],
        vec![
            (
                "logprobs",
                vec![("/logprobs", json!(true))],
                "logprobs: Input should be a valid integer",
            ),
            (
                "stop",
                vec![("/stop", json!("a"))],
                "stop: Input should be a valid list",
            ),
            (
                "developer",
                vec![("/messages/0/role", json!("developer"))],
                "Input tag 'developer'",
            ),
        ],
    );
    assert!(judge("together", &edited("together", &[("/logprobs", json!(1))])).is_ok());
    assert!(
        judge(
            "together",
            &edited("together", &[("/verbosity", json!("low"))])
        )
        .is_ok()
    );
}

#[test]
fn fireworks_rules() {
    each(
        "fireworks",
        400,
        "/error/message",
        &[("/error/code", "BAD_REQUEST")],
        vec![
            (
                "unknown",
                vec![("/verbosity", json!("low"))],
                "Extra inputs are not permitted, field: 'verbosity'",
            ),
            (
                "two unknown",
                vec![("/verbosity", json!(1)), ("/moderation", json!({}))],
                "2 request validation errors: Extra inputs",
            ),
            (
                "tool mark",
                vec![("/tools", tools()), ("/tools/0/cache_control", json!({}))],
                "field: 'tools[0].cache_control'",
            ),
            (
                "both limits",
                vec![
                    ("/max_tokens", json!(1)),
                    ("/max_completion_tokens", json!(1)),
                ],
                "Only one of 'max_tokens' and",
            ),
            (
                "long whole",
                vec![("/max_tokens", json!(8_192))],
                "Requests with max_tokens > 4096 must have stream=true",
            ),
            (
                "both thinking",
                vec![
                    ("/thinking", json!({"type": "enabled"})),
                    ("/reasoning_effort", json!("low")),
                ],
                "Only one of 'thinking' and",
            ),
        ],
    );
    let long = edited(
        "fireworks",
        &[("/max_tokens", json!(8_192)), ("/stream", json!(true))],
    );
    assert!(judge("fireworks", &long).is_ok());
}

/// wire-protocols §5: consecutive roles are 400 `invalid_message`.
#[test]
fn section_5_perplexity_roles_take_turns() {
    let user = || json!({"role": "user", "content": "a"});
    let assistant = || json!({"role": "assistant", "content": "b"});
    let system = || json!({"role": "system", "content": "c"});
    for (what, messages) in [
        ("two users", json!([user(), user()])),
        ("late system", json!([user(), system(), user()])),
        ("assistant first", json!([assistant(), user()])),
        ("assistant last", json!([user(), assistant()])),
        ("system only", json!([system()])),
    ] {
        let body = edited("perplexity", &[("/messages", messages)]);
        let at = [("/error/type", "invalid_message"), ("/error/code", "400")];
        said(what, judge("perplexity", &body), 400, &at);
    }
    let turns = json!([system(), system(), user(), assistant(), user()]);
    assert!(judge("perplexity", &edited("perplexity", &[("/messages", turns)])).is_ok());
    each(
        "perplexity",
        400,
        "/error/message",
        &[("/error/type", "bad_request"), ("/error/code", "400")],
        vec![
            (
                "json mode",
                vec![("/response_format", json!({"type": "json_object"}))],
                "At body -> response_format: Input tag 'json_object'",
            ),
            (
                "developer",
                vec![("/messages/0/role", json!("developer"))],
                "Input tag 'developer'",
            ),
            (
                "effort",
                vec![("/reasoning_effort", json!("max"))],
                "Input should be 'minimal'",
            ),
        ],
    );
}

/// wire-protocols §§4 (note 8), 13.3: `error` is text.
#[test]
fn section_4_xai_reasoning_models_refuse_penalties() {
    let named = json!({"role": "system", "content": "a", "name": "b"});
    each(
        "xai",
        400,
        "/error",
        &[("/code", "invalid-argument")],
        vec![
            (
                "presence",
                vec![("/presence_penalty", json!(0))],
                "does not support parameter presencePenalty.",
            ),
            (
                "frequency",
                vec![("/frequency_penalty", json!(0))],
                "frequencyPenalty",
            ),
            (
                "stop",
                vec![("/stop", json!(["a"]))],
                "does not support parameter stop.",
            ),
            (
                "effort",
                vec![("/reasoning_effort", json!("low"))],
                "does not support parameter reasoningEffort.",
            ),
            (
                "name",
                vec![("/messages/0", named)],
                "Only message of role user can have a name.",
            ),
            (
                "no messages",
                vec![("/messages", json!([]))],
                "at least one message",
            ),
        ],
    );
    let plain = edited(
        "xai",
        &[("/model", json!("grok-3")), ("/stop", json!(["a"]))],
    );
    assert!(judge("xai", &plain).is_ok());
    let mini = edited(
        "xai",
        &[
            ("/model", json!("grok-3-mini")),
            ("/reasoning_effort", json!("low")),
        ],
    );
    assert!(judge("xai", &mini).unwrap().thinking);
    let developer = edited("xai", &[("/messages/0/role", json!("developer"))]);
    said(
        "developer",
        judge("xai", &developer),
        422,
        &[("/error", "~unknown variant `developer`")],
    );
}

/// wire-protocols §§8.2, 9, 15: thinking is streamed, some models stream only.
#[test]
fn section_15_qwen_streams_its_thoughts() {
    each(
        "qwen",
        400,
        "/error/message",
        &[
            ("/error/code", "invalid_parameter_error"),
            ("/error/type", "invalid_request_error"),
            ("/request_id", ""),
        ],
        vec![
            (
                "thinking whole",
                vec![("/enable_thinking", json!(true))],
                "parameter.enable_thinking must be set to false for non-streaming calls",
            ),
            (
                "default thinking",
                vec![("/model", json!("qwen3-32b"))],
                "must be set to false for non-streaming calls",
            ),
            (
                "stream only",
                vec![("/model", json!("qwq-plus"))],
                "only support stream mode",
            ),
            (
                "required",
                vec![("/tools", tools()), ("/tool_choice", json!("required"))],
                "\"required\" is not supported",
            ),
            (
                "thinking json",
                vec![
                    ("/stream", json!(true)),
                    ("/enable_thinking", json!(true)),
                    ("/response_format", json!({"type": "json_object"})),
                ],
                "Json mode response is not supported when enable_thinking is true",
            ),
            (
                "json word",
                vec![("/response_format", json!({"type": "json_object"}))],
                "'messages' must contain the word 'json'",
            ),
            (
                "schema",
                vec![(
                    "/response_format",
                    json!({"type": "json_schema", "json_schema": {}}),
                )],
                "'json_schema' is not supported by this model",
            ),
            (
                "developer",
                vec![("/messages/0/role", json!("developer"))],
                "'developer' is not one of ['system'",
            ),
            (
                "temperature",
                vec![("/temperature", json!(2))],
                "Temperature should be in [0.0, 2.0)",
            ),
        ],
    );
    let streamed = edited(
        "qwen",
        &[("/enable_thinking", json!(true)), ("/stream", json!(true))],
    );
    assert!(judge("qwen", &streamed).unwrap().thinking);
}

#[test]
fn openrouter_rules() {
    let no_tools = || ("/model", json!("sim-no-tools"));
    for (what, edits, status, words) in [
        (
            "no messages",
            vec![("/messages", json!([]))],
            400,
            "Input required",
        ),
        (
            "both",
            vec![
                ("/reasoning", json!({})),
                ("/reasoning_effort", json!("low")),
            ],
            400,
            "Only one of",
        ),
        (
            "tools",
            vec![no_tools(), ("/tools", tools())],
            404,
            "No endpoints found that support tool use",
        ),
        (
            "parameters",
            vec![
                ("/provider", json!({"require_parameters": true})),
                ("/logit_bias", json!({"1": 1})),
            ],
            404,
            "can handle the requested parameters",
        ),
        (
            "type",
            vec![("/temperature", json!("hot"))],
            400,
            "Input should be a valid number",
        ),
        (
            "role",
            vec![("/messages/0/role", json!("robot"))],
            400,
            "Input tag 'robot'",
        ),
    ] {
        let verdict = judge("openrouter", &edited("openrouter", &edits));
        let (words, code) = (format!("~{words}"), status.to_string());
        let at = [
            ("/error/message", words.as_str()),
            ("/error/code", code.as_str()),
        ];
        said(what, verdict, status, &at);
    }
    let unknown = edited(
        "openrouter",
        &[
            ("/transforms", json!(["middle-out"])),
            ("/preset", json!("a")),
        ],
    );
    assert!(judge("openrouter", &unknown).is_ok());
}

#[test]
fn ollama_rules_on_both_surfaces() {
    let link = json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    each(
        "ollama",
        400,
        "/error/message",
        &[
            ("/error/type", "invalid_request_error"),
            ("/error/code", "null"),
        ],
        vec![
            (
                "no messages",
                vec![("/messages", json!([]))],
                "[] is too short - 'messages'",
            ),
            (
                "type",
                vec![("/temperature", json!("hot"))],
                "json: cannot unmarshal string into Go struct field ChatCompletionRequest.temperature of type float64",
            ),
            (
                "link",
                vec![("/messages/0/content", link)],
                "invalid image input",
            ),
            (
                "no tools",
                vec![("/model", json!("llama3")), ("/tools", tools())],
                "does not support tools",
            ),
        ],
    );
    assert!(
        judge(
            "ollama",
            &edited("ollama", &[("/messages/0/role", json!("developer"))])
        )
        .is_ok()
    );
    let native = |edits: &[(&str, Value)]| {
        accept_native_chat(&serde_json::to_vec(&with(&base("ollama"), edits)).unwrap())
    };
    assert!(native(&[]).unwrap().stream, "it streams unless told not to");
    let call = |arguments: Value| {
        json!({"role": "assistant", "content": "", "tool_calls": [
            {"function": {"name": "tide", "arguments": arguments}}]})
    };
    for (what, edits, words) in [
        ("no model", vec![("/model", json!(""))], "model is required"),
        (
            "content",
            vec![("/messages/0/content", json!([]))],
            "cannot unmarshal array into Go struct field ChatRequest.messages.content of type string",
        ),
        (
            "arguments",
            vec![("/messages/1", call(json!("{}")))],
            "cannot unmarshal string into Go struct field ChatRequest.messages.tool_calls.function.arguments",
        ),
        (
            "think",
            vec![("/think", json!(true))],
            "does not support thinking",
        ),
        (
            "level",
            vec![("/think", json!("max"))],
            "invalid think value",
        ),
        ("format", vec![("/format", json!("xml"))], "invalid format"),
        (
            "option",
            vec![("/options", json!({"num_ctx": "many"}))],
            "ChatRequest.options.num_ctx",
        ),
    ] {
        let words = format!("~{words}");
        said(what, native(&edits), 400, &[("/error", words.as_str())]);
    }
    let good = native(&[
        ("/messages/1", call(json!({"port": "Brest"}))),
        (
            "/messages/2",
            json!({"role": "tool", "tool_name": "tide", "content": "06:10"}),
        ),
        ("/options", json!({"num_ctx": 8192, "num_predict": 7})),
        ("/stream", json!(false)),
    ]);
    let good = good.unwrap();
    assert_eq!(
        (good.context_size, good.max_output_tokens),
        (Some(8_192), Some(7))
    );
    assert_eq!(good.tool_results, [("tide".to_owned(), "06:10".to_owned())]);
}

#[test]
fn vllm_rules() {
    let twice = json!([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]);
    each(
        "vllm",
        400,
        "/error/message",
        &[("/error/code", "400")],
        vec![
            (
                "type",
                vec![("/temperature", json!("hot"))],
                "'type': 'float_type', 'loc': ('body', 'temperature')",
            ),
            (
                "limit",
                vec![("/max_tokens", json!(0))],
                "greater_than_equal",
            ),
            (
                "parser",
                vec![
                    ("/model", json!("meta-llama/Llama-2-7b-chat-hf")),
                    ("/tools", tools()),
                ],
                "\"auto\" tool choice requires --enable-auto-tool-choice",
            ),
            (
                "template",
                vec![
                    ("/model", json!("mistralai/Mistral-7B-Instruct-v0.3")),
                    ("/messages", twice),
                ],
                "conversation roles must alternate",
            ),
        ],
    );
    assert!(judge("vllm", &edited("vllm", &[("/guided_json", json!({}))])).is_ok());
}

#[test]
fn azure_inference_refuses_extra_parameters() {
    each(
        "azure",
        400,
        "/error/message",
        &[],
        vec![
            (
                "unknown",
                vec![("/top_k", json!(4)), ("/verbosity", json!("low"))],
                "Extra parameters ['top_k', 'verbosity'] are not allowed",
            ),
            (
                "type",
                vec![("/temperature", json!("hot"))],
                "temperature: Input should be a valid number",
            ),
        ],
    );
    // The other surfaces are judged as OpenAI judges.
    let body = json!({"model": "gpt-5-nano", "max_tokens": 5,
        "messages": [{"role": "user", "content": "a"}]});
    let bytes = serde_json::to_vec(&body).unwrap();
    let at = [
        ("/error/code", "unsupported_parameter"),
        ("/error/param", "max_tokens"),
    ];
    said(
        "reasoning",
        accept_chat(vendor("azure"), "/openai/v1", &bytes),
        400,
        &at,
    );
}

#[test]
fn embeddings_are_judged_too() {
    let judge = |name: &str, body: Value| {
        accept_embeddings(vendor(name), &serde_json::to_vec(&body).unwrap())
    };
    let good = json!({"model": "mistral-embed", "input": ["a", "b"], "output_dimension": 16});
    let prompt = judge("mistral", good.clone()).unwrap();
    assert_eq!((prompt.inputs.len(), prompt.dimensions), (2, Some(16)));
    let unknown = with(&good, &[("/dimensions", json!(8))]);
    said(
        "mistral",
        judge("mistral", unknown),
        422,
        &[("/message/detail/0/loc/1", "dimensions")],
    );
    let none = judge("together", json!({"model": "m"}));
    said(
        "together",
        none,
        422,
        &[("/error/message", "~Field required")],
    );
    let numbers = judge("mistral", with(&good, &[("/input", json!([1, 2]))]));
    said(
        "token ids",
        numbers,
        422,
        &[("/message/detail/0/type", "string_type")],
    );
}
