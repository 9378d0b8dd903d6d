//! One folder a wire format, and the registry of them: [`Dialect`]. A dialect translates between
//! its own bytes and the hub and knows nothing of the other dialects;
//! what two of them share is in a folder of neither (`openai_shared`, `block_turns`).

pub mod anthropic;
pub mod bedrock;
mod block_turns;
pub mod cohere;
pub mod gemini;
pub mod ollama;
pub mod openai;
mod openai_shared;
mod parts;
pub mod responses;

use serde::{Deserialize, Serialize};

use crate::adapter::Adapter;

/// A wire format that providers speak. A new one is a folder here with its `Parts`, a variant, and
/// its row in `Dialect::row`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI chat completions, and what copies it.
    OpenAi,
    /// Anthropic Messages.
    Anthropic,
    /// Google's generateContent.
    Gemini,
    /// AWS Bedrock Converse.
    Bedrock,
    /// Cohere v2, or v1 by `api_version`: chat, embeddings and reranking.
    Cohere,
    /// OpenAI Responses.
    Responses,
    /// Ollama's own API.
    Ollama,
}

/// What the registry holds of a dialect.
struct Row {
    name: &'static str,
    about: &'static str,
    key_header: Option<&'static str>,
    adapter: &'static dyn Adapter,
}

impl Dialect {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::OpenAi,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Cohere,
        Self::Responses,
        Self::Ollama,
    ];

    const fn row(self) -> Row {
        match self {
            Self::OpenAi => Row {
                name: "openai",
                about: "OpenAI chat completions, and what copies it.",
                key_header: None,
                adapter: &openai::OpenAi,
            },
            Self::Anthropic => Row {
                name: "anthropic",
                about: "Anthropic Messages.",
                key_header: Some("x-api-key"),
                adapter: &anthropic::Anthropic,
            },
            Self::Gemini => Row {
                name: "gemini",
                about: "Google's generateContent.",
                key_header: Some("x-goog-api-key"),
                adapter: &gemini::Gemini,
            },
            Self::Bedrock => Row {
                name: "bedrock",
                about: "AWS Bedrock Converse.",
                key_header: None,
                adapter: &bedrock::Bedrock,
            },
            Self::Cohere => Row {
                name: "cohere",
                about: "Cohere v2, or v1 by `api_version`: chat, embeddings and reranking.",
                key_header: None,
                adapter: &cohere::Cohere,
            },
            Self::Responses => Row {
                name: "responses",
                about: "OpenAI Responses, and what copies it.",
                key_header: None,
                adapter: &responses::Responses,
            },
            Self::Ollama => Row {
                name: "ollama",
                about: "Ollama's own API.",
                key_header: None,
                adapter: &ollama::Ollama,
            },
        }
    }

    /// Its name in configuration, metrics and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().name
    }

    /// What it is, one sentence.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.row().about
    }

    /// The header that carries a key; `None` for `Authorization: Bearer`.
    #[must_use]
    pub const fn key_header(self) -> Option<&'static str> {
        self.row().key_header
    }

    /// Its translation.
    #[must_use]
    pub const fn adapter(self) -> &'static dyn Adapter {
        self.row().adapter
    }

    /// The dialect of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|dialect| dialect.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_is_found_by_its_name_and_reads_as_it_is_written() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::parse(dialect.as_str()), Some(*dialect));
            let json = serde_json::to_value(dialect).unwrap();
            assert_eq!(json, dialect.as_str());
        }
        assert_eq!(Dialect::parse("nobody"), None);
    }
}
