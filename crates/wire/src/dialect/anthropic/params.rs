//! Scalar parameters: thinking and its budget, output limit, sampling, and what the API lacks
//! (wire-protocols §4, §9).

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::capability::{Reasoning, Sampling};
use crate::chat::{ChatRequest, Effort};
use crate::error::EncodeError;
use crate::notes::{Notes, unsupported};

/// `max_tokens` where neither the caller nor the catalog names one: every Claude model takes it.
const MAX_TOKENS_UNKNOWN: u64 = 4_096;
/// Least budget that the API takes (`budget_tokens` must be at least 1024).
const BUDGET_MIN: u64 = 1_024;
/// From this version on the API refuses sampling parameters at any value.
const VERSION_WITHOUT_SAMPLING: &str = "2026-10-21";
/// Levels assumed of a model that the catalog does not know: those that all adaptive models take.
const LEVELS_UNKNOWN: [Effort; 3] = [Effort::Low, Effort::Medium, Effort::High];
/// How the output limit is named to the caller.
const MAX_TOKENS_FIELD: &str = "max_completion_tokens";
const EFFORT_FIELD: &str = "reasoning_effort";

/// How the model is to think, and how much it may say.
#[derive(Debug)]
pub(super) struct Thinking {
    /// The wire's `thinking`.
    pub(super) config: Option<Value>,
    /// The wire's `output_config.effort`.
    pub(super) effort: Option<Effort>,
    /// The wire's `max_tokens`; includes thinking, as the hub's limit does.
    pub(super) max_tokens: u64,
}

impl Thinking {
    /// Decides on thinking; takes `thinking` and `max_tokens` out of the caller's own options.
    pub(super) fn plan(
        request: &ChatRequest,
        options: &mut Map<String, Value>,
        target: &Target,
        loop_lacks_thinking: bool,
        notes: &mut Notes,
    ) -> Result<Self, EncodeError> {
        let (mut config, effort) = match request.reasoning_effort {
            Some(effort) => from_effort(effort, &target.capabilities.reasoning, notes)?,
            None => (None, None),
        };
        let mut field = EFFORT_FIELD;
        match options.shift_remove("thinking") {
            // A whole setting of the caller's replaces ours: members of one type are refused in
            // another.
            Some(own) if own.is_null() || own.get("type").is_some() => {
                field = "provider_options.anthropic.thinking";
                config = Some(own).filter(Value::is_object);
            }
            Some(own) => super::request::merge(config.get_or_insert_with(|| json!({})), own),
            None => {}
        }
        let mut thinking = Self {
            config,
            effort,
            max_tokens: 0,
        };
        if thinking.has_budget() && loop_lacks_thinking {
            thinking.config = None;
            notes.change(field, "none");
        }
        let own_max = options
            .shift_remove("max_tokens")
            .and_then(|max| max.as_u64());
        thinking.limit(request, own_max, target, field, notes);
        Ok(thinking)
    }

    fn kind(&self) -> Option<&str> {
        self.config.as_ref()?.get("type")?.as_str()
    }

    /// Legacy thinking with a budget in tokens.
    pub(super) fn has_budget(&self) -> bool {
        self.kind() == Some("enabled")
    }

    /// Whether thinking is on, in any way.
    pub(super) fn is_on(&self) -> bool {
        self.kind().is_some_and(|kind| kind != "disabled")
    }

