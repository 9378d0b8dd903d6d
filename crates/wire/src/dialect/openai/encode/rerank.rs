//! Writes rerank answers: `results` as Cohere and Jina have them, `usage` where tokens are known,
//! `meta.billed_units` where the provider bills searches.

use serde_json::{Map, Value, json};

use crate::rerank::{RerankRequest, RerankResponse, RerankResult};
use crate::usage::Usage;

/// Body of a rerank answer. `id` and `model` stand in for what the provider did not say. Documents
/// are those of the request, as the caller sent them.
#[must_use]
pub fn rerank(answer: &RerankResponse, request: &RerankRequest, id: &str, model: &str) -> Vec<u8> {
    let pick = |said: &str, ours: &str| if said.is_empty() { ours } else { said }.to_owned();
    let mut body = Map::new();
    body.insert("id".to_owned(), pick(&answer.id, id).into());
    body.insert("object".to_owned(), "list".into());
    body.insert("model".to_owned(), pick(&answer.model, model).into());
    // Some servers do not know `top_n`.
    let most = request
        .top_n
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(usize::MAX);
    let results: Vec<Value> = answer
        .results
        .iter()
        .take(most)
        .map(|one| result(one, request))
        .collect();
    body.insert("results".to_owned(), results.into());
    if let Some(usage) = &answer.usage {
        if usage.total() > 0 {
            let counts = json!({"prompt_tokens": usage.input, "total_tokens": usage.total()});
            body.insert("usage".to_owned(), counts);
        }
        if usage.searches > 0 {
            let units = json!({"billed_units": {"search_units": usage.searches}});
            body.insert("meta".to_owned(), units);
        }
    }
    let mut metadata = answer.metadata.clone();
    if let Some(Usage { native, .. }) = answer.usage.as_ref().filter(|u| !u.native.is_empty()) {
        metadata.insert("usage".to_owned(), native.clone().into());
    }
    if !metadata.is_empty() {
        body.insert("provider_metadata".to_owned(), metadata.into());
    }
    Value::Object(body).to_string().into_bytes()
}

fn result(one: &RerankResult, request: &RerankRequest) -> Value {
    let mut out = one.metadata.clone();
    out.insert("index".to_owned(), one.index.into());
    out.insert("relevance_score".to_owned(), json!(one.relevance_score));
    if request.return_documents
        && let Some(document) = request.documents.get(one.index)
    {
        let document = match &document.object {
            Some(object) => Value::Object(object.clone()),
            None => json!({ "text": document.text }),
        };
        out.insert("document".to_owned(), document);
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rerank::RerankDocument;

    #[test]
    fn documents_come_back_as_they_were_sent_and_top_n_holds() {
        let request = RerankRequest {
            documents: vec![
                RerankDocument {
                    text: "a".into(),
                    object: None,
                },
                RerankDocument {
                    text: "b".into(),
                    object: json!({"text": "b", "id": 7}).as_object().cloned(),
                },
            ],
            top_n: Some(1),
            return_documents: true,
            ..RerankRequest::default()
        };
        let result = |index, relevance_score| RerankResult {
            index,
            relevance_score,
            metadata: Map::new(),
        };
        let answer = RerankResponse {
            results: vec![result(1, 0.75), result(0, 0.5)],
            usage: Some(Usage {
                searches: 1,
                ..Usage::default()
            }),
            ..RerankResponse::default()
        };
        let body: Value =
            serde_json::from_slice(&rerank(&answer, &request, "rerank-1", "m")).unwrap();
        assert_eq!(
            body,
            json!({"id": "rerank-1", "object": "list", "model": "m", "results": [
                {"index": 1, "relevance_score": 0.75, "document": {"text": "b", "id": 7}}],
                "meta": {"billed_units": {"search_units": 1}}})
        );
    }
}
