//! The shape of a Responses request: members, types and ranges.

use crate::strict::Shape::{
    Any, Bool, Int, List, MapOf, Num, Object, Rec, Tagged as Tag, Text, Union, Word,
};
use crate::strict::{Record, Shape, Tagged, may, must, null};

use super::super::accept::shape::EFFORTS;

const MAX: i64 = i64::MAX;

/// `POST /v1/responses`.
pub(super) static RESPONSE: Record = Record {
    fields: &[
        null!("background", Bool),
        null!("context_management", List(&Object)),
        null!("conversation", Union(&[Text, Object])),
        null!(
            "include",
            List(&Word(&[
                "file_search_call.results",
                "web_search_call.results",
                "web_search_call.action.sources",
                "message.input_image.image_url",
                "computer_call_output.output.image_url",
                "code_interpreter_call.outputs",
                "reasoning.encrypted_content",
                "message.output_text.logprobs",
            ]))
        ),
        null!("input", Union(&[Text, List(&Tag(&ITEM))])),
        null!("instructions", Text),
        // Least 16: asked for less, the API says so.
        null!("max_output_tokens", Int(16, MAX)),
        null!("max_tool_calls", Int(1, MAX)),
        null!("metadata", MapOf(&Text)),
        null!("model", Text),
        null!("moderation", Object),
        null!("parallel_tool_calls", Bool),
        null!("previous_response_id", Text),
        null!("prompt", Object),
        null!("prompt_cache_key", Text),
        null!("prompt_cache_options", Object),
        null!("prompt_cache_retention", Word(&["in_memory", "24h"])),
        null!("reasoning", Rec(&REASONING)),
        null!("safety_identifier", Text),
        null!(
            "service_tier",
            Word(&["auto", "default", "flex", "scale", "priority", "fast"])
        ),
        null!("store", Bool),
        null!("stream", Bool),
        null!(
            "stream_options",
            Rec(&Record {
                fields: &[null!("include_obfuscation", Bool)]
            })
        ),
        null!("temperature", Num(0.0, 2.0)),
        null!("text", Rec(&TEXT)),
        null!(
            "tool_choice",
            Union(&[Word(&["none", "auto", "required"]), Tag(&TOOL_CHOICE)])
        ),
        null!("tools", List(&Tag(&TOOL))),
        null!("top_logprobs", Int(0, 20)),
        null!("top_p", Num(0.0, 1.0)),
        null!("truncation", Word(&["auto", "disabled"])),
        null!("user", Text),
    ],
};

/// `POST /v1/responses/input_tokens`.
pub(super) static COUNT: Record = Record {
    fields: &[
        null!("conversation", Union(&[Text, Object])),
        null!("input", Union(&[Text, List(&Tag(&ITEM))])),
        null!("instructions", Text),
        null!("model", Text),
        null!("parallel_tool_calls", Bool),
        null!("personality", Text),
        null!("previous_response_id", Text),
        null!("reasoning", Rec(&REASONING)),
        null!("text", Rec(&TEXT)),
        null!(
            "tool_choice",
            Union(&[Word(&["none", "auto", "required"]), Tag(&TOOL_CHOICE)])
        ),
        null!("tools", List(&Tag(&TOOL))),
        null!("truncation", Word(&["auto", "disabled"])),
    ],
};

static REASONING: Record = Record {
    fields: &[
        null!("effort", Word(&EFFORTS)),
        null!("summary", Word(&["auto", "concise", "detailed"])),
        null!("generate_summary", Word(&["auto", "concise", "detailed"])),
        null!("context", Word(&["auto", "current_turn", "all_turns"])),
        null!("mode", Word(&["standard", "pro"])),
    ],
};

static TEXT: Record = Record {
    fields: &[
        null!("format", Tag(&FORMAT)),
        null!("verbosity", Word(&["low", "medium", "high"])),
    ],
};
static FORMAT: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("text", &Record { fields: &[] }),
        ("json_object", &Record { fields: &[] }),
        (
            "json_schema",
            &Record {
                fields: &[
                    must!("name", Text),
                    null!("description", Text),
                    must!("schema", Object),
                    null!("strict", Bool),
                ],
            },
        ),
    ],
};

