//! LiteLLM's public price file (`model_prices_and_context_window.json`): one object, model name →
//! figures, prices in USD for one token.

use std::collections::BTreeMap;

use polyroute_engine::catalog::{Catalog, Kind};
use polyroute_engine::money::TokenPrice;
use serde::Deserialize;
use serde_json::Value;

/// One entry, as far as it is read. Everything may be missing, and some files hold numbers as text.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    litellm_provider: String,
    mode: String,
    max_input_tokens: Option<Value>,
    max_output_tokens: Option<Value>,
    input_cost_per_token: Option<Value>,
    output_cost_per_token: Option<Value>,
    cache_read_input_token_cost: Option<Value>,
    cache_creation_input_token_cost: Option<Value>,
    cache_creation_input_token_cost_above_1hr: Option<Value>,
    source: Option<String>,
}

/// The figures that are compared and taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) context_window: Option<u64>,
    pub(super) max_output: Option<u64>,
    pub(super) input: Option<TokenPrice>,
    pub(super) cached_input: Option<TokenPrice>,
    pub(super) cache_write: Option<TokenPrice>,
    pub(super) cache_write_1h: Option<TokenPrice>,
    pub(super) output: Option<TokenPrice>,
}

/// A model of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Model {
    /// The catalog's name of the provider.
    pub(super) provider: String,
    /// The id at the provider.
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) figures: Figures,
    /// The page that the file names.
    pub(super) source: Option<String>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) models: Vec<Model>,
    /// Entries of providers that the catalog has no section of, by LiteLLM's name.
    pub(super) foreign: BTreeMap<String, usize>,
    /// Entries that are no models for chat or embeddings.
    pub(super) other_kinds: usize,
}

/// Reads a file.
///
/// # Errors
/// It is not one JSON object of objects.
pub(super) fn read(text: &str, catalog: &Catalog) -> anyhow::Result<File> {
    let entries: BTreeMap<String, Value> = serde_json::from_str(text)?;
    let mut file = File::default();
    for (key, value) in entries {
        // `sample_spec` explains the format; a top-level date is no model.
        if key == "sample_spec" || !value.is_object() {
            continue;
        }
        let entry: Entry =
            serde_json::from_value(value).map_err(|error| anyhow::anyhow!("`{key}`: {error}"))?;
        let kind = match entry.mode.as_str() {
            "chat" | "" => Kind::Chat,
            "responses" => Kind::Responses,
            "completion" => Kind::Completion,
            "embedding" => Kind::Embedding,
            _ => {
                file.other_kinds += 1;
                continue;
            }
        };
        let Some(provider) = provider(&entry.litellm_provider, catalog) else {
            *file.foreign.entry(entry.litellm_provider).or_default() += 1;
            continue;
        };
        file.models.push(Model {
            id: id(&key, &entry.litellm_provider).to_owned(),
            provider: provider.to_owned(),
            kind,
            figures: figures(&entry, kind),
            source: entry.source,
        });
    }
    Ok(file)
}

/// The catalog's provider for LiteLLM's.
fn provider<'a>(name: &str, catalog: &'a Catalog) -> Option<&'a str> {
    let same = match name {
        "text-completion-openai" => "openai",
        "cohere_chat" => "cohere",
        "bedrock_converse" | "bedrock_mantle" => "bedrock",
        "azure_ai" | "azure_text" => "azure",
        "dashscope" => "qwen",
        "together_ai" => "together",
        "fireworks_ai" => "fireworks",
        name if name.starts_with("vertex_ai") => "vertex",
        name => name,
    };
    let mut providers = catalog.providers();
    let found = providers.find(|provider| *provider == same);
    found.or_else(|| catalog.entry(same).map(|entry| entry.name.as_str()))
}

/// The id at the provider: the key without LiteLLM's prefix.
fn id<'a>(key: &'a str, provider: &str) -> &'a str {
    let family = match provider {
        "bedrock_converse" | "bedrock_mantle" => "bedrock",
        name if name.starts_with("vertex_ai") => "vertex_ai",
        name => name,
    };
    let prefixed = key
        .strip_prefix(family)
        .or_else(|| key.strip_prefix(provider));
    prefixed
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(key)
}

fn figures(entry: &Entry, kind: Kind) -> Figures {
    let price = |value: &Option<Value>| value.as_ref().and_then(token_price);
    let mut figures = Figures {
        context_window: entry.max_input_tokens.as_ref().and_then(count),
        max_output: entry.max_output_tokens.as_ref().and_then(count),
        input: price(&entry.input_cost_per_token),
        cached_input: price(&entry.cache_read_input_token_cost),
        cache_write: price(&entry.cache_creation_input_token_cost),
        cache_write_1h: price(&entry.cache_creation_input_token_cost_above_1hr),
        output: price(&entry.output_cost_per_token),
    };
    // A limit that is the window's is no limit of its own.
    if figures.max_output >= figures.context_window {
        figures.max_output = None;
    }
    if kind == Kind::Embedding {
        figures.output = None;
        figures.max_output = None;
    }
    figures
}

fn count(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of tokens, which the file writes as a float now and then"
    )]
    let whole = number.max(0.0) as u64;
    (whole > 0).then_some(whole)
}

/// A price for one token as one for a million. The file writes what nobody knows as zero, so zero
/// is no price.
fn token_price(value: &Value) -> Option<TokenPrice> {
    let one: f64 = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    if !one.is_finite() || one <= 0.0 {
        return None;
    }
    format!("{:.6}", one * 1e6).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart_as_litellm_builds_them() {
        for (key, provider, expected) in [
            ("gpt-4o", "openai", "gpt-4o"),
            (
                "mistral/mistral-large-latest",
                "mistral",
                "mistral-large-latest",
            ),
            ("together_ai/Qwen/Qwen3", "together_ai", "Qwen/Qwen3"),
            (
                "eu.anthropic.claude-sonnet-4-6",
                "bedrock_converse",
                "eu.anthropic.claude-sonnet-4-6",
            ),
            (
                "vertex_ai/claude-opus-5",
                "vertex_ai-anthropic_models",
                "claude-opus-5",
            ),
            ("openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"),
        ] {
            assert_eq!(id(key, provider), expected);
        }
    }

    #[test]
    fn prices_are_turned_into_exact_decimals_and_zero_is_none() {
        let price = |json: &str| token_price(&serde_json::from_str(json).unwrap());
        let shown = |json: &str| price(json).unwrap().to_string();
        assert_eq!(shown("1.5e-07"), "0.15");
        assert_eq!(shown("2.8e-09"), "0.0028");
        assert_eq!(shown("\"0.0000025\""), "2.5");
        assert_eq!(price("0"), None);
        assert_eq!(price("null"), None);
    }

    #[test]
    fn what_is_no_model_of_ours_is_counted_and_not_lost() {
        let text = r#"{"sample_spec": {"mode": "one of…"}, "last_updated": "2026-08-01",
            "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000,
                "max_output_tokens": 16384, "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05},
            "dall-e-9": {"litellm_provider": "openai", "mode": "image_generation"},
            "novita/x": {"litellm_provider": "novita", "mode": "chat"}}"#;
        let file = read(text, &Catalog::embedded()).unwrap();
        assert_eq!((file.models.len(), file.other_kinds), (1, 1));
        assert_eq!(file.foreign["novita"], 1);
        assert_eq!(file.models[0].figures.context_window, Some(128_000));
        assert!(read("[]", &Catalog::embedded()).is_err());
    }
}
