//! Text completions (`/v1/completions`, wire-protocols §3.5): passed on to models that have them,
//! and asked of chat models as one user message a prompt.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::edit::own_options;
use super::policy::check_lost;
use super::response::{self, malformed, malformed_body};
use super::tap::TapSummary;
use super::{errors, parse_chat, usage};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::chat::ChatRequest;
use crate::error::{EncodeError, EncodeErrorCode, ParseError, UpstreamError};
use crate::json::{Edit, RawObject, quote};
use crate::notes::{invalid, unsupported};
use crate::profile::StreamUsage;

/// Most prompts of one request that are asked of a chat model, each in a call of its own.
pub const PROMPTS_MAX: usize = 16;

/// A completions request that is passed on.
#[derive(Debug, Clone, PartialEq)]
pub struct EditedCompletion {
    /// What to send.
    pub encoded: Encoded,
    /// The caller asked for the usage chunk.
    pub usage_asked: bool,
}

/// Edits a caller's completions request for a target that has the endpoint: the model's upstream
/// id, our own members out, and the usage chunk of a stream asked for. Every other byte stays as it
/// was written.
///
/// # Errors
/// A member of the wrong type, or `provider_options` that are no object.
pub fn edit_completion(
    raw: &RawObject<'_>,
    target: &Target,
) -> Result<EditedCompletion, EncodeError> {
    let stream = read::<bool>(raw, "stream", "a boolean")?.unwrap_or(false);
    let options: Option<Map<String, Value>> = read(raw, "stream_options", "an object")?;
    let mut options = options.unwrap_or_default();
    let usage_asked = options.get("include_usage") == Some(&Value::Bool(true));
    let (mut edits, lost) = own_edits(raw, target)?;
    // Those of `provider_options`, which stand for the caller's own.
    let own = edits.iter().rev().find(|(key, _)| key == "stream_options");
    if let Some((_, Some(own))) = own
        && let Ok(own) = serde_json::from_str(own)
    {
        options = own;
    }
    if stream && !usage_asked && target.endpoint.profile.stream_usage == StreamUsage::Ask {
        options.insert("include_usage".to_owned(), true.into());
        edits.push((
            "stream_options".into(),
            Some(Value::Object(options).to_string()),
        ));
    }
    Ok(EditedCompletion {
        usage_asked,
        encoded: encoded(raw, &edits, "/completions", target, (stream, lost))?,
    })
}

/// Edits a caller's moderations request: the model's upstream id, and our own members out.
///
/// # Errors
/// `provider_options` that are no object.
pub fn edit_moderation(raw: &RawObject<'_>, target: &Target) -> Result<Encoded, EncodeError> {
    let (edits, lost) = own_edits(raw, target)?;
    encoded(raw, &edits, "/moderations", target, (false, lost))
}

type Changes<'a> = Vec<(Cow<'a, str>, Option<String>)>;

/// Our own members out, the target's options and model in; and the paths of options that are left
/// out.
fn own_edits<'a>(
    raw: &'a RawObject<'_>,
    target: &Target,
) -> Result<(Changes<'a>, Vec<String>), EncodeError> {
    let options: Option<Map<String, Value>> = read(raw, "provider_options", "an object")?;
    let ours = |key: &str| key == "provider_options" || key.starts_with("x-");
    // `provider` is ours as a name; OpenRouter's object of that name is for it.
    let name =
        |key: &str| key == "provider" && raw.get(key).is_some_and(|text| text.starts_with('"'));
    let mut edits: Changes<'_> = raw
        .keys()
        .filter(|key| ours(key) || name(key))
        .map(|key| (Cow::from(key), None))
        .collect();
    let (options, lost) = own_options(options.as_ref(), target);
    check_lost(&lost, target)?;
    for (key, value) in options {
        edits.push((key.into(), Some(value.to_string())));
    }
    edits.push(("model".into(), Some(quote(&target.model))));
    Ok((edits, lost))
}

