//! A raw HTTP/1.1 client that shows how a connection really ended.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use polyroute_sim::models::Dialect;
use polyroute_sim::{Sim, SimConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The body is complete.
    Complete,
    /// The connection was closed before that.
    Closed,
    /// The connection was reset.
    Reset,
    /// Nothing came for a while.
    Silent,
}

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The body with the chunked coding undone.
    pub body: Vec<u8>,
    /// The sizes of the chunks.
    pub chunks: Vec<usize>,
    pub end: End,
    pub took: Duration,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why}: {}", self.text()))
    }

    /// The data of the SSE events, comments left out.
    pub fn events(&self) -> Vec<String> {
        let text = self.text().replace("\r\n", "\n");
        let datas = text.split("\n\n").filter_map(|event| {
            let line = event.lines().find_map(|line| line.strip_prefix("data: "))?;
            Some(line.trim_end().to_owned())
        });
        datas.collect()
    }

    pub fn event_values(&self) -> Vec<Value> {
        if self.header("content-type") == Some("application/vnd.amazon.eventstream") {
            let frames = frames(&self.body).into_iter();
            return frames.map(|frame| frame.value).collect();
        }
        let datas = self.events().into_iter().filter(|data| data != "[DONE]");
        datas
            .map(|data| serde_json::from_str(&data).unwrap())
            .collect()
    }
}

/// One frame of an AWS event stream.
#[derive(Debug, Clone)]
pub struct AwsFrame {
    pub headers: Vec<(String, String)>,
    pub value: Value,
}

/// Takes an AWS event stream apart, whose bytes must be whole frames.
pub fn frames(mut body: &[u8]) -> Vec<AwsFrame> {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    let mut out = Vec::new();
    while !body.is_empty() {
        let (total, head) = (number(body), number(&body[4..]));
        let (frame, rest) = body.split_at(total);
        let mut block = &frame[12..12 + head];
        let mut headers = Vec::new();
        while let Some((length, more)) = block.split_first() {
            let (name, more) = more.split_at(usize::from(*length));
            assert_eq!(more[0], 7, "a string");
            let size = usize::from(u16::from_be_bytes([more[1], more[2]]));
            let (value, more) = more[3..].split_at(size);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            headers.push((text(name), text(value)));
            block = more;
        }
        let value = serde_json::from_slice(&frame[12 + head..total - 4]).unwrap();
        out.push(AwsFrame { headers, value });
        body = rest;
    }
    out
}

/// A simulator that answers at once, always the same.
pub async fn sim() -> Sim {
    Sim::start(SimConfig::default()).await.unwrap()
}

/// Sends a request and reads what comes until the body is complete, the connection ends, or
/// nothing comes for 400 ms.
pub async fn send(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let started = Instant::now();
    let mut stream = open(sim, method, path, headers, body).await;
    let mut raw = Vec::new();
    let mut buffer = vec![0_u8; 64 * 1024];
    let end = loop {
        if parse(&raw).is_some_and(|(_, complete)| complete) {
            break End::Complete;
        }
        match tokio::time::timeout(Duration::from_millis(400), stream.read(&mut buffer)).await {
            Err(_) => break End::Silent,
            Ok(Ok(0)) => break End::Closed,
            Ok(Ok(count)) => raw.extend_from_slice(&buffer[..count]),
            Ok(Err(error)) if error.kind() == ErrorKind::ConnectionReset => break End::Reset,
            Ok(Err(error)) => panic!("{error}"),
        }
    };
    let (mut answer, _) = parse(&raw).unwrap_or_else(|| (nothing(), false));
    answer.end = end;
    answer.took = started.elapsed();
    answer
}

