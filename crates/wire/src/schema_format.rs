//! `response_format` where Claude's rules hold, at Anthropic and on Bedrock: the API's own schema
//! enforcement, else the ladder of wire-protocols §8.2.

use serde_json::Value;

use crate::adapter::Target;
use crate::capability::JsonSchemaSupport;
use crate::chat::{ChatRequest, ResponseFormat, ToolChoice};
use crate::closed_schema;
use crate::error::EncodeError;
use crate::names::{NameMap, NameRule};
use crate::notes::{Notes, unsupported};

/// How the shape of the answer is asked for.
#[derive(Debug, Default)]
pub(crate) struct Format {
    /// What the API is to enforce.
    pub(crate) native: Option<NamedSchema>,
    /// A tool whose arguments are the answer, and that is forced.
    pub(crate) tool: Option<NamedSchema>,
    /// What the model is told.
    pub(crate) instruction: Option<String>,
    /// What the answer must be checked against.
    pub(crate) validate: Option<Value>,
}

/// A JSON schema with its name and what it is for.
#[derive(Debug)]
pub(crate) struct NamedSchema {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) schema: Value,
}

impl NamedSchema {
    /// The schema with the description inside, for a wire that has no other place for it.
    pub(crate) fn described(self) -> Value {
        let Self {
            description,
            mut schema,
            ..
        } = self;
        if let (Some(about), Some(members)) = (description, schema.as_object_mut())
            && !members.contains_key("description")
        {
            members.insert("description".to_owned(), about.into());
        }
        schema
    }
}

/// Decides how. `can_force`: the model can be made to call a tool.
pub(crate) fn plan(
    request: &ChatRequest,
    target: &Target,
    can_force: bool,
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
        format.native = Some(NamedSchema {
            name: name.clone(),
            description: description.map(ToOwned::to_owned),
            schema: sanitised.schema,
        });
        return Ok(format);
    }
    format.validate = Some(wanted.clone());
    if has_tools {
        if request
            .tool_choice
            .as_ref()
            .is_some_and(ToolChoice::is_forced)
        {
            return Err(unsupported(
                "response_format",
                "This model has no JSON schema output of its own, and a forced `tool_choice` \
                 leaves no room to emulate it. Send one of the two.",
            ));
        }
        format.instruction = Some(instruction(description, wanted));
    } else if can_force && is_object_schema(wanted) {
        format.tool = Some(schema_tool(name, description, wanted));
    } else {
        format.instruction = Some(instruction(description, wanted));
    }
    notes.change("response_format", "emulated");
    Ok(format)
}

/// The arguments of a tool are an object.
fn is_object_schema(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

fn schema_tool(name: &str, description: Option<&str>, schema: &Value) -> NamedSchema {
    let name = if name.is_empty() { "answer" } else { name };
    let map = NameMap::new([name], &NameRule::STRICT);
    let usual = "Gives the answer to the user. Call it once, with the whole answer.";
    NamedSchema {
        name: map.to_wire(name).to_owned(),
        description: Some(description.unwrap_or(usual).to_owned()),
        schema: schema.clone(),
    }
}

fn instruction(description: Option<&str>, schema: &Value) -> String {
    let about = description.map_or_else(String::new, |about| format!(" ({about})"));
    format!(
        "When you give your answer{about}, give one JSON value that fits this JSON schema and \
         nothing else: no text around it and no code fence.\n{schema}"
    )
}
