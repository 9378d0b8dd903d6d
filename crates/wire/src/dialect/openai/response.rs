//! Reads whole OpenAI-shaped answers into the hub.

use serde_json::{Map, Value};

use super::sources::Marks;
use super::{errors, usage};
use crate::adapter::DecodeContext;
use crate::chat::{
    Annotation, AssistantMessage, BlockSpan, ChatResponse, Choice, FinishReason, Fold,
    ProviderBlock, StreamDecoder as _, ToolCall,
};
use crate::classify::synthetic_call_id;
use crate::custom_tools::unwrap_input;
pub(super) use crate::dialect::openai_shared::{
    is_empty, malformed, malformed_body, present, take_list, take_seconds, take_text,
};
use crate::error::{ErrorKind, UpstreamError};
use crate::think_tags;

/// Reads a body with status 2xx.
pub(super) fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    // DeepSeek opens bodies with blank lines while it queues.
    let trimmed = body.trim_ascii_start();
    if [&b"data:"[..], b"event:", b":"]
        .iter()
        .any(|head| trimmed.starts_with(head))
    {
        return from_stream(trimmed, context);
    }
    let value: Value = serde_json::from_slice(trimmed).map_err(|_| malformed_body(trimmed))?;
    from_value(value, context)
}

/// A stream that came where a whole answer was due.
fn from_stream(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    let mut decoder = super::stream::Decoder::new(context);
    let mut events = Vec::new();
    decoder.push(body, &mut events);
    decoder.finish(&mut events);
    Fold::of(events).finish()
}

pub(super) fn from_value(
    value: Value,
    context: &DecodeContext,
) -> Result<ChatResponse, UpstreamError> {
    let suspicious = value.get("choices").is_none_or(Value::is_null)
        || value.get("error").is_some_and(|error| !error.is_null());
    if suspicious && let Some(error) = errors::in_band(&value) {
        return Err(error);
    }
    let Value::Object(mut top) = value else {
        return Err(malformed("the provider's answer is no JSON object"));
    };
    let Some(Value::Array(choices)) = top.remove("choices") else {
        return Err(malformed("the provider's answer has no choices"));
    };
    if choices.is_empty() {
        return Err(malformed("the provider's answer has no choices"));
    }
    let mut response = ChatResponse {
        id: take_text(&mut top, "id").unwrap_or_default(),
        created: take_seconds(&mut top, "created"),
        model: take_text(&mut top, "model").unwrap_or_default(),
        service_tier: take_text(&mut top, "service_tier"),
        system_fingerprint: take_text(&mut top, "system_fingerprint"),
        ..ChatResponse::default()
    };
    response.usage = top
        .remove("usage")
        .as_ref()
        .and_then(usage::read)
        .or_else(|| usage::read(top.get("x_groq")?.get("usage")?));
    top.remove("object");
    response.metadata = present(top);
    for (at, item) in choices.into_iter().enumerate() {
        let mut choice = choice(item, at, context)?;
        if choice.message.annotations.is_empty() {
            let mut marks = Marks::default();
            marks.push(&choice.message.text);
            choice.message.annotations = marks.annotations(&response.metadata);
        }
        response.choices.push(choice);
    }
    Ok(response)
}

fn choice(item: Value, at: usize, context: &DecodeContext) -> Result<Choice, UpstreamError> {
    let Value::Object(mut fields) = item else {
        return Err(malformed("a choice of the provider's answer is no object"));
    };
    let index = fields
        .remove("index")
        .and_then(|index| u32::try_from(index.as_u64()?).ok())
        .unwrap_or(u32::try_from(at).unwrap_or(u32::MAX));
    let word = take_text(&mut fields, "finish_reason");
    let details = fields
        .get("finish_details")
        .and_then(|details| details.get("type"));
    let native = word.or_else(|| details.and_then(Value::as_str).map(ToOwned::to_owned));
    let mut choice = Choice {
        index,
        logprobs: fields.remove("logprobs").filter(|value| !value.is_null()),
        ..Choice::default()
    };
    // Azure's filtered choice has no message at all (case 55).
    if let Some(Value::Object(message)) = fields.remove("message") {
        choice.message = self::message(message, index, context);
    }
    let reason = finish_reason(native.as_deref(), !choice.message.tool_calls.is_empty());
    if reason == FinishReason::Error && says_nothing(&choice.message) {
        return Err(failed(native.as_deref()));
    }
    choice.finish_reason = Some(reason);
    choice.native_finish_reason = native.filter(|word| !word.is_empty());
    // Perplexity leaves an empty `delta` beside the message.
    fields.remove("delta");
    choice.metadata = present(fields);
    Ok(choice)
}

