//! The models that the simulator serves: windows, output limits, prices and what they can do.
//!
//! Names, windows and prices follow the providers' public lists where those exist; the newest
//! names take their predecessor's figures. Tests should not lean on a price being right, only on
//! it being the same wherever the simulator states it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A wire format that the simulator speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// OpenAI chat completions and embeddings.
    Openai,
    /// Anthropic Messages.
    Anthropic,
    /// Gemini generateContent and embedContent.
    Gemini,
    /// AWS Bedrock Converse.
    Bedrock,
    /// Cohere v2: chat, embed and rerank.
    Cohere,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Openai,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Cohere,
    ];

    /// Its name in paths, logs and settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Cohere => "cohere",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What a model is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Text in, text out.
    Chat,
    /// Text in, a vector of this many dimensions out.
    Embedding {
        /// Length of a full vector.
        dimensions: u32,
    },
    /// A query and documents in, their order out.
    Rerank,
}

/// When a model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// It cannot.
    Never,
    /// When the request asks for it.
    Asked,
    /// Always; a request cannot switch it off.
    Always,
}

/// One model of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// The provider that has it.
    pub dialect: Dialect,
    /// The name that callers use.
    pub name: &'static str,
    /// The dated name that answers carry.
    pub served_as: &'static str,
    /// What it is for.
    pub purpose: Purpose,
    /// Input window in tokens.
    pub window: u64,
    /// The most output tokens of one answer.
    pub output_max: u64,
    /// Whether it thinks.
    pub thinking: Thinking,
    /// Anthropic 4.7 and later: thoughts are hidden unless `display` says otherwise.
    pub hides_thoughts: bool,
    /// Price of an input token in nano-USD (USD a million tokens × 1,000).
    pub input_price_nano_usd: u64,
    /// Price of a cached input token in nano-USD.
    pub cached_price_nano_usd: u64,
    /// Price of an output token in nano-USD.
    pub output_price_nano_usd: u64,
    /// Day of release, seconds since 1970.
    pub released_s: u64,
}

const DAY_S: u64 = 86_400;

const fn chat(
    dialect: Dialect,
    name: &'static str,
    served_as: &'static str,
    limits: (u64, u64),
    thinking: Thinking,
    prices: (u64, u64, u64),
    released_day: u64,
) -> Model {
    Model {
        dialect,
        name,
        served_as,
        purpose: Purpose::Chat,
        window: limits.0,
        output_max: limits.1,
        thinking,
        hides_thoughts: false,
        input_price_nano_usd: prices.0,
        cached_price_nano_usd: prices.1,
        output_price_nano_usd: prices.2,
        released_s: released_day * DAY_S,
    }
}

const fn hiding(mut model: Model) -> Model {
    model.hides_thoughts = true;
    model
}

const fn reranking(mut model: Model) -> Model {
    model.purpose = Purpose::Rerank;
    model
}

const fn embedding(
    dialect: Dialect,
    name: &'static str,
    window: u64,
    dimensions: u32,
    price: u64,
    released_day: u64,
) -> Model {
    Model {
        dialect,
        name,
        served_as: name,
        purpose: Purpose::Embedding { dimensions },
        window,
        output_max: 1,
        thinking: Thinking::Never,
        hides_thoughts: false,
        input_price_nano_usd: price,
        cached_price_nano_usd: price,
        output_price_nano_usd: 0,
        released_s: released_day * DAY_S,
    }
}

use Dialect::{Anthropic, Bedrock, Cohere, Gemini, Openai};
use Thinking::{Always, Asked, Never};

