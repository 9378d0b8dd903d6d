//! Recorded exchanges, as far as this test reads them.

use std::path::Path;

use base64::Engine as _;
use polyroute_engine::catalog::Catalog;
use polyroute_wire::adapter::DecodeContext;
pub(crate) use polyroute_wire::dialect::Dialect;
use polyroute_wire::profile::VectorForm;
use serde_json::Value;

/// Which recordings are read: the folder of a provider, the API that answered, and whose wire
/// format that is. What is not here is of an endpoint that has no translation.
const READ: &[(&str, &str, Dialect)] = &[
    ("anthropic", "messages", Dialect::Anthropic),
    ("anthropic", "models", Dialect::Anthropic),
    ("gemini", "gemini", Dialect::Gemini),
    ("gemini", "embeddings", Dialect::Gemini),
    ("gemini", "models", Dialect::Gemini),
    ("vertex", "gemini", Dialect::Gemini),
    ("vertex", "embeddings", Dialect::Gemini),
    // Embeddings of the older models.
    ("vertex", "predict", Dialect::Gemini),
    // The models' own bodies (`invoke`) are another API.
    ("bedrock", "converse", Dialect::Bedrock),
    ("bedrock", "count-tokens", Dialect::Bedrock),
    ("vertex", "count-tokens", Dialect::Gemini),
    ("anthropic", "count-tokens", Dialect::Anthropic),
    ("openai", "count-tokens", Dialect::Responses),
    ("openrouter", "rerank", Dialect::OpenAi),
    ("voyage", "rerank", Dialect::OpenAi),
    ("cohere", "cohere-v2", Dialect::Cohere),
    ("cohere", "cohere-v1", Dialect::Cohere),
    // `/v1/generate`, which chat took the place of. v1 embed and rerank answer as v2 does.
    ("cohere", "completions", Dialect::Cohere),
    ("cohere", "embeddings", Dialect::Cohere),
    ("cohere", "rerank", Dialect::Cohere),
    ("cohere", "models", Dialect::Cohere),
    // Its own API; what it answers as OpenAI does is below.
    ("ollama", "ollama-chat", Dialect::Ollama),
    ("ollama", "ollama-generate", Dialect::Ollama),
    ("ollama", "embeddings", Dialect::Ollama),
    // Everybody who speaks OpenAI's format.
    ("*", "chat.completions", Dialect::OpenAi),
    ("*", "completions", Dialect::OpenAi),
    ("*", "moderation", Dialect::OpenAi),
    ("*", "embeddings", Dialect::OpenAi),
    ("*", "models", Dialect::OpenAi),
    ("*", "responses", Dialect::Responses),
];

/// Providers whose recordings of an API that [`READ`] names for all are in a format of their own.
const NOT_OPENAI: &[&str] = &[
    "anthropic",
    "bedrock",
    "cohere",
    "gemini",
    "vertex",
    "voyage",
];

/// The format of an exchange, if this test reads it.
fn dialect_of(provider: &str, api: &str) -> Option<Dialect> {
    let row = |name: &str| {
        READ.iter()
            .find(|(of, answered, _)| *of == name && *answered == api)
            .map(|(_, _, dialect)| *dialect)
    };
    row(provider).or_else(|| {
        let own = NOT_OPENAI.contains(&provider);
        row("*").filter(|_| !own)
    })
}

/// One recorded exchange.
#[derive(Debug)]
pub(crate) struct Entry {
    /// `openai/text-001`.
    pub(crate) name: String,
    /// `openai`.
    pub(crate) provider: String,
    /// `text`.
    pub(crate) kind: String,
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
        bytes: Vec<u8>,
        events: Vec<Value>,
    },
    Text(String),
}

impl Entry {
    pub(crate) fn is_error(&self) -> bool {
        self.status >= 400
    }

    pub(crate) fn is_embeddings(&self) -> bool {
        matches!(self.api.as_str(), "embeddings" | "predict")
    }

    pub(crate) fn is_rerank(&self) -> bool {
        self.api == "rerank"
    }

    pub(crate) fn is_completion(&self) -> bool {
        self.api == "completions" && self.dialect == Dialect::OpenAi
    }

    pub(crate) fn is_cohere_v1(&self) -> bool {
        self.dialect == Dialect::Cohere && matches!(self.api.as_str(), "cohere-v1" | "completions")
    }

    pub(crate) fn is_moderation(&self) -> bool {
        self.api == "moderation"
    }

    pub(crate) fn is_count(&self) -> bool {
        self.api == "count-tokens"
    }

    /// Its vectors are of signed bytes.
    pub(crate) fn has_int8_vectors(&self) -> bool {
        let catalog = Catalog::embedded();
        catalog
            .entry(&self.provider)
            .is_some_and(|entry| entry.profile.embeddings.vectors == VectorForm::Int8)
    }

    pub(crate) fn is_models(&self) -> bool {
        self.api == "models"
    }

    pub(crate) fn is_openai_chat(&self) -> bool {
        self.dialect == Dialect::OpenAi && self.api == "chat.completions"
    }

    /// The bytes of the answer.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match &self.body {
            Body::Json(value) => value.to_string().into_bytes(),
            Body::Stream { bytes, .. } => bytes.clone(),
            Body::Text(text) => text.clone().into_bytes(),
        }
    }

    /// What decoding it needs to know.
    pub(crate) fn context(&self) -> DecodeContext {
        let inputs = match self.request.as_ref() {
            Some(request) => match (
                request.get("input").or_else(|| request.get("texts")),
                request.get("requests").or(request.get("instances")),
            ) {
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
            api_version: self.is_cohere_v1().then(|| "v1".to_owned()),
            stream: matches!(self.body, Body::Stream { .. }),
            id_seed: self.name.clone(),
            embedding_inputs: if self.is_embeddings() {
                vec![1; inputs]
            } else {
                Vec::new()
            },
            rerank_documents: self
                .request
                .as_ref()
                .and_then(|request| request["documents"].as_array())
                .map_or(0, Vec::len),
            int8_vectors: self.has_int8_vectors(),
            ..DecodeContext::default()
        }
    }
}

