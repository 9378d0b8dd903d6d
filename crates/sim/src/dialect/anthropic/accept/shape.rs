//! The keys, types and ranges of Messages requests, after the beta parameter types of the official
//! Python SDK 2.12. Content blocks are in [`super::blocks`], tools in [`super::toolset`].

use super::blocks::{BLOCK, SYSTEM_BLOCK, TEXT};
use super::toolset::TOOL;
use crate::strict::{Record, Shape, Tagged, may, must, null};

use Shape::{Any, Bool, Int, List, MapOf, Num, Object, Rec, Text, Union, Word};

pub(super) const MAX: i64 = i64::MAX;
pub(super) const CACHE: Shape = Shape::Tagged(&CACHE_CONTROL);

/// `POST /v1/messages`.
pub(super) static MESSAGES: Record = Record {
    fields: &[
        must!("model", Text),
        must!("messages", List(&Shape::Tagged(&MESSAGE))),
        must!("max_tokens", Int(0, MAX)),
        null!("billing_policy", Any),
        null!("cache_control", CACHE),
        null!("compaction", Any),
        null!("container", Union(&[Text, Rec(&CONTAINER)])),
        null!("context_management", Rec(&CONTEXT_MANAGEMENT)),
        null!("diagnostics", Any),
        null!("fallback_credit_token", Any),
        null!("fallbacks", Any),
        null!("inference_geo", Text),
        null!("mcp_servers", List(&Rec(&MCP_SERVER))),
        may!("metadata", Rec(&METADATA)),
        null!("output_config", Rec(&OUTPUT_CONFIG)),
        null!("output_format", Shape::Tagged(&FORMAT)),
        may!("service_tier", Word(&["auto", "standard_only"])),
        null!("speed", Word(&["standard", "fast"])),
        may!("stop_sequences", List(&Text)),
        may!("stream", Bool),
        may!("system", Union(&[Text, List(&Shape::Tagged(&TEXT_ONLY))])),
        may!("temperature", Num(0.0, 1.0)),
        may!("thinking", Shape::Tagged(&THINKING)),
        null!("thread", Any),
        may!("tool_choice", Shape::Tagged(&TOOL_CHOICE)),
        may!("tools", List(&Shape::Tagged(&TOOL))),
        may!("top_k", Int(0, MAX)),
        may!("top_p", Num(0.0, 1.0)),
        null!("user_profile_id", Text),
    ],
};

/// `POST /v1/messages/count_tokens`.
pub(super) static COUNT: Record = Record {
    fields: &[
        must!("model", Text),
        must!("messages", List(&Shape::Tagged(&MESSAGE))),
        null!("billing_policy", Any),
        null!("cache_control", CACHE),
        null!("compaction", Any),
        null!("context_management", Rec(&CONTEXT_MANAGEMENT)),
        null!("mcp_servers", List(&Rec(&MCP_SERVER))),
        null!("output_config", Rec(&OUTPUT_CONFIG)),
        null!("output_format", Shape::Tagged(&FORMAT)),
        null!("speed", Word(&["standard", "fast"])),
        may!("system", Union(&[Text, List(&Shape::Tagged(&TEXT_ONLY))])),
        may!("thinking", Shape::Tagged(&THINKING)),
        may!("tool_choice", Shape::Tagged(&TOOL_CHOICE)),
        may!("tools", List(&Shape::Tagged(&TOOL))),
    ],
};

static MESSAGE: Tagged = Tagged {
    tag: "role",
    absent: None,
    variants: &[
        ("user", &TURN),
        ("assistant", &TURN),
        ("system", &SYSTEM_TURN),
    ],
};
static TURN: Record = Record {
    fields: &[must!(
        "content",
        Union(&[Text, List(&Shape::Tagged(&BLOCK))])
    )],
};
static SYSTEM_TURN: Record = Record {
    fields: &[
        may!(
            "content",
            Union(&[Text, List(&Shape::Tagged(&SYSTEM_BLOCK))])
        ),
        null!("clear_at", Word(&["next_user_message", "never"])),
        null!(
            "output_config",
            Rec(&Record {
                fields: &[null!("effort", Word(&EFFORTS))]
            })
        ),
    ],
};
static TEXT_ONLY: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[("text", &TEXT)],
};

