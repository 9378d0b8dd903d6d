//! An assistant turn of the history: text, calls, and the API's own blocks put back where they
//! stood.

use std::collections::VecDeque;

use serde_json::Value;

use super::BlockForm;
use super::builder::MESSAGE_MARK;
use crate::adapter::Target;
use crate::chat::{CacheControl, Message, ProviderBlock, ToolCall};
use crate::error::EncodeError;
use crate::function;
use crate::names::NameMap;
use crate::notes::Notes;
use crate::pairing::Pairing;
use crate::turn_text::TurnText;

/// The blocks of one assistant message; empty if it says nothing.
pub(super) fn blocks<F: BlockForm>(
    message: &Message,
    at: usize,
    target: &Target,
    names: &NameMap,
    pairing: &mut Pairing,
    notes: &mut Notes,
) -> Result<Vec<Value>, EncodeError> {
    let mut replay = Replay {
        text: TurnText::read(message, at, F::RECIPIENT, notes)?,
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
        .filter(|block| block.issuer == F::ISSUER && F::is_sendable(block, target))
        .collect();
    own.sort_by_key(|block| block.index);
    for block in own {
        replay.own::<F>(block)?;
    }
    replay.text_up_to::<F>(usize::MAX)?;
    replay.calls_up_to::<F>(usize::MAX);
    let mut out = F::arranged(replay.out);
    let mark = message.cache_control.as_ref();
    F::mark_turn(&mut out, mark, MESSAGE_MARK, target, notes)?;
    Ok(out)
}

/// The turn as far as it is out, and what of it is left.
struct Replay<'a> {
    text: TurnText<'a, Option<&'a CacheControl>>,
    /// Calls that are not out yet, with their wire ids.
    calls: VecDeque<(&'a ToolCall, String)>,
    calls_done: usize,
    out: Vec<Value>,
    target: &'a Target,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Replay<'_> {
    /// Puts a block back at its place: after the text and the calls that stood before it.
    fn own<F: BlockForm>(&mut self, block: &ProviderBlock) -> Result<(), EncodeError> {
        self.text_up_to::<F>(block.span.text)?;
        self.calls_up_to::<F>(block.span.calls);
        let own = &block.block;
        if block.span.call_len > 0
            && let Some(key) = F::CALL_ID
        {
            self.own_call(own, key);
        } else if block.span.text_len == 0
            // The caller may have edited the text: then the text counts and the block is void.
            || F::text_of(own).is_some_and(|text| self.text.skip(&text))
        {
            self.out.push(own.clone());
        }
        Ok(())
    }

    /// A block that is the next call, under the id that the call has on the wire.
    fn own_call(&mut self, own: &Value, key: &str) {
        let id = own.get(key).and_then(Value::as_str);
        let next = self
            .calls
            .pop_front_if(|(call, _)| Some(call.id.as_str()) == id);
        if let Some((_, wire)) = next {
            let mut block = own.clone();
            if let Some(id) = block.get_mut(key) {
                *id = wire.into();
            }
            self.out.push(block);
            self.calls_done += 1;
        }
    }

    fn text_up_to<F: BlockForm>(&mut self, chars: usize) -> Result<(), EncodeError> {
        while let Some((text, mark)) = self.text.next_before(chars) {
            let Some(block) = F::said(text) else {
                continue;
            };
            self.out.push(block);
            let field = "messages[].content[].cache_control";
            F::mark(&mut self.out, mark, field, self.target, self.notes)?;
        }
        Ok(())
    }

    fn calls_up_to<F: BlockForm>(&mut self, calls: usize) {
        while self.calls_done < calls {
            let Some((call, wire)) = self.calls.pop_front() else {
                return;
            };
            let input = function::object_arguments(call, self.notes);
            self.out
                .push(F::call(&wire, self.names.to_wire(&call.name), input));
            self.calls_done += 1;
        }
    }
}
