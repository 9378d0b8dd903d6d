//! One pooled HTTP client a provider, and what went wrong in the taxonomy's words.

use std::collections::HashMap;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::auth::Signer;
use super::connector::Connector;
use super::pool::{Failure, Pool, PooledBody};

/// Idle connections kept for a provider.
const IDLE_CONNECTIONS_MAX: usize = 512;
/// How long an idle connection is kept: below the 60 s after which common load balancers close.
const IDLE_CONNECTION_AGE_MAX: Duration = Duration::from_secs(50);
/// Largest response head that is read (row F23), and the most that is read at once: a kept connection
/// keeps the buffer.
const RESPONSE_HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most response headers that are read.
const RESPONSE_HEADERS_MAX: usize = 200;

/// A request on its way to a provider.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// `GET` or `POST`.
    pub method: Method,
    /// Where to.
    pub uri: Uri,
    /// All headers, the credential among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Outgoing {
    fn into_request(self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

/// Sends requests to one provider over pooled connections.
#[derive(Clone)]
pub struct UpstreamClient {
    transport: Transport,
    signer: Option<Arc<dyn Signer>>,
}

#[derive(Clone)]
enum Transport {
    /// HTTP/1.1, the default: HTTP/2's pool keeps one connection a host, and a dead one takes every
    /// request with it.
    Http1(Pool),
    /// HTTP/2 where the provider offers it.
    Http2(Box<Client<HttpsConnector<Connector>, Full<Bytes>>>),
}

/// The body of a provider's answer. Dropping it closes the connection, unless it was read to its
/// end.
pub struct AnswerBody(Carried);

enum Carried {
    Http1(PooledBody),
    Http2(Incoming),
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Carried::Http1(body) => Pin::new(body).poll_frame(context),
            Carried::Http2(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Carried::Http1(body) => body.is_end_stream(),
            Carried::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Carried::Http1(body) => body.size_hint(),
            Carried::Http2(body) => body.size_hint(),
        }
    }
}

impl UpstreamClient {
    /// A client with a pool of its own.
    #[must_use]
    pub fn new(
        connect_timeout: Duration,
        http2: bool,
        tls: &rustls::ClientConfig,
        proxies: &Arc<Matcher>,
        signer: Option<&Arc<dyn Signer>>,
    ) -> Self {
        let connector = Connector::new(Arc::clone(proxies), connect_timeout);
        let builder = HttpsConnectorBuilder::new()
            .with_tls_config(tls.clone())
            .https_or_http()
            .enable_http1();
        let transport = if http2 {
            Transport::Http2(Box::new(
                Client::builder(TokioExecutor::new())
                    .pool_timer(TokioTimer::new())
                    .timer(TokioTimer::new())
                    .pool_idle_timeout(IDLE_CONNECTION_AGE_MAX)
                    .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
                    .http1_max_buf_size(RESPONSE_HEAD_BYTES_MAX)
                    .http1_max_headers(RESPONSE_HEADERS_MAX)
                    .http2_keep_alive_interval(Duration::from_secs(20))
                    .http2_keep_alive_timeout(Duration::from_secs(10))
                    .build(builder.enable_http2().wrap_connector(connector)),
            ))
        } else {
            let mut http = http1::Builder::new();
            http.max_buf_size(RESPONSE_HEAD_BYTES_MAX)
                .max_headers(RESPONSE_HEADERS_MAX);
            Transport::Http1(Pool::new(
                builder.wrap_connector(connector),
                http,
                IDLE_CONNECTIONS_MAX,
                IDLE_CONNECTION_AGE_MAX,
            ))
        };
        Self {
            transport,
            signer: signer.cloned(),
        }
    }

    /// Signs a request where the provider wants that, sends it and waits for the head of the
    /// answer. Dropping the future, or the body that it gives, closes the connection: upstream work
    /// stops when nobody wants it.
    ///
    /// # Errors
    /// Kind `connection` (with code `upstream_tls` where TLS failed), `timeout`, or what the signer
    /// ran into.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Response<AnswerBody>, UpstreamError> {
        let Some(signer) = &self.signer else {
            return self.exchange(outgoing).await;
        };
        let mut signed = outgoing.clone();
        signer.sign(&mut signed).await?;
        let sent = signed.headers.clone();
        let response = self.exchange(signed).await?;
        if !signer.answered(&sent, response.status(), response.headers()) {
            return Ok(response);
        }
        let mut again = outgoing;
        signer.sign(&mut again).await?;
        self.exchange(again).await
    }

    async fn exchange(&self, outgoing: Outgoing) -> Result<Response<AnswerBody>, UpstreamError> {
        match &self.transport {
            Transport::Http1(pool) => match pool.request(outgoing.into_request()).await {
                Ok(answer) => Ok(answer.map(|body| AnswerBody(Carried::Http1(body)))),
                Err(Failure::Connect(error)) => Err(classify(true, Some(error.as_ref()))),
                Err(Failure::Exchange(error)) => Err(classify(false, Some(&error))),
            },
            // Boxed, so that the usual way has no room for it.
            Transport::Http2(client) => match Box::pin(by_http2(client, outgoing)).await {
                Ok(answer) => Ok(answer.map(|body| AnswerBody(Carried::Http2(body)))),
                Err(error) => Err(classify(error.is_connect(), error.source())),
            },
        }
    }
}

