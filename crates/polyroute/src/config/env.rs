//! Every environment variable that Polyroute reads, declared once with what it is for.
//!
//! The process environment is read once, in `main`, into an [`Environment`]; everything else gets
//! that map, so that every rule here is testable without touching the process.

use std::collections::BTreeMap;

use polyroute_engine::catalog::{Catalog, Cloud, ProviderEntry};

use super::compile::cloud::is_on;
use super::file::Dialect;

/// A variable with its documentation.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it does, one sentence.
    pub doc: &'static str,
}

/// Declares the variables: a constant for each, and the list of all.
macro_rules! variables {
    ($($constant:ident = $name:literal: $doc:literal;)*) => {
        $(#[doc = $doc] pub const $constant: &str = $name;)*
        /// All variables but those of providers' keys and base URLs, which the catalog holds.
        pub const VARIABLES: &[Variable] = &[$(Variable { name: $name, doc: $doc }),*];
    };
}

variables! {
    CONFIG = "POLYROUTE_CONFIG": "The configuration file, where `--config` is not given.";
    LISTEN = "POLYROUTE_LISTEN": "The address that applications call; wins over `server.listen`.";
    ADMIN_LISTEN = "POLYROUTE_ADMIN_LISTEN":
        "The address of metrics and the admin API; wins over `server.admin`.";
    API_KEYS = "POLYROUTE_API_KEYS":
        "Gateway keys beside those of the file, comma-separated: `name:secret` or `secret`.";
    LOG = "POLYROUTE_LOG": "What is logged, such as `info` or `polyroute=debug`.";
    OPENAI_ORG_ID = "OPENAI_ORG_ID":
        "`OpenAI-Organization` of the provider `openai`, where the file lists no providers.";
    OPENAI_PROJECT_ID = "OPENAI_PROJECT_ID":
        "`OpenAI-Project` of the provider `openai`, where the file lists no providers.";
    GOOGLE_CLOUD_PROJECT = "GOOGLE_CLOUD_PROJECT": "The Google Cloud project of `vertex`.";
    ANTHROPIC_VERTEX_PROJECT_ID = "ANTHROPIC_VERTEX_PROJECT_ID":
        "The same, where the one above is not set; switches `vertex` on.";
    GOOGLE_CLOUD_LOCATION = "GOOGLE_CLOUD_LOCATION": "Where `vertex` computes.";
    CLOUD_ML_REGION = "CLOUD_ML_REGION": "The same, where the one above is not set.";
    GOOGLE_APPLICATION_CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS":
        "The credentials file of `vertex`; with a project, it switches `vertex` on.";
    GOOGLE_GENAI_USE_VERTEXAI = "GOOGLE_GENAI_USE_VERTEXAI":
        "`true` with a project switches `vertex` on without a credentials file.";
    GOOGLE_CLOUD_QUOTA_PROJECT = "GOOGLE_CLOUD_QUOTA_PROJECT":
        "The project that pays for calls of `vertex`, where it is another one.";
    GCE_METADATA_HOST = "GCE_METADATA_HOST": "Google's metadata server, if not the usual one.";
    OPENAI_API_VERSION = "OPENAI_API_VERSION": "The `api-version` of `azure`.";
    AZURE_TENANT_ID = "AZURE_TENANT_ID": "The directory of `azure`'s application.";
    AZURE_CLIENT_ID = "AZURE_CLIENT_ID":
        "The application of `azure`, or which identity of the machine.";
    AZURE_CLIENT_SECRET = "AZURE_CLIENT_SECRET": "The secret of `azure`'s application.";
    AZURE_FEDERATED_TOKEN_FILE = "AZURE_FEDERATED_TOKEN_FILE":
        "The file with a federated token of `azure`'s application, in place of a secret.";
    AZURE_AUTHORITY_HOST = "AZURE_AUTHORITY_HOST": "Who issues the tokens of `azure`.";
    IDENTITY_ENDPOINT = "IDENTITY_ENDPOINT":
        "Where an Azure app gets tokens of its managed identity.";
    IDENTITY_HEADER = "IDENTITY_HEADER": "The secret that goes with it.";
    AZURE_POD_IDENTITY_AUTHORITY_HOST = "AZURE_POD_IDENTITY_AUTHORITY_HOST":
        "Azure's metadata service, if not the usual one.";
    HTTPS_PROXY = "HTTPS_PROXY":
        "The HTTP proxy to providers reached by https (`https_proxy` too).";
    HTTP_PROXY = "http_proxy":
        "The HTTP proxy to providers reached by http; lower case only.";
    NO_PROXY = "NO_PROXY":
        "Hosts reached without a proxy, comma-separated (`no_proxy` too).";
    SSL_CERT_FILE = "SSL_CERT_FILE": "More certificate authorities to trust upstream, PEM.";
    AWS_REGION = "AWS_REGION": "Bedrock: the region, where the file names none (`AWS_DEFAULT_REGION` too).";
    AWS_ACCESS_KEY_ID = "AWS_ACCESS_KEY_ID": "Bedrock: access key id, with `AWS_SECRET_ACCESS_KEY`.";
    AWS_SECRET_ACCESS_KEY = "AWS_SECRET_ACCESS_KEY": "Bedrock: secret access key.";
    AWS_SESSION_TOKEN = "AWS_SESSION_TOKEN": "Bedrock: session token of temporary keys.";
    AWS_PROFILE = "AWS_PROFILE": "Bedrock: the profile of the shared files.";
    AWS_SHARED_CREDENTIALS_FILE = "AWS_SHARED_CREDENTIALS_FILE":
        "Bedrock: the shared file of keys, else `~/.aws/credentials`.";
    AWS_CONFIG_FILE = "AWS_CONFIG_FILE": "Bedrock: the shared file of settings, else `~/.aws/config`.";
    AWS_WEB_IDENTITY_TOKEN_FILE = "AWS_WEB_IDENTITY_TOKEN_FILE":
        "Bedrock: the file with the token for `AWS_ROLE_ARN` (set by EKS).";
    AWS_ROLE_ARN = "AWS_ROLE_ARN": "Bedrock: the role to take with that token.";
    AWS_ROLE_SESSION_NAME = "AWS_ROLE_SESSION_NAME": "Bedrock: the session's name in AWS's logs.";
    AWS_ENDPOINT_URL_STS = "AWS_ENDPOINT_URL_STS": "Bedrock: the token service, else that of the region.";
    AWS_ENDPOINT_URL_SSO = "AWS_ENDPOINT_URL_SSO":
        "Bedrock: the portal of IAM Identity Center, else that of the profile's region.";
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI":
        "Bedrock: the path of the container's credentials (set by ECS).";
    AWS_CONTAINER_CREDENTIALS_FULL_URI = "AWS_CONTAINER_CREDENTIALS_FULL_URI":
        "Bedrock: the URL of the container's credentials (set by EKS).";
    AWS_CONTAINER_AUTHORIZATION_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN":
        "Bedrock: what that URL wants as `Authorization`.";
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE":
        "Bedrock: a file that holds that.";
    AWS_EC2_METADATA_DISABLED = "AWS_EC2_METADATA_DISABLED":
        "Bedrock: `true` leaves the instance's metadata service alone.";
    AWS_EC2_METADATA_SERVICE_ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT":
        "Bedrock: the metadata service, else `http://169.254.169.254`.";
    NO_COLOR = "NO_COLOR": "No colours in the terminal, if set to anything.";
}

/// What ends the name of a variable that holds a provider's key.
const KEY_SUFFIX: &str = "_API_KEY";
/// What ends the name of a variable that holds a provider's address.
const BASE_URL_SUFFIX: &str = "_BASE_URL";

/// The environment as it was at the start. A variable that is empty counts as not set.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    /// Names only: the values hold credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

impl Environment {
    /// The environment of this process. Variables that are not Unicode are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let unicode = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        std::env::vars_os().filter_map(unicode).collect()
    }

    /// The value, unless it is empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.trim().is_empty())
    }

    /// The value of the name in capitals, else of the name in small letters.
    #[must_use]
    pub fn get_any_case(&self, name: &str) -> Option<&str> {
        self.get(name)
            .or_else(|| self.get(&name.to_ascii_lowercase()))
    }

    /// The names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.keys().map(String::as_str)
    }
}

