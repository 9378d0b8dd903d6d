//! One content block of an answer, from its first word to its end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::ISSUER;
use super::form::SERVER_TOOL;
use super::machine::Machine;
use crate::chat::{Annotation, BlockSpan, ChatEvent, ProviderBlock};
use crate::custom_tools::unwrap_input;

/// A content block that is being read.
#[derive(Debug)]
pub(super) struct OpenBlock {
    kind: Kind,
    /// Where it began.
    span: BlockSpan,
}

#[derive(Debug)]
enum Kind {
    /// Nothing was said yet.
    Empty,
    Text {
        text: String,
        citations: Vec<Value>,
    },
    Reasoning(Reasoning),
    /// A client call; `custom` is to be unwrapped.
    Call {
        call: u32,
        custom: bool,
        input: String,
    },
    /// The call that stands for a JSON schema: its arguments are the content.
    SchemaCall {
        input: String,
    },
    /// A call that the provider runs, kept for replay.
    ServerCall {
        block: Map<String, Value>,
        input: String,
    },
    /// A picture: its format and base64.
    Image {
        format: String,
        data: String,
    },
    /// Anything else, kept for replay: the member's name and value.
    Opaque {
        kind: String,
        value: Value,
    },
}

#[derive(Debug, Default)]
struct Reasoning {
    text: String,
    signature: String,
    redacted: String,
}

impl OpenBlock {
    pub(super) fn new(machine: &Machine) -> Self {
        Self {
            kind: Kind::Empty,
            span: BlockSpan {
                text: machine.text_chars,
                calls: usize::try_from(machine.calls).unwrap_or(usize::MAX),
                ..BlockSpan::default()
            },
        }
    }

    /// One member of a start, of a delta or of a whole block.
    pub(super) fn take(
        self,
        kind: &str,
        value: &Value,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) -> Self {
        match (kind, value) {
            ("text", Value::String(text)) => self.take_text(text, machine, out),
            ("citation", citation) => {
                let mut block = self.turned_to_text(machine, out);
                if let Kind::Text { citations, .. } = &mut block.kind {
                    citations.push(citation.clone());
                }
                block
            }
            ("citationsContent", content) => self.take_cited(content, machine, out),
            ("reasoningContent", said) => self.take_reasoning(said, machine, out),
            ("toolUse", Value::Object(call)) => self.take_call(call, machine, out),
            ("image", Value::Object(image)) => self.take_image(image, machine, out),
            // Some fixtures name the kind of a block beside it.
            ("type", Value::String(_)) => self,
            (kind, value) => self.take_opaque(kind, value, machine, out),
        }
    }

    /// The same block if it is of that kind or nothing yet; else a new one behind it.
    fn turned_into(
        self,
        is_kind: impl Fn(&Kind) -> bool,
        new: impl FnOnce() -> Kind,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) -> Self {
        if is_kind(&self.kind) {
            return self;
        }
        let mut block = self;
        if !matches!(block.kind, Kind::Empty) {
            block.close(machine, out);
            block = Self::new(machine);
        }
        block.kind = new();
        block
    }

    fn turned_to_text(self, machine: &mut Machine, out: &mut Vec<ChatEvent>) -> Self {
        let new = || Kind::Text {
            text: String::new(),
            citations: Vec::new(),
        };
        self.turned_into(|kind| matches!(kind, Kind::Text { .. }), new, machine, out)
    }

    pub(super) fn take_text(
        self,
        more: &str,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) -> Self {
        let mut block = self.turned_to_text(machine, out);
        if let Kind::Text { text, .. } = &mut block.kind {
            text.push_str(more);
        }
        say_text(more.to_owned(), machine, out);
        block
    }

    /// Text with its sources. Its `content` may be missing (wire-protocols §15).
    fn take_cited(self, said: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) -> Self {
        let mut block = self.turned_to_text(machine, out);
        let list = |key: &str| {
            said.get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
        };
        for piece in list("content") {
            let piece = piece
                .get("text")
                .and_then(Value::as_str)
                .unwrap_or_default();
            block = block.take_text(piece, machine, out);
        }
        if let Kind::Text { citations, .. } = &mut block.kind {
            citations.extend(list("citations").cloned());
        }
        block
    }

