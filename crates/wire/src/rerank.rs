//! The hub's rerank request and response: which documents fit a query best.

use serde_json::{Map, Value};

use crate::usage::Usage;

/// A rerank request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RerankRequest {
    /// The model as the caller named it.
    pub model: String,
    /// What is looked for.
    pub query: String,
    /// What is ranked, at least one.
    pub documents: Vec<RerankDocument>,
    /// How many results are wanted; `None` for all.
    pub top_n: Option<u32>,
    /// The caller wants the documents back beside their scores.
    pub return_documents: bool,
    /// Tokens of each document that are looked at, where the caller says.
    pub max_tokens_per_doc: Option<u32>,
    /// `provider_options.<dialect or provider>`: merged into that provider's body.
    pub provider_options: Map<String, Value>,
    /// Names of fields that the hub does not know.
    pub unread: Vec<String>,
}

/// One document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RerankDocument {
    /// What is ranked of it: its text, or its fields as `name: value` lines, which is how the
    /// providers want structured data.
    pub text: String,
    /// The object that the caller sent; `None` for a bare text.
    pub object: Option<Map<String, Value>>,
}

/// A rerank answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RerankResponse {
    /// The provider's id of the answer; empty if it gave none.
    pub id: String,
    /// The model that answered, as the provider named it; empty if it did not.
    pub model: String,
    /// The documents that fit best, the best first.
    pub results: Vec<RerankResult>,
    /// Token counts, or search units as [`Usage::searches`]; `None` if the provider gave none.
    pub usage: Option<Usage>,
    /// What else the provider said, by its own names.
    pub metadata: Map<String, Value>,
}

/// One document's rank.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RerankResult {
    /// Its place among the documents of the request.
    pub index: usize,
    /// How well it fits. Comparable within one model only.
    pub relevance_score: f64,
    /// What else the provider said of it, the document itself left out.
    pub metadata: Map<String, Value>,
}

impl RerankRequest {
    /// The documents as texts, in order.
    #[must_use]
    pub fn texts(&self) -> Vec<Value> {
        self.documents
            .iter()
            .map(|document| Value::from(document.text.as_str()))
            .collect()
    }
}

/// Reads a list of results (`{index, relevance_score, document?}`), as every provider of the
/// Cohere and Jina shape sends them. `None` if one names no document of the request or has no
/// score; `documents` is how many there were, 0 if that is not known.
pub(crate) fn read_results(list: &[Value], documents: usize) -> Option<Vec<RerankResult>> {
    let mut seen = std::collections::BTreeSet::new();
    list.iter()
        .map(|entry| {
            let index = usize::try_from(entry.get("index")?.as_u64()?).ok()?;
            let is_known = documents == 0 || index < documents;
            if !is_known || !seen.insert(index) {
                return None;
            }
            let score = entry
                .get("relevance_score")
                .or_else(|| entry.get("score"))?;
            let metadata = entry
                .as_object()?
                .iter()
                .filter(|(key, value)| {
                    let known = ["index", "relevance_score", "score", "document", "object"];
                    !value.is_null() && !known.contains(&key.as_str())
                })
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            Some(RerankResult {
                index,
                relevance_score: score.as_f64()?,
                metadata,
            })
        })
        .collect()
}
