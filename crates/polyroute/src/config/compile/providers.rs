//! The `providers` section, or what the environment switches on.

use std::sync::Arc;

use http::header::{HeaderName, HeaderValue};
use polyroute_engine::catalog::{Catalog, Cloud, ProviderEntry};

use super::cloud::{self, Draft};
use super::keys::note_literal;
use super::spoken::{api, api_version, note_worse, num_ctx, think_tags};
use super::{Context, aws};
use crate::config::base_url::BaseUrl;
use crate::config::env::{self, Discovered};
use crate::config::file::{self, Dialect, Named};
use crate::config::path::KeyPath;
use crate::config::problem::{Origin, nearest};
use crate::config::resolve::resolve_secret;
use crate::config::secret::{Secret, SecretRef};
use crate::config::settings::{Credential, Provider, ProxyChoice, Scheme, Server};

/// Headers that a provider's `headers` must not set, since we do.
const OWN_HEADERS: &[&str] = &[
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "proxy-authorization",
    "host",
    "content-length",
    "content-type",
    "accept-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn compile(
    written: Option<&Named<file::Provider>>,
    server: &Server,
    context: &mut Context<'_>,
) -> Vec<Provider> {
    let before = context.problems.0.len();
    // A section with a mistake in it was written: nothing is to be guessed in its place.
    let is_written = context.root.is_some_and(|root| {
        root.find(&KeyPath::of("providers"))
            .is_some_and(|(node, _)| !node.is_empty())
    });
    let providers: Vec<Provider> = if is_written {
        let entries = written.iter().flat_map(|section| section.iter());
        entries
            .filter_map(|(name, provider)| from_file(name, provider, server, context))
            .collect()
    } else {
        let found = env::discover(&context.catalog, context.environment);
        found
            .iter()
            .filter_map(|found| from_environment(found, server, context))
            .collect()
    };
    if providers.is_empty() && context.problems.0.len() == before && !context.problems.has_errors()
    {
        let reason = "no provider is on: nobody could answer";
        let hint = "set `OPENAI_API_KEY`, `ANTHROPIC_API_KEY` or `GEMINI_API_KEY`, or list \
                    `providers` in a configuration file (`polyroute config example`)";
        context
            .problems
            .advise(KeyPath::of("providers"), reason, hint);
    }
    providers
}

fn from_file(
    name: &str,
    file: &file::Provider,
    server: &Server,
    context: &mut Context<'_>,
) -> Option<Provider> {
    let path = KeyPath::of("providers").key(name);
    check_name(name, &path, context);
    let catalog = Arc::clone(&context.catalog);
    let kind = kind(file, &catalog, &path, context);
    // The variables of a known provider are those of its own name only.
    let row = catalog
        .entry(name)
        .filter(|row| kind.is_none_or(|kind| kind.name == row.name));
    let rules = kind.or(row);
    let by_address = rules.map(|row| {
        let written = file.base_url.as_deref().unwrap_or_default();
        row.connection.dialect_at(written)
    });
    let dialect = file.dialect.or(by_address).unwrap_or(Dialect::OpenAi);
    let cloud = rules.and_then(|row| row.connection.cloud);
    let by_variable = by_variable(cloud, row, context).filter(|_| file.base_url.is_none());
    let has_address = file.base_url.is_some() || by_variable.is_some();
    let base_url = match by_variable {
        Some(text) => base_url(&text, server)
            .inspect_err(|(reason, hint)| context.problems.advise(&path, *reason, *hint))
            .ok(),
        None => address(name, file, rules, dialect, server, context),
    };
    if cloud.is_none() {
        note_unused_variable(row, file, &path, context);
    }
    cloud::note_foreign_keys(cloud, file, &path, context);
    let credentials = credentials(name, file, row, &path, context);
    let aws = match dialect {
        Dialect::Bedrock if credentials.is_empty() => aws::signing(file, &path, context),
        _ => None,
    };
    note_foreign_keys(file, dialect, cloud, &path, context);
    let num_ctx = num_ctx(file, dialect, rules, &path, context);
    if num_ctx.is_none() {
        note_worse(rules, dialect, path.clone().into(), context);
    }
    let headers = headers(file, &path.key("headers"), context);
    let proxy = proxy(file.proxy.as_deref(), &path.key("proxy"), context);
    let provider = Provider {
        kind: rules.map(|row| row.name.clone()),
        api: api(file, dialect, &path, context),
        api_version: api_version(file, dialect, &path, context),
        num_ctx,
        headers,
        region: file.region.clone(),
        agreements: file.agreements.clone(),
        organization: file.organization.clone(),
        project: file.project.clone(),
        http2: file.http2.unwrap_or(false),
        proxy,
        models: file.models.unwrap_or(true),
        think_tags: file.think_tags.map(think_tags),
        aws,
        ..Provider::new(name.to_owned(), dialect, base_url?, credentials)
    };
    let Some(cloud) = cloud else {
        return Some(provider);
    };
    let draft = Draft {
        file,
        path,
        by_environment: row.is_some(),
    };
    cloud::complete(cloud, provider, has_address, &draft, context)
}

