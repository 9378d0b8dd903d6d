//! The conversation as native messages: text, pictures and calls beside each other
//! (wire-protocols §5, §7).

use serde_json::{Map, Value, json};

use super::content;
use crate::adapter::Target;
use crate::capability::Reasoning;
use crate::chat::{ChatRequest, Message, Part, Role};
use crate::error::EncodeError;
use crate::function::object_arguments;
use crate::media::MediaStore;
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported, unsupported_content};
use crate::pairing::{IdRule, NO_RESULT, Pairing, Unanswered};
use crate::turn_text::CONTINUE;

/// Ids mean little to the server: it keeps what it gets.
const CALL_IDS: IdRule = IdRule {
    bytes_max: usize::MAX,
    allows: |character| !character.is_control(),
};
/// Part types in which other providers carry reasoning.
const FOREIGN_REASONING: [&str; 2] = ["thinking", "reasoning"];

/// The wire's `messages`.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) messages: Vec<Value>,
    /// Index of the request's message that the last wire message is.
    last_at: usize,
}

/// Builds the messages of a request.
pub(super) fn build(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Conversation, EncodeError> {
    let mut builder = Builder {
        conversation: Conversation::default(),
        system: Vec::new(),
        held: Vec::new(),
        results: Vec::new(),
        calls: Vec::new(),
        pairing: Pairing::new(CALL_IDS),
        target,
        media,
        names,
        notes,
    };
    for (at, message) in request.messages.iter().enumerate() {
        builder.take(at, message)?;
        builder.conversation.last_at = at;
    }
    builder.settle()?;
    builder.finish()
}

impl Conversation {
    /// Adds a line of ours to the instructions.
    pub(super) fn instruct(&mut self, line: &str) {
        let first = self.messages.first_mut();
        let system = first.filter(|first| role_of(first) == "system");
        match system.and_then(|system| system.get_mut("content")) {
            Some(content) => {
                let said = content.as_str().unwrap_or_default();
                *content = format!("{said}\n\n{line}").into();
            }
            None => self
                .messages
                .insert(0, json!({"role": "system", "content": line})),
        }
    }

    /// The server goes on with a trailing assistant message, where the model's template lets it.
    pub(super) fn settle_end(
        &mut self,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        let ends = self.messages.last();
        if target.capabilities.prefill || ends.is_none_or(|last| role_of(last) != "assistant") {
            return Ok(());
        }
        if !target.policy.rewrite_prefill {
            return Err(unsupported(
                format!("messages[{}]", self.last_at),
                format!(
                    "`{}` does not continue a trailing assistant message. End the conversation \
                     with a user message.",
                    target.model
                ),
            ));
        }
        self.messages
            .push(json!({"role": "user", "content": CONTINUE}));
        notes.change("messages[]", "continue_request_added");
        Ok(())
    }
}

fn role_of(message: &Value) -> &str {
    message
        .get("role")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

struct Builder<'a> {
    conversation: Conversation,
    /// Leading instructions, one a message.
    system: Vec<String>,
    /// User messages that wait until every call before them has its result.
    held: Vec<Value>,
    /// Results of the turn's calls, each with the place of its call: templates that know no ids
    /// tell them apart by their order.
    results: Vec<(usize, Value)>,
    /// Wire id and wire name of each call so far.
    calls: Vec<(String, String)>,
    pairing: Pairing,
    target: &'a Target,
    media: &'a MediaStore,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Builder<'_> {
    fn take(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        if message.name.is_some() && message.role != Role::Tool {
            self.notes
                .drop("messages[].name", "the API has no names of speakers")?;
        }
        content::marked(message.cache_control.is_some(), self.notes)?;
        match message.role {
            Role::System | Role::Developer => self.system(at, message),
            Role::User => self.user(at, message),
            Role::Assistant => self.assistant(at, message),
            Role::Tool => self.tool(at, message),
        }
    }

    /// Instructions in front are one message, since templates know one. Later ones stay in place
    /// where the model takes that, and go into a user turn otherwise, marked as what they are.
    fn system(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let mut text = String::new();
        for (index, part) in message.parts.iter().enumerate() {
            let Part::Text {
                text: said,
                cache_control,
            } = part
            else {
                return Err(unsupported_content(
                    format!("messages[{at}].content[{index}]"),
                    "System messages hold text only. Move other content to a user message.",
                ));
            };
            content::marked(cache_control.is_some(), self.notes)?;
            text.push_str(said);
        }
        if text.is_empty() {
            return Ok(());
        }
        if self.conversation.messages.is_empty() && self.held.is_empty() {
            self.system.push(text);
        } else if self.target.capabilities.mid_conversation_system {
            self.push_user(json!({"role": "system", "content": text}));
        } else {
            self.notes.change("messages[].role", "user");
            let folded = format!("<system>\n{text}\n</system>");
            self.push_user(json!({"role": "user", "content": folded}));
        }
        Ok(())
    }

    fn user(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let read = content::read(&message.parts, at, self.target, self.media, self.notes)?;
        if read.is_empty() {
            return Err(invalid(
                format!("messages[{at}].content"),
                "The user message is empty. Send text, or leave the message out.",
            ));
        }
        self.push_user(spoken("user", read.text, read.images));
        Ok(())
    }

    fn push_user(&mut self, message: Value) {
        if self.pairing.is_waiting() {
            self.held.push(message);
        } else {
            self.conversation.messages.push(message);
        }
    }

    fn assistant(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        self.settle()?;
        let text = self.assistant_text(at, message)?;
        if !message.blocks.is_empty() {
            // Another provider's state: this API issues none.
            self.notes.forget("messages[].provider_blocks");
        }
        if text.is_empty() && message.tool_calls.is_empty() {
            return Ok(());
        }
        let mut wire = Map::new();
        wire.insert("role".to_owned(), "assistant".into());
        wire.insert("content".to_owned(), text.into());
        if let Some(thought) = message.reasoning.as_deref().filter(|said| !said.is_empty()) {
            if self.target.capabilities.reasoning == Reasoning::None {
                self.notes.forget("messages[].reasoning_content");
            } else {
                wire.insert("thinking".to_owned(), thought.into());
            }
        }
        let mut calls: Vec<Value> = Vec::with_capacity(message.tool_calls.len());
        for (index, call) in message.tool_calls.iter().enumerate() {
            let id = self.pairing.call(&call.id, &call.name, at, index);
            let name = self.names.to_wire(&call.name).to_owned();
            let arguments = object_arguments(call, self.notes);
            calls.push(json!({"id": id, "function": {"name": name, "arguments": arguments}}));
            self.calls.push((id, name));
        }
        if !calls.is_empty() {
            wire.insert("tool_calls".to_owned(), calls.into());
        }
        self.conversation.messages.push(Value::Object(wire));
        Ok(())
    }

    fn assistant_text(&mut self, at: usize, message: &Message) -> Result<String, EncodeError> {
        let mut said = String::new();
        for (index, part) in message.parts.iter().enumerate() {
            match part {
                Part::Text {
                    text,
                    cache_control,
                } => {
                    content::marked(cache_control.is_some(), self.notes)?;
                    said.push_str(text);
                }
                Part::Refusal { text } => said.push_str(text),
                Part::Unknown { kind, .. } if FOREIGN_REASONING.contains(&kind.as_str()) => {
                    self.notes.drop(
                        &format!("messages[].content[].{kind}"),
                        "only its issuer can read it",
                    )?;
                }
                _ => {
                    return Err(unsupported_content(
                        format!("messages[{at}].content[{index}]"),
                        "Assistant messages to Ollama hold text and tool calls only. Move other \
                         content to a user message.",
                    ));
                }
            }
        }
        Ok(said)
    }

    fn tool(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let repair = self.target.policy.repair_orphans;
        let Some((rank, id)) = self.pairing.answered(at, message, repair, self.notes)? else {
            return Ok(());
        };
        let read = content::read(&message.parts, at, self.target, self.media, self.notes)?;
        if !read.images.is_empty() {
            // Pictures have no place in a result: they follow the whole group (§6).
            self.notes.change("messages[].content[].image_url", "user");
            self.held.push(spoken("user", String::new(), read.images));
        }
        // The wire has no flag: a failed tool says so in its output.
        let said = if message.is_error {
            json!({ "error": read.text }).to_string()
        } else {
            read.text
        };
        self.result(rank, id, said);
        self.release();
        Ok(())
    }

    fn result(&mut self, rank: usize, id: String, content: String) {
        let name = self.calls.iter().rev().find(|(call, _)| *call == id);
        let name = name.map_or("", |(_, name)| name.as_str());
        let message =
            json!({"role": "tool", "content": content, "tool_name": name, "tool_call_id": id});
        self.results.push((rank, message));
    }

    /// Before the next assistant turn or the end: every call must have its result.
    fn settle(&mut self) -> Result<(), EncodeError> {
        let repair = self.target.policy.repair_orphans;
        for Unanswered { rank, wire } in self.pairing.settle(repair, self.notes)? {
            self.result(rank, wire, json!({ "error": NO_RESULT }).to_string());
        }
        self.release();
        Ok(())
    }

    /// Lets go the results in the order of their calls, and what waited for them.
    fn release(&mut self) {
        if !self.pairing.is_waiting() {
            self.results.sort_by_key(|(rank, _)| *rank);
            let results = self.results.drain(..).map(|(_, result)| result);
            self.conversation.messages.extend(results);
            self.conversation.messages.append(&mut self.held);
        }
    }

    /// Puts the instructions in front. Alone, the last of them is what is asked (wire-protocols
    /// §5).
    fn finish(mut self) -> Result<Conversation, EncodeError> {
        if self.conversation.messages.is_empty() {
            let Some(asked) = self.system.pop() else {
                // The server would only load the model, and answer nothing.
                return Err(invalid(
                    "messages",
                    "There is no message with content. Send at least one user message.",
                ));
            };
            self.notes.change("messages[].role", "user");
            self.conversation
                .messages
                .push(json!({"role": "user", "content": asked}));
        }
        if !self.system.is_empty() {
            let text = self.system.join("\n\n");
            self.conversation
                .messages
                .insert(0, json!({"role": "system", "content": text}));
        }
        Ok(self.conversation)
    }
}

fn spoken(role: &str, text: String, images: Vec<String>) -> Value {
    let mut message = json!({"role": role, "content": text});
    if let Some(members) = message.as_object_mut().filter(|_| !images.is_empty()) {
        members.insert("images".to_owned(), images.into());
    }
    message
}
