//! Messages of a chat request.

use serde_json::{Value, json};

use super::fields::{Fields, invalid_type, invalid_value, missing};
use super::parts;
use crate::chat::{BlockSpan, Message, Part, ProviderBlock, Role, ToolCall};
use crate::classify::synthetic_call_id;
use crate::error::ParseError;

/// Reads the messages in order.
pub(super) fn parse(
    items: Vec<Value>,
    unread: &mut Vec<String>,
) -> Result<Vec<Message>, ParseError> {
    let mut messages: Vec<Message> = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let mut fields = Fields::of(item, format!("messages[{at}]"))?;
        let mut message = message(&mut fields, at, &messages, unread)?;
        message.cache_control = fields.cache_mark()?;
        fields.rest(unread);
        messages.push(message);
    }
    Ok(messages)
}

fn message(
    fields: &mut Fields,
    at: usize,
    before: &[Message],
    unread: &mut Vec<String>,
) -> Result<Message, ParseError> {
    let word = fields.required_string("role", "Say who speaks: `user`, `assistant`, …")?;
    let role = match word.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        other => {
            return Err(invalid_value(
                &fields.path_of("role"),
                &format!(
                    "`{other}` is no role. Send `system`, `developer`, `user`, `assistant` or \
                     `tool`."
                ),
            ));
        }
    };
    let mut message = Message::new(role);
    let mut content = fields.take("content");
    if role == Role::Assistant {
        message.reasoning = content.as_mut().and_then(parts::take_thinking);
    }
    let content_path = fields.path_of("content");
    // Assistants may say nothing beside calls, and tools may return nothing.
    if content.is_none() && matches!(role, Role::System | Role::Developer | Role::User) {
        return Err(missing(
            &content_path,
            "Send a string or a list of content parts.",
        ));
    }
    message.parts = parts::content(content, &content_path, unread)?;
    message.name = fields.string("name")?;
    match role {
        Role::Assistant => assistant(fields, at, &mut message, unread)?,
        Role::Tool if word == "function" => {
            let name = message
                .name
                .clone()
                .ok_or_else(|| missing(&fields.path_of("name"), "Name the function."))?;
            message.tool_call_id = legacy_call_id(before, &name);
        }
        Role::Tool => {
            let id = fields.required_string(
                "tool_call_id",
                "Send the `id` of the tool call that this message answers.",
            )?;
            message.tool_call_id = Some(id);
            message.is_error = fields.boolean("is_error")?.unwrap_or(false);
        }
        Role::System | Role::Developer | Role::User => {}
    }
    Ok(message)
}

/// The id given to the latest legacy call of that function.
fn legacy_call_id(before: &[Message], name: &str) -> Option<String> {
    before
        .iter()
        .rev()
        .flat_map(|message| message.tool_calls.iter().rev())
        .find(|call| call.name == name)
        .map(|call| call.id.clone())
}

fn assistant(
    fields: &mut Fields,
    at: usize,
    message: &mut Message,
    unread: &mut Vec<String>,
) -> Result<(), ParseError> {
    if let Some(text) = fields.string("refusal")?.filter(|text| !text.is_empty()) {
        message.parts.push(Part::Refusal { text });
    }
    let reasoning = fields.string("reasoning_content")?;
    let alias = fields.string("reasoning")?;
    // An empty `reasoning_content` is meant: some providers want it sent back so (case 25).
    message.reasoning = reasoning.or(alias).or(message.reasoning.take());
    message.blocks = provider_blocks(fields)?;
    let text_chars = message.text().chars().count();
    for (call_at, item) in fields
        .list("tool_calls")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let path = fields.path_of(&format!("tool_calls[{call_at}]"));
        let mut call = Fields::of(item, path)?;
        let (parsed, signature) = tool_call(&mut call)?;
        message.tool_calls.push(parsed);
        if let Some(signature) = signature {
            let index = u32::try_from(message.blocks.len()).unwrap_or(u32::MAX);
            let held = message.blocks.iter().any(|block| {
                block.issuer == "gemini" && block.span.calls == call_at && block.span.call_len == 1
            });
            if !held {
                message.blocks.push(ProviderBlock {
                    index,
                    issuer: "gemini".to_owned(),
                    model: String::new(),
                    span: BlockSpan {
                        text: text_chars,
                        text_len: 0,
                        calls: call_at,
                        call_len: 1,
                    },
                    block: json!({ "thoughtSignature": signature }),
                });
            }
        }
        call.rest(unread);
    }
    if let Some(mut call) = fields.object("function_call")? {
        let name = call.required_string("name", "Name the function that was called.")?;
        let arguments = arguments(&mut call, "arguments");
        message.tool_calls.push(ToolCall {
            id: synthetic_call_id("function_call", u32::try_from(at).unwrap_or(u32::MAX), 0),
            name,
            arguments,
            custom: false,
        });
        call.rest(unread);
    }
    Ok(())
}

