//! What Claude refuses behind the service: the rules of Anthropic's own API, under the service's
//! names.

use serde_json::{Map, Value, json};

use super::Call;
use super::wording::model_refuses;
use crate::dialect::anthropic::accept as anthropic;
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

/// From 4.8 a `system` turn may stand inside the conversation.
pub(super) fn takes_system_turns(call: &Call<'_>) -> bool {
    call.is_claude() && anthropic::takes_system_turns(name(call))
}

/// Some models think whatever they are told.
pub(super) fn always_thinks(call: &Call<'_>) -> bool {
    call.is_claude() && anthropic::always_thinks(name(call))
}

/// The model's name as Anthropic writes it.
fn name<'a>(call: &Call<'a>) -> &'a str {
    call.model.strip_prefix("anthropic.").unwrap_or(call.model)
}

/// Checks parameters, the end of the conversation and signatures.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let translated = translated(call);
    anthropic::check_rules(&translated).map_err(|refusal| {
        let said = refusal.body.pointer("/error/message");
        model_refuses(said.and_then(Value::as_str).unwrap_or_default())
    })?;
    signed(call)?;
    thinking_first(call, &translated)?;
    ending(call)?;
    closed(call)
}

/// The parameters under Anthropic's names. Prompts have no limit of output where none is named.
fn translated(call: &Call<'_>) -> Value {
    let mut body = Map::from_iter([("model".to_owned(), Value::from(name(call)))]);
    let inference = call.body.get("inferenceConfig").unwrap_or(&Value::Null);
    for (theirs, ours) in [
        ("maxTokens", "max_tokens"),
        ("temperature", "temperature"),
        ("topP", "top_p"),
        ("stopSequences", "stop_sequences"),
    ] {
        if let Some(value) = set(inference, theirs) {
            body.insert(ours.to_owned(), value.clone());
        }
    }
    for key in ["thinking", "output_config", "top_k"] {
        if let Some(value) = call.extra(key) {
            body.insert(key.to_owned(), value.clone());
        }
    }
    // Served as another name for it.
    if let Some(config) = call.extra("reasoning_config") {
        body.insert("thinking".to_owned(), config.clone());
    }
    let choice = call.body.pointer("/toolConfig/toolChoice");
    let choice = choice.unwrap_or(&Value::Null);
    if choice.get("any").is_some() {
        body.insert("tool_choice".to_owned(), json!({"type": "any"}));
    } else if let Some(tool) = choice.get("tool") {
        let named = json!({"type": "tool", "name": text(tool, "name")});
        body.insert("tool_choice".to_owned(), named);
    }
    Value::Object(body)
}

/// A thought comes back with its signature, or not at all.
fn signed(call: &Call<'_>) -> Result<(), Refusal> {
    for (index, message) in list(call.body, "messages").iter().enumerate() {
        for (at, block) in list(message, "content").iter().enumerate() {
            let thought = block.pointer("/reasoningContent/reasoningText");
            if thought.is_some_and(|thought| text(thought, "signature").is_empty()) {
                return Err(model_refuses(&format!(
                    "messages.{index}.content.{at}.thinking.signature: Field required"
                )));
            }
        }
    }
    Ok(())
}

/// With a thinking budget, the assistant turn of the running tool loop starts with a thought.
fn thinking_first(call: &Call<'_>, translated: &Value) -> Result<(), Refusal> {
    let mode = translated
        .get("thinking")
        .map_or("", |config| text(config, "type"));
    let [.., asked, last] = list(call.body, "messages") else {
        return Ok(());
    };
    let has_results = list(last, "content")
        .iter()
        .any(|block| block.get("toolResult").is_some());
    let first = list(asked, "content").first();
    let thought = first.is_some_and(|block| block.get("reasoningContent").is_some());
    if mode == "enabled" && has_results && !thought {
        return Err(model_refuses(
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found \
             `tool_use`. When `thinking` is enabled, a final `assistant` message must start with \
             a thinking block",
        ));
    }
    Ok(())
}

/// No prefill where the model refuses it, no trailing white space elsewhere.
fn ending(call: &Call<'_>) -> Result<(), Refusal> {
    let last = list(call.body, "messages").last();
    let Some(last) = last.filter(|last| text(last, "role") == "assistant") else {
        return Ok(());
    };
    let words = list(last, "content")
        .last()
        .and_then(|block| set(block, "text"));
    let Some(words) = words.and_then(Value::as_str) else {
        return Ok(());
    };
    if anthropic::refuses_prefill(name(call)) {
        return Err(model_refuses(
            "This model does not support assistant message prefill. The conversation must end \
             with a user message.",
        ));
    }
    if words.ends_with(char::is_whitespace) {
        return Err(model_refuses(
            "messages: final assistant content cannot end with trailing whitespace",
        ));
    }
    Ok(())
}

/// Where schemas are enforced, their objects must be closed.
fn closed(call: &Call<'_>) -> Result<(), Refusal> {
    if !anthropic::takes_format(name(call)) {
        return Ok(());
    }
    let format = call
        .body
        .pointer("/outputConfig/textFormat/structure/jsonSchema/schema");
    let format = format.and_then(Value::as_str);
    let format: Option<Value> = format.and_then(|schema| serde_json::from_str(schema).ok());
    let tools = call
        .body
        .pointer("/toolConfig/tools")
        .and_then(Value::as_array);
    let strict = tools
        .into_iter()
        .flatten()
        .filter_map(|tool| tool.get("toolSpec"));
    let strict = strict
        .filter(|spec| spec.get("strict") == Some(&Value::Bool(true)))
        .filter_map(|spec| spec.pointer("/inputSchema/json"));
    if format.iter().chain(strict).all(is_closed) {
        return Ok(());
    }
    Err(model_refuses(
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be \
         explicitly set to false",
    ))
}

fn is_closed(schema: &Value) -> bool {
    let own = text(schema, "type") != "object"
        || schema.get("additionalProperties") == Some(&Value::Bool(false));
    let named = ["properties", "$defs"].iter().all(|key| {
        let members = schema.get(*key).and_then(Value::as_object);
        members
            .into_iter()
            .flatten()
            .all(|(_, inner)| is_closed(inner))
    });
    let listed = list(schema, "anyOf").iter().all(is_closed);
    own && named && listed && schema.get("items").is_none_or(is_closed)
}
