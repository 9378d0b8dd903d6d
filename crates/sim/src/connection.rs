//! A connection that a fault can reset.
//!
//! hyper owns the socket, so a reset goes through a switch: pulling it makes the connection's task
//! drop the socket, and the socket, seeing the switch pulled, closes with RST instead of FIN.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// Resets one connection when pulled.
#[derive(Debug, Clone, Default)]
pub struct KillSwitch(CancellationToken);

impl KillSwitch {
    /// Resets the connection soon.
    pub fn reset(&self) {
        self.0.cancel();
    }

    /// Waits until somebody pulls it.
    pub async fn pulled(&self) {
        self.0.cancelled().await;
    }
}

/// A TCP stream with a kill switch.
#[derive(Debug)]
pub struct Killable {
    stream: TcpStream,
    switch: KillSwitch,
}

impl Killable {
    /// Puts the switch on the stream.
    pub fn new(stream: TcpStream, switch: KillSwitch) -> Self {
        Self { stream, switch }
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        if self.switch.0.is_cancelled() {
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
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
