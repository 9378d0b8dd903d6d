//! What one request sees of the configuration: providers, targets, routes and the catalog, in the
//! form that decisions need.
//!
//! Read [`Snapshot`] first. It holds no secret and no address: those belong to the program that
//! does the calling. A request keeps one snapshot from its start to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use polyroute_wire::adapter::{Endpoint, TranslationPolicy};
use polyroute_wire::capability::Capabilities;
use polyroute_wire::profile::Profile;
use polyroute_wire::surface::{Surface, VertexModel};

pub use polyroute_wire::dialect::Dialect;

use crate::catalog::{Catalog, Known};

/// Everything that decisions depend on, with all references resolved.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Providers in the order of the configuration, which settles whose a bare name is.
    pub providers: Vec<Provider>,
    /// Named targets.
    pub targets: Vec<Target>,
    /// Routes.
    pub routes: Vec<Route>,
    /// Known models.
    pub catalog: Arc<Catalog>,
    /// What holds where a route or target says nothing.
    pub defaults: Defaults,
}

impl Snapshot {
    /// The provider of that name.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// The route of that name.
    #[must_use]
    pub fn route(&self, name: &str) -> Option<&Route> {
        self.routes.iter().find(|route| route.name == name)
    }

    /// The named target of that name.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.iter().find(|target| target.name == name)
    }

    /// The providers that are on.
    pub fn on(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter().filter(|provider| provider.on)
    }

    /// Reads all of the catalog that requests ask for. It is read in parts, each when it is first
    /// asked for, and no request should be the first.
    pub fn warm(&self) {
        for provider in &self.providers {
            if let Some(section) = &provider.catalog {
                self.catalog.read(section);
            }
        }
        // Where there is but one, a name that it does not list may be somebody else's.
        if self.on().count() == 1 {
            let _ = self.catalog.owner("");
        }
    }

    /// What the catalog knows of a model at a provider; `None` where the provider has no section
    /// in it.
    #[must_use]
    pub fn known(&self, provider: &Provider, model: &str) -> Option<Known<'_>> {
        self.catalog
            .lookup(provider.catalog.as_deref()?, provider.model_of(model))
    }

    /// What the catalog lists of a model at a provider, itself or in another version.
    #[must_use]
    pub fn listed(&self, provider: &Provider, model: &str) -> Option<Known<'_>> {
        self.catalog
            .listed(provider.catalog.as_deref()?, provider.model_of(model))
    }

    /// Whether a model is known to be at a provider, itself or in another version: the catalog
    /// lists it, or it is a deployment.
    #[must_use]
    pub fn lists(&self, provider: &Provider, model: &str) -> bool {
        if provider.has_own_names() {
            let mut names = provider.deployments.iter();
            return names.any(|(name, of)| name == model || of == model);
        }
        self.listed(provider, model).is_some()
    }

    /// Whether a name at a provider says which model it is. A deployment that the configuration
    /// does not explain may be any.
    #[must_use]
    pub fn places(&self, provider: &Provider, name: &str) -> bool {
        !provider.has_own_names()
            || provider.deployments.contains_key(name)
            || self.listed(provider, name).is_some()
    }

    /// The names of the models that are known to be at a provider, each with what is known of it.
    pub fn offered<'a>(
        &'a self,
        provider: &'a Provider,
    ) -> impl Iterator<Item = (&'a str, Capabilities)> {
        let own_names = provider.has_own_names();
        let deployments = provider.deployments.keys().map(move |name| {
            let capabilities = self.capabilities(provider, name);
            (name.as_str(), capabilities)
        });
        let models = provider
            .catalog
            .iter()
            .filter(move |_| !own_names)
            .flat_map(|section| self.catalog.models(section))
            .map(|entry| (entry.id.as_str(), entry.capabilities.clone()));
        deployments.filter(move |_| own_names).chain(models)
    }

    /// What a model at a provider takes.
    #[must_use]
    pub fn capabilities(&self, provider: &Provider, model: &str) -> Capabilities {
        self.known(provider, model)
            .map(|known| known.capabilities.clone())
            .unwrap_or_default()
    }
}

