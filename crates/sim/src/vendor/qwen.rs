//! Qwen on Alibaba's Model Studio (DashScope, compatible mode): some models only stream, thinking
//! must be streamed and rules out much else, errors carry a request id (wire-protocols §§8.2, 9,
//! 13.3, 15).

use serde_json::{Value, json};

use super::accept::says;
use super::errors::{Complaint, Errors, Said, Streamed, When, said};
use super::judge::{Asking, COMMON, FORMATS, Form, Role, role};
use super::models::{chat, embedding, plain_list};
use super::say::{
    Beside, CALLS, Calls, FLOW, Flow, Pieces, Thoughts, Voice, chatcmpl_uuid, detailed, finish,
    unchanged, untouched,
};
use super::{Door, Vendor, wording};
use crate::models::{Model, Thinking};
use crate::strict::{Fault, Field, Finding, Shape, null, set};

const PARTS: &[&str] = &["text", "image_url", "video_url", "video", "input_audio"];

static ROLES: &[Role] = &[
    role("system", &[], PARTS),
    role("assistant", &[], PARTS),
    role("user", &[], PARTS),
    role("tool", &[], PARTS),
    role("function", &[], PARTS),
];

static TYPES: &[Field] = &[
    null!("temperature", Shape::Num(f64::MIN, f64::MAX)),
    null!("n", Shape::Int(1, 4)),
];

static FORM: Form = Form {
    params: &[
        COMMON,
        &[
            "presence_penalty",
            "n",
            "seed",
            "top_k",
            "logprobs",
            "top_logprobs",
            "parallel_tool_calls",
            "stream_options",
            "enable_thinking",
            "thinking_budget",
            "reasoning_effort",
        ],
    ],
    types: TYPES,
    closed: false,
    roles: ROLES,
    loose_tools: false,
    other_tools: &[],
    extras: &[],
    choices: &["none", "auto", "required"],
    formats: FORMATS,
};

