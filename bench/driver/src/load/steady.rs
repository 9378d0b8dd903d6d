//! One connection at a fixed rate, on a blocking socket: the least that stands between clock and
//! gateway. Free of coordinated omission: a request that is due while the last answer is still
//! outstanding counts from when it was due. One that finds the connection free counts from when it
//! is sent, so that the timer's own lateness is not the gateway's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::BytesMut;

use super::{ANSWER_TIMEOUT, Options, READ_BYTES, Window, check_whole, histogram, record};
use crate::events::EventCheck;
use crate::http;
use crate::payload::Wanted;

/// A blocking connection.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: BytesMut,
    scratch: Box<[u8]>,
}

impl Connection {
    /// Connects.
    pub(super) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT)
            .with_context(|| format!("can't connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let scratch = vec![0; READ_BYTES].into_boxed_slice();
        Ok(Self {
            stream,
            buffer: BytesMut::with_capacity(READ_BYTES),
            scratch,
        })
    }

    /// Sends a request and reads its answer to the end, checked.
    pub(super) fn exchange(&mut self, request: &[u8], wanted: Wanted) -> anyhow::Result<()> {
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
        match wanted {
            Wanted::Whole { body_bytes } => check_whole(status, bytes.len(), body_bytes),
            Wanted::Stream { chunks, .. } => {
                let mut check = EventCheck::default();
                check.push(&bytes)?;
                check.finish(chunks)
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
    let (request, wanted) = (options.request(), options.wanted());
    let interval = Duration::from_secs(1) / options.rate;
    let mut connection = Some(Connection::open(options.address)?);
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
            Some(connection) => connection.exchange(&request, wanted),
            None => Connection::open(options.address).and_then(|mut fresh| {
                fresh.exchange(&request, wanted)?;
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
