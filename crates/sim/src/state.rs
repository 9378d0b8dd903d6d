//! What all connections of one simulator share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::answer::cache::PromptCache;
use crate::cloud::identity::Tokens;
use crate::config::SimConfig;
use crate::fault::rules::Rules;
use crate::latency::Warm;
use crate::log::Log;
use crate::script::Scripts;

/// The shared state.
#[derive(Debug)]
pub struct Shared {
    /// The settings that it was started with.
    pub config: SimConfig,
    /// What it saw.
    pub log: Arc<Log>,
    moving: Mutex<Moving>,
}

/// The part that changes from request to request.
#[derive(Debug)]
pub struct Moving {
    /// Fault rules.
    pub rules: Rules,
    /// Scripted answers.
    pub scripts: Scripts,
    /// Prompt prefixes seen.
    pub cache: PromptCache,
    /// Models that had a request.
    pub warm: Warm,
    /// What the issuers of tokens remember.
    pub tokens: Tokens,
}

impl Shared {
    /// The state of a simulator that starts with these settings.
    pub fn new(config: SimConfig) -> Self {
        let mut rules = Rules::new(config.seed);
        for rule in &config.faults {
            rules.add(rule.clone(), 0);
        }
        let mut scripts = Scripts::default();
        for script in &config.scripts {
            scripts.add(script.clone());
        }
        let cache = PromptCache::default();
        let moving = Mutex::new(Moving {
            rules,
            scripts,
            cache,
            warm: Warm::default(),
            tokens: Tokens::default(),
        });
        Self {
            config,
            log: Arc::new(Log::new()),
            moving,
        }
    }

    /// The changing part. Held for a moment only, never across an await.
    pub fn moving(&self) -> MutexGuard<'_, Moving> {
        // Each change leaves it whole, so a poisoned lock is still good.
        self.moving.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
