//! Embeddings requests.

use serde_json::Value;

use super::fields::{Fields, invalid_type, invalid_value, missing};
use crate::embedding::{EmbeddingInput, EmbeddingRequest};
use crate::error::ParseError;
use crate::json::RawObject;

/// Most inputs of one request: what a provider's own limit is below that is split.
const INPUTS_MAX: usize = 16_384;

/// Reads an embeddings request.
///
/// # Errors
/// The first thing wrong in it, with its path and what to change.
pub fn parse_embeddings(raw: &RawObject<'_>) -> Result<EmbeddingRequest, ParseError> {
    let mut fields = Fields::of_raw(raw)?;
    let model = super::model(&mut fields)?;
    let input = match fields.take("input") {
        None => return Err(missing("input", "Send a string or a list of strings.")),
        Some(value) => input(value)?,
    };
    let base64 = match fields.string("encoding_format")?.as_deref() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            return Err(invalid_value(
                "encoding_format",
                &format!("`{other}` is no encoding format. Send `float` or `base64`."),
            ));
        }
    };
    let mut request = EmbeddingRequest {
        model,
        input,
        dimensions: fields.small("dimensions", 1, u32::MAX)?,
        base64,
        user: fields.string("user")?,
        provider_options: super::provider_options(&mut fields)?,
        unread: Vec::new(),
    };
    // The caller's tags: read by the gateway, no provider takes them here.
    fields.take("metadata");
    super::own_members(&mut fields);
    fields.rest(&mut request.unread);
    request.unread.sort_unstable();
    Ok(request)
}

/// A string, token ids, or a list of either.
fn input(value: Value) -> Result<Vec<EmbeddingInput>, ParseError> {
    let items = match value {
        Value::String(text) => vec![Value::String(text)],
        Value::Array(items) if items.first().is_some_and(Value::is_number) => {
            vec![Value::Array(items)]
        }
        Value::Array(items) => items,
        _ => return Err(invalid_type("input", "a string or a list of strings")),
    };
    if items.is_empty() || items.len() > INPUTS_MAX {
        return Err(invalid_value(
            "input",
            &format!(
                "`input` holds {} inputs. Send 1 to {INPUTS_MAX}.",
                items.len()
            ),
        ));
    }
    items
        .into_iter()
        .enumerate()
        .map(|(at, item)| one(item, &format!("input[{at}]")))
        .collect()
}

fn one(item: Value, path: &str) -> Result<EmbeddingInput, ParseError> {
    match item {
        Value::String(text) if text.is_empty() => Err(invalid_value(
            path,
            &format!("`{path}` is an empty string. Send text or leave it out."),
        )),
        Value::String(text) => Ok(EmbeddingInput::Text(text)),
        Value::Array(tokens) if !tokens.is_empty() => tokens
            .iter()
            .map(Value::as_u64)
            .collect::<Option<Vec<_>>>()
            .map(EmbeddingInput::Tokens)
            .ok_or_else(|| invalid_type(path, "token ids: a list of non-negative integers")),
        _ => Err(invalid_type(path, "a string or a list of token ids")),
    }
}
