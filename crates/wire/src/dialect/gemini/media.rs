//! Media parts (wire-protocols §6).

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::chat::{ChatRequest, MediaSource, Part};
use crate::error::EncodeError;
use crate::media::{MediaStore, effective_type, parse_data_url};
use crate::notes::unsupported_content;

/// Where files uploaded to the Gemini API live.
const FILES_HOST: &str = "https://generativelanguage.googleapis.com/";

/// URLs that must be fetched before the request can be encoded, without repeats, in order.
pub(super) fn to_fetch(request: &ChatRequest, target: &Target) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    let mut seen = HashSet::new();
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        let (source, fallback) = match part {
            Part::Image { source, .. } | Part::Video { source, .. } => (source, None),
            Part::Audio { source, format } => (source, type_of_format(format.as_deref())),
            Part::File {
                source, filename, ..
            } => (source, filename.as_deref().and_then(type_of_name)),
            Part::Text { .. } | Part::Refusal { .. } | Part::Unknown { .. } => continue,
        };
        if let MediaSource::Url(url) = source
            && parse_data_url(url).is_none()
            && !is_taken_by_reference(url, fallback.as_deref(), target)
            && seen.insert(url)
        {
            urls.push(url.clone());
        }
    }
    urls
}

/// A media part as Gemini takes it, or `None` for a part that is no media.
///
/// # Errors
/// What the model can't take, or what is no such media. `param` is the part's place.
pub(super) fn part(
    part: &Part,
    target: &Target,
    media: &MediaStore,
    param: &str,
) -> Result<Option<Value>, EncodeError> {
    let capabilities = &target.capabilities;
    let (source, kind, able, fallback) = match part {
        Part::Image { source, .. } => (source, "pictures", capabilities.image_input, None),
        Part::Audio { source, format } => (
            source,
            "sound",
            capabilities.audio_input,
            type_of_format(format.as_deref()),
        ),
        Part::File {
            source, filename, ..
        } => (
            source,
            "files",
            capabilities.pdf_input,
            filename.as_deref().and_then(type_of_name),
        ),
        Part::Video { source, .. } => (source, "video", capabilities.video_input, None),
        Part::Text { .. } | Part::Refusal { .. } | Part::Unknown { .. } => return Ok(None),
    };
    if !able {
        return Err(unsupported_content(
            param,
            format!("The model `{}` takes no {kind}.", target.model),
        ));
    }
    let mut out = match source {
        MediaSource::Inline { media_type, data } => inline(media_type, data, fallback, param)?,
        MediaSource::FileId(id) => by_reference(&file_uri(id, target, param)?, fallback, target),
        MediaSource::Url(url) => match (parse_data_url(url), media.get(url)) {
            (Some((media_type, data)), _) => inline(&media_type, &data, fallback, param)?,
            _ if is_taken_by_reference(url, fallback.as_deref(), target) => {
                by_reference(url, fallback, target)
            }
            (_, Some(found)) => inline(&found.media_type, &found.data, fallback, param)?,
            (_, None) => {
                return Err(unsupported_content(
                    param,
                    "The file at this URL could not be fetched. Send it as a data URL.",
                ));
            }
        },
    };
    if let Part::Video {
        settings: Some(settings),
        ..
    } = part
    {
        let settings = super::read::field(settings, "videoMetadata").unwrap_or(settings);
        out.insert("videoMetadata".into(), settings.clone());
    }
    Ok(Some(Value::Object(out)))
}

fn inline(
    said: &str,
    data: &str,
    fallback: Option<String>,
    param: &str,
) -> Result<Map<String, Value>, EncodeError> {
    let said = Some(said.split(';').next().unwrap_or_default().trim())
        .filter(|said| !said.is_empty() && *said != "application/octet-stream")
        .map_or_else(|| fallback.unwrap_or_default(), ToOwned::to_owned);
    let media_type = match effective_type(&said, data).to_ascii_lowercase().as_str() {
        // Gemini's own name of it, and the type that OpenAI's format word stands for.
        "audio/mpeg" => "audio/mp3".to_owned(),
        "audio/x-wav" | "audio/wave" => "audio/wav".to_owned(),
        "" => {
            return Err(unsupported_content(
                param,
                "The media type of this part is unknown. Name it in the data URL.",
            ));
        }
        "image/svg+xml" => {
            return Err(unsupported_content(
                param,
                "Gemini takes no SVG. Send the picture as PNG, JPEG or WebP.",
            ));
        }
        other => other.to_owned(),
    };
    let mut out = Map::new();
    out.insert(
        "inlineData".into(),
        json!({"mimeType": media_type, "data": data}),
    );
    Ok(out)
}

