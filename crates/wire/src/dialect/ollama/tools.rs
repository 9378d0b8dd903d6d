//! Tools and tool choice (wire-protocols §7). The API has no word for a choice: what may not be
//! called is not shown, and what must be called is asked for in words, if the operator lets us.

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::custom_tools;
use crate::error::EncodeError;
use crate::function::{self, input_schema, name_of};
use crate::names::{NameMap, NameRule};
use crate::notes::{Notes, invalid, unsupported};

/// Names go into the prompt as they are.
const NAME_RULE: NameRule = NameRule {
    bytes_max: usize::MAX,
    allows: |_| true,
    letter_first: false,
};

/// What the caller of a model that can't be forced is told to do.
const UNFORCED: &str = " by Ollama. Send `tool_choice: \"auto\"`.";

/// Tools for the wire, and what the decoder must undo.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// Definitions in the caller's order.
    pub(super) list: Vec<Value>,
    /// Custom tools that went out as functions.
    pub(super) custom: Vec<String>,
    /// What the model is told where a forced choice had to be turned into words.
    pub(super) instruction: Option<String>,
}

/// The names that this request uses, as the wire takes them.
pub(super) fn names(request: &ChatRequest) -> NameMap {
    function::names(request, &NAME_RULE)
}

/// Which tools go out, and what is said of them.
pub(super) fn plan(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    let mut tools = Tools::default();
    let forced = request
        .tool_choice
        .as_ref()
        .filter(|choice| choice.is_forced());
    if request.tools.is_empty() {
        if forced.is_some() {
            notes.drop("tool_choice", "there are no tools")?;
        }
        return Ok(tools);
    }
    if request.tool_choice == Some(ToolChoice::None) {
        notes.change("tools", "withheld");
        return Ok(tools);
    }
    if !target.capabilities.tools {
        return Err(unsupported(
            "tools",
            format!("`{}` takes no tools.", target.model),
        ));
    }
    let offered = offered(request)?;
    if offered.len() < request.tools.len() {
        notes.change(
            "tools",
            format!("{} of {}", offered.len(), request.tools.len()),
        );
    }
    for (index, tool) in offered {
        tools.list.push(definition(tool, index, names, notes)?);
        if let Tool::Custom { name, .. } = tool {
            tools.custom.push(name.clone());
        }
    }
    if let Some(choice) = forced {
        let words = function::forced_in_words(choice, target, names, UNFORCED, notes)?;
        tools.instruction = Some(words);
    }
    Ok(tools)
}

/// The tools that the choice leaves, with their places.
fn offered(request: &ChatRequest) -> Result<Vec<(usize, &Tool)>, EncodeError> {
    let allowed: Option<&[String]> = match &request.tool_choice {
        Some(ToolChoice::Named(name)) => Some(std::slice::from_ref(name)),
        Some(ToolChoice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    let is_allowed = |tool: &Tool| {
        allowed.is_none_or(|allowed| {
            allowed
                .iter()
                .any(|one| Some(one.as_str()) == name_of(tool))
        })
    };
    let offered: Vec<(usize, &Tool)> = request
        .tools
        .iter()
        .enumerate()
        .filter(|(_, tool)| is_allowed(tool))
        .collect();
    match (&request.tool_choice, offered.is_empty()) {
        (Some(ToolChoice::Named(name)), true) => Err(invalid(
            "tool_choice",
            format!("The tool `{name}` is not among `tools`."),
        )),
        (_, true) => Err(invalid(
            "tool_choice",
            "None of the allowed tools is among `tools`.",
        )),
        _ => Ok(offered),
    }
}

fn definition(
    tool: &Tool,
    index: usize,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Value, EncodeError> {
    let (name, described, parameters) = match tool {
        Tool::Function {
            name,
            description,
            parameters,
            cache_control,
            strict,
        } => {
            if cache_control.is_some() {
                notes.drop("tools[].cache_control", "it takes no prompt-cache marks")?;
            }
            if *strict == Some(true) {
                notes.drop(
                    "tools[].function.strict",
                    "the server does not enforce tool schemas",
                )?;
            }
            let at = format!("tools[{index}].function.parameters");
            let parameters = input_schema(parameters.as_ref(), &at)?;
            (name, description.clone(), parameters)
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
            let described =
                custom_tools::description(description.as_deref(), format.as_ref(), notes)?;
            (name, described, custom_tools::parameters())
        }
        Tool::Unknown { kind, .. } => {
            return Err(unsupported(
                format!("tools[{index}]"),
                format!("Tools of type `{kind}` can't be sent to Ollama. Use `function`."),
            ));
        }
    };
    let mut function = Map::new();
    function.insert("name".to_owned(), names.to_wire(name).into());
    if let Some(described) = described {
        function.insert("description".to_owned(), described.into());
    }
    function.insert("parameters".to_owned(), parameters);
    Ok(json!({"type": "function", "function": function}))
}
