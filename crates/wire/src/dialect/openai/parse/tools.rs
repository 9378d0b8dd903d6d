//! Tools, tool choice, and their legacy `functions` spelling.

use serde_json::Value;

use super::fields::{Fields, invalid_type, invalid_value, missing};
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::error::ParseError;

/// Reads everything about tools into `request`.
pub(super) fn parse(
    fields: &mut Fields,
    request: &mut ChatRequest,
    unread: &mut Vec<String>,
) -> Result<(), ParseError> {
    for (at, item) in fields
        .list("tools")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        request
            .tools
            .push(tool(item, &format!("tools[{at}]"), unread)?);
    }
    if let Some(choice) = fields.take("tool_choice") {
        request.tool_choice = Some(tool_choice(choice, unread)?);
    }
    request.parallel_tool_calls = fields.boolean("parallel_tool_calls")?;
    let functions = fields.list("functions")?.unwrap_or_default();
    if !functions.is_empty() && !request.tools.is_empty() {
        return Err(invalid_value(
            "functions",
            "Both `tools` and `functions` are set. Send `tools` only.",
        ));
    }
    for (at, item) in functions.into_iter().enumerate() {
        request.legacy_functions = true;
        let function = Fields::of(item, format!("functions[{at}]"))?;
        request.tools.push(self::function(function, unread)?);
    }
    match fields.take("function_call") {
        None => {}
        Some(Value::String(word)) if word == "none" => request.tool_choice = Some(ToolChoice::None),
        Some(Value::String(word)) if word == "auto" => request.tool_choice = Some(ToolChoice::Auto),
        Some(Value::Object(members)) => {
            let mut call = Fields::of(Value::Object(members), "function_call")?;
            let name = call.required_string("name", "Name the function to call.")?;
            request.tool_choice = Some(ToolChoice::Named(name));
        }
        Some(_) => {
            return Err(invalid_value(
                "function_call",
                "Send `none`, `auto`, or an object with the function's `name`.",
            ));
        }
    }
    Ok(())
}

fn tool(item: Value, path: &str, unread: &mut Vec<String>) -> Result<Tool, ParseError> {
    let whole = item.clone();
    let mut fields = Fields::of(item, path)?;
    let cache_control = fields.cache_mark()?;
    let kind = fields.string("type")?;
    let function_path = fields.path_of("function");
    match kind.as_deref() {
        Some("function") | None => {
            let function = fields.object("function")?.ok_or_else(|| {
                missing(
                    &function_path,
                    "Send the function's `name` and `parameters` in it.",
                )
            })?;
            let mut tool = self::function(function, unread)?;
            if let Tool::Function {
                cache_control: mark,
                ..
            } = &mut tool
            {
                *mark = mark.take().or(cache_control);
            }
            fields.rest(unread);
            Ok(tool)
        }
        Some("custom") => {
            let custom_path = fields.path_of("custom");
            let mut custom = fields
                .object("custom")?
                .ok_or_else(|| missing(&custom_path, "Send the tool's `name` in it."))?;
            let tool = Tool::Custom {
                name: custom.required_string("name", "Give the tool a name.")?,
                description: custom.string("description")?,
                format: custom.take("format"),
            };
            custom.rest(unread);
            fields.rest(unread);
            Ok(tool)
        }
        Some(kind) => Ok(Tool::Unknown {
            kind: kind.to_owned(),
            value: whole,
        }),
    }
}

fn function(mut fields: Fields, unread: &mut Vec<String>) -> Result<Tool, ParseError> {
    let tool = Tool::Function {
        name: fields.required_string("name", "Give the function a name.")?,
        description: fields.string("description")?,
        parameters: fields.map("parameters")?.map(Value::Object),
        strict: fields.boolean("strict")?,
        cache_control: fields.cache_mark()?,
    };
    fields.rest(unread);
    Ok(tool)
}

fn tool_choice(value: Value, unread: &mut Vec<String>) -> Result<ToolChoice, ParseError> {
    const HINT: &str = "Send `none`, `auto`, `required`, or an object that names the tool.";
    match value {
        Value::String(word) => match word.as_str() {
            "none" => Ok(ToolChoice::None),
            "auto" => Ok(ToolChoice::Auto),
            // `any` is Mistral's and Anthropic's word for it.
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(invalid_value(
                "tool_choice",
                &format!("`{word}` is no tool choice. {HINT}"),
            )),
        },
        Value::Object(members) => {
            let mut fields = Fields::of(Value::Object(members), "tool_choice")?;
            // Some clients leave the type of a named function out.
            let kind = fields
                .string("type")?
                .unwrap_or_else(|| "function".to_owned());
            let choice = match kind.as_str() {
                "function" | "custom" => ToolChoice::Named(named(&mut fields, &kind)?),
                "allowed_tools" => allowed(&mut fields)?,
                "none" => ToolChoice::None,
                "auto" => ToolChoice::Auto,
                "required" | "any" => ToolChoice::Required,
                other => {
                    return Err(invalid_value(
                        "tool_choice.type",
                        &format!(
                            "`{other}` is no tool choice. Send `function`, `custom` or \
                             `allowed_tools`."
                        ),
                    ));
                }
            };
            fields.rest(unread);
            Ok(choice)
        }
        _ => Err(invalid_type("tool_choice", "a string or an object")),
    }
}

/// `{"function": {"name": …}}`, or `name` beside `type` as the Responses API has it.
fn named(fields: &mut Fields, kind: &str) -> Result<String, ParseError> {
    if let Some(name) = fields.string("name")? {
        return Ok(name);
    }
    let path = fields.path_of(kind);
    let mut inner = fields
        .object(kind)?
        .ok_or_else(|| missing(&path, "Name the tool in it."))?;
    inner.required_string("name", "Name the tool to call.")
}

fn allowed(fields: &mut Fields) -> Result<ToolChoice, ParseError> {
    let mut inner = match fields.object("allowed_tools")? {
        Some(inner) => inner,
        // The Responses API has `mode` and `tools` beside `type`.
        None => Fields::of(
            serde_json::json!({"mode": fields.take("mode"), "tools": fields.take("tools")}),
            "tool_choice",
        )?,
    };
    let mode_path = inner.path_of("mode");
    let required = match inner.string("mode")?.as_deref() {
        None | Some("auto") => false,
        Some("required") => true,
        Some(other) => {
            return Err(invalid_value(
                &mode_path,
                &format!("`{other}` is no mode. Send `auto` or `required`."),
            ));
        }
    };
    let tools_path = inner.path_of("tools");
    let items = inner.list("tools")?.unwrap_or_default();
    if items.is_empty() {
        return Err(missing(&tools_path, "Name at least one tool."));
    }
    let names = items
        .into_iter()
        .enumerate()
        .map(|(at, item)| {
            let mut tool = Fields::of(item, format!("{tools_path}[{at}]"))?;
            let kind = tool
                .string("type")?
                .unwrap_or_else(|| "function".to_owned());
            named(&mut tool, &kind)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(ToolChoice::Allowed { names, required })
}
