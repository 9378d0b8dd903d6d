//! Token counts of an answer (wire-protocols §11.2).

use serde_json::{Map, Value};

use crate::usage::{Usage, count};

/// Reads the provider's usage object. `inputTokens` leaves cache reads and writes out there and
/// includes them in the hub; each cache count stands there under two spellings.
pub(super) fn read(native: &Map<String, Value>) -> Usage {
    let mut clamped = false;
    let mut read = |value: Option<&Value>| count(value, &mut clamped);
    let either = |one: &str, other: &str| native.get(one).or_else(|| native.get(other));
    let fresh = read(native.get("inputTokens"));
    let cache_read = read(either("cacheReadInputTokens", "cacheReadInputTokenCount"));
    let cache_write = read(either("cacheWriteInputTokens", "cacheWriteInputTokenCount"));
    let output = read(native.get("outputTokens"));
    let details = native.get("cacheDetails").and_then(Value::as_array);
    let hour = details
        .into_iter()
        .flatten()
        .filter(|detail| detail.get("ttl").and_then(Value::as_str) == Some("1h"))
        .map(|detail| read(detail.get("inputTokens")))
        .fold(0, u64::saturating_add);
    Usage {
        input: fresh.saturating_add(cache_read).saturating_add(cache_write),
        cache_read,
        cache_write,
        cache_write_1h: hour,
        output,
        clamped,
        native: native.clone(),
        ..Usage::default()
    }
    .checked()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usage(value: Value) -> Usage {
        read(value.as_object().unwrap())
    }

    #[test]
    fn section_11_2_case_43_input_includes_what_the_cache_read_and_wrote_counted_once() {
        let usage = usage(json!({
            "inputTokens": 11, "outputTokens": 9, "totalTokens": 590,
            "cacheReadInputTokens": 500, "cacheReadInputTokenCount": 500,
            "cacheWriteInputTokens": 70, "cacheWriteInputTokenCount": 70,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 40}, {"ttl": "1h", "inputTokens": 30}],
        }));
        assert_eq!(
            (
                usage.input,
                usage.cache_read,
                usage.cache_write,
                usage.cache_write_1h,
                usage.output
            ),
            (581, 500, 70, 30, 9)
        );
        assert_eq!(usage.total(), 590);
        assert!(!usage.clamped);
    }

    #[test]
    fn f29_nonsense_counts_are_flagged() {
        assert!(usage(json!({"inputTokens": -1, "outputTokens": "x"})).clamped);
    }
}