fn by_reference(uri: &str, fallback: Option<String>, target: &Target) -> Map<String, Value> {
    let mut file = Map::new();
    if let Some(media_type) = type_by_reference(uri, fallback.as_deref(), target) {
        file.insert("mimeType".into(), media_type.into());
    }
    file.insert("fileUri".into(), uri.into());
    let mut out = Map::new();
    out.insert("fileData".into(), file.into());
    out
}

/// The type that is said beside a reference. The Gemini API knows it of YouTube itself; Vertex AI
/// wants one of everything (`vertex/multimodal-012`).
fn type_by_reference(uri: &str, fallback: Option<&str>, target: &Target) -> Option<String> {
    if is_youtube(uri) {
        return target.endpoint.is_vertex().then(|| "video/mp4".to_owned());
    }
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    fallback
        .map(ToOwned::to_owned)
        .or_else(|| type_of_name(path))
}

fn file_uri(id: &str, target: &Target, param: &str) -> Result<String, EncodeError> {
    if id.starts_with("gs://") || is_youtube(id) {
        return Ok(id.to_owned());
    }
    if target.endpoint.is_vertex() {
        return Err(unsupported_content(
            param,
            format!(
                "The file id `{id}` means nothing to Vertex AI. Name the file in Cloud Storage \
                 (`gs://…`), or send its bytes in `file_data`."
            ),
        ));
    }
    if is_upload(id) {
        return Ok(id.to_owned());
    }
    let name = id.strip_prefix("files/").filter(|name| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    });
    name.map(|name| format!("{FILES_HOST}v1beta/files/{name}"))
        .ok_or_else(|| {
            unsupported_content(
                param,
                format!(
                    "The file id `{id}` was not issued by the Gemini Files API (`files/…`). \
                     Upload the file there, or send its bytes in `file_data`."
                ),
            )
        })
}

/// What the API reads itself: its own uploads, Google Cloud Storage, YouTube; Vertex AI any public
/// `https` URL whose type is known (wire-protocols §6).
fn is_taken_by_reference(url: &str, fallback: Option<&str>, target: &Target) -> bool {
    if url.starts_with("gs://") || is_youtube(url) {
        return true;
    }
    if target.endpoint.is_vertex() {
        // It can't sign in to the other API's uploads.
        return url.starts_with("https://")
            && !url.starts_with(FILES_HOST)
            && type_by_reference(url, fallback, target).is_some();
    }
    is_upload(url)
}

fn is_upload(url: &str) -> bool {
    url.strip_prefix(FILES_HOST)
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, rest)| rest.starts_with("files/"))
}

fn is_youtube(url: &str) -> bool {
    [
        "https://www.youtube.com/",
        "https://youtube.com/",
        "https://m.youtube.com/",
        "https://youtu.be/",
    ]
    .iter()
    .any(|start| url.starts_with(start))
}

fn type_of_format(format: Option<&str>) -> Option<String> {
    format.map(|format| format!("audio/{format}"))
}

