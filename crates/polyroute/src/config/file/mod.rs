//! What the configuration file says, as written: the types behind `polyroute config schema` and
//! the reference in `docs/config.md`.
//!
//! Read [`File`] first. Nothing here is resolved or defaulted (that is `compile`); the defaults
//! that the documentation shows are held equal to the real ones by a test.

mod cloud;
mod keys;
mod named;
mod providers;
mod resilience;
mod routes;
mod server;
mod structured;
mod targets;
mod translation;

use schemars::JsonSchema;
use serde::Deserialize;

pub use cloud::{AzureSurface, Entra};
pub use keys::Key;
pub use named::Named;
pub use providers::{Api, Dialect, Provider, ThinkTags};
pub use resilience::{Resilience, Timeouts};
pub use routes::{Route, RouteTarget, Strategy};
pub use server::{AccessLog, Limits, ListenAddress, Server, Tls};
pub use structured::{CallerSchema, InlineSchema, OutputMode, StructuredOutput};
pub use targets::Target;
pub use translation::{Media, Translation};

/// The configuration of Polyroute. Everything is optional: without a file, providers are found by
/// their environment variables. `${NAME}` and `${NAME:-default}` are replaced in every value.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "Polyroute configuration")]
pub struct File {
    /// Where Polyroute listens, and what it bounds.
    pub server: Server,
    /// Who may call. A listener that is not on this machine's loopback needs at least one.
    pub keys: Vec<Key>,
    /// More files of the catalog, for providers and models that Polyroute does not know; one whose
    /// provider is known replaces what is known of it. `docs/catalog.md` has the format.
    pub catalog: Vec<std::path::PathBuf>,
    /// Who answers, by name. Known names need a credential and nothing else. Without this
    /// section, providers are found by their environment variables.
    pub providers: Option<Named<Provider>>,
    /// A provider's model, pinned and tuned, under a name of its own.
    pub targets: Named<Target>,
    /// The names that callers send as `model`, and what answers to each.
    pub routes: Named<Route>,
    /// How failures are met: attempts, deadlines, timeouts.
    pub resilience: Resilience,
    /// What happens to a request that a provider can't take as it is.
    pub translation: Translation,
    /// How images and files that a caller names by URL are fetched.
    pub media: Media,
}
