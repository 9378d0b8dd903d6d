//! Scalar parameters: thinking and its budget, the output limit, sampling, and what the API lacks
//! (wire-protocols §4, §9).

use serde_json::{Map, Value, json};

use super::v1;
use crate::adapter::Target;
use crate::capability::{Reasoning, Sampling};
use crate::chat::{ChatRequest, Effort};
use crate::error::EncodeError;
use crate::notes::{NO_EQUIVALENT, Notes, unsupported};
use crate::sampling::{is_other, number};

/// Most stop sequences, where the catalog names no other number.
const STOP_MAX: usize = 5;
/// Least and largest `p`.
const P_RANGE: (f64, f64) = (0.01, 0.99);
/// Largest `k`.
const K_MAX: u64 = 500;
/// The `priority` that is served last; 0, the default, is served first.
const PRIORITY_LAST: u32 = 999;
/// How the output limit is named to the caller.
const MAX_TOKENS_FIELD: &str = "max_completion_tokens";
const EFFORT_FIELD: &str = "reasoning_effort";

/// `thinking` and `max_tokens`. A `thinking` among the caller's own options replaces ours.
pub(super) fn thinking_and_limit(
    request: &ChatRequest,
    own: &Map<String, Value>,
    target: &Target,
    body: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let most = target.capabilities.max_output;
    let mut limit = request
        .max_output_tokens
        .map(|asked| asked.min(most.unwrap_or(u64::MAX)));
    let mut thinking = match request.reasoning_effort {
        Some(_) if own.contains_key("thinking") => None,
        Some(effort) => Thinking::of(effort, &target.capabilities.reasoning, notes)?,
        None => None,
    };
    if let (Some(Thinking::Budget(budget)), Some(max)) = (&mut thinking, &mut limit)
        && *budget >= *max
    {
        // Room for the answer that was asked for, behind the thinking (wire-protocols §9).
        *max = budget.saturating_add(*max).min(most.unwrap_or(u64::MAX));
        if *budget >= *max {
            *budget = max.saturating_sub(1);
            notes.change(EFFORT_FIELD, format!("{budget} tokens"));
        }
    }
    if limit != request.max_output_tokens
        && let Some(max) = limit
    {
        notes.change(MAX_TOKENS_FIELD, max);
    }
    if let Some(thinking) = thinking {
        body.insert("thinking".to_owned(), thinking.to_wire());
    }
    if let Some(max) = limit {
        body.insert("max_tokens".to_owned(), max.into());
    }
    Ok(())
}

/// The wire's `thinking`.
enum Thinking {
    Off,
    On,
    Budget(u64),
}

impl Thinking {
    fn of(
        effort: Effort,
        reasoning: &Reasoning,
        notes: &mut Notes,
    ) -> Result<Option<Self>, EncodeError> {
        let (least, most, can_disable) = match reasoning {
            Reasoning::None => {
                if effort != Effort::None {
                    notes.drop(EFFORT_FIELD, "the model does not think")?;
                }
                return Ok(None);
            }
            Reasoning::Unknown => (1, u64::MAX, true),
            Reasoning::Budget {
                min,
                max,
                can_disable,
            } => (*min, *max, *can_disable),
            // Such models are told whether to think and not how hard.
            Reasoning::Effort { .. } | Reasoning::Adaptive { .. } => {
                let can_disable = match reasoning {
                    Reasoning::Adaptive { can_disable, .. } => *can_disable,
                    Reasoning::Effort { levels } => levels.contains(&Effort::None),
                    _ => true,
                };
                return Ok(Some(if effort == Effort::None && can_disable {
                    Self::Off
                } else {
                    Self::On
                }));
            }
        };
        if effort == Effort::None && can_disable {
            return Ok(Some(Self::Off));
        }
        // A budget must be positive.
        let budget = effort.budget_tokens().clamp(least.max(1), most.max(1));
        let nearest = Effort::nearest_to_budget(budget);
        if nearest != effort {
            notes.change(EFFORT_FIELD, nearest.as_str());
        }
        Ok(Some(Self::Budget(budget)))
    }

    fn to_wire(&self) -> Value {
        match self {
            Self::Off => json!({"type": "disabled"}),
            Self::On => json!({"type": "enabled"}),
            Self::Budget(tokens) => json!({"type": "enabled", "token_budget": tokens}),
        }
    }
}

