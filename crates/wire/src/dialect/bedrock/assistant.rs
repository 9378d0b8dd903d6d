//! An assistant turn of the history: text, calls, and Bedrock's own blocks put back where they
//! stood.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::ISSUER;
use super::content::{mark, text_block};
use super::id::vendor;
use crate::adapter::Target;
use crate::chat::{Message, ProviderBlock, ToolCall};
use crate::error::EncodeError;
use crate::function;
use crate::names::NameMap;
use crate::notes::Notes;
use crate::pairing::Pairing;
use crate::turn_text::TurnText;

/// What the API calls a tool that the provider runs.
pub(super) const SERVER_TOOL: &str = "server_tool_use";

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
        text: TurnText::read(message, at, "a Bedrock model", notes)?,
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
        .filter(|block| block.issuer == ISSUER && is_sendable(block, target))
        .collect();
    own.sort_by_key(|block| block.index);
    for block in own {
        builder.replay(block)?;
    }
    builder.text_up_to(usize::MAX)?;
    builder.calls_up_to(usize::MAX);
    let mut out = text_before_calls(builder.out);
    // A mark may not follow a thought.
    if out.last().is_some_and(|last| !is_thought(last)) {
        let field = "messages[].cache_control";
        mark(
            &mut out,
            message.cache_control.as_ref(),
            field,
            target,
            notes,
        )?;
    }
    Ok(out)
}

/// Reasoning, open or redacted.
pub(super) fn is_thought(block: &Value) -> bool {
    block.get("reasoningContent").is_some()
}

/// A call that the caller runs.
fn is_client_call(block: &Value) -> bool {
    block
        .get("toolUse")
        .is_some_and(|call| call.get("type").and_then(Value::as_str) != Some(SERVER_TOOL))
}

/// Text must stand before the calls of a turn (wire-protocols §7); all else keeps its order.
fn text_before_calls(blocks: Vec<Value>) -> Vec<Value> {
    let Some(first) = blocks.iter().position(is_client_call) else {
        return blocks;
    };
    let mut rest = blocks;
    let mut out: Vec<Value> = rest.drain(..first).collect();
    let (texts, others): (Vec<Value>, Vec<Value>) = rest
        .into_iter()
        .partition(|block| block.get("text").is_some());
    out.extend(texts);
    out.extend(others);
    out
}

/// Whether a block may go to this model as it is: the caller could have made it up, and a vendor
/// can't read what another's model wrote.
fn is_sendable(block: &ProviderBlock, target: &Target) -> bool {
    let same_vendor = match (vendor(&block.model), vendor(&target.model)) {
        (Some(issuer), Some(reader)) => issuer == reader,
        _ => true,
    };
    let filled = |path: &str| {
        let text = block.block.pointer(path).and_then(Value::as_str);
        text.is_some_and(|text| !text.is_empty())
    };
    let Some(kind) = block
        .block
        .as_object()
        .and_then(|block| block.keys().next())
    else {
        return false;
    };
    same_vendor
        && match kind.as_str() {
            // Reasoning without a signature was never bound to anything; it is readable elsewhere.
            "reasoningContent" => {
                filled("/reasoningContent/reasoningText/signature")
                    || filled("/reasoningContent/redactedContent")
            }
            "text" | "citationsContent" => block.span.text_len > 0,
            "toolUse" => !is_client_call(&block.block),
            "toolResult" => true,
            _ => false,
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
        // The caller may have edited the text: then the text counts and the block is void.
        if block.span.text_len == 0 || self.text.skip(&said(&block.block)) {
            self.out.push(block.block.clone());
        }
        Ok(())
    }

    fn text_up_to(&mut self, chars: usize) -> Result<(), EncodeError> {
        while let Some((text, cache_control)) = self.text.next_before(chars) {
            let Some(block) = text_block(text) else {
                continue;
            };
            self.out.push(block);
            let field = "messages[].content[].cache_control";
            mark(&mut self.out, cache_control, field, self.target, self.notes)?;
        }
        Ok(())
    }

    fn calls_up_to(&mut self, calls: usize) {
        while self.calls_done < calls {
            let Some((call, wire)) = self.calls.pop_front() else {
                return;
            };
            let input = function::object_arguments(call, self.notes);
            self.out.push(json!({"toolUse": {
                "toolUseId": wire,
                "name": self.names.to_wire(&call.name),
                "input": input,
            }}));
            self.calls_done += 1;
        }
    }
}

/// The content text that a block itself carries.
fn said(block: &Value) -> String {
    if let Some(text) = block.get("text").and_then(Value::as_str) {
        return text.to_owned();
    }
    let content = block.pointer("/citationsContent/content");
    let pieces = content.and_then(Value::as_array).into_iter().flatten();
    pieces
        .filter_map(|piece| piece.get("text").and_then(Value::as_str))
        .collect()
}
