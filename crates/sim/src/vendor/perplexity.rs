//! Perplexity: roles that take turns, citations and search results beside the choices, a `message`
//! beside each `delta`, growing usage with its cost, CRLF and no `[DONE]` (wire-protocols §§5, 11.2,
//! 12.1, 13.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, numbered_shape, said};
use super::judge::{Asking, CHOICES, COMMON, Form, Role, role};
use super::models::{chat, embedding, plain_list};
use super::say::{
    CALLS, Counted, FLOW, Flow, Moment, Stage, Thoughts, Voice, call_24, cost_usd, counts_with,
    uuid,
};
use super::{Door, Vendor, wording};
use crate::answer::Finish;
use crate::models::{Model, Thinking};
use crate::strict::{Fault, Field, Finding, Shape, null, text};
use crate::wire::Context;

const PARTS: &[&str] = &["text", "image_url", "file_url", "pdf_url", "video_url"];

static ROLES: &[Role] = &[
    role("system", &[], &["text"]),
    role("user", &[], PARTS),
    role("assistant", &[], &["text"]),
    role("tool", &[], &["text"]),
];

static TYPES: &[Field] = &[
    null!(
        "reasoning_effort",
        Shape::Word(&["minimal", "low", "medium", "high"])
    ),
    null!("search_mode", Shape::Word(&["web", "academic", "sec"])),
    null!(
        "search_recency_filter",
        Shape::Word(&["hour", "day", "week", "month", "year"])
    ),
    null!("stream_mode", Shape::Word(&["full", "concise"])),
    null!("disable_search", Shape::Bool),
    null!("search_domain_filter", Shape::List(&Shape::Text)),
    null!("web_search_options", Shape::Object),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "frequency_penalty",
            "presence_penalty",
            "top_k",
            "logprobs",
            "top_logprobs",
            "parallel_tool_calls",
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
    formats: &["text", "json_schema", "regex"],
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "invalid_api_key", "", "Invalid API key provided. Ensure your API key is correct and active."),
    said(When::BadKey, 401, "invalid_api_key", "", "Invalid API key provided. Ensure your API key is correct and active."),
    said(When::Quota, 401, "insufficient_quota", "", "You exceeded your current quota, please check your plan and billing details."),
    said(When::Limited, 429, "request_rate_limit_exceeded", "", "Request rate limit exceeded, please try again later."),
    said(When::Overloaded, 503, "service_unavailable", "", "Service temporarily unavailable."),
    said(When::NoModel, 400, "invalid_model", "", "Invalid model '{model}'. Permitted models can be found in the documentation at https://docs.perplexity.ai/guides/model-cards."),
    said(When::TooLong, 400, "too_many_prompt_tokens", "", "The total length of all messages is too long."),
    said(When::NoJson, 400, "bad_request", "", "[\"At body: JSON decode error\"]"),
    said(When::NoPath, 404, "not_found", "", "Not Found"),
    said(When::Bad, 400, "bad_request", "", "Bad request."),
    said(When::Broken, 500, "internal_server_error", "", "Internal server error"),
];

fn found(found: &[Finding]) -> Complaint {
    let line = |finding: &Finding| {
        let path = wording::dotted(&finding.path, false).replace('.', " -> ");
        let words = match &finding.fault {
            Fault::Variant { .. } => {
                let (_, words, _) = wording::pydantic(finding);
                words
            }
            _ => wording::pydantic(finding).1,
        };
        json!(format!("At body -> {path}: {words}"))
    };
    let lines: Vec<Value> = found.iter().map(line).collect();
    Complaint::new(400, "bad_request", Value::Array(lines).to_string())
}

fn order(words: &str) -> Complaint {
    Complaint::new(400, "invalid_message", words)
}

/// System messages first, then user or tool and assistant in turns, and the last is no assistant.
fn turns(asking: &Asking<'_>) -> Result<(), Complaint> {
    const TURNS: &str = "After the (optional) system message(s), user or tool message(s) should \
        alternate with assistant message(s).";
    let said = asking
        .messages()
        .iter()
        .map(|message| text(message, "role"));
    let rest: Vec<&str> = said.skip_while(|role| *role == "system").collect();
    let Some(first) = rest.first() else {
        return Err(order("Input must have at least one user message."));
    };
    if *first != "user" {
        return Err(order(TURNS));
    }
    for (one, next) in rest.iter().zip(rest.iter().skip(1)) {
        let after_results = *one == "tool" && *next == "tool";
        let takes_turns = (*one == "assistant") != (*next == "assistant");
        if *next == "system" || !(after_results || takes_turns) {
            return Err(order(TURNS));
        }
    }
    if !matches!(rest.last(), Some(&"user" | &"tool")) {
        return Err(order("Last message must have role `user` or `tool`."));
    }
    Ok(())
}

fn results() -> (Value, Value) {
    let url = |at: u32| format!("https://example.com/simulated/{at}");
    let result = |at: u32| {
        json!({"title": format!("Simulated result {at}"), "url": url(at), "date": "2026-01-01",
            "last_updated": "2026-06-08", "snippet": "Nothing was searched.", "source": "web"})
    };
    (json!([url(1), url(2)]), json!([result(1), result(2)]))
}