/// A provider that the environment switches on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// Its name.
    pub name: String,
    /// The API that it speaks.
    pub dialect: Dialect,
    /// The variable that holds its key, if any.
    pub key_variable: Option<String>,
    /// Whether that key is a bearer token whatever the dialect.
    pub bearer: bool,
    /// The variable that holds its base URL, if it is set.
    pub base_url_variable: Option<String>,
    /// The base URL where no variable moves it.
    pub base_url: Option<String>,
}

/// The providers that the environment switches on: known ones whose key is set, then, by the
/// prefix convention, every `<NAME>_API_KEY` with a `<NAME>_BASE_URL` beside it.
#[must_use]
pub fn discover(catalog: &Catalog, environment: &Environment) -> Vec<Discovered> {
    let mut found: Vec<Discovered> = catalog
        .entries()
        .filter_map(|row| discover_known(row, environment))
        .collect();
    let by_prefix = environment.names().filter_map(|variable| {
        let prefix = variable
            .strip_suffix(KEY_SUFFIX)
            .filter(|prefix| !prefix.is_empty())?;
        let base_url = format!("{prefix}{BASE_URL_SUFFIX}");
        environment.get(variable)?;
        environment.get(&base_url)?;
        (!is_declared(catalog, variable) && !is_declared(catalog, &base_url)).then(|| Discovered {
            name: prefix.to_ascii_lowercase(),
            dialect: Dialect::OpenAi,
            key_variable: Some(variable.to_owned()),
            bearer: false,
            base_url_variable: Some(base_url),
            base_url: None,
        })
    });
    found.extend(by_prefix);
    found
}

