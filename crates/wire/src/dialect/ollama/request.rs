//! Encodes a chat request.

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{ISSUER, format, messages, params, tools, window};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::notes::Notes;
use crate::options;

/// Members of a body that the request itself sets.
const SET: [&str; 3] = ["model", "stream", "messages"];

/// Translates a request to `POST /api/chat`.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let mut own = params::extra_members(request, &mut notes)?;
    options::merge(
        &mut own,
        &options::members(&request.provider_options, ISSUER, target, &SET, &mut notes)?,
    );
    params::without_equivalent(request, &mut notes)?;
    let names = tools::names(request);
    let mut conversation = messages::build(request, target, media, &names, &mut notes)?;
    let tools = tools::plan(request, target, &names, &mut notes)?;
    let has_tools = !tools.list.is_empty() || own.contains_key("tools");
    let format = format::plan(request, target, has_tools, &mut notes)?;
    for line in [&tools.instruction, &format.instruction]
        .into_iter()
        .flatten()
    {
        conversation.instruct(line);
    }
    conversation.settle_end(target, &mut notes)?;

    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    put("model", target.model.as_str().into());
    // Left out, it means true.
    put("stream", request.stream.into());
    put("messages", conversation.messages.into());
    if !tools.list.is_empty() {
        put("tools", tools.list.into());
    }
    if let Some(format) = format.native {
        put("format", format);
    }
    if let Some(think) = params::think(request, &own, target, &mut notes)? {
        put("think", think);
    }
    params::logprobs(request, target, &mut put, &mut notes)?;
    // See `window`.
    put("truncate", false.into());
    put("shift", false.into());
    let mut settings = params::options(request, target, &mut notes)?;
    if let Some(tokens) = window::num_ctx(request, &own, target)? {
        settings.insert("num_ctx".to_owned(), tokens.into());
    }
    if !settings.is_empty() {
        put("options", settings.into());
    }
    options::merge(&mut body, &own);
    let (dropped, changed) = notes.finish();
    Ok(Encoded {
        get: false,
        path: "/api/chat".to_owned(),
        headers: Vec::new(),
        body: Bytes::from(Value::Object(body).to_string()),
        dropped,
        changed,
        context: DecodeContext {
            model: target.model.clone(),
            names,
            custom_tools: tools.custom,
            schema_to_validate: format.validate,
            stream: request.stream,
            ..DecodeContext::default()
        },
    })
}
