//! Encodes a chat request as v1.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::super::content::Context;
use super::super::tools::{self, Tools};
use super::super::{ISSUER, format, params};
use super::history::{self, Conversation};
use super::{VERSION, definitions, document, limited};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::names::NameMap;
use crate::notes::Notes;
use crate::options;

/// Members of a body that the request itself sets.
const SET: [&str; 6] = [
    "model",
    "stream",
    "message",
    "preamble",
    "chat_history",
    "tool_results",
];

/// Translates a request to `POST /v1/chat`.
pub(in super::super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let target = &limited(target);
    let mut notes = Notes::new(target.policy.strict_params);
    let mut own = options::members(&request.provider_options, ISSUER, target, &SET, &mut notes)?;
    params::without_equivalent(request, &mut notes)?;
    let names = tools::names(request);
    let context = Context { target, media };
    let mut conversation = history::build(request, context, &names, &mut notes)?;
    // The caller's own documents stand behind those that were files of its messages.
    if let Some(Value::Array(more)) = own.shift_remove("documents") {
        conversation.documents.extend(more.iter().map(document));
    }
    let tools = tools::plan(request, target, &names, &mut notes)?;
    if tools.strict {
        notes.drop(
            "tools[].function.strict",
            "the v1 API enforces no schemas of tools",
        )?;
    }
    let has_tools = !tools.list.is_empty() || own.contains_key("tools");
    let beside = format::Beside {
        tools: has_tools || conversation.has_results(),
        forced_call: false,
        documents: !conversation.documents.is_empty() || own.contains_key("connectors"),
    };
    let format = format::plan(request, target, beside, &mut notes)?;
    for line in [&tools.instruction, &format.instruction]
        .into_iter()
        .flatten()
    {
        conversation.instruct(line);
    }
    conversation.settle_end(target.policy.rewrite_prefill, &mut notes)?;
    let defined = defined(request, &tools, has_tools, &conversation, &names)?;

    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.as_str().into());
    if request.stream {
        body.insert("stream".to_owned(), true.into());
    }
    let documents = std::mem::take(&mut conversation.documents);
    conversation.write(&mut body, &mut notes);
    if !documents.is_empty() {
        body.insert("documents".to_owned(), documents.into());
    }
    if !defined.is_empty() {
        body.insert("tools".to_owned(), defined.into());
    }
    if let Some(format) = format.native {
        body.insert("response_format".to_owned(), renamed(format));
    }
    params::thinking_and_limit(request, &own, target, &mut body, &mut notes)?;
    params::sampling(request, target, &mut body, &mut notes)?;
    options::merge(&mut body, &own);
    let (dropped, changed) = notes.finish();
    Ok(Encoded {
        get: false,
        path: "/v1/chat".to_owned(),
        headers: Vec::new(),
        body: Bytes::from(Value::Object(body).to_string()),
        dropped,
        changed,
        context: DecodeContext {
            model: target.model.clone(),
            api_version: Some(VERSION.to_owned()),
            names,
            custom_tools: tools.custom,
            schema_to_validate: format.validate,
            stream: request.stream,
            ..DecodeContext::default()
        },
    })
}

/// The wire's `tools`: those that are offered, or those whose results are to be answered. "When using
/// `tool_results`, `tools` must be passed as well."
fn defined(
    request: &ChatRequest,
    tools: &Tools,
    has_tools: bool,
    conversation: &Conversation,
    names: &NameMap,
) -> Result<Vec<Value>, EncodeError> {
    if !has_tools {
        let answered = conversation.answered_tools().into_iter();
        return Ok(answered.map(definitions::retired).collect());
    }
    let define = |tool: &Value| {
        let at = tools::place_of(request, tool, names);
        definitions::definition(tool, &at)
    };
    tools.list.iter().map(define).collect()
}

/// A format with the name that its schema has in v1.
fn renamed(mut format: Value) -> Value {
    if let Some(members) = format.as_object_mut()
        && let Some(schema) = members.shift_remove("json_schema")
    {
        members.insert("schema".to_owned(), schema);
    }
    format
}
