//! Groq: names every member that it does not know, refuses `name`, logprobs and logit_bias, and
//! gives a stream's usage inside `x_groq` (wire-protocols §§4, 8.2, 9, 12.1, 13.3).

use serde_json::{Map, Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{Asking, CHOICES, COMMON, FORMATS, Form, Role, role};
use super::models::{chat, list_with};
use super::say::{
    Beside, CALLS, Calls, Counted, FLOW, Flow, Moment, Pieces, Stage, Thoughts, Voice,
    chatcmpl_uuid, counts_with, finish, fp_10,
};
use super::{Door, Meter, Vendor, rules, wording};
use crate::models::{Model, Thinking};
use crate::seed::Dice;
use crate::strict::{Fault, Field, Finding, Shape, Step, null, set};
use crate::wire::Context;

static ROLES: &[Role] = &[
    role("system", &[], &["text"]),
    role("developer", &[], &["text"]),
    role("user", &[], &["text", "image_url"]),
    role(
        "assistant",
        &["tool_calls", "function_call", "reasoning"],
        &["text"],
    ),
    role("tool", &["tool_call_id"], &["text"]),
    role("function", &["name"], &["text"]),
];

static TYPES: &[Field] = &[
    null!("n", Shape::Int(1, 1)),
    null!(
        "service_tier",
        Shape::Word(&["auto", "on_demand", "flex", "performance"])
    ),
    null!(
        "reasoning_format",
        Shape::Word(&["hidden", "raw", "parsed"])
    ),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "citation_options",
            "compound_custom",
            "disable_tool_validation",
            "documents",
            "exclude_domains",
            "include_domains",
            "search_settings",
            "frequency_penalty",
            "presence_penalty",
            "function_call",
            "functions",
            "include_reasoning",
            "reasoning_effort",
            "reasoning_format",
            "logit_bias",
            "logprobs",
            "top_logprobs",
            "max_completion_tokens",
            "metadata",
            "store",
            "n",
            "parallel_tool_calls",
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
    other_tools: &["browser_search", "code_interpreter", "mcp"],
    extras: &[],
    choices: CHOICES,
    formats: FORMATS,
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "invalid_request_error", "invalid_api_key", "Invalid API Key"),
    said(When::BadKey, 401, "invalid_request_error", "invalid_api_key", "Invalid API Key"),
    said(When::Quota, 429, "tokens", "rate_limit_exceeded", "Rate limit reached for model `{model}` in organization `org_simulated` service tier `on_demand` on tokens per day (TPD): Limit 500000, Used 500000, Requested 100. Please try again in 10h17m5.7s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"),
    said(When::Limited, 429, "tokens", "rate_limit_exceeded", "Rate limit reached for model `{model}` in organization `org_simulated` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Used 5990, Requested 100.{wait}"),
    said(When::Overloaded, 498, "invalid_request_error", "capacity_exceeded", "`{model}` is currently over capacity. Please try again and back off exponentially. Visit https://groqstatus.com to see if there is an active incident."),
    said(When::TooLarge, 413, "invalid_request_error", "request_too_large", "Request Entity Too Large"),
    said(When::TooLong, 400, "invalid_request_error", "context_length_exceeded", "Please reduce the length of the messages or completion."),
    said(When::NoPath, 404, "invalid_request_error", "unknown_url", "Unknown request URL: {method} {path}. Please check the URL for typos, or see the docs at https://console.groq.com/docs/"),
    said(When::NoJson, 400, "invalid_request_error", "", "invalid JSON body"),
    said(When::Broken, 500, "internal_server_error", "", "Internal Server Error"),
];

/// OpenAI's shape without `param`, and without `code` where there is none.
fn shape(complaint: &Complaint, _: &str) -> Value {
    let mut error = json!({"message": complaint.message, "type": complaint.kind});
    if let Some(members) = error.as_object_mut().filter(|_| !complaint.code.is_empty()) {
        members.insert("code".to_owned(), json!(complaint.code));
    }
    json!({"error": error})
}

fn found(found: &[Finding]) -> Complaint {
    let Some(first) = found.first() else {
        return Complaint::invalid("invalid request");
    };
    let key = wording::last_key(&first.path);
    let what = match &first.fault {
        Fault::Unknown => format!("property '{key}' is unsupported"),
        Fault::Missing => format!("property '{key}' is missing"),
        Fault::Above { bound, .. } => {
            return Complaint::invalid(format!("'{key}' : number must be at most {bound}"));
        }
        Fault::Below { bound, .. } => {
            return Complaint::invalid(format!("'{key}' : number must be at least {bound}"));
        }
        Fault::Type { .. } | Fault::Word { .. } | Fault::Variant { .. } => {
            let (_, words, _) = wording::pydantic(first);
            let path = wording::dotted(&first.path, false);
            return Complaint::invalid(format!("'{path}' : {words}"));
        }
    };
    let [Step::Key(list), Step::Index(index), Step::Tag(role), ..] = first.path.as_slice() else {
        return Complaint::invalid(what);
    };
    Complaint::invalid(format!(
        "'{list}.{index}' : for 'role:{role}' the following must be satisfied[('{list}.{index}' : \
         {what})]"
    ))
}

