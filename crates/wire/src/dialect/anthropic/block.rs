//! One content block of an answer, from its start to its end.

use serde_json::{Map, Value, json};

use super::ISSUER;
use super::machine::Machine;
use crate::chat::{Annotation, BlockSpan, ChatEvent, ProviderBlock};
use crate::custom_tools::unwrap_input;

/// A content block that is being read.
#[derive(Debug)]
pub(super) struct OpenBlock {
    kind: Kind,
    /// The block as it will be when whole; its `input` is filled in at the end.
    block: Map<String, Value>,
    /// Fragments of `input`.
    input: String,
    /// Where it began.
    span: BlockSpan,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    /// A client call; `custom` is to be unwrapped.
    Call {
        call: u32,
        custom: bool,
    },
    /// The call that stands for a JSON schema: its arguments are the content.
    SchemaCall,
    /// Anything else: kept for replay.
    Opaque,
}

impl OpenBlock {
    pub(super) fn begin(block: Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) -> Self {
        let block = match block {
            Value::Object(block) => block,
            other => Map::from_iter([("value".to_owned(), other)]),
        };
        let span = BlockSpan {
            text: machine.text_chars,
            calls: usize::try_from(machine.calls).unwrap_or(usize::MAX),
            ..BlockSpan::default()
        };
        let mut open = Self {
            kind: Kind::Opaque,
            block,
            input: String::new(),
            span,
        };
        open.kind = match open.text("type") {
            "text" => Kind::Text,
            "thinking" => Kind::Thinking,
            "tool_use" if is_direct_call(&open.block) => open.begin_call(machine, out),
            _ => Kind::Opaque,
        };
        // What a whole block holds at its start, a stream sends in deltas.
        match open.kind {
            Kind::Text => {
                let text = open.text("text").to_owned();
                say_text(text, machine, out);
            }
            Kind::Thinking => {
                let text = open.text("thinking").to_owned();
                say_reasoning(text, out);
            }
            Kind::Call { .. } | Kind::SchemaCall | Kind::Opaque => {}
        }
        open
    }

    fn begin_call(&self, machine: &mut Machine, out: &mut Vec<ChatEvent>) -> Kind {
        let wire_name = self.text("name");
        if machine.context.schema_tool.as_deref() == Some(wire_name) {
            return Kind::SchemaCall;
        }
        let call = machine.calls;
        machine.calls += 1;
        let id = self.text("id");
        let (start, custom) = machine.context.tool_start(0, call, id, wire_name);
        out.push(start);
        Kind::Call { call, custom }
    }

    pub(super) fn delta(&mut self, delta: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        match delta.get("type").and_then(Value::as_str) {
            Some("input_json_delta") => {
                let fragment = delta
                    .get("partial_json")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                self.take_input(fragment, machine, out);
            }
            Some("citations_delta") => {
                if let Some(citation) = delta.get("citation") {
                    let list = self.block.entry("citations").or_insert_with(|| json!([]));
                    if !list.is_array() {
                        *list = json!([]);
                    }
                    if let Some(list) = list.as_array_mut() {
                        list.push(citation.clone());
                    }
                }
            }
            _ => self.append(delta, machine, out),
        }
    }

    fn take_input(&mut self, fragment: &str, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        if fragment.is_empty() {
            return;
        }
        match self.kind {
            Kind::Call {
                call,
                custom: false,
            } => out.push(ChatEvent::ToolArguments {
                choice: 0,
                call,
                fragment: fragment.to_owned(),
            }),
            Kind::SchemaCall => say_text(fragment.to_owned(), machine, out),
            Kind::Call { custom: true, .. } | Kind::Text | Kind::Thinking | Kind::Opaque => {}
        }
        self.input.push_str(fragment);
    }

    /// Text, thinking, signature, compaction and later deltas: each member is appended to the
    /// block's text of that name, or replaces what is no text.
    fn append(&mut self, delta: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        for (key, value) in delta.as_object().into_iter().flatten() {
            match (key.as_str(), value.as_str()) {
                ("type", _) => {}
                ("text", Some(text)) => self.take_text(text, machine, out),
                // A signature comes whole: the last one is the block's.
                (key, Some(text)) if key != "signature" => {
                    if self.kind == Kind::Thinking && key == "thinking" {
                        say_reasoning(text.to_owned(), out);
                    }
                    self.append_text(key, text);
                }
                (key, _) => {
                    self.block.insert(key.to_owned(), value.clone());
                }
            }
        }
    }

    pub(super) fn take_text(
        &mut self,
        text: &str,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) {
        if self.kind == Kind::Text {
            say_text(text.to_owned(), machine, out);
        }
        self.append_text("text", text);
    }

    fn append_text(&mut self, key: &str, more: &str) {
        if let Some(Value::String(text)) = self.block.get_mut(key) {
            text.push_str(more);
        } else {
            self.block.insert(key.to_owned(), more.into());
        }
    }

