//! Kept HTTP/1.1 connections to a provider.
//!
//! hyper-util's pool gives each connection a task, and each request another that waits to put it
//! back; ours are driven by the request itself (see [`super::link`]).

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::Builder;
use hyper_rustls::HttpsConnector;
use tower_service::Service as _;

use super::connector::Connector;
use super::link::Link;

/// How often idle connections are looked at: those that the provider closed, or that are too old,
/// are closed here too.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The source of a failure.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why no head of an answer came.
pub(super) enum Failure {
    /// There was no connection.
    Connect(BoxError),
    /// The connection closed before it answered.
    Exchange(hyper::Error),
}

/// The connections of one provider.
#[derive(Clone)]
pub(super) struct Pool {
    connector: HttpsConnector<Connector>,
    http: Builder,
    shelves: Arc<Shelves>,
}

impl Pool {
    /// An empty pool that keeps at most so many idle connections an origin, each for no longer than
    /// that.
    pub(super) fn new(
        connector: HttpsConnector<Connector>,
        http: Builder,
        idle_max: usize,
        idle_age_max: Duration,
    ) -> Self {
        Self {
            connector,
            http,
            shelves: Arc::new(Shelves {
                kept: Mutex::default(),
                idle_max,
                idle_age_max,
            }),
        }
    }

    /// Sends a request and waits for the head of the answer. A kept connection that turns out to be
    /// closed before anything was sent is not the request's end.
    ///
    /// # Errors
    /// There was no connection, or it closed before it answered.
    pub(super) async fn request(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<PooledBody>, Failure> {
        let (origin, host) = address(&mut request)?;
        request.headers_mut().entry(header::HOST).or_insert(host);
        loop {
            let kept = self.shelves.take(&origin);
            let is_kept = kept.is_some();
            let mut link = match kept {
                Some(link) => link,
                // Boxed: it is rare, and all that it holds would be room in every request's future.
                None => Box::pin(self.open(&origin)).await?,
            };
            match link.send(request).await {
                Ok(answer) => {
                    let lease = Lease {
                        link,
                        origin,
                        shelves: Arc::downgrade(&self.shelves),
                    };
                    return Ok(answer.map(|body| PooledBody::new(body, lease)));
                }
                Err(failed) => match failed.unsent {
                    Some(unsent) if is_kept => request = unsent,
                    _ => return Err(Failure::Exchange(failed.error)),
                },
            }
        }
    }

    async fn open(&self, origin: &Origin) -> Result<Link, Failure> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(origin.scheme.clone());
        parts.authority = Some(origin.authority.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        let uri = Uri::from_parts(parts).map_err(|error| Failure::Connect(error.into()))?;
        let mut connector = self.connector.clone();
        poll_fn(|context| connector.poll_ready(context))
            .await
            .map_err(Failure::Connect)?;
        let socket = connector.call(uri).await.map_err(Failure::Connect)?;
        Link::open(socket, &self.http)
            .await
            .map_err(Failure::Exchange)
    }
}

/// Where a connection leads.
#[derive(Clone, PartialEq, Eq)]
struct Origin {
    scheme: Scheme,
    authority: Authority,
}

/// Takes the origin out of the URI, which is left as HTTP/1.1 sends it (RFC 9112, 3.2.1), and says
/// what `Host` it makes.
fn address(request: &mut Request<Full<Bytes>>) -> Result<(Origin, HeaderValue), Failure> {
    let wrong = |what: &str| Failure::Connect(what.to_owned().into());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme.take(), parts.authority.take()) else {
        return Err(wrong("the provider's URL has no scheme or no host"));
    };
    let path = parts.path_and_query.take();
    *request.uri_mut() = Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
    let default_port = if scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = match authority.port_u16().filter(|port| *port != default_port) {
        Some(port) => HeaderValue::try_from(format!("{}:{port}", authority.host())),
        None => HeaderValue::from_str(authority.host()),
    };
    let host = host.map_err(|_| wrong("the provider's URL has a host that can't be sent"))?;
    Ok((Origin { scheme, authority }, host))
}

