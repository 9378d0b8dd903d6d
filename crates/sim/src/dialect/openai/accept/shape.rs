//! The keys, types and ranges of OpenAI chat and embeddings requests, after the parameter types of
//! the official Python SDK 3.54.

use crate::strict::{Record, Shape, Tagged, may, must, null};

use Shape::{Any, Bool, Int, List, MapOf, Num, Object, Rec, Text, Union, Word};

const MAX: i64 = i64::MAX;

/// `POST /v1/chat/completions`.
pub(super) static CHAT: Record = Record {
    fields: &[
        must!("messages", List(&Shape::Tagged(&MESSAGE))),
        must!("model", Text),
        null!("audio", Rec(&AUDIO)),
        null!("frequency_penalty", Num(-2.0, 2.0)),
        null!(
            "function_call",
            Union(&[Word(&["none", "auto"]), Rec(&NAMED)])
        ),
        null!("functions", List(&Rec(&FUNCTION))),
        null!("logit_bias", MapOf(&Num(-100.0, 100.0))),
        null!("logprobs", Bool),
        null!("max_completion_tokens", Int(1, MAX)),
        null!("max_tokens", Int(1, MAX)),
        null!("metadata", MapOf(&Text)),
        null!("modalities", List(&Word(&["text", "audio"]))),
        null!("moderation", Rec(&MODERATION)),
        null!("n", Int(1, 128)),
        null!("parallel_tool_calls", Bool),
        null!("prediction", Rec(&PREDICTION)),
        null!("presence_penalty", Num(-2.0, 2.0)),
        null!("prompt_cache_key", Text),
        null!("prompt_cache_options", Rec(&CACHE_OPTIONS)),
        null!("prompt_cache_retention", Word(&["in_memory", "24h"])),
        null!("reasoning_effort", Word(&EFFORTS)),
        null!("response_format", Shape::Tagged(&FORMAT)),
        null!("safety_identifier", Text),
        null!("seed", Int(i64::MIN, MAX)),
        null!(
            "service_tier",
            Word(&["auto", "default", "flex", "scale", "priority", "fast"])
        ),
        null!("stop", Union(&[Text, List(&Text)])),
        null!("store", Bool),
        null!("stream", Bool),
        null!("stream_options", Rec(&STREAM_OPTIONS)),
        null!("temperature", Num(0.0, 2.0)),
        null!(
            "tool_choice",
            Union(&[
                Word(&["none", "auto", "required"]),
                Shape::Tagged(&TOOL_CHOICE)
            ])
        ),
        null!("tools", List(&Shape::Tagged(&TOOL))),
        null!("top_logprobs", Int(0, 20)),
        null!("top_p", Num(0.0, 1.0)),
        null!("user", Text),
        null!("verbosity", Word(&["low", "medium", "high"])),
        null!("web_search_options", Rec(&WEB_SEARCH)),
    ],
};

/// `POST /v1/embeddings`.
pub(super) static EMBEDDINGS: Record = Record {
    fields: &[
        must!(
            "input",
            Union(&[
                Text,
                List(&Text),
                List(&Int(0, MAX)),
                List(&List(&Int(0, MAX)))
            ])
        ),
        must!("model", Text),
        null!("dimensions", Int(i64::MIN, MAX)),
        null!("encoding_format", Word(&["float", "base64"])),
        null!("user", Text),
    ],
};

/// `POST /v1/completions`.
pub(super) static COMPLETIONS: Record = Record {
    fields: &[
        must!("model", Text),
        null!(
            "prompt",
            Union(&[
                Text,
                List(&Text),
                List(&Int(0, MAX)),
                List(&List(&Int(0, MAX)))
            ])
        ),
        null!("best_of", Int(1, 20)),
        null!("echo", Bool),
        null!("frequency_penalty", Num(-2.0, 2.0)),
        null!("logit_bias", MapOf(&Num(-100.0, 100.0))),
        null!("logprobs", Int(0, 5)),
        null!("max_tokens", Int(0, MAX)),
        null!("n", Int(1, 128)),
        null!("presence_penalty", Num(-2.0, 2.0)),
        null!("seed", Int(i64::MIN, MAX)),
        null!("stop", Union(&[Text, List(&Text)])),
        null!("stream", Bool),
        null!("stream_options", Rec(&STREAM_OPTIONS)),
        null!("suffix", Text),
        null!("temperature", Num(0.0, 2.0)),
        null!("top_p", Num(0.0, 1.0)),
        null!("user", Text),
    ],
};

