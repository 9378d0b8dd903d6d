//! Tools and tool choice in their flat form (wire-protocols §3.3, §7).

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::capability::ForcedToolChoice;
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::error::EncodeError;
use crate::names::{NameMap, NameRule};
use crate::notes::{Notes, unsupported};

/// Provider-defined tools that the caller would have to run, for which chat completions have no
/// words.
const CALLER_RUN: [&str; 6] = [
    "apply_patch",
    "computer",
    "computer_use_preview",
    "local_shell",
    "shell",
    "tool_search",
];

/// Tools for the wire, and what goes with them.
#[derive(Debug, Default)]
pub(super) struct Tools {
    list: Vec<Value>,
    choice: Option<Value>,
    parallel: Option<bool>,
    /// Custom tools that went out as functions.
    pub(super) wrapped: Vec<String>,
    /// What the model is told in place of a forced choice.
    pub(super) instruction: Option<String>,
}

impl Tools {
    /// Puts all of it into the body.
    pub(super) fn put(&self, body: &mut Map<String, Value>) {
        if !self.list.is_empty() {
            body.insert("tools".to_owned(), self.list.clone().into());
        }
        if let Some(choice) = &self.choice {
            body.insert("tool_choice".to_owned(), choice.clone());
        }
        if let Some(parallel) = self.parallel {
            body.insert("parallel_tool_calls".to_owned(), parallel.into());
        }
    }
}

/// The names that this request uses, as the wire takes them.
pub(super) fn names(request: &ChatRequest) -> NameMap {
    let defined = request.tools.iter().filter_map(|tool| match tool {
        Tool::Function { name, .. } | Tool::Custom { name, .. } => Some(name.as_str()),
        Tool::Unknown { .. } => None,
    });
    let called = request.messages.iter().flat_map(|message| {
        let calls = message.tool_calls.iter();
        calls.map(|call| call.name.as_str())
    });
    NameMap::new(defined.chain(called), &NameRule::STRICT)
}

/// Whether free-form tools go out as such: they are OpenAI's.
pub(super) const fn takes_custom(target: &Target) -> bool {
    target.endpoint.first_party
}

/// Translates tools and choice.
pub(super) fn plan(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    let mut tools = Tools::default();
    for (at, tool) in request.tools.iter().enumerate() {
        let tool = definition(tool, at, target, names, &mut tools.wrapped, notes)?;
        tools.list.push(tool);
    }
    if !request.tools.is_empty() && !target.capabilities.tools {
        return Err(unsupported(
            "tools",
            format!(
                "The model `{}` takes no tools. Choose another model, or send no `tools`.",
                target.model
            ),
        ));
    }
    if let Some(options) = request.carried.get("web_search_options") {
        tools.list.push(web_search(options));
    }
    choice(request, target, names, &mut tools, notes)?;
    if let Some(parallel) = request
        .parallel_tool_calls
        .filter(|_| !tools.list.is_empty())
    {
        if target.capabilities.parallel_tool_control {
            tools.parallel = Some(parallel);
        } else if !parallel {
            notes.drop("parallel_tool_calls", "this model does not take it")?;
        }
    }
    Ok(tools)
}

fn definition(
    tool: &Tool,
    at: usize,
    target: &Target,
    names: &NameMap,
    wrapped: &mut Vec<String>,
    notes: &mut Notes,
) -> Result<Value, EncodeError> {
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache_control,
        } => {
            if cache_control.is_some() {
                notes.drop("tools[].cache_control", "tools take no prompt-cache marks")?;
            }
            let strict = strict.unwrap_or(false);
            let parameters = parameters.clone().unwrap_or_else(|| no_parameters(strict));
            Ok(function(
                names.to_wire(name),
                description,
                parameters,
                strict,
            ))
        }
        Tool::Custom {
            name,
            description,
            format,
        } if takes_custom(target) => {
            let mut wire = Map::new();
            wire.insert("type".to_owned(), "custom".into());
            wire.insert("name".to_owned(), names.to_wire(name).into());
            if let Some(description) = description {
                wire.insert("description".to_owned(), description.as_str().into());
            }
            if let Some(format) = format {
                wire.insert("format".to_owned(), flat_format(format));
            }
            Ok(wire.into())
        }
        Tool::Custom {
            name, description, ..
        } => {
            wrapped.push(name.clone());
            let parameters = json!({
                "type": "object",
                "properties": {"input": {"type": "string"}},
                "required": ["input"],
            });
            Ok(function(
                names.to_wire(name),
                description,
                parameters,
                false,
            ))
        }
        Tool::Unknown { kind, .. } if CALLER_RUN.contains(&kind.as_str()) => Err(unsupported(
            format!("tools[{at}]"),
            format!(
                "The tool `{kind}` must be run by the caller, and chat completions have no way to \
                 say its calls. Define it as a function."
            ),
        )),
        // A provider-run tool: this is the API that has them.
        Tool::Unknown { value, .. } => Ok(value.clone()),
    }
}

