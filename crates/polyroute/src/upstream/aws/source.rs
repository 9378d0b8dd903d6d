//! Fetches AWS credentials from the first source that is there: the order of AWS's own SDKs.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use polyroute_wire::error::{ErrorKind, UpstreamError};

use sha1::{Digest as _, Sha1};

use super::profile::{self, Base, NamedSource, Role, Sso};
use super::{Held, process, read, signature};
use crate::config::settings::{Aws, AwsProfile, AwsSource, WebIdentity, aws_domain};
use crate::upstream::{Outgoing, UpstreamClient, UpstreamClients};

/// Longest wait for one answer.
const ANSWER_WAIT: Duration = Duration::from_secs(4);
/// Longest wait for a connection: the metadata service is near, or not there at all.
const CONNECT_WAIT: Duration = Duration::from_secs(2);
/// Largest answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Largest file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// How long a token of the metadata service is to live.
const METADATA_TOKEN_S: &str = "21600";

/// The service's name in signatures of requests to it.
const TOKEN_SERVICE: &str = "sts";

/// Fetches from a list of sources.
pub(super) struct Fetcher {
    region: String,
    sources: Vec<AwsSource>,
    /// Past any proxy: the metadata service and container endpoints.
    near: Option<UpstreamClient>,
    /// The token service and IAM Identity Center.
    far: Option<UpstreamClient>,
}

impl Fetcher {
    pub(super) fn new(aws: &Aws, tls: &rustls::ClientConfig, proxies: &Arc<Matcher>) -> Self {
        let direct = Arc::new(Matcher::builder().build());
        let mut clients = UpstreamClients::default();
        clients.add("near", CONNECT_WAIT, false, tls, &direct, None);
        clients.add("far", CONNECT_WAIT, false, tls, proxies, None);
        Self {
            region: aws.region.clone(),
            sources: aws.sources.clone(),
            near: clients.get("near", CONNECT_WAIT).cloned(),
            far: clients.get("far", CONNECT_WAIT).cloned(),
        }
    }

    /// Credentials of the first source that is there. One that is there and fails is the end: what
    /// the next one has would be somebody else's.
    pub(super) async fn fetch(&self, now: SystemTime) -> Result<Held, UpstreamError> {
        let none = |why: String| {
            UpstreamError::new(
                ErrorKind::Auth,
                format!("there are no AWS credentials: {why}"),
            )
        };
        for source in &self.sources {
            let held = match source {
                AwsSource::Profile(profile) => self.of_profile(profile, now).await,
                source => self.of(source).await.map(Some),
            };
            if let Some(held) = held.map_err(none)? {
                return Ok(held);
            }
        }
        Err(none(match self.sources.as_slice() {
            [AwsSource::Profile(profile)] => format!("the profile `{}` has none", profile.name),
            _ => "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK"
                .to_owned(),
        }))
    }

    /// Follows a profile of the shared files. `Ok(None)`: they have no credentials for it.
    async fn of_profile(
        &self,
        profile: &AwsProfile,
        now: SystemTime,
    ) -> Result<Option<Held>, String> {
        let texts = (
            file(&profile.credentials).await,
            file(&profile.config).await,
        );
        let Some(chain) = profile::resolve(&texts.0, &texts.1, &profile.name)? else {
            return Ok(None);
        };
        let mut held = match chain.base {
            Base::Keys(credentials) => Held {
                credentials,
                expiry: None,
            },
            Base::Named(named) => self.of_named(named, profile).await?,
            Base::WebIdentity {
                arn,
                token_file,
                session,
            } => {
                let identity = WebIdentity {
                    token_file: token_file.into(),
                    role_arn: arn,
                    session,
                    sts_url: profile.sts_url.clone(),
                };
                self.assume_with_token(&identity).await?
            }
            Base::Sso(sso) => self.of_sso(&sso, profile, now).await?,
            Base::Process(line) => process::run(&line, now)
                .await
                .map_err(|why| format!("the AWS profile `{}`: {why}", profile.name))?,
        };
        for role in &chain.roles {
            held = self.assume(&held, role, &profile.sts_url, now).await?;
        }
        Ok(Some(held))
    }