pub(super) static CACHE_CONTROL: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[(
        "ephemeral",
        &Record {
            fields: &[null!("ttl", Word(&["5m", "1h"]))],
        },
    )],
};

/// Effort levels, weakest first.
pub(super) static EFFORTS: [&str; 5] = ["low", "medium", "high", "xhigh", "max"];

static OUTPUT_CONFIG: Record = Record {
    fields: &[
        null!("effort", Word(&EFFORTS)),
        null!("format", Shape::Tagged(&FORMAT)),
        null!(
            "task_budget",
            Rec(&Record {
                fields: &[
                    must!("type", Word(&["tokens"])),
                    must!("total", Int(1, MAX)),
                    null!("remaining", Int(0, MAX)),
                ],
            })
        ),
    ],
};
static FORMAT: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[(
        "json_schema",
        &Record {
            fields: &[must!("schema", Object)],
        },
    )],
};

static THINKING: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "enabled",
            &Record {
                fields: &[
                    must!("budget_tokens", Int(1024, MAX)),
                    null!("block_binding", BINDING),
                    null!("display", DISPLAY),
                ],
            },
        ),
        ("disabled", &Record { fields: &[] }),
        ("between_tools", &Record { fields: &[] }),
        (
            "adaptive",
            &Record {
                fields: &[null!("block_binding", BINDING), null!("display", DISPLAY)],
            },
        ),
    ],
};
const BINDING: Shape = Rec(&Record {
    fields: &[null!("prefix_mismatch_behavior", Text)],
});
const DISPLAY: Shape = Word(&["summarized", "omitted", "updates"]);

static TOOL_CHOICE: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        ("auto", &PARALLEL),
        ("any", &PARALLEL),
        (
            "tool",
            &Record {
                fields: &[must!("name", Text), may!("disable_parallel_tool_use", Bool)],
            },
        ),
        ("none", &Record { fields: &[] }),
    ],
};
static PARALLEL: Record = Record {
    fields: &[may!("disable_parallel_tool_use", Bool)],
};

static METADATA: Record = Record {
    fields: &[null!("user_id", Text)],
};
static CONTAINER: Record = Record {
    fields: &[
        null!("id", Text),
        null!(
            "skills",
            List(&Rec(&Record {
                fields: &[
                    must!("skill_id", Text),
                    must!("type", Word(&["anthropic", "custom"])),
                    may!("version", Text),
                ],
            }))
        ),
    ],
};
static MCP_SERVER: Record = Record {
    fields: &[
        must!("name", Text),
        must!("type", Word(&["url"])),
        must!("url", Text),
        null!("authorization_token", Text),
        null!(
            "tool_configuration",
            Rec(&Record {
                fields: &[null!("allowed_tools", List(&Text)), null!("enabled", Bool)],
            })
        ),
    ],
};

static CONTEXT_MANAGEMENT: Record = Record {
    fields: &[may!("edits", List(&Shape::Tagged(&EDIT)))],
};
static EDIT: Tagged = Tagged {
    tag: "type",
    absent: None,
    variants: &[
        (
            "clear_tool_uses_20250919",
            &Record {
                fields: &[
                    null!("clear_at_least", Rec(&AMOUNT)),
                    null!("clear_tool_inputs", Union(&[Bool, List(&Text)])),
                    null!("exclude_tools", List(&Text)),
                    may!("keep", Rec(&AMOUNT)),
                    may!("trigger", Rec(&AMOUNT)),
                ],
            },
        ),
        (
            "clear_thinking_20251015",
            &Record {
                fields: &[may!("keep", Union(&[Word(&["all"]), Object]))],
            },
        ),
        (
            "compact_20260112",
            &Record {
                fields: &[
                    null!("instructions", Text),
                    may!("pause_after_compaction", Bool),
                    null!("trigger", Rec(&AMOUNT)),
                ],
            },
        ),
    ],
};
static AMOUNT: Record = Record {
    fields: &[
        must!("type", Word(&["input_tokens", "tool_uses"])),
        must!("value", Int(0, MAX)),
    ],
};

/// Members by name, each with the same shape (MCP tool configurations, browser actions).
pub(super) const SWITCHES: Shape = MapOf(&SWITCH);
const SWITCH: Shape = Rec(&Record {
    fields: &[null!("defer_loading", Bool), null!("enabled", Bool)],
});
