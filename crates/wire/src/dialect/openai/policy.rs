//! What a target's model refuses of the request's parameters, and what becomes of it. One rule set
//! for passing bytes on ([`super::edit_chat`]) and for full translation.

use serde_json::{Map, Value, json};

use super::params::Params;
use super::vendor;
use crate::adapter::Target;
use crate::capability::{ForcedToolChoice, JsonSchemaSupport, Reasoning, Sampling};
use crate::chat::Effort;
use crate::closed_schema;
use crate::error::{EncodeError, EncodeErrorCode};
use crate::profile::{ReasoningObject, StrictSchemas};

/// Members that [`apply`] reads or changes, besides `messages` and `tools`.
pub(super) const PARAMS: [&str; 19] = [
    "temperature",
    "top_p",
    "top_k",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "seed",
    "stop",
    "n",
    "reasoning_effort",
    "max_tokens",
    "max_completion_tokens",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "stream",
    "stream_options",
];

/// What was done to the parameters.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Left out, by name.
    pub(super) dropped: Vec<String>,
    /// Changed, as `name=value`.
    pub(super) changed: Vec<String>,
    /// Instructions that stand for what the wire can't say, to go in front of the messages.
    pub(super) instructions: Vec<String>,
    /// The schema that the answer must be checked against.
    pub(super) schema: Option<Value>,
    /// The caller asked for the usage chunk.
    pub(super) usage_asked: bool,
    /// The answer is streamed.
    pub(super) stream: bool,
    /// The vendor is asked for the other of whole and streamed than the caller wants.
    pub(super) stream_turned: bool,
}

impl Notes {
    /// Both lists sorted and without repeats.
    ///
    /// # Errors
    /// What was left out, if the policy is strict.
    pub(super) fn close(&mut self, target: &Target) -> Result<(), EncodeError> {
        for list in [&mut self.dropped, &mut self.changed] {
            list.sort_unstable();
            list.dedup();
        }
        check_lost(&self.dropped, target)
    }
}

/// Parameters under the rules of one target.
struct Rules<'a, P> {
    params: &'a mut P,
    target: &'a Target,
    notes: Notes,
}

/// Applies the target's capability table to `params`, in place.
///
/// # Errors
/// A parameter that can't be left out without changing the meaning, or any that would be left out
/// if the policy is strict.
pub(super) fn apply(
    params: &mut impl Params,
    has_tools: bool,
    says_json: impl Fn() -> bool,
    target: &Target,
) -> Result<Notes, EncodeError> {
    params.remove_nulls();
    let mut rules = Rules {
        params,
        target,
        notes: Notes::default(),
    };
    // Whether the model will think decides on its sampling, so effort comes first.
    rules.effort(has_tools)?;
    rules.sampling()?;
    rules.likelihoods()?;
    rules.stop_and_choices()?;
    rules.output_limit()?;
    rules.tools(has_tools)?;
    rules.response_format(has_tools, says_json)?;
    rules.stream()?;
    let mut notes = rules.notes;
    vendor::params(params, &mut notes, target)?;
    Ok(notes)
}

