//! Bedrock: region, address, and where AWS credentials come from, in the order of AWS's own SDKs.

use std::path::PathBuf;

use super::Context;
use super::keys::note_literal;
use crate::config::base_url::BaseUrl;
use crate::config::env::{self, Environment};
use crate::config::file;
use crate::config::path::KeyPath;
use crate::config::resolve::resolve_secret;
use crate::config::secret::{Secret, SecretRef};
use crate::config::settings::{Aws, AwsProfile, AwsSource, WebIdentity, aws_domain};

/// The metadata service of EC2.
const METADATA_URL: &str = "http://169.254.169.254";
/// Where ECS serves the credentials of a task.
const ECS_URL: &str = "http://169.254.170.2";
/// Hosts to which a container's token may go without TLS.
const NEAR: [&str; 5] = [
    "http://127.0.0.1",
    "http://localhost",
    "http://[::1]",
    "http://169.254.170.2",
    "http://169.254.170.23",
];

/// The region that the environment names.
pub(super) fn default_region(environment: &Environment) -> Option<&str> {
    environment
        .get(env::AWS_REGION)
        .or_else(|| environment.get("AWS_DEFAULT_REGION"))
}

/// The runtime's address in a region.
pub(super) fn endpoint(region: &str) -> String {
    format!("https://bedrock-runtime.{region}.{}", aws_domain(region))
}

/// The region of a provider, or what is wrong with it.
fn region(file: &file::Provider, path: &KeyPath, context: &mut Context<'_>) -> Option<String> {
    let written = file.region.as_deref();
    let Some(region) = written.or_else(|| default_region(context.environment)) else {
        let hint = "add `region: eu-central-1`, or set `AWS_REGION`";
        context
            .problems
            .advise(path, "Bedrock needs a region", hint);
        return None;
    };
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || !region.chars().all(fits) {
        let hint = "write it as AWS does, such as `eu-central-1`";
        context
            .problems
            .advise(path.key("region"), "this is no AWS region", hint);
        return None;
    }
    Some(region.to_owned())
}

