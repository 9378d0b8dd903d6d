//! Cohere v1 (`POST /v1/chat`), which older private and cloud deployments of Command alone speak: a
//! provider whose `api_version` is `v1`.
//!
//! The last message stands apart from its history, tool calls have no ids, tools are written with
//! Python's types, and a stream is a line of JSON an event. What a request may hold is v2's less what
//! v1 lacks ([`limited`]), so that the rules are decided once. From Cohere's API description
//! (`cohere-openapi.yaml`), its guides to streaming, tools and their parameter types, and recordings.

mod definitions;
mod history;
mod request;
mod response;
mod stream;

pub(super) use request::encode;
pub(super) use response::decode;
pub(super) use stream::Decoder;

use serde_json::{Map, Value, json};

use crate::adapter::{DecodeContext, Endpoint, Target};
use crate::capability::{ForcedToolChoice, Reasoning};

/// The `api_version` that asks for it.
pub(super) const VERSION: &str = "v1";

/// Whether an endpoint speaks v1.
pub(super) fn is_spoken(endpoint: &Endpoint) -> bool {
    endpoint.api_version.as_deref() == Some(VERSION)
}

/// Whether v1 was asked.
pub(super) fn was_asked(context: &DecodeContext) -> bool {
    context.api_version.as_deref() == Some(VERSION)
}

/// The target with what v1 has no words for taken from its model: choice of tools, pictures, thinking
/// and log probabilities.
fn limited(target: &Target) -> Target {
    let mut limited = target.clone();
    let capabilities = &mut limited.capabilities;
    capabilities.forced_tool_choice = ForcedToolChoice::Never;
    capabilities.image_input = false;
    capabilities.reasoning = Reasoning::None;
    capabilities.logprobs = false;
    limited
}

/// A document as v1 has it: flat, and of texts. `{data, id?}` of v2 and a bare text are turned into
/// that.
fn document(given: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::String(_) => value.clone(),
        other => other.to_string().into(),
    };
    let (data, id) = match given {
        Value::String(text) => return json!({ "text": text }),
        Value::Object(members) => match members.get("data") {
            Some(Value::Object(data)) => (data, members.get("id")),
            Some(Value::String(text)) => {
                let data = json!({ "text": text });
                return with_id(&data, members.get("id"));
            }
            _ => return given.clone(),
        },
        other => return other.clone(),
    };
    let texts: Map<String, Value> = data
        .iter()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect();
    with_id(&Value::Object(texts), id)
}

fn with_id(data: &Value, id: Option<&Value>) -> Value {
    let mut out = Map::new();
    if let Some(id) = id {
        out.insert("id".to_owned(), id.clone());
    }
    out.extend(data.as_object().cloned().unwrap_or_default());
    Value::Object(out)
}
