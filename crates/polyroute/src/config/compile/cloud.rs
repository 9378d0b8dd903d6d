//! Providers of clouds: address, paths and account from the file, else from the variables that the
//! clouds' own SDKs read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use polyroute_engine::catalog::Cloud;
use polyroute_engine::snapshot::ApiChoice;
use polyroute_wire::adapter::Endpoint;
use polyroute_wire::surface::Surface;

use super::Context;
use crate::config::base_url::BaseUrl;
use crate::config::env::{self, Environment};
use crate::config::file::{self, AzureSurface};
use crate::config::identity::{
    Entra, EntraSource, Google, GoogleFile, GoogleSource, Identity, Proof, safe_url,
};
use crate::config::path::KeyPath;
use crate::config::problem::Origin;
use crate::config::resolve::{beside, read, resolve_secret};
use crate::config::secret::Secret;
use crate::config::settings::{Provider, Scheme};

/// Where the metadata servers of both clouds are.
const METADATA_HOST: &str = "169.254.169.254";
/// Who issues Entra's tokens.
const ENTRA_AUTHORITY: &str = "https://login.microsoftonline.com";
/// What Entra's tokens for Azure's newer and older APIs are for (wire-protocols §1).
const SCOPE_V1: &str = "https://ai.azure.com/.default";
const SCOPE_DATED: &str = "https://cognitiveservices.azure.com/.default";

/// A provider of a cloud, as far as it is compiled.
pub(super) struct Draft<'d> {
    pub(super) file: &'d file::Provider,
    /// Where problems are said to be.
    pub(super) path: KeyPath,
    /// Whether the cloud's usual variables are this provider's: they are those of the provider that
    /// has the cloud's own name.
    pub(super) by_environment: bool,
}

impl Draft<'_> {
    /// The file's word, else the first variable that is set.
    fn word(
        &self,
        written: Option<&String>,
        names: &[&str],
        context: &Context<'_>,
    ) -> Option<String> {
        written.cloned().or_else(|| {
            self.by_environment
                .then(|| names.iter().find_map(|name| context.environment.get(name)))
                .flatten()
                .map(|value| value.trim().to_owned())
        })
    }
}

/// Whether the environment switches a cloud on without a key: somebody says which project or
/// resource, and means it for this.
pub(crate) fn is_on(cloud: Cloud, base_url_is_set: bool, environment: &Environment) -> bool {
    let is_set = |name: &str| environment.get(name).is_some();
    let truthy = |name: &str| {
        environment
            .get(name)
            .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true"))
    };
    match cloud {
        Cloud::Azure => base_url_is_set,
        Cloud::Vertex => {
            is_set(env::ANTHROPIC_VERTEX_PROJECT_ID)
                || (is_set(env::GOOGLE_CLOUD_PROJECT)
                    && (is_set(env::GOOGLE_APPLICATION_CREDENTIALS)
                        || truthy(env::GOOGLE_GENAI_USE_VERTEXAI)))
        }
    }
}

/// Completes a provider of a cloud: `None` where a problem was noted that leaves no provider.
pub(super) fn complete(
    cloud: Cloud,
    provider: Provider,
    has_address: bool,
    draft: &Draft<'_>,
    context: &mut Context<'_>,
) -> Option<Provider> {
    match cloud {
        Cloud::Vertex => vertex(provider, has_address, draft, context),
        Cloud::Azure => azure(provider, has_address, draft, context),
    }
}

/// Keys that mean something to another cloud only.
pub(super) fn note_foreign_keys(
    cloud: Option<Cloud>,
    file: &file::Provider,
    path: &KeyPath,
    context: &mut Context<'_>,
) {
    let deployments = file.deployments.iter().next().is_some();
    for (key, of, name, is_written) in [
        (
            "location",
            Cloud::Vertex,
            "Vertex AI",
            file.location.is_some(),
        ),
        (
            "credentials_file",
            Cloud::Vertex,
            "Vertex AI",
            file.credentials_file.is_some(),
        ),
        ("surface", Cloud::Azure, "Azure", file.surface.is_some()),
        ("deployments", Cloud::Azure, "Azure", deployments),
        ("entra", Cloud::Azure, "Azure", file.entra.is_some()),
    ] {
        if is_written && cloud != Some(of) {
            let reason = format!("`{key}` means something to {name} only");
            context.problems.advise(path.key(key), reason, "remove it");
        }
    }
}