fn encoded(
    raw: &RawObject<'_>,
    changes: &Changes<'_>,
    path: &str,
    target: &Target,
    (stream, dropped): (bool, Vec<String>),
) -> Result<Encoded, EncodeError> {
    let edits: Vec<Edit<'_>> = changes
        .iter()
        .map(|(key, value)| match value {
            Some(json) => Edit::Set(key, json.into()),
            None => Edit::Remove(key),
        })
        .collect();
    Ok(Encoded {
        dropped,
        ..Encoded::post(
            target.endpoint.openai_path(&target.model, path)?,
            raw.edited(&edits),
            DecodeContext {
                model: target.model.clone(),
                stream,
                ..DecodeContext::default()
            },
        )
    })
}

fn read<T: for<'de> Deserialize<'de>>(
    raw: &RawObject<'_>,
    key: &str,
    what: &str,
) -> Result<Option<T>, EncodeError> {
    raw.read(key, what).map_err(|error| from_parse(&error))
}

fn from_parse(error: &ParseError) -> EncodeError {
    EncodeError {
        code: EncodeErrorCode::InvalidValue,
        message: error.message.clone(),
        param: error.param.clone(),
    }
}

/// The chat requests that stand for a completions request, one a prompt.
///
/// What a chat model can't do is refused: token ids, `echo`, `suffix`, `best_of` above `n`,
/// `logprobs`, and a stream of several prompts.
///
/// # Errors
/// See above; or a request that is wrong in itself.
pub fn completion_as_chats(raw: &RawObject<'_>) -> Result<Vec<ChatRequest>, EncodeError> {
    refuse_what_chat_lacks(raw)?;
    let prompts = prompts(raw)?;
    let stream = read::<bool>(raw, "stream", "a boolean")?.unwrap_or(false);
    if stream && prompts.len() > 1 {
        return Err(unsupported(
            "prompt",
            "A chat model streams one prompt at a time. Send one prompt, or leave `stream` out.",
        ));
    }
    prompts
        .iter()
        .map(|prompt| {
            let messages = format!("[{{\"role\":\"user\",\"content\":{}}}]", quote(prompt));
            let body = raw.edited(&[
                Edit::Remove("prompt"),
                Edit::Remove("echo"),
                Edit::Remove("suffix"),
                Edit::Remove("best_of"),
                Edit::Remove("logprobs"),
                Edit::Set("messages", messages.into()),
            ]);
            RawObject::parse(&body)
                .and_then(|raw| parse_chat(&raw))
                .map_err(|error| from_parse(&error))
        })
        .collect()
}

fn refuse_what_chat_lacks(raw: &RawObject<'_>) -> Result<(), EncodeError> {
    let no = |field: &str, what: &str| {
        Err(unsupported(
            field,
            format!(
                "`{field}` {what}, which a chat model does not do. Leave it out, or use a model \
                 that has `/v1/completions`."
            ),
        ))
    };
    if read::<bool>(raw, "echo", "a boolean")? == Some(true) {
        return no("echo", "asks for the prompt in the answer");
    }
    if read::<String>(raw, "suffix", "a string")?.is_some_and(|suffix| !suffix.is_empty()) {
        return no("suffix", "asks for text in between");
    }
    let n = read::<u64>(raw, "n", "an integer")?.unwrap_or(1);
    if read::<u64>(raw, "best_of", "an integer")?.is_some_and(|best| best > n) {
        return no("best_of", "asks for the best of several");
    }
    if read::<u64>(raw, "logprobs", "an integer")?.is_some() {
        return no(
            "logprobs",
            "counts likely tokens in the form of completions",
        );
    }
    Ok(())
}

