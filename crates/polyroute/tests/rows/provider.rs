//! A provider that writes bytes as it likes.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a provider saw.
#[derive(Default)]
pub struct Seen {
    pub requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

impl Seen {
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A listener whose connections do what they are told.
pub struct Provider {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

/// A connection of the gateway's.
pub struct Peer {
    stream: TcpStream,
    /// Its place among all connections.
    pub nth: usize,
    left_over: Vec<u8>,
    seen: Arc<Seen>,
}

impl Provider {
    pub async fn start<H, F>(handle: H) -> Self
    where
        H: Fn(Peer) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(handle(Peer {
                    stream,
                    nth: all.connections.fetch_add(1, Ordering::Relaxed),
                    left_over: Vec::new(),
                    seen: Arc::clone(&all),
                }));
            }
        });
        Self { address, seen }
    }

    /// Answers each request with these bytes and closes.
    pub async fn says(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<Vec<u8>> = Arc::new(bytes.into());
        Self::start(move |mut peer| {
            let bytes = Arc::clone(&bytes);
            async move {
                if peer.request().await.is_some() {
                    peer.send(&*bytes).await;
                }
            }
        })
        .await
    }

    /// The address as the simulator's would be given.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Peer {
    /// The next request: head and body. `None` when there is none.
    pub async fn request(&mut self) -> Option<String> {
        let mut piece = vec![0; 64 * 1024];
        loop {
            let text = String::from_utf8_lossy(&self.left_over).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse::<usize>().unwrap())
                });
                let end = head.len() + 4 + length.unwrap_or(0);
                if self.left_over.len() >= end {
                    let request: Vec<u8> = self.left_over.drain(..end).collect();
                    let request = String::from_utf8_lossy(&request).into_owned();
                    // The lists of models are asked for beside the requests.
                    if request.starts_with("GET") {
                        self.send("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                            .await;
                        continue;
                    }
                    self.seen.requests.lock().unwrap().push(request.clone());
                    return Some(request);
                }
            }
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.left_over.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Writes; whether the other side still takes it.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Waits until the other side closes.
    pub async fn closed(&mut self) {
        let mut piece = [0; 1024];
        while self.stream.read(&mut piece).await.is_ok_and(|n| n > 0) {}
    }

    /// Closes with RST.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    pub async fn rest(&self, wait: Duration) {
        tokio::time::sleep(wait).await;
    }
}

/// A whole answer of OpenAI's that says `text`.
pub fn whole(text: &str) -> String {
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
    .to_string()
}

/// A head of 200 with this type, and no length.
pub fn head(content_type: &str, more: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n{more}\r\n")
}

/// A JSON answer with its length.
pub fn json_answer(body: &str) -> String {
    let more = format!("content-length: {}\r\n", body.len());
    head("application/json", &more) + body
}

/// An event stream that ends with the connection.
pub fn stream_answer(events: &str) -> Vec<u8> {
    (head("text/event-stream", "connection: close\r\n") + events).into_bytes()
}

/// One chunk of OpenAI's.
pub fn chunk(text: &str) -> String {
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]});
    format!("data: {chunk}\n\n")
}

/// The chunk that says why it ended, and what it used.
pub fn finish() -> String {
    let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}});
    format!("data: {chunk}\n\n")
}

pub const DONE: &str = "data: [DONE]\n\n";

/// An event of Anthropic's.
fn event(value: &serde_json::Value) -> String {
    format!(
        "event: {}\ndata: {value}\n\n",
        value["type"].as_str().unwrap()
    )
}

/// The beginning of a stream of Anthropic's.
pub fn claude_begins() -> String {
    event(
        &json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant",
        "model": "claude-haiku-4-5", "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": 3, "output_tokens": 1}}}),
    ) + &event(
        &json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    )
}

/// A piece of its text.
pub fn claude_says(text: &str) -> String {
    event(
        &json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
    )
}

/// Its end.
pub fn claude_ends() -> String {
    event(&json!({"type": "content_block_stop", "index": 0}))
        + &event(
            &json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": 2}}),
        )
        + &event(&json!({"type": "message_stop"}))
}
