//! From the name that a caller sends as `model` to the targets that it means.
//!
//! Read [`resolve`] first. The order is: route → named target → `provider/model` → a bare name
//! that the catalog (or a provider's live list) knows → the only provider that is on. A provider
//! that the caller names explicitly comes before all of these.

mod allow;
mod error;
mod nearest;

use std::borrow::Cow;

use crate::snapshot::{Provider, Route, Snapshot, Target};

use allow::Allowed;
pub use allow::{SHOWN_MAX, permitted};
pub use error::{ResolveError, SUGGESTIONS_MAX};
pub use nearest::nearest;

/// Prefixes that LiteLLM uses for services whose own API nothing here speaks.
const NOT_SPOKEN: [&str; 5] = ["oci", "predibase", "replicate", "sagemaker", "watsonx"];

/// Whether a provider (first argument) lists a model (second) live.
pub type Listed<'a> = &'a dyn Fn(&str, &str) -> bool;

/// What the caller asked for.
#[derive(Clone, Copy, Default)]
pub struct NameRequest<'a> {
    /// `model` of the body.
    pub model: &'a str,
    /// `provider` of the body or `x-polyroute-provider`.
    pub provider: Option<&'a str>,
    /// The names that the caller's key may use; `None` for all.
    pub allowed: Option<&'a [String]>,
    /// What providers list live, if that is known.
    pub listed: Option<Listed<'a>>,
}

/// Which rule found the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The caller named the provider.
    ExplicitProvider,
    /// A route of the configuration.
    Route,
    /// A named target of the configuration.
    Target,
    /// `provider/model`.
    ProviderPrefix,
    /// A bare name of the catalog.
    Catalog,
    /// A bare name that a provider lists live.
    LiveList,
    /// There is no other provider.
    OnlyProvider,
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// Which rule applied.
    pub how: How,
    /// The route, if it is one.
    pub route: Option<&'a Route>,
    /// The targets, first choice first; never empty.
    pub targets: Cow<'a, [Target]>,
}

/// Finds what a name means, and whether the caller may use it.
///
/// # Errors
/// See [`ResolveError`]. A name that does not exist is not found even where the key may use next
/// to nothing; what is suggested is only what the key may use.
pub fn resolve<'a>(
    snapshot: &'a Snapshot,
    request: &NameRequest<'_>,
) -> Result<Resolved<'a>, ResolveError> {
    let model = request.model.trim();
    if model.is_empty() {
        return Err(ResolveError::Empty);
    }
    let resolved = match request
        .provider
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        Some(provider) => explicit(snapshot, provider, model)?,
        None => by_name(snapshot, model, request)?,
    };
    let allowed = Allowed::new(snapshot, request);
    if allowed.permits(&resolved) {
        return Ok(resolved);
    }
    let (names, more) = allowed.shown();
    Err(ResolveError::Denied {
        name: bounded(model),
        allowed: names,
        more,
    })
}

/// The target of a reference in the configuration: a named target or `provider/model`.
///
/// # Errors
/// As [`resolve`].
pub fn reference(snapshot: &Snapshot, text: &str) -> Result<Target, ResolveError> {
    if let Some(target) = snapshot.target(text) {
        return Ok(target.clone());
    }
    match prefixed(snapshot, text)? {
        Some((provider, model)) => Ok(Target::new(&provider.name, model)),
        None => Err(ResolveError::NotFound {
            name: bounded(text),
            nearest: Vec::new(),
        }),
    }
}

fn explicit<'a>(
    snapshot: &'a Snapshot,
    word: &str,
    model: &str,
) -> Result<Resolved<'a>, ResolveError> {
    let Some(provider) = snapshot.on().find(|provider| provider.answers_to(word)) else {
        return Err(missing_provider(snapshot, word));
    };
    // The prefix may be there as well.
    let model = match model.split_once('/') {
        Some((prefix, rest)) if provider.answers_to(prefix) && !rest.is_empty() => rest,
        _ => model,
    };
    Ok(single(provider, model, How::ExplicitProvider))
}

fn by_name<'a>(
    snapshot: &'a Snapshot,
    name: &str,
    request: &NameRequest<'_>,
) -> Result<Resolved<'a>, ResolveError> {
    if let Some(route) = snapshot.route(name) {
        return Ok(Resolved {
            how: How::Route,
            route: Some(route),
            targets: Cow::Borrowed(&route.targets),
        });
    }
    if let Some(target) = snapshot.target(name) {
        return Ok(Resolved {
            how: How::Target,
            route: None,
            targets: Cow::Borrowed(std::slice::from_ref(target)),
        });
    }
    if let Some((provider, model)) = prefixed(snapshot, name)? {
        return Ok(single(provider, model, How::ProviderPrefix));
    }
    if let Some((provider, how)) = bare(snapshot, name, request.listed) {
        return Ok(single(provider, name, how));
    }
    let mut on = snapshot.on();
    match (on.next(), on.next()) {
        (Some(only), None) => only_provider(snapshot, only, name, request),
        _ => Err(not_found(snapshot, name, request)),
    }
}

