//! The `resilience` section.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::value::TimeSpan;

/// How failures are met.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resilience {
    /// Most attempts of one request, over all its targets.
    #[schemars(range(min = 1, max = 100), extend("default" = 4))]
    pub attempts_max: Option<u32>,
    /// How long a request may look for its first content, over all attempts.
    #[schemars(extend("default" = "120s"))]
    pub deadline: Option<TimeSpan>,
    /// Timeouts of one attempt; a target may have its own.
    pub timeouts: Timeouts,
}

/// Timeouts of one attempt. Keep-alives of the provider do not count as content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// Until the connection stands, TLS included. 2s where nothing is set.
    pub connect: Option<TimeSpan>,
    /// From the request to the first content. 60s where nothing is set.
    pub first_content: Option<TimeSpan>,
    /// Between two pieces of content. 60s where nothing is set.
    pub inter_token: Option<TimeSpan>,
    /// From the request to the end of the answer. 600s where nothing is set.
    pub total: Option<TimeSpan>,
}