/// Which of OpenAI's two APIs a provider is called over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ApiChoice {
    /// As the model's capabilities say.
    #[default]
    Auto,
    /// Chat completions for every request.
    Chat,
    /// Responses for every chat request.
    Responses,
}

/// A provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Its name in the configuration and in `provider/model`.
    pub name: String,
    /// Other names that callers may write for it (`google` for `gemini`).
    pub aliases: Vec<String>,
    /// What it speaks.
    pub dialect: Dialect,
    /// The provider's own service, not one that is merely compatible with it.
    pub first_party: bool,
    /// Its section of the catalog, if it has one.
    pub catalog: Option<String>,
    /// What its wire differs in from its dialect's own.
    pub profile: Arc<Profile>,
    /// Which of OpenAI's two APIs it is called over; means something where the dialect is OpenAI's.
    pub api: ApiChoice,
    /// The version of its API; the dialect's default where `None`.
    pub api_version: Option<String>,
    /// Where it serves its dialect.
    pub surface: Surface,
    /// Deployments by name, with the model that each is. Names that are not here are models.
    pub deployments: BTreeMap<String, String>,
    /// The context that its server loads models with, in tokens, where the operator says
    /// (Ollama): a longer prompt would be cut there.
    pub num_ctx: Option<u64>,
    /// How many credentials it has. One that needs none counts as 1.
    pub credentials: usize,
    /// Whether it may be called.
    pub on: bool,
}

impl Provider {
    /// A provider that is on, with one credential. Its catalog section is that of its dialect if
    /// it is first-party, else none.
    #[must_use]
    pub fn new(name: impl Into<String>, dialect: Dialect, first_party: bool) -> Self {
        Self {
            aliases: Vec::new(),
            name: name.into(),
            dialect,
            first_party,
            catalog: first_party.then(|| dialect.as_str().to_owned()),
            profile: Arc::default(),
            api: ApiChoice::Auto,
            api_version: None,
            surface: Surface::Direct,
            deployments: BTreeMap::new(),
            num_ctx: None,
            credentials: 1,
            on: true,
        }
    }

    /// What of it translation depends on.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            provider: self.name.clone(),
            api_version: self.api_version.clone(),
            first_party: self.first_party,
            profile: Arc::clone(&self.profile),
            surface: self.surface.clone(),
            num_ctx: self.num_ctx,
        }
    }

    /// What it speaks for a model: on Vertex AI, what the model's publisher does.
    #[must_use]
    pub fn dialect_of(&self, model: &str) -> Dialect {
        match &self.surface {
            Surface::Vertex { .. } => match VertexModel::read(model).publisher {
                "anthropic" => Dialect::Anthropic,
                "" | "google" => Dialect::Gemini,
                _ => Dialect::OpenAi,
            },
            Surface::Direct
            | Surface::AzureV1
            | Surface::AzureDeployments
            | Surface::AzureInference => self.dialect,
        }
    }

    /// Whether translation or choice depend on how long a prompt is, even where there is but one
    /// target: its server cuts what exceeds its context (wire-protocols §13.4).
    #[must_use]
    pub fn weighs_prompts(&self) -> bool {
        self.dialect == Dialect::Ollama || self.num_ctx.is_some()
    }

    /// The deployment that a name means: the one of that name, else the first that is this model,
    /// else the name itself.
    #[must_use]
    pub fn deployment_of<'a>(&'a self, name: &'a str) -> &'a str {
        if self.deployments.contains_key(name) {
            return name;
        }
        self.deployments
            .iter()
            .find(|(_, model)| *model == name)
            .map_or(name, |(deployment, _)| deployment)
    }

    /// The model that a name means, as the catalog writes it.
    #[must_use]
    pub fn model_of<'a>(&'a self, name: &'a str) -> &'a str {
        match &self.surface {
            Surface::Vertex { .. } => match VertexModel::read(name) {
                VertexModel {
                    publisher: "google" | "anthropic",
                    id,
                } => id,
                _ => name,
            },
            Surface::Direct
            | Surface::AzureV1
            | Surface::AzureDeployments
            | Surface::AzureInference => self.deployments.get(name).map_or(name, String::as_str),
        }
    }

    /// Whether the names of its models are the operator's own choice.
    pub(crate) const fn has_own_names(&self) -> bool {
        matches!(
            self.surface,
            Surface::AzureV1 | Surface::AzureDeployments | Surface::AzureInference
        )
    }

    /// Whether a caller's word names it, upper or lower case.
    #[must_use]
    pub fn answers_to(&self, word: &str) -> bool {
        self.name.eq_ignore_ascii_case(word)
            || self
                .aliases
                .iter()
                .any(|alias| alias.eq_ignore_ascii_case(word))
    }
}

