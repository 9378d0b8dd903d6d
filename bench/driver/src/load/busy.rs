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

use super::{Options, Window, histogram, record};
use crate::events::EventCheck;
use crate::expected::{Expected, check_whole};
use crate::http::{self, Body};
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
    let expected = Rc::new(Expected::of(options.wanted()));
    let mut connections = JoinSet::new();
    for delay in start_delays(options) {
        let (tally, request) = (Rc::clone(&tally), Rc::clone(&request));
        let (address, expected) = (options.subject.address, Rc::clone(&expected));
        connections.spawn_local(async move {
            sleep(delay).await;
            while !tally.stopped.get() {
                if let Err(error) = keep_busy(address, &request, &expected, &tally).await {
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
    if options.cut {
        connections.abort_all();
    }
    let ended = timeout(options.answer_timeout(), async {
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
        held_kib: None,
    })
}

/// When each connection starts: at once, but paced streams one after the other over the length of
/// a stream, or all would go in lockstep and a first chunk would wait for 63 others.
fn start_delays(options: &Options) -> impl Iterator<Item = Duration> {
    let stream_ms = match options.mode {
        Mode::First => options.pace_ms.saturating_mul(options.chunks as u64),
        _ => 0,
    };
    let connections = options.connections as u64;
    (0..connections)
        .map(move |at| Duration::from_micros(stream_ms.saturating_mul(1000) / connections * at))
}

/// Opens a connection and uses it until the run ends or it fails.
async fn keep_busy(
    address: std::net::SocketAddr,
    request: &[u8],
    expected: &Expected,
    tally: &Tally,
) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await;
    let mut stream = stream.with_context(|| format!("can't connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (mut buffer, mut whole) = (BytesMut::new(), Vec::new());
    while !tally.stopped.get() {
        let begin = Instant::now();
        let timed = tally.open.get();
        stream.write_all(request).await?;
        whole.clear();
        answer(&mut stream, &mut buffer, &mut whole, expected, begin, tally).await?;
        tally.requests.set(tally.requests.get() + 1);
        if timed && tally.open.get() {
            record(&mut tally.latency.borrow_mut(), begin.elapsed());
        }
    }
    Ok(())
}

/// Reads one answer to its end; `whole` holds it unless it is a stream.
async fn answer(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    whole: &mut Vec<u8>,
    expected: &Expected,
    begin: Instant,
    tally: &Tally,
) -> anyhow::Result<()> {
    let (status, mut body) = loop {
        if let Some(head) = http::response_head(buffer)? {
            break head;
        }
        fill(stream, buffer, None).await?;
    };
    ensure!(status == 200, "status {status}");
    match expected {
        Expected::Whole { words } => {
            while !body.take(buffer, |piece| {
                whole.extend_from_slice(piece);
                Ok(())
            })? {
                fill(stream, buffer, Some(&body)).await?;
            }
            check_whole(whole, words)
        }
        Expected::Stream { chunks } => {
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
                    return check.finish(*chunks);
                }
                fill(stream, buffer, None).await?;
            }
        }
    }
}

/// Reads more; the end of the connection is an error, since an answer is due.
pub(super) async fn fill(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    body: Option<&Body>,
) -> anyhow::Result<()> {
    http::reserve(buffer, body);
    let size = stream.read_buf(buffer).await?;
    ensure!(
        size > 0,
        "the connection was closed before the answer's end"
    );
    Ok(())
}