fn unsupported(asking: &Asking<'_>) -> Result<(), Complaint> {
    for key in ["logprobs", "top_logprobs", "logit_bias"] {
        let given = set(asking.body, key).filter(|given| **given != Value::Bool(false));
        if given.is_some() {
            return Err(Complaint::invalid(format!(
                "`{key}` is not supported with this model"
            )));
        }
    }
    Ok(())
}

fn reasons(model: &str) -> bool {
    ["gpt-oss", "qwen3", "deepseek-r1", "sim-"]
        .iter()
        .any(|name| model.contains(name))
}

fn reasoning(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.has("include_reasoning") && asking.has("reasoning_format") {
        return Err(Complaint::invalid(
            "cannot specify both `reasoning_format` and `include_reasoning`",
        ));
    }
    for key in ["reasoning_effort", "reasoning_format"] {
        if asking.has(key) && !reasons(asking.model) {
            return Err(Complaint::invalid(format!(
                "`{key}` is not supported with this model"
            )));
        }
    }
    let raw = asking.text("reasoning_format") == "raw";
    if raw && (asking.offers_tools() || asking.format().starts_with("json")) {
        return Err(Complaint::invalid(
            "`reasoning_format` must be either `parsed` or `hidden` when using tools or JSON mode",
        ));
    }
    let allowed: &[&str] = if asking.model.contains("qwen") {
        &["none", "default"]
    } else {
        &["low", "medium", "high"]
    };
    let effort = asking.text("reasoning_effort");
    if !effort.is_empty() && !allowed.contains(&effort) {
        let allowed: Vec<String> = allowed.iter().map(|word| format!("`{word}`")).collect();
        return Err(Complaint::invalid(format!(
            "`reasoning_effort` must be one of {}",
            allowed.join(" or ")
        )));
    }
    Ok(())
}

fn format(asking: &Asking<'_>) -> Result<(), Complaint> {
    let kind = asking.format();
    if kind.starts_with("json") && asking.offers_tools() {
        return Err(Complaint::invalid(
            "json mode cannot be combined with tool/function calling",
        ));
    }
    if kind != "json_schema" {
        return rules::json_word(asking);
    }
    if !["gpt-oss", "llama-4", "kimi", "sim-"]
        .iter()
        .any(|name| asking.model.contains(name))
    {
        return Err(Complaint::invalid(
            "This model does not support response format `json_schema`. See supported models at \
             https://console.groq.com/docs/structured-outputs#supported-models",
        ));
    }
    let wanted = asking.body.pointer("/response_format/json_schema");
    let strict = wanted.and_then(|wanted| wanted.get("strict")) == Some(&Value::Bool(true));
    if strict && asking.flag("stream") {
        return Err(Complaint::invalid(
            "response_format` does not support streaming",
        ));
    }
    let schema = wanted.and_then(|wanted| wanted.get("schema"));
    if strict && schema.is_some_and(|schema| !closed(schema)) {
        return Err(Complaint::invalid(
            "invalid JSON schema for response_format: `additionalProperties:false` must be set on \
             every object and `required` must list every property",
        ));
    }
    Ok(())
}

/// Whether every object of a schema is closed and requires all that it has.
fn closed(schema: &Value) -> bool {
    let whole = match schema.get("properties").and_then(Value::as_object) {
        None => true,
        Some(properties) => {
            let required = crate::strict::list(schema, "required");
            schema.get("additionalProperties") == Some(&Value::Bool(false))
                && properties
                    .keys()
                    .all(|key| required.iter().any(|name| name == key))
        }
    };
    let inner = match schema {
        Value::Object(members) => members.values().all(closed),
        Value::Array(items) => items.iter().all(closed),
        _ => true,
    };
    whole && inner
}

fn thinks(asking: &Asking<'_>) -> bool {
    let shown = asking.text("reasoning_format") != "hidden"
        && asking.body.get("include_reasoning") != Some(&Value::Bool(false));
    shown && reasons(asking.model) && rules::unless_off(asking)
}

fn times(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    let output = usage.output_total() as f64;
    let mut more = json!({"queue_time": 0.041_520_249, "prompt_time": 0.004_837_532,
        "completion_time": output / 1000.0, "total_time": output / 1000.0 + 0.004_837_532});
    if let Some(members) = more.as_object_mut() {
        if usage.thinking > 0 {
            let details = json!({"reasoning_tokens": usage.thinking});
            members.insert("completion_tokens_details".to_owned(), details);
        }
        if usage.cache_read > 0 {
            let details = json!({"cached_tokens": usage.cache_read});
            members.insert("prompt_tokens_details".to_owned(), details);
        }
    }
    counts_with(usage, more)
}

