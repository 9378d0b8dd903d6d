//! Ollama's `/api/generate`, which goes on with one text, and the older `/api/embeddings`.

use serde_json::{Map, Value, json};

use super::native::{fits, last, line, object, refuse, settings, thought};
use crate::answer::text as words;
use crate::prompt::{Prompt, Refusal};
use crate::strict::{Field, Shape, list, null, set, text, whole as number};
use crate::wire::{Context, Event, Kind};

static GENERATE: &[Field] = &[
    null!("model", Shape::Text),
    null!("prompt", Shape::Text),
    null!("suffix", Shape::Text),
    null!("system", Shape::Text),
    null!("template", Shape::Text),
    null!("context", Shape::List(&Shape::Any)),
    null!("stream", Shape::Bool),
    null!("raw", Shape::Bool),
    null!("images", Shape::List(&Shape::Text)),
    null!("options", Shape::Object),
    null!("truncate", Shape::Bool),
    null!("shift", Shape::Bool),
];
static EMBEDDINGS: &[Field] = &[null!("model", Shape::Text), null!("prompt", Shape::Text)];

/// Accepts a body of `/api/generate`, or refuses it.
///
/// # Errors
/// Status and `{"error": "text"}`.
pub(in super::super) fn accept_generate(body: &[u8]) -> Result<Prompt, Refusal> {
    let members = object(body)?;
    fits(&members, GENERATE, &[])?;
    let body = Value::Object(members);
    let model = text(&body, "model");
    if model.is_empty() {
        return Err(refuse(400, "model is required"));
    }
    let is_raw = body.get("raw") == Some(&Value::Bool(true));
    let shaped = ["template", "system"]
        .iter()
        .any(|key| !text(&body, key).is_empty());
    if is_raw && (shaped || !list(&body, "context").is_empty()) {
        let words = "raw mode does not support template, system, or context";
        return Err(refuse(400, words));
    }
    let options = body.get("options").cloned().unwrap_or_default();
    let asked = text(&body, "prompt");
    let texts = [text(&body, "system"), asked, text(&body, "suffix")];
    let mut prompt = Prompt {
        model: model.to_owned(),
        choices: 1,
        texts: texts
            .iter()
            .filter(|said| !said.is_empty())
            .map(|said| (*said).to_owned())
            .collect(),
        last_user_text: asked.to_owned(),
        media: u32::try_from(list(&body, "images").len()).unwrap_or(u32::MAX),
        max_output_tokens: set(&options, "num_predict").and_then(number),
        stop: list(&options, "stop")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        ..Prompt::default()
    };
    settings(&body, &options, &mut prompt)?;
    Ok(prompt)
}

/// Accepts a body of `/api/embeddings`: one text.
pub(in super::super) fn accept_embeddings(body: &[u8]) -> Result<Prompt, Refusal> {
    let members = object(body)?;
    fits(&members, EMBEDDINGS, &[])?;
    let body = Value::Object(members);
    let input = text(&body, "prompt").to_owned();
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: vec![input.clone()],
        inputs: vec![input],
        ..Prompt::default()
    })
}

/// The answer to that, which counts nothing.
pub(in super::super) fn embedding(vectors: &[Vec<f32>]) -> Value {
    json!({ "embedding": vectors.first() })
}

/// The conversation so far in the server's tokens, made up.
fn conversation(context: &Context<'_>) -> Value {
    let tokens = context.answer.usage.output_total().min(64);
    json!((1..=tokens).map(|at| at + 128_000).collect::<Vec<u64>>())
}

fn said(text: &str, thought: Option<&str>) -> Map<String, Value> {
    let mut said = Map::new();
    said.insert("response".to_owned(), json!(text));
    if let Some(thought) = thought {
        said.insert("thinking".to_owned(), json!(thought));
    }
    said
}

/// A whole answer.
pub(in super::super) fn generated(context: &Context<'_>) -> Value {
    let Some(turn) = context.answer.turns.first() else {
        return Value::Null;
    };
    let mut said = said(
        turn.text.as_deref().unwrap_or_default(),
        thought(context, turn),
    );
    said.insert("context".to_owned(), conversation(context));
    last(context, turn, Value::Object(said))
}

/// A stream.
pub(in super::super) fn generating(context: &Context<'_>) -> Vec<Event> {
    let Some(turn) = context.answer.turns.first() else {
        return Vec::new();
    };
    let each = context.words_each(1);
    let thoughts = words::pieces(thought(context, turn).unwrap_or_default(), each);
    let texts = words::pieces(turn.text.as_deref().unwrap_or_default(), each);
    let pieces = thoughts.iter().map(|piece| said("", Some(piece)));
    let pieces = pieces.chain(texts.iter().map(|piece| said(piece, None)));
    let mut events: Vec<Event> = pieces
        .map(|piece| {
            let line = Value::Object(line(context, Value::Object(piece), false));
            Event::json(Kind::Content, line)
        })
        .collect();
    let mut end = said("", None);
    end.insert("context".to_owned(), conversation(context));
    let end = last(context, turn, Value::Object(end));
    events.push(Event::json(Kind::Finish, end));
    events
}
