//! Cerebras: names everything that it does not know, errors at the top level of the body, and says
//! how long things took (wire-protocols §§4, 9, 13.3).

use serde_json::{Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, flat_shape, said};
use super::judge::{Asking, CHOICES, COMMON, FORMATS, Form, Role, role};
use super::models::{chat, list_with};
use super::say::{
    Beside, CALLS, Calls, FLOW, Pieces, Thoughts, Voice, chatcmpl_uuid, counts_with, finish,
    unchanged,
};
use super::{Door, Meter, Vendor, rules, wording};
use crate::models::{Model, Thinking};
use crate::strict::{Field, Finding, Shape, null};
use crate::wire::Context;

const PARTS: &[&str] = &["text", "image_url"];

static ROLES: &[Role] = &[
    role("system", &["name"], PARTS),
    role("developer", &["name"], PARTS),
    role("user", &["name"], PARTS),
    role("assistant", &["name", "tool_calls", "reasoning"], &["text"]),
    role("tool", &["name", "tool_call_id"], PARTS),
];

static TYPES: &[Field] = &[
    null!("temperature", Shape::Num(0.0, 1.5)),
    null!(
        "reasoning_effort",
        Shape::Word(&["none", "low", "medium", "high"])
    ),
    null!(
        "reasoning_format",
        Shape::Word(&["none", "parsed", "text_parsed", "raw", "hidden"])
    ),
    null!(
        "service_tier",
        Shape::Word(&["auto", "default", "flex", "priority"])
    ),
    null!("clear_thinking", Shape::Bool),
    null!("disable_reasoning", Shape::Bool),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "clear_thinking",
            "disable_reasoning",
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "max_completion_tokens",
            "min_completion_tokens",
            "min_tokens",
            "model_parameters",
            "n",
            "parallel_tool_calls",
            "prediction",
            "prompt_cache_key",
            "reasoning_effort",
            "reasoning_format",
            "seed",
            "service_tier",
            "stream_options",
            "user",
        ],
    ],
    types: TYPES,
    closed: true,
    roles: ROLES,
    loose_tools: false,
    other_tools: &[],
    extras: &[],
    choices: CHOICES,
    formats: FORMATS,
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "invalid_request_error", "wrong_api_key", "Wrong API Key"),
    said(When::BadKey, 401, "invalid_request_error", "wrong_api_key", "Wrong API Key"),
    said(When::Quota, 402, "payment_required", "payment_required", "Payment is required to access this resource."),
    said(When::Limited, 429, "too_many_requests_error", "token_quota_exceeded", "Tokens per minute limit exceeded - too many tokens processed."),
    said(When::Overloaded, 429, "too_many_requests_error", "queue_exceeded", "We're experiencing high traffic right now! Please try again soon."),
    said(When::NoModel, 404, "not_found_error", "model_not_found", "Model {model} does not exist or you do not have access to it."),
    said(When::TooLong, 400, "invalid_request_error", "context_length_exceeded", "Please reduce the length of the messages or completion. Current length is {tokens} while limit is {window}"),
    said(When::NoJson, 400, "invalid_request_error", "wrong_api_format", "Invalid JSON body"),
    said(When::NoPath, 404, "not_found_error", "not_found", "Not Found"),
    said(When::Broken, 500, "server_error", "internal_error", "Encountered a server error, please try again."),
];

fn wrong(words: impl Into<String>) -> Complaint {
    Complaint::invalid(words)
        .param("validation_error")
        .code("wrong_api_format")
}

fn found(found: &[Finding]) -> Complaint {
    let line = |finding: &Finding| {
        let mut path = wording::dotted(&finding.path, true);
        if !path.starts_with("messages") {
            path.insert_str(0, "body.");
        }
        match finding.fault {
            crate::strict::Fault::Unknown => {
                format!("{path}: property '{path}' is unsupported")
            }
            _ => format!("{path}: {}", wording::pydantic(finding).1),
        }
    };
    let lines: Vec<String> = found.iter().map(line).collect();
    wrong(lines.join("\n"))
}