/// A model at a provider, with what holds for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its name in logs and records: the configured name, or `provider/model`.
    pub name: String,
    /// The name of a provider in [`Snapshot::providers`].
    pub provider: String,
    /// The model that was named.
    pub model: String,
    /// The version that goes upstream in its place.
    pub pin: Option<String>,
    /// The `system_fingerprint` that its answers should have.
    pub fingerprint: Option<String>,
    /// Its timeouts; what is absent comes from the defaults.
    pub timeouts: Timeouts,
}

impl Target {
    /// An unnamed target.
    #[must_use]
    pub fn new(provider: &str, model: &str) -> Self {
        Self {
            name: [provider, "/", model].concat(),
            provider: provider.to_owned(),
            model: model.to_owned(),
            pin: None,
            fingerprint: None,
            timeouts: Timeouts::default(),
        }
    }

    /// The model id that goes upstream.
    #[must_use]
    pub fn upstream_model(&self) -> &str {
        self.pin.as_deref().unwrap_or(&self.model)
    }
}

/// A name that callers send as `model`, and the targets behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The name.
    pub name: String,
    /// The targets, first choice first.
    pub targets: Vec<Target>,
    /// Most attempts; the default where `None`.
    pub attempts_max: Option<u32>,
    /// Time for all attempts together; the default where `None`.
    pub deadline: Option<Duration>,
    /// Policy of translation; the default where `None`.
    pub policy: Option<TranslationPolicy>,
}

impl Route {
    /// A route with default settings.
    #[must_use]
    pub fn new(name: impl Into<String>, targets: Vec<Target>) -> Self {
        Self {
            name: name.into(),
            targets,
            attempts_max: None,
            deadline: None,
            policy: None,
        }
    }
}

/// The timeouts of one attempt, each of which may be left to a default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, TLS included.
    pub connect: Option<Duration>,
    /// From the request to the first content.
    pub first_content: Option<Duration>,
    /// Between two pieces of content.
    pub inter_token: Option<Duration>,
    /// From the request to the end of the answer.
    pub total: Option<Duration>,
}

impl Timeouts {
    /// These, and where they say nothing, the others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            connect: self.connect.or(others.connect),
            first_content: self.first_content.or(others.first_content),
            inter_token: self.inter_token.or(others.inter_token),
            total: self.total.or(others.total),
        }
    }
}

/// What holds where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// Timeouts of one attempt.
    pub timeouts: Timeouts,
    /// Most attempts of one request over all its targets (`resilience.attempts_max`).
    pub attempts_max: u32,
    /// Time for all attempts of one request together (`resilience.deadline`).
    pub deadline: Duration,
    /// Policy of translation.
    pub policy: TranslationPolicy,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            timeouts: Timeouts {
                connect: Some(Duration::from_secs(10)),
                first_content: Some(Duration::from_secs(60)),
                inter_token: Some(Duration::from_secs(60)),
                total: Some(Duration::from_secs(600)),
            },
            attempts_max: 4,
            deadline: Duration::from_secs(120),
            policy: TranslationPolicy::default(),
        }
    }
}
