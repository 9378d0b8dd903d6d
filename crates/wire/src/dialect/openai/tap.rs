//! Watches answers that are passed on as they are: whole events go through byte by byte, and only
//! those that a cheap probe points at are parsed.

mod whole;

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use memchr::memchr2;
use memchr::memmem::{self, Finder};
use serde_json::{Map, Value};

pub use self::whole::tap_whole;
use super::response::malformed;
use super::stream::truncated;
use super::{errors, response, usage};
use crate::chat::FinishReason;
use crate::error::{ErrorKind, UpstreamError};
use crate::sse::EVENT_BYTES_MAX;
use crate::usage::Usage;

/// What a push found, strongest first.
#[derive(Debug, Clone, PartialEq)]
pub enum TapSignal {
    /// Nothing of note.
    None,
    /// The first content for the caller is in what was just appended: the content commit.
    Content,
    /// The stream ended with `[DONE]`.
    Done,
    /// The stream failed in band. The failing event was not forwarded; nothing more will be.
    Error(Box<UpstreamError>),
}

/// What a passed-on answer said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TapSummary {
    /// Token counts, if any came. [`Usage::native`] may be empty: the provider's own object is in
    /// the bytes.
    pub usage: Option<Usage>,
    /// The first choice's finish.
    pub finish_reason: Option<FinishReason>,
    /// The provider's word for it.
    pub native_finish_reason: Option<String>,
    /// The model that answered.
    pub model: String,
    /// The provider's id of the answer.
    pub id: String,
    /// The tier that served it.
    pub service_tier: Option<String>,
    /// The version of the backend, if said.
    pub system_fingerprint: Option<String>,
    /// It holds tool calls.
    pub has_tool_calls: bool,
    /// `[DONE]` came.
    pub done: bool,
    /// A choice of a whole answer has no message, as Azure's filtered ones: clients would stumble
    /// over it, so that it must be written anew.
    pub lacks_message: bool,
}

/// Most choices of one answer that are told apart; OpenAI's own limit of `n` is 128.
const CHOICES_MAX: usize = 1_024;

/// Watches one passed-on stream. Forwards whole events, so that a cut never leaves half of one
/// with the caller.
#[derive(Debug)]
pub struct Tap {
    usage_asked: bool,
    /// The unfinished event.
    partial: Vec<u8>,
    /// How much of `partial` was searched for an event's end.
    searched: usize,
    summary: TapSummary,
    content_seen: bool,
    /// A text or a call was among it.
    spoke: bool,
    /// Choices beside the first that began and did not finish.
    open: BTreeSet<u64>,
    /// The first choice finished: it is the one that every answer has.
    first_finished: bool,
    answered: bool,
    ended: bool,
    error: Option<UpstreamError>,
}

impl Tap {
    /// A tap at the start of a stream. A usage chunk that the caller did not ask for is swallowed.
    #[must_use]
    pub fn new(usage_asked: bool) -> Self {
        Self {
            usage_asked,
            partial: Vec::new(),
            searched: 0,
            summary: TapSummary::default(),
            content_seen: false,
            spoke: false,
            open: BTreeSet::new(),
            first_finished: false,
            answered: false,
            ended: false,
            error: None,
        }
    }

