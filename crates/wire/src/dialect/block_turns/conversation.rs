//! The turns of a request and the instructions before them, until they are written.

use std::marker::PhantomData;

use serde_json::{Value, json};

use super::BlockForm;
use crate::error::EncodeError;
use crate::notes::{Notes, invalid, unsupported};
use crate::turn_text::{CONTINUE, OPENING};

/// Who speaks a turn on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    User,
    Assistant,
    System,
}

/// One entry of the wire's `messages`.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) speaker: Speaker,
    /// Index of the request's message that began it.
    at: usize,
    /// Tool results with the ranks of their calls: nothing may stand before them. A mark that is a
    /// block has the rank of its result.
    pub(super) results: Vec<(usize, Value)>,
    pub(super) blocks: Vec<Value>,
}

/// System blocks and turns.
#[derive(Debug)]
pub(in crate::dialect) struct Conversation<F> {
    /// Blocks of the leading system messages, a list a message.
    pub(super) system: Vec<Vec<Value>>,
    pub(super) turns: Vec<Turn>,
    form: PhantomData<F>,
}

impl Turn {
    pub(super) const fn new(speaker: Speaker, at: usize) -> Self {
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

    /// White space at the end of a prefill is refused by the APIs.
    fn trim_end(&mut self) {
        if let Some(text) = self.blocks.last_mut().and_then(|last| last.get_mut("text")) {
            let trimmed = text.as_str().unwrap_or_default().trim_end().to_owned();
            *text = trimmed.into();
        }
    }

    fn into_wire<F: BlockForm>(mut self) -> Value {
        let role = match self.speaker {
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::System => "system",
        };
        // In the order of the calls, so that tools that end in another order change no byte.
        self.results.sort_by_key(|(rank, _)| *rank);
        let mut content: Vec<Value> = self.results.into_iter().map(|(_, block)| block).collect();
        content.extend(self.blocks);
        json!({"role": role, "content": F::content(content)})
    }
}

impl<F: BlockForm> Conversation<F> {
    pub(super) const fn new() -> Self {
        Self {
            system: Vec::new(),
            turns: Vec::new(),
            form: PhantomData,
        }
    }

    /// The last turn if that speaker has it, else a new one: the APIs want speakers to alternate.
    pub(super) fn turn(&mut self, speaker: Speaker, at: usize) -> &mut Turn {
        let last = self.turns.pop_if(|turn| turn.speaker == speaker);
        let turn = last.unwrap_or_else(|| Turn::new(speaker, at));
        self.turns.push_mut(turn)
    }

    /// Adds lines of ours at the end of the instructions.
    pub(in crate::dialect) fn instruct(&mut self, lines: [Option<&str>; 2]) {
        let blocks = lines.into_iter().flatten().map(F::text);
        self.system.extend(blocks.map(|block| vec![block]));
    }

    /// The wire's `system`, as blocks, and `messages`.
    pub(in crate::dialect) fn into_wire(self) -> (Vec<Value>, Vec<Value>) {
        (
            self.system.into_iter().flatten().collect(),
            self.turns.into_iter().map(Turn::into_wire::<F>).collect(),
        )
    }

    /// Whether calls or results stand anywhere; `is_tool` knows them among the blocks of a turn.
    pub(in crate::dialect) fn speaks_of_tools(&self, is_tool: impl Fn(&Value) -> bool) -> bool {
        self.turns
            .iter()
            .any(|turn| !turn.results.is_empty() || turn.blocks.iter().any(&is_tool))
    }

    /// Whether the conversation stands inside a tool loop whose assistant turn does not begin with
    /// a thought: with a thinking budget Claude refuses it ("Expected `thinking`…").
    pub(in crate::dialect) fn loop_lacks_thinking(&self) -> bool {
        let asked = self
            .turns
            .iter()
            .rposition(|turn| turn.speaker == Speaker::Assistant);
        let Some((call, answers)) = asked.and_then(|at| self.turns.get(at..)?.split_first()) else {
            return false;
        };
        answers.iter().any(|turn| !turn.results.is_empty())
            && !call.blocks.first().is_some_and(F::is_thought)
    }

    /// Where the conversation ends with text of the assistant that the model is to continue: lets
    /// it, or asks it to in a user turn, or refuses.
    pub(in crate::dialect) fn settle_prefill(
        &mut self,
        taken: bool,
        rewrite: bool,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        let Some(last) = self.turns.last_mut().filter(|last| {
            last.speaker == Speaker::Assistant && last.blocks.last().is_some_and(F::ends_prefill)
        }) else {
            return Ok(());
        };
        if taken {
            last.trim_end();
            return Ok(());
        }
        let at = last.at;
        if !rewrite {
            return Err(unsupported(
                format!("messages[{at}]"),
                "This model does not continue a trailing assistant message. End the conversation \
                 with a user message.",
            ));
        }
        self.turn(Speaker::User, at).blocks.push(F::text(CONTINUE));
        notes.change("messages[]", "continue_request_added");
        Ok(())
    }

    /// All messages are there: the first turn must be the user's, and none empty.
    pub(super) fn close(&mut self, notes: &mut Notes) -> Result<(), EncodeError> {
        self.start_with_user(notes)?;
        if let Some(empty) = self.turns.iter().find(|turn| turn.is_empty()) {
            return Err(invalid(
                format!("messages[{}].content", empty.at),
                "The user message is empty. Send text, or leave the message out.",
            ));
        }
        for turn in &mut self.turns {
            F::complete(&mut turn.blocks, notes);
        }
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
            self.turn(Speaker::User, 0).blocks = blocks;
            notes.change("messages[].role", "user");
        } else if let Some(first) = self.turns.first()
            && first.speaker == Speaker::Assistant
        {
            let mut turn = Turn::new(Speaker::User, first.at);
            turn.blocks.push(F::text(OPENING));
            self.turns.insert(0, turn);
            notes.change("messages[]", "user_turn_added");
        }
        Ok(())
    }
}
