//! Judges OpenAI chat and embeddings requests as strictly as the API does.
//!
//! The order of checks is the API's where recordings show it: body syntax, the model, parameters
//! that the model refuses, keys and types, then rules between fields. Authentication and the
//! model's existence are the server's business. Start at [`accept_chat`].

mod format;
mod legacy;
pub(super) mod messages;
pub(super) mod model;
mod params;
pub(super) mod schema;
pub(super) mod shape;
pub(super) mod tools;
pub(super) mod wording;

use http::HeaderMap;
use serde_json::Value;

use crate::prompt::{Prompt, Refusal};
use crate::strict::{self, is_whole, list, set, text, whole};

pub use legacy::{accept_completions, accept_moderations};

use model::Traits;
use wording::{found, plain, refuse};

/// Accepts a chat completions body, or refuses it with the API's own status, code, `param` and
/// wording.
///
/// # Errors
/// A 400 in the shape `{"error":{message,type,param,code}}`.
pub fn accept_chat(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = object(body)?;
    let traits = Traits::of(text(&body, "model"));
    if traits.responses_only() {
        return Err(Refusal {
            status: 404,
            ..refuse(
                "This model is only supported in v1/responses and not in v1/chat/completions.",
                Some("model"),
                None,
            )
        });
    }
    params::unsupported(&body, &traits)?;
    shaped(&body, &shape::CHAT)?;
    if list(&body, "messages").is_empty() {
        return Err(wording::empty_array("messages"));
    }
    params::consistent(&body, &traits)?;
    tools::check(&body)?;
    format::check(&body)?;
    messages::check(list(&body, "messages"), &traits)?;
    Ok(prompt(&body))
}

/// Accepts an embeddings body, or refuses it as the API would.
///
/// # Errors
/// A 400 in the shape `{"error":{message,type,param,code}}`.
pub fn accept_embeddings(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = object(body)?;
    if body.get("input").is_none_or(Value::is_null) {
        return Err(refuse(
            "Missing required parameter: 'input'.",
            Some("input"),
            Some("missing_required_parameter"),
        ));
    }
    // The API looks at `dimensions` before it looks at the types of the rest.
    let dimensions = embedding_dimensions(&body)?;
    shaped(&body, &shape::EMBEDDINGS)?;
    let inputs = embedding_inputs(&body)?;
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: inputs.clone(),
        inputs,
        dimensions,
        base64: text(&body, "encoding_format") == "base64",
        ..Prompt::default()
    })
}

fn embedding_inputs(body: &Value) -> Result<Vec<String>, Refusal> {
    let inputs = inputs(body, "input").unwrap_or_default();
    // An empty string is taken; an empty list is not.
    if inputs.is_empty() || inputs.iter().any(|one| one == "[]") {
        return Err(plain(
            "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.",
        ));
    }
    if inputs.len() > 2048 {
        return Err(wording::long_array("input", 2048, inputs.len()));
    }
    Ok(inputs)
}

fn embedding_dimensions(body: &Value) -> Result<Option<u32>, Refusal> {
    let Some(given) = set(body, "dimensions").filter(|given| is_whole(given)) else {
        return Ok(None);
    };
    let model = text(body, "model");
    let largest = match model {
        "text-embedding-3-small" => 1536,
        "text-embedding-3-large" => 3072,
        "text-embedding-ada-002" => {
            return Err(refuse(
                "This model does not support specifying dimensions.",
                None,
                None,
            ));
        }
        _ => u64::from(u32::MAX),
    };
    let number = given.as_f64().unwrap_or_default();
    if number < 1.0 {
        return Err(plain(&format!(
            "{given} is less than the minimum of 1 - 'dimensions'"
        )));
    }
    match whole(given).filter(|wanted| *wanted <= largest) {
        Some(wanted) => Ok(u32::try_from(wanted).ok()),
        None => Err(plain(&format!(
            "Invalid value for 'dimensions' = {given}. Must be less than or equal to {largest}."
        ))),
    }
}

pub(super) fn object(body: &[u8]) -> Result<Value, Refusal> {
    let parsed: Option<Value> = serde_json::from_slice(body).ok().filter(Value::is_object);
    let Some(body) = parsed else {
        return Err(plain(
            "We could not parse the JSON body of your request. (HINT: This likely means you \
             aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, \
             but what was sent was not valid JSON.)",
        ));
    };
    if body.get("model").is_none_or(Value::is_null) {
        return Err(plain("you must provide a model parameter"));
    }
    Ok(body)
}

pub(super) fn shaped(body: &Value, record: &'static strict::Record) -> Result<(), Refusal> {
    match body.as_object() {
        Some(members) => strict::check(members, record).map_err(|finding| found(&finding)),
        None => Ok(()),
    }
}

/// What an accepted chat body says (also for vendors that speak this dialect under own rules).
pub(crate) fn prompt(body: &Value) -> Prompt {
    let history = list(body, "messages");
    let format = body.get("response_format").unwrap_or(&Value::Null);
    let stop = match body.get("stop") {
        Some(Value::String(one)) => vec![one.clone()],
        _ => strings(list(body, "stop")),
    };
    let effort = text(body, "reasoning_effort");
    let limit = set(body, "max_completion_tokens").or_else(|| set(body, "max_tokens"));
    let number = |key: &str| {
        set(body, key)
            .and_then(whole)
            .and_then(|n| u32::try_from(n).ok())
    };
    let streamed = |key: &str| {
        body.get("stream_options")
            .and_then(|options| options.get(key))
            .and_then(Value::as_bool)
            .unwrap_or_default()
    };
    let mut texts = tools::texts(body);
    texts.extend(history.iter().map(messages::text_of));
    Prompt {
        model: text(body, "model").to_owned(),
        stream: flag(body, "stream").unwrap_or_default(),
        include_usage: streamed("include_usage"),
        choices: number("n").unwrap_or(1),
        texts,
        last_user_text: messages::last_user_text(history),
        media: messages::media(history),
        tools: tools::offers(body),
        tool_choice: tools::choice(body),
        parallel_tools: flag(body, "parallel_tool_calls").unwrap_or(true),
        tool_results: messages::results(history),
        json_mode: text(format, "type") == "json_object",
        schema: format
            .get("json_schema")
            .and_then(|wanted| wanted.get("schema"))
            .cloned(),
        max_output_tokens: limit.and_then(whole),
        stop,
        thinking: match effort {
            "" => Traits::of(text(body, "model")).thinks_by_default(),
            "none" => false,
            _ => true,
        },
        logprobs: flag(body, "logprobs")
            .unwrap_or_default()
            .then(|| number("top_logprobs").unwrap_or_default()),
        cache_marked: messages::cache_marked(history),
        ..Prompt::default()
    }
}

pub(super) fn flag(body: &Value, key: &str) -> Option<bool> {
    body.get(key).and_then(Value::as_bool)
}

/// A member that is a string, token ids, or a list of either, ids as their JSON; `None` for a member
/// that is none of them.
fn inputs(body: &Value, key: &str) -> Option<Vec<String>> {
    let value = body.get(key)?;
    match value {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(items) if items.first().is_some_and(Value::is_number) => {
            Some(vec![value.to_string()])
        }
        Value::Array(items) => {
            let text = |item: &Value| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            };
            Some(items.iter().map(text).collect())
        }
        _ => None,
    }
}

pub(super) fn strings(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
