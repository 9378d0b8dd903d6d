//! The conversation as v2 messages (wire-protocols §5 and §7, column Cohere).

use serde_json::{Map, Value, json};

use super::content::{self, Context, Item};
use crate::capability::Reasoning;
use crate::chat::{ChatRequest, Message, Part, Role, ToolCall};
use crate::error::EncodeError;
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported, unsupported_content};
use crate::pairing::{IdRule, NO_RESULT, Pairing, Unanswered};
use crate::turn_text::{CONTINUE, leave_out_reasoning};

/// The result of a tool that returned nothing: an empty message is refused, and the API wants "a
/// JSON object string".
const EMPTY_RESULT: &str = "{}";
/// Anything but control characters.
pub(super) const CALL_IDS: IdRule = IdRule {
    bytes_max: usize::MAX,
    allows: |character| !character.is_control(),
};

/// The wire's `messages`, and the `documents` that were files among them.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) messages: Vec<Value>,
    pub(super) documents: Vec<Value>,
    /// Index of the request's message that the last wire message is.
    last_at: usize,
}

/// Builds the messages of a request.
pub(super) fn build(
    request: &ChatRequest,
    context: Context<'_>,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Conversation, EncodeError> {
    let mut builder = Builder {
        conversation: Conversation::default(),
        system: Vec::new(),
        held: Vec::new(),
        pairing: Pairing::new(CALL_IDS),
        context,
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

    /// A conversation ends with a user message or a tool result: no model of the API goes on with
    /// an assistant's message.
    pub(super) fn settle_end(
        &mut self,
        rewrite: bool,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        if self
            .messages
            .last()
            .is_none_or(|last| role_of(last) != "assistant")
        {
            return Ok(());
        }
        if !rewrite {
            return Err(no_prefill(self.last_at));
        }
        self.messages
            .push(json!({"role": "user", "content": CONTINUE}));
        notes.change("messages[]", "continue_request_added");
        Ok(())
    }
}

/// The refusal of a trailing assistant message.
pub(super) fn no_prefill(at: usize) -> EncodeError {
    unsupported(
        format!("messages[{at}]"),
        "Cohere models do not continue a trailing assistant message. End the conversation with a \
         user message.",
    )
}

/// The refusal of a user message without text.
pub(super) fn no_text(at: usize, has_documents: bool) -> EncodeError {
    let place = format!("messages[{at}].content");
    if has_documents {
        unsupported_content(
            place,
            "Cohere models take files beside a question. Add text to the message.",
        )
    } else {
        invalid(
            place,
            "The user message is empty. Send text, or leave the message out.",
        )
    }
}

/// Names what a message carries that the API has no place for: its speaker's name and its cache mark.
pub(super) fn marks(message: &Message, notes: &mut Notes) -> Result<(), EncodeError> {
    if message.name.is_some() && message.role != Role::Tool {
        notes.drop("messages[].name", "the API has no names of speakers")?;
    }
    content::marked(message.cache_control.is_some(), notes)
}

/// The text of a system message, which holds nothing else.
pub(super) fn system_text(
    at: usize,
    message: &Message,
    notes: &mut Notes,
) -> Result<String, EncodeError> {
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
        content::marked(cache_control.is_some(), notes)?;
        text.push_str(said);
    }
    Ok(text)
}

/// Instructions as a user turn, marked as what they are.
pub(super) fn folded(instructions: &str) -> String {
    format!("<system>\n{instructions}\n</system>")
}

