//! Accepts connections within bounds and serves HTTP/1.1 and HTTP/2 on them, with or without TLS.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::{Request, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::activity::{Activity, Answered, Seen};
use super::frames::{Frames, may_be_http2};
use super::watched::Watched;
use super::{Drain, Reply};

/// What is told that a bound was hit, by the bound's name.
pub type BoundHit = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Pause after a failed accept (too many open files), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that wait in the system's queue to be accepted (row L3): the usual 128 turn a herd's
/// callers away. The system has a bound of its own (`net.core.somaxconn`).
const BACKLOG_MAX: u32 = 4_096;
/// Bytes written ahead of a slow reader on HTTP/1 (row L2).
const WRITE_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Most headers of a request that hyper takes if it is not told (its own documentation).
const HYPER_HEADER_COUNT_MAX: usize = 100;
/// Streams of one HTTP/2 connection.
const H2_STREAMS_MAX: u32 = 200;
/// Requests that a caller took back before we saw them, and streams that we had to reset for its
/// mistakes, until its HTTP/2 connection is closed (the library's own bounds, kept if they change).
const H2_RESETS_UNSEEN_MAX: usize = 20;
const H2_RESETS_OURS_MAX: usize = 1_024;
/// How long an HTTP/2 caller that was told of the end (GOAWAY) has to take leave.
const GOODBYE_MAX: Duration = Duration::from_secs(2);
/// How often it is looked whether an HTTP/2 connection still has something to do, at most and at
/// least.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY_MIN: Duration = Duration::from_millis(20);

/// Bounds of a listener.
#[derive(Debug, Clone, Copy)]
pub struct ListenerLimits {
    /// Connections open at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Largest request head.
    pub head_bytes_max: usize,
    /// Most headers of a request.
    pub header_count_max: usize,
    /// Time for a whole request head, and for a TLS handshake (row S22). A connection that has
    /// asked nothing by then is closed.
    pub head_timeout: Duration,
    /// How long a connection may idle between two requests.
    pub idle_timeout: Duration,
    /// How long a caller may take nothing of an answer that waits for it (row L2).
    pub send_timeout: Duration,
}

/// A bound socket, ready to serve.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    limits: ListenerLimits,
}

impl Listener {
    /// Binds the address.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        limits: ListenerLimits,
    ) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A restart finds the address taken by connections that are long closed otherwise.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self {
            socket: socket.listen(BACKLOG_MAX)?,
            tls,
            limits,
        })
    }

    /// The address that is bound (the port where 0 was asked for).
    ///
    /// # Errors
    /// The socket is gone.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until the drain begins, then waits until the open connections have ended.
    pub async fn serve<S, F>(self, drain: Drain, on_bound: BoundHit, service: S)
    where
        S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(self.limits.connections_max));
        let connections = TaskTracker::new();
        let terms = Arc::new(Terms {
            either: either(&self.limits),
            http1: plain_http1(&self.limits),
            tls: self.tls,
            limits: self.limits,
            on_bound,
        });
        loop {
            if slots.available_permits() == 0 {
                (terms.on_bound)("connections");
            }
            let accepted = tokio::select! {
                biased;
                () = drain.stopped().cancelled() => break,
                accepted = async {
                    let slot = Arc::clone(&slots).acquire_owned().await;
                    (self.socket.accept().await, slot)
                } => accepted,
            };
            let (Ok((stream, peer)), Ok(slot)) = accepted else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // One of its own: connections do not share a lock.
            let stop = drain.stopped().child_token();
            let terms = Arc::clone(&terms);
            let service = service.clone();
            connections.spawn(async move {
                let _slot = slot;
                converse(stream, &terms, stop, move |request| service(request, peer)).await;
            });
        }
        drop(self.socket);
        connections.close();
        connections.wait().await;
    }
}

