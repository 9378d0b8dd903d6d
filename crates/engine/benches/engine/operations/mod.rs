//! What is measured, for time here and for allocations in `tests/allocations`. Every input is made
//! here; models and prices are the catalog's.

#![expect(
    clippy::expect_used,
    reason = "an input that can't be made has no measurement"
)]

mod answers;
mod estimates;
mod plans;

use polyroute_engine::catalog::Catalog;
use polyroute_engine::snapshot::{Defaults, Dialect, Provider, Route, Snapshot, Target};
use polyroute_measure::Operation;

/// All of them.
pub(crate) fn all() -> Vec<Operation> {
    let mut all = plans::operations();
    all.extend(answers::operations());
    all.extend(estimates::operations());
    all
}

/// Models that the catalog lists, of four providers.
const MODELS: [(&str, &str); 8] = [
    ("openai", "gpt-4o-mini"),
    ("anthropic", "claude-haiku-4-5"),
    ("gemini", "gemini-2.5-flash"),
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("gemini", "gemini-2.5-pro"),
    ("openai", "gpt-4.1"),
    ("cohere", "command-a-03-2025"),
];

/// Four providers, and the route `eight` over eight targets.
fn snapshot() -> Snapshot {
    let targets = MODELS.map(|(provider, model)| Target::new(provider, model));
    let snapshot = Snapshot {
        providers: vec![
            Provider::new("openai", Dialect::OpenAi, true),
            Provider::new("anthropic", Dialect::Anthropic, true),
            Provider::new("gemini", Dialect::Gemini, true),
            Provider::new("cohere", Dialect::Cohere, true),
        ],
        targets: Vec::new(),
        routes: vec![Route::new("eight", targets.to_vec())],
        catalog: Catalog::embedded(),
        defaults: Defaults::default(),
    };
    snapshot.warm();
    snapshot
}

/// About that many bytes of one sentence after another.
fn repeated(sentence: &str, bytes: usize) -> String {
    let count = bytes.div_ceil(sentence.len());
    sentence.repeat(count)
}
