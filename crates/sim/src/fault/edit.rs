//! What a fault does to the JSON and the events of a reply, before they become bytes.

use serde_json::{Value, json};

use super::{Fault, OddUsage};
use crate::dialect::cohere;
use crate::errors::{About, Flavour, by_status};
use crate::models::Dialect;
use crate::wire::{Data, Event, Framing, Kind};

/// Data that is no JSON.
pub(super) const GARBAGE: &str = "}{ \u{fffd} this is not json";

/// Changes a stream's events. What only SSE can carry leaves a JSON array as it is.
pub(super) fn events(
    events: &mut Vec<Event>,
    framing: &mut Framing,
    fault: &Fault,
    about: About<'_>,
) {
    let sse_only = matches!(
        fault,
        Fault::CommentsFlood { .. } | Fault::PingOnly { .. } | Fault::DoubleDone | Fault::Crlf
    );
    if sse_only && !matches!(framing, Framing::Sse { .. }) {
        return;
    }
    let is_v1 = is_cohere_v1(events);
    match fault {
        Fault::SlowFirstToken { wait_ms } => {
            let content = |event: &&mut Event| matches!(event.kind, Kind::Content | Kind::Finish);
            if let Some(first) = events.iter_mut().find(content) {
                first.wait_ms = Some(*wait_ms);
            }
        }
        Fault::MalformedEvent { after } => {
            let name = match about.dialect {
                Dialect::Anthropic => Some("content_block_delta"),
                Dialect::Bedrock => Some("contentBlockDelta"),
                Dialect::Openai | Dialect::Gemini | Dialect::Cohere => None,
            };
            let data = Data::Text(r#"{"id":"broken","choices":[{"delta":{"content":"#.to_owned());
            let broken = Event {
                name,
                data,
                kind: Kind::Content,
                wait_ms: None,
            };
            events.insert((*after).min(events.len()), broken);
        }
        Fault::MissingDone => events.retain(|event| event.kind != Kind::Done),
        Fault::MissingFinish => missing_finish(events, about),
        Fault::GarbageJson => {
            for event in events {
                event.data = Data::Text(GARBAGE.to_owned());
            }
        }
        Fault::ErrorFirstEvent => *events = vec![error(about, is_v1)],
        Fault::ErrorAfter { after } => {
            events.truncate(*after);
            events.push(error(about, is_v1));
        }
        Fault::CommentsFlood { count } => flood(events, *count),
        Fault::BigEvent { bytes } => big_event(events, *bytes, about.dialect),
        Fault::PingOnly { gap_ms, count } => {
            let ping = |_| Event {
                wait_ms: Some(*gap_ms),
                ..ping(about)
            };
            *events = (0..*count).map(ping).collect();
        }
        Fault::UsageMissing => {
            events.retain(|event| event.kind != Kind::Usage);
            each_json(events, drop_usage);
        }
        Fault::UsageOdd(odd) => each_json(events, |value| odd_usage(value, *odd)),
        Fault::DoubleDone => {
            if let Some(done) = events.last().cloned() {
                events.push(done);
            }
            events.push(Event::raw(Kind::Ping, ": bye\n\n"));
        }
        Fault::Crlf => *framing = Framing::Sse { crlf: true },
        _ => {}
    }
}

/// Changes a whole answer's JSON.
pub(super) fn whole(value: &mut Value, fault: &Fault, dialect: Dialect) {
    match fault {
        Fault::UsageMissing => drop_usage(value),
        Fault::UsageOdd(odd) => odd_usage(value, *odd),
        Fault::MissingFinish => drop_finish(value),
        Fault::BigEvent { bytes } => {
            let path = match dialect {
                Dialect::Openai => "/choices/0/message/content",
                Dialect::Anthropic => "/content/0/text",
                Dialect::Gemini => "/candidates/0/content/parts/0/text",
                Dialect::Bedrock => "/output/message/content/0/text",
                Dialect::Cohere => "/message/content/0/text",
            };
            let path = if value.pointer(path).is_some() {
                path
            } else {
                "/text"
            };
            if let Some(text) = value.pointer_mut(path) {
                *text = Value::from("x".repeat(*bytes));
            }
        }
        _ => {}
    }
}

/// Whether the events are those of Cohere's v1.
fn is_cohere_v1(events: &[Event]) -> bool {
    let first = events.first().map(|event| &event.data);
    matches!(first, Some(Data::Json(value, _)) if value.get("event_type").is_some())
}

/// An error event as the dialect sends it within a stream.
fn error(about: About<'_>, is_v1: bool) -> Event {
    if let Some(vendor) = about.vendor {
        return vendor.error_event(about);
    }
    let name = match about.dialect {
        Dialect::Anthropic => Some("error"),
        Dialect::Bedrock => Some("serviceUnavailableException"),
        Dialect::Cohere => Some("message-end"),
        Dialect::Openai | Dialect::Gemini => None,
    };
    let mut value = by_status(about, 529, Flavour::Usual);
    if is_v1 {
        return cohere::v1::render::failed(value.get("message"));
    }
    if about.dialect == Dialect::Cohere {
        // A failed answer ends as any other does, with the reason beside the word.
        let delta = json!({"finish_reason": "ERROR", "usage": {}, "error": value.get("message"),
            "error_type": "INTERNAL_ERROR"});
        value = json!({"type": "message-end", "delta": delta});
    }
    Event {
        name,
        ..Event::json(Kind::Error, value)
    }
}

fn ping(about: About<'_>) -> Event {
    if let Some(vendor) = about.vendor {
        return vendor.ping();
    }
    match about.dialect {
        Dialect::Anthropic => Event {
            name: Some("ping"),
            ..Event::json(Kind::Ping, json!({"type": "ping"}))
        },
        Dialect::Openai | Dialect::Gemini | Dialect::Bedrock | Dialect::Cohere => {
            Event::raw(Kind::Ping, ": keep-alive\n\n")
        }
    }
}

fn missing_finish(events: &mut Vec<Event>, about: About<'_>) {
    if about.vendor.is_some() {
        // Finish chunks may carry text or calls: only the reason and the usage go.
        events.retain(|event| !matches!(event.kind, Kind::Usage | Kind::Done));
        events.retain(|event| !matches!(&event.data, Data::Json(value, _) if value.get("done") == Some(&Value::Bool(true))));
        for event in events.iter_mut().filter(|event| event.kind == Kind::Finish) {
            if let Data::Json(value, _) = &mut event.data {
                drop_finish(value);
                drop_usage(value);
            }
        }
        return;
    }
    match about.dialect {
        // The last chunk carries text as well: only the reason goes.
        Dialect::Gemini => each_json(events, drop_finish),
        Dialect::Openai | Dialect::Anthropic | Dialect::Bedrock | Dialect::Cohere => {
            events.retain(|event| !matches!(event.kind, Kind::Finish | Kind::Usage | Kind::Done));
        }
    }
}

fn drop_finish(value: &mut Value) {
    if let Some(members) = value.as_object_mut()
        && members.contains_key("stop_reason")
    {
        members.insert("stop_reason".to_owned(), Value::Null);
    }
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("stopReason");
    }
    if let Some(members) = value.as_object_mut()
        && members.contains_key("finish_reason")
    {
        members.insert("finish_reason".to_owned(), Value::Null);
    }
    for list in ["choices", "candidates"] {
        let entries = value
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        for members in entries.filter_map(Value::as_object_mut) {
            members.shift_remove("finishReason");
            members.shift_remove("finishMessage");
            if members.contains_key("finish_reason") {
                members.insert("finish_reason".to_owned(), Value::Null);
            }
        }
    }
}

