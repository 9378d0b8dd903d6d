//! Bad Messages requests of our own, and good ones that must stay good.

use http::{HeaderMap, HeaderValue};
use polyroute_sim::dialect::anthropic::accept::{accept_count_tokens, accept_messages};
use polyroute_sim::prompt::{Prompt, Refusal, ToolChoice};
use serde_json::{Value, json};

use crate::kit::{cases, refused, with, without};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn headers(version: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static(version));
    headers
}

fn judge_as(version: &'static str, body: &Value) -> Result<Prompt, Refusal> {
    accept_messages(&headers(version), &serde_json::to_vec(body).unwrap())
}

fn judge(body: &Value) -> Result<Prompt, Refusal> {
    judge_as("2023-06-01", body)
}

fn base() -> Value {
    json!({"model": "claude-sonnet-4-5", "max_tokens": 2048,
        "messages": [{"role": "user", "content": "Name a river."}]})
}

fn model(name: &str) -> Value {
    with(&base(), &[("/model", json!(name))])
}

fn tool() -> Value {
    json!({"name": "tide", "description": "The tide at a port",
        "input_schema": {"type": "object", "properties": {"port": {"type": "string"}}}})
}

fn offered() -> Value {
    with(&base(), &[("/tools", json!([tool()]))])
}

fn looped() -> Value {
    with(
        &offered(),
        &[(
            "/messages",
            json!([
                {"role": "user", "content": "High water at Brest and Cork?"},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "call_a", "name": "tide", "input": {"port": "Brest"}},
                    {"type": "tool_use", "id": "call_b", "name": "tide", "input": {"port": "Cork"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "call_b", "content": "06:10"},
                    {"type": "tool_result", "tool_use_id": "call_a",
                     "content": [{"type": "text", "text": "04:42"}]},
                    {"type": "text", "text": "In one line."},
                ]},
            ]),
        )],
    )
}

fn thinking(budget: u32) -> Value {
    json!({"type": "enabled", "budget_tokens": budget})
}

fn blocks(blocks: Value) -> Value {
    with(&base(), &[("/messages/0/content", blocks)])
}

/// Name, body, part of the message.
type Case = (&'static str, Value, &'static str);

fn hold_as(version: &'static str, cases: Vec<Case>) {
    for (name, body, message) in cases {
        let fragment = format!("~{message}");
        let expected = [
            ("/type", "error"),
            ("/error/type", "invalid_request_error"),
            ("/request_id", "req_sim"),
            ("/error/message", fragment.as_str()),
        ];
        refused(name, judge_as(version, &body), &expected);
    }
}

fn hold(cases: Vec<Case>) {
    hold_as("2023-06-01", cases);
}

#[test]
fn good_requests_are_accepted() {
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let image = json!([{"type": "image", "source":
        {"type": "base64", "media_type": "image/png", "data": PNG}}, {"type": "text", "text": "?"}]);
    let good = [
        base(),
        looped(),
        blocks(image),
        with(&base(), &[("/max_tokens", json!(0))]),
        with(
            &base(),
            &[("/thinking", thinking(1024)), ("/temperature", json!(1))],
        ),
        with(
            &base(),
            &[(
                "/messages/1",
                json!({"role": "assistant", "content": "The"}),
            )],
        ),
        with(
            &base(),
            &[(
                "/system",
                json!([{"type": "text", "text": "Be brief.", "cache_control": mark}]),
            )],
        ),
        with(
            &model("claude-opus-4-8"),
            &[(
                "/messages/1",
                json!({"role": "system", "content": "Now in verse."}),
            )],
        ),
        with(
            &model("claude-opus-5"),
            &[
                (
                    "/thinking",
                    json!({"type": "adaptive", "display": "summarized"}),
                ),
                ("/output_config", json!({"effort": "xhigh"})),
            ],
        ),
        with(&model("claude-opus-4-6"), &[("/temperature", json!(0.2))]),
        with(&model("claude-opus-5"), &[("/temperature", json!(1.0))]),
        with(
            &base(),
            &[(
                "/tools",
                json!([tool(), {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}]),
            )],
        ),
        with(
            &base(),
            &[(
                "/output_config",
                json!({"format": {"type": "json_schema", "schema":
            {"type": "object", "additionalProperties": false, "properties": {}}}}),
            )],
        ),
    ];
    for body in good {
        assert!(judge(&body).is_ok(), "{body}: {:?}", judge(&body));
    }
    assert!(judge_as("2026-10-21", &looped()).is_ok());
}

