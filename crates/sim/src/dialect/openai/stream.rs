//! Streamed OpenAI chat completions.

use serde_json::{Value, json};

use super::render::{Identity, call_id, finish_reason, identity, logprob, tool_call, usage};
use crate::answer::{Call, Turn, text};
use crate::seed::Dice;
use crate::wire::{Context, Event, Kind};

/// Words in one content chunk.
const WORDS_EACH: usize = 1;

/// The chunks of a streamed completion, `[DONE]` included. Choices take turns, as they do when
/// the real API computes them side by side.
pub fn events(context: &Context<'_>) -> Vec<Event> {
    let identity = identity(context);
    let mut chunker = Chunker {
        context,
        identity,
        dice: Dice::new(context.id_seed, &["pad"]),
    };
    let mut lanes: Vec<std::vec::IntoIter<Event>> = Vec::new();
    for (index, turn) in context.answer.turns.iter().enumerate() {
        lanes.push(chunker.turn(index, turn).into_iter());
    }
    let mut events = Vec::new();
    loop {
        let round: Vec<Event> = lanes.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            break;
        }
        events.extend(round);
    }
    if context.prompt.include_usage {
        let counts = usage(&context.answer.usage);
        events.push(chunker.chunk(Kind::Usage, json!([]), counts));
    }
    events.push(Event::done());
    events
}

struct Chunker<'a> {
    context: &'a Context<'a>,
    identity: Identity,
    dice: Dice,
}

impl Chunker<'_> {
    fn turn(&mut self, index: usize, turn: &Turn) -> Vec<Event> {
        let mut events = Vec::new();
        match turn.calls.as_slice() {
            [] => {
                let opening = json!({"role": "assistant", "content": "", "refusal": null});
                events.push(self.delta(Kind::Head, index, opening, Value::Null));
                self.said(index, turn.text.as_deref().unwrap_or(""), &mut events);
            }
            [only] if turn.text.is_none() => {
                let start = self.call_start(index, 0, only);
                let opening = json!({"role": "assistant", "content": null, "tool_calls": [start], "refusal": null});
                events.push(self.delta(Kind::Head, index, opening, Value::Null));
                self.arguments(index, 0, only, &mut events);
            }
            calls => {
                let opening = json!({"role": "assistant", "content": null});
                events.push(self.delta(Kind::Head, index, opening, Value::Null));
                self.said(index, turn.text.as_deref().unwrap_or(""), &mut events);
                for (at, call) in calls.iter().enumerate() {
                    let start = json!({"tool_calls": [self.call_start(index, at, call)]});
                    events.push(self.delta(Kind::Content, index, start, Value::Null));
                    self.arguments(index, at, call, &mut events);
                }
            }
        }
        let choice = json!([{"index": index, "delta": {}, "logprobs": null,
            "finish_reason": finish_reason(&turn.finish)}]);
        events.push(self.chunk(Kind::Finish, choice, Value::Null));
        events
    }

    fn said(&mut self, index: usize, said: &str, events: &mut Vec<Event>) {
        for piece in text::pieces(said, self.context.words_each(WORDS_EACH)) {
            let odds = match self.context.prompt.logprobs {
                Some(alternatives) => {
                    json!({"content": [logprob(&piece, alternatives)], "refusal": null})
                }
                None => Value::Null,
            };
            events.push(self.delta(Kind::Content, index, json!({"content": piece}), odds));
        }
    }

    fn call_start(&self, choice: usize, at: usize, call: &Call) -> Value {
        let mut start = json!({"index": at});
        let opened = tool_call(&call_id(self.context.id_seed, choice, at), call, "");
        if let (Some(members), Value::Object(opened)) = (start.as_object_mut(), opened) {
            members.extend(opened);
        }
        start
    }

    fn arguments(&mut self, index: usize, at: usize, call: &Call, events: &mut Vec<Event>) {
        for piece in text::pieces(&call.arguments, self.context.words_each(WORDS_EACH)) {
            let part = if call.custom {
                json!({"index": at, "custom": {"input": piece}})
            } else {
                json!({"index": at, "function": {"arguments": piece}})
            };
            let delta = json!({"tool_calls": [part]});
            events.push(self.delta(Kind::Content, index, delta, Value::Null));
        }
    }

    fn delta(&mut self, kind: Kind, index: usize, delta: Value, logprobs: Value) -> Event {
        let choice = json!([{"index": index, "delta": delta, "logprobs": logprobs,
            "finish_reason": null}]);
        self.chunk(kind, choice, Value::Null)
    }

    fn chunk(&mut self, kind: Kind, choices: Value, usage: Value) -> Event {
        let mut chunk = json!({
            "id": self.identity.id,
            "object": "chat.completion.chunk",
            "created": self.context.created_s,
            "model": self.context.known.served_as,
            "service_tier": "default",
            "system_fingerprint": self.identity.fingerprint,
            "choices": choices,
        });
        if let Some(members) = chunk.as_object_mut() {
            if self.context.prompt.include_usage {
                members.insert("usage".to_owned(), usage);
            }
            if self.context.obfuscate {
                let length = usize::try_from(self.dice.below(16)).unwrap_or(0);
                members.insert("obfuscation".to_owned(), json!(self.dice.base62(length)));
            }
        }
        Event::json(kind, chunk)
    }
}
