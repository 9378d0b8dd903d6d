//! Opaque provider state: blocks that only their issuer can read, tied to their place in a turn.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A provider's own content block, kept verbatim so that it can be sent back to its issuer and to
/// nobody else (wire-protocols §2.2): Anthropic `thinking`, `redacted_thinking` and server tool
/// blocks, Gemini `thoughtSignature`s and `executableCode`, and the like.
///
/// On the OpenAI wire it is one entry of `message.provider_blocks` (or `delta.provider_blocks`).
/// A client that sends the assistant message back unchanged sends these back too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderBlock {
    /// Position in the list; lets the SDKs' stream accumulators place list entries.
    pub index: u32,
    /// The dialect family that issued it and alone may see it again: `anthropic`, `gemini`, `openai`.
    pub issuer: String,
    /// The model that issued it, as the provider named it; empty when unknown.
    #[serde(default)]
    pub model: String,
    /// Where it stood among the turn's text and tool calls, and what it stands for.
    pub span: BlockSpan,
    /// The block itself. Never parsed, trimmed or re-encoded by us.
    pub block: Value,
}

/// Where a [`ProviderBlock`] stood in its turn. Text positions count Unicode scalar values of the
/// turn's whole content text, so that every client language can keep them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockSpan {
    /// Characters of content text before it.
    pub text: usize,
    /// Characters of content text that the block itself carries (a text block with citations or
    /// a signature); 0 for a block beside the text.
    #[serde(default)]
    pub text_len: usize,
    /// Tool calls before it.
    pub calls: usize,
    /// 1 if the block belongs to (or is) the tool call at `calls`, else 0.
    #[serde(default)]
    pub call_len: usize,
}
