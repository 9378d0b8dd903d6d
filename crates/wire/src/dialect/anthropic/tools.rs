//! Tools and tool choice (wire-protocols §7).

use serde_json::{Map, Value, json};

use super::content::{mark, takes_marks};
use crate::adapter::Target;
use crate::capability::JsonSchemaSupport;
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::closed_schema;
use crate::custom_tools;
use crate::error::EncodeError;
use crate::function::{input_schema, name_of};
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported};

/// The version of the search tool that stands for `web_search_options`: every model takes it.
const WEB_SEARCH: &str = "web_search_20250305";
const WEB_SEARCH_NAME: &str = "web_search";

/// Tools for the wire, and what the decoder must undo.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// Definitions in the caller's order.
    pub(super) list: Vec<Value>,
    /// Custom tools that went out as functions.
    pub(super) custom: Vec<String>,
}

/// Translates the definitions.
pub(super) fn definitions(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    let mut tools = Tools::default();
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    for (index, tool) in request.tools.iter().enumerate() {
        let name = name_of(tool);
        // The API has no `allowed_tools`: only those go out.
        if allowed.is_some_and(|allowed| !allowed.iter().any(|one| Some(one.as_str()) == name)) {
            continue;
        }
        tools
            .list
            .push(definition(tool, index, target, names, notes)?);
        if let Tool::Custom { name, .. } = tool {
            tools.custom.push(name.clone());
        }
    }
    if allowed.is_some() && tools.list.is_empty() && !request.tools.is_empty() {
        return Err(invalid(
            "tool_choice",
            "None of the allowed tools is among `tools`.",
        ));
    }
    if let Some(options) = request.carried.get("web_search_options") {
        if request
            .tools
            .iter()
            .any(|tool| name_of(tool) == Some(WEB_SEARCH_NAME))
        {
            return Err(unsupported(
                "web_search_options",
                "Anthropic's own search tool is called `web_search`, and so is one of `tools`. \
                 Rename yours, or leave `web_search_options` out.",
            ));
        }
        tools.list.push(web_search(options, notes)?);
    }
    if !tools.list.is_empty() && !target.capabilities.tools {
        return Err(unsupported(
            "tools",
            format!("`{}` takes no tools.", target.model),
        ));
    }
    Ok(tools)
}

fn definition(
    tool: &Tool,
    index: usize,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Value, EncodeError> {
    let mut wire = Map::new();
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache_control,
        } => {
            wire.insert("name".to_owned(), names.to_wire(name).into());
            if let Some(description) = description {
                wire.insert("description".to_owned(), description.as_str().into());
            }
            let is_strict = *strict == Some(true) && takes_strict(target);
            if *strict == Some(true) && !is_strict {
                notes.drop(
                    "tools[].function.strict",
                    "the model does not enforce tool schemas",
                )?;
            }
            let at = format!("tools[{index}].function.parameters");
            let schema = input_schema(parameters.as_ref(), &at)?;
            let schema = if is_strict {
                closed_schema::sanitise(&schema).schema
            } else {
                schema
            };
            wire.insert("input_schema".to_owned(), schema);
            if is_strict {
                wire.insert("strict".to_owned(), true.into());
            }
            let mut wire = Value::Object(wire);
            let field = "tools[].cache_control";
            mark(&mut wire, cache_control.as_ref(), field, target, notes)?;
            Ok(wire)
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
            wire.insert("name".to_owned(), names.to_wire(name).into());
            let grammar = custom_tools::grammar(format.as_ref());
            if grammar.is_some() {
                notes.drop(
                    "tools[].custom.format",
                    "the model does not enforce a grammar; it is only told of it",
                )?;
            }
            let described: Vec<&str> = [description.as_deref(), grammar.as_deref()]
                .into_iter()
                .flatten()
                .collect();
            if !described.is_empty() {
                wire.insert("description".to_owned(), described.join("\n\n").into());
            }
            wire.insert("input_schema".to_owned(), custom_tools::parameters());
            Ok(Value::Object(wire))
        }
        Tool::Unknown { kind, value } => native(kind, value, index, target, notes),
    }
}

fn takes_strict(target: &Target) -> bool {
    target.capabilities.json_schema != JsonSchemaSupport::No
}