/// What holds for every connection of a listener.
struct Terms {
    /// Tells HTTP/1 from HTTP/2 by what a connection begins with. For that it reads a few bytes by
    /// themselves, after which the HTTP library doubles its read buffer.
    either: auto::Builder<TokioExecutor>,
    /// For what is seen to begin with HTTP/1.
    http1: http1::Builder,
    tls: Option<Arc<rustls::ServerConfig>>,
    limits: ListenerLimits,
    on_bound: BoundHit,
}

/// One connection from its beginning to its end.
async fn converse<S, F>(stream: TcpStream, terms: &Terms, stop: CancellationToken, service: S)
where
    S: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    // Small answers and stream events go out at once.
    let _ = stream.set_nodelay(true);
    let watch = Watch {
        asked: CancellationToken::new(),
        stop,
        activity: Arc::new(Activity::new(
            terms.limits.send_timeout,
            Arc::clone(&terms.on_bound),
        )),
        limits: terms.limits,
    };
    let asked = watch.asked.clone();
    let activity = Arc::clone(&watch.activity);
    let handler = service_fn(move |request: Request<Incoming>| {
        asked.cancel();
        let watched = match request.version() {
            Version::HTTP_2 => Ok(activity.asked()),
            _ => Err(activity.answering()),
        };
        // Not awaited in a block of its own, which would have room for it twice (row L1).
        service(request).map(|reply| {
            Ok::<_, Infallible>(reply.map(|body| match watched {
                Err(_answering) => Answered::Plain { body, _answering },
                Ok(watched) => watched.answered(body),
            }))
        })
    });
    let activity = Arc::clone(&watch.activity);
    let (head_timeout, send_timeout) = (terms.limits.head_timeout, terms.limits.send_timeout);
    match &terms.tls {
        None => {
            let until = tokio::time::Instant::now() + head_timeout;
            let Some(is_http1) = watch.is_http1(&stream, until).await else {
                return;
            };
            let stream = Watched::new(stream, send_timeout);
            let stream = TokioIo::new(Frames::new(stream, head_timeout, activity));
            if is_http1 {
                let connection = terms.http1.serve_connection(stream, handler);
                watch.run(Box::pin(connection), until).await;
            } else {
                let connection = terms.either.serve_connection(stream, handler);
                watch.run(Box::pin(connection.into_owned()), until).await;
            }
        }
        // Boxed: else every connection without TLS had room for it (row L1).
        Some(tls) => {
            Box::pin(async move {
                let stream = Watched::new(stream, send_timeout);
                if let Some(stream) = handshake(tls, stream, head_timeout).await {
                    let until = tokio::time::Instant::now() + head_timeout;
                    let stream = TokioIo::new(Frames::new(stream, head_timeout, activity));
                    let connection = terms.either.serve_connection(stream, handler);
                    watch.run(Box::pin(connection.into_owned()), until).await;
                }
            })
            .await;
        }
    }
}

/// What is seen of a connection from outside.
struct Watch {
    /// Fires with the first request.
    asked: CancellationToken,
    /// Fires when the connection is to end with what is under way.
    stop: CancellationToken,
    activity: Arc<Activity>,
    limits: ListenerLimits,
}

impl Watch {
    /// Whether a connection is seen to begin with HTTP/1; `None` if nothing came in time. Bytes that
    /// could be either are left to who reads on.
    async fn is_http1(&self, stream: &TcpStream, until: tokio::time::Instant) -> Option<bool> {
        let mut begin = [0; 4];
        let peeked = tokio::select! {
            biased;
            peeked = tokio::time::timeout_at(until, stream.peek(&mut begin)) => peeked.ok()?.ok()?,
            () = self.stop.cancelled() => return None,
        };
        Some(!may_be_http2(begin.get(..peeked)?))
    }

