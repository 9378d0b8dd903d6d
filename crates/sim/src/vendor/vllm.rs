//! vLLM: takes what it does not know, errors have the status as their code, every member that it
//! could have is there as null (wire-protocols §§13.3, 15).

use serde_json::{Map, Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{Asking, CHOICES, COMMON, FORMATS, Form, Role, role};
use super::models::{chat, embedding, list_with};
use super::route::Own;
use super::say::{CALLS, Calls, FLOW, Moment, Stage, Thoughts, Voice, counts_with, finish};
use super::{Door, Vendor, wording};
use crate::models::{Model, Thinking};
use crate::strict::{Finding, text};
use crate::wire::Context;

const PARTS: &[&str] = &[
    "text",
    "image_url",
    "input_audio",
    "video_url",
    "refusal",
    "thinking",
];

static ROLES: &[Role] = &[
    role("system", &[], PARTS),
    role("developer", &[], PARTS),
    role("user", &[], PARTS),
    role("assistant", &[], PARTS),
    role("tool", &[], PARTS),
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
            "n",
            "seed",
            "stream_options",
            "parallel_tool_calls",
            "user",
        ],
    ],
    types: &[],
    closed: false,
    roles: ROLES,
    loose_tools: false,
    other_tools: &[],
    extras: &[],
    choices: CHOICES,
    formats: FORMATS,
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "", "Unauthorized", "Unauthorized"),
    said(When::BadKey, 401, "", "Unauthorized", "Unauthorized"),
    said(When::Overloaded, 503, "ServiceUnavailableError", "", "The request queue is full."),
    said(When::Limited, 429, "TooManyRequestsError", "", "Too many requests."),
    said(When::NoModel, 404, "NotFoundError", "", "The model `{model}` does not exist."),
    said(When::TooLong, 400, "BadRequestError", "", "This model's maximum context length is {window} tokens. However, your request has {tokens} input tokens. Please reduce the length of the input messages."),
    said(When::NoJson, 400, "Bad Request", "", "[{'type': 'json_invalid', 'loc': ('body', 0), 'msg': 'JSON decode error', 'input': {}, 'ctx': {'error': 'Expecting value'}}]"),
    said(When::Bad, 400, "BadRequestError", "", "Bad request."),
    said(When::NoPath, 404, "", "Not Found", "Not Found"),
    said(When::WrongMethod, 405, "", "Not Found", "Method Not Allowed"),
    said(When::Broken, 500, "InternalServerError", "", "Internal server error"),
];

/// The middleware for keys and the router each have a body of their own.
fn shape(complaint: &Complaint, _: &str) -> Value {
    match complaint.code {
        "Unauthorized" => json!({"error": complaint.message}),
        "Not Found" => json!({"detail": complaint.message}),
        _ => json!({"error": {"message": complaint.message, "type": complaint.kind,
            "param": complaint.param, "code": complaint.status}}),
    }
}

fn found(found: &[Finding]) -> Complaint {
    let line = |finding: &Finding| {
        let (kind, words, input) = wording::pydantic(finding);
        let path = wording::dotted(&finding.path, false).replace('.', "', '");
        format!(
            "{{'type': '{kind}', 'loc': ('body', '{path}'), 'msg': '{words}', 'input': {input}}}"
        )
    };
    let lines: Vec<String> = found.iter().map(line).collect();
    Complaint::new(400, "Bad Request", format!("[{}]", lines.join(", ")))
}

fn bad(words: &str) -> Complaint {
    Complaint::new(400, "BadRequestError", words)
}

/// Without the server's flags for them there are no tools (this model's server has none).
fn flags(asking: &Asking<'_>) -> Result<(), Complaint> {
    let choice = asking.body.get("tool_choice").unwrap_or(&Value::Null);
    let automatic = asking.offers_tools() && (choice.is_null() || choice == "auto");
    if automatic && asking.model.contains("Llama-2") {
        return Err(bad(
            "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be \
             set",
        ));
    }
    if choice == "required" && !asking.offers_tools() {
        return Err(bad("When using `tool_choice`, `tools` must be set."));
    }
    Ok(())
}

