//! Parameters under a vendor's rules (wire-protocols §4, §9).

use std::borrow::Cow;

use serde_json::{Value, json};

use super::super::params::Params;
use super::super::policy::{Notes, PARAMS, drop_param, unsupported};
use crate::adapter::Target;
use crate::capability::Reasoning;
use crate::chat::Effort;
use crate::error::EncodeError;
use crate::profile::{
    OutputLimit, ParamRule, Profile, ReasoningControl, StreamUsage, UnknownParams,
};

/// Members of OpenAI's own API besides [`PARAMS`]: a vendor's rules say of each whether it is taken.
const OPENAI_MEMBERS: [&str; 22] = [
    "model",
    "messages",
    "tools",
    "functions",
    "function_call",
    "user",
    "safety_identifier",
    "metadata",
    "service_tier",
    "prediction",
    "verbosity",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "store",
    "moderation",
    "modalities",
    "audio",
    "web_search_options",
    "cache_control",
    "provider",
    "provider_options",
];

/// Whether a profile may have something to do with a member of the body.
pub(in super::super) fn concerns(profile: &Profile, key: &str) -> bool {
    profile.params.contains_key(key)
        || profile.defaults.contains_key(key)
        || insists(profile, key)
        || stands_in(profile, key)
        || profile.reasoning.defaults.contains_key(key)
        || (profile.unknown_params == UnknownParams::Drop && is_unknown(key))
        || matches!(
            key,
            "thinking" | "enable_thinking" | "thinking_budget" | "reasoning" | "disable_reasoning"
        )
}

fn is_unknown(key: &str) -> bool {
    // Members that begin so are our own and never sent.
    !key.starts_with("x-") && !PARAMS.contains(&key) && !OPENAI_MEMBERS.contains(&key)
}

/// Applies the rules of the target's profile to parameters that hold OpenAI's names.
///
/// # Errors
/// A value that the vendor refuses, or anything that would be left out if the policy is strict.
pub(in super::super) fn params(
    params: &mut impl Params,
    notes: &mut Notes,
    target: &Target,
) -> Result<(), EncodeError> {
    let profile = target.endpoint.profile.as_ref();
    let thinks = thinks(params, target);
    for (key, rule) in &profile.params {
        if let Some(value) = params.get(key).cloned() {
            apply(params, notes, target, key, rule, &value, thinks)?;
        }
    }
    if profile.unknown_params == UnknownParams::Drop {
        let renamed = |key: &str| {
            profile
                .params
                .values()
                .any(|rule| matches!(rule, ParamRule::Rename(to) if to == key))
        };
        for key in params.names() {
            if is_unknown(&key) && !profile.params.contains_key(&key) && !renamed(&key) {
                drop_param(params, notes, target, &key)?;
            }
        }
    }
    output_limit(params, target);
    reasoning(params, notes, target);
    turn_stream(params, notes, target, thinks);
    if profile.stream_usage == StreamUsage::Always {
        params.remove("stream_options");
    }
    let thinker = !matches!(
        target.capabilities.reasoning,
        Reasoning::None | Reasoning::Unknown
    );
    insist(params, profile);
    let of_thinkers = profile.reasoning.defaults.iter().filter(|_| thinker);
    stand_in(params, profile.defaults.iter().chain(of_thinkers));
    Ok(())
}

/// Whether the model will think: one that is known to does unless told not to, another one does
/// only when told.
pub(in super::super) fn thinks(params: &impl Params, target: &Target) -> bool {
    let effort = params.get("reasoning_effort").and_then(Value::as_str);
    let switch = params
        .get("thinking")
        .and_then(|thinking| thinking.get("type"))
        .and_then(Value::as_str);
    let told = match (switch, effort) {
        (Some(switch), _) => Some(switch != "disabled"),
        (None, Some(effort)) => Some(effort != "none"),
        (None, None) => None,
    };
    match target.capabilities.reasoning {
        Reasoning::None => false,
        Reasoning::Unknown => told.unwrap_or(false),
        _ => told.unwrap_or(true),
    }
}