fn vertex(
    mut provider: Provider,
    has_address: bool,
    draft: &Draft<'_>,
    context: &mut Context<'_>,
) -> Option<Provider> {
    let location = draft
        .word(
            draft.file.location.as_ref(),
            &[env::GOOGLE_CLOUD_LOCATION, env::CLOUD_ML_REGION],
            context,
        )
        .unwrap_or_else(|| "global".to_owned());
    let is_location = !location.is_empty()
        && location
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_location {
        let reason = "this is no location of Google Cloud";
        let hint = "write one such as `europe-west4`, `us`, `eu` or `global`";
        context
            .problems
            .advise(draft.path.key("location"), reason, hint);
        return None;
    }
    if !has_address {
        // wire-protocols §1, row Vertex (Gemini).
        let address = match location.as_str() {
            "global" => "https://aiplatform.googleapis.com".to_owned(),
            "us" | "eu" => format!("https://aiplatform.{location}.rep.googleapis.com"),
            region => format!("https://{region}-aiplatform.googleapis.com"),
        };
        provider.base_url = BaseUrl::parse(&address).ok()?;
    }
    let mut project = draft.word(
        draft.file.project.as_ref(),
        &[env::GOOGLE_CLOUD_PROJECT, env::ANTHROPIC_VERTEX_PROJECT_ID],
        context,
    );
    if provider.credentials.is_empty() {
        let found = google(draft, context)?;
        project = project.or(found.project);
        provider.identity = Some(Identity::Google(found.google));
        if project.is_none() {
            let reason = "Vertex AI wants to know the Google Cloud project";
            let hint = "add `project: …`, or set `GOOGLE_CLOUD_PROJECT`";
            context.problems.advise(&draft.path, reason, hint);
            return None;
        }
    }
    provider.project = None;
    provider.surface = Surface::Vertex { project, location };
    // There is no list of the models that a project may use.
    provider.models = false;
    Some(provider)
}

/// Application default credentials, in the order of Google's own libraries: the named file, what
/// `gcloud` left, the machine's metadata server.
fn google(draft: &Draft<'_>, context: &mut Context<'_>) -> Option<GoogleFile> {
    let quota_project = context
        .environment
        .get(env::GOOGLE_CLOUD_QUOTA_PROJECT)
        .map(ToOwned::to_owned);
    let variable = context.environment.get(env::GOOGLE_APPLICATION_CREDENTIALS);
    let (path, origin) = match (&draft.file.credentials_file, variable) {
        (Some(path), _) => (
            Some(beside(path, context.folder)),
            Origin::from(draft.path.key("credentials_file")),
        ),
        (None, Some(path)) => (
            Some(PathBuf::from(path)),
            Origin::Variable(env::GOOGLE_APPLICATION_CREDENTIALS.to_owned()),
        ),
        (None, None) => (
            gcloud_file(context.environment).filter(|path| path.is_file()),
            Origin::from(draft.path.clone()),
        ),
    };
    let mut found = match path {
        Some(path) => match read(&path).and_then(|text| GoogleFile::read(&text)) {
            Ok(found) => found,
            Err((reason, hint)) => {
                context.problems.advise(origin, reason, hint);
                return None;
            }
        },
        None => GoogleFile {
            google: Google {
                source: GoogleSource::Metadata {
                    host: metadata_host(context.environment),
                },
                quota_project: None,
            },
            project: None,
        },
    };
    found.google.quota_project = quota_project.or(found.google.quota_project);
    Some(found)
}

