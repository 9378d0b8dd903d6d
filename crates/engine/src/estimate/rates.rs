//! The rates of each family.
//!
//! Fitted on one half of the recorded exchanges by least absolute relative error, held near those of
//! the other families where few recordings speak; what a provider documents stands as documented.
//! `recordings` measures them on the other half.

mod anthropic;
mod google;
mod open;
mod openai;

pub(super) use anthropic::*;
pub(super) use google::*;
pub(super) use open::*;
pub(super) use openai::*;

/// How one family counts. Tokens in thousandths, factors of [`super::scan::units`] in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Factor of the words of messages.
    pub text: u64,
    /// Every letter of a word beyond the sixth.
    pub long: u64,
    /// Factor of their punctuation.
    pub mark: u64,
    /// Every mark alone inside of a word.
    pub joint: u64,
    /// Every digit.
    pub digit: u64,
    /// Every three digits of a number, begun.
    pub number: u64,
    /// Every Chinese, Japanese or Korean character.
    pub ideograph: u64,
    /// Every request.
    pub start: u64,
    /// Every message.
    pub message: u64,
    /// Every tool call of an earlier turn.
    pub call: u64,
    /// Factor of its name and arguments.
    pub call_text: u64,
    /// Every tool result.
    pub result: u64,
    /// A request that turns thinking on.
    pub thinking: u64,
    /// Factor of thinking that is sent back and came before the user spoke last.
    pub reasoning_earlier: u64,
    /// Factor of that which came since.
    pub reasoning: u64,
    /// Every character of encrypted reasoning since the user spoke last, less what holds no
    /// thinking.
    pub sealed_turn: u64,
    /// Every character of encrypted reasoning.
    pub sealed: u64,
    /// Every character of the signature of a call.
    pub signature_old: u64,
    /// The same since the user spoke last, put together from a stream's pieces.
    pub signature_pieces: u64,
    /// The same in Gemini 3's form, since the user spoke last.
    pub signature_turn: u64,
    /// The same, all of them.
    pub signature: u64,
    /// A request with tools.
    pub tools: u64,
    /// The same where one must be called.
    pub tools_forced: u64,
    /// A request with tools that are called one after the other: more, or less.
    pub sequential: i64,
    /// Every tool.
    pub tool: u64,
    /// Factor of its name and description.
    pub name: u64,
    /// Factor of the names, descriptions and values in its schema.
    pub schema_text: u64,
    /// Factor of what repeats names there: titles, the required ones.
    pub schema_repeated: u64,
    /// Every keyword of its schema.
    pub keyword: u64,
    /// Every property of it.
    pub property: u64,
    /// Every property that need not be given.
    pub optional: u64,
    /// Every description in it.
    pub described: u64,
    /// Every object inside of another, or reference to one.
    pub nested: u64,
    /// A request with a schema for the answer.
    pub answer: u64,
    /// Factor of that schema.
    pub answer_schema: u64,
    /// A request for JSON of any shape.
    pub json: u64,
}

/// What most families have in common.
const MOST: Rates = Rates {
    text: 1_006,
    long: 80,
    mark: 850,
    joint: 400,
    digit: 0,
    number: 1_000,
    ideograph: 800,
    start: 0,
    message: 4_000,
    call: 6_000,
    call_text: 1_000,
    result: 4_000,
    thinking: 0,
    reasoning_earlier: 500,
    reasoning: 500,
    sealed_turn: 0,
    sealed: 0,
    signature_old: 0,
    signature_pieces: 0,
    signature_turn: 0,
    signature: 0,
    tools: 0,
    tools_forced: 0,
    sequential: 0,
    tool: 6_000,
    name: 1_000,
    schema_text: 1_000,
    schema_repeated: 500,
    keyword: 1_300,
    property: 0,
    optional: 0,
    described: 0,
    nested: 0,
    answer: 0,
    answer_schema: 600,
    json: 0,
};
