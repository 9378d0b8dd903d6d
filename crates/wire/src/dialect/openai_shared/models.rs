//! Model lists.

use serde_json::Value;

use super::errors;
use super::{malformed, malformed_body};
use crate::adapter::{Encoded, ModelListing};
use crate::error::UpstreamError;

/// The request that lists models.
pub(in crate::dialect) fn encode() -> Encoded {
    Encoded::get("/models".to_owned())
}

/// Reads a model list: OpenAI's `data`, or the bare list that some servers send.
pub(in crate::dialect) fn decode(
    body: &[u8],
) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| malformed_body(body))?;
    let items = value.get("data").unwrap_or(&value).as_array().cloned();
    let Some(items) = items else {
        return Err(errors::in_band(&value)
            .unwrap_or_else(|| malformed("the provider's answer is no model list")));
    };
    Ok((items.iter().filter_map(listing).collect(), None))
}

fn listing(item: &Value) -> Option<ModelListing> {
    let number = |keys: &[&str]| keys.iter().find_map(|key| item.pointer(key)?.as_u64());
    let text = |key: &str| item.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    Some(ModelListing {
        id: text("id")
            .or_else(|| text("name"))
            .filter(|id| !id.is_empty())?,
        created: item.get("created").and_then(Value::as_i64),
        owned_by: text("owned_by").or_else(|| text("organization")),
        // The names that OpenRouter, Groq, Mistral and vLLM have for it.
        context_window: number(&[
            "/context_length",
            "/context_window",
            "/max_context_length",
            "/max_model_len",
        ]),
        max_output: number(&[
            "/max_completion_tokens",
            "/top_provider/max_completion_tokens",
        ]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_openai_and_of_compatible_servers() {
        let ours = br#"{"object":"list","data":[{"id":"a","created":5,"owned_by":"o"},{"object":"model"}]}"#;
        let (models, next) = decode(ours).unwrap();
        assert_eq!((models.len(), next), (1, None));
        assert_eq!(
            (models[0].created, models[0].owned_by.as_deref()),
            (Some(5), Some("o"))
        );
        let bare =
            br#"[{"id":"b","context_length":4096,"top_provider":{"max_completion_tokens":100}}]"#;
        let (models, _) = decode(bare).unwrap();
        assert_eq!(
            (models[0].context_window, models[0].max_output),
            (Some(4096), Some(100))
        );
        assert!(decode(b"<html>").is_err());
        assert!(decode(br#"{"error":{"message":"no"}}"#).is_err());
    }
}
