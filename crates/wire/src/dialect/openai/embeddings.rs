//! Embeddings: hub to OpenAI and back.

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::edit::own_options;
use super::policy::check_lost;
use super::response::{malformed, malformed_body, present, take_list, take_text};
use super::{errors, usage};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::embedding::{
    EmbeddingInput, EmbeddingRequest, EmbeddingResponse, vector_of, vector_of_base64,
};
use crate::error::{EncodeError, EncodeErrorCode, UpstreamError};
use crate::notes::unsupported_content;
use crate::options;
use crate::profile::VectorForm;

/// Translates an embeddings request.
pub(super) fn encode(request: &EmbeddingRequest, target: &Target) -> Result<Encoded, EncodeError> {
    if let (true, Some(path)) = (target.policy.strict_params, request.unread.first()) {
        return Err(EncodeError::new(
            EncodeErrorCode::UnsupportedParameter,
            path.clone(),
            format!("`{path}` is no field of an embeddings request. Leave it out."),
        ));
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.clone().into());
    let rules = &target.endpoint.profile.embeddings;
    refuse_token_ids(request, target)?;
    let mut inputs: Vec<Value> = request
        .input
        .iter()
        .map(|input| match input {
            EmbeddingInput::Text(text) => text.clone().into(),
            EmbeddingInput::Tokens(tokens) => json!(tokens),
        })
        .collect();
    let input = match inputs.pop() {
        Some(only) if inputs.is_empty() => only,
        last => {
            inputs.extend(last);
            Value::Array(inputs)
        }
    };
    body.insert("input".to_owned(), input);
    if target.endpoint.first_party {
        // A quarter of the bytes, and exact.
        body.insert("encoding_format".to_owned(), "base64".into());
    }
    if let Some(dimensions) = request.dimensions {
        let name = rules.dimensions.as_deref().unwrap_or("dimensions");
        body.insert(name.to_owned(), dimensions.into());
    }
    if let Some(user) = &request.user {
        body.insert("user".to_owned(), user.clone().into());
    }
    let (own, mut lost) = own_options(Some(&request.provider_options), target);
    options::merge(&mut body, &own);
    lost.extend(request.unread.clone());
    lost.sort_unstable();
    check_lost(&lost, target)?;
    Ok(Encoded {
        dropped: lost,
        ..Encoded::post(
            target.endpoint.openai_path(&target.model, "/embeddings")?,
            Value::Object(body).to_string(),
            DecodeContext {
                model: target.model.clone(),
                embedding_inputs: request.input.iter().map(EmbeddingInput::tokens).collect(),
                int8_vectors: rules.vectors == VectorForm::Int8,
                ..DecodeContext::default()
            },
        )
    })
}

/// Reads an embeddings answer.
pub(super) fn decode(
    body: &[u8],
    context: &DecodeContext,
) -> Result<EmbeddingResponse, UpstreamError> {
    let trimmed = body.trim_ascii_start();
    let value: Value = serde_json::from_slice(trimmed).map_err(|_| malformed_body(trimmed))?;
    if value.get("data").is_none()
        && let Some(error) = errors::in_band(&value)
    {
        return Err(error);
    }
    let Value::Object(mut top) = value else {
        return Err(malformed("the provider's answer is no JSON object"));
    };
    let mut rows = Vec::new();
    for (at, row) in listed(&mut top).into_iter().enumerate() {
        let index = row.get("index").and_then(Value::as_u64);
        let index = index.unwrap_or(u64::try_from(at).unwrap_or(u64::MAX));
        let numbers = if context.int8_vectors {
            int8_vector(row.get("embedding"))
        } else {
            vector(row.get("embedding"))
        };
        rows.push((index, numbers?));
    }
    rows.sort_by_key(|(index, _)| *index);
    let due = context.embedding_inputs.len();
    if rows.iter().any(|(_, vector)| vector.is_empty()) {
        return Err(malformed("the provider sent a vector without numbers"));
    }
    if rows.is_empty() || (due > 0 && rows.len() != due) {
        return Err(malformed(&format!(
            "the provider sent {} vectors for {due} inputs",
            rows.len()
        )));
    }
    let model = take_text(&mut top, "model").unwrap_or_default();
    let usage = top.remove("usage").as_ref().and_then(usage::read);
    top.remove("object");
    Ok(EmbeddingResponse {
        model,
        vectors: rows.into_iter().map(|(_, vector)| vector).collect(),
        usage,
        metadata: present(top),
    })
}

/// The rows of the answer; Ollama's own endpoints give bare vectors.
fn listed(top: &mut Map<String, Value>) -> Vec<Value> {
    if top.contains_key("data") {
        return take_list(top, "data");
    }
    let one = top.remove("embedding").into_iter();
    one.chain(take_list(top, "embeddings"))
        .map(|vector| json!({ "embedding": vector }))
        .collect()
}

/// Token ids, where the provider takes none.
fn refuse_token_ids(request: &EmbeddingRequest, target: &Target) -> Result<(), EncodeError> {
    if target.endpoint.profile.embeddings.token_ids {
        return Ok(());
    }
    let tokens = |input: &EmbeddingInput| matches!(input, EmbeddingInput::Tokens(_));
    match request.input.iter().position(tokens) {
        None => Ok(()),
        Some(at) => Err(unsupported_content(
            format!("input[{at}]"),
            format!(
                "`{}` takes no token ids, which belong to another tokeniser. Send the text itself.",
                target.endpoint.provider
            ),
        )),
    }
}

