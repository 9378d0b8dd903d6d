//! Tools as the APIs take them, and what the decoder of the answer must know of them
//! (wire-protocols §7).

use serde_json::Value;

use super::BlockForm;
use crate::adapter::{DecodeContext, Target};
use crate::capability::JsonSchemaSupport;
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::closed_schema;
use crate::custom_tools;
use crate::error::EncodeError;
use crate::function::{input_schema, name_of};
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported};
use crate::schema_format::Format;

/// What the caller of a model that can't be forced is told to do.
pub(in crate::dialect) const UNFORCED: &str = " as this request asks. Send `tool_choice: \
                                               \"auto\"`, or turn thinking off where the model \
                                               allows it.";

/// Tools for the wire, and what the decoder must undo.
#[derive(Debug, Default)]
pub(in crate::dialect) struct Tools {
    /// Definitions in the caller's order.
    pub(in crate::dialect) list: Vec<Value>,
    /// Custom tools that went out as functions.
    custom: Vec<String>,
}

/// Which of the request's tools alone go out.
#[derive(Debug)]
pub(in crate::dialect) struct Narrowed<'a> {
    names: &'a [String],
    /// What is wrong if none of them is there.
    none: String,
}

impl<'a> Narrowed<'a> {
    /// The tools of `allowed_tools`, for which the APIs have no word.
    pub(in crate::dialect) fn to_allowed(choice: Option<&'a ToolChoice>) -> Option<Self> {
        match choice {
            Some(ToolChoice::Allowed { names, .. }) => Some(Self {
                names,
                none: "None of the allowed tools is among `tools`.".to_owned(),
            }),
            _ => None,
        }
    }

    /// One tool.
    pub(in crate::dialect) fn to_one(name: &'a String) -> Self {
        Self {
            names: std::slice::from_ref(name),
            none: not_among_tools(name),
        }
    }
}

/// What is wrong with the name of a forced tool that is not there.
pub(in crate::dialect) fn not_among_tools(name: &str) -> String {
    format!("The tool `{name}` is not among `tools`.")
}

/// Translates the definitions, or those that it is narrowed to.
///
/// # Errors
/// A tool that can't be sent; a choice that leaves none.
pub(in crate::dialect) fn definitions<F: BlockForm>(
    request: &ChatRequest,
    narrowed: Option<Narrowed<'_>>,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    let mut tools = Tools::default();
    for (index, tool) in request.tools.iter().enumerate() {
        let name = name_of(tool);
        let is_left_out = narrowed
            .as_ref()
            .is_some_and(|to| !to.names.iter().any(|one| Some(one.as_str()) == name));
        if is_left_out {
            continue;
        }
        define::<F>(tool, index, target, names, &mut tools.list, notes)?;
        if let Tool::Custom { name, .. } = tool {
            tools.custom.push(name.clone());
        }
    }
    match narrowed {
        Some(to) if tools.list.is_empty() && !request.tools.is_empty() => {
            Err(invalid("tool_choice", to.none))
        }
        _ => Ok(tools),
    }
}

fn define<F: BlockForm>(
    tool: &Tool,
    index: usize,
    target: &Target,
    names: &NameMap,
    list: &mut Vec<Value>,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache_control,
        } => {
            let wanted = *strict == Some(true);
            let is_strict = wanted && target.capabilities.json_schema != JsonSchemaSupport::No;
            if wanted && !is_strict {
                notes.drop(
                    "tools[].function.strict",
                    "the model does not enforce tool schemas",
                )?;
            }
            let at = format!("tools[{index}].function.parameters");
            let mut schema = input_schema(parameters.as_ref(), &at)?;
            if is_strict {
                schema = closed_schema::sanitise(&schema).schema;
            }
            let name = names.to_wire(name);
            list.push(F::tool(name, description.as_deref(), schema, is_strict));
            let field = "tools[].cache_control";
            F::mark(list, cache_control.as_ref(), field, target, notes)
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
            let told = custom_tools::description(description.as_deref(), format.as_ref(), notes)?;
            let schema = custom_tools::parameters();
            list.push(F::tool(names.to_wire(name), told.as_deref(), schema, false));
            Ok(())
        }
        Tool::Unknown { kind, value } => {
            list.push(F::native_tool(kind, value, index, target, notes)?);
            Ok(())
        }
    }
}

impl Tools {
    /// That the model takes tools, if there are any.
    ///
    /// # Errors
    /// It takes none.
    pub(in crate::dialect) fn check(&self, target: &Target) -> Result<(), EncodeError> {
        if !self.list.is_empty() && !target.capabilities.tools {
            return Err(unsupported(
                "tools",
                format!("`{}` takes no tools.", target.model),
            ));
        }
        Ok(())
    }

    /// What the decoder of the answer must know.
    pub(in crate::dialect) fn decode_context(
        &self,
        request: &ChatRequest,
        target: &Target,
        names: NameMap,
        format: &Format,
    ) -> DecodeContext {
        DecodeContext {
            model: target.model.clone(),
            names,
            custom_tools: self.custom.clone(),
            schema_tool: format.tool.as_ref().map(|tool| tool.name.clone()),
            schema_to_validate: format.validate.clone(),
            stream: request.stream,
            ..DecodeContext::default()
        }
    }
}
