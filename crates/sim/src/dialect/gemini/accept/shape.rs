//! Request messages: their fields after the official Gen AI SDK 3.4, with those that only one of
//! the Gemini API and Vertex AI has. Generation settings are in [`super::settings`].

use super::proto::{Enum, Field, Kind, Message};
use super::settings::{GENERATION_CONFIG, RESOLUTION};

use Kind::{Any, Bool, Bytes, Float, Int, List, Map, Struct, Text};

/// A plain field.
macro_rules! field {
    ($name:literal, $kind:expr) => {
        $crate::dialect::gemini::accept::proto::Field {
            name: $name,
            kind: $kind,
            oneof: "",
            vertex: false,
        }
    };
}

/// A field that Vertex AI has and the Gemini API has not.
macro_rules! vertex {
    ($name:literal, $kind:expr) => {
        $crate::dialect::gemini::accept::proto::Field {
            name: $name,
            kind: $kind,
            oneof: "",
            vertex: true,
        }
    };
}

/// A member of a group of which one may be set.
macro_rules! one_of {
    ($group:literal, $name:literal, $kind:expr) => {
        $crate::dialect::gemini::accept::proto::Field {
            name: $name,
            kind: $kind,
            oneof: $group,
            vertex: false,
        }
    };
}

pub(super) use {field, vertex};

/// `:generateContent` and `:streamGenerateContent`.
pub(super) static GENERATE: Message = Message {
    name: "GenerateContentRequest",
    fields: &[
        field!("model", Text),
        CONTENTS,
        field!("systemInstruction", Kind::Message(&CONTENT)),
        field!("tools", List(&Kind::Message(&TOOL))),
        field!("toolConfig", Kind::Message(&TOOL_CONFIG)),
        field!("safetySettings", List(&Kind::Message(&SAFETY))),
        field!("generationConfig", Kind::Message(&GENERATION_CONFIG)),
        field!("cachedContent", Text),
        field!("serviceTier", Kind::Enum(&SERVICE_TIER)),
        field!("store", Bool),
        field!("continuationToken", Bytes),
        vertex!("labels", Map(&Text)),
        vertex!("modelArmorConfig", Kind::Message(&MODEL_ARMOR)),
        vertex!("outputConfig", Struct),
    ],
};
const CONTENTS: Field = field!("contents", List(&Kind::Message(&CONTENT)));

/// `:countTokens`; the Gemini API wants everything but `contents` inside `generateContentRequest`.
pub(super) static COUNT: Message = Message {
    name: "CountTokensRequest",
    fields: &[
        field!("model", Text),
        CONTENTS,
        field!("generateContentRequest", Kind::Message(&GENERATE)),
        vertex!("systemInstruction", Kind::Message(&CONTENT)),
        vertex!("tools", List(&Kind::Message(&TOOL))),
        vertex!("generationConfig", Kind::Message(&GENERATION_CONFIG)),
    ],
};

/// `:embedContent`, and one element of a batch.
pub(super) static EMBED: Message = Message {
    name: "EmbedContentRequest",
    fields: &[
        field!("model", Text),
        field!("content", Kind::Message(&CONTENT)),
        field!("taskType", Kind::Enum(&TASK)),
        field!("title", Text),
        field!("outputDimensionality", Int),
        vertex!("autoTruncate", Bool),
        vertex!("embedContentConfig", Struct),
    ],
};

/// `:batchEmbedContents`.
pub(super) static EMBED_BATCH: Message = Message {
    name: "BatchEmbedContentsRequest",
    fields: &[field!("requests", List(&Kind::Message(&EMBED)))],
};

static TASK: Enum = Enum {
    name: "TaskType",
    values: &[
        "TASK_TYPE_UNSPECIFIED",
        "RETRIEVAL_QUERY",
        "RETRIEVAL_DOCUMENT",
        "SEMANTIC_SIMILARITY",
        "CLASSIFICATION",
        "CLUSTERING",
        "QUESTION_ANSWERING",
        "FACT_VERIFICATION",
        "CODE_RETRIEVAL_QUERY",
    ],
};
static SERVICE_TIER: Enum = Enum {
    name: "ServiceTier",
    values: &["UNSPECIFIED", "STANDARD", "FLEX", "PRIORITY"],
};
static MODEL_ARMOR: Message = Message {
    name: "ModelArmorConfig",
    fields: &[
        field!("promptTemplateName", Text),
        field!("responseTemplateName", Text),
    ],
};

