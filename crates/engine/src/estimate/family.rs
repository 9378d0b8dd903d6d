//! Models that count tokens alike, told by their names.

use polyroute_wire::dialect::Dialect;

use super::rates::{self, Rates};

/// Models that count alike: by their tokeniser, and by the prompt that they are served with, which
/// differs between versions and for open weights between servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// OpenAI up to GPT-4 Turbo (`cl100k`).
    Gpt4,
    /// GPT-4o and GPT-4.1 (`o200k`).
    Gpt4o,
    /// GPT-4.1 mini, which takes pictures in patches.
    Gpt41Mini,
    /// GPT-4.1 nano, which takes pictures in more patches.
    Gpt41Nano,
    /// OpenAI's reasoning models over chat completions: o1 and later, GPT-5 and later.
    Gpt5,
    /// The same over the Responses API, which explains tools in fewer words.
    Gpt5Responses,
    /// OpenAI's open weights.
    GptOss,
    /// Claude 3.5, and those before 3.
    Claude3,
    /// Claude 3 Opus: each size of Claude 3 has its own prompt for tools.
    Claude3Opus,
    /// Claude 3 Sonnet.
    Claude3Sonnet,
    /// Claude 3 Haiku.
    Claude3Haiku,
    /// Claude 3.7 to 4.1, whose prompt for tools is shorter than that of the later ones.
    Claude4,
    /// Claude 4.5 and 4.6.
    Claude,
    /// Claude 4.7 and later, whose tokeniser makes about 30 % more of the same text.
    ClaudeNew,
    /// Gemini up to 2.0 at Google's own API.
    Gemini2,
    /// Gemini 2.5 at Google's own API.
    Gemini,
    /// Gemini 3 at Google's own API, which counts earlier thoughts.
    Gemini3,
    /// Gemini up to 2.5 on Vertex, which reports fewer tokens for tools.
    Vertex,
    /// Gemini 3 on Vertex.
    Vertex3,
    /// Mistral.
    Mistral,
    /// Cohere Command A and R7B, with a prompt of Cohere's of about 500 tokens.
    Command,
    /// Cohere Command R and older.
    CommandR,
    /// Cohere Command R of August 2024.
    CommandR08,
    /// Cohere Command A+.
    CommandPlus,
    /// Cohere Command A Reasoning.
    CommandReasoning,
    /// Meta Llama up to 3.0.
    Llama3,
    /// Meta Llama 3.1 to 3.3.
    Llama,
    /// Meta Llama 4.
    Llama4,
    /// Meta Llama 4 on Bedrock, whose prompt for tools is shorter.
    Llama4Bedrock,
    /// Qwen.
    Qwen,
    /// Qwen served by `GPUStack`.
    QwenGpustack,
    /// Qwen served by Ollama.
    QwenOllama,
    /// DeepSeek up to 3.
    DeepSeek,
    /// DeepSeek 4.
    DeepSeekV4,
    /// xAI Grok.
    Grok,
    /// xAI Grok 4.3.
    Grok43,
    /// Amazon Nova 1.
    Nova,
    /// Amazon Nova 2.
    Nova2,
    /// Anything else.
    Other,
}

