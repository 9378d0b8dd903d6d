//! Passing embeddings on to an OpenAI-compatible provider: only the bytes that must change do, and
//! the vectors of the answer are not parsed.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::edit::own_options;
use super::response::malformed;
use super::{embeddings, usage};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::error::{EncodeError, EncodeErrorCode, UpstreamError};
use crate::json::{Edit, RawObject, quote};
use crate::usage::Usage;

/// Edits a caller's embeddings request for `target`: the model's upstream id, and our own members
/// out. Every other byte stays as it was written.
///
/// # Errors
/// `provider_options` that are no object.
pub fn edit_embeddings(raw: &RawObject<'_>, target: &Target) -> Result<Encoded, EncodeError> {
    let options: Option<Map<String, Value>> =
        raw.read("provider_options", "an object")
            .map_err(|error| EncodeError {
                code: EncodeErrorCode::InvalidValue,
                message: error.message,
                param: error.param,
            })?;
    let own: Vec<(&String, String)> = own_options(options.as_ref(), target)
        .into_iter()
        .flatten()
        .map(|(key, value)| (key, value.to_string()))
        .collect();
    let mut edits = vec![
        Edit::Set("model", quote(&target.model)),
        Edit::Remove("provider"),
        Edit::Remove("provider_options"),
    ];
    edits.extend(own.iter().map(|(key, json)| Edit::Set(key, json.clone())));
    Ok(Encoded {
        get: false,
        path: target.endpoint.openai_path(&target.model, "/embeddings")?,
        headers: Vec::new(),
        body: raw.edited(&edits).into(),
        dropped: Vec::new(),
        changed: Vec::new(),
        context: DecodeContext {
            model: target.model.clone(),
            ..DecodeContext::default()
        },
    })
}

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    data: Vec<IgnoredAny>,
    #[serde(default)]
    usage: Option<Value>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// Looks at an embeddings answer that is passed on as it is: the model that answered and its token
/// counts.
///
/// # Errors
/// The failure that it turned out to be: an error object under a 2xx, no JSON, no vectors.
pub fn tap_embeddings(body: &[u8]) -> Result<(String, Option<Usage>), UpstreamError> {
    if let Ok(peek) = serde_json::from_slice::<Peek<'_>>(body)
        && peek.error.is_none()
        && !peek.data.is_empty()
    {
        return Ok((
            peek.model.into_owned(),
            peek.usage.as_ref().and_then(usage::read),
        ));
    }
    // Anything out of the ordinary is read in full, which says what it is.
    let answer = embeddings::decode(body, &DecodeContext::default())?;
    if answer.vectors.is_empty() {
        return Err(malformed("the provider's answer holds no vectors"));
    }
    Ok((answer.model, answer.usage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_model_and_our_own_members_change() {
        let body = br#"{"input":["a"], "model":"openai/e", "provider":"openai", "encoding_format":"base64"}"#;
        let target = Target {
            model: "e".to_owned(),
            ..Target::default()
        };
        let encoded = edit_embeddings(&RawObject::parse(body).unwrap(), &target).unwrap();
        assert_eq!(
            encoded.body,
            r#"{"input":["a"], "model":"e", "encoding_format":"base64"}"#
        );
    }

    #[test]
    fn an_error_under_a_200_is_an_error() {
        let good = br#"{"object":"list","data":[{"index":0,"embedding":[0.5]}],"model":"e","usage":{"prompt_tokens":3,"total_tokens":3}}"#;
        let (model, usage) = tap_embeddings(good).unwrap();
        assert_eq!((model.as_str(), usage.unwrap().input), ("e", 3));
        assert!(tap_embeddings(br#"{"error":{"message":"no","type":"server_error"}}"#).is_err());
        assert!(tap_embeddings(b"<html>").is_err());
    }
}
