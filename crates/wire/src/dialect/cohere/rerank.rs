//! `POST /v2/rerank`, or `/v1/rerank`.

use serde_json::{Map, Value};

use super::{ISSUER, errors, usage, v1};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::error::{EncodeError, UpstreamError};
use crate::notes::{NO_EQUIVALENT, Notes};
use crate::options;
use crate::reply::{malformed, read_json};
use crate::rerank::{RerankRequest, RerankResponse, read_results};

/// Members of an answer that have a place of their own.
const KNOWN: [&str; 3] = ["id", "results", "meta"];

/// Translates a rerank request. The API takes texts only and returns none: what the caller wants
/// back of its documents is put there by us.
pub(super) fn encode(request: &RerankRequest, target: &Target) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.as_str().into());
    body.insert("query".to_owned(), request.query.as_str().into());
    body.insert("documents".to_owned(), request.texts().into());
    if let Some(top_n) = request.top_n {
        body.insert("top_n".to_owned(), top_n.into());
    }
    let is_v1 = v1::is_spoken(&target.endpoint);
    match request.max_tokens_per_doc {
        // v1 cuts by chunks (`max_chunks_per_doc`), whose size is the model's.
        Some(_) if is_v1 => notes.drop("max_tokens_per_doc", NO_EQUIVALENT)?,
        Some(most) => {
            body.insert("max_tokens_per_doc".to_owned(), most.into());
        }
        None => {}
    }
    for name in &request.unread {
        notes.drop(name, NO_EQUIVALENT)?;
    }
    let set = ["model", "query", "documents"];
    let own = options::members(&request.provider_options, ISSUER, target, &set, &mut notes)?;
    options::merge(&mut body, &own);
    Ok(Encoded::post(
        if is_v1 { "/v1/rerank" } else { "/v2/rerank" }.to_owned(),
        Value::Object(body).to_string(),
        DecodeContext {
            model: target.model.clone(),
            rerank_documents: request.documents.len(),
            ..DecodeContext::default()
        },
    )
    .noted(notes))
}

/// Reads an answer of `/v2/rerank` or `/v1/rerank`.
pub(super) fn decode(
    body: &[u8],
    context: &DecodeContext,
) -> Result<RerankResponse, UpstreamError> {
    let answer = read_json(body)?;
    let Some(results) = answer.get("results").and_then(Value::as_array) else {
        return Err(if errors::is_error(&answer) {
            errors::in_band(&answer)
        } else {
            malformed("it has no `results`")
        });
    };
    let results = read_results(results, context.rerank_documents)
        .ok_or_else(|| malformed("a result names no document of the request"))?;
    let metadata = answer
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Ok(RerankResponse {
        id: answer
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        model: String::new(),
        results,
        usage: answer.get("meta").and_then(usage::of_meta),
        metadata,
    })
}
