//! The simulator's settings.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::fault::Rule;
use crate::latency::Latency;
use crate::script::Script;

/// How to run a simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Seeds answers, ids, jitter and probabilities.
    pub seed: u64,
    /// The pace of models that have none of their own.
    pub latency: Latency,
    /// The pace of single models, by name.
    pub latency_by_model: BTreeMap<String, Latency>,
    /// Faults that are on from the start.
    pub faults: Vec<Rule>,
    /// Scripted answers that are there from the start.
    pub scripts: Vec<Script>,
    /// By how many seconds the clock runs ahead that AWS signatures are judged by, and that the
    /// `date` of Bedrock's answers says.
    pub aws_clock_ahead_s: i64,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 0,
            latency: Latency::ZERO,
            latency_by_model: BTreeMap::new(),
            faults: Vec::new(),
            scripts: Vec::new(),
            aws_clock_ahead_s: 0,
        }
    }
}
