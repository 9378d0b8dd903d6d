//! The providers that need no base URL: the one table of their addresses and variables.
//!
//! The facts are those of the providers' own documentation and SDKs (November 2026). An
//! OpenAI-compatible provider is one row here and nothing else.

use super::file::Dialect;

/// A provider that Polyroute knows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name in the configuration and in `provider/model`.
    pub name: &'static str,
    /// Other names that people write for it (LiteLLM's, the vendor's own).
    pub aliases: &'static [&'static str],
    /// The API that it speaks.
    pub dialect: Dialect,
    /// Where its API begins, without a slash at the end.
    pub base_url: &'static str,
    /// Variables that hold its key, the first that is set wins.
    pub key_variables: &'static [&'static str],
    /// A variable that holds a token sent as `Authorization: Bearer` in place of the dialect's
    /// own header; used where no key is set.
    pub token_variable: Option<&'static str>,
    /// Variables that move the base URL (that of its SDK first), the first that is set wins.
    pub base_url_variables: &'static [&'static str],
    /// Whether it answers only with a credential.
    pub needs_credential: bool,
}

/// A plain OpenAI-compatible provider.
const fn compatible(
    name: &'static str,
    aliases: &'static [&'static str],
    base_url: &'static str,
    key_variables: &'static [&'static str],
    base_url_variables: &'static [&'static str],
) -> Known {
    Known {
        name,
        aliases,
        dialect: Dialect::Openai,
        base_url,
        key_variables,
        token_variable: None,
        base_url_variables,
        needs_credential: true,
    }
}

/// Every provider that is known by name.
pub const KNOWN: &[Known] = &[
    compatible(
        "openai",
        &[],
        "https://api.openai.com/v1",
        &["OPENAI_API_KEY"],
        &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
    ),
    Known {
        name: "anthropic",
        aliases: &["claude"],
        dialect: Dialect::Anthropic,
        base_url: "https://api.anthropic.com",
        key_variables: &["ANTHROPIC_API_KEY"],
        token_variable: Some("ANTHROPIC_AUTH_TOKEN"),
        base_url_variables: &["ANTHROPIC_BASE_URL"],
        needs_credential: true,
    },
    Known {
        name: "gemini",
        aliases: &["google", "google_ai_studio"],
        dialect: Dialect::Gemini,
        base_url: "https://generativelanguage.googleapis.com",
        key_variables: &["GOOGLE_API_KEY", "GEMINI_API_KEY"],
        token_variable: None,
        base_url_variables: &["GOOGLE_GEMINI_BASE_URL", "GEMINI_BASE_URL"],
        needs_credential: true,
    },
    compatible(
        "mistral",
        &["mistralai"],
        "https://api.mistral.ai/v1",
        &["MISTRAL_API_KEY"],
        &["MISTRAL_BASE_URL"],
    ),
    compatible(
        "deepseek",
        &[],
        "https://api.deepseek.com",
        &["DEEPSEEK_API_KEY"],
        &["DEEPSEEK_BASE_URL"],
    ),
    compatible(
        "groq",
        &[],
        "https://api.groq.com/openai/v1",
        &["GROQ_API_KEY"],
        &["GROQ_BASE_URL"],
    ),
    compatible(
        "cerebras",
        &[],
        "https://api.cerebras.ai/v1",
        &["CEREBRAS_API_KEY"],
        &["CEREBRAS_BASE_URL"],
    ),
    compatible(
        "together",
        &["together_ai", "togetherai"],
        "https://api.together.ai/v1",
        &["TOGETHER_API_KEY"],
        &["TOGETHER_BASE_URL"],
    ),
    compatible(
        "fireworks",
        &["fireworks_ai"],
        "https://api.fireworks.ai/inference/v1",
        &["FIREWORKS_API_KEY"],
        &["FIREWORKS_BASE_URL"],
    ),
    compatible(
        "perplexity",
        &["pplx"],
        "https://api.perplexity.ai",
        &["PERPLEXITY_API_KEY"],
        &["PERPLEXITY_BASE_URL"],
    ),
    compatible(
        "xai",
        &["grok"],
        "https://api.x.ai/v1",
        &["XAI_API_KEY"],
        &["XAI_BASE_URL"],
    ),
    compatible(
        "qwen",
        &["dashscope"],
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        &["DASHSCOPE_API_KEY"],
        &["DASHSCOPE_BASE_URL"],
    ),
    compatible(
        "openrouter",
        &[],
        "https://openrouter.ai/api/v1",
        &["OPENROUTER_API_KEY"],
        &["OPENROUTER_BASE_URL"],
    ),
    Known {
        name: "ollama",
        aliases: &["ollama_chat"],
        dialect: Dialect::Openai,
        base_url: "http://localhost:11434/v1",
        key_variables: &["OLLAMA_API_KEY"],
        token_variable: None,
        base_url_variables: &["OLLAMA_BASE_URL"],
        needs_credential: false,
    },
];

/// The provider of a name or of another name for it, in any case.
#[must_use]
pub fn known(name: &str) -> Option<&'static Known> {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    KNOWN
        .iter()
        .find(|row| same(row.name) || row.aliases.iter().any(|alias| same(alias)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_and_variable_belongs_to_one_provider() {
        let mut names = BTreeSet::new();
        let mut variables = BTreeSet::new();
        for row in KNOWN {
            for name in std::iter::once(&row.name).chain(row.aliases) {
                assert!(names.insert(*name), "{name} twice");
            }
            for variable in row.key_variables.iter().chain(row.base_url_variables) {
                assert!(variables.insert(*variable), "{variable} twice");
            }
            assert!(!row.base_url.ends_with('/'), "{}", row.base_url);
        }
    }

    #[test]
    fn names_are_found_by_alias_and_in_any_case() {
        assert_eq!(known("together_ai").map(|row| row.name), Some("together"));
        assert_eq!(known("OpenAI").map(|row| row.name), Some("openai"));
        assert_eq!(known("nobody"), None);
    }
}
