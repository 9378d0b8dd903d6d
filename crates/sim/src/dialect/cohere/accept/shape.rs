//! The keys, types and ranges of v2 requests, after Cohere's API description.

use crate::strict::{Record, Shape, Tagged, may, must, null};

use Shape::{Any, Bool, Int, List, Num, Object, Rec, Text, Union, Word};

const MAX: i64 = i64::MAX;
/// Lower numbers are served first.
const PRIORITY: Shape = Int(0, 999);

/// `POST /v2/chat`.
pub(super) static CHAT: Record = Record {
    fields: &[
        must!("model", Text),
        must!("messages", List(&Shape::Tagged(&MESSAGE))),
        null!("stream", Bool),
        null!("tools", List(&Rec(&TOOL))),
        null!("strict_tools", Bool),
        null!("documents", List(&Union(&[Text, Rec(&DOCUMENT)]))),
        null!("citation_options", Rec(&CITATION_OPTIONS)),
        null!("response_format", Shape::Tagged(&FORMAT)),
        null!("safety_mode", Word(&["CONTEXTUAL", "STRICT", "OFF"])),
        null!("max_tokens", Int(0, MAX)),
        null!("stop_sequences", List(&Text)),
        null!("temperature", Num(0.0, 1.0)),
        null!("seed", Int(0, MAX)),
        null!("frequency_penalty", Num(0.0, 1.0)),
        null!("presence_penalty", Num(0.0, 1.0)),
        null!("k", Int(0, 500)),
        null!("p", Num(0.01, 0.99)),
        null!("logprobs", Bool),
        null!("tool_choice", Word(&["REQUIRED", "NONE"])),
        null!("thinking", Rec(&THINKING)),
        null!("priority", PRIORITY),
    ],
};

/// `POST /v2/embed`.
pub(super) static EMBED: Record = Record {
    fields: &[
        must!("model", Text),
        must!(
            "input_type",
            Word(&[
                "search_document",
                "search_query",
                "classification",
                "clustering",
                "image"
            ])
        ),
        null!("texts", List(&Text)),
        null!("images", List(&Text)),
        null!("inputs", List(&Rec(&EMBED_INPUT))),
        null!("max_tokens", Int(0, MAX)),
        null!("output_dimension", Int(1, MAX)),
        null!(
            "embedding_types",
            List(&Word(&[
                "float", "int8", "uint8", "binary", "ubinary", "base64"
            ]))
        ),
        null!("truncate", Word(&["NONE", "START", "END"])),
        null!("priority", PRIORITY),
    ],
};

/// `POST /v2/rerank`.
pub(super) static RERANK: Record = Record {
    fields: &[
        must!("model", Text),
        must!("query", Text),
        must!("documents", List(&Text)),
        null!("top_n", Int(1, MAX)),
        null!("max_tokens_per_doc", Int(1, MAX)),
        null!("relevant_spans", Object),
        null!("priority", PRIORITY),
    ],
};

static MESSAGE: Tagged = Tagged {
    tag: "role",
    absent: None,
    variants: &[
        ("system", &SYSTEM),
        ("user", &USER),
        ("assistant", &ASSISTANT),
        ("tool", &TOOL_MESSAGE),
    ],
};
static SYSTEM: Record = Record {
    fields: &[must!(
        "content",
        Union(&[Text, List(&Shape::Tagged(&TEXT_ONLY))])
    )],
};
static USER: Record = Record {
    fields: &[must!(
        "content",
        Union(&[Text, List(&Shape::Tagged(&USER_ITEM))])
    )],
};
static ASSISTANT: Record = Record {
    fields: &[
        null!(
            "content",
            Union(&[Text, List(&Shape::Tagged(&ASSISTANT_ITEM))])
        ),
        null!("tool_plan", Text),
        null!("tool_calls", List(&Rec(&TOOL_CALL))),
        null!("citations", List(&Object)),
    ],
};
static TOOL_MESSAGE: Record = Record {
    fields: &[
        must!("tool_call_id", Text),
        must!(
            "content",
            Union(&[Text, List(&Shape::Tagged(&RESULT_ITEM))])
        ),
    ],
};

static TEXT_ONLY: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("text", &TEXT)],
};
static USER_ITEM: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("text", &TEXT), ("image_url", &IMAGE)],
};
static ASSISTANT_ITEM: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("text", &TEXT), ("thinking", &THOUGHT)],
};
static RESULT_ITEM: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("text", &TEXT), ("document", &DOCUMENT_ITEM)],
};
static TEXT: Record = Record {
    fields: &[must!("text", Text)],
};
static THOUGHT: Record = Record {
    fields: &[must!("thinking", Text)],
};
static IMAGE: Record = Record {
    fields: &[must!(
        "image_url",
        Rec(&Record {
            fields: &[
                must!("url", Text),
                null!("detail", Word(&["auto", "low", "high"])),
            ],
        })
    )],
};
static DOCUMENT_ITEM: Record = Record {
    fields: &[must!("document", Rec(&DOCUMENT))],
};
static DOCUMENT: Record = Record {
    fields: &[must!("data", Object), null!("id", Text)],
};
static TOOL_CALL: Record = Record {
    fields: &[
        must!("id", Text),
        must!("type", Word(&["function"])),
        must!(
            "function",
            Rec(&Record {
                fields: &[must!("name", Text), must!("arguments", Text)],
            })
        ),
    ],
};
static TOOL: Record = Record {
    fields: &[
        must!("type", Word(&["function"])),
        must!(
            "function",
            Rec(&Record {
                fields: &[
                    must!("name", Text),
                    null!("description", Text),
                    must!("parameters", Object),
                ],
            })
        ),
    ],
};
static CITATION_OPTIONS: Record = Record {
    fields: &[null!(
        "mode",
        Word(&["ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF"])
    )],
};
static FORMAT: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("text", &Record { fields: &[] }),
        (
            "json_object",
            // `schema` is the first name of `json_schema`, and still served.
            &Record {
                fields: &[null!("json_schema", Object), null!("schema", Object)],
            },
        ),
    ],
};
static THINKING: Record = Record {
    fields: &[
        must!("type", Word(&["enabled", "disabled"])),
        null!("token_budget", Int(1, MAX)),
    ],
};
static EMBED_INPUT: Record = Record {
    fields: &[may!("content", List(&Any))],
};
