//! Asks the translation for every feature at one provider, and reads off what it did.

use std::collections::BTreeMap;
use std::path::Path;

use polyroute_engine::catalog::{Catalog, Kind, ProviderEntry};
use polyroute_engine::needs::{ApiNeeds, RequestNeeds};
use polyroute_engine::plan::{PlanInput, PlannedTarget, plan};
use polyroute_engine::resolve::{NameRequest, resolve};
use polyroute_engine::snapshot::Snapshot;
use polyroute_wire::adapter::Encoded;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::dialect::{Dialect, openai};
use polyroute_wire::error::EncodeError;
use polyroute_wire::json::RawObject;
use polyroute_wire::media::{Media, MediaStore};
use serde_json::Value;

use super::features::{FEATURES, Feature};
use crate::config::env::Environment;
use crate::config::{self, Input};
use crate::snapshot;

/// What becomes of a feature at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is sent under the same name.
    Passes,
    /// It is said in the provider's own words: the members that say it.
    Maps(Vec<String>),
    /// It is sent with another value, or said in another way, and the answer's headers name that.
    Changes(Vec<String>),
    /// It is left out, and the answer's headers name it.
    LeftOut,
    /// It is refused with 400 and this code.
    Refused(&'static str),
    /// There is nothing to send: it is so anyway.
    Implied,
}

/// One provider's outcomes.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// Its name.
    pub provider: String,
    /// The model that was asked.
    pub model: String,
    /// The `api_version` that was configured; `None` for the default.
    pub version: Option<String>,
    /// The wire formats that were spoken.
    pub dialects: Vec<&'static str>,
    /// In the order of [`FEATURES`].
    pub outcomes: Vec<Outcome>,
}

/// The sheets of all known providers, for one or two models of each, and for the versions of its API
/// that differ.
#[must_use]
pub fn sheets() -> Vec<Sheet> {
    let catalog = Catalog::embedded();
    catalog
        .entries()
        .flat_map(|entry| sheets_of(&catalog, entry, None))
        .collect()
}

/// The sheets of one provider: of that model, or of those that stand for it.
#[must_use]
pub fn sheets_of(catalog: &Catalog, entry: &ProviderEntry, model: Option<&str>) -> Vec<Sheet> {
    let models = match model {
        Some(model) => vec![model.to_owned()],
        None => models(catalog, entry),
    };
    let versions = entry.connection.shown_versions.iter().map(Some);
    std::iter::once(None)
        .chain(versions)
        .flat_map(|version| models.iter().map(move |model| (version, model)))
        .filter_map(|(version, model)| sheet(entry, model, version))
        .collect()
}

/// The models that stand for a provider: those that its file names, else its first chat model.
fn models(catalog: &Catalog, entry: &ProviderEntry) -> Vec<String> {
    if !entry.connection.shown_models.is_empty() {
        return entry.connection.shown_models.clone();
    }
    let first = catalog
        .models(&entry.name)
        .find(|model| model.kind == Kind::Chat);
    vec![first.map_or_else(|| "a-model".to_owned(), |model| model.id.clone())]
}

/// One provider's sheet; `None` where it can't be configured by its variables alone.
fn sheet(entry: &ProviderEntry, model: &str, version: Option<&String>) -> Option<Sheet> {
    let snapshot = configured(entry, version)?;
    let mut sheet = Sheet {
        provider: entry.name.clone(),
        model: model.to_owned(),
        version: version.cloned(),
        dialects: Vec::new(),
        outcomes: Vec::with_capacity(FEATURES.len()),
    };
    for feature in FEATURES {
        let (outcome, dialect) = ask(&snapshot, &entry.name, model, feature);
        if let Some(dialect) = dialect.filter(|dialect| !sheet.dialects.contains(dialect)) {
            sheet.dialects.push(dialect);
        }
        sheet.outcomes.push(outcome);
    }
    Some(sheet)
}

/// A configuration with that provider alone, as its variables switch it on.
fn configured(entry: &ProviderEntry, version: Option<&String>) -> Option<Snapshot> {
    let connection = &entry.connection;
    let mut variables: Vec<(&str, &str)> = vec![
        ("AWS_REGION", "us-east-1"),
        ("GOOGLE_CLOUD_PROJECT", "a-project"),
        ("GOOGLE_CLOUD_LOCATION", "us-central1"),
        ("AZURE_OPENAI_ENDPOINT", "https://example.openai.azure.com"),
    ];
    variables.extend(
        connection
            .key_variables
            .first()
            .map(|name| (name.as_str(), "a-key")),
    );
    if connection.key_variables.is_empty() || !connection.needs_credential {
        let url = connection.base_url_variables.first();
        variables.extend(url.map(|name| (name.as_str(), connection.base_url.as_str())));
    }
    let environment: Environment = variables.into_iter().collect();
    let input = Input {
        file: None,
        listen: None,
        admin: None,
        environment: &environment,
    };
    let keys = version.map_or_else(String::new, |version| format!("api_version: {version}"));
    let text = format!("providers: {{ {}: {{ {keys} }} }}", entry.name);
    let loaded = config::load_text(None, &text, Path::new(""), &input).ok()?;
    Some(snapshot::compile(&loaded.settings))
}

