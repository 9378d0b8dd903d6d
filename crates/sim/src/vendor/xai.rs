//! xAI: errors are text beside a code, a wrong key is a 400, names belong to users only, and what a
//! model does not take is named in camel case (wire-protocols §§4, 11.2, 13.3, 13.5).

use serde_json::{Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{Asking, CHOICES, COMMON, FORMATS, Form, Role, role};
use super::models::{chat, list_with};
use super::say::{
    Beside, CALLS, Calls, FLOW, Pieces, Thoughts, Voice, cost_usd, counts_with, finish, fp_10,
    unchanged, uuid,
};
use super::{Door, Meter, Vendor, rules, wording};
use crate::models::{Model, Thinking};
use crate::strict::{Finding, text};
use crate::wire::Context;

const PARTS: &[&str] = &["text", "image_url", "file"];

static ROLES: &[Role] = &[
    role("system", &[], &["text"]),
    role("user", &[], PARTS),
    role("assistant", &[], &["text"]),
    role("tool", &[], PARTS),
    role("function", &[], &["text"]),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "max_completion_tokens",
            "frequency_penalty",
            "presence_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "n",
            "parallel_tool_calls",
            "reasoning_effort",
            "seed",
            "stream_options",
            "user",
        ],
    ],
    types: &[],
    closed: false,
    roles: ROLES,
    loose_tools: false,
    other_tools: &["live_search", "web_search", "x_search"],
    extras: &[],
    choices: CHOICES,
    formats: FORMATS,
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "", "unauthenticated:no-credentials", "No credentials were provided. Please pass an API key or bearer token in the Authorization header."),
    said(When::BadKey, 400, "", "invalid-argument", "Incorrect API key provided. You can obtain an API key from https://console.x.ai."),
    said(When::Forbidden, 403, "", "permission-denied", "The caller does not have permission to execute the specified operation"),
    said(When::Quota, 403, "", "permission-denied", "Your team has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit."),
    said(When::Limited, 429, "", "resource-exhausted", "Too many requests for team simulated and model {model}. Your team's rate limit is: Requests per Minute (actual/limit): 601/600.{wait}"),
    said(When::Overloaded, 503, "", "unavailable", "Service temporarily unavailable. The model did not respond to this request."),
    said(When::NoModel, 404, "", "not-found", "The model {model} does not exist or your team simulated does not have access to it. Please ensure you're using the correct API key."),
    said(When::TooLong, 400, "", "invalid-argument", "This model's maximum prompt length is {window} but the request contains {tokens} tokens."),
    said(When::TooLarge, 413, "", "payload-too-large", "Request body is too large."),
    said(When::NoJson, 400, "", "invalid-argument", "Failed to parse the request body as JSON: expected value at line 1 column 1"),
    said(When::Bad, 400, "", "invalid-argument", "Invalid request content."),
    said(When::Filtered, 403, "", "content-policy", "Content violates usage guidelines."),
    said(When::NoPath, 404, "", "not-found", "The requested resource was not found. Please check the URL and try again. Documentation is available at https://docs.x.ai/"),
    said(When::WrongMethod, 405, "", "method-not-allowed", "Method Not Allowed"),
    said(When::Timeout, 504, "", "deadline-exceeded", "The request took too long."),
    said(When::Broken, 500, "", "internal", "An internal error occurred."),
];

fn shape(complaint: &Complaint, _: &str) -> Value {
    json!({"code": complaint.code, "error": complaint.message})
}

fn bad(words: impl Into<String>) -> Complaint {
    Complaint::new(400, "", words).code("invalid-argument")
}

fn found(found: &[Finding]) -> Complaint {
    let words = found.first().map(wording::serde_words);
    Complaint {
        status: 422,
        ..bad(words.unwrap_or_default())
    }
}

/// Models that always reason.
fn reasons(model: &str) -> bool {
    model.starts_with("grok-3-mini")
        || (model.starts_with("grok-4") && !model.contains("non-reasoning"))
}

