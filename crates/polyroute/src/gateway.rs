//! What every request shares: one immutable snapshot, the clients, and the memory between requests.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use polyroute_engine::snapshot::Snapshot;

use crate::config::settings::{Provider, Settings};
use crate::facts::FactsMemory;
use crate::learned::LearnedParams;
use crate::pipeline::{Admission, KeyRing, Outputs, TurnCache};
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
    /// What is known of the snapshot's targets.
    pub facts: FactsMemory,
    /// Gateway keys.
    pub keys: KeyRing,
    /// How much may be under way.
    pub admission: Admission,
    /// Requests so far: the credentials of a provider take turns by it.
    pub rotation: AtomicU64,
    /// Providers by name.
    pub providers: HashMap<String, ProviderState>,
    /// HTTP clients.
    pub clients: UpstreamClients,
    /// Fetches files that callers name by URL.
    pub media: MediaFetcher,
    /// Opaque provider state of recent turns.
    pub turns: TurnCache,
    /// What answers in JSON are held to.
    pub outputs: Outputs,
    /// Models that providers list.
    pub live_models: LiveModels,
    /// Parameters that models were seen to refuse.
    pub learned: LearnedParams,
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
}
