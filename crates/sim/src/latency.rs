//! How long the simulated models take.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::seed::Dice;

/// The pace of a model, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    /// From the request to the first token.
    pub ttft_ms: u64,
    /// Between two events of content.
    pub itl_ms: u64,
    /// Added to the first request that a model gets.
    pub cold_start_ms: u64,
    /// Words in each event of content; 0 leaves it to the dialect: OpenAI sends a token or so,
    /// Anthropic a few, Gemini a line.
    pub words_per_event: usize,
    /// Each wait varies by up to this share of itself, in percent, seeded.
    pub jitter_percent: u64,
}

impl Latency {
    /// No waiting at all: for tests.
    pub const ZERO: Self = Self {
        ttft_ms: 0,
        itl_ms: 0,
        cold_start_ms: 0,
        words_per_event: 0,
        jitter_percent: 0,
    };
    /// About what a hosted mid-size model shows: for demos.
    pub const REALISTIC: Self = Self {
        ttft_ms: 350,
        itl_ms: 18,
        cold_start_ms: 400,
        words_per_event: 0,
        jitter_percent: 40,
    };

    /// A preset by name: `zero` or `realistic`.
    pub fn preset(name: &str) -> Option<Self> {
        match name {
            "zero" => Some(Self::ZERO),
            "realistic" => Some(Self::REALISTIC),
            _ => None,
        }
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::ZERO
    }
}

/// The waits of one request.
#[derive(Debug, Clone)]
pub struct Pace {
    latency: Latency,
    cold: bool,
    dice: Dice,
}

impl Pace {
    /// The pace of a request; `cold` where it is the first for its model.
    pub fn new(latency: Latency, cold: bool, dice: Dice) -> Self {
        Self {
            latency,
            cold,
            dice,
        }
    }

    /// No waiting: for refusals.
    pub fn still() -> Self {
        Self::new(Latency::ZERO, false, Dice::new(0, &[]))
    }

    /// The wait before the first token.
    pub fn first(&mut self) -> Duration {
        let cold_ms = if self.cold {
            self.latency.cold_start_ms
        } else {
            0
        };
        self.vary(self.latency.ttft_ms.saturating_add(cold_ms))
    }

    /// The wait before a later token.
    pub fn later(&mut self) -> Duration {
        self.vary(self.latency.itl_ms)
    }

    /// The wait before a whole answer of this many tokens.
    pub fn whole(&mut self, tokens: u64) -> Duration {
        let later_ms = self.latency.itl_ms.saturating_mul(tokens.saturating_sub(1));
        self.first() + self.vary(later_ms)
    }

    fn vary(&mut self, wait_ms: u64) -> Duration {
        let span = wait_ms.saturating_mul(self.latency.jitter_percent.min(100)) / 100;
        let varied = (wait_ms - span).saturating_add(self.dice.below(span.saturating_mul(2) + 1));
        Duration::from_millis(varied)
    }
}

/// The models that had a request before.
#[derive(Debug, Default)]
pub struct Warm(HashSet<String>);

impl Warm {
    /// Whether this is the model's first request. Names past the bound count as warm.
    pub fn is_cold(&mut self, model: &str) -> bool {
        const MODELS_MAX: usize = 10_000;
        self.0.len() < MODELS_MAX && self.0.insert(model.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_waits_for_nothing() {
        let mut pace = Pace::new(Latency::ZERO, true, Dice::new(1, &[]));
        assert_eq!(
            (pace.first(), pace.later()),
            (Duration::ZERO, Duration::ZERO)
        );
    }

    #[test]
    fn jitter_stays_in_its_share_and_cold_costs_once() {
        let latency = Latency {
            ttft_ms: 100,
            itl_ms: 10,
            cold_start_ms: 50,
            words_per_event: 0,
            jitter_percent: 20,
        };
        let mut pace = Pace::new(latency, false, Dice::new(1, &[]));
        for _ in 0..200 {
            assert!((80..=120).contains(&pace.first().as_millis()));
        }
        let mut cold = Pace::new(
            Latency {
                jitter_percent: 0,
                ..latency
            },
            true,
            Dice::new(1, &[]),
        );
        assert_eq!(cold.first().as_millis(), 150);
        let mut warm = Warm::default();
        assert!(warm.is_cold("m") && !warm.is_cold("m"));
    }
}
