//! What the providers of clouds have beside the keys of every provider.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::secret::SecretRef;

/// One of Azure's APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AzureSurface {
    /// `/openai/v1`: the deployment is named in the body.
    V1,
    /// `/openai/deployments/{deployment}` with a dated `api_version`.
    Deployments,
    /// `/models`: models of any vendor (Azure AI model inference).
    Inference,
}

/// An application in Microsoft Entra ID, or the machine's own identity where it names none. What
/// is absent comes from the variables that Azure's SDKs read.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Entra {
    /// The directory (`AZURE_TENANT_ID`).
    pub tenant: Option<String>,
    /// The application, or one of the machine's identities (`AZURE_CLIENT_ID`).
    pub client: Option<String>,
    /// The application's secret (`AZURE_CLIENT_SECRET`).
    pub secret: Option<SecretRef>,
    /// The file with a federated issuer's token, in place of a secret
    /// (`AZURE_FEDERATED_TOKEN_FILE`).
    pub federated_token_file: Option<PathBuf>,
    /// Who issues the tokens (`AZURE_AUTHORITY_HOST`).
    #[schemars(extend("default" = "https://login.microsoftonline.com"))]
    pub authority: Option<String>,
    /// What the tokens are for. The API's own where absent.
    pub scope: Option<String>,
}
