//! Leaves of recorded answers that the hub leaves out on purpose. Reviewed: each has its reason.

use crate::entry::Dialect;

/// Where an ignored leaf may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    /// In whole answers and streams.
    Both,
    /// In streams only.
    Streams,
}

/// Dialect, path, where, reason. A path that ends in `*` stands for all that begin so.
const IGNORED: &[(Dialect, &str, In, &str)] = &[
    (Dialect::OpenAi, "object", In::Both, "constant of the shape"),
    (
        Dialect::OpenAi,
        "choices[].message.role",
        In::Both,
        "always `assistant`",
    ),
    (
        Dialect::OpenAi,
        "choices[].delta.role",
        In::Streams,
        "always `assistant`",
    ),
    (
        Dialect::OpenAi,
        "choices[].message.tool_calls[].type",
        In::Both,
        "`function`, or the flag `custom`",
    ),
    (
        Dialect::OpenAi,
        "choices[].delta.tool_calls[].type",
        In::Streams,
        "`function`, or the flag `custom`",
    ),
    (
        Dialect::OpenAi,
        "choices[].message.tool_calls[].index",
        In::Both,
        "the order of the calls",
    ),
    (
        Dialect::OpenAi,
        "choices[].delta.tool_calls[].index",
        In::Streams,
        "the order of the calls",
    ),
    (
        Dialect::OpenAi,
        "obfuscation",
        In::Streams,
        "padding against traffic analysis",
    ),
    (
        Dialect::OpenAi,
        "created",
        In::Streams,
        "some servers send the time of each chunk; the first is kept",
    ),
    (
        Dialect::Anthropic,
        "type",
        In::Both,
        "constant of the shape, or the event's name",
    ),
    (Dialect::Anthropic, "role", In::Both, "always `assistant`"),
    (
        Dialect::Anthropic,
        "content[].type",
        In::Both,
        "said by the place in the hub; whole blocks keep theirs",
    ),
];

/// Whether a leaf at that path may be left out.
pub(crate) fn is_ignored(dialect: Dialect, streamed: bool, path: &str) -> bool {
    IGNORED.iter().any(|(of, pattern, place, _)| {
        *of == dialect
            && (*place == In::Both || streamed)
            && match pattern.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => path == *pattern,
            }
    })
}
