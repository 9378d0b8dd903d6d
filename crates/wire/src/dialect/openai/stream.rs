//! Reads OpenAI-shaped streams, with all that compatible servers do to them (wire-protocols
//! §12.1): any chunking of the bytes gives the same events.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::calls::Calls;
use super::response::{
    self, PartKind, annotation, details_block, finish_reason, has_audio, is_empty, malformed,
    malformed_body, part_of, take_list, take_seconds, take_text,
};
use super::sources::Marks;
use super::{errors, usage};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, FinishReason, StreamDecoder, replay};
use crate::error::{ErrorKind, UpstreamError};
use crate::sse::{EVENT_BYTES_MAX, Frame, Reader};
use crate::think_tags::{Piece, Splitter, ThinkTags};

/// Members of a chunk that say nothing that is kept: shape and padding.
const CHUNK_NOISE: [&str; 4] = ["object", "obfuscation", "p", "error"];

/// What kind of body this turned out to be.
#[derive(Debug, Default)]
enum Shape {
    /// Only white space so far.
    #[default]
    Unknown,
    Events,
    /// A JSON body where a stream was due.
    Whole(Vec<u8>),
}

/// Decoder of one streamed answer.
#[derive(Debug)]
pub(super) struct Decoder {
    context: DecodeContext,
    reader: Reader,
    shape: Shape,
    started: bool,
    ended: bool,
    /// What was said before the answer's identity was known (Azure's first chunk).
    held: Vec<ChatEvent>,
    said: BTreeMap<String, Value>,
    /// `x_groq` of all chunks so far.
    groq: Map<String, Value>,
    choices: BTreeMap<u32, ChoiceState>,
}

#[derive(Debug)]
struct ChoiceState {
    thoughts: Splitter,
    calls: Calls,
    text_chars: usize,
    blocks: usize,
    details: Vec<Value>,
    finish: Option<String>,
    spoke: bool,
    /// Numbers of sources in the text, until a citation comes as an annotation.
    marks: Marks,
    is_annotated: bool,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<ChatEvent>) {
        if self.ended {
            return;
        }
        if matches!(self.shape, Shape::Unknown) {
            let is_lead =
                |byte: &u8| byte.is_ascii_whitespace() || [0xef, 0xbb, 0xbf].contains(byte);
            match bytes.iter().find(|byte| !is_lead(byte)) {
                None => {}
                Some(b'{' | b'[' | b'<') => self.shape = Shape::Whole(Vec::new()),
                Some(_) => self.shape = Shape::Events,
            }
        }
        if let Shape::Whole(body) = &mut self.shape {
            body.extend_from_slice(bytes);
            if body.len() > EVENT_BYTES_MAX {
                self.fail(malformed("the provider's answer is too large"), out);
            }
            return;
        }
        let mut frames = Vec::new();
        self.reader.push(bytes, &mut frames);
        self.frames(frames, out);
    }

    fn finish(&mut self, out: &mut Vec<ChatEvent>) {
        if self.ended {
            return;
        }
        if let Shape::Whole(body) = &mut self.shape {
            let body = std::mem::take(body);
            self.whole(&body, out);
            return;
        }
        let mut frames = Vec::new();
        self.reader.finish(&mut frames);
        self.frames(frames, out);
        if self.ended {
            return;
        }
        let complete = !self.choices.is_empty()
            && self.choices.values().all(|choice| {
                let cut = choice.finish.as_deref() != Some("length") && choice.calls.any_open();
                choice.is_finished() && !cut
            });
        if complete {
            self.end(out);
        } else {
            self.fail(truncated(), out);
        }
    }
}

