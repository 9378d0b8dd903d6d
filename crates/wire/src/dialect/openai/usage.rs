//! Reads an OpenAI-shaped `usage` object into the hub's counts (wire-protocols §11.2).

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::usage::{Usage, count};

/// Counts up to here need no second look; beyond, [`read`] clamps and says so.
const PLAIN_COUNT_MAX: u64 = 1 << 53;

/// The counts of a `usage` object; `None` if it is no object or an empty one.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    let native = usage.as_object().filter(|native| !native.is_empty())?;
    let mut clamped = false;
    let first = |paths: [&str; 3], clamped: &mut bool| {
        paths
            .iter()
            .map(|path| count(usage.pointer(path), clamped))
            .find(|count| *count > 0)
            .unwrap_or(0)
    };
    let cache_read = first(
        [
            "/prompt_tokens_details/cached_tokens",
            "/prompt_cache_hit_tokens",
            "/cached_tokens",
        ],
        &mut clamped,
    );
    let mut at = |path: &str| count(usage.pointer(path), &mut clamped);
    let counts = Counts {
        prompt: at("/prompt_tokens"),
        completion: at("/completion_tokens"),
        total: at("/total_tokens"),
        cache_read,
        cache_write: at("/prompt_tokens_details/cache_write_tokens"),
        reasoning: at("/completion_tokens_details/reasoning_tokens"),
        input_audio: at("/prompt_tokens_details/audio_tokens"),
        output_audio: at("/completion_tokens_details/audio_tokens"),
        accepted_prediction: at("/completion_tokens_details/accepted_prediction_tokens"),
        rejected_prediction: at("/completion_tokens_details/rejected_prediction_tokens"),
        searches: at("/num_search_queries"),
    };
    Some(counts.usage(clamped, native.clone()))
}

/// The same for an answer that is passed on, without [`Usage::native`]: its bytes are in the
/// answer.
pub(super) fn tap(usage: &str) -> Option<Usage> {
    match serde_json::from_str::<PlainUsage>(usage)
        .ok()
        .and_then(PlainUsage::read)
    {
        Some(usage) => Some(usage),
        None => read(&serde_json::from_str(usage).ok()?).map(|usage| Usage {
            native: Map::new(),
            ..usage
        }),
    }
}

/// What a `usage` object says, before it is weighed.
struct Counts {
    prompt: u64,
    completion: u64,
    total: u64,
    cache_read: u64,
    cache_write: u64,
    reasoning: u64,
    input_audio: u64,
    output_audio: u64,
    accepted_prediction: u64,
    rejected_prediction: u64,
    searches: u64,
}

impl Counts {
    fn usage(self, clamped: bool, native: Map<String, Value>) -> Usage {
        let Self {
            prompt,
            completion,
            total,
            input_audio: audio,
            ..
        } = self;
        // Two sources count reasoning outside `completion_tokens` and inside the total: xAI's chat
        // names it, Gemini's OpenAI layer hides it. Where the total is more than both, it is
        // output.
        let output = if total > prompt.saturating_add(completion) {
            let beyond = total - prompt - completion;
            // Mistral's sound is input that the total has and `prompt_tokens` has not.
            if beyond == audio {
                completion
            } else {
                completion + beyond
            }
        } else {
            completion
        };
        let input = if audio > 0 && total == prompt.saturating_add(completion).saturating_add(audio)
        {
            prompt + audio
        } else {
            prompt
        };
        Usage {
            input,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: 0,
            output,
            reasoning: self.reasoning,
            input_audio: audio,
            output_audio: self.output_audio,
            accepted_prediction: self.accepted_prediction,
            rejected_prediction: self.rejected_prediction,
            searches: self.searches,
            billed: None,
            clamped,
            native,
        }
        .checked()
    }
}

/// A `usage` object that is as it should be.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct PlainUsage(Object<Plain>);

impl PlainUsage {
    /// Its counts, without [`Usage::native`]; `None` if anything is odd: [`read`] knows what to
    /// make of that.
    pub(super) fn read(self) -> Option<Usage> {
        let Self(Object(plain)) = self;
        Some(plain.counts()?.usage(false, Map::new()))
    }
}

