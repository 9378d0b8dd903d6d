//! The vendors that let pass what they do not know.

use polyroute_sim::prompt::{Prompt, Refusal};
use polyroute_sim::vendor::accept::{accept_chat, accept_native_chat, accept_native_generate};
use serde_json::{Value, json};

use super::{base, each, edited, judge, rows, said, tools, vendor};
use crate::kit::with;

#[test]
fn together_rules() {
    each(
        "together",
        422,
        "/error/message",
        &[("/error/type", "invalid_request_error")],
        rows! {
            "logprobs": [("/logprobs", json!(true))]
                => "logprobs: Input should be a valid integer";
            "stop": [("/stop", json!("a"))]
                => "stop: Input should be a valid list";
            "developer": [("/messages/0/role", json!("developer"))]
                => "Input tag 'developer'";
        },
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
        rows! {
            "json mode": [("/response_format", json!({"type": "json_object"}))]
                => "At body -> response_format: Input tag 'json_object'";
            "developer": [("/messages/0/role", json!("developer"))]
                => "Input tag 'developer'";
            "effort": [("/reasoning_effort", json!("max"))]
                => "Input should be 'minimal'";
        },
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
        rows! {
            "presence": [("/presence_penalty", json!(0))]
                => "does not support parameter presencePenalty.";
            "frequency": [("/frequency_penalty", json!(0))]
                => "frequencyPenalty";
            "stop": [("/stop", json!(["a"]))]
                => "does not support parameter stop.";
            "effort": [("/reasoning_effort", json!("low"))]
                => "does not support parameter reasoningEffort.";
            "name": [("/messages/0", named)]
                => "Only message of role user can have a name.";
            "no messages": [("/messages", json!([]))]
                => "at least one message";
        },
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
        rows! {
            "thinking whole": [("/enable_thinking", json!(true))]
                => "parameter.enable_thinking must be set to false for non-streaming calls";
            "default thinking": [("/model", json!("qwen3-32b"))]
                => "must be set to false for non-streaming calls";
            "stream only": [("/model", json!("qwq-plus"))]
                => "only support stream mode";
            "required": [("/tools", tools()), ("/tool_choice", json!("required"))]
                => "\"required\" is not supported";
            "thinking json": [("/stream", json!(true)), ("/enable_thinking", json!(true)), ("/response_format", json!({"type": "json_object"}))]
                => "Json mode response is not supported when enable_thinking is true";
            "json word": [("/response_format", json!({"type": "json_object"}))]
                => "'messages' must contain the word 'json'";
            "schema": [("/response_format", json!({"type": "json_schema", "json_schema": {}}))]
                => "'json_schema' is not supported by this model";
            "developer": [("/messages/0/role", json!("developer"))]
                => "'developer' is not one of ['system'";
            "temperature": [("/temperature", json!(2))]
                => "Temperature should be in [0.0, 2.0)";
        },
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
fn ollama_rules() {
    let link = json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    each(
        "ollama",
        400,
        "/error/message",
        &[
            ("/error/type", "invalid_request_error"),
            ("/error/code", "null"),
        ],
        rows! {
            "no messages": [("/messages", json!([]))]
                => "[] is too short - 'messages'";
            "type": [("/temperature", json!("hot"))]
                => "json: cannot unmarshal string into Go struct field ChatCompletionRequest.temperature of type float64";
            "link": [("/messages/0/content", link)]
                => "invalid image input";
            "no tools": [("/model", json!("llama3")), ("/tools", tools())]
                => "does not support tools";
        },
    );
    assert!(
        judge(
            "ollama",
            &edited("ollama", &[("/messages/0/role", json!("developer"))])
        )
        .is_ok()
    );
}

fn native(edits: &[(&str, Value)]) -> Result<Prompt, Refusal> {
    accept_native_chat(&serde_json::to_vec(&with(&base("ollama"), edits)).unwrap())
}

#[test]
fn ollama_native_rules() {
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
            vec![("/think", json!("extreme"))],
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
fn ollama_native_rules_of_pictures_and_tools() {
    for (what, edits, words) in [
        (
            "logprobs",
            vec![("/top_logprobs", json!(21))],
            "top_logprobs must be between 0 and 20",
        ),
        (
            "data URL",
            vec![("/messages/0/images", json!(["data:image/png;base64,AAAA"]))],
            "illegal base64 data at input byte 4",
        ),
        (
            "property",
            vec![(
                "/tools",
                json!([{"type": "function", "function": {"name": "a",
                    "parameters": {"type": "object", "properties": {"x": true}}}}]),
            )],
            "ChatRequest.tools.function.parameters.properties.x of type struct",
        ),
        (
            "required",
            vec![(
                "/tools",
                json!([{"type": "function", "function": {"name": "a",
                    "parameters": {"type": "object", "required": true}}}]),
            )],
            "ChatRequest.tools.function.parameters.required of type []interface",
        ),
    ] {
        let words = format!("~{words}");
        said(what, native(&edits), 400, &[("/error", words.as_str())]);
    }
}

#[test]
fn ollama_generate_rules() {
    let judged = |edits: &[(&str, Value)]| {
        let body = with(&json!({"model": "llama3.1", "prompt": "Hi"}), edits);
        accept_native_generate(&serde_json::to_vec(&body).unwrap())
    };
    for (what, edits, words) in [
        ("no model", vec![("/model", json!(""))], "model is required"),
        (
            "raw",
            vec![("/raw", json!(true)), ("/system", json!("Be brief."))],
            "raw mode does not support template, system, or context",
        ),
        (
            "prompt",
            vec![("/prompt", json!(["Hi"]))],
            "cannot unmarshal array into Go struct field ChatRequest.prompt of type string",
        ),
        ("format", vec![("/format", json!("xml"))], "invalid format"),
    ] {
        let words = format!("~{words}");
        said(what, judged(&edits), 400, &[("/error", words.as_str())]);
    }
    let options = json!({"num_predict": 3, "stop": ["END"], "num_ctx": 512});
    let good = judged(&[("/options", options), ("/truncate", json!(false))]).unwrap();
    assert_eq!((good.stream, good.max_output_tokens), (true, Some(3)));
    assert_eq!(
        (good.context_size, good.refuses_to_be_cut),
        (Some(512), true)
    );
    assert_eq!(good.last_user_text, "Hi");
}

#[test]
fn vllm_rules() {
    let twice = json!([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]);
    each(
        "vllm",
        400,
        "/error/message",
        &[("/error/code", "400")],
        rows! {
            "type": [("/temperature", json!("hot"))]
                => "'type': 'float_type', 'loc': ('body', 'temperature')";
            "limit": [("/max_tokens", json!(0))]
                => "greater_than_equal";
            "parser": [("/model", json!("meta-llama/Llama-2-7b-chat-hf")), ("/tools", tools())]
                => "\"auto\" tool choice requires --enable-auto-tool-choice";
            "template": [("/model", json!("mistralai/Mistral-7B-Instruct-v0.3")), ("/messages", twice)]
                => "conversation roles must alternate";
        },
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
        rows! {
            "unknown": [("/top_k", json!(4)), ("/verbosity", json!("low"))]
                => "Extra parameters ['top_k', 'verbosity'] are not allowed";
            "type": [("/temperature", json!("hot"))]
                => "temperature: Input should be a valid number";
        },
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