pub(super) fn truncated() -> UpstreamError {
    UpstreamError::new(
        ErrorKind::Truncated,
        "the provider's answer ended before its end",
    )
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            reader: Reader::new(),
            shape: Shape::Unknown,
            started: false,
            ended: false,
            held: Vec::new(),
            said: BTreeMap::new(),
            groq: Map::new(),
            choices: BTreeMap::new(),
        }
    }

    fn fail(&mut self, error: UpstreamError, out: &mut Vec<ChatEvent>) {
        self.ended = true;
        out.push(ChatEvent::Error(error));
    }

    /// A JSON body where a stream was due: an error, or a whole answer.
    fn whole(&mut self, body: &[u8], out: &mut Vec<ChatEvent>) {
        self.ended = true;
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        match response::decode(body, &self.context) {
            Ok(answer) => out.extend(replay(answer)),
            Err(error) => out.push(ChatEvent::Error(error)),
        }
    }

    fn frames(&mut self, frames: Vec<Frame>, out: &mut Vec<ChatEvent>) {
        for frame in frames {
            if self.ended {
                return;
            }
            match frame {
                Frame::Comment => out.push(ChatEvent::Ping),
                Frame::TooLarge => {
                    self.fail(
                        malformed("an event of the provider's stream is too large"),
                        out,
                    );
                }
                Frame::Event { name, data } => self.event(&name, &data, out),
            }
        }
    }

    fn event(&mut self, name: &str, data: &str, out: &mut Vec<ChatEvent>) {
        let data = data.trim();
        if data.is_empty() {
            return;
        }
        if data.starts_with("[DONE]") {
            if self.choices.is_empty() {
                self.fail(malformed("the provider's stream held no answer"), out);
            } else {
                self.end(out);
            }
            return;
        }
        let Ok(value) = serde_json::from_str::<Value>(data) else {
            let error = if name == "error" {
                UpstreamError::new(ErrorKind::ServerError, data)
            } else {
                malformed_body(data.as_bytes())
            };
            self.fail(error, out);
            return;
        };
        let has_error = value.get("error").is_some_and(|error| !error.is_null())
            || value
                .pointer("/x_groq/error")
                .is_some_and(|error| !error.is_null());
        if has_error || name == "error" {
            let finished =
                !self.choices.is_empty() && self.choices.values().all(ChoiceState::is_finished);
            if !finished {
                let error =
                    errors::in_band(&value).or_else(|| errors::in_band(value.get("x_groq")?));
                let fallback =
                    || UpstreamError::new(ErrorKind::ServerError, "the provider's stream failed");
                self.fail(error.unwrap_or_else(fallback), out);
                return;
            }
            // A complaint after a normal end changes nothing of the answer (OpenRouter).
            if let Some(error) = value.get("error").cloned() {
                self.metadata(None, "error", error, out);
            }
        }
        if let Value::Object(chunk) = value {
            self.chunk(chunk, out);
        }
    }

    fn chunk(&mut self, mut chunk: Map<String, Value>, out: &mut Vec<ChatEvent>) {
        let choices = take_list(&mut chunk, "choices");
        self.start(&mut chunk, !choices.is_empty(), out);
        let counts = chunk.remove("usage");
        let counts = counts
            .as_ref()
            .and_then(usage::read)
            .or_else(|| usage::read(chunk.get("x_groq")?.get("usage")?));
        if let Some(counts) = counts {
            self.say(ChatEvent::Usage(counts), out);
        }
        if let Some(Value::Object(said)) = chunk.get_mut("x_groq") {
            // The first chunk holds the seed, the last one usage: both are kept, and said once.
            self.groq.extend(std::mem::take(said));
        }
        for (key, value) in chunk {
            if !CHUNK_NOISE.contains(&key.as_str()) && !is_empty(&value) {
                self.metadata(None, &key, value, out);
            }
        }
        for choice in choices {
            if let Value::Object(choice) = choice {
                self.choice(choice, out);
            }
            if self.ended {
                return;
            }
        }
    }

    /// Identity comes from the first chunk that has any: Azure's first one has none (case 51).
    fn start(
        &mut self,
        chunk: &mut Map<String, Value>,
        has_choices: bool,
        out: &mut Vec<ChatEvent>,
    ) {
        let id = take_text(chunk, "id").unwrap_or_default();
        let model = take_text(chunk, "model").unwrap_or_default();
        let created = take_seconds(chunk, "created");
        if self.started || (id.is_empty() && model.is_empty() && !has_choices) {
            return;
        }
        self.started = true;
        out.push(ChatEvent::Start { id, model, created });
        out.append(&mut self.held);
    }

    /// Says something now, or once the answer has begun.
    fn say(&mut self, event: ChatEvent, out: &mut Vec<ChatEvent>) {
        if self.started {
            out.push(event);
        } else {
            self.held.push(event);
        }
    }

    fn metadata(&mut self, choice: Option<u32>, key: &str, value: Value, out: &mut Vec<ChatEvent>) {
        let place = choice.map_or_else(|| key.to_owned(), |choice| format!("{choice} {key}"));
        if self.said.get(&place) == Some(&value) {
            return;
        }
        self.said.insert(place, value.clone());
        let event = ChatEvent::Metadata {
            choice,
            key: key.to_owned(),
            value,
        };
        self.say(event, out);
    }

    fn choice(&mut self, mut fields: Map<String, Value>, out: &mut Vec<ChatEvent>) {
        let index = fields
            .remove("index")
            .and_then(|index| u32::try_from(index.as_u64()?).ok())
            .unwrap_or(0);
        let tags = self.context.think_tags;
        let begin = || ChoiceState::new(tags);
        self.choices.entry(index).or_insert_with(begin);
        if let Some(logprobs) = fields.remove("logprobs").filter(|value| !is_empty(value)) {
            out.push(ChatEvent::Logprobs {
                choice: index,
                logprobs,
            });
        }
        let delta = match fields.remove("delta") {
            Some(Value::Object(delta)) => {
                // The whole so far, or the same text again, beside the delta.
                fields.remove("message");
                fields.remove("text");
                Some(delta)
            }
            _ => match fields.remove("message") {
                Some(Value::Object(message)) => Some(message),
                _ => None,
            },
        };
        if let Some(delta) = delta {
            self.delta(index, delta, out);
            if self.ended {
                return;
            }
        }
        let details = fields
            .get("finish_details")
            .and_then(|details| details.get("type"));
        let word = match fields.get("finish_reason") {
            Some(Value::String(word)) => Some(word.clone()),
            _ => details.and_then(Value::as_str).map(ToOwned::to_owned),
        };
        fields.remove("finish_reason");
        if let Some(word) = word
            && let Some(state) = self.choices.get_mut(&index)
        {
            // The first one counts: OpenRouter repeats it, or follows it by an error.
            let first = state.finish.get_or_insert_default();
            if first.is_empty() {
                *first = word;
            }
        }
        for (key, value) in fields {
            if !is_empty(&value) {
                self.metadata(Some(index), &key, value, out);
            }
        }
    }

    fn delta(&mut self, index: u32, mut delta: Map<String, Value>, out: &mut Vec<ChatEvent>) {
        let Some(state) = self.choices.get_mut(&index) else {
            return;
        };
        delta.remove("role");
        let from = out.len();
        let reasoning = [
            take_text(&mut delta, "reasoning_content"),
            take_text(&mut delta, "reasoning"),
        ];
        if let Some(text) = reasoning
            .into_iter()
            .flatten()
            .find(|text| !text.is_empty())
        {
            out.push(ChatEvent::Reasoning {
                choice: index,
                text,
            });
        }
        for entry in take_list(&mut delta, "reasoning_details") {
            merge_detail(&mut state.details, entry);
        }
        match delta.remove("content") {
            Some(Value::String(text)) => state.content(index, text, out),
            Some(Value::Array(parts)) => {
                for part in parts {
                    state.part(index, part, &self.context, out);
                }
            }
            _ => {}
        }
        if let Some(text) = take_text(&mut delta, "refusal").filter(|text| !text.is_empty()) {
            out.push(ChatEvent::Refusal {
                choice: index,
                text,
            });
        }
        state.cite(index, take_list(&mut delta, "annotations"), out);
        if let Some(audio) = delta.remove("audio").filter(has_audio) {
            out.push(ChatEvent::Audio {
                choice: index,
                audio,
            });
        }
        for image in take_list(&mut delta, "images") {
            out.push(ChatEvent::Image {
                choice: index,
                image,
            });
        }
        for call in take_list(&mut delta, "tool_calls") {
            state.calls.delta(index, call, &self.context, out);
        }
        if let Some(function) = delta
            .remove("function_call")
            .filter(|value| !is_empty(value))
        {
            state.calls.legacy(index, function, &self.context, out);
        }
        let too_many = state.calls.too_many();
        state.spoke |= out.iter().skip(from).any(ChatEvent::is_content) || state.calls.any();
        if too_many {
            self.fail(malformed("the provider's answer holds too many calls"), out);
            return;
        }
        for (key, value) in delta {
            if !is_empty(&value) {
                self.metadata(Some(index), &key, value, out);
            }
        }
    }

    /// The stream ended as it should.
    fn end(&mut self, out: &mut Vec<ChatEvent>) {
        self.ended = true;
        if !self.groq.is_empty() {
            let groq = std::mem::take(&mut self.groq).into();
            self.metadata(None, "x_groq", groq, out);
        }
        let mut sources = Map::new();
        for key in ["search_results", "citations"] {
            if let Some(value) = self.said.remove(key) {
                sources.insert(key.to_owned(), value);
            }
        }
        for (index, mut state) in std::mem::take(&mut self.choices) {
            if let Some(piece) = state.thoughts.finish() {
                state.spoke = true;
                state.piece(index, piece, out);
            }
            state.calls.close(index, &self.context, out);
            if !state.details.is_empty() {
                let details = Value::Array(std::mem::take(&mut state.details));
                out.push(ChatEvent::Block {
                    choice: index,
                    block: details_block(details, &self.context, state.blocks),
                });
            }
            if !state.is_annotated {
                for annotation in state.marks.annotations(&sources) {
                    out.push(ChatEvent::Annotation {
                        choice: index,
                        annotation,
                    });
                }
            }
            let native = state.finish.unwrap_or_default();
            let reason = finish_reason(Some(&native), state.calls.any());
            if reason == FinishReason::Error && !state.spoke {
                out.push(ChatEvent::Error(response::failed(Some(&native))));
                return;
            }
            out.push(ChatEvent::Finish {
                choice: index,
                reason,
                native,
                stop_sequence: None,
            });
        }
        out.push(ChatEvent::End);
    }
}