#[test]
fn the_prompt_says_what_was_asked() {
    let body = with(
        &looped(),
        &[
            ("/stream", json!(true)),
            ("/stop_sequences", json!(["END"])),
            (
                "/tool_choice",
                json!({"type": "tool", "name": "tide", "disable_parallel_tool_use": true}),
            ),
            ("/cache_control", json!({"type": "ephemeral"})),
        ],
    );

    let prompt = judge(&body).unwrap();

    assert!(prompt.stream && prompt.include_usage && prompt.cache_marked);
    assert!(!prompt.parallel_tools && !prompt.thinking);
    assert_eq!(
        prompt.tool_choice,
        ToolChoice::Named(vec!["tide".to_owned()])
    );
    assert_eq!(
        (
            prompt.max_output_tokens,
            prompt.stop.len(),
            prompt.tools.len()
        ),
        (Some(2048), 1, 1)
    );
    let results: Vec<(&str, &str)> = prompt
        .tool_results
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert_eq!(results, [("tide", "06:10"), ("tide", "04:42")]);
    let shown = judge(&with(&base(), &[("/thinking", thinking(1024))])).unwrap();
    assert!(shown.thinking && shown.show_thoughts);
    let hidden = with(
        &model("claude-opus-5"),
        &[("/thinking", json!({"type": "adaptive"}))],
    );
    assert!(!judge(&hidden).unwrap().show_thoughts);
}

#[test]
fn keys_and_types_are_refused() {
    hold(cases! {
        "unknown key": with(&base(), &[("/seed", json!(4))])
            => "seed: Extra inputs are not permitted";
        "unknown message key": with(&base(), &[("/messages/0/name", json!("Ann"))])
            => "messages.0.name: Extra inputs are not permitted";
        "unknown block key": blocks(json!([{"type": "text", "text": "a", "index": 0}]))
            => "messages.0.content.0.text.index: Extra inputs are not permitted";
        "unknown tool key": with(&offered(), &[("/tools/0/parameters", json!({}))])
            => "tools.0.custom.parameters: Extra inputs are not permitted";
        "no max_tokens": without(&base(), "max_tokens") => "max_tokens: Field required";
        "no messages": without(&base(), "messages") => "messages: Field required";
        "no model": without(&base(), "model") => "model: Field required";
        "no content": with(&base(), &[("/messages/0", json!({"role": "user"}))])
            => "messages.0.content: Field required";
        "messages is text": with(&base(), &[("/messages", json!("hi"))])
            => "messages: Input should be a valid list";
        "empty messages": with(&base(), &[("/messages", json!([]))])
            => "messages: at least one message is required";
        "max_tokens is text": with(&base(), &[("/max_tokens", json!("9"))])
            => "max_tokens: Input should be a valid integer";
        "negative max_tokens": with(&base(), &[("/max_tokens", json!(-1))])
            => "max_tokens: Input should be greater than or equal to 0";
        "max_tokens beyond the model": with(&base(), &[("/max_tokens", json!(64_001))])
            => "64001 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-5";
        "hot": with(&base(), &[("/temperature", json!(1.5))])
            => "temperature: Input should be less than or equal to 1";
        "unknown block": blocks(json!([{"type": "image_url"}]))
            => "messages.0.content.0: Input tag 'image_url' found using 'type' does not match any of the expected tags: 'advisor_tool_result'";
        "block without type": blocks(json!([{"text": "a"}]))
            => "messages.0.content.0.type: Field required";
        "blank stop": with(&base(), &[("/stop_sequences", json!([" "]))])
            => "each stop sequence must contain non-whitespace";
        "unknown service tier": with(&base(), &[("/service_tier", json!("flex"))])
            => "service_tier: Input should be 'auto' or 'standard_only'";
        "old output_format": with(&base(), &[("/output_format", json!({"type": "json_schema", "schema": {}}))])
            => "output_format: Extra inputs are not permitted";
    });
    hold_as(
        "2020-01-01",
        cases! {
            "version": base() => "anthropic-version: \"2020-01-01\" is not a valid version";
        },
    );
    let bare = accept_messages(&HeaderMap::new(), &serde_json::to_vec(&base()).unwrap());
    refused(
        "no version",
        bare,
        &[("/error/message", "anthropic-version: header is required")],
    );
}

