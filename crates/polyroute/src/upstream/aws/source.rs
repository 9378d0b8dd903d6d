//! Fetches AWS credentials from the first source that has some: the order of AWS's own SDKs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::proxy::matcher::Matcher;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::Held;
use super::read::{self, Profile};
use crate::config::settings::{AwsSource, WebIdentity};
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

/// Fetches from a list of sources.
pub(super) struct Fetcher {
    sources: Vec<AwsSource>,
    /// Past any proxy: the metadata service and container endpoints.
    near: Option<UpstreamClient>,
    /// The token service.
    far: Option<UpstreamClient>,
}

impl Fetcher {
    pub(super) fn new(
        sources: Vec<AwsSource>,
        tls: &rustls::ClientConfig,
        proxies: &Arc<Matcher>,
    ) -> Self {
        let direct = Arc::new(Matcher::builder().build());
        let mut clients = UpstreamClients::default();
        clients.add("near", CONNECT_WAIT, false, tls, &direct, None);
        clients.add("far", CONNECT_WAIT, false, tls, proxies, None);
        Self {
            sources,
            near: clients.get("near", CONNECT_WAIT).cloned(),
            far: clients.get("far", CONNECT_WAIT).cloned(),
        }
    }

    /// Credentials of the first source that has some.
    pub(super) async fn fetch(&self) -> Result<Held, UpstreamError> {
        let mut reasons: Vec<String> = Vec::new();
        for source in &self.sources {
            match self.of(source).await {
                Ok(Some(held)) => return Ok(held),
                Ok(None) => {}
                Err(reason) => reasons.push(reason),
            }
        }
        let reasons = if reasons.is_empty() {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_BEARER_TOKEN_BEDROCK"
                .to_owned()
        } else {
            reasons.join("; ")
        };
        Err(UpstreamError::new(
            ErrorKind::Auth,
            format!("there are no AWS credentials: {reasons}"),
        ))
    }

    /// `Ok(None)`: the source is not there.
    async fn of(&self, source: &AwsSource) -> Result<Option<Held>, String> {
        match source {
            AwsSource::Keys { id, secret, token } => {
                let token = token.as_ref().map(|token| token.expose().to_owned());
                Ok(Some(Held {
                    credentials: read::keys(id, secret.expose(), token),
                    expiry: None,
                }))
            }
            AwsSource::Profile {
                credentials,
                config,
                name,
                sts_url,
            } => {
                let texts = (file(credentials).await, file(config).await);
                match read::profile(&texts.0, &texts.1, name)? {
                    None => Ok(None),
                    Some(Profile::Keys(credentials)) => Ok(Some(Held {
                        credentials,
                        expiry: None,
                    })),
                    Some(Profile::Role {
                        arn,
                        token_file,
                        session,
                    }) => {
                        let identity = WebIdentity {
                            token_file: token_file.into(),
                            role_arn: arn,
                            session: session.unwrap_or_else(|| "polyroute".to_owned()),
                            sts_url: sts_url.clone(),
                        };
                        self.assume(&identity).await.map(Some)
                    }
                }
            }
            AwsSource::WebIdentity(identity) => self.assume(identity).await.map(Some),
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
                read::document(&body)
                    .map(Some)
                    .map_err(|why| format!("{what}: {why}"))
            }
            AwsSource::Metadata { url } => self.metadata(url).await.map(Some),
        }
    }

    async fn assume(&self, identity: &WebIdentity) -> Result<Held, String> {
        let what = "AWS's token service";
        let token = file(&identity.token_file).await;
        if token.trim().is_empty() {
            let path = identity.token_file.display();
            return Err(format!("the web identity token `{path}` can't be read"));
        }
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let form = format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}\
             &WebIdentityToken={}",
            encode(&identity.role_arn),
            encode(&identity.session),
            encode(token.trim()),
        );
        let headers = [
            ("accept", "application/json".to_owned()),
            (
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            ),
        ];
        let url = format!("{}/", identity.sts_url.trim_end_matches('/'));
        let request = outgoing(Method::POST, &url, &headers, &form)?;
        let body = ask(self.far.as_ref(), request, what).await?;
        read::assumed(&body).map_err(|why| format!("{what}: {why}"))
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

async fn ask(
    client: Option<&UpstreamClient>,
    request: Outgoing,
    what: &str,
) -> Result<Bytes, String> {
    let Some(client) = client else {
        return Err(format!("{what}: there is no client"));
    };
    let exchange = async {
        let response = client.send(request).await.map_err(|error| error.message)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        if status.is_success() {
            Ok(body)
        } else {
            Err(format!(
                "status {}, {}",
                status.as_u16(),
                read::refusal(&body)
            ))
        }
    };
    match tokio::time::timeout(ANSWER_WAIT, exchange).await {
        Ok(answer) => answer.map_err(|why| format!("{what}: {why}")),
        Err(_) => Err(format!("{what}: no answer in time")),
    }
}
