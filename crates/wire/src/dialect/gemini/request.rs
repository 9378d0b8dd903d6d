//! The chat request as a `GenerateContentRequest`.

use serde_json::{Map, Value, json};

use super::contents::{self, Context};
use super::read::member;
use super::{config, format, merge, path, thinking, tools};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::notes::{NO_EQUIVALENT, Notes, unsupported};

/// Translates a chat request.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let path = method_path(request, target)?;
    let names = tools::names(request);
    let mut tools = tools::encode(request, target, &names, &mut notes)?;
    let has_tools = !tools.functions.is_empty();
    let shape = format::encode(
        request.response_format.as_ref(),
        has_tools,
        target,
        &mut notes,
    )?;
    let is_emulated = shape.instruction.is_some() || shape.tool.is_some();
    let context = Context::new(request, target, media, &names);
    let mut conversation = contents::encode(request, &context, &mut notes)?;
    let mut generation = config::encode(request, target, &mut notes)?;
    generation.extend(shape.config);
    if let Some(thinking) = thinking::encode(request, target, &mut notes)? {
        generation.insert("thinkingConfig".into(), thinking);
    }
    let schema_tool = shape.tool.map(|(name, declaration)| {
        tools.functions.push(declaration);
        tools.calling = Some(json!({"mode": "ANY", "allowedFunctionNames": [name.clone()]}));
        name
    });
    conversation.system.extend(
        [tools.instruction.take(), shape.instruction]
            .into_iter()
            .flatten(),
    );

    let options = merge::options(&request.provider_options, target);
    let is_cached = options
        .iter()
        .any(|options| member(options, "cachedContent").is_some());
    if is_cached {
        if is_emulated {
            return Err(unsupported(
                "response_format",
                "This model needs an instruction or a tool for this format, which can't be sent \
                 with `cachedContent`.",
            ));
        }
        leave_to_cache(&mut conversation.system, &mut tools, &mut notes)?;
    }
    let mut body = assemble(conversation, tools, generation, target);
    let mut headers = Vec::new();
    let beside = config::top_level(request, target, &mut headers, &mut notes)?;
    body.extend(beside);
    for options in &options {
        merge::into(&mut body, options);
    }
    thinking::settle(&mut body, &options);
    config::leave_out(request, &mut notes)?;
    let encoded = Encoded::post(
        path,
        Value::Object(body).to_string(),
        DecodeContext {
            model: target.model.clone(),
            custom_tools: custom_tools(request),
            schema_tool,
            schema_to_validate: shape.validate,
            stream: request.stream,
            names,
            ..DecodeContext::default()
        },
    );
    Ok(Encoded {
        headers,
        ..encoded.noted(notes)
    })
}

fn method_path(request: &ChatRequest, target: &Target) -> Result<String, EncodeError> {
    let (method, query) = if request.stream {
        ("streamGenerateContent", "?alt=sse")
    } else {
        ("generateContent", "")
    };
    Ok(path::of_model(&target.endpoint, &target.model, method)? + query)
}

fn assemble(
    conversation: contents::Conversation,
    tools: tools::Tools,
    generation: Map<String, Value>,
    target: &Target,
) -> Map<String, Value> {
    let mut body = Map::new();
    if !conversation.system.is_empty() {
        let parts: Vec<Value> = conversation
            .system
            .iter()
            .map(|text| json!({ "text": text }))
            .collect();
        body.insert("systemInstruction".into(), json!({ "parts": parts }));
    }
    body.insert("contents".into(), conversation.contents.into());
    let mut list = Vec::new();
    let mixes = !tools.functions.is_empty() && !tools.hosted.is_empty();
    if !tools.functions.is_empty() {
        list.push(json!({"functionDeclarations": tools.functions}));
    }
    list.extend(tools.hosted);
    if !list.is_empty() {
        body.insert("tools".into(), list.into());
    }
    let mut config = Map::new();
    if let Some(calling) = tools.calling {
        config.insert("functionCallingConfig".into(), calling);
    }
    if mixes && tools::mixes_hosted(target) {
        config.insert("includeServerSideToolInvocations".into(), true.into());
    }
    if !config.is_empty() {
        body.insert("toolConfig".into(), config.into());
    }
    if !generation.is_empty() {
        body.insert("generationConfig".into(), generation.into());
    }
    body
}

/// A cached content holds system instruction and tools, and the API refuses them beside it.
fn leave_to_cache(
    system: &mut Vec<String>,
    tools: &mut tools::Tools,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    if !system.is_empty() {
        notes.drop("messages[].role=system", NO_EQUIVALENT)?;
        system.clear();
    }
    if !tools.functions.is_empty() || !tools.hosted.is_empty() {
        notes.drop("tools", NO_EQUIVALENT)?;
    }
    if tools.calling.is_some() {
        notes.drop("tool_choice", NO_EQUIVALENT)?;
    }
    *tools = tools::Tools::default();
    Ok(())
}

fn custom_tools(request: &ChatRequest) -> Vec<String> {
    let name = |tool: &crate::chat::Tool| match tool {
        crate::chat::Tool::Custom { name, .. } => Some(name.clone()),
        crate::chat::Tool::Function { .. } | crate::chat::Tool::Unknown { .. } => None,
    };
    request.tools.iter().filter_map(name).collect()
}
