//! What runs: the configuration with every reference resolved and every default applied.
//!
//! Read [`Settings`] first. Plain data, built once per load by `compile` and never changed; it
//! cannot be inconsistent: each route's targets name a provider that is in `providers`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use polyroute_engine::catalog::Catalog;
use polyroute_engine::snapshot::ApiChoice;
use polyroute_wire::surface::Surface;
use polyroute_wire::think_tags::ThinkTags;

pub use super::base_url::BaseUrl;
pub use super::file::{AccessLog, Dialect, OutputMode};
use super::identity::Identity;
use super::secret::Secret;

/// The configuration as the program uses it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The models and providers that are known.
    pub catalog: Arc<Catalog>,
    /// The listeners and their bounds.
    pub server: Server,
    /// Who may call; empty: everybody (only ever on a loopback address).
    pub keys: Vec<GatewayKey>,
    /// The providers that are on, in the order of the file (or of the table of known ones).
    pub providers: Vec<Provider>,
    /// Named targets, in the order of the file.
    pub targets: Vec<Target>,
    /// Routes, in the order of the file.
    pub routes: Vec<Route>,
    /// Attempts, deadline, and the timeouts of what has none of its own.
    pub resilience: Resilience,
    /// What happens to a request that a provider can't take as it is.
    pub translation: Translation,
    /// How files that callers name by URL are fetched.
    pub media: Media,
    /// How providers are reached where they say nothing themselves.
    pub egress: Egress,
    /// The log filter (`POLYROUTE_LOG`), `info` where unset.
    pub log: String,
}

impl Settings {
    /// The provider of this name, or of another name for it (`google` for `gemini`).
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        let exact = self.providers.iter().find(|provider| provider.name == name);
        exact.or_else(|| {
            let same = self.catalog.entry(name)?;
            self.providers
                .iter()
                .find(|provider| same.answers_to(&provider.name))
        })
    }

    /// The route of this name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// The target of this name.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }
}

/// The listeners and their bounds.
#[derive(Debug, Clone)]
pub struct Server {
    /// The address that applications call.
    pub listen: SocketAddr,
    /// The address of metrics and the admin API.
    pub admin: SocketAddr,
    /// HTTPS on `listen`.
    pub tls: Option<Tls>,
    /// Bounds on what a caller may send.
    pub limits: Limits,
    /// How long open answers may go on after SIGTERM.
    pub drain: Duration,
    /// How often a waiting caller of a stream hears from us.
    pub heartbeat: Duration,
    /// How long our own 200 is held back while there is no content.
    pub head_commit: Duration,
    /// Where the access log goes.
    pub access_log: AccessLog,
    /// How often the providers' lists of models are read again.
    pub models_refresh: Duration,
}

/// Certificate and key of the listener; both files were readable when the configuration was
/// loaded, and nothing more is known of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Bounds on what a caller may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body.
    pub body_bytes_max: usize,
    /// Largest request head.
    pub head_bytes_max: usize,
    /// Most connections open at once.
    pub connections_max: usize,
    /// Most requests under way at once.
    pub requests_max: usize,
    /// Most bytes of request bodies in memory at once; `body_bytes_max` at least.
    pub bodies_bytes_max: usize,
    /// Most headers of one request.
    pub header_count_max: usize,
    /// Deepest nesting of a request's JSON.
    pub nesting_max: usize,
    /// Longest wait for a whole request head.
    pub head_timeout: Duration,
    /// Longest wait for the next piece of a request body.
    pub body_timeout: Duration,
    /// Longest time that a connection stays open between two requests.
    pub idle_timeout: Duration,
    /// Longest time that a caller may take nothing of an answer that waits for it.
    pub send_timeout: Duration,
}

/// Somebody who may call.
#[derive(Debug, Clone)]
pub struct GatewayKey {
    /// The caller's name in logs, metrics and records.
    pub name: String,
    /// What the caller sends.
    pub secret: Secret,
    /// Tags of every request of this caller.
    pub tags: BTreeMap<String, String>,
    /// The names that this caller may ask for; all where `None`.
    pub routes: Option<BTreeSet<String>>,
}

