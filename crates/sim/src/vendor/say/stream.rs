//! Streams.

use serde_json::{Map, Value, json};

use super::{
    Counted, Moment, Pieces, Stage, Thoughts, Voice, call, call_ids, fingerprint, id, shown, text,
    usage_so_far,
};
use crate::answer::{Answer, Call, Turn, text as words};
use crate::dialect::openai::render::logprob;
use crate::wire::{Context, Event, Kind};

/// Words in one content chunk.
const WORDS_EACH: usize = 1;

/// The events of a streamed answer. Choices follow each other.
pub(crate) fn events(voice: &Voice, heartbeat: &str, context: &Context<'_>) -> Vec<Event> {
    let mut streamer = Streamer {
        voice,
        context,
        id: id(voice, context),
        fingerprint: fingerprint(voice, context),
        events: Vec::new(),
    };
    for _ in 0..voice.flow.comments {
        let comment = Event::raw(Kind::Ping, format!(": {heartbeat}\n\n"));
        streamer.events.push(comment);
    }
    if let Some(first) = voice.first {
        streamer
            .events
            .push(Event::json(Kind::Head, first(context)));
    }
    for (index, turn) in context.answer.turns.iter().enumerate() {
        streamer.turn(index, turn);
    }
    if voice.flow.usage == Counted::Asked && context.prompt.include_usage {
        let usage = (voice.usage)(context);
        let moment = Moment {
            stage: Stage::Usage,
            so_far: "",
            turn: None,
        };
        streamer.push(Kind::Usage, &moment, json!([]), Some(usage));
    }
    if voice.flow.done {
        streamer.events.push(Event::done());
    }
    streamer.events
}

struct Streamer<'a> {
    voice: &'a Voice,
    context: &'a Context<'a>,
    id: String,
    fingerprint: Option<Value>,
    events: Vec<Event>,
}

