//! Judges Converse requests as strictly as Bedrock does.
//!
//! Checked are keys and types (the service model's), the order and content of turns, calls and
//! their results, documents' names, and what each vendor's model refuses behind the service. Start
//! at [`accept_converse`]. Authentication and the model's existence are the server's business.

mod claude;
mod extra;
mod media;
mod messages;
mod pairs;
mod shape;
mod tools;
mod wording;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::models::base_id;
use crate::prompt::{Prompt, Refusal, ToolChoice, ToolOffer};
use crate::strict::{self, list, set, text, whole};
use wording::{found, refuse};

/// A call whose shape is right: what the rules look at.
struct Call<'a> {
    /// The base model's id (`anthropic.claude-sonnet-4-6`).
    model: &'a str,
    body: &'a Value,
}

impl Call<'_> {
    /// The vendor of the model.
    fn vendor(&self) -> &str {
        self.model.split_once('.').map_or("", |(vendor, _)| vendor)
    }

    fn is_nova(&self) -> bool {
        self.model.starts_with("amazon.nova")
    }

    fn is_claude(&self) -> bool {
        self.vendor() == "anthropic"
    }

    /// A member of `additionalModelRequestFields`.
    fn extra(&self, key: &str) -> Option<&Value> {
        set(self.body.get("additionalModelRequestFields")?, key)
    }
}

/// Accepts a `/model/{id}/converse` or `/converse-stream` body, or refuses it with the service's own
/// wording.
///
/// # Errors
/// A 400 `ValidationException` in the shape `{"message"}`.
pub fn accept_converse(model: &str, stream: bool, body: &[u8]) -> Result<Prompt, Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| refuse("Unexpected character in the request body: it is no valid JSON."))?;
    judge(model, stream, &body)
}

/// Accepts a `/model/{id}/count-tokens` body, or refuses it.
///
/// # Errors
/// A 400 `ValidationException`.
pub fn accept_count(model: &str, body: &[u8]) -> Result<Prompt, Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| refuse("Unexpected character in the request body: it is no valid JSON."))?;
    let input = body.get("input").unwrap_or(&Value::Null);
    match (set(input, "converse"), set(input, "invokeModel")) {
        (Some(converse), None) => judge(model, false, converse),
        (None, Some(invoke)) => invoked(model, text(invoke, "body")),
        _ => Err(refuse(
            "1 validation error detected: Value at 'input' failed to satisfy constraint: Member \
             must have exactly one of 'invokeModel' and 'converse'",
        )),
    }
}

/// A Claude body in base64, as InvokeModel takes it: its texts are what is counted.
fn invoked(model: &str, body: &str) -> Result<Prompt, Refusal> {
    const TOOLS: [&str; 5] = [
        "bash_20250124",
        "custom",
        "text_editor_20250124",
        "text_editor_20250429",
        "text_editor_20250728",
    ];
    let bytes = STANDARD.decode(body).unwrap_or_default();
    let body: Value = serde_json::from_slice(&bytes).map_err(|_| {
        refuse("Malformed input request, please reformat your input and try again.")
    })?;
    if list(&body, "messages").is_empty() {
        return Err(refuse("messages: at least one message is required"));
    }
    for (index, tool) in list(&body, "tools").iter().enumerate() {
        let kind = text(tool, "type");
        if !kind.is_empty() && !TOOLS.contains(&kind) {
            let tags: Vec<String> = TOOLS.iter().map(|tag| format!("'{tag}'")).collect();
            return Err(refuse(&format!(
                "tools.{index}: Input tag '{kind}' found using 'type' does not match any of the \
                 expected tags: {}",
                tags.join(", ")
            )));
        }
    }
    let texts = ["system", "tools", "messages"].map(|key| {
        let value = body.get(key).cloned().unwrap_or_default();
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    });
    Ok(Prompt {
        model: model.to_owned(),
        choices: 1,
        texts: texts.into_iter().filter(|text| text != "null").collect(),
        ..Prompt::default()
    })
}

fn judge(model: &str, stream: bool, body: &Value) -> Result<Prompt, Refusal> {
    let Some(members) = body.as_object() else {
        return Err(refuse("The request body must be a JSON object."));
    };
    strict::check(members, &shape::CONVERSE).map_err(|finding| found(&finding))?;
    let call = Call {
        model: base_id(model),
        body,
    };
    messages::check(&call)?;
    tools::check(&call)?;
    pairs::check(&call)?;
    media::check(&call)?;
    extra::check(&call)?;
    if call.is_claude() {
        claude::check(&call)?;
    }
    Ok(prompt(model, stream, &call))
}

fn prompt(model: &str, stream: bool, call: &Call<'_>) -> Prompt {
    let body = call.body;
    let history = list(body, "messages");
    let config = body.get("inferenceConfig").unwrap_or(&Value::Null);
    let tools = body.get("toolConfig").unwrap_or(&Value::Null);
    let mut texts: Vec<String> = list(tools, "tools").iter().map(Value::to_string).collect();
    texts.extend(list(body, "system").iter().map(messages::block_text));
    texts.extend(history.iter().map(messages::text_of));
    let last_user = history
        .iter()
        .rev()
        .find(|message| text(message, "role") == "user");
    let schema = body.pointer("/outputConfig/textFormat/structure/jsonSchema/schema");
    let marks = body.to_string().contains("\"cachePoint\":");
    Prompt {
        model: model.to_owned(),
        stream,
        include_usage: true,
        choices: 1,
        texts,
        last_user_text: last_user.map(messages::text_of).unwrap_or_default(),
        media: history.iter().map(media::count).sum(),
        tools: offers(tools),
        tool_choice: choice(tools),
        parallel_tools: true,
        tool_results: pairs::last_results(history),
        schema: schema
            .and_then(Value::as_str)
            .and_then(|schema| serde_json::from_str(schema).ok()),
        max_output_tokens: config.get("maxTokens").and_then(whole),
        stop: list(config, "stopSequences")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        thinking: extra::thinks(call),
        show_thoughts: true,
        cache_marked: marks,
        ..Prompt::default()
    }
}

fn offers(tools: &Value) -> Vec<ToolOffer> {
    list(tools, "tools")
        .iter()
        .filter_map(|tool| tool.get("toolSpec"))
        .map(|spec| ToolOffer {
            name: text(spec, "name").to_owned(),
            schema: spec
                .pointer("/inputSchema/json")
                .cloned()
                .unwrap_or_else(|| json!({"type": "object"})),
            custom: false,
        })
        .collect()
}

fn choice(tools: &Value) -> ToolChoice {
    let choice = tools.get("toolChoice").unwrap_or(&Value::Null);
    match (choice.get("any"), choice.get("tool")) {
        (Some(_), _) => ToolChoice::Required,
        (_, Some(tool)) => ToolChoice::Named(vec![text(tool, "name").to_owned()]),
        _ => ToolChoice::Auto,
    }
}
