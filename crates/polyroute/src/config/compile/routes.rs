//! `targets` and `routes`: names resolved to providers and models.

use std::collections::HashSet;
use std::sync::Arc;

use polyroute_engine::catalog::{Catalog, Cloud};
use polyroute_engine::pin;

use super::Context;
use super::{structured, tuning};
use crate::config::file::{self, File, RouteTarget};
use crate::config::path::KeyPath;
use crate::config::problem::{Origin, did_you_mean};
use crate::config::settings::{Provider, Route, Target, Timeouts};

/// Every name that the file, or the environment, gives a meaning. Names whose own value is wrong
/// count too: one mistake is not reported at every place that refers to it.
pub(super) struct Names<'c> {
    catalog: Arc<Catalog>,
    providers: Vec<&'c str>,
    targets: Vec<&'c str>,
    routes: Vec<&'c str>,
}

impl<'c> Names<'c> {
    pub(super) fn new(file: &'c File, on: &'c [Provider], context: &Context<'c>) -> Self {
        let named = |section: &str, read: Vec<&'c str>| {
            let mut names = context.written(section);
            names.extend(read);
            let mut seen = HashSet::new();
            names.retain(|name| seen.insert(*name));
            names
        };
        Self {
            catalog: Arc::clone(&context.catalog),
            providers: named("providers", on.iter().map(|it| it.name.as_str()).collect()),
            targets: named(
                "targets",
                file.targets.iter().map(|(name, _)| name).collect(),
            ),
            routes: named("routes", file.routes.iter().map(|(name, _)| name).collect()),
        }
    }

    /// The provider that a name, or another name for it, means.
    fn provider(&self, name: &str) -> Option<&'c str> {
        let exact = self.providers.iter().find(|provider| **provider == name);
        let found = exact.or_else(|| {
            let same = self.catalog.entry(name)?;
            self.providers
                .iter()
                .find(|provider| same.answers_to(provider))
        });
        found.copied()
    }

    /// Whether a caller may send this name as `model`.
    pub(super) fn may_be_asked(&self, name: &str) -> bool {
        let model = || name.split_once('/').filter(|(_, model)| !model.is_empty());
        self.askable().any(|known| known == name)
            || model().is_some_and(|(provider, _)| self.provider(provider).is_some())
    }

    /// The names of routes and targets.
    pub(super) fn askable(&self) -> impl Iterator<Item = &'c str> + Clone {
        let mut names = self.routes.clone();
        names.extend(&self.targets);
        names.sort_unstable();
        names.dedup();
        names.into_iter()
    }
}

pub(super) fn targets(
    file: &File,
    names: &Names<'_>,
    inherited: Timeouts,
    context: &mut Context<'_>,
) -> Vec<Target> {
    let mut found = Vec::new();
    for (name, target) in file.targets.iter() {
        let path = KeyPath::of("targets").key(name);
        if name.trim().is_empty() || name.contains('/') {
            let reason = "a target's name has no `/`: that is how `provider/model` is told from it";
            context.problems.advise(&path, reason, "rename it");
        }
        found.extend(named_target(
            Some(name),
            target,
            names,
            inherited,
            &path,
            context,
        ));
    }
    found
}

