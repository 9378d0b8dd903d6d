//! Accepts connections within bounds and serves HTTP/1.1 and HTTP/2 on them, with or without TLS.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::watched::{WRITE_STALL_MAX, Watched};
use super::{Drain, Reply};

/// How long a connection may idle between two requests: above the 60 s of common load balancers.
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(75);
/// Pause after a failed accept (too many open files), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes written ahead of a slow reader on HTTP/1 (row L2).
const WRITE_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Most headers of a request that hyper takes if it is not told (its own documentation).
const HYPER_HEADER_COUNT_MAX: usize = 100;
/// Streams of one HTTP/2 connection.
const H2_STREAMS_MAX: u32 = 200;

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
        Ok(Self {
            socket: TcpListener::bind(address).await?,
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
    pub async fn serve<S, F>(self, drain: Drain, on_full: impl Fn() + Send, service: S)
    where
        S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let slots = Arc::new(Semaphore::new(self.limits.connections_max));
        let graceful = GracefulShutdown::new();
        let protocol = protocol(&self.limits);
        loop {
            if slots.available_permits() == 0 {
                on_full();
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
            let watcher = graceful.watcher();
            let protocol = protocol.clone();
            let tls = self.tls.clone();
            let service = service.clone();
            let head_timeout = self.limits.head_timeout;
            tokio::spawn(async move {
                let _slot = slot;
                // Small answers and stream events go out at once.
                let _ = stream.set_nodelay(true);
                let asked = CancellationToken::new();
                let first = asked.clone();
                let handler = service_fn(move |request| {
                    first.cancel();
                    let reply = service(request, peer);
                    async move { Ok::<_, Infallible>(reply.await) }
                });
                let stream = Watched::new(stream, WRITE_STALL_MAX);
                // How a connection ended tells nothing that the outcome of its requests does not.
                let _ = match tls {
                    None => {
                        let connection = protocol.serve_connection(TokioIo::new(stream), handler);
                        until_silent(watcher.watch(connection.into_owned()), asked, head_timeout)
                            .await
                    }
                    Some(tls) => match handshake(tls, stream, head_timeout).await {
                        Some(stream) => {
                            let connection =
                                protocol.serve_connection(TokioIo::new(stream), handler);
                            until_silent(
                                watcher.watch(connection.into_owned()),
                                asked,
                                head_timeout,
                            )
                            .await
                        }
                        None => Ok(()),
                    },
                };
            });
        }
        drop(self.socket);
        graceful.shutdown().await;
    }
}

/// Runs a connection, unless it asks nothing in time. The HTTP library bounds the wait for a head
/// that has begun, but not the wait for the bytes that tell HTTP/1 from HTTP/2.
async fn until_silent<E>(
    connection: impl Future<Output = Result<(), E>>,
    asked: CancellationToken,
    head_timeout: Duration,
) -> Result<(), E> {
    tokio::pin!(connection);
    tokio::select! {
        biased;
        () = asked.cancelled() => {}
        ended = &mut connection => return ended,
        () = tokio::time::sleep(head_timeout) => return Ok(()),
    }
    connection.await
}

async fn handshake(
    tls: Arc<rustls::ServerConfig>,
    stream: Watched<TcpStream>,
    head_timeout: Duration,
) -> Option<tokio_rustls::server::TlsStream<Watched<TcpStream>>> {
    tokio::time::timeout(head_timeout, TlsAcceptor::from(tls).accept(stream))
        .await
        .ok()?
        .ok()
}

fn protocol(limits: &ListenerLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The library's timer runs between requests too. The first head of a connection has its
        // own, shorter bound (`until_silent`); a connection that has asked before may idle for
        // longer than load balancers keep theirs, so that it is never closed under a request.
        .header_read_timeout(limits.head_timeout.max(KEEP_ALIVE_MAX))
        // One bound for both directions: the head must fit, and it is what a slow reader can make
        // us hold.
        .max_buf_size(
            limits
                .head_bytes_max
                .clamp(8 * 1024, WRITE_BUFFER_BYTES_MAX.max(limits.head_bytes_max)),
        );
    // hyper keeps headers on the stack as long as nobody sets its bound, even to the same value.
    if limits.header_count_max != HYPER_HEADER_COUNT_MAX {
        builder.http1().max_headers(limits.header_count_max);
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        .max_send_buf_size(WRITE_BUFFER_BYTES_MAX)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
