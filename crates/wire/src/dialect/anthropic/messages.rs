//! The conversation as Messages turns: roles merged, results first, instructions at their place
//! (wire-protocols §5).

use serde_json::{Value, json};

use super::assistant::{self, is_thinking};
use super::content::{self, Context, mark};
use crate::chat::{ChatRequest, Message, Part, Role};
use crate::error::{EncodeError, EncodeErrorCode};
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported, unsupported_content};
use crate::pairing::{IdRule, NO_RESULT, Pairing, Unanswered};
use crate::turn_text::{CONTINUE, OPENING};

/// `[A-Za-z0-9_-]+`.
const CALL_IDS: IdRule = IdRule {
    bytes_max: usize::MAX,
    allows: |character| character.is_ascii_alphanumeric() || "_-".contains(character),
};

/// Who speaks a turn on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    User,
    Assistant,
    System,
}

/// One entry of the wire's `messages`.
#[derive(Debug)]
struct Turn {
    speaker: Speaker,
    /// Index of the request's message that began it.
    at: usize,
    /// Tool results with the ranks of their calls: nothing may stand before them.
    results: Vec<(usize, Value)>,
    blocks: Vec<Value>,
}

/// System blocks and turns.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Blocks of the leading system messages, a list a message.
    system: Vec<Vec<Value>>,
    turns: Vec<Turn>,
}

/// Builds the turns of a request.
pub(super) fn build(
    request: &ChatRequest,
    context: Context<'_>,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Conversation, EncodeError> {
    let mut builder = Builder {
        conversation: Conversation::default(),
        pairing: Pairing::new(CALL_IDS),
        context,
        names,
        notes,
    };
    for (at, message) in request.messages.iter().enumerate() {
        builder.take(at, message)?;
    }
    builder.settle(request.messages.len())?;
    let mut conversation = builder.conversation;
    conversation.start_with_user(notes)?;
    if let Some(empty) = conversation.turns.iter().find(|turn| turn.is_empty()) {
        return Err(invalid(
            format!("messages[{}].content", empty.at),
            "The user message is empty. Send text, or leave the message out.",
        ));
    }
    Ok(conversation)
}

impl Turn {
    const fn new(speaker: Speaker, at: usize) -> Self {
        Self {
            speaker,
            at,
            results: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.results.is_empty() && self.blocks.is_empty()
    }

    fn into_wire(mut self) -> Value {
        let role = match self.speaker {
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::System => "system",
        };
        // In the order of the calls, so that tools that end in another order change no byte.
        self.results.sort_by_key(|(rank, _)| *rank);
        let mut content: Vec<Value> = self.results.into_iter().map(|(_, block)| block).collect();
        content.extend(self.blocks);
        json!({"role": role, "content": plain_or_blocks(content)})
    }
}

impl Conversation {
    /// Adds a line of ours at the end of the instructions.
    pub(super) fn instruct(&mut self, text: &str) {
        self.system
            .push(vec![json!({"type": "text", "text": text})]);
    }

    /// The wire's `system` and `messages`.
    pub(super) fn into_wire(self) -> (Option<Value>, Vec<Value>) {
        let system: Vec<Value> = self.system.into_iter().flatten().collect();
        let system = (!system.is_empty()).then(|| plain_or_blocks(system));
        (
            system,
            self.turns.into_iter().map(Turn::into_wire).collect(),
        )
    }

    /// Whether the conversation stands inside a tool loop whose assistant turn does not begin with
    /// a thinking block: with a thinking budget the API refuses it ("Expected `thinking`…").
    pub(super) fn loop_lacks_thinking(&self) -> bool {
        let asked = self
            .turns
            .iter()
            .rposition(|turn| turn.speaker == Speaker::Assistant);
        let Some((call, answers)) = asked.and_then(|at| self.turns.get(at..)?.split_first()) else {
            return false;
        };
        answers.iter().any(|turn| !turn.results.is_empty())
            && !call.blocks.first().is_some_and(is_thinking)
    }

