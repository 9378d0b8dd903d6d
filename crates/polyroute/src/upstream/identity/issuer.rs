//! One question to an issuer of tokens: bounded in size and time, asked twice where that may help.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::proxy::matcher::Matcher;
use polyroute_wire::error::{ErrorKind, UpstreamError};
use polyroute_wire::url::percent_encode;
use serde_json::Value;

use super::{late, refusal};
use crate::config::secret::Secret;
use crate::upstream::{Outgoing, UpstreamClient};

/// Longest wait for a connection. A metadata service that is not there must not take long to say
/// so.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(8);
/// Largest answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Wait before the second try.
const PAUSE: Duration = Duration::from_millis(300);
/// How much of an issuer's own words is told.
const WORDS_MAX: usize = 300;

/// What is asked of an issuer.
pub(super) struct Question {
    pub(super) url: String,
    pub(super) headers: Vec<(HeaderName, Secret)>,
    pub(super) body: Option<(&'static str, Bytes)>,
    /// The issuer is on this machine: no proxy leads there.
    pub(super) local: bool,
}

impl Question {
    /// `GET` of a service on this machine, with headers.
    pub(super) fn get(url: String, headers: Vec<(HeaderName, Secret)>) -> Self {
        Self {
            url,
            headers,
            body: None,
            local: true,
        }
    }

    /// `POST` of a form.
    pub(super) fn form(url: &str, fields: &[(&str, &str)]) -> Self {
        let pairs = fields
            .iter()
            .map(|(key, value)| format!("{key}={}", percent_encode(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        Self {
            url: url.to_owned(),
            headers: Vec::new(),
            body: Some(("application/x-www-form-urlencoded", body.into())),
            local: false,
        }
    }

    /// `POST` of JSON with a bearer token.
    pub(super) fn json(url: &str, token: &str, body: &Value) -> Self {
        Self {
            url: url.to_owned(),
            headers: vec![(
                header::AUTHORIZATION,
                Secret::new(format!("Bearer {token}")),
            )],
            body: Some(("application/json", body.to_string().into())),
            local: false,
        }
    }
}

/// Asks issuers of tokens.
#[derive(Clone)]
pub(super) struct Issuer {
    client: UpstreamClient,
    straight: UpstreamClient,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Issuer")
    }
}

impl Issuer {
    pub(super) fn new(tls: &rustls::ClientConfig, proxies: &Arc<Matcher>) -> Self {
        let direct = Arc::new(Matcher::builder().build());
        let client = |proxies| UpstreamClient::new(CONNECT_TIMEOUT, false, tls, proxies, None);
        Self {
            client: client(proxies),
            straight: client(&direct),
        }
    }

    /// The answer as JSON.
    ///
    /// # Errors
    /// `auth` where the issuer refused, else what kept it from answering.
    pub(super) async fn ask(&self, question: &Question) -> Result<Value, UpstreamError> {
        let text = self.ask_text(question).await?;
        serde_json::from_slice(&text).map_err(|_| {
            failure(
                ErrorKind::MalformedReply,
                "the issuer of tokens sent no JSON",
            )
        })
    }

    /// The answer as it is.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(super) async fn ask_text(&self, question: &Question) -> Result<Bytes, UpstreamError> {
        match self.once(question).await {
            Err(error) if passes(&error) => {
                tokio::time::sleep(PAUSE).await;
                self.once(question).await
            }
            other => other,
        }
    }

    async fn once(&self, question: &Question) -> Result<Bytes, UpstreamError> {
        let outgoing = outgoing(question)?;
        let client = if question.local {
            &self.straight
        } else {
            &self.client
        };
        let answer = async {
            let response = client.send(outgoing).await.map_err(unreached)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
                .collect()
                .await;
            let body = body.map_err(|_| {
                failure(
                    ErrorKind::Connection,
                    "the issuer of tokens broke its answer off",
                )
            })?;
            Ok((status, body.to_bytes()))
        };
        let (status, body) = tokio::time::timeout(ANSWER_WAIT, answer)
            .await
            .unwrap_or_else(|_| Err(late()))?;
        if status.is_success() {
            return Ok(body);
        }
        Err(refused(status, &body))
    }
}

fn outgoing(question: &Question) -> Result<Outgoing, UpstreamError> {
    let uri: Uri = question
        .url
        .parse()
        .map_err(|_| refusal("the issuer of tokens has no valid URL"))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in &question.headers {
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| refusal("a header for the issuer of tokens can't be sent"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let (method, body) = match &question.body {
        None => (Method::GET, Bytes::new()),
        Some((kind, body)) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            (Method::POST, body.clone())
        }
    };
    Ok(Outgoing {
        method,
        uri,
        headers,
        body,
    })
}

/// Whether the same question may be answered a moment later.
fn passes(error: &UpstreamError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Connection | ErrorKind::ServerError | ErrorKind::Overloaded
    ) && !error.retry_forbidden
}

fn failure(kind: ErrorKind, message: impl Into<String>) -> UpstreamError {
    UpstreamError::new(kind, message)
}

fn unreached(error: UpstreamError) -> UpstreamError {
    UpstreamError {
        message: format!(
            "the issuer of access tokens could not be reached: {}",
            error.message
        ),
        ..error
    }
}

/// What an issuer said in place of a token, in its own words: OAuth's `error` and
/// `error_description`, or Google's error object.
fn refused(status: StatusCode, body: &[u8]) -> UpstreamError {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |path: &str| value.pointer(path).and_then(Value::as_str);
    let words: Vec<&str> = [
        text("/error"),
        text("/error_description"),
        text("/error/status"),
        text("/error/message"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let words: String = words.join(": ").chars().take(WORDS_MAX).collect();
    let said = if words.is_empty() {
        String::new()
    } else {
        format!(": {words}")
    };
    let kind = match status.as_u16() {
        429 => ErrorKind::Overloaded,
        500.. => ErrorKind::ServerError,
        _ => ErrorKind::Auth,
    };
    let message = format!(
        "the issuer of access tokens answered with status {}{said}",
        status.as_u16()
    );
    failure(kind, message)
}