/// The address that the region makes.
pub(super) fn base_url(
    file: &file::Provider,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<BaseUrl> {
    let region = region(file, path, context)?;
    BaseUrl::parse(&endpoint(&region)).ok()
}

/// How requests are signed: by the file's keys, else by the file's profile, else as found.
pub(super) fn signing(
    file: &file::Provider,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<Aws> {
    let region = region(file, path, context)?;
    let written = file.aws.clone().unwrap_or_default();
    let path = path.key("aws");
    let mut secret = |key: &str, reference: Option<&SecretRef>| {
        let reference = reference?;
        note_literal(reference, &path.key(key), context);
        match resolve_secret(reference, context.environment, context.folder) {
            Ok(found) => Some(found.secret),
            Err((reason, hint)) => {
                context.problems.advise(path.key(key), reason, hint);
                None
            }
        }
    };
    let id = secret("access_key_id", written.access_key_id.as_ref());
    let key = secret("secret_access_key", written.secret_access_key.as_ref());
    let token = secret("session_token", written.session_token.as_ref());
    let sources = match (id, key) {
        (Some(id), Some(secret)) => vec![AwsSource::Keys {
            id: id.expose().to_owned(),
            secret,
            token,
        }],
        (None, None) => match &written.profile {
            Some(name) => profile(context.environment, &region, name)
                .into_iter()
                .collect(),
            None => sources(context.environment, &region),
        },
        _ => {
            let reason = "`access_key_id` and `secret_access_key` belong together";
            context
                .problems
                .advise(&path, reason, "write both, or none");
            return None;
        }
    };
    Some(Aws { region, sources })
}

/// How requests are signed where only the environment speaks.
pub(super) fn found(environment: &Environment) -> Option<Aws> {
    let region = default_region(environment)?.to_owned();
    let sources = sources(environment, &region);
    Some(Aws { region, sources })
}

/// The sources that the environment names.
fn sources(environment: &Environment, region: &str) -> Vec<AwsSource> {
    let get = |name: &str| environment.get(name).map(str::to_owned);
    let mut sources: Vec<AwsSource> = keys(environment).into_iter().collect();
    let name = get(env::AWS_PROFILE).unwrap_or_else(|| "default".to_owned());
    sources.extend(profile(environment, region, &name));
    if let (Some(token_file), Some(role_arn)) = (
        get(env::AWS_WEB_IDENTITY_TOKEN_FILE),
        get(env::AWS_ROLE_ARN),
    ) {
        sources.push(AwsSource::WebIdentity(WebIdentity {
            token_file: token_file.into(),
            role_arn,
            session: get(env::AWS_ROLE_SESSION_NAME).unwrap_or_else(|| "polyroute".to_owned()),
            sts_url: sts_url(environment, region),
        }));
    }
    sources.extend(container(environment));
    sources.extend(instance(environment));
    sources
}

/// Keys in the environment.
fn keys(environment: &Environment) -> Option<AwsSource> {
    let get = |name: &str| environment.get(name).map(str::to_owned);
    Some(AwsSource::Keys {
        id: get(env::AWS_ACCESS_KEY_ID)?,
        secret: Secret::new(get(env::AWS_SECRET_ACCESS_KEY)?),
        token: get(env::AWS_SESSION_TOKEN).map(Secret::new),
    })
}

/// The metadata service of the instance, unless it is switched off.
fn instance(environment: &Environment) -> Option<AwsSource> {
    let disabled = environment.get(env::AWS_EC2_METADATA_DISABLED);
    if disabled.is_some_and(|word| word.eq_ignore_ascii_case("true")) {
        return None;
    }
    let url = environment.get(env::AWS_EC2_METADATA_SERVICE_ENDPOINT);
    Some(AwsSource::Metadata {
        url: url.unwrap_or(METADATA_URL).to_owned(),
    })
}

fn profile(environment: &Environment, region: &str, name: &str) -> Option<AwsSource> {
    let home = environment.get("HOME").map(PathBuf::from);
    let place = |variable: &str, file: &str| {
        let named = environment.get(variable).map(PathBuf::from);
        named.or_else(|| Some(home.as_ref()?.join(".aws").join(file)))
    };
    Some(AwsSource::Profile(Box::new(AwsProfile {
        credentials: place(env::AWS_SHARED_CREDENTIALS_FILE, "credentials")?,
        config: place(env::AWS_CONFIG_FILE, "config")?,
        name: name.to_owned(),
        sts_url: sts_url(environment, region),
        sso_cache: home.map(|home| home.join(".aws").join("sso").join("cache")),
        sso_url: environment
            .get(env::AWS_ENDPOINT_URL_SSO)
            .map(str::to_owned),
        environment: keys(environment),
        container: container(environment),
        instance: instance(environment),
    })))
}

fn sts_url(environment: &Environment, region: &str) -> String {
    match environment.get(env::AWS_ENDPOINT_URL_STS) {
        Some(url) => url.to_owned(),
        None => format!("https://sts.{region}.{}", aws_domain(region)),
    }
}

/// The endpoint of an ECS task or EKS pod; a token goes in the clear to near hosts only.
fn container(environment: &Environment) -> Option<AwsSource> {
    let relative = environment.get(env::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI);
    let url = match relative {
        Some(path) => format!("{ECS_URL}{path}"),
        None => environment
            .get(env::AWS_CONTAINER_CREDENTIALS_FULL_URI)?
            .to_owned(),
    };
    let is_near = |start: &str| {
        let rest = url.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    };
    if !url.starts_with("https://") && !NEAR.iter().any(|start| is_near(start)) {
        return None;
    }
    let token = environment.get(env::AWS_CONTAINER_AUTHORIZATION_TOKEN);
    let file = environment.get(env::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE);
    Some(AwsSource::Container {
        url,
        token: token.map(|token| Secret::new(token.to_owned())),
        token_file: file.map(PathBuf::from),
    })
}