/// The failure that a finish of `error` without any output is.
pub(super) fn failed(native: Option<&str>) -> UpstreamError {
    let mut error = UpstreamError::new(
        ErrorKind::ServerError,
        "the model ended in an error before it said anything",
    );
    error.code = native.map(ToOwned::to_owned);
    error
}

fn says_nothing(message: &AssistantMessage) -> bool {
    message.text.is_empty() && message.tool_calls.is_empty() && message.refusal.is_none()
}

fn message(
    mut fields: Map<String, Value>,
    choice: u32,
    context: &DecodeContext,
) -> AssistantMessage {
    let mut message = AssistantMessage::default();
    fields.remove("role");
    let reasoning = [
        take_text(&mut fields, "reasoning_content"),
        take_text(&mut fields, "reasoning"),
    ];
    message.reasoning = reasoning
        .into_iter()
        .flatten()
        .find(|text| !text.is_empty())
        .unwrap_or_default();
    if let Some(details) = fields
        .remove("reasoning_details")
        .filter(|value| !is_empty(value))
    {
        message.blocks.push(details_block(details, context, 0));
    }
    match fields.remove("content") {
        Some(Value::String(text)) => message.text = text,
        Some(Value::Array(parts)) => {
            for part in parts {
                content_part(part, &mut message, context);
            }
        }
        _ => {}
    }
    let text = std::mem::take(&mut message.text);
    let (thought, text) = think_tags::split(context.think_tags, text);
    message.reasoning.push_str(&thought);
    message.text = text;
    message.refusal = take_text(&mut fields, "refusal").filter(|text| !text.is_empty());
    for item in take_list(&mut fields, "annotations") {
        message.annotations.push(annotation(item));
    }
    message.audio = fields.remove("audio").filter(has_audio);
    message.images = take_list(&mut fields, "images");
    for item in take_list(&mut fields, "tool_calls") {
        let call = u32::try_from(message.tool_calls.len()).unwrap_or(u32::MAX);
        let fallback = synthetic_call_id(&context.id_seed, choice, call);
        if let Some(call) = tool_call(item, fallback, context) {
            message.tool_calls.push(call);
        }
    }
    if let Some(function) = fields.remove("function_call")
        && function
            .get("name")
            .and_then(Value::as_str)
            .is_some_and(|name| !name.is_empty())
    {
        let fallback = synthetic_call_id(&context.id_seed, choice, 0);
        let wrapped = serde_json::json!({ "function": function });
        message
            .tool_calls
            .extend(tool_call(wrapped, fallback, context));
    }
    message.metadata = present(fields);
    message
}

/// One part of a content list: Mistral's thinking, text, or something to keep as it is.
fn content_part(part: Value, message: &mut AssistantMessage, context: &DecodeContext) {
    match part_of(&part) {
        PartKind::Text(text) => message.text.push_str(text),
        PartKind::Thinking(text) => message.reasoning.push_str(&text),
        PartKind::Other => {
            let mut block = details_block(Value::Null, context, message.blocks.len());
            block.span.text = message.text.chars().count();
            block.block = part;
            message.blocks.push(block);
        }
    }
}

/// What a part of a content list is.
pub(super) enum PartKind<'a> {
    Text(&'a str),
    Thinking(String),
    Other,
}

