//! Judges text completions and moderations requests.

use http::HeaderMap;
use serde_json::Value;

use super::wording::{self, plain, refuse};
use super::{flag, inputs, object, shape, shaped, strings};
use crate::prompt::{Prompt, Refusal};
use crate::strict::{list, set, text, whole};

/// Accepts a text completions body, or refuses it with the API's own status, code and wording.
///
/// # Errors
/// A 400 in the shape `{"error":{message,type,param,code}}`.
pub fn accept_completions(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = object(body)?;
    shaped(&body, &shape::COMPLETIONS)?;
    let number = |key: &str| set(&body, key).and_then(whole);
    let choices = number("n").unwrap_or(1);
    let best = number("best_of").unwrap_or(choices);
    if best < choices {
        return Err(plain(&format!(
            "You requested that the server return more choices than it will generate (HINT: you \
             must set 'n' (currently {choices}) to be at most 'best_of' (currently {best}), or \
             omit either parameter if you don't specifically want to use them.)"
        )));
    }
    let stream = flag(&body, "stream").unwrap_or_default();
    if stream && best > choices {
        return Err(plain("best_of and stream cannot be used together."));
    }
    if set(&body, "stream_options").is_some() && !stream {
        return Err(refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            Some("stream_options"),
            None,
        ));
    }
    let prompts = prompts(&body)?;
    let count = u64::try_from(prompts.len()).unwrap_or(u64::MAX);
    let include_usage = body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        stream,
        include_usage,
        choices: u32::try_from(choices.saturating_mul(count)).unwrap_or(u32::MAX),
        last_user_text: prompts.first().cloned().unwrap_or_default(),
        texts: prompts.clone(),
        inputs: prompts,
        // The API writes 16 tokens unless it is told otherwise.
        max_output_tokens: number("max_tokens").or(Some(16)),
        stop: match body.get("stop") {
            Some(Value::String(one)) => vec![one.clone()],
            _ => strings(list(&body, "stop")),
        },
        echo: flag(&body, "echo").unwrap_or_default(),
        logprobs: number("logprobs").and_then(|count| u32::try_from(count).ok()),
        ..Prompt::default()
    })
}

/// A string, token ids, or a list of either.
fn prompts(body: &Value) -> Result<Vec<String>, Refusal> {
    // Without any, the API's own start of a document.
    let prompts = inputs(body, "prompt").unwrap_or_else(|| vec!["<|endoftext|>".to_owned()]);
    let ids = prompts
        .iter()
        .filter(|one| one.starts_with('['))
        .filter_map(|one| serde_json::from_str::<Vec<u64>>(one).ok())
        .flatten();
    // openai/completions-error-400-001
    if let Some(wrong) = ids.into_iter().find(|id| *id > 100_257) {
        return Err(plain(&format!(
            "Invalid token in prompt: {wrong}. Minimum value is 0, maximum value is 100257 \
             (inclusive)."
        )));
    }
    if prompts.is_empty() {
        return Err(wording::empty_array("prompt"));
    }
    Ok(prompts)
}

/// Accepts a moderations body, or refuses it as the API would.
///
/// # Errors
/// A 400 in the shape `{"error":{message,type,param,code}}`.
pub fn accept_moderations(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = object(body)?;
    shaped(&body, &shape::MODERATIONS)?;
    let inputs: Vec<String> = match body.get("input") {
        Some(Value::String(one)) => vec![one.clone()],
        // Parts are judged together, texts one by one.
        Some(Value::Array(items)) if items.first().is_some_and(Value::is_object) => {
            vec![items.iter().map(|part| text(part, "text")).collect()]
        }
        _ => strings(list(&body, "input")),
    };
    if inputs.is_empty() {
        return Err(wording::empty_array("input"));
    }
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: inputs.clone(),
        inputs,
        ..Prompt::default()
    })
}