static CONTENT: Message = Message {
    name: "Content",
    fields: &[
        field!("role", Text),
        field!("parts", List(&Kind::Message(&PART))),
    ],
};
static PART: Message = Message {
    name: "Part",
    fields: &[
        one_of!("data", "text", Text),
        one_of!("data", "inlineData", Kind::Message(&BLOB)),
        one_of!("data", "fileData", Kind::Message(&FILE_DATA)),
        one_of!("data", "functionCall", Kind::Message(&FUNCTION_CALL)),
        one_of!(
            "data",
            "functionResponse",
            Kind::Message(&FUNCTION_RESPONSE)
        ),
        one_of!("data", "executableCode", Kind::Message(&EXECUTABLE_CODE)),
        one_of!("data", "codeExecutionResult", Kind::Message(&CODE_RESULT)),
        one_of!("data", "toolCall", Kind::Message(&TOOL_CALL)),
        one_of!("data", "toolResponse", Kind::Message(&TOOL_RESPONSE)),
        field!("thought", Bool),
        field!("thoughtSignature", Bytes),
        field!("partMetadata", Struct),
        field!("mediaResolution", Kind::Message(&PART_RESOLUTION)),
        field!("mediaProcessing", Text),
        field!("videoMetadata", Kind::Message(&VIDEO_METADATA)),
        field!("audioMetadata", Kind::Message(&AUDIO_METADATA)),
        field!("documentMetadata", Struct),
        field!("spreadsheetMetadata", Struct),
        field!("speechMetadata", Struct),
        field!("audioTranscription", Struct),
    ],
};
static BLOB: Message = Message {
    name: "Blob",
    fields: &[
        field!("mimeType", Text),
        field!("data", Bytes),
        field!("displayName", Text),
    ],
};
static FILE_DATA: Message = Message {
    name: "FileData",
    fields: &[
        field!("mimeType", Text),
        field!("fileUri", Text),
        field!("displayName", Text),
    ],
};
static FUNCTION_CALL: Message = Message {
    name: "FunctionCall",
    fields: &[
        field!("id", Text),
        field!("name", Text),
        field!("args", Struct),
        vertex!("partialArgs", Any),
        vertex!("willContinue", Bool),
    ],
};
static FUNCTION_RESPONSE: Message = Message {
    name: "FunctionResponse",
    fields: &[
        field!("id", Text),
        field!("name", Text),
        field!("response", Struct),
        field!("parts", List(&Kind::Message(&RESPONSE_PART))),
        field!("scheduling", Kind::Enum(&SCHEDULING)),
        field!("willContinue", Bool),
    ],
};
static RESPONSE_PART: Message = Message {
    name: "FunctionResponsePart",
    fields: &[
        one_of!("data", "inlineData", Kind::Message(&BLOB)),
        one_of!("data", "fileData", Kind::Message(&FILE_DATA)),
        field!("mediaResolution", Kind::Message(&PART_RESOLUTION)),
        field!("mediaProcessing", Text),
        field!("videoMetadata", Kind::Message(&VIDEO_METADATA)),
        field!("audioMetadata", Kind::Message(&AUDIO_METADATA)),
        field!("documentMetadata", Struct),
        field!("spreadsheetMetadata", Struct),
    ],
};
static SCHEDULING: Enum = Enum {
    name: "FunctionResponse.Scheduling",
    values: &["SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"],
};
static EXECUTABLE_CODE: Message = Message {
    name: "ExecutableCode",
    fields: &[
        field!("id", Text),
        field!("language", Kind::Enum(&LANGUAGE)),
        field!("code", Text),
    ],
};
static LANGUAGE: Enum = Enum {
    name: "ExecutableCode.Language",
    values: &["LANGUAGE_UNSPECIFIED", "PYTHON"],
};
static CODE_RESULT: Message = Message {
    name: "CodeExecutionResult",
    fields: &[
        field!("id", Text),
        field!("outcome", Kind::Enum(&OUTCOME)),
        field!("output", Text),
    ],
};
static OUTCOME: Enum = Enum {
    name: "CodeExecutionResult.Outcome",
    values: &[
        "OUTCOME_UNSPECIFIED",
        "OUTCOME_OK",
        "OUTCOME_FAILED",
        "OUTCOME_DEADLINE_EXCEEDED",
    ],
};
static TOOL_CALL: Message = Message {
    name: "ToolCall",
    fields: &[
        field!("id", Text),
        field!("toolType", Text),
        field!("args", Struct),
    ],
};
static TOOL_RESPONSE: Message = Message {
    name: "ToolResponse",
    fields: &[
        field!("id", Text),
        field!("toolType", Text),
        field!("response", Struct),
    ],
};
static PART_RESOLUTION: Message = Message {
    name: "MediaResolution",
    fields: &[
        field!("level", Kind::Enum(&RESOLUTION)),
        field!("numTokens", Int),
    ],
};
static VIDEO_METADATA: Message = Message {
    name: "VideoMetadata",
    fields: &[
        field!("startOffset", Text),
        field!("endOffset", Text),
        field!("fps", Float),
        field!("contentLayers", List(&Any)),
    ],
};
static AUDIO_METADATA: Message = Message {
    name: "AudioMetadata",
    fields: &[field!("startOffset", Text), field!("endOffset", Text)],
};

