//! `reasoning_effort` as `thinkingConfig` (wire-protocols §9). A level and a budget never meet.

use serde_json::{Map, Value, json};

use super::read::is_spelling_of;
use crate::adapter::Target;
use crate::capability::Reasoning;
use crate::chat::{ChatRequest, Effort};
use crate::error::EncodeError;
use crate::notes::{NO_EQUIVALENT, Notes};

/// `thinkingConfig` for the request, if it asks for any effort.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Option<Value>, EncodeError> {
    let Some(effort) = request.reasoning_effort else {
        return Ok(None);
    };
    let config = match &target.capabilities.reasoning {
        Reasoning::None if effort == Effort::None => return Ok(None),
        // The wire has no field that every model takes, so nothing is sent on a guess.
        Reasoning::None | Reasoning::Unknown => {
            notes.drop("reasoning_effort", NO_EQUIVALENT)?;
            return Ok(None);
        }
        Reasoning::Budget {
            min,
            max,
            can_disable,
        } => budget(effort, *min, *max, *can_disable, request, notes),
        Reasoning::Effort { levels } | Reasoning::Adaptive { levels, .. } => {
            level(effort, levels, notes)
        }
    };
    Ok(Some(config))
}

fn budget(
    effort: Effort,
    min: u64,
    max: u64,
    can_disable: bool,
    request: &ChatRequest,
    notes: &mut Notes,
) -> Value {
    if effort == Effort::None && can_disable {
        return json!({"thinkingBudget": 0});
    }
    if effort == Effort::None {
        notes.change("reasoning_effort", Effort::Minimal.as_str());
    }
    // Thoughts count against the output limit: leave room below it where there is any.
    let below_output = request
        .max_output_tokens
        .map_or(u64::MAX, |limit| limit.saturating_sub(1));
    let tokens = effort
        .budget_tokens()
        .min(below_output)
        .clamp(min, max.max(min));
    json!({"thinkingBudget": tokens, "includeThoughts": true})
}

fn level(effort: Effort, levels: &[Effort], notes: &mut Notes) -> Value {
    let words: Vec<Effort> = levels
        .iter()
        .copied()
        .filter(|level| *level != Effort::None)
        .collect();
    // These models always think; "off" is their lowest level.
    let level = effort.step_to(&words).unwrap_or(Effort::Low);
    if level != effort {
        notes.change("reasoning_effort", level.as_str());
    }
    json!({"thinkingLevel": level.as_str().to_ascii_uppercase(), "includeThoughts": true})
}

/// Takes our control out where the caller's own options give the other one.
pub(super) fn settle(body: &mut Map<String, Value>, options: &[&Map<String, Value>]) {
    let names = |name: &str| {
        options.iter().any(|options| {
            super::read::member(options, "generationConfig")
                .and_then(|config| super::read::field(config, "thinkingConfig"))
                .is_some_and(|thinking| super::read::field(thinking, name).is_some())
        })
    };
    let ours = match (names("thinkingBudget"), names("thinkingLevel")) {
        (true, false) => "thinkingLevel",
        (false, true) => "thinkingBudget",
        _ => return,
    };
    if let Some(thinking) = body
        .get_mut("generationConfig")
        .and_then(|config| config.get_mut("thinkingConfig"))
        .and_then(Value::as_object_mut)
    {
        thinking.retain(|key, _| !is_spelling_of(key, ours));
    }
}