fn flood(events: &mut Vec<Event>, count: usize) {
    let comments = ": keep-alive\n\n".repeat(count);
    let flooded = std::mem::take(events).into_iter().flat_map(|event| {
        let comments = Event::raw(Kind::Ping, comments.clone());
        [comments, event]
    });
    *events = flooded.collect();
}

fn big_event(events: &mut [Event], bytes: usize, dialect: Dialect) {
    let paths: &[&str] = match dialect {
        Dialect::Openai => &["/choices/0/delta/content", "/message/content"],
        Dialect::Anthropic | Dialect::Bedrock => &["/delta/text"],
        Dialect::Gemini => &["/candidates/0/content/parts/0/text"],
        Dialect::Cohere => &["/delta/message/content/text", "/text"],
    };
    for event in events {
        if matches!(event.kind, Kind::Content | Kind::Finish)
            && let Data::Json(value, _) = &mut event.data
            && let Some(path) = paths
                .iter()
                .copied()
                .chain(is_response_text(value).then_some("/delta"))
                .find(|path| value.pointer(path).is_some())
            && let Some(text) = value.pointer_mut(path)
        {
            *text = Value::from("x".repeat(bytes));
            return;
        }
    }
}

/// A piece of text of the Responses API.
fn is_response_text(event: &Value) -> bool {
    event.get("type").and_then(Value::as_str) == Some("response.output_text.delta")
}

fn each_json(events: &mut [Event], mut change: impl FnMut(&mut Value)) {
    for event in events {
        if let Data::Json(value, _) = &mut event.data {
            change(value);
        }
    }
}

/// The objects in which usage may stand: the document, and some in it.
fn drop_usage(value: &mut Value) {
    for path in ["", "/message", "/delta", "/x_groq"] {
        if let Some(members) = value.pointer_mut(path).and_then(Value::as_object_mut) {
            members.shift_remove("usage");
            members.shift_remove("usageMetadata");
        }
    }
    // Cohere v1.
    for path in ["/meta", "/response/meta"] {
        if let Some(members) = value.pointer_mut(path).and_then(Value::as_object_mut) {
            members.shift_remove("billed_units");
            members.shift_remove("tokens");
        }
    }
}

fn odd_usage(value: &mut Value, odd: OddUsage) {
    for path in [
        "/usage",
        "/usageMetadata",
        "/message/usage",
        "/delta/usage",
        "/x_groq/usage",
        // Cohere v1.
        "/meta/billed_units",
        "/meta/tokens",
        "/response/meta/billed_units",
        "/response/meta/tokens",
    ] {
        if let Some(usage) = value.pointer_mut(path) {
            odd_numbers(usage, odd);
        }
    }
}

fn odd_numbers(value: &mut Value, odd: OddUsage) {
    match value {
        Value::Number(number) => {
            *value = match odd {
                OddUsage::Null => Value::Null,
                OddUsage::Negative => json!(-1 - number.as_i64().unwrap_or(0).abs()),
                OddUsage::Huge => json!(1_u64 << 63),
                OddUsage::Text => json!(number.to_string()),
            }
        }
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| odd_numbers(value, odd)),
        Value::Array(items) => items.iter_mut().for_each(|value| odd_numbers(value, odd)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
