//! Encodes a chat request as a Responses request (wire-protocols §3.3).

use serde_json::{Map, Value, json};

use super::content::Context;
use super::{format, input, params, tools};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::capability::{Reasoning, SystemRole};
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::notes::Notes;
use crate::surface::RESPONSES_PATH;

/// Asks for reasoning in the form that can be sent back without the provider storing anything.
const ENCRYPTED: &str = "reasoning.encrypted_content";

/// Chat members that a caller may have put into `provider_options` for this provider before its
/// requests went to the Responses API, and where they belong there.
const RENAMED: [(&str, &[&str]); 4] = [
    ("max_completion_tokens", &["max_output_tokens"]),
    ("max_tokens", &["max_output_tokens"]),
    ("reasoning_effort", &["reasoning", "effort"]),
    ("verbosity", &["text", "verbosity"]),
];

/// Translates a request to `POST /responses`.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    params::without_equivalent(request, &mut notes)?;
    let names = tools::names(request);
    let context = Context { target, media };
    let mut items = input::items(request, context, &names, &mut notes)?;
    let tools = tools::plan(request, target, &names, &mut notes)?;
    let format = format::plan(request, target, &mut notes)?;
    let lines: Vec<&str> = [tools.instruction.as_deref(), format.instruction.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    if !lines.is_empty() {
        let role = instruction_role(&items, target);
        items.insert(0, json!({"role": role, "content": lines.join("\n")}));
    }

    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.as_str().into());
    body.insert("input".to_owned(), items.into());
    let mut include = Vec::new();
    if target.capabilities.reasoning != Reasoning::None {
        include.push(ENCRYPTED);
    }
    params::put(request, target, &mut body, &mut include, &mut notes)?;
    tools.put(&mut body);
    let text = format.text;
    if !text.is_empty() {
        body.insert("text".to_owned(), text.into());
    }
    if !include.is_empty() {
        body.insert("include".to_owned(), json!(include));
    }
    if request.stream {
        body.insert("stream".to_owned(), true.into());
    }
    options(request, target, &mut body, &mut notes)?;
    Ok(Encoded::post(
        target.endpoint.openai_path(&target.model, RESPONSES_PATH)?,
        Value::Object(body).to_string(),
        DecodeContext {
            provider: target.endpoint.provider.clone(),
            model: target.model.clone(),
            names,
            custom_tools: tools.wrapped,
            schema_to_validate: format.validate,
            stream: request.stream,
            ..DecodeContext::default()
        },
    )
    .noted(notes))
}

/// The role of an added instruction: `system` and `developer` are better not mixed.
fn instruction_role(items: &[Value], target: &Target) -> &'static str {
    let speaks = |item: &Value| item.get("role").and_then(Value::as_str) == Some("developer");
    match target.capabilities.system_role {
        SystemRole::User => "user",
        SystemRole::Developer if items.iter().any(speaks) => "developer",
        SystemRole::System | SystemRole::Developer => "system",
    }
}

/// Merges the caller's own members for this provider. Model and streaming are not theirs to change
/// here: the one is a matter of rights, the other of how the answer is read.
fn options(
    request: &ChatRequest,
    target: &Target,
    body: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let provider = target.endpoint.provider.as_str();
    let mut names = vec!["openai", "responses"];
    if !names.contains(&provider) {
        names.push(provider);
    }
    for name in names {
        let Some(Value::Object(own)) = request.provider_options.get(name) else {
            continue;
        };
        for (key, value) in own {
            let field = format!("provider_options.{name}.{key}");
            if key == "model" || key == "stream" {
                notes.drop(&field, "it is set by the request itself")?;
            } else if params::CHAT_ONLY.contains(&key.as_str()) {
                notes.drop(&field, "the Responses API has no such parameter")?;
            } else {
                let renamed = RENAMED.iter().find(|(chat, _)| chat == key);
                let mut member = value.clone();
                let path = renamed.map_or(&[][..], |(_, path)| path);
                for key in path.iter().skip(1).rev() {
                    member = json!({ *key: member });
                }
                let key = path.first().map_or(key.as_str(), |key| key);
                merge(body, key, member);
            }
        }
    }
    Ok(())
}

/// Deep merge: objects member by member, `tools` and `include` appended, anything else replaced.
fn merge(into: &mut Map<String, Value>, key: &str, value: Value) {
    match (into.get_mut(key), value) {
        (Some(Value::Object(known)), Value::Object(more)) => {
            for (key, value) in more {
                merge(known, &key, value);
            }
        }
        (Some(Value::Array(list)), Value::Array(more)) if matches!(key, "tools" | "include") => {
            for entry in more {
                if !list.contains(&entry) {
                    list.push(entry);
                }
            }
        }
        (_, value) => {
            into.insert(key.to_owned(), value);
        }
    }
}