fn discover_known(row: &ProviderEntry, environment: &Environment) -> Option<Discovered> {
    let base_url_variable = known_base_url(row, environment).map(str::to_owned);
    let (key_variable, bearer) = known_key(row, environment);
    // A provider that needs no credential is on when somebody says where it is.
    let has_address = base_url_variable.is_some();
    let on = match row.connection.cloud {
        // A key of Azure's leads nowhere without the resource's address.
        Some(cloud) => {
            is_on(cloud, has_address, environment)
                || (cloud == Cloud::Vertex && key_variable.is_some())
        }
        None => key_variable.is_some() || (!row.connection.needs_credential && has_address),
    };
    on.then(|| Discovered {
        name: row.name.clone(),
        dialect: row.connection.dialect,
        key_variable: key_variable.map(str::to_owned),
        bearer,
        base_url_variable,
        base_url: Some(row.connection.base_url.clone()),
    })
}

/// The variable that holds a known provider's key, and whether it is a bearer token.
pub(crate) fn known_key<'r>(
    row: &'r ProviderEntry,
    environment: &Environment,
) -> (Option<&'r str>, bool) {
    let is_set = |name: &&String| environment.get(name).is_some();
    match row.connection.key_variables.iter().find(is_set) {
        Some(key) => (Some(key), false),
        None => {
            let token = row.connection.token_variable.as_ref().filter(is_set);
            (token.map(String::as_str), true)
        }
    }
}

/// The variable that moves a known provider's base URL, if one is set.
pub(crate) fn known_base_url<'r>(
    row: &'r ProviderEntry,
    environment: &Environment,
) -> Option<&'r str> {
    row.connection
        .base_url_variables
        .iter()
        .map(String::as_str)
        .find(|name| environment.get(name).is_some())
}

/// Variables that are most likely misspelt, with what was meant. Kubernetes sets
/// `POLYROUTE_SERVICE_HOST` and the like by itself, so a name must be near to count.
pub(crate) fn misspelt(environment: &Environment) -> Vec<(&str, &'static str)> {
    let ours = environment
        .names()
        .filter(|name| name.starts_with("POLYROUTE_"));
    ours.filter_map(|name| {
        let own = || VARIABLES.iter().map(|variable| variable.name);
        let near = |known: &&str| matches!(strsim::osa_distance(name, known), 1..=2);
        let is_known = own().any(|known| known == name);
        own()
            .find(near)
            .filter(|_| !is_known)
            .map(|known| (name, known))
    })
    .collect()
}

/// Whether a variable means something else already.
fn is_declared(catalog: &Catalog, name: &str) -> bool {
    let known = |row: &ProviderEntry| {
        let connection = &row.connection;
        let mut variables = connection
            .key_variables
            .iter()
            .chain(&connection.base_url_variables);
        variables.any(|variable| variable == name)
    };
    name.starts_with("POLYROUTE_") || catalog.entries().any(known)
}