/// A function. `strict` is always said: chat completions take it for false where it is missing, and
/// this API for true.
fn function(name: &str, description: &Option<String>, parameters: Value, strict: bool) -> Value {
    let mut wire = Map::new();
    wire.insert("type".to_owned(), "function".into());
    wire.insert("name".to_owned(), name.into());
    if let Some(description) = description {
        wire.insert("description".to_owned(), description.as_str().into());
    }
    wire.insert("parameters".to_owned(), parameters);
    wire.insert("strict".to_owned(), strict.into());
    wire.into()
}

/// `parameters` is a required member.
fn no_parameters(strict: bool) -> Value {
    if strict {
        json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false})
    } else {
        json!({"type": "object", "properties": {}})
    }
}

/// Chat has `{"type": "grammar", "grammar": {…}}`, this API its members beside the type.
fn flat_format(format: &Value) -> Value {
    let mut flat = format.clone();
    if let Some(members) = flat.as_object_mut()
        && let Some(Value::Object(grammar)) = members.shift_remove("grammar")
    {
        members.extend(grammar);
    }
    flat
}

/// OpenAI's `web_search_options` as the tool that they stand for.
fn web_search(options: &Value) -> Value {
    let mut tool = json!({"type": "web_search"});
    if let (Some(tool), Some(options)) = (tool.as_object_mut(), options.as_object()) {
        for (key, value) in options.iter().filter(|(_, value)| !value.is_null()) {
            let mut value = value.clone();
            // `{"type": "approximate", "approximate": {…}}` in chat.
            if let Some(place) = value.as_object_mut()
                && let Some(Value::Object(inner)) = place.shift_remove("approximate")
            {
                place.extend(inner);
            }
            tool.insert(key.clone(), value);
        }
    }
    tool
}

fn choice(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    tools: &mut Tools,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let Some(choice) = &request.tool_choice else {
        return Ok(());
    };
    if tools.list.is_empty() {
        // Without tools `auto` and `none` say nothing that is not so anyway.
        if !matches!(choice, ToolChoice::Auto | ToolChoice::None) {
            notes.drop("tool_choice", "there are no tools")?;
        }
        return Ok(());
    }
    let is_forced = matches!(choice, ToolChoice::Required | ToolChoice::Named(_));
    if is_forced && target.capabilities.forced_tool_choice == ForcedToolChoice::Never {
        if !target.policy.downgrade_forced_tool_choice {
            return Err(unsupported(
                "tool_choice",
                format!(
                    "The model `{}` can't be forced to call a tool. Send `tool_choice: \"auto\"`.",
                    target.model
                ),
            ));
        }
        tools.instruction = Some(match choice {
            ToolChoice::Named(name) => format!("Call the tool `{}` now.", names.to_wire(name)),
            _ => "Call one of the tools now.".to_owned(),
        });
        tools.choice = Some("auto".into());
        notes.change("tool_choice", "auto");
        return Ok(());
    }
    let entry = |name: &String| {
        let is_custom =
            |tool: &Tool| matches!(tool, Tool::Custom { name: other, .. } if other == name);
        let custom = takes_custom(target) && request.tools.iter().any(is_custom);
        let kind = if custom { "custom" } else { "function" };
        json!({"type": kind, "name": names.to_wire(name)})
    };
    tools.choice = Some(match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::Named(name) => entry(name),
        ToolChoice::Allowed {
            names: allowed,
            required,
        } => {
            let mode = if *required { "required" } else { "auto" };
            let tools: Vec<Value> = allowed.iter().map(entry).collect();
            json!({"type": "allowed_tools", "mode": mode, "tools": tools})
        }
    });
    Ok(())
}