    /// Takes the next bytes and appends the events that they complete to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> TapSignal {
        if self.ended {
            return TapSignal::None;
        }
        let had_content = self.content_seen;
        // Nearly always a piece is whole events: only what is left over is copied.
        let mut partial = std::mem::take(&mut self.partial);
        if partial.is_empty() {
            let consumed = self.events(bytes, 0, out);
            partial.extend_from_slice(bytes.get(consumed..).unwrap_or_default());
        } else {
            partial.extend_from_slice(bytes);
            let consumed = self.events(&partial, self.searched, out);
            partial.drain(..consumed);
        }
        self.partial = partial;
        // A blank line may be cut across pieces: look again at the last bytes.
        self.searched = self.partial.len().saturating_sub(3);
        if !self.ended && self.partial.len() > EVENT_BYTES_MAX {
            self.ended = true;
            self.partial = Vec::new();
            self.error = Some(malformed("an event of the provider's stream is too large"));
        }
        if let Some(error) = &self.error {
            TapSignal::Error(Box::new(error.clone()))
        } else if self.summary.done {
            TapSignal::Done
        } else if self.content_seen && !had_content {
            TapSignal::Content
        } else {
            TapSignal::None
        }
    }

    /// Takes the whole events of `bytes`; how many bytes they were.
    fn events(&mut self, bytes: &[u8], searched: usize, out: &mut Vec<u8>) -> usize {
        let mut at = 0;
        let mut from = searched;
        while let Some(end) = bytes.get(at..).and_then(|rest| event_end(rest, from)) {
            from = 0;
            self.event(bytes.get(at..at + end).unwrap_or_default(), out);
            at += end;
            // What follows an error or `[DONE]` is nothing that a caller reads.
            if self.error.is_some() || self.summary.done {
                self.ended = true;
                return bytes.len();
            }
        }
        at
    }

    /// The body ended: forwards a last event that lacks its blank line.
    ///
    /// # Errors
    /// What the stream failed with: an error in band, a body that was no stream, or an end before
    /// the end (`truncated`).
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<TapSummary, UpstreamError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let last = std::mem::take(&mut self.partial);
        if !self.ended && !last.trim_ascii().is_empty() {
            let first = last.trim_ascii_start().first();
            if matches!(first, Some(b'{' | b'[' | b'<')) && !self.answered {
                // A body that is no stream: an error object, a page, or a whole answer.
                return Err(match tap_whole(&last) {
                    Err(error) => error,
                    Ok(_) => malformed("the provider did not stream its answer"),
                });
            }
            let complete = last.ends_with(b"[DONE]") || last.trim_ascii_end().ends_with(b"}");
            if complete {
                let mut event = last;
                event.extend_from_slice(b"\n\n");
                self.event(&event, out);
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
        }
        if self.finished() && !self.summary.done {
            // Some servers end without the marker that callers wait for.
            out.extend_from_slice(b"data: [DONE]\n\n");
        }
        if self.summary.done || self.finished() {
            Ok(self.summary.clone())
        } else {
            Err(truncated())
        }
    }

    /// Whether every choice that began has ended.
    fn finished(&self) -> bool {
        self.first_finished && self.open.is_empty()
    }

    /// What was seen so far: for records of a stream that was cut.
    #[must_use]
    pub const fn summary(&self) -> &TapSummary {
        &self.summary
    }

    fn event(&mut self, event: &[u8], out: &mut Vec<u8>) {
        let probes = Probes::get();
        let Some(data) = data_of(event) else {
            out.extend_from_slice(event);
            return;
        };
        if data.starts_with(b"[DONE]") {
            self.summary.done = true;
            out.extend_from_slice(event);
            return;
        }
        // Parsed once, if a probe asks for it.
        let parsed = OnceCell::new();
        let value = || -> Option<&Value> { parsed.get_or_init(|| value_of(data)).as_ref() };
        if may_fail(event, probes) && self.fails(event, data, value()) {
            return;
        }
        if !self.answered
            && probes.choices.find(event).is_some()
            && let Some(value) = value()
        {
            self.identity(value);
        }
        if says(event, &probes.usage)
            && value().is_some_and(|value| self.usage_only(value))
            && !self.usage_asked
        {
            return;
        }
        if probes.offsets.find(event).is_some() && value().is_some_and(is_annotation) {
            return;
        }
        for key in [&probes.tool_calls, &probes.function_call] {
            if !self.summary.has_tool_calls {
                self.summary.has_tool_calls = says(event, key);
            }
        }
        if (says(event, &probes.finish_reason) || names_another(event, &probes.index))
            && let Some(value) = value()
        {
            let spoke = self.spoke || speaks(value);
            if let Some(failure) = self.ends_of(value, spoke) {
                self.error = Some(failure);
                return;
            }
        }
        if !self.spoke {
            self.spoke = value().is_some_and(speaks);
        }
        if !self.content_seen {
            self.content_seen = self.spoke || value().is_some_and(finishes);
        }
        out.extend_from_slice(event);
    }

    /// Looks at an event that may be an error; `true` if it is one and must not be forwarded.
    fn fails(&mut self, event: &[u8], data: &[u8], value: Option<&Value>) -> bool {
        let is_error = value.is_some_and(|value| {
            value.get("error").is_some_and(|error| !error.is_null())
                || value
                    .pointer("/x_groq/error")
                    .is_some_and(|error| !error.is_null())
        });
        // A complaint after a normal end changes nothing of the answer.
        let named = event.starts_with(b"event:");
        let ended_well = self.finished() && self.summary.finish_reason != Some(FinishReason::Error);
        if (!is_error && !named) || ended_well {
            return false;
        }
        let error = value.and_then(|value| {
            errors::in_band(value).or_else(|| errors::in_band(value.get("x_groq")?))
        });
        self.error = Some(error.unwrap_or_else(|| {
            UpstreamError::new(ErrorKind::ServerError, String::from_utf8_lossy(data))
        }));
        true
    }

    /// Identity from the first chunk that has a choice.
    fn identity(&mut self, value: &Value) {
        let text = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        let id = text("id").unwrap_or_default();
        let model = text("model").unwrap_or_default();
        self.answered = !id.is_empty()
            || !model.is_empty()
            || value
                .get("choices")
                .and_then(Value::as_array)
                .is_some_and(|choices| !choices.is_empty());
        self.summary.id = id;
        self.summary.model = model;
        self.summary.service_tier = text("service_tier");
        self.summary.system_fingerprint = text("system_fingerprint");
    }

    /// Reads usage; `true` if the event says nothing else.
    fn usage_only(&mut self, value: &Value) -> bool {
        let counts = value
            .get("usage")
            .and_then(usage::read)
            .or_else(|| usage::read(value.pointer("/x_groq/usage")?));
        let found = counts.is_some();
        if found {
            self.summary.usage = counts.map(|usage| Usage {
                native: Map::new(),
                ..usage
            });
        }
        if let Some(tier) = value.get("service_tier").and_then(Value::as_str) {
            self.summary.service_tier = Some(tier.to_owned());
        }
        let no_choices = match value.get("choices") {
            Some(Value::Array(choices)) => choices.is_empty(),
            None | Some(Value::Null) => true,
            Some(_) => false,
        };
        found && no_choices
    }

    /// Which choices begin and end here. `spoke`: something was said. The failure that the end of an
    /// answer in an error is, before it said anything.
    fn ends_of(&mut self, value: &Value, spoke: bool) -> Option<UpstreamError> {
        let choices = value.get("choices").and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            // Some servers say an empty reason until there is one.
            let word = choice.get("finish_reason").and_then(Value::as_str);
            let word = word.filter(|word| !word.is_empty());
            let reason = || response::finish_reason(word, self.summary.has_tool_calls);
            if word.is_some() && !spoke && reason() == FinishReason::Error {
                return Some(response::failed(word));
            }
            match word {
                Some(_) if index == 0 => self.first_finished = true,
                Some(_) => _ = self.open.remove(&index),
                None if index > 0 && self.open.len() < CHOICES_MAX => {
                    self.open.insert(index);
                }
                None => {}
            }
            if let (Some(word), None) = (word, &self.summary.native_finish_reason) {
                let reason = response::finish_reason(Some(word), self.summary.has_tool_calls);
                self.summary.finish_reason = Some(reason);
                self.summary.native_finish_reason = Some(word.to_owned());
            }
        }
        None
    }
}

