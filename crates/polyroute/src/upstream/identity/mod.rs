//! Tokens of clouds: fetched when they are needed, renewed before they expire, one fetch for
//! everybody who waits.
//!
//! Read [`TokenSigner`] first; it is the [`Signer`] of a provider without a key. Where tokens come
//! from is in `google` and `entra`.

mod entra;
mod google;
mod issuer;
mod jwt;

use std::io::{self, Read as _};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use hyper_util::client::proxy::matcher::Matcher;
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::Outgoing;
use super::auth::Signer;
use crate::config::identity::Identity;
use crate::config::secret::Secret;
use issuer::Issuer;

/// Longest wait for a token, renewals by others included.
const FETCH_WAIT: Duration = Duration::from_secs(20);
/// A token is renewed so long before it expires, or after three quarters of a short life.
const RENEW_BEFORE: Duration = Duration::from_secs(300);
/// No token is used so shortly before it expires: the call would meet its end.
const UNUSED_BEFORE: Duration = Duration::from_secs(10);
/// No life is believed to be longer: the machine may sleep.
const LIFETIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// After a failure, for so long it is the answer to everybody, and the issuer is left alone.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);
/// A token that a provider refused is thrown away, unless it is younger than this: the refusal is
/// then no matter of age.
const REFUSED_AFTER: Duration = Duration::from_secs(30);

/// Largest file with another issuer's token.
const TOKEN_FILE_BYTES_MAX: u64 = 64 * 1024;

/// A token as its issuer gave it.
struct Fetched {
    token: Secret,
    lifetime: Duration,
}

/// Where tokens come from.
trait Source: Send + Sync + std::fmt::Debug {
    /// Fetches a token. The caller bounds the wait.
    fn fetch(&self) -> BoxFuture<'_, Result<Fetched, UpstreamError>>;
}

/// Signs with the token of an account.
#[derive(Debug)]
pub struct TokenSigner {
    shared: Arc<Shared>,
    /// `x-goog-user-project`.
    quota_project: Option<HeaderValue>,
}

#[derive(Debug)]
struct Shared {
    source: Box<dyn Source>,
    current: RwLock<State>,
    /// Held while a token is fetched.
    fetching: tokio::sync::Mutex<()>,
}

/// What is known of the token.
#[derive(Debug, Default)]
struct State {
    token: Option<Token>,
    failure: Option<(Instant, UpstreamError)>,
}

#[derive(Debug, Clone)]
struct Token {
    /// `Bearer …`, marked sensitive.
    header: HeaderValue,
    fetched: Instant,
    renew: Instant,
    expires: Instant,
}

impl TokenSigner {
    /// A signer for an account. `proxies` lead to the issuer as to the provider; a machine's own
    /// metadata service is reached straight.
    #[must_use]
    pub fn new(identity: &Identity, tls: &rustls::ClientConfig, proxies: &Arc<Matcher>) -> Self {
        let (source, quota_project): (Box<dyn Source>, _) = match identity {
            Identity::Google(google) => (
                google::source(&google.source, &Issuer::new(tls, proxies)),
                google.quota_project.as_deref(),
            ),
            Identity::Entra(entra) => (
                Box::new(entra::Entra::new(entra, Issuer::new(tls, proxies))),
                None,
            ),
        };
        Self {
            shared: Arc::new(Shared {
                source,
                current: RwLock::default(),
                fetching: tokio::sync::Mutex::new(()),
            }),
            quota_project: quota_project.and_then(|project| HeaderValue::from_str(project).ok()),
        }
    }
}

impl Signer for TokenSigner {
    fn sign<'a>(&'a self, request: &'a mut Outgoing) -> BoxFuture<'a, Result<(), UpstreamError>> {
        Box::pin(async move {
            let token = Shared::token(&self.shared).await?;
            request.headers.insert(AUTHORIZATION, token.header);
            if let Some(project) = &self.quota_project {
                let name = HeaderName::from_static("x-goog-user-project");
                request.headers.entry(name).or_insert(project.clone());
            }
            Ok(())
        })
    }

    /// A refused token goes, so that the next signature has another one. One that somebody else has
    /// renewed meanwhile is another one already.
    fn answered(&self, sent: &HeaderMap, status: StatusCode, _headers: &HeaderMap) -> bool {
        if status != StatusCode::UNAUTHORIZED {
            return false;
        }
        let now = Instant::now();
        self.shared.write(|state| match &state.token {
            Some(token) if Some(&token.header) == sent.get(AUTHORIZATION) => {
                let is_old = now.duration_since(token.fetched) >= REFUSED_AFTER;
                if is_old {
                    state.token = None;
                }
                is_old
            }
            _ => true,
        })
    }
}

