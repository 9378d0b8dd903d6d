//! The `keys` section.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::secret::SecretRef;

/// A gateway key: who may call, what for, and what it counts as.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The caller's name in logs, metrics and records.
    pub name: String,
    /// What the caller sends as `Authorization: Bearer`, `x-api-key` or `api-key`.
    pub secret: SecretRef,
    /// Tags of every request of this caller.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// The routes, targets or `provider/model` names that this caller may use. All where absent.
    pub routes: Option<Vec<String>>,
}
