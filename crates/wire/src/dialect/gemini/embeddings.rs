//! `batchEmbedContents` (wire-protocols §3.6).

use serde_json::{Map, Value, json};

use super::read::{field, list, text};
use super::{errors, merge, path, vertex_embeddings};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::embedding::{EmbeddingInput, EmbeddingRequest, EmbeddingResponse, vector_of};
use crate::error::{EncodeError, UpstreamError};
use crate::notes::{NO_EQUIVALENT, Notes, unsupported_content};
use crate::reply::malformed;
use crate::usage::{Usage, count};

/// Translates an embeddings request. `provider_options.gemini` (`taskType`, `title`, …) goes into
/// each input's request.
pub(super) fn encode(request: &EmbeddingRequest, target: &Target) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let options = merge::options(&request.provider_options, target);
    let mut texts = Vec::with_capacity(request.input.len());
    for (at, input) in request.input.iter().enumerate() {
        let EmbeddingInput::Text(input) = input else {
            return Err(unsupported_content(
                format!("input[{at}]"),
                "Gemini does not take token ids, which belong to another tokeniser. Send the \
                 text itself.",
            ));
        };
        texts.push(input.as_str());
    }
    let (method, body) = if target.endpoint.is_vertex() {
        vertex_embeddings::encode(&target.model, &texts, request.dimensions, &options)?
    } else {
        let body = batch(&target.model, &texts, request.dimensions, &options);
        ("batchEmbedContents", body)
    };
    if request.user.is_some() {
        notes.drop("user", NO_EQUIVALENT)?;
    }
    for name in &request.unread {
        notes.drop(name, NO_EQUIVALENT)?;
    }
    Ok(Encoded::post(
        path::of_model(&target.endpoint, &target.model, method)?,
        body.to_string(),
        DecodeContext {
            model: target.model.clone(),
            embedding_inputs: texts.iter().map(|text| estimate(text)).collect(),
            ..DecodeContext::default()
        },
    )
    .noted(notes))
}

/// The body of `batchEmbedContents` of the Gemini API.
fn batch(
    model: &str,
    texts: &[&str],
    dimensions: Option<u32>,
    options: &[&Map<String, Value>],
) -> Value {
    let model = path::resource(model);
    let one = |text: &&str| {
        let mut item = Map::new();
        item.insert("model".into(), model.clone().into());
        item.insert("content".into(), json!({"parts": [{"text": text}]}));
        if let Some(dimensions) = dimensions {
            item.insert("outputDimensionality".into(), dimensions.into());
        }
        for options in options {
            merge::into(&mut item, options);
        }
        Value::Object(item)
    };
    let requests: Vec<Value> = texts.iter().map(one).collect();
    json!({ "requests": requests })
}

/// Tokens of an input, by the rule of thumb of four bytes a token.
fn estimate(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX)
}