impl ChoiceState {
    fn new(tags: ThinkTags) -> Self {
        Self {
            thoughts: Splitter::new(tags),
            calls: Calls::default(),
            text_chars: 0,
            blocks: 0,
            details: Vec::new(),
            finish: None,
            spoke: false,
            marks: Marks::default(),
            is_annotated: false,
        }
    }

    /// Text as the provider sends it.
    fn content(&mut self, choice: u32, text: String, out: &mut Vec<ChatEvent>) {
        for piece in self.thoughts.push(text) {
            self.piece(choice, piece, out);
        }
    }

    fn piece(&mut self, choice: u32, piece: Piece, out: &mut Vec<ChatEvent>) {
        match piece {
            Piece::Text(text) => self.text(choice, text, out),
            Piece::Reasoning(text) => out.push(ChatEvent::Reasoning { choice, text }),
        }
    }

    /// Some servers say an empty reason until there is one.
    fn is_finished(&self) -> bool {
        self.finish.as_ref().is_some_and(|word| !word.is_empty())
    }

    fn text(&mut self, choice: u32, text: String, out: &mut Vec<ChatEvent>) {
        if !text.is_empty() {
            self.text_chars += text.chars().count();
            self.marks.push(&text);
            out.push(ChatEvent::Text { choice, text });
        }
    }