    /// A whole block has its text and signature inside `reasoningText`, a delta has them bare.
    fn take_reasoning(self, said: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) -> Self {
        let new = || Kind::Reasoning(Reasoning::default());
        let mut block =
            self.turned_into(|kind| matches!(kind, Kind::Reasoning(_)), new, machine, out);
        let inner = said.get("reasoningText").unwrap_or(said);
        let text = |key: &str| inner.get(key).and_then(Value::as_str).unwrap_or_default();
        if let Kind::Reasoning(reasoning) = &mut block.kind {
            reasoning.text.push_str(text("text"));
            // A signature comes whole: the last one is the block's.
            if !text("signature").is_empty() {
                text("signature").clone_into(&mut reasoning.signature);
            }
            append_base64(&mut reasoning.redacted, text("redactedContent"));
        }
        if !text("text").is_empty() {
            out.push(ChatEvent::Reasoning {
                choice: 0,
                text: text("text").to_owned(),
            });
        }
        block
    }

    fn take_call(
        self,
        said: &Map<String, Value>,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) -> Self {
        let is_start = said.contains_key("name") || said.contains_key("toolUseId");
        let mut block = self;
        if is_start {
            if !matches!(block.kind, Kind::Empty) {
                block.close(machine, out);
                block = Self::new(machine);
            }
            block.kind = begin_call(said, machine, out);
        }
        match said.get("input") {
            Some(Value::String(fragment)) => block.take_input(fragment, machine, out),
            Some(Value::Null) | None => {}
            Some(whole) => block.take_input(&whole.to_string(), machine, out),
        }
        block
    }

    fn take_input(&mut self, fragment: &str, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        if fragment.is_empty() {
            return;
        }
        match &mut self.kind {
            Kind::Call {
                call,
                custom,
                input,
            } => {
                input.push_str(fragment);
                if !*custom {
                    out.push(ChatEvent::ToolArguments {
                        choice: 0,
                        call: *call,
                        fragment: fragment.to_owned(),
                    });
                }
            }
            Kind::SchemaCall { input } => {
                input.push_str(fragment);
                say_text(fragment.to_owned(), machine, out);
            }
            Kind::ServerCall { input, .. } => input.push_str(fragment),
            Kind::Empty
            | Kind::Text { .. }
            | Kind::Reasoning(_)
            | Kind::Image { .. }
            | Kind::Opaque { .. } => {}
        }
    }

    fn take_image(
        self,
        said: &Map<String, Value>,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) -> Self {
        let new = || Kind::Image {
            format: String::new(),
            data: String::new(),
        };
        let mut block =
            self.turned_into(|kind| matches!(kind, Kind::Image { .. }), new, machine, out);
        let bytes = said.get("source").and_then(|source| source.get("bytes"));
        if let Kind::Image { format, data } = &mut block.kind {
            if let Some(said) = said.get("format").and_then(Value::as_str) {
                said.clone_into(format);
            }
            append_base64(data, bytes.and_then(Value::as_str).unwrap_or_default());
        }
        block
    }

    /// A result of a server tool and whatever comes later; lists of a delta are appended to the
    /// block's `content`.
    fn take_opaque(
        self,
        name: &str,
        said: &Value,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) -> Self {
        let is_same = |known: &Kind| matches!(known, Kind::Opaque { kind, .. } if kind == name);
        let new = || Kind::Opaque {
            kind: name.to_owned(),
            value: Value::Object(Map::new()),
        };
        let mut block = self.turned_into(is_same, new, machine, out);
        if let Kind::Opaque { value, .. } = &mut block.kind {
            match (value.as_object_mut(), said) {
                (Some(members), Value::Array(more)) => {
                    let list = members.entry("content").or_insert_with(|| json!([]));
                    if let Some(list) = list.as_array_mut() {
                        list.extend(more.iter().cloned());
                    }
                }
                (Some(members), Value::Object(more)) => {
                    for (key, value) in more {
                        members.insert(key.clone(), value.clone());
                    }
                }
                _ => *value = said.clone(),
            }
        }
        block
    }

    /// A client call whose argument fragments do not make up whole JSON.
    pub(super) fn has_cut_arguments(&self) -> bool {
        match &self.kind {
            Kind::Call { input, .. } | Kind::SchemaCall { input } => {
                !input.is_empty() && serde_json::from_str::<serde::de::IgnoredAny>(input).is_err()
            }
            _ => false,
        }
    }

