//! Azure OpenAI on three surfaces: `/openai/v1`, dated deployments, and model inference for what is
//! not OpenAI's. Content filters speak in every answer, the first chunk of a stream has no choice
//! and no identity (wire-protocols §§1, 11.2, 12.1, 13.3).

use serde_json::{Map, Value, json};

use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{CHOICES, COMMON, FORMATS, Form, Role, role};
use super::models::{chat, dated, embedding, plain_list};
use super::route::{DEPLOYMENTS, Own};
use super::say::{
    CALLS, Calls, FLOW, Moment, Pieces, Stage, Thoughts, Voice, call_24, chatcmpl, counts_with,
    finish, fp_10,
};
use super::{Door, Meter, Vendor, wording, xai};
use crate::answer::Finish;
use crate::models::{Model, Thinking};
use crate::seed::Dice;
use crate::strict::{Fault, Finding};
use crate::wire::Context;

/// The Responses API with a dated version: the deployment is named in the body.
const DATED_RESPONSES: &str = "/openai/responses";
/// The first version that has it.
const RESPONSES_SINCE: &str = "2025-03-01-preview";

/// Whom a token must be for: the newer audience is known at `/openai/v1` only.
const AUDIENCES: [&str; 2] = [
    "https://cognitiveservices.azure.com",
    "https://ai.azure.com",
];

/// The base path of model inference.
pub(super) const INFERENCE: &str = "/models";

const PARTS: &[&str] = &["text", "image_url", "input_audio"];

static ROLES: &[Role] = &[
    role("system", &["name"], PARTS),
    role("developer", &["name"], PARTS),
    role("user", &["name"], PARTS),
    role(
        "assistant",
        &["name", "tool_calls", "refusal", "reasoning_content"],
        PARTS,
    ),
    role("tool", &["name", "tool_call_id"], PARTS),
];

/// Model inference; the other surfaces are judged as OpenAI judges.
static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "frequency_penalty",
            "presence_penalty",
            "seed",
            "stream_options",
            "reasoning_effort",
            "parallel_tool_calls",
            "n",
            "user",
            "max_completion_tokens",
            "modalities",
        ],
    ],
    types: &[],
    closed: true,
    roles: ROLES,
    loose_tools: false,
    other_tools: &[],
    extras: &[],
    choices: CHOICES,
    formats: FORMATS,
};

