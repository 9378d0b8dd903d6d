//! The `providers` section.

use schemars::JsonSchema;
use serde::Deserialize;

pub use polyroute_wire::dialect::Dialect;

use super::{AzureSurface, Entra, Named};
use crate::config::secret::SecretRef;

/// A provider. Known names (`openai`, `anthropic`, `gemini`, `mistral`, …) need a credential and
/// nothing else; any other name needs `base_url`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Provider {
    /// The known provider that this is one more account or region of, such as `groq` for
    /// `groq-eu`: its rules, models and prices hold. Known names are their own.
    pub kind: Option<String>,
    /// The API that it speaks. Known names have their own; others are `openai`.
    #[schemars(with = "Option<DialectName>")]
    pub dialect: Option<Dialect>,
    /// Which of OpenAI's two APIs it is called over, where `dialect` is `openai`. Callers speak
    /// chat completions to Polyroute either way.
    #[schemars(extend("default" = "auto"))]
    pub api: Option<Api>,
    /// Where its API begins, such as `https://api.openai.com/v1`. Known names have their own.
    pub base_url: Option<String>,
    /// Its keys; several share the load. Known names default to their environment variable.
    pub credentials: Option<Vec<SecretRef>>,
    /// The version of its API: `anthropic-version`, `v1` / `v1beta` of Gemini, or `v1` of Cohere, which
    /// older private and cloud deployments alone speak (`v2` where absent).
    pub api_version: Option<String>,
    /// Ollama: the context to load models with, in tokens. It is sent with every request, so that
    /// models are not loaded anew for prompts of other sizes; longer prompts are refused, or go to
    /// another target. Without it, it is sent where a prompt needs more than the server's least
    /// default. Ollama's OpenAI-compatible API can't be told: there, what the server was started
    /// with (`OLLAMA_CONTEXT_LENGTH`).
    #[schemars(range(min = 1))]
    pub num_ctx: Option<u64>,
    /// More headers for every request to it.
    pub headers: Named<HeaderValue>,
    /// Where it computes: a fact for reports and policies. Bedrock: the AWS region, which makes the
    /// address and is signed; `AWS_REGION` where absent.
    pub region: Option<String>,
    /// Bedrock: AWS credentials other than those that AWS's own tools would find.
    pub aws: Option<AwsCredentials>,
    /// What was agreed with it, such as `gdpr` or `zero_retention`.
    pub agreements: Vec<String>,
    /// OpenAI: the organization that pays (`OpenAI-Organization`).
    pub organization: Option<String>,
    /// OpenAI: the project (`OpenAI-Project`). Vertex AI: the Google Cloud project
    /// (`GOOGLE_CLOUD_PROJECT`).
    pub project: Option<String>,
    /// Vertex AI: where it computes, such as `europe-west4` (`GOOGLE_CLOUD_LOCATION`); `global`
    /// where absent.
    pub location: Option<String>,
    /// Vertex AI: the JSON file of a service account or of other application default credentials
    /// (`GOOGLE_APPLICATION_CREDENTIALS`). Without one, `gcloud`'s own, else the machine's.
    pub credentials_file: Option<std::path::PathBuf>,
    /// Azure: which of its APIs. `v1`, or `deployments` where `api_version` is a date.
    pub surface: Option<AzureSurface>,
    /// Azure: deployments, each with the model that it is, such as `prod-eu: gpt-4o`.
    pub deployments: Named<String>,
    /// Azure: sign in with Microsoft Entra ID in place of a key.
    pub entra: Option<Entra>,
    /// How the text of its answers holds reasoning, where `dialect` is `openai`: most servers without
    /// a reasoning parser leave `<think>` tags in it. The caller gets it as `reasoning_content`.
    pub think_tags: Option<ThinkTags>,
    /// Speak HTTP/2 where the server offers it: one connection for all requests at a time. A pool of
    /// HTTP/1.1 connections is steadier: no request waits for another's lost packet, or for a free
    /// place in the one connection.
    #[schemars(extend("default" = false))]
    pub http2: Option<bool>,
    /// The HTTP proxy to it. `HTTPS_PROXY` and `NO_PROXY` where absent; `off` for none.
    pub proxy: Option<String>,
    /// Show what it lists on `GET /v1/models`.
    #[schemars(extend("default" = true))]
    pub models: Option<bool>,
}

/// AWS credentials. Where nothing is written, they are found as AWS's tools do: variables, profile,
/// web identity, container, instance.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AwsCredentials {
    /// The profile of the shared files; `AWS_PROFILE` where absent.
    pub profile: Option<String>,
    /// The access key id.
    pub access_key_id: Option<SecretRef>,
    /// The secret access key.
    pub secret_access_key: Option<SecretRef>,
    /// The session token of temporary keys.
    pub session_token: Option<SecretRef>,
}

/// Which of OpenAI's two APIs a provider is called over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Responses where the catalog says that a model needs or prefers it (tools together with
    /// thinking on GPT-5.4 and later, models that are served nowhere else, Grok), else chat
    /// completions.
    Auto,
    /// Chat completions for every request.
    Chat,
    /// Responses for every chat request.
    Responses,
}

/// How the text of answers holds reasoning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThinkTags {
    /// Text is passed as it is.
    Off,
    /// An answer that begins with `<think>` is reasoning up to `</think>`.
    Split,
    /// Every answer is reasoning up to `</think>`: the model's template has opened it in the prompt.
    Opened,
}

/// The value of a header. It may be a credential, so `Debug` does not show it.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct HeaderValue(pub String);

impl std::fmt::Debug for HeaderValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// The schema of a dialect's name: the registry's names.
struct DialectName;

impl JsonSchema for DialectName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Dialect".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<serde_json::Value> = Dialect::ALL
            .iter()
            .map(|dialect| {
                serde_json::json!({
                    "type": "string",
                    "const": dialect.as_str(),
                    "description": dialect.about(),
                })
            })
            .collect();
        schemars::json_schema!({
            "description": "The wire format of a provider.",
            "oneOf": names,
        })
    }
}
