//! From a reply to the steps that play it: framing, content type and timing. Pure.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::errors::About;
use crate::latency::Pace;
use crate::models::Dialect;
use crate::play::{Play, Step};
use crate::wire::{Body, Event, Framing, Kind, Reply, closing};

/// A reply as steps, with nothing wrong.
pub fn plain(reply: Reply, dialect: Dialect, pace: &mut Pace) -> Play {
    let Reply {
        status,
        headers,
        tokens,
        body,
    } = reply;
    match body {
        Body::Json(value) => {
            let head_wait = if status == 200 {
                pace.whole(tokens)
            } else {
                Duration::ZERO
            };
            let bytes = document(&value, dialect);
            let length = Some(bytes.len() as u64);
            let steps = vec![Step::Send {
                bytes,
                event: false,
            }];
            let headers = typed(headers, json_type(dialect));
            Play {
                head_wait,
                status,
                headers,
                length,
                steps,
                ..Play::default()
            }
        }
        Body::Stream { framing, events } => {
            let headers = typed(headers, stream_type(dialect, framing));
            let steps = timed(&events, framing, pace);
            Play {
                status,
                headers,
                steps,
                ..Play::default()
            }
        }
    }
}

/// A JSON body as the provider writes it: Gemini indents its whole answers.
pub fn document(value: &Value, dialect: Dialect) -> Bytes {
    let text = match dialect {
        Dialect::Gemini => serde_json::to_string_pretty(value).unwrap_or_default(),
        Dialect::Openai | Dialect::Anthropic | Dialect::Bedrock | Dialect::Cohere => {
            value.to_string()
        }
    };
    text.into()
}

/// The content type of whole answers.
pub fn json_type(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Gemini => "application/json; charset=UTF-8",
        Dialect::Openai | Dialect::Anthropic | Dialect::Bedrock | Dialect::Cohere => {
            "application/json"
        }
    }
}

/// The content type of errors.
pub fn error_type(about: About<'_>) -> &'static str {
    match about.vendor {
        Some(vendor) => vendor.errors.content_type,
        None => json_type(about.dialect),
    }
}

/// The content type of streams.
pub fn stream_type(dialect: Dialect, framing: Framing) -> &'static str {
    match (dialect, framing) {
        (_, Framing::AwsFrames) => "application/vnd.amazon.eventstream",
        (_, Framing::JsonArray) => "application/json; charset=UTF-8",
        (Dialect::Cohere, Framing::Lines) => "application/stream+json",
        (_, Framing::Lines) => "application/x-ndjson",
        (Dialect::Gemini, Framing::Sse { .. }) => "text/event-stream",
        (
            Dialect::Openai | Dialect::Anthropic | Dialect::Bedrock | Dialect::Cohere,
            Framing::Sse { .. },
        ) => "text/event-stream; charset=utf-8",
    }
}

/// The headers with this content type in front, unless they name one.
pub fn typed(mut headers: Vec<(String, String)>, content_type: &str) -> Vec<(String, String)> {
    if !headers.iter().any(|(name, _)| name == "content-type") {
        headers.insert(0, ("content-type".to_owned(), content_type.to_owned()));
    }
    headers
}

/// Events as steps: the time to the first token before the first content, the gap between tokens
/// before each later one, and each event in a write of its own.
pub fn timed(events: &[Event], framing: Framing, pace: &mut Pace) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut content_came = false;
    for (at, event) in events.iter().enumerate() {
        let paced = matches!(event.kind, Kind::Content | Kind::Finish);
        let wait = match (event.wait_ms, paced, content_came) {
            (Some(wait_ms), _, _) => Duration::from_millis(wait_ms),
            (None, true, false) => pace.first(),
            (None, true, true) => pace.later(),
            (None, false, _) => Duration::ZERO,
        };
        content_came |= paced;
        steps.push(if wait.is_zero() {
            Step::Flush
        } else {
            Step::Wait(wait)
        });
        steps.push(Step::Send {
            bytes: event.encode(framing, at == 0),
            event: true,
        });
    }
    let end = closing(framing);
    if !end.is_empty() {
        steps.push(Step::Send {
            bytes: Bytes::from_static(end.as_bytes()),
            event: false,
        });
    }
    steps
}
