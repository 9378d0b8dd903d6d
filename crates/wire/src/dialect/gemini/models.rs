//! The model list.

use serde_json::Value;

use super::errors;
use super::read::{field, list, text};
use crate::adapter::ModelListing;
use crate::error::UpstreamError;
use crate::reply::malformed;

/// Reads one page: models that generate content or embed, and the next page's token.
pub(super) fn decode(body: &[u8]) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| malformed("the model list is no JSON"))?;
    if let Some(error) = errors::error_object(&value) {
        return Err(errors::in_band(error));
    }
    if !value.is_object() {
        return Err(malformed("the model list is no JSON object"));
    }
    let models = list(&value, "models")
        .iter()
        .filter(|model| is_served(model))
        .filter_map(listing)
        .collect();
    let next = text(&value, "nextPageToken");
    Ok((models, (!next.is_empty()).then(|| next.to_owned())))
}

fn listing(model: &Value) -> Option<ModelListing> {
    let name = text(model, "name");
    let id = name.strip_prefix("models/").unwrap_or(name);
    (!id.is_empty()).then(|| ModelListing {
        id: id.to_owned(),
        created: None,
        owned_by: Some("google".to_owned()),
        context_window: field(model, "inputTokenLimit").and_then(Value::as_u64),
        max_output: field(model, "outputTokenLimit").and_then(Value::as_u64),
    })
}

/// The list also holds models of other methods (`predict`, live sessions).
fn is_served(model: &Value) -> bool {
    let methods = list(model, "supportedGenerationMethods");
    methods.is_empty()
        || methods.iter().filter_map(Value::as_str).any(|method| {
            matches!(
                method,
                "generateContent" | "embedContent" | "batchEmbedContents"
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_stripped_and_other_methods_left_out() {
        let body = br#"{"models":[
            {"name":"models/gemini-x","inputTokenLimit":1000,"outputTokenLimit":100,
             "supportedGenerationMethods":["generateContent","countTokens"]},
            {"name":"models/painter","supportedGenerationMethods":["predict"]},
            {"name":"tunedModels/mine"}],"nextPageToken":"n"}"#;
        let (models, next) = decode(body).unwrap();
        let ids: Vec<_> = models.iter().map(|model| model.id.as_str()).collect();
        assert_eq!(ids, ["gemini-x", "tunedModels/mine"]);
        assert_eq!(models[0].context_window, Some(1000));
        assert_eq!(models[0].max_output, Some(100));
        assert_eq!(next.as_deref(), Some("n"));
        assert_eq!(decode(b"{}").unwrap(), (vec![], None));
        assert!(decode(b"[]").is_err());
        assert!(decode(b"<html>").is_err());
    }
}
