//! `response_format` (wire-protocols §8.2): native where the model can, else the emulation ladder.

use serde_json::{Map, Value, json};

use super::schema::sanitise;
use crate::adapter::Target;
use crate::capability::{ForcedToolChoice, JsonSchemaSupport, SchemaDialect};
use crate::chat::ResponseFormat;
use crate::error::EncodeError;
use crate::names::NameRule;
use crate::notes::Notes;

/// What the answer's shape adds to the request.
#[derive(Default)]
pub(super) struct Format {
    /// Members of `generationConfig`.
    pub(super) config: Map<String, Value>,
    /// Words for the system instruction.
    pub(super) instruction: Option<String>,
    /// A function declaration whose arguments are the answer, and its name.
    pub(super) tool: Option<(String, Value)>,
    /// What the answer must be validated against.
    pub(super) validate: Option<Value>,
}

/// Translates `response_format`.
pub(super) fn encode(
    format: Option<&ResponseFormat>,
    has_tools: bool,
    target: &Target,
    notes: &mut Notes,
) -> Result<Format, EncodeError> {
    match format {
        None | Some(ResponseFormat::Text) => Ok(Format::default()),
        Some(ResponseFormat::JsonObject) => Ok(json_object(has_tools, target)),
        Some(ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            ..
        }) => json_schema(
            name,
            description.as_deref(),
            schema,
            has_tools,
            target,
            notes,
        ),
    }
}

fn json_object(has_tools: bool, target: &Target) -> Format {
    let mut out = Format::default();
    if target.capabilities.json_object && (!has_tools || takes_json_with_tools(target)) {
        out.config
            .insert("responseMimeType".into(), "application/json".into());
    } else {
        out.instruction = Some(
            "Answer with one JSON object and nothing else: no prose, no code fence.".to_owned(),
        );
        out.validate = Some(json!({"type": "object"}));
    }
    out
}

fn json_schema(
    name: &str,
    description: Option<&str>,
    schema: &Value,
    has_tools: bool,
    target: &Target,
    notes: &mut Notes,
) -> Result<Format, EncodeError> {
    let capabilities = &target.capabilities;
    let dialect = capabilities.json_schema_dialect;
    let mut out = Format::default();
    let native = match capabilities.json_schema {
        JsonSchemaSupport::Yes => true,
        JsonSchemaSupport::WithoutTools => !has_tools,
        JsonSchemaSupport::No => false,
    };
    if native {
        let mut clean = sanitise(schema, dialect);
        if let (Some(description), Some(clean)) = (description, clean.as_object_mut()) {
            clean
                .entry("description")
                .or_insert_with(|| description.into());
        }
        out.config
            .insert("responseMimeType".into(), "application/json".into());
        out.config.insert(
            match dialect {
                SchemaDialect::JsonSchema => "responseJsonSchema".into(),
                SchemaDialect::OpenApiSubset => "responseSchema".into(),
            },
            clean,
        );
        // The subset can't say all; what it does not enforce is checked on the answer.
        if dialect == SchemaDialect::OpenApiSubset {
            out.validate = Some(schema.clone());
        }
        return Ok(out);
    }
    out.validate = Some(schema.clone());
    let can_force = capabilities.tools && capabilities.forced_tool_choice == ForcedToolChoice::Yes;
    let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
    if !has_tools && can_force && is_object {
        let tool = tool_name(name);
        let parameters = match dialect {
            SchemaDialect::JsonSchema => "parametersJsonSchema",
            SchemaDialect::OpenApiSubset => "parameters",
        };
        let said = description.unwrap_or("Give the answer by calling this function.");
        let declaration = json!({"name": tool.clone(), "description": said,
            parameters: sanitise(schema, dialect)});
        out.tool = Some((tool, declaration));
        return Ok(out);
    }
    if !has_tools && capabilities.json_object {
        out.config
            .insert("responseMimeType".into(), "application/json".into());
    }
    let said = description.map_or_else(String::new, |said| format!(" ({said})"));
    out.instruction = Some(format!(
        "Answer with one JSON value{said} and nothing else: no prose, no code fence. It must fit \
         this JSON schema:\n{schema}"
    ));
    notes.change("response_format", "instruction");
    Ok(out)
}

/// Whether JSON output and function tools meet: the same models take both schema and tools.
fn takes_json_with_tools(target: &Target) -> bool {
    target.capabilities.json_schema == JsonSchemaSupport::Yes
}

/// The caller's schema name as a function name.
fn tool_name(name: &str) -> String {
    let map = crate::names::NameMap::new([name], &NameRule::GEMINI);
    map.to_wire(name).to_owned()
}
