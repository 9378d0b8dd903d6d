//! The `translation` and `media` sections.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::{ByteSize, TimeSpan};

/// What happens to a request that a provider can't take as it is.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Translation {
    /// Refuse a request with a parameter that the target can't carry. Otherwise it is left out and
    /// named in `x-polyroute-dropped-params`.
    #[schemars(extend("default" = false))]
    pub strict_params: Option<bool>,
    /// Mend tool results without their call, and calls without their result.
    #[schemars(extend("default" = false))]
    pub repair_orphans: Option<bool>,
    /// Turn a last assistant message into an instruction where the model takes no prefill.
    #[schemars(extend("default" = false))]
    pub rewrite_prefill: Option<bool>,
    /// Ask for a tool in words where the model can't be forced to call it.
    #[schemars(extend("default" = false))]
    pub downgrade_forced_tool_choice: Option<bool>,
}

/// How images and files that a caller names by URL are fetched.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Media {
    /// Fetch from private, link-local and loopback addresses too.
    #[schemars(extend("default" = false))]
    pub allow_private_networks: Option<bool>,
    /// Largest file.
    #[schemars(extend("default" = "20MiB"))]
    pub max_bytes: Option<ByteSize>,
    /// Longest fetch, redirects included.
    #[schemars(extend("default" = "10s"))]
    pub timeout: Option<TimeSpan>,
}
