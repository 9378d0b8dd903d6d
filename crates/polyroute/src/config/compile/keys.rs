//! The `keys` section and `POLYROUTE_API_KEYS`.

use std::collections::BTreeMap;

use super::Context;
use super::routes::Names;
use crate::config::env;
use crate::config::file;
use crate::config::path::KeyPath;
use crate::config::problem::{Origin, did_you_mean};
use crate::config::resolve::resolve_secret;
use crate::config::secret::{Secret, SecretRef};
use crate::config::settings::GatewayKey;

/// The keys that can be read; unreadable ones are noted.
pub(super) fn compile(written: &[file::Key], context: &mut Context<'_>) -> Vec<GatewayKey> {
    let mut keys: Vec<GatewayKey> = Vec::new();
    for (index, key) in written.iter().enumerate() {
        let path = context.item(&KeyPath::of("keys"), index);
        let secret_path = path.key("secret");
        note_literal(&key.secret, &secret_path, context);
        let found = resolve_secret(&key.secret, context.environment, context.folder);
        let secret = match found {
            Ok(found) => found.secret,
            Err((reason, hint)) => {
                context.problems.advise(secret_path, reason, hint);
                continue;
            }
        };
        let new = GatewayKey {
            name: key.name.clone(),
            secret,
            tags: key.tags.clone(),
            routes: key
                .routes
                .as_ref()
                .map(|routes| routes.iter().cloned().collect()),
        };
        let origins = (Origin::Path(path.key("name")), Origin::Path(secret_path));
        add(new, origins, &mut keys, context);
    }
    from_environment(&mut keys, context);
    keys
}

fn from_environment(keys: &mut Vec<GatewayKey>, context: &mut Context<'_>) {
    let Some(list) = context.environment.get(env::API_KEYS) else {
        return;
    };
    let origin = || Origin::Variable(env::API_KEYS.to_owned());
    for (place, part) in list.split(',').map(str::trim).enumerate() {
        let number = place.saturating_add(1);
        let (name, secret) = match part.split_once(':') {
            Some((name, secret)) => (name.trim().to_owned(), secret.trim()),
            None => (format!("env-{number}"), part),
        };
        if part.is_empty() || name.is_empty() {
            let reason = format!("entry {number} is empty");
            context
                .problems
                .advise(origin(), reason, "write `name:secret,name:secret`");
            continue;
        }
        let reference = SecretRef::Literal(Secret::new(secret.to_owned()));
        match resolve_secret(&reference, context.environment, context.folder) {
            Ok(found) => {
                let key = GatewayKey {
                    name,
                    secret: found.secret,
                    tags: BTreeMap::new(),
                    routes: None,
                };
                add(key, (origin(), origin()), keys, context);
            }
            Err((reason, hint)) => {
                context
                    .problems
                    .advise(origin(), format!("entry {number}: {reason}"), hint);
            }
        }
    }
}

/// Adds a key whose name and secret are its own; notes the others. `origins`: of name and secret.
fn add(
    key: GatewayKey,
    origins: (Origin, Origin),
    keys: &mut Vec<GatewayKey>,
    context: &mut Context<'_>,
) {
    let hint = "give each caller a key of its own";
    if key.name.trim().is_empty() {
        context
            .problems
            .advise(origins.0, "the name is empty", "name the caller");
    } else if keys.iter().any(|other| other.name == key.name) {
        let reason = format!("another key is named `{}` already", key.name);
        context.problems.advise(origins.0, reason, hint);
    } else if let Some(other) = keys
        .iter()
        .find(|it| it.secret.expose() == key.secret.expose())
    {
        let reason = format!("the key `{}` has the same secret", other.name);
        context.problems.advise(origins.1, reason, hint);
    } else {
        keys.push(key);
    }
}

/// Warns of a secret that stands in the file.
pub(super) fn note_literal(reference: &SecretRef, path: &KeyPath, context: &mut Context<'_>) {
    if matches!(reference, SecretRef::Literal(_)) && !context.is_interpolated(path) {
        let reason = "a secret is written in the file, where everybody who reads it sees it";
        let hint = "write `{ env: NAME }` or `{ file: PATH }`";
        context.problems.warn(path, reason, hint);
    }
}

/// Each name that a key may use must mean something.
pub(super) fn check_routes(written: &[file::Key], names: &Names<'_>, context: &mut Context<'_>) {
    for (index, key) in written.iter().enumerate() {
        let Some(routes) = &key.routes else { continue };
        let path = context.item(&KeyPath::of("keys"), index).key("routes");
        if routes.is_empty() {
            let hint = "list at least one route, or remove `routes` to allow all";
            context
                .problems
                .advise(&path, "this key may use nothing", hint);
        }
        for (index, name) in routes.iter().enumerate() {
            if names.may_be_asked(name) {
                continue;
            }
            let path = context.item(&path, index);
            let reason = format!("there is no route or target {}", context.shown(&path, name));
            let hint = did_you_mean(name, names.askable(), "names")
                .unwrap_or_else(|| "add it under `routes`, or write `provider/model`".to_owned());
            context.problems.advise(path, reason, hint);
        }
    }
}
