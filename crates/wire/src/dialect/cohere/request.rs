//! Encodes a chat request.

use serde_json::{Map, Value};

use super::content::Context;
use super::{ISSUER, format, messages, params, tools};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::notes::Notes;
use crate::options;

/// Members of a body that the request itself sets.
const SET: [&str; 3] = ["model", "stream", "messages"];

/// Translates a request to `POST /v2/chat`.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let mut own = options::members(&request.provider_options, ISSUER, target, &SET, &mut notes)?;
    params::without_equivalent(request, &mut notes)?;
    let names = tools::names(request);
    let context = Context { target, media };
    let mut conversation = messages::build(request, context, &names, &mut notes)?;
    // The caller's own documents stand behind those that were files of its messages.
    if let Some(Value::Array(more)) = own.shift_remove("documents") {
        conversation.documents.extend(more);
    }
    let tools = tools::plan(request, target, &names, &mut notes)?;
    let has_tools = !tools.list.is_empty() || own.contains_key("tools");
    let beside = format::Beside {
        tools: has_tools,
        forced_call: tools.choice == Some("REQUIRED"),
        documents: !conversation.documents.is_empty(),
    };
    let format = format::plan(request, target, beside, &mut notes)?;
    for line in [&tools.instruction, &format.instruction]
        .into_iter()
        .flatten()
    {
        conversation.instruct(line);
    }
    conversation.settle_end(target.policy.rewrite_prefill, &mut notes)?;

    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.as_str().into());
    if request.stream {
        body.insert("stream".to_owned(), true.into());
    }
    body.insert("messages".to_owned(), conversation.messages.into());
    if !conversation.documents.is_empty() {
        body.insert("documents".to_owned(), conversation.documents.into());
    }
    if !tools.list.is_empty() {
        body.insert("tools".to_owned(), tools.list.into());
    }
    if tools.strict {
        body.insert("strict_tools".to_owned(), true.into());
    }
    if let Some(choice) = tools.choice {
        body.insert("tool_choice".to_owned(), choice.into());
    }
    if let Some(format) = format.native {
        body.insert("response_format".to_owned(), format);
    }
    params::thinking_and_limit(request, &own, target, &mut body, &mut notes)?;
    params::sampling(request, target, &mut body, &mut notes)?;
    options::merge(&mut body, &own);
    Ok(Encoded::post(
        "/v2/chat".to_owned(),
        Value::Object(body).to_string(),
        DecodeContext {
            model: target.model.clone(),
            names,
            custom_tools: tools.custom,
            schema_to_validate: format.validate,
            stream: request.stream,
            ..DecodeContext::default()
        },
    )
    .noted(notes))
}
