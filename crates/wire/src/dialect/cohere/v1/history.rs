//! The conversation as v1 says it: a preamble, the history, and apart from it the message or the
//! tool results that are to be answered.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::content::{self, Context, Item};
use super::super::messages::{self, CALL_IDS};
use super::document;
use crate::chat::{ChatRequest, Message, Role, ToolCall};
use crate::error::EncodeError;
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported_content};
use crate::pairing::{NO_RESULT, Pairing, Unanswered};
use crate::turn_text::CONTINUE;

/// Stands between a tool's results and a user message: "cannot specify message if the last entry in
/// chat history contains tool results".
const FILLER: &str = "Understood.";

/// One turn.
#[derive(Debug)]
enum Turn {
    User(String),
    System(String),
    Chatbot {
        said: String,
        calls: Vec<Value>,
    },
    /// `{call, outputs}` each, in the order of the calls.
    Results(Vec<Value>),
}

/// The conversation, and the `documents` that were files in it.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Instructions in front of it.
    preamble: Vec<String>,
    pub(super) documents: Vec<Value>,
    turns: Vec<Turn>,
    /// Index of the request's last message.
    last_at: usize,
}

/// Builds the conversation of a request.
pub(super) fn build(
    request: &ChatRequest,
    context: Context<'_>,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Conversation, EncodeError> {
    let mut builder = Builder {
        conversation: Conversation::default(),
        held: Vec::new(),
        pairing: Pairing::new(CALL_IDS),
        calls: BTreeMap::new(),
        results: Vec::new(),
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
        self.preamble.push(line.to_owned());
    }

    /// Whether results of tools stand anywhere in it.
    pub(super) fn has_results(&self) -> bool {
        let is_results = |turn: &Turn| matches!(turn, Turn::Results(_));
        self.turns.iter().any(is_results)
    }

    /// The tools whose results are to be answered, each once.
    pub(super) fn answered_tools(&self) -> Vec<&str> {
        let Some(Turn::Results(results)) = self.turns.last() else {
            return Vec::new();
        };
        let mut names: Vec<&str> = Vec::new();
        for result in results {
            let name = result.pointer("/call/name").and_then(Value::as_str);
            names.extend(name.filter(|name| !names.contains(name)));
        }
        names
    }

    /// A conversation ends with a user message or results of tools.
    pub(super) fn settle_end(
        &mut self,
        rewrite: bool,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        if !matches!(self.turns.last(), Some(Turn::Chatbot { .. })) {
            return Ok(());
        }
        if !rewrite {
            return Err(messages::no_prefill(self.last_at));
        }
        self.turns.push(Turn::User(CONTINUE.to_owned()));
        notes.change("messages[]", "continue_request_added");
        Ok(())
    }

    /// Puts `message`, `preamble`, `chat_history` and `tool_results` into a body.
    pub(super) fn write(mut self, body: &mut Map<String, Value>, notes: &mut Notes) {
        let last = self.turns.pop();
        let (message, results) = match last {
            Some(Turn::User(said)) => (said, None),
            Some(Turn::Results(results)) => (String::new(), Some(results)),
            other => {
                self.turns.extend(other);
                (String::new(), None)
            }
        };
        body.insert("message".to_owned(), message.into());
        if !self.preamble.is_empty() {
            body.insert("preamble".to_owned(), self.preamble.join("\n\n").into());
        }
        let history: Vec<Value> = self
            .turns
            .into_iter()
            .map(|turn| turn.into_wire(notes))
            .collect();
        if !history.is_empty() {
            body.insert("chat_history".to_owned(), history.into());
        }
        if let Some(results) = results {
            body.insert("tool_results".to_owned(), results.into());
        }
    }
}