fn metadata_host(environment: &Environment) -> String {
    environment
        .get(env::GCE_METADATA_HOST)
        .unwrap_or(METADATA_HOST)
        .to_owned()
}

/// What `gcloud auth application-default login` leaves.
fn gcloud_file(environment: &Environment) -> Option<PathBuf> {
    let folder = match environment.get("CLOUDSDK_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(environment.get("HOME")?).join(".config/gcloud"),
    };
    Some(folder.join("application_default_credentials.json"))
}

fn azure(
    mut provider: Provider,
    has_address: bool,
    draft: &Draft<'_>,
    context: &mut Context<'_>,
) -> Option<Provider> {
    if !has_address {
        let reason = "Azure has an address for each resource";
        let hint = "add `base_url: https://<resource>.openai.azure.com`, or set \
                    `AZURE_OPENAI_ENDPOINT`";
        context.problems.advise(&draft.path, reason, hint);
        return None;
    }
    provider.api_version = draft.word(
        draft.file.api_version.as_ref(),
        &[env::OPENAI_API_VERSION],
        context,
    );
    let (address, implied) = trimmed(provider.base_url.as_str());
    provider.base_url = BaseUrl::parse(address).ok()?;
    let dated = provider
        .api_version
        .as_deref()
        .is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()));
    provider.surface = match (draft.file.surface, implied) {
        (Some(AzureSurface::V1), _) => Surface::AzureV1,
        (Some(AzureSurface::Deployments), _) => Surface::AzureDeployments,
        (Some(AzureSurface::Inference), _) => Surface::AzureInference,
        (None, Some(implied)) => implied,
        (None, None) if dated => Surface::AzureDeployments,
        (None, None) => Surface::AzureV1,
    };
    if dated && provider.surface == Surface::AzureV1 {
        // The variable may be meant for another program's older calls.
        if draft.file.api_version.is_some() {
            let reason = "the API `v1` has no dated versions";
            let hint = "remove it, or write `surface: deployments`";
            context
                .problems
                .advise(draft.path.key("api_version"), reason, hint);
        }
        provider.api_version = None;
    }
    note_api(&provider, draft, context);
    provider.deployments = draft
        .file
        .deployments
        .iter()
        .map(|(name, model)| (name.to_owned(), model.clone()))
        .collect::<BTreeMap<_, _>>();
    for credential in &mut provider.credentials {
        if credential.scheme == Scheme::Dialect {
            credential.scheme = Scheme::ApiKey;
        }
    }
    if draft.file.entra.is_some() || provider.credentials.is_empty() {
        if draft.file.entra.is_some() && draft.file.credentials.is_some() {
            let reason = "`entra` and `credentials` are both there";
            context
                .problems
                .advise(draft.path.key("entra"), reason, "keep one of them");
        }
        provider.credentials.clear();
        provider.identity = Some(Identity::Entra(entra(&provider.surface, draft, context)?));
    }
    // What Azure lists are base models, and not the deployments that can be called.
    provider.models = false;
    Some(provider)
}

/// `api: responses` where there is no such API.
fn note_api(provider: &Provider, draft: &Draft<'_>, context: &mut Context<'_>) {
    let endpoint = Endpoint {
        surface: provider.surface.clone(),
        api_version: provider.api_version.clone(),
        ..Endpoint::default()
    };
    if provider.api == ApiChoice::Responses && !endpoint.has_responses() {
        let reason = "the Responses API is not there on this surface";
        let hint = "write `surface: v1`, or an `api_version` from 2025-03-01-preview on";
        context.problems.advise(draft.path.key("api"), reason, hint);
    }
}

/// The resource's address, and the API that the rest of what was written means.
fn trimmed(address: &str) -> (&str, Option<Surface>) {
    for (end, surface) in [
        ("/openai/v1", Some(Surface::AzureV1)),
        ("/openai/deployments", Some(Surface::AzureDeployments)),
        ("/openai", None),
        ("/models", Some(Surface::AzureInference)),
    ] {
        if let Some(start) = address.strip_suffix(end) {
            return (start, surface);
        }
    }
    (address, None)
}

