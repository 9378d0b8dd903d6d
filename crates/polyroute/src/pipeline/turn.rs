//! Short memory of opaque provider state for clients that drop unknown fields: what a turn carried
//! is found again by its tool call ids, or by its text (wire-protocols §2.3).

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use polyroute_wire::chat::{ChatEvent, ChatRequest, ChatResponse, ProviderBlock, Role};
use sha2::{Digest as _, Sha256};

/// How long a turn is remembered.
const AGE_MAX: Duration = Duration::from_secs(3_600);
/// Most bytes of all turns together.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest turn that is remembered, in bytes.
const TURN_BYTES_MAX: usize = 1024 * 1024;

type Key = [u8; 32];
type Blocks = Arc<Vec<ProviderBlock>>;

/// The memory of all tenants. A turn is found only by the principal whose turn it was.
#[derive(Debug, Clone)]
pub struct TurnCache {
    turns: Cache<Key, (Blocks, u32)>,
}

impl TurnCache {
    /// An empty memory.
    #[must_use]
    pub fn new() -> Self {
        let turns = Cache::builder()
            .time_to_live(AGE_MAX)
            .weigher(|_, (_, bytes): &(Blocks, u32)| *bytes)
            .max_capacity(BYTES_MAX)
            .build();
        Self { turns }
    }

    /// Gives the assistant turns of a request back what they carried, where the client dropped it.
    pub(super) fn restore(&self, principal: &str, request: &mut ChatRequest) {
        for message in &mut request.messages {
            if message.role != Role::Assistant || !message.blocks.is_empty() {
                continue;
            }
            let key = match message.tool_calls.first() {
                Some(call) => key(principal, "call", &call.id),
                None => key(principal, "text", &message.text()),
            };
            if let Some((blocks, _)) = self.turns.get(&key) {
                message.blocks.clone_from(&blocks);
            }
        }
    }

    /// Remembers a whole answer.
    pub(super) fn remember(&self, principal: &str, response: &ChatResponse) {
        if let Some(choice) = response.choices.first() {
            let call = choice
                .message
                .tool_calls
                .first()
                .map(|call| call.id.as_str());
            self.insert(
                principal,
                call,
                &choice.message.text,
                choice.message.blocks.clone(),
            );
        }
    }

    fn insert(&self, principal: &str, call: Option<&str>, text: &str, blocks: Vec<ProviderBlock>) {
        if blocks.is_empty() {
            return;
        }
        let bytes: usize = blocks
            .iter()
            .map(|block| block.block.to_string().len() + 128)
            .sum();
        if bytes > TURN_BYTES_MAX {
            return;
        }
        let key = call.map_or_else(
            || key(principal, "text", text),
            |id| key(principal, "call", id),
        );
        self.turns.insert(
            key,
            (Arc::new(blocks), u32::try_from(bytes).unwrap_or(u32::MAX)),
        );
    }
}

impl Default for TurnCache {
    fn default() -> Self {
        Self::new()
    }
}

/// Gathers one streamed turn.
#[derive(Debug)]
pub(super) struct TurnMemory {
    cache: TurnCache,
    principal: String,
    call: Option<String>,
    text: String,
    blocks: Vec<ProviderBlock>,
    bytes: usize,
}

impl TurnMemory {
    /// Nothing gathered yet.
    #[must_use]
    pub(super) const fn new(cache: TurnCache, principal: String) -> Self {
        Self {
            cache,
            principal,
            call: None,
            text: String::new(),
            blocks: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes an event of the first choice.
    pub(super) fn push(&mut self, event: &ChatEvent) {
        if self.bytes > TURN_BYTES_MAX {
            return;
        }
        match event {
            ChatEvent::Text { choice: 0, text } => {
                self.bytes += text.len();
                self.text.push_str(text);
            }
            ChatEvent::ToolStart { choice: 0, id, .. } if self.call.is_none() => {
                self.call = Some(id.clone())
            }
            ChatEvent::Block { choice: 0, block } => {
                self.bytes += block.block.to_string().len();
                self.blocks.push(block.clone());
            }
            _ => {}
        }
    }

    /// The turn is whole.
    pub(super) fn remember(&mut self) {
        if self.bytes <= TURN_BYTES_MAX {
            let blocks = std::mem::take(&mut self.blocks);
            self.cache
                .insert(&self.principal, self.call.as_deref(), &self.text, blocks);
        }
    }
}

fn key(principal: &str, kind: &str, what: &str) -> Key {
    Sha256::new()
        .chain_update(principal.len().to_le_bytes())
        .chain_update(principal)
        .chain_update(kind)
        .chain_update(what)
        .finalize()
        .into()
}