    /// Runs a connection, unless it asks nothing until then. The HTTP library bounds the wait for a
    /// head that has begun, but neither the wait for the bytes that tell HTTP/1 from HTTP/2, nor an
    /// HTTP/2 connection that idles or does not open its window.
    ///
    /// How it ended tells nothing that the outcome of its requests does not. Boxed: moving it would
    /// leave room for each place that it was in, in every connection (row L1).
    async fn run<C: GracefulConnection>(
        self,
        mut connection: Pin<Box<C>>,
        until: tokio::time::Instant,
    ) {
        tokio::select! {
            biased;
            () = self.asked.cancelled() => {}
            _ = &mut connection => return,
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep_until(until) => return,
        }
        let (idle, send) = (self.limits.idle_timeout, self.limits.send_timeout);
        let every = (idle.min(send) / 4).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
        let mut http2 = self.activity.is_http2();
        let mut seen = Seen::default();
        // Since when the caller knows that nothing new is taken.
        let mut leaving: Option<Instant> = None;
        loop {
            let wait = leaving.map_or(every, |_| every.min(GOODBYE_MAX));
            tokio::select! {
                biased;
                _ = &mut connection => return,
                () = self.stop.cancelled(), if leaving.is_none() => {
                    connection.as_mut().graceful_shutdown();
                    leaving = Some(Instant::now());
                    continue;
                }
                () = tokio::time::sleep(wait), if http2 || !self.asked.is_cancelled() => {}
            }
            http2 |= self.activity.is_http2();
            if !http2 && self.asked.is_cancelled() {
                continue;
            }
            // A caller of HTTP/2 is told first: what it sends meanwhile is still answered, and what
            // it sends later it knows not to have been taken (RFC 9113 §6.8).
            match leaving {
                None if self.activity.is_over(idle, &mut seen) => {
                    connection.as_mut().graceful_shutdown();
                    leaving = Some(Instant::now());
                }
                Some(since)
                    if self.activity.is_over(GOODBYE_MAX, &mut seen)
                        && since.elapsed() >= GOODBYE_MAX =>
                {
                    return;
                }
                _ => {}
            }
        }
    }
}

async fn handshake(
    tls: &Arc<rustls::ServerConfig>,
    stream: Watched<TcpStream>,
    head_timeout: Duration,
) -> Option<tokio_rustls::server::TlsStream<Watched<TcpStream>>> {
    tokio::time::timeout(
        head_timeout,
        TlsAcceptor::from(Arc::clone(tls)).accept(stream),
    )
    .await
    .ok()?
    .ok()
}

/// How long an HTTP/1 connection waits for a head. The library's timer runs between requests too.
/// The first head of a connection has its own, shorter bound ([`Watch`]), and so has one that has
/// begun ([`Frames`]); a connection that has asked before may idle for longer than load balancers
/// keep theirs, so that it is never closed under a request.
fn next_head_timeout(limits: &ListenerLimits) -> Duration {
    limits.head_timeout.max(limits.idle_timeout)
}

/// One bound for both directions of HTTP/1: the head must fit, and it is what a slow reader can make
/// us hold.
fn buffer_bytes_max(limits: &ListenerLimits) -> usize {
    let head = limits.head_bytes_max;
    head.clamp(8 * 1024, WRITE_BUFFER_BYTES_MAX.max(head))
}

/// The bound on headers to set: hyper keeps them on the stack as long as nobody sets its bound, even
/// to the same value.
fn header_count_max(limits: &ListenerLimits) -> Option<usize> {
    Some(limits.header_count_max).filter(|max| *max != HYPER_HEADER_COUNT_MAX)
}

fn plain_http1(limits: &ListenerLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(next_head_timeout(limits))
        .max_buf_size(buffer_bytes_max(limits))
        // The buffer's bound is a rough one: its last growth can go beyond it.
        .max_header_size(limits.head_bytes_max);
    if let Some(max) = header_count_max(limits) {
        builder.max_headers(max);
    }
    builder
}

fn either(limits: &ListenerLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(next_head_timeout(limits))
        .max_buf_size(buffer_bytes_max(limits));
    if let Some(max) = header_count_max(limits) {
        builder.http1().max_headers(max);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_pending_accept_reset_streams(H2_RESETS_UNSEEN_MAX)
        .max_local_error_reset_streams(H2_RESETS_OURS_MAX)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .max_send_buf_size(WRITE_BUFFER_BYTES_MAX)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
