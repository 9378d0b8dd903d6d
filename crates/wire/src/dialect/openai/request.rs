//! Translates the hub's chat request into OpenAI's.

use serde_json::{Map, Value, json};

use super::edit::own_options;
use super::{content, policy, strip, vendor};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::chat::{ChatRequest, ResponseFormat, Tool, ToolChoice};
use crate::error::EncodeError;
use crate::json::set_member;
use crate::media::MediaStore;
use crate::names::{NameMap, NameRule};
use crate::options;

/// Translates a chat request.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let names = NameMap::new(tool_names(request), &NameRule::STRICT);
    let mut lost = Vec::new();
    let mut repairs = content::Repairs::default();
    let mut messages = content::messages(request, target, media, &names, &mut repairs)?;
    let fitted = strip::messages(&mut messages, target);
    fitted.check(target)?;
    lost.extend(fitted.dropped);
    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.clone().into());
    body.insert("messages".to_owned(), messages);
    let mut context = DecodeContext {
        model: target.model.clone(),
        stream: request.stream,
        think_tags: target.endpoint.profile.reasoning.tags,
        ..DecodeContext::default()
    };
    params(request, target, &mut body);
    tools(request, target, &names, &mut body, &mut context);
    lost.extend(lost_marks(request, target));
    lost.extend(unread(request, target, &mut body));
    let mut path = vendor::CHAT_PATH;
    if fitted.prefill {
        let (other, members) = vendor::prefill(target);
        path = other;
        for (key, value) in members {
            body.insert((*key).to_owned(), (*value).into());
        }
    }
    if let Some(tools) = body.get_mut("tools") {
        vendor::tools(tools, target, &mut lost);
    }
    let has_tools = !request.tools.is_empty();
    let says_json = request
        .messages
        .iter()
        .any(|message| policy::says_json(message.text().as_bytes()));
    let mut notes = policy::apply(&mut body, has_tools, || says_json, target)?;
    instruct(&mut body, &notes.instructions, target);
    context.schema_to_validate = notes.schema.take();
    context.stream_turned = notes.stream_turned;
    let (own, set) = own_options(Some(&request.provider_options), target);
    options::merge(&mut body, &own);
    lost.extend(set);
    context.names = names;
    notes.dropped.extend(lost);
    notes.changed.extend(fitted.changed);
    repairs.tell(&mut notes);
    notes.close(target)?;
    Ok(Encoded {
        dropped: notes.dropped,
        changed: notes.changed,
        ..Encoded::post(
            target.endpoint.openai_path(&target.model, path)?,
            Value::Object(body).to_string(),
            context,
        )
    })
}

/// Cache marks of the request and its tools that the target does not take; those of messages are
/// named where they are stripped.
fn lost_marks(request: &ChatRequest, target: &Target) -> Vec<String> {
    let marked = |tool: &Tool| matches!(tool, Tool::Function { cache_control, .. } if cache_control.is_some());
    let marks = [
        ("cache_control", request.cache_control.is_some()),
        ("tools[].cache_control", request.tools.iter().any(marked)),
    ];
    let lost = marks
        .into_iter()
        .filter(|(_, there)| *there && !target.capabilities.cache_control);
    lost.map(|(path, _)| path.to_owned()).collect()
}

/// Members that the hub does not know: another server may know what OpenAI does not, and its rules
/// say whether it does. Gives the paths of what can't be sent.
fn unread(request: &ChatRequest, target: &Target, body: &mut Map<String, Value>) -> Vec<String> {
    if target.endpoint.first_party {
        return request.unread.clone();
    }
    body.extend(request.unknown.clone());
    let lost = |name: &&String| !request.unknown.contains_key(*name);
    request.unread.iter().filter(lost).cloned().collect()
}

/// Puts instructions in front of the messages.
fn instruct(body: &mut Map<String, Value>, lines: &[String], target: &Target) {
    if lines.is_empty() {
        return;
    }
    if let Some(Value::Array(messages)) = body.get_mut("messages") {
        let text = Value::Array(messages.clone()).to_string();
        let role = super::edit::instruction_role(&text, target);
        messages.insert(0, json!({"role": role, "content": lines.join("\n")}));
    }
}

fn tool_names(request: &ChatRequest) -> impl Iterator<Item = &str> {
    let defined = request.tools.iter().filter_map(|tool| match tool {
        Tool::Function { name, .. } | Tool::Custom { name, .. } => Some(name.as_str()),
        Tool::Unknown { .. } => None,
    });
    let called = request
        .messages
        .iter()
        .flat_map(|message| message.tool_calls.iter().map(|call| call.name.as_str()));
    defined.chain(called)
}