/// Sends a request and leaves the reading to the caller.
pub async fn open(
    sim: &Sim,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> TcpStream {
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: sim\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let request = format!("{head}\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn nothing() -> Answer {
    Answer {
        status: 0,
        headers: Vec::new(),
        body: Vec::new(),
        chunks: Vec::new(),
        end: End::Silent,
        took: Duration::ZERO,
    }
}

/// The answer so far and whether its body is complete; none before the head is.
fn parse(raw: &[u8]) -> Option<(Answer, bool)> {
    let head_end = raw.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&raw[..head_end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        headers,
        ..nothing()
    };
    let mut rest = &raw[head_end + 4..];
    if let Some(length) = answer.header("content-length") {
        let length: usize = length.parse().unwrap();
        let complete = rest.len() >= length;
        answer.body = rest.to_vec();
        return Some((answer, complete));
    }
    let complete = loop {
        let Some(line_end) = rest.windows(2).position(|two| two == b"\r\n") else {
            break false;
        };
        let size = String::from_utf8_lossy(&rest[..line_end]).into_owned();
        let size = usize::from_str_radix(&size, 16).unwrap();
        let data = &rest[line_end + 2..];
        if size == 0 {
            break true;
        }
        if data.len() < size + 2 {
            answer.body.extend_from_slice(&data[..data.len().min(size)]);
            break false;
        }
        answer.body.extend_from_slice(&data[..size]);
        answer.chunks.push(size);
        rest = &data[size + 2..];
    };
    Some((answer, complete))
}

/// A chat request in a dialect.
#[derive(Debug, Clone)]
pub struct Chat {
    pub dialect: Dialect,
    pub model: String,
    pub stream: bool,
    pub body: Value,
    pub headers: Vec<(String, String)>,
    pub prefix: String,
}

impl Chat {
    /// A user's text to the dialect's plain model.
    pub fn new(dialect: Dialect, text: &str) -> Self {
        let (model, body) = match dialect {
            Dialect::Openai => (
                "gpt-4o",
                json!({"messages": [{"role": "user", "content": text}]}),
            ),
            Dialect::Cohere => (
                "command-a-03-2025",
                json!({"messages": [{"role": "user", "content": text}]}),
            ),
            Dialect::Anthropic => (
                "claude-sonnet-4-5",
                json!({"max_tokens": 4000, "messages": [{"role": "user", "content": text}]}),
            ),
            Dialect::Gemini => (
                "gemini-2.5-flash",
                json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}),
            ),
            Dialect::Bedrock => (
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                json!({"messages": [{"role": "user", "content": [{"text": text}]}]}),
            ),
        };
        Self {
            dialect,
            model: model.to_owned(),
            stream: false,
            body,
            headers: Vec::new(),
            prefix: format!("/{dialect}"),
        }
    }

    pub fn streamed(mut self) -> Self {
        self.stream = true;
        self
    }

    pub fn model(mut self, model: &str) -> Self {
        model.clone_into(&mut self.model);
        self
    }

    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Puts a member into the body.
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.body
            .as_object_mut()
            .unwrap()
            .insert(name.to_owned(), value);
        self
    }

    /// Offers function tools with these names and this schema.
    pub fn tools(self, names: &[&str], schema: &Value) -> Self {
        let each = |wrap: &dyn Fn(&str) -> Value| names.iter().map(|name| wrap(name)).collect();
        let tools: Vec<Value> = match self.dialect {
            Dialect::Openai | Dialect::Cohere => each(
                &|name| json!({"type": "function", "function": {"name": name, "parameters": schema}}),
            ),
            Dialect::Anthropic => each(&|name| json!({"name": name, "input_schema": schema})),
            Dialect::Gemini => {
                let all: Vec<Value> =
                    each(&|name| json!({"name": name, "parametersJsonSchema": schema}));
                vec![json!({"functionDeclarations": all})]
            }
            Dialect::Bedrock => {
                let tools: Vec<Value> = each(
                    &|name| json!({"toolSpec": {"name": name, "inputSchema": {"json": schema}}}),
                );
                return self.with("toolConfig", json!({ "tools": tools }));
            }
        };
        self.with("tools", json!(tools))
    }

    fn path_and_body(&self) -> (String, String) {
        let mut body = self.body.clone();
        let path = match self.dialect {
            Dialect::Gemini => {
                let call = if self.stream {
                    "streamGenerateContent?alt=sse"
                } else {
                    "generateContent"
                };
                format!("{}/v1beta/models/{}:{call}", self.prefix, self.model)
            }
            Dialect::Bedrock => {
                let call = if self.stream {
                    "converse-stream"
                } else {
                    "converse"
                };
                format!("{}/model/{}/{call}", self.prefix, self.model)
            }
            dialect => {
                body["model"] = json!(self.model);
                if self.stream {
                    body["stream"] = json!(true);
                }
                let call = match dialect {
                    Dialect::Openai => "v1/chat/completions",
                    Dialect::Cohere => "v2/chat",
                    _ => "v1/messages",
                };
                format!("{}/{call}", self.prefix)
            }
        };
        (path, body.to_string())
    }

    fn all_headers(&self) -> Vec<(&str, &str)> {
        let mut headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let keyed = headers
            .iter()
            .any(|(name, _)| ["authorization", "x-api-key", "x-goog-api-key"].contains(name));
        headers.push(("content-type", "application/json"));
        match self.dialect {
            _ if keyed => {}
            Dialect::Openai | Dialect::Bedrock | Dialect::Cohere => {
                headers.push(("authorization", "Bearer sk-test-1234"));
            }
            Dialect::Anthropic => headers.push(("x-api-key", "sk-ant-test")),
            Dialect::Gemini => headers.push(("x-goog-api-key", "test")),
        }
        if self.dialect == Dialect::Anthropic {
            headers.push(("anthropic-version", "2023-06-01"));
        }
        headers
    }

    pub async fn send(&self, sim: &Sim) -> Answer {
        let (path, body) = self.path_and_body();
        send(sim, "POST", &path, &self.all_headers(), &body).await
    }

    pub async fn open(&self, sim: &Sim) -> TcpStream {
        let (path, body) = self.path_and_body();
        open(sim, "POST", &path, &self.all_headers(), &body).await
    }
}