impl Shared {
    /// A token that can be used now. One that is due is renewed behind the scenes.
    async fn token(this: &Arc<Self>) -> Result<Token, UpstreamError> {
        let now = Instant::now();
        if let Some(token) = this.usable(now) {
            if now >= token.renew && !this.failed_recently(now) {
                Self::renew(this);
            }
            return Ok(token);
        }
        // Away from the caller's request: one who leaves must not stop the others' fetch.
        let fetch = tokio::spawn({
            let this = Arc::clone(this);
            async move {
                let _one = this.fetching.lock().await;
                let now = Instant::now();
                match (this.usable(now), this.failure(now)) {
                    (Some(token), _) => Ok(token),
                    (None, Some(failure)) => Err(failure),
                    (None, None) => this.fetch().await,
                }
            }
        });
        match tokio::time::timeout(FETCH_WAIT, fetch).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(late()),
        }
    }

    /// Fetches a new token while the old one still serves; does nothing if somebody does already.
    fn renew(this: &Arc<Self>) {
        let this = Arc::clone(this);
        tokio::spawn(async move {
            let Ok(_one) = this.fetching.try_lock() else {
                return;
            };
            if this
                .usable(Instant::now())
                .is_some_and(|token| Instant::now() < token.renew)
            {
                return;
            }
            if let Err(error) = this.fetch().await {
                tracing::warn!(reason = error.message, "a token could not be renewed");
            }
        });
    }

    /// Fetches and keeps a token, or the failure.
    async fn fetch(&self) -> Result<Token, UpstreamError> {
        let fetched = tokio::time::timeout(FETCH_WAIT, self.source.fetch())
            .await
            .unwrap_or_else(|_| Err(late()));
        let now = Instant::now();
        let token = fetched.and_then(|fetched| Token::new(&fetched, now));
        self.write(|state| match &token {
            Ok(token) => {
                *state = State {
                    token: Some(token.clone()),
                    failure: None,
                };
            }
            Err(error) => state.failure = Some((now, error.clone())),
        });
        token
    }

    fn usable(&self, now: Instant) -> Option<Token> {
        self.read(|state| {
            let token = state.token.as_ref()?;
            (now + UNUSED_BEFORE < token.expires).then(|| token.clone())
        })
    }

    fn failed_recently(&self, now: Instant) -> bool {
        self.failure(now).is_some()
    }

    fn failure(&self, now: Instant) -> Option<UpstreamError> {
        self.read(|state| {
            let (at, error) = state.failure.as_ref()?;
            (now.duration_since(*at) < FAILURE_HOLDS).then(|| error.clone())
        })
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.current.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Token {
    fn new(fetched: &Fetched, now: Instant) -> Result<Self, UpstreamError> {
        let text = format!("Bearer {}", fetched.token.expose());
        let mut header = HeaderValue::from_str(&text)
            .map_err(|_| refusal("the issuer of tokens gave one that no header can carry"))?;
        header.set_sensitive(true);
        let lifetime = fetched.lifetime.min(LIFETIME_MAX);
        let early = RENEW_BEFORE.min(lifetime / 4);
        Ok(Self {
            header,
            fetched: now,
            renew: now + lifetime.saturating_sub(early),
            expires: now + lifetime,
        })
    }
}

/// The issuer did not answer in time.
fn late() -> UpstreamError {
    UpstreamError::new(
        ErrorKind::Timeout,
        "the issuer of access tokens did not answer in time",
    )
}

/// There is no valid credential, and the operator must see to it.
fn refusal(message: impl Into<String>) -> UpstreamError {
    UpstreamError::new(ErrorKind::Auth, message)
}

/// The issuer's answer holds none.
fn no_token() -> UpstreamError {
    UpstreamError::new(
        ErrorKind::MalformedReply,
        "the issuer of access tokens answered without a token",
    )
}

/// Another issuer's token from a file, which is written anew now and then.
async fn read_token(path: &Path) -> Result<String, UpstreamError> {
    let shown = path.display().to_string();
    let path = path.to_owned();
    let read = move || {
        let mut text = String::new();
        let file = std::fs::File::open(path)?.take(TOKEN_FILE_BYTES_MAX);
        io::BufReader::new(file).read_to_string(&mut text)?;
        Ok::<_, io::Error>(text)
    };
    let text = tokio::task::spawn_blocking(read).await;
    text.map_err(io::Error::other)
        .and_then(|text| text)
        .map_err(|error| refusal(format!("the token file `{shown}` can't be read: {error}")))
}

#[cfg(test)]
mod tests;
