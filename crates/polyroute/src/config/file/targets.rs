//! The `targets` section.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Timeouts;

/// A provider's model, pinned and tuned.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// `provider/model`.
    #[serde(rename = "use")]
    #[schemars(regex(pattern = r"^[^/]+/.+$|\$\{"))]
    pub model: String,
    /// The exact version that is asked for instead, so that an alias can't move under you.
    pub pin: Option<String>,
    /// The `system_fingerprint` that its answers should have: another one is reported, not refused.
    pub fingerprint: Option<String>,
    /// Timeouts of this target; what is absent comes from `resilience.timeouts`.
    #[serde(default)]
    pub timeouts: Timeouts,
}
