//! What was written → what runs: references resolved, defaults applied, cross-checks made.
//!
//! Each section has its file. Nothing stops at the first problem: every function notes what is
//! wrong and goes on with a stand-in, and [`compile`] gives settings only when nothing was noted.
//! Read [`Context`] first.

mod aws;
pub(crate) mod cloud;
mod keys;
mod providers;
mod routes;
mod server;
mod spoken;
mod structured;
mod tuning;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use polyroute_engine::catalog::Catalog;

use super::env::{self, Environment};
use super::file::File;
use super::path::KeyPath;
use super::problem::{Origin, Problems};
use super::read_file;
use super::render::looks_secret;
use super::secret::Secret;
use super::settings::{Egress, Settings};
use super::tree::{Kind, Node};

/// What a section needs beside its own text.
pub(crate) struct Context<'c> {
    /// The models and providers that are known.
    pub(crate) catalog: Arc<Catalog>,
    /// The document, for places and for names whose value could not be read.
    pub(crate) root: Option<&'c Node>,
    /// The nodes that could not be read; the file's types hold nothing of them.
    pub(crate) hidden: &'c HashSet<usize>,
    pub(crate) environment: &'c Environment,
    /// The folder that relative paths start at.
    pub(crate) folder: &'c Path,
    /// `--listen`.
    pub(crate) listen_flag: Option<&'c str>,
    /// `--admin`.
    pub(crate) admin_flag: Option<&'c str>,
    pub(crate) problems: &'c mut Problems,
}

impl<'c> Context<'c> {
    /// Reads the catalog files that the configuration names.
    pub(crate) fn read_catalog(&mut self, files: &[PathBuf]) {
        for (index, file) in files.iter().enumerate() {
            let path = self.item(&KeyPath::of("catalog"), index);
            let text = match read_file(&self.folder.join(file)) {
                Ok(text) => text,
                Err((reason, hint)) => {
                    self.problems.advise(path, reason, hint);
                    continue;
                }
            };
            match Catalog::clone(&self.catalog).with_file(&text) {
                Ok(catalog) => self.catalog = Arc::new(catalog),
                Err(error) => {
                    let hint = "the files of Polyroute's own catalog show the format";
                    self.problems.advise(path, error.to_string(), hint);
                }
            }
        }
    }

    /// The names written under a section, whether or not their value could be read.
    pub(crate) fn written(&self, section: &str) -> Vec<&'c str> {
        self.root
            .map(|root| root.names(&KeyPath::of(section)))
            .unwrap_or_default()
    }

    /// A written name as a message may repeat it: what a variable held, and what looks like a
    /// credential, is not repeated.
    pub(crate) fn shown(&self, path: &KeyPath, name: &str) -> String {
        if self.is_interpolated(path) || looks_secret(name) {
            "…".to_owned()
        } else {
            format!("`{name}`")
        }
    }

    /// The path of a list's entry by its place in the types, which lack the unreadable ones.
    pub(crate) fn item(&self, list: &KeyPath, index: usize) -> KeyPath {
        let Some((
            Node {
                kind: Kind::List(items),
                ..
            },
            _,
        )) = self.root.and_then(|root| root.find(list))
        else {
            return list.index(index);
        };
        let read = items
            .iter()
            .enumerate()
            .filter(|(_, item)| !self.hidden.contains(&item.id));
        let written = read.map(|(place, _)| place).nth(index);
        list.index(written.unwrap_or(index))
    }

    /// Whether the value of a path came from a variable.
    pub(crate) fn is_interpolated(&self, path: &KeyPath) -> bool {
        let found = self.root.and_then(|root| root.find(path));
        matches!(found, Some((Node { kind: Kind::Scalar(scalar), .. }, _)) if scalar.interpolated)
    }
}

/// Settings of a file; `None` where a problem was noted, now or while the file was read.
pub(crate) fn compile(file: &File, mut context: Context<'_>) -> Option<Settings> {
    let context = &mut context;
    note_misspelt_variables(context);
    let keys = keys::compile(&file.keys, context);
    let server = server::compile(&file.server, !keys.is_empty(), context);
    let providers = providers::compile(file.providers.as_ref(), &server, context);
    let resilience = tuning::resilience(&file.resilience, context);
    let names = routes::Names::new(file, &providers, context);
    let targets = routes::targets(file, &names, resilience.timeouts, context);
    let routes = routes::routes(file, &names, &targets, resilience.timeouts, context);
    keys::check_routes(&file.keys, &names, context);
    let translation = tuning::translation(&file.translation);
    let media = tuning::media(&file.media, context);
    let egress = egress(context);
    if context.problems.has_errors() {
        return None;
    }
    Some(Settings {
        catalog: Arc::clone(&context.catalog),
        server,
        keys,
        providers,
        targets,
        routes,
        resilience,
        translation,
        media,
        egress,
        log: context
            .environment
            .get(env::LOG)
            .unwrap_or("info")
            .to_owned(),
    })
}

fn note_misspelt_variables(context: &mut Context<'_>) {
    for (name, known) in env::misspelt(context.environment) {
        let reason = "Polyroute reads no variable of this name";
        let hint = format!("did you mean `{known}`?");
        context
            .problems
            .warn(Origin::Variable(name.to_owned()), reason, hint);
    }
}

fn egress(context: &mut Context<'_>) -> Egress {
    let environment = context.environment;
    let mut proxy = |name: &str, value: Option<&str>| {
        let value = value?;
        if let Err((reason, hint)) = providers::check_proxy(value) {
            context
                .problems
                .advise(Origin::Variable(name.to_owned()), reason, hint);
            return None;
        }
        Some(Secret::new(value.to_owned()))
    };
    let https_proxy = proxy(env::HTTPS_PROXY, environment.get_any_case(env::HTTPS_PROXY));
    let http_proxy = proxy(env::HTTP_PROXY, environment.get(env::HTTP_PROXY));
    let hosts = environment
        .get_any_case(env::NO_PROXY)
        .unwrap_or_default()
        .split(',');
    let no_proxy = hosts
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .map(str::to_owned);
    Egress {
        https_proxy,
        http_proxy,
        no_proxy: no_proxy.collect(),
        ca_file: environment.get(env::SSL_CERT_FILE).map(Into::into),
    }
}
