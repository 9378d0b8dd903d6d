//! What providers reported, learned from: they add prompts of their own that no request shows, by
//! model and kind of request, and change them without notice.
//!
//! [`Corrections::observe`] is a pure transition; the program keeps the state.

use std::collections::HashMap;

use super::size::Shape;

/// Most combinations of target model and shape that are kept; beyond them the oldest goes.
pub const CORRECTIONS_MAX: usize = 1_024;
/// Estimates up to this are off by a constant (a hidden prompt), larger ones by a factor (another
/// tokeniser).
const SMALL: u64 = 1_000;
/// Observations that are kept of each.
const RECENT: usize = 5;
/// The correction may not do more than this to an estimate: a provider that counts nonsense is
/// not followed.
const FACTOR_MAX: f64 = 3.0;
const OFFSET_MAX: f64 = 4_000.0;

/// Corrections of estimates, by target model and shape of the request.
#[derive(Debug, Clone, Default)]
pub struct Corrections {
    kept: HashMap<String, HashMap<Shape, Correction>>,
    /// Corrections in `kept`.
    count: usize,
    /// Observations so far: the clock by which the oldest is found.
    clock: u64,
}

/// The correction of one model and shape: what its last answers agree on, which one odd answer does
/// not move.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Correction {
    /// Tokens to add to small estimates.
    offset: Recent,
    /// Factor of large ones.
    factor: Recent,
    last: u64,
}

/// The last few observations.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Recent {
    kept: [f64; RECENT],
    /// Observations so far.
    seen: usize,
}

impl Recent {
    fn push(&mut self, value: f64) {
        if let Some(oldest) = self.kept.get_mut(self.seen % RECENT) {
            *oldest = value;
        }
        self.seen = self.seen.saturating_add(1);
    }

    /// What most of them agree on: of the middle half the end nearer to no correction, and none
    /// where they disagree about its direction. `None` before the first.
    fn agreed(&self, none: f64) -> Option<f64> {
        let mut sorted = self.kept;
        let sorted = sorted.get_mut(..self.seen.min(RECENT))?;
        sorted.sort_unstable_by(f64::total_cmp);
        let edge = sorted.len() / 4;
        let lower = *sorted.get(edge)?;
        let upper = *sorted.iter().rev().nth(edge)?;
        Some(if lower > none {
            lower
        } else if upper < none {
            upper
        } else {
            none
        })
    }
}

impl Correction {
    fn apply(&self, estimate: f64) -> f64 {
        let offset = self.offset.agreed(0.0);
        let factor = self.factor.agreed(1.0);
        let corrected = if estimate < number(SMALL) {
            match (offset, factor) {
                (Some(offset), _) => estimate + offset,
                (None, factor) => estimate * factor.unwrap_or(1.0),
            }
        } else {
            match (offset, factor) {
                (_, Some(factor)) => estimate * factor,
                (offset, None) => estimate + offset.unwrap_or(0.0),
            }
        };
        corrected.max(1.0)
    }
}

impl Corrections {
    /// The estimate for a target (`provider/model`), corrected by what was reported before.
    #[must_use]
    pub fn corrected(&self, target: &str, shape: Shape, estimate: u64) -> u64 {
        match self.kept.get(target).and_then(|shapes| shapes.get(&shape)) {
            Some(correction) => whole(correction.apply(number(estimate))),
            None => estimate,
        }
    }

    /// Whether a target was observed in any shape.
    #[must_use]
    pub fn knows(&self, target: &str) -> bool {
        self.kept.contains_key(target)
    }

