//! What a vendor's answers look like: a [`Voice`] is a table that one renderer and one streamer
//! read, with small functions for members that only this vendor has.

mod stream;
mod whole;

use serde_json::{Map, Value, json};

use crate::answer::{Answer, Finish, Turn, Usage};
use crate::seed::Dice;
use crate::wire::Context;

pub(super) use stream::events;
pub(super) use whole::{completion, embeddings};

/// How a vendor's answers look.
#[derive(Debug)]
pub(crate) struct Voice {
    /// The id of an answer.
    pub(crate) id: fn(&mut Dice) -> String,
    /// The id of a call of the tool with this name and number.
    pub(crate) call_id: fn(&mut Dice, &str, usize) -> String,
    /// `system_fingerprint`, where there is one.
    pub(crate) fingerprint: Option<fn(&mut Dice) -> Value>,
    /// Where thoughts stand.
    pub(crate) thoughts: Thoughts,
    /// The word for why a turn ended.
    pub(crate) finish: fn(&Finish) -> &'static str,
    /// `usage`.
    pub(crate) usage: fn(&Context<'_>) -> Value,
    /// How calls look.
    pub(crate) calls: Calls,
    /// Whether choices carry `logprobs: null`.
    pub(crate) logprobs: bool,
    /// How streams run.
    pub(crate) flow: Flow,
    /// A chunk before all others.
    pub(crate) first: Option<fn(&Context<'_>) -> Value>,
    /// The last touch to a whole answer.
    pub(crate) whole: fn(&Context<'_>, &mut Map<String, Value>),
    /// The last touch to a chunk.
    pub(crate) chunk: fn(&Context<'_>, &Moment<'_>, &mut Map<String, Value>),
}

/// Where thoughts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thoughts {
    /// Nowhere.
    Hidden,
    /// In a member of the message.
    Member(&'static str),
    /// As chunks of the content, which is a list then (Mistral).
    Chunks,
    /// As `reasoning` and `reasoning_details` (OpenRouter).
    Details,
    /// In the text, between `<think>` tags.
    Tags,
}

/// How tool calls look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Calls {
    /// Whether they say `type`.
    pub(crate) typed: bool,
    /// Whether whole answers number them.
    pub(crate) numbered: bool,
    /// What stands as content beside calls.
    pub(crate) beside: Beside,
    /// How they are streamed.
    pub(crate) streamed: Pieces,
}

/// What stands as content beside calls that have no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beside {
    /// `null`.
    Null,
    /// `""`.
    Empty,
    /// Nothing.
    Absent,
}

/// How tool calls are streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// A start and pieces of the arguments.
    Fine,
    /// The same, and each piece says `"id": ""` and the type again (Qwen).
    FineEmptyId,
    /// One chunk a call.
    Whole,
    /// All of them on the chunk with the finish reason (Mistral).
    Together,
}

/// How streams run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flow {
    /// Where usage stands.
    pub(crate) usage: Counted,
    /// Whether chunks without usage say `usage: null` (where usage will come).
    pub(crate) null_usage: bool,
    /// Whether each delta names the role again; there is no opening chunk then.
    pub(crate) role_each: bool,
    /// Whether the last text stands on the chunk with the finish reason.
    pub(crate) finish_with_text: bool,
    /// Whether the delta of the finish chunk is `{"content": ""}`.
    pub(crate) empty_finish: bool,
    /// Comments that open the stream.
    pub(crate) comments: usize,
    /// CRLF line ends.
    pub(crate) crlf: bool,
    /// Whether `[DONE]` ends the stream.
    pub(crate) done: bool,
}

/// Where a stream's usage stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// On a chunk of its own without choices, where it was asked for.
    Asked,
    /// On the finish chunk, asked or not.
    Finish,
    /// On every chunk, growing.
    Each,
    /// On a second finish chunk.
    Repeated,
    /// Where the vendor's own touch puts it.
    Own,
}

/// The plain flow.
pub(crate) const FLOW: Flow = Flow {
    usage: Counted::Asked,
    null_usage: false,
    role_each: false,
    finish_with_text: false,
    empty_finish: false,
    comments: 0,
    crlf: false,
    done: true,
};

/// Calls as OpenAI has them.
pub(crate) const CALLS: Calls = Calls {
    typed: true,
    numbered: false,
    beside: Beside::Null,
    streamed: Pieces::Fine,
};

/// Which chunk it is that gets its last touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The first one.
    Opening,
    /// Some content.
    Content,
    /// The one with the finish reason.
    Finish,
    /// Usage and nothing else, or the repeated finish.
    Usage,
}

/// A chunk among the others of its stream.
#[derive(Debug)]
pub(crate) struct Moment<'a> {
    /// Which one it is.
    pub(crate) stage: Stage,
    /// The text up to and with it.
    pub(crate) so_far: &'a str,
    /// The turn that it belongs to.
    pub(crate) turn: Option<&'a Turn>,
}

/// No last touch.
pub(crate) fn untouched(_: &Context<'_>, _: &mut Map<String, Value>) {}

/// No last touch.
pub(crate) fn unchanged(_: &Context<'_>, _: &Moment<'_>, _: &mut Map<String, Value>) {}

/// OpenAI's words.
pub(crate) fn finish(finish: &Finish) -> &'static str {
    crate::dialect::openai::render::finish_reason(finish)
}