/// Asks for a stream, or for a whole answer, where the vendor gives the other one only.
fn turn_stream(params: &mut impl Params, notes: &mut Notes, target: &Target, thinks: bool) {
    let profile = &target.endpoint.profile;
    let streams = params.get("stream") == Some(&Value::Bool(true));
    let format = params
        .get("response_format")
        .and_then(|format| format.get("type"))
        .and_then(Value::as_str);
    if profile.thinks_only_streamed && thinks && !streams {
        params.insert("stream", true.into());
        params.insert("stream_options", json!({"include_usage": true}));
        notes.stream_turned = true;
    } else if profile.schema_never_streamed && streams && format == Some("json_schema") {
        params.remove("stream");
        params.remove("stream_options");
        notes.stream_turned = true;
    }
}

fn apply(
    params: &mut impl Params,
    notes: &mut Notes,
    target: &Target,
    key: &str,
    rule: &ParamRule,
    value: &Value,
    thinks: bool,
) -> Result<(), EncodeError> {
    match rule {
        ParamRule::Pass => {}
        ParamRule::UnlessThinking if !thinks => {}
        ParamRule::Drop | ParamRule::UnlessThinking => {
            if says_nothing(key, value) {
                params.remove(key);
            }
            drop_param(params, notes, target, key)?;
        }
        ParamRule::Refuse => {
            return Err(unsupported(
                key,
                format!(
                    "`{}` has nothing that does what `{key}` asks for. Leave it out, or use a \
                     model of another provider.",
                    target.endpoint.provider
                ),
            ));
        }
        ParamRule::StandIn(members) => {
            params.remove(key);
            stand_in(params, members);
            let details = value.as_object().into_iter().flatten();
            let lost = details.filter(|(_, value)| !value.is_null());
            notes
                .dropped
                .extend(lost.map(|(name, _)| format!("{key}.{name}")));
        }
        ParamRule::Rename(to) => {
            params.remove(key);
            stand_in(params, [(to, value)]);
        }
        ParamRule::Only(taken) if taken.contains(value) => {}
        ParamRule::Only(taken) => {
            let taken = Value::Array(taken.clone());
            return Err(unsupported(
                key,
                format!(
                    "`{}` takes `{key}` only as one of {taken}. Change it, or leave it out.",
                    target.endpoint.provider
                ),
            ));
        }
        ParamRule::Max(max) => {
            if value.as_f64().is_some_and(|number| number > *max) {
                notes.changed.push(format!("{key}={max}"));
                params.put(Cow::Owned(key.to_owned()), json!(max));
            }
        }
        ParamRule::Map(words) => match value.as_str().and_then(|word| words.get(word)) {
            Some(word) => params.put(Cow::Owned(key.to_owned()), word.clone().into()),
            // The vendor's own word.
            None if words.values().any(|word| value == word.as_str()) => {}
            None => drop_param(params, notes, target, key)?,
        },
        ParamRule::List => {
            if !value.is_array() {
                params.put(Cow::Owned(key.to_owned()), json!([value]));
            }
        }
        ParamRule::Count => count(params, key, value),
    }
    Ok(())
}

/// How many likely tokens are wanted, in place of whether any are.
fn count(params: &mut impl Params, key: &str, value: &Value) {
    let likely = params.remove("top_logprobs");
    match value {
        Value::Bool(true) => {
            let count = likely.unwrap_or_else(|| 1.into());
            params.put(Cow::Owned(key.to_owned()), count);
        }
        Value::Bool(false) => {
            params.remove(key);
        }
        _ => {}
    }
}

/// Sends members, but for those that the caller sends itself.
fn stand_in<'m>(
    params: &mut impl Params,
    members: impl IntoIterator<Item = (&'m String, &'m Value)>,
) {
    for (name, value) in members {
        if params.get(name).is_none() {
            params.put(Cow::Owned(name.clone()), value.clone());
        }
    }
}

