//! Content parts: text, pictures, and text files as documents (wire-protocols §6, column Cohere).

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::v1;
use crate::adapter::Target;
use crate::chat::{ChatRequest, MediaSource, Part};
use crate::error::EncodeError;
use crate::media::urls_to_fetch;
use crate::media::{MediaStore, effective_type};
use crate::notes::{Notes, invalid, unsupported_content};

/// Picture types that the API takes.
const IMAGE_TYPES: [&str; 4] = ["image/png", "image/jpeg", "image/webp", "image/gif"];

/// Why v1 is sent no pictures.
pub(super) const NO_PICTURES_IN_V1: &str = "Cohere's v1 API takes no pictures. Use a provider that \
                                            speaks v2, or another model.";

/// What turning parts into the wire's depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) target: &'a Target,
    pub(super) media: &'a MediaStore,
}

/// One part as the wire has it.
#[derive(Debug)]
pub(super) enum Item {
    /// Plain text.
    Text(String),
    /// An `image_url` item.
    Image(Value),
    /// A document: `{id?, data}`.
    Document(Value),
}

/// URLs whose bytes must be at hand before the request is encoded.
pub(super) fn media_to_fetch(request: &ChatRequest, target: &Target) -> Vec<String> {
    let pictures = !v1::is_spoken(&target.endpoint);
    urls_to_fetch(&request.messages, |part, url| match part {
        Part::Image { .. } => pictures && !passes(url, target),
        Part::File { .. } => true,
        _ => false,
    })
}

/// Whether the API fetches this picture itself: recorded with `https` only.
fn passes(url: &str, target: &Target) -> bool {
    target.endpoint.first_party && target.capabilities.fetches_urls && url.starts_with("https://")
}

/// One part of a user message or tool result; `None` if there is nothing to send.
pub(super) fn item(
    part: &Part,
    at: &str,
    context: Context<'_>,
    notes: &mut Notes,
) -> Result<Option<Item>, EncodeError> {
    match part {
        Part::Text {
            text,
            cache_control,
        } => {
            marked(cache_control.is_some(), notes)?;
            Ok((!text.is_empty()).then(|| Item::Text(text.clone())))
        }
        Part::Refusal { text } => Ok((!text.is_empty()).then(|| Item::Text(text.clone()))),
        Part::Image {
            source,
            detail,
            cache_control,
        } => {
            marked(cache_control.is_some(), notes)?;
            image(source, detail.as_deref(), at, context, notes).map(|item| Some(Item::Image(item)))
        }
        Part::File {
            source,
            filename,
            cache_control,
        } => {
            marked(cache_control.is_some(), notes)?;
            file(source, filename.as_deref(), at, context).map(Some)
        }
        Part::Audio { .. } => Err(unsupported_content(
            at,
            "Cohere models take no audio. Send a transcript, or use a model that listens.",
        )),
        Part::Video { .. } => Err(unsupported_content(
            at,
            "Cohere models take no video. Send pictures of it, or use a model that takes video.",
        )),
        // The API's own part of tool results, given as it is.
        Part::Unknown { kind, value } if kind == "document" => value
            .get("document")
            .filter(|document| document.get("data").is_some_and(Value::is_object))
            .map(|document| Some(Item::Document(document.clone())))
            .ok_or_else(|| invalid(at, "A `document` part needs `document.data`, an object.")),
        Part::Unknown { kind, .. } => Err(unsupported_content(
            at,
            format!("Content parts of type `{kind}` can't be sent to a Cohere model."),
        )),
    }
}

/// Names a prompt-cache mark, which the API has none of.
pub(super) fn marked(is_marked: bool, notes: &mut Notes) -> Result<(), EncodeError> {
    if is_marked {
        notes.drop(
            "messages[].content[].cache_control",
            "it takes no prompt-cache marks",
        )?;
    }
    Ok(())
}