fn refused(asking: &Asking<'_>) -> Result<(), Complaint> {
    let named = |message: &&Value| message.get("name").is_some() && text(message, "role") != "user";
    if asking.messages().iter().any(|message| named(&message)) {
        return Err(bad(
            "Invalid request content: Only message of role user can have a name.",
        ));
    }
    let takes_effort = asking.model.starts_with("grok-3-mini") || asking.model.contains("sim-");
    let params = [
        ("presence_penalty", "presencePenalty", reasons(asking.model)),
        (
            "frequency_penalty",
            "frequencyPenalty",
            reasons(asking.model),
        ),
        ("stop", "stop", reasons(asking.model)),
        ("reasoning_effort", "reasoningEffort", !takes_effort),
    ];
    for (name, shown, refused) in params {
        if refused && asking.has(name) {
            return Err(bad(format!(
                "Model {} does not support parameter {shown}.",
                asking.model
            )));
        }
    }
    let effort = asking.text("reasoning_effort");
    if !matches!(effort, "" | "low" | "medium" | "high") {
        return Err(bad(format!(
            "Invalid reasoning effort: {effort}. Must be one of low, medium or high."
        )));
    }
    Ok(())
}

fn messages(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.messages().is_empty() {
        return Err(bad("Each request must contain at least one message."));
    }
    if asking.has("tool_choice") && !asking.offers_tools() {
        return Err(bad(
            "A tool_choice was set on the request but no tools were specified.",
        ));
    }
    let ours = |complaint: Complaint| Complaint {
        kind: "",
        ..complaint.code("invalid-argument")
    };
    rules::tool_names(asking)
        .and_then(|()| rules::pairs(asking))
        .map_err(ours)
}

/// Completion tokens leave the thoughts out, the total has them (`xai/thinking-001`).
fn usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    let (input, output) = cost_usd(context);
    counts_with(
        usage,
        json!({"completion_tokens": usage.output_visible,
            "prompt_tokens_details": {"text_tokens": usage.input_total(), "audio_tokens": 0,
                "image_tokens": 0, "cached_tokens": usage.cache_read},
            "completion_tokens_details": {"reasoning_tokens": usage.thinking, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
            "num_sources_used": 0, "cost_in_usd_ticks": ((input + output) * 1e10).round() as u64}),
    )
}

/// The voice of Grok, which Azure sells as well.
pub(super) const GROK: Voice = Voice {
    id: uuid,
    call_id: |dice, _, _| format!("call_{}", 10_000_000 + dice.below(89_999_999)),
    fingerprint: Some(fp_10),
    thoughts: Thoughts::Member("reasoning_content"),
    finish,
    usage,
    calls: Calls {
        beside: Beside::Empty,
        streamed: Pieces::Whole,
        ..CALLS
    },
    logprobs: false,
    flow: FLOW,
    first: None,
    whole: |_, answer| {
        let choices = answer.get_mut("choices").and_then(Value::as_array_mut);
        for choice in choices.into_iter().flatten() {
            if let Some(Value::Object(message)) = choice.get_mut("message") {
                message.insert("refusal".to_owned(), Value::Null);
            }
        }
    },
    chunk: unchanged,
};
static VOICE: Voice = GROK;

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-request-id", meter.request_id.to_owned())];
    if meter.ok {
        // OpenAI's names, and no reset (34 of 34 recordings).
        headers.extend([
            ("x-ratelimit-limit-requests", "600".to_owned()),
            ("x-ratelimit-limit-tokens", "2000000".to_owned()),
            (
                "x-ratelimit-remaining-requests",
                (599 - meter.used).to_string(),
            ),
            (
                "x-ratelimit-remaining-tokens",
                (1_999_000 - meter.used).to_string(),
            ),
        ]);
    }
    headers
}

static MODELS: &[Model] = &[
    chat(
        "grok-4.5",
        (2_000_000, 131_072),
        Thinking::Always,
        (3_000, 15_000),
    ),
    chat(
        "grok-4-1-fast-non-reasoning",
        (2_000_000, 131_072),
        Thinking::Never,
        (200, 500),
    ),
    chat(
        "grok-4-1-fast-reasoning",
        (2_000_000, 131_072),
        Thinking::Always,
        (200, 500),
    ),
    chat(
        "grok-3-mini",
        (131_072, 131_072),
        Thinking::Always,
        (300, 500),
    ),
    chat(
        "grok-3",
        (131_072, 131_072),
        Thinking::Never,
        (3_000, 15_000),
    ),
];

/// xAI.
pub static XAI: Vendor = Vendor {
    names: &["xai"],
    bases: &["/v1"],
    embeddings: None,
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &[],
    rules: &[messages, refused],
    thinks: rules::by_effort,
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
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: |models| {
        list_with(
            models,
            "xai",
            |model| json!({"context_length": model.window, "aliases": []}),
        )
    },
    embedded: super::say::embeddings,
};
