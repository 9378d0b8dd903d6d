//! Content blocks: which exist, and what each may hold.

use super::shape::{CACHE, MAX};
use crate::strict::{Field, Record, Shape, Tagged, may, must, null};

use Shape::{Any, Bool, Int, List, Object, Rec, Text, Union, Word};

const MARK: Field = null!("cache_control", CACHE);
const CALLER: Field = may!(
    "caller",
    Rec(&Record {
        fields: &[
            must!(
                "type",
                Word(&[
                    "direct",
                    "code_execution_20250825",
                    "code_execution_20260120",
                    "code_execution_20260521",
                ])
            ),
            may!("tool_id", Text),
        ],
    })
);

/// A block of a user or assistant message. Which role may carry which is checked elsewhere.
pub(super) static BLOCK: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("advisor_tool_result", &SERVER_RESULT),
        ("bash_code_execution_tool_result", &SERVER_RESULT),
        ("browser_state", &BROWSER_STATE),
        ("code_execution_tool_result", &SERVER_RESULT),
        ("compaction", &COMPACTION),
        ("container_upload", &UPLOAD),
        ("document", &DOCUMENT),
        ("fallback", &FALLBACK),
        ("image", &IMAGE),
        ("mcp_tool_listing", &MCP_LISTING),
        ("mcp_tool_result", &MCP_RESULT),
        ("mcp_tool_use", &MCP_USE),
        ("redacted_thinking", &REDACTED),
        ("search_result", &SEARCH_RESULT),
        ("server_tool_use", &SERVER_USE),
        ("text", &TEXT),
        ("text_editor_code_execution_tool_result", &SERVER_RESULT),
        ("thinking", &THINKING),
        ("tool_addition", &TOOL_CHANGE),
        ("tool_removal", &TOOL_CHANGE),
        ("tool_result", &TOOL_RESULT),
        ("tool_search_tool_result", &SERVER_RESULT),
        ("tool_use", &TOOL_USE),
        ("web_fetch_tool_result", &SERVER_RESULT),
        ("web_search_tool_result", &SERVER_RESULT),
    ],
};

/// A block of a `role: "system"` message.
pub(super) static SYSTEM_BLOCK: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("text", &TEXT),
        ("tool_addition", &TOOL_CHANGE),
        ("tool_removal", &TOOL_CHANGE),
    ],
};

pub(super) static TEXT: Record = Record {
    fields: &[
        must!("text", Text),
        MARK,
        null!("citations", List(&Shape::Tagged(&CITATION))),
    ],
};
static CITATION: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "char_location",
            &Record {
                fields: &[
                    must!("cited_text", Text),
                    must!("document_index", Int(0, MAX)),
                    null!("document_title", Text),
                    must!("start_char_index", Int(0, MAX)),
                    must!("end_char_index", Int(0, MAX)),
                    null!("file_id", Text),
                ],
            },
        ),
        (
            "page_location",
            &Record {
                fields: &[
                    must!("cited_text", Text),
                    must!("document_index", Int(0, MAX)),
                    null!("document_title", Text),
                    must!("start_page_number", Int(0, MAX)),
                    must!("end_page_number", Int(0, MAX)),
                    null!("file_id", Text),
                ],
            },
        ),
        (
            "content_block_location",
            &Record {
                fields: &[
                    must!("cited_text", Text),
                    must!("document_index", Int(0, MAX)),
                    null!("document_title", Text),
                    must!("start_block_index", Int(0, MAX)),
                    must!("end_block_index", Int(0, MAX)),
                    null!("file_id", Text),
                ],
            },
        ),
        (
            "web_search_result_location",
            &Record {
                fields: &[
                    must!("cited_text", Text),
                    must!("encrypted_index", Text),
                    null!("title", Text),
                    must!("url", Text),
                ],
            },
        ),
        (
            "search_result_location",
            &Record {
                fields: &[
                    must!("cited_text", Text),
                    must!("search_result_index", Int(0, MAX)),
                    must!("source", Text),
                    null!("title", Text),
                    must!("start_block_index", Int(0, MAX)),
                    must!("end_block_index", Int(0, MAX)),
                ],
            },
        ),
    ],
};

static IMAGE: Record = Record {
    fields: &[
        must!("source", Shape::Tagged(&IMAGE_SOURCE)),
        MARK,
        null!(
            "transformations",
            Rec(&Record {
                fields: &[may!("oversized_image", Word(&["downsize", "error"]))],
            })
        ),
    ],
};
static IMAGE_SOURCE: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "base64",
            &Record {
                fields: &[
                    must!("data", Text),
                    must!(
                        "media_type",
                        Word(&["image/jpeg", "image/png", "image/gif", "image/webp"])
                    ),
                ],
            },
        ),
        ("url", &URL_SOURCE),
        ("file", &FILE_SOURCE),
    ],
};
static URL_SOURCE: Record = Record {
    fields: &[must!("url", Text)],
};
static FILE_SOURCE: Record = Record {
    fields: &[must!("file_id", Text)],
};

