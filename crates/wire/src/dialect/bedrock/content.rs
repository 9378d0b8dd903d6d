//! Content parts as Converse blocks, and prompt-cache marks as blocks of their own
//! (wire-protocols §6, §10).

use serde_json::{Map, Value, json};

use super::form::Converse;
use super::media::{self, DocumentNames};
use crate::adapter::Target;
use crate::chat::{CacheControl, Part};
use crate::dialect::block_turns::{self, BlockForm as _, Context};
use crate::error::EncodeError;
use crate::notes::{Notes, unsupported_content};

/// Block types of the API's own that a caller may give verbatim, as the member of their name.
const NATIVE_PARTS: [&str; 3] = ["guardContent", "searchResult", "cachePoint"];

/// Lifetimes that a mark may have.
const TTLS: [&str; 2] = ["5m", "1h"];

/// Puts a cache mark behind the blocks so far, or names it as dropped.
pub(super) fn mark(
    blocks: &mut Vec<Value>,
    mark: Option<&CacheControl>,
    field: &str,
    target: &Target,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let Some(CacheControl(mark)) = mark else {
        return Ok(());
    };
    if !target.capabilities.cache_control {
        return notes.drop(field, "it takes no prompt-cache marks");
    }
    // A mark behind nothing, or behind another one, marks nothing.
    if blocks
        .last()
        .is_none_or(|last| last.get("cachePoint").is_some())
    {
        return Ok(());
    }
    let mut point = Map::from_iter([("type".to_owned(), Value::from("default"))]);
    match mark.get("ttl").and_then(Value::as_str) {
        Some(ttl) if TTLS.contains(&ttl) => {
            point.insert("ttl".to_owned(), ttl.into());
        }
        Some(_) => notes.drop(&format!("{field}.ttl"), "it keeps marks for `5m` or `1h`")?,
        None => {}
    }
    blocks.push(json!({ "cachePoint": point }));
    Ok(())
}

/// Appends one part of a user message or tool result.
pub(super) fn push(
    part: &Part,
    at: &str,
    context: Context<'_>,
    names: &mut DocumentNames,
    blocks: &mut Vec<Value>,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let marked = match part {
        Part::Text {
            text,
            cache_control,
        } => {
            blocks.extend(Converse::said(text));
            cache_control
        }
        Part::Refusal { text } => {
            blocks.extend(Converse::said(text));
            &None
        }
        Part::Image {
            source,
            detail,
            cache_control,
        } => {
            block_turns::no_detail(detail.as_deref(), notes)?;
            blocks.push(media::image(source, at, context)?);
            cache_control
        }
        Part::File {
            source,
            filename,
            cache_control,
        } => {
            blocks.push(media::file(
                source,
                filename.as_deref(),
                at,
                context,
                names,
            )?);
            cache_control
        }
        Part::Audio { source, format } => {
            blocks.push(media::audio(source, format.as_deref(), at, context)?);
            &None
        }
        Part::Video { source, settings } => {
            if settings.is_some() {
                notes.drop(
                    "messages[].content[].video_url.settings",
                    "the API has no such settings",
                )?;
            }
            blocks.push(media::video(source, at, context)?);
            &None
        }
        Part::Unknown { kind, value } => {
            blocks.push(native(kind, value, at)?);
            &None
        }
    };
    mark(
        blocks,
        marked.as_ref(),
        "messages[].content[].cache_control",
        context.target,
        notes,
    )
}

/// A block of the API's own.
fn native(kind: &str, value: &Value, at: &str) -> Result<Value, EncodeError> {
    match value.get(kind).filter(|_| NATIVE_PARTS.contains(&kind)) {
        Some(native) => Ok(json!({ kind: native })),
        None => Err(unsupported_content(
            at,
            format!("Content parts of type `{kind}` can't be sent to a Bedrock model."),
        )),
    }
}
