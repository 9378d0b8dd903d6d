//! `usageMetadata` (wire-protocols §11.2).

use serde_json::{Map, Value};

use super::read::{list, member};
use crate::usage::{Usage, count};

/// Takes the counts of one chunk into those so far: a later value wins field by field, since a
/// chunk may name only some of them.
pub(super) fn merge(into: &mut Map<String, Value>, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        if !value.is_null() {
            into.insert(key.clone(), value.clone());
        }
    }
}

/// Hub counts, or `None` if the object holds none (Vertex sends a bare `trafficType`).
pub(super) fn read(native: &Map<String, Value>, searches: u64) -> Option<Usage> {
    let mut clamped = false;
    let mut any = false;
    let mut take = |name| {
        let value = member(native, name);
        any |= value.is_some();
        count(value, &mut clamped)
    };
    let prompt = take("promptTokenCount");
    let tool_use = take("toolUsePromptTokenCount");
    let cached = take("cachedContentTokenCount");
    let candidates = take("candidatesTokenCount");
    let thoughts = take("thoughtsTokenCount");
    let total = take("totalTokenCount");
    if !any {
        return None;
    }
    let input = prompt.saturating_add(tool_use);
    let output = candidates.saturating_add(thoughts);
    let nothing_but_total = input == 0 && output == 0;
    let details = Value::Object(native.clone());
    let usage = Usage {
        input: if nothing_but_total { total } else { input },
        cache_read: cached,
        output,
        reasoning: thoughts,
        input_audio: audio(&details, "promptTokensDetails", &mut clamped),
        output_audio: audio(&details, "candidatesTokensDetails", &mut clamped),
        searches,
        native: native.clone(),
        ..Usage::default()
    }
    .checked();
    Some(Usage {
        clamped: usage.clamped || clamped,
        ..usage
    })
}

/// The tier that served the answer, in OpenAI's words where they have one.
pub(super) fn service_tier(native: &Map<String, Value>) -> Option<String> {
    let word = member(native, "serviceTier")
        .or_else(|| member(native, "trafficType"))?
        .as_str()?;
    Some(match word.to_ascii_uppercase().as_str() {
        "STANDARD" | "ON_DEMAND" => "default".to_owned(),
        "FLEX" | "ON_DEMAND_FLEX" => "flex".to_owned(),
        "PRIORITY" | "ON_DEMAND_PRIORITY" => "priority".to_owned(),
        "PROVISIONED_THROUGHPUT" => "scale".to_owned(),
        _ => word.to_ascii_lowercase(),
    })
}

fn audio(details: &Value, name: &str, clamped: &mut bool) -> u64 {
    list(details, name)
        .iter()
        .filter(|entry| {
            entry.get("modality").is_some_and(|modality| {
                modality.as_str() == Some("AUDIO") || modality.as_u64() == Some(4)
            })
        })
        .map(|entry| {
            count(
                entry.get("tokenCount").or_else(|| entry.get("token_count")),
                clamped,
            )
        })
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Option<Usage> {
        read(value.as_object().unwrap(), 0)
    }

    /// §11.2, row Gemini; Vertex AI alike.
    #[test]
    fn case_43_thoughts_are_output_and_tool_prompts_are_input() {
        let usage = of(&json!({
            "promptTokenCount": 30, "toolUsePromptTokenCount": 7, "cachedContentTokenCount": 12,
            "candidatesTokenCount": 5, "thoughtsTokenCount": 40, "totalTokenCount": 9999,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}]
        }))
        .unwrap();
        assert_eq!((usage.input, usage.output, usage.total()), (37, 45, 82));
        assert_eq!(
            (usage.cache_read, usage.reasoning, usage.input_audio),
            (12, 40, 9)
        );
        assert!(!usage.clamped);
    }

    /// §12.1: a chunk may hold only `trafficType` (Vertex AI).
    #[test]
    fn case_62_a_bare_traffic_type_is_no_count() {
        assert_eq!(of(&json!({"trafficType": "ON_DEMAND"})), None);
        let mut sum = Map::new();
        merge(
            &mut sum,
            &json!({"promptTokenCount": 3, "candidatesTokenCount": 1}),
        );
        merge(
            &mut sum,
            &json!({"trafficType": "ON_DEMAND", "promptTokenCount": null}),
        );
        merge(&mut sum, &json!({"candidatesTokenCount": 4}));
        let usage = read(&sum, 0).unwrap();
        assert_eq!((usage.input, usage.output), (3, 4));
        assert_eq!(usage.native.len(), 3);
        assert_eq!(service_tier(&sum).as_deref(), Some("default"));
    }

    /// §11.2: sub-counts are clamped; Vertex AI alike.
    #[test]
    fn case_53_more_cached_than_prompt_is_clamped() {
        let usage = of(&json!({"promptTokenCount": 3, "cachedContentTokenCount": 9})).unwrap();
        assert_eq!((usage.cache_read, usage.clamped), (3, true));
    }
}