/// One entry of `tool_calls`, and the Gemini signature that it may carry.
fn tool_call(call: &mut Fields) -> Result<(ToolCall, Option<String>), ParseError> {
    let id = call.required_string("id", "Send the `id` as the model gave it.")?;
    // Streaming clients send the position back as well.
    call.take("index");
    let kind = call.string("type")?;
    let custom = kind.as_deref() == Some("custom");
    let (key, text_key) = if custom {
        ("custom", "input")
    } else {
        ("function", "arguments")
    };
    let path = call.path_of(key);
    if let Some(kind) = kind.filter(|kind| kind != "custom" && kind != "function") {
        return Err(invalid_value(
            &call.path_of("type"),
            &format!("`{kind}` is no tool call type. Send `function` or `custom`."),
        ));
    }
    let mut function = call
        .object(key)?
        .ok_or_else(|| missing(&path, "Send the called tool's name and input."))?;
    let name = function.required_string("name", "Name the tool that was called.")?;
    let arguments = arguments(&mut function, text_key);
    let mut signature = None;
    if let Some(mut extra) = call.object("extra_content")?
        && let Some(mut google) = extra.object("google")?
    {
        signature = google.string("thought_signature")?;
    }
    let call = ToolCall {
        id,
        name,
        arguments,
        custom,
    };
    Ok((call, signature))
}

/// Argument text; an object in its place is written as text.
fn arguments(fields: &mut Fields, key: &str) -> String {
    match fields.take(key) {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    }
}

/// `provider_blocks` as we gave them; else `thinking_blocks` and `reasoning_details` as other
/// gateways give them.
fn provider_blocks(fields: &mut Fields) -> Result<Vec<ProviderBlock>, ParseError> {
    let mut blocks = Vec::new();
    let path = fields.path_of("provider_blocks");
    for (at, item) in fields
        .list("provider_blocks")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let block: ProviderBlock = serde_json::from_value(item).map_err(|error| {
            invalid_value(
                &format!("{path}[{at}]"),
                &format!("This block is not as it was sent ({error}). Send it back unchanged."),
            )
        })?;
        blocks.push(block);
    }
    let thinking = fields.list("thinking_blocks")?.unwrap_or_default();
    let thinking_path = fields.path_of("thinking_blocks");
    let details = fields.list("reasoning_details")?.unwrap_or_default();
    if !blocks.iter().any(|block| block.issuer == "anthropic") {
        for (at, block) in thinking.into_iter().enumerate() {
            if !block.is_object() {
                return Err(invalid_type(&format!("{thinking_path}[{at}]"), "an object"));
            }
            push(&mut blocks, "anthropic", block);
        }
    }
    if !details.is_empty() && !blocks.iter().any(|block| block.issuer == "openai") {
        push(
            &mut blocks,
            "openai",
            json!({ "reasoning_details": details }),
        );
    }
    Ok(blocks)
}

/// Appends a block that stood before the text.
fn push(blocks: &mut Vec<ProviderBlock>, issuer: &str, block: Value) {
    blocks.push(ProviderBlock {
        index: u32::try_from(blocks.len()).unwrap_or(u32::MAX),
        issuer: issuer.to_owned(),
        model: String::new(),
        span: BlockSpan::default(),
        block,
    });
}
