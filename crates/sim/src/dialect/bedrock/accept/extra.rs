//! What stands beside the conversation: fields of the vendors' own, metadata, output format.

use serde_json::Value;

use super::Call;
use super::wording::{model_refuses, refuse};
use crate::prompt::Refusal;
use crate::strict::{set, text};

/// Fields that each vendor's models take; a vendor that is not listed is not judged.
const KNOWN: [(&str, &[&str]); 6] = [
    (
        "anthropic",
        &[
            "thinking",
            "reasoning_config",
            "output_config",
            "top_k",
            "anthropic_beta",
            "tool_choice",
            "tools",
            "context_management",
        ],
    ),
    ("amazon", &["inferenceConfig", "reasoningConfig"]),
    ("openai", &["reasoning_effort", "reasoning"]),
    ("mistral", &["top_k"]),
    ("cohere", &["k", "p"]),
    ("meta", &[]),
];

/// Checks the rest of a call.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let fields = set(call.body, "additionalModelRequestFields").and_then(Value::as_object);
    let known = KNOWN.iter().find(|(vendor, _)| *vendor == call.vendor());
    if let (Some(fields), Some((_, known))) = (fields, known)
        && let Some(key) = fields.keys().find(|key| !known.contains(&key.as_str()))
    {
        return Err(if call.is_claude() {
            model_refuses(&format!("{key}: Extra inputs are not permitted"))
        } else {
            model_refuses(&format!(
                "Malformed input request: #: extraneous key [{key}] is not permitted, please \
                 reformat your input and try again."
            ))
        });
    }
    nova(call)?;
    effort(call)?;
    metadata(call)?;
    format(call)
}

/// Nova 2 thinks by effort; at the highest it takes neither limit nor sampling (AWS, Nova 2 user
/// guide, extended thinking).
fn nova(call: &Call<'_>) -> Result<(), Refusal> {
    let Some(config) = call.extra("reasoningConfig") else {
        return Ok(());
    };
    let effort = text(config, "maxReasoningEffort");
    if !call.model.starts_with("amazon.nova-2")
        || !["enabled", "disabled"].contains(&text(config, "type"))
        || (text(config, "type") == "enabled" && !["low", "medium", "high"].contains(&effort))
    {
        return Err(model_refuses(
            "Malformed input request: #/reasoningConfig: not a valid reasoning configuration for \
             this model",
        ));
    }
    let inference = call.body.get("inferenceConfig").unwrap_or(&Value::Null);
    let limited = ["maxTokens", "temperature", "topP"]
        .iter()
        .find(|key| set(inference, key).is_some());
    match limited {
        Some(key) if effort == "high" => Err(model_refuses(&format!(
            "{key} must be unset when maxReasoningEffort is set to high"
        ))),
        _ => Ok(()),
    }
}

fn effort(call: &Call<'_>) -> Result<(), Refusal> {
    let words = ["low", "medium", "high"];
    for key in ["reasoning_effort", "reasoning_config"] {
        let said = call.extra(key).and_then(Value::as_str);
        if said.is_some_and(|said| !words.contains(&said)) {
            return Err(model_refuses(&format!(
                "{key}: Input should be 'low', 'medium' or 'high'"
            )));
        }
    }
    Ok(())
}

/// Whether the model is asked to think.
pub(super) fn thinks(call: &Call<'_>) -> bool {
    let kind = |key: &str| call.extra(key).map(|config| text(config, "type"));
    let on = |kind: Option<&str>| kind.is_some_and(|kind| kind != "disabled");
    on(kind("thinking"))
        || on(kind("reasoning_config"))
        || on(kind("reasoningConfig"))
        || call.extra("reasoning_effort").is_some()
        || call.extra("reasoning_config").is_some_and(Value::is_string)
        || super::claude::always_thinks(call)
}

fn metadata(call: &Call<'_>) -> Result<(), Refusal> {
    let Some(entries) = set(call.body, "requestMetadata").and_then(Value::as_object) else {
        return Ok(());
    };
    let fits = |text: &str| {
        text.chars().count() <= 256
            && text.chars().all(|c| {
                c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c)
            })
    };
    let good = |(key, value): (&String, &Value)| {
        !key.is_empty() && fits(key) && value.as_str().is_some_and(fits)
    };
    if !(1..=16).contains(&entries.len()) || !entries.iter().all(good) {
        return Err(refuse(
            "1 validation error detected: Value at 'requestMetadata' failed to satisfy \
             constraint: Map keys and values must satisfy constraint",
        ));
    }
    Ok(())
}

/// A schema is JSON text.
fn format(call: &Call<'_>) -> Result<(), Refusal> {
    let schema = call
        .body
        .pointer("/outputConfig/textFormat/structure/jsonSchema/schema");
    let Some(schema) = schema.and_then(Value::as_str) else {
        return Ok(());
    };
    let parsed: Option<Value> = serde_json::from_str(schema).ok();
    match parsed {
        Some(Value::Object(_)) => Ok(()),
        _ => Err(refuse(
            "The schema at outputConfig.textFormat.structure.jsonSchema.schema is no valid JSON \
             schema.",
        )),
    }
}
