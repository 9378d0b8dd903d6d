//! Token counts of an answer (wire-protocols §11.2).

use serde_json::{Map, Value};

use crate::usage::{Billed, Usage, count};

/// Reads a chat answer's `usage`. `tokens` are those that were really read and written, the API's
/// own prompt included; `billed_units` are those that the invoice has. Pictures are counted beside
/// `input_tokens`, cached tokens and reasoning inside theirs (recorded).
pub(super) fn read(native: &Map<String, Value>) -> Usage {
    let mut clamped = false;
    let mut take = |group: &str, key: &str| {
        let value = native.get(group).and_then(|group| group.get(key));
        value.map(|value| count(Some(value), &mut clamped))
    };
    let billed = Billed {
        input: take("billed_units", "input_tokens").unwrap_or(0),
        output: take("billed_units", "output_tokens").unwrap_or(0),
    };
    let has_bill = native.get("billed_units").is_some_and(Value::is_object);
    let images = take("tokens", "image_tokens").unwrap_or(0);
    let input =
        take("tokens", "input_tokens").map_or(billed.input, |text| text.saturating_add(images));
    let output = take("tokens", "output_tokens").unwrap_or(billed.output);
    let reasoning = take("tokens", "reasoning_tokens").unwrap_or(0);
    let searches = take("billed_units", "search_units").unwrap_or(0);
    let cache_read = count(native.get("cached_tokens"), &mut clamped);
    Usage {
        input,
        cache_read,
        output,
        reasoning,
        searches,
        billed: has_bill.then_some(billed),
        clamped,
        native: native.clone(),
        ..Usage::default()
    }
    .checked()
}

/// Reads the `meta` of an embeddings or rerank answer.
pub(super) fn of_meta(meta: &Value) -> Option<Usage> {
    let native = meta.as_object()?;
    let counts: Map<String, Value> = native
        .iter()
        .filter(|(key, _)| matches!(key.as_str(), "billed_units" | "tokens" | "cached_tokens"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if counts.is_empty() {
        return None;
    }
    let mut usage = read(&counts);
    // Pictures are billed beside text here, too.
    let images = meta.pointer("/billed_units/image_tokens");
    let images = count(images, &mut usage.clamped);
    if let Some(billed) = &mut usage.billed {
        billed.input = billed.input.saturating_add(images);
        if !counts.contains_key("tokens") {
            usage.input = billed.input;
        }
    }
    Some(usage)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn section_11_2_real_tokens_are_counted_and_billed_ones_are_kept() {
        let usage = read(
            json!({
                "billed_units": {"input_tokens": 522, "output_tokens": 65},
                "tokens": {"input_tokens": 501, "output_tokens": 65, "image_tokens": 518,
                    "reasoning_tokens": 9},
                "cached_tokens": 480,
            })
            .as_object()
            .unwrap(),
        );
        assert_eq!((usage.input, usage.output), (1019, 65));
        assert_eq!((usage.cache_read, usage.reasoning), (480, 9));
        assert_eq!(
            usage.billed,
            Some(Billed {
                input: 522,
                output: 65
            })
        );
    }

    #[test]
    fn f29_odd_counts_are_flagged_and_missing_ones_are_the_billed() {
        let odd = json!({"tokens": {"input_tokens": -1, "output_tokens": 2.0}});
        let odd = read(odd.as_object().unwrap());
        assert_eq!((odd.input, odd.output, odd.clamped), (0, 2, true));
        assert_eq!(odd.billed, None);
        let billed = json!({"billed_units": {"input_tokens": 4, "output_tokens": 6}});
        let billed = read(billed.as_object().unwrap());
        assert_eq!((billed.input, billed.output), (4, 6));
    }
}
