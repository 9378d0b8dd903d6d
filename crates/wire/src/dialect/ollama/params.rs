//! Scalar parameters: `options`, thinking, log probabilities, and what the API lacks
//! (wire-protocols §4, §9).

use serde_json::{Map, Value};

use crate::adapter::Target;
use crate::capability::{Reasoning, Sampling};
use crate::chat::{ChatRequest, Effort};
use crate::error::EncodeError;
use crate::notes::{NO_EQUIVALENT, Notes, unsupported};

/// How the output limit is named to the caller.
const MAX_TOKENS_FIELD: &str = "max_completion_tokens";
const EFFORT_FIELD: &str = "reasoning_effort";
/// Words that `think` takes beside `true` and `false`, for models that know them (gpt-oss).
const LEVELS: [Effort; 3] = [Effort::Low, Effort::Medium, Effort::High];
/// Members that callers of OpenAI's shape send for this provider, and the option that each is.
const EXTRA_OPTIONS: [(&str, &str); 4] = [
    ("min_p", "min_p"),
    ("num_ctx", "num_ctx"),
    ("repeat_penalty", "repeat_penalty"),
    ("repetition_penalty", "repeat_penalty"),
];
/// The same for the top level of the body.
const KEEP_ALIVE: &str = "keep_alive";

/// Members of the caller's body that OpenAI does not know and this API does, as its own; names
/// those that nobody knows.
pub(super) fn extra_members(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let (mut own, mut options) = (Map::new(), Map::new());
    let mut read: Vec<&str> = Vec::new();
    for (field, option) in EXTRA_OPTIONS {
        if let Some(value) = request.unknown.get(field).filter(|value| value.is_number()) {
            options.insert(option.to_owned(), value.clone());
            read.push(field);
        }
    }
    if let Some(value) = request.unknown.get(KEEP_ALIVE) {
        own.insert(KEEP_ALIVE.to_owned(), value.clone());
        read.push(KEEP_ALIVE);
    }
    if !options.is_empty() {
        own.insert("options".to_owned(), options.into());
    }
    for field in &request.unread {
        if !read.contains(&field.as_str()) {
            notes.drop(field, "it is not known")?;
        }
    }
    Ok(own)
}

/// `options`, but for `num_ctx`.
pub(super) fn options(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let takes = &target.capabilities;
    let mut options = Map::new();
    let mut put = |key: &str, value: Value| {
        options.insert(key.to_owned(), value);
    };
    if let Some(asked) = request.max_output_tokens {
        let limit = asked.min(takes.max_output.unwrap_or(u64::MAX));
        if limit != asked {
            notes.change(MAX_TOKENS_FIELD, limit);
        }
        put("num_predict", limit.into());
    }
    let free = matches!(takes.sampling, Sampling::Free | Sampling::UnlessThinking);
    let sampling = [
        ("temperature", request.temperature.map(Value::from)),
        ("top_p", request.top_p.map(Value::from)),
        ("top_k", request.top_k.map(Value::from)),
    ];
    for (field, asked) in sampling {
        match asked {
            Some(value) if free => put(field, value),
            Some(_) => notes.drop(field, "the model takes it at its default only")?,
            None => {}
        }
    }
    let penalties = [
        ("frequency_penalty", request.frequency_penalty),
        ("presence_penalty", request.presence_penalty),
    ];
    for (field, asked) in penalties {
        match asked {
            Some(penalty) if takes.penalties => put(field, penalty.into()),
            Some(_) => notes.drop(field, "the model takes no penalties")?,
            None => {}
        }
    }
    match request.seed {
        Some(seed) if takes.seed => put("seed", seed.into()),
        Some(_) => notes.drop("seed", "the model takes none")?,
        None => {}
    }
    let most = takes.stop_max.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    });
    let stops: Vec<&str> = request
        .stop
        .iter()
        .map(String::as_str)
        .filter(|stop| !stop.is_empty())
        .take(most)
        .collect();
    if stops.len() < request.stop.len() {
        notes.drop("stop", "the model takes fewer stop sequences, none empty")?;
    }
    if !stops.is_empty() {
        put("stop", stops.into());
    }
    Ok(options)
}