/// A tool that Anthropic runs, given raw by the caller: its types end in a date.
fn native(
    kind: &str,
    value: &Value,
    index: usize,
    target: &Target,
    notes: &mut Notes,
) -> Result<Value, EncodeError> {
    let dated = kind.rsplit_once('_').is_some_and(|(name, date)| {
        !name.is_empty() && date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit())
    });
    if !dated && kind != "mcp_toolset" {
        return Err(unsupported(
            format!("tools[{index}]"),
            format!(
                "Tools of type `{kind}` can't be sent to an Anthropic model. Use `function`, or \
                 an Anthropic type such as `{WEB_SEARCH}`."
            ),
        ));
    }
    let mut value = value.clone();
    if let Some(tool) = value.as_object_mut()
        && tool.contains_key("cache_control")
        && !takes_marks(target)
    {
        tool.shift_remove("cache_control");
        notes.drop("tools[].cache_control", "it takes no prompt-cache marks")?;
    }
    Ok(value)
}

/// OpenAI `web_search_options` as Anthropic's search tool.
fn web_search(options: &Value, notes: &mut Notes) -> Result<Value, EncodeError> {
    let size = options.get("search_context_size").and_then(Value::as_str);
    if size.is_some_and(|size| size != "medium") {
        notes.drop(
            "web_search_options.search_context_size",
            "the search tool has no such setting",
        )?;
    }
    let mut tool = json!({"type": WEB_SEARCH, "name": WEB_SEARCH_NAME});
    let place = options.get("user_location").and_then(Value::as_object);
    if let (Some(place), Some(tool)) = (place, tool.as_object_mut()) {
        let approximate = place.get("approximate").and_then(Value::as_object);
        let mut location = Map::new();
        location.insert("type".to_owned(), "approximate".into());
        for (key, value) in approximate.unwrap_or(place) {
            if key != "type" && !value.is_null() {
                location.insert(key.clone(), value.clone());
            }
        }
        tool.insert("user_location".to_owned(), Value::Object(location));
    }
    Ok(tool)
}

/// The wire's `tool_choice`, and an instruction where a forced choice had to be turned into one.
pub(super) fn choice(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    can_force: bool,
    has_tools: bool,
    notes: &mut Notes,
) -> Result<(Option<Value>, Option<String>), EncodeError> {
    let asked = request.tool_choice.as_ref();
    if !has_tools {
        let forces = asked.is_some_and(|choice| *choice != ToolChoice::None && choice.is_forced());
        if forces {
            notes.drop("tool_choice", "there are no tools")?;
        }
        return Ok((None, None));
    }
    let mut instruction = None;
    let mut wire = match asked {
        None => None,
        Some(
            ToolChoice::Auto
            | ToolChoice::Allowed {
                required: false, ..
            },
        ) => Some(json!({"type": "auto"})),
        Some(ToolChoice::None) => Some(json!({"type": "none"})),
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => {
            Some(json!({"type": "any"}))
        }
        Some(ToolChoice::Named(name)) => {
            if !request.tools.iter().any(|tool| name_of(tool) == Some(name)) {
                return Err(invalid(
                    "tool_choice",
                    format!("The tool `{name}` is not among `tools`."),
                ));
            }
            Some(json!({"type": "tool", "name": names.to_wire(name)}))
        }
    };
    if let Some(choice) = asked.filter(|choice| choice.is_forced())
        && !can_force
    {
        instruction = Some(downgrade(choice, target, names, notes)?);
        wire = Some(json!({"type": "auto"}));
    }
    if request.parallel_tool_calls == Some(false) && asked != Some(&ToolChoice::None) {
        if target.capabilities.parallel_tool_control {
            let choice = wire.get_or_insert_with(|| json!({"type": "auto"}));
            if let Some(choice) = choice.as_object_mut() {
                choice.insert("disable_parallel_tool_use".to_owned(), true.into());
            }
        } else {
            notes.drop("parallel_tool_calls", "the model can't be told")?;
        }
    }
    Ok((wire, instruction))
}

/// Whether this model, with or without a thinking budget, can be made to call a tool.
pub(super) fn can_force(target: &Target, has_budget: bool) -> bool {
    target.capabilities.forced_tool_choice.holds(has_budget)
}

fn downgrade(
    choice: &ToolChoice,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<String, EncodeError> {
    if !target.policy.downgrade_forced_tool_choice {
        return Err(unsupported(
            "tool_choice",
            format!(
                "`{}` can't be forced to call a tool as this request asks. Send `tool_choice: \
                 \"auto\"`, or turn thinking off where the model allows it.",
                target.model
            ),
        ));
    }
    notes.change("tool_choice", "auto");
    Ok(match choice {
        ToolChoice::Named(name) => format!(
            "Answer this request by calling the tool `{}`.",
            names.to_wire(name)
        ),
        _ => "Answer this request by calling at least one of the tools.".to_owned(),
    })
}