/// `POST /v1/moderations`.
pub(super) static MODERATIONS: Record = Record {
    fields: &[
        must!("input", Union(&[Text, List(&Text), List(&Object)])),
        null!("model", Text),
    ],
};

/// Values of `reasoning_effort`, weakest first.
pub(in crate::dialect::openai) static EFFORTS: [&str; 7] =
    ["none", "minimal", "low", "medium", "high", "xhigh", "max"];

static MESSAGE: Tagged = Tagged {
    tag: "role",
    absent: None,
    variants: &[
        ("system", &INSTRUCTION),
        ("assistant", &ASSISTANT),
        ("user", &USER),
        ("function", &FUNCTION_RESULT),
        ("tool", &TOOL_RESULT),
        ("developer", &INSTRUCTION),
    ],
};

// `content` is `null`-able in every record so that the rule with the API's own text for it
// ("expected a string, got null") answers, not the type check.
static INSTRUCTION: Record = Record {
    fields: &[null!("content", CONTENT), may!("name", Text)],
};
static USER: Record = Record {
    fields: &[null!("content", CONTENT), may!("name", Text)],
};
static TOOL_RESULT: Record = Record {
    fields: &[
        null!("content", CONTENT),
        must!("tool_call_id", Text),
        // Not in the SDK's type; the API has always taken it (`name` of the function).
        may!("name", Text),
    ],
};
static FUNCTION_RESULT: Record = Record {
    fields: &[null!("content", Text), must!("name", Text)],
};
static ASSISTANT: Record = Record {
    fields: &[
        null!("content", CONTENT),
        null!("refusal", Text),
        null!("name", Text),
        null!("audio", Rec(&AUDIO_REF)),
        null!("function_call", Rec(&CALLED)),
        null!("tool_calls", List(&Shape::Tagged(&TOOL_CALL))),
        // An answer's message sent back whole carries it.
        null!("annotations", List(&Any)),
    ],
};
const CONTENT: Shape = Union(&[Text, List(&Shape::Tagged(&PART))]);

static PART: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("text", &TEXT_PART),
        ("image_url", &IMAGE_PART),
        ("input_audio", &AUDIO_PART),
        ("refusal", &REFUSAL_PART),
        ("file", &FILE_PART),
    ],
};
static TEXT_PART: Record = Record {
    fields: &[must!("text", Text), null!("prompt_cache_breakpoint", MARK)],
};
static REFUSAL_PART: Record = Record {
    fields: &[must!("refusal", Text)],
};
static IMAGE_PART: Record = Record {
    fields: &[
        // A bare string is not in the SDK's type, but was served (2024 vision preview).
        must!("image_url", Union(&[Rec(&IMAGE_URL), Text])),
        null!("prompt_cache_breakpoint", MARK),
    ],
};
static IMAGE_URL: Record = Record {
    fields: &[
        must!("url", Text),
        null!("detail", Word(&["auto", "low", "high", "original"])),
    ],
};
static AUDIO_PART: Record = Record {
    fields: &[
        must!("input_audio", Rec(&INPUT_AUDIO)),
        null!("prompt_cache_breakpoint", MARK),
    ],
};
static INPUT_AUDIO: Record = Record {
    fields: &[must!("data", Text), must!("format", Word(&["wav", "mp3"]))],
};
static FILE_PART: Record = Record {
    fields: &[
        must!("file", Rec(&FILE)),
        null!("prompt_cache_breakpoint", MARK),
    ],
};
static FILE: Record = Record {
    fields: &[
        null!("file_data", Text),
        null!("file_id", Text),
        null!("filename", Text),
    ],
};
const MARK: Shape = Rec(&Record {
    fields: &[
        must!("mode", Word(&["explicit"])),
        may!("ttl", Word(&["30m", "12h"])),
    ],
});

