//! Judges Cohere v2 requests as strictly as the API does: chat, embed and rerank.
//!
//! Keys, types and ranges are those of Cohere's API description; the rules and their words are
//! those of its page of error messages, where that has them. Authentication and the model's
//! existence are the server's business.

mod messages;
pub(super) mod rules;
mod shape;
pub(super) mod wording;

use http::HeaderMap;
use serde_json::Value;

use crate::prompt::{Prompt, Refusal, ToolChoice, ToolOffer};
use crate::strict::{self, list, set, text, whole};

use wording::{found, refuse};

/// Accepts a `/v2/chat` body, or refuses it with the API's own wording.
///
/// # Errors
/// A 400 in the shape `{"id", "message"}`.
pub fn accept_chat(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::CHAT)?;
    rules::chat(&body)?;
    messages::check(&body)?;
    Ok(prompt(&body))
}

/// Accepts a `/v2/embed` body, or refuses it.
///
/// # Errors
/// A 400 in the shape `{"id", "message"}`.
pub fn accept_embed(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::EMBED)?;
    rules::embed(&body)?;
    let texts = list(&body, "texts").iter().filter_map(Value::as_str);
    let inputs: Vec<String> = texts
        .map(str::to_owned)
        .chain(list(&body, "inputs").iter().map(messages::text_of))
        .chain(list(&body, "images").iter().map(Value::to_string))
        .collect();
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: inputs.clone(),
        inputs,
        dimensions: body
            .get("output_dimension")
            .and_then(whole)
            .and_then(|size| u32::try_from(size).ok()),
        base64: list(&body, "embedding_types")
            .iter()
            .any(|kind| kind == "base64"),
        ..Prompt::default()
    })
}

/// Accepts a `/v2/rerank` body, or refuses it. The documents are the prompt's inputs, the query
/// its last user text.
///
/// # Errors
/// A 400 in the shape `{"id", "message"}`.
pub fn accept_rerank(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::RERANK)?;
    rules::rerank(&body)?;
    let documents = list(&body, "documents").iter().filter_map(Value::as_str);
    let inputs: Vec<String> = documents.map(str::to_owned).collect();
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: inputs.clone(),
        last_user_text: text(&body, "query").to_owned(),
        inputs,
        top_n: body.get("top_n").and_then(whole),
        ..Prompt::default()
    })
}

/// The body, if it has that shape.
pub(super) fn read(body: &[u8], record: &'static strict::Record) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|fault| refuse(&format!("invalid json syntax: {fault}")))?;
    let Some(members) = body.as_object() else {
        return Err(refuse("invalid json syntax: the body must be an object"));
    };
    strict::check(members, record).map_err(|finding| found(&finding))?;
    Ok(body)
}

fn prompt(body: &Value) -> Prompt {
    let history = list(body, "messages");
    let format = body.get("response_format").unwrap_or(&Value::Null);
    let schema = set(format, "json_schema").or_else(|| set(format, "schema"));
    let mut texts: Vec<String> = list(body, "tools").iter().map(Value::to_string).collect();
    texts.extend(list(body, "documents").iter().map(Value::to_string));
    texts.extend(history.iter().map(messages::text_of));
    let last_user = history
        .iter()
        .rev()
        .find(|message| text(message, "role") == "user");
    let thinks = body
        .get("thinking")
        .is_none_or(|thinking| text(thinking, "type") != "disabled");
    Prompt {
        model: text(body, "model").to_owned(),
        stream: body.get("stream").and_then(Value::as_bool) == Some(true),
        include_usage: true,
        choices: 1,
        texts,
        last_user_text: last_user.map(messages::text_of).unwrap_or_default(),
        media: history.iter().map(messages::pictures).sum(),
        tools: list(body, "tools").iter().map(offer).collect(),
        tool_choice: match text(body, "tool_choice") {
            "REQUIRED" => ToolChoice::Required,
            "NONE" => ToolChoice::None,
            _ => ToolChoice::Auto,
        },
        parallel_tools: true,
        tool_results: messages::last_results(history),
        json_mode: text(format, "type") == "json_object" && schema.is_none(),
        schema: schema.cloned(),
        max_output_tokens: body.get("max_tokens").and_then(whole),
        stop: list(body, "stop_sequences")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        thinking: thinks,
        show_thoughts: thinks,
        logprobs: (body.get("logprobs") == Some(&Value::Bool(true))).then_some(0),
        ..Prompt::default()
    }
}

fn offer(tool: &Value) -> ToolOffer {
    let function = tool.get("function").unwrap_or(&Value::Null);
    ToolOffer {
        name: text(function, "name").to_owned(),
        schema: function.get("parameters").cloned().unwrap_or_default(),
        custom: false,
    }
}
