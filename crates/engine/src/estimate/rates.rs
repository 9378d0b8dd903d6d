//! The rates of each family.
//!
//! Fitted on one half of the recorded exchanges by least absolute relative error, each within the
//! bounds of what a prompt can plausibly hold; `recordings` measures them on the other half.

/// How one family counts. Tokens in thousandths, factors of [`super::scan::units`] in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Factor of the words of messages.
    pub text: u64,
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
    /// Factor of thinking that is sent back.
    pub reasoning: u64,
    /// Every character of sealed thinking since the user spoke last.
    pub sealed_turn: u64,
    /// Every character of sealed thinking.
    pub sealed: u64,
    /// A request with tools.
    pub tools: u64,
    /// Tools of which one must be called.
    pub forced: u64,
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
    /// A request with a schema for the answer.
    pub answer: u64,
    /// Factor of that schema.
    pub answer_schema: u64,
    /// A request for JSON of any shape.
    pub json: u64,
}

impl Rates {
    const fn of(
        [text, digit, number, ideograph]: [u64; 4],
        [start, message, call, call_text, result]: [u64; 5],
        [thinking, reasoning, sealed_turn, sealed]: [u64; 4],
        [tools, forced, tool, name]: [u64; 4],
        [schema_text, schema_repeated, keyword]: [u64; 3],
        [answer, answer_schema, json]: [u64; 3],
    ) -> Self {
        Self {
            text,
            digit,
            number,
            ideograph,
            start,
            message,
            call,
            call_text,
            result,
            thinking,
            reasoning,
            sealed_turn,
            sealed,
            tools,
            forced,
            tool,
            name,
            schema_text,
            schema_repeated,
            keyword,
            answer,
            answer_schema,
            json,
        }
    }
}

