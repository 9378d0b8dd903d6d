//! Tool calls of one streamed choice: which call a delta belongs to, and what is held back.

use serde_json::{Map, Value};

use super::response::{is_named, is_own_id, take_text};
use crate::adapter::DecodeContext;
use crate::chat::ChatEvent;
use crate::classify::synthetic_call_id;
use crate::custom_tools::unwrap_input;

/// Most calls of one choice: each piece of one is looked for among all of them. OpenAI takes 128
/// tools.
pub(super) const CALLS_MAX: usize = 1_024;

/// The calls of one choice in order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Call>,
    /// How many of them were said.
    started: u32,
}

#[derive(Debug, Default)]
struct Call {
    /// The provider's index, which need not be ours.
    index: Option<u64>,
    id: String,
    name: String,
    custom: bool,
    started: bool,
    /// Its number among those that were said: one that gets its name late comes later.
    number: u32,
    /// Went out as a function and is unwrapped when whole.
    wrapped: bool,
    /// All argument text so far.
    arguments: String,
}

impl Calls {
    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Whether there are more than [`CALLS_MAX`].
    pub(super) fn too_many(&self) -> bool {
        self.calls.len() > CALLS_MAX
    }

    /// Whether a call's arguments are no whole JSON text.
    pub(super) fn any_open(&self) -> bool {
        self.calls.iter().any(|call| {
            !call.custom
                && !call.arguments.is_empty()
                && serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_err()
        })
    }

    /// Takes one entry of `delta.tool_calls`.
    pub(super) fn delta(
        &mut self,
        choice: u32,
        item: Value,
        context: &DecodeContext,
        out: &mut Vec<ChatEvent>,
    ) {
        let Value::Object(mut fields) = item else {
            return;
        };
        let index = fields.remove("index").and_then(|index| index.as_u64());
        let id = take_text(&mut fields, "id")
            .filter(|id| is_own_id(id))
            .unwrap_or_default();
        let (inner, key, custom) = match (fields.remove("custom"), fields.remove("function")) {
            // Pieces of a custom call have no name, and no function beside them.
            (Some(Value::Object(custom)), None | Some(Value::Null)) => (custom, "input", true),
            (Some(Value::Object(custom)), _) if is_named(&custom) => (custom, "input", true),
            (_, Some(Value::Object(function))) => (function, "arguments", false),
            _ => (Map::new(), "arguments", false),
        };
        let custom = custom || fields.get("type").and_then(Value::as_str) == Some("custom");
        self.piece(choice, index, id, custom, (inner, key), context, out);
    }

    /// Takes a legacy `delta.function_call`.
    pub(super) fn legacy(
        &mut self,
        choice: u32,
        function: Value,
        context: &DecodeContext,
        out: &mut Vec<ChatEvent>,
    ) {
        if let Value::Object(function) = function {
            let inner = (function, "arguments");
            self.piece(choice, Some(0), String::new(), false, inner, context, out);
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of one delta, taken apart"
    )]
    fn piece(
        &mut self,
        choice: u32,
        index: Option<u64>,
        id: String,
        custom: bool,
        (mut inner, key): (Map<String, Value>, &str),
        context: &DecodeContext,
        out: &mut Vec<ChatEvent>,
    ) {
        let name = take_text(&mut inner, "name").unwrap_or_default();
        let text = match inner.remove(key) {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        let at = self.place(index, &id, &name);
        let next = self.started;
        let Some(call) = self.calls.get_mut(at) else {
            return;
        };
        if call.id.is_empty() {
            call.id = id;
        }
        call.custom |= custom;
        call.arguments.push_str(&text);
        if !call.started && call.name.is_empty() && !name.is_empty() {
            context.names.to_caller(&name).clone_into(&mut call.name);
            call.wrapped = context.custom_tools.contains(&call.name);
            // What came before the name is sent with it.
            call.start(choice, next, context, out);
            let early = call.arguments.clone();
            call.fragment(choice, early, out);
            self.started += 1;
        } else if call.started {
            call.fragment(choice, text, out);
        }
    }

    /// The call that a delta belongs to: a new id is a new call, whatever the index says.
    fn place(&mut self, index: Option<u64>, id: &str, name: &str) -> usize {
        let same_index = |call: &Call| index.is_some() && call.index == index;
        let found = if id.is_empty() {
            match index {
                Some(_) => self.calls.iter().rposition(same_index),
                // Without id and index, a name begins a call and its absence goes on with one.
                None if name.is_empty() => self.calls.len().checked_sub(1),
                None => None,
            }
        } else {
            self.calls
                .iter()
                .rposition(|call| call.id == id && (index.is_none() || call.index == index))
                .or_else(|| {
                    self.calls
                        .iter()
                        .rposition(|call| same_index(call) && call.id.is_empty() && !call.started)
                })
        };
        found.unwrap_or_else(|| {
            self.calls.push(Call {
                index,
                ..Call::default()
            });
            self.calls.len() - 1
        })
    }

    /// Says what is still held back; arguments are never nothing.
    pub(super) fn close(&mut self, choice: u32, context: &DecodeContext, out: &mut Vec<ChatEvent>) {
        for call in &mut self.calls {
            if !call.started {
                call.start(choice, self.started, context, out);
                self.started += 1;
                let text = call.arguments.clone();
                call.fragment(choice, text, out);
            }
            if call.wrapped {
                call.wrapped = false;
                let text = unwrap_input(&call.arguments);
                call.fragment(choice, text, out);
            } else if call.arguments.is_empty() && !call.custom {
                call.fragment(choice, "{}".to_owned(), out);
            }
        }
    }
}

impl Call {
    fn start(&mut self, choice: u32, call: u32, context: &DecodeContext, out: &mut Vec<ChatEvent>) {
        self.started = true;
        self.number = call;
        if self.id.is_empty() {
            self.id = synthetic_call_id(&context.id_seed, choice, call);
        }
        out.push(ChatEvent::ToolStart {
            choice,
            call,
            id: self.id.clone(),
            name: self.name.clone(),
            custom: self.custom || self.wrapped,
        });
    }

    fn fragment(&self, choice: u32, fragment: String, out: &mut Vec<ChatEvent>) {
        if !fragment.is_empty() && !self.wrapped {
            out.push(ChatEvent::ToolArguments {
                choice,
                call: self.number,
                fragment,
            });
        }
    }
}
