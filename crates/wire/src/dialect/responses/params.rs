//! Parameters of a request: effort, limits, sampling, and what the API lacks (wire-protocols §4,
//! §9).

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::capability::{Reasoning, Sampling};
use crate::chat::{ChatRequest, Effort};
use crate::error::EncodeError;
use crate::notes::{NO_EQUIVALENT, Notes, unsupported};
use crate::profile::ParamRule;

/// Least `max_output_tokens` that the API takes.
const OUTPUT_MIN: u64 = 16;
/// How the output limit is named to the caller.
const LIMIT_FIELD: &str = "max_completion_tokens";
const EFFORT_FIELD: &str = "reasoning_effort";

/// Members of a chat request that the Responses API refuses.
pub(super) const CHAT_ONLY: [&str; 14] = [
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "messages",
    "modalities",
    "n",
    "prediction",
    "presence_penalty",
    "response_format",
    "seed",
    "stop",
];

/// Carried fields that have the same name and meaning there, and are taken by OpenAI and Azure.
const SAME: [&str; 4] = [
    "service_tier",
    "prompt_cache_key",
    "moderation",
    "prompt_cache_options",
];
/// Carried fields that are translated, or named, elsewhere.
const PLACED: [&str; 5] = [
    "store",
    "verbosity",
    "web_search_options",
    "modalities",
    "audio",
];

/// Names what has no place in a response, and refuses what can't be left out.
pub(super) fn without_equivalent(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(unsupported(
            "n",
            "This model is called over the Responses API, which gives one choice a call. Send \
             `n: 1`, or several requests.",
        ));
    }
    let modalities = request.carried.get("modalities").and_then(Value::as_array);
    let is_text = |mode: &Value| mode.as_str() == Some("text");
    if modalities.is_some_and(|modes| !modes.iter().all(is_text)) {
        return Err(unsupported(
            "modalities",
            "This model is called over the Responses API, which answers in text. Leave \
             `modalities` out or send `[\"text\"]`.",
        ));
    }
    let nonzero = |value: Option<f64>| value.is_some_and(|value| value.abs() > f64::EPSILON);
    let lacking = [
        ("frequency_penalty", nonzero(request.frequency_penalty)),
        ("presence_penalty", nonzero(request.presence_penalty)),
        (
            "logit_bias",
            request
                .logit_bias
                .as_ref()
                .is_some_and(|bias| !bias.is_empty()),
        ),
        ("seed", request.seed.is_some()),
        ("stop", !request.stop.is_empty()),
        ("top_k", request.top_k.is_some()),
        ("audio", request.carried.contains_key("audio")),
        ("cache_control", request.cache_control.is_some()),
    ];
    for (field, is_set) in lacking {
        if is_set {
            notes.drop(field, NO_EQUIVALENT)?;
        }
    }
    for field in &request.unread {
        notes.drop(field, "it is not known")?;
    }
    Ok(())
}

