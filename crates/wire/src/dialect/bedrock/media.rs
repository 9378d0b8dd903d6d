//! Pictures, documents, sound and video as Converse blocks: bytes only, and names that the API takes
//! (wire-protocols §6).

use std::collections::BTreeSet;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::chat::{ChatRequest, MediaSource};
use crate::dialect::block_turns::Context;
use crate::error::EncodeError;
use crate::media::urls_to_fetch;
use crate::notes::{invalid, unsupported_content};

/// Document types: MIME type, format on the wire, and other names of the format.
const DOCUMENTS: [(&str, &str); 9] = [
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
    ),
    ("application/vnd.ms-excel", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "xlsx",
    ),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
];

/// Formats of sound by MIME type.
const SOUNDS: [(&str, &str); 13] = [
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/flac", "flac"),
    ("audio/aac", "aac"),
    ("audio/x-aac", "x-aac"),
    ("audio/mp4", "m4a"),
    ("audio/x-m4a", "m4a"),
    ("audio/webm", "webm"),
    ("audio/x-matroska", "mka"),
];

/// Formats of video by MIME type.
const VIDEOS: [(&str, &str); 9] = [
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
    ("video/x-matroska", "mkv"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/mpg", "mpg"),
    ("video/x-ms-wmv", "wmv"),
    ("video/3gpp", "three_gp"),
];

/// Formats of pictures by MIME type.
const PICTURES: [(&str, &str); 4] = [
    ("image/png", "png"),
    ("image/jpeg", "jpeg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
];

/// Longest name of a document; a count behind it must fit into 200 too.
const NAME_CHARS_MAX: usize = 190;

/// URLs whose bytes must be at hand before the request is encoded: the API fetches none.
pub(super) fn to_fetch(request: &ChatRequest) -> Vec<String> {
    urls_to_fetch(&request.messages, |_, _| true)
}

/// Names of documents that were given out: each is used once in a request.
#[derive(Debug, Default)]
pub(super) struct DocumentNames(BTreeSet<String>);

impl DocumentNames {
    /// A file's name as the API takes it: letters, digits, single spaces, hyphens, brackets.
    fn give(&mut self, filename: Option<&str>) -> String {
        let stem = filename.unwrap_or_default();
        let stem = match stem.rsplit_once('.') {
            Some((stem, extension)) if extension.len() <= 5 => stem,
            _ => stem,
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-()[] ".contains(c);
        let mapped: String = stem
            .chars()
            .map(|c| if allowed(c) { c } else { '-' })
            .take(NAME_CHARS_MAX)
            .collect();
        let words: Vec<&str> = mapped.split(' ').filter(|word| !word.is_empty()).collect();
        let base = match words.join(" ") {
            name if name.bytes().any(|byte| byte.is_ascii_alphanumeric()) => name,
            _ => "Document".to_owned(),
        };
        let name = (1_usize..)
            .map(|nth| match nth {
                1 => base.clone(),
                _ => format!("{base} ({nth})"),
            })
            .find(|name| !self.0.contains(name))
            .unwrap_or_else(|| base.clone());
        self.0.insert(name.clone());
        name
    }
}

/// A picture.
pub(super) fn image(
    source: &MediaSource,
    at: &str,
    context: Context<'_>,
) -> Result<Value, EncodeError> {
    if !context.target.capabilities.image_input {
        return Err(takes_no(at, context, "pictures"));
    }
    let bytes = Bytes::of(source, at, context)?;
    let Some(format) = format_of(&PICTURES, &bytes.media_type, bytes.extension) else {
        return Err(unsupported_content(
            at,
            format!(
                "Bedrock takes PNG, JPEG, GIF and WebP pictures, not `{}`. Convert it.",
                bytes.media_type
            ),
        ));
    };
    Ok(json!({"image": {"format": format, "source": bytes.source}}))
}

/// A file: a document, or what its bytes prove it to be.
pub(super) fn file(
    source: &MediaSource,
    filename: Option<&str>,
    at: &str,
    context: Context<'_>,
    names: &mut DocumentNames,
) -> Result<Value, EncodeError> {
    let bytes = Bytes::of(source, at, context)?;
    match bytes.media_type.split('/').next() {
        Some("image") => return image(source, at, context),
        Some("audio") => return audio(source, None, at, context),
        Some("video") => return video(source, at, context),
        _ => {}
    }
    let extension = filename
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, extension)| extension)
        .or(bytes.extension);
    let vague = matches!(
        bytes.media_type.as_str(),
        "" | "application/octet-stream" | "text/plain"
    );
    let by_name = format_of(&DOCUMENTS, "", extension);
    let by_type = format_of(&DOCUMENTS, &bytes.media_type, None);
    let format = match (vague, by_name, by_type) {
        (true, Some(format), _) | (false, _, Some(format)) | (_, Some(format), None) => format,
        (true, None, Some(format)) => format,
        // Everything that is text goes as text.
        _ if bytes.is_text() => "txt",
        _ => {
            return Err(unsupported_content(
                at,
                format!(
                    "Bedrock takes PDF, CSV, Word, Excel, HTML, Markdown and text files, not `{}`.",
                    if bytes.media_type.is_empty() {
                        "application/octet-stream"
                    } else {
                        &bytes.media_type
                    }
                ),
            ));
        }
    };
    if format == "pdf" && !context.target.capabilities.pdf_input {
        return Err(takes_no(at, context, "PDF documents"));
    }
    if bytes.is_empty {
        return Err(invalid(at, "The file is empty."));
    }
    let name = names.give(filename);
    Ok(json!({"document": {"format": format, "name": name, "source": bytes.source}}))
}

/// A sound clip; `said` is OpenAI's `format`.
pub(super) fn audio(
    source: &MediaSource,
    said: Option<&str>,
    at: &str,
    context: Context<'_>,
) -> Result<Value, EncodeError> {
    if !context.target.capabilities.audio_input {
        return Err(takes_no(at, context, "sound"));
    }
    let bytes = Bytes::of(source, at, context)?;
    let extension = said.or(bytes.extension);
    let Some(format) = format_of(&SOUNDS, &bytes.media_type, extension) else {
        return Err(unsupported_content(
            at,
            "Bedrock takes sound as MP3, WAV, OGG, Opus, FLAC, AAC, M4A or WebM. Convert it.",
        ));
    };
    Ok(json!({"audio": {"format": format, "source": bytes.source}}))
}

/// A moving picture.
pub(super) fn video(
    source: &MediaSource,
    at: &str,
    context: Context<'_>,
) -> Result<Value, EncodeError> {
    if !context.target.capabilities.video_input {
        return Err(takes_no(at, context, "video"));
    }
    let bytes = Bytes::of(source, at, context)?;
    let Some(format) = format_of(&VIDEOS, &bytes.media_type, bytes.extension) else {
        return Err(unsupported_content(
            at,
            "Bedrock takes video as MP4, MOV, WebM, MKV, FLV, MPEG, WMV or 3GP. Convert it.",
        ));
    };
    Ok(json!({"video": {"format": format, "source": bytes.source}}))
}

fn takes_no(at: &str, context: Context<'_>, what: &str) -> EncodeError {
    unsupported_content(at, format!("`{}` takes no {what}.", context.target.model))
}

/// The format of a MIME type, else the one that is named like the extension.
fn format_of(
    table: &[(&'static str, &'static str)],
    media_type: &str,
    extension: Option<&str>,
) -> Option<&'static str> {
    let by_type = table.iter().find(|(known, _)| *known == media_type);
    let extension = match extension.map(str::to_ascii_lowercase) {
        Some(other) if other == "jpg" => Some("jpeg".to_owned()),
        Some(other) if other == "htm" => Some("html".to_owned()),
        Some(other) if other == "3gp" => Some("three_gp".to_owned()),
        other => other,
    };
    let by_name = || {
        table
            .iter()
            .find(|(_, format)| Some(*format) == extension.as_deref())
    };
    by_type.or_else(by_name).map(|(_, format)| *format)
}

