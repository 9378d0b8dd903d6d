//! What a Converse answer says, block by block: the one reading of it, which whole answers and
//! streams share so that they can't drift apart.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::block::OpenBlock;
use super::usage;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, FinishReason};
use crate::error::{ErrorKind, UpstreamError};

/// Members of an answer that have a place of their own in the hub, or that say nothing (`p` is
/// padding).
const KNOWN_MEMBERS: [&str; 4] = ["output", "stopReason", "usage", "p"];

/// The tiers that OpenAI's shape has a word for.
const TIERS: [&str; 3] = ["default", "flex", "priority"];

/// The state between two events of one answer.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) context: DecodeContext,
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
    finished: bool,
}

impl Machine {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            text_chars: 0,
            calls: 0,
            blocks: 0,
            after_plain_text: false,
            started: false,
            open: BTreeMap::new(),
            finished: false,
        }
    }

    /// Whether a stop reason was seen.
    pub(super) const fn finished(&self) -> bool {
        self.finished
    }

    /// The answer begins. It names neither itself nor the model: that is the one that was asked.
    pub(super) fn start(&mut self, out: &mut Vec<ChatEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        out.push(ChatEvent::Start {
            id: String::new(),
            model: self.context.model.clone(),
            created: None,
        });
    }

    /// What an event says of a block: its start, a piece of it, or all of it. Text and reasoning
    /// begin with their first piece.
    pub(super) fn take(&mut self, index: u64, said: &Value, out: &mut Vec<ChatEvent>) {
        self.start(out);
        let mut block = match self.open.remove(&index) {
            Some(block) => block,
            None => OpenBlock::new(self),
        };
        for (kind, value) in said.as_object().into_iter().flatten() {
            block = block.take(kind, value, self, out);
        }
        self.open.insert(index, block);
    }

    /// A piece of text: [`Machine::take`] for what most pieces are.
    pub(super) fn text(&mut self, index: u64, text: &str, out: &mut Vec<ChatEvent>) {
        self.start(out);
        let block = match self.open.remove(&index) {
            Some(block) => block,
            None => OpenBlock::new(self),
        };
        let block = block.take_text(text, self, out);
        self.open.insert(index, block);
    }

    /// A content block ends.
    pub(super) fn close(&mut self, index: u64, out: &mut Vec<ChatEvent>) {
        // A block that said nothing at all was never opened.
        if let Some(block) = self.open.remove(&index) {
            block.close(self, out);
        }
    }

    /// Whether a client call is open whose arguments are not whole yet.
    pub(super) fn has_cut_arguments(&self) -> bool {
        self.open.values().any(OpenBlock::has_cut_arguments)
    }

    fn close_all(&mut self, out: &mut Vec<ChatEvent>) {
        for block in std::mem::take(&mut self.open).into_values() {
            block.close(self, out);
        }
    }

    /// Why the answer ended (wire-protocols §11.1).
    ///
    /// # Errors
    /// The model's output was malformed and nothing of it is of use.
    pub(super) fn finish(
        &mut self,
        end: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        self.start(out);
        self.close_all(out);
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        let native = end.get("stopReason").and_then(Value::as_str);
        let native = native.unwrap_or_default();
        let reason = match native {
            "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
            "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
            "malformed_model_output" | "malformed_tool_use" => {
                if self.text_chars == 0 && self.calls == 0 {
                    let mut error = UpstreamError::new(
                        ErrorKind::ServerError,
                        format!("the model's output could not be used: {native}"),
                    );
                    error.code = Some(native.to_owned());
                    return Err(error);
                }
                FinishReason::Error
            }
            // Derived from the calls, not from the word: a call of the schema tool or of a server
            // tool is none of the caller's.
            _ if self.calls > 0 => FinishReason::ToolCalls,
            _ => FinishReason::Stop,
        };
        let stop_sequence = ["stop_sequence", "delta/stop_sequence"]
            .iter()
            .find_map(|path| end.pointer(&format!("/additionalModelResponseFields/{path}")))
            .and_then(Value::as_str)
            .map(ToOwned::to_owned);
        self.metadata(end, out);
        out.push(ChatEvent::Finish {
            choice: 0,
            reason,
            native: native.to_owned(),
            stop_sequence,
        });
        Ok(())
    }

    /// Counts and all else that an answer or its `metadata` event says besides content.
    pub(super) fn metadata(&mut self, object: &Value, out: &mut Vec<ChatEvent>) {
        self.start(out);
        let members = object.as_object().into_iter().flatten();
        for (key, value) in members.filter(|(_, value)| !value.is_null()) {
            let say = |key: &str, value: Value| ChatEvent::Metadata {
                choice: None,
                key: key.to_owned(),
                value,
            };
            let tier = value.get("type").and_then(Value::as_str);
            match (key.as_str(), tier) {
                ("usage", _) => {
                    if let Some(counts) = value.as_object() {
                        out.push(ChatEvent::Usage(usage::read(counts)));
                    }
                }
                ("serviceTier", Some(tier)) if TIERS.contains(&tier) => {
                    out.push(say("service_tier", tier.into()));
                }
                (key, _) if KNOWN_MEMBERS.contains(&key) => {}
                (key, _) => out.push(say(key, value.clone())),
            }
        }
    }

    /// A whole answer as events, without `End`.
    ///
    /// # Errors
    /// As [`Machine::finish`].
    pub(super) fn whole(
        &mut self,
        answer: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        self.start(out);
        let content = answer.pointer("/output/message/content");
        let content = content.and_then(Value::as_array);
        for (index, block) in (0_u64..).zip(content.into_iter().flatten()) {
            self.take(index, block, out);
            self.close(index, out);
        }
        let counts = answer.get("usage").cloned().unwrap_or_default();
        self.metadata(
            &Value::Object(Map::from_iter([("usage".to_owned(), counts)])),
            out,
        );
        self.finish(answer, out)
    }
}
