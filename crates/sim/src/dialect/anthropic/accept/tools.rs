//! Tools, tool choice and cache marks.

use serde_json::{Value, json};

use super::schema;
use super::wording::refuse;
use crate::prompt::{Refusal, ToolChoice, ToolOffer};
use crate::strict::{list, set, text};

const NAME_MAX: usize = 128;
const MARKS_MAX: usize = 4;

/// Checks names, schemas and the choice.
pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    let tools = list(body, "tools");
    for (index, tool) in tools.iter().enumerate() {
        if is_custom(tool) {
            custom(tool, index)?;
        }
        let same = |other: &&Value| set(other, "name") == set(tool, "name");
        let twice = set(tool, "name").is_some() && tools.iter().take(index).any(|t| same(&t));
        if twice {
            return Err(refuse("tools: Tool names must be unique."));
        }
    }
    choice_fits(body, tools)
}

fn custom(tool: &Value, index: usize) -> Result<(), Refusal> {
    let path = format!("tools.{index}.custom");
    let name = text(tool, "name");
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.chars().count() > NAME_MAX || !name.chars().all(fits) {
        return Err(refuse(&format!(
            "{path}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
        )));
    }
    let schema = tool.get("input_schema").unwrap_or(&Value::Null);
    match set(schema, "type") {
        None => {
            return Err(refuse(&format!("{path}.input_schema.type: Field required")));
        }
        Some(kind) if kind != "object" => {
            return Err(refuse(&format!(
                "{path}.input_schema.type: Input should be 'object'"
            )));
        }
        Some(_) => {}
    }
    for key in ["oneOf", "allOf", "anyOf"] {
        if schema.get(key).is_some() {
            return Err(refuse(&format!(
                "{path}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the \
                 top level"
            )));
        }
    }
    if tool.get("strict").and_then(Value::as_bool) == Some(true) {
        schema::check(schema).map_err(|fault| refuse(&format!("{path}.input_schema: {fault}")))?;
    }
    Ok(())
}

fn choice_fits(body: &Value, tools: &[Value]) -> Result<(), Refusal> {
    let Some(choice) = set(body, "tool_choice") else {
        return Ok(());
    };
    if tools.is_empty() {
        return Err(refuse(
            "tool_choice: tool_choice may only be specified while providing tools.",
        ));
    }
    let name = text(choice, "name");
    let known = |tool: &Value| text(tool, "name") == name;
    if text(choice, "type") == "tool" && !tools.iter().any(known) {
        return Err(refuse(&format!(
            "Tool '{name}' not found in provided tools"
        )));
    }
    Ok(())
}

/// At most four marks, and a longer life never after a shorter one.
pub(super) fn marks_fit(body: &Value) -> Result<(), Refusal> {
    let marks = marks(body);
    if marks.len() > MARKS_MAX {
        return Err(refuse(&format!(
            "A maximum of 4 blocks with cache_control may be provided. Found {}.",
            marks.len()
        )));
    }
    let mut short = false;
    for mark in marks {
        let long = text(mark, "ttl") == "1h";
        if long && short {
            return Err(refuse(
                "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' \
                 cache_control block. Note that blocks are processed in the following order: \
                 `tools`, `system`, `messages`.",
            ));
        }
        short |= !long;
    }
    Ok(())
}

/// The cache marks on blocks, in the order that the API reads them.
pub(super) fn marks(body: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for block in list(body, "tools").iter().chain(list(body, "system")) {
        collect_marks(block, &mut found);
    }
    for message in list(body, "messages") {
        for block in list(message, "content") {
            collect_marks(block, &mut found);
        }
    }
    found
}

fn collect_marks<'a>(block: &'a Value, into: &mut Vec<&'a Value>) {
    for inner in list(block, "content") {
        collect_marks(inner, into);
    }
    into.extend(set(block, "cache_control"));
}

fn is_custom(tool: &Value) -> bool {
    matches!(text(tool, "type"), "" | "custom")
}

/// Tools that the caller runs: its own, and Anthropic's client tools.
pub(super) fn offers(body: &Value) -> Vec<ToolOffer> {
    let at_the_client = |tool: &&Value| {
        let kind = text(tool, "type");
        let prefixes = ["bash_", "text_editor_", "computer_2", "memory_"];
        is_custom(tool) || prefixes.iter().any(|prefix| kind.starts_with(prefix))
    };
    let offer = |tool: &Value| ToolOffer {
        name: text(tool, "name").to_owned(),
        schema: set(tool, "input_schema")
            .cloned()
            .unwrap_or_else(|| json!({"type": "object"})),
        custom: false,
    };
    list(body, "tools")
        .iter()
        .filter(at_the_client)
        .map(offer)
        .collect()
}

/// What the caller said about calling.
pub(super) fn choice(body: &Value) -> ToolChoice {
    let choice = body.get("tool_choice").unwrap_or(&Value::Null);
    match text(choice, "type") {
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(vec![text(choice, "name").to_owned()]),
        _ => ToolChoice::Auto,
    }
}

/// Whether several calls may be made in one turn.
pub(super) fn parallel(body: &Value) -> bool {
    let choice = body.get("tool_choice").unwrap_or(&Value::Null);
    choice
        .get("disable_parallel_tool_use")
        .and_then(Value::as_bool)
        != Some(true)
}
