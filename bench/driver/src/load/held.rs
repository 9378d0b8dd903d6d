//! Many answers at once that nobody moves on: streams in which nothing comes for a while, and
//! callers that stop reading. What each costs in memory is the gateway's growth divided by their
//! number.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use super::busy::fill;
use super::{Options, Window, histogram};
use crate::events::EventCheck;
use crate::http;
use crate::record::Mode;

/// How many are being opened at one time: less than any listener's backlog.
const OPENING_MAX: usize = 64;
/// How often the memory is looked at until it stays as it is.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Growth between two looks that counts as none: this share of what was there.
const STEADY: f64 = 0.005;

/// Opens them all, waits until the gateway's memory stays, and closes them.
pub(super) fn run(options: &Options) -> anyhow::Result<Window> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, measure(options))
}

async fn measure(options: &Options) -> anyhow::Result<Window> {
    // One goes first, so that what the first request sets up is not counted.
    let first = open(options, &options.request()).await;
    drop(first.with_context(|| format!("{} does not stream", options.subject.target))?);
    sleep(LOOK_EVERY).await;
    let before_kib = options.memory_kib().context("no memory to look at")?;
    let (before, began) = (options.cpu_times(), Instant::now());
    let (held, first_error) = open_all(options).await;
    let with_kib = settled(options).await?;
    let seconds = began.elapsed().as_secs_f64();
    let after = options.cpu_times();
    let open = held.iter().filter(|stream| is_open(stream)).count();
    let first_error = first_error.or_else(|| {
        (open < held.len()).then(|| "a stream was closed while it was held".to_owned())
    });
    ensure!(
        !held.is_empty(),
        "none of the streams began; the first error: {}",
        first_error.unwrap_or_default()
    );
    Ok(Window {
        seconds,
        requests: held.len() as u64,
        chunks: 0,
        errors: (options.connections - open) as u64,
        first_error,
        latency: histogram()?,
        first_chunk: histogram()?,
        before,
        after,
        held_kib: Some((before_kib, with_kib)),
    })
}

/// Opens all connections, some at a time. Gives those whose answer began, and the first error.
async fn open_all(options: &Options) -> (Vec<TcpStream>, Option<String>) {
    let request: Rc<[u8]> = options.request().into();
    let permits = Rc::new(Semaphore::new(OPENING_MAX));
    let mut opening = JoinSet::new();
    let (address, mode, limit) = (
        options.subject.address,
        options.mode,
        options.answer_timeout(),
    );
    for _ in 0..options.connections {
        let (request, permits) = (Rc::clone(&request), Rc::clone(&permits));
        opening.spawn_local(async move {
            let _permit = permits.acquire().await?;
            timeout(limit, begin(address, mode, &request))
                .await
                .context("an answer did not begin")?
        });
    }
    let (mut held, mut first_error) = (Vec::new(), None);
    while let Some(opened) = opening.join_next().await {
        match opened.map_err(anyhow::Error::from).flatten() {
            Ok(stream) => held.push(stream),
            Err(error) => {
                first_error.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }
    (held, first_error)
}

/// Opens one within the time for an answer.
async fn open(options: &Options, request: &[u8]) -> anyhow::Result<TcpStream> {
    let begun = begin(options.subject.address, options.mode, request);
    timeout(options.answer_timeout(), begun)
        .await
        .context("its answer did not begin")?
}

/// Sends a request and reads its answer up to the first content, and nothing after it.
async fn begin(
    address: std::net::SocketAddr,
    mode: Mode,
    request: &[u8],
) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await;
    let mut stream = stream.with_context(|| format!("can't connect to {address}"))?;
    stream.write_all(request).await?;
    let mut buffer = BytesMut::new();
    let (status, mut body) = loop {
        if let Some(head) = http::response_head(&mut buffer)? {
            break head;
        }
        fill(&mut stream, &mut buffer, None).await?;
    };
    ensure!(status == 200, "status {status}");
    let mut check = EventCheck::default();
    // Who stops reading does so at once; an idle stream is one whose first content has come.
    while mode == Mode::IdleStreams && check.content() == 0 {
        ensure!(
            !body.take(&mut buffer, |piece| check.push(piece))?,
            "a stream ended where it should idle"
        );
        if check.content() == 0 {
            fill(&mut stream, &mut buffer, None).await?;
        }
    }
    Ok(stream)
}

/// Whether the gateway still holds its end. Bytes that wait to be read hide a close behind them, but
/// not a reset.
fn is_open(stream: &TcpStream) -> bool {
    let ended = matches!(stream.try_read(&mut [0]), Ok(0));
    !ended && matches!(stream.take_error(), Ok(None))
}

/// The gateway's memory once it grows no more, or when the time for an answer is over.
async fn settled(options: &Options) -> anyhow::Result<u64> {
    let until = Instant::now() + options.answer_timeout();
    let mut last = 0;
    let mut steady = 0;
    loop {
        let now = options.memory_kib().context("the gateway is gone")?;
        let grown = now.abs_diff(last) as f64 > STEADY * now as f64;
        steady = if grown { 0 } else { steady + 1 };
        last = now;
        if steady >= 4 || Instant::now() >= until {
            return Ok(now);
        }
        sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_connection_is_not_open() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
        let ours = ours.unwrap();
        assert!(is_open(&ours));
        drop(theirs);
        ours.readable().await.unwrap();
        assert!(!is_open(&ours));
    }
}
