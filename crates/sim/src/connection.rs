//! A connection that a fault can reset or slow down.
//!
//! hyper owns the socket, so both go through a switch: pulling it makes the connection's task
//! drop the socket, and the socket, seeing the switch pulled, closes with RST instead of FIN.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

/// Resets one connection when pulled.
#[derive(Debug, Clone, Default)]
pub struct KillSwitch {
    reset: CancellationToken,
    /// Nanoseconds between two bytes; 0 is full speed.
    byte_gap_ns: Arc<AtomicU64>,
}

impl KillSwitch {
    /// Resets the connection soon.
    pub fn reset(&self) {
        self.reset.cancel();
    }

    /// Waits until somebody pulls it.
    pub async fn pulled(&self) {
        self.reset.cancelled().await;
    }

    /// From now on, writes this many bytes a second, one at a time.
    pub fn slow_down(&self, bytes_per_s: u64) {
        self.byte_gap_ns
            .store(1_000_000_000 / bytes_per_s.max(1), Ordering::Relaxed);
    }

    fn byte_gap(&self) -> Option<Duration> {
        match self.byte_gap_ns.load(Ordering::Relaxed) {
            0 => None,
            gap_ns => Some(Duration::from_nanos(gap_ns)),
        }
    }
}

/// A TCP stream with a kill switch.
#[derive(Debug)]
pub struct Killable {
    stream: TcpStream,
    switch: KillSwitch,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Killable {
    /// Puts the switch on the stream.
    pub fn new(stream: TcpStream, switch: KillSwitch) -> Self {
        Self {
            stream,
            switch,
            pause: None,
        }
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        if self.switch.reset.is_cancelled() {
            // Fails only on a socket that is gone already, and then there is nothing to reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Killable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Killable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Some(gap) = self.switch.byte_gap() else {
            return Pin::new(&mut self.stream).poll_write(context, bytes);
        };
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(gap)));
        ready!(pause.as_mut().poll(context));
        self.pause = None;
        let first = bytes.get(..1).unwrap_or(bytes);
        Pin::new(&mut self.stream).poll_write(context, first)
    }

    // The default `poll_write_vectored` hands one slice to `poll_write`, which is what the slow
    // path needs; the fast path loses a copy of small bodies into one buffer, no more.

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