/// The three counts that everybody gives.
pub(crate) fn counts(usage: &Usage) -> Map<String, Value> {
    let total = usage.input_total() + usage.output_total();
    let counts = json!({"prompt_tokens": usage.input_total(),
        "completion_tokens": usage.output_total(), "total_tokens": total});
    match counts {
        Value::Object(counts) => counts,
        _ => Map::new(),
    }
}

/// The counts and the members of this object.
pub(crate) fn counts_with(usage: &Usage, more: Value) -> Value {
    let mut counts = counts(usage);
    if let Value::Object(more) = more {
        counts.extend(more);
    }
    Value::Object(counts)
}

/// The counts with the usual details.
pub(crate) fn detailed(context: &Context<'_>) -> Value {
    let usage = &context.answer.usage;
    let mut more = json!({"prompt_tokens_details": {"cached_tokens": usage.cache_read}});
    if usage.thinking > 0
        && let Some(members) = more.as_object_mut()
    {
        let details = json!({"reasoning_tokens": usage.thinking});
        members.insert("completion_tokens_details".to_owned(), details);
    }
    counts_with(usage, more)
}

/// What the answer cost in USD: input, output.
pub(crate) fn cost_usd(context: &Context<'_>) -> (f64, f64) {
    let (usage, model) = (&context.answer.usage, &context.known.model);
    let input = (usage.input_fresh + usage.cache_write) * model.input_price_nano_usd
        + usage.cache_read * model.cached_price_nano_usd;
    let output = usage.output_total() * model.output_price_nano_usd;
    (input as f64 / 1e9, output as f64 / 1e9)
}

/// A random UUID.
pub(crate) fn uuid(dice: &mut Dice) -> String {
    let parts = [8, 4, 4, 4, 12].map(|length| dice.hex(length));
    parts.join("-")
}

/// `chatcmpl-` and 29 letters.
pub(crate) fn chatcmpl(dice: &mut Dice) -> String {
    format!("chatcmpl-{}", dice.base62(29))
}

/// `chatcmpl-` and a UUID.
pub(crate) fn chatcmpl_uuid(dice: &mut Dice) -> String {
    format!("chatcmpl-{}", uuid(dice))
}

/// `call_` and 24 letters.
pub(crate) fn call_24(dice: &mut Dice, _: &str, _: usize) -> String {
    format!("call_{}", dice.base62(24))
}

/// `fp_` and ten digits.
pub(crate) fn fp_10(dice: &mut Dice) -> Value {
    json!(format!("fp_{}", dice.hex(10)))
}

/// The thoughts of a turn, where this voice shows them.
fn shown(context: &Context<'_>, turn: &Turn) -> Option<String> {
    let thought = turn
        .thinking
        .clone()
        .filter(|thought| !thought.is_empty())?;
    context.prompt.show_thoughts.then_some(thought)
}

/// The text of a turn, with its thoughts where they stand in it.
fn text(voice: &Voice, context: &Context<'_>, turn: &Turn) -> Option<String> {
    match (voice.thoughts, shown(context, turn)) {
        (Thoughts::Tags, Some(thought)) => {
            let said = turn.text.as_deref().unwrap_or_default();
            Some(format!("<think>\n{thought}\n</think>\n\n{said}"))
        }
        _ => turn.text.clone(),
    }
}

/// A call object with these arguments.
fn call(voice: &Voice, id: &str, name: &str, arguments: &str) -> Map<String, Value> {
    let mut call = Map::new();
    call.insert("id".to_owned(), json!(id));
    if voice.calls.typed {
        call.insert("type".to_owned(), json!("function"));
    }
    let function = json!({"name": name, "arguments": arguments});
    call.insert("function".to_owned(), function);
    call
}

/// The ids of a turn's calls.
fn call_ids(voice: &Voice, id_seed: u64, choice: usize, turn: &Turn) -> Vec<String> {
    let one = |(at, call): (usize, &crate::answer::Call)| {
        let words = ["call", &choice.to_string(), &at.to_string()].map(str::to_owned);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let mut dice = Dice::new(id_seed, &words);
        (voice.call_id)(&mut dice, &call.name, at)
    };
    turn.calls.iter().enumerate().map(one).collect()
}

/// The fingerprint of the model that answers.
fn fingerprint(voice: &Voice, context: &Context<'_>) -> Option<Value> {
    let mut dice = Dice::new(0, &["fingerprint", &context.known.served_as]);
    voice.fingerprint.map(|make| make(&mut dice))
}

/// The answer's id.
fn id(voice: &Voice, context: &Context<'_>) -> String {
    let mut dice = Dice::new(context.id_seed, &["chatcmpl"]);
    (voice.id)(&mut dice)
}

/// The usage after this share of the output, for streams that count as they go.
fn usage_so_far(answer: &Answer, said: &str) -> Usage {
    let output_visible = crate::answer::tokens(said).min(answer.usage.output_visible);
    Usage {
        output_visible,
        ..answer.usage
    }
}
