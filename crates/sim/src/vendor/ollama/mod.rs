//! Ollama: takes what it does not know, cuts long prompts in silence, and has an API of its own
//! beside the OpenAI one (wire-protocols §§12.1, 13.3, 15).

mod generate;
mod native;

use serde_json::{Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, openai_shape, said, text_shape};
use super::judge::{Asking, COMMON, FORMATS, Form};
use super::models::{chat, embedding, list_with};
use super::route::Own;
use super::say::{
    Beside, CALLS, Calls, FLOW, Flow, Pieces, Thoughts, Voice, counts, finish, unchanged, untouched,
};
use super::{Door, Vendor, wording};
use crate::models::{Model, Thinking};
use crate::strict::{Fault, Finding, Kind, list, text};
use crate::wire::Context;

pub(super) use generate::{
    accept_embeddings, accept_generate, embedding as embedded_one, generated, generating,
};
pub(super) use native::{
    accept_chat, accept_embed, embedded, events, idle, idles, show, tags, version, whole,
};

/// The context that the server gives a model unless told otherwise; the head of longer prompts is
/// cut off without a word.
pub(super) const NUM_CTX: u64 = 4_096;

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "frequency_penalty",
            "presence_penalty",
            "seed",
            "stream_options",
            "logprobs",
            "top_logprobs",
            "reasoning_effort",
        ],
    ],
    types: &[],
    closed: false,
    roles: &[],
    loose_tools: true,
    other_tools: &[],
    extras: &[],
    choices: &["none", "auto", "required", "any"],
    formats: FORMATS,
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "api_error", "", "Unauthorized"),
    said(When::BadKey, 401, "api_error", "", "Unauthorized"),
    said(When::Limited, 429, "api_error", "", "too many requests"),
    said(When::Quota, 402, "api_error", "", "you have reached your usage limit, upgrade to continue"),
    said(When::Overloaded, 503, "api_error", "", "server busy, please try again.  maximum pending requests exceeded"),
    said(When::TooLong, 400, "api_error", "", "the prompt is longer than the context length currently available to the model; shorten the prompt, adjust the context length in settings, or use a model with a longer context length"),
    said(When::NoModel, 404, "not_found_error", "", "model '{model}' not found"),
    said(When::NoJson, 400, "invalid_request_error", "", "invalid character 'x' looking for beginning of value"),
    said(When::NoPath, 404, "not_found_error", "", "404 page not found"),
    said(When::WrongMethod, 405, "api_error", "", "405 method not allowed"),
    said(When::Broken, 500, "api_error", "", "llama runner process has terminated"),
];

/// What Go's JSON reader says of a value that does not fit.
pub(super) fn go_words(structure: &str, finding: &Finding) -> String {
    let path: Vec<String> = finding
        .path
        .iter()
        .filter_map(|step| match step {
            crate::strict::Step::Key(key) => Some(key.clone()),
            _ => None,
        })
        .collect();
    let path = path.join(".");
    match &finding.fault {
        Fault::Type { expected, got } => {
            let given = match got {
                Value::Null => "null",
                Value::Bool(_) => "bool",
                Value::Number(_) => "number",
                Value::String(_) => "string",
                Value::Array(_) => "array",
                Value::Object(_) => "object",
            };
            let wanted = match expected.as_slice() {
                [Kind::Text, ..] => "string",
                [Kind::Bool, ..] => "bool",
                [Kind::Int, ..] => "int",
                [Kind::Num, ..] => "float64",
                [Kind::Object, ..] => "struct",
                _ => "[]interface",
            };
            format!(
                "json: cannot unmarshal {given} into Go struct field {structure}.{path} of type {wanted}"
            )
        }
        Fault::Missing => format!("{} is required", wording::last_key(&finding.path)),
        _ => format!("invalid {path}"),
    }
}

fn found(found: &[Finding]) -> Complaint {
    let words = found
        .first()
        .map(|first| go_words("ChatCompletionRequest", first));
    Complaint::invalid(words.unwrap_or_default())
}

