//! Where below its base URL a provider serves a dialect: the clouds host other vendors' APIs under
//! paths of their own (wire-protocols §1).
//!
//! Read [`Surface`] first. A dialect asks it for the path and keeps everything else as it is.

use crate::adapter::Endpoint;
use crate::error::{EncodeError, EncodeErrorCode};
use crate::url::{model_segment, percent_encode};

/// `api-version` of Azure's dated surface where none is configured: the last generally available
/// one.
const AZURE_DATED: &str = "2024-10-21";
/// The first `api-version` of the dated surface that has the Responses API.
const AZURE_RESPONSES: &str = "2025-03-01";
/// `api-version` of Azure's model inference surface where none is configured.
const AZURE_INFERENCE: &str = "2024-05-01-preview";

/// The path of OpenAI's Responses API.
pub const RESPONSES_PATH: &str = "/responses";

/// A provider's layout of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Surface {
    /// The dialect's own paths.
    #[default]
    Direct,
    /// Vertex AI: Google's models in Gemini's format, Anthropic's in its own, others' in OpenAI's.
    Vertex {
        /// The project that pays; `None` with an API key alone.
        project: Option<String>,
        /// `global`, `us`, `eu`, or a region such as `europe-west4`.
        location: String,
    },
    /// Azure OpenAI, `/openai/v1`: the deployment is named in the body.
    AzureV1,
    /// Azure OpenAI, `/openai/deployments/{deployment}` with a dated `api-version`.
    AzureDeployments,
    /// Azure AI model inference, `/models`: models of any vendor.
    AzureInference,
}

/// Whose model a name on Vertex AI is, and how its own API is spelt there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VertexModel<'a> {
    /// `google`, `anthropic`, `meta`, …; empty for an endpoint of the project's own.
    pub publisher: &'a str,
    /// Its id without publisher.
    pub id: &'a str,
}

impl<'a> VertexModel<'a> {
    /// Reads `gemini-x`, `models/gemini-x`, `google/gemini-x`, `publishers/google/models/gemini-x`
    /// and the same of other publishers; a bare name that begins with `claude-` is Anthropic's,
    /// any other Google's. `endpoints/123` is a tuned model of the project's own.
    #[must_use]
    pub fn read(name: &'a str) -> Self {
        if let Some((publisher, id)) = name
            .strip_prefix("publishers/")
            .and_then(|rest| rest.split_once("/models/"))
        {
            return Self { publisher, id };
        }
        let name = name.strip_prefix("models/").unwrap_or(name);
        match name.split_once('/') {
            Some(("endpoints", id)) => Self { publisher: "", id },
            Some((publisher, id)) => Self { publisher, id },
            None if name.starts_with("claude-") => Self {
                publisher: "anthropic",
                id: name,
            },
            None => Self {
                publisher: "google",
                id: name,
            },
        }
    }

    /// Its id as calls on Vertex AI name it.
    #[must_use]
    pub fn wire_id(self) -> String {
        match self.publisher {
            "anthropic" => versioned(self.id),
            _ => self.id.to_owned(),
        }
    }
}

impl Endpoint {
    /// The path of an OpenAI-shaped operation (`tail` is `/chat/completions` or the like) for a
    /// model or deployment.
    ///
    /// # Errors
    /// A name that can't stand in a path, where the surface has it there.
    pub fn openai_path(&self, model: &str, tail: &str) -> Result<String, EncodeError> {
        Ok(match &self.surface {
            Surface::Direct => tail.to_owned(),
            Surface::Vertex { project, location } => {
                let parent = parent(project.as_deref(), location);
                let VertexModel { publisher, .. } = VertexModel::read(model);
                let version = self.vertex_version(publisher);
                format!("/{version}{parent}/endpoints/openapi{tail}")
            }
            Surface::AzureV1 => format!("/openai/v1{tail}{}", self.azure_version(None)),
            Surface::AzureDeployments => {
                let version = self.azure_version(Some(AZURE_DATED));
                if tail == RESPONSES_PATH {
                    // The deployment is named in the body.
                    return Ok(format!("/openai{tail}{version}"));
                }
                let deployment = model_segment(model, "Azure OpenAI", "my-deployment")?;
                format!("/openai/deployments/{deployment}{tail}{version}")
            }
            Surface::AzureInference => {
                format!("/models{tail}{}", self.azure_version(Some(AZURE_INFERENCE)))
            }
        })
    }

