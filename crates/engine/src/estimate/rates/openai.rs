//! The rates of OpenAI's models.

use super::{MOST, Rates};

/// What the models with the `o200k` tokeniser share.
const O200K: Rates = Rates {
    text: 1_000,
    joint: 199,
    name: 930,
    schema_text: 930,
    schema_repeated: 0,
    keyword: 0,
    property: 4_000,
    described: 2_000,
    ..MOST
};

/// The start and messages by the same guide.
pub(in crate::estimate) const GPT_4O: Rates = Rates {
    start: 3_000,
    call: 4_839,
    tools: 13_141,
    tools_forced: 13_141,
    sequential: 16_000,
    tool: 2_202,
    schema_text: 820,
    schema_repeated: 1_105,
    keyword: 296,
    optional: 4_052,
    described: 1_017,
    answer: 22_046,
    answer_schema: 552,
    ..O200K
};

pub(in crate::estimate) const GPT_5: Rates = Rates {
    start: 1_817,
    message: 4_432,
    call: 13_405,
    call_text: 600,
    thinking: 866,
    sealed_turn: 154,
    tools: 96_323,
    tools_forced: 100_497,
    tool: 4_816,
    name: 916,
    answer: 6_165,
    ..O200K
};

pub(in crate::estimate) const GPT_5_RESPONSES: Rates = Rates {
    start: 2_632,
    message: 3_478,
    call: 16_716,
    call_text: 600,
    thinking: 660,
    sealed_turn: 161,
    tools: 15_517,
    tools_forced: 14_635,
    sequential: 79_683,
    tool: 6_257,
    schema_text: 604,
    property: 5_155,
    described: 1_331,
    answer: 6_241,
    answer_schema: 603,
    ..O200K
};

pub(in crate::estimate) const GPT_OSS: Rates = Rates {
    start: 63_190,
    call: 9_805,
    thinking: 4_384,
    reasoning_earlier: 0,
    reasoning: 987,
    tools: 28_430,
    tools_forced: 45_776,
    tool: 7_000,
    property: 679,
    answer: 8_000,
    json: 548,
    ..O200K
};

/// The start and messages as in OpenAI's cookbook ("How to count tokens with tiktoken").
pub(in crate::estimate) const GPT_4: Rates = Rates {
    start: 3_000,
    call: 2_020,
    call_text: 838,
    tools: 8_296,
    tools_forced: 7_599,
    tool: 14_000,
    name: 1_014,
    schema_text: 930,
    schema_repeated: 0,
    keyword: 0,
    property: 5_156,
    described: 2_000,
    answer: 8_000,
    ..MOST
};
