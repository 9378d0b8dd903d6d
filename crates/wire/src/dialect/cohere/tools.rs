//! Tools and tool choice (wire-protocols §7, column Cohere).

use serde_json::{Map, Value, json};

use super::v1;
use crate::adapter::Target;
use crate::capability::ForcedToolChoice;
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::custom_tools;
use crate::error::EncodeError;
use crate::function;
use crate::names::{NameMap, NameRule};
use crate::notes::{Notes, invalid, unsupported};

/// "tool names can only contain certain characters (A-Za-z0-9_) and can't begin with a digit".
const NAME_RULE: NameRule = NameRule {
    bytes_max: 64,
    allows: |byte| byte.is_ascii_alphanumeric() || byte == b'_',
    letter_first: true,
};

/// What the caller is told to do where the API is v1.
const UNFORCED_V1: &str = " over Cohere's v1 API. Send `tool_choice: \"auto\"`, or use a provider \
                           that speaks v2.";
/// What the caller of a model that can't be forced is told to do.
const UNFORCED: &str = ". Send `tool_choice: \"auto\"`, or use Command R7B or a newer model.";

/// Tools for the wire, and what the decoder must undo.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// Definitions in the caller's order.
    pub(super) list: Vec<Value>,
    /// Custom tools that went out as functions.
    pub(super) custom: Vec<String>,
    /// The wire's `strict_tools`.
    pub(super) strict: bool,
    /// The wire's `tool_choice`; absent for the model's own choice.
    pub(super) choice: Option<&'static str>,
    /// What the model is told where a forced choice had to be turned into words.
    pub(super) instruction: Option<String>,
}

/// The names that this request uses, as the wire takes them.
pub(super) fn names(request: &ChatRequest) -> NameMap {
    let defined = request.tools.iter().filter_map(name_of);
    let called = request
        .messages
        .iter()
        .flat_map(|message| &message.tool_calls)
        .map(|call| call.name.as_str());
    NameMap::new(defined.chain(called), &NAME_RULE)
}

/// Where the caller defined a tool of the list.
pub(super) fn place_of(request: &ChatRequest, definition: &Value, names: &NameMap) -> String {
    let wire = definition.pointer("/function/name").and_then(Value::as_str);
    let at = request.tools.iter().position(|tool| {
        let name = name_of(tool).map(|name| names.to_wire(name));
        name == wire
    });
    format!("tools[{}]", at.unwrap_or_default())
}

fn name_of(tool: &Tool) -> Option<&str> {
    match tool {
        Tool::Function { name, .. } | Tool::Custom { name, .. } => Some(name),
        Tool::Unknown { .. } => None,
    }
}

/// Which tools go out, and whether one must be called.
pub(super) fn plan(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    let mut tools = Tools::default();
    let asked = request.tool_choice.as_ref();
    let forces = is_forced(asked);
    if request.tools.is_empty() {
        if forces {
            notes.drop("tool_choice", "there are no tools")?;
        }
        return Ok(tools);
    }
    if !target.capabilities.tools {
        return Err(unsupported(
            "tools",
            format!("`{}` takes no tools.", target.model),
        ));
    }
    let chooses = target.capabilities.forced_tool_choice != ForcedToolChoice::Never;
    if asked == Some(&ToolChoice::None) && !chooses {
        // Such a model does not know the word: it can't call what it is not shown.
        notes.change("tools", format!("0 of {}", request.tools.len()));
        return Ok(tools);
    }
    let offered = offered(request, asked)?;
    if offered.len() < request.tools.len() {
        notes.change(
            "tools",
            format!("{} of {}", offered.len(), request.tools.len()),
        );
    }
    for (index, tool) in &offered {
        tools.list.push(definition(tool, *index, names, notes)?);
        if let Tool::Custom { name, .. } = tool {
            tools.custom.push(name.clone());
        }
    }
    tools.strict = strict(&offered, notes)?;
    match asked {
        Some(ToolChoice::None) => tools.choice = Some("NONE"),
        Some(_) if forces && chooses => tools.choice = Some("REQUIRED"),
        Some(choice) if forces => {
            let refused = if v1::is_spoken(&target.endpoint) {
                UNFORCED_V1
            } else {
                UNFORCED
            };
            let words = function::forced_in_words(choice, target, names, refused, notes)?;
            tools.instruction = Some(words);
        }
        _ => {}
    }
    Ok(tools)
}

/// The tools that the choice leaves, with their places: a named tool is "one must be called" with
/// only that one there, and so is `allowed_tools`.
fn offered<'a>(
    request: &'a ChatRequest,
    asked: Option<&ToolChoice>,
) -> Result<Vec<(usize, &'a Tool)>, EncodeError> {
    let allowed: Option<&[String]> = match asked {
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
    match (asked, offered.is_empty()) {
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

fn is_forced(choice: Option<&ToolChoice>) -> bool {
    match choice {
        Some(ToolChoice::Required | ToolChoice::Named(_)) => true,
        Some(ToolChoice::Allowed { required, .. }) => *required,
        Some(ToolChoice::Auto | ToolChoice::None) | None => false,
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
            strict: _,
        } => {
            if cache_control.is_some() {
                notes.drop("tools[].cache_control", "it takes no prompt-cache marks")?;
            }
            let at = format!("tools[{index}].function.parameters");
            let parameters = schema_of(parameters.as_ref(), &at)?;
            (name, description.clone(), parameters)
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
            let told = custom_tools::description(description.as_deref(), format.as_ref(), notes)?;
            (name, told, custom_tools::parameters())
        }
        Tool::Unknown { kind, .. } => {
            return Err(unsupported(
                format!("tools[{index}]"),
                format!("Tools of type `{kind}` can't be sent to a Cohere model. Use `function`."),
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

/// The schema of a function's arguments, which the API demands.
fn schema_of(parameters: Option<&Value>, at: &str) -> Result<Value, EncodeError> {
    match parameters {
        None | Some(Value::Null) => Ok(json!({"type": "object", "properties": {}})),
        Some(Value::Object(schema)) if schema.is_empty() => {
            Ok(json!({"type": "object", "properties": {}}))
        }
        Some(schema @ Value::Object(_)) => Ok(schema.clone()),
        Some(_) => Err(invalid(at, "The parameters must be a JSON schema object.")),
    }
}

/// `strict_tools` holds for all tools of a request, and wants a required parameter in each.
fn strict(offered: &[(usize, &Tool)], notes: &mut Notes) -> Result<bool, EncodeError> {
    let is_strict = |tool: &Tool| {
        matches!(
            tool,
            Tool::Function {
                strict: Some(true),
                ..
            }
        )
    };
    let requires = |tool: &Tool| match tool {
        Tool::Function { parameters, .. } => parameters
            .as_ref()
            .and_then(|schema| schema.get("required")?.as_array())
            .is_some_and(|required| !required.is_empty()),
        Tool::Custom { .. } => true,
        Tool::Unknown { .. } => false,
    };
    if !offered.iter().any(|(_, tool)| is_strict(tool)) {
        return Ok(false);
    }
    let all = offered
        .iter()
        .all(|(_, tool)| is_strict(tool) && requires(tool));
    if !all {
        notes.drop(
            "tools[].function.strict",
            "the API enforces the schemas of all tools of a request or of none, and each must \
             have a required parameter",
        )?;
    }
    Ok(all)
}