/// The base URL of the file, else the known one.
fn address(
    name: &str,
    file: &file::Provider,
    rules: Option<&ProviderEntry>,
    dialect: Dialect,
    server: &Server,
    context: &mut Context<'_>,
) -> Option<BaseUrl> {
    let path = KeyPath::of("providers").key(name);
    match (&file.base_url, rules) {
        (Some(text), _) => match base_url(text, server) {
            Ok(url) => {
                if rules.is_none_or(|row| row.connection.cloud.is_none()) {
                    note_long_url(&url, dialect, path.key("base_url").into(), context);
                }
                Some(url)
            }
            Err((reason, hint)) => {
                context.problems.advise(path.key("base_url"), reason, hint);
                None
            }
        },
        (None, Some(_)) if dialect == Dialect::Bedrock => aws::base_url(file, &path, context),
        (None, Some(row)) => BaseUrl::parse(&row.connection.base_url_of(dialect)).ok(),
        (None, None) => {
            let catalog = Arc::clone(&context.catalog);
            let names = catalog.entries().map(|row| row.name.as_str());
            let hint = match nearest(name, names) {
                Some(found) => format!("did you mean `{found}`? Or add `base_url: https://…`"),
                None => "add `base_url: https://…/v1`".to_owned(),
            };
            let reason = format!("Polyroute does not know the address of `{name}`");
            context.problems.advise(&path, reason, hint);
            None
        }
    }
}

/// The variable's word for a cloud's address, which no default can stand for.
fn by_variable(
    cloud: Option<Cloud>,
    row: Option<&ProviderEntry>,
    context: &Context<'_>,
) -> Option<String> {
    cloud?;
    let variable = env::known_base_url(row?, context.environment)?;
    context.environment.get(variable).map(ToOwned::to_owned)
}

/// Keys that mean something to another dialect only.
fn note_foreign_keys(
    file: &file::Provider,
    dialect: Dialect,
    cloud: Option<Cloud>,
    path: &KeyPath,
    context: &mut Context<'_>,
) {
    let openai = (Dialect::OpenAi, "OpenAI");
    for (key, is_set, (of, whose)) in [
        ("organization", file.organization.is_some(), openai),
        ("project", file.project.is_some(), openai),
        ("think_tags", file.think_tags.is_some(), openai),
        ("aws", file.aws.is_some(), (Dialect::Bedrock, "Bedrock")),
    ] {
        let is_clouds = key == "project" && cloud == Some(Cloud::Vertex);
        if is_set && dialect != of && !is_clouds {
            let reason = format!("`{key}` means something to {whose} only");
            context.problems.advise(path.key(key), reason, "remove it");
        }
    }
}

/// The known provider that the file names as `kind`.
fn kind<'c>(
    file: &file::Provider,
    catalog: &'c Catalog,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<&'c ProviderEntry> {
    let kind = file.kind.as_deref()?;
    let found = catalog.entry(kind);
    if found.is_none() {
        let names = catalog.entries().map(|row| row.name.as_str());
        let hint = match nearest(kind, names) {
            Some(found) => format!("did you mean `{found}`?"),
            None => "remove it, or name a known provider (`polyroute config reference`)".to_owned(),
        };
        let reason = format!("Polyroute knows no provider called `{kind}`");
        context.problems.advise(path.key("kind"), reason, hint);
    }
    found
}

fn check_name(name: &str, path: &KeyPath, context: &mut Context<'_>) {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(fits) {
        let reason = "a provider's name is made of letters, digits, `-`, `_` and `.`";
        context.problems.advise(path, reason, "rename it");
    }
}

/// Reads a base URL that is not our own address.
fn base_url(text: &str, server: &Server) -> Result<BaseUrl, (&'static str, &'static str)> {
    let url = BaseUrl::parse(text)?;
    if url.points_at(server.listen) || url.points_at(server.admin) {
        return Err((
            "this is Polyroute's own address: requests would go round in circles",
            "write the provider's own URL; applications point at Polyroute, Polyroute points at \
             the provider",
        ));
    }
    Ok(url)
}

