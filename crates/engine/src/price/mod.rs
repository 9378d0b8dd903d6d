//! What an answer cost: token counts at a price row, each token charged once.
//!
//! Read [`cost`] first. An unknown price is never zero: it makes the whole cost unknown, or is
//! named in [`Cost::missing`] where only a part is.

use std::borrow::Cow;

use polyroute_wire::usage::Usage;
use serde::{Deserialize, Serialize};

use crate::money::{CallPrice, Money, TokenPrice};

/// The standard prices of one model. Written in USD per million tokens, as providers quote them.
///
/// A price that is left out means that the provider has no separate one: those tokens cost what
/// plain input (or output) costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Input tokens that are charged in no other way.
    pub input: TokenPrice,
    /// Input tokens read from a prompt cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<TokenPrice>,
    /// Input tokens written to a prompt cache for the short lifetime (5 minutes at Anthropic, 30
    /// at OpenAI).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<TokenPrice>,
    /// Input tokens written to a prompt cache for an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<TokenPrice>,
    /// Output tokens, reasoning included; `None` for a model that writes none (embeddings).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<TokenPrice>,
    /// Output tokens of an answer that the model thought for, the answer's own included, where
    /// they cost more (Qwen).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thinking_output: Option<TokenPrice>,
    /// Input tokens of sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_input: Option<TokenPrice>,
    /// Output tokens of sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_output: Option<TokenPrice>,
    /// Web searches, in USD per thousand; searches without it make the cost incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searches: Option<CallPrice>,
    /// Each call also pays a fee that usage does not show: no cost of this model is complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_call_fee: bool,
    /// What the batch service takes, in percent of these prices. Informative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_percent: Option<u32>,
    /// Other prices for the whole request when its input is longer, the lowest threshold first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// Prices of long requests. What is left out stays at the base price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// It holds for requests with more input tokens than this, cached ones included.
    pub above: u64,
    /// See [`Prices::input`].
    pub input: Option<TokenPrice>,
    /// See [`Prices::cached_input`].
    pub cached_input: Option<TokenPrice>,
    /// See [`Prices::cache_write`].
    pub cache_write: Option<TokenPrice>,
    /// See [`Prices::cache_write_1h`].
    pub cache_write_1h: Option<TokenPrice>,
    /// See [`Prices::output`].
    pub output: Option<TokenPrice>,
    /// See [`Prices::audio_input`].
    pub audio_input: Option<TokenPrice>,
}

impl Prices {
    /// Searches alone are charged, as by rerankers: tokens cost nothing.
    fn is_by_search(&self) -> bool {
        let is_free = |price: TokenPrice| price.of(1) == Money::default();
        self.searches.is_some() && is_free(self.input) && self.output.is_none_or(is_free)
    }
}

/// What one answer cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// What is known of the cost; `None` if nothing is.
    pub amount: Option<Money>,
    /// The amount is not the whole cost: an alert, never a zero.
    pub unknown: bool,
    /// What has no known price: `prices`, `output`, `searches`, `per_call_fee`,
    /// `service_tier`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<&'static str>,
}

impl Cost {
    /// The cost of a model whose prices are not known.
    #[must_use]
    pub fn unpriced() -> Self {
        Self {
            amount: None,
            unknown: true,
            missing: vec!["prices"],
        }
    }
}

/// The token counts of an answer, split so that each token is in exactly one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Parts {
    plain: u64,
    audio_input: u64,
    cache_read: u64,
    cache_write: u64,
    cache_write_1h: u64,
    output: u64,
    audio_output: u64,
}

impl Parts {
    /// Parts that overlap (a cached token of sound) are counted where they come first here: cache
    /// reads, one-hour writes, other writes, sound, the rest.
    fn of(usage: &Usage) -> Self {
        let mut rest = usage.input;
        let mut take = |tokens: u64| {
            let taken = tokens.min(rest);
            rest -= taken;
            taken
        };
        let cache_read = take(usage.cache_read);
        let cache_write_1h = take(usage.cache_write_1h.min(usage.cache_write));
        let cache_write = take(usage.cache_write.saturating_sub(usage.cache_write_1h));
        let audio_input = take(usage.input_audio);
        let audio_output = usage.output_audio.min(usage.output);
        Self {
            plain: rest,
            audio_input,
            cache_read,
            cache_write,
            cache_write_1h,
            output: usage.output - audio_output,
            audio_output,
        }
    }
}

