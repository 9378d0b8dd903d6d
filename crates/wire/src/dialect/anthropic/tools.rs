//! Tools and tool choice (wire-protocols §7).

use serde_json::{Map, Value, json};

use super::content::takes_marks;
use super::form::Messages;
use crate::adapter::Target;
use crate::chat::{ChatRequest, ToolChoice};
use crate::dialect::block_turns;
use crate::dialect::block_turns::tools::{Narrowed, Tools, UNFORCED, not_among_tools};
use crate::error::EncodeError;
use crate::function::{forced_in_words, name_of};
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported};

/// The version of the search tool that stands for `web_search_options`: every model takes it.
const WEB_SEARCH: &str = "web_search_20250305";
const WEB_SEARCH_NAME: &str = "web_search";

/// Translates the definitions.
pub(super) fn definitions(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    let narrowed = Narrowed::to_allowed(request.tool_choice.as_ref());
    let mut tools =
        block_turns::tools::definitions::<Messages>(request, narrowed, target, names, notes)?;
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
    tools.check(target)?;
    Ok(tools)
}

/// A tool that Anthropic runs, given raw by the caller: its types end in a date.
pub(super) fn native(
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
                return Err(invalid("tool_choice", not_among_tools(name)));
            }
            Some(json!({"type": "tool", "name": names.to_wire(name)}))
        }
    };
    if let Some(choice) = asked.filter(|choice| choice.is_forced())
        && !can_force
    {
        instruction = Some(forced_in_words(choice, target, names, UNFORCED, notes)?);
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