fn messages(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.messages().is_empty() {
        return Err(Complaint::invalid("[] is too short - 'messages'"));
    }
    let parts = asking
        .messages()
        .iter()
        .flat_map(|one| list(one, "content"));
    for part in parts {
        match text(part, "type") {
            "text" => {}
            "image_url" => {
                let image = part.get("image_url").unwrap_or(&Value::Null);
                let url = image.as_str().unwrap_or_else(|| text(image, "url"));
                if !url.starts_with("data:image/") {
                    return Err(Complaint::invalid("invalid image input"));
                }
            }
            _ => return Err(Complaint::invalid("invalid message format")),
        }
    }
    let model = super::OLLAMA.model(asking.model, false);
    if asking.offers_tools() && model.is_some_and(|known| known.model.name == "llama3") {
        return Err(Complaint::invalid(format!(
            "registry.ollama.ai/library/{}:latest does not support tools",
            asking.model
        )));
    }
    Ok(())
}

/// Prompt tokens never exceed the context: the rest was cut off.
pub(super) fn prompt_tokens(context: &Context<'_>) -> u64 {
    let most = context.prompt.context_size.unwrap_or(NUM_CTX);
    context.answer.usage.input_total().min(most)
}

fn usage(context: &Context<'_>) -> Value {
    let mut counts = counts(&context.answer.usage);
    let (input, output) = (prompt_tokens(context), context.answer.usage.output_total());
    counts.insert("prompt_tokens".to_owned(), json!(input));
    counts.insert("total_tokens".to_owned(), json!(input + output));
    Value::Object(counts)
}

static VOICE: Voice = Voice {
    id: |dice| format!("chatcmpl-{}", dice.below(1_000)),
    call_id: |dice, _, _| format!("call_{}", dice.base62(8).to_lowercase()),
    fingerprint: Some(|_| json!("fp_ollama")),
    thoughts: Thoughts::Member("reasoning"),
    finish,
    usage,
    calls: Calls {
        numbered: true,
        beside: Beside::Empty,
        streamed: Pieces::Whole,
        ..CALLS
    },
    logprobs: false,
    flow: Flow {
        role_each: true,
        ..FLOW
    },
    first: None,
    whole: untouched,
    chunk: unchanged,
};

static MODELS: &[Model] = &[
    chat("llama3.1", (131_072, 131_072), Thinking::Never, (0, 0)),
    chat("qwen3", (40_960, 40_960), Thinking::Asked, (0, 0)),
    chat("gpt-oss:120b", (131_072, 131_072), Thinking::Always, (0, 0)),
    chat("gpt-oss:20b", (131_072, 131_072), Thinking::Always, (0, 0)),
    chat("llama3", (8_192, 8_192), Thinking::Never, (0, 0)),
    chat("llama3.2", (131_072, 131_072), Thinking::Never, (0, 0)),
    embedding("nomic-embed-text", 2_048, 768, 0),
    chat("gemma3", (131_072, 32_768), Thinking::Never, (0, 0)),
];

const SURFACE: Vendor = Vendor {
    names: &["ollama"],
    bases: &["/v1"],
    embeddings: Some("/v1"),
    beside: None,
    own: &[
        ("POST", "/api/chat", Own::OllamaChat),
        ("POST", "/api/generate", Own::OllamaGenerate),
        ("POST", "/api/embed", Own::OllamaEmbed),
        ("POST", "/api/embeddings", Own::OllamaEmbeddings),
        ("GET", "/api/tags", Own::OllamaTags),
        ("POST", "/api/show", Own::OllamaShow),
        ("GET", "/api/version", Own::OllamaVersion),
    ],
    door: Door::Open,
    form: &FORM,
    embedding_members: &[],
    rules: &[messages],
    thinks: super::rules::unless_off,
    found,
    errors: &Errors {
        said: SAID,
        shape: openai_shape,
        streamed: Streamed::Plain,
        content_type: "application/json",
    },
    voice: |_| &VOICE,
    heartbeat: "keep-alive",
    before_json: "",
    headers: |_| Vec::new(),
    models: MODELS,
    output_default: None,
    truncates: Some(NUM_CTX),
    openai_at: |_| false,
    listed: |models| list_with(models, "library", |_| json!({})),
    embedded: super::say::embeddings,
};

/// Ollama.
pub static OLLAMA: Vendor = Vendor {
    beside: Some(("/api/", &NATIVE)),
    ..SURFACE
};

/// Its own API, which words errors in its own way.
pub(super) static NATIVE: Vendor = Vendor {
    errors: &Errors {
        said: SAID,
        shape: text_shape,
        streamed: Streamed::Plain,
        content_type: "application/json; charset=utf-8",
    },
    ..SURFACE
};
