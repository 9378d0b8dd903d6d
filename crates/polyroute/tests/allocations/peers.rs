//! A caller and a provider over plain sockets, each on a thread of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

/// The caller's key.
pub(crate) const KEY: &str = "caller-key-0123456789";

/// A chat request with about that many bytes of text.
pub(crate) fn whole(model: &str, bytes: usize) -> String {
    request(model, bytes).to_string()
}

/// The same for a streamed answer.
pub(crate) fn streamed(model: &str, bytes: usize) -> String {
    let mut body = request(model, bytes);
    body["stream"] = true.into();
    body.to_string()
}

fn request(model: &str, bytes: usize) -> Value {
    json!({
        "model": model,
        "messages": [
            {"role": "system", "content": "You are a terse assistant."},
            {"role": "user", "content": "Seven letters. ".repeat(bytes / 15)},
        ],
        "temperature": 0.2,
        "max_tokens": 100,
    })
}

/// A caller with one connection.
pub(crate) struct Caller {
    connection: TcpStream,
    asked: usize,
}

impl Caller {
    pub(crate) fn connect(gateway: SocketAddr) -> Self {
        let connection = TcpStream::connect(gateway).unwrap();
        connection.set_nodelay(true).unwrap();
        connection
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self {
            connection,
            asked: 0,
        }
    }

    /// Asks so many times, one after the other, on a thread of its own; says when it has done so.
    pub(crate) fn ask(
        &self,
        body: String,
        times: usize,
    ) -> (oneshot::Receiver<()>, JoinHandle<Self>) {
        let (done, asked) = oneshot::channel();
        let mut caller = Self {
            connection: self.connection.try_clone().unwrap(),
            asked: self.asked,
        };
        let thread = spawn(move || {
            for _ in 0..times {
                caller.once(&body);
            }
            done.send(()).unwrap();
            caller
        });
        (asked, thread)
    }

    fn once(&mut self, body: &str) {
        // The id decides which requests teach how tokens are counted: the same ones in every run.
        self.asked += 1;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\naccept: application/json\r\n\
             user-agent: OpenAI/Python 2.0\r\nx-request-id: allocations-{}\r\n\
             content-length: {}\r\n\r\n",
            self.asked,
            body.len()
        );
        let request = [head.as_bytes(), body.as_bytes()].concat();
        self.connection.write_all(&request).unwrap();
        let (head, answer) = read_message(&mut self.connection).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}{answer}");
        let ends = ["data: [DONE]", "}"];
        assert!(
            ends.iter().any(|end| answer.trim_end().ends_with(end)),
            "{answer}"
        );
    }
}

/// Listens as OpenAI and Anthropic, and gives every request its answer in one write.
pub(crate) fn answer_as_providers_do() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            connection.set_nodelay(true).unwrap();
            spawn(move || {
                while let Some((head, body)) = read_message(&mut connection) {
                    if connection.write_all(&answer(&head, &body)).is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    let (kind, body) = if head.starts_with("GET") {
        ("application/json", "{\"data\":[]}".to_owned())
    } else if head.starts_with("POST /v1/messages") {
        ("application/json", of_anthropic().to_string())
    } else if body.contains("\"stream\":true") {
        ("text/event-stream", stream_of_openai())
    } else {
        ("application/json", of_openai().to_string())
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
         x-request-id: req_of_the_provider\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn of_openai() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000,
        "model": "gpt-4o-mini-2024-07-18", "service_tier": "default",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Seven."},
            "logprobs": null, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 90, "completion_tokens": 2, "total_tokens": 92},
    })
}

fn stream_of_openai() -> String {
    let chunk = |delta: Value, finish: Value, usage: Value| {
        let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk",
            "created": 1_700_000_000, "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], "usage": usage});
        format!("data: {chunk}\n\n")
    };
    let text = chunk(json!({"content": " seven"}), Value::Null, Value::Null);
    let usage = json!({"prompt_tokens": 90, "completion_tokens": 20, "total_tokens": 110});
    let last = chunk(json!({}), json!("stop"), usage);
    format!("{}{last}data: [DONE]\n\n", text.repeat(20))
}

fn of_anthropic() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001",
        "content": [{"type": "text", "text": "Seven."}], "stop_reason": "end_turn",
        "stop_sequence": null, "usage": {"input_tokens": 90, "output_tokens": 2},
    })
}

/// One message: its head, and its body by length or in chunks, these with their sizes. `None` at
/// the end of the connection.
fn read_message(connection: &mut TcpStream) -> Option<(String, String)> {
    let mut read = Vec::new();
    let mut piece = [0; 16 * 1_024];
    loop {
        let text = String::from_utf8_lossy(&read);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next()?.parse::<usize>().ok());
            let chunked = head.contains("transfer-encoding: chunked");
            let is_whole = match length {
                Some(length) => body.len() >= length,
                None => !chunked || body.ends_with("0\r\n\r\n"),
            };
            if is_whole {
                let body = body.trim_end_matches("\r\n0\r\n\r\n").to_owned();
                let head = text.split_once("\r\n\r\n")?.0.to_owned();
                return Some((head, body));
            }
        }
        match connection.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(piece.get(..count)?),
        }
    }
}