/// `think`: a switch, or a word for models that take one. One among the caller's own options
/// replaces ours.
pub(super) fn think(
    request: &ChatRequest,
    own: &Map<String, Value>,
    target: &Target,
    notes: &mut Notes,
) -> Result<Option<Value>, EncodeError> {
    let Some(effort) = request
        .reasoning_effort
        .filter(|_| !own.contains_key("think"))
    else {
        return Ok(None);
    };
    Ok(match &target.capabilities.reasoning {
        // "does not support thinking" is an error there.
        Reasoning::None => {
            if effort != Effort::None {
                notes.drop(EFFORT_FIELD, "the model does not think")?;
            }
            None
        }
        Reasoning::Effort { levels } if effort != Effort::None || !can_disable(levels) => {
            let words: Vec<Effort> = LEVELS
                .into_iter()
                .filter(|level| levels.contains(level))
                .collect();
            let level = effort.step_to(&words).unwrap_or(Effort::Medium);
            if level != effort {
                notes.change(EFFORT_FIELD, level.as_str());
            }
            Some(level.as_str().into())
        }
        // Such models are told whether to think and not how hard.
        _ => Some((effort != Effort::None).into()),
    })
}

fn can_disable(levels: &[Effort]) -> bool {
    levels.contains(&Effort::None)
}

/// `logprobs` and `top_logprobs`, of OpenAI's names.
pub(super) fn logprobs(
    request: &ChatRequest,
    target: &Target,
    put: &mut impl FnMut(&str, Value),
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    if request.logprobs != Some(true) {
        return Ok(());
    }
    if !target.capabilities.logprobs {
        return notes.drop("logprobs", "the model gives none");
    }
    put("logprobs", true.into());
    if let Some(top) = request.top_logprobs {
        put("top_logprobs", top.into());
    }
    Ok(())
}

/// Names every field that is set and has no equivalent; refuses those whose absence would give
/// another answer than the one asked for.
pub(super) fn without_equivalent(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(unsupported(
            "n",
            "Ollama gives one choice a call. Send `n: 1`, or several requests.",
        ));
    }
    let modalities = request.carried.get("modalities").and_then(Value::as_array);
    let silent = |mode: &Value| mode.as_str() == Some("text");
    if modalities.is_some_and(|modes| !modes.iter().all(silent)) {
        return Err(unsupported(
            "modalities",
            "Ollama's models answer in text only. Leave `modalities` out or send `[\"text\"]`.",
        ));
    }
    for (field, is_set) in lacking(request) {
        if is_set {
            notes.drop(field, NO_EQUIVALENT)?;
        }
    }
    for (field, value) in &request.carried {
        let is_set = !value.is_null() && *value != Value::Bool(false);
        if is_set && field != "modalities" {
            notes.drop(field, NO_EQUIVALENT)?;
        }
    }
    Ok(())
}

/// Fields of the hub that the API lacks, and whether they ask for other than the default.
fn lacking(request: &ChatRequest) -> [(&'static str, bool); 7] {
    let filled = |map: &Option<Map<String, Value>>| map.as_ref().is_some_and(|map| !map.is_empty());
    [
        ("logit_bias", filled(&request.logit_bias)),
        ("user", request.user.is_some()),
        ("safety_identifier", request.safety_identifier.is_some()),
        ("metadata", filled(&request.metadata)),
        (
            "parallel_tool_calls",
            request.parallel_tool_calls == Some(false) && !request.tools.is_empty(),
        ),
        ("cache_control", request.cache_control.is_some()),
        (
            "stream_options.include_obfuscation",
            request.stream_options.include_obfuscation == Some(true),
        ),
    ]
}