/// A base URL that goes on with what Polyroute adds itself.
fn note_long_url(url: &BaseUrl, dialect: Dialect, origin: Origin, context: &mut Context<'_>) {
    let ends: &[&str] = match dialect {
        Dialect::OpenAi => &["/chat/completions", "/embeddings", "/models"],
        Dialect::Responses => &["/responses", "/models"],
        Dialect::Anthropic => &["/v1", "/v1/messages"],
        Dialect::Gemini => &["/v1", "/v1beta", "/models"],
        Dialect::Bedrock => &["/model", "/converse", "/openai/v1"],
        Dialect::Cohere => &["/v1", "/v2", "/v1/chat", "/v2/chat"],
        Dialect::Ollama => &["/api", "/api/chat", "/v1"],
    };
    if let Some(end) = ends.iter().find(|end| url.as_str().ends_with(*end)) {
        let reason = format!("the URL ends with `{end}`, which Polyroute adds itself");
        context
            .problems
            .warn(origin, reason, format!("end it before `{end}`"));
    }
}

/// The variable that moves the base URL holds only where there is no file; say so.
fn note_unused_variable(
    row: Option<&ProviderEntry>,
    file: &file::Provider,
    path: &KeyPath,
    context: &mut Context<'_>,
) {
    let Some(row) = row else { return };
    let variable = env::known_base_url(row, context.environment);
    if let Some(variable) = variable.filter(|_| file.base_url.is_none()) {
        let reason = format!("`{variable}` is set, and the file's word counts: it is not used");
        let hint = format!("write `base_url: ${{{variable}}}` to use it, or unset it");
        context.problems.warn(path, reason, hint);
    }
}