static DOCUMENT: Record = Record {
    fields: &[
        must!("source", Shape::Tagged(&DOCUMENT_SOURCE)),
        MARK,
        null!("citations", CITATIONS),
        null!("context", Text),
        null!("title", Text),
    ],
};
const CITATIONS: Shape = Rec(&Record {
    fields: &[may!("enabled", Bool)],
});
static DOCUMENT_SOURCE: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "base64",
            &Record {
                fields: &[
                    must!("data", Text),
                    must!("media_type", Word(&["application/pdf"])),
                ],
            },
        ),
        (
            "text",
            &Record {
                fields: &[
                    must!("data", Text),
                    must!("media_type", Word(&["text/plain"])),
                ],
            },
        ),
        (
            "content",
            &Record {
                fields: &[must!(
                    "content",
                    Union(&[Text, List(&Shape::Tagged(&DOCUMENT_PART))])
                )],
            },
        ),
        ("url", &URL_SOURCE),
        ("file", &FILE_SOURCE),
    ],
};
static DOCUMENT_PART: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("text", &TEXT), ("image", &IMAGE)],
};
static SEARCH_RESULT: Record = Record {
    fields: &[
        must!("source", Text),
        must!("title", Text),
        must!("content", List(&Shape::Tagged(&DOCUMENT_PART))),
        MARK,
        may!("citations", CITATIONS),
    ],
};

static THINKING: Record = Record {
    fields: &[must!("signature", Text), must!("thinking", Text)],
};
static REDACTED: Record = Record {
    fields: &[must!("data", Text)],
};

static TOOL_USE: Record = Record {
    fields: &[
        must!("id", Text),
        must!("input", Object),
        must!("name", Text),
        MARK,
        CALLER,
        null!("toolset_name", Text),
    ],
};
static TOOL_RESULT: Record = Record {
    fields: &[
        must!("tool_use_id", Text),
        may!(
            "content",
            Union(&[Text, List(&Shape::Tagged(&RESULT_PART))])
        ),
        may!("is_error", Bool),
        MARK,
        null!("toolset_name", Text),
    ],
};
static RESULT_PART: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("browser_state", &BROWSER_STATE),
        ("document", &DOCUMENT),
        ("image", &IMAGE),
        ("search_result", &SEARCH_RESULT),
        ("text", &TEXT),
        ("tool_reference", &TOOL_REFERENCE),
    ],
};
static TOOL_REFERENCE: Record = Record {
    fields: &[must!("tool_name", Text), MARK],
};
static BROWSER_STATE: Record = Record {
    fields: &[
        must!("tabs", List(&Object)),
        MARK,
        null!("state_changes", List(&Object)),
    ],
};

static SERVER_USE: Record = Record {
    fields: &[
        must!("id", Text),
        must!("input", Object),
        must!(
            "name",
            Word(&[
                "advisor",
                "web_search",
                "web_fetch",
                "code_execution",
                "bash_code_execution",
                "text_editor_code_execution",
                "tool_search_tool_regex",
                "tool_search_tool_bm25",
            ])
        ),
        MARK,
        CALLER,
    ],
};
static SERVER_RESULT: Record = Record {
    fields: &[
        must!("tool_use_id", Text),
        must!("content", Union(&[Object, List(&Object)])),
        MARK,
        CALLER,
    ],
};
static MCP_USE: Record = Record {
    fields: &[
        must!("id", Text),
        must!("input", Object),
        must!("name", Text),
        must!("server_name", Text),
        MARK,
    ],
};
static MCP_RESULT: Record = Record {
    fields: &[
        must!("tool_use_id", Text),
        may!(
            "content",
            Union(&[Text, List(&Shape::Tagged(&DOCUMENT_PART))])
        ),
        may!("is_error", Bool),
        MARK,
    ],
};
static MCP_LISTING: Record = Record {
    fields: &[
        must!("mcp_server_name", Text),
        must!("tools", List(&Object)),
    ],
};
static UPLOAD: Record = Record {
    fields: &[must!("file_id", Text), MARK],
};
static COMPACTION: Record = Record {
    fields: &[
        null!("content", Text),
        null!("encrypted_content", Text),
        null!("signature", Text),
        null!("tool_changes", List(&Object)),
        MARK,
    ],
};
static FALLBACK: Record = Record {
    fields: &[
        must!("from", Any),
        must!("to", Object),
        may!("trigger", Any),
    ],
};
static TOOL_CHANGE: Record = Record {
    fields: &[must!("tool", Shape::Tagged(&CHANGED)), MARK],
};
static CHANGED: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "tool_reference",
            &Record {
                fields: &[must!("name", Text)],
            },
        ),
        (
            "mcp_tool_reference",
            &Record {
                fields: &[must!("name", Text), must!("server_name", Text)],
            },
        ),
        (
            "mcp_toolset_reference",
            &Record {
                fields: &[must!("server_name", Text)],
            },
        ),
        (
            "tool_definition",
            &Record {
                fields: &[must!("definition", Shape::Tagged(&super::toolset::TOOL))],
            },
        ),
    ],
};