    /// The path of a method of a model on Vertex AI; `None` on every other surface.
    ///
    /// # Errors
    /// A name that is no model id.
    pub fn vertex_path(&self, model: &str, method: &str) -> Result<Option<String>, EncodeError> {
        let Surface::Vertex { project, location } = &self.surface else {
            return Ok(None);
        };
        let VertexModel { publisher, id } = VertexModel::read(model);
        let version = self.vertex_version(publisher);
        let parent = parent(project.as_deref(), location);
        if publisher.is_empty() {
            let id = model_segment(id, "a Vertex AI endpoint", "endpoints/1234567890")?;
            return Ok(Some(format!("/{version}{parent}/endpoints/{id}:{method}")));
        }
        let named = publisher
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !named {
            return Err(EncodeError::new(
                EncodeErrorCode::InvalidValue,
                "model",
                format!(
                    "`{model}` is no model of Vertex AI. Use one such as `gemini-2.5-flash` or \
                     `publishers/anthropic/models/claude-sonnet-4-5`."
                ),
            ));
        }
        let segment = match publisher {
            "anthropic" => model_segment(&versioned(id), "Anthropic", "claude-sonnet-4-5")?,
            _ => model_segment(id, "Vertex AI", "gemini-2.5-flash")?,
        };
        // `@` before a version is what the provider's own clients send.
        let segment = segment.replace("%40", "@");
        Ok(Some(format!(
            "/{version}{parent}/publishers/{publisher}/models/{segment}:{method}"
        )))
    }

    /// Whether OpenAI's Responses API is there beside chat completions: Azure's dated surface got it
    /// in March 2025, its model inference surface and Vertex AI have none.
    #[must_use]
    pub fn has_responses(&self) -> bool {
        match self.surface {
            Surface::Direct | Surface::AzureV1 => true,
            Surface::AzureDeployments => {
                self.api_version.as_deref().unwrap_or(AZURE_DATED) >= AZURE_RESPONSES
            }
            Surface::AzureInference | Surface::Vertex { .. } => false,
        }
    }

    /// Whether OpenAI's Responses API counts tokens there, which only OpenAI's own does: Azure
    /// answers 404 (openai/openai-dotnet#1165), as do others that speak it.
    #[must_use]
    pub fn counts_responses(&self) -> bool {
        self.first_party && self.surface == Surface::Direct
    }

    /// Whether `/rerank` can be there: OpenAI has none, and neither has a cloud under OpenAI's paths.
    #[must_use]
    pub fn has_rerank(&self) -> bool {
        !self.first_party && self.surface == Surface::Direct
    }

    /// Whether a stream can be asked for its usage: Azure's dated surface learnt it in September
    /// 2024, and refuses what it does not know.
    #[must_use]
    pub fn streams_usage(&self) -> bool {
        let version = self.api_version.as_deref().unwrap_or(AZURE_DATED);
        self.surface != Surface::AzureDeployments || version >= "2024-09-01"
    }

    /// Whether this is Vertex AI.
    #[must_use]
    pub const fn is_vertex(&self) -> bool {
        matches!(self.surface, Surface::Vertex { .. })
    }

    /// The version in a Vertex path. Where none is configured, it is what the vendor's own SDK asks
    /// for: `v1beta1` of Google's, `v1` of the others'.
    fn vertex_version(&self, publisher: &str) -> String {
        let default = match publisher {
            "" | "google" => "v1beta1",
            _ => "v1",
        };
        percent_encode(self.api_version.as_deref().unwrap_or(default))
    }

    fn azure_version(&self, default: Option<&str>) -> String {
        let version = self.api_version.as_deref().or(default);
        version.map_or_else(String::new, |version| {
            format!("?api-version={}", percent_encode(version))
        })
    }
}

/// `/projects/{project}/locations/{location}`, or nothing for an API key without a project.
fn parent(project: Option<&str>, location: &str) -> String {
    project.map_or_else(String::new, |project| {
        format!(
            "/projects/{}/locations/{}",
            percent_encode(project),
            percent_encode(location)
        )
    })
}