#[rustfmt::skip]
static SAID: &[Said] = &[
    said(When::NoKey, 401, "invalid_request_error", "invalid_api_key", "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."),
    said(When::BadKey, 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided. For details, see: https://help.aliyun.com/zh/model-studio/error-code#apikey-error"),
    said(When::Forbidden, 403, "access_denied", "access_denied", "Access denied."),
    said(When::Quota, 400, "Arrearage", "Arrearage", "Access denied, please make sure your account is in good standing. For details, see: https://help.aliyun.com/zh/model-studio/error-code#overdue-payment"),
    said(When::Limited, 429, "limit_requests", "limit_requests", "You exceeded your current requests list."),
    said(When::Overloaded, 429, "limit_burst_rate", "limit_burst_rate", "Request rate increased too quickly. To ensure system stability, please adjust your client logic to scale requests more smoothly over time."),
    said(When::TooLong, 400, "invalid_request_error", "invalid_parameter_error", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {window}]"),
    said(When::NoJson, 400, "invalid_request_error", "invalid_parameter_error", "Required body invalid, please check the request body format."),
    said(When::Filtered, 400, "data_inspection_failed", "data_inspection_failed", "<400> InternalError.Algo.DataInspectionFailed: Input data may contain inappropriate content."),
    said(When::Broken, 500, "internal_server_error", "internal_error", "An internal error has occured, please try again later or contact service support."),
];

fn shape(complaint: &Complaint, request_id: &str) -> Value {
    let mut body = super::errors::openai_shape(complaint, request_id);
    if let Some(members) = body.as_object_mut() {
        members.insert("request_id".to_owned(), json!(request_id));
    }
    body
}

fn bad(words: impl Into<String>) -> Complaint {
    Complaint::invalid(words).code("invalid_parameter_error")
}

fn found(found: &[Finding]) -> Complaint {
    let Some(first) = found.first() else {
        return bad("Invalid request.");
    };
    let path = wording::dotted(&first.path, false);
    let words = match &first.fault {
        Fault::Variant { tag, allowed, got } => {
            let allowed: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            format!(
                "'{got}' is not one of [{}] - '{path}.{tag}'",
                allowed.join(", ")
            )
        }
        Fault::Missing => format!(
            "'{}' is a required property",
            wording::last_key(&first.path)
        ),
        _ => format!("{} - '{path}'", wording::pydantic(first).1),
    };
    bad(words)
}

/// Models that answer in streams only.
fn streams_only(model: &str) -> bool {
    ["qwq", "qvq", "qwen-omni", "qwen3-omni", "qwen2.5-omni"]
        .iter()
        .any(|name| model.starts_with(name))
}

/// The open models think unless told otherwise, the commercial ones only when told.
fn thinks(asking: &Asking<'_>) -> bool {
    match asking.body.get("enable_thinking").and_then(Value::as_bool) {
        Some(asked) => asked,
        None => {
            streams_only(asking.model)
                || asking.model.contains("thinking")
                || asking.model == "qwen3-32b"
                || super::rules::by_effort(asking)
        }
    }
}

fn streaming(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.messages().is_empty() {
        return Err(bad("[] is too short - 'messages'"));
    }
    if asking.body.get("tools") == Some(&json!([])) {
        return Err(bad("[] is too short - 'tools'"));
    }
    if let Err(odd) = super::rules::tool_names(asking) {
        return Err(odd.code("invalid_parameter_error"));
    }
    let temperature = set(asking.body, "temperature").and_then(Value::as_f64);
    if temperature.is_some_and(|given| !(0.0..2.0).contains(&given)) {
        return Err(bad(
            "<400> InternalError.Algo.InvalidParameter: Temperature should be in [0.0, 2.0)",
        ));
    }
    if asking.flag("stream") {
        return Ok(());
    }
    if streams_only(asking.model) {
        return Err(bad(
            "This model only support stream mode, please enable the stream parameter to access the \
             model. ",
        ));
    }
    // The newest Max thinks whole answers as well (`dashscope/thinking-001`).
    if thinks(asking) && !asking.model.starts_with("qwen3-max") {
        return Err(bad(
            "parameter.enable_thinking must be set to false for non-streaming calls",
        ));
    }
    Ok(())
}

fn thinking(asking: &Asking<'_>) -> Result<(), Complaint> {
    const ALGO: &str = "<400> InternalError.Algo.InvalidParameter:";
    if thinks(asking) {
        let choice = asking.body.get("tool_choice").unwrap_or(&Value::Null);
        if choice == "required" || choice.is_object() {
            return Err(bad(format!(
                "{ALGO} The tool_choice parameter does not support being set to required or \
                 object in thinking mode"
            )));
        }
        if asking.format().starts_with("json") {
            return Err(bad(format!(
                "{ALGO} Json mode response is not supported when enable_thinking is true"
            )));
        }
    }
    if asking.body.get("tool_choice") == Some(&json!("required")) {
        return Err(bad(format!(
            "{ALGO} The provided \"tool_choice\" value \"required\" is not supported."
        )));
    }
    match asking.format() {
        "json_object" if !says(asking, "json") => Err(bad(format!(
            "{ALGO} 'messages' must contain the word 'json' in some form, to use \
             'response_format' of type 'json_object'."
        ))),
        "json_schema"
            if !asking.model.starts_with("qwen3-max") && !asking.model.contains("sim-") =>
        {
            Err(bad(format!(
                "{ALGO} 'response_format.type' of 'json_schema' is not supported by this model."
            )))
        }
        _ => Ok(()),
    }
}

static VOICE: Voice = Voice {
    id: chatcmpl_uuid,
    call_id: |dice, _, _| format!("call_{}", dice.hex(24)),
    fingerprint: Some(|_| Value::Null),
    thoughts: Thoughts::Member("reasoning_content"),
    finish,
    usage: detailed,
    calls: Calls {
        numbered: true,
        beside: Beside::Empty,
        streamed: Pieces::FineEmptyId,
        ..CALLS
    },
    logprobs: true,
    flow: Flow {
        null_usage: true,
        ..FLOW
    },
    first: None,
    whole: untouched,
    chunk: unchanged,
};

static MODELS: &[Model] = &[
    chat(
        "qwen-plus",
        (1_000_000, 32_768),
        Thinking::Asked,
        (115, 287),
    ),
    chat(
        "qwen3-max",
        (262_144, 65_536),
        Thinking::Asked,
        (1_200, 6_000),
    ),
    chat(
        "qwen-flash",
        (1_000_000, 32_768),
        Thinking::Asked,
        (22, 216),
    ),
    chat("qwen3-32b", (131_072, 16_384), Thinking::Asked, (160, 640)),
    chat("qwq-plus", (131_072, 8_192), Thinking::Always, (800, 2_400)),
    embedding("text-embedding-v4", 8_192, 1_024, 70),
    chat(
        "qwen3.5-plus",
        (1_000_000, 32_768),
        Thinking::Never,
        (400, 2400),
    ),
];

/// Qwen.
pub static QWEN: Vendor = Vendor {
    names: &["qwen", "dashscope"],
    bases: &["/compatible-mode/v1"],
    embeddings: Some("/compatible-mode/v1"),
    beside: None,
    own: &[],
    door: Door::Bearer,
    form: &FORM,
    embedding_members: &["dimensions", "encoding_format"],
    rules: &[streaming, thinking],
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
    headers: |meter| vec![("x-request-id", meter.request_id.to_owned())],
    models: MODELS,
    output_default: None,
    truncates: None,
    openai_at: |_| false,
    listed: plain_list,
    embedded: super::say::embeddings,
};
