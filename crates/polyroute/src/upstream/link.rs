//! One HTTP/1.1 connection to a provider, driven by the task whose request it carries.
//!
//! The usual way, a task for each connection, costs every piece of an answer a hand-over from that
//! task to the one that waits for it. Here the request's task polls hyper's connection itself:
//! what the socket holds is read, translated and written on in one go, and nothing is read that
//! nobody takes.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A socket to a provider, with TLS or without.
pub(super) type Socket = MaybeHttpsStream<TokioIo<TcpStream>>;

type Http1 = Connection<Socket, Full<Bytes>>;

/// Turns of one poll. Past them the task goes to the back of the queue: others have their turn, and
/// the runtime's budget of the task is filled up.
const TURNS_MAX: usize = 32;

/// A connection that is open, as far as is known.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
}

/// A request that came to nothing.
pub(super) struct Unanswered {
    /// What went wrong.
    pub(super) error: hyper::Error,
    /// The request, if nothing of it was sent: it may be sent again.
    pub(super) unsent: Option<Request<Full<Bytes>>>,
}

impl Link {
    /// Speaks HTTP/1.1 on a socket.
    ///
    /// # Errors
    /// The connection is closed.
    pub(super) async fn open(socket: Socket, http: &Builder) -> Result<Self, hyper::Error> {
        let (sender, connection) = http.handshake(socket).await?;
        Ok(Self {
            sender,
            driver: Driver::new(connection),
        })
    }

    /// Sends a request, with its `Host`, and waits for the head of the answer.
    ///
    /// # Errors
    /// The connection closed before there was one.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let driver = &mut self.driver;
        std::future::poll_fn(|context| driver.poll(context, |inner| answer.as_mut().poll(inner)))
            .await
            .map_err(
                |mut failure: TrySendError<Request<Full<Bytes>>>| Unanswered {
                    unsent: failure.take_message(),
                    error: failure.into_error(),
                },
            )
    }

    /// Polls the body of the answer that this connection carries.
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        mut body: Pin<&mut Incoming>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, hyper::Error>>> {
        self.driver.poll(context, |inner| {
            http_body::Body::poll_frame(body.as_mut(), inner)
        })
    }

    /// Whether the connection is still open and can take a request. Sees what came meanwhile.
    pub(super) fn is_ready(&mut self) -> bool {
        self.driver.advance();
        self.driver.connection.is_some() && self.sender.is_ready()
    }

    /// Whether the connection can take another request, now that the answer was read to its end.
    pub(super) fn is_done(&mut self) -> bool {
        self.driver.nudge.due.store(true, Ordering::SeqCst);
        self.is_ready()
    }

    /// Nobody waits for this connection any more.
    pub(super) fn rest(&self) {
        self.driver.nudge.outer.take();
    }
}

/// hyper's connection, and who is told when there is something for it to do.
struct Driver {
    /// `None` once it has ended.
    connection: Option<Box<Http1>>,
    nudge: Arc<Nudge>,
    /// Wakes by `nudge`.
    waker: Waker,
}

impl Driver {
    fn new(connection: Http1) -> Self {
        let nudge = Arc::new(Nudge {
            due: AtomicBool::new(true),
            polling: AtomicBool::new(false),
            outer: AtomicWaker::new(),
        });
        Self {
            connection: Some(Box::new(connection)),
            waker: Waker::from(Arc::clone(&nudge)),
            nudge,
        }
    }

    /// Lets the connection do what is due: `false` if nothing was.
    fn advance(&mut self) -> bool {
        if !self.nudge.due.swap(false, Ordering::SeqCst) {
            return false;
        }
        if let Some(connection) = &mut self.connection {
            let mut inner = Context::from_waker(&self.waker);
            // Why it ended is said to the request that it carried.
            if Pin::new(connection.as_mut()).poll(&mut inner).is_ready() {
                self.connection = None;
            }
        }
        true
    }

    /// Polls something that this connection brings about, and the connection, until neither gets on.
    fn poll<T>(
        &mut self,
        context: &mut Context<'_>,
        mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.nudge.outer.register(context.waker());
        self.nudge.polling.store(true, Ordering::SeqCst);
        let mut polled = Poll::Pending;
        let mut turns = 0;
        while turns < TURNS_MAX {
            turns += 1;
            let advanced = self.advance();
            if !advanced && turns > 1 {
                break;
            }
            polled = wanted(&mut Context::from_waker(&self.waker));
            if polled.is_ready() {
                break;
            }
        }
        self.nudge.polling.store(false, Ordering::SeqCst);
        // What became due between the last look and now has woken nobody.
        if polled.is_pending() && self.nudge.due.load(Ordering::SeqCst) {
            context.waker().wake_by_ref();
        }
        polled
    }
}

/// Says that a connection has something to do, and to its task unless that is at it.
struct Nudge {
    due: AtomicBool,
    polling: AtomicBool,
    outer: AtomicWaker,
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.due.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            self.outer.wake();
        }
    }
}
