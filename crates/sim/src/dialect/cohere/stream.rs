//! Streamed Cohere answers.

use serde_json::{Value, json};

use super::render::{call_id, finish_reason, logprob, plan, tool_call, usage, uuid};
use crate::answer::text;
use crate::wire::{Context, Data, Event, Kind};

/// Words in one delta.
const WORDS_EACH: usize = 1;

/// The events of a streamed answer: `message-start`, content items, the plan and the calls,
/// `message-end`, `[DONE]`. The `event:` line always says the type.
pub fn events(context: &Context<'_>) -> Vec<Event> {
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    let words_each = context.words_each(WORDS_EACH);
    let mut events = vec![named(
        "message-start",
        Kind::Head,
        json!({"id": uuid(context.id_seed, "chat"), "type": "message-start", "delta": {"message": {
            "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}}),
    )];
    let items = [
        ("thinking", turn.thinking.as_deref()),
        ("text", turn.text.as_deref()),
    ];
    let said = items
        .into_iter()
        .filter_map(|(kind, said)| Some((kind, said?)));
    for (index, (kind, said)) in said.enumerate() {
        let begin = json!({"type": kind, (kind): ""});
        events.push(content("content-start", Kind::Mark, index, begin));
        for piece in text::pieces(said, words_each) {
            let mut event = content(
                "content-delta",
                Kind::Content,
                index,
                json!({ (kind): piece }),
            );
            if let (Some(_), "text", Data::Json(Value::Object(members), _)) =
                (context.prompt.logprobs, kind, &mut event.data)
            {
                members.insert("logprobs".to_owned(), logprob(&piece));
            }
            events.push(event);
        }
        let end = json!({"type": "content-end", "index": index});
        events.push(named("content-end", Kind::Mark, end));
    }
    if !turn.calls.is_empty() {
        for piece in text::pieces(&plan(&turn.calls), words_each) {
            let delta =
                json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}});
            events.push(named("tool-plan-delta", Kind::Content, delta));
        }
    }
    for (at, made) in turn.calls.iter().enumerate() {
        let id = call_id(context.id_seed, at, made);
        let begin = tool_call(&id, made, "");
        events.push(call("tool-call-start", at, begin));
        for piece in text::pieces(&made.arguments, 1) {
            let delta = json!({"function": {"arguments": piece}});
            events.push(call("tool-call-delta", at, delta));
        }
        let end = json!({"type": "tool-call-end", "index": at});
        events.push(named("tool-call-end", Kind::Mark, end));
    }
    events.push(named(
        "message-end",
        Kind::Finish,
        json!({"type": "message-end", "delta": {
            "finish_reason": finish_reason(&turn.finish),
            "usage": usage(&context.answer.usage, turn.thinking.is_some())}}),
    ));
    events.push(Event::done());
    events
}

fn named(name: &'static str, kind: Kind, value: Value) -> Event {
    Event {
        name: Some(name),
        ..Event::json(kind, value)
    }
}

fn content(name: &'static str, kind: Kind, index: usize, item: Value) -> Event {
    let event = json!({"type": name, "index": index, "delta": {"message": {"content": item}}});
    named(name, kind, event)
}

fn call(name: &'static str, index: usize, call: Value) -> Event {
    let event = json!({"type": name, "index": index, "delta": {"message": {"tool_calls": call}}});
    named(name, Kind::Content, event)
}
