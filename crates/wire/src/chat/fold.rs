//! Folds a stream of events into a whole answer: streamed and whole answers meet in one shape.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{AssistantMessage, ChatEvent, ChatResponse, Choice, ToolCall};
use crate::error::UpstreamError;

/// Collects the events of one stream.
#[derive(Debug, Default)]
pub struct Fold {
    response: ChatResponse,
    /// By index.
    choices: BTreeMap<u32, Choice>,
    error: Option<UpstreamError>,
    ended: bool,
}

impl Fold {
    /// Nothing collected yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All these events collected.
    #[must_use]
    pub fn of(events: impl IntoIterator<Item = ChatEvent>) -> Self {
        let mut fold = Self::new();
        events.into_iter().for_each(|event| fold.push(event));
        fold
    }

    /// Takes one event.
    pub fn push(&mut self, event: ChatEvent) {
        match event {
            ChatEvent::Start { id, model, created } => {
                self.response.id = id;
                self.response.model = model;
                self.response.created = created;
            }
            ChatEvent::Text { choice, text } => self.message(choice).text.push_str(&text),
            ChatEvent::Reasoning { choice, text } => self.message(choice).reasoning.push_str(&text),
            ChatEvent::Refusal { choice, text } => {
                self.message(choice)
                    .refusal
                    .get_or_insert_default()
                    .push_str(&text);
            }
            ChatEvent::ToolStart {
                choice,
                id,
                name,
                custom,
                ..
            } => {
                self.message(choice).tool_calls.push(ToolCall {
                    id,
                    name,
                    arguments: String::new(),
                    custom,
                });
            }
            ChatEvent::ToolArguments {
                choice,
                call,
                fragment,
            } => {
                let calls = &mut self.message(choice).tool_calls;
                if let Some(call) = usize::try_from(call)
                    .ok()
                    .and_then(|call| calls.get_mut(call))
                {
                    call.arguments.push_str(&fragment);
                }
            }
            ChatEvent::Block { choice, block } => self.message(choice).blocks.push(block),
            ChatEvent::Annotation { choice, annotation } => {
                self.message(choice).annotations.push(annotation)
            }
            ChatEvent::Logprobs { choice, logprobs } => merge_lists(
                self.choice(choice).logprobs.get_or_insert_default(),
                logprobs,
            ),
            ChatEvent::Audio { choice, audio } => {
                merge_audio(self.message(choice).audio.get_or_insert_default(), audio)
            }
            ChatEvent::Image { choice, image } => self.message(choice).images.push(image),
            ChatEvent::Finish {
                choice,
                reason,
                native,
                stop_sequence,
            } => {
                let choice = self.choice(choice);
                choice.finish_reason = Some(reason);
                choice.native_finish_reason = Some(native);
                choice.stop_sequence = stop_sequence;
            }
            ChatEvent::Usage(usage) => self.response.usage = Some(usage),
            ChatEvent::Metadata { choice, key, value } => self.metadata(choice, key, value),
            ChatEvent::Ping => {}
            ChatEvent::Error(error) => self.error = Some(error),
            ChatEvent::End => self.ended = true,
        }
    }

    /// The whole answer.
    ///
    /// # Errors
    /// The error that the stream ended in; a stream without an end is truncated.
    pub fn finish(mut self) -> Result<ChatResponse, UpstreamError> {
        match self.error {
            Some(error) => Err(error),
            None if self.ended => {
                self.response.choices = self.choices.into_values().collect();
                Ok(self.response)
            }
            None => Err(UpstreamError::new(
                crate::error::ErrorKind::Truncated,
                "the answer ended before its end",
            )),
        }
    }

    fn metadata(&mut self, choice: Option<u32>, key: String, value: Value) {
        match (choice, key.as_str(), value.as_str()) {
            (None, "service_tier", Some(tier)) => {
                self.response.service_tier = Some(tier.to_owned())
            }
            (None, "system_fingerprint", Some(print)) => {
                self.response.system_fingerprint = Some(print.to_owned());
            }
            (None, ..) => {
                self.response.metadata.insert(key, value);
            }
            (Some(index), ..) => {
                self.choice(index).metadata.insert(key, value);
            }
        }
    }

    fn message(&mut self, index: u32) -> &mut AssistantMessage {
        &mut self.choice(index).message
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        self.choices.entry(index).or_insert_with(|| Choice {
            index,
            ..Choice::default()
        })
    }
}

/// Appends the lists of `from` to the lists of the same key in `into`.
fn merge_lists(into: &mut Value, from: Value) {
    let (Some(into), Value::Object(from)) = (ensure_object(into), from) else {
        return;
    };
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Appends base64 and transcript text; other members are replaced.
fn merge_audio(into: &mut Value, from: Value) {
    let (Some(into), Value::Object(from)) = (ensure_object(into), from) else {
        return;
    };
    for (key, value) in from {
        match (into.get_mut(&key), &value) {
            (Some(Value::String(text)), Value::String(more))
                if key == "data" || key == "transcript" =>
            {
                text.push_str(more)
            }
            _ => {
                into.insert(key, value);
            }
        }
    }
}

fn ensure_object(value: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    if value.is_null() {
        *value = Value::Object(serde_json::Map::new());
    }
    value.as_object_mut()
}
