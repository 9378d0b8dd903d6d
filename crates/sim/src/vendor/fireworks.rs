//! Fireworks: model names are whole resource names, unknown members are named one by one, long
//! answers must be streamed, usage comes unasked (wire-protocols §§1, 4, 9, 13.3).

use serde_json::{Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{Asking, COMMON, Form, Role, role};
use super::models::{chat, embedding, list_with};
use super::say::{
    CALLS, Counted, FLOW, Flow, Thoughts, Voice, call_24, detailed, finish, unchanged, untouched,
    uuid,
};
use super::{Door, Meter, Vendor, rules, wording};
use crate::models::{Model, Thinking};
use crate::strict::{Fault, Field, Finding, Shape, null, set, whole};

const PARTS: &[&str] = &["text", "image_url", "video_url"];

static ROLES: &[Role] = &[
    role("system", &["name"], PARTS),
    role("developer", &["name"], PARTS),
    role("user", &["name"], PARTS),
    role(
        "assistant",
        &[
            "name",
            "tool_calls",
            "function_call",
            "reasoning_content",
            "tool_call_id",
        ],
        PARTS,
    ),
    role("tool", &["name", "tool_call_id"], PARTS),
];

static TYPES: &[Field] = &[
    null!("n", Shape::Int(1, 128)),
    null!("reasoning_effort", Shape::Any),
    null!(
        "reasoning_history",
        Shape::Word(&["disabled", "interleaved", "preserved"])
    ),
    null!(
        "context_length_exceeded_behavior",
        Shape::Word(&["error", "truncate"])
    ),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "max_completion_tokens",
            "context_length_exceeded_behavior",
            "echo",
            "echo_last",
            "frequency_penalty",
            "presence_penalty",
            "repetition_penalty",
            "function_call",
            "functions",
            "ignore_eos",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "metadata",
            "min_p",
            "mirostat_lr",
            "mirostat_target",
            "n",
            "parallel_tool_calls",
            "perf_metrics_in_response",
            "prediction",
            "prompt_cache_isolation_key",
            "prompt_cache_key",
            "prompt_truncate_len",
            "raw_output",
            "reasoning_effort",
            "reasoning_history",
            "return_token_ids",
            "safe_tokenization",
            "seed",
            "service_tier",
            "speculation",
            "stream_options",
            "thinking",
            "top_k",
            "typical_p",
            "user",
        ],
    ],
    types: TYPES,
    closed: true,
    roles: ROLES,
    loose_tools: false,
    other_tools: &[],
    extras: &[],
    choices: &["none", "auto", "required", "any"],
    formats: &["text", "json_object", "json_schema", "grammar"],
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "error", "UNAUTHORIZED", "The API key you provided is invalid."),
    said(When::BadKey, 401, "error", "UNAUTHORIZED", "The API key you provided is invalid."),
    said(When::Forbidden, 403, "error", "FORBIDDEN", "unauthorized"),
    said(When::Quota, 412, "error", "PRECONDITION_FAILED", "Account sim is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."),
    said(When::Limited, 429, "error", "RESOURCE_EXHAUSTED", "rate limit exceeded, please try again later"),
    said(When::Overloaded, 503, "error", "UNAVAILABLE", "service overloaded, please try again later"),
    said(When::NoModel, 404, "error", "NOT_FOUND", "Model not found, inaccessible, and/or not deployed"),
    said(When::TooLong, 400, "error", "BAD_REQUEST", "The prompt is too long: {tokens}, model maximum context length: {window}"),
    said(When::NoJson, 400, "error", "BAD_REQUEST", "Invalid JSON in the request body"),
    said(When::NoPath, 404, "error", "NOT_FOUND", "Path not found"),
    said(When::Broken, 500, "error", "INTERNAL", "Internal server error"),
];

/// OpenAI's shape; `param` only where there is one.
fn shape(complaint: &Complaint, _: &str) -> Value {
    let mut error = json!({"message": complaint.message});
    if let Some(members) = error.as_object_mut() {
        if let Some(param) = &complaint.param {
            members.insert("param".to_owned(), json!(param));
        }
        members.insert("code".to_owned(), complaint.code_or_null());
        members.insert("type".to_owned(), json!(complaint.kind));
    }
    json!({ "error": error })
}

fn bad(words: impl Into<String>) -> Complaint {
    Complaint::new(400, "error", words).code("BAD_REQUEST")
}

fn found(found: &[Finding]) -> Complaint {
    let line = |finding: &Finding| {
        let path = wording::bracketed(&finding.path);
        let (_, words, input) = wording::pydantic(finding);
        match finding.fault {
            Fault::Unknown | Fault::Missing => format!("{words}, field: '{path}'"),
            _ => format!("{words}, field: '{path}', value: {input}"),
        }
    };
    let lines: Vec<String> = found.iter().map(line).collect();
    match lines.as_slice() {
        [one] => bad(one.as_str()),
        many => bad(format!(
            "{} request validation errors: {}",
            many.len(),
            many.join("; ")
        )),
    }
}

