//! Which dialect has which adapter: one line each.

use crate::adapter::Adapter;
use crate::dialect::anthropic::Anthropic;
use crate::dialect::bedrock::Bedrock;
use crate::dialect::gemini::Gemini;
use crate::dialect::openai::OpenAi;

/// The adapter of a dialect by its name in the configuration. OpenAI's shape is what servers that
/// nobody knows speak.
#[must_use]
pub fn adapter(dialect: &str) -> &'static dyn Adapter {
    match dialect {
        "anthropic" => &Anthropic,
        "bedrock" => &Bedrock,
        "gemini" => &Gemini,
        _ => &OpenAi,
    }
}
