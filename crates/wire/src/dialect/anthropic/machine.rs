//! What a Messages answer says, block by block: the one reading of it, which whole answers and
//! streams share so that they can't drift apart.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::block::OpenBlock;
use super::usage;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, FinishReason};
use crate::error::UpstreamError;
use crate::reply::malformed;

/// Members of a message that have a place of their own in the hub, or that never say anything.
const KNOWN_MEMBERS: [&str; 8] = [
    "id",
    "type",
    "role",
    "model",
    "content",
    "stop_reason",
    "stop_sequence",
    "usage",
];

/// The state between two events of one answer.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) context: DecodeContext,
    /// Model that answers; empty until it is said.
    pub(super) model: String,
    /// Characters of content text so far.
    pub(super) text_chars: usize,
    /// Client calls so far.
    pub(super) calls: u32,
    /// Opaque blocks so far.
    pub(super) blocks: u32,
    /// The last block was plain text that no opaque block stands for.
    pub(super) after_plain_text: bool,
    started: bool,
    open: BTreeMap<u64, OpenBlock>,
    usage: Map<String, Value>,
    finished: bool,
}

impl Machine {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            model: String::new(),
            text_chars: 0,
            calls: 0,
            blocks: 0,
            after_plain_text: false,
            started: false,
            open: BTreeMap::new(),
            usage: Map::new(),
            finished: false,
        }
    }

    /// Whether a stop reason was seen.
    pub(super) const fn finished(&self) -> bool {
        self.finished
    }

    /// `message_start`, or the head of a whole message: identity, counts so far and the rest.
    pub(super) fn start(&mut self, message: &Value, out: &mut Vec<ChatEvent>) {
        // Proxies have been seen to send it twice; the first one holds.
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let text = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
        self.model = text("model").to_owned();
        out.push(ChatEvent::Start {
            id: text("id").to_owned(),
            model: self.model.clone(),
            created: None,
        });
        self.metadata(message, &KNOWN_MEMBERS, out);
        self.take_usage(message.get("usage"), out);
    }

    /// A content block begins. In a whole message it holds all that it will.
    pub(super) fn open(&mut self, index: u64, block: Value, out: &mut Vec<ChatEvent>) {
        self.start(&Value::Null, out);
        if let Some(before) = self.open.remove(&index) {
            // A sender that forgot the stop: the next start of that index ends the block.
            before.close(self, out);
        }
        let block = OpenBlock::begin(block, self, out);
        self.open.insert(index, block);
    }

    /// A fragment of text of an open block: [`Machine::delta`] for what most deltas are.
    pub(super) fn text(
        &mut self,
        index: u64,
        text: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        let Some(mut block) = self.open.remove(&index) else {
            return Err(malformed("a content delta names a block that is not open"));
        };
        block.take_text(text, self, out);
        self.open.insert(index, block);
        Ok(())
    }

    /// A fragment of an open block.
    pub(super) fn delta(
        &mut self,
        index: u64,
        delta: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        let Some(mut block) = self.open.remove(&index) else {
            return Err(malformed("a content delta names a block that is not open"));
        };
        block.delta(delta, self, out);
        self.open.insert(index, block);
        Ok(())
    }

    /// A content block ends.
    pub(super) fn close(
        &mut self,
        index: u64,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        match self.open.remove(&index) {
            Some(block) => {
                block.close(self, out);
                Ok(())
            }
            None => Err(malformed(
                "a content block ends that did not begin before it",
            )),
        }
    }

    /// Whether a client call is open whose arguments are not whole yet.
    pub(super) fn has_cut_arguments(&self) -> bool {
        self.open.values().any(OpenBlock::has_cut_arguments)
    }

    /// Ends blocks that the sender left open.
    pub(super) fn close_all(&mut self, out: &mut Vec<ChatEvent>) {
        for block in std::mem::take(&mut self.open).into_values() {
            block.close(self, out);
        }
    }

    /// Why the answer ended (`stop_reason` and what stands beside it in `end`), in a whole message
    /// or in the `delta` of `message_delta`. A whole message without a reason is whole all the
    /// same: its framing says so.
    pub(super) fn finish(&mut self, end: &Value, out: &mut Vec<ChatEvent>) {
        let native = end.get("stop_reason").and_then(Value::as_str);
        let native = native.unwrap_or_default();
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let reason = match native {
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "refusal" => FinishReason::ContentFilter,
            // Derived from the calls, not from the word (wire-protocols §11.1): a call of the
            // schema tool or of a server tool is none of the caller's.
            _ if self.calls > 0 => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        if let Some(words) = end
            .pointer("/stop_details/explanation")
            .and_then(Value::as_str)
            .filter(|words| native == "refusal" && !words.is_empty())
        {
            out.push(ChatEvent::Refusal {
                choice: 0,
                text: words.to_owned(),
            });
        }
        out.push(ChatEvent::Finish {
            choice: 0,
            reason,
            native: native.to_owned(),
            stop_sequence: end
                .get("stop_sequence")
                .and_then(Value::as_str)
                .map(ToOwned::to_owned),
        });
    }

    /// Token counts: cumulative, so a later count replaces the earlier one of its name.
    pub(super) fn take_usage(&mut self, usage: Option<&Value>, out: &mut Vec<ChatEvent>) {
        let Some(Value::Object(counts)) = usage else {
            return;
        };
        for (key, value) in counts {
            if !value.is_null() || !self.usage.contains_key(key) {
                self.usage.insert(key.clone(), value.clone());
            }
        }
        let tier = counts.get("service_tier").and_then(Value::as_str);
        if let Some(tier) = tier {
            out.push(ChatEvent::Metadata {
                choice: None,
                key: "service_tier".to_owned(),
                value: Value::from(if tier == "standard" { "default" } else { tier }),
            });
        }
        out.push(ChatEvent::Usage(usage::read(&self.usage)));
    }

    /// Members of `object` besides `known`, by their own names.
    pub(super) fn metadata(&self, object: &Value, known: &[&str], out: &mut Vec<ChatEvent>) {
        for (key, value) in object.as_object().into_iter().flatten() {
            if !value.is_null() && !known.contains(&key.as_str()) {
                out.push(ChatEvent::Metadata {
                    choice: None,
                    key: key.clone(),
                    value: value.clone(),
                });
            }
        }
    }

    /// A whole message as events, without `End`.
    pub(super) fn whole(&mut self, message: &Value, out: &mut Vec<ChatEvent>) {
        self.start(message, out);
        let content = message.get("content").and_then(Value::as_array);
        for (index, block) in (0_u64..).zip(content.into_iter().flatten()) {
            self.open(index, block.clone(), out);
            self.close_all(out);
        }
        self.finish(message, out);
    }
}