    pub(super) fn close(mut self, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        let after_plain_text = std::mem::replace(&mut machine.after_plain_text, false);
        match std::mem::replace(&mut self.kind, Kind::Empty) {
            Kind::Empty => machine.after_plain_text = after_plain_text,
            Kind::Text { text, citations } => {
                self.close_text(text, citations, after_plain_text, machine, out);
            }
            Kind::Reasoning(reasoning) => {
                if let Some(block) = reasoning.into_block() {
                    self.keep(block, machine, out);
                }
            }
            Kind::Call {
                call,
                custom,
                input,
            } => {
                let rest = match (custom, input.is_empty()) {
                    (true, _) => Some(unwrap_input(&input)),
                    (false, true) => Some("{}".to_owned()),
                    (false, false) => None,
                };
                out.extend(rest.map(|fragment| ChatEvent::ToolArguments {
                    choice: 0,
                    call,
                    fragment,
                }));
            }
            Kind::SchemaCall { input } => {
                if input.is_empty() {
                    say_text("{}".to_owned(), machine, out);
                }
            }
            Kind::ServerCall { mut block, input } => {
                let whole = match serde_json::from_str(&input) {
                    Ok(whole) => whole,
                    Err(_) if input.is_empty() => json!({}),
                    Err(_) => json!({ "_raw": input }),
                };
                block.insert("input".to_owned(), whole);
                self.keep(json!({ "toolUse": block }), machine, out);
            }
            Kind::Image { format, data } => out.push(ChatEvent::Image {
                choice: 0,
                image: json!({
                    "type": "image_url",
                    "image_url": {"url": format!("data:image/{format};base64,{data}")},
                }),
            }),
            Kind::Opaque { kind, value } => self.keep(json!({ kind: value }), machine, out),
        }
    }

    fn close_text(
        mut self,
        text: String,
        citations: Vec<Value>,
        after_plain_text: bool,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) {
        self.span.text_len = machine.text_chars - self.span.text;
        for citation in &citations {
            out.push(ChatEvent::Annotation {
                choice: 0,
                annotation: annotation(citation, &self.span),
            });
        }
        if self.span.text_len == 0 {
            return;
        }
        if !citations.is_empty() {
            let block = json!({"citationsContent": {
                "content": [{ "text": text }],
                "citations": citations,
            }});
            self.keep(block, machine, out);
        } else if after_plain_text || self.span.calls > 0 {
            // A plain block that the hub's text alone would put elsewhere, or grown together with
            // the text before it: kept, so that a replay is the same to the byte.
            self.keep(json!({ "text": text }), machine, out);
        } else {
            machine.after_plain_text = true;
        }
    }

    fn keep(self, block: Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        let index = machine.blocks;
        machine.blocks += 1;
        out.push(ChatEvent::Block {
            choice: 0,
            block: ProviderBlock {
                index,
                issuer: ISSUER.to_owned(),
                model: machine.context.model.clone(),
                span: self.span,
                block,
            },
        });
    }
}

impl Reasoning {
    /// The block for replay. Models other than Claude sign nothing, and take nothing back
    /// (wire-protocols §9).
    fn into_block(self) -> Option<Value> {
        if !self.redacted.is_empty() {
            return Some(json!({"reasoningContent": {"redactedContent": self.redacted}}));
        }
        (!self.signature.is_empty()).then(|| {
            json!({"reasoningContent": {
                "reasoningText": {"text": self.text, "signature": self.signature},
            }})
        })
    }
}

fn begin_call(said: &Map<String, Value>, machine: &mut Machine, out: &mut Vec<ChatEvent>) -> Kind {
    let text = |key: &str| said.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("type") == SERVER_TOOL {
        let mut block = said.clone();
        block.shift_remove("input");
        return Kind::ServerCall {
            block,
            input: String::new(),
        };
    }
    let wire_name = text("name");
    if machine.context.schema_tool.as_deref() == Some(wire_name) {
        return Kind::SchemaCall {
            input: String::new(),
        };
    }
    let call = machine.calls;
    machine.calls += 1;
    let id = text("toolUseId");
    let (start, custom) = machine.context.tool_start(0, call, id, wire_name);
    out.push(start);
    Kind::Call {
        call,
        custom,
        input: String::new(),
    }
}

/// Appends base64 to base64 as the bytes that both stand for: a blob may come in pieces.
fn append_base64(data: &mut String, more: &str) {
    if data.is_empty() {
        more.clone_into(data);
    } else if !more.is_empty() {
        let decode = |text: &str| STANDARD.decode(text).unwrap_or_default();
        let bytes = [decode(data), decode(more)].concat();
        *data = STANDARD.encode(bytes);
    }
}

fn say_text(text: String, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
    if !text.is_empty() {
        machine.text_chars += text.chars().count();
        out.push(ChatEvent::Text { choice: 0, text });
    }
}

fn annotation(citation: &Value, span: &BlockSpan) -> Annotation {
    let text = |path: &str| citation.pointer(path).and_then(Value::as_str);
    let first = |paths: &[&str]| {
        paths
            .iter()
            .find_map(|path| text(path))
            .unwrap_or_default()
            .to_owned()
    };
    Annotation {
        url: first(&["/location/web/url", "/source"]),
        title: first(&["/title", "/location/web/domain"]),
        start_index: span.text,
        end_index: span.text.saturating_add(span.text_len),
        native: citation.clone(),
    }
}
