//! The conversation as input items (wire-protocols §3.3, §5).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::content::{self, Context};
use super::{assistant, tools};
use crate::capability::SystemRole;
use crate::chat::{ChatRequest, Message, Part, Role};
use crate::error::EncodeError;
use crate::names::NameMap;
use crate::notes::{Notes, invalid};
use crate::pairing::{IdRule, Pairing};

/// `call_id` is free but for its length (wire-protocols §2.3, §3.3).
const CALL_IDS: IdRule = IdRule {
    bytes_max: 64,
    allows: |_| true,
};

/// Builds the items of a request.
pub(super) fn items(
    request: &ChatRequest,
    context: Context<'_>,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Vec<Value>, EncodeError> {
    let mut builder = Builder {
        out: Vec::with_capacity(request.messages.len()),
        pairing: Pairing::new(CALL_IDS),
        custom: BTreeSet::new(),
        context,
        names,
        notes,
    };
    for (at, message) in request.messages.iter().enumerate() {
        builder.take(at, message)?;
    }
    builder.settle()?;
    if builder.out.is_empty() {
        return Err(invalid(
            "messages",
            "There is no message with content. Send at least one user message.",
        ));
    }
    Ok(builder.out)
}

struct Builder<'a> {
    out: Vec<Value>,
    pairing: Pairing,
    /// Wire ids of calls of free-form tools: their results are of another type.
    custom: BTreeSet<String>,
    context: Context<'a>,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Builder<'_> {
    fn take(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        if message.name.is_some() && message.role != Role::Tool {
            self.notes
                .drop("messages[].name", "input items have no names of speakers")?;
        }
        if message.cache_control.is_some() {
            let why = "prompt-cache marks stand on parts";
            self.notes.drop("messages[].cache_control", why)?;
        }
        match message.role {
            Role::System => self.said("system", at, message),
            Role::Developer => self.said("developer", at, message),
            Role::User => self.said("user", at, message),
            Role::Assistant => self.assistant(at, message),
            Role::Tool => self.result(at, message),
        }
    }

    /// A message of anybody but the model.
    fn said(&mut self, role: &str, at: usize, message: &Message) -> Result<(), EncodeError> {
        if message.parts.is_empty() {
            return if role == "user" {
                Err(invalid(
                    format!("messages[{at}].content"),
                    "The user message is empty. Send text, or leave the message out.",
                ))
            } else {
                Ok(())
            };
        }
        let role = match (role, self.context.target.capabilities.system_role) {
            ("system" | "developer", SystemRole::User) => "user",
            ("developer", SystemRole::System) if !self.context.target.endpoint.first_party => {
                "system"
            }
            (role, _) => role,
        };
        let content = self.content(at, message)?;
        self.out.push(json!({"role": role, "content": content}));
        Ok(())
    }

    /// A string where all is one plain text, else a list of parts.
    fn content(&mut self, at: usize, message: &Message) -> Result<Value, EncodeError> {
        if let [
            Part::Text {
                text,
                cache_control: None,
            },
        ] = message.parts.as_slice()
        {
            return Ok(text.as_str().into());
        }
        let parts = message.parts.iter().enumerate().map(|(index, part)| {
            let place = format!("messages[{at}].content[{index}]");
            content::part(part, &place, self.context, self.notes)
        });
        parts.collect::<Result<Vec<_>, _>>().map(Value::Array)
    }

    fn assistant(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        self.settle()?;
        let mut calls = Vec::with_capacity(message.tool_calls.len());
        for (index, call) in message.tool_calls.iter().enumerate() {
            let wire = self.pairing.call(&call.id, &call.name, at, index);
            if call.custom && tools::takes_custom(self.context.target) {
                self.custom.insert(wire.clone());
            }
            calls.push((call, wire));
        }
        let turn = assistant::Turn {
            message,
            at,
            calls,
            target: self.context.target,
            names: self.names,
        };
        self.out.extend(turn.items(self.notes)?);
        Ok(())
    }

    fn result(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        let Some((_, id)) = self.pairing.answered(at, message, repair, self.notes)? else {
            return Ok(());
        };
        if message.is_error {
            let why = "results have no such mark: say in the result that the tool failed";
            self.notes.drop("messages[].is_error", why)?;
        }
        let output = if message.parts.is_empty() {
            Value::String(String::new())
        } else {
            self.content(at, message)?
        };
        let item = self.output(id, output);
        self.out.push(item);
        Ok(())
    }

    fn output(&self, id: String, output: Value) -> Value {
        let kind = if self.custom.contains(&id) {
            "custom_tool_call_output"
        } else {
            "function_call_output"
        };
        let mut item = Map::new();
        item.insert("type".to_owned(), kind.into());
        item.insert("call_id".to_owned(), id.into());
        item.insert("output".to_owned(), output);
        item.into()
    }

    /// Before the next turn of the model or the end: every call must have its result.
    fn settle(&mut self) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        for missing in self.pairing.settle(repair, self.notes)? {
            let item = self.output(missing.wire, "The tool gave no result.".into());
            self.out.push(item);
        }
        Ok(())
    }
}
