//! Content parts as Messages blocks: text, pictures, documents (wire-protocols §6).

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::form::Messages;
use crate::adapter::Target;
use crate::chat::{CacheControl, ChatRequest, MediaSource, Part};
use crate::dialect::block_turns::{self, BlockForm as _, Context};
use crate::error::EncodeError;
use crate::media::urls_to_fetch;
use crate::notes::{Notes, invalid, unsupported_content};

/// Picture types that the API takes.
const IMAGE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// Part types of the API's own that a caller may give verbatim.
const NATIVE_PARTS: [&str; 6] = [
    "document",
    "image",
    "search_result",
    "tool_reference",
    "container_upload",
    "tool_addition",
];

/// URLs whose bytes must be at hand before the request is encoded.
pub(super) fn media_to_fetch(request: &ChatRequest, target: &Target) -> Vec<String> {
    urls_to_fetch(&request.messages, |part, url| match part {
        Part::Image { .. } => !passes_image_url(url, target),
        Part::File { .. } => !passes_document_url(url, target),
        _ => false,
    })
}

/// Whether the API fetches this picture itself: only Anthropic's own service, and only `https`.
fn passes_image_url(url: &str, target: &Target) -> bool {
    target.endpoint.first_party && target.capabilities.fetches_urls && url.starts_with("https://")
}

/// As for pictures, and the URL must say that it is a PDF: the API takes no other type by URL.
fn passes_document_url(url: &str, target: &Target) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    passes_image_url(url, target) && path.to_ascii_lowercase().ends_with(".pdf")
}

/// Whether prompt-cache marks are sent. The first-party API takes them for every model.
pub(super) const fn takes_marks(target: &Target) -> bool {
    target.endpoint.first_party || target.capabilities.cache_control
}

/// Puts a cache mark on a block, or names it as dropped.
pub(super) fn mark(
    block: &mut Value,
    mark: Option<&CacheControl>,
    field: &str,
    target: &Target,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    let Some(CacheControl(mark)) = mark else {
        return Ok(());
    };
    if !takes_marks(target) {
        return notes.drop(field, "it takes no prompt-cache marks");
    }
    if let Some(block) = block.as_object_mut()
        && !block.contains_key("cache_control")
    {
        block.insert("cache_control".to_owned(), Value::Object(mark.clone()));
    }
    Ok(())
}

/// One part of a user message or tool result. `None` if there is nothing to send.
pub(super) fn block(
    part: &Part,
    at: &str,
    context: Context<'_>,
    notes: &mut Notes,
) -> Result<Option<Value>, EncodeError> {
    const MARK: &str = "messages[].content[].cache_control";
    let target = context.target;
    match part {
        Part::Text {
            text,
            cache_control,
        } => {
            let Some(mut block) = Messages::said(text) else {
                return Ok(None);
            };
            mark(&mut block, cache_control.as_ref(), MARK, target, notes)?;
            Ok(Some(block))
        }
        Part::Refusal { text } => Ok(Messages::said(text)),
        Part::Image {
            source,
            detail,
            cache_control,
        } => {
            block_turns::no_detail(detail.as_deref(), notes)?;
            let mut block = image(source, at, context)?;
            mark(&mut block, cache_control.as_ref(), MARK, target, notes)?;
            Ok(Some(block))
        }
        Part::File {
            source,
            filename,
            cache_control,
        } => {
            let mut block = document(source, filename.as_deref(), at, context)?;
            mark(&mut block, cache_control.as_ref(), MARK, target, notes)?;
            Ok(Some(block))
        }
        Part::Audio { .. } => Err(unsupported_content(
            at,
            "Anthropic models take no audio. Send a transcript, or use a model that listens.",
        )),
        Part::Video { .. } => Err(unsupported_content(
            at,
            "Anthropic models take no video. Send pictures of it, or use a model that takes video.",
        )),
        Part::Unknown { kind, value } if NATIVE_PARTS.contains(&kind.as_str()) => {
            Ok(Some(value.clone()))
        }
        Part::Unknown { kind, .. } => Err(unsupported_content(
            at,
            format!("Content parts of type `{kind}` can't be sent to an Anthropic model."),
        )),
    }
}