static TOOL_CHOICE: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("function", &NAMED),
        ("custom", &NAMED),
        (
            "allowed_tools",
            &Record {
                fields: &[
                    must!("mode", Word(&["auto", "required"])),
                    must!("tools", List(&Object)),
                ],
            },
        ),
        (
            "mcp",
            &Record {
                fields: &[must!("server_label", Text), null!("name", Text)],
            },
        ),
        ("web_search", &Record { fields: &[] }),
        ("file_search", &Record { fields: &[] }),
        ("code_interpreter", &Record { fields: &[] }),
        ("image_generation", &Record { fields: &[] }),
    ],
};
static NAMED: Record = Record {
    fields: &[must!("name", Text)],
};

static TOOL: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "function",
            &Record {
                fields: &[
                    must!("name", Text),
                    null!("description", Text),
                    // Nullable, and required: `accept` looks for it.
                    null!("parameters", Object),
                    null!("strict", Bool),
                    null!("defer_loading", Bool),
                    null!("allowed_callers", List(&Text)),
                    null!("output_schema", Object),
                ],
            },
        ),
        (
            "custom",
            &Record {
                fields: &[
                    must!("name", Text),
                    null!("description", Text),
                    null!("format", Tag(&CUSTOM_FORMAT)),
                    null!("defer_loading", Bool),
                ],
            },
        ),
        (
            "namespace",
            &Record {
                fields: &[
                    must!("name", Text),
                    null!("description", Text),
                    must!("tools", List(&Object)),
                ],
            },
        ),
        ("tool_search", &HOSTED),
        ("web_search", &HOSTED),
        ("web_search_preview", &HOSTED),
        ("file_search", &HOSTED),
        ("code_interpreter", &HOSTED),
        ("image_generation", &HOSTED),
        ("mcp", &HOSTED),
        ("local_shell", &HOSTED),
        ("shell", &HOSTED),
        ("apply_patch", &HOSTED),
        ("programmatic_tool_calling", &HOSTED),
    ],
};
/// Settings of provider-run tools, of which the simulator runs none.
static HOSTED: Record = Record {
    fields: &[
        null!("action", Any),
        null!("allowed_tools", Any),
        null!("authorization", Text),
        null!("background", Text),
        null!("container", Any),
        null!("description", Text),
        null!("execution", Text),
        null!("filters", Any),
        null!("headers", Object),
        null!("input_fidelity", Text),
        null!("input_image_mask", Any),
        null!("max_num_results", Int(1, 50)),
        null!("model", Text),
        null!("moderation", Text),
        null!("output_compression", Int(0, 100)),
        null!("output_format", Text),
        null!("parameters", Object),
        null!("partial_images", Int(0, 3)),
        null!("quality", Text),
        null!("ranking_options", Object),
        null!("require_approval", Any),
        null!("return_token_budget", Any),
        null!("search_content_types", Any),
        null!("search_context_size", Word(&["low", "medium", "high"])),
        null!("external_web_access", Bool),
        null!("server_description", Text),
        null!("server_label", Text),
        null!("server_url", Text),
        null!("connector_id", Text),
        null!("defer_loading", Bool),
        null!("size", Text),
        null!("user_location", Object),
        null!("vector_store_ids", List(&Text)),
    ],
};
static CUSTOM_FORMAT: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("text", &Record { fields: &[] }),
        (
            "grammar",
            &Record {
                fields: &[
                    must!("definition", Text),
                    must!("syntax", Word(&["lark", "regex"])),
                ],
            },
        ),
    ],
};

