//! Mistral: pydantic's 422 for every member that it does not know, tool call ids of exactly nine
//! letters, roles in a strict order, content as a list where the model thinks, a padding member on
//! chunks, and finish chunks that carry the last text or all calls (wire-protocols §§5, 7, 9, 12.1).

use serde_json::{Map, Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{Asking, COMMON, Form, Role, role};
use super::models::{chat, embedding, list_with};
use super::say::{
    Beside, Calls, Counted, FLOW, Flow, Moment, Pieces, Stage, Thoughts, Voice, counts_with, finish,
};
use super::{Door, Meter, Vendor, rules, wording};
use crate::models::{Model, Thinking};
use crate::seed::Dice;
use crate::strict::{Field, Finding, Shape, list, null, set, text};
use crate::wire::Context;

const PARTS: &[&str] = &[
    "text",
    "image_url",
    "input_audio",
    "document_url",
    "file",
    "reference",
    "thinking",
];

static ROLES: &[Role] = &[
    role("system", &[], &["text", "thinking"]),
    role("user", &[], PARTS),
    role("assistant", &["tool_calls", "prefix"], PARTS),
    role("tool", &["tool_call_id", "name"], PARTS),
];

static TYPES: &[Field] = &[
    null!("temperature", Shape::Num(0.0, 1.5)),
    null!(
        "reasoning_effort",
        Shape::Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"])
    ),
    null!("prompt_mode", Shape::Word(&["reasoning"])),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "random_seed",
            "n",
            "frequency_penalty",
            "presence_penalty",
            "parallel_tool_calls",
            "prediction",
            "prompt_mode",
            "prompt_cache_key",
            "reasoning_effort",
            "safe_prompt",
            "guardrails",
            "metadata",
            "top_k",
        ],
    ],
    types: TYPES,
    closed: true,
    roles: ROLES,
    loose_tools: true,
    other_tools: &[],
    extras: &["detail"],
    choices: &["auto", "none", "any", "required"],
    formats: &["text", "json_object", "json_schema"],
};

/// Models that take no user turn right behind a tool's result (onyx-dot-app/onyx#6458);
/// `mistral-small-latest` does (`mistral/multimodal-002`).
const STRICT_ORDER: &[&str] = &["mistral-large", "magistral", "codestral", "ministral"];

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "", "detail", "Unauthorized"),
    said(When::BadKey, 401, "", "detail", "Invalid API Key"),
    said(When::Forbidden, 403, "", "detail", "Forbidden"),
    said(When::Quota, 429, "rate_limited", "1300", "Rate limit exceeded"),
    said(When::Limited, 429, "rate_limited", "1300", "Rate limit exceeded"),
    said(When::Overloaded, 503, "service_tier_capacity_exceeded", "3505", "Service tier capacity exceeded for this model."),
    said(When::NoModel, 400, "invalid_model", "1500", "Invalid model: {model}"),
    said(When::TooLong, 400, "invalid_request_prompt", "3051", "Prompt contains {tokens} tokens and 0 draft tokens, too large for model with {window} maximum context length"),
    said(When::NoPath, 404, "", "message", "no Route matched with those values"),
    said(When::WrongMethod, 405, "", "detail", "Method Not Allowed"),
    said(When::NoJson, 422, "invalid_request_error", "", "Invalid JSON"),
    said(When::Broken, 500, "internal_server_error", "1000", "Service unavailable."),
];

/// `code` chooses among the three bodies that Mistral has: its gateway answers `{"detail"}` or
/// `{"message"}`, the API the whole one.
fn shape(complaint: &Complaint, request_id: &str) -> Value {
    let words = match &complaint.details {
        Some(details) => details.as_ref().clone(),
        None => json!(complaint.message),
    };
    match complaint.code {
        "detail" => json!({"detail": complaint.message}),
        "message" => json!({"message": complaint.message, "request_id": request_id}),
        _ => json!({"object": "error", "message": words, "type": complaint.kind,
            "param": complaint.param, "code": complaint.code_or_null(),
            "raw_status_code": complaint.status}),
    }
}

fn found(found: &[Finding]) -> Complaint {
    let details: Vec<Value> = found
        .iter()
        .map(|finding| {
            let (kind, words, input) = wording::pydantic(finding);
            json!({"type": kind, "loc": wording::location(&finding.path), "msg": words,
                "input": input})
        })
        .collect();
    Complaint {
        details: Some(Box::new(json!({ "detail": details }))),
        ..Complaint::new(422, "invalid_request_error", "")
    }
}

