//! Tool definitions: the caller's own and each dated server or client tool of Anthropic.

use super::shape::{CACHE, MAX, SWITCHES};
use crate::strict::{Field, Record, Shape, Tagged, may, must, null};

use Shape::{Bool, Int, List, Object, Rec, Text, Word};

const CALLERS: Field = may!(
    "allowed_callers",
    List(&Word(&[
        "direct",
        "code_execution_20250825",
        "code_execution_20260120",
        "code_execution_20260521",
    ]))
);
const MARK: Field = null!("cache_control", CACHE);
const DEFER: Field = may!("defer_loading", Bool);
const STRICT: Field = may!("strict", Bool);
const EXAMPLES: Field = may!("input_examples", List(&Object));

/// One element of `tools`.
pub(super) static TOOL: Tagged = Tagged {
    tag: "type",
    absent: Some("custom"),
    variants: &[
        ("custom", &CUSTOM),
        ("bash_20241022", &BASH),
        ("bash_20250124", &BASH),
        ("code_execution_20250522", &CODE_EXECUTION),
        ("code_execution_20250825", &CODE_EXECUTION),
        ("code_execution_20260120", &CODE_EXECUTION),
        ("code_execution_20260521", &CODE_EXECUTION),
        ("browser_toolset_20260801", &TOOLSET),
        ("computer_toolset_20260801", &TOOLSET),
        ("computer_20241022", &COMPUTER),
        ("computer_20250124", &COMPUTER),
        ("computer_20251124", &COMPUTER_ZOOM),
        ("memory_20250818", &MEMORY),
        ("text_editor_20241022", &OLD_EDITOR),
        ("text_editor_20250124", &OLD_EDITOR),
        ("text_editor_20250429", &EDITOR),
        ("text_editor_20250728", &EDITOR_LIMITED),
        ("web_search_20250305", &WEB_SEARCH),
        ("web_search_20260209", &WEB_SEARCH),
        ("web_search_20260318", &WEB_SEARCH_INCLUSION),
        ("web_fetch_20250910", &WEB_FETCH),
        ("web_fetch_20260209", &WEB_FETCH),
        ("web_fetch_20260309", &WEB_FETCH_CACHED),
        ("web_fetch_20260318", &WEB_FETCH_INCLUSION),
        ("advisor_20260301", &ADVISOR),
        ("tool_search_tool_bm25_20251119", &SEARCH_BM25),
        ("tool_search_tool_bm25", &SEARCH_BM25),
        ("tool_search_tool_regex_20251119", &SEARCH_REGEX),
        ("tool_search_tool_regex", &SEARCH_REGEX),
        ("mcp_toolset", &MCP_TOOLSET),
    ],
};

static CUSTOM: Record = Record {
    fields: &[
        must!("name", Text),
        must!("input_schema", Object),
        may!("description", Text),
        null!("eager_input_streaming", Bool),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};
static BASH: Record = Record {
    fields: &[
        must!("name", Word(&["bash"])),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};
static MEMORY: Record = Record {
    fields: &[
        must!("name", Word(&["memory"])),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};
static CODE_EXECUTION: Record = Record {
    fields: &[
        must!("name", Word(&["code_execution"])),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static TOOLSET: Record = Record {
    fields: &[MARK, null!("configs", SWITCHES)],
};
static COMPUTER: Record = Record {
    fields: &[
        must!("name", Word(&["computer"])),
        must!("display_height_px", Int(1, MAX)),
        must!("display_width_px", Int(1, MAX)),
        null!("display_number", Int(0, MAX)),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};
static COMPUTER_ZOOM: Record = Record {
    fields: &[
        must!("name", Word(&["computer"])),
        must!("display_height_px", Int(1, MAX)),
        must!("display_width_px", Int(1, MAX)),
        null!("display_number", Int(0, MAX)),
        may!("enable_zoom", Bool),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};
static OLD_EDITOR: Record = Record {
    fields: &[
        must!("name", Word(&["str_replace_editor"])),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};
static EDITOR: Record = Record {
    fields: &[
        must!("name", Word(&["str_replace_based_edit_tool"])),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};
static EDITOR_LIMITED: Record = Record {
    fields: &[
        must!("name", Word(&["str_replace_based_edit_tool"])),
        null!("max_characters", Int(1, MAX)),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
        EXAMPLES,
    ],
};

const ALLOWED: Field = null!("allowed_domains", List(&Text));
const BLOCKED: Field = null!("blocked_domains", List(&Text));
const USES: Field = null!("max_uses", Int(1, MAX));
const INCLUSION: Field = may!("response_inclusion", Word(&["full", "excluded"]));
const LOCATION: Field = null!(
    "user_location",
    Rec(&Record {
        fields: &[
            must!("type", Word(&["approximate"])),
            null!("city", Text),
            null!("country", Text),
            null!("region", Text),
            null!("timezone", Text),
        ],
    })
);
static WEB_SEARCH: Record = Record {
    fields: &[
        must!("name", Word(&["web_search"])),
        ALLOWED,
        BLOCKED,
        USES,
        LOCATION,
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static WEB_SEARCH_INCLUSION: Record = Record {
    fields: &[
        must!("name", Word(&["web_search"])),
        ALLOWED,
        BLOCKED,
        USES,
        LOCATION,
        INCLUSION,
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};

const FETCH_CITATIONS: Field = null!(
    "citations",
    Rec(&Record {
        fields: &[null!("enabled", Bool)],
    })
);
const CONTENT_MAX: Field = null!("max_content_tokens", Int(1, MAX));
const SOURCES: Field = null!(
    "url_sources",
    Rec(&Record {
        fields: &[
            may!("client_tool_results", Object),
            may!("server_tool_results", Object),
            may!("user_input", Object),
        ],
    })
);
static WEB_FETCH: Record = Record {
    fields: &[
        must!("name", Word(&["web_fetch"])),
        ALLOWED,
        BLOCKED,
        USES,
        FETCH_CITATIONS,
        CONTENT_MAX,
        SOURCES,
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static WEB_FETCH_CACHED: Record = Record {
    fields: &[
        must!("name", Word(&["web_fetch"])),
        may!("use_cache", Bool),
        ALLOWED,
        BLOCKED,
        USES,
        FETCH_CITATIONS,
        CONTENT_MAX,
        SOURCES,
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static WEB_FETCH_INCLUSION: Record = Record {
    fields: &[
        must!("name", Word(&["web_fetch"])),
        may!("use_cache", Bool),
        INCLUSION,
        ALLOWED,
        BLOCKED,
        USES,
        FETCH_CITATIONS,
        CONTENT_MAX,
        SOURCES,
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static ADVISOR: Record = Record {
    fields: &[
        must!("name", Word(&["advisor"])),
        must!("model", Text),
        null!("caching", CACHE),
        null!("max_tokens", Int(1, MAX)),
        USES,
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static SEARCH_BM25: Record = Record {
    fields: &[
        must!("name", Word(&["tool_search_tool_bm25"])),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static SEARCH_REGEX: Record = Record {
    fields: &[
        must!("name", Word(&["tool_search_tool_regex"])),
        CALLERS,
        MARK,
        DEFER,
        STRICT,
    ],
};
static MCP_TOOLSET: Record = Record {
    fields: &[
        must!("mcp_server_name", Text),
        MARK,
        null!("configs", SWITCHES),
        may!(
            "default_config",
            Rec(&Record {
                fields: &[may!("defer_loading", Bool), may!("enabled", Bool)],
            })
        ),
        null!("tools", List(&Object)),
    ],
};
