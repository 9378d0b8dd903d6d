//! The fixed-answer upstream: one thread, answers rendered once and kept, requests read by search
//! rather than parsed. It must cost far less than any gateway, since it shares its core with the
//! load driver; it makes no attempt to be a provider (that is the simulator's job).

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::http::{self, Endpoint};
use crate::payload::{self, Wanted};

/// Room for a read: a request of the small scenarios in one piece.
const READ_BYTES: usize = 16 * 1024;
/// The largest answer and the longest stream that a model name may ask for.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
const CHUNKS_MAX: usize = 100_000;

/// Where to listen.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The address, such as 127.0.0.1:9000.
    #[arg(long)]
    listen: SocketAddr,
}

/// A rendered answer: its pieces, each written at once.
type Answer = Rc<Vec<Vec<u8>>>;
/// Every answer rendered so far.
type Answers = Rc<RefCell<HashMap<Wanted, Answer>>>;

/// Serves until the process is ended.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let listener = std::net::TcpListener::bind(options.listen)
        .with_context(|| format!("can't listen on {}", options.listen))?;
    listen(listener)
}

/// Answers whoever connects, on this thread, for ever.
pub(crate) fn listen(listener: std::net::TcpListener) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::from_std(listener)?;
        let answers = Answers::default();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let answers = Rc::clone(&answers);
            tokio::task::spawn_local(async move {
                // A caller that goes away ends its connection; there is nobody to tell.
                drop(serve(stream, &answers).await);
            });
        }
    })
}

/// Answers one connection's requests, one after the other.
async fn serve(mut stream: TcpStream, answers: &Answers) -> anyhow::Result<()> {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    let mut request = Vec::new();
    loop {
        let (endpoint, mut body) = loop {
            if let Some(head) = http::request_head(&mut buffer)? {
                break head;
            }
            if fill(&mut stream, &mut buffer).await? == 0 {
                return Ok(());
            }
        };
        request.clear();
        while !body.take(&mut buffer, |piece| {
            request.extend_from_slice(piece);
            Ok(())
        })? {
            anyhow::ensure!(
                fill(&mut stream, &mut buffer).await? > 0,
                "cut inside a request"
            );
        }
        respond(&mut stream, endpoint, &request, answers).await?;
    }
}

/// Reads more into `buffer`.
async fn fill(stream: &mut TcpStream, buffer: &mut BytesMut) -> std::io::Result<usize> {
    buffer.reserve(READ_BYTES);
    stream.read_buf(buffer).await
}

/// Writes the answer to one request.
async fn respond(
    stream: &mut TcpStream,
    endpoint: Endpoint,
    request: &[u8],
    answers: &Answers,
) -> anyhow::Result<()> {
    let wanted = match endpoint {
        Endpoint::Chat => Wanted::from_request(request).filter(|wanted| within_limits(*wanted)),
        Endpoint::Models => {
            let list = r#"{"object":"list","data":[{"id":"bench-460","object":"model","created":1741569952,"owned_by":"bench"}]}"#;
            stream
                .write_all(&payload::json_response("200 OK", list))
                .await?;
            return Ok(());
        }
        Endpoint::Other => None,
    };
    let Some(wanted) = wanted else {
        let error = r#"{"error":{"message":"The benchmark's upstream answers models named `bench-…` only.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#;
        stream
            .write_all(&payload::json_response("404 Not Found", error))
            .await?;
        return Ok(());
    };
    let answer = rendered(wanted, answers);
    let Wanted::Stream { pace_ms, .. } = wanted else {
        for piece in answer.iter() {
            stream.write_all(piece).await?;
        }
        return Ok(());
    };
    let start = Instant::now();
    for (at, piece) in (0_u32..).zip(answer.iter()) {
        match pace_ms {
            // The other streams get their turn, as they would from a provider.
            0 => tokio::task::yield_now().await,
            // Head, role and first content leave at once; the rest on a fixed schedule.
            _ if at <= 2 => {}
            _ => {
                let due = start + Duration::from_millis(pace_ms) * (at - 2);
                tokio::time::sleep_until(due).await;
            }
        }
        stream.write_all(piece).await?;
    }
    Ok(())
}

/// Whether an answer is of a size that may be rendered and kept.
fn within_limits(wanted: Wanted) -> bool {
    match wanted {
        Wanted::Whole { body_bytes } => body_bytes <= ANSWER_BYTES_MAX,
        Wanted::Stream { chunks, .. } => chunks <= CHUNKS_MAX,
    }
}

/// The answer's pieces, rendered at most once.
fn rendered(wanted: Wanted, answers: &Answers) -> Answer {
    let mut answers = answers.borrow_mut();
    let answer = answers.entry(wanted).or_insert_with(|| {
        Rc::new(match wanted {
            Wanted::Whole { body_bytes } => vec![payload::answer(body_bytes)],
            Wanted::Stream { chunks, usage, .. } => {
                let mut pieces = vec![payload::stream_head()];
                pieces.extend(payload::stream_frames(chunks, usage));
                pieces
            }
        })
    });
    Rc::clone(answer)
}
