//! A simulator, a gateway in front of it, and a client that shows everything.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use polyroute::boot::Running;
use polyroute::config::env::Environment;
use polyroute::config::{self, Input};
use polyroute_sim::log::Entry;
use polyroute_sim::{Sim, SimConfig};
use polyroute_wire::sse::{Frame, Reader};
use serde_json::{Value, json};

/// Models that stand for their provider, with the provider's name in the configuration.
pub const MODELS: [(&str, &str); 3] = [
    ("openai", "openai/gpt-4o-mini"),
    ("anthropic", "anthropic/claude-haiku-4-5"),
    ("gemini", "gemini/gemini-2.5-flash"),
];

/// The key that every provider gets. It must never be seen by a caller.
pub const CANARY: &str = "sim-canary-provider-key";
/// A key for a caller; `${CALLER}` in the configuration.
pub const CALLER: &str = "caller-key-0123456789";

/// A simulator and a gateway in front of it.
pub struct Lab {
    pub sim: Sim,
    pub gateway: Running,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What a lab is made of, where it is not the usual.
#[derive(Default)]
pub struct Plan<'a> {
    /// Top-level YAML; `$SIM` is the simulator's address. One that has `server:` or `providers:`
    /// replaces the usual section.
    pub more: &'a str,
    /// Lines under `routes:`.
    pub routes: &'a str,
    /// Environment variables beside the usual ones.
    pub environment: &'a [(&'a str, &'a str)],
    /// The simulator.
    pub sim: SimConfig,
}

/// The usual `server` section with more keys.
pub fn server(more: &str) -> String {
    format!(
        "server: {{ listen: \"127.0.0.1:0\", admin: \"127.0.0.1:0\", access_log: off{more} }}\n"
    )
}

/// The usual `providers` section for a simulator at `url`.
pub fn providers(url: &str) -> String {
    format!(
        "providers:\n  openai: {{ base_url: \"{url}/openai/v1\", credentials: [\"${{KEY}}\"] }}\n  \
         anthropic: {{ base_url: \"{url}/anthropic\", credentials: [\"${{KEY}}\"] }}\n  \
         gemini: {{ base_url: \"{url}/gemini\", credentials: [\"${{KEY}}\"] }}\n"
    )
}

impl Lab {
    /// Three providers and, in this order, the route `chat` over them.
    pub async fn start() -> Self {
        Self::with("", "").await
    }

    /// The same with more top-level YAML, and with more under `routes:`.
    pub async fn with(more: &str, routes: &str) -> Self {
        Self::build(Plan {
            more,
            routes,
            ..Plan::default()
        })
        .await
    }

    /// A lab to plan.
    pub async fn build(plan: Plan<'_>) -> Self {
        let sim = Sim::start(plan.sim.clone()).await.unwrap();
        Self::before(sim, &plan).await
    }

    /// A lab before a simulator that runs already.
    pub async fn before(sim: Sim, plan: &Plan<'_>) -> Self {
        let url = sim.url();
        let more = plan.more.replace("$SIM", &url);
        let usual = |section: &str, text: String| {
            if more.contains(section) {
                String::new()
            } else {
                text
            }
        };
        let [openai, anthropic, gemini] = MODELS.map(|(_, model)| model);
        let text = format!(
            "{}{}{more}\nroutes:\n  chat: [{openai}, {anthropic}, {gemini}]\n{}\n",
            usual("server:", server("")),
            usual("providers:", providers(&url)),
            plan.routes
        );
        let environment: Environment = [("KEY", CANARY), ("BAD", "bad-key"), ("CALLER", CALLER)]
            .into_iter()
            .chain(plan.environment.iter().copied())
            .map(|(name, value)| {
                let host = url.trim_start_matches("http://");
                (name, value.replace("$SIM", &url).replace("$HOST", host))
            })
            .collect();
        let input = Input {
            file: None,
            listen: None,
            admin: None,
            environment: &environment,
        };
        let loaded = match config::load_text(Some("test.yaml"), &text, Path::new(""), &input) {
            Ok(loaded) => loaded,
            Err(report) => panic!("{}\n{text}", report.to_text(false)),
        };
        let gateway = Running::start(loaded.settings).await.unwrap();
        Self { sim, gateway }
    }

    /// The attempts that the simulator saw, model lists left out.
    pub fn attempts(&self) -> Vec<Entry> {
        let entries = self.sim.log_since(0).into_iter();
        entries.filter(|entry| entry.method == "POST").collect()
    }

