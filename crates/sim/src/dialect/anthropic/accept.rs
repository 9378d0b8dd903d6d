//! Judges Messages requests as strictly as the Anthropic API does, for both API versions.
//!
//! Checked are the version header, keys and types, rules by model, and the order of messages.
//! Authentication and the model's existence are the server's business. Beta features are taken
//! with or without their `anthropic-beta` flag, but for `output_format`, whose flag the recordings
//! show. Start at [`accept_messages`].

mod blocks;
mod media;
mod messages;
mod model;
mod pairs;
mod rules;
mod schema;
mod shape;
mod tools;
mod toolset;
mod wording;

use http::HeaderMap;
use serde_json::Value;

use crate::prompt::{Prompt, Refusal};
use crate::strict::{self, list, set, text, whole};

use model::Traits;
use wording::{found, refuse};

/// Accepts a `/v1/messages` body, or refuses it with the API's own wording.
///
/// # Errors
/// A 400 in the shape `{"type":"error","error":{type,message},"request_id"}`.
pub fn accept_messages(headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    accept(headers, body, &shape::MESSAGES)
}

/// Accepts a `/v1/messages/count_tokens` body, or refuses it.
///
/// # Errors
/// A 400 in the shape `{"type":"error","error":{type,message},"request_id"}`.
pub fn accept_count_tokens(headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    accept(headers, body, &shape::COUNT)
}

/// Checks only the rules between parameters, for a service that serves Claude under its own names.
///
/// # Errors
/// What Anthropic's API would answer.
pub(crate) fn check_rules(body: &Value) -> Result<(), Refusal> {
    rules::check(&Call {
        body,
        traits: Traits::of(text(body, "model")),
        version: Version::V20230601,
        betas: String::new(),
    })
}

/// Whether a `system` turn may stand inside the conversation.
pub(crate) fn takes_system_turns(model: &str) -> bool {
    model.starts_with("claude-") && Traits::of(model).takes_system_turns()
}

/// Whether the model thinks whatever it is told.
pub(crate) fn always_thinks(model: &str) -> bool {
    Traits::of(model).always_thinks()
}

/// Whether the conversation must not end with the assistant's own words.
pub(crate) fn refuses_prefill(model: &str) -> bool {
    Traits::of(model).refuses_prefill()
}

/// Whether the model enforces schemas.
pub(crate) fn takes_format(model: &str) -> bool {
    Traits::of(model).takes_format()
}

/// The API versions that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `2023-06-01`.
    V20230601,
    /// `2026-10-21`: no sampling parameters, no documents in assistant turns.
    V20261021,
}

/// A call whose shape is right: what the rules look at.
struct Call<'a> {
    body: &'a Value,
    traits: Traits,
    version: Version,
    betas: String,
}

impl Call<'_> {
    /// `enabled`, `adaptive`, `disabled`, `between_tools`, or nothing.
    fn thinking_mode(&self) -> &str {
        self.body
            .get("thinking")
            .map_or("", |thinking| text(thinking, "type"))
    }

    /// Whether the caller turned thinking on, so that the sampling rules for it hold.
    fn thinks_openly(&self) -> bool {
        matches!(self.thinking_mode(), "enabled" | "adaptive")
    }

    /// Whether a beta flag with this prefix was sent.
    fn beta(&self, prefix: &str) -> bool {
        let mut flags = self.betas.split(',').map(str::trim);
        flags.any(|flag| flag.starts_with(prefix))
    }
}

fn accept(
    headers: &HeaderMap,
    body: &[u8],
    record: &'static strict::Record,
) -> Result<Prompt, Refusal> {
    let version = version(headers)?;
    let body: Value = serde_json::from_slice(body)
        .map_err(|fault| refuse(&format!("The request body is not valid JSON: {fault}")))?;
    let Some(members) = body.as_object() else {
        return Err(refuse("Input should be a valid dictionary"));
    };
    strict::check(members, record).map_err(|finding| found(&finding))?;
    let call = Call {
        body: &body,
        traits: Traits::of(text(&body, "model")),
        version,
        betas: header(headers, "anthropic-beta"),
    };
    rules::check(&call)?;
    tools::check(&body)?;
    tools::marks_fit(&body)?;
    messages::check(&call)?;
    Ok(prompt(&call))
}

fn version(headers: &HeaderMap) -> Result<Version, Refusal> {
    match header(headers, "anthropic-version").as_str() {
        "2023-06-01" => Ok(Version::V20230601),
        "2026-10-21" => Ok(Version::V20261021),
        "" => Err(refuse("anthropic-version: header is required")),
        other => Err(refuse(&format!(
            "anthropic-version: \"{other}\" is not a valid version"
        ))),
    }
}

/// All values of a header, joined with commas.
fn header(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<&str> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    values.join(",")
}

fn prompt(call: &Call<'_>) -> Prompt {
    let body = call.body;
    let history = list(body, "messages");
    let config = body.get("output_config").unwrap_or(&Value::Null);
    let format = set(config, "format").or_else(|| set(body, "output_format"));
    let mut texts: Vec<String> = list(body, "tools").iter().map(Value::to_string).collect();
    texts.extend(
        set(body, "system")
            .and_then(Value::as_str)
            .map(str::to_owned),
    );
    texts.extend(list(body, "system").iter().map(messages::block_text));
    texts.extend(history.iter().map(messages::text_of));
    let last_user = history
        .iter()
        .rev()
        .find(|message| text(message, "role") == "user");
    let thinking = match call.thinking_mode() {
        "disabled" => false,
        "" => call.traits.always_thinks(),
        _ => true,
    };
    Prompt {
        model: text(body, "model").to_owned(),
        stream: body.get("stream").and_then(Value::as_bool) == Some(true),
        include_usage: true,
        choices: 1,
        texts,
        last_user_text: last_user.map(messages::text_of).unwrap_or_default(),
        media: history.iter().map(media::count).sum(),
        tools: tools::offers(body),
        tool_choice: tools::choice(body),
        parallel_tools: tools::parallel(body),
        tool_results: pairs::last_results(history)
            .into_iter()
            .map(|(name, block)| (name, messages::block_text(block)))
            .collect(),
        schema: format.and_then(|format| format.get("schema")).cloned(),
        max_output_tokens: body.get("max_tokens").and_then(whole),
        stop: list(body, "stop_sequences")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        thinking,
        show_thoughts: thinking && rules::shows_thoughts(body, call.traits),
        cache_marked: set(body, "cache_control").is_some() || !tools::marks(body).is_empty(),
        ..Prompt::default()
    }
}