#[test]
fn roles_and_content_are_refused() {
    let turn = |message: Value| with(&base(), &[("/messages/1", message)]);
    hold(cases! {
        "role": with(&base(), &[("/messages/0/role", json!("tool"))])
            => "messages.0.role: Input should be 'user' or 'assistant'";
        "assistant first": with(&base(), &[("/messages/0/role", json!("assistant"))])
            => "first message must use the \"user\" role";
        "system on an old model": turn(json!({"role": "system", "content": "a"}))
            => "messages.1: role 'system' is not supported on this model";
        "system first": with(&model("claude-opus-4-8"), &[("/messages/0/role", json!("system"))])
            => "use the top-level 'system' parameter";
        "empty text": blocks(json!([{"type": "text", "text": ""}]))
            => "text content blocks must be non-empty";
        "blank text": blocks(json!([{"type": "text", "text": " \n"}]))
            => "must contain non-whitespace text";
        "empty content": with(&base(), &[("/messages/0/content", json!(""))])
            => "messages.0: all messages must have non-empty content";
        "empty system": with(&base(), &[("/system", json!([{"type": "text", "text": ""}]))])
            => "system: text content blocks must be non-empty";
        "trailing space": turn(json!({"role": "assistant", "content": "The "}))
            => "final assistant content cannot end with trailing whitespace";
        "prefill on 4.6": with(&model("claude-opus-4-6"), &[("/messages/1", json!({"role": "assistant", "content": "The"}))])
            => "does not support assistant message prefill";
        "unsigned thought": turn(json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]}))
            => "messages.1.content.0.thinking.signature: Field required";
        "empty signature": turn(json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": ""}]}))
            => "Invalid `signature` in `thinking` block";
        "call by the user": blocks(json!([{"type": "tool_use", "id": "a", "name": "t", "input": {}}]))
            => "`tool_use` blocks can only be in `assistant` messages";
        "mark on a thought": turn(json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "x", "cache_control": {"type": "ephemeral"}}]}))
            => "thinking.cache_control: Extra inputs";
    });
}

#[test]
fn broken_tool_loops_are_refused() {
    let last = |blocks: Value| with(&looped(), &[("/messages/2/content", blocks)]);
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "x"});
    let text = json!({"type": "text", "text": "And?"});
    let open =
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after";
    hold(cases! {
        "orphan result": blocks(json!([result("call_a")]))
            => "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: call_a.";
        "stranger's id": last(json!([result("call_a"), result("call_b"), result("call_z")]))
            => "unexpected `tool_use_id` found in `tool_result` blocks: call_z";
        "half answered": last(json!([result("call_a")])) => open;
        "unanswered": last(json!([text])) => "call_a, call_b";
        "text in front": last(json!([text, result("call_a"), result("call_b")])) => open;
        "ends with calls": with(&looped(), &[("/messages", Value::Array(looped()["messages"].as_array().unwrap()[..2].to_vec()))])
            => open;
        "twice": last(json!([result("call_a"), result("call_b"), result("call_b")]))
            => "each tool_use must have a single result";
        "same id twice": with(&looped(), &[("/messages/1/content/2/id", json!("call_a"))])
            => "`tool_use` ids must be unique";
        "id with a dot": with(&looped(), &[("/messages/1/content/1/id", json!("call.a"))])
            => "messages.1.content.1.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'";
        "input as text": with(&looped(), &[("/messages/1/content/1/input", json!("{}"))])
            => "messages.1.content.1.tool_use.input: Input should be a valid dictionary";
        "empty text in a result": last(json!([{"type": "tool_result", "tool_use_id": "call_a", "content": [{"type": "text", "text": ""}]}, result("call_b")]))
            => "text content blocks must be non-empty";
        "no thought in the loop": with(&looped(), &[("/thinking", thinking(1024))])
            => "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`.";
    });
}

