//! How Claude thinks and how much it may say, at Anthropic and on Bedrock (wire-protocols §9).

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::capability::Reasoning;
use crate::chat::{ChatRequest, Effort};
use crate::error::EncodeError;
use crate::notes::Notes;
use crate::options::merge;
use crate::sampling::Thinks;

/// `max_tokens` where neither the caller nor the catalog names one: every Claude model takes it.
const MAX_TOKENS_UNKNOWN: u64 = 4_096;
/// Least budget that the API takes (`budget_tokens` must be at least 1024).
const BUDGET_MIN: u64 = 1_024;
/// Levels assumed of a model that the catalog does not know: those that all adaptive models take.
const LEVELS_UNKNOWN: [Effort; 3] = [Effort::Low, Effort::Medium, Effort::High];
/// How the output limit is named to the caller.
const MAX_TOKENS_FIELD: &str = "max_completion_tokens";
const EFFORT_FIELD: &str = "reasoning_effort";
/// A whole setting of the caller's own.
const OWN_FIELD: &str = "provider_options.thinking";

/// How the model is to think, and how much it may say.
#[derive(Debug)]
pub(crate) struct Thinking {
    /// The wire's `thinking`.
    pub(crate) config: Option<Value>,
    /// The wire's `output_config.effort`.
    pub(crate) effort: Option<Effort>,
    /// The wire's `max_tokens`; includes thinking, as the hub's limit does.
    pub(crate) max_tokens: u64,
}

impl Thinking {
    /// Decides on thinking; takes `thinking` and `max_tokens` out of the caller's own options.
    pub(crate) fn plan(
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
                field = OWN_FIELD;
                config = Some(own).filter(Value::is_object);
            }
            Some(Value::Object(own)) => match &mut config {
                Some(Value::Object(config)) => merge(config, &own),
                _ => config = Some(Value::Object(own)),
            },
            Some(own) => config = Some(own),
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
    pub(crate) fn has_budget(&self) -> bool {
        self.kind() == Some("enabled")
    }

    /// Whether thinking is on, in any way.
    pub(crate) fn is_on(&self) -> bool {
        self.kind().is_some_and(|kind| kind != "disabled")
    }

    /// What sampling must know of it.
    pub(crate) fn as_sampling_sees(&self) -> Thinks {
        match (self.has_budget(), self.is_on()) {
            (true, _) => Thinks::WithBudget,
            (false, true) => Thinks::Yes,
            (false, false) => Thinks::No,
        }
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
