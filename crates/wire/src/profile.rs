//! How a provider's wire differs from its dialect's own: data, not code. An OpenAI-compatible
//! vendor is one such profile in its file of the catalog (`catalog/<vendor>.json`).

use serde::Deserialize;

/// The rules of one provider. The default is the dialect as it stands.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {}
