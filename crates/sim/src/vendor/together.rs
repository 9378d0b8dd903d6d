//! Together: `logprobs` is a number, turns end with `eos`, the list of models is a bare array
//! (wire-protocols §§1, 4, 11.1, 13.3).

use serde_json::{Map, Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, openai_shape, said};
use super::judge::{Asking, CHOICES, COMMON, Form, Role, role};
use super::models::{chat, embedding, plain};
use super::say::{CALLS, Counted, FLOW, Flow, Moment, Stage, Thoughts, Voice, counts_with, finish};
use super::{Door, Meter, Vendor, rules, wording};
use crate::answer::Finish;
use crate::models::{Model, Thinking};
use crate::strict::{Field, Finding, Shape, null};
use crate::wire::Context;

const PARTS: &[&str] = &["text", "image_url", "video_url", "input_audio"];

static ROLES: &[Role] = &[
    role("system", &[], &["text"]),
    role("user", &[], PARTS),
    role("assistant", &[], &["text"]),
    role("tool", &[], PARTS),
    role("function", &[], &["text"]),
];

static TYPES: &[Field] = &[
    null!("logprobs", Shape::Int(0, 20)),
    null!("stop", Shape::List(&Shape::Text)),
    null!("n", Shape::Int(1, 128)),
    null!(
        "context_length_exceeded_behavior",
        Shape::Word(&["truncate", "error"])
    ),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "frequency_penalty",
            "presence_penalty",
            "repetition_penalty",
            "logit_bias",
            "logprobs",
            "min_p",
            "top_k",
            "n",
            "seed",
            "reasoning",
            "reasoning_effort",
            "stream_options",
        ],
    ],
    types: TYPES,
    closed: false,
    roles: ROLES,
    loose_tools: false,
    other_tools: &[],
    extras: &[],
    choices: CHOICES,
    formats: &["text", "json_object", "json_schema", "regex"],
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "invalid_request_error", "missing_api_key", "Missing API key. You can find your API key at https://api.together.ai/settings/api-keys."),
    said(When::BadKey, 401, "invalid_request_error", "invalid_api_key", "Invalid API key provided. You can find your API key at https://api.together.ai/settings/api-keys."),
    said(When::Quota, 402, "credit_limit", "credit_limit_exceeded", "Credit limit exceeded, please navigate to https://api.together.ai/settings/billing to update your credit limit."),
    said(When::Limited, 429, "rate_limit", "dynamic_request_limited", "You have reached the rate limit specific to this model {model}. The maximum rate limit for this model is 600 queries per minute."),
    said(When::Overloaded, 503, "service_unavailable", "service_unavailable", "The server is overloaded or not ready yet."),
    said(When::NoModel, 404, "invalid_request_error", "model_not_available", "Unable to access model {model}. Please visit https://api.together.ai/models to view the list of supported models."),
    said(When::TooLong, 422, "invalid_request_error", "", "Input validation error: `inputs` tokens + `max_new_tokens` must be <= {window}. Given: {tokens} `inputs` tokens and 512 `max_new_tokens`"),
    said(When::Broken, 500, "server_error", "", "Internal server error"),
];

fn found(found: &[Finding]) -> Complaint {
    Complaint {
        status: 422,
        ..wording::first_plainly(found)
    }
}

fn thinks(asking: &Asking<'_>) -> bool {
    let reasoning = asking.body.get("reasoning").unwrap_or(&Value::Null);
    reasoning.get("enabled") == Some(&Value::Bool(true)) || rules::by_effort(asking)
}

/// `eos` where the model ended by itself.
fn eos(reason: &Finish) -> &'static str {
    match reason {
        Finish::Stop => "eos",
        other => finish(other),
    }
}

fn usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    counts_with(usage, json!({"cached_tokens": usage.cache_read}))
}