/// Whether a value is what holds without it, so that leaving it out loses nothing.
fn says_nothing(key: &str, value: &Value) -> bool {
    match key {
        "n" => value.as_u64() == Some(1),
        "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        "logprobs" | "store" => value == &Value::Bool(false),
        "parallel_tool_calls" => value == &Value::Bool(true),
        "service_tier" => matches!(value.as_str(), Some("auto" | "default")),
        "verbosity" => value.as_str() == Some("medium"),
        "logit_bias" | "metadata" => value.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

/// Whether a member is sent in place of another one.
fn stands_in(profile: &Profile, key: &str) -> bool {
    profile
        .params
        .values()
        .any(|rule| matches!(rule, ParamRule::StandIn(members) if members.contains_key(key)))
}

fn insists(profile: &Profile, key: &str) -> bool {
    profile.insist.as_ref().is_some_and(|insist| {
        insist.members.contains_key(key) || insist.on.iter().any(|param| param == key)
    })
}

/// Says that parameters of this request must not be overlooked.
fn insist(params: &mut impl Params, profile: &Profile) {
    let Some(insist) = &profile.insist else {
        return;
    };
    let matters = |key: &String| {
        params.get(key).is_some_and(|value| {
            let plain_text = value.get("type").and_then(Value::as_str) == Some("text");
            !plain_text && !says_nothing(key, value)
        })
    };
    if !insist.on.iter().any(matters) {
        return;
    }
    for (key, wanted) in &insist.members {
        let merged = match (params.get(key), wanted) {
            (None, wanted) => wanted.clone(),
            (Some(Value::Object(own)), Value::Object(wanted)) => {
                let mut merged = own.clone();
                for (name, value) in wanted {
                    merged.entry(name).or_insert_with(|| value.clone());
                }
                Value::Object(merged)
            }
            (Some(_), _) => continue,
        };
        params.put(Cow::Owned(key.clone()), merged);
    }
}

fn output_limit(params: &mut impl Params, target: &Target) {
    const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];
    let profile = &target.endpoint.profile;
    if profile.send_output_limit
        && LIMITS.iter().all(|key| params.get(key).is_none())
        && let Some(max) = target.capabilities.max_output
    {
        params.insert("max_tokens", max.into());
    }
    let (from, to) = match profile.output_limit {
        OutputLimit::Either => return,
        OutputLimit::MaxTokens => ("max_completion_tokens", "max_tokens"),
        OutputLimit::MaxCompletionTokens => ("max_tokens", "max_completion_tokens"),
    };
    if let Some(value) = params.remove(from) {
        params.insert(to, value);
    }
}

/// Puts `reasoning_effort` in the vendor's own words.
fn reasoning(params: &mut impl Params, notes: &mut Notes, target: &Target) {
    const EFFORT: &str = "reasoning_effort";
    let word = params.get(EFFORT).and_then(Value::as_str);
    let Some(effort) = word.and_then(Effort::parse) else {
        return;
    };
    let off = effort == Effort::None;
    let (key, value) = match target.endpoint.profile.reasoning.control {
        ReasoningControl::Effort => return,
        ReasoningControl::ThinkingType => (
            "thinking",
            json!({"type": if off { "disabled" } else { "enabled" }}),
        ),
        ReasoningControl::ReasoningEnabled => ("reasoning", json!({ "enabled": !off })),
        ReasoningControl::DisableReasoning if off => ("disable_reasoning", true.into()),
        ReasoningControl::DisableReasoning => return,
        ReasoningControl::EnableThinking => {
            params.remove(EFFORT);
            if !off && params.get("thinking_budget").is_none() {
                let budget = effort.budget_tokens();
                notes
                    .changed
                    .push(format!("{EFFORT}=thinking_budget:{budget}"));
                params.insert("thinking_budget", budget.into());
            }
            ("enable_thinking", (!off).into())
        }
    };
    if params.get(key).is_none() {
        params.insert(key, value);
    }
    if off {
        params.remove(EFFORT);
    }
}
