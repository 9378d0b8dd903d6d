//! What thinking stands for that is sent back and that only its provider can read: the encrypted
//! reasoning of OpenAI and xAI, the thought signatures of Gemini's tool calls.
//!
//! It is the thinking itself, encrypted, so that its length tells its tokens; which of it a provider
//! counts again differs. Both were read from the recordings: their answers tell the tokens of the
//! thinking next to it, and their next requests what of it was counted.

use super::rates::Rates;

/// Characters of OpenAI's encrypted reasoning that hold no thinking.
const REASONING_AROUND: u64 = 1_200;
/// Characters of the signatures of Gemini 3 that hold none.
const SIGNATURE_AROUND: u64 = 128;
/// Signatures up to this hold none at all (`skip_thought_signature_validator`).
const EMPTY: u64 = 64;

/// The sealed thinking of one request, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Encrypted reasoning.
    reasoning: u64,
    /// The same since the user spoke last, less what holds no thinking.
    reasoning_turn: u64,
    /// Signatures of Gemini 2.5.
    old: u64,
    /// The same put together from the pieces of a stream, since the user spoke last.
    pieces_turn: u64,
    /// Signatures of Gemini 3, less what holds no thinking: all, and since the user spoke last.
    new: u64,
    new_turn: u64,
}

impl Sealed {
    /// Encrypted reasoning of so many characters.
    pub(super) const fn reasoning(&mut self, characters: u64) {
        self.reasoning = self.reasoning.saturating_add(characters);
        let thinking = characters.saturating_sub(REASONING_AROUND);
        self.reasoning_turn = self.reasoning_turn.saturating_add(thinking);
    }

    /// The signature of a tool call.
    pub(super) fn signature(&mut self, signature: &str) {
        let characters = u64::try_from(signature.len()).unwrap_or(u64::MAX);
        match signature.as_bytes() {
            _ if characters <= EMPTY => {}
            // A protobuf of fields of number 1. The first of them has up to 63 bytes although the
            // whole is longer: more follow.
            [b'C', b'g'..=b'n', ..] => {
                self.pieces_turn = self.pieces_turn.saturating_add(characters)
            }
            [b'C', ..] => self.old = self.old.saturating_add(characters),
            _ => {
                let thinking = characters.saturating_sub(SIGNATURE_AROUND);
                self.new = self.new.saturating_add(thinking);
                self.new_turn = self.new_turn.saturating_add(thinking);
            }
        }
    }

    /// A message of the user begins.
    pub(super) const fn turn(&mut self) {
        self.reasoning_turn = 0;
        self.pieces_turn = 0;
        self.new_turn = 0;
    }

    /// Thousandths of a token.
    pub(super) fn milli(&self, rates: &Rates) -> u64 {
        [
            (self.reasoning, rates.sealed),
            (self.reasoning_turn, rates.sealed_turn),
            (self.old, rates.signature_old),
            (self.pieces_turn, rates.signature_pieces),
            (self.new, rates.signature),
            (self.new_turn, rates.signature_turn),
        ]
        .into_iter()
        .fold(0, |sum: u64, (characters, rate)| {
            sum.saturating_add(characters.saturating_mul(rate))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::Family;

    fn tokens(family: Family, fill: impl Fn(&mut Sealed)) -> u64 {
        let mut sealed = Sealed::default();
        fill(&mut sealed);
        sealed.milli(family.rates()) / 1_000
    }

    /// Tokens of thinking that answers told next to their signatures: `gemini/tool-single-059`
    /// (155 for 792 characters), `vertex/tool-single-003` (69 for 484), and of Vertex's stream
    /// `vertex/stream-tool-single-003` (90 for 752).
    #[test]
    fn a_signature_stands_for_the_thinking_in_it() {
        for (family, start, length, told) in [
            (Family::Gemini3, "Es4E", 792, 155),
            (Family::Vertex, "CugC", 484, 69),
            (Family::Vertex, "CiwB", 752, 90),
            (Family::Gemini, "CugC", 484, 0),
            (Family::Gemini2, "Es4E", 792, 0),
        ] {
            let signature = format!("{start}{}", "x".repeat(length - start.len()));
            let found = tokens(family, |sealed| sealed.signature(&signature));
            assert!(found.abs_diff(told) <= 25, "{family:?} {start}: {found}");
        }
        let none = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";
        assert_eq!(tokens(Family::Gemini3, |sealed| sealed.signature(none)), 0);
    }

    #[test]
    fn what_the_user_answered_is_forgotten_where_its_provider_forgets_it() {
        let of = |family, has_turn| {
            tokens(family, |sealed| {
                sealed.reasoning(3_020);
                if has_turn {
                    sealed.turn();
                }
            })
        };
        // `gpt-5-nano` told 256 tokens for 3,020 characters.
        assert!((200..=320).contains(&of(Family::Gpt5Responses, false)));
        assert_eq!(of(Family::Gpt5Responses, true), 0);
        assert!(of(Family::Grok, true) > 400);
    }
}
