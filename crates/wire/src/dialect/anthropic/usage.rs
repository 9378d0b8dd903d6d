//! Token counts of an answer (wire-protocols §11.2).

use serde_json::{Map, Value};

use crate::usage::{Usage, count};

/// Iterations that the sums at the top level leave out although they are billed: the list shows
/// them (recorded with compaction and with the advisor tool).
const UNSUMMED_ITERATIONS: [&str; 2] = ["compaction", "advisor_message"];

/// Reads the provider's usage object. `input_tokens` leaves cache reads and writes out there and
/// includes them in the hub.
pub(super) fn read(native: &Map<String, Value>) -> Usage {
    let mut usage = Usage::default();
    add(native, &mut usage);
    let iterations = native.get("iterations").and_then(Value::as_array);
    for iteration in iterations
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
    {
        let kind = iteration.get("type").and_then(Value::as_str);
        if kind.is_some_and(|kind| UNSUMMED_ITERATIONS.contains(&kind)) {
            add(iteration, &mut usage);
        }
    }
    usage.native = native.clone();
    usage.checked()
}

/// Adds one set of counts.
fn add(counts: &Map<String, Value>, usage: &mut Usage) {
    let mut clamped = false;
    let mut read = |value: Option<&Value>| count(value, &mut clamped);
    let nested = |object: &str, key: &str| counts.get(object).and_then(|part| part.get(key));

    let fresh = read(counts.get("input_tokens"));
    let cache_read = read(counts.get("cache_read_input_tokens"));
    let five_minutes = read(nested("cache_creation", "ephemeral_5m_input_tokens"));
    let one_hour = read(nested("cache_creation", "ephemeral_1h_input_tokens"));
    // The sum is there on its own; older answers have it alone, and the split may be missing.
    let cache_write =
        read(counts.get("cache_creation_input_tokens")).max(five_minutes.saturating_add(one_hour));
    let output = read(counts.get("output_tokens"));
    let reasoning = read(nested("output_tokens_details", "thinking_tokens"));
    let searches = read(nested("server_tool_use", "web_search_requests"));

    let sum = |into: &mut u64, more: u64| *into = into.saturating_add(more);
    sum(&mut usage.input, fresh);
    sum(&mut usage.input, cache_read);
    sum(&mut usage.input, cache_write);
    sum(&mut usage.cache_read, cache_read);
    sum(&mut usage.cache_write, cache_write);
    sum(&mut usage.cache_write_1h, one_hour);
    sum(&mut usage.output, output);
    sum(&mut usage.reasoning, reasoning);
    sum(&mut usage.searches, searches);
    usage.clamped |= clamped;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usage(value: Value) -> Usage {
        read(value.as_object().unwrap())
    }

    /// §11.2, row Anthropic; Claude on Vertex AI alike.
    #[test]
    fn case_43_input_includes_what_the_cache_read_and_wrote() {
        let usage = usage(json!({
            "input_tokens": 11, "cache_read_input_tokens": 500, "cache_creation_input_tokens": 70,
            "cache_creation": {"ephemeral_5m_input_tokens": 40, "ephemeral_1h_input_tokens": 30},
            "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4},
            "server_tool_use": {"web_search_requests": 2},
        }));
        assert_eq!(
            (
                usage.input,
                usage.cache_read,
                usage.cache_write,
                usage.cache_write_1h
            ),
            (581, 500, 70, 30)
        );
        assert_eq!((usage.output, usage.reasoning, usage.searches), (9, 4, 2));
        assert!(!usage.clamped);
    }

    #[test]
    fn case_59_compaction_and_advisor_are_billed_and_messages_not_twice() {
        let usage = usage(json!({
            "input_tokens": 100, "output_tokens": 10,
            "iterations": [
                {"type": "message", "input_tokens": 100, "output_tokens": 10},
                {"type": "compaction", "input_tokens": 1, "cache_creation_input_tokens": 1000, "output_tokens": 50},
                {"type": "advisor_message", "model": "other", "input_tokens": 7, "output_tokens": 3},
            ],
        }));
        assert_eq!(
            (usage.input, usage.output, usage.cache_write),
            (1108, 63, 1000)
        );
        assert!(usage.native.contains_key("iterations"));
    }

    #[test]
    fn f29_nonsense_counts_are_flagged() {
        assert!(usage(json!({"input_tokens": -1, "output_tokens": "x"})).clamped);
    }
}
