//! Recorded exchanges that a check does not hold for, each with its reason. At most one entry in a
//! hundred may stand here.

/// Entry, check, reason.
pub(crate) const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "openai/embeddings-013",
        "decode",
        "no embeddings: the answer of the usage report, recorded under a test of embeddings",
    ),
    (
        "openai/responses-text-007",
        "decode",
        "no response: the answer to its deletion",
    ),
    (
        "openai/responses-stream-thinking-008",
        "leaves",
        "a proxy of the recorder's gave the response another id in each event",
    ),
    (
        "azure/responses-stream-thinking-002",
        "decode",
        "no response: a stream of chat completions, saved under the wrong name",
    ),
    (
        "azure/responses-stream-tool-parallel-001",
        "leaves",
        "four responses in one file: the first is read",
    ),
    (
        "openai/completions-text-021",
        "decode",
        "no completion: the answer of the usage report, recorded under a test of completions",
    ),
    (
        "writer/completions-stream-text-001",
        "decode",
        "a stream of Writer's own: bare values without choices",
    ),
];