fn limits(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.has("max_tokens") && asking.has("max_completion_tokens") {
        return Err(bad(
            "Only one of 'max_tokens' and 'max_completion_tokens' can be specified",
        ));
    }
    for key in ["max_tokens", "max_completion_tokens"] {
        let asked = set(asking.body, key).and_then(whole).unwrap_or_default();
        if asked > 4_096 && !asking.flag("stream") {
            return Err(
                bad(format!("Requests with {key} > 4096 must have stream=true")).param(key),
            );
        }
    }
    if asking.has("thinking") && asking.has("reasoning_effort") {
        return Err(bad(
            "Only one of 'thinking' and 'reasoning_effort' can be specified",
        ));
    }
    Ok(())
}

fn messages(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.messages().is_empty() {
        return Err(bad("'messages' must not be empty").param("messages"));
    }
    Ok(())
}

fn names(asking: &Asking<'_>) -> Result<(), Complaint> {
    rules::tool_names(asking).map_err(|complaint| Complaint {
        kind: "error",
        ..complaint.code("BAD_REQUEST")
    })
}

fn thinks(asking: &Asking<'_>) -> bool {
    let off = [Value::Bool(false), json!("none"), json!(0)];
    let effort = asking.body.get("reasoning_effort");
    !effort.is_some_and(|effort| off.contains(effort))
}

static VOICE: Voice = Voice {
    id: uuid,
    call_id: call_24,
    fingerprint: None,
    thoughts: Thoughts::Member("reasoning_content"),
    finish,
    usage: detailed,
    calls: CALLS,
    logprobs: false,
    flow: Flow {
        usage: Counted::Finish,
        null_usage: true,
        ..FLOW
    },
    first: None,
    whole: untouched,
    chunk: unchanged,
};

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-request-id", meter.request_id.to_owned())];
    if meter.ok || meter.status == 429 {
        headers.extend([
            ("x-ratelimit-limit-requests", "600".to_owned()),
            (
                "x-ratelimit-remaining-requests",
                (599 - meter.used).to_string(),
            ),
            ("x-ratelimit-limit-tokens-prompt", "60000".to_owned()),
            (
                "x-ratelimit-remaining-tokens-prompt",
                (59_000 - meter.used).to_string(),
            ),
            ("x-ratelimit-limit-tokens-generated", "6000".to_owned()),
            (
                "x-ratelimit-remaining-tokens-generated",
                (5_900 - meter.used).to_string(),
            ),
            (
                "x-ratelimit-over-limit",
                if meter.ok { "no" } else { "yes" }.to_owned(),
            ),
        ]);
    }
    headers
}

static MODELS: &[Model] = &[
    chat(
        "accounts/fireworks/models/llama-v3p3-70b-instruct",
        (131_072, 131_072),
        Thinking::Never,
        (900, 900),
    ),
    chat(
        "accounts/fireworks/models/gpt-oss-120b",
        (131_072, 131_072),
        Thinking::Asked,
        (150, 600),
    ),
    chat(
        "accounts/fireworks/models/deepseek-v3p1",
        (163_840, 163_840),
        Thinking::Asked,
        (560, 1_680),
    ),
    chat(
        "accounts/fireworks/models/kimi-k2-instruct",
        (131_072, 131_072),
        Thinking::Never,
        (600, 2_500),
    ),
    chat(
        "accounts/fireworks/models/deepseek-v3p2",
        (163_840, 163_840),
        Thinking::Asked,
        (560, 1_680),
    ),
    chat(
        "accounts/fireworks/models/deepseek-v4-pro",
        (1_048_576, 393_216),
        Thinking::Asked,
        (1_740, 3_480),
    ),
    chat(
        "accounts/fireworks/models/kimi-k2p6",
        (262_144, 262_144),
        Thinking::Asked,
        (950, 4_000),
    ),
    chat(
        "accounts/fireworks/models/glm-5p2",
        (202_752, 131_072),
        Thinking::Asked,
        (1_000, 3_200),
    ),
    chat(
        "accounts/fireworks/models/gpt-oss-20b",
        (131_072, 131_072),
        Thinking::Asked,
        (70, 300),
    ),
    embedding("nomic-ai/nomic-embed-text-v1.5", 8_192, 768, 8),
];

/// Fireworks.
pub static FIREWORKS: Vendor = Vendor {
    names: &["fireworks"],
    bases: &["/inference/v1"],
    embeddings: Some("/inference/v1"),
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &["dimensions", "encoding_format", "user", "prompt_template"],
    rules: &[messages, limits, names, rules::pairs],
    thinks,
    found,
    errors: &Errors {
        said: SAID,
        shape,
        streamed: Streamed::Plain,
        content_type: "application/json",
    },
    voice: |_| &VOICE,
    heartbeat: "keep-alive",
    before_json: "",
    headers,
    models: MODELS,
    output_default: Some(2_048),
    truncates: None,
    openai_at: |_| false,
    listed: |models| {
        list_with(models, "fireworks", |model| {
            json!({"kind": "HF_BASE_MODEL", "supports_chat": true, "supports_image_input": false,
                "supports_tools": true, "context_length": model.window})
        })
    },
    embedded: super::say::embeddings,
};
