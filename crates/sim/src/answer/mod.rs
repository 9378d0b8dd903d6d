//! What the simulated model says, before any wire format: seeded text, tool calls, JSON that fits
//! a schema, thoughts, and the token counts that go with them.
//!
//! Read [`Answer`] first. Nothing here knows a dialect.

pub mod cache;
pub mod compose;
pub mod schema;
pub mod text;
pub mod tools;
pub mod vectors;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// One turn a choice; never empty.
    pub turns: Vec<Turn>,
    /// Token counts over all turns.
    pub usage: Usage,
}

/// One choice's turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// What the model thought, where it did.
    pub thinking: Option<String>,
    /// The visible text, where there is any.
    pub text: Option<String>,
    /// Tool calls, in order.
    pub calls: Vec<Call>,
    /// Why it ended.
    pub finish: Finish,
}

/// One tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The tool's name.
    pub name: String,
    /// JSON text, or free text where `custom`.
    pub arguments: String,
    /// Whether the tool is an OpenAI custom tool.
    pub custom: bool,
}

impl Call {
    /// Its arguments as the object that some wires want; empty where they are none.
    pub fn input(&self) -> Value {
        match serde_json::from_str(&self.arguments) {
            Ok(Value::Object(members)) => Value::Object(members),
            _ => Value::Object(Map::new()),
        }
    }
}

/// Why a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model was done.
    #[default]
    Stop,
    /// One of the caller's stop sequences was met.
    StopSequence(String),
    /// The output limit was met.
    Length,
    /// The turn asks for tool results.
    ToolCalls,
    /// A filter ended it.
    ContentFilter,
}

/// Token counts, with no overlap between the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Input tokens that were neither read from nor written to a cache.
    pub input_fresh: u64,
    /// Input tokens read from a cache.
    pub cache_read: u64,
    /// Input tokens written to a cache.
    pub cache_write: u64,
    /// Visible output tokens, tool calls included.
    pub output_visible: u64,
    /// Thinking tokens.
    pub thinking: u64,
}

impl Usage {
    /// All input tokens.
    pub fn input_total(&self) -> u64 {
        self.input_fresh + self.cache_read + self.cache_write
    }

    /// All output tokens.
    pub fn output_total(&self) -> u64 {
        self.output_visible + self.thinking
    }
}

/// Tokens of a text: four bytes make one, and any text is at least one.
pub fn tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}
