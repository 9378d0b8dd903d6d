//! URL paths. A model's name comes from a caller, so it can never leave its path segment.

use crate::adapter::Endpoint;
use crate::error::EncodeError;
use crate::url::{model_segment, percent_encode};

/// `/{version}/models/{model}:{method}`. Takes `models/x`, `tunedModels/x` and bare `x`; on Vertex
/// AI, its own path.
///
/// # Errors
/// A name that is no model id.
pub(super) fn of_model(
    endpoint: &Endpoint,
    model: &str,
    method: &str,
) -> Result<String, EncodeError> {
    if let Some(path) = endpoint.vertex_path(model, method)? {
        return Ok(path);
    }
    let (collection, id) = split(model);
    let id = model_segment(id, "Gemini", "gemini-2.5-flash")?;
    Ok(format!("/{}/{collection}/{id}:{method}", version(endpoint)))
}

/// The resource name of a model in a body: `models/x`.
pub(super) fn resource(model: &str) -> String {
    let (collection, id) = split(model);
    format!("{collection}/{id}")
}

/// The path of one page of the model list.
pub(super) fn of_models(endpoint: &Endpoint, page: Option<&str>) -> String {
    let mut path = format!("/{}/models?pageSize=1000", version(endpoint));
    if let Some(page) = page.filter(|page| !page.is_empty()) {
        path.push_str("&pageToken=");
        path.push_str(&percent_encode(page));
    }
    path
}

fn version(endpoint: &Endpoint) -> String {
    percent_encode(endpoint.api_version.as_deref().unwrap_or("v1beta"))
}

fn split(model: &str) -> (&'static str, &str) {
    match model.strip_prefix("tunedModels/") {
        Some(id) => ("tunedModels", id),
        None => ("models", model.strip_prefix("models/").unwrap_or(model)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_versions() {
        let endpoint = Endpoint::default();
        let of = |model| of_model(&endpoint, model, "generateContent").unwrap();
        assert_eq!(of("gemini-x"), "/v1beta/models/gemini-x:generateContent");
        assert_eq!(of("models/gemini-x"), of("gemini-x"));
        assert_eq!(
            of("tunedModels/my-1"),
            "/v1beta/tunedModels/my-1:generateContent"
        );
        assert_eq!(of("a:b é"), "/v1beta/models/a%3Ab%20%C3%A9:generateContent");
        let stable = Endpoint {
            api_version: Some("v1".into()),
            ..Endpoint::default()
        };
        assert_eq!(
            of_models(&stable, Some("a&b")),
            "/v1/models?pageSize=1000&pageToken=a%26b"
        );
    }

    #[test]
    fn a_model_name_never_leaves_its_segment() {
        for model in [
            "",
            "..",
            ".",
            "../x",
            "a/b",
            "a?key=1",
            "a#b",
            "a%2Fb",
            "a\\b",
            "a\nb",
            "models/",
            "models/models/x",
            "tunedModels/../x",
        ] {
            let error = of_model(&Endpoint::default(), model, "generateContent").unwrap_err();
            assert_eq!(error.param.as_deref(), Some("model"), "{model}");
        }
    }
}
