//! What the rows share: labs before a hostile provider, sizes, honest callers beside an attack.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::grid::QUICK;
use crate::provider::Provider;
use crate::raw::{Raw, head};
use crate::support::{Lab, ask};

pub const OPENAI: &str = "openai/gpt-4o-mini";
pub const CLAUDE: &str = "anthropic/claude-haiku-4-5";
pub const GEMINI: &str = "gemini/gemini-2.5-flash";
pub const CHAT: &str = "/v1/chat/completions";

/// A number of this row, times `POLYROUTE_ROWS_SCALE` (1): for long runs by hand.
pub fn scaled(count: usize) -> usize {
    count * scale()
}

/// How many times the usual a run is.
pub fn scale() -> usize {
    std::env::var("POLYROUTE_ROWS_SCALE")
        .ok()
        .and_then(|scale| scale.parse().ok())
        .unwrap_or(1)
}

/// A lab whose OpenAI or Anthropic is this provider; the others are the simulator's. The route
/// `next` goes on from it to a simulated Gemini.
pub async fn lab_before(openai: Option<&Provider>, anthropic: Option<&Provider>) -> Lab {
    lab_with(openai, anthropic, "").await
}

/// The same with more sections.
pub async fn lab_with(openai: Option<&Provider>, anthropic: Option<&Provider>, more: &str) -> Lab {
    let url = |own: Option<&Provider>| own.map_or("$SIM".to_owned(), Provider::url);
    let resilience = if more.contains("resilience:") {
        ""
    } else {
        QUICK
    };
    let more = format!(
        "{more}{resilience}providers:\n  \
         openai: {{ base_url: \"{}/openai/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         anthropic: {{ base_url: \"{}/anthropic\", credentials: [\"${{KEY}}\"] }}\n  \
         gemini: {{ base_url: \"$SIM/gemini\", credentials: [\"${{KEY}}\"] }}\n",
        url(openai),
        url(anthropic),
    );
    let routes =
        format!("  next-openai: [{OPENAI}, {GEMINI}]\n  next-anthropic: [{CLAUDE}, {GEMINI}]\n");
    Lab::with(&more, &routes).await
}

/// Asks as an honest caller and wants the answer.
pub async fn serves(lab: &Lab) {
    let answer = lab.chat(&ask(GEMINI, "echo: fine")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.content(), "fine", "{}", answer.text());
}

/// Asks on connections of its own until `attack` has ended, and once after it. Each answer must
/// come within a generous bound; gives how many there were and the slowest.
pub async fn honest_beside<T>(
    address: SocketAddr,
    model: &str,
    headers: &str,
    attack: impl Future<Output = T>,
) -> (T, usize, Duration) {
    const BOUND: Duration = Duration::from_secs(10);
    let mut slowest = Duration::ZERO;
    let mut answers = 0;
    let one = async |slowest: &mut Duration| {
        let begun = Instant::now();
        let text = asked(address, model, headers, BOUND).await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
        assert!(text.contains("fine"), "{text}");
        *slowest = begun.elapsed().max(*slowest);
    };
    tokio::pin!(attack);
    let attacked = loop {
        tokio::select! {
            attacked = &mut attack => break attacked,
            () = async {
                one(&mut slowest).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            } => answers += 1,
        }
    };
    one(&mut slowest).await;
    (attacked, answers + 1, slowest)
}

/// One honest answer, on a connection of its own.
async fn asked(address: SocketAddr, model: &str, headers: &str, bound: Duration) -> String {
    let body = ask(model, "echo: fine").to_string();
    let mut raw = Raw::open(address).await;
    raw.write(head(body.len(), &format!("connection: close\r\n{headers}")))
        .await;
    raw.write(&body).await;
    let read = raw.read_for(bound).await;
    assert!(read.closed, "no answer within {bound:?}: {}", read.text);
    read.text
}

/// A counter of `/metrics`; 0 if it is not there yet.
pub fn metric(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
        .unwrap_or(0)
}

/// Sends a chat request on a connection of its own and reads to its end, or for so long.
pub async fn post(
    address: SocketAddr,
    headers: &str,
    body: &serde_json::Value,
    wait: Duration,
) -> crate::raw::Read {
    let body = body.to_string();
    let mut raw = Raw::open(address).await;
    raw.write(head(body.len(), &format!("connection: close\r\n{headers}")))
        .await;
    raw.write(&body).await;
    raw.read_for(wait).await
}
