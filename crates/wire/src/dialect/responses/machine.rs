//! What a response says, item by item: the one reading of it, which whole answers and streams
//! share so that they can't drift apart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::item::{OpenItem, Place, text_of};
use super::{finish, issuer, usage};
use crate::adapter::DecodeContext;
use crate::chat::{Annotation, BlockSpan, ChatEvent, ProviderBlock};
use crate::classify::synthetic_call_id;
use crate::dialect::openai_shared::{is_empty, present, take_seconds};
use crate::error::{ErrorKind, UpstreamError};

/// Stands between the texts of two messages, and between two parts of reasoning.
const BETWEEN: &str = "\n\n";

/// Members of a response that have a place of their own in the hub, or that repeat the request.
const KNOWN_MEMBERS: [&str; 32] = [
    "background",
    "created_at",
    "error",
    "frequency_penalty",
    "id",
    "incomplete_details",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "object",
    "output",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "status",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// The state between two events of one answer.
#[derive(Debug)]
pub(super) struct Machine {
    context: DecodeContext,
    /// Model that answers; empty until it is said.
    model: String,
    started: bool,
    /// Items that have begun, by `output_index`: ids may be missing or change.
    open: BTreeMap<u64, OpenItem>,
    /// How many items of each type were seen.
    seen: BTreeMap<String, usize>,
    seen_ids: BTreeSet<String>,
    call_ids: BTreeSet<String>,
    text_chars: usize,
    has_reasoning: bool,
    refused: bool,
    calls: u32,
    blocks: u32,
    /// Searches among the items.
    pub(super) searches: u64,
}

impl Machine {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            model: String::new(),
            started: false,
            open: BTreeMap::new(),
            seen: BTreeMap::new(),
            seen_ids: BTreeSet::new(),
            call_ids: BTreeSet::new(),
            text_chars: 0,
            has_reasoning: false,
            refused: false,
            calls: 0,
            blocks: 0,
            searches: 0,
        }
    }

    /// Identity of the answer, from the first response object that is seen.
    pub(super) fn start(&mut self, response: &Value, out: &mut Vec<ChatEvent>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        text_of(response, "model").clone_into(&mut self.model);
        let mut members = response.as_object().cloned().unwrap_or_default();
        out.push(ChatEvent::Start {
            id: text_of(response, "id").to_owned(),
            model: self.model.clone(),
            created: take_seconds(&mut members, "created_at"),
        });
    }

    /// An item begins.
    pub(super) fn open(&mut self, index: u64, item: &Value, out: &mut Vec<ChatEvent>) {
        self.start(&Value::Null, out);
        if let Some(before) = self.open.remove(&index) {
            // A sender that forgot the end of an item.
            before.close(Value::Null, self, out);
        }
        let mut open = OpenItem::new(item);
        open.begin(item, self, out);
        self.see(item);
        self.open.insert(index, open);
    }

    fn see(&mut self, item: &Value) {
        *self
            .seen
            .entry(text_of(item, "type").to_owned())
            .or_default() += 1;
        let id = text_of(item, "id");
        if !id.is_empty() {
            self.seen_ids.insert(id.to_owned());
        }
    }

    /// An item is whole.
    pub(super) fn close(&mut self, index: u64, item: Value, out: &mut Vec<ChatEvent>) {
        self.start(&Value::Null, out);
        let open = self.open.remove(&index).unwrap_or_else(|| {
            self.see(&item);
            OpenItem::new(&item)
        });
        open.close(item, self, out);
    }

    /// Does something to the open item of an index; what belongs to none is part of an item whose
    /// beginning was left out.
    pub(super) fn with(
        &mut self,
        index: u64,
        kind: &str,
        out: &mut Vec<ChatEvent>,
        act: impl FnOnce(&mut OpenItem, &mut Self, &mut Vec<ChatEvent>),
    ) {
        if !self.open.contains_key(&index) {
            self.open(index, &json!({ "type": kind }), out);
        }
        if let Some(mut item) = self.open.remove(&index) {
            act(&mut item, self, out);
            self.open.insert(index, item);
        }
    }

    /// A piece of text of an open item.
    pub(super) fn piece(&mut self, index: u64, place: Place, text: &str, out: &mut Vec<ChatEvent>) {
        let kind = match place {
            Place::Text(_) | Place::Refusal(_) => "message",
            Place::Summary(_) | Place::Reasoning(_) => "reasoning",
        };
        self.with(index, kind, out, |item, machine, out| {
            item.piece(place, text, machine, out);
        });
    }

    /// The response ended: what its items had not said, counts, the rest, and why it ended.
    pub(super) fn finish(
        &mut self,
        mut response: Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        self.start(&response, out);
        let output = match response.get_mut("output").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        self.take_rest(output, out);
        let ending = finish::read(&response, self.calls > 0, self.refused)?;
        let cut = self.open.values().any(OpenItem::is_cut);
        if cut && text_of(&response, "status") == "completed" {
            return Err(UpstreamError::new(
                ErrorKind::Truncated,
                "the provider's stream lost the end of a tool call",
            ));
        }
        for (_, item) in std::mem::take(&mut self.open) {
            item.close(Value::Null, self, out);
        }
        if let Some(usage) = usage::read(&response, self.searches) {
            out.push(ChatEvent::Usage(usage));
        }
        let members = response.as_object().cloned().unwrap_or_default();
        for (key, value) in present(members) {
            if key != "usage" && !KNOWN_MEMBERS.contains(&key.as_str()) {
                out.push(ChatEvent::Metadata {
                    choice: None,
                    key,
                    value,
                });
            }
        }
        out.push(ChatEvent::Finish {
            choice: 0,
            reason: ending.reason,
            native: ending.native,
            stop_sequence: None,
        });
        Ok(())
    }

    /// The end repeats all items, but they may be renumbered, have new ids, or be fewer
    /// (wire-protocols §12.2): open ones are ended by it, and what is more than was streamed is
    /// taken.
    fn take_rest(&mut self, output: Vec<Value>, out: &mut Vec<ChatEvent>) {
        // Within one response an id may stand for several items (xAI): only streamed ones count.
        let streamed = self.seen_ids.clone();
        let mut total: BTreeMap<String, usize> = BTreeMap::new();
        for item in &output {
            *total.entry(text_of(item, "type").to_owned()).or_default() += 1;
        }
        for item in output {
            let id = text_of(&item, "id");
            let open = self.open.iter().find(|(_, open)| open.is(id));
            if let Some(index) = open.map(|(index, _)| *index) {
                self.close(index, item, out);
                continue;
            }
            let kind = text_of(&item, "type");
            let seen = self.seen.get(kind).copied().unwrap_or(0);
            let is_more = seen < total.get(kind).copied().unwrap_or(0);
            if is_more && !streamed.contains(id) {
                self.see(&item);
                OpenItem::new(&item).close(item, self, out);
            }
        }
    }

    /// Begins a client call; gives its index, and whether it is a custom tool that went out as a
    /// function.
    pub(super) fn start_call(
        &mut self,
        id: &str,
        wire_name: &str,
        custom: bool,
        out: &mut Vec<ChatEvent>,
    ) -> (u32, bool) {
        let at = self.calls;
        self.calls += 1;
        let name = self.context.names.to_caller(wire_name).to_owned();
        let wrapped = !custom && self.context.custom_tools.contains(&name);
        // Within an answer ids must differ; bedrock-mantle begins at `call_0` in each.
        let id = if id.is_empty() || self.call_ids.contains(id) {
            synthetic_call_id(&self.context.id_seed, 0, at)
        } else {
            id.to_owned()
        };
        self.call_ids.insert(id.clone());
        out.push(ChatEvent::ToolStart {
            choice: 0,
            call: at,
            id,
            name,
            custom: custom || wrapped,
        });
        (at, wrapped)
    }

    pub(super) const fn text_chars(&self) -> usize {
        self.text_chars
    }

    /// Before the first text of a message: a blank line parts it from the one before.
    pub(super) fn part_messages(&mut self, out: &mut Vec<ChatEvent>) {
        if self.text_chars > 0 {
            self.text(BETWEEN, out);
        }
    }

    pub(super) fn text(&mut self, text: &str, out: &mut Vec<ChatEvent>) {
        self.text_chars += text.chars().count();
        out.push(ChatEvent::Text {
            choice: 0,
            text: text.to_owned(),
        });
    }

    pub(super) fn refusal(&mut self, text: &str, out: &mut Vec<ChatEvent>) {
        self.refused = true;
        out.push(ChatEvent::Refusal {
            choice: 0,
            text: text.to_owned(),
        });
    }

    /// Readable reasoning; `first` is the beginning of a part.
    pub(super) fn reasoning(&mut self, text: &str, first: bool, out: &mut Vec<ChatEvent>) {
        let before = if first && self.has_reasoning {
            BETWEEN
        } else {
            ""
        };
        self.has_reasoning = true;
        out.push(ChatEvent::Reasoning {
            choice: 0,
            text: format!("{before}{text}"),
        });
    }

    /// A citation whose span counts from the beginning of its message's text.
    pub(super) fn annotation(&self, native: &Value, before: usize, out: &mut Vec<ChatEvent>) {
        let index = |key: &str| {
            let index = native.get(key).and_then(Value::as_u64);
            index.and_then(|index| usize::try_from(index).ok())
        };
        let start_index = before + index("start_index").or(index("index")).unwrap_or(0);
        out.push(ChatEvent::Annotation {
            choice: 0,
            annotation: Annotation {
                url: text_of(native, "url").to_owned(),
                title: match text_of(native, "title") {
                    "" => text_of(native, "filename").to_owned(),
                    title => title.to_owned(),
                },
                start_index,
                end_index: index("end_index").map_or(start_index, |end| before + end),
                native: native.clone(),
            },
        });
    }

    /// Log probabilities of the text that was just said: a list as chat's `content`.
    pub(super) fn logprobs(&self, list: Option<&Value>, out: &mut Vec<ChatEvent>) {
        if let Some(list) = list.filter(|list| !is_empty(list)) {
            out.push(ChatEvent::Logprobs {
                choice: 0,
                logprobs: json!({ "content": list }),
            });
        }
    }

    /// Something else that the answer said of itself.
    pub(super) fn metadata(&self, key: &str, value: Value, out: &mut Vec<ChatEvent>) {
        out.push(ChatEvent::Metadata {
            choice: Some(0),
            key: key.to_owned(),
            value,
        });
    }

    /// An opaque item that stands here.
    pub(super) fn block(&mut self, block: Value, out: &mut Vec<ChatEvent>) {
        let span = self.here();
        self.block_at(span, block, out);
    }

    /// What is opaque of the text from `text` characters on.
    pub(super) fn text_block(&mut self, text: usize, block: Value, out: &mut Vec<ChatEvent>) {
        let span = BlockSpan {
            text,
            text_len: self.text_chars.saturating_sub(text),
            ..self.here()
        };
        self.block_at(span, block, out);
    }

    /// What is opaque of a call.
    pub(super) fn call_block(&mut self, call: u32, block: Value, out: &mut Vec<ChatEvent>) {
        let span = BlockSpan {
            calls: usize::try_from(call).unwrap_or(usize::MAX),
            call_len: 1,
            ..self.here()
        };
        self.block_at(span, block, out);
    }

    fn here(&self) -> BlockSpan {
        BlockSpan {
            text: self.text_chars,
            calls: usize::try_from(self.calls).unwrap_or(usize::MAX),
            ..BlockSpan::default()
        }
    }

    fn block_at(&mut self, span: BlockSpan, block: Value, out: &mut Vec<ChatEvent>) {
        let block = ProviderBlock {
            index: self.blocks,
            issuer: issuer(&self.context.provider),
            model: self.model.clone(),
            span,
            block,
        };
        self.blocks += 1;
        out.push(ChatEvent::Block { choice: 0, block });
    }
}
