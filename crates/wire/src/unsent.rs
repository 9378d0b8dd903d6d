//! Fields that an API has no equivalent of, named or refused (wire-protocols §4): what Anthropic and
//! Bedrock lack alike.

use serde_json::{Map, Value};

use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::notes::{Notes, unsupported};
use crate::sampling::is_other;

/// Names every field that is set and has no equivalent; refuses those whose absence would give
/// another answer than the one asked for.
///
/// `who` is one of the models ("an Anthropic model"); `placed` are the carried fields that are
/// translated elsewhere.
///
/// # Errors
/// Several choices, output other than text; under `strict_params` every field.
pub(crate) fn without_equivalent(
    request: &ChatRequest,
    who: &str,
    placed: &[&str],
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(unsupported(
            "n",
            format!("The API of {who} gives one choice a call. Send `n: 1`, or several requests."),
        ));
    }
    let modalities = request.carried.get("modalities").and_then(Value::as_array);
    let silent = |mode: &Value| mode.as_str() == Some("text");
    if modalities.is_some_and(|modes| !modes.iter().all(silent)) {
        return Err(unsupported(
            "modalities",
            format!(
                "The API of {who} answers in text only. Leave `modalities` out or send `[\"text\"]`."
            ),
        ));
    }
    for (field, is_set) in lacking(request) {
        if is_set {
            notes.drop(field, "the API has no equivalent")?;
        }
    }
    for (field, value) in &request.carried {
        let asks = !value.is_null() && *value != Value::Bool(false);
        if asks && !placed.contains(&field.as_str()) {
            notes.drop(field, "the API has no equivalent")?;
        }
    }
    for field in &request.unread {
        notes.drop(field, "it is not known")?;
    }
    Ok(())
}

/// Fields of the hub that the API lacks, and whether they ask for other than the default.
fn lacking(request: &ChatRequest) -> [(&'static str, bool); 7] {
    let nonzero = |value: Option<f64>| value.is_some_and(|value| is_other(value, 0.0));
    let filled = |map: &Option<Map<String, Value>>| map.as_ref().is_some_and(|map| !map.is_empty());
    let obfuscation = request.stream_options.include_obfuscation;
    [
        ("seed", request.seed.is_some()),
        ("frequency_penalty", nonzero(request.frequency_penalty)),
        ("presence_penalty", nonzero(request.presence_penalty)),
        ("logit_bias", filled(&request.logit_bias)),
        ("logprobs", request.logprobs == Some(true)),
        (
            "top_logprobs",
            request.top_logprobs.is_some_and(|top| top > 0),
        ),
        (
            "stream_options.include_obfuscation",
            obfuscation == Some(true),
        ),
    ]
}