/// The JSON of an event, read as any reader of text does: bytes that are no UTF-8 (a message cut
/// within a character) make no failure unseen.
fn value_of(data: &[u8]) -> Option<Value> {
    serde_json::from_slice(data)
        .or_else(|_| serde_json::from_str(&String::from_utf8_lossy(data)))
        .ok()
}

/// Where the first event ends: past its blank line, whatever the line ends are.
fn event_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let tail = bytes.get(at..)?;
        let end = at + memchr2(b'\n', b'\r', tail)?;
        let after = bytes.get(end..)?;
        for blank in [&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n", b"\r\r"] {
            if after.starts_with(blank) {
                return Some(end + blank.len());
            }
        }
        at = end + 1;
    }
}

/// The data of an event's first `data:` line.
fn data_of(event: &[u8]) -> Option<&[u8]> {
    let at = if event.starts_with(b"data:") {
        0
    } else {
        memmem::find_iter(event, b"data:")
            .find(|at| matches!(event.get(at.wrapping_sub(1)), Some(b'\n' | b'\r' | 0xbf)))?
    };
    Some(event.get(at + 5..)?.trim_ascii())
}

/// Searchers for the keys that events are probed for, made once: making one costs more than
/// searching an event.
struct Probes {
    choices: Finder<'static>,
    error: Finder<'static>,
    finish_reason: Finder<'static>,
    function_call: Finder<'static>,
    index: Finder<'static>,
    offsets: Finder<'static>,
    tool_calls: Finder<'static>,
    usage: Finder<'static>,
}

