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
        "ollama/embeddings-001",
        "decode",
        "Ollama's native endpoint, which has no translation yet",
    ),
    (
        "perplexity/embeddings-001",
        "decode",
        "vectors of bytes, which are not read yet",
    ),
    (
        "perplexity/embeddings-002",
        "decode",
        "vectors of bytes, which are not read yet",
    ),
];