/// The catalogue. Days count from 1970-01-01.
#[rustfmt::skip]
static MODELS: &[Model] = &[
    chat(Openai, "gpt-5.6", "gpt-5.6-2026-09-15", (1_050_000, 128_000), Asked, (2_500, 250, 15_000), 20_711),
    chat(Openai, "gpt-5.6-sol", "gpt-5.6-sol-2026-09-15", (1_050_000, 128_000), Asked, (2_500, 250, 15_000), 20_711),
    chat(Openai, "gpt-5.6-mini", "gpt-5.6-mini-2026-09-15", (400_000, 128_000), Asked, (300, 30, 2_400), 20_711),
    chat(Openai, "gpt-5.4", "gpt-5.4-2026-03-05", (1_050_000, 128_000), Asked, (2_500, 250, 15_000), 20_517),
    chat(Openai, "gpt-5.4-mini", "gpt-5.4-mini-2026-03-17", (400_000, 128_000), Asked, (250, 25, 2_000), 20_529),
    chat(Openai, "gpt-5.3", "gpt-5.3-2026-02-05", (400_000, 128_000), Asked, (1_750, 175, 14_000), 20_489),
    chat(Openai, "gpt-5.2", "gpt-5.2-2025-12-11", (400_000, 128_000), Asked, (1_750, 175, 14_000), 20_433),
    chat(Openai, "gpt-5.1", "gpt-5.1-2025-11-13", (400_000, 128_000), Asked, (1_250, 125, 10_000), 20_405),
    chat(Openai, "gpt-5", "gpt-5-2025-08-07", (400_000, 128_000), Always, (1_250, 125, 10_000), 20_307),
    chat(Openai, "gpt-5-mini", "gpt-5-mini-2025-08-07", (400_000, 128_000), Always, (250, 25, 2_000), 20_307),
    chat(Openai, "gpt-5-chat", "gpt-5-chat-latest", (128_000, 16_384), Never, (1_250, 125, 10_000), 20_307),
    chat(Openai, "gpt-5-pro", "gpt-5-pro-2025-10-06", (400_000, 272_000), Always, (15_000, 15_000, 120_000), 20_367),
    chat(Openai, "gpt-5-nano", "gpt-5-nano-2025-08-07", (400_000, 128_000), Always, (50, 5, 400), 20_307),
    chat(Openai, "gpt-4.1", "gpt-4.1-2025-04-14", (1_047_576, 32_768), Never, (2_000, 500, 8_000), 20_192),
    chat(Openai, "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", (1_047_576, 32_768), Never, (400, 100, 1_600), 20_192),
    chat(Openai, "gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", (1_047_576, 32_768), Never, (100, 25, 400), 20_192),
    chat(Openai, "gpt-4o", "gpt-4o-2024-08-06", (128_000, 16_384), Never, (2_500, 1_250, 10_000), 19_941),
    chat(Openai, "gpt-4o-mini", "gpt-4o-mini-2024-07-18", (128_000, 16_384), Never, (150, 75, 600), 19_922),
    chat(Openai, "chatgpt-4o-latest", "chatgpt-4o-latest", (128_000, 16_384), Never, (5_000, 5_000, 15_000), 19_950),
    chat(Openai, "gpt-4-turbo", "gpt-4-turbo-2024-04-09", (128_000, 4_096), Never, (10_000, 10_000, 30_000), 19_822),
    chat(Openai, "gpt-4", "gpt-4-0613", (8_192, 8_192), Never, (30_000, 30_000, 60_000), 19_521),
    chat(Openai, "gpt-3.5-turbo", "gpt-3.5-turbo-0125", (16_385, 4_096), Never, (500, 500, 1_500), 19_747),
    chat(Openai, "o1", "o1-2024-12-17", (200_000, 100_000), Always, (15_000, 7_500, 60_000), 20_074),
    chat(Openai, "o1-mini", "o1-mini-2024-09-12", (128_000, 65_536), Always, (1_100, 550, 4_400), 19_978),
    chat(Openai, "o3", "o3-2025-04-16", (200_000, 100_000), Always, (2_000, 500, 8_000), 20_194),
    chat(Openai, "o3-pro", "o3-pro-2025-06-10", (200_000, 100_000), Always, (20_000, 20_000, 80_000), 20_249),
    chat(Openai, "o3-mini", "o3-mini-2025-01-31", (200_000, 100_000), Always, (1_100, 550, 4_400), 20_119),
    chat(Openai, "o4-mini", "o4-mini-2025-04-16", (200_000, 100_000), Always, (1_100, 275, 4_400), 20_194),
    embedding(Openai, "text-embedding-3-small", 8_192, 1_536, 20, 19_747),
    embedding(Openai, "text-embedding-3-large", 8_192, 3_072, 130, 19_747),
    embedding(Openai, "text-embedding-ada-002", 8_192, 1_536, 100, 19_342),
    hiding(chat(Anthropic, "claude-opus-5-5", "claude-opus-5-5", (1_000_000, 128_000), Always, (5_000, 500, 25_000), 20_743)),
    hiding(chat(Anthropic, "claude-sonnet-5-5", "claude-sonnet-5-5", (1_000_000, 128_000), Asked, (3_000, 300, 15_000), 20_743)),
    hiding(chat(Anthropic, "claude-haiku-5-5", "claude-haiku-5-5", (1_000_000, 64_000), Asked, (1_000, 100, 5_000), 20_743)),
    hiding(chat(Anthropic, "claude-fable-5-1", "claude-fable-5-1", (1_000_000, 128_000), Always, (10_000, 1_000, 50_000), 20_700)),
    hiding(chat(Anthropic, "claude-mythos-5", "claude-mythos-5", (1_000_000, 128_000), Asked, (25_000, 2_500, 125_000), 20_640)),
    hiding(chat(Anthropic, "claude-fable-5", "claude-fable-5", (1_000_000, 128_000), Asked, (10_000, 1_000, 50_000), 20_611)),
    hiding(chat(Anthropic, "claude-opus-5", "claude-opus-5", (1_000_000, 128_000), Asked, (5_000, 500, 25_000), 20_658)),
    hiding(chat(Anthropic, "claude-sonnet-5", "claude-sonnet-5", (1_000_000, 128_000), Asked, (3_000, 300, 15_000), 20_633)),
    hiding(chat(Anthropic, "claude-opus-4-8", "claude-opus-4-8", (1_000_000, 128_000), Asked, (5_000, 500, 25_000), 20_601)),
    hiding(chat(Anthropic, "claude-opus-4-7", "claude-opus-4-7", (1_000_000, 128_000), Asked, (5_000, 500, 25_000), 20_559)),
    chat(Anthropic, "claude-opus-4-6", "claude-opus-4-6", (1_000_000, 128_000), Asked, (5_000, 500, 25_000), 20_489),
    chat(Anthropic, "claude-sonnet-4-6", "claude-sonnet-4-6", (1_000_000, 128_000), Asked, (3_000, 300, 15_000), 20_501),
    chat(Anthropic, "claude-opus-4-5", "claude-opus-4-5-20251101", (200_000, 64_000), Asked, (5_000, 500, 25_000), 20_393),
    chat(Anthropic, "claude-sonnet-4-5", "claude-sonnet-4-5-20250929", (200_000, 64_000), Asked, (3_000, 300, 15_000), 20_360),
    chat(Anthropic, "claude-haiku-4-5", "claude-haiku-4-5-20251001", (200_000, 64_000), Asked, (1_000, 100, 5_000), 20_362),
    chat(Anthropic, "claude-opus-4-1", "claude-opus-4-1-20250805", (200_000, 32_000), Asked, (15_000, 1_500, 75_000), 20_305),
    chat(Anthropic, "claude-sonnet-4-0", "claude-sonnet-4-20250514", (200_000, 64_000), Asked, (3_000, 300, 15_000), 20_222),
    chat(Anthropic, "claude-opus-4-0", "claude-opus-4-20250514", (200_000, 32_000), Asked, (15_000, 1_500, 75_000), 20_222),
    chat(Anthropic, "claude-3-7-sonnet-latest", "claude-3-7-sonnet-20250219", (200_000, 64_000), Asked, (3_000, 300, 15_000), 20_138),
    chat(Anthropic, "claude-3-5-sonnet-latest", "claude-3-5-sonnet-20241022", (200_000, 8_192), Never, (3_000, 300, 15_000), 20_018),
    chat(Anthropic, "claude-3-5-haiku-latest", "claude-3-5-haiku-20241022", (200_000, 8_192), Never, (800, 80, 4_000), 20_018),
    chat(Anthropic, "claude-3-opus-latest", "claude-3-opus-20240229", (200_000, 4_096), Never, (15_000, 1_500, 75_000), 19_782),
    chat(Anthropic, "claude-3-sonnet-20240229", "claude-3-sonnet-20240229", (200_000, 4_096), Never, (3_000, 300, 15_000), 19_782),
    chat(Anthropic, "claude-3-haiku-20240307", "claude-3-haiku-20240307", (200_000, 4_096), Never, (250, 30, 1_250), 19_789),
    chat(Anthropic, "claude-2.1", "claude-2.1", (200_000, 4_096), Never, (8_000, 8_000, 24_000), 19_682),
    chat(Gemini, "gemini-3.8-flash", "gemini-3.8-flash", (1_048_576, 65_536), Always, (500, 50, 3_000), 20_724),
    chat(Gemini, "gemini-flash-latest", "gemini-3.8-flash", (1_048_576, 65_536), Always, (500, 50, 3_000), 20_724),
    chat(Gemini, "gemini-3.7-flash", "gemini-3.7-flash", (1_048_576, 65_536), Always, (500, 50, 3_000), 20_680),
    chat(Gemini, "gemini-3.5-flash", "gemini-3.5-flash", (1_048_576, 65_536), Always, (500, 50, 3_000), 20_600),
    chat(Gemini, "gemini-3.5-pro", "gemini-3.5-pro", (1_048_576, 65_536), Always, (2_000, 200, 12_000), 20_600),
    chat(Gemini, "gemini-3.1-pro", "gemini-3.1-pro", (1_048_576, 65_536), Always, (2_000, 200, 12_000), 20_500),
    chat(Gemini, "gemini-3.1-flash-lite", "gemini-3.1-flash-lite", (1_048_576, 65_536), Always, (250, 25, 1_500), 20_500),
    chat(Gemini, "gemini-3-pro", "gemini-3-pro", (1_048_576, 65_536), Always, (2_000, 200, 12_000), 20_410),
    chat(Gemini, "gemini-3-flash", "gemini-3-flash", (1_048_576, 65_536), Always, (500, 50, 3_000), 20_439),
    chat(Gemini, "gemini-3-pro-preview", "gemini-3-pro-preview", (1_048_576, 65_536), Always, (2_000, 200, 12_000), 20_410),
    chat(Gemini, "gemini-3-flash-preview", "gemini-3-flash-preview", (1_048_576, 65_536), Always, (500, 50, 3_000), 20_439),
    chat(Gemini, "gemini-2.5-pro", "gemini-2.5-pro", (1_048_576, 65_536), Always, (1_250, 310, 10_000), 20_256),
    chat(Gemini, "gemini-2.5-flash", "gemini-2.5-flash", (1_048_576, 65_536), Asked, (300, 75, 2_500), 20_256),
    chat(Gemini, "gemini-2.5-flash-lite", "gemini-2.5-flash-lite", (1_048_576, 65_536), Asked, (100, 25, 400), 20_291),
    chat(Gemini, "gemini-2.0-flash", "gemini-2.0-flash", (1_048_576, 8_192), Never, (100, 25, 400), 20_124),
    chat(Gemini, "gemini-2.0-flash-lite", "gemini-2.0-flash-lite", (1_048_576, 8_192), Never, (75, 75, 300), 20_144),
    chat(Gemini, "gemini-1.5-pro", "gemini-1.5-pro-002", (2_097_152, 8_192), Never, (1_250, 310, 5_000), 19_990),
    chat(Gemini, "gemini-1.5-flash", "gemini-1.5-flash-002", (1_048_576, 8_192), Never, (75, 20, 300), 19_990),
    chat(Gemini, "gemini-1.5-flash-8b", "gemini-1.5-flash-8b-001", (1_048_576, 8_192), Never, (40, 10, 150), 19_999),
    embedding(Gemini, "gemini-embedding-001", 2_048, 3_072, 150, 20_283),
    embedding(Gemini, "gemini-embedding-2", 8_192, 3_072, 200, 20_600),
    embedding(Gemini, "text-embedding-004", 2_048, 768, 0, 19_844),
    chat(Bedrock, "anthropic.claude-opus-5-5", "anthropic.claude-opus-5-5", (1_000_000, 128_000), Always, (5_000, 500, 25_000), 20_743),
    chat(Bedrock, "anthropic.claude-sonnet-5", "anthropic.claude-sonnet-5", (1_000_000, 128_000), Asked, (3_000, 300, 15_000), 20_633),
    chat(Bedrock, "anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6", (1_000_000, 128_000), Asked, (3_000, 300, 15_000), 20_501),
    chat(Bedrock, "anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5-20250929-v1:0", (200_000, 64_000), Asked, (3_000, 300, 15_000), 20_360),
    chat(Bedrock, "anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0", (200_000, 64_000), Asked, (1_000, 100, 5_000), 20_362),
    chat(Bedrock, "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0", (200_000, 4_096), Never, (250, 30, 1_250), 19_789),
    chat(Bedrock, "amazon.nova-2-lite-v1:0", "amazon.nova-2-lite-v1:0", (1_000_000, 65_535), Asked, (300, 75, 2_500), 20_424),
    chat(Bedrock, "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0", (300_000, 10_000), Never, (800, 200, 3_200), 20_060),
    chat(Bedrock, "amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", (300_000, 10_000), Never, (60, 15, 240), 20_060),
    chat(Bedrock, "amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0", (128_000, 10_000), Never, (35, 8, 140), 20_060),
    chat(Bedrock, "meta.llama4-maverick-17b-instruct-v1:0", "meta.llama4-maverick-17b-instruct-v1:0", (1_000_000, 8_192), Never, (240, 240, 970), 20_206),
    chat(Bedrock, "mistral.pixtral-large-2502-v1:0", "mistral.pixtral-large-2502-v1:0", (128_000, 8_192), Never, (2_000, 2_000, 6_000), 20_186),
    chat(Bedrock, "openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b-1:0", (128_000, 65_536), Asked, (150, 150, 600), 20_305),
    chat(Bedrock, "qwen.qwen3-32b-v1:0", "qwen.qwen3-32b-v1:0", (128_000, 16_384), Asked, (150, 150, 600), 20_350),
    chat(Cohere, "command-a-plus-05-2026", "command-a-plus-05-2026", (128_000, 64_000), Asked, (2_500, 2_500, 10_000), 20_593),
    chat(Cohere, "command-a-reasoning-08-2025", "command-a-reasoning-08-2025", (256_000, 32_000), Asked, (2_500, 2_500, 10_000), 20_321),
    chat(Cohere, "command-a-vision-07-2025", "command-a-vision-07-2025", (128_000, 8_000), Never, (2_500, 2_500, 10_000), 20_300),
    chat(Cohere, "command-a-03-2025", "command-a-03-2025", (256_000, 8_000), Never, (2_500, 2_500, 10_000), 20_160),
    chat(Cohere, "command-r7b-12-2024", "command-r7b-12-2024", (128_000, 4_000), Never, (38, 38, 150), 20_069),
    chat(Cohere, "command-r-plus-08-2024", "command-r-plus-08-2024", (128_000, 4_000), Never, (2_500, 2_500, 10_000), 19_965),
    chat(Cohere, "command-r-08-2024", "command-r-08-2024", (128_000, 4_000), Never, (150, 150, 600), 19_965),
    embedding(Cohere, "embed-v4.0", 128_000, 1_536, 120, 20_193),
    embedding(Cohere, "embed-english-light-v3.0", 512, 384, 100, 19_663),
    embedding(Cohere, "embed-multilingual-v3.0", 512, 1_024, 100, 19_663),
    reranking(chat(Cohere, "rerank-v3.5", "rerank-v3.5", (4_096, 1), Never, (0, 0, 0), 20_058)),
];

