//! Tools and tool choice (wire-protocols §7).

use serde_json::{Map, Value, json};

use super::content::mark;
use super::id::fields;
use crate::adapter::Target;
use crate::capability::{ConverseFields, JsonSchemaSupport};
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::closed_schema;
use crate::custom_tools;
use crate::error::EncodeError;
use crate::function::{input_schema, name_of};
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported};
use crate::schema_format::NamedSchema;

/// The search that Nova runs itself.
const NOVA_SEARCH: &str = "nova_grounding";

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
    let (allowed, forced) = narrowed(request, target);
    // The API has no word for "call none": without tools there is none to call.
    let withheld = request.tool_choice == Some(ToolChoice::None);
    if withheld && !request.tools.is_empty() {
        notes.change("tools", "withheld");
    }
    for (index, tool) in request.tools.iter().enumerate() {
        let name = name_of(tool);
        let is_allowed = |allowed: &[String]| allowed.iter().any(|one| Some(one.as_str()) == name);
        if withheld
            || allowed
                .as_deref()
                .is_some_and(|allowed| !is_allowed(allowed))
        {
            continue;
        }
        definition(tool, index, target, names, &mut tools.list, notes)?;
        if let Tool::Custom { name, .. } = tool {
            tools.custom.push(name.clone());
        }
    }
    if allowed.is_some() && tools.list.is_empty() && !request.tools.is_empty() && !withheld {
        return Err(invalid(
            "tool_choice",
            match forced {
                Some(name) => format!("The tool `{name}` is not among `tools`."),
                None => "None of the allowed tools is among `tools`.".to_owned(),
            },
        ));
    }
    if let Some(options) = request.carried.get("web_search_options") {
        tools.list.push(web_search(options, target, notes)?);
    }
    if !tools.list.is_empty() && !target.capabilities.tools {
        return Err(unsupported(
            "tools",
            format!("`{}` takes no tools.", target.model),
        ));
    }
    Ok(tools)
}

/// The tools that alone go out: `allowed_tools`, or the one that is forced where the model can only
/// be made to call any of its tools.
fn narrowed<'a>(
    request: &'a ChatRequest,
    target: &Target,
) -> (Option<Vec<String>>, Option<&'a str>) {
    match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => (Some(names.clone()), None),
        Some(ToolChoice::Named(name)) if !target.capabilities.named_tool_choice => {
            (Some(vec![name.clone()]), Some(name))
        }
        _ => (None, None),
    }
}

fn definition(
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
            let is_strict =
                *strict == Some(true) && target.capabilities.json_schema != JsonSchemaSupport::No;
            if *strict == Some(true) && !is_strict {
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
            let mut spec = spec(names.to_wire(name), description.as_deref(), schema);
            if is_strict
                && let Some(members) = spec.pointer_mut("/toolSpec").and_then(Value::as_object_mut)
            {
                members.insert("strict".to_owned(), true.into());
            }
            list.push(spec);
            let field = "tools[].cache_control";
            mark(list, cache_control.as_ref(), field, target, notes)
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
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
            let described = described.join("\n\n");
            let schema = custom_tools::parameters();
            list.push(spec(names.to_wire(name), Some(&described), schema));
            Ok(())
        }
        Tool::Unknown { kind, value } if kind == "systemTool" && value.get(kind).is_some() => {
            list.push(json!({ "systemTool": value.get(kind) }));
            Ok(())
        }
        Tool::Unknown { kind, .. } => Err(unsupported(
            format!("tools[{index}]"),
            format!(
                "Tools of type `{kind}` can't be sent to a Bedrock model. Use `function`, or \
                 `{{\"type\":\"systemTool\",\"systemTool\":{{\"name\":\"{NOVA_SEARCH}\"}}}}`."
            ),
        )),
    }
}

/// A `toolSpec`; its description is absent rather than empty.
fn spec(name: &str, description: Option<&str>, schema: Value) -> Value {
    let mut spec = Map::from_iter([("name".to_owned(), Value::from(name))]);
    if let Some(description) = description.filter(|text| !text.trim().is_empty()) {
        spec.insert("description".to_owned(), description.into());
    }
    spec.insert("inputSchema".to_owned(), json!({ "json": schema }));
    json!({ "toolSpec": spec })
}

/// The tool that stands for a JSON schema.
pub(super) fn schema_tool(tool: &NamedSchema) -> Value {
    spec(&tool.name, tool.description.as_deref(), tool.schema.clone())
}

/// A tool that is never to be called: the API refuses a history with calls beside no tools at all.
pub(super) fn placeholder() -> Value {
    spec(
        "no_tool_available",
        Some("Stands for tools that were used before and can't be called now. Never call it."),
        json!({"type": "object", "properties": {}}),
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
        return Err(invalid(
            "tool_choice",
            format!("The tool `{name}` is not among `tools`."),
        ));
    }
    if !can_force {
        return Ok((None, Some(downgrade(asked, target, names, notes)?)));
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
