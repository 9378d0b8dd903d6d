//! Streamed Converse answers.

use serde_json::{Value, json};

use super::render::{latency_ms, signature, stop_reason, tool_use_id, usage};
use crate::answer::text;
use crate::seed::Dice;
use crate::wire::{Context, Data, Event, Kind};

/// Words in one text delta.
const WORDS_EACH: usize = 2;
/// Longest padding of an event.
const PADDING_MAX: u64 = 60;

/// The events of a streamed answer: `messageStart`, blocks one after the other, `messageStop`,
/// `metadata`. Text and thoughts have no start of their own; every event carries padding.
pub fn events(context: &Context<'_>) -> Vec<Event> {
    let mut writer = Writer {
        events: Vec::new(),
        pad: Dice::new(context.id_seed, &["pad"]),
        block: 0,
    };
    writer.push("messageStart", Kind::Head, json!({"role": "assistant"}));
    let words_each = context.words_each(WORDS_EACH);
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    if let Some(thought) = turn.thinking.as_deref() {
        for piece in text::pieces(thought, words_each) {
            writer.delta(json!({"reasoningContent": {"text": piece}}));
        }
        if let Some(signature) = signature(context) {
            writer.delta(json!({"reasoningContent": {"signature": signature}}));
        }
        writer.close();
    }
    if let Some(said) = turn.text.as_deref().filter(|said| !said.is_empty()) {
        for piece in text::pieces(said, words_each) {
            writer.delta(json!({ "text": piece }));
        }
        writer.close();
    }
    for (at, call) in turn.calls.iter().enumerate() {
        let id = tool_use_id(context.id_seed, at);
        writer.open(json!({"toolUse": {"name": call.name, "toolUseId": id}}));
        for piece in text::pieces(&call.arguments, 1) {
            writer.delta(json!({"toolUse": {"input": piece}}));
        }
        writer.close();
    }
    let stop = json!({"stopReason": stop_reason(&turn.finish)});
    writer.push("messageStop", Kind::Finish, stop);
    let counts = json!({
        "metrics": {"latencyMs": latency_ms(context)},
        "usage": usage(&context.answer.usage),
    });
    writer.push("metadata", Kind::Usage, counts);
    writer.events
}

struct Writer {
    events: Vec<Event>,
    pad: Dice,
    block: usize,
}

impl Writer {
    fn push(&mut self, name: &'static str, kind: Kind, mut value: Value) {
        const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567";
        let length = usize::try_from(self.pad.below(PADDING_MAX)).unwrap_or(0);
        if let Some(members) = value.as_object_mut() {
            let padding: String = LETTERS.chars().take(length + 1).collect();
            members.insert("p".to_owned(), padding.into());
        }
        self.events.push(Event {
            name: Some(name),
            ..Event::json(kind, value)
        });
    }

    fn open(&mut self, start: Value) {
        let event = json!({"contentBlockIndex": self.block, "start": start});
        self.push("contentBlockStart", Kind::Mark, event);
    }

    fn delta(&mut self, delta: Value) {
        let event = json!({"contentBlockIndex": self.block, "delta": delta});
        self.push("contentBlockDelta", Kind::Content, event);
    }

    fn close(&mut self) {
        let event = json!({"contentBlockIndex": self.block});
        self.push("contentBlockStop", Kind::Mark, event);
        self.block += 1;
    }
}

/// An exception in the middle of a stream.
pub fn exception(name: &'static str, message: &str) -> Event {
    Event {
        name: Some(name),
        data: Data::Json(json!({ "message": message }), 0),
        kind: Kind::Error,
        wait_ms: None,
    }
}