impl Probes {
    fn get() -> &'static Self {
        static PROBES: OnceLock<Probes> = OnceLock::new();
        PROBES.get_or_init(|| Self {
            choices: Finder::new("\"choices\""),
            error: Finder::new("\"error\""),
            finish_reason: Finder::new("\"finish_reason\""),
            function_call: Finder::new("\"function_call\""),
            index: Finder::new("\"index\""),
            offsets: Finder::new("\"content_filter_offsets\""),
            tool_calls: Finder::new("\"tool_calls\""),
            usage: Finder::new("\"usage\""),
        })
    }
}

/// Whether a chunk is only a late verdict of Azure's asynchronous filter: its choices have no
/// `delta`, which clients would stumble over (wire-protocols §15).
fn is_annotation(value: &Value) -> bool {
    let choices = value.get("choices").and_then(Value::as_array);
    choices.is_some_and(|choices| {
        !choices.is_empty()
            && choices.iter().all(|choice| {
                let says = |key: &str| choice.get(key).is_some_and(|value| !value.is_null());
                says("content_filter_offsets") && !says("delta") && !says("finish_reason")
            })
    })
}

fn may_fail(event: &[u8], probes: &Probes) -> bool {
    let named = event.starts_with(b"event: error") || event.starts_with(b"event:error");
    named || says(event, &probes.error)
}

/// Whether an `index` in these bytes is not 0: it may be that of another choice.
fn names_another(bytes: &[u8], key: &Finder<'_>) -> bool {
    values_of(bytes, key).any(|value| matches!(value.first(), Some(b'1'..=b'9')))
}

/// Whether some value of that key in these bytes is neither `null` nor an empty list.
fn says(bytes: &[u8], key: &Finder<'_>) -> bool {
    values_of(bytes, key).any(|value| !value.starts_with(b"null") && !value.starts_with(b"[]"))
}

/// What stands behind each such key in these bytes.
fn values_of<'b>(bytes: &'b [u8], key: &Finder<'_>) -> impl Iterator<Item = &'b [u8]> {
    let length = key.needle().len();
    key.find_iter(bytes).filter_map(move |at| {
        let rest = bytes.get(at + length..)?.trim_ascii_start();
        // Without a colon it is no key but a value of that spelling.
        Some(rest.strip_prefix(b":")?.trim_ascii_start())
    })
}

/// Whether a choice ends in a chunk.
fn finishes(value: &Value) -> bool {
    let choices = value.get("choices").and_then(Value::as_array);
    choices.into_iter().flatten().any(|choice| {
        let word = choice.get("finish_reason").and_then(Value::as_str);
        word.is_some_and(|word| !word.is_empty())
    })
}

/// Whether a chunk says something: a text that is not empty, a call.
fn speaks(value: &Value) -> bool {
    let choices = value.get("choices").and_then(Value::as_array);
    choices.into_iter().flatten().any(|choice| {
        // Text completions have no delta.
        let text = choice.get("text").and_then(Value::as_str);
        if text.is_some_and(|text| !text.is_empty()) {
            return true;
        }
        let delta = choice.get("delta").and_then(Value::as_object);
        delta.into_iter().flatten().any(|(key, value)| match value {
            Value::String(text) => key != "role" && !text.is_empty(),
            Value::Array(items) => !items.is_empty() && key != "reasoning_details",
            Value::Object(object) => !object.is_empty(),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        })
    })
}

#[cfg(test)]
mod tests;