fn order(message: String) -> Complaint {
    Complaint::new(400, "invalid_request_message_order", message).code("3230")
}

fn messages(asking: &Asking<'_>) -> Result<(), Complaint> {
    let messages = asking.messages();
    let Some(last) = messages.last() else {
        return Err(order(
            "Conversation must have at least one message".to_owned(),
        ));
    };
    let strict = STRICT_ORDER
        .iter()
        .any(|name| asking.model.starts_with(name));
    for (one, next) in messages.iter().zip(messages.iter().skip(1)) {
        let (one, next) = (text(one, "role"), text(next, "role"));
        let unexpected = match (one, next) {
            ("tool", "user" | "system") => strict,
            (_, "tool") => !matches!(one, "assistant" | "tool"),
            _ => false,
        };
        if unexpected {
            return Err(order(format!(
                "Unexpected role '{next}' after role '{one}'"
            )));
        }
    }
    for message in messages {
        let empty = set(message, "content").is_none_or(|said| said == "");
        let silent = empty && list(message, "tool_calls").is_empty();
        if text(message, "role") == "assistant" && silent {
            let words = "Assistant message must have either content or tool_calls, but not none.";
            return Err(
                Complaint::new(400, "invalid_request_assistant_message", words).code("3240"),
            );
        }
    }
    let prefix = last.get("prefix") == Some(&Value::Bool(true));
    if !matches!(text(last, "role"), "user" | "tool") && !prefix {
        let role = text(last, "role");
        return Err(order(format!(
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got \
             {role}"
        )));
    }
    Ok(())
}

fn ids(asking: &Asking<'_>) -> Result<(), Complaint> {
    let fits = |id: &str| id.len() == 9 && id.bytes().all(|sign| sign.is_ascii_alphanumeric());
    for message in asking.messages() {
        let calls = list(message, "tool_calls").iter();
        let calls = calls.map(|call| call.get("id").and_then(Value::as_str).unwrap_or("null"));
        let results = message.get("tool_call_id").and_then(Value::as_str);
        if let Some(id) = calls.chain(results).find(|id| !fits(id)) {
            let words =
                format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
            return Err(Complaint::new(400, "invalid_function_call", words).code("3280"));
        }
    }
    Ok(())
}

/// The library that reads Mistral's requests words it so (mistral-common).
fn names(asking: &Asking<'_>) -> Result<(), Complaint> {
    match rules::odd_name(asking) {
        None => Ok(()),
        Some((_, name)) => {
            let words = format!(
                "Function name was {name} but must be a-z, A-Z, 0-9, or contain underscores and \
                 dashes, with a maximum length of 64."
            );
            Err(Complaint::new(400, "invalid_function_call", words).code("3280"))
        }
    }
}

fn pairs(asking: &Asking<'_>) -> Result<(), Complaint> {
    match rules::unpaired(asking.messages()) {
        Some(half) if half.call && half.index == asking.messages().len() => Ok(()),
        Some(_) => Err(order(
            "Not the same number of function calls and responses".to_owned(),
        )),
        None => Ok(()),
    }
}

fn thinks(asking: &Asking<'_>) -> bool {
    rules::by_effort(asking) || asking.text("prompt_mode") == "reasoning"
}

fn usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    counts_with(
        usage,
        json!({"prompt_tokens_details": {"cached_tokens": usage.cache_read},
            "num_cached_tokens": usage.cache_read, "service_tier": "standard"}),
    )
}

fn chunk(context: &Context<'_>, moment: &Moment<'_>, chunk: &mut Map<String, Value>) {
    const PADDING: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    if moment.stage != Stage::Opening {
        let place = moment.so_far.len().to_string();
        let length = Dice::new(context.id_seed, &["p", &place]).below(36);
        let length = usize::try_from(length).unwrap_or_default();
        let padding = PADDING.get(..=length).unwrap_or(PADDING);
        chunk.insert("p".to_owned(), json!(padding));
    }
}