/// The dialect's models, in the order that its list endpoint has.
pub fn of(dialect: Dialect) -> impl Iterator<Item = &'static Model> {
    MODELS.iter().filter(move |model| model.dialect == dialect)
}

/// What a model's name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The catalogue's entry, or the stand-in for a `sim-` name.
    pub model: Model,
    /// The name that answers carry.
    pub served_as: String,
}

/// Finds a model by its name, its dated name, or a variant of it (`gpt-4o-2024-11-20`,
/// `gpt-4o-audio-preview`, `gemini-2.0-flash-001`). Any name with `sim-` in it is known: it takes
/// the figures of the dialect's plainest model, so that tests can invent names.
pub fn find(dialect: Dialect, name: &str, embeddings: bool) -> Option<Known> {
    let wanted = match dialect {
        Bedrock => base_id(name),
        _ => name.strip_prefix("models/").unwrap_or(name),
    };
    let listed = of(dialect).find(|model| wanted == model.name || wanted == model.served_as);
    if let Some(model) = listed {
        return Some(Known {
            model: model.clone(),
            served_as: model.served_as.to_owned(),
        });
    }
    // The longest name wins: `gpt-4o-mini-…` is no variant of `gpt-4o`.
    let variants = of(dialect).filter(|model| is_variant(wanted, model.name));
    if let Some(model) = variants.max_by_key(|model| model.name.len()) {
        return Some(Known {
            model: model.clone(),
            served_as: wanted.to_owned(),
        });
    }
    if !wanted.contains("sim-") {
        return None;
    }
    stand_in(dialect, wanted, embeddings)
}

