//! The `providers` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Named;
use crate::config::secret::SecretRef;

/// A provider. Known names (`openai`, `anthropic`, `gemini`, `mistral`, …) need a credential and
/// nothing else; any other name needs `base_url`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// The API that it speaks. Known names have their own; others are `openai`.
    pub dialect: Option<Dialect>,
    /// Where its API begins, such as `https://api.openai.com/v1`. Known names have their own.
    pub base_url: Option<String>,
    /// Its keys; several share the load. Known names default to their environment variable.
    pub credentials: Option<Vec<SecretRef>>,
    /// The version of its API: `anthropic-version`, or `v1` / `v1beta` of Gemini.
    pub api_version: Option<String>,
    /// More headers for every request to it.
    pub headers: Named<HeaderValue>,
    /// Where it computes. A fact for reports and policies; it changes no address.
    pub region: Option<String>,
    /// What was agreed with it, such as `gdpr` or `zero_retention`.
    pub agreements: Vec<String>,
    /// OpenAI: the organization that pays (`OpenAI-Organization`).
    pub organization: Option<String>,
    /// OpenAI: the project (`OpenAI-Project`).
    pub project: Option<String>,
    /// Speak HTTP/2 where the server offers it.
    #[schemars(extend("default" = true))]
    pub http2: Option<bool>,
    /// The HTTP proxy to it. `HTTPS_PROXY` and `NO_PROXY` where absent; `off` for none.
    pub proxy: Option<String>,
    /// Show what it lists on `GET /v1/models`.
    #[schemars(extend("default" = true))]
    pub models: Option<bool>,
}

/// The wire format of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// OpenAI chat completions, and what copies it.
    Openai,
    /// Anthropic Messages.
    Anthropic,
    /// Google's generateContent.
    Gemini,
}

/// The value of a header. It may be a credential, so `Debug` does not show it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct HeaderValue(pub String);

impl std::fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}
