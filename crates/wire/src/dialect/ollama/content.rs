//! Content parts: text, and pictures as bare base64 beside it (wire-protocols §6).

use crate::adapter::Target;
use crate::chat::{ChatRequest, MediaSource, Part};
use crate::error::EncodeError;
use crate::media::{MediaStore, urls_to_fetch};
use crate::notes::{Notes, unsupported_content};

/// Picture types that the server decodes.
const IMAGE_TYPES: [&str; 3] = ["image/png", "image/jpeg", "image/webp"];

/// What the parts of a message come to.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// Its text parts, a line each.
    pub(super) text: String,
    /// Base64, in order.
    pub(super) images: Vec<String>,
}

impl Content {
    pub(super) const fn is_empty(&self) -> bool {
        self.text.is_empty() && self.images.is_empty()
    }

    fn say(&mut self, text: &str) {
        if !self.text.is_empty() && !text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }
}

/// URLs whose bytes must be at hand before the request is encoded: the server fetches nothing.
pub(super) fn media_to_fetch(request: &ChatRequest) -> Vec<String> {
    urls_to_fetch(&request.messages, |part, _| {
        matches!(part, Part::Image { .. } | Part::File { .. })
    })
}

/// The content of a user message or tool result.
pub(super) fn read(
    parts: &[Part],
    at: usize,
    target: &Target,
    media: &MediaStore,
    notes: &mut Notes,
) -> Result<Content, EncodeError> {
    let mut content = Content::default();
    for (index, part) in parts.iter().enumerate() {
        let at = format!("messages[{at}].content[{index}]");
        match part {
            Part::Text {
                text,
                cache_control,
            } => {
                marked(cache_control.is_some(), notes)?;
                content.say(text);
            }
            Part::Refusal { text } => content.say(text),
            Part::Image {
                source,
                detail,
                cache_control,
            } => {
                marked(cache_control.is_some(), notes)?;
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    notes.drop(
                        "messages[].content[].image_url.detail",
                        "the server has no such choice",
                    )?;
                }
                content.images.push(image(source, &at, target, media)?);
            }
            Part::File {
                source,
                filename: _,
                cache_control,
            } => {
                marked(cache_control.is_some(), notes)?;
                content.images.push(image(source, &at, target, media)?);
            }
            Part::Audio { .. } => {
                return Err(unsupported_content(
                    at,
                    "Ollama's API takes no sound. Send a transcript, or use a model that listens.",
                ));
            }
            Part::Video { .. } => {
                return Err(unsupported_content(
                    at,
                    "Ollama's API takes no video. Send pictures of it, or use a model that takes \
                     video.",
                ));
            }
            Part::Unknown { kind, .. } => {
                return Err(unsupported_content(
                    at,
                    format!("Content parts of type `{kind}` can't be sent to Ollama."),
                ));
            }
        }
    }
    Ok(content)
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
    at: &str,
    target: &Target,
    media: &MediaStore,
) -> Result<String, EncodeError> {
    if let MediaSource::FileId(id) = source {
        return Err(unsupported_content(
            at,
            format!("The file `{id}` was uploaded to another provider. Send its content."),
        ));
    }
    let (media_type, data) = media.bytes_of(source, at)?;
    if !media_type.starts_with("image/") {
        return Err(unsupported_content(
            at,
            format!(
                "Ollama's API takes text and pictures, not `{}`. Send the text of the file, or use \
                 a model that reads such files.",
                if media_type.is_empty() {
                    "application/octet-stream"
                } else {
                    &media_type
                }
            ),
        ));
    }
    if !target.capabilities.image_input {
        return Err(unsupported_content(
            at,
            format!("`{}` takes no pictures.", target.model),
        ));
    }
    if !IMAGE_TYPES.contains(&media_type.as_str()) {
        return Err(unsupported_content(
            at,
            format!("Ollama takes PNG, JPEG and WebP pictures, not `{media_type}`. Convert it."),
        ));
    }
    Ok(data.to_owned())
}
