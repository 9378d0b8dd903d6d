//! Why a Gemini candidate ended, in OpenAI's words (wire-protocols §11.1).

use serde_json::Value;

use crate::chat::FinishReason;

/// The provider's own word of a `finishReason` or `blockReason`. Enums are integers where the URL
/// asked for them (§15); those are kept as digits.
pub(super) fn native_word(value: &Value) -> String {
    match value {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    }
}

/// What the word means. An unknown word is a plain stop: new ones must not break answers.
pub(super) fn meaning(word: &str) -> FinishReason {
    match word.to_ascii_uppercase().as_str() {
        // No word exists for "send the turn again with this token"; the turn is not complete.
        "MAX_TOKENS" | "2" | "CONTINUATION" => FinishReason::Length,
        "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE"
        | "NO_IMAGE" | "MODEL_ARMOR" | "ESCALATION" => FinishReason::ContentFilter,
        // Integers are only seen on Vertex, so its numbering decides where the two APIs differ.
        "3" | "4" | "6" | "7" | "8" | "10" | "11" => FinishReason::ContentFilter,
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MISSING_THOUGHT_SIGNATURE"
        | "MALFORMED_RESPONSE"
        | "OTHER"
        | "5"
        | "9" => FinishReason::Error,
        word if word.starts_with("IMAGE_") => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// §11.1, column Gemini; §15: integers on Vertex AI.
    #[test]
    fn case_54_words_integers_and_unknown_words() {
        for (value, expected) in [
            (json!("STOP"), FinishReason::Stop),
            (json!(1), FinishReason::Stop),
            (json!("MAX_TOKENS"), FinishReason::Length),
            (json!(2), FinishReason::Length),
            (json!("IMAGE_SAFETY"), FinishReason::ContentFilter),
            (json!("recitation"), FinishReason::ContentFilter),
            (json!("OTHER"), FinishReason::Error),
            (json!("SOMETHING_NEW"), FinishReason::Stop),
            (json!(77), FinishReason::Stop),
        ] {
            assert_eq!(meaning(&native_word(&value)), expected, "{value}");
        }
    }
}