/// Every variable with its documentation, those of the known providers included.
#[must_use]
pub fn documented(catalog: &Catalog) -> Vec<(String, String)> {
    let own = VARIABLES
        .iter()
        .map(|variable| (variable.name.to_owned(), variable.doc.to_owned()));
    let providers = catalog.entries().flat_map(|row| {
        let keys = row
            .connection
            .key_variables
            .iter()
            .enumerate()
            .map(|(place, variable)| {
                let rank = if place == 0 {
                    ""
                } else {
                    ", where the one above is not set"
                };
                (
                    variable.to_string(),
                    format!("The key of `{}`{rank}.", row.name),
                )
            });
        let token = row.connection.token_variable.iter().map(|variable| {
            let doc = format!("A bearer token of `{}`, where no key is set.", row.name);
            (variable.clone(), doc)
        });
        let moves =
            row.connection
                .base_url_variables
                .iter()
                .enumerate()
                .map(|(place, variable)| {
                    let rank = if place == 0 {
                        ""
                    } else {
                        " and the one above is not set"
                    };
                    let doc = format!(
                        "The base URL of `{}`, where the file lists no providers{rank}.",
                        row.name
                    );
                    (variable.to_string(), doc)
                });
        keys.chain(token).chain(moves)
    });
    let convention = (
        format!("<NAME>{KEY_SUFFIX} + <NAME>{BASE_URL_SUFFIX}"),
        "Both together switch on an OpenAI-compatible provider `<name>`, where the file lists no providers."
            .to_owned(),
    );
    own.chain(providers).chain([convention]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &str)]) -> Vec<String> {
        let environment = pairs.iter().copied().collect();
        discover(&Catalog::embedded(), &environment)
            .into_iter()
            .map(|found| found.name)
            .collect()
    }

    #[test]
    fn a_key_switches_its_provider_on() {
        assert_eq!(names(&[]), Vec::<String>::new());
        assert_eq!(
            names(&[("OPENAI_API_KEY", "a"), ("GEMINI_API_KEY", "b")]),
            ["openai", "gemini"]
        );
        assert_eq!(names(&[("OPENAI_API_KEY", " ")]), Vec::<String>::new());
        assert_eq!(
            names(&[("OPENAI_BASE_URL", "https://x")]),
            Vec::<String>::new()
        );
        assert_eq!(
            names(&[("OLLAMA_BASE_URL", "http://x:11434/v1")]),
            ["ollama"]
        );
    }

    #[test]
    fn google_api_key_wins_over_gemini_api_key() {
        let both = [("GEMINI_API_KEY", "a"), ("GOOGLE_API_KEY", "b")]
            .into_iter()
            .collect();
        let found = discover(&Catalog::embedded(), &both);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].key_variable.as_deref(), Some("GOOGLE_API_KEY"));
    }

    #[test]
    fn an_anthropic_token_counts_where_no_key_is_set() {
        let token = [("ANTHROPIC_AUTH_TOKEN", "t")].into_iter().collect();
        let found = discover(&Catalog::embedded(), &token);
        assert!(found[0].bearer);
        let both = [("ANTHROPIC_AUTH_TOKEN", "t"), ("ANTHROPIC_API_KEY", "k")]
            .into_iter()
            .collect();
        assert!(!discover(&Catalog::embedded(), &both)[0].bearer);
    }

    #[test]
    fn the_prefix_convention_needs_both_variables() {
        assert_eq!(names(&[("ACME_API_KEY", "a")]), Vec::<String>::new());
        let both = [
            ("ACME_API_KEY", "a"),
            ("ACME_BASE_URL", "https://acme.example/v1"),
        ];
        assert_eq!(names(&both), ["acme"]);
        let ours = [
            ("POLYROUTE_API_KEY", "a"),
            ("POLYROUTE_BASE_URL", "https://x"),
        ];
        assert_eq!(names(&ours), Vec::<String>::new());
        assert_eq!(
            names(&[("_API_KEY", "a"), ("_BASE_URL", "b")]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_misspelt_variable_is_seen_and_a_foreign_one_is_not() {
        let pairs = [
            ("POLYROUTE_LISTN", "a"),
            ("POLYROUTE_SERVICE_HOST", "b"),
            ("POLYROUTE_LOG", "c"),
        ];
        let environment = pairs.into_iter().collect();
        assert_eq!(
            misspelt(&environment),
            [("POLYROUTE_LISTN", "POLYROUTE_LISTEN")]
        );
    }

    #[test]
    fn debug_shows_names_only() {
        let environment: Environment = [("A_KEY", "sk-canary-9")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"A_KEY"}"#);
    }
}