/// The text of an assistant message, which holds calls beside it and nothing else.
pub(super) fn assistant_text(
    at: usize,
    message: &Message,
    notes: &mut Notes,
) -> Result<String, EncodeError> {
    let mut said = String::new();
    for (index, part) in message.parts.iter().enumerate() {
        match part {
            Part::Text {
                text,
                cache_control,
            } => {
                content::marked(cache_control.is_some(), notes)?;
                said.push_str(text);
            }
            Part::Refusal { text } => said.push_str(text),
            part if leave_out_reasoning(part, notes)? => {}
            _ => {
                return Err(unsupported_content(
                    format!("messages[{at}].content[{index}]"),
                    "Assistant messages to a Cohere model hold text and tool calls only. Move \
                     other content to a user message.",
                ));
            }
        }
    }
    Ok(said)
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
    pairing: Pairing,
    context: Context<'a>,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Builder<'_> {
    fn take(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        marks(message, self.notes)?;
        match message.role {
            Role::System | Role::Developer => self.system(at, message),
            Role::User => self.user(at, message),
            Role::Assistant => self.assistant(at, message),
            Role::Tool => self.tool(at, message),
        }
    }

    /// Instructions in front are one message; "system turn must be the first in the list", so that
    /// later ones go into a user turn, marked as what they are.
    fn system(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let text = system_text(at, message, self.notes)?;
        if text.is_empty() {
            return Ok(());
        }
        if self.conversation.messages.is_empty() && self.held.is_empty() {
            self.system.push(text);
        } else {
            self.notes.change("messages[].role", "user");
            self.push_user(json!({"role": "user", "content": folded(&text)}));
        }
        Ok(())
    }

    fn user(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let documents = self.conversation.documents.len();
        let items = self.items(at, message)?;
        let has_documents = self.conversation.documents.len() > documents;
        if items.is_empty() {
            return Err(no_text(at, has_documents));
        }
        self.push_user(json!({"role": "user", "content": plain_or_list(items)}));
        Ok(())
    }

    /// The items of a user message; its documents go to the request's.
    fn items(&mut self, at: usize, message: &Message) -> Result<Vec<Value>, EncodeError> {
        let mut items = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            let place = format!("messages[{at}].content[{index}]");
            match content::item(part, &place, self.context, self.notes)? {
                Some(Item::Text(text)) => items.push(json!({"type": "text", "text": text})),
                Some(Item::Image(image)) => items.push(image),
                Some(Item::Document(document)) => self.conversation.documents.push(document),
                None => {}
            }
        }
        Ok(items)
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
        let text = assistant_text(at, message, self.notes)?;
        if !message.blocks.is_empty() {
            // Another provider's state: this API issues none.
            self.notes.forget("messages[].provider_blocks");
        }
        let mut items: Vec<Value> = Vec::new();
        if let Some(thought) = message.reasoning.as_deref().filter(|said| !said.is_empty()) {
            if thinks(&self.context.target.capabilities.reasoning) {
                items.push(json!({"type": "thinking", "thinking": thought}));
            } else {
                self.notes.forget("messages[].reasoning_content");
            }
        }
        let mut wire = Map::new();
        wire.insert("role".to_owned(), "assistant".into());
        if message.tool_calls.is_empty() {
            if text.is_empty() {
                return Ok(());
            }
            items.push(json!({"type": "text", "text": text}));
        } else if !text.is_empty() {
            // What the model says before its calls is its plan (wire-protocols §7).
            wire.insert("tool_plan".to_owned(), text.into());
        }
        if !items.is_empty() {
            wire.insert("content".to_owned(), plain_or_list(items));
        }
        let calls: Vec<Value> = message
            .tool_calls
            .iter()
            .enumerate()
            .map(|(index, call)| self.call(call, at, index))
            .collect();
        if !calls.is_empty() {
            wire.insert("tool_calls".to_owned(), calls.into());
        }
        self.conversation.messages.push(Value::Object(wire));
        Ok(())
    }

    fn call(&mut self, call: &ToolCall, at: usize, index: usize) -> Value {
        let id = self.pairing.call(&call.id, &call.name, at, index);
        let arguments = arguments(call, self.notes);
        json!({
            "id": id,
            "type": "function",
            "function": {"name": self.names.to_wire(&call.name), "arguments": arguments},
        })
    }

    fn tool(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        let Some((_, id)) = self.pairing.answered(at, message, repair, self.notes)? else {
            return Ok(());
        };
        let content = self.result(at, message)?;
        self.conversation
            .messages
            .push(json!({"role": "tool", "tool_call_id": id, "content": content}));
        self.release();
        Ok(())
    }

    /// The content of a tool result: text as a string, several parts as text and documents.
    /// Pictures have no place in it: they follow the whole group of results in a user message
    /// (wire-protocols §6).
    fn result(&mut self, at: usize, message: &Message) -> Result<Value, EncodeError> {
        let mut items: Vec<Value> = Vec::new();
        let mut images: Vec<Value> = Vec::new();
        for (index, part) in message.parts.iter().enumerate() {
            let place = format!("messages[{at}].content[{index}]");
            match content::item(part, &place, self.context, self.notes)? {
                Some(Item::Text(text)) => items.push(json!({"type": "text", "text": text})),
                Some(Item::Document(document)) => {
                    items.push(json!({"type": "document", "document": document}));
                }
                Some(Item::Image(image)) => images.push(image),
                None => {}
            }
        }
        if !images.is_empty() {
            self.notes.change("messages[].content[].image_url", "user");
            self.held.push(json!({"role": "user", "content": images}));
        }
        let content = if items.is_empty() {
            EMPTY_RESULT.into()
        } else {
            plain_or_list(items)
        };
        Ok(match (message.is_error, content) {
            // The wire has no flag: a failed tool says so in its output.
            (true, Value::String(said)) => json!({ "error": said }).to_string().into(),
            (true, Value::Array(mut items)) => {
                items.insert(
                    0,
                    json!({"type": "document", "document": {"data": {"error": true}}}),
                );
                Value::Array(items)
            }
            (_, content) => content,
        })
    }

    /// Before the next assistant turn or the end: every call must have its result.
    fn settle(&mut self) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        for Unanswered { wire: id, .. } in self.pairing.settle(repair, self.notes)? {
            let content = json!({ "error": NO_RESULT }).to_string();
            self.conversation
                .messages
                .push(json!({"role": "tool", "tool_call_id": id, "content": content}));
        }
        self.release();
        Ok(())
    }

    /// Lets go what waited for the results.
    fn release(&mut self) {
        if !self.pairing.is_waiting() {
            self.conversation.messages.append(&mut self.held);
        }
    }

    /// Puts the instructions in front. Alone, the last of them is what is asked (wire-protocols
    /// §5).
    fn finish(mut self) -> Result<Conversation, EncodeError> {
        if self.conversation.messages.is_empty() {
            let Some(asked) = self.system.pop() else {
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

/// Whether a model thinks, as far as is known: one that does not may refuse thoughts.
fn thinks(reasoning: &Reasoning) -> bool {
    !matches!(reasoning, Reasoning::None | Reasoning::Unknown)
}

/// Arguments are valid JSON text, whatever a model once wrote (wire-protocols §7).
pub(super) fn arguments(call: &ToolCall, notes: &mut Notes) -> String {
    if call.custom {
        return json!({ "input": call.arguments }).to_string();
    }
    if call.arguments.trim().is_empty() {
        return "{}".to_owned();
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_ok() {
        return call.arguments.clone();
    }
    notes.change("messages[].tool_calls[].function.arguments", "_raw");
    json!({ "_raw": call.arguments }).to_string()
}

/// One text is sent as a string, as most callers write it.
fn plain_or_list(items: Vec<Value>) -> Value {
    if let [only] = items.as_slice()
        && only.get("type").and_then(Value::as_str) == Some("text")
        && let Some(text) = only.get("text")
    {
        return text.clone();
    }
    Value::Array(items)
}