/// Every exchange that this test is about, by name.
pub(crate) fn load(folder: &Path, filter: Option<&str>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut providers: Vec<_> = std::fs::read_dir(folder)
        .expect("the corpus is a folder")
        .flatten()
        .filter(|provider| provider.path().is_dir())
        .collect();
    providers.sort_by_key(std::fs::DirEntry::file_name);
    for provider in providers {
        let Ok(files) = std::fs::read_dir(provider.path()) else {
            continue;
        };
        let provider = provider.file_name().to_string_lossy().into_owned();
        let mut paths: Vec<_> = files
            .flatten()
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .collect();
        paths.sort();
        for path in paths {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            if filter.is_some_and(|filter| !format!("{provider}/{stem}").contains(filter)) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a corpus file is text");
            let value: Value = serde_json::from_str(&text).expect("a corpus file is JSON");
            entries.extend(read(&provider, &stem, &value));
        }
    }
    entries
}

fn read(provider: &str, stem: &str, value: &Value) -> Option<Entry> {
    let api = value["api"].as_str()?;
    let dialect = dialect_of(provider, api)?;
    // A single model, or a long operation of one, is no list.
    let path = value.pointer("/request/path").and_then(Value::as_str);
    let is_list = path.is_none_or(|path| {
        path.split('?')
            .next()
            .is_some_and(|path| path.ends_with("/models"))
    });
    if api == "models" && !is_list && dialect != Dialect::Cohere {
        return None;
    }
    let response = &value["response"];
    Some(Entry {
        name: format!("{provider}/{stem}"),
        provider: provider.to_owned(),
        kind: stem
            .rsplit_once('-')
            .map_or(stem, |(kind, _)| kind)
            .to_owned(),
        dialect,
        api: api.to_owned(),
        status: u16::try_from(response["status"].as_u64().unwrap_or(200)).unwrap_or(200),
        request: value
            .pointer("/request/body")
            .filter(|body| body.is_object())
            .cloned(),
        headers: response["headers"].clone(),
        body: body(response, dialect),
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
                bytes: text.into_bytes(),
            }
        }
        "ndjson" => {
            let text = response["ndjson"].as_str().unwrap_or_default().to_owned();
            let events = text
                .lines()
                .map(|line| serde_json::from_str(line).expect("a recorded line is JSON"));
            Body::Stream {
                events: events.collect(),
                bytes: text.into_bytes(),
            }
        }
        "events" => {
            let events = response["events"].as_array().cloned().unwrap_or_default();
            let bytes = framed(&events, dialect);
            let inner = |event: Value| match event {
                // Each event stands under its own name, which a frame has in its head.
                Value::Object(named) if dialect == Dialect::Bedrock => {
                    named.into_iter().map(|(_, event)| event).collect()
                }
                event => vec![event],
            };
            let events = events.into_iter().flat_map(inner).collect();
            Body::Stream { bytes, events }
        }
        "eventstream" => {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(response["base64"].as_str().unwrap_or_default())
                .expect("a recorded event stream is base64");
            let frames = response["events"].as_array().into_iter().flatten();
            let events = frames.map(|frame| {
                let payload = frame["payload"].as_str().unwrap_or_default();
                serde_json::from_str(payload).unwrap_or_default()
            });
            Body::Stream {
                events: events.collect(),
                bytes,
            }
        }
        "json-array-stream" => {
            let events = response["body"].as_array().cloned().unwrap_or_default();
            Body::Stream {
                bytes: response["body"].to_string().into_bytes(),
                events,
            }
        }
        _ => Body::Text(response["body"].as_str().unwrap_or_default().to_owned()),
    }
}

/// The framing that the dialect's streams have, for fixtures that lost it.
fn framed(events: &[Value], dialect: Dialect) -> Vec<u8> {
    if dialect == Dialect::Bedrock {
        return event_stream(events);
    }
    let mut text = String::new();
    for event in events {
        if matches!(dialect, Dialect::Anthropic | Dialect::Cohere) {
            let kind = event["type"].as_str().unwrap_or_default();
            text.push_str(&format!("event: {kind}\n"));
        }
        text.push_str(&format!("data: {event}\n\n"));
    }
    if matches!(dialect, Dialect::OpenAi | Dialect::Cohere) {
        text.push_str("data: [DONE]\n\n");
    }
    text.into_bytes()
}

/// AWS frames of events that each stand under their own name.
fn event_stream(events: &[Value]) -> Vec<u8> {
    use aws_smithy_types::event_stream::{Header, HeaderValue, Message};

    let mut out = Vec::new();
    for (name, payload) in events.iter().filter_map(Value::as_object).flatten() {
        let header = |name: &str, value: &str| {
            Header::new(
                name.to_owned(),
                HeaderValue::String(value.to_owned().into()),
            )
        };
        let message = Message::new(payload.to_string().into_bytes())
            .add_header(header(":event-type", name))
            .add_header(header(":content-type", "application/json"))
            .add_header(header(":message-type", "event"));
        aws_smithy_eventstream::frame::write_message_to(&message, &mut out)
            .expect("a frame of a fixture can be written");
    }
    out
}