fn prompts(raw: &RawObject<'_>) -> Result<Vec<String>, EncodeError> {
    let value: Option<Value> = read(raw, "prompt", "a string or a list of strings")?;
    let items = match value.unwrap_or_default() {
        Value::String(text) => return Ok(vec![text]),
        Value::Array(items) if !items.is_empty() => items,
        _ => {
            return Err(invalid(
                "prompt",
                "`prompt` is no string or list of strings.",
            ));
        }
    };
    if items.len() > PROMPTS_MAX && items.iter().all(Value::is_string) {
        return Err(invalid(
            "prompt",
            format!(
                "`prompt` holds {} prompts; a chat model is asked at most {PROMPTS_MAX} for one \
                 request. Send the rest in another.",
                items.len()
            ),
        ));
    }
    items
        .into_iter()
        .map(|item| match item {
            Value::String(text) => Ok(text),
            _ => Err(unsupported(
                "prompt",
                "Token ids are of one model's tokeniser, and a chat model takes none. Send the \
                 text itself.",
            )),
        })
        .collect()
}

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow, default)]
    id: Cow<'a, str>,
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: Vec<PeekChoice<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct PeekChoice<'a> {
    #[serde(borrow, default)]
    finish_reason: Option<Cow<'a, str>>,
    #[expect(dead_code, reason = "it must be there")]
    #[serde(borrow)]
    text: &'a RawValue,
}

/// Looks at a whole answer of `/v1/completions` that is passed on as it is.
///
/// # Errors
/// The failure that it turned out to be: an error object under a 2xx, no JSON, no choices.
pub fn tap_completion(body: &[u8]) -> Result<TapSummary, UpstreamError> {
    let Some(peek) = serde_json::from_slice::<Peek<'_>>(body)
        .ok()
        .filter(|peek| peek.error.is_none() && !peek.choices.is_empty())
    else {
        return Err(no_answer(
            body,
            "the provider's answer is no text completion",
        ));
    };
    let word = peek
        .choices
        .iter()
        .find_map(|choice| choice.finish_reason.as_deref());
    Ok(TapSummary {
        usage: peek.usage.and_then(|usage| usage::tap(usage.get())),
        finish_reason: word.map(|word| response::finish_reason(Some(word), false)),
        native_finish_reason: word.map(ToOwned::to_owned),
        model: peek.model.into_owned(),
        id: peek.id.into_owned(),
        service_tier: None,
        system_fingerprint: None,
        has_tool_calls: false,
        done: true,
        lacks_message: false,
    })
}

#[derive(Deserialize)]
struct PeekModeration<'a> {
    #[serde(borrow, default)]
    model: Cow<'a, str>,
    results: Vec<IgnoredAny>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// Looks at an answer of `/v1/moderations` that is passed on as it is: the model and, at some
/// providers, token counts.
///
/// # Errors
/// The failure that it turned out to be.
pub fn tap_moderation(body: &[u8]) -> Result<(String, Option<crate::usage::Usage>), UpstreamError> {
    match serde_json::from_slice::<PeekModeration<'_>>(body) {
        Ok(peek) if peek.error.is_none() && !peek.results.is_empty() => {
            let usage = peek.usage.and_then(|usage| usage::tap(usage.get()));
            Ok((peek.model.into_owned(), usage))
        }
        _ => Err(no_answer(
            body,
            "the provider's answer holds no moderation results",
        )),
    }
}

