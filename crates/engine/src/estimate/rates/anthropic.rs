//! The rates of Anthropic's models.

use super::{MOST, Rates};

/// What Claude up to 4.6 shares: one tokeniser.
const OLD: Rates = Rates {
    text: 981,
    long: 205,
    mark: 1_038,
    joint: 700,
    number: 1_116,
    start: 5_431,
    message: 3_882,
    answer: 8_000,
    ..MOST
};

pub(in crate::estimate) const CLAUDE_3: Rates = Rates {
    start: 3_188,
    tools: 380_011,
    tools_forced: 380_011,
    ..OLD
};

/// The prompt for tools as in Anthropic's guide to tool use: 530 tokens, 281 where a call is forced.
pub(in crate::estimate) const CLAUDE_3_OPUS: Rates = Rates {
    message: 4_380,
    tools: 530_000,
    tools_forced: 281_000,
    ..OLD
};

/// By the same guide: 159 and 235.
pub(in crate::estimate) const CLAUDE_3_SONNET: Rates = Rates {
    tools: 159_000,
    tools_forced: 235_000,
    ..OLD
};

/// By the same guide: 264 and 340.
pub(in crate::estimate) const CLAUDE_3_HAIKU: Rates = Rates {
    tools: 264_000,
    tools_forced: 340_000,
    ..OLD
};

pub(in crate::estimate) const CLAUDE_4: Rates = Rates {
    start: 6_101,
    message: 4_000,
    call: 36_067,
    thinking: 25_040,
    reasoning_earlier: 124,
    reasoning: 124,
    tools: 320_272,
    tools_forced: 412_461,
    keyword: 5_000,
    answer: 132_629,
    answer_schema: 776,
    ..OLD
};

pub(in crate::estimate) const CLAUDE: Rates = Rates {
    start: 3_186,
    message: 3_736,
    call: 40_331,
    call_text: 1_095,
    thinking: 29_205,
    reasoning_earlier: 81,
    reasoning: 122,
    tools: 502_723,
    tools_forced: 594_161,
    sequential: -200_000,
    schema_text: 1_017,
    keyword: 5_000,
    property: 702,
    answer: 132_499,
    answer_schema: 776,
    ..OLD
};

pub(in crate::estimate) const CLAUDE_NEW: Rates = Rates {
    text: 1_262,
    long: 150,
    mark: 1_496,
    joint: 700,
    digit: 300,
    start: 1_478,
    message: 3_377,
    reasoning_earlier: 1_200,
    reasoning: 1_200,
    tools: 428_760,
    tools_forced: 428_760,
    answer: 8_000,
    ..MOST
};