/// A target in its long form.
fn named_target(
    name: Option<&str>,
    file: &file::Target,
    names: &Names<'_>,
    inherited: Timeouts,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<Target> {
    let timeouts = tuning::timeouts(&file.timeouts, inherited, &path.key("timeouts"), context);
    if file.pin.as_deref().is_some_and(|pin| pin.trim().is_empty()) {
        let hint = "write the exact model version, or remove `pin`";
        context
            .problems
            .advise(path.key("pin"), "the pin is empty", hint);
    }
    let (provider, model) = split(&file.model, names, &path.key("use"), context)?;
    if file.pin.is_none() {
        note_floating(&provider, &model, &path.key("use"), context);
    }
    Some(Target {
        name: name.unwrap_or(&file.model).to_owned(),
        provider,
        model,
        pin: file.pin.clone(),
        fingerprint: file.fingerprint.clone(),
        timeouts,
    })
}

/// Warns of a name that leads to another version one day, where a pin could be.
fn note_floating(provider: &str, model: &str, path: &KeyPath, context: &mut Context<'_>) {
    let catalog = Arc::clone(&context.catalog);
    let entry = catalog.entry(provider);
    // A deployment keeps its version, and a version is no deployment.
    if entry.is_some_and(|entry| entry.connection.cloud == Some(Cloud::Azure)) {
        return;
    }
    let section = entry.map(|entry| entry.name.as_str());
    if !pin::floats(&catalog, section, model) {
        return;
    }
    let latest = section.and_then(|section| catalog.latest_version(section, model));
    let hint = latest.map_or_else(
        || "add `pin` with the version that you tested".to_owned(),
        |version| format!("add `pin: {version}`, or the version that you tested"),
    );
    let reason = format!("`{model}` leads to another version when the provider says so");
    context
        .problems
        .warn(Origin::Path(path.clone()), reason, hint);
}

/// `provider/model` taken apart; a provider that is not on is noted.
fn split(
    text: &str,
    names: &Names<'_>,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<(String, String)> {
    let parts = text.split_once('/').filter(|(provider, model)| {
        !provider.is_empty() && !model.is_empty() && !text.contains(char::is_whitespace)
    });
    let Some((provider, model)) = parts else {
        let hint = "write it like `openai/gpt-4o-mini`";
        context
            .problems
            .advise(path, "this is not `provider/model`", hint);
        return None;
    };
    if let Some(found) = names.provider(provider) {
        return Some((found.to_owned(), model.to_owned()));
    }
    let reason = format!("there is no provider {}", context.shown(path, provider));
    let hint = match did_you_mean(provider, names.providers.iter().copied(), "providers") {
        Some(hint) => hint,
        None => "add it under `providers`".to_owned(),
    };
    context.problems.advise(path, reason, hint);
    None
}

pub(super) fn routes(
    file: &File,
    names: &Names<'_>,
    targets: &[Target],
    inherited: Timeouts,
    context: &mut Context<'_>,
) -> Vec<Route> {
    let mut found = Vec::new();
    for (name, route) in file.routes.iter() {
        let path = KeyPath::of("routes").key(name);
        check_route_name(name, route, names, &path, context);
        let list = if route.shorthand {
            path.clone()
        } else {
            path.key("targets")
        };
        let single = single_name(route, &list, context);
        if route.targets.is_empty() && !has_entries(&list, context) {
            let hint = "list at least one `provider/model` or target";
            context
                .problems
                .advise(&path, "this route has no target", hint);
        }
        let mut resolved: Vec<Target> = Vec::new();
        for (index, target) in route.targets.iter().enumerate() {
            let path = if single {
                list.clone()
            } else {
                context.item(&list, index)
            };
            let one = route_target(target, names, targets, inherited, &path, context);
            match one {
                Some(one) if resolved.contains(&one) => {
                    let reason = format!("`{}` stands in this route already", one.name);
                    context
                        .problems
                        .advise(&path, reason, "list each target once");
                }
                Some(one) => resolved.push(one),
                None => {}
            }
        }
        found.push(Route {
            name: name.to_owned(),
            targets: resolved,
            structured_output: route
                .structured_output
                .as_deref()
                .and_then(|it| structured::compile(it, &path.key("structured_output"), context)),
        });
    }
    found
}

/// Whether the route is one bare name.
fn single_name(route: &file::Route, list: &KeyPath, context: &Context<'_>) -> bool {
    let node = context.root.and_then(|root| root.find(list));
    route.shorthand && node.is_some_and(|(node, _)| node.is_scalar())
}

/// Whether something is written in the list, readable or not.
fn has_entries(list: &KeyPath, context: &Context<'_>) -> bool {
    let node = context.root.and_then(|root| root.find(list));
    node.is_some_and(|(node, _)| !node.is_empty())
}

fn check_route_name(
    name: &str,
    route: &file::Route,
    names: &Names<'_>,
    path: &KeyPath,
    context: &mut Context<'_>,
) {
    if name.trim().is_empty() || name.contains(char::is_control) {
        context
            .problems
            .advise(path, "the name of a route is empty", "name it");
    }
    let provider = name
        .split_once('/')
        .and_then(|(provider, _)| names.provider(provider));
    let itself = |target: &RouteTarget| matches!(target, RouteTarget::Name(own) if own == name);
    if provider.is_some() && !route.targets.first().is_some_and(itself) {
        let reason = format!("this route hides the model `{name}`: nobody can ask for it itself");
        let hint = "rename the route, or make the model its first target";
        context.problems.warn(path, reason, hint);
    }
}

fn route_target(
    target: &RouteTarget,
    names: &Names<'_>,
    targets: &[Target],
    inherited: Timeouts,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<Target> {
    let name = match target {
        RouteTarget::Inline(target) => {
            return named_target(None, target, names, inherited, path, context);
        }
        RouteTarget::Name(name) => name,
    };
    if let Some(found) = targets.iter().find(|target| target.name == *name) {
        return Some(found.clone());
    }
    if names.targets.contains(&name.as_str()) {
        return None; // Its own mistake is reported where it stands.
    }
    if name.contains('/') {
        let (provider, model) = split(name, names, path, context)?;
        let name = name.clone();
        return Some(Target {
            name,
            provider,
            model,
            pin: None,
            fingerprint: None,
            timeouts: inherited,
        });
    }
    if names.routes.contains(&name.as_str()) {
        let reason = format!("`{name}` is a route, and a route does not lead to another");
        context
            .problems
            .advise(path, reason, "list the targets of that route here");
        return None;
    }
    let reason = format!("there is no target {}", context.shown(path, name));
    let hint = match did_you_mean(name, names.targets.iter().copied(), "targets") {
        Some(hint) => hint,
        None => "write `provider/model`, or define it under `targets`".to_owned(),
    };
    context.problems.advise(path, reason, hint);
    None
}