static VOICE: Voice = Voice {
    id: |dice| dice.hex(32),
    call_id: |dice, _, _| dice.base62(9),
    fingerprint: None,
    thoughts: Thoughts::Chunks,
    finish,
    usage,
    calls: Calls {
        typed: false,
        numbered: true,
        beside: Beside::Empty,
        streamed: Pieces::Together,
    },
    logprobs: false,
    flow: Flow {
        usage: Counted::Finish,
        finish_with_text: true,
        ..FLOW
    },
    first: None,
    whole: |_, answer| {
        let messages = answer.get_mut("choices").and_then(Value::as_array_mut);
        for choice in messages.into_iter().flatten() {
            if let Some(Value::Object(message)) = choice.get_mut("message") {
                message.entry("tool_calls").or_insert(Value::Null);
            }
        }
    },
    chunk,
};

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("mistral-correlation-id", meter.request_id.to_owned())];
    if meter.ok {
        headers.extend([
            ("x-ratelimit-limit-req-minute", "360".to_owned()),
            (
                "x-ratelimit-remaining-req-minute",
                (359 - meter.used).to_string(),
            ),
            ("x-ratelimit-limit-tokens-minute", "2000000".to_owned()),
            (
                "x-ratelimit-remaining-tokens-minute",
                (1_999_900 - meter.used).to_string(),
            ),
            ("x-ratelimit-limit-tokens-month", "10000000000".to_owned()),
            (
                "x-ratelimit-remaining-tokens-month",
                (9_999_999_900 - meter.used).to_string(),
            ),
            (
                "x-ratelimit-tokens-query-cost",
                (10 + meter.used).to_string(),
            ),
        ]);
    } else if meter.status == 429 {
        // No requests at all in a minute means that the plan has none (wire-protocols §13.3).
        let limit = if meter.quota { "0" } else { "360" };
        headers.push(("x-ratelimit-limit-req-minute", limit.to_owned()));
        headers.push(("x-ratelimit-remaining-req-minute", "0".to_owned()));
    }
    headers
}

static MODELS: &[Model] = &[
    chat(
        "mistral-small-latest",
        (131_072, 131_072),
        Thinking::Asked,
        (100, 300),
    ),
    chat(
        "mistral-medium-latest",
        (131_072, 131_072),
        Thinking::Asked,
        (400, 2_000),
    ),
    chat(
        "mistral-large-latest",
        (262_144, 262_144),
        Thinking::Never,
        (500, 1_500),
    ),
    chat(
        "magistral-medium-latest",
        (131_072, 40_000),
        Thinking::Always,
        (2_000, 5_000),
    ),
    chat(
        "magistral-small-latest",
        (131_072, 40_000),
        Thinking::Always,
        (500, 1_500),
    ),
    chat(
        "codestral-latest",
        (262_144, 262_144),
        Thinking::Never,
        (300, 900),
    ),
    chat(
        "ministral-8b-latest",
        (131_072, 131_072),
        Thinking::Never,
        (100, 100),
    ),
    chat(
        "voxtral-small-latest",
        (32_768, 32_768),
        Thinking::Never,
        (100, 300),
    ),
    chat(
        "pixtral-12b-latest",
        (131_072, 131_072),
        Thinking::Never,
        (150, 150),
    ),
    embedding("mistral-embed", 8_192, 1_024, 100),
];

/// Mistral.
pub static MISTRAL: Vendor = Vendor {
    names: &["mistral"],
    bases: &["/v1"],
    embeddings: Some("/v1"),
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &[
        "encoding_format",
        "metadata",
        "output_dimension",
        "output_dtype",
    ],
    rules: &[messages, ids, names, pairs],
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
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: |models| {
        list_with(models, "mistralai", |model| {
            let chats = model.purpose == crate::models::Purpose::Chat;
            json!({"name": model.name, "description": "", "aliases": [], "deprecation": null,
                "max_context_length": model.window, "type": "base", "capabilities": {
                    "completion_chat": chats, "function_calling": chats, "vision": chats,
                    "completion_fim": false, "fine_tuning": false}})
        })
    },
    embedded: |prompt, known, vectors, tokens| {
        let mut answer = super::say::embeddings(prompt, known, vectors, tokens);
        if let Some(members) = answer.as_object_mut() {
            let id = Dice::new(tokens, &["embeddings"]).hex(32);
            members.insert("id".to_owned(), json!(id));
            let usage = json!({"prompt_audio_seconds": null, "prompt_tokens": tokens,
                "total_tokens": tokens, "completion_tokens": 0, "request_count": null,
                "prompt_tokens_details": null});
            members.insert("usage".to_owned(), usage);
        }
        answer
    },
};
