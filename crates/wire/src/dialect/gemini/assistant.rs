//! An assistant turn of the history: text, calls and opaque state in the order that they came in.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::read::{field, member};
use super::{ISSUER, contents::Context};
use crate::chat::{Message, Part, ProviderBlock, ToolCall};
use crate::error::EncodeError;
use crate::function::object_arguments;
use crate::notes::Notes;

/// What a call without its signature carries, base64 of `skip_thought_signature_validator`, where
/// the model insists on one (wire-protocols §9).
const SKIP_SIGNATURE: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// Parts of the turn; none if it says nothing.
pub(super) fn parts(
    message: &Message,
    at: usize,
    context: &Context<'_>,
    notes: &mut Notes,
) -> Result<Vec<Value>, EncodeError> {
    if message.reasoning.is_some() {
        notes.forget("messages[].reasoning_content");
    }
    if message.blocks.iter().any(|block| block.issuer != ISSUER) {
        notes.forget("messages[].provider_blocks");
    }
    let mut turn = Turn {
        text: message.text().chars().collect(),
        calls: &message.tool_calls,
        pictures: pictures(message, at, context)?,
        text_at: 0,
        call_at: 0,
        parts: Vec::new(),
    };
    let mut blocks: Vec<&ProviderBlock> = message
        .blocks
        .iter()
        .filter(|block| block.issuer == ISSUER)
        .collect();
    // Blocks read from `extra_content` come after the others; places decide.
    blocks.sort_by_key(|block| (block.span.calls, block.span.text));
    for block in blocks {
        turn.block(block, context, notes);
    }
    turn.text_until(usize::MAX);
    turn.calls_until(usize::MAX, context, notes);
    let pictures = std::mem::take(&mut turn.pictures);
    turn.parts.extend(pictures);
    if context.needs_signatures {
        sign_first_call(&mut turn.parts);
    }
    Ok(turn.parts)
}

struct Turn<'a> {
    text: Vec<char>,
    calls: &'a [ToolCall],
    pictures: VecDeque<Value>,
    text_at: usize,
    call_at: usize,
    parts: Vec<Value>,
}

impl Turn<'_> {
    fn block(&mut self, block: &ProviderBlock, context: &Context<'_>, notes: &mut Notes) {
        let Some(rest) = block.block.as_object() else {
            return;
        };
        let span = block.span;
        self.text_until(span.text);
        self.calls_until(span.calls, context, notes);
        if span.call_len > 0 {
            // Several blocks may speak of one call; the first that stands there has taken it.
            if self.call_at == span.calls {
                self.call(Some(rest), context, notes);
            }
        } else if span.text_len > 0 {
            let text = self.take_text(span.text_len);
            self.parts.push(with_data("text", text.into(), rest));
        } else if let Some(inline) = member(rest, "inlineData")
            && inline.get("data").is_none()
        {
            // The picture itself comes back as a part of the message, or not at all.
            if let Some(mut picture) = self.pictures.pop_front() {
                if let (Some(signature), Some(picture)) =
                    (member(rest, "thoughtSignature"), picture.as_object_mut())
                {
                    picture.insert("thoughtSignature".into(), signature.clone());
                }
                self.parts.push(picture);
            }
        } else if rest
            .values()
            .any(|value| value.is_object() || value.is_array())
            || rest.contains_key("text")
        {
            self.parts.push(block.block.clone());
        } else {
            // A signature that came with an empty text.
            self.parts.push(with_data("text", "".into(), rest));
        }
    }

    fn take_text(&mut self, length: usize) -> String {
        let text: String = self.text.iter().skip(self.text_at).take(length).collect();
        self.text_at = self.text_at.saturating_add(length).min(self.text.len());
        text
    }

    fn text_until(&mut self, position: usize) {
        let length = position.saturating_sub(self.text_at);
        let text = self.take_text(length);
        if !text.is_empty() {
            self.parts.push(json!({ "text": text }));
        }
    }

    fn calls_until(&mut self, position: usize, context: &Context<'_>, notes: &mut Notes) {
        while self.call_at < position && self.call_at < self.calls.len() {
            self.call(None, context, notes);
        }
    }

    fn call(
        &mut self,
        block: Option<&Map<String, Value>>,
        context: &Context<'_>,
        notes: &mut Notes,
    ) {
        let Some(call) = self.calls.get(self.call_at) else {
            return;
        };
        self.call_at += 1;
        let mut function = Map::new();
        if context.is_issued(&call.id) {
            function.insert("id".into(), call.id.clone().into());
        }
        function.insert("name".into(), context.names.to_wire(&call.name).into());
        function.insert("args".into(), object_arguments(call, notes));
        let empty = Map::new();
        let rest = block.unwrap_or(&empty);
        self.parts
            .push(with_data("functionCall", function.into(), rest));
    }
}

/// A part with that data and what stood beside it.
fn with_data(name: &str, data: Value, rest: &Map<String, Value>) -> Value {
    let mut part = Map::new();
    part.insert(name.into(), data);
    for (key, value) in rest {
        if key != "functionCall" && key != "function_call" {
            part.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    part.into()
}

fn pictures(
    message: &Message,
    at: usize,
    context: &Context<'_>,
) -> Result<VecDeque<Value>, EncodeError> {
    let mut out = VecDeque::new();
    for (part_at, part) in message.parts.iter().enumerate() {
        let param = format!("messages[{at}].content[{part_at}]");
        if let Part::Unknown { kind, .. } = part {
            return Err(super::contents::unknown_part(&param, kind));
        }
        out.extend(super::media::part(
            part,
            context.target,
            context.media,
            &param,
        )?);
    }
    Ok(out)
}

/// The first call of a step must carry a signature; one that was never issued, or was lost, is
/// replaced by the documented word. Every step gets it, not only those of the current turn, so that
/// a conversation's beginning stays the same bytes as it grows.
fn sign_first_call(parts: &mut [Value]) {
    let first = parts
        .iter_mut()
        .find(|part| field(part, "functionCall").is_some());
    if let Some(part) = first
        && field(part, "thoughtSignature").is_none()
        && let Some(part) = part.as_object_mut()
    {
        part.insert("thoughtSignature".into(), SKIP_SIGNATURE.into());
    }
}