/// Anthropic's dated ids are written with `@` on Vertex AI: `claude-sonnet-4-5@20250929`.
fn versioned(id: &str) -> String {
    match id.rsplit_once('-') {
        Some((name, date)) if date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{name}@{date}")
        }
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(surface: Surface, api_version: Option<&str>) -> Endpoint {
        Endpoint {
            surface,
            api_version: api_version.map(ToOwned::to_owned),
            ..Endpoint::default()
        }
    }

    fn vertex(project: Option<&str>) -> Endpoint {
        let surface = Surface::Vertex {
            project: project.map(ToOwned::to_owned),
            location: "europe-west4".into(),
        };
        endpoint(surface, None)
    }

    #[test]
    fn section_1_vertex_paths_by_publisher_and_spelling() {
        let at = vertex(Some("p-1"));
        let path = |model: &str| at.vertex_path(model, "m").unwrap().unwrap();
        let google = "/v1beta1/projects/p-1/locations/europe-west4/publishers/google/models/";
        for name in [
            "gemini-x",
            "models/gemini-x",
            "google/gemini-x",
            "publishers/google/models/gemini-x",
        ] {
            assert_eq!(path(name), format!("{google}gemini-x:m"), "{name}");
        }
        let claude = "/v1/projects/p-1/locations/europe-west4/publishers/anthropic/models/";
        for name in [
            "claude-sonnet-4-5@20250929",
            "claude-sonnet-4-5-20250929",
            "anthropic/claude-sonnet-4-5-20250929",
            "publishers/anthropic/models/claude-sonnet-4-5@20250929",
        ] {
            assert_eq!(
                path(name),
                format!("{claude}claude-sonnet-4-5@20250929:m"),
                "{name}"
            );
        }
        assert_eq!(
            path("claude-opus-5-5"),
            format!("{claude}claude-opus-5-5:m")
        );
        assert_eq!(
            path("endpoints/42"),
            "/v1beta1/projects/p-1/locations/europe-west4/endpoints/42:m"
        );
        assert_eq!(
            at.openai_path("meta/llama-x", "/chat/completions").unwrap(),
            "/v1/projects/p-1/locations/europe-west4/endpoints/openapi/chat/completions"
        );
    }

    #[test]
    fn section_1_vertex_with_an_api_key_alone_names_no_project() {
        let path = vertex(None)
            .vertex_path("gemini-x", "generateContent")
            .unwrap();
        assert_eq!(
            path.as_deref(),
            Some("/v1beta1/publishers/google/models/gemini-x:generateContent")
        );
        assert_eq!(Endpoint::default().vertex_path("x", "m").unwrap(), None);
    }

    #[test]
    fn a_vertex_model_never_leaves_its_place() {
        for model in [
            "google/../x",
            "../x",
            "a/b/c",
            "publishers/a/b/models/x",
            "projects/other/locations/us/endpoints/1",
            "publishers/google/models/",
            "endpoints/1/2",
            "?/x",
        ] {
            let error = vertex(Some("p")).vertex_path(model, "m").unwrap_err();
            assert_eq!(error.param.as_deref(), Some("model"), "{model}");
        }
    }

    #[test]
    fn section_1_azure_paths_of_all_three_surfaces() {
        let chat = |surface, version| {
            let endpoint = endpoint(surface, version);
            endpoint.openai_path("my dep", "/chat/completions").unwrap()
        };
        assert_eq!(chat(Surface::Direct, None), "/chat/completions");
        assert_eq!(chat(Surface::AzureV1, None), "/openai/v1/chat/completions");
        assert_eq!(
            chat(Surface::AzureV1, Some("preview")),
            "/openai/v1/chat/completions?api-version=preview"
        );
        assert_eq!(
            chat(Surface::AzureDeployments, Some("2024-02-01")),
            "/openai/deployments/my%20dep/chat/completions?api-version=2024-02-01"
        );
        assert_eq!(
            chat(Surface::AzureDeployments, None),
            "/openai/deployments/my%20dep/chat/completions?api-version=2024-10-21"
        );
        assert_eq!(
            chat(Surface::AzureInference, None),
            "/models/chat/completions?api-version=2024-05-01-preview"
        );
        let dated = endpoint(Surface::AzureDeployments, None);
        assert!(dated.streams_usage());
        assert!(endpoint(Surface::AzureDeployments, Some("2024-09-01-preview")).streams_usage());
        assert!(!endpoint(Surface::AzureDeployments, Some("2024-02-01")).streams_usage());
        assert!(endpoint(Surface::AzureInference, Some("2024-05-01-preview")).streams_usage());
        assert!(dated.openai_path("a/b", "/x").is_err());
    }

    #[test]
    fn section_1_the_responses_api_names_the_deployment_in_the_body() {
        let responses = |surface, version| {
            let endpoint = endpoint(surface, version);
            let path = endpoint.openai_path("my-dep", RESPONSES_PATH).unwrap();
            endpoint.has_responses().then_some(path)
        };
        for (surface, version, path) in [
            (Surface::Direct, None, Some("/responses")),
            (Surface::AzureV1, None, Some("/openai/v1/responses")),
            (
                Surface::AzureDeployments,
                Some("2025-03-01-preview"),
                Some("/openai/responses?api-version=2025-03-01-preview"),
            ),
            (Surface::AzureDeployments, Some("2024-10-21"), None),
            (Surface::AzureDeployments, None, None),
            (Surface::AzureInference, None, None),
        ] {
            assert_eq!(
                responses(surface.clone(), version).as_deref(),
                path,
                "{surface:?} {version:?}"
            );
        }
        assert!(!vertex(Some("p")).has_responses());
    }
}