/// Base64 of one signed byte a dimension. The provider's scale is not said, so that vectors are of
/// unit length here, as those of most providers are.
fn int8_vector(value: Option<&Value>) -> Result<Vec<f32>, UpstreamError> {
    let bytes = value
        .and_then(Value::as_str)
        .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    let numbers: Vec<f32> = bytes
        .into_iter()
        .flatten()
        .map(|byte| f32::from(byte.cast_signed()))
        .collect();
    let length = numbers
        .iter()
        .map(|number| number * number)
        .sum::<f32>()
        .sqrt();
    if length > 0.0 {
        return Ok(numbers.into_iter().map(|number| number / length).collect());
    }
    Err(malformed("the provider sent a vector that can't be read"))
}

/// A list of numbers, or base64 of little-endian float32.
fn vector(value: Option<&Value>) -> Result<Vec<f32>, UpstreamError> {
    match value {
        Some(numbers @ Value::Array(_)) => vector_of(numbers),
        Some(Value::String(text)) => vector_of_base64(text),
        _ => None,
    }
    .ok_or_else(|| malformed("the provider sent a vector that can't be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn vectors_are_put_in_order_whatever_their_encoding() {
        let context = DecodeContext {
            embedding_inputs: vec![1, 1],
            ..DecodeContext::default()
        };
        let body = json!({"object": "list", "model": "e", "data": [
            {"index": 1, "embedding": "AACAPwAAAL8="},
            {"index": 0, "embedding": [0.25, 2]}],
            "usage": {"prompt_tokens": 4, "total_tokens": 4}, "id": "x"});
        let answer = decode(body.to_string().as_bytes(), &context).unwrap();
        assert_eq!(answer.vectors, [vec![0.25, 2.0], vec![1.0, -0.5]]);
        assert_eq!(answer.usage.unwrap().input, 4);
        assert_eq!(answer.metadata["id"], "x");
    }

    #[test]
    fn broken_answers_are_failures() {
        let context = DecodeContext {
            embedding_inputs: vec![1],
            ..DecodeContext::default()
        };
        for (body, kind) in [
            (json!({"data": []}), ErrorKind::MalformedReply),
            (
                json!({"data": [{"embedding": []}]}),
                ErrorKind::MalformedReply,
            ),
            (
                json!({"data": [{"embedding": "AAA="}]}),
                ErrorKind::MalformedReply,
            ),
            (
                json!({"data": [{"embedding": ["a"]}]}),
                ErrorKind::MalformedReply,
            ),
            (
                json!({"data": [{"embedding": [1]}, {"embedding": [1]}]}),
                ErrorKind::MalformedReply,
            ),
            (
                json!({"error": {"message": "slow", "code": 429}}),
                ErrorKind::RateLimited,
            ),
        ] {
            let error = decode(body.to_string().as_bytes(), &context).unwrap_err();
            assert_eq!(error.kind, kind, "{body}");
        }
    }

    #[test]
    fn one_input_is_sent_bare() {
        let request = EmbeddingRequest {
            model: "m".into(),
            input: vec![EmbeddingInput::Text("hello".into())],
            dimensions: Some(8),
            ..EmbeddingRequest::default()
        };
        let encoded = encode(&request, &Target::default()).unwrap();
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(
            sent,
            json!({"model": "", "input": "hello", "dimensions": 8})
        );
        assert_eq!(encoded.context.embedding_inputs, [2]);
    }
    #[test]
    fn section_3_6_perplexity_vectors_are_signed_bytes() {
        let context = DecodeContext {
            int8_vectors: true,
            ..DecodeContext::default()
        };
        // 3, -4.
        let body = json!({"data": [{"index": 0, "embedding": "A/w="}], "model": "p"});
        let answer = decode(body.to_string().as_bytes(), &context).unwrap();
        assert_eq!(answer.vectors, [[0.6, -0.8]]);
        for embedding in [json!(""), json!([1]), json!("AA==")] {
            let body = json!({"data": [{"index": 0, "embedding": embedding}]});
            assert!(decode(body.to_string().as_bytes(), &context).is_err());
        }
    }

    #[test]
    fn section_3_6_ollamas_own_answers_hold_bare_vectors() {
        let context = DecodeContext::default();
        for body in [
            json!({"embedding": [0.5, 1]}),
            json!({"model": "e", "embeddings": [[0.5, 1]], "prompt_eval_count": 2}),
        ] {
            let answer = decode(body.to_string().as_bytes(), &context).unwrap();
            assert_eq!(answer.vectors, [[0.5, 1.0]], "{body}");
            assert!(!answer.metadata.contains_key("embeddings"));
        }
        let broken = json!({"embeddings": [0.5]}).to_string();
        assert!(decode(broken.as_bytes(), &context).is_err());
    }

    #[test]
    fn section_3_6_dimensions_and_token_ids_by_the_vendors_rules() {
        let mut request = EmbeddingRequest {
            input: vec![EmbeddingInput::Text("hello".into())],
            dimensions: Some(8),
            ..EmbeddingRequest::default()
        };
        let mut target = Target::default();
        let mut profile = crate::profile::Profile::default();
        profile.embeddings.dimensions = Some("output_dimension".to_owned());
        profile.embeddings.token_ids = false;
        target.endpoint.profile = profile.into();
        let encoded = encode(&request, &target).unwrap();
        let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
        assert_eq!(sent["output_dimension"], 8);
        assert!(sent.get("dimensions").is_none());
        request.input.push(EmbeddingInput::Tokens(vec![1]));
        let error = encode(&request, &target).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("input[1]"));
    }
}