    /// Citations of the vendor's own.
    fn cite(&mut self, choice: u32, citations: Vec<Value>, out: &mut Vec<ChatEvent>) {
        for native in citations {
            self.is_annotated = true;
            out.push(ChatEvent::Annotation {
                choice,
                annotation: annotation(native),
            });
        }
    }

    /// A part of a content list: Mistral streams its thinking so.
    fn part(
        &mut self,
        choice: u32,
        part: Value,
        context: &DecodeContext,
        out: &mut Vec<ChatEvent>,
    ) {
        match part_of(&part) {
            PartKind::Text(text) => {
                let text = text.to_owned();
                self.content(choice, text, out);
            }
            PartKind::Thinking(text) if text.is_empty() => {}
            PartKind::Thinking(text) => out.push(ChatEvent::Reasoning { choice, text }),
            PartKind::Other => {
                let mut block = details_block(Value::Null, context, self.blocks);
                block.span.text = self.text_chars;
                block.block = part;
                self.blocks += 1;
                out.push(ChatEvent::Block { choice, block });
            }
        }
    }
}

/// Adds a piece of OpenRouter's reasoning state: text of the same entry is appended.
fn merge_detail(details: &mut Vec<Value>, piece: Value) {
    let same = |entry: &Value, key: &str| entry.get(key) == piece.get(key);
    let open = details
        .iter_mut()
        .rev()
        .find(|entry| same(entry, "type") && same(entry, "index"));
    let (Some(Value::Object(entry)), Value::Object(fields)) = (open, &piece) else {
        details.push(piece);
        return;
    };
    for (key, value) in fields {
        match (entry.get_mut(key), value) {
            (Some(Value::String(text)), Value::String(more))
                if matches!(key.as_str(), "text" | "summary" | "data") =>
            {
                text.push_str(more);
            }
            (Some(_), Value::Null) => {}
            _ => {
                entry.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
#[cfg(test)]
mod vendors;
