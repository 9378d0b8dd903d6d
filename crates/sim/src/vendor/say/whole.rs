//! Whole answers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{Beside, Thoughts, Voice, call, call_ids, fingerprint, id, shown, text};
use crate::answer::Turn;
use crate::dialect::openai::render::logprob;
use crate::models::Known;
use crate::prompt::Prompt;
use crate::wire::Context;

/// A whole chat completion.
pub(crate) fn completion(voice: &Voice, context: &Context<'_>) -> Value {
    let mut answer = Map::new();
    let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    put("id", json!(id(voice, context)));
    put("object", json!("chat.completion"));
    put("created", json!(context.created_s));
    put("model", json!(context.known.served_as));
    let turns = context.answer.turns.iter().enumerate();
    let choices: Vec<Value> = turns
        .map(|(index, turn)| choice(voice, context, index, turn))
        .collect();
    put("choices", Value::Array(choices));
    put("usage", (voice.usage)(context));
    if let Some(fingerprint) = fingerprint(voice, context) {
        put("system_fingerprint", fingerprint);
    }
    (voice.whole)(context, &mut answer);
    Value::Object(answer)
}

fn choice(voice: &Voice, context: &Context<'_>, index: usize, turn: &Turn) -> Value {
    let mut choice = Map::new();
    choice.insert("index".to_owned(), json!(index));
    choice.insert("message".to_owned(), message(voice, context, index, turn));
    let said = turn.text.as_deref().unwrap_or_default();
    match context.prompt.logprobs {
        Some(alternatives) => {
            let pieces = crate::answer::text::pieces(said, 1);
            let tokens = pieces.iter().map(|piece| logprob(piece, alternatives));
            let tokens: Vec<Value> = tokens.collect();
            choice.insert("logprobs".to_owned(), json!({"content": tokens}));
        }
        None if voice.logprobs => {
            choice.insert("logprobs".to_owned(), Value::Null);
        }
        None => {}
    }
    let finish = (voice.finish)(&turn.finish);
    choice.insert("finish_reason".to_owned(), json!(finish));
    Value::Object(choice)
}

fn message(voice: &Voice, context: &Context<'_>, index: usize, turn: &Turn) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    let content = match (text(voice, context, turn), voice.calls.beside) {
        (Some(said), _) => Some(json!(said)),
        (None, Beside::Null) => Some(Value::Null),
        (None, Beside::Empty) => Some(json!("")),
        (None, Beside::Absent) => None,
    };
    if let Some(content) = content {
        message.insert("content".to_owned(), content);
    }
    if let Some(thought) = shown(context, turn) {
        think(voice, &mut message, &thought);
    }
    if !turn.calls.is_empty() {
        let ids = call_ids(voice, context.id_seed, index, turn);
        let made = turn.calls.iter().zip(&ids).enumerate();
        let calls: Vec<Value> = made
            .map(|(at, (made, id))| {
                let mut call = call(voice, id, &made.name, &made.arguments);
                if voice.calls.numbered {
                    call.insert("index".to_owned(), json!(at));
                }
                Value::Object(call)
            })
            .collect();
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    Value::Object(message)
}

fn think(voice: &Voice, message: &mut Map<String, Value>, thought: &str) {
    match voice.thoughts {
        Thoughts::Hidden | Thoughts::Tags => {}
        Thoughts::Member(name) => {
            message.insert(name.to_owned(), json!(thought));
        }
        Thoughts::Chunks => {
            let said = message.get("content").cloned().unwrap_or_default();
            let thinking = json!([{"type": "text", "text": thought}]);
            let chunks = json!([{"type": "thinking", "thinking": thinking, "closed": true},
                {"type": "text", "text": said}]);
            message.insert("content".to_owned(), chunks);
        }
        Thoughts::Details => {
            message.insert("reasoning".to_owned(), json!(thought));
            let details = json!([{"type": "reasoning.text", "text": thought,
                "format": "unknown", "index": 0}]);
            message.insert("reasoning_details".to_owned(), details);
        }
    }
}

/// An embeddings answer.
pub(crate) fn embeddings(
    prompt: &Prompt,
    known: &Known,
    vectors: &[Vec<f32>],
    tokens: u64,
) -> Value {
    let one = |(index, vector): (usize, &Vec<f32>)| {
        let embedding = if prompt.base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let data: Vec<Value> = vectors.iter().enumerate().map(one).collect();
    json!({"object": "list", "data": data, "model": known.served_as,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
}