fn usage(context: &Context<'_>) -> Value {
    let (input, output) = cost_usd(context);
    let cost = json!({"input_tokens_cost": input, "output_tokens_cost": output,
        "total_cost": input + output});
    counts_with(
        &context.answer.usage,
        json!({"search_context_size": "low", "cost": cost}),
    )
}

/// The cost of the search, which only the last usage has.
fn searched(object: &mut Map<String, Value>) {
    let cost = object
        .get_mut("usage")
        .and_then(|usage| usage.get_mut("cost"));
    let Some(cost) = cost.and_then(Value::as_object_mut) else {
        return;
    };
    let tokens = cost.get("total_cost").and_then(Value::as_f64);
    cost.insert("request_cost".to_owned(), json!(0.005));
    cost.insert(
        "total_cost".to_owned(),
        json!(tokens.unwrap_or_default() + 0.005),
    );
}

fn cite(object: &mut Map<String, Value>) {
    let (citations, found) = results();
    object.insert("citations".to_owned(), citations);
    object.insert("search_results".to_owned(), found);
}

fn chunk(_: &Context<'_>, moment: &Moment<'_>, chunk: &mut Map<String, Value>) {
    cite(chunk);
    if let Some(choice) = chunk.get_mut("choices").and_then(|all| all.get_mut(0))
        && let Some(choice) = choice.as_object_mut()
    {
        let message = json!({"role": "assistant", "content": moment.so_far});
        choice.insert("message".to_owned(), message);
        if moment.stage != Stage::Finish {
            choice.shift_remove("finish_reason");
        }
    }
    if moment.stage == Stage::Finish {
        chunk.insert("object".to_owned(), json!("chat.completion.done"));
        searched(chunk);
    }
}

static VOICE: Voice = Voice {
    id: uuid,
    call_id: call_24,
    fingerprint: None,
    thoughts: Thoughts::Tags,
    finish: |finish| match finish {
        Finish::Length => "length",
        Finish::ToolCalls => "tool_calls",
        Finish::Stop | Finish::StopSequence(_) | Finish::ContentFilter => "stop",
    },
    usage,
    calls: CALLS,
    logprobs: false,
    flow: Flow {
        usage: Counted::Each,
        role_each: true,
        crlf: true,
        done: false,
        ..FLOW
    },
    first: None,
    whole: |_, answer| {
        cite(answer);
        searched(answer);
        let choices = answer.get_mut("choices").and_then(Value::as_array_mut);
        for choice in choices
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            let delta = json!({"role": "assistant", "content": ""});
            choice.insert("delta".to_owned(), delta);
        }
    },
    chunk,
};

static MODELS: &[Model] = &[
    chat("sonar", (128_000, 8_192), Thinking::Never, (1_000, 1_000)),
    chat(
        "sonar-pro",
        (200_000, 8_192),
        Thinking::Never,
        (3_000, 15_000),
    ),
    chat(
        "sonar-reasoning-pro",
        (128_000, 8_192),
        Thinking::Always,
        (2_000, 8_000),
    ),
    chat(
        "sonar-deep-research",
        (128_000, 8_192),
        Thinking::Always,
        (2_000, 8_000),
    ),
    embedding("pplx-embed-v1-0.6b", 32_768, 1_024, 4),
];

/// Perplexity.
pub static PERPLEXITY: Vendor = Vendor {
    names: &["perplexity"],
    bases: &["/v1", ""],
    embeddings: Some("/v1"),
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &["dimensions", "encoding_format"],
    rules: &[turns],
    thinks: |_| true,
    found,
    errors: &Errors {
        said: SAID,
        shape: numbered_shape,
        streamed: Streamed::Plain,
        content_type: "application/json",
    },
    voice: |_| &VOICE,
    heartbeat: "keep-alive",
    before_json: "",
    headers: |meter| vec![("x-request-id", meter.request_id.to_owned())],
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: plain_list,
    embedded: |_, known, vectors, tokens| {
        // Base64 of signed bytes, one a dimension, whatever was asked for.
        let one = |(index, vector): (usize, &Vec<f32>)| {
            let scale = vector
                .iter()
                .fold(f32::MIN_POSITIVE, |most, part| most.max(part.abs()));
            let bytes: Vec<u8> = vector
                .iter()
                .flat_map(|part| ((part / scale * 127.0).round() as i8).to_le_bytes())
                .collect();
            json!({"object": "embedding", "index": index, "embedding": STANDARD.encode(bytes)})
        };
        let data: Vec<Value> = vectors.iter().enumerate().map(one).collect();
        let cost = tokens as f64 * known.model.input_price_nano_usd as f64 / 1e9;
        json!({"object": "list", "data": data, "model": known.served_as,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens, "cost": {
                "currency": "USD", "input_cost": cost, "total_cost": cost}}})
    },
};
