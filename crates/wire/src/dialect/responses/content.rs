//! Content parts as the API's `input_…` parts (wire-protocols §6).

use serde_json::{Value, json};

use crate::adapter::Target;
use crate::chat::{CacheControl, ChatRequest, MediaSource, Part};
use crate::error::EncodeError;
use crate::json::set_member;
use crate::media::{MediaStore, effective_type};
use crate::notes::{Notes, unsupported_content};

/// What turning parts into the wire's depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) target: &'a Target,
    pub(super) media: &'a MediaStore,
}

/// URLs that the target does not fetch itself.
pub(super) fn media_to_fetch(request: &ChatRequest, target: &Target) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    for part in parts {
        let (Part::Image {
            source: MediaSource::Url(url),
            ..
        }
        | Part::File {
            source: MediaSource::Url(url),
            ..
        }) = part
        else {
            continue;
        };
        if !passes_url(url, target) && !urls.contains(url) {
            urls.push(url.clone());
        }
    }
    urls
}

/// Whether the API fetches this URL itself.
fn passes_url(url: &str, target: &Target) -> bool {
    target.capabilities.fetches_urls && !url.starts_with("gs://")
}

/// One part of a message or tool result; `place` names it to the caller.
pub(super) fn part(
    part: &Part,
    place: &str,
    context: Context<'_>,
    notes: &mut Notes,
) -> Result<Value, EncodeError> {
    let takes = &context.target.capabilities;
    let require = |taken: bool, what: &str| match taken {
        true => Ok(()),
        false => Err(unsupported_content(
            place,
            format!("The model `{}` takes no {what}.", context.target.model),
        )),
    };
    let (mut wire, marked) = match part {
        Part::Text {
            text,
            cache_control,
        } => (json!({"type": "input_text", "text": text}), cache_control),
        Part::Refusal { text } => (json!({"type": "input_text", "text": text}), &None),
        Part::Image {
            source,
            detail,
            cache_control,
        } => {
            require(takes.image_input, "pictures")?;
            (
                image(source, detail.as_deref(), place, context)?,
                cache_control,
            )
        }
        Part::File {
            source,
            filename,
            cache_control,
        } => {
            require(takes.pdf_input, "documents")?;
            (
                file(source, filename.as_deref(), place, context)?,
                cache_control,
            )
        }
        Part::Audio { .. } => {
            return Err(unsupported_content(
                place,
                format!(
                    "The model `{}` is called over the Responses API, which takes no sound. Send \
                     a transcript, or choose an audio model.",
                    context.target.model
                ),
            ));
        }
        Part::Video { .. } => {
            return Err(unsupported_content(
                place,
                format!("The model `{}` takes no video.", context.target.model),
            ));
        }
        // A part of this API's own that the caller wrote.
        Part::Unknown { kind, value } if kind.starts_with("input_") => (value.clone(), &None),
        Part::Unknown { kind, .. } => {
            return Err(unsupported_content(
                place,
                format!(
                    "Parts of type `{kind}` can't be sent to `{}`.",
                    context.target.model
                ),
            ));
        }
    };
    mark(&mut wire, marked.as_ref(), context.target, notes)?;
    Ok(wire)
}

/// A prompt-cache mark is a breakpoint where the model has them.
fn mark(
    part: &mut Value,
    mark: Option<&CacheControl>,
    target: &Target,
    notes: &mut Notes,
) -> Result<(), EncodeError> {
    if mark.is_none() {
        return Ok(());
    }
    if target.capabilities.cache_breakpoints {
        set_member(part, "prompt_cache_breakpoint", json!({"mode": "explicit"}));
        return Ok(());
    }
    notes.drop(
        "messages[].content[].cache_control",
        "it takes no prompt-cache marks",
    )
}

fn image(
    source: &MediaSource,
    detail: Option<&str>,
    place: &str,
    context: Context<'_>,
) -> Result<Value, EncodeError> {
    let mut wire = match source {
        MediaSource::FileId(id) => json!({"type": "input_image", "file_id": id}),
        MediaSource::Url(url)
            if context.media.get(url).is_none() && passes_url(url, context.target) =>
        {
            json!({"type": "input_image", "image_url": url})
        }
        _ => {
            let (media_type, data) = inline(source, place, context)?;
            if media_type == "image/svg+xml" {
                return Err(unsupported_content(
                    place,
                    "SVG pictures are not taken. Send PNG, JPEG, GIF or WebP.",
                ));
            }
            json!({"type": "input_image", "image_url": data_url(&media_type, &data)})
        }
    };
    if let Some(detail) = detail {
        set_member(&mut wire, "detail", detail.to_owned());
    }
    Ok(wire)
}

fn file(
    source: &MediaSource,
    filename: Option<&str>,
    place: &str,
    context: Context<'_>,
) -> Result<Value, EncodeError> {
    match source {
        MediaSource::FileId(id) => return Ok(json!({"type": "input_file", "file_id": id})),
        MediaSource::Url(url)
            if context.media.get(url).is_none() && passes_url(url, context.target) =>
        {
            return Ok(json!({"type": "input_file", "file_url": url}));
        }
        _ => {}
    }
    let (media_type, data) = inline(source, place, context)?;
    match media_type.split('/').next() {
        // A picture is none of the file types that are taken, and is a part of its own.
        Some("image") => {
            return Ok(json!({"type": "input_image", "image_url": data_url(&media_type, &data)}));
        }
        Some("audio" | "video") => {
            return Err(unsupported_content(
                place,
                format!("Files of type `{media_type}` are not taken. Send a document."),
            ));
        }
        _ => {}
    }
    let media_type = match media_type.as_str() {
        "" => "application/pdf",
        media_type => media_type,
    };
    Ok(json!({
        "type": "input_file",
        // File data without a name is refused.
        "filename": filename.unwrap_or("document.pdf"),
        "file_data": data_url(media_type, &data),
    }))
}

fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

/// MIME type and base64 of a source that must be inline.
fn inline(
    source: &MediaSource,
    place: &str,
    context: Context<'_>,
) -> Result<(String, String), EncodeError> {
    match source {
        MediaSource::Inline { media_type, data } => {
            Ok((effective_type(media_type, data), data.clone()))
        }
        MediaSource::Url(url) => match context.media.get(url) {
            Some(media) => Ok((media.media_type.clone(), media.data.clone())),
            None => Err(unsupported_content(
                place,
                "The URL could not be fetched. Send the data inline.",
            )),
        },
        MediaSource::FileId(id) => Err(unsupported_content(
            place,
            format!("The uploaded file `{id}` can't be used here. Send the data inline."),
        )),
    }
}
