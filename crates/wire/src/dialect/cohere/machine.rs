//! What a chat answer says, item by item: the one reading of it, which whole answers and streams
//! share so that they can't drift apart.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{citations, errors, usage};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, FinishReason};
use crate::classify::synthetic_call_id;
use crate::custom_tools::unwrap_input;
use crate::error::UpstreamError;
use crate::reply::{malformed, truncated};

/// The state between two events of one answer.
#[derive(Debug)]
pub(super) struct Machine {
    context: DecodeContext,
    started: bool,
    /// Characters of content text so far, the plan before tool calls included.
    chars: usize,
    /// Where each text item begins in the text, in characters.
    items: BTreeMap<u64, usize>,
    calls: Vec<Call>,
    /// Something was said that the caller can use.
    spoke: bool,
    finished: bool,
}

#[derive(Debug)]
struct Call {
    /// The provider's index.
    index: u64,
    custom: bool,
    arguments: String,
    closed: bool,
}

impl Call {
    /// Whether its arguments broke off.
    fn is_cut(&self) -> bool {
        !self.closed
            && !self.arguments.is_empty()
            && serde_json::from_str::<serde::de::IgnoredAny>(&self.arguments).is_err()
    }
}

impl Machine {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            started: false,
            chars: 0,
            items: BTreeMap::new(),
            calls: Vec::new(),
            spoke: false,
            finished: false,
        }
    }

    /// Whether content text was said.
    pub(super) const fn wrote(&self) -> bool {
        self.chars > 0
    }

    /// Whether the end of the message was said.
    pub(super) const fn finished(&self) -> bool {
        self.finished
    }

    /// Identity. The API does not name the model that answers.
    pub(super) fn start(&mut self, id: &str, out: &mut Vec<ChatEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        out.push(ChatEvent::Start {
            id: id.to_owned(),
            model: String::new(),
            created: None,
        });
    }

    /// The plan that precedes tool calls: content text (wire-protocols §11.3).
    pub(super) fn plan(&mut self, text: &str, out: &mut Vec<ChatEvent>) {
        self.say(text, out);
    }

    /// A piece of the content item `index`: `{text}` or `{thinking}`, whole or a delta.
    pub(super) fn content(&mut self, index: u64, item: &Value, out: &mut Vec<ChatEvent>) {
        if let Some(thought) = item.get("thinking").and_then(Value::as_str) {
            self.reason(thought, out);
        }
        if let Some(text) = item.get("text").and_then(Value::as_str) {
            self.text(index, text, out);
        }
    }

    /// A piece of text of the content item `index`.
    pub(super) fn text(&mut self, index: u64, text: &str, out: &mut Vec<ChatEvent>) {
        self.items.entry(index).or_insert(self.chars);
        self.say(text, out);
    }

    fn reason(&mut self, thought: &str, out: &mut Vec<ChatEvent>) {
        self.start("", out);
        if !thought.is_empty() {
            self.spoke = true;
            out.push(ChatEvent::Reasoning {
                choice: 0,
                text: thought.to_owned(),
            });
        }
    }

    fn say(&mut self, text: &str, out: &mut Vec<ChatEvent>) {
        self.start("", out);
        if !text.is_empty() {
            self.spoke = true;
            self.chars += text.chars().count();
            out.push(ChatEvent::Text {
                choice: 0,
                text: text.to_owned(),
            });
        }
    }

    /// Log probabilities of a piece of text: `{text, token_ids, logprobs}`. The API gives the text
    /// of the piece and not of its tokens, so that a piece stands as one token with the sum.
    pub(super) fn logprobs(&mut self, item: &Value, out: &mut Vec<ChatEvent>) {
        let Some(each) = item.get("logprobs").and_then(Value::as_array) else {
            return;
        };
        let text = item.get("text").and_then(Value::as_str).unwrap_or_default();
        let sum: f64 = each.iter().filter_map(Value::as_f64).sum();
        let bytes: Vec<u8> = text.bytes().collect();
        out.push(ChatEvent::Logprobs {
            choice: 0,
            logprobs: json!({"content": [{
                "token": text, "logprob": sum, "bytes": bytes, "top_logprobs": [],
            }]}),
        });
    }

    /// A tool call begins; in a whole message with all of its arguments.
    pub(super) fn open_call(&mut self, index: u64, call: &Value, out: &mut Vec<ChatEvent>) {
        self.start("", out);
        let text = |path: &str| {
            call.pointer(path)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let place = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
        let name = self.context.names.to_caller(text("/function/name"));
        let custom = self.context.custom_tools.iter().any(|tool| tool == name);
        let id = match text("/id") {
            "" => synthetic_call_id(&self.context.id_seed, 0, place),
            id => id.to_owned(),
        };
        out.push(ChatEvent::ToolStart {
            choice: 0,
            call: place,
            id,
            name: name.to_owned(),
            custom,
        });
        self.spoke = true;
        self.calls.push(Call {
            index,
            custom,
            arguments: String::new(),
            closed: false,
        });
        self.arguments(index, call, out);
    }

    /// A piece of a call's arguments. One that belongs to no open call is malformed.
    pub(super) fn delta_call(
        &mut self,
        index: u64,
        call: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        if self.arguments(index, call, out) {
            Ok(())
        } else {
            Err(malformed("a tool call delta names a call that is not open"))
        }
    }

    fn arguments(&mut self, index: u64, call: &Value, out: &mut Vec<ChatEvent>) -> bool {
        let fragment = match call.pointer("/function/arguments") {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            // Objects where a string is due (wire-protocols §7).
            Some(other) => other.to_string(),
        };
        let Some((place, open)) = self.open_at(index) else {
            return false;
        };
        open.arguments.push_str(&fragment);
        if !fragment.is_empty() && !open.custom {
            out.push(ChatEvent::ToolArguments {
                choice: 0,
                call: place,
                fragment,
            });
        }
        true
    }

    fn open_at(&mut self, index: u64) -> Option<(u32, &mut Call)> {
        let (place, call) = self
            .calls
            .iter_mut()
            .enumerate()
            .rev()
            .find(|(_, call)| call.index == index && !call.closed)?;
        Some((u32::try_from(place).unwrap_or(u32::MAX), call))
    }

    /// A call as it is whole: it ends here, and begins where none of it was streamed.
    ///
    /// # Errors
    /// What was streamed of its arguments is cut.
    pub(super) fn settle_call(
        &mut self,
        index: u64,
        call: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        let known = self.calls.iter().find(|known| known.index == index);
        match known.map(|known| (known.closed, known.arguments.is_empty(), known.is_cut())) {
            None => self.open_call(index, call, out),
            Some((true, ..)) => return Ok(()),
            Some((false, true, _)) => {
                self.arguments(index, call, out);
            }
            Some((false, false, true)) => {
                return Err(truncated("inside the arguments of a tool call"));
            }
            Some((false, false, false)) => {}
        }
        self.close_call(index, out);
        Ok(())
    }

    /// A tool call ends.
    pub(super) fn close_call(&mut self, index: u64, out: &mut Vec<ChatEvent>) {
        let Some((place, call)) = self.open_at(index) else {
            return;
        };
        call.closed = true;
        let rest = match (call.custom, call.arguments.is_empty()) {
            (true, _) => unwrap_input(&call.arguments),
            (false, true) => "{}".to_owned(),
            (false, false) => return,
        };
        out.push(ChatEvent::ToolArguments {
            choice: 0,
            call: place,
            fragment: rest,
        });
    }

    /// Citations: one object, or a list of them.
    pub(super) fn cite(&mut self, cited: &Value, out: &mut Vec<ChatEvent>) {
        let list = match cited {
            Value::Array(list) => list.as_slice(),
            one @ Value::Object(_) => std::slice::from_ref(one),
            _ => &[],
        };
        for citation in list {
            let index = citation.get("content_index").and_then(Value::as_u64);
            // Older answers leave the index out and mean the only text item.
            let base = index
                .and_then(|index| self.items.get(&index))
                .or_else(|| self.items.values().next_back())
                .copied()
                .unwrap_or(0);
            for annotation in citations::annotations(citation, base, self.chars) {
                out.push(ChatEvent::Annotation {
                    choice: 0,
                    annotation,
                });
            }
        }
    }

    /// The end: `finish_reason`, and in a stream `usage`, `error` and `error_type` beside it.
    ///
    /// # Errors
    /// A failure that the end says, or that the answer was cut.
    pub(super) fn finish(
        &mut self,
        end: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        if self.finished {
            return Ok(());
        }
        self.start("", out);
        let native = end.get("finish_reason").and_then(Value::as_str);
        let native = native.unwrap_or_default();
        self.usage(end.get("usage"), out);
        if let Some(failure) = errors::at_end(end, native, self.spoke) {
            return Err(failure);
        }
        let limited = matches!(native, "MAX_TOKENS" | "ERROR_LIMIT");
        if !limited && self.calls.iter().any(Call::is_cut) {
            return Err(truncated("inside the arguments of a tool call"));
        }
        let open: Vec<u64> = self
            .calls
            .iter()
            .filter(|call| !call.closed)
            .map(|call| call.index)
            .collect();
        for index in open {
            self.close_call(index, out);
        }
        self.finished = true;
        out.push(ChatEvent::Finish {
            choice: 0,
            reason: self.reason_of(native),
            native: native.to_owned(),
            stop_sequence: None,
        });
        Ok(())
    }

    /// Derived from the calls, not from the word (wire-protocols §11.1).
    fn reason_of(&self, native: &str) -> FinishReason {
        match native {
            // v1: the end of the model's window.
            "MAX_TOKENS" | "ERROR_LIMIT" => FinishReason::Length,
            "ERROR_TOXIC" => FinishReason::ContentFilter,
            "ERROR" | "TIMEOUT" | "USER_CANCEL" => FinishReason::Error,
            _ if !self.calls.is_empty() => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        }
    }

    fn usage(&self, native: Option<&Value>, out: &mut Vec<ChatEvent>) {
        let counts = native.and_then(Value::as_object);
        if let Some(counts) = counts.filter(|counts| !counts.is_empty()) {
            out.push(ChatEvent::Usage(usage::read(counts)));
        }
    }

    /// Members of `object` besides `known`, by their own names.
    pub(super) fn metadata(
        &self,
        choice: Option<u32>,
        object: &Value,
        known: &[&str],
        out: &mut Vec<ChatEvent>,
    ) {
        for (key, value) in object.as_object().into_iter().flatten() {
            if !value.is_null() && !known.contains(&key.as_str()) {
                out.push(ChatEvent::Metadata {
                    choice,
                    key: key.clone(),
                    value: value.clone(),
                });
            }
        }
    }
}