impl Streamer<'_> {
    fn turn(&mut self, index: usize, turn: &Turn) {
        let flow = self.voice.flow;
        if !flow.role_each && !self.opens_with_call(turn) {
            let opening = json!({"role": "assistant", "content": ""});
            self.delta(Kind::Head, Stage::Opening, index, turn, "", opening);
        }
        self.thoughts(index, turn);
        let said = text(self.voice, self.context, turn).unwrap_or_default();
        let mut pieces = words::pieces(&said, self.context.words_each(WORDS_EACH));
        let last = if flow.finish_with_text && turn.calls.is_empty() {
            pieces.pop()
        } else {
            None
        };
        let mut so_far = String::new();
        for piece in pieces {
            so_far.push_str(&piece);
            let delta = json!({"content": piece});
            self.delta(Kind::Content, Stage::Content, index, turn, &so_far, delta);
        }
        let together = self.calls(index, turn, &so_far);
        let delta = match (together, last) {
            (Some(calls), _) => json!({"tool_calls": calls}),
            (None, Some(piece)) => json!({"content": piece}),
            (None, None) if flow.empty_finish || flow.role_each => json!({"content": ""}),
            (None, None) => json!({}),
        };
        self.finish(index, turn, &said, delta);
    }

    /// Qwen's first chunk of a turn without text is the call itself.
    fn opens_with_call(&self, turn: &Turn) -> bool {
        self.voice.calls.streamed == Pieces::FineEmptyId
            && turn.text.is_none()
            && shown(self.context, turn).is_none()
    }

    fn thoughts(&mut self, index: usize, turn: &Turn) {
        let Some(thought) = shown(self.context, turn) else {
            return;
        };
        let pieces = words::pieces(&thought, self.context.words_each(WORDS_EACH));
        for piece in pieces {
            let delta = match self.voice.thoughts {
                Thoughts::Hidden | Thoughts::Tags => return,
                Thoughts::Member(name) if self.voice.flow.role_each => {
                    json!({"content": "", name: piece})
                }
                Thoughts::Member("reasoning_content") => {
                    json!({"content": null, "reasoning_content": piece})
                }
                Thoughts::Member(name) => json!({ name: piece }),
                Thoughts::Chunks => {
                    let thinking = json!([{"type": "text", "text": piece}]);
                    json!({"content": [{"type": "thinking", "thinking": thinking}]})
                }
                Thoughts::Details => json!({"content": "", "reasoning": piece,
                    "reasoning_details": [{"type": "reasoning.text", "text": piece,
                        "index": 0, "format": "unknown"}]}),
            };
            self.delta(Kind::Content, Stage::Content, index, turn, "", delta);
        }
        if self.voice.thoughts == Thoughts::Chunks {
            let closing = json!([{"type": "thinking", "thinking": [], "closed": true}]);
            let delta = json!({ "content": closing });
            self.delta(Kind::Content, Stage::Content, index, turn, "", delta);
        }
    }

    /// Streams the calls, or returns them where they go onto the finish chunk.
    fn calls(&mut self, index: usize, turn: &Turn, so_far: &str) -> Option<Vec<Value>> {
        let ids = call_ids(self.voice, self.context.id_seed, index, turn);
        let numbered = |at: usize, mut call: Map<String, Value>| {
            call.insert("index".to_owned(), json!(at));
            Value::Object(call)
        };
        let mut together = Vec::new();
        for (at, (made, id)) in turn.calls.iter().zip(&ids).enumerate() {
            let whole = call(self.voice, id, &made.name, &made.arguments);
            match self.voice.calls.streamed {
                Pieces::Together => together.push(numbered(at, whole)),
                Pieces::Whole => {
                    let mut delta = json!({"tool_calls": [numbered(at, whole)]});
                    if self.voice.flow.role_each
                        && let Some(members) = delta.as_object_mut()
                    {
                        members.insert("content".to_owned(), json!(""));
                    }
                    self.delta(Kind::Content, Stage::Content, index, turn, so_far, delta);
                }
                Pieces::Fine | Pieces::FineEmptyId => {
                    let start = numbered(at, call(self.voice, id, &made.name, ""));
                    self.pieces(index, turn, (at, made, so_far), start);
                }
            }
        }
        (!together.is_empty()).then_some(together)
    }

    fn pieces(
        &mut self,
        index: usize,
        turn: &Turn,
        (at, made, so_far): (usize, &Call, &str),
        start: Value,
    ) {
        let empty_id = self.voice.calls.streamed == Pieces::FineEmptyId;
        let null_content = empty_id || self.voice.flow.role_each;
        let put = |this: &mut Self, part: Value, first: bool| {
            let mut delta = json!({ "tool_calls": [part] });
            if let Some(members) = delta.as_object_mut() {
                if null_content {
                    members.insert("content".to_owned(), Value::Null);
                }
                if first && empty_id && at == 0 {
                    members.insert("role".to_owned(), json!("assistant"));
                }
            }
            this.delta(Kind::Content, Stage::Content, index, turn, so_far, delta);
        };
        put(self, start, true);
        for piece in words::pieces(&made.arguments, self.context.words_each(WORDS_EACH)) {
            let part = if empty_id {
                json!({"index": at, "id": "", "type": "function", "function": {"arguments": piece}})
            } else {
                json!({"index": at, "function": {"arguments": piece}})
            };
            put(self, part, false);
        }
    }

    fn finish(&mut self, index: usize, turn: &Turn, said: &str, delta: Value) {
        let reason = (self.voice.finish)(&turn.finish);
        let usage = match self.voice.flow.usage {
            Counted::Finish | Counted::Each => Some((self.voice.usage)(self.context)),
            Counted::Asked | Counted::Repeated | Counted::Own => None,
        };
        let moment = Moment {
            stage: Stage::Finish,
            so_far: said,
            turn: Some(turn),
        };
        let choices = self.choices(index, delta, json!(reason), "");
        self.push(Kind::Finish, &moment, choices.clone(), usage);
        if self.voice.flow.usage == Counted::Repeated {
            let usage = (self.voice.usage)(self.context);
            let moment = Moment {
                stage: Stage::Usage,
                ..moment
            };
            self.push(Kind::Usage, &moment, choices, Some(usage));
        }
    }

    fn delta(
        &mut self,
        kind: Kind,
        stage: Stage,
        index: usize,
        turn: &Turn,
        so_far: &str,
        delta: Value,
    ) {
        let said = delta.get("content").and_then(Value::as_str).unwrap_or("");
        let said = said.to_owned();
        let choices = self.choices(index, delta, Value::Null, &said);
        let usage = (self.voice.flow.usage == Counted::Each).then(|| {
            let answer = Answer {
                turns: Vec::new(),
                usage: usage_so_far(self.context.answer, so_far),
            };
            let so_far = Context {
                answer: &answer,
                ..*self.context
            };
            (self.voice.usage)(&so_far)
        });
        let moment = Moment {
            stage,
            so_far,
            turn: Some(turn),
        };
        self.push(kind, &moment, choices, usage);
    }

    fn choices(&self, index: usize, mut delta: Value, reason: Value, said: &str) -> Value {
        if self.voice.flow.role_each
            && let Some(members) = delta.as_object_mut()
        {
            members.insert("role".to_owned(), json!("assistant"));
        }
        let mut choice = Map::new();
        choice.insert("index".to_owned(), json!(index));
        choice.insert("delta".to_owned(), delta);
        match self.context.prompt.logprobs {
            Some(alternatives) if !said.is_empty() => {
                let content = json!({"content": [logprob(said, alternatives)]});
                choice.insert("logprobs".to_owned(), content);
            }
            _ if self.voice.logprobs => {
                choice.insert("logprobs".to_owned(), Value::Null);
            }
            _ => {}
        }
        choice.insert("finish_reason".to_owned(), reason);
        json!([choice])
    }

    fn push(&mut self, kind: Kind, moment: &Moment<'_>, choices: Value, usage: Option<Value>) {
        let flow = self.voice.flow;
        let mut chunk = Map::new();
        let mut put = |name: &str, value: Value| chunk.insert(name.to_owned(), value);
        put("id", json!(self.id));
        put("object", json!("chat.completion.chunk"));
        put("created", json!(self.context.created_s));
        put("model", json!(self.context.known.served_as));
        if let Some(fingerprint) = &self.fingerprint {
            put("system_fingerprint", fingerprint.clone());
        }
        put("choices", choices);
        let comes = flow.usage != Counted::Asked || self.context.prompt.include_usage;
        match usage {
            Some(usage) => {
                put("usage", usage);
            }
            None if flow.null_usage && comes => {
                put("usage", Value::Null);
            }
            None => {}
        }
        (self.voice.chunk)(self.context, moment, &mut chunk);
        self.events.push(Event::json(kind, Value::Object(chunk)));
    }
}