/// A provider that is on.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name in `provider/model`.
    pub name: String,
    /// The known provider whose rules and models are its own, by its name in the catalog.
    pub kind: Option<String>,
    /// The API that it speaks.
    pub dialect: Dialect,
    /// Which of OpenAI's two APIs it is called over.
    pub api: ApiChoice,
    /// Where its API begins.
    pub base_url: BaseUrl,
    /// Its keys. Empty: it is called without one.
    pub credentials: Vec<Credential>,
    /// The version of its API; the dialect's own default where `None`.
    pub api_version: Option<String>,
    /// Ollama: the context that the server loads models with, in tokens.
    pub num_ctx: Option<u64>,
    /// More headers for every request: lower-case name, value. Values may be secret.
    pub headers: Vec<(String, Secret)>,
    /// Where it computes.
    pub region: Option<String>,
    /// What was agreed with it.
    pub agreements: Vec<String>,
    /// `OpenAI-Organization`.
    pub organization: Option<String>,
    /// `OpenAI-Project`.
    pub project: Option<String>,
    /// Where below the base URL it serves its dialect.
    pub surface: Surface,
    /// Deployments by name, with the model that each is.
    pub deployments: BTreeMap<String, String>,
    /// How the text of its answers holds reasoning; as the catalog says where `None`.
    pub think_tags: Option<ThinkTags>,
    /// The account whose tokens are sent where there is no key.
    pub identity: Option<Identity>,
    /// Speak HTTP/2 where the server offers it.
    pub http2: bool,
    /// The way to it.
    pub proxy: ProxyChoice,
    /// Whether its list of models is read and shown.
    pub models: bool,
    /// Bedrock without a bearer key: where AWS credentials come from.
    pub aws: Option<Aws>,
}

/// How requests to AWS are signed.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The region of the signature (`eu-central-1`).
    pub region: String,
    /// Where credentials come from; the first that has some wins.
    pub sources: Vec<AwsSource>,
}

/// A source of AWS credentials.
#[derive(Debug, Clone)]
pub enum AwsSource {
    /// Keys that were given.
    Keys {
        /// Access key id.
        id: String,
        /// Secret access key.
        secret: Secret,
        /// Session token of temporary keys.
        token: Option<Secret>,
    },
    /// The shared files of AWS's tools; read at each renewal.
    Profile(Box<AwsProfile>),
    /// A token of the cluster, for a role.
    WebIdentity(WebIdentity),
    /// The endpoint of an ECS task or an EKS pod.
    Container {
        /// Its URL.
        url: String,
        /// What it wants as `Authorization`.
        token: Option<Secret>,
        /// A file that holds that; it may change.
        token_file: Option<PathBuf>,
    },
    /// The metadata service of an EC2 instance.
    Metadata {
        /// Its URL.
        url: String,
    },
}

/// A profile of the shared files, and what it may lead to.
#[derive(Debug, Clone)]
pub struct AwsProfile {
    /// The file `credentials`.
    pub credentials: PathBuf,
    /// The file `config`.
    pub config: PathBuf,
    /// The profile's name.
    pub name: String,
    /// The token service, for roles.
    pub sts_url: String,
    /// The folder with the tokens of people who signed in.
    pub sso_cache: Option<PathBuf>,
    /// The portal of IAM Identity Center, if not that of the region.
    pub sso_url: Option<String>,
    /// What `credential_source` can name: the environment's keys, ...
    pub environment: Option<AwsSource>,
    /// ... the container's endpoint, ...
    pub container: Option<AwsSource>,
    /// ... and the instance's metadata service.
    pub instance: Option<AwsSource>,
}

/// The domain of AWS's services in a region.
#[must_use]
pub fn aws_domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// A role that is taken with a token of somebody else's.
#[derive(Debug, Clone)]
pub struct WebIdentity {
    /// The file with the token; it may change.
    pub token_file: PathBuf,
    /// The role.
    pub role_arn: String,
    /// The session's name in AWS's logs.
    pub session: String,
    /// The token service.
    pub sts_url: String,
}

impl Provider {
    /// A provider with nothing set but what it needs.
    #[must_use]
    pub fn new(
        name: String,
        dialect: Dialect,
        base_url: BaseUrl,
        credentials: Vec<Credential>,
    ) -> Self {
        Self {
            kind: None,
            name,
            dialect,
            api: ApiChoice::Auto,
            base_url,
            credentials,
            api_version: None,
            num_ctx: None,
            headers: Vec::new(),
            region: None,
            agreements: Vec::new(),
            organization: None,
            project: None,
            surface: Surface::Direct,
            deployments: BTreeMap::new(),
            think_tags: None,
            identity: None,
            http2: false,
            proxy: ProxyChoice::Environment,
            models: true,
            aws: None,
        }
    }
}

