//! DeepSeek: ignores what it does not know, wants `reasoning_content` back in turns with calls,
//! opens whole answers with blank lines and keeps streams alive with comments (wire-protocols §§9,
//! 12.1, 13.3).

use serde_json::{Value, json};

use super::accept::says;
use super::errors::{Complaint, Errors, Said, Streamed, When, openai_shape, said};
use super::judge::{Asking, CHOICES, COMMON, Form, Role, role};
use super::models::{chat, dated, plain_list};
use super::route::Own;
use super::say::{
    Beside, CALLS, Calls, Counted, FLOW, Flow, Thoughts, Voice, counts_with, finish, unchanged,
    untouched, uuid,
};
use super::{Door, Vendor, rules, wording};
use crate::models::{Model, Thinking};
use crate::strict::{Field, Finding, Shape, list, null, set, text};
use crate::wire::Context;

static ROLES: &[Role] = &[
    role("system", &["name"], &["text"]),
    role("user", &["name"], &["text"]),
    role(
        "assistant",
        &["name", "tool_calls", "prefix", "reasoning_content"],
        &["text"],
    ),
    role("tool", &["tool_call_id"], &["text"]),
    role("latest_reminder", &[], &["text"]),
];

static TYPES: &[Field] = &[
    null!("temperature", Shape::Num(f64::MIN, f64::MAX)),
    null!("top_p", Shape::Num(f64::MIN, f64::MAX)),
    null!("max_tokens", Shape::Int(i64::MIN, i64::MAX)),
    null!(
        "reasoning_effort",
        Shape::Word(&[
            "none", "minimal", "low", "medium", "high", "xhigh", "max", "ultra"
        ])
    ),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "frequency_penalty",
            "presence_penalty",
            "logprobs",
            "top_logprobs",
            "stream_options",
            "thinking",
            "reasoning_effort",
        ],
    ],
    types: TYPES,
    closed: false,
    roles: ROLES,
    loose_tools: false,
    other_tools: &[],
    extras: &[],
    choices: CHOICES,
    formats: &["text", "json_object", "json_schema"],
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "authentication_error", "invalid_request_error", "Authentication Fails (auth header format should be Bearer sk-...)"),
    said(When::BadKey, 401, "authentication_error", "invalid_request_error", "Authentication Fails, Your api key: ****bad is invalid"),
    said(When::Quota, 402, "unknown_error", "invalid_request_error", "Insufficient Balance"),
    said(When::Limited, 429, "rate_limit_error", "invalid_request_error", "Rate limit reached.{wait}"),
    said(When::Overloaded, 503, "service_unavailable_error", "invalid_request_error", "Service is too busy. We advise users to temporarily switch to alternative LLM API service providers."),
    said(When::NoModel, 400, "invalid_request_error", "invalid_request_error", "Model Not Exist"),
    said(When::TooLong, 400, "invalid_request_error", "invalid_request_error", "This model's maximum context length is {window} tokens. However, you requested {tokens} tokens ({tokens} in the messages, 0 in the completion). Please reduce the length of the messages or completion."),
    said(When::NoJson, 400, "invalid_request_error", "invalid_request_error", "Failed to parse the request body as JSON: expected value at line 1 column 1"),
    said(When::Filtered, 400, "invalid_request_error", "invalid_request_error", "Content Exists Risk"),
    said(When::Broken, 500, "internal_server_error", "invalid_request_error", "Internal server error"),
];

fn bad(words: impl Into<String>) -> Complaint {
    Complaint::invalid(words).code("invalid_request_error")
}

fn found(found: &[Finding]) -> Complaint {
    bad(found.first().map(wording::serde_words).unwrap_or_default())
}

fn ranges(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.messages().is_empty() {
        return Err(bad("Empty input messages"));
    }
    for (name, low, high) in [
        ("temperature", 0.0, 2.0),
        ("top_p", f64::MIN_POSITIVE, 1.0),
        ("max_tokens", 1.0, 393_216.0),
    ] {
        let given = set(asking.body, name).and_then(Value::as_f64);
        if given.is_some_and(|given| !(low..=high).contains(&given)) {
            let shown = if name == "top_p" {
                "(0".to_owned()
            } else {
                format!("[{low}")
            };
            return Err(bad(format!(
                "Invalid {name} value, the valid range of {name} is {shown}, {high}]"
            )));
        }
    }
    Ok(())
}

fn format(asking: &Asking<'_>) -> Result<(), Complaint> {
    match asking.format() {
        "json_schema" => Err(bad("This response_format type is unavailable now")),
        "json_object" if !says(asking, "json") => Err(bad(
            "Prompt must contain the word 'json' in some form to use 'response_format' of type \
             'json_object'.",
        )),
        _ => Ok(()),
    }
}

