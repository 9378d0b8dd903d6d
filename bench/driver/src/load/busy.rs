//! Many connections, each with its next request as soon as the last answer is complete: what a
//! gateway can carry. One thread; every answer is checked, streamed ones event by event.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::BytesMut;
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use super::{ANSWER_TIMEOUT, Options, READ_BYTES, Window, check_whole, histogram, record};
use crate::events::EventCheck;
use crate::http;
use crate::payload::Wanted;
use crate::record::Mode;

/// How long a connection rests after an error, so that a dead gateway isn't hammered.
const ERROR_REST: Duration = Duration::from_millis(20);

/// What all connections count together.
struct Tally {
    stopped: Cell<bool>,
    /// Whether the window is open: answers that begin in it are timed.
    open: Cell<bool>,
    requests: Cell<u64>,
    chunks: Cell<u64>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
    latency: RefCell<Histogram<u64>>,
    first_chunk: RefCell<Histogram<u64>>,
}

impl Tally {
    fn fail(&self, error: &anyhow::Error) {
        self.errors.set(self.errors.get() + 1);
        self.first_error
            .borrow_mut()
            .get_or_insert_with(|| format!("{error:#}"));
    }
}

/// Keeps the connections busy for warm-up and window, then lets the last answers end.
pub(super) fn run(options: &Options) -> anyhow::Result<Window> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<Window> {
    let tally = Rc::new(Tally {
        stopped: Cell::new(false),
        open: Cell::new(false),
        requests: Cell::new(0),
        chunks: Cell::new(0),
        errors: Cell::new(0),
        first_error: RefCell::new(None),
        latency: RefCell::new(histogram()?),
        first_chunk: RefCell::new(histogram()?),
    });
    let request: Rc<[u8]> = options.request().into();
    let mut connections = JoinSet::new();
    for delay in start_delays(options) {
        let (tally, request) = (Rc::clone(&tally), Rc::clone(&request));
        let (address, wanted) = (options.address, options.wanted());
        connections.spawn_local(async move {
            sleep(delay).await;
            while !tally.stopped.get() {
                if let Err(error) = keep_busy(address, &request, wanted, &tally).await {
                    tally.fail(&error);
                    sleep(ERROR_REST).await;
                }
            }
        });
    }
    sleep(Duration::from_secs_f64(options.warm_up_seconds)).await;
    let before = options.cpu_times();
    let (requests, chunks) = (tally.requests.get(), tally.chunks.get());
    let began = Instant::now();
    tally.open.set(true);
    sleep(Duration::from_secs_f64(options.seconds)).await;
    let seconds = began.elapsed().as_secs_f64();
    let (requests, chunks) = (tally.requests.get() - requests, tally.chunks.get() - chunks);
    let after = options.cpu_times();
    tally.open.set(false);
    tally.stopped.set(true);
    let ended = timeout(ANSWER_TIMEOUT, async {
        while connections.join_next().await.is_some() {}
    });
    if ended.await.is_err() {
        tally.fail(&anyhow::anyhow!(
            "{} answers did not end",
            connections.len()
        ));
        connections.abort_all();
    }
    Ok(Window {
        seconds,
        requests,
        chunks,
        errors: tally.errors.get(),
        first_error: tally.first_error.take(),
        latency: tally.latency.replace(histogram()?),
        first_chunk: tally.first_chunk.replace(histogram()?),
        before,
        after,
    })
}

/// When each connection starts: at once, but paced streams one after the other over the length of
/// a stream, or all would go in lockstep and a first chunk would wait for 63 others.
fn start_delays(options: &Options) -> impl Iterator<Item = Duration> {
    let stream_ms = match options.mode {
        Mode::First => options.pace_ms.saturating_mul(options.chunks as u64),
        Mode::Requests | Mode::Latency | Mode::Chunks => 0,
    };
    let connections = options.connections as u64;
    (0..connections)
        .map(move |at| Duration::from_micros(stream_ms.saturating_mul(1000) / connections * at))
}

/// Opens a connection and uses it until the run ends or it fails.
async fn keep_busy(
    address: std::net::SocketAddr,
    request: &[u8],
    wanted: Wanted,
    tally: &Tally,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await;
    let mut stream = stream.with_context(|| format!("can't connect to {address}"))?;
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    while !tally.stopped.get() {
        let begin = Instant::now();
        let timed = tally.open.get();
        stream.write_all(request).await?;
        answer(&mut stream, &mut buffer, wanted, begin, tally).await?;
        tally.requests.set(tally.requests.get() + 1);
        if timed && tally.open.get() {
            record(&mut tally.latency.borrow_mut(), begin.elapsed());
        }
    }
    Ok(())
}

/// Reads one answer to its end.
async fn answer(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    wanted: Wanted,
    begin: Instant,
    tally: &Tally,
) -> anyhow::Result<()> {
    let (status, mut body) = loop {
        if let Some(head) = http::response_head(buffer)? {
            break head;
        }
        fill(stream, buffer).await?;
    };
    ensure!(status == 200, "status {status}");
    match wanted {
        Wanted::Whole { body_bytes } => {
            let mut size = 0;
            while !body.take(buffer, |piece| {
                size += piece.len();
                Ok(())
            })? {
                fill(stream, buffer).await?;
            }
            check_whole(status, size, body_bytes)
        }
        Wanted::Stream { chunks, .. } => {
            let mut check = EventCheck::default();
            loop {
                let seen = check.content();
                let ended = body.take(buffer, |piece| check.push(piece))?;
                let new = check.content() - seen;
                tally.chunks.set(tally.chunks.get() + new as u64);
                if seen == 0 && new > 0 && tally.open.get() {
                    record(&mut tally.first_chunk.borrow_mut(), begin.elapsed());
                }
                if ended {
                    return check.finish(chunks);
                }
                fill(stream, buffer).await?;
            }
        }
    }
}

/// Reads more; the end of the connection is an error, since an answer is due.
async fn fill(stream: &mut TcpStream, buffer: &mut BytesMut) -> anyhow::Result<()> {
    buffer.reserve(READ_BYTES);
    let size = stream.read_buf(buffer).await?;
    ensure!(
        size > 0,
        "the connection was closed before the answer's end"
    );
    Ok(())
}
