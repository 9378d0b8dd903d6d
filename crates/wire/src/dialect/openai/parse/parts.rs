//! Content of a message: a string, null, or a list of parts.

use serde_json::Value;

use super::fields::{Fields, invalid_type, invalid_value, missing};
use crate::chat::{MediaSource, Part};
use crate::error::ParseError;
use crate::media::parse_data_url;

/// Reads `content`. Empty text is no part.
pub(super) fn content(
    value: Option<Value>,
    path: &str,
    unread: &mut Vec<String>,
) -> Result<Vec<Part>, ParseError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text {
            text,
            cache_control: None,
        }]),
        Some(Value::Array(items)) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| part(item, &format!("{path}[{at}]"), unread))
            .collect(),
        Some(_) => Err(invalid_type(path, "a string or a list of content parts")),
    }
}

/// Takes `thinking` parts (Mistral's lists of text, Anthropic's text) out of an assistant's content; gives their text.
pub(super) fn take_thinking(content: &mut Value) -> Option<String> {
    let parts = content.as_array_mut()?;
    let is_thinking = |part: &Value| part.get("type").and_then(Value::as_str) == Some("thinking");
    let mut text = String::new();
    let mut any = false;
    parts.retain(|part| {
        if !is_thinking(part) {
            return true;
        }
        any = true;
        match part.get("thinking") {
            Some(Value::String(whole)) => text.push_str(whole),
            Some(Value::Array(pieces)) => {
                let pieces = pieces
                    .iter()
                    .filter_map(|piece| piece.get("text")?.as_str());
                text.extend(pieces);
            }
            _ => {}
        }
        false
    });
    any.then_some(text)
}

fn part(item: Value, path: &str, unread: &mut Vec<String>) -> Result<Part, ParseError> {
    let whole = item.clone();
    let mut fields = Fields::of(item, path)?;
    let kind = fields.required_string("type", "Say what the part is: `text`, `image_url`, …")?;
    let parsed = match kind.as_str() {
        "text" => Part::Text {
            text: text(&mut fields, "text")?,
            cache_control: fields.cache_mark()?,
        },
        "refusal" => Part::Refusal {
            text: text(&mut fields, "refusal")?,
        },
        "image_url" => image(&mut fields, unread)?,
        "input_audio" => audio(&mut fields, unread)?,
        "file" => file(&mut fields, unread)?,
        "video_url" => video(&mut fields)?,
        // Mistral's form of a file.
        "document_url" => document(&mut fields)?,
        _ => return Ok(Part::Unknown { kind, value: whole }),
    };
    fields.rest(unread);
    Ok(parsed)
}

/// A string that must be there and may be empty.
fn text(fields: &mut Fields, key: &str) -> Result<String, ParseError> {
    fields
        .string(key)?
        .ok_or_else(|| missing(&fields.path_of(key), "Send the text."))
}

/// A member that is an object, or a bare string standing for its `url` or `data`.
fn object_or_string(fields: &mut Fields, key: &str, inner: &str) -> Result<Fields, ParseError> {
    let path = fields.path_of(key);
    match fields.take(key) {
        Some(Value::String(text)) => {
            let mut members = serde_json::Map::new();
            members.insert(inner.to_owned(), Value::String(text));
            Fields::of(Value::Object(members), path)
        }
        Some(value) => Fields::of(value, path),
        None => Err(missing(&path, &format!("Send an object with `{inner}`."))),
    }
}

fn image(fields: &mut Fields, unread: &mut Vec<String>) -> Result<Part, ParseError> {
    let mut image = object_or_string(fields, "image_url", "url")?;
    let path = image.path_of("url");
    let url = image.required_string("url", "Send an `https` URL or a `data:` URL.")?;
    let detail = image.string("detail")?;
    image.rest(unread);
    Ok(Part::Image {
        source: url_source(url, &path)?,
        detail,
        cache_control: fields.cache_mark()?,
    })
}

fn audio(fields: &mut Fields, unread: &mut Vec<String>) -> Result<Part, ParseError> {
    let mut audio = object_or_string(fields, "input_audio", "data")?;
    let data = audio.required_string("data", "Send the sound as base64.")?;
    let format = audio.string("format")?;
    audio.rest(unread);
    let source = match parse_data_url(&data) {
        Some((media_type, data)) => MediaSource::Inline { media_type, data },
        None if is_url(&data) => MediaSource::Url(data),
        None => MediaSource::Inline {
            media_type: match format.as_deref() {
                Some("mp3") => "audio/mpeg".to_owned(),
                Some(format) => format!("audio/{format}"),
                None => String::new(),
            },
            data: without_breaks(data),
        },
    };
    Ok(Part::Audio { source, format })
}

fn file(fields: &mut Fields, unread: &mut Vec<String>) -> Result<Part, ParseError> {
    let path = fields.path_of("file");
    let mut file = fields
        .object("file")?
        .ok_or_else(|| missing(&path, "Send an object with `file_data` or `file_id`."))?;
    let filename = file.string("filename")?;
    let data = file.string("file_data")?;
    let id = file.string("file_id")?;
    let url = file.string("file_url")?;
    let source = match (data, id, url) {
        (Some(data), _, _) => match parse_data_url(&data) {
            Some((media_type, data)) => MediaSource::Inline { media_type, data },
            None if is_url(&data) => MediaSource::Url(data),
            None => MediaSource::Inline {
                media_type: String::new(),
                data: without_breaks(data),
            },
        },
        (None, Some(id), _) => MediaSource::FileId(id),
        (None, None, Some(url)) => url_source(url, &file.path_of("file_url"))?,
        (None, None, None) => {
            return Err(missing(
                &file.path_of("file_data"),
                "Send the file as a `data:` URL, or its `file_id`.",
            ));
        }
    };
    file.rest(unread);
    Ok(Part::File {
        source,
        filename,
        cache_control: fields.cache_mark()?,
    })
}

fn document(fields: &mut Fields) -> Result<Part, ParseError> {
    let mut document = object_or_string(fields, "document_url", "url")?;
    let path = document.path_of("url");
    let url = document.required_string("url", "Send an `https` URL or a `data:` URL.")?;
    Ok(Part::File {
        source: url_source(url, &path)?,
        filename: fields.string("document_name")?,
        cache_control: fields.cache_mark()?,
    })
}

fn video(fields: &mut Fields) -> Result<Part, ParseError> {
    let mut video = object_or_string(fields, "video_url", "url")?;
    let path = video.path_of("url");
    let url = video.required_string("url", "Send an `https` URL or a `data:` URL.")?;
    let settings = video.into_members();
    Ok(Part::Video {
        source: url_source(url, &path)?,
        settings: (!settings.is_empty()).then_some(Value::Object(settings)),
    })
}

fn url_source(url: String, path: &str) -> Result<MediaSource, ParseError> {
    if let Some((media_type, data)) = parse_data_url(&url) {
        return Ok(MediaSource::Inline { media_type, data });
    }
    if is_url(&url) {
        return Ok(MediaSource::Url(url));
    }
    Err(invalid_value(
        path,
        &format!(
            "`{path}` is no URL that can be fetched. Send an `https` URL or a \
             `data:<type>;base64,<data>` URL."
        ),
    ))
}

fn is_url(text: &str) -> bool {
    ["https://", "http://", "gs://", "s3://"]
        .iter()
        .any(|scheme| {
            text.get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme))
        })
}

fn without_breaks(data: String) -> String {
    if data.bytes().any(|byte| byte.is_ascii_whitespace()) {
        data.chars()
            .filter(|character| !character.is_ascii_whitespace())
            .collect()
    } else {
        data
    }
}
