//! Rules of `generationConfig`: ranges, thinking by model, output format, logprobs.

use serde_json::Value;

use super::model::Traits;
use super::schema;
use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

const STOPS_MAX: usize = 5;
const CANDIDATES_MAX: f64 = 8.0;

/// Checks the settings of a generation.
pub(super) fn check(config: &Value, traits: Traits) -> Result<(), Refusal> {
    ranges(config)?;
    thinking(config.get("thinkingConfig").unwrap_or(&Value::Null), traits)?;
    format(config)?;
    let wanted = set(config, "logprobs").is_some();
    if wanted && config.get("responseLogprobs") != Some(&Value::Bool(true)) {
        return Err(refuse(
            "Logprobs should not be set when response_logprobs is not enabled.",
        ));
    }
    Ok(())
}

fn ranges(config: &Value) -> Result<(), Refusal> {
    let bounds = [
        ("temperature", "temperature", 0.0, 2.0),
        ("topP", "top_p", 0.0, 1.0),
        ("topK", "top_k", 1.0, 1_000.0),
        ("candidateCount", "candidate_count", 1.0, CANDIDATES_MAX),
        ("maxOutputTokens", "max_output_tokens", 1.0, 1e9),
        ("logprobs", "logprobs", 0.0, 20.0),
        ("presencePenalty", "presence_penalty", -2.0, 2.0),
        ("frequencyPenalty", "frequency_penalty", -2.0, 2.0),
    ];
    for (key, name, low, high) in bounds {
        let Some(given) = config.get(key).and_then(Value::as_f64) else {
            continue;
        };
        if given < low || given > high {
            return Err(refuse(&format!(
                "* GenerateContentRequest.generation_config.{name}: {name} must be in the range \
                 [{low}, {high}]."
            )));
        }
    }
    let stops = list(config, "stopSequences");
    if stops.len() > STOPS_MAX {
        return Err(refuse(&format!(
            "* GenerateContentRequest.generation_config.stop_sequences: at most {STOPS_MAX} stop \
             sequences may be given, got {}.",
            stops.len()
        )));
    }
    if stops.iter().any(|stop| stop == "") {
        return Err(refuse(
            "* GenerateContentRequest.generation_config.stop_sequences: stop sequences must not \
             be empty.",
        ));
    }
    Ok(())
}

fn thinking(config: &Value, traits: Traits) -> Result<(), Refusal> {
    let budget = set(config, "thinkingBudget").and_then(Value::as_f64);
    let level = text(config, "thinkingLevel");
    if !level.is_empty() && budget.is_some() {
        return Err(refuse(
            "You can only set only one of thinking budget and thinking level.",
        ));
    }
    if !level.is_empty() && !traits.takes_level() {
        return Err(refuse("Thinking level is not supported for this model."));
    }
    if level == "MINIMAL" && traits.refuses_minimal() {
        return Err(refuse(
            "Thinking level MINIMAL is not supported for this model.",
        ));
    }
    if (budget.is_some() || config.get("includeThoughts") == Some(&Value::Bool(true)))
        && !traits.thinks()
    {
        return Err(refuse("Thinking is not enabled for this model."));
    }
    let Some(budget) = budget else {
        return Ok(());
    };
    if budget == 0.0 && traits.always_thinks() {
        return Err(refuse(
            "Budget 0 is invalid. This model only works in thinking mode.",
        ));
    }
    if budget < -1.0 || budget > traits.budget_max() {
        return Err(refuse(&format!(
            "The thinking budget {budget} is invalid. Please choose a value between {} and {}.",
            traits.budget_min(),
            traits.budget_max()
        )));
    }
    Ok(())
}

fn format(config: &Value) -> Result<(), Refusal> {
    let open = set(config, "responseSchema");
    let json = set(config, "responseJsonSchema");
    if open.is_some() && json.is_some() {
        return Err(refuse(
            "* GenerateContentRequest.generation_config: only one of response_schema and \
             response_json_schema may be set.",
        ));
    }
    let media_type = text(config, "responseMimeType");
    if !matches!(
        media_type,
        "" | "text/plain" | "application/json" | "text/x.enum"
    ) {
        return Err(refuse(&format!(
            "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are \
             `text/plain`, `application/json`, `application/xml`, `application/yaml` and \
             `text/x.enum`. Got `{media_type}`."
        )));
    }
    let schema_given = open.is_some() || json.is_some();
    if schema_given && !matches!(media_type, "application/json" | "text/x.enum") {
        return Err(refuse(
            "* GenerateContentRequest.generation_config.response_mime_type: must be \
             `application/json` or `text/x.enum` when a response schema is set.",
        ));
    }
    open.map_or(Ok(()), |schema| {
        schema::check(
            schema,
            "GenerateContentRequest.generation_config.response_schema",
        )
    })
}
