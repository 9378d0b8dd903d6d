//! Fetches a file that a caller named by URL, for a provider that can't (row S7): public addresses
//! only, checked on what the name resolved to at the moment of connecting, each redirect again;
//! bounded in size and time.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use polyroute_wire::media::{Media, sniff};
use tower_service::Service;

use super::guard::is_public;

/// Redirects followed for one file.
const REDIRECTS_MAX: usize = 3;

/// Bounds of a fetch.
#[derive(Debug, Clone, Copy)]
pub struct MediaLimits {
    /// Largest file in bytes.
    pub bytes_max: usize,
    /// Time for the whole fetch, redirects included.
    pub timeout: Duration,
    /// Also fetch from addresses that are not public. For closed test networks.
    pub allow_private_networks: bool,
}

/// Why a file could not be had. The message names the URL's host at most, never what an address
/// resolved to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No `http` or `https` URL.
    #[error("only http and https URLs can be fetched")]
    Scheme,
    /// The host is not on the public internet.
    #[error("the URL leads to an address that is not public")]
    NotPublic,
    /// The server did not answer in time.
    #[error("the file did not arrive within {0} ms")]
    Timeout(u128),
    /// The file is too large.
    #[error("the file is larger than {0} bytes")]
    TooLarge(usize),
    /// The server answered with an error.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// Too many redirects.
    #[error("the URL redirects more than {REDIRECTS_MAX} times")]
    Redirects,
    /// No connection or a broken answer.
    #[error("the server could not be reached")]
    Unreachable,
}

/// Fetches files for callers. It sends no credential, no cookie and no header of the caller's, and
/// goes through no proxy, since behind one the address could not be checked.
#[derive(Clone)]
pub struct MediaFetcher {
    client: Client<HttpsConnector<HttpConnector<GuardedResolver>>, Empty<Bytes>>,
    limits: MediaLimits,
}

impl MediaFetcher {
    /// A fetcher with these bounds.
    #[must_use]
    pub fn new(limits: MediaLimits, tls: &rustls::ClientConfig) -> Self {
        let resolver = GuardedResolver {
            allow_private_networks: limits.allow_private_networks,
        };
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(limits.timeout));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Each fetch checks its own address: no connection outlives the check.
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(64 * 1024)
            .build(https);
        Self { client, limits }
    }

    /// Fetches one file.
    ///
    /// # Errors
    /// Why it could not be had.
    pub async fn fetch(&self, url: &str) -> Result<Media, FetchError> {
        tokio::time::timeout(self.limits.timeout, self.follow(url))
            .await
            .unwrap_or(Err(FetchError::Timeout(self.limits.timeout.as_millis())))
    }

    async fn follow(&self, url: &str) -> Result<Media, FetchError> {
        let mut uri: Uri = url.parse().map_err(|_| FetchError::Scheme)?;
        for _ in 0..=REDIRECTS_MAX {
            self.check(&uri)?;
            let mut request = Request::new(Empty::new());
            *request.uri_mut() = uri.clone();
            request
                .headers_mut()
                .insert(header::ACCEPT, header::HeaderValue::from_static("*/*"));
            request.headers_mut().insert(
                header::USER_AGENT,
                header::HeaderValue::from_static("polyroute"),
            );
            let response = self
                .client
                .request(request)
                .await
                .map_err(|error| unreachable(&error))?;
            let (head, body) = response.into_parts();
            if head.status.is_redirection() {
                uri = redirect(&uri, &head.headers)
                    .ok_or(FetchError::Status(head.status.as_u16()))?;
                continue;
            }
            if head.status != StatusCode::OK {
                return Err(FetchError::Status(head.status.as_u16()));
            }
            let bytes_max = self.limits.bytes_max;
            let bytes = Limited::new(body, bytes_max)
                .collect()
                .await
                .map_err(|error| {
                    if error.is::<http_body_util::LengthLimitError>() {
                        FetchError::TooLarge(bytes_max)
                    } else {
                        FetchError::Unreachable
                    }
                })?;
            return Ok(media(&head.headers, &bytes.to_bytes()));
        }
        Err(FetchError::Redirects)
    }

    /// Refuses what can be refused before a lookup: the scheme, and hosts that are addresses (which
    /// no resolver sees).
    fn check(&self, uri: &Uri) -> Result<(), FetchError> {
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(FetchError::Scheme);
        }
        let host = uri.host().ok_or(FetchError::Scheme)?;
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        match literal.parse::<IpAddr>() {
            Ok(address) if !self.limits.allow_private_networks && !is_public(address) => {
                Err(FetchError::NotPublic)
            }
            _ => Ok(()),
        }
    }
}

fn redirect(from: &Uri, headers: &HeaderMap) -> Option<Uri> {
    let location = headers.get(header::LOCATION)?.to_str().ok()?;
    // `picture.png` alone would parse as a host.
    if location.contains("://") {
        return location.parse().ok();
    }
    let location = match location.strip_prefix("//") {
        Some(_) => return format!("{}:{location}", from.scheme_str()?).parse().ok(),
        None if location.starts_with(['/', '?']) => location.to_owned(),
        None => {
            let folder = from
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            format!("{folder}/{location}")
        }
    };
    let to: Uri = location.parse().ok()?;
    Uri::builder()
        .scheme(from.scheme_str()?)
        .authority(from.authority()?.as_str())
        .path_and_query(to.path_and_query()?.as_str())
        .build()
        .ok()
}

fn media(headers: &HeaderMap, bytes: &[u8]) -> Media {
    let said = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or("application/octet-stream")
        .trim()
        .to_ascii_lowercase();
    Media {
        media_type: sniff(bytes).map_or(said, ToOwned::to_owned),
        data: base64::engine::general_purpose::STANDARD.encode(bytes),
    }
}

fn unreachable(error: &hyper_util::client::legacy::Error) -> FetchError {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<NotPublic>()
            || cause
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref)
                .is_some_and(|inner| inner.is::<NotPublic>())
        {
            return FetchError::NotPublic;
        }
        source = cause.source();
    }
    FetchError::Unreachable
}

#[derive(Debug, thiserror::Error)]
#[error("address not public")]
struct NotPublic;

/// Resolves names to public addresses only: what is connected to is what was checked, so that a
/// name that changes between two lookups (rebinding) gains nothing.
#[derive(Clone)]
struct GuardedResolver {
    allow_private_networks: bool,
}

impl Service<Name> for GuardedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, std::io::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), std::io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow_private_networks = self.allow_private_networks;
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // One private address among public ones is refused whole: a mixed answer is an attack.
            if !allow_private_networks && found.iter().any(|address| !is_public(address.ip())) {
                return Err(std::io::Error::other(NotPublic));
            }
            Ok(found.into_iter())
        })
    }
}