/// The templates of some models insist on the order of roles (vllm-project/vllm#6862).
fn template(asking: &Asking<'_>) -> Result<(), Complaint> {
    let messages = asking.messages();
    if messages.is_empty() {
        return Err(bad("list index out of range"));
    }
    let said = messages.iter().map(|message| text(message, "role"));
    let roles: Vec<&str> = said.skip_while(|role| *role == "system").collect();
    let twice = roles
        .iter()
        .zip(roles.iter().skip(1))
        .any(|(one, next)| one == next && *one != "tool" || *next == "system");
    if twice && asking.model.contains("Mistral-7B") {
        return Err(bad(
            "After the optional system message, conversation roles must alternate \
             user/assistant/user/assistant/...",
        ));
    }
    Ok(())
}

fn usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    let details = (usage.cache_read > 0).then(|| json!({"cached_tokens": usage.cache_read}));
    counts_with(usage, json!({ "prompt_tokens_details": details }))
}

fn whole(_: &Context<'_>, answer: &mut Map<String, Value>) {
    for name in [
        "service_tier",
        "prompt_logprobs",
        "prompt_token_ids",
        "kv_transfer_params",
    ] {
        answer.insert(name.to_owned(), Value::Null);
    }
    let choices = answer.get_mut("choices").and_then(Value::as_array_mut);
    for choice in choices
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        choice.insert("stop_reason".to_owned(), Value::Null);
        choice.insert("token_ids".to_owned(), Value::Null);
        if let Some(Value::Object(message)) = choice.get_mut("message") {
            for name in ["refusal", "annotations", "audio", "function_call"] {
                message.insert(name.to_owned(), Value::Null);
            }
            message.entry("tool_calls").or_insert_with(|| json!([]));
            message.entry("reasoning").or_insert(Value::Null);
        }
    }
}

fn chunk(_: &Context<'_>, moment: &Moment<'_>, chunk: &mut Map<String, Value>) {
    if moment.stage == Stage::Opening {
        chunk.insert("prompt_token_ids".to_owned(), Value::Null);
    }
    if matches!(moment.stage, Stage::Content | Stage::Finish)
        && let Some(choice) = chunk.get_mut("choices").and_then(|all| all.get_mut(0))
        && let Some(choice) = choice.as_object_mut()
    {
        choice.insert("token_ids".to_owned(), Value::Null);
        if moment.stage == Stage::Finish {
            choice.insert("stop_reason".to_owned(), Value::Null);
        }
    }
}

static VOICE: Voice = Voice {
    id: |dice| format!("chatcmpl-{}", dice.hex(32)),
    call_id: |dice, _, _| format!("chatcmpl-tool-{}", dice.hex(32)),
    fingerprint: Some(|_| Value::Null),
    thoughts: Thoughts::Member("reasoning"),
    finish,
    usage,
    calls: Calls { ..CALLS },
    logprobs: true,
    flow: FLOW,
    first: None,
    whole,
    chunk,
};

static MODELS: &[Model] = &[
    chat(
        "meta-llama/Llama-3.3-70B-Instruct",
        (131_072, 131_072),
        Thinking::Never,
        (0, 0),
    ),
    chat("Qwen/Qwen3-32B", (40_960, 40_960), Thinking::Always, (0, 0)),
    chat(
        "mistralai/Mistral-7B-Instruct-v0.3",
        (32_768, 32_768),
        Thinking::Never,
        (0, 0),
    ),
    chat(
        "meta-llama/Llama-2-7b-chat-hf",
        (4_096, 4_096),
        Thinking::Never,
        (0, 0),
    ),
    embedding("BAAI/bge-m3", 8_192, 1_024, 0),
    chat(
        "Qwen/Qwen2.5-VL-72B-Instruct",
        (131_072, 32_768),
        Thinking::Never,
        (0, 0),
    ),
];

/// vLLM.
pub static VLLM: Vendor = Vendor {
    names: &["vllm"],
    bases: &["/v1"],
    embeddings: Some("/v1"),
    beside: None,
    own: &[
        ("GET", "/health", Own::Health),
        ("POST", "/tokenize", Own::Tokenize),
    ],
    door: Door::Open,
    form: &FORM,
    embedding_members: &[],
    rules: &[template, flags],
    thinks: super::rules::by_effort,
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
    headers: |_| Vec::new(),
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: |models| {
        list_with(models, "vllm", |model| {
            json!({"root": model.name, "parent": null, "max_model_len": model.window,
                "permission": []})
        })
    },
    embedded: super::say::embeddings,
};
