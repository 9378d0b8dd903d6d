//! Reads an OpenAI-shaped `usage` object into the hub's counts (wire-protocols §11.2).

use serde_json::Value;

use crate::usage::{Usage, count};

/// The counts of a `usage` object; `None` if it is no object or an empty one.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    let native = usage.as_object().filter(|native| !native.is_empty())?;
    let mut clamped = false;
    let mut at = |path: &str| count(usage.pointer(path), &mut clamped);
    let prompt = at("/prompt_tokens");
    let completion = at("/completion_tokens");
    let total = at("/total_tokens");
    let reasoning = at("/completion_tokens_details/reasoning_tokens");
    // Two sources count reasoning outside `completion_tokens` and inside the total: xAI's chat
    // names it, Gemini's OpenAI layer hides it. Where the total is more than both, it is output.
    let output = if total > prompt.saturating_add(completion) && native.contains_key("total_tokens")
    {
        let beyond = total - prompt - completion;
        // Mistral's sound is input that the total has and `prompt_tokens` has not.
        let audio = at("/prompt_tokens_details/audio_tokens");
        if beyond == audio {
            completion
        } else {
            completion + beyond
        }
    } else {
        completion
    };
    let audio = at("/prompt_tokens_details/audio_tokens");
    let input = if audio > 0 && total == prompt.saturating_add(completion).saturating_add(audio) {
        prompt + audio
    } else {
        prompt
    };
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
    let counts = Usage {
        input,
        cache_read,
        cache_write: at("/prompt_tokens_details/cache_write_tokens"),
        cache_write_1h: 0,
        output,
        reasoning,
        input_audio: audio,
        output_audio: at("/completion_tokens_details/audio_tokens"),
        accepted_prediction: at("/completion_tokens_details/accepted_prediction_tokens"),
        rejected_prediction: at("/completion_tokens_details/rejected_prediction_tokens"),
        searches: at("/num_search_queries"),
        clamped: false,
        native: native.clone(),
    };
    Some(Usage { clamped, ..counts }.checked())
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

    #[test]
    fn nothing_is_no_usage() {
        for value in [json!(null), json!({}), json!([1])] {
            assert_eq!(read(&value), None);
        }
    }
}