impl Family {
    /// The family of a model by its id at any provider (`claude-sonnet-5`,
    /// `us.anthropic.claude-…`, `openai/gpt-5`), and of the provider where that matters.
    #[must_use]
    pub fn of(provider: &str, model: &str) -> Self {
        let lower = model.to_ascii_lowercase();
        let name = lower.rsplit('/').next().unwrap_or_default();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&["claude"]) => claude(name),
            () if has(&["gemini", "gemma"]) => gemini(provider, name),
            () if has(&["mistral", "mixtral", "ministral", "magistral", "pixtral"]) => {
                Self::Mistral
            }
            () if has(&["codestral", "devstral", "voxtral"]) => Self::Mistral,
            () if has(&["command", "aya"]) => command(name),
            () if has(&["deepseek-v4", "deepseek-4"]) => Self::DeepSeekV4,
            () if has(&["deepseek"]) => Self::DeepSeek,
            () if has(&["llama"]) => llama(provider, name),
            () if has(&["qwen", "qwq"]) && provider.contains("gpustack") => Self::QwenGpustack,
            () if has(&["qwen", "qwq"]) && provider.contains("ollama") => Self::QwenOllama,
            () if has(&["qwen", "qwq"]) => Self::Qwen,
            () if has(&["grok-4.3"]) => Self::Grok43,
            () if has(&["grok"]) => Self::Grok,
            () if has(&["nova-2"]) => Self::Nova2,
            () if has(&["nova"]) => Self::Nova,
            () => openai(name),
        }
    }

    /// The same models over another API of their provider.
    #[must_use]
    pub const fn over(self, dialect: Dialect) -> Self {
        match (self, dialect) {
            (Self::Gpt5, Dialect::Responses) => Self::Gpt5Responses,
            _ => self,
        }
    }

    /// Whether it is a Claude.
    #[must_use]
    pub const fn is_claude(self) -> bool {
        matches!(
            self,
            Self::Claude3
                | Self::Claude3Opus
                | Self::Claude3Sonnet
                | Self::Claude3Haiku
                | Self::Claude4
                | Self::Claude
                | Self::ClaudeNew
        )
    }

    /// Whether the model is told of tools that it can't call (`tool_choice: none`).
    #[must_use]
    pub const fn shows_uncallable(self) -> bool {
        self.is_claude()
            || matches!(
                self,
                Self::Gemini2 | Self::Gemini | Self::Gemini3 | Self::Gpt5Responses
            )
    }

    /// Whether its prompt leaves out what earlier answers thought in their text
    /// (`<think>…</think>`), as the chat templates of Qwen, DeepSeek and GLM do.
    #[must_use]
    pub const fn drops_think_text(self) -> bool {
        matches!(
            self,
            Self::Qwen
                | Self::QwenGpustack
                | Self::QwenOllama
                | Self::DeepSeek
                | Self::DeepSeekV4
                | Self::Other
        )
    }

    /// How it counts.
    #[must_use]
    pub const fn rates(self) -> &'static Rates {
        match self {
            Self::Gpt4 => &rates::GPT_4,
            Self::Gpt4o | Self::Gpt41Mini | Self::Gpt41Nano => &rates::GPT_4O,
            Self::Gpt5 => &rates::GPT_5,
            Self::Gpt5Responses => &rates::GPT_5_RESPONSES,
            Self::GptOss => &rates::GPT_OSS,
            Self::Claude3 => &rates::CLAUDE_3,
            Self::Claude3Opus => &rates::CLAUDE_3_OPUS,
            Self::Claude3Sonnet => &rates::CLAUDE_3_SONNET,
            Self::Claude3Haiku => &rates::CLAUDE_3_HAIKU,
            Self::Claude4 => &rates::CLAUDE_4,
            Self::Claude => &rates::CLAUDE,
            Self::ClaudeNew => &rates::CLAUDE_NEW,
            Self::Gemini2 => &rates::GEMINI_2,
            Self::Gemini => &rates::GEMINI,
            Self::Gemini3 => &rates::GEMINI_3,
            Self::Vertex => &rates::VERTEX,
            Self::Vertex3 => &rates::VERTEX_3,
            Self::Mistral => &rates::MISTRAL,
            Self::Command => &rates::COMMAND,
            Self::CommandR => &rates::COMMAND_R,
            Self::CommandR08 => &rates::COMMAND_R08,
            Self::CommandPlus => &rates::COMMAND_PLUS,
            Self::CommandReasoning => &rates::COMMAND_REASONING,
            Self::Llama3 => &rates::LLAMA_3,
            Self::Llama => &rates::LLAMA,
            Self::Llama4 => &rates::LLAMA_4,
            Self::Llama4Bedrock => &rates::LLAMA_4_BEDROCK,
            Self::Qwen => &rates::QWEN,
            Self::QwenGpustack => &rates::QWEN_GPUSTACK,
            Self::QwenOllama => &rates::QWEN_OLLAMA,
            Self::DeepSeek => &rates::DEEP_SEEK,
            Self::DeepSeekV4 => &rates::DEEP_SEEK_V4,
            Self::Grok => &rates::GROK,
            Self::Grok43 => &rates::GROK_43,
            Self::Nova => &rates::NOVA,
            Self::Nova2 => &rates::NOVA_2,
            Self::Other => &rates::OTHER,
        }
    }
}

fn openai(name: &str) -> Family {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let is_o = name.starts_with('o') && name.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
    match () {
        () if has(&["gpt-oss"]) => Family::GptOss,
        () if has(&["gpt-3", "gpt-35"]) => Family::Gpt4,
        () if has(&["gpt-4.1-mini"]) => Family::Gpt41Mini,
        () if has(&["gpt-4.1-nano"]) => Family::Gpt41Nano,
        () if has(&["gpt-4o", "gpt-4.1", "gpt-4.5", "chatgpt-4o"]) => Family::Gpt4o,
        () if has(&["gpt-4"]) => Family::Gpt4,
        () if has(&["gpt"]) || is_o => Family::Gpt5,
        () => Family::Other,
    }
}

