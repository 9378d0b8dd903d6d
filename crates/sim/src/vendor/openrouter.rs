//! OpenRouter: streams open with comments and end with a second finish chunk that has the cost,
//! finish reasons come twice, reasoning comes in details, errors have the status as their code and
//! may stand in a stream (wire-protocols §§9, 11, 12.1, 13.3).

use serde_json::{Map, Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{Asking, CHOICES, COMMON, FORMATS, Form, Role, role};
use super::models::{chat, dated, embedding};
use super::route::Own;
use super::say::{
    Beside, CALLS, Calls, Counted, FLOW, Flow, Moment, Stage, Thoughts, Voice, cost_usd,
    counts_with, finish,
};
use super::{Door, Meter, Vendor, wording};
use crate::answer::{Finish, Turn};
use crate::models::{Model, Purpose, Thinking};
use crate::strict::{Field, Finding, Shape, null, text};
use crate::wire::Context;

const PARTS: &[&str] = &["text", "image_url", "input_audio", "file", "video_url"];

static ROLES: &[Role] = &[
    role("system", &[], PARTS),
    role("developer", &[], PARTS),
    role("user", &[], PARTS),
    role("assistant", &[], PARTS),
    role("tool", &[], PARTS),
];

static TYPES: &[Field] = &[
    null!("models", Shape::List(&Shape::Text)),
    null!("provider", Shape::Object),
    null!("transforms", Shape::List(&Shape::Text)),
    null!("reasoning", Shape::Object),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "max_completion_tokens",
            "frequency_penalty",
            "presence_penalty",
            "repetition_penalty",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "top_k",
            "min_p",
            "seed",
            "stream_options",
            "parallel_tool_calls",
            "prediction",
            "reasoning",
            "reasoning_effort",
            "user",
        ],
    ],
    types: TYPES,
    closed: false,
    roles: ROLES,
    loose_tools: false,
    other_tools: &["openrouter:"],
    extras: &[],
    choices: CHOICES,
    formats: FORMATS,
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "", "", "No cookie auth credentials found"),
    said(When::BadKey, 401, "", "", "User not found."),
    said(When::Forbidden, 403, "", "", "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys"),
    said(When::Quota, 402, "", "payment_required", "Insufficient credits. Add more using https://openrouter.ai/settings/credits"),
    said(When::Limited, 429, "", "rate_limit_exceeded", "Provider returned error"),
    said(When::Overloaded, 503, "", "provider_overloaded", "Provider returned error"),
    said(When::Timeout, 408, "", "timeout", "Request timed out."),
    said(When::NoModel, 400, "", "", "{model} is not a valid model ID"),
    said(When::TooLong, 400, "", "context_length_exceeded", "This endpoint's maximum context length is {window} tokens. However, you requested about {tokens} tokens. Please reduce the length of either one, or use the \"middle-out\" transform to compress your prompt automatically."),
    said(When::Filtered, 403, "", "content_policy_violation", "Your chosen model requires moderation and your input was flagged."),
    said(When::NoJson, 400, "", "", "Invalid JSON body"),
    said(When::NoPath, 404, "", "", "Not Found"),
    said(When::Broken, 502, "", "provider_unavailable", "Provider returned error"),
];

/// `code` is the status; the kind of error stands in the metadata.
fn shape(complaint: &Complaint, _: &str) -> Value {
    let mut error = json!({"message": complaint.message, "code": complaint.status});
    if let Some(members) = error.as_object_mut().filter(|_| !complaint.code.is_empty()) {
        let raw = json!({"error": {"message": complaint.message}}).to_string();
        let metadata = json!({"error_type": complaint.code, "raw": raw,
            "provider_name": "Simulated"});
        members.insert("metadata".to_owned(), metadata);
    }
    json!({ "error": error })
}

fn found(found: &[Finding]) -> Complaint {
    let issue = |finding: &Finding| {
        let (kind, words, _) = wording::pydantic(finding);
        let path = wording::dotted(&finding.path, false);
        let path: Vec<&str> = path.split('.').collect();
        json!({"code": kind, "path": path, "message": words})
    };
    let issues: Vec<Value> = found.iter().map(issue).collect();
    Complaint::new(400, "", Value::Array(issues).to_string())
}

