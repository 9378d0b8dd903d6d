//! Recorded exchanges, as far as this test reads them.

use std::path::Path;

use polyroute_wire::adapter::{Adapter, DecodeContext};
use polyroute_wire::dialect::anthropic::Anthropic;
use polyroute_wire::dialect::gemini::Gemini;
use polyroute_wire::dialect::openai::OpenAi;
use polyroute_wire::dialect::responses::Responses;
use serde_json::Value;

/// Whose wire format an exchange is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic,
    Gemini,
    Responses,
}

impl Dialect {
    /// Its adapter; `None` while the dialect has none.
    pub(crate) fn adapter(self) -> Option<Box<dyn Adapter>> {
        match self {
            Self::OpenAi => Some(Box::new(OpenAi)),
            Self::Anthropic => Some(Box::new(Anthropic)),
            Self::Gemini => Some(Box::new(Gemini)),
            Self::Responses => Some(Box::new(Responses)),
        }
    }
}

/// One recorded exchange.
#[derive(Debug)]
pub(crate) struct Entry {
    /// `openai/text-001`.
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    pub(crate) api: String,
    pub(crate) status: u16,
    /// Request body, if recorded.
    pub(crate) request: Option<Value>,
    pub(crate) headers: Value,
    pub(crate) body: Body,
}

/// The recorded answer.
#[derive(Debug)]
pub(crate) enum Body {
    Json(Value),
    /// A stream as it came, or put together from a fixture's events.
    Stream {
        text: String,
        events: Vec<Value>,
    },
    Text(String),
}

impl Entry {
    pub(crate) fn is_error(&self) -> bool {
        self.status >= 400
    }

    pub(crate) fn is_embeddings(&self) -> bool {
        self.api == "embeddings"
    }

    pub(crate) fn is_openai_chat(&self) -> bool {
        self.dialect == Dialect::OpenAi && self.api == "chat.completions"
    }

    /// The bytes of the answer.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Stream { text, .. } | Body::Text(text) => text.clone().into_bytes(),
        }
    }

    /// What decoding it needs to know.
    pub(crate) fn context(&self) -> DecodeContext {
        let inputs = match self.request.as_ref() {
            Some(request) => match (request.get("input"), request.get("requests")) {
                (Some(Value::Array(items)), _) if !items.first().is_some_and(Value::is_number) => {
                    items.len()
                }
                (_, Some(Value::Array(requests))) => requests.len(),
                (Some(_), _) => 1,
                _ => usize::from(self.request.is_some()),
            },
            None => 0,
        };
        DecodeContext {
            model: "recorded-model".to_owned(),
            stream: matches!(self.body, Body::Stream { .. }),
            id_seed: self.name.clone(),
            embedding_inputs: if self.is_embeddings() {
                vec![1; inputs]
            } else {
                Vec::new()
            },
            ..DecodeContext::default()
        }
    }
}

/// Every exchange that this test is about, by name.
pub(crate) fn load(folder: &Path, filter: Option<&str>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (provider, dialect) in [
        ("openai", Dialect::OpenAi),
        ("azure", Dialect::OpenAi),
        ("anthropic", Dialect::Anthropic),
        ("gemini", Dialect::Gemini),
        ("vertex", Dialect::Gemini),
        ("openai", Dialect::Responses),
        ("azure", Dialect::Responses),
        ("xai", Dialect::Responses),
        ("deepseek", Dialect::Responses),
        ("bedrock-mantle", Dialect::Responses),
        ("openrouter", Dialect::Responses),
        ("ollama", Dialect::Responses),
    ] {
        let Ok(files) = std::fs::read_dir(folder.join(provider)) else {
            continue;
        };
        let mut paths: Vec<_> = files.flatten().map(|file| file.path()).collect();
        paths.sort();
        for path in paths {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let name = format!("{provider}/{stem}");
            if filter.is_some_and(|filter| !name.contains(filter)) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a corpus file is text");
            let value: Value = serde_json::from_str(&text).expect("a corpus file is JSON");
            entries.extend(read(name, dialect, &value));
        }
    }
    entries
}

fn read(name: String, dialect: Dialect, value: &Value) -> Option<Entry> {
    let api = value["api"].as_str()?;
    let about = match dialect {
        Dialect::OpenAi => matches!(api, "chat.completions" | "embeddings"),
        Dialect::Anthropic => api == "messages",
        Dialect::Gemini => matches!(api, "gemini" | "embeddings"),
        Dialect::Responses => api == "responses",
    };
    let response = &value["response"];
    let body = body(response, dialect);
    about.then(|| Entry {
        name,
        dialect,
        api: api.to_owned(),
        status: u16::try_from(response["status"].as_u64().unwrap_or(200)).unwrap_or(200),
        request: value
            .pointer("/request/body")
            .filter(|body| body.is_object())
            .cloned(),
        headers: response["headers"].clone(),
        body,
    })
}

fn body(response: &Value, dialect: Dialect) -> Body {
    match response["body_kind"].as_str().unwrap_or_default() {
        "json" => Body::Json(response["body"].clone()),
        "sse" => {
            let text = response["sse"].as_str().unwrap_or_default().to_owned();
            let events = text
                .lines()
                .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok());
            Body::Stream {
                events: events.collect(),
                text,
            }
        }
        "events" => {
            let events = response["events"].as_array().cloned().unwrap_or_default();
            Body::Stream {
                text: framed(&events, dialect),
                events,
            }
        }
        "json-array-stream" => {
            let events = response["body"].as_array().cloned().unwrap_or_default();
            Body::Stream {
                text: response["body"].to_string(),
                events,
            }
        }
        _ => Body::Text(response["body"].as_str().unwrap_or_default().to_owned()),
    }
}

/// The framing that the dialect's streams have, for fixtures that lost it.
fn framed(events: &[Value], dialect: Dialect) -> String {
    let mut text = String::new();
    for event in events {
        if dialect == Dialect::Anthropic {
            let kind = event["type"].as_str().unwrap_or_default();
            text.push_str(&format!("event: {kind}\n"));
        }
        text.push_str(&format!("data: {event}\n\n"));
    }
    if dialect == Dialect::OpenAi {
        text.push_str("data: [DONE]\n\n");
    }
    text
}