fn own_id(context: &Context<'_>) -> String {
    format!(
        "req_01{}",
        Dice::new(context.id_seed, &["request id"]).hex(24)
    )
}

fn chunk(context: &Context<'_>, moment: &Moment<'_>, chunk: &mut Map<String, Value>) {
    let own = match moment.stage {
        Stage::Opening => json!({"id": own_id(context)}),
        Stage::Finish => json!({"id": own_id(context), "usage": times(context)}),
        Stage::Content | Stage::Usage => return,
    };
    chunk.insert("x_groq".to_owned(), own);
    if moment.stage == Stage::Finish && context.prompt.include_usage {
        chunk.insert("usage".to_owned(), times(context));
    }
}

const PARSED: Voice = Voice {
    id: chatcmpl_uuid,
    call_id: |dice, _, _| dice.base62(9).to_lowercase(),
    fingerprint: Some(fp_10),
    thoughts: Thoughts::Member("reasoning"),
    finish,
    usage: times,
    calls: Calls {
        beside: Beside::Absent,
        streamed: Pieces::Whole,
        ..CALLS
    },
    logprobs: true,
    flow: Flow {
        usage: Counted::Own,
        ..FLOW
    },
    first: None,
    whole: |context, answer| {
        answer.insert("usage_breakdown".to_owned(), Value::Null);
        let own = json!({"id": own_id(context), "seed": context.id_seed % 1_000_000_000});
        answer.insert("x_groq".to_owned(), own);
        answer.insert("service_tier".to_owned(), json!("on_demand"));
    },
    chunk,
};
static VOICE: Voice = PARSED;
/// `reasoning_format: raw`.
static RAW: Voice = Voice {
    thoughts: Thoughts::Tags,
    ..PARSED
};

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![("x-request-id", meter.request_id.to_owned())];
    if meter.ok || meter.status == 429 {
        // Requests are those of a day, tokens those of a minute.
        headers.extend([
            ("x-ratelimit-limit-requests", "14400".to_owned()),
            ("x-ratelimit-limit-tokens", "30000".to_owned()),
            (
                "x-ratelimit-remaining-requests",
                (14_399 - meter.used).to_string(),
            ),
            (
                "x-ratelimit-remaining-tokens",
                (29_987 - 10 * meter.used).to_string(),
            ),
            (
                "x-ratelimit-reset-requests",
                format!("{}s", 6 * (1 + meter.used)),
            ),
            ("x-ratelimit-reset-tokens", format!("{}ms", 26 + meter.used)),
        ]);
    }
    headers
}

static MODELS: &[Model] = &[
    chat(
        "llama-3.3-70b-versatile",
        (131_072, 32_768),
        Thinking::Never,
        (590, 790),
    ),
    chat(
        "llama-3.1-8b-instant",
        (131_072, 131_072),
        Thinking::Never,
        (50, 80),
    ),
    chat(
        "openai/gpt-oss-120b",
        (131_072, 65_536),
        Thinking::Asked,
        (150, 600),
    ),
    chat(
        "openai/gpt-oss-20b",
        (131_072, 65_536),
        Thinking::Asked,
        (75, 300),
    ),
    chat(
        "qwen/qwen3-32b",
        (131_072, 40_960),
        Thinking::Asked,
        (290, 590),
    ),
    chat(
        "meta-llama/llama-4-maverick-17b-128e-instruct",
        (131_072, 8_192),
        Thinking::Never,
        (200, 600),
    ),
    chat(
        "meta-llama/llama-4-scout-17b-16e-instruct",
        (131_072, 8_192),
        Thinking::Never,
        (110, 340),
    ),
];

/// Groq.
pub static GROQ: Vendor = Vendor {
    names: &["groq"],
    bases: &["/openai/v1"],
    embeddings: None,
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &[],
    rules: &[
        rules::some_messages,
        unsupported,
        rules::tool_names,
        reasoning,
        format,
    ],
    thinks,
    found,
    errors: &Errors {
        said: SAID,
        shape,
        streamed: Streamed::Named,
        content_type: "application/json",
    },
    voice: |asking| match asking.text("reasoning_format") {
        "raw" => &RAW,
        _ => &VOICE,
    },
    heartbeat: "keep-alive",
    before_json: "",
    headers,
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: |models| {
        list_with(models, "Groq", |model| {
            json!({"active": true, "context_window": model.window, "public_apps": null,
                "max_completion_tokens": model.output_max})
        })
    },
    embedded: super::say::embeddings,
};
