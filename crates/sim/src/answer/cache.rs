//! A prompt cache: which prefixes were seen before, in blocks as providers count them.

use std::collections::{HashSet, VecDeque};

use super::tokens;
use crate::models::Dialect;
use crate::seed::hash;

/// Tokens in a block (OpenAI's documented step).
const BLOCK_TOKENS: u64 = 128;
/// Shortest prefix that is cached.
const PREFIX_TOKENS_MIN: u64 = 1_024;
/// Blocks that are remembered; the oldest go first.
const BLOCKS_MAX: usize = 65_536;

/// Remembers prefixes by a running hash of their blocks.
#[derive(Debug, Default)]
pub struct PromptCache {
    seen: HashSet<u64>,
    order: VecDeque<u64>,
}

/// What the cache did for one request, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hit {
    /// Read from it.
    pub read: u64,
    /// Written to it.
    pub written: u64,
}

impl PromptCache {
    /// Looks the texts up and remembers them. A prefix of less than 1,024 tokens is not cached.
    pub fn look_up(&mut self, dialect: Dialect, model: &str, texts: &[String]) -> Hit {
        let joined = texts.join("\u{1e}");
        let total = tokens(&joined);
        if total < PREFIX_TOKENS_MIN {
            return Hit::default();
        }
        let mut running = hash(0, &[dialect.name(), model]);
        let mut hit = Hit::default();
        let mut unbroken = true;
        for block in joined.as_bytes().chunks_exact(512) {
            let text = String::from_utf8_lossy(block);
            running = hash(running, &[&text]);
            unbroken = unbroken && self.seen.contains(&running);
            if unbroken {
                hit.read += BLOCK_TOKENS;
            } else {
                hit.written += BLOCK_TOKENS;
                self.remember(running);
            }
        }
        if hit.read < PREFIX_TOKENS_MIN {
            hit.written += hit.read;
            hit.read = 0;
        }
        hit
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.order.clear();
    }

    fn remember(&mut self, block: u64) {
        if self.seen.insert(block) {
            self.order.push_back(block);
        }
        while self.order.len() > BLOCKS_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.seen.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_look_reads_what_the_first_wrote() {
        let mut cache = PromptCache::default();
        let texts = vec!["a long instruction. ".repeat(400), "one".to_owned()];
        let first = cache.look_up(Dialect::Openai, "m", &texts);
        assert_eq!(first.read, 0);
        assert!(first.written >= 1_024 && first.written % 128 == 0);
        let other_end = vec![texts[0].clone(), "two".to_owned()];
        let second = cache.look_up(Dialect::Openai, "m", &other_end);
        assert!(second.read >= 1_024, "{second:?}");
        assert_eq!(cache.look_up(Dialect::Openai, "other", &texts).read, 0);
    }

    #[test]
    fn short_prompts_are_never_cached() {
        let mut cache = PromptCache::default();
        let texts = vec!["short".to_owned()];
        cache.look_up(Dialect::Gemini, "m", &texts);
        assert_eq!(cache.look_up(Dialect::Gemini, "m", &texts), Hit::default());
    }
}