/// Idle connections.
struct Shelves {
    kept: Mutex<Kept>,
    idle_max: usize,
    idle_age_max: Duration,
}

#[derive(Default)]
struct Kept {
    /// By origin: a provider has one or a few.
    shelves: Vec<(Origin, VecDeque<Idle>)>,
    /// A task looks at them now and then.
    swept: bool,
}

struct Idle {
    link: Link,
    since: Instant,
}

impl Shelves {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to an origin that was last used: the others can grow old.
    fn take(&self, origin: &Origin) -> Option<Link> {
        loop {
            let mut kept = self.kept();
            let (_, shelf) = kept.shelves.iter_mut().find(|(its, _)| its == origin)?;
            let mut idle = shelf.pop_back()?;
            drop(kept);
            // One that is not ready is closed here, outside of the lock.
            if idle.since.elapsed() < self.idle_age_max && idle.link.is_ready() {
                return Some(idle.link);
            }
        }
    }

    fn keep(self: &Arc<Self>, origin: Origin, link: Link) {
        link.rest();
        let since = Instant::now();
        let mut kept = self.kept();
        let at = kept.shelves.iter().position(|(its, _)| *its == origin);
        let at = at.unwrap_or_else(|| {
            kept.shelves.push((origin, VecDeque::new()));
            kept.shelves.len() - 1
        });
        let Some((_, shelf)) = kept.shelves.get_mut(at) else {
            return;
        };
        let surplus = (shelf.len() >= self.idle_max).then(|| shelf.pop_front());
        shelf.push_back(Idle { link, since });
        let starts = !std::mem::replace(&mut kept.swept, true);
        drop(kept);
        drop(surplus);
        if starts {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Closes what is closed or too old; `false` if nothing is left, and nobody looks any more.
    fn sweep(&self) -> bool {
        let mut gone = Vec::new();
        let mut kept = self.kept();
        for (_, shelf) in &mut kept.shelves {
            for mut idle in std::mem::take(shelf) {
                if idle.since.elapsed() < self.idle_age_max && idle.link.is_ready() {
                    shelf.push_back(idle);
                } else {
                    gone.push(idle);
                }
            }
        }
        kept.shelves.retain(|(_, shelf)| !shelf.is_empty());
        kept.swept = !kept.shelves.is_empty();
        let more = kept.swept;
        drop(kept);
        drop(gone);
        more
    }
}

/// Looks after idle connections for as long as there are any.
async fn sweep(shelves: Weak<Shelves>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        match shelves.upgrade() {
            Some(shelves) if shelves.sweep() => {}
            _ => return,
        }
    }
}

/// A connection in use, and where it goes afterwards.
struct Lease {
    link: Link,
    origin: Origin,
    shelves: Weak<Shelves>,
}

impl Lease {
    fn give_back(mut self) {
        if let Some(shelves) = self.shelves.upgrade()
            && self.link.is_done()
        {
            shelves.keep(self.origin, self.link);
        }
    }
}

/// The body of an answer. Read to its end, it gives the connection back; dropped before, it closes
/// it.
pub(super) struct PooledBody {
    body: Incoming,
    /// `None` once it is given back.
    lease: Option<Box<Lease>>,
}

impl PooledBody {
    fn new(body: Incoming, lease: Lease) -> Self {
        let mut this = Self {
            body,
            lease: Some(Box::new(lease)),
        };
        this.give_back_if_read();
        this
    }

    fn give_back_if_read(&mut self) {
        if self.body.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl Body for PooledBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        let body = Pin::new(&mut this.body);
        let Some(lease) = &mut this.lease else {
            return body.poll_frame(context);
        };
        let polled = lease.link.poll_frame(context, body);
        match &polled {
            Poll::Ready(None) => {
                if let Some(lease) = this.lease.take() {
                    lease.give_back();
                }
            }
            Poll::Ready(Some(Ok(_))) => this.give_back_if_read(),
            Poll::Ready(Some(Err(_))) => this.lease = None,
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
