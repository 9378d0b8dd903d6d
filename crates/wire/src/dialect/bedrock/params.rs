//! Scalar parameters: thinking, output limit, metadata and tier (wire-protocols §4, §9), and the
//! fields of each vendor's own.

use serde_json::{Map, Value, json};

use super::id::fields;
use crate::adapter::Target;
use crate::capability::{ConverseFields, Reasoning};
use crate::chat::{ChatRequest, Effort};
use crate::claude_thinking::Thinking;
use crate::error::EncodeError;
use crate::notes::Notes;
use crate::sampling::Thinks;

/// Levels assumed where the catalog names none: those that every such model takes.
const LEVELS: [Effort; 3] = [Effort::Low, Effort::Medium, Effort::High];

/// Carried fields that are translated elsewhere.
pub(super) const PLACED: [&str; 3] = ["service_tier", "web_search_options", "modalities"];

/// Most entries that `requestMetadata` takes.
const METADATA_MAX: usize = 16;
/// Longest key or value of it, in characters.
const METADATA_CHARS_MAX: usize = 256;

/// How the model is to think, and how much it may say.
#[derive(Debug)]
pub(super) struct Controls {
    /// Members of `additionalModelRequestFields`.
    pub(super) extra: Map<String, Value>,
    /// `outputConfig.effort`.
    pub(super) effort: Option<Effort>,
    /// `inferenceConfig.maxTokens`.
    pub(super) max_tokens: Option<u64>,
    /// What sampling must know of it.
    pub(super) thinks: Thinks,
    /// Nova at its highest effort refuses sampling and limits.
    pub(super) unbounded: bool,
}

impl Controls {
    /// Decides on thinking; takes `thinking` and `maxTokens` out of the caller's own options.
    pub(super) fn plan(
        request: &ChatRequest,
        options: &mut Map<String, Value>,
        target: &Target,
        loop_lacks_thinking: bool,
        notes: &mut Notes,
    ) -> Result<Self, EncodeError> {
        if fields(target) == ConverseFields::Anthropic {
            return Self::claude(request, options, target, loop_lacks_thinking, notes);
        }
        let most = target.capabilities.max_output;
        let max_tokens = request
            .max_output_tokens
            .map(|asked| asked.min(most.unwrap_or(u64::MAX)));
        if let (Some(max), true) = (max_tokens, max_tokens != request.max_output_tokens) {
            notes.change("max_completion_tokens", max);
        }
        let mut controls = Self {
            extra: Map::new(),
            effort: None,
            max_tokens,
            thinks: Thinks::No,
            unbounded: false,
        };
        if let Some(effort) = request.reasoning_effort {
            controls.set_effort(effort, target, notes)?;
        }
        if controls.unbounded && controls.max_tokens.take().is_some() {
            notes.drop(
                "max_completion_tokens",
                "the model takes no limit at its highest effort",
            )?;
        }
        Ok(controls)
    }

    fn claude(
        request: &ChatRequest,
        options: &mut Map<String, Value>,
        target: &Target,
        loop_lacks_thinking: bool,
        notes: &mut Notes,
    ) -> Result<Self, EncodeError> {
        let mut own = Map::new();
        for (object, key, name) in [
            ("additionalModelRequestFields", "thinking", "thinking"),
            ("inferenceConfig", "maxTokens", "max_tokens"),
        ] {
            let members = options.get_mut(object).and_then(Value::as_object_mut);
            if let Some(value) = members.and_then(|members| members.shift_remove(key)) {
                own.insert(name.to_owned(), value);
            }
        }
        let limited = request.max_output_tokens.is_some()
            || own.contains_key("max_tokens")
            || target.capabilities.max_output.is_some();
        let thinking = Thinking::plan(request, &mut own, target, loop_lacks_thinking, notes)?;
        let thinks = thinking.as_sampling_sees();
        let mut extra = Map::new();
        if let Some(config) = thinking.config {
            extra.insert("thinking".to_owned(), config);
        }
        if let Some(effort) = thinking.effort {
            // Recorded at this place; the API's own `outputConfig.effort` is newer than the models.
            let config = json!({"effort": effort.as_str()});
            extra.insert("output_config".to_owned(), config);
        }
        Ok(Self {
            extra,
            effort: None,
            max_tokens: (limited || thinks == Thinks::WithBudget).then_some(thinking.max_tokens),
            thinks,
            unbounded: false,
        })
    }

