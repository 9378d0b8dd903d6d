//! The least that an OpenAI client does, over real HTTP: the application of `polyroute demo`, and
//! the caller of `polyroute providers check`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use polyroute_wire::sse::{Frame, Reader};
use serde_json::Value;

/// Longest wait for one answer.
const WAIT: Duration = Duration::from_secs(60);

/// What an application sees of an answer.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) provider: String,
    pub(super) attempts: String,
    /// Text, or what was called with what.
    pub(super) text: String,
    pub(super) first_ms: Option<u128>,
    pub(super) total_ms: u128,
    pub(super) tokens: Option<(u64, u64)>,
    /// The stream ended with `[DONE]`, or the answer was whole.
    pub(super) whole: bool,
    /// The answer called a tool.
    pub(super) called: bool,
    /// The `code` of an error.
    pub(super) code: Option<String>,
}

/// Sends one request and reads the answer, streamed or not.
pub(super) async fn send(gateway: SocketAddr, path: &str, body: &Value) -> anyhow::Result<Seen> {
    send_as(gateway, path, body, None).await
}

/// As [`send`], with a gateway key.
pub(super) async fn send_as(
    gateway: SocketAddr,
    path: &str,
    body: &Value,
    key: Option<&str>,
) -> anyhow::Result<Seen> {
    tokio::time::timeout(WAIT, exchange(gateway, path, body, key))
        .await
        .context("no answer in 60 s")?
}

async fn exchange(
    gateway: SocketAddr,
    path: &str,
    body: &Value,
    key: Option<&str>,
) -> anyhow::Result<Seen> {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::post(format!("http://{gateway}{path}"))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request.body(Full::new(body.to_string().into()))?;
    let began = Instant::now();
    let response = client.request(request).await?;
    let header = |name: &str| {
        let value = response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut seen = Seen {
        status: response.status().as_u16(),
        provider: header("x-polyroute-provider"),
        attempts: header("x-polyroute-attempts"),
        ..Seen::default()
    };
    let streamed = header("content-type").starts_with("text/event-stream");
    let mut body = response.into_body();
    let mut reader = Reader::new();
    let mut whole = Vec::new();
    let mut frames = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if !streamed {
            whole.extend_from_slice(&data);
            continue;
        }
        reader.push(&data, &mut frames);
        for frame in frames.drain(..) {
            if let Frame::Event { data, .. } = frame {
                seen.take_event(&data, began);
            }
        }
    }
    if !streamed {
        let answer: Value = serde_json::from_slice(&whole)?;
        seen.take_whole(&answer);
    }
    seen.total_ms = began.elapsed().as_millis();
    Ok(seen)
}

impl Seen {
    fn take_event(&mut self, data: &str, began: Instant) {
        if data == "[DONE]" {
            self.whole = true;
            return;
        }
        let Ok(chunk) = serde_json::from_str::<Value>(data) else {
            return;
        };
        self.take_error(&chunk);
        let delta = chunk.pointer("/choices/0/delta");
        if let Some(text) = delta
            .and_then(|delta| delta.get("content"))
            .and_then(Value::as_str)
            && !text.is_empty()
        {
            self.first_ms.get_or_insert(began.elapsed().as_millis());
            self.text.push_str(text);
        }
        self.take_usage(&chunk);
    }

    fn take_whole(&mut self, answer: &Value) {
        self.whole = self.status == 200;
        let message = answer.pointer("/choices/0/message");
        let calls = message
            .and_then(|message| message.get("tool_calls"))
            .and_then(Value::as_array);
        let text =
            |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        self.text = match calls.filter(|calls| !calls.is_empty()) {
            Some(calls) => calls
                .iter()
                .map(|call| {
                    let (name, arguments) = (
                        call.pointer("/function/name"),
                        call.pointer("/function/arguments"),
                    );
                    format!("{}({})", text(name), text(arguments))
                })
                .collect::<Vec<_>>()
                .join(", "),
            None => text(message.and_then(|message| message.get("content"))),
        };
        if let Some(vector) = answer.pointer("/data/0/embedding") {
            let length = vector.as_array().map_or(0, Vec::len);
            self.text = format!("a vector of {length} numbers");
        }
        self.called = calls.is_some_and(|calls| !calls.is_empty());
        self.take_error(answer);
        self.take_usage(answer);
    }

    fn take_error(&mut self, from: &Value) {
        let text = |path: &str| {
            let value = from.pointer(path).and_then(Value::as_str);
            value.map(ToOwned::to_owned)
        };
        if let Some(message) = text("/error/message") {
            self.text = message;
            self.code = text("/error/code");
        }
    }

    fn take_usage(&mut self, from: &Value) {
        let number = |path: &str| from.pointer(path).and_then(Value::as_u64);
        if let Some(input) = number("/usage/prompt_tokens") {
            self.tokens = Some((input, number("/usage/completion_tokens").unwrap_or(0)));
        }
    }
}