fn type_of_name(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    let known = match extension.to_ascii_lowercase().as_str() {
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "xml" => "text/xml",
        "json" => "application/json",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        "flac" => "audio/flac",
        "ogg" => "audio/ogg",
        "mp4" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        _ => return None,
    };
    Some(known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Message, Role};
    use crate::media::Media;

    fn image(url: &str) -> Part {
        Part::Image {
            source: MediaSource::Url(url.into()),
            detail: None,
            cache_control: None,
        }
    }

    fn encode(of: &Part, store: &MediaStore) -> Result<Value, EncodeError> {
        part(of, &Target::default(), store, "p").map(|value| value.unwrap_or_default())
    }

    /// §6, row "image https URL", column Gemini.
    #[test]
    fn case_16_only_foreign_urls_are_fetched() {
        let mut message = Message::new(Role::User);
        message.parts = vec![
            image("https://a.example/x.png"),
            image("gs://bucket/y.png"),
            image("https://youtu.be/abc"),
            image("data:image/png;base64,AAAA"),
            image("https://a.example/x.png"),
            image("https://generativelanguage.googleapis.com/v1beta/files/abc"),
        ];
        let request = ChatRequest {
            messages: vec![message],
            ..ChatRequest::default()
        };
        assert_eq!(
            to_fetch(&request, &Target::default()),
            ["https://a.example/x.png"]
        );
    }

    /// §6: normalise; Vertex AI alike.
    #[test]
    fn case_16_wrong_type_svg_and_unfetched() {
        let mut store = MediaStore::default();
        store.insert(
            "https://a.example/x.png".into(),
            Media {
                media_type: "image/png".into(),
                data: "AAAA".into(),
            },
        );
        assert_eq!(
            encode(&image("https://a.example/x.png"), &store).unwrap(),
            json!({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})
        );
        assert_eq!(
            encode(&image("data:image/jpeg;base64,iVBORw0KGgo="), &store).unwrap()["inlineData"]["mimeType"],
            "image/png"
        );
        for url in [
            "https://a.example/404.png",
            "data:image/svg+xml,<svg/>",
            "data:,x",
        ] {
            assert!(encode(&image(url), &store).is_err(), "{url}");
        }
    }

    #[test]
    fn section_6_vertex_fetches_public_urls_of_known_type_itself() {
        let mut at = Target::default();
        at.endpoint.surface = crate::surface::Surface::Vertex {
            project: Some("p".into()),
            location: "global".into(),
        };
        let upload = "https://generativelanguage.googleapis.com/v1beta/files/abc";
        let mut message = Message::new(Role::User);
        message.parts = vec![
            image("https://a.example/x.png?sig=1"),
            image("https://a.example/x"),
            image("http://a.example/x.png"),
            image(upload),
            image("https://youtu.be/abc"),
        ];
        let request = ChatRequest {
            messages: vec![message],
            ..ChatRequest::default()
        };
        // Whose type is unknown, who is not reached by TLS, and what only the issuer can read.
        assert_eq!(
            to_fetch(&request, &at),
            ["https://a.example/x", "http://a.example/x.png", upload]
        );
        let store = MediaStore::default();
        let sent = |of: &Part| part(of, &at, &store, "p").map(Option::unwrap_or_default);
        assert_eq!(
            sent(&image("https://a.example/x.png?sig=1")).unwrap(),
            json!({"fileData": {"mimeType": "image/png",
                "fileUri": "https://a.example/x.png?sig=1"}})
        );
        assert_eq!(
            sent(&image("https://youtu.be/abc")).unwrap()["fileData"]["mimeType"],
            "video/mp4"
        );
        let file = |id: &str| Part::File {
            source: MediaSource::FileId(id.into()),
            filename: Some("a.pdf".into()),
            cache_control: None,
        };
        let error = sent(&file("files/abc-1")).unwrap_err();
        assert!(error.message.contains("Cloud Storage"), "{}", error.message);
        assert_eq!(
            sent(&file("gs://b/a")).unwrap()["fileData"],
            json!({"mimeType": "application/pdf", "fileUri": "gs://b/a"})
        );
    }

    /// §6, rows "audio", "PDF/file", "video"; Vertex AI alike.
    #[test]
    fn files_sound_and_video() {
        let store = MediaStore::default();
        let audio = Part::Audio {
            source: MediaSource::Inline {
                media_type: String::new(),
                data: "AAAA".into(),
            },
            format: Some("mp3".into()),
        };
        assert_eq!(
            encode(&audio, &store).unwrap()["inlineData"]["mimeType"],
            "audio/mp3"
        );
        let file = |id: &str| Part::File {
            source: MediaSource::FileId(id.into()),
            filename: Some("a.pdf".into()),
            cache_control: None,
        };
        assert_eq!(
            encode(&file("files/abc-1"), &store).unwrap(),
            json!({"fileData": {"mimeType": "application/pdf",
                "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc-1"}})
        );
        assert!(encode(&file("file-openai"), &store).is_err());
        assert!(encode(&file("files/../x"), &store).is_err());
        let video = Part::Video {
            source: MediaSource::Url("https://youtu.be/abc".into()),
            settings: Some(json!({"fps": 2})),
        };
        assert_eq!(
            encode(&video, &store).unwrap(),
            json!({"fileData": {"fileUri": "https://youtu.be/abc"}, "videoMetadata": {"fps": 2}})
        );
        let mut blind = Target::default();
        blind.capabilities.video_input = false;
        assert!(part(&video, &blind, &store, "p").is_err());
    }
}