/// A key of a provider.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The key itself.
    pub secret: Secret,
    /// How it is sent.
    pub scheme: Scheme,
    /// Where it came from, for logs and metrics: `env:OPENAI_API_KEY`, `file:/run/…`, `config`.
    pub label: String,
}

/// How a credential is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// As the dialect does: Bearer for OpenAI, `x-api-key` for Anthropic, `x-goog-api-key` for
    /// Gemini.
    Dialect,
    /// `Authorization: Bearer` whatever the dialect (`ANTHROPIC_AUTH_TOKEN`).
    Bearer,
    /// `api-key` (Azure).
    ApiKey,
}

/// The way to a provider.
#[derive(Debug, Clone)]
pub enum ProxyChoice {
    /// As the environment says ([`Egress`]).
    Environment,
    /// Straight, whatever the environment says.
    Direct,
    /// By this proxy. The URL may hold a password.
    Url(Secret),
}

/// What answers to a name.
#[derive(Debug, Clone)]
pub struct Route {
    /// The name that callers send as `model`.
    pub name: String,
    /// The targets, first choice first; never empty.
    pub targets: Vec<Target>,
    /// How answers in JSON are held to their schema.
    pub structured_output: Option<StructuredOutput>,
}

/// How a route's answers in JSON are held to their schema.
#[derive(Debug, Clone, PartialEq)]
pub struct StructuredOutput {
    /// What happens to an answer.
    pub mode: OutputMode,
    /// The route's own schema.
    pub schema: Option<Arc<serde_json::Value>>,
    /// It goes out with `strict: true`.
    pub strict: bool,
    /// A caller may ask for another schema.
    pub callers_own: bool,
    /// An answer that does not fit is sent back once.
    pub repair: bool,
}

/// A provider's model with what holds for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in logs and records: the target's name, or `provider/model`.
    pub name: String,
    /// The name of a provider in `Settings::providers`.
    pub provider: String,
    /// The model that was named.
    pub model: String,
    /// The version that is asked for in its place.
    pub pin: Option<String>,
    /// The `system_fingerprint` that its answers should have.
    pub fingerprint: Option<String>,
    /// The timeouts of one attempt, defaults applied.
    pub timeouts: Timeouts,
}

impl Target {
    /// The model id that goes upstream: the pin where there is one.
    #[must_use]
    pub fn upstream_model(&self) -> &str {
        self.pin.as_deref().unwrap_or(&self.model)
    }
}

/// The timeouts of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// From the request to the first content.
    pub first_content: Duration,
    /// Between two pieces of content.
    pub inter_token: Duration,
    /// From the request to the end of the answer.
    pub total: Duration,
}

/// How failures are met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resilience {
    /// Most attempts of one request, over all its targets; at least 1.
    pub attempts_max: u32,
    /// How long a request may look for its first content, over all attempts.
    pub deadline: Duration,
    /// The timeouts of a target that has none of its own.
    pub timeouts: Timeouts,
}

/// What happens to a request that a provider can't take as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Translation {
    /// Refuse what can't be carried in place of dropping and naming it.
    pub strict_params: bool,
    /// Mend tool results without their call, and calls without their result.
    pub repair_orphans: bool,
    /// Turn a last assistant message into an instruction where no prefill is taken.
    pub rewrite_prefill: bool,
    /// Ask for a tool in words where the model can't be forced.
    pub downgrade_forced_tool_choice: bool,
}

/// How files that callers name by URL are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Media {
    /// Fetch from private, link-local and loopback addresses too.
    pub allow_private_networks: bool,
    /// Largest file.
    pub bytes_max: usize,
    /// Longest fetch, redirects included.
    pub timeout: Duration,
}

/// How providers are reached where they say nothing themselves.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// `HTTPS_PROXY`. The URL may hold a password.
    pub https_proxy: Option<Secret>,
    /// `HTTP_PROXY`, lower case only (`http_proxy`): a header must not become a variable.
    pub http_proxy: Option<Secret>,
    /// `NO_PROXY`: hosts that are reached straight.
    pub no_proxy: Vec<String>,
    /// `SSL_CERT_FILE`: more certificate authorities, PEM.
    pub ca_file: Option<PathBuf>,
}