/// Sampling, penalties, seed, stops, log probabilities and priority.
pub(super) fn sampling(
    request: &ChatRequest,
    target: &Target,
    body: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let free = matches!(
        target.capabilities.sampling,
        Sampling::Free | Sampling::UnlessThinking
    );
    let mut put = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    let ranged = [
        (
            "temperature",
            "temperature",
            request.temperature,
            (0.0, 1.0),
        ),
        ("top_p", "p", request.top_p, P_RANGE),
    ];
    for (field, key, asked, range) in ranged {
        let Some(asked) = asked else { continue };
        if free {
            put(key, number(within(field, asked, range, notes)));
        } else {
            notes.drop(field, "the model takes it at its default only")?;
        }
    }
    if let Some(asked) = request.top_k {
        if free {
            let k = asked.min(K_MAX);
            if k != asked {
                notes.change("top_k", k);
            }
            put("k", k.into());
        } else {
            notes.drop("top_k", "the model takes it at its default only")?;
        }
    }
    for (field, penalty) in penalties(request, target, notes)? {
        put(field, number(penalty));
    }
    match request.seed {
        Some(seed) if seed >= 0 && target.capabilities.seed => put("seed", seed.into()),
        Some(_) => notes.drop("seed", "the model takes no such seed")?,
        None => {}
    }
    let stops = stop_sequences(request, target, notes)?;
    if !stops.is_empty() {
        put("stop_sequences", stops.into());
    }
    if request.logprobs == Some(true) {
        if target.capabilities.logprobs {
            put("logprobs", true.into());
        } else {
            notes.drop("logprobs", "the model gives none")?;
        }
    }
    if let Some(priority) = priority(request, target, notes)? {
        put("priority", priority.into());
    }
    Ok(())
}

/// A number within a range, with a note of what it became.
fn within(field: &str, asked: f64, (low, high): (f64, f64), notes: &mut Notes) -> f64 {
    let value = asked.clamp(low, high);
    if is_other(asked, value) {
        notes.change(field, value);
    }
    value
}

/// Penalties are 0 to 1. Models refuse the two together ("only one of 'presence_penalty' and
/// 'frequency_penalty' can be specified for this model", wire-protocols §4 note 12): the frequency
/// penalty, which says more, is kept.
fn penalties(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Vec<(&'static str, f64)>, EncodeError> {
    let asked = [
        ("frequency_penalty", request.frequency_penalty),
        ("presence_penalty", request.presence_penalty),
    ];
    let mut kept: Vec<(&'static str, f64)> = Vec::new();
    for (field, penalty) in asked {
        // 0 is the default and says nothing.
        let Some(penalty) = penalty.filter(|penalty| is_other(*penalty, 0.0)) else {
            continue;
        };
        if !target.capabilities.penalties {
            notes.drop(field, "the model takes no penalties")?;
        } else if kept.is_empty() {
            kept.push((field, within(field, penalty, (0.0, 1.0), notes)));
        } else {
            notes.drop(field, "the model takes it or `frequency_penalty`, not both")?;
        }
    }
    Ok(kept)
}

/// Stop sequences, as many as are taken.
fn stop_sequences(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Vec<Value>, EncodeError> {
    let most = target
        .capabilities
        .stop_max
        .map_or(STOP_MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let kept: Vec<Value> = request
        .stop
        .iter()
        .filter(|stop| !stop.is_empty())
        .take(most)
        .map(|stop| Value::from(stop.as_str()))
        .collect();
    if kept.len() < request.stop.len() {
        notes.drop("stop", "the model takes fewer stop sequences, none empty")?;
    }
    Ok(kept)
}

/// `service_tier` as `priority`: 0 is served first and is the default, higher numbers wait. v1 has
/// none.
fn priority(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Option<u32>, EncodeError> {
    const FIELD: &str = "service_tier";
    let has_tiers = !v1::is_spoken(&target.endpoint);
    Ok(match request.carried.get(FIELD).and_then(Value::as_str) {
        None | Some("auto" | "default" | "standard") => None,
        Some("priority" | "fast") if has_tiers => Some(0),
        Some("flex") if has_tiers => Some(PRIORITY_LAST),
        Some(_) => {
            notes.drop(FIELD, "the API has no such tier")?;
            None
        }
    })
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
            "A Cohere model gives one choice a call. Send `n: 1`, or several requests.",
        ));
    }
    let modalities = request.carried.get("modalities").and_then(Value::as_array);
    let silent = |mode: &Value| mode.as_str() == Some("text");
    if modalities.is_some_and(|modes| !modes.iter().all(silent)) {
        return Err(unsupported(
            "modalities",
            "Cohere models answer in text only. Leave `modalities` out or send `[\"text\"]`.",
        ));
    }
    if is_set(request.carried.get("web_search_options")) {
        return Err(unsupported(
            "web_search_options",
            "Cohere models do not search the web. Search yourself and send what you found as \
             `provider_options.cohere.documents`, or use a model that searches.",
        ));
    }
    for (field, is_set) in lacking(request) {
        if is_set {
            notes.drop(field, NO_EQUIVALENT)?;
        }
    }
    for (field, value) in &request.carried {
        if is_set(Some(value)) && !PLACED.contains(&field.as_str()) {
            notes.drop(field, NO_EQUIVALENT)?;
        }
    }
    for field in &request.unread {
        notes.drop(field, "it is not known")?;
    }
    Ok(())
}

/// Carried fields that are translated or refused elsewhere.
const PLACED: [&str; 3] = ["service_tier", "web_search_options", "modalities"];

fn is_set(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null() && *value != Value::Bool(false))
}

/// Fields of the hub that the API lacks, and whether they ask for other than the default.
fn lacking(request: &ChatRequest) -> [(&'static str, bool); 8] {
    let filled = |map: &Option<Map<String, Value>>| map.as_ref().is_some_and(|map| !map.is_empty());
    [
        ("logit_bias", filled(&request.logit_bias)),
        (
            "top_logprobs",
            request.top_logprobs.is_some_and(|top| top > 0),
        ),
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
