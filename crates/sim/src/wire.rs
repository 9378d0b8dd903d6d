//! A reply before faults and timing: status, headers, and a JSON body or a list of events.
//!
//! Events keep their JSON as a value until the last moment, so that a fault can take a field out
//! or put a broken event between two good ones.

use bytes::Bytes;
use serde_json::Value;

use crate::answer::Answer;
use crate::dialect::bedrock::frame;
use crate::models::Known;
use crate::prompt::Prompt;

/// What a dialect needs to render an answer.
#[derive(Debug)]
pub struct Context<'a> {
    /// The request as understood.
    pub prompt: &'a Prompt,
    /// The model that answers.
    pub known: &'a Known,
    /// What it says.
    pub answer: &'a Answer,
    /// Seeds the ids of this reply, different for each request.
    pub id_seed: u64,
    /// Seconds since 1970.
    pub created_s: u64,
    /// Words in each event of content; 0 leaves it to the dialect.
    pub words_per_event: usize,
    /// OpenAI: pad stream chunks against traffic analysis.
    pub obfuscate: bool,
}

impl Context<'_> {
    /// Words in each event of content, where the dialect usually sends this many.
    pub fn words_each(&self, usual: usize) -> usize {
        if self.words_per_event == 0 {
            usual
        } else {
            self.words_per_event
        }
    }
}

/// A reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers beside content type and length.
    pub headers: Vec<(String, String)>,
    /// Tokens of output in it: a whole answer takes as long as they do.
    pub tokens: u64,
    /// The body.
    pub body: Body,
}

/// A reply's body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// One JSON document.
    Json(Value),
    /// Events, one after the other.
    Stream {
        /// How they are framed.
        framing: Framing,
        /// The events.
        events: Vec<Event>,
    },
}

/// How events become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events with this line end.
    Sse {
        /// `\r\n` instead of `\n`.
        crlf: bool,
    },
    /// Elements of one JSON array (Gemini without `alt=sse`).
    JsonArray,
    /// Binary frames of AWS event streams.
    AwsFrames,
    /// One JSON document a line (Ollama's own API).
    Lines,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The `event:` line, where there is one.
    pub name: Option<&'static str>,
    /// What it carries.
    pub data: Data,
    /// What it is for.
    pub kind: Kind,
    /// Scripted wait before it, instead of the model's own pace.
    pub wait_ms: Option<u64>,
}

impl Event {
    /// `[DONE]`, the end of a stream.
    pub fn done() -> Self {
        Self {
            name: None,
            data: Data::Text("[DONE]".to_owned()),
            kind: Kind::Done,
            wait_ms: None,
        }
    }
}

/// An event's data.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// JSON on one `data:` line, with this many spaces after it (Anthropic pads).
    Json(Value, usize),
    /// Text on one `data:` line.
    Text(String),
    /// Bytes as they are, framing included.
    Raw(Bytes),
}

/// What an event is for: faults and timing go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opens the stream; comes before any content.
    Head,
    /// Carries content.
    Content,
    /// Opens or closes a part of the content.
    Mark,
    /// Keeps the connection alive.
    Ping,
    /// Says why the answer ended.
    Finish,
    /// Token counts only.
    Usage,
    /// Ends the stream.
    Done,
    /// An error.
    Error,
}

impl Event {
    /// A nameless JSON event.
    pub fn json(kind: Kind, value: Value) -> Self {
        Self {
            name: None,
            data: Data::Json(value, 0),
            kind,
            wait_ms: None,
        }
    }

    /// Bytes as they are.
    pub fn raw(kind: Kind, bytes: impl Into<Bytes>) -> Self {
        Self {
            name: None,
            data: Data::Raw(bytes.into()),
            kind,
            wait_ms: None,
        }
    }

    /// The event's bytes. `first` matters to the JSON array only.
    pub fn encode(&self, framing: Framing, first: bool) -> Bytes {
        let text = match &self.data {
            Data::Raw(bytes) => return bytes.clone(),
            Data::Json(value, padding) => format!("{value}{:padding$}", ""),
            Data::Text(text) => text.clone(),
        };
        match framing {
            Framing::AwsFrames => {
                let name = self.name.unwrap_or("chunk");
                match self.kind {
                    Kind::Error => frame::exception(name, text.as_bytes()).into(),
                    _ => frame::event(name, text.as_bytes()).into(),
                }
            }
            Framing::JsonArray => format!("{}{text}", if first { "[" } else { ",\r\n" }).into(),
            Framing::Lines => format!("{text}\n").into(),
            Framing::Sse { crlf } => {
                let end = if crlf { "\r\n" } else { "\n" };
                let name = self
                    .name
                    .map(|name| format!("event: {name}{end}"))
                    .unwrap_or_default();
                format!("{name}data: {text}{end}{end}").into()
            }
        }
    }
}

/// The bytes after the last event.
pub fn closing(framing: Framing) -> &'static str {
    match framing {
        Framing::JsonArray => "]",
        Framing::Sse { .. } | Framing::AwsFrames | Framing::Lines => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_framed() {
        let named = Event {
            name: Some("ping"),
            ..Event::json(Kind::Ping, json!({"a": 1}))
        };
        let lf = named.encode(Framing::Sse { crlf: false }, true);
        assert_eq!(lf, "event: ping\ndata: {\"a\":1}\n\n");
        let crlf = named.encode(Framing::Sse { crlf: true }, true);
        assert_eq!(crlf, "event: ping\r\ndata: {\"a\":1}\r\n\r\n");
        assert_eq!(named.encode(Framing::JsonArray, true), "[{\"a\":1}");
        assert_eq!(named.encode(Framing::JsonArray, false), ",\r\n{\"a\":1}");
    }
}
