//! `generationConfig` and what belongs to it.

use super::proto::{Enum, Kind, Message};
use super::shape::{SCHEMA, field, vertex};

use Kind::{Any, Bool, Float, Int, List, Struct, Text};

/// Settings of one generation.
pub(super) static GENERATION_CONFIG: Message = Message {
    name: "GenerationConfig",
    fields: &[
        field!("candidateCount", Int),
        field!("stopSequences", List(&Text)),
        field!("maxOutputTokens", Int),
        field!("temperature", Float),
        field!("topP", Float),
        field!("topK", Float),
        field!("seed", Int),
        field!("presencePenalty", Float),
        field!("frequencyPenalty", Float),
        field!("responseMimeType", Text),
        field!("responseSchema", Kind::Message(&SCHEMA)),
        field!("responseJsonSchema", Any),
        field!("responseFormat", Any),
        field!("responseModalities", List(&Kind::Enum(&MODALITY))),
        field!("responseLogprobs", Bool),
        field!("logprobs", Int),
        field!("enableEnhancedCivicAnswers", Bool),
        field!("speechConfig", Struct),
        field!("imageConfig", Struct),
        field!("audioTranscriptionConfig", Struct),
        field!("translationConfig", Struct),
        field!("thinkingConfig", Kind::Message(&THINKING)),
        field!("mediaResolution", Kind::Enum(&RESOLUTION)),
        vertex!("audioTimestamp", Bool),
        vertex!("routingConfig", Struct),
        vertex!("modelConfig", Struct),
        vertex!("enableAffectiveDialog", Bool),
    ],
};

static THINKING: Message = Message {
    name: "ThinkingConfig",
    fields: &[
        field!("includeThoughts", Bool),
        field!("thinkingBudget", Int),
        field!("thinkingLevel", Kind::Enum(&LEVEL)),
    ],
};
static LEVEL: Enum = Enum {
    name: "ThinkingConfig.ThinkingLevel",
    values: &[
        "THINKING_LEVEL_UNSPECIFIED",
        "LOW",
        "HIGH",
        "MEDIUM",
        "MINIMAL",
        "XHIGH",
    ],
};
static MODALITY: Enum = Enum {
    name: "GenerationConfig.Modality",
    values: &["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO"],
};

/// How finely media are read.
pub(super) static RESOLUTION: Enum = Enum {
    name: "MediaResolution",
    values: &[
        "MEDIA_RESOLUTION_UNSPECIFIED",
        "MEDIA_RESOLUTION_LOW",
        "MEDIA_RESOLUTION_MEDIUM",
        "MEDIA_RESOLUTION_HIGH",
        "MEDIA_RESOLUTION_ULTRA_HIGH",
    ],
};
