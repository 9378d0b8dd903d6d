//! The keys, types and ranges of v1 requests, after Cohere's API description.

use crate::strict::{Record, Shape, may, must, null};

use Shape::{Bool, Int, List, MapOf, Num, Object, Rec, Text, Union, Word};

const MAX: i64 = i64::MAX;

/// `POST /v1/chat`.
pub(super) static CHAT: Record = Record {
    fields: &[
        null!("message", Text),
        null!("model", Text),
        null!("stream", Bool),
        null!("preamble", Text),
        null!("chat_history", List(&Rec(&TURN))),
        null!("conversation_id", Text),
        null!(
            "prompt_truncation",
            Word(&["OFF", "AUTO", "AUTO_PRESERVE_ORDER"])
        ),
        null!("connectors", List(&Rec(&CONNECTOR))),
        null!("search_queries_only", Bool),
        null!("documents", List(&MapOf(&Union(&[Text, List(&Text)])))),
        null!(
            "citation_quality",
            Word(&["ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF"])
        ),
        null!("temperature", Num(0.0, 1.0)),
        null!("max_tokens", Int(0, MAX)),
        null!("max_input_tokens", Int(0, MAX)),
        null!("k", Int(0, 500)),
        null!("p", Num(0.01, 0.99)),
        null!("seed", Int(0, MAX)),
        null!("stop_sequences", List(&Text)),
        null!("frequency_penalty", Num(0.0, 1.0)),
        null!("presence_penalty", Num(0.0, 1.0)),
        null!("raw_prompting", Bool),
        null!("tools", List(&Rec(&TOOL))),
        null!("tool_results", List(&Rec(&RESULT))),
        null!("force_single_step", Bool),
        null!("response_format", Shape::Tagged(&FORMAT)),
        null!("safety_mode", Word(&["CONTEXTUAL", "STRICT", "NONE"])),
        // Of `/v1/generate`; recorded on chat, where it is served.
        null!("num_generations", Int(1, 1)),
    ],
};

/// `POST /v1/embed`.
pub(super) static EMBED: Record = Record {
    fields: &[
        null!("model", Text),
        null!("texts", List(&Text)),
        null!("images", List(&Text)),
        null!(
            "input_type",
            Word(&[
                "search_document",
                "search_query",
                "classification",
                "clustering",
                "image"
            ])
        ),
        null!(
            "embedding_types",
            List(&Word(&["float", "int8", "uint8", "binary", "ubinary"]))
        ),
        null!("truncate", Word(&["NONE", "START", "END"])),
    ],
};

/// `POST /v1/rerank`.
pub(super) static RERANK: Record = Record {
    fields: &[
        null!("model", Text),
        must!("query", Text),
        must!("documents", List(&Union(&[Text, Object]))),
        null!("top_n", Int(1, MAX)),
        null!("rank_fields", List(&Text)),
        null!("return_documents", Bool),
        null!("max_chunks_per_doc", Int(1, MAX)),
    ],
};

/// A turn of the history. Which members it needs goes by its role, in whatever case that is written.
static TURN: Record = Record {
    fields: &[
        must!("role", Text),
        null!("message", Text),
        null!("tool_calls", List(&Rec(&CALL))),
        null!("tool_results", List(&Rec(&RESULT))),
    ],
};
static CALL: Record = Record {
    fields: &[
        must!("name", Text),
        must!("parameters", Object),
        // What early answers gave is taken back.
        null!("generation_id", Text),
    ],
};
static RESULT: Record = Record {
    fields: &[must!("call", Rec(&CALL)), must!("outputs", List(&Object))],
};
static CONNECTOR: Record = Record {
    fields: &[
        must!("id", Text),
        null!("user_access_token", Text),
        null!("continue_on_failure", Bool),
        null!("options", Object),
    ],
};
static TOOL: Record = Record {
    fields: &[
        must!("name", Text),
        must!("description", Text),
        null!("parameter_definitions", MapOf(&Rec(&PARAMETER))),
    ],
};
static PARAMETER: Record = Record {
    fields: &[
        must!("type", Text),
        null!("description", Text),
        null!("required", Bool),
    ],
};
static FORMAT: crate::strict::Tagged = crate::strict::Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("text", &Record { fields: &[] }),
        (
            "json_object",
            &Record {
                fields: &[may!("schema", Object)],
            },
        ),
    ],
};