/// The account, in the order of Azure's own libraries: an application with a secret, one with a
/// federated token, the machine's own identity.
fn entra(surface: &Surface, draft: &Draft<'_>, context: &mut Context<'_>) -> Option<Entra> {
    let usual = file::Entra::default();
    let written = draft.file.entra.as_ref().unwrap_or(&usual);
    let path = draft.path.key("entra");
    let word = |written: &Option<String>, name: &str, context: &Context<'_>| {
        draft.word(written.as_ref(), &[name], context)
    };
    let scope = written.scope.clone().unwrap_or_else(|| {
        let scope = match surface {
            Surface::AzureV1 => SCOPE_V1,
            _ => SCOPE_DATED,
        };
        scope.to_owned()
    });
    let tenant = word(&written.tenant, env::AZURE_TENANT_ID, context);
    let client_id = word(&written.client, env::AZURE_CLIENT_ID, context);
    let authority = word(&written.authority, env::AZURE_AUTHORITY_HOST, context);
    let proof = match proof(written, &path, draft, context) {
        Ok(proof) => proof,
        Err(()) => return None,
    };
    let source = match (proof, tenant, client_id) {
        (Some(proof), Some(tenant), Some(client_id)) => {
            let authority = authority.unwrap_or_else(|| ENTRA_AUTHORITY.to_owned());
            let authority = authority.trim_end_matches('/');
            let tenant = polyroute_wire::url::percent_encode(&tenant);
            match safe_url(format!("{authority}/{tenant}/oauth2/v2.0/token")) {
                Ok(token_url) => EntraSource::Application {
                    token_url,
                    client_id,
                    proof,
                },
                Err((reason, hint)) => {
                    context.problems.advise(path.key("authority"), reason, hint);
                    return None;
                }
            }
        }
        (Some(_), _, _) => {
            let reason = "an application's secret or token is of no use without its id and tenant";
            let hint = "add `tenant` and `client`, or set `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`";
            context.problems.advise(path, reason, hint);
            return None;
        }
        (None, _, client_id) => machine(client_id, context.environment),
    };
    Some(Entra { source, scope })
}

/// How the application proves itself, if it does.
fn proof(
    written: &file::Entra,
    path: &KeyPath,
    draft: &Draft<'_>,
    context: &mut Context<'_>,
) -> Result<Option<Proof>, ()> {
    if let Some(reference) = &written.secret {
        return match resolve_secret(reference, context.environment, context.folder) {
            Ok(found) => Ok(Some(Proof::Secret(found.secret))),
            Err((reason, hint)) => {
                context.problems.advise(path.key("secret"), reason, hint);
                Err(())
            }
        };
    }
    if let Some(file) = &written.federated_token_file {
        return Ok(Some(Proof::FederatedToken(beside(file, context.folder))));
    }
    let variable = |name| draft.word(None, &[name], context);
    let secret = variable(env::AZURE_CLIENT_SECRET).map(|text| Proof::Secret(Secret::new(text)));
    Ok(secret.or_else(|| {
        variable(env::AZURE_FEDERATED_TOKEN_FILE).map(|path| Proof::FederatedToken(path.into()))
    }))
}

/// The identity of the machine that we run on.
fn machine(client_id: Option<String>, environment: &Environment) -> EntraSource {
    let endpoint = environment.get(env::IDENTITY_ENDPOINT);
    match (endpoint, environment.get(env::IDENTITY_HEADER)) {
        (Some(endpoint), Some(header)) => EntraSource::AppService {
            endpoint: endpoint.to_owned(),
            header: Secret::new(header.to_owned()),
            client_id,
        },
        _ => EntraSource::Machine {
            url: environment
                .get(env::AZURE_POD_IDENTITY_AUTHORITY_HOST)
                .map_or_else(|| format!("http://{METADATA_HOST}"), ToOwned::to_owned),
            client_id,
        },
    }
}