fn gemini(provider: &str, name: &str) -> Family {
    let is_old = ["gemini-1", "gemini-2.0"]
        .iter()
        .any(|old| name.contains(old));
    match (provider.contains("vertex"), name.contains("gemini-3")) {
        (true, true) => Family::Vertex3,
        (true, false) => Family::Vertex,
        (false, true) => Family::Gemini3,
        (false, false) if is_old => Family::Gemini2,
        (false, false) => Family::Gemini,
    }
}

fn command(name: &str) -> Family {
    let has = |word: &str| name.contains(word);
    match () {
        () if has("reasoning") => Family::CommandReasoning,
        () if has("command-a-plus") => Family::CommandPlus,
        () if has("r7b") => Family::Command,
        () if has("command-r") && has("08-2024") => Family::CommandR08,
        () if has("command-r") || name == "command" || has("command-light") => Family::CommandR,
        () => Family::Command,
    }
}

fn llama(provider: &str, name: &str) -> Family {
    let is = |version: &str| {
        ["llama", "llama-", "llama_v", "llama-v"]
            .iter()
            .any(|line| name.contains(&format!("{line}{version}")))
    };
    match () {
        () if is("4") && provider.contains("bedrock") => Family::Llama4Bedrock,
        () if is("4") => Family::Llama4,
        () if is("3-8b") || is("3-70b") || is("2") => Family::Llama3,
        () => Family::Llama,
    }
}

/// Which Claude: the version stands behind the line's name (`claude-opus-4-8`) or, up to 3.5,
/// before it (`claude-3-5-sonnet`). Dates (`-20250514`) are no version.
fn claude(name: &str) -> Family {
    for (old, family) in [
        ("claude-3-opus", Family::Claude3Opus),
        ("claude-3-sonnet", Family::Claude3Sonnet),
        ("claude-3-haiku", Family::Claude3Haiku),
        ("claude-3-5", Family::Claude3),
        ("claude-3.5", Family::Claude3),
        ("claude-2", Family::Claude3),
        ("claude-v2", Family::Claude3),
        ("claude-instant", Family::Claude3),
    ] {
        if name.contains(old) {
            return family;
        }
    }
    if name.contains("claude-3") {
        return Family::Claude4;
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
    match (major, minor) {
        (4, 0..=4) => Family::Claude4,
        version if version >= (4, 7) => Family::ClaudeNew,
        _ => Family::Claude,
    }
}

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
            ("anthropic.claude-3-opus-20240229-v1:0", Family::Claude3Opus),
            ("claude-3-haiku-20240307", Family::Claude3Haiku),
            ("claude-sonnet-4-20250514", Family::Claude4),
            ("claude-3-7-sonnet-latest", Family::Claude4),
            ("gpt-4.1-nano", Family::Gpt41Nano),
            ("command-a-03-2025", Family::Command),
            ("command-r-plus-08-2024", Family::CommandR08),
            ("llama3-8b-8192", Family::Llama3),
            ("llama-3.3-70b-versatile", Family::Llama),
            (
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                Family::Claude,
            ),
            ("claude-opus-4-8", Family::ClaudeNew),
            ("anthropic/claude-haiku-5.5", Family::ClaudeNew),
            ("claude-sonnet-5", Family::ClaudeNew),
            ("meta-llama/llama-4-scout-17b-16e-instruct", Family::Llama4),
            ("deepseek-r1-distill-llama-70b", Family::DeepSeek),
            ("us.amazon.nova-2-lite-v1:0", Family::Nova2),
            ("a-model-of-tomorrow", Family::Other),
        ] {
            assert_eq!(Family::of("any", model), family, "{model}");
        }
        for (provider, model, family) in [
            ("vertex", "gemini-3-flash", Family::Vertex3),
            ("vertex", "gemini-2.5-flash", Family::Vertex),
            ("gemini", "gemini-3-flash", Family::Gemini3),
            ("gemini", "gemini-2.0-flash", Family::Gemini2),
            ("gemini", "gemini-2.5-pro", Family::Gemini),
            (
                "bedrock",
                "us.meta.llama4-maverick-17b-instruct-v1:0",
                Family::Llama4Bedrock,
            ),
            ("ollama", "qwen3", Family::QwenOllama),
        ] {
            assert_eq!(Family::of(provider, model), family, "{provider}/{model}");
        }
        assert_eq!(Family::Gpt5.over(Dialect::Responses), Family::Gpt5Responses);
        assert_eq!(Family::Gpt5.over(Dialect::OpenAi), Family::Gpt5);
    }
}