/// Sends a request, and once more where the provider certainly has not taken it: an HTTP/2 connection
/// that takes leave says which requests it has looked at (row F25).
async fn by_http2(
    client: &Client<HttpsConnector<Connector>, Full<Bytes>>,
    outgoing: Outgoing,
) -> Result<Response<Incoming>, ClientError> {
    let again = outgoing.clone();
    match client.request(outgoing.into_request()).await {
        Err(error) if was_not_taken(&error) => client.request(again.into_request()).await,
        sent => sent,
    }
}

/// Whether the provider says that it has not looked at the request: GOAWAY with an earlier last
/// stream, or REFUSED_STREAM (RFC 9113 §8.7).
fn was_not_taken(error: &ClientError) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            let refused = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
            return error.is_remote() && (error.is_go_away() || refused);
        }
        source = cause.source();
    }
    false
}

/// The clients of all providers.
#[derive(Default)]
pub struct UpstreamClients {
    /// By provider; few connect timeouts each.
    clients: HashMap<String, Vec<(Duration, UpstreamClient)>>,
}

impl UpstreamClients {
    /// Makes a client for a provider and a connect timeout, unless there is one.
    pub fn add(
        &mut self,
        provider: &str,
        connect_timeout: Duration,
        http2: bool,
        tls: &rustls::ClientConfig,
        proxies: &Arc<Matcher>,
        signer: Option<&Arc<dyn Signer>>,
    ) {
        if self.get(provider, connect_timeout).is_none() {
            let client = UpstreamClient::new(connect_timeout, http2, tls, proxies, signer);
            let clients = self.clients.entry(provider.to_owned()).or_default();
            clients.push((connect_timeout, client));
        }
    }

    /// The client of a provider for a connect timeout.
    #[must_use]
    pub fn get(&self, provider: &str, connect_timeout: Duration) -> Option<&UpstreamClient> {
        let clients = self.clients.get(provider)?;
        let found = clients
            .iter()
            .find(|(timeout, _)| *timeout == connect_timeout);
        found.map(|(_, client)| client)
    }
}

/// Says in the taxonomy's words why no answer head came. The message names neither address nor
/// credential.
fn classify(connecting: bool, mut source: Option<&(dyn Error + 'static)>) -> UpstreamError {
    let mut tls = false;
    let mut timed_out = false;
    let mut reason = String::new();
    while let Some(cause) = source {
        tls |= cause.is::<rustls::Error>();
        // rustls hides inside I/O errors, which leave what they wrap out of their `source`.
        let mut wrapped = cause.downcast_ref::<std::io::Error>();
        while let Some(io) = wrapped {
            timed_out |= io.kind() == std::io::ErrorKind::TimedOut;
            let inner = io.get_ref();
            tls |= inner.is_some_and(|inner| inner.is::<rustls::Error>());
            wrapped = inner.and_then(|inner| inner.downcast_ref::<std::io::Error>());
        }
        // What the other side adds to a GOAWAY in its own words is for its own people.
        let frame = cause
            .downcast_ref::<h2::Error>()
            .and_then(h2::Error::reason);
        reason = frame.map_or_else(|| cause.to_string(), |reason| format!("HTTP/2: {reason}"));
        source = cause.source();
    }
    let (kind, what) = match (connecting, timed_out) {
        (true, true) => (ErrorKind::Timeout, "no connection to the provider in time"),
        (true, false) if tls => (ErrorKind::Connection, "TLS with the provider failed"),
        (true, false) => (ErrorKind::Connection, "no connection to the provider"),
        (false, _) => (
            ErrorKind::Connection,
            "the provider closed the connection before it answered",
        ),
    };
    let mut upstream = UpstreamError::new(
        kind,
        if reason.is_empty() {
            what.to_owned()
        } else {
            format!("{what}: {reason}")
        },
    );
    if tls {
        upstream.code = Some("upstream_tls".to_owned());
        upstream.retry_forbidden = true;
    }
    upstream
}
