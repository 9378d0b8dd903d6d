//! `POST /rerank` as servers of OpenAI's family have it (Jina, Together, vLLM and others): texts in,
//! `results` (or `data`) with `index` and `relevance_score` out.

use serde_json::{Map, Value};

use super::edit::own_options;
use super::policy::check_lost;
use super::response::{malformed, malformed_body, present, take_list, take_text};
use super::{errors, usage};
use crate::adapter::{DecodeContext, Encoded, Target, not_offered};
use crate::error::{EncodeError, UpstreamError};
use crate::options;
use crate::rerank::{RerankRequest, RerankResponse, read_results};
use crate::usage::count;

/// Translates a rerank request. Documents go out as texts, and what the caller wants back of them
/// is put there by us: servers differ in both.
pub(super) fn encode(request: &RerankRequest, target: &Target) -> Result<Encoded, EncodeError> {
    if !target.endpoint.has_rerank() {
        return Err(not_offered(target, "reranking"));
    }
    let mut lost = request.unread.clone();
    if request.max_tokens_per_doc.is_some() {
        lost.push("max_tokens_per_doc".to_owned());
    }
    let (own, set) = own_options(Some(&request.provider_options), target);
    lost.extend(set);
    lost.sort_unstable();
    check_lost(&lost, target)?;
    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.as_str().into());
    body.insert("query".to_owned(), request.query.as_str().into());
    body.insert("documents".to_owned(), request.texts().into());
    if let Some(top_n) = request.top_n {
        body.insert("top_n".to_owned(), top_n.into());
    }
    options::merge(&mut body, &own);
    Ok(Encoded {
        dropped: lost,
        ..Encoded::post(
            "/rerank".to_owned(),
            Value::Object(body).to_string(),
            DecodeContext {
                model: target.model.clone(),
                rerank_documents: request.documents.len(),
                ..DecodeContext::default()
            },
        )
    })
}

/// Reads a rerank answer.
pub(super) fn decode(
    body: &[u8],
    context: &DecodeContext,
) -> Result<RerankResponse, UpstreamError> {
    let trimmed = body.trim_ascii_start();
    let value: Value = serde_json::from_slice(trimmed).map_err(|_| malformed_body(trimmed))?;
    let is_answer = value.get("results").is_some() || value.get("data").is_some();
    if !is_answer && let Some(error) = errors::in_band(&value) {
        return Err(error);
    }
    let Value::Object(mut top) = value else {
        return Err(malformed("the provider's answer is no JSON object"));
    };
    let key = ["results", "data"]
        .into_iter()
        .find(|key| top.get(*key).is_some_and(Value::is_array))
        .ok_or_else(|| malformed("the provider's rerank answer has no `results`"))?;
    let list = take_list(&mut top, key);
    let results = read_results(&list, context.rerank_documents)
        .ok_or_else(|| malformed("a result names no document of the request"))?;
    let counts = top.remove("usage");
    let mut counted = counts.as_ref().and_then(usage::read);
    if let (Some(counted), Some(counts)) = (&mut counted, &counts) {
        // Most count all tokens in one, which a reranker has read: it writes none.
        let total = count(counts.get("total_tokens"), &mut counted.clamped);
        counted.input = counted.input.max(total);
        counted.output = 0;
    }
    top.remove("object");
    Ok(RerankResponse {
        id: take_text(&mut top, "id").unwrap_or_default(),
        model: take_text(&mut top, "model").unwrap_or_default(),
        results,
        usage: counted,
        metadata: present(top),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::{EncodeErrorCode, ErrorKind};

    fn request() -> RerankRequest {
        RerankRequest {
            query: "q".into(),
            documents: ["a", "b"]
                .map(|text| crate::rerank::RerankDocument {
                    text: text.into(),
                    object: None,
                })
                .into(),
            top_n: Some(1),
            return_documents: true,
            max_tokens_per_doc: Some(9),
            ..RerankRequest::default()
        }
    }

    #[test]
    fn options_never_say_another_model() {
        let options = json!({"openai": {"model": "dear", "x": 1}});
        let request = RerankRequest {
            provider_options: options.as_object().unwrap().clone(),
            max_tokens_per_doc: None,
            ..request()
        };
        let mut target = Target {
            model: "up".into(),
            ..Target::default()
        };
        let encoded = encode(&request, &target).unwrap();
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!((&body["model"], &body["x"]), (&json!("up"), &json!(1)));
        assert_eq!(encoded.dropped, ["provider_options.openai.model"]);
        target.policy.strict_params = true;
        assert!(encode(&request, &target).is_err());
    }

    #[test]
    fn texts_go_out_and_documents_are_not_asked_back() {
        let target = Target {
            model: "jina-reranker-v3".into(),
            ..Target::default()
        };
        let encoded = encode(&request(), &target).unwrap();
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(
            body,
            json!({"model": "jina-reranker-v3", "query": "q", "documents": ["a", "b"], "top_n": 1})
        );
        assert_eq!(encoded.path, "/rerank");
        assert_eq!(encoded.dropped, ["max_tokens_per_doc"]);
        assert_eq!(encoded.context.rerank_documents, 2);
        let mut first_party = target;
        first_party.endpoint.first_party = true;
        let refused = encode(&request(), &first_party).unwrap_err();
        assert_eq!(refused.code, EncodeErrorCode::NotOffered);
    }

    #[test]
    fn answers_of_jina_together_and_vllm_are_read_alike() {
        let context = DecodeContext {
            rerank_documents: 2,
            ..DecodeContext::default()
        };
        for (answer, tokens) in [
            (
                json!({"model": "jina-reranker-v3", "usage": {"total_tokens": 9}, "object": "list",
                    "results": [{"index": 1, "relevance_score": 0.5, "document": {"text": "b"}}]}),
                9,
            ),
            (
                json!({"object": "rerank", "id": "x", "model": "m", "choices": [],
                    "results": [{"index": 1, "relevance_score": 0.5, "document": {}}],
                    "usage": {"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4}}),
                4,
            ),
            (
                json!({"id": "rerank-1", "model": "m", "usage": {"total_tokens": 7},
                    "data": [{"index": 1, "score": 0.5}]}),
                7,
            ),
        ] {
            let read = decode(answer.to_string().as_bytes(), &context).unwrap();
            assert_eq!(read.results.len(), 1);
            assert_eq!(
                (read.results[0].index, read.results[0].relevance_score),
                (1, 0.5)
            );
            assert!(read.results[0].metadata.is_empty());
            let usage = read.usage.unwrap();
            assert_eq!((usage.input, usage.output), (tokens, 0), "{answer}");
        }
    }

    #[test]
    fn results_that_name_no_document_are_no_answer() {
        let context = DecodeContext {
            rerank_documents: 2,
            ..DecodeContext::default()
        };
        for answer in [
            json!({"results": [{"index": 2, "relevance_score": 0.5}]}),
            json!({"results": [{"index": 0, "relevance_score": 1}, {"index": 0, "relevance_score": 1}]}),
            json!({"results": [{"index": 0}]}),
            json!({"id": "x"}),
            json!([1]),
        ] {
            let error = decode(answer.to_string().as_bytes(), &context).unwrap_err();
            assert_eq!(error.kind, ErrorKind::MalformedReply, "{answer}");
        }
    }
}