/// What `usage` cost at `prices`.
///
/// `service_tier` is the tier that the provider says it served (`service_tier` of the answer).
/// The price row is that of the standard tier; at any other the amount is marked as unknown.
#[must_use]
pub fn cost(usage: &Usage, prices: Option<&Prices>, service_tier: Option<&str>) -> Cost {
    let Some(prices) = prices else {
        return Cost::unpriced();
    };
    if prices.is_by_search() && usage.searches == 0 {
        // An answer that says nothing of what it is charged by is not free.
        return Cost {
            missing: vec!["searches"],
            ..Cost::unpriced()
        };
    }
    let parts = Parts::of(&invoiced(usage));
    let tier = prices
        .tiers
        .iter()
        .rev()
        .find(|tier| usage.input > tier.above);
    let pick = |base: Option<TokenPrice>, tiered: fn(&Tier) -> Option<TokenPrice>| {
        tier.and_then(tiered).or(base)
    };
    let input = pick(Some(prices.input), |tier| tier.input).unwrap_or(prices.input);
    let read = pick(prices.cached_input, |tier| tier.cached_input).unwrap_or(input);
    let write = pick(prices.cache_write, |tier| tier.cache_write).unwrap_or(input);
    let write_1h = pick(prices.cache_write_1h, |tier| tier.cache_write_1h).unwrap_or(write);
    let audio_input = pick(prices.audio_input, |tier| tier.audio_input).unwrap_or(input);
    let thought = prices.thinking_output.filter(|_| usage.reasoning > 0);
    let output = thought.or_else(|| pick(prices.output, |tier| tier.output));

    let mut missing = Vec::new();
    let mut amount: Money = [
        input.of(parts.plain),
        read.of(parts.cache_read),
        write.of(parts.cache_write),
        write_1h.of(parts.cache_write_1h),
        audio_input.of(parts.audio_input),
    ]
    .into_iter()
    .sum();
    match (output, prices.audio_output) {
        (Some(text), audio) => {
            amount = amount
                .plus(text.of(parts.output))
                .plus(audio.unwrap_or(text).of(parts.audio_output));
        }
        (None, Some(audio)) if parts.output == 0 => {
            amount = amount.plus(audio.of(parts.audio_output));
        }
        (None, _) if usage.output == 0 => {}
        (None, _) => missing.push("output"),
    }
    match prices.searches {
        Some(price) => amount = amount.plus(price.of(usage.searches)),
        None if usage.searches == 0 => {}
        None => missing.push("searches"),
    }
    if prices.per_call_fee {
        missing.push("per_call_fee");
    }
    if !service_tier.is_none_or(is_standard) {
        missing.push("service_tier");
    }
    Cost {
        amount: Some(amount),
        unknown: !missing.is_empty(),
        missing,
    }
}

/// The counts that the invoice has: those that the provider says apart, or the usage itself.
fn invoiced(usage: &Usage) -> Cow<'_, Usage> {
    let Some(billed) = usage.billed else {
        return Cow::Borrowed(usage);
    };
    // The invoice does not say which of its tokens came from a cache: none is charged less.
    Cow::Owned(Usage {
        input: billed.input,
        output: billed.output,
        cache_read: 0,
        cache_write: 0,
        cache_write_1h: 0,
        ..usage.clone()
    })
}

/// Whether a provider's word for a service tier means its standard prices.
fn is_standard(tier: &str) -> bool {
    [
        "default",
        "standard",
        "auto",
        "on_demand",
        "standard_only",
        "",
    ]
    .iter()
    .any(|word| word.eq_ignore_ascii_case(tier))
}

#[cfg(test)]
mod tests;
