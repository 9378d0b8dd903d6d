//! Token counts before a call, and where a provider gave none.
//!
//! No tokeniser is used: for Claude and Gemini none is public (wire-protocols §14), and what these
//! numbers are for (choosing a window, the usage of a stream that was cut) does not need one. They
//! are flagged as estimates wherever they are shown.
//!
//! Read [`InputSize`] first: what a request holds, gathered in one scan. [`Family`] says how a
//! model counts it, and [`Corrections`] what its provider was seen to add.

mod correct;
mod family;
mod image;
mod rates;
mod scan;
mod schema;
mod sealed;
mod size;

use polyroute_wire::usage::Usage;
use serde::{Deserialize, Serialize};

pub use correct::{CORRECTIONS_MAX, Corrections};
pub use family::Family;
pub use image::ImageSize;
pub use rates::Rates;
pub use scan::{Form, Milli, Units, units};
pub use size::{InputSize, Shape};

/// Where the token counts of a record come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// The provider counted.
    Reported,
    /// We estimated at least a part from the length of the text.
    Estimated,
    /// There are none: nothing was sent or nothing is known.
    #[default]
    None,
}

/// Tokens of so many bytes of text for one model family. Biased high, since these stand in a
/// bill: Claude at 3 bytes a token (its newer tokenisers count about 30 % more than the older ones
/// for the same text, by the provider's own migration guides), the others at 3.7.
#[must_use]
pub fn tokens(bytes: u64, family: Family) -> u64 {
    let milli_bytes_per_token = match family {
        family if family.is_claude() => 3_000,
        _ => 3_700,
    };
    let tokens = (u128::from(bytes) * 1_000).div_ceil(milli_bytes_per_token);
    u64::try_from(tokens).unwrap_or(u64::MAX)
}

/// An estimate that is told in place of a count: with the fifteen percent that nine of ten
/// estimates are within on top, as whoever plans by a count that is too low overruns the window
/// (wire-protocols §14).
#[must_use]
pub const fn told(estimate: u64) -> u64 {
    estimate.saturating_add(estimate.saturating_mul(15).div_ceil(100))
}

/// The usage of an answer: as reported, or with estimates for what is missing.
///
/// A stream that was cut often has the input counted (in its first event) and the output not:
/// `text_bytes` of output that were seen stand for at least so many tokens. `input_tokens` is asked
/// only where an estimate of the input is needed.
#[must_use]
pub fn complete(
    reported: Option<&Usage>,
    ended_well: bool,
    input_tokens: impl FnOnce() -> u64,
    text_bytes: u64,
    family: Family,
) -> (Usage, Provenance) {
    let seen = tokens(text_bytes, family);
    match reported {
        Some(usage) if ended_well || usage.output >= seen => (usage.clone(), Provenance::Reported),
        Some(usage) => {
            let input = if usage.input == 0 {
                input_tokens()
            } else {
                usage.input
            };
            let usage = Usage {
                input,
                output: seen,
                ..usage.clone()
            };
            (usage, Provenance::Estimated)
        }
        None if text_bytes == 0 && !ended_well => (Usage::default(), Provenance::None),
        None => {
            let usage = Usage {
                input: input_tokens(),
                output: seen,
                ..Usage::default()
            };
            (usage, Provenance::Estimated)
        }
    }
}

#[cfg(test)]
mod recordings;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_by_family_are_high_rather_than_low() {
        assert_eq!(tokens(0, Family::Gpt5), 0);
        assert_eq!(tokens(37, Family::Gpt5), 10);
        assert_eq!(tokens(30, Family::Claude), 10);
        assert!(tokens(u64::MAX, Family::Claude) > 0);
    }

    #[test]
    fn section_14_an_estimate_in_place_of_a_count_is_rather_high() {
        assert_eq!((told(0), told(1), told(100)), (0, 2, 115));
        assert_eq!(told(u64::MAX), u64::MAX);
    }

    #[test]
    fn what_the_provider_counted_is_kept() {
        let usage = Usage {
            input: 10,
            output: 5,
            ..Usage::default()
        };
        let (kept, provenance) = complete(Some(&usage), true, || 99, 4_000, Family::Gpt5);
        assert_eq!((kept, provenance), (usage, Provenance::Reported));
    }

    #[test]
    fn a_cut_stream_counts_what_was_seen() {
        let begun = Usage {
            input: 10,
            output: 1,
            cache_read: 4,
            ..Usage::default()
        };
        let (usage, provenance) = complete(Some(&begun), false, || 99, 300, Family::Claude);
        assert_eq!((usage.input, usage.output, usage.cache_read), (10, 100, 4));
        assert_eq!(provenance, Provenance::Estimated);
        let (usage, provenance) = complete(None, false, || 99, 370, Family::Gemini);
        assert_eq!(
            (usage.input, usage.output, provenance),
            (99, 100, Provenance::Estimated)
        );
    }

    #[test]
    fn nothing_sent_is_nothing_used() {
        let (usage, provenance) = complete(None, false, || 99, 0, Family::Gpt5);
        assert_eq!((usage.total(), provenance), (0, Provenance::None));
        let (usage, _) = complete(None, true, || 99, 0, Family::Gpt5);
        assert_eq!(usage.input, 99);
    }
}