/// The id of the base model behind an inference profile (`us.…`) or an ARN.
pub fn base_id(id: &str) -> &str {
    let name = if id.starts_with("arn:") {
        id.rsplit('/').next().unwrap_or(id)
    } else {
        id
    };
    match name.split_once('.') {
        Some((place, rest)) if rest.contains('.') && is_place(place) => rest,
        _ => name,
    }
}

/// What the ids of inference profiles begin with.
fn is_place(word: &str) -> bool {
    matches!(
        word,
        "us" | "us-gov" | "eu" | "apac" | "ap" | "jp" | "au" | "ca" | "sa" | "me" | "af" | "global"
    )
}

/// Whether a base model of Bedrock is only served through an inference profile.
pub fn needs_profile(base: &str) -> bool {
    let newer = base.starts_with("anthropic.claude-") && !base.starts_with("anthropic.claude-3");
    newer || base.starts_with("amazon.nova-2") || base.starts_with("meta.llama4")
}

/// Whether a name is a model's name with a date, a version or a well-known word behind it.
pub(crate) fn is_variant(wanted: &str, name: &str) -> bool {
    const WORDS: &[&str] = &[
        "latest", "preview", "exp", "audio", "search", "vision", "thinking",
    ];
    let base = name.strip_suffix("-latest").unwrap_or(name);
    let Some(rest) = wanted
        .strip_prefix(base)
        .and_then(|rest| rest.strip_prefix('-'))
    else {
        return false;
    };
    rest.split('-').all(|word| {
        // One digit would make `claude-opus-4-9` a variant of a model that is not there.
        let number = word.len() >= 2 && word.bytes().all(|sign| sign.is_ascii_digit());
        number || WORDS.contains(&word)
    })
}

