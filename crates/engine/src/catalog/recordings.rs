//! Every model that the recordings name is known. Skipped, and said so, where they are not beside
//! the project.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::*;

/// Names in the recordings that are no models of the catalog's providers: made-up ones of error
/// tests, Azure deployments, and other vendors' models that Azure hosts.
const NO_MODELS: [&str; 16] = [
    "babbage-002-wrong",
    "gpt-5.2-proo",
    "invalid-model",
    "non-existent-embedding-model",
    "nonexistent",
    "this-model-does-not-exist",
    "nonexistent-model",
    "claude-sonet-4-5",
    "openllmetry-testing",
    "chat",
    "embedding",
    "Cohere-embed-v3-english",
    "embed-english-v3.0",
    "grok-4-1-fast-non-reasoning",
    "deepseek-v4-pro",
    "models",
];

#[test]
fn every_model_of_the_recordings_is_known() {
    let corpus = std::env::var_os("POLYROUTE_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let mut asked = BTreeSet::new();
    for (folder, provider) in [
        ("openai", "openai"),
        ("azure", "openai"),
        ("anthropic", "anthropic"),
        ("gemini", "gemini"),
        ("vertex", "gemini"),
        ("gemini-openai", "gemini"),
    ] {
        let Ok(files) = std::fs::read_dir(corpus.join(folder)) else {
            eprintln!("SKIPPED: no recordings at {}", corpus.display());
            return;
        };
        for file in files {
            let entry: Value =
                serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
            let path = entry["request"]["path"].as_str().unwrap_or_default();
            let in_path = path
                .split("/models/")
                .nth(1)
                .and_then(|rest| rest.split([':', '/', '?']).next());
            let names = [
                &entry["model"],
                &entry["request"]["body"]["model"],
                &entry["response"]["body"]["model"],
            ]
            .into_iter()
            .filter_map(Value::as_str)
            .chain(in_path);
            asked.extend(names.map(|name| (provider, name.to_owned())));
        }
    }
    let catalog = Catalog::embedded();
    let unknown: Vec<_> = asked
        .iter()
        .filter(|(_, name)| !NO_MODELS.contains(&name.as_str()))
        .filter(|(provider, name)| catalog.lookup(provider, name).unwrap().matched < Match::Dated)
        .collect();
    assert!(asked.len() > 60, "only {} names", asked.len());
    assert_eq!(unknown, Vec::<&(&str, String)>::new());
}
