//! One output item while it is being said: what of it went out, and what its end adds.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::machine::Machine;
use crate::chat::ChatEvent;
use crate::custom_tools::unwrap_input;

/// Part of an item whose text is streamed: which list it is in, and its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// `content[n]` of a message.
    Text(u64),
    /// `content[n]` of a message, a refusal.
    Refusal(u64),
    /// `summary[n]` of a reasoning item.
    Summary(u64),
    /// `content[n]` of a reasoning item.
    Reasoning(u64),
}

/// A client call that has begun.
#[derive(Debug)]
pub(super) struct OpenCall {
    /// Its index among the answer's calls; `None` until its name is known.
    at: Option<u32>,
    /// A custom tool that went out as a function: its arguments wait for their end.
    wrapped: bool,
    /// Bytes of the arguments that came.
    said: String,
    /// Bytes of `said` that went out.
    sent: usize,
}

/// An item between its `added` and its `done`.
#[derive(Debug)]
pub(super) struct OpenItem {
    kind: String,
    id: String,
    /// Bytes of each part's text that went out.
    sent: BTreeMap<Place, usize>,
    /// Annotations that went out.
    annotations: usize,
    /// Characters of content text before its first text.
    text_from: Option<usize>,
    call: OpenCall,
}

impl OpenItem {
    pub(super) fn new(item: &Value) -> Self {
        Self {
            kind: text_of(item, "type").to_owned(),
            id: text_of(item, "id").to_owned(),
            sent: BTreeMap::new(),
            annotations: 0,
            text_from: None,
            call: OpenCall {
                at: None,
                wrapped: false,
                said: String::new(),
                sent: 0,
            },
        }
    }

    /// Whether it has that id.
    pub(super) fn is(&self, id: &str) -> bool {
        !id.is_empty() && self.id == id
    }

    /// Whether it is a client call whose arguments are no whole JSON text.
    pub(super) fn is_cut(&self) -> bool {
        self.kind == "function_call"
            && serde_json::from_str::<serde::de::IgnoredAny>(&self.call.said).is_err()
    }

    /// Starts a client call as soon as its name is known.
    pub(super) fn begin(&mut self, item: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        let custom = match self.kind.as_str() {
            "function_call" => false,
            "custom_tool_call" => true,
            _ => return,
        };
        let name = text_of(item, "name");
        if name.is_empty() || self.call.at.is_some() {
            return;
        }
        let (at, wrapped) = machine.start_call(text_of(item, "call_id"), name, custom, out);
        self.call.at = Some(at);
        self.call.wrapped = wrapped;
    }

    /// A piece of text of a part.
    pub(super) fn piece(
        &mut self,
        place: Place,
        text: &str,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) {
        if text.is_empty() {
            return;
        }
        let first = !self.sent.contains_key(&place);
        *self.sent.entry(place).or_default() += text.len();
        match place {
            Place::Text(_) => {
                if self.text_from.is_none() {
                    machine.part_messages(out);
                    self.text_from = Some(machine.text_chars());
                }
                machine.text(text, out);
            }
            Place::Refusal(_) => machine.refusal(text, out),
            Place::Summary(_) | Place::Reasoning(_) => machine.reasoning(text, first, out),
        }
    }

    /// The whole text of a part: what had not gone out goes out.
    pub(super) fn whole(
        &mut self,
        place: Place,
        text: &str,
        machine: &mut Machine,
        out: &mut Vec<ChatEvent>,
    ) {
        let sent = self.sent.get(&place).copied().unwrap_or(0);
        if let Some(rest) = text.get(sent..) {
            self.piece(place, rest, machine, out);
        }
    }

    /// A piece of a call's arguments.
    pub(super) fn arguments(&mut self, piece: &str, out: &mut Vec<ChatEvent>) {
        self.call.said.push_str(piece);
        self.flush(out);
    }

    fn whole_arguments(&mut self, text: &str, out: &mut Vec<ChatEvent>) {
        if let Some(rest) = text.get(self.call.said.len()..) {
            let rest = rest.to_owned();
            self.arguments(&rest, out);
        }
    }

    fn flush(&mut self, out: &mut Vec<ChatEvent>) {
        let (Some(call), false) = (self.call.at, self.call.wrapped) else {
            return;
        };
        let rest = self.call.said.get(self.call.sent..).unwrap_or_default();
        if !rest.is_empty() {
            out.push(ChatEvent::ToolArguments {
                choice: 0,
                call,
                fragment: rest.to_owned(),
            });
            self.call.sent = self.call.said.len();
        }
    }

    /// A citation of a part's text.
    pub(super) fn annotation(
        &mut self,
        annotation: &Value,
        machine: &Machine,
        out: &mut Vec<ChatEvent>,
    ) {
        self.annotations += 1;
        let before = self.text_from.unwrap_or(machine.text_chars());
        machine.annotation(annotation, before, out);
    }