/// Media as the wire's `source`, with what is known of its type.
struct Bytes<'a> {
    media_type: String,
    /// Of the URL, if there is one.
    extension: Option<&'a str>,
    source: Value,
    data: &'a str,
    is_empty: bool,
}

impl<'a> Bytes<'a> {
    fn of(source: &'a MediaSource, at: &str, context: Context<'a>) -> Result<Self, EncodeError> {
        let extension = match source {
            MediaSource::Url(url) => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                path.rsplit('/')
                    .next()
                    .and_then(|name| Some(name.rsplit_once('.')?.1))
            }
            MediaSource::Inline { .. } | MediaSource::FileId(_) => None,
        };
        match source {
            MediaSource::FileId(id) => Err(unsupported_content(
                at,
                format!("The file `{id}` was uploaded to another provider. Send its content."),
            )),
            // The model's account reads its own bucket; some models refuse it upstream.
            MediaSource::Url(url) if url.starts_with("s3://") => Ok(Self {
                media_type: String::new(),
                extension,
                source: json!({"s3Location": {"uri": url}}),
                data: "",
                is_empty: false,
            }),
            MediaSource::Inline { .. } | MediaSource::Url(_) => {
                let (media_type, data) = context.media.bytes_of(source, at)?;
                Ok(Self {
                    media_type,
                    extension,
                    source: json!({"bytes": data}),
                    data,
                    is_empty: data.is_empty(),
                })
            }
        }
    }

    fn is_text(&self) -> bool {
        base64::engine::general_purpose::STANDARD
            .decode(self.data)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .is_some_and(|text| !self.data.is_empty() && !text.contains('\0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_6_document_names_are_clean_and_used_once() {
        let mut names = DocumentNames::default();
        for (given, name) in [
            (Some("Q3_report (final).pdf"), "Q3-report (final)"),
            (Some("Q3_report (final).txt"), "Q3-report (final) (2)"),
            (Some("a   b\tc.pdf"), "a b-c"),
            (Some("größe.csv"), "gr--e"),
            (Some("...."), "Document"),
            (None, "Document (2)"),
        ] {
            assert_eq!(names.give(given), name);
        }
        let long = "x".repeat(500);
        assert!(names.give(Some(&long)).len() <= 200);
        assert!(names.give(Some(&long)).len() <= 200);
    }
}
