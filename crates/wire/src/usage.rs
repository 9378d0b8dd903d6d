//! Token counts with one meaning, whatever each provider counts where (wire-protocols §11.2).

use serde_json::{Map, Value, json};

/// Token counts of one answer. Parents include their parts: `input` includes cache reads and
/// writes, `output` includes reasoning. Unit: tokens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input: u64,
    /// Input tokens read from a prompt cache.
    pub cache_read: u64,
    /// Input tokens written to a prompt cache, all lifetimes.
    pub cache_write: u64,
    /// The part of `cache_write` that lives for an hour.
    pub cache_write_1h: u64,
    /// All output tokens, reasoning included.
    pub output: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
    /// Input tokens of sound.
    pub input_audio: u64,
    /// Output tokens of sound.
    pub output_audio: u64,
    /// OpenAI predicted output: tokens that were accepted.
    pub accepted_prediction: u64,
    /// OpenAI predicted output: tokens that were rejected.
    pub rejected_prediction: u64,
    /// Web searches that the provider ran and bills by the call.
    pub searches: u64,
    /// A sub-count exceeded its parent, or a count was no non-negative integer, and was clamped.
    pub clamped: bool,
    /// The tokens that the invoice has, where the provider says them apart from those that were
    /// really read and written (Cohere `billed_units`): the cost goes by these.
    pub billed: Option<Billed>,
    /// The provider's own usage object, verbatim.
    pub native: Map<String, Value>,
}

/// Tokens that a provider invoices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Billed {
    /// Input tokens, cached ones included.
    pub input: u64,
    /// Output tokens, reasoning included.
    pub output: u64,
}

impl Usage {
    /// Clamps every part to its parent and says so in `clamped`.
    #[must_use]
    pub fn checked(mut self) -> Self {
        let mut clamp = |part: &mut u64, parent: u64| {
            if *part > parent {
                *part = parent;
                self.clamped = true;
            }
        };
        clamp(&mut self.cache_read, self.input);
        // Read and written are parts of the input beside each other: counted twice (OpenRouter), the
        // same tokens would be charged twice.
        clamp(&mut self.cache_write, self.input - self.cache_read);
        clamp(&mut self.cache_write_1h, self.cache_write);
        clamp(&mut self.reasoning, self.output);
        clamp(&mut self.input_audio, self.input);
        clamp(&mut self.output_audio, self.output);
        self
    }

    /// Adds the counts of another answer to the same request (one call of several). The native
    /// objects are not added: each belongs to its own call.
    pub fn add(&mut self, other: &Self) {
        for (sum, part) in [
            (&mut self.input, other.input),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.output, other.output),
            (&mut self.reasoning, other.reasoning),
            (&mut self.input_audio, other.input_audio),
            (&mut self.output_audio, other.output_audio),
            (&mut self.accepted_prediction, other.accepted_prediction),
            (&mut self.rejected_prediction, other.rejected_prediction),
            (&mut self.searches, other.searches),
        ] {
            *sum = sum.saturating_add(part);
        }
        self.clamped |= other.clamped;
        self.native.clear();
    }

    /// Input and output together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// The OpenAI `usage` object.
    #[must_use]
    pub fn to_openai(&self) -> Value {
        json!({
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.total(),
            "prompt_tokens_details": {
                "cached_tokens": self.cache_read,
                "cache_write_tokens": self.cache_write,
                "audio_tokens": self.input_audio,
            },
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "audio_tokens": self.output_audio,
                "accepted_prediction_tokens": self.accepted_prediction,
                "rejected_prediction_tokens": self.rejected_prediction,
            },
        })
    }
}

/// Reads a token count that may be missing, null, negative, a float, a string or beyond 2^63 (row
/// F29). `clamped` is set if the value was present and no non-negative integer.
#[must_use]
pub fn count(value: Option<&Value>, clamped: &mut bool) -> u64 {
    const COUNT_MAX: u64 = i64::MAX as u64;
    match value {
        None | Some(Value::Null) => 0,
        Some(Value::Number(number)) => {
            if let Some(count) = number.as_u64() {
                if count > COUNT_MAX {
                    *clamped = true;
                }
                count.min(COUNT_MAX)
            } else if let Some(float) = number
                .as_f64()
                .filter(|float| *float >= 0.0 && float.fract() == 0.0 && *float < 9e15)
            {
                // Proto-JSON may write an integer as 40.0.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "checked to be a whole number in range"
                )]
                let count = float as u64;
                count
            } else {
                *clamped = true;
                0
            }
        }
        Some(Value::String(text)) => {
            // int64 as a string is proto-JSON's own form.
            text.parse::<u64>().map_or_else(
                |_| {
                    *clamped = true;
                    0
                },
                |count| count.min(COUNT_MAX),
            )
        }
        Some(_) => {
            *clamped = true;
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f29_odd_counts_are_clamped_and_flagged() {
        for (value, expected, flagged) in [
            (json!(7), 7, false),
            (json!(0), 0, false),
            (json!(40.0), 40, false),
            (json!("12"), 12, false),
            (Value::Null, 0, false),
            (json!(-3), 0, true),
            (json!(1.5), 0, true),
            (json!("many"), 0, true),
            (json!(u64::MAX), i64::MAX as u64, true),
            (json!({}), 0, true),
        ] {
            let mut clamped = false;
            assert_eq!(count(Some(&value), &mut clamped), expected, "{value}");
            assert_eq!(clamped, flagged, "{value}");
        }
    }

    #[test]
    fn case_53_a_part_never_exceeds_its_parent() {
        let usage = Usage {
            input: 10,
            cache_read: 20,
            output: 3,
            reasoning: 4,
            ..Usage::default()
        }
        .checked();
        assert_eq!(
            (usage.cache_read, usage.reasoning, usage.clamped),
            (10, 3, true)
        );
    }
}
