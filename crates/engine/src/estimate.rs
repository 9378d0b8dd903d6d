//! Token counts where a provider gave none, from the length of the text.
//!
//! No tokeniser is used: for Claude and Gemini none is public (wire-protocols §14), and what these
//! numbers are for (choosing a window, the usage of a stream that was cut) does not need one. They
//! are flagged as estimates wherever they are shown.

use polyroute_wire::usage::Usage;
use serde::{Deserialize, Serialize};

use crate::snapshot::Dialect;

/// Tokens that each message costs beside its text.
const TOKENS_PER_MESSAGE: u64 = 4;

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

/// Tokens of so many bytes of UTF-8 text, whichever model: four bytes a token, the usual figure
/// for English; other scripts take more bytes a character and about as many a token.
#[must_use]
pub fn tokens_of_bytes(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

/// Tokens that the messages of a request cost beside their text.
#[must_use]
pub fn overhead(messages: usize) -> u64 {
    u64::try_from(messages)
        .unwrap_or(u64::MAX)
        .saturating_mul(TOKENS_PER_MESSAGE)
}

/// Tokens of so many bytes of text for one model family. Biased high, since these stand in a
/// bill: OpenAI and Gemini at 3.7 bytes a token, Claude at 3 (its newer tokenisers count about
/// 30 % more than the older ones for the same text, by the provider's own migration guides).
#[must_use]
pub fn tokens(bytes: u64, dialect: Dialect) -> u64 {
    let milli_bytes_per_token = match dialect {
        Dialect::OpenAi
        | Dialect::Responses
        | Dialect::Gemini
        | Dialect::Cohere
        | Dialect::Bedrock => 3_700,
        Dialect::Anthropic => 3_000,
    };
    let tokens = (u128::from(bytes) * 1_000).div_ceil(milli_bytes_per_token);
    u64::try_from(tokens).unwrap_or(u64::MAX)
}

/// The usage of an answer: as reported, or with estimates for what is missing.
///
/// A stream that was cut often has the input counted (in its first event) and the output not:
/// `text_bytes` of output that were seen stand for at least so many tokens.
#[must_use]
pub fn complete(
    reported: Option<&Usage>,
    ended_well: bool,
    input_tokens: u64,
    text_bytes: u64,
    dialect: Dialect,
) -> (Usage, Provenance) {
    let seen = tokens(text_bytes, dialect);
    match reported {
        Some(usage) if ended_well || usage.output >= seen => (usage.clone(), Provenance::Reported),
        Some(usage) => {
            let input = if usage.input == 0 {
                input_tokens
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
                input: input_tokens,
                output: seen,
                ..Usage::default()
            };
            (usage, Provenance::Estimated)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_by_family_are_high_rather_than_low() {
        assert_eq!(tokens(0, Dialect::OpenAi), 0);
        assert_eq!(tokens(37, Dialect::OpenAi), 10);
        assert_eq!(tokens(30, Dialect::Anthropic), 10);
        assert!(tokens(u64::MAX, Dialect::Anthropic) > 0);
        assert_eq!(tokens_of_bytes(9), 3);
    }

    #[test]
    fn what_the_provider_counted_is_kept() {
        let usage = Usage {
            input: 10,
            output: 5,
            ..Usage::default()
        };
        let (kept, provenance) = complete(Some(&usage), true, 99, 4_000, Dialect::OpenAi);
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
        let (usage, provenance) = complete(Some(&begun), false, 99, 300, Dialect::Anthropic);
        assert_eq!((usage.input, usage.output, usage.cache_read), (10, 100, 4));
        assert_eq!(provenance, Provenance::Estimated);
        let (usage, provenance) = complete(None, false, 99, 370, Dialect::Gemini);
        assert_eq!(
            (usage.input, usage.output, provenance),
            (99, 100, Provenance::Estimated)
        );
    }

    #[test]
    fn nothing_sent_is_nothing_used() {
        let (usage, provenance) = complete(None, false, 99, 0, Dialect::OpenAi);
        assert_eq!((usage.total(), provenance), (0, Provenance::None));
        let (usage, _) = complete(None, true, 99, 0, Dialect::OpenAi);
        assert_eq!(usage.input, 99);
    }
}
