//! `text`: the shape of the answer and its length (wire-protocols §3.3, §8.2).

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::capability::JsonSchemaSupport;
use crate::chat::{ChatRequest, ResponseFormat};
use crate::error::EncodeError;
use crate::notes::{NO_EQUIVALENT, Notes};

/// How the shape of the answer is asked for.
#[derive(Debug, Default)]
pub(super) struct Format {
    /// The wire's `text`.
    pub(super) text: Map<String, Value>,
    /// What the model is told.
    pub(super) instruction: Option<String>,
    /// What the answer must be checked against.
    pub(super) validate: Option<Value>,
}

/// Decides how.
pub(super) fn plan(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Format, EncodeError> {
    let mut out = Format::default();
    match &request.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => json_object(request, target, &mut out, notes),
        Some(ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) if target.capabilities.json_schema != JsonSchemaSupport::No => {
            let mut format = Map::new();
            format.insert("type".to_owned(), "json_schema".into());
            format.insert("name".to_owned(), name.as_str().into());
            if let Some(description) = description {
                format.insert("description".to_owned(), description.as_str().into());
            }
            format.insert("schema".to_owned(), schema.clone());
            if let Some(strict) = strict {
                format.insert("strict".to_owned(), (*strict).into());
            }
            out.text.insert("format".to_owned(), format.into());
        }
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            out.instruction = Some(format!(
                "Answer with a JSON object only. It must fit this JSON schema: {schema}"
            ));
            out.validate = Some(schema.clone());
            if target.capabilities.json_object {
                let format = json!({"type": "json_object"});
                out.text.insert("format".to_owned(), format);
                notes.change("response_format", "json_object");
            } else {
                notes.change("response_format", "instruction");
            }
        }
    }
    if let Some(verbosity) = request
        .carried
        .get("verbosity")
        .filter(|word| !word.is_null())
    {
        if target.endpoint.first_party {
            out.text.insert("verbosity".to_owned(), verbosity.clone());
        } else {
            notes.drop("verbosity", NO_EQUIVALENT)?;
        }
    }
    Ok(out)
}

/// JSON mode, which is refused unless the input speaks of JSON.
fn json_object(request: &ChatRequest, target: &Target, out: &mut Format, notes: &mut Notes) {
    let speaks = |text: &str| text.to_ascii_lowercase().contains("json");
    if target.capabilities.json_object {
        let format = json!({"type": "json_object"});
        out.text.insert("format".to_owned(), format);
    } else {
        notes.change("response_format", "instruction");
    }
    if !request
        .messages
        .iter()
        .any(|message| speaks(&message.text()))
    {
        out.instruction = Some("Answer with a JSON object only.".to_owned());
    }
}
