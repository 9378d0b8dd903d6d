//! Tool definitions and the choice among them.

use serde_json::Value;

use super::Call;
use super::messages::one_member;
use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

/// Checks `toolConfig`.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let Some(config) = set(call.body, "toolConfig") else {
        return Ok(());
    };
    let tools = list(config, "tools");
    if tools.is_empty() {
        return Err(length("toolConfig.tools"));
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let path = format!("toolConfig.tools.{}.member", index + 1);
        one_member(tool, &path)?;
        let spec = tool.get("toolSpec").or_else(|| tool.get("systemTool"));
        let Some(spec) = spec else { continue };
        let name = text(spec, "name");
        if !is_name(name) {
            return Err(refuse(&format!(
                "1 validation error detected: Value '{name}' at '{path}.toolSpec.name' failed to \
                 satisfy constraint: Member must satisfy regular expression pattern: \
                 [a-zA-Z0-9_-]+"
            )));
        }
        if names.contains(&name) {
            return Err(refuse(&format!(
                "The tool {name} is already defined at {path}."
            )));
        }
        names.push(name);
        described(spec, &path)?;
    }
    choice(call, config, &names)
}

/// Letters, digits, `_`, `-`; at most 64.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

fn described(spec: &Value, path: &str) -> Result<(), Refusal> {
    if spec.get("description").is_some_and(|text| text == "") {
        return Err(length(&format!("{path}.toolSpec.description")));
    }
    let schema = spec.pointer("/inputSchema/json");
    if schema.is_some_and(|schema| text(schema, "type") != "object") {
        return Err(refuse(&format!(
            "The value at {path}.toolSpec.inputSchema.json.type must be one of the following: \
             object."
        )));
    }
    Ok(())
}

fn length(path: &str) -> Refusal {
    refuse(&format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: Member must \
         have length greater than or equal to 1"
    ))
}

fn choice(call: &Call<'_>, config: &Value, names: &[&str]) -> Result<(), Refusal> {
    let Some(choice) = set(config, "toolChoice") else {
        return Ok(());
    };
    one_member(choice, "toolConfig.toolChoice")?;
    // As documented: Llama takes none, Mistral no name.
    let refused = match call.vendor() {
        "meta" => ["auto", "any", "tool"].as_slice(),
        "mistral" => ["tool"].as_slice(),
        _ => [].as_slice(),
    };
    if let Some(kind) = refused.iter().find(|kind| choice.get(**kind).is_some()) {
        let field = format!("toolConfig.toolChoice.{kind}");
        return Err(refuse(&format!(
            "This model doesn't support the {field} field. Remove {field} and try again."
        )));
    }
    match choice.get("tool").map(|tool| text(tool, "name")) {
        Some(name) if !names.contains(&name) => Err(refuse(&format!(
            "The tool {name} of toolConfig.toolChoice.tool is not among the tools."
        ))),
        _ => Ok(()),
    }
}
