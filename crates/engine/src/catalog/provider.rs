//! How a provider is reached and spoken to: the `connection` and `profile` of a catalog file.
//!
//! The facts are those of the providers' own documentation and SDKs (November 2026). An
//! OpenAI-compatible provider is one such file and its line in the list of files.

use std::sync::Arc;

use polyroute_wire::dialect::Dialect;
use polyroute_wire::profile::Profile;
use serde::Deserialize;

/// A provider that Polyroute knows by name.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderEntry {
    /// Its name in the configuration and in `provider/model`.
    pub name: String,
    /// How it is reached.
    pub connection: Connection,
    /// What its wire differs in from its dialect's own.
    pub profile: Arc<Profile>,
}

/// How a provider is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Its name as people write it (`OpenAI`).
    pub title: String,
    /// Where its API is documented.
    pub docs: String,
    /// Other names that people write for it (LiteLLM's, the vendor's own).
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The API that it speaks.
    pub dialect: Dialect,
    /// The service that its dialect is named after, or the same service under another roof: what
    /// only the original has is there.
    #[serde(default)]
    pub first_party: bool,
    /// The cloud whose rules of address and sign-in hold, where a base URL and a key are not all.
    #[serde(default)]
    pub cloud: Option<Cloud>,
    /// Where its API begins, without a slash at the end.
    pub base_url: String,
    /// Another API that it serves beside that.
    #[serde(default)]
    pub also: Option<Also>,
    /// Variables that hold its key, the first that is set wins.
    #[serde(default)]
    pub key_variables: Vec<String>,
    /// A variable that holds a token sent as `Authorization: Bearer` in place of the dialect's
    /// own header; used where no key is set.
    #[serde(default)]
    pub token_variable: Option<String>,
    /// Variables that move the base URL (that of its SDK first), the first that is set wins.
    #[serde(default)]
    pub base_url_variables: Vec<String>,
    /// Whether it answers only with a credential.
    #[serde(default = "yes")]
    pub needs_credential: bool,
    /// Models that stand for it where it is described; its first chat model where there is none.
    #[serde(default)]
    pub shown_models: Vec<String>,
    /// Versions of its API (`api_version`) that are described beside the default one.
    #[serde(default)]
    pub shown_versions: Vec<String>,
}

/// Another API of a provider. It is called over it where the configuration says so, by `dialect` or
/// by a base URL that ends with the path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Also {
    /// What is spoken there.
    pub dialect: Dialect,
    /// Where it begins, below the base URL.
    pub path: String,
    /// What is worse about it, a sentence without its subject.
    pub worse: String,
}

/// A cloud that hosts other vendors' models behind paths and credentials of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    /// Google Cloud: address by location, OAuth tokens.
    Vertex,
    /// Microsoft Azure: address by resource, deployments, keys or Entra tokens.
    Azure,
}

const fn yes() -> bool {
    true
}

impl ProviderEntry {
    /// What a file says of it; `None` where the file only lists models.
    pub(super) fn of(
        name: &str,
        connection: Option<Connection>,
        profile: Option<Profile>,
    ) -> Option<Self> {
        Some(Self {
            name: name.to_owned(),
            connection: connection?,
            profile: Arc::new(profile.unwrap_or_default()),
        })
    }

    /// Whether a word names it, in any case.
    #[must_use]
    pub fn answers_to(&self, word: &str) -> bool {
        std::iter::once(&self.name)
            .chain(&self.connection.aliases)
            .any(|name| name.eq_ignore_ascii_case(word))
    }
}

impl Connection {
    /// Whether it serves that API.
    #[must_use]
    pub fn speaks(&self, dialect: Dialect) -> bool {
        self.dialect == dialect
            || self
                .also
                .as_ref()
                .is_some_and(|also| also.dialect == dialect)
    }

    /// The API that a base URL leads to: its own, unless the URL says another.
    #[must_use]
    pub fn dialect_at(&self, base_url: &str) -> Dialect {
        let also = self.also.as_ref();
        also.filter(|also| base_url.trim_end_matches('/').ends_with(&also.path))
            .map_or(self.dialect, |also| also.dialect)
    }

    /// Where it serves an API by default.
    #[must_use]
    pub fn base_url_of(&self, dialect: Dialect) -> String {
        let also = self.also.as_ref();
        let path = also.filter(|also| also.dialect == dialect && self.dialect != dialect);
        format!("{}{}", self.base_url, path.map_or("", |also| &also.path))
    }
}