/// An input item; the easy form `{role, content}` has no type.
static ITEM: Tagged = Tagged {
    tag: "type",
    absent: Some("message"),
    variants: &[
        ("message", &MESSAGE),
        ("function_call", &FUNCTION_CALL),
        ("function_call_output", &CALL_OUTPUT),
        ("custom_tool_call", &CUSTOM_CALL),
        ("custom_tool_call_output", &CALL_OUTPUT),
        ("reasoning", &REASONING_ITEM),
        (
            "item_reference",
            &Record {
                fields: &[must!("id", Text)],
            },
        ),
        (
            "additional_tools",
            &Record {
                fields: &[
                    must!("role", Text),
                    must!("tools", List(&Object)),
                    null!("id", Text),
                ],
            },
        ),
        ("code_interpreter_call", &SERVER_RUN),
        ("compaction", &SERVER_RUN),
        ("file_search_call", &SERVER_RUN),
        ("image_generation_call", &SERVER_RUN),
        ("mcp_approval_request", &SERVER_RUN),
        ("mcp_approval_response", &SERVER_RUN),
        ("mcp_call", &SERVER_RUN),
        ("mcp_list_tools", &SERVER_RUN),
        ("program", &SERVER_RUN),
        ("tool_search_call", &SERVER_RUN),
        ("tool_search_output", &SERVER_RUN),
        ("web_search_call", &SERVER_RUN),
    ],
};
static MESSAGE: Record = Record {
    fields: &[
        must!("role", Word(&["user", "assistant", "system", "developer"])),
        must!("content", CONTENT),
        null!("id", Text),
        null!("status", STATUS),
        null!("phase", Word(&["commentary", "final_answer"])),
    ],
};
const STATUS: Shape = Word(&["in_progress", "completed", "incomplete"]);
const CONTENT: Shape = Union(&[Text, List(&Tag(&PART))]);
static FUNCTION_CALL: Record = Record {
    fields: &[
        must!("arguments", Text),
        must!("call_id", Text),
        must!("name", Text),
        null!("id", Text),
        null!("status", STATUS),
        null!("namespace", Text),
        null!("caller", Object),
    ],
};
static CUSTOM_CALL: Record = Record {
    fields: &[
        must!("call_id", Text),
        must!("input", Text),
        must!("name", Text),
        null!("id", Text),
        null!("status", STATUS),
        null!("namespace", Text),
        null!("caller", Object),
    ],
};
static CALL_OUTPUT: Record = Record {
    fields: &[
        must!("call_id", Text),
        must!("output", CONTENT),
        null!("id", Text),
        null!("status", STATUS),
        null!("caller", Object),
    ],
};
static REASONING_ITEM: Record = Record {
    fields: &[
        must!("summary", List(&Tag(&SUMMARY))),
        null!("id", Text),
        null!("content", List(&Object)),
        null!("encrypted_content", Text),
        null!("status", STATUS),
    ],
};
static SUMMARY: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[(
        "summary_text",
        &Record {
            fields: &[must!("text", Text)],
        },
    )],
};
/// Items of provider-run tools, as their answers had them.
static SERVER_RUN: Record = Record {
    fields: &[
        null!("action", Any),
        null!("approval_request_id", Text),
        null!("approve", Bool),
        null!("arguments", Any),
        null!("background", Text),
        null!("call_id", Text),
        null!("code", Text),
        null!("container_id", Text),
        null!("encrypted_content", Text),
        null!("error", Any),
        null!("execution", Text),
        null!("fingerprint", Text),
        null!("id", Text),
        null!("name", Text),
        null!("output", Any),
        null!("output_format", Text),
        null!("outputs", Any),
        null!("quality", Text),
        null!("queries", Any),
        null!("reason", Text),
        null!("result", Text),
        null!("results", Any),
        null!("revised_prompt", Text),
        null!("server_label", Text),
        null!("size", Text),
        null!("status", Text),
        null!("tools", Any),
    ],
};

static PART: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "input_text",
            &Record {
                fields: &[
                    must!("text", Text),
                    null!("prompt_cache_breakpoint", Object),
                ],
            },
        ),
        (
            "input_image",
            &Record {
                fields: &[
                    null!("image_url", Text),
                    null!("file_id", Text),
                    null!("detail", Word(&["auto", "low", "high", "original"])),
                    null!("prompt_cache_breakpoint", Object),
                ],
            },
        ),
        (
            "input_file",
            &Record {
                fields: &[
                    null!("file_data", Text),
                    null!("file_id", Text),
                    null!("file_url", Text),
                    null!("filename", Text),
                    null!("detail", Word(&["auto", "low", "high"])),
                    null!("prompt_cache_breakpoint", Object),
                ],
            },
        ),
        (
            "output_text",
            &Record {
                fields: &[
                    must!("text", Text),
                    may!("annotations", List(&Object)),
                    null!("logprobs", List(&Object)),
                ],
            },
        ),
        (
            "refusal",
            &Record {
                fields: &[must!("refusal", Text)],
            },
        ),
    ],
};
