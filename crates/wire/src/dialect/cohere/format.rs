//! `response_format`: the API's own enforcement, else the ladder of wire-protocols §8.2.

use serde_json::{Value, json};

use super::schema;
use crate::adapter::Target;
use crate::capability::JsonSchemaSupport;
use crate::chat::{ChatRequest, ResponseFormat};
use crate::error::EncodeError;
use crate::notes::{Notes, unsupported};

/// What stands in the request beside the format: the API takes `response_format` with neither
/// `tools` nor `documents`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    pub(super) tools: bool,
    /// A tool must be called.
    pub(super) forced_call: bool,
    pub(super) documents: bool,
}

/// How the shape of the answer is asked for.
#[derive(Debug, Default)]
pub(super) struct Format {
    /// The wire's `response_format`.
    pub(super) native: Option<Value>,
    /// What the model is told.
    pub(super) instruction: Option<String>,
    /// What the answer must be checked against.
    pub(super) validate: Option<Value>,
}

/// Decides how.
pub(super) fn plan(
    request: &ChatRequest,
    target: &Target,
    beside: Beside,
    notes: &mut Notes,
) -> Result<Format, EncodeError> {
    let mut format = Format::default();
    let enforces = !beside.tools && !beside.documents;
    let (description, wanted, strict) = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(format),
        Some(ResponseFormat::JsonObject) => {
            let enforces = enforces && target.capabilities.json_object;
            if enforces {
                format.native = Some(json!({"type": "json_object"}));
            } else {
                notes.change("response_format", "emulated");
            }
            // Without a word of it the model may write white space without end (Cohere's note on
            // `json_object`).
            if !enforces || !says_json(request) {
                format.instruction = Some(
                    "Answer with one valid JSON object and nothing else: no text around it and \
                     no code fence."
                        .to_owned(),
                );
            }
            return Ok(format);
        }
        Some(ResponseFormat::JsonSchema {
            description,
            schema,
            strict,
            name: _,
        }) => (description.as_deref(), schema, *strict),
    };
    if beside.forced_call {
        return Err(unsupported(
            "response_format",
            "A Cohere model takes no response format beside tools, and a forced `tool_choice` \
             leaves no room to emulate it. Send one of the two.",
        ));
    }
    let takes_schemas = target.capabilities.json_schema != JsonSchemaSupport::No;
    let native = (enforces && takes_schemas)
        .then(|| schema::enforceable(wanted))
        .flatten();
    if let Some(mut enforced) = native {
        if let (Some(about), Some(members)) = (description, enforced.schema.as_object_mut())
            && !members.contains_key("description")
        {
            members.insert("description".to_owned(), about.into());
        }
        // What the API does not enforce and the caller counts on is checked on the answer.
        format.validate = (enforced.lossy && strict == Some(true)).then(|| wanted.clone());
        format.native = Some(json!({"type": "json_object", "json_schema": enforced.schema}));
        return Ok(format);
    }
    let is_object = wanted.get("type").and_then(Value::as_str) == Some("object");
    if enforces && target.capabilities.json_object && is_object {
        format.native = Some(json!({"type": "json_object"}));
    }
    format.validate = Some(wanted.clone());
    format.instruction = Some(instruction(description, wanted));
    notes.change("response_format", "emulated");
    Ok(format)
}

fn says_json(request: &ChatRequest) -> bool {
    request
        .messages
        .iter()
        .any(|message| message.text().to_ascii_lowercase().contains("json"))
}

fn instruction(description: Option<&str>, schema: &Value) -> String {
    let about = description.map_or_else(String::new, |about| format!(" ({about})"));
    format!(
        "When you give your answer{about}, give one JSON value that fits this JSON schema and \
         nothing else: no text around it and no code fence.\n{schema}"
    )
}
