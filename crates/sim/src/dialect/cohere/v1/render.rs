//! v1 answers of chat, whole and streamed.

use http::HeaderMap;
use serde_json::{Map, Value, json};

use crate::answer::{Call, Finish, Turn, text};
use crate::dialect::cohere::render::{plan, usage, uuid};
use crate::wire::{Context, Event, Framing, Kind};

/// Words in one event.
const WORDS_EACH: usize = 1;

/// How a stream is framed: a line an event, unless server-sent events are asked for in the header that
/// the API calls `Accepts`.
pub fn framing(headers: &HeaderMap) -> Framing {
    let asked = headers.get("accepts").and_then(|value| value.to_str().ok());
    if asked == Some("text/event-stream") {
        Framing::Sse { crlf: false }
    } else {
        Framing::Lines
    }
}

/// A whole answer. It repeats the conversation: the last question and the answer, of it.
pub fn chat(context: &Context<'_>) -> Value {
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    let said = said(&turn);
    let calls = calls(&turn);
    let mut chatbot = Map::new();
    chatbot.insert("role".to_owned(), "CHATBOT".into());
    chatbot.insert("message".to_owned(), said.as_str().into());
    if !calls.is_empty() {
        chatbot.insert("tool_calls".to_owned(), calls.clone().into());
    }
    let mut counts = usage(&context.answer.usage, false);
    let mut meta = json!({"api_version": {"version": "1"}});
    if let (Some(meta), Some(counts)) = (meta.as_object_mut(), counts.as_object_mut()) {
        counts.shift_remove("cached_tokens");
        meta.append(counts);
    }
    let mut body = json!({
        "response_id": uuid(context.id_seed, "response"),
        "text": said,
        "generation_id": uuid(context.id_seed, "generation"),
        "chat_history": [{"role": "USER", "message": context.prompt.last_user_text}, chatbot],
        "finish_reason": finish_reason(&turn.finish),
        "meta": meta,
    });
    if let (false, Some(members)) = (calls.is_empty(), body.as_object_mut()) {
        members.insert("tool_calls".to_owned(), calls.into());
    }
    body
}

/// The events of a streamed answer: `stream-start`, text or the plan and the calls in pieces and once
/// more whole, `stream-end` with the whole answer.
pub fn events(context: &Context<'_>) -> Vec<Event> {
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    let words_each = context.words_each(WORDS_EACH);
    let whole = chat(context);
    let start = json!({"generation_id": whole.get("generation_id")});
    let mut events = vec![event("stream-start", Kind::Head, start)];
    let said = said(&turn);
    let is_plan = !turn.calls.is_empty();
    for piece in text::pieces(&said, words_each) {
        let name = if is_plan {
            "tool-calls-chunk"
        } else {
            "text-generation"
        };
        events.push(event(name, Kind::Content, json!({ "text": piece })));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        let delta = json!({"tool_call_delta": {"index": index, "name": call.name}});
        events.push(event("tool-calls-chunk", Kind::Content, delta));
        for piece in text::pieces(&call.arguments, 1) {
            let delta = json!({"tool_call_delta": {"index": index, "parameters": piece}});
            events.push(event("tool-calls-chunk", Kind::Content, delta));
        }
    }
    if is_plan {
        let all = json!({"text": said, "tool_calls": calls(&turn)});
        events.push(event("tool-calls-generation", Kind::Mark, all));
    }
    let reason = finish_reason(&turn.finish);
    let end = json!({"finish_reason": reason, "response": whole});
    events.push(event("stream-end", Kind::Finish, end));
    events
}

/// A failure within a stream: an end that says so.
pub fn failed(message: Option<&Value>) -> Event {
    let end = json!({"finish_reason": "ERROR", "error": message});
    event("stream-end", Kind::Error, end)
}

/// The text, or the plan that stands in its place before calls.
fn said(turn: &Turn) -> String {
    match &turn.text {
        Some(text) => text.clone(),
        None if turn.calls.is_empty() => String::new(),
        None => plan(&turn.calls),
    }
}

fn calls(turn: &Turn) -> Vec<Value> {
    let whole = |call: &Call| {
        let parameters: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        json!({"name": call.name, "parameters": parameters})
    };
    turn.calls.iter().map(whole).collect()
}

/// The API has no word for calls.
fn finish_reason(finish: &Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::ToolCalls => "COMPLETE",
        Finish::Length => "MAX_TOKENS",
        Finish::ContentFilter => "ERROR_TOXIC",
    }
}

fn event(name: &'static str, kind: Kind, more: Value) -> Event {
    let mut value = json!({"is_finished": name == "stream-end", "event_type": name});
    if let (Some(members), Value::Object(more)) = (value.as_object_mut(), more) {
        members.extend(more);
    }
    Event {
        name: Some(name),
        ..Event::json(kind, value)
    }
}
