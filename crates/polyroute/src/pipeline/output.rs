//! What becomes of an answer that must be JSON of a schema: passed on and judged at its end, held
//! until it was found valid, or held and written in one form (wire-protocols §8.2).

use std::collections::BTreeMap;
use std::sync::Arc;

use polyroute_wire::chat::{ChatEvent, ChatResponse, FinishReason};
use polyroute_wire::error::{ErrorKind, UpstreamError};
use polyroute_wire::structured::{self, Fault, Json, Rewrite, Unfit};
use polyroute_wire::usage::Usage;

use super::schema::{Misfit, Schema};
use crate::config::settings::OutputMode;

/// Most answer text kept for the check, in bytes; a longer answer fails it.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most events of a held stream beside its text.
const HELD_EVENTS_MAX: usize = 65_536;
/// Longest answer that is sent back to be put right, in bytes.
const REPAIRED_BYTES_MAX: usize = 256 * 1024;

/// The schema that an answer is held to, and how.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// The schema.
    pub(super) schema: Arc<Schema>,
    /// What happens to the answer.
    pub(super) mode: OutputMode,
    /// The operator asked for it, so that only a valid answer or a clear refusal will do. Else
    /// the target does not enforce the schema: an answer that a limit cut is passed as such.
    pub(super) configured: bool,
}

/// An answer that can't be given to the caller, and what it cost all the same.
#[derive(Debug)]
pub(super) struct Rejected {
    /// What is wrong.
    pub(super) error: UpstreamError,
    /// What the provider counted for it, and the bytes of content if it did not count. Absent
    /// where there was no whole answer.
    pub(super) spent: Option<(Option<Usage>, u64)>,
    /// What the model can be told to put it right.
    pub(super) repair: Option<Repair>,
    /// It was larger than what is kept to be checked.
    pub(super) too_large: bool,
}

/// What a model is sent to put its answer right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Repair {
    /// The answer as it came.
    pub(super) answer: String,
    /// What is wrong with it.
    pub(super) wrong: String,
}

impl From<UpstreamError> for Rejected {
    fn from(error: UpstreamError) -> Self {
        Self {
            error,
            spent: None,
            repair: None,
            too_large: false,
        }
    }
}

impl From<UpstreamError> for Box<Rejected> {
    fn from(error: UpstreamError) -> Self {
        Self::new(error.into())
    }
}

/// How a choice ended.
#[derive(Debug, Clone, Copy, Default)]
struct Ending {
    reason: Option<FinishReason>,
    /// It refuses or calls tools, in place of an answer.
    otherwise: bool,
}

impl Rule {
    /// Whether nothing of an answer may pass before all of it was found valid.
    pub(super) const fn holds(&self) -> bool {
        match self.mode {
            OutputMode::Pass => false,
            OutputMode::Validate | OutputMode::Canonical => true,
        }
    }

    /// Whether answers are written anew.
    pub(super) const fn rewrites(&self) -> bool {
        matches!(self.mode, OutputMode::Canonical)
    }

    /// Checks a whole answer, each of its choices, and writes it anew where that is asked for.
    ///
    /// # Errors
    /// The first choice that is not what was asked for.
    pub(super) fn whole(&self, response: &mut ChatResponse) -> Result<(), Box<Rejected>> {
        let texts = response.choices.iter();
        let bytes: usize = texts.map(|choice| choice.message.text.len()).sum();
        if bytes > ANSWER_BYTES_MAX {
            return Err(too_large(&format!("{ANSWER_BYTES_MAX} bytes")));
        }
        for choice in &mut response.choices {
            let message = &mut choice.message;
            let ending = Ending {
                reason: choice.finish_reason,
                otherwise: message.refusal.is_some() || !message.tool_calls.is_empty(),
            };
            if self.rewrites() {
                choice.logprobs = None;
            }
            if let Some(text) = self.judge(&message.text, ending)? {
                Rewrite::message(message, text);
            }
        }
        Ok(())
    }

