//! Streamed Anthropic messages.

use serde_json::{Value, json};

use super::render::{
    message_id, shown_thinking, signature, stop_reason, stop_sequence, tool_use, tool_use_id, usage,
};
use crate::answer::{Usage, text};
use crate::seed::Dice;
use crate::wire::{Context, Data, Event, Kind};

/// Words in one text delta.
const WORDS_EACH: usize = 3;

/// The events of a streamed message: one `message_start`, blocks one after the other with a ping
/// after the first start, `message_delta`, `message_stop`.
pub fn events(context: &Context<'_>) -> Vec<Event> {
    let mut writer = Writer {
        events: Vec::new(),
        pad: Dice::new(context.id_seed, &["pad"]),
        block: 0,
    };
    writer.push("message_start", Kind::Head, start(context));
    let words_each = context.words_each(WORDS_EACH);
    let turn = context.answer.turns.first().cloned().unwrap_or_default();
    if let Some(thinking) = shown_thinking(context, &turn) {
        writer.open(json!({"type": "thinking", "thinking": "", "signature": ""}));
        for piece in text::pieces(thinking, words_each) {
            writer.delta(json!({"type": "thinking_delta", "thinking": piece}));
        }
        let signature = signature(context.id_seed);
        writer.delta(json!({"type": "signature_delta", "signature": signature}));
        writer.close();
    }
    if let Some(said) = turn.text.as_deref().filter(|said| !said.is_empty()) {
        writer.open(json!({"type": "text", "text": ""}));
        for piece in text::pieces(said, words_each) {
            writer.delta(json!({"type": "text_delta", "text": piece}));
        }
        writer.close();
    }
    for (at, call) in turn.calls.iter().enumerate() {
        writer.open(tool_use(&tool_use_id(context.id_seed, at), call));
        writer.delta(json!({"type": "input_json_delta", "partial_json": ""}));
        if call.arguments != "{}" {
            for piece in text::pieces(&call.arguments, 1) {
                writer.delta(json!({"type": "input_json_delta", "partial_json": piece}));
            }
        }
        writer.close();
    }
    let ending = json!({"type": "message_delta", "delta": {
            "stop_reason": stop_reason(&turn.finish), "stop_sequence": stop_sequence(&turn.finish),
            "stop_details": null},
        "usage": final_usage(&context.answer.usage)});
    writer.push("message_delta", Kind::Finish, ending);
    writer.push("message_stop", Kind::Done, json!({"type": "message_stop"}));
    writer.events
}

fn start(context: &Context<'_>) -> Value {
    let so_far = Usage {
        output_visible: 1,
        thinking: 0,
        ..context.answer.usage
    };
    json!({"type": "message_start", "message": {
        "model": context.known.served_as,
        "id": message_id(context.id_seed),
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "stop_details": null,
        "usage": usage(&so_far),
    }})
}

/// The cumulative counts at the end; the split by lifetime stays in `message_start`.
fn final_usage(counts: &Usage) -> Value {
    let mut all = usage(counts);
    if let Some(members) = all.as_object_mut() {
        for key in ["cache_creation", "service_tier", "inference_geo"] {
            members.shift_remove(key);
        }
    }
    all
}

struct Writer {
    events: Vec<Event>,
    pad: Dice,
    block: usize,
}

impl Writer {
    fn push(&mut self, name: &'static str, kind: Kind, value: Value) {
        let padding = usize::try_from(self.pad.below(16)).unwrap_or(0);
        let data = Data::Json(value, padding);
        self.events.push(Event {
            name: Some(name),
            data,
            kind,
            wait_ms: None,
        });
    }

    fn open(&mut self, block: Value) {
        let start =
            json!({"type": "content_block_start", "index": self.block, "content_block": block});
        self.push("content_block_start", Kind::Mark, start);
        if self.block == 0 {
            self.push("ping", Kind::Ping, json!({"type": "ping"}));
        }
    }

    fn delta(&mut self, delta: Value) {
        let event = json!({"type": "content_block_delta", "index": self.block, "delta": delta});
        self.push("content_block_delta", Kind::Content, event);
    }

    fn close(&mut self) {
        let stop = json!({"type": "content_block_stop", "index": self.block});
        self.push("content_block_stop", Kind::Mark, stop);
        self.block += 1;
    }
}