/// Puts the parameters into the body.
pub(super) fn put(
    request: &ChatRequest,
    target: &Target,
    body: &mut Map<String, Value>,
    include: &mut Vec<&'static str>,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(key.to_owned(), value);
        }
    };
    set(
        "max_output_tokens",
        limit(request, target, notes).map(Value::from),
    );
    let effort = effort(request, target, notes)?;
    let word = effort.map(|effort| json!({ "effort": effort.as_str() }));
    set("reasoning", word);
    let thinks = effort.is_some_and(|effort| effort > Effort::None);
    let (temperature, top_p) = sampling(request, target, thinks, notes)?;
    set("temperature", temperature.map(Value::from));
    set("top_p", top_p.map(Value::from));
    if request.logprobs == Some(true) || request.top_logprobs.is_some() {
        if target.capabilities.logprobs {
            include.push("message.output_text.logprobs");
            set("top_logprobs", request.top_logprobs.map(Value::from));
        } else {
            notes.drop("logprobs", "this model gives none")?;
        }
    }
    for (field, value) in [
        ("user", request.user.clone().map(Value::from)),
        (
            "safety_identifier",
            request.safety_identifier.clone().map(Value::from),
        ),
        ("metadata", request.metadata.clone().map(Value::from)),
    ] {
        if value.is_some() && lacks(target, field) {
            notes.drop(field, NO_EQUIVALENT)?;
        } else {
            set(field, value);
        }
    }
    let pad = request.stream_options.include_obfuscation;
    if let Some(pad) = pad.filter(|_| request.stream) {
        set(
            "stream_options",
            Some(json!({ "include_obfuscation": pad })),
        );
    }
    // Stored only where the caller says so: chat completions do not store by default either, and
    // the next request brings all state along.
    let store = request
        .carried
        .get("store")
        .filter(|store| store.is_boolean());
    set("store", Some(store.cloned().unwrap_or(Value::Bool(false))));
    for (key, value) in &request.carried {
        let asks = !value.is_null() && *value != Value::Bool(false);
        let takes_options = key != "prompt_cache_options" || target.capabilities.cache_breakpoints;
        if SAME.contains(&key.as_str()) && takes_options && !lacks(target, key) {
            set(key, Some(value.clone()));
        } else if asks && !PLACED.contains(&key.as_str()) {
            notes.drop(key, NO_EQUIVALENT)?;
        }
    }
    Ok(())
}

/// Whether the provider has no such parameter, by the rules of its wire.
fn lacks(target: &Target, field: &str) -> bool {
    target.endpoint.profile.params.get(field) == Some(&ParamRule::Drop)
}

/// The output limit, which includes reasoning on both sides.
fn limit(request: &ChatRequest, target: &Target, notes: &mut Notes) -> Option<u64> {
    let asked = request.max_output_tokens?;
    let most = target.capabilities.max_output.unwrap_or(u64::MAX);
    let limit = asked.max(OUTPUT_MIN).min(most);
    if limit != asked {
        notes.change(LIMIT_FIELD, limit);
    }
    Some(limit)
}

/// The effort that the model takes for the one that was asked for.
fn effort(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Option<Effort>, EncodeError> {
    let Some(asked) = request.reasoning_effort else {
        return Ok(None);
    };
    let levels: &[Effort] = match &target.capabilities.reasoning {
        Reasoning::None if asked == Effort::None => return Ok(None),
        Reasoning::None => {
            notes.drop(EFFORT_FIELD, "this model does not think")?;
            return Ok(None);
        }
        Reasoning::Effort { levels } | Reasoning::Adaptive { levels, .. } => levels,
        Reasoning::Unknown | Reasoning::Budget { .. } => &[],
    };
    let effort = asked.step_to(levels).unwrap_or(asked);
    if effort != asked {
        notes.change(EFFORT_FIELD, effort.as_str());
    }
    Ok(Some(effort))
}

/// `temperature` and `top_p` as far as the model takes them.
fn sampling(
    request: &ChatRequest,
    target: &Target,
    thinks: bool,
    notes: &mut Notes,
) -> Result<(Option<f64>, Option<f64>), EncodeError> {
    let mut kept = |field: &str, value: Option<f64>| -> Result<Option<f64>, EncodeError> {
        let Some(number) = value else {
            return Ok(None);
        };
        let is_default = (number - 1.0).abs() < f64::EPSILON;
        let taken = match target.capabilities.sampling {
            Sampling::Free => true,
            Sampling::UnlessThinking => !thinks || is_default,
            Sampling::DefaultOnly => is_default,
            Sampling::Never => false,
        };
        if taken {
            return Ok(value);
        }
        notes.drop(field, "this model takes only the default")?;
        Ok(None)
    };
    Ok((
        kept("temperature", request.temperature)?,
        kept("top_p", request.top_p)?,
    ))
}