impl<P: Params> Rules<'_, P> {
    fn number(&self, key: &str) -> Option<f64> {
        self.params.get(key).and_then(Value::as_f64)
    }

    /// Leaves a parameter out, by name; strict policy refuses instead.
    fn drop_param(&mut self, key: &str) -> Result<(), EncodeError> {
        drop_param(self.params, &mut self.notes, self.target, key)
    }

    fn set(&mut self, key: &'static str, value: Value) {
        let shown = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        self.notes.changed.push(format!("{key}={shown}"));
        self.params.insert(key, value);
    }

    fn sampling(&mut self) -> Result<(), EncodeError> {
        let thinks = self
            .params
            .get("reasoning_effort")
            .and_then(Value::as_str)
            .is_some_and(|word| word != "none");
        match self.target.capabilities.sampling {
            Sampling::Free => {}
            Sampling::UnlessThinking if !thinks => {}
            Sampling::DefaultOnly | Sampling::UnlessThinking => {
                for key in ["temperature", "top_p"] {
                    // The default is taken: only another value is refused.
                    if self.number(key) != Some(1.0) {
                        self.drop_param(key)?;
                    }
                }
                self.drop_param("top_k")?;
            }
            Sampling::Never => {
                for key in ["temperature", "top_p", "top_k"] {
                    self.drop_param(key)?;
                }
            }
        }
        // OpenAI itself has no such parameter and refuses unknown ones; compatible servers do.
        if self.target.endpoint.first_party {
            self.drop_param("top_k")?;
        }
        if !self.target.capabilities.penalties {
            for key in ["frequency_penalty", "presence_penalty"] {
                if self.number(key) == Some(0.0) {
                    self.params.remove(key);
                }
                self.drop_param(key)?;
            }
        }
        Ok(())
    }

    fn likelihoods(&mut self) -> Result<(), EncodeError> {
        let capabilities = &self.target.capabilities;
        let (logprobs, logit_bias, seed) = (
            capabilities.logprobs,
            capabilities.logit_bias,
            capabilities.seed,
        );
        if !logprobs {
            if self.params.get("logprobs") == Some(&Value::Bool(false)) {
                self.params.remove("logprobs");
            }
            self.drop_param("logprobs")?;
            self.drop_param("top_logprobs")?;
        }
        if !logit_bias {
            let empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
            if self.params.get("logit_bias").is_some_and(empty) {
                self.params.remove("logit_bias");
            }
            self.drop_param("logit_bias")?;
        }
        if !seed {
            self.drop_param("seed")?;
        }
        Ok(())
    }

    fn stop_and_choices(&mut self) -> Result<(), EncodeError> {
        let count = match self.params.get("stop") {
            Some(Value::Array(items)) => items.len(),
            Some(_) => 1,
            None => 0,
        };
        match self.target.capabilities.stop_max {
            Some(0) => self.drop_param("stop")?,
            Some(max) if count > max as usize => {
                return Err(unsupported(
                    "stop",
                    format!(
                        "The model `{}` takes at most {max} stop sequences and the request has \
                         {count}. Send fewer.",
                        self.target.model
                    ),
                ));
            }
            Some(_) | None => {}
        }
        let asked = self.params.get("n").and_then(Value::as_u64).unwrap_or(1);
        let max = self.target.capabilities.choices_max;
        if asked > u64::from(max) {
            return Err(unsupported(
                "n",
                format!(
                    "The model `{}` gives at most {max} choices of one request. Send `n: {max}`, \
                     or send the request {asked} times.",
                    self.target.model
                ),
            ));
        }
        Ok(())
    }

    fn effort(&mut self, has_tools: bool) -> Result<(), EncodeError> {
        const KEY: &str = "reasoning_effort";
        self.reasoning_object();
        // Groq's word for what holds without it.
        if self.params.get(KEY).and_then(Value::as_str) == Some("default") {
            self.params.remove(KEY);
        }
        if let Some(form) = self.params.get(KEY).filter(|form| !form.is_string()) {
            if self.target.endpoint.profile.reasoning.numeric_effort {
                return Ok(());
            }
            // What is no form of anybody's is for the provider to judge.
            if let Some(word) = Effort::of_form(form) {
                self.set(KEY, word.as_str().into());
            }
        }
        let Some(asked) = self
            .params
            .get(KEY)
            .and_then(Value::as_str)
            .and_then(Effort::parse)
        else {
            // These models think by default, and refuse function tools unless told not to.
            if has_tools
                && !self.target.capabilities.tools_with_effort
                && matches!(&self.target.capabilities.reasoning,
                    Reasoning::Effort { levels } if levels.contains(&Effort::None))
            {
                self.set(KEY, Effort::None.as_str().into());
            }
            return Ok(());
        };
        let levels: &[Effort] = match &self.target.capabilities.reasoning {
            Reasoning::None if asked == Effort::None => {
                self.params.remove(KEY);
                return Ok(());
            }
            Reasoning::None => return self.drop_param(KEY),
            Reasoning::Effort { levels } | Reasoning::Adaptive { levels, .. } => levels,
            Reasoning::Unknown | Reasoning::Budget { .. } => &[],
        };
        let mut effort = asked.step_to(levels).unwrap_or(asked);
        if has_tools && effort > Effort::None && !self.target.capabilities.tools_with_effort {
            // Chat completions of these models refuse tools together with thinking (§9).
            if !levels.contains(&Effort::None) {
                return self.drop_param(KEY);
            }
            effort = Effort::None;
        }
        if effort != asked {
            self.set(KEY, effort.as_str().into());
        }
        Ok(())
    }

    /// OpenRouter's object, where it is not known: its effort, budget or switch is what others have.
    fn reasoning_object(&mut self) {
        const KEY: &str = "reasoning";
        let endpoint = &self.target.endpoint;
        if endpoint.profile.reasoning.object == ReasoningObject::Pass && !endpoint.first_party {
            return;
        }
        let Some(Value::Object(mut said)) = self.params.get(KEY).cloned() else {
            return;
        };
        self.params.remove(KEY);
        said.retain(|_, value| !value.is_null());
        let word = said.remove("effort");
        if self.params.get("reasoning_effort").is_none() {
            let mut form = || {
                ["max_tokens", "enabled"]
                    .into_iter()
                    .find_map(|key| said.remove(key))
            };
            if let Some(wanted) = word.or_else(&mut form) {
                self.params.insert("reasoning_effort", wanted);
            }
        }
        for name in said.keys() {
            self.notes.dropped.push(format!("{KEY}.{name}"));
        }
    }

    fn output_limit(&mut self) -> Result<(), EncodeError> {
        const NEW: &str = "max_completion_tokens";
        const OLD: &str = "max_tokens";
        let old = self.params.get(OLD).and_then(Value::as_u64);
        let new = self.params.get(NEW).and_then(Value::as_u64);
        if let (Some(old), Some(new)) = (old, new) {
            if old != new {
                return Err(EncodeError::new(
                    EncodeErrorCode::InvalidValue,
                    OLD,
                    format!("`{OLD}` is {old} and `{NEW}` is {new}. Send only `{NEW}`."),
                ));
            }
            self.params.remove(OLD);
        }
        if self.target.capabilities.max_completion_tokens
            && let Some(value) = self.params.remove(OLD)
        {
            self.params.insert(NEW, value);
        }
        for key in [NEW, OLD] {
            if let (Some(asked), Some(max)) = (
                self.params.get(key).and_then(Value::as_u64),
                self.target.capabilities.max_output,
            ) && asked > max
            {
                self.set(key, max.into());
            }
        }
        Ok(())
    }

    fn tools(&mut self, has_tools: bool) -> Result<(), EncodeError> {
        let capabilities = &self.target.capabilities;
        let (tools, forced, parallel) = (
            capabilities.tools,
            capabilities.forced_tool_choice,
            capabilities.parallel_tool_control,
        );
        if !has_tools {
            self.params.remove("parallel_tool_calls");
            // Without tools `auto` and `none` say nothing that is not so anyway.
            if matches!(
                self.params.get("tool_choice").and_then(Value::as_str),
                Some("auto" | "none")
            ) {
                self.params.remove("tool_choice");
            }
            return self.drop_param("tool_choice");
        }
        if !tools {
            return Err(unsupported(
                "tools",
                format!(
                    "The model `{}` takes no tools. Choose another model, or send no `tools`.",
                    self.target.model
                ),
            ));
        }
        let is_forced = match self.params.get("tool_choice") {
            Some(Value::String(word)) => word == "required" || word == "any",
            Some(Value::Object(choice)) => {
                choice.get("type").and_then(Value::as_str) != Some("allowed_tools")
            }
            _ => false,
        };
        if is_forced && forced == ForcedToolChoice::Never {
            if !self.target.policy.downgrade_forced_tool_choice {
                return Err(unsupported(
                    "tool_choice",
                    format!(
                        "The model `{}` can't be forced to call a tool. Send \
                         `tool_choice: \"auto\"`.",
                        self.target.model
                    ),
                ));
            }
            let name = self
                .params
                .get("tool_choice")
                .and_then(|choice| {
                    choice
                        .pointer("/function/name")
                        .or(choice.pointer("/custom/name"))
                })
                .and_then(Value::as_str);
            let line = match name {
                Some(name) => format!("Call the tool `{name}` now."),
                None => "Call one of the tools now.".to_owned(),
            };
            self.notes.instructions.push(line);
            self.set("tool_choice", "auto".into());
        }
        if !parallel {
            if self.params.get("parallel_tool_calls") == Some(&Value::Bool(true)) {
                self.params.remove("parallel_tool_calls");
            }
            self.drop_param("parallel_tool_calls")?;
        }
        Ok(())
    }

    fn response_format(
        &mut self,
        has_tools: bool,
        says_json: impl Fn() -> bool,
    ) -> Result<(), EncodeError> {
        let Some(format) = self.params.get("response_format") else {
            return Ok(());
        };
        let capabilities = &self.target.capabilities;
        let profile = &self.target.endpoint.profile;
        let json_object = capabilities.json_object
            && !(profile.json_object_unless_thinking && vendor::thinks(self.params, self.target));
        match format.get("type").and_then(Value::as_str) {
            Some("json_object") => {
                if !json_object {
                    self.params.remove("response_format");
                    self.notes
                        .changed
                        .push("response_format=instruction".to_owned());
                }
                // OpenAI refuses JSON mode if the messages do not speak of JSON (§8.2), and others
                // do not end without being told.
                if !json_object || !says_json() {
                    self.notes
                        .instructions
                        .push("Answer with a JSON object only.".to_owned());
                }
            }
            Some("json_schema")
                if capabilities.json_schema == JsonSchemaSupport::No
                    || (has_tools
                        && capabilities.json_schema == JsonSchemaSupport::WithoutTools) =>
            {
                let schema = format.pointer("/json_schema/schema").cloned();
                let text = schema.as_ref().map(ToString::to_string).unwrap_or_default();
                self.notes.instructions.push(format!(
                    "Answer with a JSON object only. It must fit this JSON schema: {text}"
                ));
                self.notes.schema = schema;
                if json_object {
                    let mut object = Map::new();
                    object.insert("type".to_owned(), "json_object".into());
                    self.params.insert("response_format", object.into());
                    self.notes
                        .changed
                        .push("response_format=json_object".to_owned());
                } else {
                    self.params.remove("response_format");
                    self.notes
                        .changed
                        .push("response_format=instruction".to_owned());
                }
            }
            Some("json_schema") if profile.strict_schemas == StrictSchemas::Closed => {
                if let Some(closed) = format.get("json_schema").and_then(close) {
                    if !closed.strict {
                        let note = "response_format.json_schema.strict=false";
                        self.notes.changed.push(note.to_owned());
                    }
                    self.notes.schema = closed.unenforced;
                    let format = json!({"type": "json_schema", "json_schema": closed.sent});
                    self.params.insert("response_format", format);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Usage is always asked for, as cost and limits need it; [`super::Tap`] and the chunk encoder
    /// keep it from a caller who did not ask.
    fn stream(&mut self) -> Result<(), EncodeError> {
        self.notes.stream = self.params.get("stream") == Some(&Value::Bool(true));
        let options = self.params.get("stream_options").and_then(Value::as_object);
        self.notes.usage_asked = options
            .and_then(|options| options.get("include_usage"))
            .is_some_and(|value| value == &Value::Bool(true));
        if self.notes.stream && !self.target.endpoint.streams_usage() {
            return self.drop_param("stream_options");
        }
        if self.notes.stream && !self.notes.usage_asked {
            let mut options = options.cloned().unwrap_or_default();
            options.insert("include_usage".to_owned(), true.into());
            self.params.insert("stream_options", options.into());
        }
        if !self.notes.stream {
            self.params.remove("stream_options");
        }
        Ok(())
    }
}

/// A strict schema as a provider takes it that wants objects closed.
struct Closed {
    /// `json_schema` as it is sent.
    sent: Map<String, Value>,
    /// It is still strict.
    strict: bool,
    /// The schema that the answer must be checked against, where the provider enforces less.
    unenforced: Option<Value>,
}

/// Closes a schema that is to be enforced strictly; `None` where none is.
fn close(named: &Value) -> Option<Closed> {
    let named = named.as_object()?;
    if named.get("strict") != Some(&Value::Bool(true)) {
        return None;
    }
    let schema = named.get("schema")?;
    let closed = closed_schema::sanitise(schema);
    let strict = closed_schema::is_closable(schema);
    let mut sent = named.clone();
    if strict {
        sent.insert("schema".to_owned(), closed.schema);
    } else {
        sent.insert("strict".to_owned(), false.into());
    }
    Some(Closed {
        sent,
        strict,
        unenforced: (closed.lossy || !strict).then(|| schema.clone()),
    })
}

/// Leaves a parameter out, by name; strict policy refuses instead.
pub(super) fn drop_param(
    params: &mut impl Params,
    notes: &mut Notes,
    target: &Target,
    key: &str,
) -> Result<(), EncodeError> {
    if params.remove(key).is_none() {
        return Ok(());
    }
    if target.policy.strict_params {
        return Err(unsupported(
            key,
            format!(
                "The model `{}` does not take `{key}`. Leave it out, or set \
                 `strict_params: false` to have it left out for you.",
                target.model
            ),
        ));
    }
    notes.dropped.push(key.to_owned());
    Ok(())
}

/// Refuses to leave out what was asked for, where the policy is strict.
///
/// # Errors
/// The first path of `lost`.
pub(super) fn check_lost(lost: &[String], target: &Target) -> Result<(), EncodeError> {
    match lost.first() {
        Some(path) if target.policy.strict_params => Err(unsupported(
            path,
            format!(
                "`{path}` can't be sent to `{}`. Leave it out, or set `strict_params: false`.",
                target.endpoint.provider
            ),
        )),
        _ => Ok(()),
    }
}

pub(super) fn unsupported(param: &str, message: String) -> EncodeError {
    EncodeError::new(EncodeErrorCode::UnsupportedParameter, param, message)
}

/// Whether a text speaks of JSON, in any case.
pub(super) fn says_json(text: &[u8]) -> bool {
    text.windows(4)
        .any(|window| window.eq_ignore_ascii_case(b"json"))
}
