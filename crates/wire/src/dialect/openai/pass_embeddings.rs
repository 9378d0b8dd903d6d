//! Passing embeddings on to an OpenAI-compatible provider: only the bytes that must change do, and
//! the vectors of the answer are not parsed.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::edit::own_options;
use super::policy::check_lost;
use super::response::malformed;
use super::{embeddings, usage};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::error::{EncodeError, EncodeErrorCode, UpstreamError};
use crate::json::{Edit, RawObject, quote};
use crate::profile::VectorForm;
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
    let (own, dropped) = own_options(options.as_ref(), target);
    check_lost(&dropped, target)?;
    let mut edits = vec![
        Edit::Set("model", quote(&target.model).into()),
        Edit::Remove("provider"),
        Edit::Remove("provider_options"),
    ];
    let rules = &target.endpoint.profile.embeddings;
    if let (Some(name), Some(_)) = (&rules.dimensions, raw.get("dimensions")) {
        edits.push(Edit::Rename("dimensions", name));
    }
    edits.extend(
        own.iter()
            .map(|(key, value)| Edit::Set(key, value.to_string().into())),
    );
    Ok(Encoded {
        dropped,
        ..Encoded::post(
            target.endpoint.openai_path(&target.model, "/embeddings")?,
            raw.edited(&edits),
            DecodeContext {
                model: target.model.clone(),
                ..DecodeContext::default()
            },
        )
    })
}

/// What of an embeddings request decides whether its bytes can be passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingsPeek {
    /// Within the target's limits of one call, in a form that it takes.
    pub passes: bool,
    /// The caller wants base64.
    pub base64: bool,
}

/// Whether an embeddings request can be passed on to `target` as it is: it need not be split, and
/// neither its inputs nor the vectors must be converted.
#[must_use]
pub fn peek_embeddings(raw: &RawObject<'_>, target: &Target) -> EmbeddingsPeek {
    let rules = &target.endpoint.profile.embeddings;
    let base64 = raw.get("encoding_format") == Some("\"base64\"");
    let input = raw.get("input").unwrap_or_default();
    let few_tokens = rules
        .tokens_max
        .is_none_or(|most| u64::try_from(input.len()).is_ok_and(|bytes| bytes / 4 <= most / 5 * 4));
    let items: Vec<&RawValue> = serde_json::from_str(input).unwrap_or_default();
    let is_text = |item: &&RawValue| item.get().starts_with('"');
    let texts = input.starts_with('"') || items.iter().all(is_text);
    // A list of token ids is one input.
    let inputs = if items
        .first()
        .is_some_and(|item| !is_text(item) && !item.get().starts_with('['))
    {
        1
    } else {
        items.len()
    };
    let few_inputs = rules
        .inputs_max
        .is_none_or(|most| u32::try_from(inputs).is_ok_and(|inputs| inputs <= most));
    EmbeddingsPeek {
        passes: few_inputs
            && few_tokens
            && (texts || rules.token_ids)
            && rules.vectors == VectorForm::Float,
        base64,
    }
}

/// Whether an answer's vectors are in another form than the caller asked for.
#[must_use]
pub fn needs_reencoding(body: &[u8], base64: bool) -> bool {
    #[derive(Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        embedding: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Rows<'a> {
        #[serde(borrow)]
        data: Vec<Row<'a>>,
    }
    let Ok(rows) = serde_json::from_slice::<Rows<'_>>(body) else {
        return false;
    };
    let is_text = |row: &Row<'_>| row.embedding.get().starts_with('"');
    rows.data.first().is_some_and(|row| is_text(row) != base64)
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
    fn options_never_say_another_model_passed_on_or_translated() {
        let body =
            br#"{"input":"a","model":"m","provider_options":{"openai":{"model":"dear","x":1}}}"#;
        let raw = RawObject::parse(body).unwrap();
        let request = crate::dialect::openai::parse_embeddings(&raw).unwrap();
        let mut target = Target {
            model: "up".to_owned(),
            ..Target::default()
        };
        let edited = edit_embeddings(&raw, &target).unwrap();
        for sent in [&edited, &embeddings::encode(&request, &target).unwrap()] {
            let body: Value = serde_json::from_slice(&sent.body).unwrap();
            assert_eq!((&body["model"], &body["x"]), (&"up".into(), &1.into()));
            assert_eq!(sent.dropped, ["provider_options.openai.model"]);
        }
        target.policy.strict_params = true;
        assert!(edit_embeddings(&raw, &target).is_err());
        assert!(embeddings::encode(&request, &target).is_err());
    }

    #[test]
    fn section_3_6_what_must_be_split_or_converted_is_not_passed_on() {
        let passes = |body: &str, change: fn(&mut crate::profile::EmbeddingRules)| {
            let mut target = Target::default();
            let mut profile = crate::profile::Profile::default();
            change(&mut profile.embeddings);
            target.endpoint.profile = profile.into();
            peek_embeddings(&RawObject::parse(body.as_bytes()).unwrap(), &target).passes
        };
        let three = r#"{"input":["a","b","c"]}"#;
        assert!(passes(three, |_| {}));
        assert!(passes(three, |rules| rules.inputs_max = Some(3)));
        assert!(!passes(three, |rules| rules.inputs_max = Some(2)));
        assert!(!passes(three, |rules| rules.tokens_max = Some(2)));
        assert!(!passes(three, |rules| rules.vectors = VectorForm::Int8));
        let ids = r#"{"input":[1,2,3]}"#;
        assert!(passes(ids, |rules| rules.inputs_max = Some(1)));
        assert!(!passes(ids, |rules| rules.token_ids = false));
        assert!(!passes(r#"{"input":[[1],[2]]}"#, |rules| rules
            .inputs_max =
            Some(1)));
        assert!(needs_reencoding(br#"{"data":[{"embedding":[1]}]}"#, true));
        assert!(!needs_reencoding(br#"{"data":[{"embedding":"AA"}]}"#, true));
        assert!(needs_reencoding(br#"{"data":[{"embedding":"AA"}]}"#, false));
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