/// Why a body under a 2xx is no answer.
fn no_answer(body: &[u8], otherwise: &str) -> UpstreamError {
    let trimmed = body.trim_ascii_start();
    match serde_json::from_slice::<Value>(trimmed) {
        Ok(value) => errors::in_band(&value).unwrap_or_else(|| malformed(otherwise)),
        Err(_) => malformed_body(trimmed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::ErrorKind;

    fn chats(body: &Value) -> Result<Vec<ChatRequest>, EncodeError> {
        let text = body.to_string();
        completion_as_chats(&RawObject::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn section_3_5_one_user_message_a_prompt_and_the_rest_as_it_is() {
        let body = json!({"model": "m", "prompt": ["One \"two\"", "Three"], "n": 2, "best_of": 2,
            "max_tokens": 9, "temperature": 0.5, "stop": ["x"], "echo": false, "logprobs": null,
            "suffix": null, "odd": 1});
        let chats = chats(&body).unwrap();
        assert_eq!(chats.len(), 2);
        assert_eq!(chats[0].messages[0].text(), "One \"two\"");
        assert_eq!((chats[1].n, chats[1].max_output_tokens), (Some(2), Some(9)));
        assert_eq!(chats[1].stop, ["x"]);
        assert_eq!(chats[1].unread, ["odd"]);
    }

    #[test]
    fn section_3_5_what_chat_can_not_do_is_refused() {
        for (member, value) in [
            ("prompt", json!([1, 2, 3])),
            ("prompt", json!([[1, 2], [3]])),
            ("echo", json!(true)),
            ("suffix", json!("end")),
            ("best_of", json!(3)),
            ("logprobs", json!(0)),
        ] {
            let mut body = json!({"model": "m", "prompt": "p"});
            body[member] = value;
            let error = chats(&body).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(member));
            assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter, "{body}");
        }
        let streamed = json!({"model": "m", "prompt": ["a", "b"], "stream": true});
        assert_eq!(
            chats(&streamed).unwrap_err().code,
            EncodeErrorCode::UnsupportedParameter
        );
        let many = vec!["p"; PROMPTS_MAX + 1];
        let error = chats(&json!({"model": "m", "prompt": many})).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::InvalidValue);
        for prompt in [json!([]), json!(7), json!({})] {
            assert!(chats(&json!({"model": "m", "prompt": prompt})).is_err());
        }
    }

    #[test]
    fn what_is_passed_on_keeps_its_bytes() {
        let body =
            br#"{"prompt":[1,2], "model":"openai/i", "logprobs":5, "stream":true,"x-own":1}"#;
        let target = Target {
            model: "i".to_owned(),
            ..Target::default()
        };
        let edited = edit_completion(&RawObject::parse(body).unwrap(), &target).unwrap();
        assert!(!edited.usage_asked);
        assert_eq!(edited.encoded.path, "/completions");
        assert_eq!(
            edited.encoded.body,
            r#"{"prompt":[1,2], "model":"i", "logprobs":5, "stream":true,"stream_options":{"include_usage":true}}"#
        );
        let body = br#"{"input":"x","model":"openai/mod","provider":"openai"}"#;
        let encoded = edit_moderation(&RawObject::parse(body).unwrap(), &target).unwrap();
        assert_eq!(encoded.body, r#"{"input":"x","model":"i"}"#);
        assert_eq!(encoded.path, "/moderations");
    }

    #[test]
    fn options_never_say_another_model_and_make_no_second_member() {
        let body = br#"{"model":"m","prompt":"p","stream":true,"provider_options":{"openai":{"model":"dear","stream":false,"stream_options":{"pad":1},"seed":1},"house":{"seed":2}}}"#;
        let mut target = Target {
            model: "up".to_owned(),
            ..Target::default()
        };
        target.endpoint.provider = "house".to_owned();
        let raw = RawObject::parse(body).unwrap();
        let edited = edit_completion(&raw, &target).unwrap().encoded;
        assert_eq!(
            edited.body,
            r#"{"model":"up","prompt":"p","stream":true,"seed":2,"stream_options":{"pad":1,"include_usage":true}}"#
        );
        let lost = [
            "provider_options.openai.model",
            "provider_options.openai.stream",
        ];
        assert_eq!(edited.dropped, lost);
        assert_eq!(edit_moderation(&raw, &target).unwrap().dropped, lost);
        target.policy.strict_params = true;
        assert!(edit_completion(&raw, &target).is_err());
    }

    #[test]
    fn an_error_under_a_200_is_an_error() {
        let good = br#"{"id":"cmpl-1","object":"text_completion","model":"i","choices":[{"text":"a","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}"#;
        let summary = tap_completion(good).unwrap();
        assert_eq!(summary.usage.unwrap().input, 3);
        assert_eq!(summary.native_finish_reason.as_deref(), Some("length"));
        for body in [
            &br#"{"error":{"message":"no","code":"rate_limit_exceeded"}}"#[..],
            b"<html>",
            br#"{"choices":[]}"#,
            br#"{"choices":[{"message":{"content":"chat"}}]}"#,
        ] {
            assert!(tap_completion(body).is_err());
            assert!(tap_moderation(body).is_err());
        }
        let error = tap_moderation(br#"{"error":{"message":"slow","code":429}}"#).unwrap_err();
        assert_eq!(error.kind, ErrorKind::RateLimited);
        let good = br#"{"id":"modr-1","model":"omni","results":[{"flagged":false}]}"#;
        assert_eq!(tap_moderation(good).unwrap().0, "omni");
    }
}