static TOOL_CALL: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("function", &FUNCTION_CALL), ("custom", &CUSTOM_CALL)],
};
static FUNCTION_CALL: Record = Record {
    fields: &[
        must!("id", Text),
        must!("function", Rec(&CALLED)),
        // Stream deltas folded by clients keep it; the API ignores it.
        may!("index", Int(0, MAX)),
    ],
};
static CALLED: Record = Record {
    fields: &[must!("name", Text), must!("arguments", Text)],
};
static CUSTOM_CALL: Record = Record {
    fields: &[
        must!("id", Text),
        must!(
            "custom",
            Rec(&Record {
                fields: &[must!("name", Text), must!("input", Text)]
            })
        ),
        may!("index", Int(0, MAX)),
    ],
};

static TOOL: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("function", &FUNCTION_TOOL), ("custom", &CUSTOM_TOOL)],
};
static FUNCTION_TOOL: Record = Record {
    fields: &[must!("function", Rec(&FUNCTION))],
};
static FUNCTION: Record = Record {
    fields: &[
        must!("name", Text),
        null!("description", Text),
        null!("parameters", Object),
        null!("strict", Bool),
    ],
};
static CUSTOM_TOOL: Record = Record {
    fields: &[must!("custom", Rec(&CUSTOM))],
};
static CUSTOM: Record = Record {
    fields: &[
        must!("name", Text),
        null!("description", Text),
        null!("format", Shape::Tagged(&CUSTOM_FORMAT)),
    ],
};
static CUSTOM_FORMAT: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("text", &Record { fields: &[] }), ("grammar", &GRAMMAR)],
};
static GRAMMAR: Record = Record {
    fields: &[must!(
        "grammar",
        Rec(&Record {
            fields: &[
                must!("definition", Text),
                must!("syntax", Word(&["lark", "regex"]))
            ],
        })
    )],
};

static TOOL_CHOICE: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "function",
            &Record {
                fields: &[must!("function", Rec(&NAMED))],
            },
        ),
        (
            "custom",
            &Record {
                fields: &[must!("custom", Rec(&NAMED))],
            },
        ),
        (
            "allowed_tools",
            &Record {
                fields: &[must!("allowed_tools", Rec(&ALLOWED_TOOLS))],
            },
        ),
    ],
};
static NAMED: Record = Record {
    fields: &[must!("name", Text)],
};
static ALLOWED_TOOLS: Record = Record {
    fields: &[
        must!("mode", Word(&["auto", "required"])),
        must!("tools", List(&Object)),
    ],
};

static FORMAT: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("json_object", &Record { fields: &[] }),
        ("json_schema", &JSON_SCHEMA_FORMAT),
        ("text", &Record { fields: &[] }),
    ],
};
static JSON_SCHEMA_FORMAT: Record = Record {
    fields: &[must!("json_schema", Rec(&JSON_SCHEMA))],
};
static JSON_SCHEMA: Record = Record {
    fields: &[
        must!("name", Text),
        null!("description", Text),
        null!("schema", Object),
        null!("strict", Bool),
    ],
};

static AUDIO: Record = Record {
    fields: &[
        must!(
            "format",
            Word(&["wav", "aac", "mp3", "flac", "opus", "pcm16"])
        ),
        must!("voice", Union(&[Text, Rec(&AUDIO_REF)])),
    ],
};
static AUDIO_REF: Record = Record {
    fields: &[must!("id", Text)],
};
static MODERATION: Record = Record {
    fields: &[must!("model", Text), null!("policy", Object)],
};
static PREDICTION: Record = Record {
    fields: &[must!("type", Word(&["content"])), must!("content", CONTENT)],
};
static CACHE_OPTIONS: Record = Record {
    fields: &[
        may!("mode", Word(&["implicit", "explicit"])),
        may!("ttl", Word(&["30m"])),
    ],
};
static STREAM_OPTIONS: Record = Record {
    fields: &[
        null!("include_usage", Bool),
        null!("include_obfuscation", Bool),
    ],
};
static WEB_SEARCH: Record = Record {
    fields: &[
        null!("search_context_size", Word(&["low", "medium", "high"])),
        null!("user_location", Rec(&USER_LOCATION)),
    ],
};
static USER_LOCATION: Record = Record {
    fields: &[
        must!("type", Word(&["approximate"])),
        must!(
            "approximate",
            Rec(&Record {
                fields: &[
                    null!("city", Text),
                    null!("country", Text),
                    null!("region", Text),
                    null!("timezone", Text),
                ],
            })
        ),
    ],
};
