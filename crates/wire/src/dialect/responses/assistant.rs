//! A turn of the model in the history: text, calls, and the provider's own items put back where
//! they stood (wire-protocols §2.2, §9).

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::item::text_of;
use super::{issuer, tools};
use crate::adapter::Target;
use crate::capability::Reasoning;
use crate::chat::{Message, Part, ProviderBlock, ToolCall};
use crate::error::EncodeError;
use crate::names::NameMap;
use crate::notes::{Notes, unsupported_content};
use crate::turn_text::{TurnText, leave_out_reasoning};

/// Items that wait for an answer which chat completions have no words for: sent back without it,
/// they are refused.
const UNANSWERABLE: [&str; 6] = [
    "apply_patch_call",
    "computer_call",
    "local_shell_call",
    "mcp_approval_request",
    "shell_call",
    "tool_search_call",
];

/// One turn, its calls with their wire ids.
pub(super) struct Turn<'a> {
    pub(super) message: &'a Message,
    pub(super) at: usize,
    pub(super) calls: Vec<(&'a ToolCall, String)>,
    pub(super) target: &'a Target,
    pub(super) names: &'a NameMap,
}

impl Turn<'_> {
    /// Its items; none if it says nothing.
    pub(super) fn items(self, notes: &mut Notes) -> Result<Vec<Value>, EncodeError> {
        let issuer = issuer(&self.target.endpoint.provider);
        let mut own: Vec<&ProviderBlock> = self
            .message
            .blocks
            .iter()
            .filter(|block| block.issuer == issuer && is_sendable(&block.block, self.target))
            .collect();
        own.sort_by_key(|block| block.index);
        let thought = |block: &&ProviderBlock| text_of(&block.block, "type") == "reasoning";
        if self.message.reasoning.is_some() && !own.iter().any(thought) {
            notes.forget("messages[].reasoning_content");
        }
        if self
            .message
            .blocks
            .iter()
            .any(|block| block.issuer != issuer)
        {
            notes.forget("messages[].provider_blocks");
        }
        let mut builder = Builder {
            text: text(self.message, self.at, notes)?,
            calls: self.calls.into(),
            calls_done: 0,
            out: Vec::new(),
            target: self.target,
            names: self.names,
        };
        for block in own {
            builder.replay(block);
        }
        builder.text_up_to(usize::MAX, None);
        builder.calls_up_to(usize::MAX);
        let mut out = builder.out;
        // A reasoning item without what it led to is refused.
        while out
            .last()
            .is_some_and(|item| text_of(item, "type") == "reasoning")
        {
            out.pop();
        }
        Ok(out)
    }
}

/// Whether an item can be sent back to a provider that stored nothing.
fn is_sendable(item: &Value, target: &Target) -> bool {
    match text_of(item, "type") {
        // Readable only with its encrypted or open content, and only by a model that thinks.
        "reasoning" => {
            let is_open = item
                .get("content")
                .and_then(Value::as_array)
                .is_some_and(|content| !content.is_empty());
            (is_open || !text_of(item, "encrypted_content").is_empty())
                && target.capabilities.reasoning != Reasoning::None
        }
        // A search that the provider ran is whole with its output beside it.
        "tool_search_call" => text_of(item, "execution") == "server",
        "" => false,
        kind => !UNANSWERABLE.contains(&kind),
    }
}

struct Builder<'a> {
    text: TurnText<'a, bool>,
    /// Calls that are not out yet.
    calls: VecDeque<(&'a ToolCall, String)>,
    calls_done: usize,
    out: Vec<Value>,
    target: &'a Target,
    names: &'a NameMap,
}

