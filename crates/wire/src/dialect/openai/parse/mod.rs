//! Reads a caller's request into the hub: [`parse_chat`], [`parse_embeddings`] and
//! [`parse_rerank`].
//!
//! What is wrong is refused with the field's path and what to change. What is unknown is named in
//! `unread`, never dropped in silence.

mod embeddings;
mod fields;
mod messages;
mod parts;
mod rerank;
mod tools;

use serde_json::{Map, Value};

pub use embeddings::parse_embeddings;
pub use rerank::parse_rerank;

use self::fields::{Fields, array, invalid_type, invalid_value, missing};
use crate::chat::{ChatRequest, Effort, ResponseFormat, StreamOptions};
use crate::error::ParseError;
use crate::json::RawObject;

/// Fields that the hub carries verbatim in [`ChatRequest::carried`].
const CARRIED: [&str; 10] = [
    "service_tier",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_options",
    "prediction",
    "web_search_options",
    "modalities",
    "audio",
    "store",
    "moderation",
];

/// Reads a chat completion request.
///
/// # Errors
/// The first thing wrong in it, with its path (`messages[2].content[0].type`) and what to change.
pub fn parse_chat(raw: &RawObject<'_>) -> Result<ChatRequest, ParseError> {
    let mut fields = Fields::of_raw(raw)?;
    let mut request = ChatRequest {
        model: model(&mut fields)?,
        ..ChatRequest::default()
    };
    let mut unread = Vec::new();
    let items = array(fields.take("messages"), "messages")?
        .ok_or_else(|| missing("messages", "Send the conversation as a list of messages."))?;
    if items.is_empty() {
        return Err(invalid_value(
            "messages",
            "`messages` is empty. Send at least one message.",
        ));
    }
    request.messages = messages::parse(items, &mut unread)?;
    request.stream = fields.boolean("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.object("stream_options")? {
        request.stream_options = StreamOptions {
            include_usage: options.boolean("include_usage")?.unwrap_or(false),
            include_obfuscation: options.boolean("include_obfuscation")?,
        };
        options.rest(&mut unread);
    }
    sampling(&mut fields, &mut request)?;
    request.max_output_tokens = max_output_tokens(&mut fields)?;
    request.user = fields.string("user")?;
    request.safety_identifier = fields.string("safety_identifier")?;
    request.metadata = fields.map("metadata")?;
    tools::parse(&mut fields, &mut request, &mut unread)?;
    if let Some(format) = fields.object("response_format")? {
        request.response_format = Some(response_format(format, &mut unread)?);
    }
    request.reasoning_effort =
        reasoning_effort(&mut fields, &mut request.effort_as_sent, &mut unread)?;
    request.cache_control = fields.cache_mark()?;
    for key in CARRIED {
        if let Some(value) = fields.take(key) {
            request.carried.insert(key.to_owned(), value);
        }
    }
    request.provider_options = provider_options(&mut fields)?;
    own_members(&mut fields);
    request.unknown = fields.members().clone();
    fields.rest(&mut unread);
    unread.sort_unstable();
    unread.dedup();
    request.unread = unread;
    Ok(request)
}

/// `model`: there and not empty.
fn model(fields: &mut Fields) -> Result<String, ParseError> {
    fields
        .string("model")?
        .filter(|model| !model.trim().is_empty())
        .ok_or_else(|| {
            missing(
                "model",
                "Name the model, for example `openai/gpt-5.6-mini`.",
            )
        })
}

/// Members that are Polyroute's own and say nothing to a provider. `provider` is ours as a name
/// only: OpenRouter's object of that name is no field of the hub.
fn own_members(fields: &mut Fields) {
    fields.take_if("provider", Value::is_string);
    fields.take_matching(|key| key.starts_with("x-"));
}

/// `provider_options`: an object of objects, by dialect or provider.
fn provider_options(fields: &mut Fields) -> Result<Map<String, Value>, ParseError> {
    let options = fields.map("provider_options")?.unwrap_or_default();
    match options.iter().find(|(_, value)| !value.is_object()) {
        Some((name, _)) => Err(invalid_type(
            &format!("provider_options.{name}"),
            "an object with members of that provider's request body",
        )),
        None => Ok(options),
    }
}

