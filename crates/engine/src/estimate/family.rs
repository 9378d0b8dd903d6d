//! What model families differ in, where tokens are counted.
//!
//! Fitted on half of the recorded exchanges by least absolute relative error; `recordings.rs`
//! measures it on the other half.

/// Models that count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// OpenAI up to GPT-4 Turbo (`cl100k`).
    Gpt4,
    /// GPT-4o and GPT-4.1 (`o200k`).
    Gpt4o,
    /// OpenAI's reasoning models: o1 and later, GPT-5 and later.
    Gpt5,
    /// OpenAI's open weights.
    GptOss,
    /// Claude up to 3.5.
    Claude3,
    /// Claude 3.7 to 4.6.
    Claude,
    /// Claude 4.7 and later, whose tokeniser makes about 30 % more of the same text.
    ClaudeNew,
    /// Gemini at Google's own API.
    Gemini,
    /// Gemini on Vertex, which reports fewer tokens for tools.
    Vertex,
    /// Mistral.
    Mistral,
    /// Cohere Command.
    Command,
    /// Meta Llama.
    Llama,
    /// Qwen.
    Qwen,
    /// DeepSeek.
    DeepSeek,
    /// xAI Grok.
    Grok,
    /// Amazon Nova 1.
    Nova,
    /// Amazon Nova 2.
    Nova2,
    /// Anything else.
    Other,
}

/// How one family counts. Tokens in thousandths, factors of [`super::scan::units`] in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Factor of the texts of messages.
    pub text: u64,
    /// Factor of the JSON schemas of tools.
    pub schema: u64,
    /// Factor of the schema of the answer.
    pub answer_schema: u64,
    /// Factor of thinking that is sent back.
    pub reasoning: u64,
    /// Every request.
    pub start: u64,
    /// Every message.
    pub message: u64,
    /// A request with tools.
    pub tools: u64,
    /// Every tool.
    pub tool: u64,
    /// Every `"type"` of a tool's schema.
    pub typed: u64,
    /// A request with a schema for the answer.
    pub answer: u64,
    /// A request that turns thinking on.
    pub thinking: u64,
    /// Tools of which one must be called.
    pub forced: u64,
}

impl Family {
    /// The family of a model by its id at any provider (`claude-sonnet-5`,
    /// `us.anthropic.claude-…`, `openai/gpt-5`), and of the provider where that matters.
    #[must_use]
    pub fn of(provider: &str, model: &str) -> Self {
        let lower = model.to_ascii_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let is_o = name.starts_with('o') && name.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
        match () {
            () if has(&["claude"]) => claude(name),
            () if has(&["gpt-oss"]) => Self::GptOss,
            () if has(&["gpt-3", "gpt-35"]) => Self::Gpt4,
            () if has(&["gpt-4o", "gpt-4.1", "gpt-4.5", "chatgpt-4o"]) => Self::Gpt4o,
            () if has(&["gpt-4"]) => Self::Gpt4,
            () if has(&["gpt"]) || is_o => Self::Gpt5,
            () if has(&["gemini", "gemma"]) && provider.contains("vertex") => Self::Vertex,
            () if has(&["gemini", "gemma"]) => Self::Gemini,
            () if has(&["mistral", "mixtral", "ministral", "magistral", "pixtral"]) => {
                Self::Mistral
            }
            () if has(&["codestral", "devstral", "voxtral"]) => Self::Mistral,
            () if has(&["command", "aya"]) => Self::Command,
            () if has(&["deepseek"]) => Self::DeepSeek,
            () if has(&["llama"]) => Self::Llama,
            () if has(&["qwen", "qwq"]) => Self::Qwen,
            () if has(&["grok"]) => Self::Grok,
            () if has(&["nova-2"]) => Self::Nova2,
            () if has(&["nova"]) => Self::Nova,
            () => Self::Other,
        }
    }

    /// How it counts.
    #[must_use]
    pub const fn rates(self) -> &'static Rates {
        match self {
            Self::Gpt4 => &GPT_4,
            Self::Gpt4o => &GPT_4O,
            Self::Gpt5 => &GPT_5,
            Self::GptOss => &GPT_OSS,
            Self::Claude3 => &CLAUDE_3,
            Self::Claude => &CLAUDE,
            Self::ClaudeNew => &CLAUDE_NEW,
            Self::Gemini => &GEMINI,
            Self::Vertex => &VERTEX,
            Self::Mistral => &MISTRAL,
            Self::Command => &COMMAND,
            Self::Llama => &LLAMA,
            Self::Qwen => &QWEN,
            Self::DeepSeek => &DEEPSEEK,
            Self::Grok => &GROK,
            Self::Nova => &NOVA,
            Self::Nova2 => &NOVA_2,
            Self::Other => &OTHER,
        }
    }
}

