//! What Anthropic Messages and Bedrock Converse share: a request whose turns are lists of typed
//! blocks (wire-protocols §5, §7).
//!
//! [`build`] makes the turns, [`tools`] the definitions. What differs is a [`BlockForm`]: how a block
//! is written, and what may stand in it.

mod assistant;
mod builder;
mod conversation;
pub(super) mod tools;

use std::borrow::Cow;

use serde_json::Value;

pub(super) use builder::build;
pub(super) use conversation::Conversation;

use crate::adapter::Target;
use crate::chat::{CacheControl, Message, Part, ProviderBlock};
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::notes::Notes;
use crate::pairing::IdRule;

/// What turning parts into blocks depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) target: &'a Target,
    pub(super) media: &'a MediaStore,
}

/// A tool result as blocks.
#[derive(Debug)]
pub(super) struct ToolResult<'m> {
    /// The result itself.
    pub(super) block: Value,
    /// The prompt-cache mark that it gets.
    pub(super) mark: Option<&'m CacheControl>,
    /// Media that has no place inside: it follows the whole group of results.
    pub(super) after: Vec<Value>,
}

/// How one API writes blocks. A value of it lives as long as one request is built.
pub(super) trait BlockForm: Default {
    /// The name under which its own blocks travel.
    const ISSUER: &'static str;
    /// Who is sent the blocks, as in "can't be sent to a Bedrock model".
    const RECIPIENT: &'static str;
    /// Ids that calls may have.
    const CALL_IDS: IdRule;
    /// Part types of the API's own that may stand among instructions.
    const SYSTEM_PARTS: &'static [&'static str];
    /// The member with the id in an own block that stands for a call of the caller's; `None` where
    /// no own block does.
    const CALL_ID: Option<&'static str> = None;

    /// A text block.
    fn text(text: &str) -> Value;

    /// A text block; `None` for text of nothing but white space, which the APIs refuse as a block.
    fn said(text: &str) -> Option<Value> {
        (!text.trim().is_empty()).then(|| Self::text(text))
    }

    /// A call that the caller runs.
    fn call(id: &str, name: &str, input: Value) -> Value;

    /// Whether it is reasoning, open or redacted.
    fn is_thought(block: &Value) -> bool;

    /// Whether a turn of the assistant's that ends so is to be continued. One that ends with a
    /// server tool's block is a paused one and may always go on.
    fn ends_prefill(block: &Value) -> bool;

    /// Gives the last block a prompt-cache mark, or names the mark as dropped.
    ///
    /// # Errors
    /// Under `strict_params`, a mark that can't be sent.
    fn mark(
        blocks: &mut Vec<Value>,
        mark: Option<&CacheControl>,
        field: &str,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError>;

    /// Gives an assistant turn the mark of its message: no thought may have one.
    ///
    /// # Errors
    /// As of [`BlockForm::mark`].
    fn mark_turn(
        blocks: &mut Vec<Value>,
        mark: Option<&CacheControl>,
        field: &str,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError>;

    /// Appends one part of a message, with its mark. `at` is its place for errors.
    ///
    /// # Errors
    /// Content that can't be sent.
    fn push(
        &mut self,
        part: &Part,
        at: &str,
        context: Context<'_>,
        blocks: &mut Vec<Value>,
        notes: &mut Notes,
    ) -> Result<(), EncodeError>;

    /// All parts of a message, without the mark of the message.
    ///
    /// # Errors
    /// As of [`BlockForm::push`].
    fn parts(
        &mut self,
        message: &Message,
        at: usize,
        context: Context<'_>,
        notes: &mut Notes,
    ) -> Result<Vec<Value>, EncodeError> {
        let mut blocks = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            // Words are never refused: they need no place.
            let place = match part {
                Part::Text { .. } | Part::Refusal { .. } => String::new(),
                _ => format!("messages[{at}].content[{index}]"),
            };
            self.push(part, &place, context, &mut blocks, notes)?;
        }
        Ok(blocks)
    }

    /// The result of the call with that id.
    ///
    /// # Errors
    /// As of [`BlockForm::push`].
    fn result<'m>(
        &mut self,
        message: &'m Message,
        at: usize,
        id: &str,
        context: Context<'_>,
        notes: &mut Notes,
    ) -> Result<ToolResult<'m>, EncodeError>;

    /// The error that stands for the result of a call that was given none.
    fn no_result(id: &str, context: Context<'_>) -> Value;

    /// Whether one of its own blocks may stand in a turn as it is: the caller could have made it up.
    fn is_sendable(block: &ProviderBlock, target: &Target) -> bool;

    /// The text of the turn that an own block carries.
    fn text_of(block: &Value) -> Option<Cow<'_, str>>;

    /// Puts the blocks of an assistant turn into the order that the API wants.
    fn arranged(blocks: Vec<Value>) -> Vec<Value> {
        blocks
    }

    /// Adds what the API misses in a turn whose blocks these are.
    fn complete(_blocks: &mut Vec<Value>, _notes: &mut Notes) {}

    /// The content of a turn.
    fn content(blocks: Vec<Value>) -> Value {
        Value::Array(blocks)
    }

    /// A tool that the caller runs.
    fn tool(name: &str, description: Option<&str>, schema: Value, is_strict: bool) -> Value;

    /// A tool of the API's own, as the caller gave it.
    ///
    /// # Errors
    /// A tool of another API.
    fn native_tool(
        kind: &str,
        value: &Value,
        index: usize,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<Value, EncodeError>;
}

/// Names the detail of a picture, which the APIs have no setting for.
///
/// # Errors
/// Under `strict_params`.
pub(super) fn no_detail(detail: Option<&str>, notes: &mut Notes) -> Result<(), EncodeError> {
    if detail.is_some_and(|detail| detail != "auto") {
        notes.drop(
            "messages[].content[].image_url.detail",
            "the API has no such setting",
        )?;
    }
    Ok(())
}