    /// Whether the conversation ends with text of the assistant that the model is to continue. A
    /// turn that ends with a server tool's block is a paused one and may always go on.
    pub(super) fn ends_with_prefill(&self) -> bool {
        self.turns.last().is_some_and(|turn| {
            turn.speaker == Speaker::Assistant
                && turn
                    .blocks
                    .last()
                    .is_some_and(|block| block.get("type").and_then(Value::as_str) == Some("text"))
        })
    }

    /// Lets the model continue its trailing message, or asks it to in a user turn, or refuses.
    pub(super) fn settle_prefill(
        &mut self,
        taken: bool,
        rewrite: bool,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        if !self.ends_with_prefill() {
            return Ok(());
        }
        let Some(last) = self.turns.last_mut() else {
            return Ok(());
        };
        let field = format!("messages[{}]", last.at);
        if taken {
            last.trim_end();
            return Ok(());
        }
        if !rewrite {
            return Err(unsupported(
                &field,
                "This model does not continue a trailing assistant message. End the conversation \
                 with a user message.",
            ));
        }
        let mut turn = Turn::new(Speaker::User, last.at);
        turn.blocks.push(json!({"type": "text", "text": CONTINUE}));
        self.turns.push(turn);
        notes.change("messages[]", "continue_request_added");
        Ok(())
    }