    /// Sets `max_tokens`, and keeps the budget below it.
    fn limit(
        &mut self,
        request: &ChatRequest,
        own_max: Option<u64>,
        target: &Target,
        field: &str,
        notes: &mut Notes,
    ) {
        let asked = own_max.or(request.max_output_tokens);
        let most = target.capabilities.max_output;
        let mut max = asked.or(most).unwrap_or(MAX_TOKENS_UNKNOWN);
        if let Some(most) = most
            && own_max.is_none()
        {
            max = max.min(most);
        }
        let budget = self
            .config
            .as_ref()
            .filter(|_| self.has_budget())
            .and_then(|config| config.get("budget_tokens"))
            .and_then(Value::as_u64);
        if let Some(budget) = budget
            && budget >= max
        {
            // Room for the answer that was asked for, behind the thinking.
            max = budget.saturating_add(max).min(most.unwrap_or(u64::MAX));
            if budget >= max {
                self.shrink_budget(max.saturating_sub(1), field, notes);
            }
        }
        if asked.is_some_and(|asked| asked != max) {
            notes.change(MAX_TOKENS_FIELD, max);
        }
        self.max_tokens = max;
    }

    /// The model can't say as much as the budget alone: think less, or not at all.
    fn shrink_budget(&mut self, budget: u64, field: &str, notes: &mut Notes) {
        if budget < BUDGET_MIN {
            self.config = None;
            notes.change(field, "none");
        } else if let Some(config) = self.config.as_mut().and_then(Value::as_object_mut) {
            config.insert("budget_tokens".to_owned(), budget.into());
            notes.change(field, format!("{budget} tokens"));
        }
    }
}

/// `reasoning_effort` as `thinking` and effort level.
fn from_effort(
    effort: Effort,
    reasoning: &Reasoning,
    notes: &mut Notes,
) -> Result<(Option<Value>, Option<Effort>), EncodeError> {
    let mut adaptive = |levels: &[Effort], can_disable: bool| {
        if effort == Effort::None && can_disable {
            return (Some(json!({"type": "disabled"})), None);
        }
        let levels: Vec<Effort> = levels
            .iter()
            .copied()
            .filter(|level| *level != Effort::None)
            .collect();
        let level = effort.step_to(&levels);
        if let Some(level) = level
            && level != effort
        {
            notes.change(EFFORT_FIELD, level.as_str());
        }
        (Some(json!({"type": "adaptive"})), level)
    };
    Ok(match reasoning {
        Reasoning::None => {
            if effort != Effort::None {
                notes.drop(EFFORT_FIELD, "the model does not think")?;
            }
            (None, None)
        }
        Reasoning::Unknown => adaptive(&LEVELS_UNKNOWN, true),
        Reasoning::Adaptive {
            levels,
            can_disable,
            budget_accepted: _,
        } => adaptive(levels, *can_disable),
        Reasoning::Effort { levels } => {
            let (config, level) = adaptive(levels, levels.contains(&Effort::None));
            // Effort is all that such a model is told; thinking is its own affair.
            (config.filter(|_| level.is_none()), level)
        }
        Reasoning::Budget {
            min,
            max,
            can_disable,
        } => {
            if effort == Effort::None && *can_disable {
                return Ok((None, None));
            }
            let low = (*min).max(BUDGET_MIN);
            let budget = effort.budget_tokens().clamp(low, (*max).max(low));
            let nearest = Effort::nearest_to_budget(budget);
            if nearest != effort {
                notes.change(EFFORT_FIELD, nearest.as_str());
            }
            (
                Some(json!({"type": "enabled", "budget_tokens": budget})),
                None,
            )
        }
    })
}

/// `temperature`, `top_p` and `top_k`, where the model takes them (§4 note 2).
pub(super) fn sampling(
    request: &ChatRequest,
    target: &Target,
    thinking: &Thinking,
    body: &mut Map<String, Value>,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let version = super::version(&target.endpoint);
    let rule = if version >= VERSION_WITHOUT_SAMPLING {
        Sampling::Never
    } else {
        target.capabilities.sampling
    };
    let free = match rule {
        // Whatever the model, a thinking budget excludes them.
        Sampling::Free => !thinking.has_budget(),
        Sampling::UnlessThinking => !thinking.is_on(),
        Sampling::DefaultOnly | Sampling::Never => false,
    };
    let thinks_along =
        matches!(rule, Sampling::Free | Sampling::UnlessThinking) && thinking.is_on();
    let why = "the model takes it at its default only";
    if let Some(asked) = request.temperature {
        let temperature = asked.clamp(0.0, 1.0);
        if free {
            if is_other(asked, temperature) {
                notes.change("temperature", temperature);
            }
            body.insert("temperature".to_owned(), number(temperature));
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
            body.insert("top_p".to_owned(), number(top_p));
        } else if free && !says_nothing {
            notes.drop("top_p", "the model takes it or `temperature`, not both")?;
        } else if !says_nothing {
            notes.drop("top_p", why)?;
        }
    }
    if let Some(top_k) = request.top_k {
        if free {
            body.insert("top_k".to_owned(), top_k.into());
        } else {
            notes.drop("top_k", why)?;
        }
    }
    Ok(())
}

