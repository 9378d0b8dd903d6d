//! Rules between parameters: sampling, thinking, effort, output format and limits.

use serde_json::Value;

use super::model::Traits;
use super::schema;
use super::wording::{EXTRA, refuse};
use super::{Call, Version};
use crate::prompt::Refusal;
use crate::strict::{list, set, text, whole};

/// Checks everything but messages and tools.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    limits(call)?;
    sampling(call)?;
    thinking(call)?;
    effort(call)?;
    output_format(call)
}

fn limits(call: &Call<'_>) -> Result<(), Refusal> {
    let most = call.traits.output_max();
    let asked = call.body.get("max_tokens").and_then(whole);
    if let (Some(asked), Some(most)) = (asked, most)
        && asked > most
    {
        return Err(refuse(&format!(
            "max_tokens: {asked} > {most}, which is the maximum allowed number of output tokens \
             for {}",
            text(call.body, "model")
        )));
    }
    let stops = list(call.body, "stop_sequences");
    let blank = |stop: &Value| stop.as_str().is_some_and(|text| text.trim().is_empty());
    if stops.iter().any(blank) {
        return Err(refuse(
            "stop_sequences: each stop sequence must contain non-whitespace",
        ));
    }
    Ok(())
}

fn sampling(call: &Call<'_>) -> Result<(), Refusal> {
    let given = |key: &str| set(call.body, key).and_then(Value::as_f64);
    let parameters = ["temperature", "top_p", "top_k"];
    if call.version == Version::V20261021 {
        // Refused at any value, on every model.
        return match parameters.iter().find(|key| given(key).is_some()) {
            Some(key) => Err(refuse(&format!("{key}: {EXTRA}"))),
            None => Ok(()),
        };
    }
    let (temperature, top_p) = (given("temperature"), given("top_p"));
    if temperature.is_some() && top_p.is_some() && call.traits.one_sampling_parameter() {
        return Err(refuse(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only \
             one.",
        ));
    }
    if call.traits.adaptive_only() {
        let off_default = [
            ("temperature", temperature.is_some_and(|value| value != 1.0)),
            ("top_p", top_p.is_some_and(|value| value != 1.0)),
            ("top_k", given("top_k").is_some()),
        ];
        if let Some((key, _)) = off_default.iter().find(|(_, off)| *off) {
            return Err(refuse(&format!("`{key}` is deprecated for this model.")));
        }
    }
    if !call.thinks_openly() {
        return Ok(());
    }
    let consult = "Please consult our documentation at \
                   https://docs.claude.com/en/docs/build-with-claude/extended-thinking";
    if temperature.is_some_and(|value| value != 1.0) {
        return Err(refuse(&format!(
            "`temperature` may only be set to 1 when thinking is enabled. {consult}"
        )));
    }
    if top_p.is_some_and(|value| value < 0.95) {
        return Err(refuse(&format!(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled. \
             {consult}"
        )));
    }
    if given("top_k").is_some() {
        return Err(refuse(&format!(
            "`top_k` must be unset when thinking is enabled. {consult}"
        )));
    }
    Ok(())
}

fn thinking(call: &Call<'_>) -> Result<(), Refusal> {
    let mode = call.thinking_mode();
    let traits = call.traits;
    let model = text(call.body, "model");
    match mode {
        "enabled" if traits.adaptive_only() => {
            return Err(refuse(
                "\"thinking.type.enabled\" is not supported for this model. Use \
                 \"thinking.type.adaptive\" and \"output_config.effort\" to control thinking \
                 behavior.",
            ));
        }
        "enabled" if !traits.thinks() => {
            return Err(refuse(&format!("'{model}' does not support thinking.")));
        }
        "adaptive" if !traits.knows_adaptive() => {
            return Err(refuse("adaptive thinking is not supported on this model"));
        }
        "disabled" if traits.always_thinks() || traits.thinks_between_tools() => {
            return Err(refuse(
                "\"thinking.type.disabled\" is not supported for this model.",
            ));
        }
        "between_tools" if !traits.thinks_between_tools() => {
            return Err(refuse(
                "\"thinking.type.between_tools\" is not supported for this model.",
            ));
        }
        _ => {}
    }
    budget(call)?;
    let choice = call.body.get("tool_choice").unwrap_or(&Value::Null);
    let forced = matches!(text(choice, "type"), "any" | "tool");
    if forced && (mode == "enabled" || traits.always_thinks()) {
        return Err(refuse(
            "Thinking may not be enabled when tool_choice forces tool use.",
        ));
    }
    Ok(())
}

fn budget(call: &Call<'_>) -> Result<(), Refusal> {
    let wanted = call
        .body
        .get("thinking")
        .and_then(|thinking| thinking.get("budget_tokens"))
        .and_then(whole);
    let most = call.body.get("max_tokens").and_then(whole);
    let (Some(wanted), Some(most)) = (wanted, most) else {
        return Ok(());
    };
    // Interleaved thinking spends one budget over several turns of the tool loop.
    let interleaved = call.beta("interleaved-thinking") && !list(call.body, "tools").is_empty();
    if wanted < most || interleaved {
        return Ok(());
    }
    Err(refuse(
        "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our \
         documentation at \
         https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size",
    ))
}

fn effort(call: &Call<'_>) -> Result<(), Refusal> {
    let config = call.body.get("output_config").unwrap_or(&Value::Null);
    let (Some(level), Some(levels)) = (set(config, "effort"), call.traits.efforts()) else {
        return Ok(());
    };
    let level = level.as_str().unwrap_or_default();
    if levels.is_empty() {
        return Err(refuse("This model does not support the effort parameter."));
    }
    if levels.contains(&level) {
        return Ok(());
    }
    Err(refuse(&format!(
        "This model does not support effort level '{level}'. Supported levels: {}.",
        levels.join(", ")
    )))
}

fn output_format(call: &Call<'_>) -> Result<(), Refusal> {
    let config = call.body.get("output_config").unwrap_or(&Value::Null);
    let current = set(config, "format");
    let old = set(call.body, "output_format");
    if old.is_some() && !call.beta("structured-outputs-") {
        return Err(refuse(&format!("output_format: {EXTRA}")));
    }
    let Some(format) = current.or(old) else {
        return Ok(());
    };
    let path = if current.is_some() {
        "output_config.format"
    } else {
        "output_format"
    };
    if !call.traits.takes_format() {
        return Err(refuse(&format!(
            "'{}' does not support output format.",
            text(call.body, "model")
        )));
    }
    schema::check(format.get("schema").unwrap_or(&Value::Null))
        .map_err(|fault| refuse(&format!("{path}.schema: {fault}")))
}

/// Whether the model's thoughts are shown: asked for, or the default of models before 4.7.
pub(super) fn shows_thoughts(body: &Value, traits: Traits) -> bool {
    let thinking = body.get("thinking").unwrap_or(&Value::Null);
    match text(thinking, "display") {
        "omitted" => false,
        "" => !traits.adaptive_only() && matches!(text(thinking, "type"), "enabled" | "adaptive"),
        _ => true,
    }
}
