//! Blocks as the Messages API writes them, typed by a member; a lone text is a string.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::block::is_direct;
use super::{ISSUER, content, tools};
use crate::adapter::Target;
use crate::chat::{CacheControl, Message, Part, ProviderBlock};
use crate::dialect::block_turns::{BlockForm, Context, ToolResult};
use crate::error::EncodeError;
use crate::notes::Notes;
use crate::pairing::{IdRule, NO_RESULT};

/// Blocks of the Messages API.
#[derive(Debug, Default)]
pub(super) struct Messages;

impl BlockForm for Messages {
    const ISSUER: &'static str = ISSUER;
    const RECIPIENT: &'static str = "an Anthropic model";
    /// `[A-Za-z0-9_-]+`.
    const CALL_IDS: IdRule = IdRule {
        bytes_max: usize::MAX,
        allows: |character| character.is_ascii_alphanumeric() || "_-".contains(character),
    };
    const SYSTEM_PARTS: &'static [&'static str] = &["tool_addition"];
    const CALL_ID: Option<&'static str> = Some("id");

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    fn call(id: &str, name: &str, input: Value) -> Value {
        json!({"type": "tool_use", "id": id, "name": name, "input": input})
    }

    fn is_thought(block: &Value) -> bool {
        matches!(kind(block), Some("thinking" | "redacted_thinking"))
    }

    fn ends_prefill(block: &Value) -> bool {
        kind(block) == Some("text")
    }

    fn mark(
        blocks: &mut Vec<Value>,
        mark: Option<&CacheControl>,
        field: &str,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        match blocks.last_mut() {
            Some(last) => content::mark(last, mark, field, target, notes),
            None => Ok(()),
        }
    }

    fn mark_turn(
        blocks: &mut Vec<Value>,
        mark: Option<&CacheControl>,
        field: &str,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        let said = blocks
            .iter_mut()
            .rev()
            .find(|block| !Self::is_thought(block));
        match said {
            Some(last) => content::mark(last, mark, field, target, notes),
            None => Ok(()),
        }
    }

    fn push(
        &mut self,
        part: &Part,
        at: &str,
        context: Context<'_>,
        blocks: &mut Vec<Value>,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        blocks.extend(content::block(part, at, context, notes)?);
        Ok(())
    }

    fn result<'m>(
        &mut self,
        message: &'m Message,
        at: usize,
        id: &str,
        context: Context<'_>,
        notes: &mut Notes,
    ) -> Result<ToolResult<'m>, EncodeError> {
        let content = self.parts(message, at, context, notes)?;
        let mut block = json!({"type": "tool_result", "tool_use_id": id});
        if let Some(members) = block.as_object_mut() {
            if !content.is_empty() {
                members.insert("content".to_owned(), Self::content(content));
            }
            if message.is_error {
                members.insert("is_error".to_owned(), true.into());
            }
        }
        Ok(ToolResult {
            block,
            mark: message.cache_control.as_ref(),
            after: Vec::new(),
        })
    }

    fn no_result(id: &str, _context: Context<'_>) -> Value {
        json!({"type": "tool_result", "tool_use_id": id, "content": NO_RESULT, "is_error": true})
    }

    fn is_sendable(block: &ProviderBlock, _target: &Target) -> bool {
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

    fn text_of(block: &Value) -> Option<Cow<'_, str>> {
        block.get("text").and_then(Value::as_str).map(Cow::Borrowed)
    }

    /// One unmarked text block is sent as a string, as most callers write it.
    fn content(blocks: Vec<Value>) -> Value {
        if let [Value::Object(only)] = blocks.as_slice()
            && only.len() == 2
            && only.get("type").and_then(Value::as_str) == Some("text")
            && let Some(text) = only.get("text")
        {
            return text.clone();
        }
        Value::Array(blocks)
    }

    fn tool(name: &str, description: Option<&str>, schema: Value, is_strict: bool) -> Value {
        let mut tool = Map::new();
        tool.insert("name".to_owned(), name.into());
        if let Some(description) = description {
            tool.insert("description".to_owned(), description.into());
        }
        tool.insert("input_schema".to_owned(), schema);
        if is_strict {
            tool.insert("strict".to_owned(), true.into());
        }
        Value::Object(tool)
    }

    fn native_tool(
        kind: &str,
        value: &Value,
        index: usize,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<Value, EncodeError> {
        tools::native(kind, value, index, target, notes)
    }
}

fn kind(block: &Value) -> Option<&str> {
    block.get("type").and_then(Value::as_str)
}
