//! Makes the turns of a request: roles merged, results first, instructions at their place
//! (wire-protocols §5).

use serde_json::Value;

use super::conversation::{Conversation, Speaker};
use super::{BlockForm, Context, ToolResult, assistant};
use crate::chat::{ChatRequest, Message, Part, Role};
use crate::error::EncodeError;
use crate::names::NameMap;
use crate::notes::{Notes, unsupported_content};
use crate::pairing::{Pairing, Unanswered};

/// The mark of a message as a whole.
pub(super) const MESSAGE_MARK: &str = "messages[].cache_control";

/// Builds the turns of a request.
///
/// # Errors
/// What the target can't be sent, by its place in the request.
pub(in crate::dialect) fn build<F: BlockForm>(
    request: &ChatRequest,
    context: Context<'_>,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Conversation<F>, EncodeError> {
    let mut builder = Builder {
        conversation: Conversation::new(),
        pairing: Pairing::new(F::CALL_IDS),
        form: F::default(),
        context,
        names,
        notes,
    };
    for (at, message) in request.messages.iter().enumerate() {
        builder.take(at, message)?;
    }
    builder.settle(request.messages.len())?;
    let mut conversation = builder.conversation;
    conversation.close(notes)?;
    Ok(conversation)
}

struct Builder<'a, F> {
    conversation: Conversation<F>,
    pairing: Pairing,
    form: F,
    context: Context<'a>,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl<F: BlockForm> Builder<'_, F> {
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

    fn system(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        for (index, part) in message.parts.iter().enumerate() {
            let is_instruction = match part {
                Part::Text { .. } => true,
                Part::Unknown { kind, .. } => F::SYSTEM_PARTS.contains(&kind.as_str()),
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
        // The APIs take instructions in place only behind a user turn or tool results.
        let in_place = self.context.target.capabilities.mid_conversation_system
            && last.speaker != Speaker::Assistant
            && !self.pairing.is_waiting();
        if in_place {
            let turn = self.conversation.turn(Speaker::System, at);
            turn.blocks.extend(blocks);
        } else {
            let turn = self.conversation.turn(Speaker::User, at);
            turn.blocks.extend(blocks.into_iter().map(marked_as_system));
        }
        Ok(())
    }

    fn user(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let blocks = self.blocks(at, message)?;
        let turn = self.conversation.turn(Speaker::User, at);
        turn.blocks.extend(blocks);
        Ok(())
    }

    fn assistant(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        self.settle(at)?;
        let target = self.context.target;
        let pairing = &mut self.pairing;
        let blocks = assistant::blocks::<F>(message, at, target, self.names, pairing, self.notes)?;
        if !blocks.is_empty() {
            let turn = self.conversation.turn(Speaker::Assistant, at);
            turn.blocks.extend(blocks);
        }
        Ok(())
    }

    fn tool(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let target = self.context.target;
        let repair = target.policy.repair_orphans;
        let Some((rank, id)) = self.pairing.answered(at, message, repair, self.notes)? else {
            return Ok(());
        };
        let ToolResult { block, mark, after } =
            self.form
                .result(message, at, &id, self.context, self.notes)?;
        let mut blocks = vec![block];
        F::mark(&mut blocks, mark, MESSAGE_MARK, target, self.notes)?;
        let turn = self.conversation.turn(Speaker::User, at);
        turn.results
            .extend(blocks.into_iter().map(|block| (rank, block)));
        turn.blocks.extend(after);
        Ok(())
    }

    /// Before the next assistant turn or the end: every call must have its result.
    fn settle(&mut self, at: usize) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        for Unanswered { rank, wire } in self.pairing.settle(repair, self.notes)? {
            let result = F::no_result(&wire, self.context);
            let turn = self.conversation.turn(Speaker::User, at);
            turn.results.push((rank, result));
        }
        Ok(())
    }

    /// The parts of a message, the last with the mark of the message.
    fn blocks(&mut self, at: usize, message: &Message) -> Result<Vec<Value>, EncodeError> {
        let mut blocks = self.form.parts(message, at, self.context, self.notes)?;
        let mark = message.cache_control.as_ref();
        let target = self.context.target;
        F::mark(&mut blocks, mark, MESSAGE_MARK, target, self.notes)?;
        Ok(blocks)
    }
}

/// An instruction inside a user turn, marked as what it is.
fn marked_as_system(mut block: Value) -> Value {
    if let Some(text) = block.get_mut("text") {
        let said = text.as_str().unwrap_or_default();
        *text = format!("<system>\n{said}\n</system>").into();
    }
    block
}
