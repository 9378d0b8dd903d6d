//! `response_format` as `format`: the server's own grammar, else the ladder of wire-protocols §8.2.

use serde_json::Value;

use crate::adapter::Target;
use crate::capability::JsonSchemaSupport;
use crate::chat::{ChatRequest, ResponseFormat, ToolChoice};
use crate::error::EncodeError;
use crate::notes::{Notes, unsupported};

/// Keywords that the server's grammar does not enforce.
const UNENFORCED: [&str; 17] = [
    "not",
    "if",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxProperties",
    "maximum",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "uniqueItems",
];

/// How the shape of the answer is asked for.
#[derive(Debug, Default)]
pub(super) struct Format {
    /// The wire's `format`.
    pub(super) native: Option<Value>,
    /// What the model is told.
    pub(super) instruction: Option<String>,
    /// What the answer must be checked against.
    pub(super) validate: Option<Value>,
}

/// Decides how. A grammar holds from the first token on and leaves no room for a call, so that
/// beside tools the format is asked for in words and checked.
pub(super) fn plan(
    request: &ChatRequest,
    target: &Target,
    has_tools: bool,
    notes: &mut Notes,
) -> Result<Format, EncodeError> {
    let mut format = Format::default();
    let (description, wanted, strict) = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(format),
        Some(ResponseFormat::JsonObject) => {
            let enforces = !has_tools && target.capabilities.json_object;
            if enforces {
                format.native = Some("json".into());
            } else {
                notes.change("response_format", "emulated");
            }
            // Without a word of it the model may write white space without end (Ollama's note on
            // JSON mode).
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
    if !has_tools && target.capabilities.json_schema != JsonSchemaSupport::No {
        let mut schema = wanted.clone();
        if let (Some(about), Some(members)) = (description, schema.as_object_mut())
            && !members.contains_key("description")
        {
            members.insert("description".to_owned(), about.into());
        }
        // What the server does not enforce and the caller counts on is checked on the answer.
        format.validate =
            (strict == Some(true) && is_beyond_grammar(wanted)).then(|| wanted.clone());
        format.native = Some(schema);
        return Ok(format);
    }
    if request
        .tool_choice
        .as_ref()
        .is_some_and(ToolChoice::is_forced)
    {
        return Err(unsupported(
            "response_format",
            "Ollama enforces no format beside tools, and a forced `tool_choice` leaves no room to \
             emulate it. Send one of the two.",
        ));
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

/// Whether a schema says more than the grammar that is made of it. Names of properties are no
/// keywords.
fn is_beyond_grammar(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| match key.as_str() {
            "properties" | "$defs" | "definitions" => value
                .as_object()
                .is_some_and(|named| named.values().any(is_beyond_grammar)),
            "enum" | "const" | "default" | "examples" => false,
            key => UNENFORCED.contains(&key) || is_beyond_grammar(value),
        }),
        Value::Array(items) => items.iter().any(is_beyond_grammar),
        _ => false,
    }
}

fn instruction(description: Option<&str>, schema: &Value) -> String {
    let about = description.map_or_else(String::new, |about| format!(" ({about})"));
    format!(
        "When you give your answer{about}, give one JSON value that fits this JSON schema and \
         nothing else: no text around it and no code fence.\n{schema}"
    )
}
