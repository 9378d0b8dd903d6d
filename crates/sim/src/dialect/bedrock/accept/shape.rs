//! The members of a Converse request, as the Bedrock Runtime service model has them.

use crate::strict::{Record, Shape, may, must};

const DOCUMENT_FORMATS: &[&str] = &[
    "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md",
];
const PICTURE_FORMATS: &[&str] = &["png", "jpeg", "gif", "webp"];
const VIDEO_FORMATS: &[&str] = &[
    "mkv",
    "mov",
    "mp4",
    "webm",
    "flv",
    "mpeg",
    "mpg",
    "wmv",
    "three_gp",
    // Served, though the model of the service does not list it.
    "video/mp4",
];
const AUDIO_FORMATS: &[&str] = &[
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg",
    "mpga", "pcm", "webm",
];

/// The body of Converse and ConverseStream.
pub(super) static CONVERSE: Record = Record {
    fields: &[
        must!("messages", Shape::List(&Shape::Rec(&MESSAGE))),
        may!("system", Shape::List(&Shape::Rec(&SYSTEM))),
        may!("inferenceConfig", Shape::Rec(&INFERENCE)),
        may!("toolConfig", Shape::Rec(&TOOLS)),
        may!("guardrailConfig", Shape::Rec(&GUARDRAIL)),
        may!("additionalModelRequestFields", Shape::Object),
        may!("promptVariables", Shape::Object),
        may!(
            "additionalModelResponseFieldPaths",
            Shape::List(&Shape::Text)
        ),
        may!("requestMetadata", Shape::MapOf(&Shape::Text)),
        may!("performanceConfig", Shape::Rec(&PERFORMANCE)),
        may!("serviceTier", Shape::Rec(&TIER)),
        may!("outputConfig", Shape::Rec(&OUTPUT)),
    ],
};

static MESSAGE: Record = Record {
    fields: &[
        must!("role", Shape::Word(&["user", "assistant", "system"])),
        must!("content", Shape::List(&Shape::Rec(&BLOCK))),
    ],
};

/// A union: that just one member stands in it is a rule of its own.
static BLOCK: Record = Record {
    fields: &[
        may!("text", Shape::Text),
        may!("image", Shape::Rec(&IMAGE)),
        may!("document", Shape::Rec(&DOCUMENT)),
        may!("video", Shape::Rec(&VIDEO)),
        may!("audio", Shape::Rec(&AUDIO)),
        may!("toolUse", Shape::Rec(&TOOL_USE)),
        may!("toolResult", Shape::Rec(&TOOL_RESULT)),
        may!("guardContent", Shape::Object),
        may!("cachePoint", Shape::Rec(&CACHE_POINT)),
        may!("reasoningContent", Shape::Rec(&REASONING)),
        may!("citationsContent", Shape::Rec(&CITED)),
        may!("searchResult", Shape::Rec(&SEARCH_RESULT)),
        may!("toolAddition", Shape::Object),
        may!("toolRemoval", Shape::Object),
    ],
};

static SYSTEM: Record = Record {
    fields: &[
        may!("text", Shape::Text),
        may!("guardContent", Shape::Object),
        may!("cachePoint", Shape::Rec(&CACHE_POINT)),
    ],
};

static CACHE_POINT: Record = Record {
    fields: &[
        must!("type", Shape::Word(&["default"])),
        may!("ttl", Shape::Word(&["5m", "1h"])),
    ],
};

static SOURCE: Record = Record {
    fields: &[
        may!("bytes", Shape::Text),
        may!("s3Location", Shape::Rec(&S3)),
    ],
};

static S3: Record = Record {
    fields: &[must!("uri", Shape::Text), may!("bucketOwner", Shape::Text)],
};

static IMAGE: Record = Record {
    fields: &[
        must!("format", Shape::Word(PICTURE_FORMATS)),
        must!("source", Shape::Rec(&SOURCE)),
    ],
};

static VIDEO: Record = Record {
    fields: &[
        must!("format", Shape::Word(VIDEO_FORMATS)),
        must!("source", Shape::Rec(&SOURCE)),
    ],
};

static AUDIO: Record = Record {
    fields: &[
        must!("format", Shape::Word(AUDIO_FORMATS)),
        must!("source", Shape::Rec(&SOURCE)),
    ],
};

static DOCUMENT: Record = Record {
    fields: &[
        may!("format", Shape::Word(DOCUMENT_FORMATS)),
        must!("name", Shape::Text),
        must!("source", Shape::Rec(&DOCUMENT_SOURCE)),
        may!("context", Shape::Text),
        may!("citations", Shape::Rec(&CITATIONS)),
    ],
};

static DOCUMENT_SOURCE: Record = Record {
    fields: &[
        may!("bytes", Shape::Text),
        may!("s3Location", Shape::Rec(&S3)),
        may!("text", Shape::Text),
        may!("content", Shape::List(&Shape::Rec(&PLAIN))),
    ],
};

