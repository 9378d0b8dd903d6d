//! The rates of Google's models.

use super::{MOST, Rates};

/// What Gemini's versions share: its tokeniser takes each digit.
const GOOGLE: Rates = Rates {
    text: 897,
    long: 88,
    mark: 900,
    joint: 950,
    digit: 1_000,
    number: 0,
    call: 0,
    result: 0,
    reasoning_earlier: 631,
    reasoning: 631,
    tool: 0,
    keyword: 0,
    answer_schema: 0,
    ..MOST
};

pub(in crate::estimate) const GEMINI_2: Rates = Rates {
    message: 1_103,
    call_text: 600,
    tool: 9_890,
    name: 319,
    schema_text: 476,
    schema_repeated: 0,
    ..GOOGLE
};

/// Tools cost as if written as code: a function each, a class for each nested object.
pub(in crate::estimate) const GEMINI: Rates = Rates {
    message: 2_409,
    call: 19_381,
    call_text: 808,
    signature_pieces: 100,
    tools_forced: 15_432,
    tool: 14_691,
    name: 749,
    schema_text: 1_217,
    keyword: 1_408,
    property: 4,
    nested: 47_283,
    answer_schema: 5,
    ..GOOGLE
};

/// The signatures of calls count in all turns.
pub(in crate::estimate) const GEMINI_3: Rates = Rates {
    message: 2_851,
    call: 18_358,
    call_text: 1_150,
    reasoning_earlier: 889,
    reasoning: 1_000,
    signature: 199,
    tools_forced: 15_891,
    tool: 3_443,
    name: 1_195,
    schema_text: 1_303,
    keyword: 1_940,
    ..GOOGLE
};

/// Signatures count, and those of streams in the current turn only.
pub(in crate::estimate) const VERTEX: Rates = Rates {
    message: 676,
    call: 979,
    call_text: 613,
    result: 1_054,
    reasoning_earlier: 0,
    reasoning: 0,
    signature_old: 145,
    signature_pieces: 105,
    name: 1_107,
    schema_text: 915,
    keyword: 299,
    property: 306,
    answer: 41_448,
    answer_schema: 600,
    ..GOOGLE
};

pub(in crate::estimate) const VERTEX_3: Rates = Rates {
    message: 0,
    call_text: 683,
    reasoning_earlier: 7,
    reasoning: 0,
    signature_turn: 236,
    signature: 36,
    name: 1_232,
    schema_text: 1_259,
    answer: 42_474,
    answer_schema: 600,
    ..GOOGLE
};