    /// A client call whose argument fragments do not make up whole JSON.
    pub(super) fn has_cut_arguments(&self) -> bool {
        matches!(self.kind, Kind::Call { .. } | Kind::SchemaCall)
            && !self.input.is_empty()
            && serde_json::from_str::<serde::de::IgnoredAny>(&self.input).is_err()
    }

    pub(super) fn close(mut self, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        let after_plain_text = std::mem::replace(&mut machine.after_plain_text, false);
        match self.kind {
            Kind::Text => self.close_text(after_plain_text, machine, out),
            Kind::Thinking => self.close_opaque(machine, out),
            Kind::Call { call, custom } => self.close_call(call, custom, machine, out),
            Kind::SchemaCall => {
                if self.input.is_empty() {
                    say_text(self.whole_input(), machine, out);
                }
            }
            Kind::Opaque => {
                self.settle_input();
                self.close_opaque(machine, out);
            }
        }
    }

    fn close_text(
        mut self,
        after_plain_text: bool,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) {
        self.span.text_len = machine.text_chars - self.span.text;
        let citations = self.block.get("citations").and_then(Value::as_array);
        for citation in citations.into_iter().flatten() {
            out.push(ChatEvent::Annotation {
                choice: 0,
                annotation: annotation(citation, &self.span),
            });
        }
        let has_more = self
            .block
            .iter()
            .any(|(key, value)| !matches!(key.as_str(), "type" | "text") && !is_blank(value));
        // A plain block that the hub's text alone would put elsewhere (behind a call, or grown
        // together with the text before it) is kept too, so that a replay is the same to the byte.
        if has_more || (self.span.text_len > 0 && (after_plain_text || self.span.calls > 0)) {
            self.block.retain(|_, value| !is_blank(value));
            self.close_opaque(machine, out);
        } else {
            machine.after_plain_text = self.span.text_len > 0;
        }
    }

    fn close_call(
        mut self,
        call: u32,
        custom: bool,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) {
        if custom || self.input.is_empty() {
            let whole = self.whole_input();
            out.push(ChatEvent::ToolArguments {
                choice: 0,
                call,
                fragment: if custom { unwrap_input(&whole) } else { whole },
            });
        }
        let has_more = self.block.keys().any(|key| {
            !matches!(
                key.as_str(),
                "type" | "id" | "name" | "input" | "caller" | "cache_control"
            )
        });
        if has_more {
            self.settle_input();
            self.span.call_len = 1;
            self.close_opaque(machine, out);
        }
    }

    /// JSON text of the input: the fragments, else what the start held.
    fn whole_input(&self) -> String {
        if !self.input.is_empty() {
            return self.input.clone();
        }
        match self.block.get("input") {
            None | Some(Value::Null) => "{}".to_owned(),
            Some(input) => input.to_string(),
        }
    }

    /// Puts the fragments of the input where a whole answer has it.
    fn settle_input(&mut self) {
        if !self.input.is_empty() {
            let input =
                serde_json::from_str(&self.input).unwrap_or_else(|_| json!({ "_raw": self.input }));
            self.block.insert("input".to_owned(), input);
        }
    }

    fn close_opaque(self, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        let index = machine.blocks;
        machine.blocks += 1;
        out.push(ChatEvent::Block {
            choice: 0,
            block: ProviderBlock {
                index,
                issuer: ISSUER.to_owned(),
                model: machine.model.clone(),
                span: self.span,
                block: Value::Object(self.block),
            },
        });
    }

    fn text(&self, key: &str) -> &str {
        self.block
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// A call that the caller is to run; others belong to a server tool (wire-protocols §7).
pub(super) fn is_direct(block: &Value) -> bool {
    block.as_object().is_none_or(is_direct_call)
}

fn is_direct_call(block: &Map<String, Value>) -> bool {
    let caller = block.get("caller").and_then(|caller| {
        caller
            .get("type")
            .and_then(Value::as_str)
            .or_else(|| caller.as_str())
    });
    caller.is_none_or(|caller| caller == "direct")
}

fn say_text(text: String, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
    if !text.is_empty() {
        machine.text_chars += text.chars().count();
        out.push(ChatEvent::Text { choice: 0, text });
    }
}

fn say_reasoning(text: String, out: &mut Vec<ChatEvent>) {
    if !text.is_empty() {
        out.push(ChatEvent::Reasoning { choice: 0, text });
    }
}

/// `null`, or an empty list.
fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn annotation(citation: &Value, span: &BlockSpan) -> Annotation {
    let first = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| citation.get(key).and_then(Value::as_str))
            .unwrap_or_default()
            .to_owned()
    };
    Annotation {
        url: first(&["url", "source"]),
        title: first(&["title", "document_title"]),
        start_index: span.text,
        end_index: span.text.saturating_add(span.text_len),
        native: citation.clone(),
    }
}