    /// The text in place of this one, if it changes.
    fn judge(&self, text: &str, ending: Ending) -> Result<Option<String>, Box<Rejected>> {
        match ending.reason {
            _ if ending.otherwise => return Ok(None),
            Some(FinishReason::ToolCalls | FinishReason::ContentFilter) => return Ok(None),
            Some(FinishReason::Stop) => {}
            _ if !self.configured => return Ok(None),
            // Even if it looks whole: nobody knows what was to come.
            Some(FinishReason::Length) => return Err(cut()),
            Some(FinishReason::Error) | None => {}
        }
        let fits = |value: &serde_json::Value| self.schema.fits(value);
        let judged = if self.rewrites() {
            structured::canonical(text, self.schema.order(), fits).map(Some)
        } else {
            Json::parse(text)
                .map_err(Unfit::NoJson)
                .and_then(|json| fits(&json.to_value()).map_err(Unfit::Misfit))
                .map(|()| None)
        };
        match judged {
            Ok(written) => Ok(written.filter(|written| written != text)),
            Err(unfit) => Err(invalid(text, &unfit)),
        }
    }
}

fn error(kind: ErrorKind, code: &str, message: String) -> UpstreamError {
    let mut error = UpstreamError::new(kind, message);
    error.code = Some(code.to_owned());
    error
}

fn cut() -> Box<Rejected> {
    error(
        ErrorKind::Truncated,
        "structured_output_truncated",
        "The model's answer was cut by its token limit before its JSON was whole. Raise \
         `max_completion_tokens`, or ask for less."
            .to_owned(),
    )
    .into()
}

/// The path of a misfit, never its value: an answer's text belongs in no log.
fn invalid(text: &str, unfit: &Unfit<Misfit>) -> Box<Rejected> {
    let (told, wrong) = match unfit {
        Unfit::NoJson(Fault::Empty) => (
            "the model's answer is empty, though a schema was asked for".to_owned(),
            "The answer is empty.".to_owned(),
        ),
        Unfit::NoJson(fault) => (
            format!("the model's answer is no JSON, though a schema was asked for: {fault}"),
            format!("The answer is not JSON: {fault}."),
        ),
        Unfit::Ambiguous => (
            "the model's answer holds several JSON values that fit the schema, and they differ"
                .to_owned(),
            "The answer holds several JSON values that fit, and they differ.".to_owned(),
        ),
        Unfit::Misfit(misfit) => {
            let at = match misfit.at.as_str() {
                "" => "its top level".to_owned(),
                at => format!("`{at}`"),
            };
            (
                format!(
                    "the model's answer does not fit the JSON schema at {at} (`{}`)",
                    misfit.keyword
                ),
                format!(
                    "The JSON does not fit the schema at {at}: {}.",
                    misfit.words
                ),
            )
        }
    };
    let repair = (text.len() <= REPAIRED_BYTES_MAX).then(|| Repair {
        answer: text.to_owned(),
        wrong,
    });
    Box::new(Rejected {
        repair,
        ..error(ErrorKind::MalformedReply, "structured_output_invalid", told).into()
    })
}

/// Gathers a streamed answer and judges it at its end.
#[derive(Debug)]
pub(super) struct Check {
    rule: Rule,
    choices: BTreeMap<u32, Gathered>,
    bytes: usize,
    /// What waits for the end, in order. The first text of a choice stands for all of it, empty.
    held: Vec<ChatEvent>,
}

/// One choice so far.
#[derive(Debug, Default)]
struct Gathered {
    text: String,
    ending: Ending,
    /// Its place among what is held is taken.
    placed: bool,
}

/// What follows an event.
pub(super) enum Taken {
    /// It goes to the caller.
    Pass(ChatEvent),
    /// It waits for the end.
    Held,
    /// The answer is whole and right: these go to the caller.
    Release(Vec<ChatEvent>),
}

impl Check {
    /// Nothing gathered yet.
    #[must_use]
    pub(super) const fn new(rule: Rule) -> Self {
        Self {
            rule,
            choices: BTreeMap::new(),
            bytes: 0,
            held: Vec::new(),
        }
    }

    /// Takes an event.
    ///
    /// # Errors
    /// What is wrong with the answer: at its end, or once it is larger than we keep.
    pub(super) fn take(&mut self, event: ChatEvent) -> Result<Taken, Box<Rejected>> {
        self.note(&event)?;
        match event {
            ChatEvent::End => self.release(),
            event if self.rule.holds() => self.hold(event),
            event => Ok(Taken::Pass(event)),
        }
    }

