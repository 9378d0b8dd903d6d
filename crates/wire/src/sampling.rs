//! Sampling parameters and stop sequences where temperatures go from 0 to 1: Anthropic and Bedrock
//! (wire-protocols §4).

use serde_json::Value;

use crate::adapter::Target;
use crate::capability::Sampling;
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::notes::Notes;

/// Whether the model will think, as far as sampling depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinks {
    /// Not at all.
    No,
    /// As it sees fit.
    Yes,
    /// Up to a budget in tokens, which excludes sampling parameters on every model.
    WithBudget,
}

/// What goes out.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    pub(crate) temperature: Option<Value>,
    pub(crate) top_p: Option<Value>,
    pub(crate) top_k: Option<u64>,
}

/// `temperature`, `top_p` and `top_k`, where the model takes them (§4 note 2).
pub(crate) fn sampling(
    request: &ChatRequest,
    target: &Target,
    rule: Sampling,
    thinks: Thinks,
    notes: &mut Notes,
) -> Result<Sampled, EncodeError> {
    let mut sampled = Sampled::default();
    let free = match rule {
        // Whatever the model, a thinking budget excludes them.
        Sampling::Free => thinks != Thinks::WithBudget,
        Sampling::UnlessThinking => thinks == Thinks::No,
        Sampling::DefaultOnly | Sampling::Never => false,
    };
    let thinks_along =
        matches!(rule, Sampling::Free | Sampling::UnlessThinking) && thinks != Thinks::No;
    let why = "the model takes it at its default only";
    if let Some(asked) = request.temperature {
        let temperature = asked.clamp(0.0, 1.0);
        if free {
            if is_other(asked, temperature) {
                notes.change("temperature", temperature);
            }
            sampled.temperature = Some(number(temperature));
        } else if is_other(asked, 1.0) {
            notes.drop("temperature", why)?;
        }
    }
    if let Some(top_p) = request.top_p {
        // 1 is the default: it says nothing, and newer models refuse it beside a temperature.
        let says_nothing = !is_other(top_p, 1.0);
        let excluded = request.temperature.is_some()
            && (says_nothing || target.capabilities.one_of_temperature_top_p);
        if (free && !excluded) || (thinks_along && top_p >= 0.95 && !says_nothing) {
            sampled.top_p = Some(number(top_p));
        } else if free && !says_nothing {
            notes.drop("top_p", "the model takes it or `temperature`, not both")?;
        } else if !says_nothing {
            notes.drop("top_p", why)?;
        }
    }
    if let Some(top_k) = request.top_k {
        if free {
            sampled.top_k = Some(top_k);
        } else {
            notes.drop("top_k", why)?;
        }
    }
    Ok(sampled)
}

/// Whether two numbers differ by more than a rounding error.
pub(crate) fn is_other(left: f64, right: f64) -> bool {
    (left - right).abs() > f64::EPSILON
}

/// A float as callers write it: `1`, not `1.0`.
pub(crate) fn number(value: f64) -> Value {
    if is_other(value, 0.0) && is_other(value, 1.0) {
        Value::from(value)
    } else {
        Value::from(u8::from(value > 0.5))
    }
}

/// Stop sequences; the API refuses those of white space only.
pub(crate) fn stop_sequences(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Vec<Value>, EncodeError> {
    let most = target.capabilities.stop_max;
    let most = most.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    });
    let kept: Vec<Value> = request
        .stop
        .iter()
        .filter(|stop| !stop.trim().is_empty())
        .take(most)
        .map(|stop| Value::from(stop.as_str()))
        .collect();
    if kept.len() < request.stop.len() {
        notes.drop(
            "stop",
            "a stop sequence of white space, or more of them than the model takes, is refused",
        )?;
    }
    Ok(kept)
}