/// `provider/model`. `None` if there is no prefix that means a provider.
fn prefixed<'a, 'n>(
    snapshot: &'a Snapshot,
    name: &'n str,
) -> Result<Option<(&'a Provider, &'n str)>, ResolveError> {
    let Some((prefix, model)) = name.split_once('/').filter(|(_, model)| !model.is_empty()) else {
        return Ok(None);
    };
    if let Some(provider) = snapshot.on().find(|provider| provider.answers_to(prefix)) {
        return Ok(Some((provider, model)));
    }
    // Gemini's own resource name.
    if prefix == "models" && model.starts_with("gemini-") {
        let gemini = snapshot
            .on()
            .find(|provider| provider.catalog.as_deref() == Some("gemini"));
        return Ok(gemini.map(|provider| (provider, model)));
    }
    // A server that is merely compatible may have such ids itself (`openai/gpt-oss-20b`).
    let mut on = snapshot.on();
    if let (Some(only), None) = (on.next(), on.next())
        && !only.first_party
    {
        return Ok(None);
    }
    let lower = prefix.to_ascii_lowercase();
    if NOT_SPOKEN.contains(&lower.as_str()) {
        return Err(ResolveError::NotSpoken { provider: lower });
    }
    let known = snapshot
        .catalog
        .providers()
        .any(|provider| provider == lower)
        || snapshot.catalog.entry(prefix).is_some()
        || snapshot
            .providers
            .iter()
            .any(|provider| provider.answers_to(prefix));
    if known {
        return Err(missing_provider(snapshot, prefix));
    }
    Ok(None)
}

/// The provider whose model a bare name is: listed in the catalog, then listed live; the first in
/// the order of the configuration.
fn bare<'a>(
    snapshot: &'a Snapshot,
    name: &str,
    listed: Option<Listed<'_>>,
) -> Option<(&'a Provider, How)> {
    let in_catalog = snapshot
        .on()
        .find(|provider| snapshot.lists(provider, name));
    if let Some(provider) = in_catalog {
        return Some((provider, How::Catalog));
    }
    let listed = listed?;
    snapshot
        .on()
        .find(|provider| listed(&provider.name, name))
        .map(|provider| (provider, How::LiveList))
}

fn only_provider<'a>(
    snapshot: &'a Snapshot,
    only: &'a Provider,
    name: &str,
    request: &NameRequest<'_>,
) -> Result<Resolved<'a>, ResolveError> {
    if only.first_party && !only.has_own_names() {
        // A model of somebody else would only come back as that provider's own 404.
        let owner = snapshot.catalog.owner(name);
        if let Some(owner) = owner.filter(|owner| only.catalog.as_deref() != Some(owner)) {
            return Err(missing_provider(snapshot, owner));
        }
        // Behind a base URL of one's own there may be ids with slashes; a misspelt provider is
        // none of them.
        let prefix = name.split_once('/').map(|(prefix, _)| prefix);
        let providers = snapshot.catalog.providers();
        if prefix.is_some_and(|prefix| !nearest(prefix, providers, 1).is_empty()) {
            return Err(not_found(snapshot, name, request));
        }
    }
    Ok(single(only, name, How::OnlyProvider))
}

fn single<'a>(provider: &Provider, model: &str, how: How) -> Resolved<'a> {
    let gemini = provider.catalog.as_deref() == Some("gemini");
    let model = match model.strip_prefix("models/") {
        Some(bare) if gemini => bare,
        _ => model,
    };
    Resolved {
        how,
        route: None,
        targets: Cow::Owned(vec![Target::new(&provider.name, model)]),
    }
}

fn missing_provider(snapshot: &Snapshot, word: &str) -> ResolveError {
    let lower = word.to_ascii_lowercase();
    let configured = snapshot
        .providers
        .iter()
        .any(|provider| provider.answers_to(word));
    if !configured && NOT_SPOKEN.contains(&lower.as_str()) {
        return ResolveError::NotSpoken { provider: lower };
    }
    let names = snapshot.on().map(|provider| provider.name.as_str());
    ResolveError::ProviderOff {
        provider: bounded(word),
        nearest: nearest(word, names, SUGGESTIONS_MAX),
    }
}

fn not_found(snapshot: &Snapshot, name: &str, request: &NameRequest<'_>) -> ResolveError {
    let allowed = Allowed::new(snapshot, request);
    let routes = snapshot.routes.iter().map(|route| route.name.as_str());
    let targets = snapshot.targets.iter().map(|target| target.name.as_str());
    let models = snapshot
        .on()
        .filter_map(|provider| provider.catalog.as_deref())
        .flat_map(|section| snapshot.catalog.models(section))
        .map(|model| model.id.as_str());
    let may_use = |candidate: &&str| {
        allowed.all() || by_name_exact(snapshot, candidate).is_some_and(|it| allowed.permits(&it))
    };
    let names = routes.chain(targets).chain(models).filter(may_use);
    ResolveError::NotFound {
        name: bounded(name),
        nearest: nearest(name, names, SUGGESTIONS_MAX),
    }
}

/// What an existing name means, without suggestions.
fn by_name_exact<'a>(snapshot: &'a Snapshot, name: &str) -> Option<Resolved<'a>> {
    if let Some(route) = snapshot.route(name) {
        return Some(Resolved {
            how: How::Route,
            route: Some(route),
            targets: Cow::Borrowed(&route.targets),
        });
    }
    if let Some(target) = snapshot.target(name) {
        return Some(Resolved {
            how: How::Target,
            route: None,
            targets: Cow::Borrowed(std::slice::from_ref(target)),
        });
    }
    bare(snapshot, name, None).map(|(provider, how)| single(provider, name, how))
}

/// A caller's word, short enough for an error message.
fn bounded(word: &str) -> String {
    const CHARACTERS_MAX: usize = 200;
    word.chars().take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests;
