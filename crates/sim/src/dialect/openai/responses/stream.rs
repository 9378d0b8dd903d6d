//! Streamed responses: every event named, numbered from 0, and the whole response again at the end.

use serde_json::{Value, json};

use super::super::render::logprob;
use super::render::{called, output, response, skeleton, text_part};
use crate::answer::{Call, text};
use crate::seed::Dice;
use crate::wire::{Context, Event, Kind};

/// Words in one content event.
const WORDS_EACH: usize = 1;

/// The events of a streamed response; `dress` puts on each whole one what a host adds.
pub fn events(context: &Context<'_>, dress: fn(Value) -> Value) -> Vec<Event> {
    let mut writer = Writer {
        context,
        dice: Dice::new(context.id_seed, &["pad"]),
        events: Vec::new(),
    };
    for name in ["response.created", "response.in_progress"] {
        let opened = dress(skeleton(context, "in_progress"));
        writer.say(Kind::Head, name, json!({ "response": opened }));
    }
    let turn = context.answer.turns.first();
    let items = turn.map(|turn| output(context, turn)).unwrap_or_default();
    let calls = turn.map(|turn| turn.calls.as_slice()).unwrap_or_default();
    let first_call = items.len() - calls.len();
    for (index, item) in items.into_iter().enumerate() {
        match item.get("type").and_then(Value::as_str) {
            Some("reasoning") => writer.reasoning(index, item),
            Some("message") => writer.message(index, item),
            _ => {
                let at = index - first_call;
                if let Some(call) = calls.get(at) {
                    writer.call(index, at, call, item);
                }
            }
        }
    }
    let whole = dress(response(context));
    let name = match whole.get("status").and_then(Value::as_str) {
        Some("incomplete") => "response.incomplete",
        _ => "response.completed",
    };
    writer.say(Kind::Finish, name, json!({ "response": whole }));
    writer.events
}

struct Writer<'a> {
    context: &'a Context<'a>,
    dice: Dice,
    events: Vec<Event>,
}

impl Writer<'_> {
    fn say(&mut self, kind: Kind, name: &'static str, mut data: Value) {
        let number = self.events.len();
        if let Some(members) = data.as_object_mut() {
            members.insert("type".to_owned(), json!(name));
            members.insert("sequence_number".to_owned(), json!(number));
            if self.context.obfuscate && members.contains_key("delta") {
                let length = usize::try_from(self.dice.below(16)).unwrap_or(0);
                members.insert("obfuscation".to_owned(), json!(self.dice.base62(length)));
            }
        }
        self.events.push(Event {
            name: Some(name),
            ..Event::json(kind, data)
        });
    }

    fn added(&mut self, index: usize, item: Value) {
        let data = json!({"output_index": index, "item": item});
        self.say(Kind::Mark, "response.output_item.added", data);
    }

    fn done(&mut self, index: usize, item: Value) {
        let data = json!({"output_index": index, "item": item});
        self.say(Kind::Mark, "response.output_item.done", data);
    }

    fn pieces(&self, said: &str) -> Vec<String> {
        text::pieces(said, self.context.words_each(WORDS_EACH))
    }

    fn reasoning(&mut self, index: usize, item: Value) {
        let mut opened = item.clone();
        if let Some(members) = opened.as_object_mut() {
            members.insert("summary".to_owned(), json!([]));
            // The seal of the beginning is another one than that of the end.
            if let Some(seal) = members.get_mut("encrypted_content") {
                *seal = json!("gAAAAABopening");
            }
        }
        self.added(index, opened);
        let id = item.get("id").cloned();
        let parts = item.get("summary").and_then(Value::as_array).cloned();
        for (at, part) in parts.into_iter().flatten().enumerate() {
            let said = part.get("text").and_then(Value::as_str).unwrap_or_default();
            let place = |mut data: Value| {
                if let Some(data) = data.as_object_mut() {
                    data.insert("item_id".to_owned(), json!(id));
                    data.insert("output_index".to_owned(), json!(index));
                    data.insert("summary_index".to_owned(), json!(at));
                }
                data
            };
            let empty = json!({"part": {"type": "summary_text", "text": ""}});
            self.say(
                Kind::Mark,
                "response.reasoning_summary_part.added",
                place(empty),
            );
            for piece in self.pieces(said) {
                let data = place(json!({ "delta": piece }));
                self.say(Kind::Content, "response.reasoning_summary_text.delta", data);
            }
            let whole = place(json!({ "text": said }));
            self.say(Kind::Mark, "response.reasoning_summary_text.done", whole);
            let whole = place(json!({ "part": part }));
            self.say(Kind::Mark, "response.reasoning_summary_part.done", whole);
        }
        self.done(index, item);
    }

    fn message(&mut self, index: usize, item: Value) {
        let mut opened = item.clone();
        if let Some(members) = opened.as_object_mut() {
            members.insert("content".to_owned(), json!([]));
            members.insert("status".to_owned(), json!("in_progress"));
        }
        let id = item.get("id").cloned();
        let part = item.pointer("/content/0").cloned().unwrap_or_default();
        let said = part.get("text").and_then(Value::as_str).unwrap_or_default();
        let place = |mut data: Value| {
            if let Some(data) = data.as_object_mut() {
                data.insert("item_id".to_owned(), json!(id));
                data.insert("output_index".to_owned(), json!(index));
                data.insert("content_index".to_owned(), json!(0));
            }
            data
        };
        self.added(index, opened);
        let empty = json!({ "part": text_part(self.context, "") });
        self.say(Kind::Mark, "response.content_part.added", place(empty));
        for piece in self.pieces(said) {
            let odds: Vec<Value> = match self.context.prompt.logprobs {
                Some(alternatives) => vec![logprob(&piece, alternatives)],
                None => Vec::new(),
            };
            let data = place(json!({"delta": piece, "logprobs": odds}));
            self.say(Kind::Content, "response.output_text.delta", data);
        }
        let whole = place(json!({"text": said, "logprobs": part.get("logprobs")}));
        self.say(Kind::Mark, "response.output_text.done", whole);
        let whole = place(json!({ "part": part }));
        self.say(Kind::Mark, "response.content_part.done", whole);
        self.done(index, item);
    }

    fn call(&mut self, index: usize, at: usize, call: &Call, item: Value) {
        let (delta, done, key) = if call.custom {
            (
                "response.custom_tool_call_input.delta",
                "response.custom_tool_call_input.done",
                "input",
            )
        } else {
            (
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "arguments",
            )
        };
        let id = item.get("id").cloned();
        let opened = called(self.context, call, at, "", "in_progress");
        self.added(index, opened);
        for piece in self.pieces(&call.arguments) {
            let data = json!({"item_id": id, "output_index": index, "delta": piece});
            self.say(Kind::Content, delta, data);
        }
        let mut whole = json!({"item_id": id, "output_index": index});
        if let Some(members) = whole.as_object_mut() {
            members.insert(key.to_owned(), json!(call.arguments));
        }
        self.say(Kind::Mark, done, whole);
        self.done(index, item);
    }
}