fn sampling(fields: &mut Fields, request: &mut ChatRequest) -> Result<(), ParseError> {
    request.temperature = fields.float("temperature", 0.0, 2.0)?;
    request.top_p = fields.float("top_p", 0.0, 1.0)?;
    request.top_k = fields.integer("top_k", 0, u64::MAX)?;
    request.n = fields.small("n", 1, 128)?;
    request.seed = fields.signed("seed")?;
    request.stop = stop(fields)?;
    request.frequency_penalty = fields.float("frequency_penalty", -2.0, 2.0)?;
    request.presence_penalty = fields.float("presence_penalty", -2.0, 2.0)?;
    request.logit_bias = fields.map("logit_bias")?;
    request.logprobs = fields.boolean("logprobs")?;
    request.top_logprobs = fields.small("top_logprobs", 0, 20)?;
    Ok(())
}

/// `stop`: a string, a list of strings, or null.
fn stop(fields: &mut Fields) -> Result<Vec<String>, ParseError> {
    match fields.take("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| match item {
                Value::String(text) => Ok(text),
                _ => Err(invalid_type(&format!("stop[{at}]"), "a string")),
            })
            .collect(),
        Some(_) => Err(invalid_type("stop", "a string or a list of strings")),
    }
}

/// `max_completion_tokens` and its older name; both may be sent if they agree.
fn max_output_tokens(fields: &mut Fields) -> Result<Option<u64>, ParseError> {
    let new = fields.integer("max_completion_tokens", 1, u64::MAX)?;
    let old = fields.integer("max_tokens", 1, u64::MAX)?;
    match (new, old) {
        (Some(new), Some(old)) if new != old => Err(invalid_value(
            "max_tokens",
            &format!(
                "`max_tokens` is {old} and `max_completion_tokens` is {new}. Send only \
                 `max_completion_tokens`."
            ),
        )),
        (new, old) => Ok(new.or(old)),
    }
}

fn response_format(
    mut format: Fields,
    unread: &mut Vec<String>,
) -> Result<ResponseFormat, ParseError> {
    let kind_path = format.path_of("type");
    let kind = format
        .string("type")?
        .ok_or_else(|| missing(&kind_path, "Say `text`, `json_object` or `json_schema`."))?;
    let parsed = match kind.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let path = format.path_of("json_schema");
            let mut schema = format
                .object("json_schema")?
                .ok_or_else(|| missing(&path, "Send the schema with its name."))?;
            let name = schema.required_string("name", "Give the schema a name.")?;
            let parsed = ResponseFormat::JsonSchema {
                name,
                description: schema.string("description")?,
                schema: Value::Object(schema.map("schema")?.unwrap_or_default()),
                strict: schema.boolean("strict")?,
            };
            schema.rest(unread);
            parsed
        }
        other => {
            return Err(invalid_value(
                &kind_path,
                &format!(
                    "`{other}` is no response format. Send `text`, `json_object` or `json_schema`."
                ),
            ));
        }
    };
    format.rest(unread);
    Ok(parsed)
}

/// `reasoning_effort`, or `reasoning.effort` as some clients spell it.
fn reasoning_effort(
    fields: &mut Fields,
    as_sent: &mut Option<Value>,
    unread: &mut Vec<String>,
) -> Result<Option<Effort>, ParseError> {
    let mut found = None;
    match fields.take("reasoning_effort") {
        // Groq's word for what holds without it.
        Some(Value::String(word)) if word == "default" => {}
        Some(Value::String(word)) => found = Some(effort("reasoning_effort", &word)?),
        None | Some(Value::Null) => {}
        // Fireworks' forms.
        Some(form) => {
            let Some(nearest) = Effort::of_form(&form) else {
                return Err(invalid_type(
                    "reasoning_effort",
                    "a word, a number of tokens, or a boolean",
                ));
            };
            found = Some(nearest);
            *as_sent = Some(form);
        }
    }
    // OpenRouter's form.
    if let Some(mut reasoning) = fields.object("reasoning")? {
        let word = reasoning.string("effort")?;
        if let (None, Some(word)) = (found, &word) {
            found = Some(effort("reasoning.effort", word)?);
        }
        if found.is_none() {
            *as_sent = ["max_tokens", "enabled"]
                .into_iter()
                .find_map(|key| reasoning.take(key).filter(|form| !form.is_null()));
            found = as_sent.as_ref().and_then(Effort::of_form);
        }
        reasoning.rest(unread);
    }
    Ok(found)
}

fn effort(path: &str, word: &str) -> Result<Effort, ParseError> {
    Effort::parse(word).ok_or_else(|| {
        let known: Vec<&str> = Effort::ALL.iter().map(|effort| effort.as_str()).collect();
        invalid_value(
            path,
            &format!(
                "`{word}` is no reasoning effort. Send one of: {}.",
                known.join(", ")
            ),
        )
    })
}

#[cfg(test)]
mod tests;
