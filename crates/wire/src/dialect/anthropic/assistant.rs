//! An assistant turn of the history: text, calls, and our own blocks put back where they stood.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::ISSUER;
use super::block::is_direct;
use super::content::{mark, text_block};
use crate::adapter::Target;
use crate::chat::{Message, ProviderBlock, ToolCall};
use crate::error::EncodeError;
use crate::function;
use crate::names::NameMap;
use crate::notes::Notes;
use crate::pairing::Pairing;
use crate::turn_text::TurnText;

/// The blocks of one assistant message; empty if it says nothing.
pub(super) fn blocks(
    message: &Message,
    at: usize,
    target: &Target,
    names: &NameMap,
    pairing: &mut Pairing,
    notes: &mut Notes,
) -> Result<Vec<Value>, EncodeError> {
    let mut builder = Builder {
        text: TurnText::read(message, at, "an Anthropic model", notes)?,
        calls: message
            .tool_calls
            .iter()
            .enumerate()
            .map(|(index, call)| (call, pairing.call(&call.id, &call.name, at, index)))
            .collect(),
        calls_done: 0,
        out: Vec::new(),
        target,
        names,
        notes,
    };
    let mut own: Vec<&ProviderBlock> = message
        .blocks
        .iter()
        .filter(|block| block.issuer == ISSUER && is_sendable(block))
        .collect();
    own.sort_by_key(|block| block.index);
    for block in own {
        builder.replay(block)?;
    }
    builder.text_up_to(usize::MAX)?;
    builder.calls_up_to(usize::MAX);
    let mut out = builder.out;
    let markable = out.iter_mut().rev().find(|block| !is_thinking(block));
    if let Some(last) = markable {
        let field = "messages[].cache_control";
        mark(last, message.cache_control.as_ref(), field, target, notes)?;
    }
    Ok(out)
}

/// `thinking` or `redacted_thinking`.
pub(super) fn is_thinking(block: &Value) -> bool {
    matches!(
        block.get("type").and_then(Value::as_str),
        Some("thinking" | "redacted_thinking")
    )
}

/// Whether a block may stand in the turn as it is: the caller could have made it up.
fn is_sendable(block: &ProviderBlock) -> bool {
    let member = |key: &str| block.block.get(key).and_then(Value::as_str);
    match member("type") {
        // Thinking without a signature was never issued by the API, which would refuse it.
        Some("thinking") => member("signature").is_some_and(|signature| !signature.is_empty()),
        Some("text") => block.span.text_len > 0,
        // A call that the caller runs is in `tool_calls`; others say who called.
        Some("tool_use") => block.span.call_len > 0 || !is_direct(&block.block),
        Some("tool_result") | None => false,
        Some(_) => true,
    }
}

struct Builder<'a> {
    text: TurnText<'a>,
    /// Calls that are not out yet, with their wire ids.
    calls: VecDeque<(&'a ToolCall, String)>,
    calls_done: usize,
    out: Vec<Value>,
    target: &'a Target,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Builder<'_> {
    /// Puts a block back at its place: after the text and the calls that stood before it.
    fn replay(&mut self, block: &ProviderBlock) -> Result<(), EncodeError> {
        self.text_up_to(block.span.text)?;
        self.calls_up_to(block.span.calls);
        if block.span.call_len > 0 {
            self.replay_call(block);
        } else if block.span.text_len > 0 {
            let said = block.block.get("text").and_then(Value::as_str);
            // The caller may have edited the text: then the text counts and the block is void.
            if said.is_some_and(|said| self.text.skip(said)) {
                self.out.push(block.block.clone());
            }
        } else {
            self.out.push(block.block.clone());
        }
        Ok(())
    }

    fn replay_call(&mut self, block: &ProviderBlock) {
        let id = block.block.get("id").and_then(Value::as_str);
        let is_next = self
            .calls
            .front()
            .is_some_and(|(call, _)| Some(call.id.as_str()) == id);
        if !is_next {
            return;
        }
        if let Some((_, wire)) = self.calls.pop_front() {
            let mut block = block.block.clone();
            if let Some(id) = block.get_mut("id") {
                *id = wire.into();
            }
            self.out.push(block);
            self.calls_done += 1;
        }
    }

    fn text_up_to(&mut self, chars: usize) -> Result<(), EncodeError> {
        while let Some((text, cache_control)) = self.text.next_before(chars) {
            let Some(mut block) = text_block(text) else {
                continue;
            };
            let field = "messages[].content[].cache_control";
            mark(&mut block, cache_control, field, self.target, self.notes)?;
            self.out.push(block);
        }
        Ok(())
    }

    fn calls_up_to(&mut self, calls: usize) {
        while self.calls_done < calls {
            let Some((call, wire)) = self.calls.pop_front() else {
                return;
            };
            let input = function::object_arguments(call, self.notes);
            self.out.push(json!({
                "type": "tool_use",
                "id": wire,
                "name": self.names.to_wire(&call.name),
                "input": input,
            }));
            self.calls_done += 1;
        }
    }
}
