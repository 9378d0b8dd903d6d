//! Rules about single parameters and pairs of them: what the model refuses, what needs what.

use serde_json::Value;

use super::model::Traits;
use super::wording::{
    empty_array, enumerate, long_array, long_text, plain, refuse, unsupported_parameter,
    unsupported_value,
};
use super::{flag, list, set, text};
use crate::prompt::Refusal;

/// Refuses what this model does not take; the API looks at this before types and ranges.
pub(super) fn unsupported(body: &Value, traits: &Traits) -> Result<(), Refusal> {
    if set(body, "web_search_options").is_some() && !traits.searches() {
        return Err(refuse(
            "Web search options not supported with this model.",
            Some("web_search_options"),
            None,
        ));
    }
    if !traits.reasons() {
        if set(body, "reasoning_effort").is_some() && !traits.knows_effort() {
            return Err(plain(
                "Unrecognized request argument supplied: reasoning_effort",
            ));
        }
        return Ok(());
    }
    if set(body, "max_tokens").is_some() {
        return Err(unsupported_parameter(
            "max_tokens",
            Some("max_completion_tokens"),
        ));
    }
    for param in ["stop", "logit_bias"] {
        if set(body, param).is_some() {
            return Err(unsupported_parameter(param, None));
        }
    }
    effort(body, traits)?;
    sampling(body, traits)
}

fn effort(body: &Value, traits: &Traits) -> Result<(), Refusal> {
    let (Some(value), Some(allowed)) = (set(body, "reasoning_effort"), traits.efforts()) else {
        return Ok(());
    };
    let Some(word) = value.as_str() else {
        return Ok(());
    };
    if allowed.contains(&word) || !super::shape::EFFORTS.contains(&word) {
        return Ok(());
    }
    let rest = format!(" Supported values are: {}.", enumerate(allowed));
    Err(unsupported_value("reasoning_effort", value, &rest))
}

fn sampling(body: &Value, traits: &Traits) -> Result<(), Refusal> {
    let thinks = match text(body, "reasoning_effort") {
        "" => traits.thinks_by_default(),
        "none" => !traits.reasoning_can_be_off(),
        _ => true,
    };
    if !thinks {
        return Ok(());
    }
    let off = |value: &Value, default: f64| value.as_f64().is_some_and(|given| given != default);
    for (param, default) in [("temperature", 1.0), ("top_p", 1.0)] {
        let Some(value) = set(body, param).filter(|value| off(value, default)) else {
            continue;
        };
        if param == "top_p" {
            return Err(unsupported_parameter(param, None));
        }
        let rest = " Only the default (1) value is supported.";
        return Err(unsupported_value(param, value, rest));
    }
    for param in ["presence_penalty", "frequency_penalty"] {
        if set(body, param).is_some_and(|value| off(value, 0.0)) {
            return Err(unsupported_parameter(param, None));
        }
    }
    if flag(body, "logprobs") == Some(true) {
        return Err(unsupported_parameter("logprobs", None));
    }
    if set(body, "top_logprobs").is_some() {
        return Err(unsupported_parameter("top_logprobs", None));
    }
    Ok(())
}

/// Rules between parameters whose types are already right.
pub(super) fn consistent(body: &Value, traits: &Traits) -> Result<(), Refusal> {
    let stream = flag(body, "stream") == Some(true);
    if set(body, "stream_options").is_some() && !stream {
        return Err(refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            Some("stream_options"),
            None,
        ));
    }
    if set(body, "top_logprobs").is_some() && flag(body, "logprobs") != Some(true) {
        return Err(refuse(
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
            Some("top_logprobs"),
            None,
        ));
    }
    if let (Some(old), Some(new)) = (set(body, "max_tokens"), set(body, "max_completion_tokens")) {
        return Err(refuse(
            &format!(
                "Setting 'max_tokens' ({old}) and 'max_completion_tokens' ({new}) at the same \
                 time is not supported."
            ),
            Some("max_tokens"),
            Some("invalid_parameter_combination"),
        ));
    }
    stop(body)?;
    metadata(body)?;
    let audio = list(body, "modalities").iter().any(|word| word == "audio");
    if audio && set(body, "audio").is_none() {
        return Err(refuse(
            "When requesting audio output, the 'audio' parameter is required.",
            Some("audio"),
            None,
        ));
    }
    effort_beside_tools(body, traits)
}

fn stop(body: &Value) -> Result<(), Refusal> {
    let stops = list(body, "stop");
    if stops.len() > 4 {
        return Err(long_array("stop", 4, stops.len()));
    }
    if matches!(body.get("stop"), Some(Value::Array(items)) if items.is_empty()) {
        return Err(empty_array("stop"));
    }
    Ok(())
}

fn metadata(body: &Value) -> Result<(), Refusal> {
    let Some(pairs) = body.get("metadata").and_then(Value::as_object) else {
        return Ok(());
    };
    if pairs.len() > 16 {
        return Err(refuse(
            &format!(
                "Invalid 'metadata': too many properties. Expected an object with at most 16 \
                 properties, but got an object with {} properties instead.",
                pairs.len()
            ),
            Some("metadata"),
            Some("object_above_max_properties"),
        ));
    }
    for (key, value) in pairs {
        let length = value.as_str().map_or(0, |value| value.chars().count());
        if length > 512 {
            return Err(long_text(&format!("metadata.{key}"), 512, length));
        }
    }
    Ok(())
}

/// openai/openai-openapi#541: such requests belong to the Responses API.
fn effort_beside_tools(body: &Value, traits: &Traits) -> Result<(), Refusal> {
    let effort = text(body, "reasoning_effort");
    let offered = list(body, "tools")
        .iter()
        .any(|tool| text(tool, "type") == "function");
    if !offered || effort == "none" || !traits.refuses_effort_with_tools() {
        return Ok(());
    }
    let instead = if traits.wants_reasoning_off_for_tools() {
        "To use function tools, use /v1/responses or set reasoning_effort to 'none'."
    } else if effort.is_empty() {
        return Ok(());
    } else {
        "Please use /v1/responses instead."
    };
    Err(refuse(
        &format!(
            "Function tools with reasoning_effort are not supported for {} in \
             /v1/chat/completions. {instead}",
            text(body, "model")
        ),
        Some("reasoning_effort"),
        None,
    ))
}