pub(super) fn part_of(part: &Value) -> PartKind<'_> {
    let text = |part: &Value| {
        part.get("text")
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    match part.get("type").and_then(Value::as_str) {
        Some("text") => match part.get("text").and_then(Value::as_str) {
            Some(text) => PartKind::Text(text),
            None => PartKind::Other,
        },
        Some("thinking") => match part.get("thinking") {
            Some(Value::String(text)) => PartKind::Thinking(text.clone()),
            Some(Value::Array(items)) => {
                PartKind::Thinking(items.iter().filter_map(text).collect())
            }
            _ => PartKind::Other,
        },
        _ => PartKind::Other,
    }
}

/// OpenRouter's reasoning state, kept to be sent back unmodified.
pub(super) fn details_block(
    details: Value,
    context: &DecodeContext,
    index: usize,
) -> ProviderBlock {
    ProviderBlock {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        issuer: "openai".to_owned(),
        model: context.model.clone(),
        span: BlockSpan::default(),
        block: serde_json::json!({ "reasoning_details": details }),
    }
}

pub(super) fn annotation(native: Value) -> Annotation {
    let text = |path: &str| {
        native
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let index = |path: &str| {
        native
            .pointer(path)
            .and_then(Value::as_u64)
            .and_then(|index| usize::try_from(index).ok())
            .unwrap_or(0)
    };
    Annotation {
        url: text("/url_citation/url"),
        title: text("/url_citation/title"),
        start_index: index("/url_citation/start_index"),
        end_index: index("/url_citation/end_index"),
        native,
    }
}

fn tool_call(item: Value, fallback_id: String, context: &DecodeContext) -> Option<ToolCall> {
    let Value::Object(mut fields) = item else {
        return None;
    };
    let id = take_text(&mut fields, "id").filter(|id| is_own_id(id));
    let (inner, key, mut custom) = match (fields.remove("custom"), fields.remove("function")) {
        (Some(Value::Object(custom)), _) if is_named(&custom) => (custom, "input", true),
        (_, Some(Value::Object(function))) => (function, "arguments", false),
        _ => return None,
    };
    let mut inner = inner;
    let wire_name = take_text(&mut inner, "name").unwrap_or_default();
    let name = context.names.to_caller(&wire_name).to_owned();
    let mut arguments = match inner.remove(key) {
        Some(Value::String(text)) => text,
        None | Some(Value::Null) => String::new(),
        // Ollama's own shape has an object where text is due.
        Some(other) => other.to_string(),
    };
    if context.custom_tools.contains(&name) {
        arguments = unwrap_input(&arguments);
        custom = true;
    } else if arguments.is_empty() && !custom {
        "{}".clone_into(&mut arguments);
    }
    Some(ToolCall {
        id: id.unwrap_or(fallback_id),
        name,
        arguments,
        custom,
    })
}

/// Whether an id tells a call from others: what Gemini's OpenAI layer (`""`), xAI's old chat (`"0"`)
/// and Mistral's SDKs (`"null"`) put there does not (wire-protocols §7, §15).
pub(super) fn is_own_id(id: &str) -> bool {
    !matches!(id, "" | "0" | "null")
}

/// Snowflake puts an empty `custom` beside every function call.
pub(super) fn is_named(call: &Map<String, Value>) -> bool {
    call.get("name")
        .and_then(Value::as_str)
        .is_some_and(|name| !name.is_empty())
}

/// OpenAI's word for why a choice ended; calls decide over the provider's word, but for a limit or
/// a filter (wire-protocols §11.1).
pub(super) fn finish_reason(word: Option<&str>, has_calls: bool) -> FinishReason {
    match word.unwrap_or_default() {
        "length" | "model_length" | "max_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::ContentFilter,
        "error" | "insufficient_system_resource" if !has_calls => FinishReason::Error,
        _ if has_calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// Snowflake fills unused members with zero values.
pub(super) fn has_audio(audio: &Value) -> bool {
    audio.as_object().is_some_and(|audio| {
        audio
            .values()
            .any(|value| !value.is_null() && value.as_str() != Some(""))
    })
}

#[cfg(test)]
mod tests;
