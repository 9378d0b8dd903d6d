//! The model list. It is the control plane's, on another host than the runtime (wire-protocols §1):
//! the base models that may be called by their own id, then the inference profiles.

use serde_json::Value;

use crate::adapter::ModelListing;
use crate::delay::parse_rfc3339;
use crate::error::UpstreamError;
use crate::reply::malformed;
use crate::url::percent_encode;

/// The page that follows the base models.
const PROFILES: &str = "inference-profiles";

/// Path of one page.
pub(super) fn path(page: Option<&str>) -> String {
    match page {
        None => "/foundation-models".to_owned(),
        Some(page) => {
            let mut path = "/inference-profiles?maxResults=1000".to_owned();
            if let Some(token) = page
                .strip_prefix(PROFILES)
                .and_then(|rest| rest.strip_prefix(':'))
            {
                path.push_str("&nextToken=");
                path.push_str(&percent_encode(token));
            }
            path
        }
    }
}

/// The control plane's base URL beside the runtime's: `bedrock.{region}…` for
/// `bedrock-runtime.{region}…`, FIPS and VPC names alike. `None` for any other host (a proxy, the
/// simulator), which is asked under its own.
pub(super) fn control_plane(base_url: &str) -> Option<String> {
    let (scheme, rest) = base_url.split_once("://")?;
    let host = rest.split('/').next().unwrap_or_default();
    let control = host.replacen("bedrock-runtime", "bedrock", 1);
    (control != host && host.contains(".amazonaws.")).then(|| format!("{scheme}://{control}"))
}

/// Reads one page: the models, and the page after it.
pub(super) fn read(body: &[u8]) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
    let page: Value =
        serde_json::from_slice(body).map_err(|_| malformed("the model list is not JSON"))?;
    if let Some(models) = page.get("modelSummaries").and_then(Value::as_array) {
        let models = models
            .iter()
            .filter(|model| is_callable(model))
            .filter_map(base);
        return Ok((models.collect(), Some(PROFILES.to_owned())));
    }
    let Some(profiles) = page
        .get("inferenceProfileSummaries")
        .and_then(Value::as_array)
    else {
        return Err(malformed("the model list has no `modelSummaries`"));
    };
    let next = page.get("nextToken").and_then(Value::as_str);
    Ok((
        profiles.iter().filter_map(profile).collect(),
        next.filter(|token| !token.is_empty())
            .map(|token| format!("{PROFILES}:{token}")),
    ))
}

/// Whether a base model writes text and may be called by its own id. Others are reached through a
/// profile, or not by Converse.
fn is_callable(model: &Value) -> bool {
    let lists = |key: &str, word: &str| {
        let words = model.get(key).and_then(Value::as_array);
        words.is_none_or(|words| words.iter().any(|said| said == word))
    };
    lists("outputModalities", "TEXT") && lists("inferenceTypesSupported", "ON_DEMAND")
}

fn base(model: &Value) -> Option<ModelListing> {
    let text = |key: &str| {
        model
            .get(key)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    Some(ModelListing {
        id: text("modelId").filter(|id| !id.is_empty())?,
        owned_by: text("providerName"),
        ..ModelListing::default()
    })
}

fn profile(profile: &Value) -> Option<ModelListing> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole seconds of a date; the cast saturates"
    )]
    let seconds = |date: &str| parse_rfc3339(date).map(|seconds| seconds as i64);
    Some(ModelListing {
        id: profile
            .get("inferenceProfileId")?
            .as_str()
            .filter(|id| !id.is_empty())?
            .to_owned(),
        created: profile
            .get("createdAt")
            .and_then(Value::as_str)
            .and_then(seconds),
        ..ModelListing::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn section_1_the_list_is_on_the_control_plane() {
        let runtime = "https://bedrock-runtime.eu-central-1.amazonaws.com";
        let control = "https://bedrock.eu-central-1.amazonaws.com";
        assert_eq!(control_plane(runtime).as_deref(), Some(control));
        assert_eq!(
            control_plane("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/").as_deref(),
            Some("https://bedrock-fips.us-gov-west-1.amazonaws.com")
        );
        assert_eq!(control_plane("http://127.0.0.1:9/bedrock"), None);
        assert_eq!(control_plane("https://bedrock-runtime.example.com"), None);
    }

    #[test]
    fn base_models_then_profiles_page_by_page() {
        assert_eq!(path(None), "/foundation-models");
        let base = json!({"modelSummaries": [
            {"modelId": "amazon.nova-lite-v1:0", "providerName": "Amazon", "outputModalities": ["TEXT"],
             "inferenceTypesSupported": ["ON_DEMAND"]},
            {"modelId": "anthropic.claude-x", "outputModalities": ["TEXT"],
             "inferenceTypesSupported": ["INFERENCE_PROFILE"]},
            {"modelId": "amazon.titan-image", "outputModalities": ["IMAGE"],
             "inferenceTypesSupported": ["ON_DEMAND"]},
        ]});
        let (models, next) = read(base.to_string().as_bytes()).unwrap();
        assert_eq!(models.len(), 1);
        assert_eq!(models[0].id, "amazon.nova-lite-v1:0");
        assert_eq!(models[0].owned_by.as_deref(), Some("Amazon"));
        assert_eq!(path(next.as_deref()), "/inference-profiles?maxResults=1000");
        let profiles = json!({"nextToken": "a/b", "inferenceProfileSummaries": [
            {"inferenceProfileId": "us.anthropic.claude-x", "createdAt": "2026-01-01T00:00:00Z"}]});
        let (models, next) = read(profiles.to_string().as_bytes()).unwrap();
        assert_eq!(models[0].id, "us.anthropic.claude-x");
        assert_eq!(models[0].created, Some(1_767_225_600));
        assert_eq!(
            path(next.as_deref()),
            "/inference-profiles?maxResults=1000&nextToken=a%2Fb"
        );
        let (_, end) = read(br#"{"inferenceProfileSummaries": []}"#).unwrap();
        assert_eq!(end, None);
        assert!(read(b"{}").is_err());
    }
}
