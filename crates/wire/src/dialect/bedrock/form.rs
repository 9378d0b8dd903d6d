//! Blocks as Converse writes them, each the member of its name; prompt-cache marks are blocks of
//! their own (wire-protocols §10).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::id::{fields, vendor};
use super::media::DocumentNames;
use super::{ISSUER, content, tools};
use crate::adapter::Target;
use crate::capability::ConverseFields;
use crate::chat::{CacheControl, Message, Part, ProviderBlock};
use crate::dialect::block_turns::{BlockForm, Context, ToolResult};
use crate::error::EncodeError;
use crate::notes::Notes;
use crate::pairing::{IdRule, NO_RESULT};

/// What the API calls a tool that the provider runs.
pub(super) const SERVER_TOOL: &str = "server_tool_use";

/// Stands beside documents that come without a word: the API wants a text with them.
const ATTACHED: &str = "(See the attached document.)";
/// Says what a failed tool did not say: the API wants words with an error.
const FAILED: &str = "The tool failed and said nothing.";

/// Blocks of Converse.
#[derive(Debug, Default)]
pub(super) struct Converse {
    documents: DocumentNames,
}

impl BlockForm for Converse {
    const ISSUER: &'static str = ISSUER;
    const RECIPIENT: &'static str = "a Bedrock model";
    /// `[A-Za-z0-9_.:-]{1,64}`.
    const CALL_IDS: IdRule = IdRule {
        bytes_max: 64,
        allows: |character| character.is_ascii_alphanumeric() || "_.:-".contains(character),
    };
    const SYSTEM_PARTS: &'static [&'static str] = &["guardContent", "cachePoint"];

    fn text(text: &str) -> Value {
        json!({ "text": text })
    }

    fn call(id: &str, name: &str, input: Value) -> Value {
        json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})
    }

    fn is_thought(block: &Value) -> bool {
        block.get("reasoningContent").is_some()
    }

    fn ends_prefill(block: &Value) -> bool {
        block.get("text").is_some() || block.get("cachePoint").is_some()
    }

    fn mark(
        blocks: &mut Vec<Value>,
        mark: Option<&CacheControl>,
        field: &str,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        content::mark(blocks, mark, field, target, notes)
    }

    fn mark_turn(
        blocks: &mut Vec<Value>,
        mark: Option<&CacheControl>,
        field: &str,
        target: &Target,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        // A mark may not follow a thought.
        if blocks.last().is_none_or(Self::is_thought) {
            return Ok(());
        }
        content::mark(blocks, mark, field, target, notes)
    }

    fn push(
        &mut self,
        part: &Part,
        at: &str,
        context: Context<'_>,
        blocks: &mut Vec<Value>,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        content::push(part, at, context, &mut self.documents, blocks, notes)
    }

    fn result<'m>(
        &mut self,
        message: &'m Message,
        at: usize,
        id: &str,
        context: Context<'_>,
        notes: &mut Notes,
    ) -> Result<ToolResult<'m>, EncodeError> {
        let (mut content, mut after) = (Vec::new(), Vec::new());
        for (index, part) in message.parts.iter().enumerate() {
            match part {
                // Blank text is taken here.
                Part::Text { text, .. } => content.push(Self::text(text)),
                part => {
                    let place = format!("messages[{at}].content[{index}]");
                    // Where results hold text only, pictures follow the whole group of results.
                    let into = if context.target.capabilities.tool_result_media {
                        &mut content
                    } else {
                        &mut after
                    };
                    self.push(part, &place, context, into, notes)?;
                }
            }
        }
        // Marks inside a result are no blocks of a result: one behind the result stands for them.
        content.retain(|block| block.get("cachePoint").is_none());
        let inside = message.parts.iter().find_map(Part::cache_control);
        Ok(ToolResult {
            block: result(id, content, message.is_error, context),
            mark: message.cache_control.as_ref().or(inside),
            after,
        })
    }

    fn no_result(id: &str, context: Context<'_>) -> Value {
        result(id, vec![Self::text(NO_RESULT)], true, context)
    }

    /// A vendor can't read what another's model wrote.
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
                // Reasoning without a signature was never bound to anything; it is readable
                // elsewhere.
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

    fn text_of(block: &Value) -> Option<Cow<'_, str>> {
        if let Some(text) = block.get("text").and_then(Value::as_str) {
            return Some(text.into());
        }
        let content = block.pointer("/citationsContent/content");
        let pieces = content.and_then(Value::as_array).into_iter().flatten();
        let said = pieces.filter_map(|piece| piece.get("text").and_then(Value::as_str));
        Some(said.collect::<String>().into())
    }

    /// Text must stand before the calls of a turn (wire-protocols §7); all else keeps its order.
    fn arranged(blocks: Vec<Value>) -> Vec<Value> {
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

    /// Puts words to documents that come without any.
    fn complete(blocks: &mut Vec<Value>, notes: &mut Notes) {
        let has = |kind: &str| blocks.iter().any(|block| block.get(kind).is_some());
        if has("document") && !has("text") {
            blocks.push(Self::text(ATTACHED));
            notes.change("messages[].content", "text_added");
        }
    }

    /// A `toolSpec`; its description is absent rather than empty.
    fn tool(name: &str, description: Option<&str>, schema: Value, is_strict: bool) -> Value {
        let mut spec = Map::from_iter([("name".to_owned(), Value::from(name))]);
        if let Some(description) = description.filter(|text| !text.trim().is_empty()) {
            spec.insert("description".to_owned(), description.into());
        }
        spec.insert("inputSchema".to_owned(), json!({ "json": schema }));
        if is_strict {
            spec.insert("strict".to_owned(), true.into());
        }
        json!({ "toolSpec": spec })
    }

    fn native_tool(
        kind: &str,
        value: &Value,
        index: usize,
        _target: &Target,
        _notes: &mut Notes,
    ) -> Result<Value, EncodeError> {
        tools::native(kind, value, index)
    }
}

/// Whether it is a block of tools, a call or a result.
pub(super) fn is_tool(block: &Value) -> bool {
    block.get("toolUse").is_some() || block.get("toolResult").is_some()
}

/// A call that the caller runs.
fn is_client_call(block: &Value) -> bool {
    block
        .get("toolUse")
        .is_some_and(|call| call.get("type").and_then(Value::as_str) != Some(SERVER_TOOL))
}

/// A `toolResult` block. Only Claude and Nova take its `status`; others are told in words.
fn result(id: &str, mut content: Vec<Value>, is_error: bool, context: Context<'_>) -> Value {
    let has_status = matches!(
        fields(context.target),
        ConverseFields::Anthropic | ConverseFields::Nova
    );
    let says_nothing = content.iter().all(|block| {
        let text = block.get("text").and_then(Value::as_str);
        text.is_some_and(|text| text.trim().is_empty())
    });
    if says_nothing {
        content = vec![json!({ "text": if is_error { FAILED } else { " " } })];
    } else if is_error && !has_status {
        content.insert(0, json!({"text": "The tool failed:"}));
    }
    let mut block = json!({"toolUseId": id, "content": content});
    if is_error
        && has_status
        && let Some(members) = block.as_object_mut()
    {
        members.insert("status".to_owned(), "error".into());
    }
    json!({ "toolResult": block })
}
