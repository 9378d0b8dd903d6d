//! `GET /v1/models`: configured names, the catalog's, and what each provider lists live.

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};
use polyroute_wire::api_error::ApiError;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::pipeline::{Principal, may_use};
use crate::server::{Reply, ReplyBody};

/// Names of a `model` member, OpenAI's shape plus what we know.
#[derive(Debug, Clone, Serialize)]
struct Model {
    id: String,
    object: &'static str,
    created: i64,
    owned_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<&'a Model>,
}

/// `GET /v1/models`
pub(super) fn list(gateway: &Gateway, headers: &HeaderMap) -> Reply {
    let principal = match gateway.keys.authenticate(headers) {
        Ok(principal) => principal,
        Err(error) => return ReplyBody::error(&error),
    };
    let models = gather(gateway, &principal);
    json(&List {
        object: "list",
        data: models.values().collect(),
    })
}

/// `GET /v1/models/{id}`
pub(super) fn one(gateway: &Gateway, headers: &HeaderMap, name: &str) -> Reply {
    let principal = match gateway.keys.authenticate(headers) {
        Ok(principal) => principal,
        Err(error) => return ReplyBody::error(&error),
    };
    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
    let models = gather(gateway, &principal);
    match models.get(name.as_ref()) {
        Some(model) => json(model),
        None => {
            let near = nearest(models.keys(), &name);
            let near = if near.is_empty() {
                String::new()
            } else {
                format!(" Did you mean {}?", near.join(", "))
            };
            let shown: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
            let message =
                format!("There is no model `{shown}`.{near} `GET /v1/models` lists all names.");
            ReplyBody::error(&ApiError::new("model_not_found", message).with_param("model"))
        }
    }
}

fn nearest<'a>(names: impl Iterator<Item = &'a String>, name: &str) -> Vec<String> {
    let mut scored: Vec<(f64, &String)> = names
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .collect();
    scored.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    scored
        .into_iter()
        .filter(|(likeness, _)| *likeness > 0.7)
        .take(3)
        .map(|(_, known)| known.clone())
        .collect()
}

/// Every name that the caller may send as `model`, in order: routes and targets first by being
/// what they are called, then `provider/model` of catalog and live lists.
fn gather(gateway: &Gateway, principal: &Principal) -> BTreeMap<String, Model> {
    let mut models = BTreeMap::new();
    let mut add = |id: String,
                   owner: &str,
                   created: Option<i64>,
                   window: Option<u64>,
                   output: Option<u64>| {
        if may_use(gateway, principal, &id) {
            models.entry(id.clone()).or_insert_with(|| Model {
                id,
                object: "model",
                created: created.unwrap_or(0),
                owned_by: owner.to_owned(),
                context_window: window,
                max_output_tokens: output,
            });
        }
    };
    for route in &gateway.snapshot.routes {
        add(route.name.clone(), "polyroute", None, None, None);
    }
    for target in &gateway.snapshot.targets {
        add(target.name.clone(), "polyroute", None, None, None);
    }
    for provider in gateway.snapshot.on() {
        for listing in gateway.live_models.of(&provider.name).iter() {
            let known = gateway.snapshot.known(provider, &listing.id);
            let window = known
                .as_ref()
                .and_then(|known| known.capabilities.context_window);
            let output = known
                .as_ref()
                .and_then(|known| known.capabilities.max_output);
            add(
                format!("{}/{}", provider.name, listing.id),
                &provider.name,
                listing.created,
                listing.context_window.or(window),
                listing.max_output.or(output),
            );
        }
        for (name, capabilities) in gateway.snapshot.offered(provider) {
            add(
                format!("{}/{name}", provider.name),
                &provider.name,
                None,
                capabilities.context_window,
                capabilities.max_output,
            );
        }
    }
    models
}

fn json(value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(bytes) => ReplyBody::json(StatusCode::OK, bytes),
        Err(_) => ReplyBody::error(&ApiError::new(
            "internal_error",
            "the model list could not be written",
        )),
    }
}
