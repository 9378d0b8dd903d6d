//! Rules between fields.

use serde_json::Value;

use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

/// Most stop sequences.
const STOPS_MAX: usize = 5;
/// Most inputs of one embed call.
const TEXTS_MAX: usize = 96;
/// Dimensions that the newest embed models give.
const DIMENSIONS: [u64; 4] = [256, 512, 1_024, 1_536];
/// Deeper schemas are refused.
const SCHEMA_DEPTH_MAX: usize = 64;

fn ensure(holds: bool, message: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refuse(message)) }
}

/// Rules of a chat request, its messages left out.
pub(super) fn chat(body: &Value) -> Result<(), Refusal> {
    ensure(
        !text(body, "model").is_empty(),
        "a model parameter is required for this endpoint.",
    )?;
    sampling(body)?;
    let empty_documents = set(body, "documents").is_some() && list(body, "documents").is_empty();
    ensure(
        !empty_documents,
        "invalid request: list of documents must not be empty",
    )?;
    tools(body)?;
    format(body)
}

/// Rules of sampling, and the number of stop sequences.
pub(in crate::dialect::cohere) fn sampling(body: &Value) -> Result<(), Refusal> {
    let penalty = |key: &str| {
        let penalty = body.get(key).and_then(Value::as_f64);
        penalty.is_some_and(|penalty| penalty != 0.0)
    };
    ensure(
        !(penalty("frequency_penalty") && penalty("presence_penalty")),
        "invalid request: only one of 'presence_penalty' and 'frequency_penalty' can be specified \
         for this model.",
    )?;
    ensure(
        list(body, "stop_sequences").len() <= STOPS_MAX,
        "invalid request: stop_sequences must have at most 5 elements.",
    )
}

/// Whether a name of a tool or parameter is one.
pub(in crate::dialect::cohere) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// The name of a tool.
pub(in crate::dialect::cohere) fn tool_name(name: &str) -> Result<(), Refusal> {
    ensure(
        is_name(name),
        &format!(
            "invalid request: tool names can only contain certain characters (A-Za-z0-9_) and \
             can't begin with a digit (provided name: '{name}')."
        ),
    )
}

fn tools(body: &Value) -> Result<(), Refusal> {
    let tools = list(body, "tools");
    ensure(
        set(body, "tool_choice").is_none() || !tools.is_empty(),
        "invalid request: tools must be provided when tool_choice is specified.",
    )?;
    for tool in tools {
        let function = tool.get("function").unwrap_or(&Value::Null);
        tool_name(text(function, "name"))?;
        if body.get("strict_tools") == Some(&Value::Bool(true)) {
            let required = function.pointer("/parameters/required");
            let any = required
                .and_then(Value::as_array)
                .is_some_and(|r| !r.is_empty());
            ensure(
                any,
                "invalid request: each tool must have at least one required parameter when \
                 strict_tools is enabled.",
            )?;
        }
    }
    Ok(())
}

/// Rules of the response format.
pub(in crate::dialect::cohere) fn format(body: &Value) -> Result<(), Refusal> {
    let Some(format) = set(body, "response_format") else {
        return Ok(());
    };
    if text(format, "type") != "json_object" {
        return Ok(());
    }
    ensure(
        list(body, "documents").is_empty(),
        "invalid request: response_format is not supported with RAG.",
    )?;
    ensure(
        list(body, "tools").is_empty(),
        "invalid request: response_format is not supported with tools.",
    )?;
    match set(format, "json_schema").or_else(|| set(format, "schema")) {
        Some(schema) => {
            ensure(text(schema, "type") == "object", "schema must be an object")?;
            objects(schema, 0)
        }
        None => Ok(()),
    }
}

/// Every object of a schema names a required field, and only such as it has.
fn objects(schema: &Value, depth: usize) -> Result<(), Refusal> {
    ensure(depth <= SCHEMA_DEPTH_MAX, "schema is nested too deeply")?;
    let Some(members) = schema.as_object() else {
        return Ok(());
    };
    if text(schema, "type") == "object" {
        let required = list(schema, "required");
        ensure(
            !required.is_empty(),
            "every object must have at least one required field",
        )?;
        let properties = schema.get("properties").unwrap_or(&Value::Null);
        let known = |name: &Value| {
            name.as_str()
                .is_some_and(|name| properties.get(name).is_some())
        };
        ensure(
            required.iter().all(known),
            "required field name not found in properties",
        )?;
    }
    for (key, value) in members {
        match key.as_str() {
            "properties" | "$defs" | "definitions" => {
                for inner in value.as_object().into_iter().flatten().map(|(_, v)| v) {
                    objects(inner, depth + 1)?;
                }
            }
            "anyOf" | "prefixItems" => {
                for inner in value.as_array().into_iter().flatten() {
                    objects(inner, depth + 1)?;
                }
            }
            "items" => objects(value, depth + 1)?,
            _ => {}
        }
    }
    Ok(())
}

/// Rules of an embed request.
pub(in crate::dialect::cohere) fn embed(body: &Value) -> Result<(), Refusal> {
    let kinds = ["texts", "images", "inputs"];
    let given = kinds
        .iter()
        .filter(|kind| set(body, kind).is_some())
        .count();
    ensure(
        given == 1,
        "invalid request: exactly one of texts, images or inputs must be provided",
    )?;
    for kind in kinds {
        let items = list(body, kind);
        ensure(
            items.len() <= TEXTS_MAX,
            &format!(
                "invalid request: total number of texts must be at most 96 - received {}",
                items.len()
            ),
        )?;
        ensure(
            set(body, kind).is_none() || !items.is_empty(),
            &format!("invalid request: {kind} must not be empty"),
        )?;
        if let Some(at) = items.iter().position(|item| item == "") {
            return Err(refuse(&format!(
                "invalid request: inputs contains an element that is the empty string at index {at}"
            )));
        }
    }
    ensure(
        set(body, "images").is_none() || text(body, "input_type") == "image",
        "invalid request: images must be used with input_type=image",
    )?;
    let size = body.get("output_dimension").and_then(Value::as_u64);
    ensure(
        size.is_none_or(|size| DIMENSIONS.contains(&size)),
        "invalid request: output_dimension must be one of 256, 512, 1024, 1536",
    )
}

/// Rules of a rerank request.
pub(in crate::dialect::cohere) fn rerank(body: &Value) -> Result<(), Refusal> {
    ensure(
        !text(body, "query").trim().is_empty(),
        "invalid request: query must not be empty or be only whitespace",
    )?;
    let documents = list(body, "documents");
    ensure(
        !documents.is_empty(),
        "invalid request: list of documents must not be empty",
    )?;
    let empty = documents
        .iter()
        .position(|document| document.as_str().is_some_and(|text| text.trim().is_empty()));
    match empty {
        Some(at) => Err(refuse(&format!(
            "invalid request: document at index {at} cannot be empty"
        ))),
        None => Ok(()),
    }
}
