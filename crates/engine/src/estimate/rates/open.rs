//! The rates of the other vendors' models, and of open weights.

use super::{MOST, Rates};

pub(in crate::estimate) const MISTRAL: Rates = Rates {
    text: 1_023,
    mark: 945,
    digit: 1_000,
    number: 0,
    message: 2_989,
    call: 0,
    call_text: 936,
    result: 0,
    thinking: 12_114,
    reasoning_earlier: 926,
    reasoning: 927,
    tools: 11_103,
    tools_forced: 8_823,
    sequential: -2_941,
    name: 1_349,
    schema_text: 1_363,
    keyword: 5_000,
    answer_schema: 0,
    ..MOST
};

/// What Cohere's models share.
const COHERE: Rates = Rates {
    text: 1_070,
    mark: 1_350,
    digit: 300,
    number: 800,
    tools: 1_333_525,
    tools_forced: 1_344_364,
    answer: 503_451,
    ..MOST
};

pub(in crate::estimate) const COMMAND: Rates = Rates {
    start: 488_402,
    tools: 929_676,
    tools_forced: 940_515,
    answer: 85_960,
    ..COHERE
};

pub(in crate::estimate) const COMMAND_R: Rates = Rates {
    start: 57_300,
    tools: 806_650,
    tools_forced: 817_489,
    json: 14_782,
    ..COHERE
};

pub(in crate::estimate) const COMMAND_R08: Rates = Rates {
    start: 197_100,
    ..COHERE
};

pub(in crate::estimate) const COMMAND_PLUS: Rates = Rates {
    start: 69_185,
    ..COHERE
};

pub(in crate::estimate) const COMMAND_REASONING: Rates = Rates {
    start: 1_306_492,
    thinking: 60_000,
    tools: 98_544,
    tools_forced: 109_383,
    ..COHERE
};

/// What Llama's versions share.
const LLAMAS: Rates = Rates {
    start: 11_110,
    call: 0,
    tools: 637_561,
    tools_forced: 637_561,
    answer_schema: 0,
    ..MOST
};

pub(in crate::estimate) const LLAMA_3: Rates = Rates {
    start: 7_403,
    ..LLAMAS
};

pub(in crate::estimate) const LLAMA: Rates = Rates {
    start: 33_575,
    message: 1_500,
    ..LLAMAS
};

pub(in crate::estimate) const LLAMA_4: Rates = Rates {
    tools: 662_495,
    tools_forced: 637_082,
    ..LLAMAS
};

pub(in crate::estimate) const LLAMA_4_BEDROCK: Rates = Rates {
    tools: 116_580,
    tools_forced: 116_580,
    ..LLAMAS
};

/// What Qwen shares on any server: its tokeniser is made from OpenAI's `cl100k`, but for digits.
const QWENS: Rates = Rates {
    digit: 1_000,
    number: 0,
    start: 3_000,
    message: 5_000,
    call: 12_000,
    result: 6_000,
    reasoning_earlier: 0,
    tool: 20_000,
    keyword: 109,
    answer_schema: 0,
    ..MOST
};

pub(in crate::estimate) const QWEN: Rates = Rates {
    message: 4_731,
    thinking: 4_797,
    reasoning: 950,
    tools: 168_267,
    tools_forced: 168_267,
    ..QWENS
};

/// Its template drops calls and thinking.
pub(in crate::estimate) const QWEN_GPUSTACK: Rates = Rates {
    call: 0,
    call_text: 0,
    result: 0,
    thinking: 360,
    reasoning: 0,
    tools: 143_151,
    tools_forced: 143_151,
    schema_text: 999,
    keyword: 2_499,
    ..QWENS
};

/// Its template drops what was thought before the user spoke last.
pub(in crate::estimate) const QWEN_OLLAMA: Rates = Rates {
    start: 4_969,
    thinking: 3_719,
    reasoning: 892,
    tools: 91_196,
    tools_forced: 91_196,
    tool: 18_247,
    schema_text: 1_121,
    ..QWENS
};

/// What DeepSeek's versions share.
const DEEP_SEEKS: Rates = Rates {
    text: 992,
    mark: 1_109,
    message: 3_254,
    call_text: 1_600,
    reasoning_earlier: 0,
    answer_schema: 0,
    ..MOST
};

pub(in crate::estimate) const DEEP_SEEK: Rates = Rates {
    call: 17_512,
    reasoning: 0,
    tools: 214_321,
    tools_forced: 220_651,
    name: 1_600,
    schema_text: 1_019,
    keyword: 4_733,
    ..DEEP_SEEKS
};

pub(in crate::estimate) const DEEP_SEEK_V4: Rates = Rates {
    start: 79_671,
    call: 26_894,
    reasoning: 950,
    tools: 217_606,
    tools_forced: 223_601,
    name: 1_435,
    keyword: 4_557,
    ..DEEP_SEEKS
};

/// What Grok's versions share.
const XAI: Rates = Rates {
    text: 829,
    mark: 829,
    digit: 713,
    number: 800,
    message: 3_728,
    call: 5_063,
    ..MOST
};

pub(in crate::estimate) const GROK: Rates = Rates {
    sealed: 226,
    tools: 155_882,
    tools_forced: 155_882,
    schema_text: 792,
    keyword: 2_471,
    answer: 216_154,
    json: 6_873,
    ..XAI
};

pub(in crate::estimate) const GROK_43: Rates = Rates {
    start: 189_379,
    call_text: 811,
    sealed: 154,
    tools: 53_701,
    tools_forced: 53_701,
    answer: 27_067,
    json: 7_015,
    ..XAI
};

pub(in crate::estimate) const NOVA: Rates = Rates {
    text: 933,
    mark: 923,
    digit: 300,
    number: 800,
    message: 745,
    call: 19_441,
    tools: 372_805,
    tools_forced: 372_805,
    answer: 8_000,
    ..MOST
};

pub(in crate::estimate) const NOVA_2: Rates = Rates {
    text: 932,
    mark: 851,
    digit: 300,
    number: 800,
    start: 40_398,
    thinking: 51_987,
    tools: 810_554,
    tools_forced: 941_146,
    keyword: 4_759,
    answer: 8_000,
    ..MOST
};

/// What no recording tells: middle values of the others.
pub(in crate::estimate) const OTHER: Rates = Rates {
    text: 950,
    start: 4_000,
    call: 10_000,
    reasoning_earlier: 1_054,
    reasoning: 1_200,
    tools: 29_120,
    tools_forced: 29_120,
    tool: 10_000,
    answer: 1_725,
    answer_schema: 0,
    ..MOST
};