fn some_input(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.messages().is_empty() {
        let words = "Input required: specify \"prompt\" or \"messages\"";
        return Err(Complaint::new(400, "", words));
    }
    if asking.has("reasoning") && asking.has("reasoning_effort") {
        let words = "Only one of \"reasoning\" and \"reasoning_effort\" may be provided";
        return Err(Complaint::new(400, "", words));
    }
    Ok(())
}

fn endpoints(asking: &Asking<'_>) -> Result<(), Complaint> {
    // Models without tools are those that say so in their name here.
    if asking.offers_tools() && asking.model.contains("no-tools") {
        let words = "No endpoints found that support tool use. To learn more about provider \
            routing, visit: https://openrouter.ai/docs/provider-routing";
        return Err(Complaint::new(404, "", words));
    }
    let provider = asking.body.get("provider").unwrap_or(&Value::Null);
    let demands = provider.get("require_parameters") == Some(&Value::Bool(true));
    if demands && asking.has("logit_bias") {
        let words = "No endpoints found that can handle the requested parameters. To learn more \
            about provider routing, visit: https://openrouter.ai/docs/provider-routing";
        return Err(Complaint::new(404, "", words));
    }
    Ok(())
}

fn thinks(asking: &Asking<'_>) -> bool {
    let reasoning = asking.body.get("reasoning").unwrap_or(&Value::Null);
    let asked = reasoning.get("enabled") == Some(&Value::Bool(true))
        || reasoning.get("max_tokens").is_some()
        || !matches!(text(reasoning, "effort"), "" | "none");
    let hidden = reasoning.get("exclude") == Some(&Value::Bool(true));
    (asked || super::rules::by_effort(asking)) && !hidden
}

fn native(turn: &Turn) -> &'static str {
    match turn.finish {
        Finish::Stop => "end_turn",
        Finish::StopSequence(_) => "stop_sequence",
        Finish::Length => "max_tokens",
        Finish::ToolCalls => "tool_use",
        Finish::ContentFilter => "refusal",
    }
}

fn usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    let (input, output) = cost_usd(context);
    counts_with(
        usage,
        json!({"cost": input + output, "is_byok": false,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": 0,
                "audio_tokens": 0, "video_tokens": 0},
            "cost_details": {"upstream_inference_cost": input + output,
                "upstream_inference_prompt_cost": input,
                "upstream_inference_completions_cost": output},
            "completion_tokens_details": {"reasoning_tokens": usage.thinking, "image_tokens": 0,
                "audio_tokens": 0}}),
    )
}

fn whole(context: &Context<'_>, answer: &mut Map<String, Value>) {
    answer.insert("provider".to_owned(), json!("Simulated"));
    answer.insert("service_tier".to_owned(), Value::Null);
    let choices = answer.get_mut("choices").and_then(Value::as_array_mut);
    let choices = choices
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut);
    for (choice, turn) in choices.zip(&context.answer.turns) {
        choice.insert("native_finish_reason".to_owned(), json!(native(turn)));
        if let Some(Value::Object(message)) = choice.get_mut("message") {
            message.insert("refusal".to_owned(), Value::Null);
            message.entry("reasoning").or_insert(Value::Null);
        }
    }
}

fn chunk(_: &Context<'_>, moment: &Moment<'_>, chunk: &mut Map<String, Value>) {
    chunk.insert("provider".to_owned(), json!("Simulated"));
    if moment.stage == Stage::Usage {
        chunk.insert("service_tier".to_owned(), Value::Null);
    }
    let ended = matches!(moment.stage, Stage::Finish | Stage::Usage);
    let reason = moment.turn.filter(|_| ended).map(native);
    if let Some(choice) = chunk.get_mut("choices").and_then(|all| all.get_mut(0))
        && let Some(choice) = choice.as_object_mut()
    {
        choice.insert("native_finish_reason".to_owned(), json!(reason));
    }
}