/// Every count a number or not there.
#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Plain {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_cache_hit_tokens: Option<u64>,
    cached_tokens: Option<u64>,
    num_search_queries: Option<u64>,
    prompt_tokens_details: Option<Object<PlainPrompt>>,
    completion_tokens_details: Option<Object<PlainCompletion>>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct PlainPrompt {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct PlainCompletion {
    reasoning_tokens: Option<u64>,
    audio_tokens: Option<u64>,
    accepted_prediction_tokens: Option<u64>,
    rejected_prediction_tokens: Option<u64>,
}

/// What is written as an object: serde would take a list for the fields in their order.
#[derive(Default)]
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl Plain {
    /// `None` if anything is odd.
    fn counts(self) -> Option<Counts> {
        let Object(prompt) = self.prompt_tokens_details.unwrap_or_default();
        let Object(completion) = self.completion_tokens_details.unwrap_or_default();
        let cached = [
            prompt.cached_tokens,
            self.prompt_cache_hit_tokens,
            self.cached_tokens,
        ];
        let counts = Counts {
            prompt: self.prompt_tokens?,
            completion: self.completion_tokens.unwrap_or(0),
            total: self.total_tokens.unwrap_or(0),
            cache_read: cached
                .into_iter()
                .flatten()
                .find(|count| *count > 0)
                .unwrap_or(0),
            cache_write: prompt.cache_write_tokens.unwrap_or(0),
            reasoning: completion.reasoning_tokens.unwrap_or(0),
            input_audio: prompt.audio_tokens.unwrap_or(0),
            output_audio: completion.audio_tokens.unwrap_or(0),
            accepted_prediction: completion.accepted_prediction_tokens.unwrap_or(0),
            rejected_prediction: completion.rejected_prediction_tokens.unwrap_or(0),
            searches: self.num_search_queries.unwrap_or(0),
        };
        let sane = |count: u64| count <= PLAIN_COUNT_MAX;
        let all = [
            counts.prompt,
            counts.completion,
            counts.total,
            counts.cache_read,
            counts.cache_write,
            counts.reasoning,
            counts.input_audio,
            counts.output_audio,
            counts.accepted_prediction,
            counts.rejected_prediction,
            counts.searches,
        ];
        all.into_iter().all(sane).then_some(counts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn case_43_cached_tokens_are_part_of_the_input() {
        let usage = read(&json!({
            "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 30},
            "completion_tokens_details": {"reasoning_tokens": 5},
        }))
        .unwrap();
        assert_eq!(
            (usage.input, usage.cache_read, usage.cache_write),
            (100, 64, 30)
        );
        assert_eq!(
            (usage.output, usage.reasoning, usage.clamped),
            (20, 5, false)
        );
        assert_eq!(usage.native["total_tokens"], 120);
    }

    #[test]
    fn case_53_cached_beyond_the_prompt_is_clamped_and_flagged() {
        let usage = read(&json!({
            "prompt_tokens": 10, "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 90},
        }))
        .unwrap();
        assert_eq!((usage.cache_read, usage.clamped), (10, true));
    }

    #[test]
    fn reasoning_outside_the_completion_is_output() {
        let grok = read(&json!({
            "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40,
            "completion_tokens_details": {"reasoning_tokens": 25},
        }))
        .unwrap();
        assert_eq!((grok.output, grok.reasoning), (30, 25));
        let mistral = read(&json!({
            "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115,
            "prompt_tokens_details": {"audio_tokens": 100},
        }))
        .unwrap();
        assert_eq!((mistral.input, mistral.output), (110, 5));
    }

    /// Vendor, what it says, and what that means: input, output, read from a cache, reasoning;
    /// whether a part had to be cut to its whole.
    type Row = (&'static str, Value, (u64, u64, u64, u64), bool);

    #[rustfmt::skip]
    fn vendors() -> [Row; 11] {
        [
            ("openai", json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
                "prompt_tokens_details": {"cached_tokens": 64},
                "completion_tokens_details": {"reasoning_tokens": 5}}), (100, 20, 64, 5), false),
            // A total is not trusted where it says less.
            ("openai", json!({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 7}), (100, 20, 0, 0), false),
            ("xai", json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40,
                "completion_tokens_details": {"reasoning_tokens": 25}, "num_sources_used": 0}), (10, 30, 0, 25), false),
            ("gemini's openai layer", json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 65}), (10, 55, 0, 0), false),
            ("azure-hosted grok", json!({"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105,
                "prompt_tokens_details": {"cached_tokens": 160}, "cost_in_usd_ticks": 31}), (100, 5, 100, 0), true),
            ("mistral's sound", json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115,
                "prompt_tokens_details": {"audio_tokens": 100}}), (110, 5, 0, 0), false),
            ("mistral", json!({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4}, "num_cached_tokens": 4, "service_tier": null}), (10, 5, 4, 0), false),
            ("deepseek", json!({"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39,
                "prompt_cache_hit_tokens": 20, "prompt_cache_miss_tokens": 10,
                "completion_tokens_details": {"reasoning_tokens": 6}}), (30, 9, 20, 6), false),
            ("perplexity", json!({"prompt_tokens": 8, "completion_tokens": 9, "total_tokens": 17, "citation_tokens": 40,
                "num_search_queries": 3, "search_context_size": "low", "cost": {"total_cost": 0.006}}), (8, 9, 0, 0), false),
            ("openrouter", json!({"prompt_tokens": 2168, "completion_tokens": 10, "total_tokens": 2178, "cost": 0.01,
                "prompt_tokens_details": {"cached_tokens": 2161, "cache_write_tokens": 2161},
                "completion_tokens_details": {"reasoning_tokens": 11}}), (2168, 10, 2161, 10), true),
            ("together", json!({"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39, "cached_tokens": 8}), (30, 9, 8, 0), false),
        ]
    }

    /// wire-protocols §11.2: how each vendor counts, read whole and in passing.
    #[test]
    fn section_11_2_what_each_vendor_counts_where() {
        for (vendor, native, counts, clamped) in vendors() {
            let usage = read(&native).unwrap();
            let counted = (usage.input, usage.output, usage.cache_read, usage.reasoning);
            assert_eq!(counted, counts, "{vendor}");
            assert_eq!(usage.clamped, clamped, "{vendor}");
            assert!(usage.cache_read + usage.cache_write <= usage.input);
            assert_eq!(Value::Object(usage.native.clone()), native, "{vendor}");
            let tapped = tap(&native.to_string()).unwrap();
            assert_eq!((tapped.input, tapped.output), (counts.0, counts.1));
        }
        let searches = json!({"prompt_tokens": 8, "num_search_queries": 3});
        assert_eq!(read(&searches).unwrap().searches, 3);
    }

    #[test]
    fn nothing_is_no_usage() {
        for value in [json!(null), json!({}), json!([1])] {
            assert_eq!(read(&value), None);
        }
    }

    #[test]
    fn f29_a_passed_on_answer_s_counts_are_read_alike() {
        let odd = json!({"prompt_tokens": "7", "completion_tokens": -1, "total_tokens": 9});
        let huge = json!({"prompt_tokens": u64::MAX, "completion_tokens": 2.0});
        for usage in [
            json!({
                "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 125,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 1, "other": [1]},
                "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": null},
                "prompt_cache_hit_tokens": 64, "num_search_queries": 2, "cost": 0.1,
            }),
            json!({"prompt_tokens": 1, "prompt_tokens_details": null, "cached_tokens": 1}),
            json!({"prompt_tokens": 1, "prompt_tokens_details": "none"}),
            json!({"prompt_tokens": 9, "prompt_tokens_details": [5]}),
            json!({"completion_tokens": 4}),
            json!({"prompt_tokens": 1, "completion_tokens": 90, "total_tokens": 4,
                "completion_tokens_details": {"reasoning_tokens": 91}}),
            odd,
            huge,
            json!({}),
            json!(null),
            json!([3]),
        ] {
            let full = read(&usage).map(|counts| Usage {
                native: Map::new(),
                ..counts
            });
            assert_eq!(tap(&usage.to_string()), full, "{usage}");
        }
        // A key that stands twice counts as it does for everybody else: the last.
        let twice = tap(r#"{"prompt_tokens": 1, "prompt_tokens": 2}"#);
        assert_eq!(twice.map(|usage| usage.input), Some(2));
    }
}
