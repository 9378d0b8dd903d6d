//! `response_format`: the word "json" for JSON mode, names and strict schemas.

use serde_json::Value;

use super::wording::{missing, refuse};
use super::{list, messages, schema, set, text, tools};
use crate::prompt::Refusal;

/// Checks `response_format` against the messages and the rules of structured output.
pub(super) fn check(body: &Value) -> Result<(), Refusal> {
    let Some(format) = set(body, "response_format") else {
        return Ok(());
    };
    match text(format, "type") {
        "json_object" => json_word(body),
        "json_schema" => json_schema(format.get("json_schema").unwrap_or(&Value::Null)),
        _ => Ok(()),
    }
}

fn json_word(body: &Value) -> Result<(), Refusal> {
    let said = list(body, "messages").iter().any(|message| {
        messages::text_of(message)
            .to_ascii_lowercase()
            .contains("json")
    });
    if said {
        return Ok(());
    }
    Err(refuse(
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type \
         'json_object'.",
        Some("messages"),
        None,
    ))
}

fn json_schema(wanted: &Value) -> Result<(), Refusal> {
    let name = text(wanted, "name");
    tools::name(name, "response_format.json_schema.name")?;
    let strict = wanted.get("strict").and_then(Value::as_bool) == Some(true);
    let Some(given) = set(wanted, "schema") else {
        return if strict {
            Err(missing("response_format.json_schema.schema"))
        } else {
            Ok(())
        };
    };
    schema::check(given, strict).map_err(|fault| {
        refuse(
            &format!("Invalid schema for response_format '{name}': {fault}"),
            Some("response_format"),
            None,
        )
    })
}