static VOICE: Voice = Voice {
    id: |dice| format!("gen-1780944361-{}", dice.base62(20)),
    call_id: |dice, _, _| format!("toolu_bdrk_01{}", dice.base62(22)),
    fingerprint: Some(|_| Value::Null),
    thoughts: Thoughts::Details,
    finish,
    usage,
    calls: Calls {
        numbered: true,
        beside: Beside::Null,
        ..CALLS
    },
    logprobs: true,
    flow: Flow {
        usage: Counted::Repeated,
        role_each: true,
        comments: 3,
        ..FLOW
    },
    first: None,
    whole,
    chunk,
};

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-generation-id", format!("gen-{}", meter.request_id))];
    if meter.status == 429 {
        // Milliseconds since 1970.
        headers.extend([
            ("x-ratelimit-limit", "20".to_owned()),
            ("x-ratelimit-remaining", "0".to_owned()),
            (
                "x-ratelimit-reset",
                ((meter.now_s + 60) * 1_000).to_string(),
            ),
        ]);
    }
    headers
}

static MODELS: &[Model] = &[
    chat(
        "openai/gpt-4o-mini",
        (128_000, 16_384),
        Thinking::Never,
        (150, 600),
    ),
    dated(
        chat(
            "anthropic/claude-haiku-4.5",
            (200_000, 64_000),
            Thinking::Asked,
            (1_000, 5_000),
        ),
        "anthropic/claude-4.5-haiku-20251001",
    ),
    dated(
        chat(
            "anthropic/claude-sonnet-4.5",
            (1_000_000, 64_000),
            Thinking::Asked,
            (3_000, 15_000),
        ),
        "anthropic/claude-4.5-sonnet-20250929",
    ),
    chat(
        "google/gemini-2.5-flash",
        (1_048_576, 65_535),
        Thinking::Asked,
        (300, 2_500),
    ),
    chat(
        "openai/gpt-oss-120b",
        (131_072, 131_072),
        Thinking::Always,
        (150, 600),
    ),
    chat(
        "meta-llama/llama-3.3-70b-instruct",
        (131_072, 131_072),
        Thinking::Never,
        (130, 400),
    ),
    dated(
        embedding("openai/text-embedding-3-small", 8_192, 1_536, 20),
        "text-embedding-3-small",
    ),
];

fn listed(models: &[Model]) -> Value {
    let one = |model: &Model| {
        let price = |nano: u64| format!("{:.9}", nano as f64 / 1e9);
        let mut supported = vec!["max_tokens", "stop", "temperature", "tools", "tool_choice"];
        if model.thinking != Thinking::Never {
            supported.extend(["reasoning", "include_reasoning"]);
        }
        json!({"id": model.name, "canonical_slug": model.served_as, "name": model.name,
            "created": model.released_s, "description": "", "context_length": model.window,
            "architecture": {"modality": "text->text", "input_modalities": ["text"],
                "output_modalities": ["text"], "tokenizer": "Other", "instruct_type": null},
            "pricing": {"prompt": price(model.input_price_nano_usd),
                "completion": price(model.output_price_nano_usd), "request": "0", "image": "0"},
            "top_provider": {"context_length": model.window,
                "max_completion_tokens": model.output_max, "is_moderated": false},
            "per_request_limits": null, "supported_parameters": supported})
    };
    let chats = models.iter().filter(|model| model.purpose == Purpose::Chat);
    json!({"data": chats.map(one).collect::<Vec<Value>>()})
}

/// OpenRouter.
pub static OPENROUTER: Vendor = Vendor {
    names: &["openrouter"],
    bases: &["/api/v1"],
    embeddings: Some("/api/v1"),
    beside: None,
    own: &[("GET", "/api/v1/key", Own::Key)],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &["dimensions", "encoding_format", "user", "provider"],
    rules: &[some_input, endpoints],
    thinks,
    found,
    errors: &Errors {
        said: SAID,
        shape,
        streamed: Streamed::Chunk,
        content_type: "application/json",
    },
    voice: |_| &VOICE,
    heartbeat: "OPENROUTER PROCESSING",
    before_json: "",
    headers,
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed,
    embedded: |prompt, known, vectors, tokens| {
        let mut answer = super::say::embeddings(prompt, known, vectors, tokens);
        if let Some(usage) = answer.get_mut("usage").and_then(Value::as_object_mut) {
            let cost = tokens as f64 * known.model.input_price_nano_usd as f64 / 1e9;
            usage.insert("cost".to_owned(), json!(cost));
        }
        if let Some(members) = answer.as_object_mut() {
            members.insert("provider".to_owned(), json!("Simulated"));
            members.insert("id".to_owned(), json!(format!("gen-emb-{tokens}")));
        }
        answer
    },
};
