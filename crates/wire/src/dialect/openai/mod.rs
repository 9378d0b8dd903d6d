//! OpenAI chat completions and embeddings: the hub's own wire format, spoken to callers and to
//! OpenAI-compatible providers.