static SAFETY: Message = Message {
    name: "SafetySetting",
    fields: &[
        field!("category", Kind::Enum(&HARM)),
        field!("threshold", Kind::Enum(&THRESHOLD)),
        vertex!("method", Text),
    ],
};
static HARM: Enum = Enum {
    name: "HarmCategory",
    values: &[
        "HARM_CATEGORY_UNSPECIFIED",
        "HARM_CATEGORY_HATE_SPEECH",
        "HARM_CATEGORY_DANGEROUS_CONTENT",
        "HARM_CATEGORY_HARASSMENT",
        "HARM_CATEGORY_SEXUALLY_EXPLICIT",
        "HARM_CATEGORY_CIVIC_INTEGRITY",
        "HARM_CATEGORY_JAILBREAK",
        "HARM_CATEGORY_IMAGE_HATE",
        "HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT",
        "HARM_CATEGORY_IMAGE_HARASSMENT",
        "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT",
    ],
};
static THRESHOLD: Enum = Enum {
    name: "SafetySetting.HarmBlockThreshold",
    values: &[
        "HARM_BLOCK_THRESHOLD_UNSPECIFIED",
        "BLOCK_LOW_AND_ABOVE",
        "BLOCK_MEDIUM_AND_ABOVE",
        "BLOCK_ONLY_HIGH",
        "BLOCK_NONE",
        "OFF",
    ],
};

static TOOL: Message = Message {
    name: "Tool",
    fields: &[
        field!("functionDeclarations", List(&Kind::Message(&FUNCTION))),
        field!("googleSearch", Struct),
        field!("googleSearchRetrieval", Struct),
        field!("googleMaps", Struct),
        field!("codeExecution", Kind::Message(&EMPTY)),
        field!("urlContext", Kind::Message(&EMPTY)),
        field!("fileSearch", Kind::Message(&FILE_SEARCH)),
        field!("computerUse", Struct),
        field!("mcpServers", List(&Struct)),
        vertex!("retrieval", Struct),
        vertex!("enterpriseWebSearch", Struct),
        vertex!("parallelAiSearch", Struct),
        vertex!("exaAiSearch", Struct),
    ],
};
static EMPTY: Message = Message {
    name: "CodeExecution",
    fields: &[],
};
static FILE_SEARCH: Message = Message {
    name: "FileSearch",
    fields: &[
        field!("fileSearchStoreNames", List(&Text)),
        field!("topK", Int),
        field!("metadataFilter", Text),
    ],
};
static FUNCTION: Message = Message {
    name: "FunctionDeclaration",
    fields: &[
        field!("name", Text),
        field!("description", Text),
        field!("behavior", Kind::Enum(&BEHAVIOR)),
        field!("parameters", Kind::Message(&SCHEMA)),
        field!("parametersJsonSchema", Any),
        field!("response", Kind::Message(&SCHEMA)),
        field!("responseJsonSchema", Any),
    ],
};
static BEHAVIOR: Enum = Enum {
    name: "FunctionDeclaration.Behavior",
    values: &["UNSPECIFIED", "BLOCKING", "NON_BLOCKING"],
};

/// The OpenAPI subset of `parameters` and `responseSchema`.
pub(super) static SCHEMA: Message = Message {
    name: "Schema",
    fields: &[
        field!("type", Kind::Enum(&TYPE)),
        field!("format", Text),
        field!("title", Text),
        field!("description", Text),
        field!("nullable", Bool),
        field!("default", Any),
        field!("items", Kind::Message(&SCHEMA)),
        field!("minItems", Int),
        field!("maxItems", Int),
        field!("enum", List(&Text)),
        field!("properties", Map(&Kind::Message(&SCHEMA))),
        field!("propertyOrdering", List(&Text)),
        field!("required", List(&Text)),
        field!("minProperties", Int),
        field!("maxProperties", Int),
        field!("minimum", Float),
        field!("maximum", Float),
        field!("minLength", Int),
        field!("maxLength", Int),
        field!("pattern", Text),
        field!("example", Any),
        field!("anyOf", List(&Kind::Message(&SCHEMA))),
        vertex!("additionalProperties", Any),
        vertex!("defs", Map(&Kind::Message(&SCHEMA))),
        vertex!("ref", Text),
    ],
};
static TYPE: Enum = Enum {
    name: "Type",
    values: &[
        "TYPE_UNSPECIFIED",
        "STRING",
        "NUMBER",
        "INTEGER",
        "BOOLEAN",
        "ARRAY",
        "OBJECT",
        "NULL",
    ],
};

static TOOL_CONFIG: Message = Message {
    name: "ToolConfig",
    fields: &[
        field!("functionCallingConfig", Kind::Message(&CALLING)),
        field!("retrievalConfig", Kind::Message(&RETRIEVAL)),
        field!("includeServerSideToolInvocations", Bool),
    ],
};
static CALLING: Message = Message {
    name: "FunctionCallingConfig",
    fields: &[
        field!("mode", Kind::Enum(&MODE)),
        field!("allowedFunctionNames", List(&Text)),
        vertex!("streamFunctionCallArguments", Bool),
    ],
};
static MODE: Enum = Enum {
    name: "FunctionCallingConfig.Mode",
    values: &["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"],
};
static RETRIEVAL: Message = Message {
    name: "RetrievalConfig",
    fields: &[field!("latLng", Struct), field!("languageCode", Text)],
};
