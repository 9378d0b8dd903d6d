//! What every request shares: one immutable snapshot, the clients, and the memory between requests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use polyroute_engine::snapshot::Snapshot;

use crate::config::settings::{Provider, Settings};
use crate::pipeline::{KeyRing, TurnCache};
use crate::server::Drain;
use crate::tasks::LiveModels;
use crate::telemetry::Telemetry;
use crate::upstream::{MediaFetcher, UpstreamClients};

/// The running gateway.
pub struct Gateway {
    /// The configuration as it was loaded.
    pub settings: Settings,
    /// What routing reads.
    pub snapshot: Arc<Snapshot>,
    /// Gateway keys.
    pub keys: KeyRing,
    /// Providers by name, with a counter that spreads requests over their credentials.
    pub providers: HashMap<String, ProviderState>,
    /// HTTP clients.
    pub clients: UpstreamClients,
    /// Fetches files that callers name by URL.
    pub media: MediaFetcher,
    /// Opaque provider state of recent turns.
    pub turns: TurnCache,
    /// Models that providers list.
    pub live_models: LiveModels,
    /// Records, metrics, access log.
    pub telemetry: Arc<Telemetry>,
    /// How far the shutdown has come.
    pub drain: Drain,
}

/// A provider at run time.
#[derive(Debug)]
pub struct ProviderState {
    /// Its configuration.
    pub config: Provider,
    /// Requests so far, for spreading over credentials.
    pub turn: AtomicUsize,
}
