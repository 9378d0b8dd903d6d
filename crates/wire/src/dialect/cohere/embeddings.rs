//! `POST /v2/embed`, or `/v1/embed` (wire-protocols §3.6).

use serde_json::{Map, Value, json};

use super::{ISSUER, errors, usage, v1};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::embedding::{
    EmbeddingInput, EmbeddingRequest, EmbeddingResponse, vector_of, vector_of_base64,
};
use crate::error::{EncodeError, UpstreamError};
use crate::notes::{NO_EQUIVALENT, Notes, unsupported, unsupported_content};
use crate::options;
use crate::reply::{malformed, read_json};

/// What texts are embedded for, where the caller does not say: to be found later.
const INPUT_TYPE: &str = "search_document";
/// Embedding types in the order in which one is picked for the caller.
const TYPES: [&str; 6] = ["float", "base64", "int8", "uint8", "binary", "ubinary"];
/// Members of an answer that have a place of their own, or repeat the request.
const KNOWN: [&str; 5] = ["embeddings", "meta", "texts", "images", "response_type"];

/// Translates an embeddings request. `provider_options.cohere` (`input_type`, `truncate`, …) goes
/// into the body.
pub(super) fn encode(request: &EmbeddingRequest, target: &Target) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let mut texts = Vec::with_capacity(request.input.len());
    let mut estimates = Vec::with_capacity(request.input.len());
    for (at, input) in request.input.iter().enumerate() {
        let EmbeddingInput::Text(text) = input else {
            return Err(unsupported_content(
                format!("input[{at}]"),
                "Cohere does not take token ids, which belong to another tokeniser. Send the text \
                 itself.",
            ));
        };
        texts.push(Value::from(text.as_str()));
        estimates.push(u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.as_str().into());
    body.insert("texts".to_owned(), texts.into());
    body.insert("input_type".to_owned(), INPUT_TYPE.into());
    body.insert("embedding_types".to_owned(), json!(["float"]));
    let is_v1 = v1::is_spoken(&target.endpoint);
    match request.dimensions {
        Some(_) if is_v1 => {
            return Err(unsupported(
                "dimensions",
                "Cohere's v1 API gives vectors of the model's own size only. Leave `dimensions` out, \
                 or use a provider that speaks v2.",
            ));
        }
        Some(dimensions) => {
            body.insert("output_dimension".to_owned(), dimensions.into());
        }
        None => {}
    }
    if request.user.is_some() {
        notes.drop("user", NO_EQUIVALENT)?;
    }
    for name in &request.unread {
        notes.drop(name, NO_EQUIVALENT)?;
    }
    let set = ["model", "texts", "inputs", "images"];
    let own = options::members(&request.provider_options, ISSUER, target, &set, &mut notes)?;
    options::merge(&mut body, &own);
    Ok(Encoded::post(
        if is_v1 { "/v1/embed" } else { "/v2/embed" }.to_owned(),
        Value::Object(body).to_string(),
        DecodeContext {
            model: target.model.clone(),
            embedding_inputs: estimates,
            ..DecodeContext::default()
        },
    )
    .noted(notes))
}

/// Reads an answer of `/v2/embed` or `/v1/embed`: `embeddings` by type, or a bare list of vectors.
pub(super) fn decode(
    body: &[u8],
    context: &DecodeContext,
) -> Result<EmbeddingResponse, UpstreamError> {
    let answer = read_json(body)?;
    let (kind, rows) = match answer.get("embeddings") {
        Some(Value::Array(rows)) => ("float", rows),
        Some(Value::Object(by_type)) => TYPES
            .iter()
            .find_map(|kind| Some((*kind, by_type.get(*kind)?.as_array()?)))
            .ok_or_else(|| malformed("it has embeddings of no known type"))?,
        _ if errors::is_error(&answer) => return Err(errors::in_band(&answer)),
        _ => return Err(malformed("it has no `embeddings`")),
    };
    let vectors = rows
        .iter()
        .map(|row| vector(row, kind))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| malformed("an embedding is no list of numbers"))?;
    let asked = context.embedding_inputs.len();
    if vectors.is_empty()
        || vectors.iter().any(Vec::is_empty)
        || (asked > 0 && vectors.len() != asked)
    {
        return Err(malformed(
            "the number of embeddings is not that of the inputs",
        ));
    }
    let metadata = answer
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Ok(EmbeddingResponse {
        model: String::new(),
        vectors,
        usage: answer.get("meta").and_then(usage::of_meta),
        metadata,
    })
}

/// One vector. `base64` is of little-endian float32; the integer types are numbers as they are.
fn vector(row: &Value, kind: &str) -> Option<Vec<f32>> {
    match kind {
        "base64" => vector_of_base64(row.as_str()?),
        _ => vector_of(row),
    }
}