    /// `reasoning_effort` as the vendor's own field.
    fn set_effort(
        &mut self,
        effort: Effort,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        const FIELD: &str = "reasoning_effort";
        let fields = fields(target);
        let known = &target.capabilities.reasoning;
        let has_field = matches!(
            fields,
            ConverseFields::Nova | ConverseFields::OpenAi | ConverseFields::Qwen
        );
        let levels: &[Effort] = match known {
            Reasoning::None => &[],
            Reasoning::Effort { levels } | Reasoning::Adaptive { levels, .. } => levels,
            Reasoning::Unknown | Reasoning::Budget { .. } if has_field => &LEVELS,
            Reasoning::Unknown | Reasoning::Budget { .. } => &[],
        };
        let can_disable = fields == ConverseFields::Nova || levels.contains(&Effort::None);
        if effort == Effort::None && (can_disable || levels.is_empty()) {
            if fields == ConverseFields::Nova && !levels.is_empty() {
                let off = json!({"type": "disabled"});
                self.extra.insert("reasoningConfig".to_owned(), off);
            }
            return Ok(());
        }
        let words: Vec<Effort> = levels
            .iter()
            .copied()
            .filter(|level| *level != Effort::None)
            .collect();
        let Some(level) = effort.step_to(&words) else {
            return notes.drop(FIELD, "the model does not think on demand");
        };
        if level != effort {
            notes.change(FIELD, level.as_str());
        }
        self.thinks = Thinks::Yes;
        let word = Value::from(level.as_str());
        match fields {
            ConverseFields::Nova => {
                let config = json!({"type": "enabled", "maxReasoningEffort": word});
                self.extra.insert("reasoningConfig".to_owned(), config);
                self.unbounded = level >= Effort::High;
            }
            ConverseFields::OpenAi => {
                self.extra.insert(FIELD.to_owned(), word);
            }
            ConverseFields::Qwen => {
                self.extra.insert("reasoning_config".to_owned(), word);
            }
            _ => self.effort = Some(level),
        }
        Ok(())
    }

    /// `top_k` at the vendor's own place (§4 note 5).
    pub(super) fn set_top_k(
        &mut self,
        top_k: u64,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        let (key, value) = match fields(target) {
            ConverseFields::Anthropic | ConverseFields::Mistral => ("top_k", json!(top_k)),
            ConverseFields::Nova => ("inferenceConfig", json!({ "topK": top_k })),
            ConverseFields::Cohere => ("k", json!(top_k)),
            ConverseFields::ByVendor
            | ConverseFields::None
            | ConverseFields::OpenAi
            | ConverseFields::Qwen => {
                return notes.drop("top_k", "the model has no such setting on Bedrock");
            }
        };
        self.extra.insert(key.to_owned(), value);
        Ok(())
    }
}

/// The wire's `serviceTier.type`.
pub(super) fn service_tier(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<Option<&'static str>, EncodeError> {
    const FIELD: &str = "service_tier";
    Ok(match request.carried.get(FIELD).and_then(Value::as_str) {
        None | Some("auto") => None,
        Some("default" | "standard") => Some("default"),
        Some("flex") => Some("flex"),
        Some("reserved") => Some("reserved"),
        Some("priority") => Some("priority"),
        Some("fast") => {
            notes.change(FIELD, "priority");
            Some("priority")
        }
        Some(_) => {
            notes.drop(
                FIELD,
                "the API has the tiers `default`, `flex`, `priority` and `reserved`",
            )?;
            None
        }
    })
}

/// The wire's `requestMetadata`: entries that its pattern refuses are left out and named.
pub(super) fn request_metadata(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let fits = |text: &str, least: usize| {
        let chars = text.chars().count();
        (least..=METADATA_CHARS_MAX).contains(&chars)
            && text.chars().all(|c| {
                c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || ":_@$#=/+,-.".contains(c)
            })
    };
    let mut out = Map::new();
    for (key, value) in request.metadata.iter().flatten() {
        match value.as_str().filter(|text| fits(text, 0) && fits(key, 1)) {
            Some(text) if out.len() < METADATA_MAX => {
                out.insert(key.clone(), text.into());
            }
            _ => notes.drop(
                "metadata",
                "the API takes 16 entries of letters, digits and few signs, 256 characters each",
            )?,
        }
    }
    Ok(out)
}