/// An invented model of this name with the figures of the dialect's plainest one.
pub fn stand_in(dialect: Dialect, name: &str, embeddings: bool) -> Option<Known> {
    let plain = match (dialect, embeddings) {
        (Openai, false) => "gpt-5.4-mini",
        (Openai, true) => "text-embedding-3-small",
        (Anthropic, _) => "claude-sonnet-4-5",
        (Bedrock, _) => "anthropic.claude-sonnet-4-5-20250929-v1:0",
        (Gemini, false) => "gemini-2.5-flash",
        (Gemini, true) => "gemini-embedding-001",
        (Cohere, false) => "command-a-03-2025",
        (Cohere, true) => "embed-v4.0",
    };
    let model = of(dialect).find(|model| model.name == plain)?.clone();
    Some(Known {
        model,
        served_as: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_within_a_dialect() {
        for dialect in Dialect::ALL {
            let mut names: Vec<_> = of(dialect).map(|model| model.name).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{dialect}");
        }
    }

    #[test]
    fn dated_name_and_stand_in_are_found_and_typos_are_not() {
        let dated = find(Openai, "gpt-4o-2024-08-06", false).unwrap();
        assert_eq!(dated.model.name, "gpt-4o");
        let invented = find(Gemini, "models/sim-anything", true).unwrap();
        assert_eq!(invented.served_as, "sim-anything");
        assert!(matches!(invented.model.purpose, Purpose::Embedding { .. }));
        assert_eq!(find(Anthropic, "claude-sonet-4-5", false), None);
    }

    #[test]
    fn variants_take_the_longest_name_and_keep_their_own() {
        let base = |dialect, name| find(dialect, name, false).map(|known| known.model.name);
        assert_eq!(
            base(Openai, "gpt-4o-mini-search-preview"),
            Some("gpt-4o-mini")
        );
        assert_eq!(base(Openai, "gpt-4o-2024-11-20"), Some("gpt-4o"));
        assert_eq!(
            base(Anthropic, "claude-3-5-sonnet-20240620"),
            Some("claude-3-5-sonnet-latest")
        );
        assert_eq!(
            base(Gemini, "gemini-2.5-pro-preview-03-25"),
            Some("gemini-2.5-pro")
        );
        let known = find(Gemini, "gemini-2.0-flash-001", false).unwrap();
        assert_eq!(known.served_as, "gemini-2.0-flash-001");
        for (dialect, name) in [
            (Openai, "gpt-4o-"),
            (Openai, "gpt-4o-foo"),
            (Anthropic, "claude-opus-5-9"),
        ] {
            assert_eq!(base(dialect, name), None, "{name}");
        }
    }

    #[test]
    fn output_fits_the_window() {
        assert!(MODELS.iter().all(|model| model.output_max <= model.window));
    }
}
