//! Tools and tool choice (wire-protocols §7).

use serde_json::{Value, json};

use super::form::Converse;
use super::id::fields;
use crate::adapter::Target;
use crate::capability::ConverseFields;
use crate::chat::{ChatRequest, ToolChoice};
use crate::dialect::block_turns::tools::{Narrowed, Tools, UNFORCED, not_among_tools};
use crate::dialect::block_turns::{self, BlockForm as _};
use crate::error::EncodeError;
use crate::function::{forced_in_words, name_of};
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported};
use crate::schema_format::NamedSchema;

/// The search that Nova runs itself.
const NOVA_SEARCH: &str = "nova_grounding";

/// Translates the definitions.
pub(super) fn definitions(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    // The API has no word for "call none": without tools there is none to call.
    let mut tools = if request.tool_choice == Some(ToolChoice::None) {
        if !request.tools.is_empty() {
            notes.change("tools", "withheld");
        }
        Tools::default()
    } else {
        let narrowed = narrowed(request, target);
        block_turns::tools::definitions::<Converse>(request, narrowed, target, names, notes)?
    };
    if let Some(options) = request.carried.get("web_search_options") {
        tools.list.push(web_search(options, target, notes)?);
    }
    tools.check(target)?;
    Ok(tools)
}

/// `allowed_tools`, or the one that is forced where the model can only be made to call any of its
/// tools.
fn narrowed<'a>(request: &'a ChatRequest, target: &Target) -> Option<Narrowed<'a>> {
    match &request.tool_choice {
        Some(ToolChoice::Named(name)) if !target.capabilities.named_tool_choice => {
            Some(Narrowed::to_one(name))
        }
        choice => Narrowed::to_allowed(choice.as_ref()),
    }
}

/// A tool that the provider runs, given raw by the caller.
pub(super) fn native(kind: &str, value: &Value, index: usize) -> Result<Value, EncodeError> {
    if let Some(tool) = value.get(kind).filter(|_| kind == "systemTool") {
        return Ok(json!({ "systemTool": tool }));
    }
    Err(unsupported(
        format!("tools[{index}]"),
        format!(
            "Tools of type `{kind}` can't be sent to a Bedrock model. Use `function`, or \
             `{{\"type\":\"systemTool\",\"systemTool\":{{\"name\":\"{NOVA_SEARCH}\"}}}}`."
        ),
    ))
}

/// The tool that stands for a JSON schema.
pub(super) fn schema_tool(tool: &NamedSchema) -> Value {
    let description = tool.description.as_deref();
    Converse::tool(&tool.name, description, tool.schema.clone(), false)
}

/// A tool that is never to be called: the API refuses a history with calls beside no tools at all.
pub(super) fn placeholder() -> Value {
    Converse::tool(
        "no_tool_available",
        Some("Stands for tools that were used before and can't be called now. Never call it."),
        json!({"type": "object", "properties": {}}),
        false,
    )
}

/// OpenAI `web_search_options` as the search that Nova runs.
fn web_search(options: &Value, target: &Target, notes: &mut Notes) -> Result<Value, EncodeError> {
    if fields(target) != ConverseFields::Nova {
        return Err(unsupported(
            "web_search_options",
            format!(
                "`{}` has no search of its own on Bedrock. Leave `web_search_options` out, or use \
                 a Nova 2 model or another provider.",
                target.model
            ),
        ));
    }
    for (key, value) in options.as_object().into_iter().flatten() {
        let is_default = value.is_null() || value == "medium";
        if !is_default {
            let field = format!("web_search_options.{key}");
            notes.drop(&field, "the search has no such setting")?;
        }
    }
    Ok(json!({"systemTool": {"name": NOVA_SEARCH}}))
}

/// The wire's `toolChoice`, and an instruction where a forced choice had to be turned into one.
pub(super) fn choice(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    can_force: bool,
    has_tools: bool,
    notes: &mut Notes,
) -> Result<(Option<Value>, Option<String>), EncodeError> {
    let Some(asked) = request.tool_choice.as_ref() else {
        return Ok((None, None));
    };
    if !has_tools {
        if asked.is_forced() {
            notes.drop("tool_choice", "there are no tools")?;
        }
        return Ok((None, None));
    }
    if !asked.is_forced() {
        // `auto` is the default, and some models refuse the member itself.
        return Ok((None, None));
    }
    if let ToolChoice::Named(name) = asked
        && !request.tools.iter().any(|tool| name_of(tool) == Some(name))
    {
        return Err(invalid("tool_choice", not_among_tools(name)));
    }
    if !can_force {
        return Ok((
            None,
            Some(forced_in_words(asked, target, names, UNFORCED, notes)?),
        ));
    }
    Ok((
        Some(match asked {
            ToolChoice::Named(name) if target.capabilities.named_tool_choice => {
                json!({"tool": {"name": names.to_wire(name)}})
            }
            _ => json!({"any": {}}),
        }),
        None,
    ))
}