impl Turn {
    fn into_wire(self, notes: &mut Notes) -> Value {
        match self {
            Self::User(said) => json!({"role": "USER", "message": said}),
            Self::System(said) => json!({"role": "SYSTEM", "message": said}),
            Self::Results(results) => json!({"role": "TOOL", "tool_results": results}),
            Self::Chatbot { said, calls } if calls.is_empty() => {
                json!({"role": "CHATBOT", "message": said})
            }
            Self::Chatbot { mut said, calls } => {
                if said.is_empty() {
                    // "all elements in history must have a message"
                    said = plan(&calls);
                    notes.change("messages[].content", "tool_plan_added");
                }
                json!({"role": "CHATBOT", "message": said, "tool_calls": calls})
            }
        }
    }
}

/// What the models say before calls.
fn plan(calls: &[Value]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for call in calls {
        let name = call.get("name").and_then(Value::as_str);
        names.extend(name.filter(|name| !names.contains(name)));
    }
    format!("I will use {}.", names.join(" and "))
}

struct Builder<'a> {
    conversation: Conversation,
    /// Turns that wait until every call before them has its result.
    held: Vec<Turn>,
    pairing: Pairing,
    /// Calls that wait for their results, by the id that pairs them.
    calls: BTreeMap<String, Value>,
    /// Results of the calls before them, each with the rank of its call.
    results: Vec<(usize, Value)>,
    context: Context<'a>,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Builder<'_> {
    fn take(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        messages::marks(message, self.notes)?;
        match message.role {
            Role::System | Role::Developer => self.system(at, message),
            Role::User => self.user(at, message),
            Role::Assistant => self.assistant(at, message),
            Role::Tool => self.tool(at, message),
        }
    }

    /// Instructions in front are the preamble; later ones stand where they stood.
    fn system(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let text = messages::system_text(at, message, self.notes)?;
        if text.is_empty() {
            return Ok(());
        }
        if self.conversation.turns.is_empty() && self.held.is_empty() {
            self.conversation.preamble.push(text);
        } else {
            self.push(Turn::System(text));
        }
        Ok(())
    }

    fn user(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let (text, documents) = self.parts(at, message)?;
        if text.is_empty() {
            return Err(messages::no_text(at, !documents.is_empty()));
        }
        let documents = documents.iter().map(document);
        self.conversation.documents.extend(documents);
        self.push(Turn::User(text));
        Ok(())
    }

    /// Text and documents of a message.
    fn parts(&mut self, at: usize, message: &Message) -> Result<(String, Vec<Value>), EncodeError> {
        let mut text = String::new();
        let mut documents = Vec::new();
        for (index, part) in message.parts.iter().enumerate() {
            let place = format!("messages[{at}].content[{index}]");
            match content::item(part, &place, self.context, self.notes)? {
                Some(Item::Text(said)) => text.push_str(&said),
                Some(Item::Document(document)) => documents.push(document),
                Some(Item::Image(_)) => {
                    return Err(unsupported_content(place, content::NO_PICTURES_IN_V1));
                }
                None => {}
            }
        }
        Ok((text, documents))
    }

    fn push(&mut self, turn: Turn) {
        if self.pairing.is_waiting() {
            self.held.push(turn);
        } else {
            self.conversation.turns.push(turn);
        }
    }

    fn assistant(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        self.settle()?;
        let said = messages::assistant_text(at, message, self.notes)?;
        if !message.blocks.is_empty() {
            // Another provider's state: this API issues none.
            self.notes.forget("messages[].provider_blocks");
        }
        if message
            .reasoning
            .as_deref()
            .is_some_and(|thought| !thought.is_empty())
        {
            self.notes.forget("messages[].reasoning_content");
        }
        let mut calls = Vec::with_capacity(message.tool_calls.len());
        for (index, call) in message.tool_calls.iter().enumerate() {
            let id = self.pairing.call(&call.id, &call.name, at, index);
            let call = self.call(call);
            self.calls.insert(id, call.clone());
            calls.push(call);
        }
        if !said.is_empty() || !calls.is_empty() {
            self.conversation.turns.push(Turn::Chatbot { said, calls });
        }
        Ok(())
    }

    /// A call has no id: its name and parameters say which one it is.
    fn call(&mut self, call: &ToolCall) -> Value {
        let arguments = messages::arguments(call, self.notes);
        let parameters = match serde_json::from_str(&arguments) {
            Ok(Value::Object(parameters)) => Value::Object(parameters),
            _ => {
                self.notes
                    .change("messages[].tool_calls[].function.arguments", "_raw");
                json!({ "_raw": arguments })
            }
        };
        json!({"name": self.names.to_wire(&call.name), "parameters": parameters})
    }

    fn tool(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        let Some((rank, id)) = self.pairing.answered(at, message, repair, self.notes)? else {
            return Ok(());
        };
        let (text, documents) = self.parts(at, message)?;
        let outputs = outputs(&text, documents, message.is_error);
        self.result(rank, &id, outputs);
        self.release();
        Ok(())
    }

    fn result(&mut self, rank: usize, id: &str, outputs: Vec<Value>) {
        let call = self.calls.remove(id).unwrap_or_default();
        self.results
            .push((rank, json!({"call": call, "outputs": outputs})));
    }

    /// Before the next assistant turn or the end: every call must have its result.
    fn settle(&mut self) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        for Unanswered { rank, wire } in self.pairing.settle(repair, self.notes)? {
            self.result(rank, &wire, vec![json!({ "error": NO_RESULT })]);
        }
        self.release();
        Ok(())
    }

    /// Once every call has its result they are one turn, and what waited for them follows.
    fn release(&mut self) {
        if self.pairing.is_waiting() {
            return;
        }
        let mut results = std::mem::take(&mut self.results);
        if !results.is_empty() {
            results.sort_by_key(|(rank, _)| *rank);
            let results = results.into_iter().map(|(_, result)| result).collect();
            self.conversation.turns.push(Turn::Results(results));
        }
        self.conversation.turns.append(&mut self.held);
    }

    fn finish(mut self) -> Result<Conversation, EncodeError> {
        let conversation = &mut self.conversation;
        if conversation.turns.is_empty() {
            // Instructions alone: the last of them is what is asked (wire-protocols §5).
            let Some(asked) = conversation.preamble.pop() else {
                return Err(invalid(
                    "messages",
                    "There is no message with content. Send at least one user message.",
                ));
            };
            self.notes.change("messages[].role", "user");
            conversation.turns.push(Turn::User(asked));
        }
        if let Some(Turn::System(text)) = conversation.turns.last() {
            // Only a user message can be answered.
            let folded = messages::folded(text);
            self.notes.change("messages[].role", "user");
            conversation.turns.pop();
            conversation.turns.push(Turn::User(folded));
        }
        let mut turns: Vec<Turn> = Vec::with_capacity(conversation.turns.len());
        for turn in std::mem::take(&mut conversation.turns) {
            let follows = matches!(turns.last(), Some(Turn::Results(_)));
            if follows && matches!(turn, Turn::User(_)) {
                turns.push(Turn::Chatbot {
                    said: FILLER.to_owned(),
                    calls: Vec::new(),
                });
                self.notes.change("messages[].role", "assistant_turn_added");
            }
            turns.push(turn);
        }
        conversation.turns = turns;
        Ok(self.conversation)
    }
}

/// What a tool returned: "`outputs` must be a list of objects". A text that is an object or a list of
/// them is taken at its word.
fn outputs(text: &str, documents: Vec<Value>, is_error: bool) -> Vec<Value> {
    let mut outputs = match serde_json::from_str(text) {
        _ if is_error => vec![json!({ "error": text })],
        Ok(Value::Object(object)) => vec![Value::Object(object)],
        Ok(Value::Array(list)) if !list.is_empty() && list.iter().all(Value::is_object) => list,
        _ if text.is_empty() && !documents.is_empty() => Vec::new(),
        _ => vec![json!({ "output": text })],
    };
    let data = |document: Value| document.get("data").cloned().unwrap_or_default();
    outputs.extend(documents.into_iter().map(data));
    outputs
}