    fn start_with_user(&mut self, notes: &mut Notes) -> Result<(), EncodeError> {
        if self.turns.is_empty() {
            // Instructions alone: the last of them is what is asked (wire-protocols §5).
            let blocks = self.system.pop().unwrap_or_default();
            if blocks.is_empty() {
                return Err(invalid(
                    "messages",
                    "There is no message with content. Send at least one user message.",
                ));
            }
            let mut turn = Turn::new(Speaker::User, 0);
            turn.blocks = blocks;
            self.turns.push(turn);
            notes.change("messages[].role", "user");
        } else if let Some(first) = self.turns.first()
            && first.speaker == Speaker::Assistant
        {
            let mut turn = Turn::new(Speaker::User, first.at);
            turn.blocks.push(json!({"type": "text", "text": OPENING}));
            self.turns.insert(0, turn);
            notes.change("messages[]", "user_turn_added");
        }
        Ok(())
    }
}

impl Turn {
    /// White space at the end of a prefill is refused by the API.
    fn trim_end(&mut self) {
        if let Some(text) = self.blocks.last_mut().and_then(|last| last.get_mut("text")) {
            let trimmed = text.as_str().unwrap_or_default().trim_end().to_owned();
            *text = trimmed.into();
        }
    }
}

struct Builder<'a> {
    conversation: Conversation,
    pairing: Pairing,
    context: Context<'a>,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Builder<'_> {
    fn take(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        if message.name.is_some() && message.role != Role::Tool {
            self.notes
                .drop("messages[].name", "the API has no names of speakers")?;
        }
        match message.role {
            Role::System | Role::Developer => self.system(at, message),
            Role::User => self.user(at, message),
            Role::Tool => self.tool(at, message),
            Role::Assistant => self.assistant(at, message),
        }
    }

    /// The last turn if that speaker has it, else a new one.
    fn turn(&mut self, speaker: Speaker, at: usize) -> &mut Turn {
        let turns = &mut self.conversation.turns;
        if turns.last().is_none_or(|turn| turn.speaker != speaker) {
            turns.push(Turn::new(speaker, at));
        }
        let last = turns.len().saturating_sub(1);
        #[expect(
            clippy::indexing_slicing,
            reason = "there is a last turn: one was pushed if there was none"
        )]
        &mut turns[last]
    }

    fn system(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        for (index, part) in message.parts.iter().enumerate() {
            let is_instruction = match part {
                Part::Text { .. } => true,
                Part::Unknown { kind, .. } => kind == "tool_addition",
                _ => false,
            };
            if !is_instruction {
                return Err(unsupported_content(
                    format!("messages[{at}].content[{index}]"),
                    "System messages hold text only. Move other content to a user message.",
                ));
            }
        }
        let blocks = self.blocks(at, message)?;
        if blocks.is_empty() {
            return Ok(());
        }
        let Some(last) = self.conversation.turns.last() else {
            self.conversation.system.push(blocks);
            return Ok(());
        };
        // The API takes instructions in place only behind a user turn or tool results.
        let in_place = self.context.target.capabilities.mid_conversation_system
            && last.speaker != Speaker::Assistant
            && !self.pairing.is_waiting();
        if in_place {
            self.turn(Speaker::System, at).blocks.extend(blocks);
        } else {
            let folded = blocks.into_iter().map(marked_as_system);
            self.turn(Speaker::User, at).blocks.extend(folded);
        }
        Ok(())
    }

    fn user(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let blocks = self.blocks(at, message)?;
        self.turn(Speaker::User, at).blocks.extend(blocks);
        Ok(())
    }

    fn assistant(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        self.settle(at)?;
        let target = self.context.target;
        let blocks = assistant::blocks(
            message,
            at,
            target,
            self.names,
            &mut self.pairing,
            self.notes,
        )?;
        if !blocks.is_empty() {
            self.turn(Speaker::Assistant, at).blocks.extend(blocks);
        }
        Ok(())
    }

    fn tool(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let given = message.tool_call_id.as_deref();
        let Some((rank, id)) = self.pairing.result(given, message.name.as_deref()) else {
            if self.context.target.policy.repair_orphans {
                self.notes.forget("messages[].tool_call_id");
                return Ok(());
            }
            return Err(EncodeError::new(
                EncodeErrorCode::UnpairedToolCall,
                format!("messages[{at}].tool_call_id"),
                format!(
                    "The tool result `{}` answers no call of the assistant message before it. \
                     Send it right after the message that made the call.",
                    given.unwrap_or_default()
                ),
            ));
        };
        let content = self.parts(at, message)?;
        let mut block = json!({"type": "tool_result", "tool_use_id": id});
        if let Some(object) = block.as_object_mut() {
            if !content.is_empty() {
                object.insert("content".to_owned(), plain_or_blocks(content));
            }
            if message.is_error {
                object.insert("is_error".to_owned(), true.into());
            }
        }
        self.mark(&mut block, message)?;
        self.turn(Speaker::User, at).results.push((rank, block));
        Ok(())
    }

    /// Before the next assistant turn or the end: every call must have its result.
    fn settle(&mut self, at: usize) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        let missing = self.pairing.settle(repair, self.notes)?;
        if !missing.is_empty() {
            let results = missing.into_iter().map(|Unanswered { rank, wire }| {
                let result = json!({
                    "type": "tool_result",
                    "tool_use_id": wire,
                    "content": NO_RESULT,
                    "is_error": true,
                });
                (rank, result)
            });
            self.turn(Speaker::User, at).results.extend(results);
        }
        Ok(())
    }

    /// The parts of a message, with the mark of the message on the last one.
    fn blocks(&mut self, at: usize, message: &Message) -> Result<Vec<Value>, EncodeError> {
        let mut blocks = self.parts(at, message)?;
        if let Some(last) = blocks.last_mut() {
            self.mark(last, message)?;
        }
        Ok(blocks)
    }

    fn parts(&mut self, at: usize, message: &Message) -> Result<Vec<Value>, EncodeError> {
        let mut blocks = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            let place = format!("messages[{at}].content[{index}]");
            blocks.extend(content::block(part, &place, self.context, self.notes)?);
        }
        Ok(blocks)
    }

    fn mark(&mut self, block: &mut Value, message: &Message) -> Result<(), EncodeError> {
        let field = "messages[].cache_control";
        let target = self.context.target;
        mark(
            block,
            message.cache_control.as_ref(),
            field,
            target,
            self.notes,
        )
    }
}

/// One unmarked text block is sent as a string, as most callers write it.
fn plain_or_blocks(blocks: Vec<Value>) -> Value {
    if let [Value::Object(only)] = blocks.as_slice()
        && only.len() == 2
        && only.get("type").and_then(Value::as_str) == Some("text")
        && let Some(text) = only.get("text")
    {
        return text.clone();
    }
    Value::Array(blocks)
}

/// An instruction inside a user turn, marked as what it is.
fn marked_as_system(mut block: Value) -> Value {
    if let Some(text) = block.get_mut("text") {
        let said = text.as_str().unwrap_or_default();
        *text = format!("<system>\n{said}\n</system>").into();
    }
    block
}