fn chunk(context: &Context<'_>, moment: &Moment<'_>, chunk: &mut Map<String, Value>) {
    if matches!(moment.stage, Stage::Content | Stage::Finish)
        && let Some(choice) = chunk.get_mut("choices").and_then(|all| all.get_mut(0))
        && let Some(choice) = choice.as_object_mut()
    {
        let said = choice.get("delta").and_then(|delta| delta.get("content"));
        let said = said.cloned().unwrap_or_else(|| json!(""));
        choice.insert("text".to_owned(), said);
        let seed = (moment.stage == Stage::Finish).then_some(context.id_seed);
        choice.insert("seed".to_owned(), json!(seed));
    }
}

static VOICE: Voice = Voice {
    id: |dice| format!("{}-{}", dice.base62(7), dice.hex(16)),
    call_id: |dice, _, _| format!("call_{}", dice.base62(24).to_lowercase()),
    fingerprint: None,
    thoughts: Thoughts::Member("reasoning"),
    finish: eos,
    usage,
    calls: CALLS,
    logprobs: true,
    flow: Flow {
        usage: Counted::Finish,
        null_usage: true,
        ..FLOW
    },
    first: None,
    whole: |context, answer| {
        answer.insert("prompt".to_owned(), json!([]));
        let choices = answer.get_mut("choices").and_then(Value::as_array_mut);
        for choice in choices
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            choice.insert("seed".to_owned(), json!(context.id_seed));
        }
    },
    chunk,
};

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-request-id", meter.request_id.to_owned())];
    if meter.ok || meter.status == 429 {
        // Requests of a second.
        headers.extend([
            ("x-ratelimit-limit", "10".to_owned()),
            ("x-ratelimit-remaining", (9 - meter.used % 10).to_string()),
            ("x-ratelimit-reset", "1".to_owned()),
            ("x-tokenlimit-limit", "3000".to_owned()),
            ("x-tokenlimit-remaining", (2_999 - meter.used).to_string()),
        ]);
    }
    headers
}

static MODELS: &[Model] = &[
    chat(
        "meta-llama/Llama-3.3-70B-Instruct-Turbo",
        (131_072, 131_072),
        Thinking::Never,
        (880, 880),
    ),
    chat(
        "openai/gpt-oss-120b",
        (131_072, 131_072),
        Thinking::Always,
        (150, 600),
    ),
    chat(
        "deepseek-ai/DeepSeek-V3.1",
        (131_072, 131_072),
        Thinking::Asked,
        (600, 1_700),
    ),
    chat(
        "Qwen/Qwen3-235B-A22B-Instruct-2507-tput",
        (262_144, 262_144),
        Thinking::Never,
        (200, 600),
    ),
    chat(
        "mistralai/Mixtral-8x7B-Instruct-v0.1",
        (32_768, 32_768),
        Thinking::Never,
        (600, 600),
    ),
    embedding("intfloat/multilingual-e5-large-instruct", 514, 1_024, 20),
    chat(
        "google/gemma-4-31B-it",
        (131_072, 32_768),
        Thinking::Never,
        (200, 400),
    ),
];

/// Together.
pub static TOGETHER: Vendor = Vendor {
    names: &["together"],
    bases: &["/v1"],
    embeddings: Some("/v1"),
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &[],
    rules: &[rules::some_messages],
    thinks,
    found,
    errors: &Errors {
        said: SAID,
        shape: openai_shape,
        streamed: Streamed::Plain,
        content_type: "application/json; charset=utf-8",
    },
    voice: |_| &VOICE,
    heartbeat: "keep-alive",
    before_json: "",
    headers,
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: |models| {
        let one = |model: &Model| {
            let chats = model.purpose == crate::models::Purpose::Chat;
            let mut one = plain(model, "");
            let more = json!({"type": if chats { "chat" } else { "embedding" },
                "display_name": model.name, "organization": "", "running": false, "link": "",
                "context_length": model.window,
                "pricing": {"input": model.input_price_nano_usd as f64 / 1e3,
                    "output": model.output_price_nano_usd as f64 / 1e3, "hourly": 0, "base": 0,
                    "finetune": 0}});
            if let (Some(members), Value::Object(more)) = (one.as_object_mut(), more) {
                members.extend(more);
            }
            one
        };
        Value::Array(models.iter().map(one).collect())
    },
    embedded: super::say::embeddings,
};