fn is_other(left: f64, right: f64) -> bool {
    (left - right).abs() > f64::EPSILON
}

/// A float as callers write it: `1`, not `1.0`.
fn number(value: f64) -> Value {
    if is_other(value, 0.0) && is_other(value, 1.0) {
        Value::from(value)
    } else {
        Value::from(u8::from(value > 0.5))
    }
}

/// Stop sequences; the API refuses those of white space only.
pub(super) fn stop_sequences(
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

/// The wire's `metadata.user_id`.
pub(super) fn user_id(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<Option<String>, EncodeError> {
    let id = request.safety_identifier.as_ref().or(request.user.as_ref());
    if request.user.is_some() && request.user.as_ref() != id {
        notes.drop("user", "`safety_identifier` says who the user is")?;
    }
    Ok(id.cloned())
}

/// The wire's `service_tier`: `auto` may use priority capacity, `standard_only` never does.
pub(super) fn service_tier(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Option<&'static str>, EncodeError> {
    const FIELD: &str = "service_tier";
    if target.endpoint.is_vertex() {
        let asked = request.carried.get(FIELD).and_then(Value::as_str);
        if asked.is_some_and(|tier| !matches!(tier, "auto" | "default" | "standard")) {
            notes.drop(FIELD, "Vertex AI has no tiers for this model")?;
        }
        return Ok(None);
    }
    Ok(match request.carried.get(FIELD).and_then(Value::as_str) {
        None => None,
        Some("auto") => Some("auto"),
        Some("default" | "standard" | "standard_only") => Some("standard_only"),
        Some("priority") => {
            notes.change(FIELD, "auto");
            Some("auto")
        }
        Some(_) => {
            notes.drop(FIELD, "the API has the tiers `auto` and `default` only")?;
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
            "An Anthropic model gives one choice a call. Send `n: 1`, or several requests.",
        ));
    }
    let modalities = request.carried.get("modalities").and_then(Value::as_array);
    let silent = |mode: &Value| mode.as_str() == Some("text");
    if modalities.is_some_and(|modes| !modes.iter().all(silent)) {
        return Err(unsupported(
            "modalities",
            "Anthropic models answer in text only. Leave `modalities` out or send `[\"text\"]`.",
        ));
    }
    for (field, is_set) in lacking(request) {
        if is_set {
            notes.drop(field, "the API has no equivalent")?;
        }
    }
    for (field, value) in &request.carried {
        let asks = !value.is_null() && *value != Value::Bool(false);
        if asks && !PLACED.contains(&field.as_str()) {
            notes.drop(field, "the API has no equivalent")?;
        }
    }
    for field in &request.unread {
        notes.drop(field, "it is not known")?;
    }
    Ok(())
}

/// Carried fields that are translated elsewhere.
const PLACED: [&str; 3] = ["service_tier", "web_search_options", "modalities"];

/// Fields of the hub that the API lacks, and whether they ask for other than the default.
fn lacking(request: &ChatRequest) -> [(&'static str, bool); 8] {
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
        ("metadata", filled(&request.metadata)),
        (
            "stream_options.include_obfuscation",
            obfuscation == Some(true),
        ),
    ]
}
