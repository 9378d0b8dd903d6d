//! What an answer says, object by object: the one reading of it, which whole answers (one object)
//! and streams (one a line) share so that they can't drift apart. Reads those of `/api/chat`
//! (`message`) and of `/api/generate` (`response`, `thinking`) alike.

use serde_json::{Map, Value, json};

use super::{errors, usage};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, FinishReason};
use crate::classify::synthetic_call_id;
use crate::custom_tools::unwrap_input;
use crate::delay::parse_rfc3339;
use crate::error::{ErrorKind, UpstreamError};

/// Members of an object that have a place of their own in the hub.
const KNOWN_MEMBERS: [&str; 8] = [
    "model",
    "created_at",
    "message",
    "response",
    "thinking",
    "done",
    "done_reason",
    "logprobs",
];
/// Members of its message that do.
const KNOWN_MESSAGE_MEMBERS: [&str; 4] = ["role", "content", "thinking", "tool_calls"];

/// The state between two objects of one answer.
#[derive(Debug)]
pub(super) struct Machine {
    context: DecodeContext,
    started: bool,
    calls: u32,
    finished: bool,
}

impl Machine {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            started: false,
            calls: 0,
            finished: false,
        }
    }

    /// Whether the end of the answer was said.
    pub(super) const fn finished(&self) -> bool {
        self.finished
    }

    /// Identity. Each object says its own time: that of the first counts.
    pub(super) fn start(&mut self, model: &str, created_at: &str, out: &mut Vec<ChatEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        #[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch")]
        let created = parse_rfc3339(created_at).map(|seconds| seconds as i64);
        out.push(ChatEvent::Start {
            id: String::new(),
            model: model.to_owned(),
            created,
        });
    }

    /// A piece of text.
    pub(super) fn say(text: &str, out: &mut Vec<ChatEvent>) {
        if !text.is_empty() {
            out.push(ChatEvent::Text {
                choice: 0,
                text: text.to_owned(),
            });
        }
    }

    fn reason(text: &str, out: &mut Vec<ChatEvent>) {
        if !text.is_empty() {
            out.push(ChatEvent::Reasoning {
                choice: 0,
                text: text.to_owned(),
            });
        }
    }

    /// One object of an answer.
    ///
    /// # Errors
    /// The failure that it says, or that it is no part of an answer.
    pub(super) fn take(
        &mut self,
        object: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        if self.finished {
            // Nothing of the answer follows its end.
            return Ok(());
        }
        if errors::is_error(object) {
            return Err(errors::in_band(object));
        }
        let Some(members) = object.as_object() else {
            return Err(malformed("it is no JSON object"));
        };
        let text = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or_default();
        let done = members.get("done").and_then(Value::as_bool);
        let message = members.get("message").filter(|message| message.is_object());
        if message.is_none() && !members.contains_key("response") && done.is_none() {
            return Err(malformed("it has neither `message` nor `response`"));
        }
        self.start(text("model"), text("created_at"), out);
        Self::reason(text("thinking"), out);
        Self::say(text("response"), out);
        if let Some(message) = message.and_then(Value::as_object) {
            self.message(message, out);
        }
        logprobs(members.get("logprobs"), out);
        if done == Some(true) {
            self.finish(members, text("done_reason"), out)?;
        }
        Ok(())
    }

    fn message(&mut self, message: &Map<String, Value>, out: &mut Vec<ChatEvent>) {
        let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
        Self::reason(text("thinking"), out);
        Self::say(text("content"), out);
        let calls = message.get("tool_calls").and_then(Value::as_array);
        for call in calls.into_iter().flatten() {
            self.call(call, out);
        }
        metadata(message, &KNOWN_MESSAGE_MEMBERS, out);
    }

    /// A call, which always comes whole. Older servers give it no id.
    fn call(&mut self, call: &Value, out: &mut Vec<ChatEvent>) {
        let text = |path: &str| {
            call.pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let place = self.calls;
        self.calls = self.calls.saturating_add(1);
        let name = self.context.names.to_caller(text("/function/name"));
        let custom = self.context.custom_tools.iter().any(|tool| tool == name);
        let id = match text("/id") {
            "" => synthetic_call_id(&self.context.id_seed, 0, place),
            id => id.to_owned(),
        };
        let arguments = match call.pointer("/function/arguments") {
            Some(Value::String(text)) if !text.is_empty() => text.clone(),
            None | Some(Value::Null | Value::String(_)) => "{}".to_owned(),
            Some(object) => object.to_string(),
        };
        out.push(ChatEvent::ToolStart {
            choice: 0,
            call: place,
            id,
            name: name.to_owned(),
            custom,
        });
        out.push(ChatEvent::ToolArguments {
            choice: 0,
            call: place,
            fragment: if custom {
                unwrap_input(&arguments)
            } else {
                arguments
            },
        });
    }

    fn finish(
        &mut self,
        end: &Map<String, Value>,
        native: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        if matches!(native, "load" | "unload") {
            return Err(UpstreamError::new(
                ErrorKind::ServerError,
                format!("the server did not answer but {native} the model"),
            ));
        }
        let usage = usage::read(end);
        let known = KNOWN_MEMBERS.iter().copied();
        let known: Vec<&str> = match usage {
            Some(_) => known.chain(usage::COUNTS).collect(),
            None => known.collect(),
        };
        metadata(end, &known, out);
        out.extend(usage.map(ChatEvent::Usage));
        self.finished = true;
        out.push(ChatEvent::Finish {
            choice: 0,
            // Derived from the calls, not from the word (wire-protocols §11.1).
            reason: match native {
                "length" => FinishReason::Length,
                _ if self.calls > 0 => FinishReason::ToolCalls,
                _ => FinishReason::Stop,
            },
            native: native.to_owned(),
            stop_sequence: None,
        });
        Ok(())
    }
}

/// Log probabilities, which have the members that OpenAI's have but for those that are empty.
fn logprobs(list: Option<&Value>, out: &mut Vec<ChatEvent>) {
    let Some(list) = list
        .and_then(Value::as_array)
        .filter(|list| !list.is_empty())
    else {
        return;
    };
    let mut content = list.clone();
    for token in content.iter_mut().filter_map(Value::as_object_mut) {
        for (key, empty) in [("bytes", Value::Null), ("top_logprobs", json!([]))] {
            token.entry(key).or_insert(empty);
        }
    }
    out.push(ChatEvent::Logprobs {
        choice: 0,
        logprobs: json!({ "content": content }),
    });
}

/// Members besides `known`, by their own names.
fn metadata(members: &Map<String, Value>, known: &[&str], out: &mut Vec<ChatEvent>) {
    for (key, value) in members {
        if !value.is_null() && !known.contains(&key.as_str()) {
            out.push(ChatEvent::Metadata {
                choice: Some(0),
                key: key.clone(),
                value: value.clone(),
            });
        }
    }
}

/// An answer that is not what the dialect says.
pub(super) fn malformed(what: &str) -> UpstreamError {
    UpstreamError::new(
        ErrorKind::MalformedReply,
        format!("the provider's answer could not be read: {what}"),
    )
}

/// An answer that ended before its end.
pub(super) fn truncated(what: &str) -> UpstreamError {
    UpstreamError::new(
        ErrorKind::Truncated,
        format!("the provider's stream ended {what}"),
    )
}
