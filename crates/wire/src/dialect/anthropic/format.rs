//! `response_format`: the API's own schema enforcement, else the ladder of wire-protocols §8.2.

use serde_json::{Value, json};

use super::params::Thinking;
use super::tools;
use crate::adapter::Target;
use crate::capability::JsonSchemaSupport;
use crate::chat::{ChatRequest, ResponseFormat, ToolChoice};
use crate::closed_schema;
use crate::error::EncodeError;
use crate::names::{NameMap, NameRule};
use crate::notes::{Notes, unsupported};

/// How the shape of the answer is asked for.
#[derive(Debug, Default)]
pub(super) struct Format {
    /// The wire's `output_config.format`.
    pub(super) native: Option<Value>,
    /// A tool whose arguments are the answer, and that is forced.
    pub(super) tool: Option<Value>,
    /// What the model is told.
    pub(super) instruction: Option<String>,
    /// What the answer must be checked against.
    pub(super) validate: Option<Value>,
}

/// Decides how.
pub(super) fn plan(
    request: &ChatRequest,
    target: &Target,
    thinking: &Thinking,
    has_tools: bool,
    notes: &mut Notes,
) -> Result<Format, EncodeError> {
    let mut format = Format::default();
    let (name, description, wanted, strict) = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(format),
        Some(ResponseFormat::JsonObject) => {
            format.instruction = Some(
                "Answer with one valid JSON object and nothing else: no text around it and no \
                 code fence."
                    .to_owned(),
            );
            return Ok(format);
        }
        Some(ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => (name, description.as_deref(), schema, *strict),
    };
    let native = match target.capabilities.json_schema {
        JsonSchemaSupport::Yes => true,
        JsonSchemaSupport::WithoutTools => !has_tools,
        JsonSchemaSupport::No => false,
    };
    if native {
        let sanitised = closed_schema::sanitise(wanted);
        // What the API does not enforce and the caller counts on is checked on the answer.
        format.validate = (sanitised.lossy && strict == Some(true)).then(|| wanted.clone());
        let mut enforced = sanitised.schema;
        if let (Some(about), Some(members)) = (description, enforced.as_object_mut())
            && !members.contains_key("description")
        {
            members.insert("description".to_owned(), about.into());
        }
        format.native = Some(json!({"type": "json_schema", "schema": enforced}));
        return Ok(format);
    }
    format.validate = Some(wanted.clone());
    if has_tools {
        if request.tool_choice.as_ref().is_some_and(forces) {
            return Err(unsupported(
                "response_format",
                "This model has no JSON schema output of its own, and a forced `tool_choice` \
                 leaves no room to emulate it. Send one of the two.",
            ));
        }
        format.instruction = Some(instruction(description, wanted));
    } else if tools::can_force(target, thinking) && is_object_schema(wanted) {
        format.tool = Some(schema_tool(name, description, wanted));
    } else {
        format.instruction = Some(instruction(description, wanted));
    }
    notes.change("response_format", "emulated");
    Ok(format)
}

fn forces(choice: &ToolChoice) -> bool {
    match choice {
        ToolChoice::Required | ToolChoice::Named(_) => true,
        ToolChoice::Allowed { required, .. } => *required,
        ToolChoice::Auto | ToolChoice::None => false,
    }
}

/// The arguments of a tool are an object.
fn is_object_schema(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

fn schema_tool(name: &str, description: Option<&str>, schema: &Value) -> Value {
    let name = if name.is_empty() { "answer" } else { name };
    let map = NameMap::new([name], &NameRule::STRICT);
    json!({
        "name": map.to_wire(name),
        "description": description.unwrap_or("Gives the answer to the user. Call it once, with the whole answer."),
        "input_schema": schema,
    })
}

fn instruction(description: Option<&str>, schema: &Value) -> String {
    let about = description.map_or_else(String::new, |about| format!(" ({about})"));
    format!(
        "When you give your answer{about}, give one JSON value that fits this JSON schema and \
         nothing else: no text around it and no code fence.\n{schema}"
    )
}