    fn note(&mut self, event: &ChatEvent) -> Result<(), Box<Rejected>> {
        match event {
            ChatEvent::Text { choice, text } => {
                self.bytes += text.len();
                if self.bytes > ANSWER_BYTES_MAX {
                    return Err(too_large(&format!("{ANSWER_BYTES_MAX} bytes")));
                }
                self.choices.entry(*choice).or_default().text.push_str(text);
            }
            ChatEvent::Refusal { choice, .. } | ChatEvent::ToolStart { choice, .. } => {
                self.choices.entry(*choice).or_default().ending.otherwise = true;
            }
            ChatEvent::Finish { choice, reason, .. } => {
                self.choices.entry(*choice).or_default().ending.reason = Some(*reason);
            }
            _ => {}
        }
        Ok(())
    }

    fn hold(&mut self, event: ChatEvent) -> Result<Taken, Box<Rejected>> {
        let event = match event {
            ChatEvent::Ping => return Ok(Taken::Held),
            ChatEvent::Logprobs { .. } if self.rule.rewrites() => return Ok(Taken::Held),
            ChatEvent::Text { choice, .. } => {
                let gathered = self.choices.entry(choice).or_default();
                if std::mem::replace(&mut gathered.placed, true) {
                    return Ok(Taken::Held);
                }
                ChatEvent::Text {
                    choice,
                    text: String::new(),
                }
            }
            event => event,
        };
        if let Some(last) = self.held.last_mut()
            && joined(last, &event)
        {
            return Ok(Taken::Held);
        }
        if self.held.len() >= HELD_EVENTS_MAX {
            return Err(too_large(&format!("{HELD_EVENTS_MAX} events")));
        }
        self.held.push(event);
        Ok(Taken::Held)
    }

    fn release(&mut self) -> Result<Taken, Box<Rejected>> {
        let mut changed: BTreeMap<u32, Rewrite> = BTreeMap::new();
        for (choice, gathered) in &mut self.choices {
            if let Some(written) = self.rule.judge(&gathered.text, gathered.ending)? {
                changed.insert(*choice, Rewrite::to(&written));
                gathered.text = written;
            }
        }
        if !self.rule.holds() {
            return Ok(Taken::Pass(ChatEvent::End));
        }
        let mut events = std::mem::take(&mut self.held);
        events.retain_mut(|event| match event {
            ChatEvent::Text { choice, text } => {
                let whole = self.choices.get_mut(choice);
                *text = whole
                    .map(|gathered| std::mem::take(&mut gathered.text))
                    .unwrap_or_default();
                true
            }
            ChatEvent::Block { choice, block } => changed
                .get(choice)
                .is_none_or(|rewrite| rewrite.block(block)),
            ChatEvent::Annotation { choice, annotation } => {
                if let Some(rewrite) = changed.get(choice) {
                    rewrite.annotation(annotation);
                }
                true
            }
            _ => true,
        });
        events.push(ChatEvent::End);
        Ok(Taken::Release(events))
    }
}

/// Appends a piece to the one before it, if both are parts of the same.
fn joined(last: &mut ChatEvent, next: &ChatEvent) -> bool {
    match (last, next) {
        (
            ChatEvent::Reasoning { choice, text },
            ChatEvent::Reasoning {
                choice: same,
                text: more,
            },
        )
        | (
            ChatEvent::Refusal { choice, text },
            ChatEvent::Refusal {
                choice: same,
                text: more,
            },
        ) if choice == same => {
            text.push_str(more);
            true
        }
        (
            ChatEvent::ToolArguments {
                choice,
                call,
                fragment,
            },
            ChatEvent::ToolArguments {
                choice: same,
                call: same_call,
                fragment: more,
            },
        ) if choice == same && call == same_call => {
            fragment.push_str(more);
            true
        }
        _ => false,
    }
}

fn too_large(limit: &str) -> Box<Rejected> {
    let message = format!("the model's answer is larger than {limit}, the most that is checked");
    let error = error(
        ErrorKind::MalformedReply,
        "structured_output_invalid",
        message,
    );
    Box::new(Rejected {
        too_large: true,
        ..error.into()
    })
}

#[cfg(feature = "structured-output")]
#[cfg(test)]
mod tests;