    /// What a profile names as `credential_source`.
    async fn of_named(&self, named: NamedSource, profile: &AwsProfile) -> Result<Held, String> {
        let (source, missing) = match named {
            NamedSource::Environment => (
                &profile.environment,
                "`Environment`, which has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            ),
            NamedSource::Container => (
                &profile.container,
                "`EcsContainer`, of which the environment says nothing",
            ),
            NamedSource::Instance => (
                &profile.instance,
                "`Ec2InstanceMetadata`, which AWS_EC2_METADATA_DISABLED switches off",
            ),
        };
        let name = &profile.name;
        let missing = || format!("the AWS profile `{name}` draws on {missing}");
        self.of(source.as_ref().ok_or_else(missing)?).await
    }

    /// Credentials of a source that is there.
    async fn of(&self, source: &AwsSource) -> Result<Held, String> {
        match source {
            AwsSource::Keys { id, secret, token } => {
                let token = token.as_ref().map(|token| token.expose().to_owned());
                Ok(Held {
                    credentials: read::keys(id, secret.expose(), token),
                    expiry: None,
                })
            }
            // A profile's own sources are none.
            AwsSource::Profile(profile) => Err(format!("`{}` is a profile", profile.name)),
            AwsSource::WebIdentity(identity) => self.assume_with_token(identity).await,
            AwsSource::Container {
                url,
                token,
                token_file,
            } => {
                let token = match token_file {
                    Some(path) => Some(file(path).await.trim().to_owned()),
                    None => token.as_ref().map(|token| token.expose().to_owned()),
                };
                let headers = token.map(|token| ("authorization", token));
                let request = outgoing(Method::GET, url, headers.as_slice(), "")?;
                let what = "the container's credential endpoint";
                let body = ask(self.near.as_ref(), request, what).await?;
                read::document(&body).map_err(|why| format!("{what}: {why}"))
            }
            AwsSource::Metadata { url } => self.metadata(url).await,
        }
    }

    /// The role of a person who signed in: the token that `aws sso login` left, for credentials.
    async fn of_sso(
        &self,
        sso: &Sso,
        profile: &AwsProfile,
        now: SystemTime,
    ) -> Result<Held, String> {
        let name = &sso.profile;
        let sign_in = |what: &str| {
            format!("the AWS profile `{name}`: {what}: run `aws sso login --profile {name}`")
        };
        let folder = profile.sso_cache.as_ref();
        let folder = folder.ok_or_else(|| sign_in("there is no home folder with SSO tokens"))?;
        let text = file(&folder.join(token_file_name(&sso.key))).await;
        if text.is_empty() {
            return Err(sign_in("nobody has signed in to its SSO session"));
        }
        let token = read::sso_token(&text, now)
            .map_err(|why| sign_in(&format!("the token of its SSO session: {why}")))?
            .ok_or_else(|| sign_in("its SSO session has expired"))?;
        let portal = profile.sso_url.clone().unwrap_or_else(|| {
            let region = &sso.region;
            format!("https://portal.sso.{region}.{}", aws_domain(region))
        });
        let url = format!(
            "{}/federation/credentials?account_id={}&role_name={}",
            portal.trim_end_matches('/'),
            encoded(&sso.account),
            encoded(&sso.role),
        );
        let what = "IAM Identity Center";
        let headers = [("x-amz-sso_bearer_token", token.expose().to_owned())];
        let request = outgoing(Method::GET, &url, &headers, "")?;
        match ask(self.far.as_ref(), request, what).await {
            Ok(body) => read::role_credentials(&body).map_err(|why| format!("{what}: {why}")),
            // Signed out elsewhere.
            Err(Unanswered {
                status: Some(401), ..
            }) => Err(sign_in("its SSO session is not valid any more")),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes a role with other credentials.
    async fn assume(
        &self,
        with: &Held,
        role: &Role,
        sts_url: &str,
        now: SystemTime,
    ) -> Result<Held, String> {
        let mut form = assume_form("AssumeRole", &role.arn, &role.session);
        if let Some(id) = &role.external_id {
            let _ = write!(form, "&ExternalId={}", encoded(id));
        }
        if let Some(seconds) = role.duration_s {
            let _ = write!(form, "&DurationSeconds={seconds}");
        }
        let mut request = token_request(sts_url, &form)?;
        signature(
            &mut request,
            &with.credentials,
            &self.region,
            TOKEN_SERVICE,
            now,
        )
        .map_err(|error| error.message)?;
        let what = format!("AWS's token service, for the role `{}`", role.arn);
        let body = ask(self.far.as_ref(), request, &what).await?;
        read::assumed(&body, "AssumeRole").map_err(|why| format!("{what}: {why}"))
    }

    /// Takes a role with a token of somebody else's.
    async fn assume_with_token(&self, identity: &WebIdentity) -> Result<Held, String> {
        const ACTION: &str = "AssumeRoleWithWebIdentity";
        let what = "AWS's token service";
        let token = file(&identity.token_file).await;
        if token.trim().is_empty() {
            let path = identity.token_file.display();
            return Err(format!("the web identity token `{path}` can't be read"));
        }
        let mut form = assume_form(ACTION, &identity.role_arn, &identity.session);
        let _ = write!(form, "&WebIdentityToken={}", encoded(token.trim()));
        let request = token_request(&identity.sts_url, &form)?;
        let body = ask(self.far.as_ref(), request, what).await?;
        read::assumed(&body, ACTION).map_err(|why| format!("{what}: {why}"))
    }

    /// IMDSv2: a token first, then the role's name, then its credentials.
    async fn metadata(&self, url: &str) -> Result<Held, String> {
        let what = "the instance's metadata service";
        let base = url.trim_end_matches('/');
        let lifetime = (
            "x-aws-ec2-metadata-token-ttl-seconds",
            METADATA_TOKEN_S.to_owned(),
        );
        let request = outgoing(
            Method::PUT,
            &format!("{base}/latest/api/token"),
            &[lifetime],
            "",
        )?;
        let token = ask(self.near.as_ref(), request, what).await?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let headers = [("x-aws-ec2-metadata-token", token)];
        let path = format!("{base}/latest/meta-data/iam/security-credentials/");
        let request = outgoing(Method::GET, &path, &headers, "")?;
        let role = ask(self.near.as_ref(), request, what).await?;
        let role = String::from_utf8_lossy(&role);
        let role = role.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err(format!("{what}: the instance has no role"));
        }
        let request = outgoing(Method::GET, &format!("{path}{role}"), &headers, "")?;
        let body = ask(self.near.as_ref(), request, what).await?;
        read::document(&body).map_err(|why| format!("{what}: {why}"))
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The beginning of what the token service is asked.
fn assume_form(action: &str, arn: &str, session: &str) -> String {
    format!(
        "Action={action}&Version=2011-06-15&RoleArn={}&RoleSessionName={}",
        encoded(arn),
        encoded(session),
    )
}

/// A request to the token service.
fn token_request(sts_url: &str, form: &str) -> Result<Outgoing, String> {
    let headers = [
        ("accept", "application/json".to_owned()),
        (
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        ),
    ];
    let url = format!("{}/", sts_url.trim_end_matches('/'));
    outgoing(Method::POST, &url, &headers, form)
}

/// What AWS's tools call the file of a token in `~/.aws/sso/cache`: the SHA-1 of its session's name
/// or start URL.
fn token_file_name(key: &str) -> String {
    let mut name = String::new();
    for byte in Sha1::digest(key.as_bytes()) {
        let _ = write!(name, "{byte:02x}");
    }
    name + ".json"
}

/// A file's text; empty where it can't be read or is far too large.
async fn file(path: &Path) -> String {
    let path = path.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let size = std::fs::metadata(&path).ok()?.len();
        (size <= FILE_BYTES_MAX).then(|| std::fs::read_to_string(&path).ok())?
    });
    read.await.ok().flatten().unwrap_or_default()
}

fn outgoing(
    method: Method,
    url: &str,
    headers: &[(&'static str, String)],
    body: &str,
) -> Result<Outgoing, String> {
    let uri: Uri = url.parse().map_err(|_| format!("`{url}` is no URL"))?;
    let mut map = HeaderMap::new();
    map.insert(header::USER_AGENT, HeaderValue::from_static("polyroute"));
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of `{name}` can't be sent"))?;
        value.set_sensitive(true);
        map.insert(HeaderName::from_static(name), value);
    }
    Ok(Outgoing {
        method,
        uri,
        headers: map,
        body: Bytes::from(body.to_owned()),
    })
}

/// Why there is no answer.
struct Unanswered {
    /// What was answered instead.
    status: Option<u16>,
    why: String,
}

impl From<Unanswered> for String {
    fn from(error: Unanswered) -> Self {
        error.why
    }
}

async fn ask(
    client: Option<&UpstreamClient>,
    request: Outgoing,
    what: &str,
) -> Result<Bytes, Unanswered> {
    let unanswered = |status, why: String| Unanswered {
        status,
        why: format!("{what}: {why}"),
    };
    let Some(client) = client else {
        return Err(unanswered(None, "there is no client".to_owned()));
    };
    let exchange = async {
        let response = client.send(request).await;
        let response = response.map_err(|error| unanswered(None, error.message))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|error| unanswered(None, error.to_string()))?;
        let body = body.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let status = status.as_u16();
        let why = format!("status {status}, {}", read::refusal(&body));
        Err(unanswered(Some(status), why))
    };
    match tokio::time::timeout(ANSWER_WAIT, exchange).await {
        Ok(answer) => answer,
        Err(_) => Err(unanswered(None, "no answer in time".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sso_tokens_are_named_as_awss_tools_name_them() {
        // `printf %s corp | sha1sum`
        let name = "ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
        assert_eq!(token_file_name("corp"), name);
    }
}