    /// The item is whole: says what its pieces had not, and keeps what only its issuer can read.
    pub(super) fn close(mut self, item: Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        if self.kind.is_empty() {
            text_of(&item, "type").clone_into(&mut self.kind);
        }
        match self.kind.as_str() {
            "message" => self.close_message(&item, machine, out),
            "reasoning" => {
                self.close_parts(&item, machine, out);
                machine.block(item, out);
            }
            "function_call" | "custom_tool_call" => self.close_call(&item, machine, out),
            "image_generation_call" => picture(item, machine, out),
            "" => {}
            _ => {
                if self.kind == "web_search_call"
                    && item.pointer("/action/type").and_then(Value::as_str) == Some("search")
                {
                    machine.searches += 1;
                }
                machine.block(item, out);
            }
        }
    }

    fn close_parts(&mut self, item: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        for (at, part) in (0_u64..).zip(list_of(item, "summary")) {
            self.whole(Place::Summary(at), text_of(part, "text"), machine, out);
        }
        for (at, part) in (0_u64..).zip(list_of(item, "content")) {
            self.whole(Place::Reasoning(at), text_of(part, "text"), machine, out);
        }
    }

    fn close_message(&mut self, item: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        // A stream's `content_index` need not be the index in the end (mantle counts from 1): the
        // nth part of a kind is the nth that was streamed.
        let mut texts = self.streamed(|place| matches!(place, Place::Text(_)));
        let mut refusals = self.streamed(|place| matches!(place, Place::Refusal(_)));
        let mut annotations = 0_usize;
        for (at, part) in (0_u64..).zip(list_of(item, "content")) {
            match text_of(part, "type") {
                "refusal" => {
                    let place = refusals.next().unwrap_or(Place::Refusal(at));
                    self.whole(place, text_of(part, "refusal"), machine, out);
                }
                _ => {
                    let place = texts.next().unwrap_or(Place::Text(at));
                    let streamed = self.sent.contains_key(&place);
                    self.whole(place, text_of(part, "text"), machine, out);
                    if !streamed {
                        machine.logprobs(part.get("logprobs"), out);
                    }
                    for annotation in list_of(part, "annotations") {
                        annotations += 1;
                        if annotations > self.annotations {
                            self.annotation(annotation, machine, out);
                        }
                    }
                }
            }
        }
        // `phase` is opaque: it goes back with the text that it stands for.
        if let Some(phase) = item.get("phase").filter(|phase| !phase.is_null()) {
            let text = self.text_from.unwrap_or(machine.text_chars());
            let block = json!({"type": "message", "phase": phase});
            machine.text_block(text, block, out);
        }
    }

    /// The places of a kind that were streamed, in order.
    fn streamed(&self, is: fn(&Place) -> bool) -> std::vec::IntoIter<Place> {
        let places: Vec<Place> = self.sent.keys().copied().filter(is).collect();
        places.into_iter()
    }

    fn close_call(&mut self, item: &Value, machine: &mut Machine, out: &mut Vec<ChatEvent>) {
        self.begin(item, machine, out);
        let key = if self.kind == "function_call" {
            "arguments"
        } else {
            "input"
        };
        match item.get(key) {
            Some(Value::String(text)) => self.whole_arguments(text, out),
            None | Some(Value::Null) => {}
            // Text is due; an object says the same.
            Some(other) => self.whole_arguments(&other.to_string(), out),
        }
        if self.call.said.is_empty() && self.kind == "function_call" {
            self.arguments("{}", out);
        }
        if self.call.wrapped {
            self.call.wrapped = false;
            self.call.said = unwrap_input(&self.call.said);
            self.call.sent = 0;
        }
        self.flush(out);
        // Who called, and out of which namespace, must go back with the call.
        let mut kept = Map::new();
        for key in ["namespace", "caller"] {
            if let Some(value) = item.get(key).filter(|value| !value.is_null()) {
                kept.insert(key.to_owned(), value.clone());
            }
        }
        if let (Some(call), false) = (self.call.at, kept.is_empty()) {
            kept.insert("type".to_owned(), self.kind.clone().into());
            machine.call_block(call, Value::Object(kept), out);
        }
    }
}

/// A picture that the provider made: the hub has a place for it, and the next request does without.
fn picture(mut item: Value, machine: &Machine, out: &mut Vec<ChatEvent>) {
    let data = item
        .as_object_mut()
        .and_then(|item| item.shift_remove("result"));
    let format = match text_of(&item, "output_format") {
        "" => "png",
        format => format,
    };
    if let Some(data) = data.as_ref().and_then(Value::as_str) {
        let url = format!("data:image/{format};base64,{data}");
        out.push(ChatEvent::Image {
            choice: 0,
            image: json!({"type": "image_url", "image_url": {"url": url}}),
        });
    }
    machine.metadata("image_generation_call", item, out);
}

/// A member that is text; empty if it is none.
pub(super) fn text_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The entries of a member that is a list.
pub(super) fn list_of<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}
