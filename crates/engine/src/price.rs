//! What an answer cost: token counts at a price row, each token charged once.
//!
//! Read [`cost`] first. An unknown price is never zero: it makes the whole cost unknown, or is
//! named in [`Cost::missing`] where only a part is.

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
    let parts = Parts::of(usage);
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
    let output = pick(prices.output, |tier| tier.output);

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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prices(json: &str) -> Prices {
        serde_json::from_str(json).unwrap()
    }

    fn claude() -> Prices {
        prices(
            r#"{"input":"4","cached_input":"0.2","cache_write":"5","cache_write_1h":"8",
                "output":"20","searches":"10"}"#,
        )
    }

    fn tiered() -> Prices {
        prices(
            r#"{"input":"1.25","cached_input":"0.125","output":"10","audio_input":"2","tiers":
                [{"above":200000,"input":"2.5","cached_input":"0.25","output":"15"}]}"#,
        )
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage {
            input,
            output,
            ..Usage::default()
        }
    }

    #[test]
    fn case_43_cached_tokens_are_charged_once() {
        let usage = Usage {
            input: 1_000,
            cache_read: 600,
            cache_write: 300,
            cache_write_1h: 100,
            output: 50,
            reasoning: 40,
            searches: 2,
            ..Usage::default()
        };
        // 100 plain, 600 read, 200 written for 5 minutes, 100 for an hour, 50 out, 2 searches.
        let micro_usd =
            100 * 4_000_000 + 600 * 200_000 + 200 * 5_000_000 + 100 * 8_000_000 + 50 * 20_000_000;
        let expected = Money::from_pico_usd(micro_usd + 2 * 10_000_000_000);
        let cost = cost(&usage, Some(&claude()), None);
        assert_eq!((cost.amount, cost.unknown), (Some(expected), false));
    }

    #[test]
    fn a_long_request_costs_more_from_its_first_token() {
        let at = |input| {
            cost(&usage(input, 1_000), Some(&tiered()), None)
                .amount
                .unwrap()
        };
        assert_eq!(at(200_000).to_string(), "0.26");
        assert_eq!(at(200_001).to_string(), "0.5150025");
    }

    #[test]
    fn sound_has_its_own_price_where_there_is_one() {
        let usage = Usage {
            input_audio: 400,
            ..usage(1_000, 0)
        };
        let cost_at = |prices| cost(&usage, Some(&prices), None).amount.unwrap();
        assert_eq!(cost_at(tiered()).to_string(), "0.00155");
        assert_eq!(cost_at(claude()).to_string(), "0.004");
    }

    #[test]
    fn an_unknown_price_is_said_and_is_not_zero() {
        let unpriced = cost(&usage(5, 5), None, None);
        assert_eq!((unpriced.amount, unpriced.unknown), (None, true));
        let embedding = prices(r#"{"input":"0.02"}"#);
        assert!(!cost(&usage(5, 0), Some(&embedding), None).unknown);
        assert_eq!(
            cost(&usage(5, 1), Some(&embedding), None).missing,
            ["output"]
        );
        let searched = Usage {
            searches: 1,
            ..usage(5, 5)
        };
        assert_eq!(cost(&searched, Some(&tiered()), None).missing, ["searches"]);
        let priority = cost(&usage(5, 5), Some(&claude()), Some("priority"));
        assert_eq!(
            (priority.unknown, priority.missing),
            (true, vec!["service_tier"])
        );
        assert!(!cost(&usage(5, 5), Some(&claude()), Some("ON_DEMAND")).unknown);
    }

    #[test]
    fn a_misspelt_price_is_an_error() {
        assert!(serde_json::from_str::<Prices>(r#"{"input":"1","outptu":"2"}"#).is_err());
        assert!(serde_json::from_str::<Prices>(r#"{"input":1.5}"#).is_err());
    }

    prop_compose! {
        fn any_usage()(
            input in 0..1_u64 << 40, read in 0..1_u64 << 41, write in 0..1_u64 << 41,
            hour in 0..1_u64 << 41, output in 0..1_u64 << 40, audio in 0..1_u64 << 41,
            spoken in 0..1_u64 << 41, searches in 0..50_u64,
        ) -> Usage {
            Usage {
                input, cache_read: read, cache_write: write, cache_write_1h: hour, output,
                input_audio: audio, output_audio: spoken, searches, ..Usage::default()
            }
        }
    }

    proptest! {
        #[test]
        fn every_token_is_in_exactly_one_part(usage in any_usage()) {
            let parts = Parts::of(&usage);
            let input = parts.plain + parts.audio_input + parts.cache_read + parts.cache_write
                + parts.cache_write_1h;
            prop_assert_eq!(input, usage.input);
            prop_assert_eq!(parts.output + parts.audio_output, usage.output);
        }

        #[test]
        fn at_one_price_for_all_the_split_does_not_matter(usage in any_usage()) {
            let flat = prices(r#"{"input":"3","output":"3"}"#);
            let expected = u128::from(usage.total()) * 3_000_000;
            let cost = cost(&Usage { searches: 0, ..usage }, Some(&flat), None);
            prop_assert_eq!(cost.amount, Some(Money::from_pico_usd(expected)));
        }

        #[test]
        fn more_tokens_never_cost_less(usage in any_usage(), more in 0..1_u64 << 30) {
            for row in [claude(), tiered()] {
                let amount = |usage: &Usage| cost(usage, Some(&row), None).amount.unwrap();
                let before = amount(&usage);
                let mut longer = usage.clone();
                longer.output += more;
                prop_assert!(amount(&longer) >= before);
                // All parts of the input kept as they were, so that the new tokens are plain.
                let mut wider = usage.clone().checked();
                let parts = Parts::of(&wider);
                wider.cache_read = parts.cache_read;
                wider.cache_write = parts.cache_write + parts.cache_write_1h;
                wider.cache_write_1h = parts.cache_write_1h;
                wider.input_audio = parts.audio_input;
                let base = amount(&wider);
                wider.input += more;
                prop_assert!(amount(&wider) >= base);
            }
        }
    }
}