pub(super) const GPT_4: Rates = Rates::of(
    [925, 300, 800, 800],
    [1_934, 5_715, 0, 838, 4_000],
    [0, 500, 0, 0],
    [2_738, 0, 6_000, 1_236],
    [848, 500, 2_455],
    [8_000, 600, 0],
);
pub(super) const GPT_4O: Rates = Rates::of(
    [915, 300, 856, 800],
    [3_600, 4_000, 3_284, 1_000, 4_000],
    [0, 500, 0, 0],
    [12_720, 1_117, 337, 664],
    [952, 716, 1_551],
    [22_130, 544, 0],
);
pub(super) const GPT_5: Rates = Rates::of(
    [974, 404, 1_171, 800],
    [1_817, 4_235, 13_405, 600, 4_000],
    [998, 500, 97, 0],
    [92_317, 4_174, 5_302, 1_010],
    [569, 500, 619],
    [6_165, 600, 0],
);
pub(super) const GPT_5_RESPONSES: Rates = Rates::of(
    [969, 295, 1_171, 800],
    [2_631, 3_478, 15_112, 600, 4_000],
    [784, 500, 96, 0],
    [9_616, 988, 3_071, 1_072],
    [558, 500, 1_417],
    [6_165, 600, 0],
);
pub(super) const GPT_OSS: Rates = Rates::of(
    [780, 100, 648, 800],
    [64_579, 4_000, 11_760, 1_000, 4_000],
    [6_242, 423, 0, 0],
    [21_994, 31_774, 6_000, 1_503],
    [1_000, 500, 772],
    [8_000, 600, 13_341],
);
pub(super) const CLAUDE_3: Rates = Rates::of(
    [1_028, 300, 800, 800],
    [5_431, 3_882, 6_000, 1_000, 4_000],
    [0, 500, 0, 0],
    [374_939, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 600, 0],
);
pub(super) const CLAUDE_4: Rates = Rates::of(
    [860, 300, 1_254, 800],
    [7_166, 4_000, 36_067, 1_000, 4_000],
    [25_040, 124, 0, 0],
    [319_902, 92_189, 6_000, 1_000],
    [1_000, 500, 5_000],
    [132_629, 776, 0],
);
pub(super) const CLAUDE: Rates = Rates::of(
    [991, 300, 1_264, 800],
    [3_009, 4_000, 39_406, 1_095, 4_000],
    [29_106, 122, 0, 0],
    [502_048, 92_188, 6_000, 1_000],
    [1_000, 500, 5_000],
    [132_646, 776, 0],
);
pub(super) const CLAUDE_NEW: Rates = Rates::of(
    [1_295, 442, 1_700, 800],
    [1_478, 3_314, 6_000, 1_000, 4_000],
    [0, 1_200, 0, 0],
    [421_095, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 600, 0],
);
pub(super) const GEMINI_2: Rates = Rates::of(
    [910, 100, 526, 800],
    [0, 1_500, 0, 600, 0],
    [0, 631, 0, 0],
    [0, 0, 5_811, 600],
    [476, 0, 0],
    [0, 0, 0],
);
pub(super) const GEMINI: Rates = Rates::of(
    [902, 617, 877, 800],
    [0, 2_409, 19_381, 881, 0],
    [0, 631, 0, 0],
    [0, 12_034, 7_251, 1_000],
    [1_217, 500, 2_213],
    [0, 5, 0],
);
pub(super) const GEMINI_3: Rates = Rates::of(
    [894, 453, 877, 800],
    [0, 2_851, 2_796, 1_150, 0],
    [0, 573, 80, 115],
    [0, 16_289, 2_881, 1_181],
    [1_303, 500, 1_940],
    [0, 0, 0],
);
pub(super) const VERTEX: Rates = Rates::of(
    [859, 1_194, 565, 800],
    [0, 1_500, 0, 613, 1_054],
    [0, 0, 60, 87],
    [0, 0, 0, 1_107],
    [915, 500, 132],
    [41_448, 600, 0],
);
pub(super) const VERTEX_3: Rates = Rates::of(
    [780, 1_300, 134, 800],
    [0, 1_500, 0, 1_009, 1_054],
    [0, 0, 0, 0],
    [0, 0, 0, 1_284],
    [1_259, 500, 0],
    [42_114, 600, 0],
);
pub(super) const MISTRAL: Rates = Rates::of(
    [945, 430, 800, 800],
    [0, 3_896, 0, 1_000, 961],
    [12_333, 927, 0, 0],
    [10_035, 0, 6_000, 1_349],
    [1_363, 500, 5_000],
    [0, 0, 0],
);
pub(super) const COMMAND: Rates = Rates::of(
    [1_350, 300, 800, 800],
    [488_402, 4_000, 6_000, 1_000, 4_000],
    [0, 500, 0, 0],
    [929_345, 10_839, 6_000, 1_000],
    [1_000, 500, 1_300],
    [84_235, 600, 0],
);
pub(super) const COMMAND_R: Rates = Rates::of(
    [1_350, 300, 800, 800],
    [55_618, 4_000, 6_000, 1_000, 4_000],
    [0, 500, 0, 0],
    [806_650, 10_839, 6_000, 1_000],
    [1_000, 500, 1_300],
    [503_451, 600, 13_568],
);
pub(super) const COMMAND_R08: Rates = Rates::of(
    [1_057, 300, 800, 800],
    [197_100, 4_000, 6_000, 1_000, 4_000],
    [0, 500, 0, 0],
    [1_333_525, 10_839, 6_000, 1_000],
    [1_000, 500, 1_300],
    [503_451, 600, 0],
);
pub(super) const COMMAND_PLUS: Rates = Rates::of(
    [1_350, 300, 800, 800],
    [69_185, 4_000, 6_000, 1_000, 4_000],
    [0, 500, 0, 0],
    [1_333_525, 10_839, 6_000, 1_000],
    [1_000, 500, 1_300],
    [503_451, 600, 0],
);
pub(super) const COMMAND_REASONING: Rates = Rates::of(
    [1_350, 300, 800, 800],
    [1_306_492, 4_000, 6_000, 1_000, 4_000],
    [60_000, 500, 0, 0],
    [98_544, 10_839, 6_000, 1_000],
    [1_000, 500, 1_300],
    [503_451, 600, 0],
);
pub(super) const LLAMA_3: Rates = Rates::of(
    [925, 300, 800, 800],
    [7_415, 4_000, 0, 1_000, 4_000],
    [0, 500, 0, 0],
    [637_561, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 600, 0],
);
pub(super) const LLAMA: Rates = Rates::of(
    [780, 300, 800, 800],
    [34_314, 1_500, 0, 1_000, 4_000],
    [0, 500, 0, 0],
    [637_561, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 600, 0],
);
pub(super) const LLAMA_4: Rates = Rates::of(
    [780, 300, 800, 800],
    [11_110, 4_000, 0, 1_000, 4_000],
    [0, 500, 0, 0],
    [665_288, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 600, 0],
);
pub(super) const LLAMA_4_BEDROCK: Rates = Rates::of(
    [780, 300, 800, 800],
    [11_110, 4_000, 0, 1_000, 4_000],
    [0, 500, 0, 0],
    [118_804, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 600, 0],
);
pub(super) const QWEN: Rates = Rates::of(
    [780, 1_300, 1_700, 800],
    [0, 1_500, 6_000, 1_000, 4_000],
    [9_817, 0, 0, 0],
    [168_267, 0, 6_000, 1_000],
    [1_000, 500, 109],
    [8_000, 600, 215_764],
);
pub(super) const QWEN_GPUSTACK: Rates = Rates::of(
    [892, 300, 800, 800],
    [6_335, 4_000, 0, 600, 0],
    [2_812, 0, 0, 0],
    [152_284, 0, 6_000, 1_000],
    [1_052, 500, 2_760],
    [8_000, 600, 215_764],
);
pub(super) const QWEN_OLLAMA: Rates = Rates::of(
    [780, 300, 800, 800],
    [7_454, 4_000, 40_000, 1_600, 4_000],
    [3_719, 64, 0, 0],
    [121_980, 0, 6_000, 1_000],
    [1_121, 500, 109],
    [8_000, 600, 215_708],
);
pub(super) const DEEP_SEEK: Rates = Rates::of(
    [975, 300, 609, 800],
    [0, 3_254, 17_512, 1_600, 4_000],
    [3_941, 0, 0, 0],
    [214_642, 7_042, 6_000, 1_600],
    [1_019, 500, 4_733],
    [8_000, 600, 0],
);
pub(super) const DEEP_SEEK_V4: Rates = Rates::of(
    [975, 300, 609, 800],
    [82_273, 3_254, 21_620, 1_600, 4_000],
    [0, 0, 0, 0],
    [214_351, 5_995, 6_000, 1_435],
    [1_000, 500, 4_557],
    [8_000, 600, 0],
);
pub(super) const GROK: Rates = Rates::of(
    [829, 126, 100, 800],
    [0, 3_728, 5_063, 1_000, 4_000],
    [0, 500, 0, 226],
    [154_624, 0, 6_000, 1_000],
    [1_000, 500, 2_471],
    [216_154, 600, 9_577],
);
pub(super) const GROK_43: Rates = Rates::of(
    [829, 911, 800, 800],
    [189_379, 3_728, 5_063, 811, 4_000],
    [0, 500, 0, 153],
    [52_703, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [27_067, 600, 7_015],
);
pub(super) const NOVA: Rates = Rates::of(
    [923, 300, 800, 800],
    [0, 1_500, 19_441, 1_000, 4_000],
    [0, 500, 0, 0],
    [365_770, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 600, 0],
);
pub(super) const NOVA_2: Rates = Rates::of(
    [851, 300, 800, 800],
    [41_141, 4_000, 6_000, 1_000, 4_000],
    [53_676, 500, 0, 0],
    [811_513, 130_592, 6_000, 1_000],
    [1_000, 500, 4_759],
    [8_000, 600, 0],
);
/// What no recording tells: middle values of the others.
pub(super) const OTHER: Rates = Rates::of(
    [780, 100, 100, 800],
    [4_000, 1_500, 23_122, 1_000, 4_000],
    [4_058, 1_200, 0, 0],
    [38_238, 0, 6_000, 1_000],
    [1_000, 500, 1_300],
    [8_000, 0, 0],
);