fn credentials(
    name: &str,
    file: &file::Provider,
    row: Option<&ProviderEntry>,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Vec<Credential> {
    let path = path.key("credentials");
    let own_address = file.base_url.is_none();
    let Some(written) = &file.credentials else {
        return default_credential(name, row, own_address, &path, context);
    };
    if written.is_empty() && own_address && row.is_some_and(|row| row.connection.needs_credential) {
        note_missing(name, row, &path, context);
    }
    let mut found: Vec<Credential> = Vec::new();
    for (index, reference) in written.iter().enumerate() {
        let path = context.item(&path, index);
        note_literal(reference, &path, context);
        match credential(reference, row, context) {
            Ok(credential) => {
                let same = |it: &Credential| it.secret.expose() == credential.secret.expose();
                if found.iter().any(same) {
                    let reason = "this credential is listed twice";
                    context.problems.advise(&path, reason, "list each once");
                } else {
                    found.push(credential);
                }
            }
            Err((reason, hint)) => context.problems.advise(&path, reason, hint),
        }
    }
    found
}

/// The variable of a known provider, where the file names no credential.
fn default_credential(
    name: &str,
    row: Option<&ProviderEntry>,
    own_address: bool,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Vec<Credential> {
    let Some(row) = row else { return Vec::new() };
    let (Some(variable), _) = env::known_key(row, context.environment) else {
        if row.connection.needs_credential {
            note_missing(name, own_address.then_some(row), path, context);
        }
        return Vec::new();
    };
    match credential(&SecretRef::Env(variable.to_owned()), Some(row), context) {
        Ok(credential) => vec![credential],
        Err((reason, hint)) => {
            context
                .problems
                .advise(Origin::Variable(variable.to_owned()), reason, hint);
            Vec::new()
        }
    }
}

fn note_missing(
    name: &str,
    row: Option<&ProviderEntry>,
    path: &KeyPath,
    context: &mut Context<'_>,
) {
    let reason = format!("`{name}` has no credential");
    let hint = match row.and_then(|row| row.connection.key_variables.first()) {
        Some(variable) => format!("set `{variable}`, or add `credentials: [{{ env: NAME }}]`"),
        None => "add `credentials: [{ env: NAME }]`, or `credentials: []` if it needs none".into(),
    };
    // Where nothing is written, the provider itself is the place.
    let written = context.root.is_some_and(|root| root.find(path).is_some());
    let place = if written {
        path.clone()
    } else {
        KeyPath::of("providers").key(name)
    };
    context.problems.advise(place, reason, hint);
}

fn credential(
    reference: &SecretRef,
    row: Option<&ProviderEntry>,
    context: &Context<'_>,
) -> Result<Credential, (String, String)> {
    let found = resolve_secret(reference, context.environment, context.folder)?;
    let token = row.and_then(|row| row.connection.token_variable.as_deref());
    let bearer = matches!(reference, SecretRef::Env(name) if Some(name.as_str()) == token);
    let scheme = if bearer {
        Scheme::Bearer
    } else {
        Scheme::Dialect
    };
    Ok(Credential {
        secret: found.secret,
        scheme,
        label: found.label,
    })
}

fn headers(
    file: &file::Provider,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Vec<(String, Secret)> {
    let mut found = Vec::new();
    for (name, value) in file.headers.iter() {
        let path = path.key(name);
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            let hint = "use letters, digits and `-`";
            context
                .problems
                .advise(&path, "this is not the name of a header", hint);
            continue;
        };
        if OWN_HEADERS.contains(&header.as_str()) {
            let hint = "remove it; credentials belong under `credentials`";
            context
                .problems
                .advise(&path, "Polyroute sets this header itself", hint);
        } else if HeaderValue::from_str(&value.0).is_err() {
            let hint = "use one line of printable characters";
            context
                .problems
                .advise(&path, "no header can carry this value", hint);
        } else {
            found.push((header.as_str().to_owned(), Secret::new(value.0.clone())));
        }
    }
    found
}

fn proxy(written: Option<&str>, path: &KeyPath, context: &mut Context<'_>) -> ProxyChoice {
    match written {
        None => ProxyChoice::Environment,
        Some("off") => ProxyChoice::Direct,
        Some(url) => {
            if let Err((reason, hint)) = check_proxy(url) {
                context.problems.advise(path, reason, hint);
            }
            ProxyChoice::Url(Secret::new(url.to_owned()))
        }
    }
}

/// A proxy is `http://[user:password@]host:port`.
pub(super) fn check_proxy(text: &str) -> Result<(), (&'static str, &'static str)> {
    const HINT: &str = "write it like `http://proxy.example:3128`";
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let Ok(uri) = full.parse::<http::Uri>() else {
        return Err(("this is not the URL of a proxy", HINT));
    };
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() => Ok(()),
        _ => Err(("only http and https proxies are supported", HINT)),
    }
}

/// Something wrong with a variable. Those of the prefix convention may belong to something else
/// altogether.
fn note_variable(
    found: &Discovered,
    row: Option<&ProviderEntry>,
    variable: &str,
    (reason, hint): (&str, &str),
    context: &mut Context<'_>,
) {
    let origin = Origin::Variable(variable.to_owned());
    match row {
        Some(_) => context.problems.advise(origin, reason, hint),
        None => {
            let reason = format!("{reason}; `{}` is not used as a provider", found.name);
            context.problems.warn(origin, reason, hint);
        }
    }
}

fn from_environment(
    found: &Discovered,
    server: &Server,
    context: &mut Context<'_>,
) -> Option<Provider> {
    let catalog = Arc::clone(&context.catalog);
    let row = catalog
        .entry(&found.name)
        .filter(|row| row.name == found.name);
    let spoken =
        |url: &BaseUrl| row.map_or(found.dialect, |row| row.connection.dialect_at(url.as_str()));
    let url = match &found.base_url_variable {
        Some(variable) => match base_url(context.environment.get(variable)?, server) {
            Ok(url) => {
                let origin = Origin::Variable(variable.clone());
                if row.is_none_or(|row| row.connection.cloud.is_none()) {
                    note_long_url(&url, spoken(&url), origin.clone(), context);
                }
                note_worse(row, spoken(&url), origin, context);
                Some(url)
            }
            Err((reason, hint)) => {
                note_variable(found, row, variable, (reason, hint), context);
                None
            }
        },
        None if found.dialect == Dialect::Bedrock => {
            BaseUrl::parse(&aws::endpoint(aws::default_region(context.environment)?)).ok()
        }
        None => BaseUrl::parse(found.base_url.as_deref()?).ok(),
    };
    let mut credentials = Vec::new();
    if let Some(variable) = &found.key_variable {
        match credential(&SecretRef::Env(variable.clone()), row, context) {
            Ok(credential) => credentials.push(credential),
            Err((reason, hint)) => {
                note_variable(found, row, variable, (&reason, &hint), context);
                return None;
            }
        }
    }
    let openai = |variable| {
        let value = context.environment.get(variable).map(str::to_owned);
        value.filter(|_| found.name == "openai")
    };
    let (organization, project) = (openai(env::OPENAI_ORG_ID), openai(env::OPENAI_PROJECT_ID));
    let aws = (found.dialect == Dialect::Bedrock && credentials.is_empty())
        .then(|| aws::found(context.environment))
        .flatten();
    let dialect = url.as_ref().map_or(found.dialect, spoken);
    let provider = Provider {
        kind: row.map(|row| row.name.clone()),
        aws,
        organization,
        project,
        ..Provider::new(found.name.clone(), dialect, url?, credentials)
    };
    let Some(cloud) = row.and_then(|row| row.connection.cloud) else {
        return Some(provider);
    };
    let draft = Draft {
        file: &file::Provider::default(),
        path: KeyPath::of("providers").key(&found.name),
        by_environment: true,
    };
    let has_address = found.base_url_variable.is_some();
    cloud::complete(cloud, provider, has_address, &draft, context)
}
