//! Text completions and moderations as the API answers them.

use serde_json::{Value, json};

use super::render::{finish_reason, usage};
use crate::answer::{Turn, text};
use crate::models::{self, Dialect, Known};
use crate::prompt::Prompt;
use crate::seed::Dice;
use crate::wire::{Context, Event, Kind};

/// The models that complete texts.
const MODELS: [&str; 3] = ["gpt-3.5-turbo-instruct", "davinci-002", "babbage-002"];
/// The models that moderate.
const MODERATORS: [&str; 2] = ["omni-moderation-latest", "text-moderation-latest"];

/// What a name of a text completions model stands for; any name with `sim-` in it is one.
pub fn known(name: &str) -> Option<Known> {
    if !MODELS.contains(&name) && !name.contains("sim-") {
        return None;
    }
    let mut known = models::stand_in(Dialect::Openai, name, false)?;
    name.clone_into(&mut known.served_as);
    Some(known)
}

/// Whether a name is a moderation model's.
pub fn moderates(name: &str) -> bool {
    MODERATORS.contains(&name) || name.contains("sim-")
}

fn id(context: &Context<'_>) -> String {
    let mut dice = Dice::new(context.id_seed, &["cmpl"]);
    format!("cmpl-{}", dice.base62(29))
}

/// The text of one choice, the prompt in front where that was asked for.
fn said(prompt: &Prompt, index: usize, turn: &Turn) -> String {
    let text = turn.text.clone().unwrap_or_default();
    if !prompt.echo {
        return text;
    }
    let each = usize::try_from(prompt.choices).unwrap_or(1) / prompt.inputs.len().max(1);
    let asked = prompt.inputs.get(index / each.max(1));
    format!("{}{text}", asked.map_or("", String::as_str))
}

fn logprobs(prompt: &Prompt, said: &str) -> Value {
    let Some(alternatives) = prompt.logprobs else {
        return Value::Null;
    };
    let tokens = text::pieces(said, 1);
    let mut offset = 0;
    let offsets: Vec<usize> = tokens
        .iter()
        .map(|token| {
            let at = offset;
            offset += token.chars().count();
            at
        })
        .collect();
    let likely: Vec<f64> = tokens.iter().map(|_| -0.25).collect();
    let top: Value = if alternatives == 0 {
        Value::Null
    } else {
        tokens.iter().map(|token| json!({ token: -0.25 })).collect()
    };
    json!({"tokens": tokens, "token_logprobs": likely, "top_logprobs": top, "text_offset": offsets})
}

/// A whole text completion.
pub fn completion(context: &Context<'_>) -> Value {
    let turns = context.answer.turns.iter().enumerate();
    let choices: Vec<Value> = turns
        .map(|(index, turn)| {
            let text = said(context.prompt, index, turn);
            json!({
                "text": text,
                "index": index,
                "logprobs": logprobs(context.prompt, &text),
                "finish_reason": finish_reason(&turn.finish),
            })
        })
        .collect();
    let counts = usage(&context.answer.usage);
    json!({
        "id": id(context),
        "object": "text_completion",
        "created": context.created_s,
        "model": context.known.served_as,
        "choices": choices,
        "usage": {
            "prompt_tokens": counts.get("prompt_tokens"),
            "completion_tokens": counts.get("completion_tokens"),
            "total_tokens": counts.get("total_tokens"),
        },
    })
}

/// The chunks of a streamed text completion, `[DONE]` included.
pub fn events(context: &Context<'_>) -> Vec<Event> {
    let id = id(context);
    let chunk = |kind: Kind, choices: Value, counts: Value| {
        let mut chunk = json!({
            "id": id,
            "object": "text_completion",
            "created": context.created_s,
            "choices": choices,
            "model": context.known.served_as,
        });
        if let (true, Some(members)) = (context.prompt.include_usage, chunk.as_object_mut()) {
            members.insert("usage".to_owned(), counts);
        }
        Event::json(kind, chunk)
    };
    let mut events = Vec::new();
    for (index, turn) in context.answer.turns.iter().enumerate() {
        let said = said(context.prompt, index, turn);
        for piece in text::pieces(&said, context.words_each(1)) {
            let choice = json!([{"text": piece, "index": index,
                "logprobs": logprobs(context.prompt, &piece), "finish_reason": null}]);
            events.push(chunk(Kind::Content, choice, Value::Null));
        }
        let choice = json!([{"text": "", "index": index, "logprobs": null,
            "finish_reason": finish_reason(&turn.finish)}]);
        events.push(chunk(Kind::Finish, choice, Value::Null));
    }
    if context.prompt.include_usage {
        events.push(chunk(Kind::Usage, json!([]), usage(&context.answer.usage)));
    }
    events.push(Event::done());
    events
}

/// A moderations answer: an input is flagged as violent if it says so.
pub fn moderation(prompt: &Prompt, id_seed: u64) -> Value {
    let results: Vec<Value> = prompt
        .inputs
        .iter()
        .map(|input| {
            let violent = input.to_lowercase().contains("kill");
            let score = if violent { 0.97 } else { 0.001 };
            json!({
                "flagged": violent,
                "categories": {"violence": violent, "hate": false, "self-harm": false},
                "category_scores": {"violence": score, "hate": 0.001, "self-harm": 0.001},
            })
        })
        .collect();
    let mut dice = Dice::new(id_seed, &["modr"]);
    let model = if prompt.model.is_empty() {
        "omni-moderation-latest"
    } else {
        &prompt.model
    };
    json!({"id": format!("modr-{}", dice.base62(29)), "model": model, "results": results})
}