static CITATIONS: Record = Record {
    fields: &[must!("enabled", Shape::Bool)],
};

static PLAIN: Record = Record {
    fields: &[may!("text", Shape::Text)],
};

static TOOL_USE: Record = Record {
    fields: &[
        must!("toolUseId", Shape::Text),
        must!("name", Shape::Text),
        must!("input", Shape::Object),
        may!("type", Shape::Word(&["server_tool_use", "tool_use"])),
    ],
};

static TOOL_RESULT: Record = Record {
    fields: &[
        must!("toolUseId", Shape::Text),
        must!("content", Shape::List(&Shape::Rec(&RESULT))),
        may!("status", Shape::Word(&["success", "error"])),
        may!("type", Shape::Text),
    ],
};

static RESULT: Record = Record {
    fields: &[
        may!("json", Shape::Any),
        may!("text", Shape::Text),
        may!("image", Shape::Rec(&IMAGE)),
        may!("document", Shape::Rec(&DOCUMENT)),
        may!("video", Shape::Rec(&VIDEO)),
        may!("searchResult", Shape::Rec(&SEARCH_RESULT)),
    ],
};

static SEARCH_RESULT: Record = Record {
    fields: &[
        must!("source", Shape::Text),
        must!("title", Shape::Text),
        must!("content", Shape::List(&Shape::Rec(&PLAIN))),
        may!("citations", Shape::Rec(&CITATIONS)),
    ],
};

static REASONING: Record = Record {
    fields: &[
        may!("reasoningText", Shape::Rec(&THOUGHT)),
        may!("redactedContent", Shape::Text),
    ],
};

static THOUGHT: Record = Record {
    fields: &[must!("text", Shape::Text), may!("signature", Shape::Text)],
};

static CITED: Record = Record {
    fields: &[
        may!("content", Shape::List(&Shape::Rec(&PLAIN))),
        may!("citations", Shape::List(&Shape::Object)),
    ],
};

static INFERENCE: Record = Record {
    fields: &[
        may!("maxTokens", Shape::Int(1, i64::MAX)),
        may!("temperature", Shape::Num(0.0, 1.0)),
        may!("topP", Shape::Num(0.0, 1.0)),
        may!("stopSequences", Shape::List(&Shape::Text)),
    ],
};

static TOOLS: Record = Record {
    fields: &[
        must!("tools", Shape::List(&Shape::Rec(&TOOL))),
        may!("toolChoice", Shape::Rec(&CHOICE)),
    ],
};

static TOOL: Record = Record {
    fields: &[
        may!("toolSpec", Shape::Rec(&SPEC)),
        may!("systemTool", Shape::Rec(&NAMED)),
        may!("cachePoint", Shape::Rec(&CACHE_POINT)),
    ],
};

static SPEC: Record = Record {
    fields: &[
        must!("name", Shape::Text),
        may!("description", Shape::Text),
        must!("inputSchema", Shape::Rec(&SCHEMA)),
        may!("strict", Shape::Bool),
    ],
};

static SCHEMA: Record = Record {
    fields: &[must!("json", Shape::Object)],
};

static NAMED: Record = Record {
    fields: &[must!("name", Shape::Text)],
};

static EMPTY: Record = Record { fields: &[] };

static CHOICE: Record = Record {
    fields: &[
        may!("auto", Shape::Rec(&EMPTY)),
        may!("any", Shape::Rec(&EMPTY)),
        may!("tool", Shape::Rec(&NAMED)),
    ],
};

static GUARDRAIL: Record = Record {
    fields: &[
        may!("guardrailIdentifier", Shape::Text),
        may!("guardrailVersion", Shape::Text),
        may!(
            "trace",
            Shape::Word(&["enabled", "disabled", "enabled_full"])
        ),
        may!("streamProcessingMode", Shape::Word(&["sync", "async"])),
    ],
};

static PERFORMANCE: Record = Record {
    fields: &[may!("latency", Shape::Word(&["standard", "optimized"]))],
};

static TIER: Record = Record {
    fields: &[must!(
        "type",
        Shape::Word(&["priority", "default", "flex", "reserved"])
    )],
};

static OUTPUT: Record = Record {
    fields: &[
        may!("textFormat", Shape::Rec(&FORMAT)),
        may!(
            "effort",
            Shape::Word(&["low", "medium", "high", "xhigh", "max"])
        ),
    ],
};

static FORMAT: Record = Record {
    fields: &[
        must!("type", Shape::Word(&["json_schema"])),
        must!("structure", Shape::Rec(&STRUCTURE)),
    ],
};

static STRUCTURE: Record = Record {
    fields: &[must!("jsonSchema", Shape::Rec(&JSON_SCHEMA))],
};

static JSON_SCHEMA: Record = Record {
    fields: &[
        must!("schema", Shape::Text),
        may!("name", Shape::Text),
        may!("description", Shape::Text),
    ],
};