type Sent = Result<(Encoded, PlannedTarget), &'static str>;

fn ask(
    snapshot: &Snapshot,
    provider: &str,
    model: &str,
    feature: &Feature,
) -> (Outcome, Option<&'static str>) {
    let mut body = (feature.base)();
    let base = send(snapshot, provider, model, &body);
    (feature.ask)(&mut body);
    match (base, send(snapshot, provider, model, &body)) {
        (_, Err(code)) => (Outcome::Refused(code), None),
        (Err(code), Ok(_)) => (Outcome::Refused(code), None),
        (Ok((base, _)), Ok((asked, target))) => {
            let dialect = target.dialect.as_str();
            (outcome(&base, &asked, feature, &body), Some(dialect))
        }
    }
}

fn send(snapshot: &Snapshot, provider: &str, model: &str, body: &Value) -> Sent {
    const UNREADABLE: &str = "invalid_request";
    let mut body = body.clone();
    let name = format!("{provider}/{model}");
    if let Some(body) = body.as_object_mut() {
        body.insert("model".to_owned(), name.clone().into());
    }
    let text = body.to_string();
    let raw = RawObject::parse(text.as_bytes()).map_err(|_| UNREADABLE)?;
    let request = openai::parse_chat(&raw).map_err(|_| UNREADABLE)?;
    let asked = NameRequest {
        model: &name,
        ..NameRequest::default()
    };
    let resolved = resolve(snapshot, &asked).map_err(|error| error.code())?;
    let input = PlanInput {
        needs: RequestNeeds::of_chat(&request),
        api: ApiNeeds::peek(&raw),
        ..PlanInput::default()
    };
    let plan = plan(snapshot, &resolved, &input).map_err(|error| error.code)?;
    let target = plan.targets.into_iter().next().ok_or("no_target")?;
    let refused = |error: EncodeError| ApiError::from_encode(&error).code;
    if target.dialect == Dialect::OpenAi && !openai::needs_translation(&raw, &target.wire) {
        let edited = openai::edit_chat(&raw, &target.wire).map_err(refused)?;
        return Ok((edited.encoded, target));
    }
    let adapter = target.dialect.adapter();
    let mut media = MediaStore::default();
    for url in adapter.media_to_fetch(&request, &target.wire) {
        media.insert(
            url,
            Media {
                media_type: "image/png".to_owned(),
                data: "iVBORw0KGgo=".to_owned(),
            },
        );
    }
    let encoded = adapter
        .encode_chat(&request, &target.wire, &media)
        .map_err(refused)?;
    Ok((encoded, target))
}

/// What a feature changed in what is sent.
fn outcome(base: &Encoded, asked: &Encoded, feature: &Feature, body: &Value) -> Outcome {
    let about = |note: &&String| {
        note.split('=')
            .next()
            .is_some_and(|name| name == feature.member)
    };
    if asked.dropped.iter().any(|note| about(&note)) {
        return Outcome::LeftOut;
    }
    let new = |note: &&String| !base.changed.contains(note);
    let changed: Vec<String> = asked.changed.iter().filter(new).cloned().collect();
    if !changed.is_empty() {
        return Outcome::Changes(changed);
    }
    let (before, after) = (leaves(base), leaves(asked));
    let mut said: Vec<String> = after
        .iter()
        .filter(|(path, value)| before.get(*path) != Some(value))
        .map(|(path, _)| path.clone())
        .chain(
            before
                .keys()
                .filter(|path| !after.contains_key(*path))
                .cloned(),
        )
        .map(|path| short(&path))
        .collect();
    said.sort_unstable();
    said.dedup();
    if base.path != asked.path {
        said.push(asked.path.clone());
    }
    let own = feature.member.split(['.', '[']).next().unwrap_or_default();
    match said.as_slice() {
        [] => Outcome::Implied,
        said if said.iter().all(|path| root(path) == own) && same(own, body, asked) => {
            Outcome::Passes
        }
        _ => Outcome::Maps(said),
    }
}

fn root(path: &str) -> &str {
    path.split('.').next().unwrap_or_default()
}

/// Whether a member is sent as the caller wrote it.
fn same(member: &str, body: &Value, sent: &Encoded) -> bool {
    let sent: Value = serde_json::from_slice(&sent.body).unwrap_or_default();
    sent.get(member) == body.get(member)
}

/// The first two steps of a path, which is as much as a table can hold.
fn short(path: &str) -> String {
    path.split('.').take(2).collect::<Vec<_>>().join(".")
}

fn leaves(encoded: &Encoded) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Ok(value) = serde_json::from_slice(&encoded.body) {
        walk(&value, "", &mut found);
    }
    for (name, value) in &encoded.headers {
        found.insert(format!("{name} (header)"), value.clone());
    }
    found
}

/// Every leaf with its path; list indexes go into the value, so that paths stay short.
fn walk(value: &Value, path: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                walk(value, &path, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                walk(item, path, found);
            }
        }
        leaf => {
            let all = found.entry(path.to_owned()).or_default();
            all.push_str(&leaf.to_string());
            all.push('\u{0}');
        }
    }
}