    /// How many targets and shapes are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether nothing was observed yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Learns from one answer: `estimate` is the uncorrected one, `reported` what the provider
    /// counted, cached tokens included.
    pub fn observe(&mut self, target: &str, shape: Shape, estimate: u64, reported: u64) {
        if estimate == 0 || reported == 0 {
            return;
        }
        self.clock += 1;
        let is_new = !self
            .kept
            .get(target)
            .is_some_and(|shapes| shapes.contains_key(&shape));
        if is_new && self.count >= CORRECTIONS_MAX {
            self.forget_oldest();
        }
        self.count += usize::from(is_new);
        let shapes = self.kept.entry(target.to_owned()).or_default();
        let correction = shapes.entry(shape).or_default();
        let (guess, counted) = (number(estimate), number(reported));
        if estimate < SMALL {
            let offset = counted - guess;
            correction
                .offset
                .push(offset.clamp(-OFFSET_MAX, OFFSET_MAX));
        } else {
            let factor = counted / guess;
            correction
                .factor
                .push(factor.clamp(1.0 / FACTOR_MAX, FACTOR_MAX));
        }
        correction.last = self.clock;
    }

    fn forget_oldest(&mut self) {
        let all = self.kept.iter().flat_map(|(target, shapes)| {
            shapes
                .iter()
                .map(move |(shape, correction)| (correction.last, target, *shape))
        });
        let Some((_, target, shape)) = all.min_by_key(|(last, ..)| *last) else {
            return;
        };
        let target = target.clone();
        if let Some(shapes) = self.kept.get_mut(&target) {
            shapes.remove(&shape);
            if shapes.is_empty() {
                self.kept.remove(&target);
            }
            self.count -= 1;
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "token counts are far below 2^52"
)]
const fn number(tokens: u64) -> f64 {
    tokens as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to at least 1, and `as` saturates"
)]
fn whole(tokens: f64) -> u64 {
    tokens.max(1.0).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: Shape = Shape {
        tools: false,
        answer_schema: false,
        thinking: false,
        media: false,
    };

    #[test]
    fn a_hidden_prompt_is_found_and_kept_apart_by_shape() {
        let mut corrections = Corrections::default();
        for _ in 0..20 {
            corrections.observe("groq/llama", PLAIN, 50, 80);
        }
        assert_eq!(corrections.corrected("groq/llama", PLAIN, 100), 130);
        let tools = Shape {
            tools: true,
            ..PLAIN
        };
        assert_eq!(corrections.corrected("groq/llama", tools, 100), 100);
        assert_eq!(corrections.corrected("groq/other", PLAIN, 100), 100);
    }

    #[test]
    fn another_tokeniser_is_a_factor() {
        let mut corrections = Corrections::default();
        for _ in 0..30 {
            corrections.observe("m", PLAIN, 10_000, 13_000);
        }
        let corrected = corrections.corrected("m", PLAIN, 100_000);
        assert!((129_000..=131_000).contains(&corrected), "{corrected}");
    }

    #[test]
    fn a_provider_that_counts_nonsense_is_not_followed() {
        let mut corrections = Corrections::default();
        for _ in 0..50 {
            corrections.observe("m", PLAIN, 10_000, u64::MAX);
            corrections.observe("m", PLAIN, 10, u64::MAX);
            corrections.observe("m", PLAIN, 10, 0);
        }
        assert!(corrections.corrected("m", PLAIN, 10_000) <= 34_000);
    }

    #[test]
    fn the_number_of_models_is_bounded_and_the_oldest_goes() {
        let mut corrections = Corrections::default();
        corrections.observe("first", PLAIN, 10, 20);
        for at in 0..CORRECTIONS_MAX {
            corrections.observe(&format!("m{at}"), PLAIN, 10, 20);
        }
        assert_eq!(corrections.len(), CORRECTIONS_MAX);
        assert!(!corrections.knows("first"));
        assert!(corrections.knows("m0"));
    }

    proptest! {
        #[test]
        fn every_state_gives_a_finite_estimate(
            steps in proptest::collection::vec((1_u64..1 << 40, 0_u64..1 << 40), 0..40),
            estimate in 0_u64..1 << 40,
        ) {
            let mut corrections = Corrections::default();
            for (guess, reported) in steps {
                corrections.observe("m", PLAIN, guess, reported);
            }
            let corrected = corrections.corrected("m", PLAIN, estimate);
            prop_assert!(corrected >= 1 || estimate == 0);
            prop_assert!(corrected <= estimate.saturating_mul(3) + 4_001);
        }
    }
}