    /// Opens a streamed answer and leaves its body to be read.
    pub async fn open(&self, body: &Value) -> Response<Incoming> {
        let url = format!("http://{}/v1/chat/completions", self.gateway.address);
        let request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        within(20, client.request(request)).await.unwrap()
    }

    /// Switches a fault of the simulator on: `fault` in its own grammar, for one provider.
    pub fn fault(&self, provider: &str, fault: &str) {
        let rule = json!({"match": {"prefix": provider}, "fault": fault});
        self.sim.add_fault(serde_json::from_value(rule).unwrap());
    }

    /// Sends JSON to a path of the public listener.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_bytes(path, body.to_string(), &[]).await
    }

    /// A chat completion.
    pub async fn chat(&self, body: &Value) -> Answer {
        self.post("/v1/chat/completions", body).await
    }

    /// Sends bytes with headers.
    pub async fn post_bytes(
        &self,
        path: &str,
        body: impl Into<Bytes>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::post(format!("http://{}{path}", self.gateway.address))
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(Full::new(body.into())).unwrap()).await
    }

    /// Reads a path of the public listener.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(self.gateway.address, path, headers).await
    }

    /// Reads a path of the admin listener.
    pub async fn admin(&self, path: &str) -> Answer {
        get(self.gateway.admin_address, path, &[]).await
    }

    /// The outcome record of an answer, once it is there.
    pub async fn record(&self, answer: &Answer) -> Value {
        let id = answer
            .headers
            .get("x-request-id")
            .unwrap()
            .to_str()
            .unwrap();
        self.record_of(id).await
    }

    /// The outcome record of a request id, once it is there.
    pub async fn record_of(&self, id: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(3);
        loop {
            let answer = self.admin(&format!("/v1/admin/requests/{id}")).await;
            if answer.status == StatusCode::OK {
                return answer.json();
            }
            assert!(Instant::now() < deadline, "no record of {id}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `data:` payloads of a streamed body.
    pub fn events(&self) -> Vec<String> {
        let mut reader = Reader::new();
        let mut frames = Vec::new();
        reader.push(&self.body, &mut frames);
        reader.finish(&mut frames);
        frames
            .into_iter()
            .filter_map(|frame| match frame {
                Frame::Event { data, .. } => Some(data),
                _ => None,
            })
            .collect()
    }

    /// The `finish_reason`s of a streamed body.
    pub fn finishes(&self) -> Vec<String> {
        let chunks = self.events().into_iter();
        chunks
            .filter_map(|data| serde_json::from_str::<Value>(&data).ok())
            .filter_map(|chunk| {
                chunk
                    .pointer("/choices/0/finish_reason")?
                    .as_str()
                    .map(ToOwned::to_owned)
            })
            .collect()
    }

    /// Content text of a streamed body, and whether it ended cleanly.
    pub fn streamed(&self) -> (String, bool) {
        let mut text = String::new();
        for data in self.events() {
            if let Ok(chunk) = serde_json::from_str::<Value>(&data) {
                text.push_str(
                    chunk
                        .pointer("/choices/0/delta/content")
                        .and_then(Value::as_str)
                        .unwrap_or_default(),
                );
            }
        }
        (
            text,
            self.events().last().is_some_and(|last| last == "[DONE]"),
        )
    }

    /// Content text of a whole answer.
    pub fn content(&self) -> String {
        self.json()
            .pointer("/choices/0/message/content")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// `error.code`, of a whole body or of the last event of a stream.
    pub fn code(&self) -> String {
        let error: Value = match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(_) => self
                .events()
                .last()
                .and_then(|last| serde_json::from_str(last).ok())
                .unwrap_or_default(),
        };
        error
            .pointer("/error/code")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// A chat request that says `text`.
pub fn ask(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

/// The same, streamed.
pub fn ask_streamed(model: &str, text: &str) -> Value {
    let mut body = ask(model, text);
    body["stream"] = json!(true);
    body
}

pub async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(request.body(Full::new(Bytes::new())).unwrap()).await
}

/// Waits at most so many seconds.
pub async fn within<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), future)
        .await
        .unwrap()
}

/// Asks again and again until there is something, for at most so many seconds.
pub async fn until<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn send(request: Request<Full<Bytes>>) -> Answer {
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let response = tokio::time::timeout(Duration::from_secs(30), client.request(request))
        .await
        .unwrap()
        .unwrap();
    let (head, body) = response.into_parts();
    let body = tokio::time::timeout(Duration::from_secs(30), body.collect())
        .await
        .unwrap()
        .unwrap();
    Answer {
        status: head.status,
        headers: head.headers,
        body: body.to_bytes(),
    }
}