/// Which Claude: the version stands behind the line's name (`claude-opus-4-8`) or, up to 3.5,
/// before it (`claude-3-5-sonnet`). Dates (`-20250514`) are no version.
fn claude(name: &str) -> Family {
    if [
        "claude-v2",
        "claude-2",
        "claude-instant",
        "claude-3-opus",
        "claude-3-sonnet",
    ]
    .iter()
    .chain(&["claude-3-haiku", "claude-3-5", "claude-3.5"])
    .any(|old| name.contains(old))
    {
        return Family::Claude3;
    }
    let after = ["opus-", "sonnet-", "haiku-", "fable-", "mythos-"]
        .iter()
        .find_map(|line| name.split_once(line))
        .map(|(_, version)| version);
    let Some(version) = after else {
        return Family::Claude;
    };
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse::<u32>().ok().filter(|_| part.len() <= 2));
    let major = numbers.next().flatten().unwrap_or(0);
    let minor = numbers.next().flatten().unwrap_or(0);
    if (major, minor) >= (4, 7) {
        Family::ClaudeNew
    } else {
        Family::Claude
    }
}

const CLAUDE: Rates = Rates {
    text: 989,
    schema: 1_349,
    answer_schema: 800,
    reasoning: 159,
    start: 5_294,
    message: 2_306,
    tools: 499_213,
    tool: 7_812,
    typed: 1_882,
    answer: 139_091,
    thinking: 28_006,
    forced: 67_573,
};
const GPT_4O: Rates = Rates {
    text: 910,
    schema: 298,
    answer_schema: 607,
    reasoning: 500,
    start: 3_521,
    message: 3_484,
    tools: 16_150,
    tool: 732,
    typed: 0,
    answer: 11_030,
    thinking: 0,
    forced: 0,
};
const GEMINI: Rates = Rates {
    text: 879,
    schema: 828,
    answer_schema: 4,
    reasoning: 500,
    start: 0,
    message: 2_155,
    tools: 0,
    tool: 5_151,
    typed: 1_273,
    answer: 840,
    thinking: 0,
    forced: 75_278,
};
const MISTRAL: Rates = Rates {
    text: 884,
    schema: 1_257,
    answer_schema: 0,
    reasoning: 500,
    start: 3_126,
    message: 3_493,
    tools: 8_324,
    tool: 6_794,
    typed: 1_671,
    answer: 0,
    thinking: 10_589,
    forced: 1_402,
};
const VERTEX: Rates = Rates {
    text: 878,
    schema: 254,
    answer_schema: 717,
    reasoning: 500,
    start: 0,
    message: 1_611,
    tools: 0,
    tool: 3_775,
    typed: 549,
    answer: 37_922,
    thinking: 0,
    forced: 0,
};
const COMMAND: Rates = Rates {
    text: 959,
    schema: 146,
    answer_schema: 600,
    reasoning: 500,
    start: 0,
    message: 3_275,
    tools: 526,
    tool: 5_151,
    typed: 1_801,
    answer: 8_000,
    thinking: 0,
    forced: 0,
};
const GPT_4: Rates = Rates {
    text: 947,
    schema: 459,
    answer_schema: 600,
    reasoning: 500,
    start: 3_238,
    message: 4_895,
    tools: 13_557,
    tool: 7_003,
    typed: 441,
    answer: 8_000,
    thinking: 0,
    forced: 0,
};
const LLAMA: Rates = Rates {
    text: 900,
    schema: 1_037,
    answer_schema: 600,
    reasoning: 500,
    start: 19_938,
    message: 4_186,
    tools: 498_571,
    tool: 7_450,
    typed: 1_797,
    answer: 8_000,
    thinking: 0,
    forced: 65_452,
};
const QWEN: Rates = Rates {
    text: 939,
    schema: 1_045,
    answer_schema: 35,
    reasoning: 18,
    start: 4_333,
    message: 4_713,
    tools: 70_508,
    tool: 6_504,
    typed: 1_779,
    answer: 0,
    thinking: 1_978,
    forced: 0,
};
const GPT_OSS: Rates = Rates {
    text: 927,
    schema: 215,
    answer_schema: 600,
    reasoning: 484,
    start: 62_690,
    message: 5_018,
    tools: 24_124,
    tool: 7_005,
    typed: 1_349,
    answer: 8_000,
    thinking: 3_802,
    forced: 0,
};
const DEEPSEEK: Rates = Rates {
    text: 994,
    schema: 1_008,
    answer_schema: 600,
    reasoning: 832,
    start: 287,
    message: 2_619,
    tools: 229_988,
    tool: 7_206,
    typed: 1_423,
    answer: 8_000,
    thinking: 1_592,
    forced: 0,
};
const GPT_5: Rates = Rates {
    text: 936,
    schema: 341,
    answer_schema: 600,
    reasoning: 500,
    start: 1_719,
    message: 4_405,
    tools: 91_270,
    tool: 5_349,
    typed: 915,
    answer: 8_000,
    thinking: 0,
    forced: 0,
};
const NOVA_2: Rates = Rates {
    text: 897,
    schema: 783,
    answer_schema: 600,
    reasoning: 500,
    start: 40_411,
    message: 4_231,
    tools: 823_823,
    tool: 7_185,
    typed: 1_570,
    answer: 8_000,
    thinking: 0,
    forced: 0,
};
const CLAUDE_3: Rates = Rates {
    text: 1_009,
    schema: 376,
    answer_schema: 599,
    reasoning: 500,
    start: 4_588,
    message: 4_121,
    tools: 403_249,
    tool: 6_995,
    typed: 1_474,
    answer: 7_860,
    thinking: 0,
    forced: 0,
};
const CLAUDE_NEW: Rates = Rates {
    text: 1_284,
    schema: 1_157,
    answer_schema: 600,
    reasoning: 761,
    start: 4_809,
    message: 1_921,
    tools: 391_834,
    tool: 7_082,
    typed: 1_795,
    answer: 8_000,
    thinking: 19_293,
    forced: 52_692,
};
const GROK: Rates = Rates {
    text: 896,
    schema: 694,
    answer_schema: 600,
    reasoning: 500,
    start: 995,
    message: 4_431,
    tools: 147_102,
    tool: 6_893,
    typed: 1_576,
    answer: 8_000,
    thinking: 0,
    forced: 0,
};
const NOVA: Rates = Rates {
    text: 944,
    schema: 695,
    answer_schema: 600,
    reasoning: 500,
    start: 0,
    message: 3_517,
    tools: 354_867,
    tool: 7_028,
    typed: 1_540,
    answer: 8_000,
    thinking: 0,
    forced: 0,
};
/// Middle values of the others.
const OTHER: Rates = Rates {
    text: 950,
    schema: 800,
    answer_schema: 600,
    reasoning: 500,
    start: 3_000,
    message: 4_000,
    tools: 100_000,
    tool: 7_000,
    typed: 1_500,
    answer: 8_000,
    thinking: 0,
    forced: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_find_their_family_under_any_providers_name() {
        for (model, family) in [
            ("gpt-4o-mini", Family::Gpt4o),
            ("gpt-4-turbo", Family::Gpt4),
            ("gpt-35-turbo", Family::Gpt4),
            ("o3-mini", Family::Gpt5),
            ("openai/gpt-5.6-terra", Family::Gpt5),
            ("openai/gpt-oss-120b", Family::GptOss),
            ("claude-3-5-haiku-20241022", Family::Claude3),
            ("claude-sonnet-4-20250514", Family::Claude),
            (
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                Family::Claude,
            ),
            ("claude-opus-4-8", Family::ClaudeNew),
            ("anthropic/claude-haiku-5.5", Family::ClaudeNew),
            ("claude-sonnet-5", Family::ClaudeNew),
            ("meta-llama/llama-4-scout-17b-16e-instruct", Family::Llama),
            ("deepseek-r1-distill-llama-70b", Family::DeepSeek),
            ("us.amazon.nova-2-lite-v1:0", Family::Nova2),
            ("a-model-of-tomorrow", Family::Other),
        ] {
            assert_eq!(Family::of("any", model), family, "{model}");
        }
        assert_eq!(Family::of("vertex", "gemini-3-flash"), Family::Vertex);
        assert_eq!(Family::of("gemini", "gemini-3-flash"), Family::Gemini);
    }
}
