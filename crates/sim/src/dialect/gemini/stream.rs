//! Streamed Gemini answers.

use serde_json::{Value, json};

use super::render::{
    call_parts, candidate, odds, response_id, shown_thought, sign, signs_text, usage,
};
use crate::answer::{Turn, Usage, text, tokens};
use crate::wire::{Context, Event, Kind};

/// Words in one chunk: Gemini sends few, large ones.
const WORDS_EACH: usize = 8;

/// The chunks of a streamed answer. Usage is on every chunk and grows; the reason is on the last
/// one of each candidate; nothing marks the end.
pub fn events(context: &Context<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut so_far = Usage {
        output_visible: 0,
        thinking: 0,
        ..context.answer.usage
    };
    for (index, turn) in context.answer.turns.iter().enumerate() {
        turn_events(context, index, turn, &mut so_far, &mut events);
    }
    // The counts of the last chunk are the answer's own, not a sum of rounded parts.
    if let Some(crate::wire::Data::Json(last, _)) = events.last_mut().map(|last| &mut last.data)
        && let Some(members) = last.as_object_mut()
    {
        members.insert("usageMetadata".to_owned(), usage(&context.answer.usage));
    }
    events
}

fn turn_events(
    context: &Context<'_>,
    index: usize,
    turn: &Turn,
    so_far: &mut Usage,
    events: &mut Vec<Event>,
) {
    if let Some(thought) = turn.thinking.as_deref() {
        so_far.thinking += tokens(thought);
    }
    if let Some(thought) = shown_thought(context, turn) {
        for piece in text::pieces(thought, context.words_each(WORDS_EACH)) {
            let parts = vec![json!({"text": piece, "thought": true})];
            events.push(chunk(
                context,
                Kind::Content,
                candidate(index, parts, None),
                so_far,
            ));
        }
    }
    let mut last_parts = call_parts(context, index, turn);
    let pieces = text::pieces(
        turn.text.as_deref().unwrap_or(""),
        context.words_each(WORDS_EACH),
    );
    let count = pieces.len();
    let (before, mut said_bytes) = (so_far.output_visible, 0_u64);
    for (at, piece) in pieces.into_iter().enumerate() {
        said_bytes += piece.len() as u64;
        so_far.output_visible = before + said_bytes.div_ceil(4);
        let mut part = json!({"text": piece});
        if at + 1 == count && last_parts.is_empty() {
            if signs_text(context) {
                sign(&mut part, context, index);
            }
            last_parts.push(part);
        } else {
            events.push(chunk(
                context,
                Kind::Content,
                candidate(index, vec![part], None),
                so_far,
            ));
        }
    }
    let mut ending = candidate(index, last_parts, Some(turn));
    if let Some(members) = ending.as_object_mut() {
        members.extend(odds(context, turn));
    }
    events.push(chunk(context, Kind::Finish, ending, so_far));
}

fn chunk(context: &Context<'_>, kind: Kind, candidate: Value, so_far: &Usage) -> Event {
    let value = json!({
        "candidates": [candidate],
        "usageMetadata": usage(so_far),
        "modelVersion": context.known.served_as,
        "responseId": response_id(context.id_seed),
    });
    Event::json(kind, value)
}