fn together(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.format().starts_with("json") && asking.offers_tools() {
        let words = "\"tools\" is incompatible with \"response_format\"";
        return Err(Complaint::invalid(words)
            .param("tools")
            .code("wrong_api_format"));
    }
    if asking.has("max_tokens") && asking.has("max_completion_tokens") {
        return Err(wrong(
            "max_tokens and max_completion_tokens are mutually exclusive",
        ));
    }
    Ok(())
}

fn pairs(asking: &Asking<'_>) -> Result<(), Complaint> {
    rules::pairs(asking).map_err(|complaint| complaint.param("messages").code("wrong_api_format"))
}

fn thinks(asking: &Asking<'_>) -> bool {
    !asking.flag("disable_reasoning") && rules::unless_off(asking)
}

fn usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    counts_with(
        usage,
        json!({"prompt_tokens_details": {"cached_tokens": usage.cache_read},
            "completion_tokens_details": {"accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0, "reasoning_tokens": usage.thinking}}),
    )
}

fn time_info(context: &Context<'_>) -> Value {
    let output = context.answer.usage.output_total() as f64 / 2_000.0;
    json!({"queue_time": 0.002_922_005, "prompt_time": 0.002_785_251, "completion_time": output,
        "total_time": output + 0.006, "created": context.created_s as f64 + 0.165_281})
}

static VOICE: Voice = Voice {
    id: chatcmpl_uuid,
    call_id: |dice, _, _| dice.hex(9),
    fingerprint: Some(|dice| json!(format!("fp_{}", dice.hex(20)))),
    thoughts: Thoughts::Member("reasoning"),
    finish,
    usage,
    calls: Calls {
        beside: Beside::Absent,
        streamed: Pieces::Whole,
        ..CALLS
    },
    logprobs: false,
    flow: FLOW,
    first: None,
    whole: |context, answer| {
        answer.insert("time_info".to_owned(), time_info(context));
    },
    chunk: unchanged,
};

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-request-id", meter.request_id.to_owned())];
    if meter.ok {
        let left_s = 86_400 - meter.now_s % 86_400;
        headers.extend([
            ("x-ratelimit-limit-requests-day", "14400".to_owned()),
            ("x-ratelimit-limit-tokens-minute", "60000".to_owned()),
            (
                "x-ratelimit-remaining-requests-day",
                (14_399 - meter.used).to_string(),
            ),
            (
                "x-ratelimit-remaining-tokens-minute",
                (59_900 - meter.used).to_string(),
            ),
            ("x-ratelimit-reset-requests-day", format!("{left_s}.0")),
            (
                "x-ratelimit-reset-tokens-minute",
                format!("{}.0", 60 - meter.now_s % 60),
            ),
        ]);
    }
    headers
}

static MODELS: &[Model] = &[
    chat(
        "gpt-oss-120b",
        (131_072, 40_960),
        Thinking::Asked,
        (350, 750),
    ),
    chat(
        "zai-glm-4.7",
        (131_072, 40_960),
        Thinking::Asked,
        (2_250, 2_750),
    ),
    chat(
        "llama-3.3-70b",
        (131_072, 65_536),
        Thinking::Never,
        (850, 1_200),
    ),
    chat(
        "gemma-4-31b",
        (131_072, 32_768),
        Thinking::Never,
        (400, 800),
    ),
];

/// Cerebras.
pub static CEREBRAS: Vendor = Vendor {
    names: &["cerebras"],
    bases: &["/v1"],
    embeddings: None,
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &[],
    rules: &[rules::some_messages, rules::tool_names, together, pairs],
    thinks,
    found,
    errors: &Errors {
        said: SAID,
        shape: flat_shape,
        streamed: Streamed::Plain,
        content_type: "application/json",
    },
    voice: |_| &VOICE,
    heartbeat: "keep-alive",
    before_json: "",
    headers,
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: |models| list_with(models, "Cerebras", |_| json!({"created": 0})),
    embedded: super::say::embeddings,
};
