//! One connection at a fixed rate, on a blocking socket: the least that stands between clock and
//! gateway. Free of coordinated omission: a request that is due while the last answer is still
//! outstanding counts from when it was due. One that finds the connection free counts from when it
//! is sent, so that the timer's own lateness is not the gateway's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::BytesMut;

use super::{Options, Window, histogram, record};
use crate::events::EventCheck;
use crate::expected::{Expected, check_whole};
use crate::http;

/// Room for a read: several streamed chunks, or a small answer in one piece.
const READ_BYTES: usize = 16 * 1024;

/// A blocking connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    scratch: Box<[u8]>,
}

impl Connection {
    /// Connects; neither this nor an answer may take longer than `timeout`.
    pub(crate) fn open(address: SocketAddr, timeout: Duration) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, timeout)
            .with_context(|| format!("can't connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout))?;
        let scratch = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Self {
            stream,
            buffer: BytesMut::with_capacity(READ_BYTES),
            scratch,
        })
    }

    /// Sends a request and reads its answer to the end, checked.
    pub(crate) fn exchange(&mut self, request: &[u8], expected: &Expected) -> anyhow::Result<()> {
        self.stream.write_all(request)?;
        let (status, mut body) = loop {
            if let Some(head) = http::response_head(&mut self.buffer)? {
                break head;
            }
            self.fill()?;
        };
        let mut bytes = Vec::new();
        while !body.take(&mut self.buffer, |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })? {
            self.fill()?;
        }
        if status != 200 {
            bail!("status {status}: {}", String::from_utf8_lossy(&bytes));
        }
        match expected {
            Expected::Whole { words } => check_whole(&bytes, words),
            Expected::Stream { chunks } => {
                let mut check = EventCheck::default();
                check.push(&bytes)?;
                check.finish(*chunks)
            }
        }
    }

    /// Reads more; the end of the connection is an error, since an answer is due.
    fn fill(&mut self) -> anyhow::Result<()> {
        let size = self.stream.read(&mut self.scratch)?;
        anyhow::ensure!(
            size > 0,
            "the connection was closed before the answer's end"
        );
        self.buffer
            .extend_from_slice(self.scratch.get(..size).unwrap_or_default());
        Ok(())
    }
}

/// Sends at the rate for warm-up and window.
pub(super) fn run(options: &Options) -> anyhow::Result<Window> {
    let (request, expected) = (options.request(), Expected::of(options.wanted()));
    let open = || Connection::open(options.subject.address, options.answer_timeout());
    let interval = Duration::from_secs(1) / options.rate;
    let mut connection = Some(open()?);
    let warm_until = Instant::now() + Duration::from_secs_f64(options.warm_up_seconds);
    let end = warm_until + Duration::from_secs_f64(options.seconds);
    let (mut latency, mut errors, mut first_error) = (histogram()?, 0, None);
    let mut before = None;
    let mut due = Instant::now();
    while due < end {
        let begin = wait_until(due);
        if before.is_none() && due >= warm_until {
            before = Some((options.cpu_times(), Instant::now()));
            // Reading the times took a while, which no request must pay for.
            due = Instant::now();
            continue;
        }
        let outcome = match &mut connection {
            Some(connection) => connection.exchange(&request, &expected),
            None => open().and_then(|mut fresh| {
                fresh.exchange(&request, &expected)?;
                connection = Some(fresh);
                Ok(())
            }),
        };
        match outcome {
            Ok(()) if before.is_some() => record(&mut latency, begin.elapsed()),
            Ok(()) => {}
            Err(error) => {
                errors += 1;
                connection = None;
                first_error.get_or_insert_with(|| format!("{error:#}"));
            }
        }
        due += interval;
    }
    let (before, began) = before.context("the window is shorter than one interval")?;
    Ok(Window {
        seconds: began.elapsed().as_secs_f64(),
        requests: latency.len(),
        chunks: 0,
        errors,
        first_error,
        latency,
        first_chunk: histogram()?,
        before,
        after: options.cpu_times(),
        held_kib: None,
    })
}

/// Sleeps until a request is due; gives the moment from which it counts.
fn wait_until(due: Instant) -> Instant {
    let now = Instant::now();
    if now >= due {
        return due; // Held up by the answer before it: the wait is part of its latency.
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a thread of its own, and a runtime's timer is too coarse"
    )]
    std::thread::sleep(due - now);
    Instant::now()
}