fn image(
    source: &MediaSource,
    detail: Option<&str>,
    at: &str,
    context: Context<'_>,
    notes: &mut Notes,
) -> Result<Value, EncodeError> {
    if v1::is_spoken(&context.target.endpoint) {
        return Err(unsupported_content(at, NO_PICTURES_IN_V1));
    }
    if !context.target.capabilities.image_input {
        return Err(unsupported_content(
            at,
            format!("`{}` takes no pictures.", context.target.model),
        ));
    }
    let url = match source {
        MediaSource::Url(url) if passes(url, context.target) => url.clone(),
        MediaSource::Inline { .. } | MediaSource::Url(_) => {
            let (media_type, data) = bytes_of(source, at, context)?;
            if !IMAGE_TYPES.contains(&media_type.as_str()) {
                return Err(unsupported_content(
                    at,
                    format!(
                        "Cohere models take PNG, JPEG, WebP and GIF pictures, not `{media_type}`. \
                         Convert it."
                    ),
                ));
            }
            format!("data:{media_type};base64,{data}")
        }
        MediaSource::FileId(id) => return Err(no_uploads(id, at)),
    };
    let mut image = Map::new();
    image.insert("url".to_owned(), url.into());
    match detail {
        Some("original") => {
            notes.change("messages[].content[].image_url.detail", "high");
            image.insert("detail".to_owned(), "high".into());
        }
        Some(detail) => {
            image.insert("detail".to_owned(), detail.into());
        }
        None => {}
    }
    Ok(json!({"type": "image_url", "image_url": image}))
}

/// A file: a picture, or text that goes out as a document.
fn file(
    source: &MediaSource,
    filename: Option<&str>,
    at: &str,
    context: Context<'_>,
) -> Result<Item, EncodeError> {
    if let MediaSource::FileId(id) = source {
        return Err(no_uploads(id, at));
    }
    let (media_type, data) = bytes_of(source, at, context)?;
    if IMAGE_TYPES.contains(&media_type.as_str()) && context.target.capabilities.image_input {
        let url = format!("data:{media_type};base64,{data}");
        return Ok(Item::Image(
            json!({"type": "image_url", "image_url": {"url": url}}),
        ));
    }
    let is_text = !["image/", "audio/", "video/"]
        .iter()
        .any(|kind| media_type.starts_with(kind))
        && media_type != "application/pdf";
    let text = is_text
        .then(|| base64::engine::general_purpose::STANDARD.decode(data).ok())
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|text| !text.contains('\0'));
    let Some(text) = text else {
        return Err(unsupported_content(
            at,
            format!(
                "Cohere models take documents as text, not `{}`. Send the text of the file, or \
                 use a model that reads such files.",
                if media_type.is_empty() {
                    "application/octet-stream"
                } else {
                    &media_type
                }
            ),
        ));
    };
    if text.trim().is_empty() {
        return Err(invalid(at, "The file is empty."));
    }
    let mut fields = Map::new();
    if let Some(name) = filename.filter(|name| !name.is_empty()) {
        fields.insert("title".to_owned(), name.into());
    }
    fields.insert("text".to_owned(), text.into());
    Ok(Item::Document(json!({ "data": fields })))
}

fn no_uploads(id: &str, at: &str) -> EncodeError {
    unsupported_content(
        at,
        format!("The file `{id}` was uploaded to another provider. Send its content."),
    )
}

/// Type and base64 of media that goes inline.
fn bytes_of<'a>(
    source: &'a MediaSource,
    at: &str,
    context: Context<'a>,
) -> Result<(String, &'a str), EncodeError> {
    let (said, data) = match source {
        MediaSource::Inline { media_type, data } => (media_type.as_str(), data.as_str()),
        MediaSource::Url(url) => match context.media.get(url) {
            Some(media) => (media.media_type.as_str(), media.data.as_str()),
            None => {
                return Err(invalid(
                    at,
                    "The URL could not be fetched. Send an `https` URL that is reachable, or the \
                     content itself as a data URL.",
                ));
            }
        },
        MediaSource::FileId(_) => ("", ""),
    };
    let said = said.split(';').next().unwrap_or_default().trim();
    Ok((effective_type(said, data), data))
}