/// Reads the answer of `batchEmbedContents`, `embedContent` or Vertex AI's `predict`.
pub(super) fn decode(
    body: &[u8],
    context: &DecodeContext,
) -> Result<EmbeddingResponse, UpstreamError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| malformed("the body is no JSON"))?;
    if let Some(error) = errors::error_object(&value) {
        return Err(errors::in_band(error));
    }
    let Some(object) = value.as_object() else {
        return Err(malformed("the body is no JSON object"));
    };
    let single = field(&value, "embedding");
    let predicted = vertex_embeddings::predictions(&value).unwrap_or_default();
    let embeddings = list(&value, "embeddings").iter().chain(single);
    let mut vectors = embeddings
        .chain(predicted)
        .map(vector)
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
    if !gives_unit_length(&context.model) {
        for vector in &mut vectors {
            to_unit_length(vector);
        }
    }
    let metadata = object
        .iter()
        .filter(|(key, _)| {
            !matches!(
                key.as_str(),
                "embedding" | "embeddings" | "predictions" | "usageMetadata" | "usage_metadata"
            )
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Ok(EmbeddingResponse {
        model: text(&value, "modelVersion").to_owned(),
        vectors,
        usage: Some(usage(&value, context)),
        metadata,
    })
}

fn vector(embedding: &Value) -> Option<Vec<f32>> {
    vector_of(field(embedding, "values")?)
}

/// `gemini-embedding-001` normalises only its full 3,072 dimensions; later models always do.
fn gives_unit_length(model: &str) -> bool {
    !model.contains("gemini-embedding-001")
}

fn to_unit_length(vector: &mut [f32]) {
    let square: f64 = vector.iter().map(|value| f64::from(*value).powi(2)).sum();
    let length = square.sqrt();
    // The full vector is of unit length save rounding: its values stay as the provider said.
    if length > 0.0 && (length - 1.0).abs() > 1e-3 {
        for value in vector {
            #[expect(clippy::cast_possible_truncation, reason = "embeddings are float32")]
            let scaled = (f64::from(*value) / length) as f32;
            *value = scaled;
        }
    }
}

/// Some models count no tokens: then the sum of our estimates stands in, without a native object.
fn usage(answer: &Value, context: &DecodeContext) -> Usage {
    let estimate = context.embedding_inputs.iter().sum();
    let mut clamped = false;
    let Some(native) = field(answer, "usageMetadata") else {
        let counted = vertex_embeddings::tokens(answer, &mut clamped);
        return Usage {
            input: counted.unwrap_or(estimate),
            clamped,
            ..Usage::default()
        };
    };
    let input = field(native, "promptTokenCount").or_else(|| field(native, "totalTokenCount"));
    Usage {
        input: input.map_or(estimate, |input| count(Some(input), &mut clamped)),
        clamped,
        native: native.as_object().cloned().unwrap_or_default(),
        ..Usage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(model: &str) -> Target {
        Target {
            model: model.into(),
            ..Target::default()
        }
    }

    #[test]
    fn each_input_is_one_request_with_its_options() {
        let request = EmbeddingRequest {
            input: vec![
                EmbeddingInput::Text("one".into()),
                EmbeddingInput::Text("two".into()),
            ],
            dimensions: Some(256),
            user: Some("u".into()),
            provider_options: json!({"gemini": {"taskType": "RETRIEVAL_QUERY"}})
                .as_object()
                .cloned()
                .unwrap(),
            ..EmbeddingRequest::default()
        };
        let encoded = encode(&request, &target("models/gemini-embedding-001")).unwrap();
        assert_eq!(
            encoded.path,
            "/v1beta/models/gemini-embedding-001:batchEmbedContents"
        );
        let body: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(
            body["requests"][1],
            json!({"model": "models/gemini-embedding-001", "content": {"parts": [{"text": "two"}]},
                   "outputDimensionality": 256, "taskType": "RETRIEVAL_QUERY"})
        );
        assert_eq!(encoded.dropped, ["user"]);
        assert_eq!(encoded.context.embedding_inputs.len(), 2);
    }

    #[test]
    fn token_ids_are_refused() {
        let request = EmbeddingRequest {
            input: vec![EmbeddingInput::Tokens(vec![1, 2])],
            ..EmbeddingRequest::default()
        };
        let error = encode(&request, &target("gemini-embedding-001")).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("input[0]"));
    }

    #[test]
    fn truncated_vectors_become_unit_length_and_missing_usage_is_estimated() {
        let context = DecodeContext {
            model: "gemini-embedding-001".into(),
            embedding_inputs: vec![3],
            ..DecodeContext::default()
        };
        let answer = decode(br#"{"embeddings":[{"values":[0.3,0.4]}]}"#, &context).unwrap();
        assert_eq!(answer.vectors, [[0.6, 0.8]]);
        assert_eq!(answer.usage.unwrap().input, 3);
        let other = DecodeContext {
            model: "gemini-embedding-2".into(),
            ..context.clone()
        };
        let body = br#"{"embedding":{"values":[0.3,0.4]},"usageMetadata":{"promptTokenCount":5}}"#;
        let answer = decode(body, &other).unwrap();
        assert_eq!(answer.vectors, [[0.3, 0.4]]);
        assert_eq!(answer.usage.unwrap().input, 5);
        assert!(decode(br#"{"embeddings":[]}"#, &context).is_err());
        assert!(decode(br#"{"embeddings":[{"values":["x"]}]}"#, &context).is_err());
        assert!(decode(br#"{"error":{"code":500,"message":"x"}}"#, &context).is_err());
    }
}
