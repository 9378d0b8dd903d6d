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

use crate::answer::{self, Answer, Dialect};
use crate::http::{self, Body, Endpoint};
use crate::payload::Wanted;

/// The largest answer and the longest stream that a model name may ask for.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
const CHUNKS_MAX: usize = 100_000;

/// From this pace on it is looked whether the caller is still there: thousands of held streams would
/// else keep their sockets for as long after they were given up.
const LONG_PACE_MS: u64 = 1_000;
/// Pause after a connection that could not be accepted: sockets may run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Where to listen.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The address, such as 127.0.0.1:9000.
    #[arg(long)]
    listen: SocketAddr,
}

/// Every answer rendered so far.
type Answers = Rc<RefCell<HashMap<(Dialect, Wanted), Rc<Answer>>>>;

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
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
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
    let mut buffer = BytesMut::new();
    let mut request = Vec::new();
    loop {
        let (endpoint, mut body) = loop {
            if let Some(head) = http::request_head(&mut buffer)? {
                break head;
            }
            if fill(&mut stream, &mut buffer, None).await? == 0 {
                return Ok(());
            }
        };
        request.clear();
        while !body.take(&mut buffer, |piece| {
            request.extend_from_slice(piece);
            Ok(())
        })? {
            anyhow::ensure!(
                fill(&mut stream, &mut buffer, Some(&body)).await? > 0,
                "cut inside a request"
            );
        }
        respond(&mut stream, endpoint, &request, answers).await?;
    }
}

/// Reads more into `buffer`.
async fn fill(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    body: Option<&Body>,
) -> std::io::Result<usize> {
    http::reserve(buffer, body);
    stream.read_buf(buffer).await
}

/// The lists of models.
const MODELS: &str = r#"{"object":"list","data":[{"id":"bench-460","object":"model","created":1741569952,"owned_by":"bench"}]}"#;
const GEMINI_MODELS: &str =
    r#"{"models":[{"name":"models/bench-460","supportedGenerationMethods":["generateContent"]}]}"#;
/// The answer to anything else.
const NOT_FOUND: &str = r#"{"error":{"message":"The benchmark's upstream answers models named `bench-…` only.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#;

/// Writes the answer to one request.
async fn respond(
    stream: &mut TcpStream,
    endpoint: Endpoint,
    request: &[u8],
    answers: &Answers,
) -> anyhow::Result<()> {
    let (status, fixed) = match endpoint {
        Endpoint::Models => ("200 OK", MODELS),
        Endpoint::GeminiModels => ("200 OK", GEMINI_MODELS),
        Endpoint::Answer(_) | Endpoint::Generate(_) | Endpoint::Other => {
            ("404 Not Found", NOT_FOUND)
        }
    };
    let asked = match endpoint {
        Endpoint::Answer(Dialect::OpenAi) => {
            Wanted::from_request(request).map(|wanted| (Dialect::OpenAi, wanted))
        }
        Endpoint::Answer(dialect) => Wanted::from_model(request).map(|wanted| (dialect, wanted)),
        Endpoint::Generate(wanted) => wanted.map(|wanted| (Dialect::Gemini, wanted)),
        Endpoint::Models | Endpoint::GeminiModels | Endpoint::Other => None,
    };
    let Some((dialect, wanted)) = asked.filter(|(_, wanted)| within_limits(*wanted)) else {
        let answer = answer::json_response(status, fixed);
        return Ok(stream.write_all(&answer).await?);
    };
    let answer = rendered(dialect, wanted, answers);
    let Wanted::Stream { pace_ms, .. } = wanted else {
        for piece in &answer.pieces {
            stream.write_all(piece).await?;
        }
        return Ok(());
    };
    let start = Instant::now();
    for (at, piece) in answer.pieces.iter().enumerate() {
        match pace_ms {
            // The other streams get their turn, as they would from a provider.
            0 => tokio::task::yield_now().await,
            // What comes up to the first content leaves at once; the rest on a fixed schedule.
            _ if at < answer.opening => {}
            _ => {
                let steps = u32::try_from(at - answer.opening + 1).unwrap_or(u32::MAX);
                let due = start + Duration::from_millis(pace_ms).saturating_mul(steps);
                if pace_ms < LONG_PACE_MS {
                    tokio::time::sleep_until(due).await;
                } else if tokio::time::timeout_at(due, gone(stream)).await.is_ok() {
                    anyhow::bail!("the caller left");
                }
            }
        }
        stream.write_all(piece).await?;
    }
    Ok(())
}

/// Returns once the caller has left.
async fn gone(stream: &TcpStream) {
    if !matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_)) {
        // It sent more already: whether it leaves can't be seen.
        std::future::pending::<()>().await;
    }
}

/// Whether an answer is of a size that may be rendered and kept.
fn within_limits(wanted: Wanted) -> bool {
    match wanted {
        Wanted::Whole { body_bytes } => body_bytes <= ANSWER_BYTES_MAX,
        Wanted::Stream { chunks, .. } => chunks <= CHUNKS_MAX,
    }
}

/// The answer, rendered at most once.
fn rendered(dialect: Dialect, wanted: Wanted, answers: &Answers) -> Rc<Answer> {
    let mut answers = answers.borrow_mut();
    let answer = answers
        .entry((dialect, wanted))
        .or_insert_with(|| Rc::new(answer::render(dialect, wanted)));
    Rc::clone(answer)
}