fn names(asking: &Asking<'_>) -> Result<(), Complaint> {
    rules::tool_names(asking).map_err(|complaint| complaint.code("invalid_request_error"))
}

fn pairs(asking: &Asking<'_>) -> Result<(), Complaint> {
    rules::pairs(asking).map_err(|complaint| complaint.code("invalid_request_error"))
}

fn prefix(asking: &Asking<'_>) -> Result<(), Complaint> {
    let wanted = |message: &Value| message.get("prefix") == Some(&Value::Bool(true));
    let Some(last) = asking.messages().last() else {
        return Ok(());
    };
    if !asking.messages().iter().any(wanted) {
        return Ok(());
    }
    if asking.base != "/beta" {
        return Err(bad(
            "To use the prefix feature, please set base_url=\"https://api.deepseek.com/beta\"",
        ));
    }
    if !wanted(last) || text(last, "role") != "assistant" {
        return Err(bad(
            "The last message of messages must be an assistant message with prefix set to true",
        ));
    }
    Ok(())
}

fn thinks(asking: &Asking<'_>) -> bool {
    let thinking = asking.body.get("thinking").unwrap_or(&Value::Null);
    match text(thinking, "type") {
        "disabled" => false,
        "enabled" => true,
        // V4 thinks unless told otherwise; `deepseek-chat` is the name of not thinking.
        _ => asking.model != "deepseek-chat" && rules::unless_off(asking),
    }
}

/// Turns with calls must bring their thoughts back, be they empty (wire-protocols §9).
fn replay(asking: &Asking<'_>) -> Result<(), Complaint> {
    if !thinks(asking) {
        return Ok(());
    }
    let calls = |message: &&Value| !list(message, "tool_calls").is_empty();
    let mut turns = asking.messages().iter().filter(calls);
    if turns.any(|message| {
        !message
            .get("reasoning_content")
            .is_some_and(Value::is_string)
    }) {
        return Err(bad(
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
        ));
    }
    Ok(())
}

fn usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    let mut more = json!({
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "prompt_cache_hit_tokens": usage.cache_read,
        "prompt_cache_miss_tokens": usage.input_total() - usage.cache_read,
    });
    if usage.thinking > 0
        && let Some(members) = more.as_object_mut()
    {
        let details = json!({"reasoning_tokens": usage.thinking});
        members.insert("completion_tokens_details".to_owned(), details);
    }
    counts_with(usage, more)
}

static VOICE: Voice = Voice {
    id: uuid,
    call_id: |dice, _, at| format!("call_{at:02}_{}", dice.base62(24)),
    fingerprint: Some(|dice| json!(format!("fp_{}_prod0820_fp8_kvcache_20260402", dice.hex(10)))),
    thoughts: Thoughts::Member("reasoning_content"),
    finish,
    usage,
    calls: Calls {
        numbered: true,
        beside: Beside::Empty,
        ..CALLS
    },
    logprobs: true,
    flow: Flow {
        usage: Counted::Finish,
        null_usage: true,
        empty_finish: true,
        comments: 1,
        ..FLOW
    },
    first: None,
    whole: untouched,
    chunk: unchanged,
};

static MODELS: &[Model] = &[
    chat(
        "deepseek-v4-flash",
        (1_048_576, 393_216),
        Thinking::Asked,
        (140, 280),
    ),
    chat(
        "deepseek-v4-pro",
        (1_048_576, 393_216),
        Thinking::Asked,
        (1_740, 3_480),
    ),
    dated(
        chat(
            "deepseek-chat",
            (1_048_576, 393_216),
            Thinking::Asked,
            (140, 280),
        ),
        "deepseek-v4-flash",
    ),
    dated(
        chat(
            "deepseek-reasoner",
            (1_048_576, 393_216),
            Thinking::Always,
            (140, 280),
        ),
        "deepseek-v4-flash",
    ),
];

/// DeepSeek.
pub static DEEPSEEK: Vendor = Vendor {
    names: &["deepseek"],
    bases: &["/beta", "/v1", ""],
    embeddings: None,
    beside: None,
    own: &[("GET", "/user/balance", Own::Balance)],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &[],
    rules: &[ranges, format, names, pairs, prefix, replay],
    thinks,
    found,
    errors: &Errors {
        said: SAID,
        shape: openai_shape,
        streamed: Streamed::Plain,
        content_type: "application/octet-stream",
    },
    voice: |_| &VOICE,
    heartbeat: "keep-alive",
    before_json: "\n\n\n\n",
    headers: |meter| vec![("x-ds-trace-id", meter.request_id.to_owned())],
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: plain_list,
    embedded: super::say::embeddings,
};