#[test]
fn tools_and_marks_are_refused() {
    let marked = |count: usize, ttl: &str| -> Value {
        (0..count)
            .map(|_| json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": ttl}}))
            .collect()
    };
    let strict = |schema: Value| {
        with(
            &offered(),
            &[
                ("/tools/0/strict", json!(true)),
                ("/tools/0/input_schema", schema),
            ],
        )
    };
    hold(cases! {
        "name": with(&offered(), &[("/tools/0/name", json!("sea.tide"))])
            => "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
        "no schema": with(&base(), &[("/tools", json!([{"name": "tide"}]))])
            => "tools.0.custom.input_schema: Field required";
        "schema without type": with(&offered(), &[("/tools/0/input_schema", json!({}))])
            => "tools.0.custom.input_schema.type: Field required";
        "schema of a list": with(&offered(), &[("/tools/0/input_schema/type", json!("array"))])
            => "Input should be 'object'";
        "root anyOf": with(&offered(), &[("/tools/0/input_schema/anyOf", json!([]))])
            => "does not support oneOf, allOf, or anyOf at the top level";
        "twice": with(&offered(), &[("/tools/1", tool())]) => "Tool names must be unique.";
        "OpenAI's shape": with(&base(), &[("/tools", json!([{"type": "function", "function": {}}]))])
            => "tools.0: Input tag 'function' found using 'type'";
        "open strict schema": strict(json!({"type": "object"}))
            => "'additionalProperties' must be explicitly set to false";
        "strict range": strict(json!({"type": "object", "additionalProperties": false, "properties": {"n": {"type": "integer", "minimum": 1}}}))
            => "For 'integer' type, property 'minimum' is not supported";
        "choice without tools": with(&base(), &[("/tool_choice", json!({"type": "auto"}))])
            => "tool_choice may only be specified while providing tools.";
        "choice of a stranger": with(&offered(), &[("/tool_choice", json!({"type": "tool", "name": "wind"}))])
            => "Tool 'wind' not found in provided tools";
        "parallel with none": with(&offered(), &[("/tool_choice", json!({"type": "none", "disable_parallel_tool_use": true}))])
            => "tool_choice.none.disable_parallel_tool_use: Extra inputs";
        "choice as a word": with(&offered(), &[("/tool_choice", json!("auto"))])
            => "tool_choice: Input should be a valid dictionary";
        "five marks": blocks(marked(5, "5m"))
            => "A maximum of 4 blocks with cache_control may be provided. Found 5.";
        "long after short": with(&blocks(marked(1, "1h")), &[("/system", marked(1, "5m"))])
            => "a ttl='1h' cache_control block must not come after a ttl='5m'";
        "ttl": blocks(marked(1, "1d"))
            => "cache_control.ephemeral.ttl: Input should be '5m' or '1h'";
    });
}

#[test]
fn thinking_and_sampling_are_refused_by_model() {
    let on =
        |edits: &[(&str, Value)]| with(&with(&base(), &[("/thinking", thinking(1024))]), edits);
    let mode = |name: &str, mode: Value| with(&model(name), &[("/thinking", mode)]);
    hold(cases! {
        "small budget": with(&base(), &[("/thinking", thinking(512))])
            => "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
        "budget above max_tokens": with(&base(), &[("/thinking", thinking(2048))])
            => "`max_tokens` must be greater than `thinking.budget_tokens`";
        "old model": mode("claude-3-5-haiku-20241022", thinking(1024))
            => "does not support thinking";
        "adaptive on 4.5": with(&base(), &[("/thinking", json!({"type": "adaptive"}))])
            => "adaptive thinking is not supported on this model";
        "enabled on 4.7": mode("claude-opus-4-7", thinking(1024))
            => "\"thinking.type.enabled\" is not supported for this model.";
        "disabled on Opus 5.5": mode("claude-opus-5-5", json!({"type": "disabled"}))
            => "\"thinking.type.disabled\" is not supported";
        "between tools elsewhere": mode("claude-opus-5", json!({"type": "between_tools"}))
            => "\"thinking.type.between_tools\" is not supported";
        "cool thinking": on(&[("/temperature", json!(0.5))])
            => "`temperature` may only be set to 1 when thinking is enabled.";
        "low top_p while thinking": on(&[("/top_p", json!(0.5))])
            => "`top_p` must be greater than or equal to 0.95";
        "top_k while thinking": on(&[("/top_k", json!(5))])
            => "`top_k` must be unset when thinking is enabled.";
        "forced while thinking": on(&[("/tools", json!([tool()])), ("/tool_choice", json!({"type": "any"}))])
            => "Thinking may not be enabled when tool_choice forces tool use.";
        "forced on Opus 5.5": with(&model("claude-opus-5-5"), &[("/tools", json!([tool()])), ("/tool_choice", json!({"type": "any"}))])
            => "forces tool use";
        "temperature on Opus 5": with(&model("claude-opus-5"), &[("/temperature", json!(0.2))])
            => "`temperature` is deprecated for this model.";
        "top_k on Sonnet 5": with(&model("claude-sonnet-5"), &[("/top_k", json!(5))])
            => "`top_k` is deprecated";
        "both on Opus 4.7": with(&model("claude-opus-4-7"), &[("/temperature", json!(1)), ("/top_p", json!(1))])
            => "`temperature` and `top_p` cannot both be specified";
        "effort level": with(&model("claude-opus-4-6"), &[("/output_config", json!({"effort": "xhigh"}))])
            => "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium.";
        "effort on 4.5": with(&base(), &[("/output_config", json!({"effort": "low"}))])
            => "does not support the effort parameter";
        "format on Sonnet 4": with(&model("claude-sonnet-4-0"), &[("/output_config", json!({"format": {"type": "json_schema", "schema": {}}}))])
            => "does not support output format";
    });
    let document = json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}}]},
        {"role": "user", "content": "b"},
    ]);
    hold_as(
        "2026-10-21",
        cases! {
            "temperature": with(&base(), &[("/temperature", json!(1.0))])
                => "temperature: Extra inputs are not permitted";
            "top_p": with(&base(), &[("/top_p", json!(1))]) => "top_p: Extra inputs are not permitted";
            "document by the assistant": with(&base(), &[("/messages", document)])
                => "`document` blocks can only be in `user` messages";
        },
    );
}