fn image(source: &MediaSource, at: &str, context: Context<'_>) -> Result<Value, EncodeError> {
    if !context.target.capabilities.image_input {
        return Err(unsupported_content(
            at,
            format!("`{}` takes no pictures.", context.target.model),
        ));
    }
    let source = match source {
        MediaSource::Url(url) if passes_image_url(url, context.target) => {
            json!({"type": "url", "url": url})
        }
        MediaSource::FileId(id) => file_source(id, at)?,
        MediaSource::Inline { .. } | MediaSource::Url(_) => {
            let (media_type, data) = context.media.bytes_of(source, at)?;
            return inline_image(&media_type, data, at);
        }
    };
    Ok(json!({"type": "image", "source": source}))
}

fn inline_image(media_type: &str, data: &str, at: &str) -> Result<Value, EncodeError> {
    if !IMAGE_TYPES.contains(&media_type) {
        return Err(unsupported_content(
            at,
            format!(
                "Anthropic models take PNG, JPEG, GIF and WebP pictures, not `{media_type}`. \
                 Convert it."
            ),
        ));
    }
    Ok(json!({
        "type": "image",
        "source": {"type": "base64", "media_type": media_type, "data": data},
    }))
}

fn document(
    source: &MediaSource,
    filename: Option<&str>,
    at: &str,
    context: Context<'_>,
) -> Result<Value, EncodeError> {
    let source = match source {
        MediaSource::Url(url) if passes_document_url(url, context.target) => {
            json!({"type": "url", "url": url})
        }
        MediaSource::FileId(id) => file_source(id, at)?,
        MediaSource::Inline { .. } | MediaSource::Url(_) => {
            let (media_type, data) = context.media.bytes_of(source, at)?;
            if media_type.starts_with("image/") && IMAGE_TYPES.contains(&media_type.as_str()) {
                return inline_image(&media_type, data, at);
            }
            inline_document(&media_type, data, at, context.target)?
        }
    };
    let mut block = Map::new();
    block.insert("type".to_owned(), "document".into());
    block.insert("source".to_owned(), source);
    if let Some(name) = filename.filter(|name| !name.is_empty()) {
        block.insert("title".to_owned(), name.into());
    }
    Ok(Value::Object(block))
}

fn inline_document(
    media_type: &str,
    data: &str,
    at: &str,
    target: &Target,
) -> Result<Value, EncodeError> {
    if media_type == "application/pdf" {
        if !target.capabilities.pdf_input {
            return Err(unsupported_content(
                at,
                format!("`{}` takes no PDF documents.", target.model),
            ));
        }
        return Ok(json!({"type": "base64", "media_type": media_type, "data": data}));
    }
    // Everything that is text goes as text: the API's document type for it is `text/plain`.
    let is_media = ["image/", "audio/", "video/"]
        .iter()
        .any(|kind| media_type.starts_with(kind));
    let text = (!is_media)
        .then(|| base64::engine::general_purpose::STANDARD.decode(data).ok())
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.contains('\0'));
    match text {
        Some(text) if text.trim().is_empty() => Err(invalid(at, "The file is empty.")),
        Some(text) => Ok(json!({"type": "text", "media_type": "text/plain", "data": text})),
        None => Err(unsupported_content(
            at,
            format!(
                "Anthropic models take PDF and text files, not `{}`.",
                if media_type.is_empty() {
                    "application/octet-stream"
                } else {
                    media_type
                }
            ),
        )),
    }
}

fn file_source(id: &str, at: &str) -> Result<Value, EncodeError> {
    if id.starts_with("file-") {
        return Err(unsupported_content(
            at,
            format!(
                "The file `{id}` was uploaded to OpenAI; an Anthropic model can't read it. Send \
                 its content, or upload it to Anthropic and use that id."
            ),
        ));
    }
    Ok(json!({"type": "file", "file_id": id}))
}