impl Builder<'_> {
    /// Puts an item back at its place: after the text and the calls that stood before it.
    fn replay(&mut self, block: &ProviderBlock) {
        self.text_up_to(block.span.text, None);
        self.calls_up_to(block.span.calls);
        if block.span.call_len > 0 {
            self.call(Some(&block.block));
        } else if block.span.text_len > 0 {
            let end = block.span.text.saturating_add(block.span.text_len);
            self.text_up_to(end, block.block.get("phase"));
        } else if text_of(&block.block, "type") != "message" {
            self.out.push(stateless(&block.block));
        }
    }

    /// The text before that many characters, as one message.
    fn text_up_to(&mut self, chars: usize, phase: Option<&Value>) {
        let mut content: Vec<Value> = Vec::new();
        let mut is_blank = true;
        while let Some((text, is_refusal)) = self.text.next_before(chars) {
            is_blank &= text.trim().is_empty();
            content.push(if is_refusal {
                json!({"type": "refusal", "refusal": text})
            } else {
                json!({"type": "output_text", "text": text})
            });
        }
        // What stands between two messages parts them, and is no message.
        if is_blank {
            return;
        }
        let mut item = json!({"role": "assistant", "content": content});
        if let (Some(phase), Some(item)) = (phase, item.as_object_mut()) {
            item.insert("phase".to_owned(), phase.clone());
        }
        self.out.push(item);
    }

    fn calls_up_to(&mut self, calls: usize) {
        while self.calls_done < calls && !self.calls.is_empty() {
            self.call(None);
        }
    }

    /// The next call. Its item id is left out: `call_id` alone pairs it with its result, and an id
    /// that is not the provider's own is refused (case 47).
    fn call(&mut self, kept: Option<&Value>) {
        let Some((call, wire)) = self.calls.pop_front() else {
            return;
        };
        self.calls_done += 1;
        let custom = call.custom && tools::takes_custom(self.target);
        let (kind, key) = if custom {
            ("custom_tool_call", "input")
        } else {
            ("function_call", "arguments")
        };
        let said = if call.custom && !custom {
            json!({ "input": call.arguments }).to_string()
        } else if call.arguments.is_empty() && !custom {
            "{}".to_owned()
        } else {
            call.arguments.clone()
        };
        let mut item = Map::new();
        item.insert("type".to_owned(), kind.into());
        item.insert("call_id".to_owned(), wire.into());
        item.insert("name".to_owned(), self.names.to_wire(&call.name).into());
        item.insert(key.to_owned(), said.into());
        for key in ["namespace", "caller"] {
            if let Some(value) = kept.and_then(|kept| kept.get(key)) {
                item.insert(key.to_owned(), value.clone());
            }
        }
        self.out.push(item.into());
    }
}

/// An item as a provider takes it that stored nothing: encrypted reasoning goes without its id,
/// which would bind the ids of what follows it (wire-protocols §2.4).
fn stateless(item: &Value) -> Value {
    let mut item = item.clone();
    let is_encrypted = !text_of(&item, "encrypted_content").is_empty();
    if text_of(&item, "type") == "reasoning"
        && is_encrypted
        && let Some(item) = item.as_object_mut()
    {
        item.shift_remove("id");
    }
    item
}

/// The turn's text, and of each piece whether it is a refusal.
fn text<'a>(
    message: &'a Message,
    at: usize,
    notes: &mut Notes,
) -> Result<TurnText<'a, bool>, EncodeError> {
    let mut parts = VecDeque::with_capacity(message.parts.len());
    for (index, part) in message.parts.iter().enumerate() {
        match part {
            Part::Text {
                text,
                cache_control,
            } => {
                if cache_control.is_some() {
                    let field = "messages[].content[].cache_control";
                    notes.drop(field, "the model's own text takes no prompt-cache marks")?;
                }
                parts.push_back((text.as_str(), false));
            }
            Part::Refusal { text } => parts.push_back((text.as_str(), true)),
            part if leave_out_reasoning(part, notes)? => {}
            _ => {
                return Err(unsupported_content(
                    format!("messages[{at}].content[{index}]"),
                    "Assistant messages hold text and tool calls only. Move other content to \
                     a user message.",
                ));
            }
        }
    }
    Ok(TurnText::of(parts))
}