#[test]
fn broken_media_are_refused() {
    let image = |media_type: &str, data: &str| {
        blocks(
            json!([{"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}]),
        )
    };
    let document = |source: Value| blocks(json!([{"type": "document", "source": source}]));
    hold(cases! {
        "svg": image("image/svg+xml", PNG)
            => "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'";
        "mismatch": image("image/jpeg", PNG)
            => "specified using the image/jpeg media type, but the image appears to be a image/png image";
        "not base64": image("image/png", "@@") => "Invalid base64 data";
        "data URL": image("image/png", "data:image/png;base64,AAAA") => "without a data URL prefix";
        "no image": image("image/png", "bm90IGFuIGltYWdl") => "Could not process image";
        "http": blocks(json!([{"type": "image", "source": {"type": "url", "url": "http://example.com/a.png"}}]))
            => "Only HTTPS URLs are supported.";
        "no pdf": document(json!({"type": "base64", "media_type": "application/pdf", "data": "bm90IGEgcGRm"}))
            => "The PDF specified was not valid.";
        "empty document": document(json!({"type": "text", "media_type": "text/plain", "data": " "}))
            => "must contain non-whitespace";
    });
}

#[test]
fn bodies_that_are_no_json_object_are_refused() {
    for body in [&b"{\"model\":"[..], b"[]", b"\xff\xfe", b""] {
        let verdict = accept_messages(&headers("2023-06-01"), body);
        refused(
            "syntax",
            verdict,
            &[("/error/type", "invalid_request_error")],
        );
    }
}

#[test]
fn token_counts_take_no_output_parameters() {
    let count = |body: &Value| {
        accept_count_tokens(&headers("2023-06-01"), &serde_json::to_vec(body).unwrap())
    };
    assert!(count(&without(&offered(), "max_tokens")).is_ok());
    refused(
        "max_tokens",
        count(&base()),
        &[(
            "/error/message",
            "max_tokens: Extra inputs are not permitted",
        )],
    );
}