const DENIED: &str = "Access denied due to invalid subscription key or wrong API endpoint. Make \
    sure to provide a valid key for an active subscription and use a correct regional API endpoint \
    for your resource.";

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "", "401", DENIED),
    said(When::BadKey, 401, "", "401", DENIED),
    said(When::Forbidden, 401, "", "PermissionDenied", "The principal lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action` to perform `POST {path}` operation."),
    said(When::Quota, 429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details."),
    said(When::Limited, 429, "", "RateLimitReached", "Your requests to {model} for {model} in westeurope have exceeded rate limit.{wait}"),
    said(When::Overloaded, 429, "", "429", "The system is currently experiencing high demand and cannot process your request. Your request exceeds the maximum usage size allowed during peak load."),
    said(When::NoModel, 404, "invalid_request_error", "DeploymentNotFound", "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."),
    said(When::TooLong, 400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is {window} tokens. However, your messages resulted in {tokens} tokens. Please reduce the length of the messages."),
    said(When::Filtered, 400, "", "content_filter", "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry. To learn more about our content filtering policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766"),
    said(When::NoPath, 404, "", "404", "Resource not found"),
    said(When::WrongMethod, 405, "", "405", "Method Not Allowed"),
    said(When::NoJson, 400, "invalid_request_error", "", "We could not parse the JSON body of your request."),
    said(When::Timeout, 408, "", "Timeout", "The operation was timeout."),
    said(When::Broken, 500, "", "InternalServerError", "The server had an error while processing your request. Sorry about that!"),
];

/// The gateway's errors have a code and words; those of the API the type and `param` as well.
fn shape(complaint: &Complaint, _: &str) -> Value {
    let mut error = Map::new();
    let mut put = |name: &str, value: Value| error.insert(name.to_owned(), value);
    if complaint.code == "content_filter" {
        let mut results = filters(true);
        if let Some(hate) = results.get_mut("hate") {
            *hate = json!({"filtered": true, "severity": "high"});
        }
        put("message", json!(complaint.message));
        put("type", Value::Null);
        put("param", json!("prompt"));
        put("code", json!("content_filter"));
        put("status", json!(400));
        put(
            "innererror",
            json!({"code": "ResponsibleAIPolicyViolation", "content_filter_result": results}),
        );
        return json!({ "error": error });
    }
    if !complaint.kind.is_empty() {
        put("type", json!(complaint.kind));
    }
    put("code", complaint.code_or_null());
    put("message", json!(complaint.message));
    if let Some(param) = &complaint.param {
        put("param", json!(param));
    }
    if complaint.code == "RateLimitReached" {
        put("details", json!(complaint.message));
    }
    json!({ "error": error })
}

fn found(found: &[Finding]) -> Complaint {
    let unknown: Vec<String> = found
        .iter()
        .filter(|finding| finding.fault == Fault::Unknown && finding.path.len() == 1)
        .map(|finding| format!("'{}'", wording::last_key(&finding.path)))
        .collect();
    if !unknown.is_empty() {
        return Complaint::new(
            400,
            "",
            format!(
                "Extra parameters [{}] are not allowed when extra-parameters is not set or set to \
                 be 'error'. Set extra-parameters to 'pass-through' to pass to the model.",
                unknown.join(", ")
            ),
        )
        .code("Bad Request");
    }
    wording::first_plainly(found).code("Invalid input")
}

/// What the content filters found: nothing.
fn filters(prompt: bool) -> Value {
    let safe = json!({"filtered": false, "severity": "safe"});
    let mut results = json!({"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe});
    let undetected = json!({"filtered": false, "detected": false});
    let more: &[&str] = if prompt {
        &["jailbreak"]
    } else {
        &["protected_material_code", "protected_material_text"]
    };
    for name in more {
        if let Some(results) = results.as_object_mut() {
            results.insert((*name).to_owned(), undetected.clone());
        }
    }
    results
}

fn prompt_filters() -> Value {
    json!([{"prompt_index": 0, "content_filter_results": filters(true)}])
}

fn whole(context: &Context<'_>, answer: &mut Map<String, Value>) {
    answer.insert("prompt_filter_results".to_owned(), prompt_filters());
    let choices = answer.get_mut("choices").and_then(Value::as_array_mut);
    let choices = choices
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut);
    for (choice, turn) in choices.zip(&context.answer.turns) {
        let mut results = filters(false);
        if turn.finish == Finish::ContentFilter {
            // A filtered choice has no message at all (`azure/text-017`).
            choice.shift_remove("message");
            if let Some(hate) = results.get_mut("hate") {
                *hate = json!({"filtered": true, "severity": "high"});
            }
        } else if let Some(Value::Object(message)) = choice.get_mut("message") {
            message.insert("refusal".to_owned(), Value::Null);
            message.insert("annotations".to_owned(), json!([]));
        }
        choice.insert("content_filter_results".to_owned(), results);
    }
}

/// A response with what the filters found: nothing, and nothing yet while it is streamed.
pub(super) fn filtered(mut response: Value) -> Value {
    let ended = response.get("status") != Some(&json!("in_progress"));
    let found = |source: &str, prompt: bool| {
        json!({"blocked": false, "source_type": source, "content_filter_raw": [],
            "content_filter_results": filters(prompt),
            "content_filter_offsets": {"start_offset": 0, "end_offset": 802, "check_offset": 0}})
    };
    let filters = if ended {
        json!([found("prompt", true), found("completion", false)])
    } else {
        Value::Null
    };
    if let Some(members) = response.as_object_mut() {
        members.insert("content_filters".to_owned(), filters);
    }
    response
}

/// Refuses a version that does not have what the path asks for.
pub(super) fn has_responses(path: &str, version: Option<&str>) -> Result<(), Complaint> {
    if !path.ends_with(DATED_RESPONSES) || version.is_some_and(|asked| asked >= RESPONSES_SINCE) {
        return Ok(());
    }
    if version.is_none() {
        return Err(Complaint::new(404, "", "Resource not found").code("404"));
    }
    let words = format!(
        "Azure OpenAI Responses API is enabled only for api-version {RESPONSES_SINCE} and later"
    );
    Err(Complaint::new(400, "", words).code("BadRequest"))
}

/// Refuses a token that Entra did not give for this. What does not look like one is a key, which
/// may stand there too.
pub(super) fn admitted(
    path: &str,
    bearer: Option<&str>,
    admits: impl Fn(&str, &[&str]) -> bool,
) -> Result<(), Complaint> {
    let count = if path.contains("/openai/v1/") { 2 } else { 1 };
    let audiences = AUDIENCES.get(..count).unwrap_or_default();
    match bearer {
        Some(token) if token.starts_with("eyJ") && !admits(token, audiences) => {
            let words = "Unauthorized. Access token is missing, invalid, audience is incorrect \
                (https://cognitiveservices.azure.com), or have expired.";
            Err(Complaint::new(401, "", words).code("401"))
        }
        _ => Ok(()),
    }
}

/// The chunk that opens a stream: the prompt's filters and nothing else.
fn first(_: &Context<'_>) -> Value {
    json!({"choices": [], "created": 0, "id": "", "model": "", "object": "",
        "prompt_filter_results": prompt_filters()})
}

fn chunk(context: &Context<'_>, moment: &Moment<'_>, chunk: &mut Map<String, Value>) {
    let results = match moment.stage {
        Stage::Content => filters(false),
        Stage::Opening | Stage::Finish => json!({}),
        Stage::Usage => Value::Null,
    };
    if let Some(choice) = chunk.get_mut("choices").and_then(|all| all.get_mut(0))
        && let Some(choice) = choice.as_object_mut()
    {
        choice.insert("content_filter_results".to_owned(), results);
    }
    if context.obfuscate {
        let place = moment.so_far.len().to_string();
        let mut dice = Dice::new(context.id_seed, &["pad", &place]);
        let length = usize::try_from(dice.below(16)).unwrap_or_default();
        chunk.insert("obfuscation".to_owned(), json!(dice.base62(length)));
    }
}

static OPENAI: Voice = Voice {
    id: chatcmpl,
    call_id: call_24,
    fingerprint: Some(fp_10),
    thoughts: Thoughts::Hidden,
    finish,
    usage: |context| crate::dialect::openai::render::usage(&context.answer.usage),
    calls: CALLS,
    logprobs: true,
    flow: FLOW,
    first: Some(first),
    whole,
    chunk,
};

/// Grok on Azure: more tokens are said to come from the cache than the prompt has (32 recordings).
fn grok_usage(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    counts_with(
        usage,
        json!({"audio_prompt_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": usage.input_total() + 130,
                "audio_tokens": 0, "text_tokens": usage.input_total(), "image_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": usage.thinking, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
            "num_sources_used": 0}),
    )
}

static GROK: Voice = Voice {
    fingerprint: None,
    usage: grok_usage,
    calls: Calls {
        numbered: true,
        streamed: Pieces::Whole,
        ..xai::GROK.calls
    },
    whole: |_, answer| {
        answer.insert("prompt_filter_results".to_owned(), Value::Null);
    },
    ..xai::GROK
};

fn headers(meter: &Meter<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("apim-request-id", meter.request_id.to_owned()),
        ("x-ms-region", "West Europe".to_owned()),
    ];
    if meter.ok {
        headers.extend([
            ("x-ms-rai-invoked", "true".to_owned()),
            ("x-ratelimit-limit-requests", "120".to_owned()),
            ("x-ratelimit-limit-tokens", "120000".to_owned()),
            (
                "x-ratelimit-remaining-requests",
                (119 - meter.used).to_string(),
            ),
            (
                "x-ratelimit-remaining-tokens",
                (119_986 - meter.used).to_string(),
            ),
            ("x-ratelimit-renewalperiod-requests", "60".to_owned()),
            ("x-ratelimit-renewalperiod-tokens", "60".to_owned()),
            ("x-ratelimit-reset-requests", "500".to_owned()),
            ("x-ratelimit-reset-tokens", "7".to_owned()),
        ]);
    } else if meter.status == 429 {
        headers.push(("x-ratelimit-key", meter.model.to_owned()));
    }
    headers
}

static MODELS: &[Model] = &[
    dated(
        chat(
            "gpt-4o",
            (128_000, 16_384),
            Thinking::Never,
            (2_500, 10_000),
        ),
        "gpt-4o-2024-11-20",
    ),
    dated(
        chat(
            "gpt-4o-mini",
            (128_000, 16_384),
            Thinking::Never,
            (150, 600),
        ),
        "gpt-4o-mini-2024-07-18",
    ),
    dated(
        chat(
            "gpt-4.1-mini",
            (1_047_576, 32_768),
            Thinking::Never,
            (400, 1_600),
        ),
        "gpt-4.1-mini-2025-04-14",
    ),
    dated(
        chat(
            "gpt-5-nano",
            (400_000, 128_000),
            Thinking::Always,
            (50, 400),
        ),
        "gpt-5-nano-2025-08-07",
    ),
    chat(
        "gpt-5.6",
        (1_050_000, 128_000),
        Thinking::Asked,
        (2_500, 15_000),
    ),
    chat(
        "gpt-35-turbo",
        (16_385, 4_096),
        Thinking::Never,
        (500, 1_500),
    ),
    chat(
        "grok-4-1-fast-non-reasoning",
        (131_072, 131_072),
        Thinking::Never,
        (200, 500),
    ),
    chat(
        "DeepSeek-V3.1",
        (131_072, 131_072),
        Thinking::Asked,
        (600, 1_700),
    ),
    embedding("text-embedding-3-small", 8_192, 1_536, 20),
    embedding("text-embedding-3-large", 8_192, 3_072, 130),
];

/// Azure OpenAI.
pub static AZURE: Vendor = Vendor {
    names: &["azure"],
    bases: &["/openai/v1", DEPLOYMENTS, INFERENCE],
    embeddings: Some("*"),
    beside: None,
    own: &[
        ("POST", "/openai/v1/responses", Own::Responses),
        ("POST", DATED_RESPONSES, Own::Responses),
    ],
    door: Door::ApiKey,
    form: &FORM,
    embedding_members: &["dimensions", "encoding_format", "user", "input_type"],
    rules: &[super::rules::some_messages],
    thinks: super::rules::by_effort,
    found,
    errors: &Errors {
        said: SAID,
        shape,
        streamed: Streamed::Plain,
        content_type: "application/json",
    },
    voice: |asking| match asking.base {
        INFERENCE => &GROK,
        _ => &OPENAI,
    },
    heartbeat: "keep-alive",
    before_json: "",
    headers,
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |base| base != INFERENCE,
    listed: plain_list,
    embedded: super::say::embeddings,
};
