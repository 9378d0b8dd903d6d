//! An assistant turn of the history: text, calls, and our own blocks put back where they stood.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::ISSUER;
use super::block::is_direct;
use super::content::{mark, text_block};
use crate::adapter::Target;
use crate::chat::{CacheControl, Message, Part, ProviderBlock, ToolCall};
use crate::error::EncodeError;
use crate::names::NameMap;
use crate::notes::{Notes, unsupported_content};
use crate::pairing::Pairing;

/// Part types in which other providers carry reasoning.
const FOREIGN_REASONING: [&str; 2] = ["thinking", "reasoning"];

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
        text: Text::read(message, at, notes)?,
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
    text: Text<'a>,
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
            let input = input(call, self.notes);
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

/// The arguments as the object that the API wants.
fn input(call: &ToolCall, notes: &mut Notes) -> Value {
    if call.custom {
        return json!({ "input": call.arguments });
    }
    if call.arguments.trim().is_empty() {
        return Value::Object(Map::new());
    }
    match serde_json::from_str(&call.arguments) {
        Ok(Value::Object(input)) => Value::Object(input),
        _ => {
            notes.change("messages[].tool_calls[].function.arguments", "_raw");
            json!({ "_raw": call.arguments })
        }
    }
}

/// The turn's text as it is used up from the front.
struct Text<'a> {
    parts: VecDeque<(&'a str, Option<&'a CacheControl>)>,
    /// Characters used up.
    chars: usize,
}

impl<'a> Text<'a> {
    fn read(message: &'a Message, at: usize, notes: &mut Notes) -> Result<Self, EncodeError> {
        let mut parts = VecDeque::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            match part {
                Part::Text {
                    text,
                    cache_control,
                } => parts.push_back((text.as_str(), cache_control.as_ref())),
                Part::Refusal { text } => parts.push_back((text.as_str(), None)),
                // Another provider's reasoning: worth nothing here, and the turn is whole
                // without it.
                Part::Unknown { kind, .. } if FOREIGN_REASONING.contains(&kind.as_str()) => {
                    notes.drop(
                        &format!("messages[].content[].{kind}"),
                        "only its issuer can read it",
                    )?;
                }
                _ => {
                    return Err(unsupported_content(
                        format!("messages[{at}].content[{index}]"),
                        "Assistant messages to an Anthropic model hold text and tool calls only. \
                         Move other content to a user message.",
                    ));
                }
            }
        }
        Ok(Self { parts, chars: 0 })
    }

    /// The next run of text that stands before that many characters of the turn's text.
    fn next_before(&mut self, chars: usize) -> Option<(&'a str, Option<&'a CacheControl>)> {
        let wanted = chars.checked_sub(self.chars).filter(|left| *left > 0)?;
        let (text, mark) = self.parts.pop_front()?;
        let cut = text.char_indices().nth(wanted).map(|(byte, _)| byte);
        let (head, rest) = cut
            .and_then(|cut| text.split_at_checked(cut))
            .unwrap_or((text, ""));
        if !rest.is_empty() {
            self.parts.push_front((rest, mark));
        }
        self.chars += head.chars().count();
        Some((head, mark))
    }

    /// Uses up `said` if the text goes on with exactly that.
    fn skip(&mut self, said: &str) -> bool {
        let mut left = said;
        for (text, _) in &self.parts {
            if let Some(rest) = left.strip_prefix(text) {
                left = rest;
            } else if text.starts_with(left) {
                left = "";
            } else {
                return false;
            }
            if left.is_empty() {
                break;
            }
        }
        if !left.is_empty() {
            return false;
        }
        let end = self.chars + said.chars().count();
        while self.next_before(end).is_some() {}
        true
    }
}