fn params(request: &ChatRequest, target: &Target, body: &mut Map<String, Value>) {
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    if request.stream {
        set("stream", Some(true.into()));
        let mut options = Map::new();
        if request.stream_options.include_usage {
            options.insert("include_usage".to_owned(), true.into());
        }
        if let Some(pad) = request.stream_options.include_obfuscation {
            options.insert("include_obfuscation".to_owned(), pad.into());
        }
        set(
            "stream_options",
            (!options.is_empty()).then_some(options.into()),
        );
    }
    let new_name = target.endpoint.first_party || target.capabilities.max_completion_tokens;
    let limit = if new_name {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    set(limit, request.max_output_tokens.map(Value::from));
    set("temperature", request.temperature.map(Value::from));
    set("top_p", request.top_p.map(Value::from));
    set("top_k", request.top_k.map(Value::from));
    set("n", request.n.map(Value::from));
    set("seed", request.seed.map(Value::from));
    let stop = (!request.stop.is_empty()).then(|| json!(request.stop));
    set("stop", stop);
    set(
        "frequency_penalty",
        request.frequency_penalty.map(Value::from),
    );
    set(
        "presence_penalty",
        request.presence_penalty.map(Value::from),
    );
    set("logit_bias", request.logit_bias.clone().map(Value::from));
    set("logprobs", request.logprobs.map(Value::from));
    set("top_logprobs", request.top_logprobs.map(Value::from));
    set("user", request.user.clone().map(Value::from));
    set(
        "safety_identifier",
        request.safety_identifier.clone().map(Value::from),
    );
    set("metadata", request.metadata.clone().map(Value::from));
    let word = || Some(request.reasoning_effort?.as_str().into());
    let effort = request.effort_as_sent.clone().or_else(word);
    set("reasoning_effort", effort);
    set(
        "response_format",
        request.response_format.as_ref().map(response_format),
    );
    if target.capabilities.cache_control {
        let mark = request.cache_control.clone();
        set("cache_control", mark.map(|mark| mark.0.into()));
    }
    for (key, value) in &request.carried {
        set(key, Some(value.clone()));
    }
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => {
            let mut inner = Map::new();
            inner.insert("name".to_owned(), name.clone().into());
            if let Some(description) = description {
                inner.insert("description".to_owned(), description.clone().into());
            }
            inner.insert("schema".to_owned(), schema.clone());
            if let Some(strict) = strict {
                inner.insert("strict".to_owned(), (*strict).into());
            }
            json!({"type": "json_schema", "json_schema": inner})
        }
    }
}

fn tools(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    body: &mut Map<String, Value>,
    context: &mut DecodeContext,
) {
    let allowed = match &request.tool_choice {
        // Only OpenAI itself has `allowed_tools`: elsewhere the others are not sent.
        Some(ToolChoice::Allowed { names, .. }) if !target.endpoint.first_party => Some(names),
        _ => None,
    };
    let mut list = Vec::new();
    for tool in &request.tools {
        let name = match tool {
            Tool::Function { name, .. } | Tool::Custom { name, .. } => Some(name),
            Tool::Unknown { .. } => None,
        };
        if let (Some(allowed), Some(name)) = (allowed, name)
            && !allowed.contains(name)
        {
            continue;
        }
        list.push(self::tool(tool, target, names, context));
    }
    if !list.is_empty() {
        body.insert("tools".to_owned(), Value::Array(list));
    }
    if let Some(choice) = &request.tool_choice {
        body.insert(
            "tool_choice".to_owned(),
            tool_choice(choice, request, target, names),
        );
    }
    if let Some(parallel) = request.parallel_tool_calls {
        body.insert("parallel_tool_calls".to_owned(), parallel.into());
    }
}

fn tool(tool: &Tool, target: &Target, names: &NameMap, context: &mut DecodeContext) -> Value {
    let mut inner = Map::new();
    let mut insert = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            inner.insert(key.to_owned(), value);
        }
    };
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache_control,
        } => {
            insert("name", Some(names.to_wire(name).into()));
            insert("description", description.clone().map(Value::from));
            insert("parameters", parameters.clone());
            insert("strict", strict.map(Value::from));
            let mut out = json!({"type": "function", "function": inner});
            if let (true, Some(mark)) = (target.capabilities.cache_control, cache_control) {
                set_member(&mut out, "cache_control", mark.0.clone());
            }
            out
        }
        Tool::Custom {
            name,
            description,
            format,
        } if target.endpoint.first_party => {
            insert("name", Some(names.to_wire(name).into()));
            insert("description", description.clone().map(Value::from));
            insert("format", format.clone());
            json!({"type": "custom", "custom": inner})
        }
        Tool::Custom {
            name, description, ..
        } => {
            context.custom_tools.push(name.clone());
            insert("name", Some(names.to_wire(name).into()));
            insert("description", description.clone().map(Value::from));
            insert(
                "parameters",
                Some(json!({
                    "type": "object",
                    "properties": {"input": {"type": "string"}},
                    "required": ["input"],
                })),
            );
            json!({"type": "function", "function": inner})
        }
        Tool::Unknown { value, .. } => value.clone(),
    }
}

fn tool_choice(
    choice: &ToolChoice,
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
) -> Value {
    let entry = |name: &String| {
        let custom = target.endpoint.first_party
            && request
                .tools
                .iter()
                .any(|tool| matches!(tool, Tool::Custom { name: other, .. } if other == name));
        let kind = if custom { "custom" } else { "function" };
        let mut out = Map::new();
        out.insert("type".to_owned(), kind.into());
        out.insert(kind.to_owned(), json!({ "name": names.to_wire(name) }));
        Value::Object(out)
    };
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => entry(name),
        ToolChoice::Allowed {
            names: allowed,
            required,
        } => {
            let mode = if *required { "required" } else { "auto" };
            if !target.endpoint.first_party {
                return mode.into();
            }
            let tools: Vec<Value> = allowed.iter().map(entry).collect();
            json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}})
        }
    }
}

#[cfg(test)]
mod tests;
