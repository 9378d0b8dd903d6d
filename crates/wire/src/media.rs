//! Bytes of media that a caller named by URL and a target needs inline.

use std::collections::HashMap;

use crate::chat::MediaSource;
use crate::error::EncodeError;
use crate::notes::invalid;

/// Media fetched for one request, by the URL that the request names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MediaStore {
    items: HashMap<String, Media>,
}

/// One fetched file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// MIME type as sniffed from the bytes, else as the server said.
    pub media_type: String,
    /// Standard base64.
    pub data: String,
}

impl MediaStore {
    /// Adds a file.
    pub fn insert(&mut self, url: String, media: Media) {
        self.items.insert(url, media);
    }

    /// The file of that URL.
    #[must_use]
    pub fn get(&self, url: &str) -> Option<&Media> {
        self.items.get(url)
    }

    /// Type and base64 of media that goes inline; the type may be empty.
    ///
    /// # Errors
    /// A URL whose bytes are not here.
    pub(crate) fn bytes_of<'a>(
        &'a self,
        source: &'a MediaSource,
        at: &str,
    ) -> Result<(String, &'a str), EncodeError> {
        let (said, data) = match source {
            MediaSource::Inline { media_type, data } => (media_type.as_str(), data.as_str()),
            MediaSource::Url(url) => match self.get(url) {
                Some(media) => (media.media_type.as_str(), media.data.as_str()),
                None => {
                    return Err(invalid(
                        at,
                        "The URL could not be fetched. Send an `https` URL that is reachable, or \
                         the content itself as a data URL.",
                    ));
                }
            },
            MediaSource::FileId(_) => ("", ""),
        };
        let said = said.split(';').next().unwrap_or_default().trim();
        Ok((effective_type(said, data), data))
    }
}

/// The MIME type that the first bytes of a file prove, for the types that providers take
/// (wire-protocols §6: a wrong MIME type is corrected). `None` if they prove none.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let riff = |kind: &[u8]| bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(kind);
    let head = bytes.get(..bytes.len().min(256)).unwrap_or_default();
    match bytes {
        _ if bytes.starts_with(b"\x89PNG\r\n\x1a\n") => Some("image/png"),
        _ if bytes.starts_with(b"\xff\xd8\xff") => Some("image/jpeg"),
        _ if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") => Some("image/gif"),
        _ if riff(b"WEBP") => Some("image/webp"),
        _ if riff(b"WAVE") => Some("audio/wav"),
        _ if bytes.starts_with(b"%PDF-") => Some("application/pdf"),
        _ if bytes.starts_with(b"ID3") || bytes.starts_with(b"\xff\xfb") => Some("audio/mpeg"),
        _ if bytes.starts_with(b"OggS") => Some("audio/ogg"),
        _ if bytes.starts_with(b"fLaC") => Some("audio/flac"),
        _ if bytes.get(4..8) == Some(b"ftyp") => Some(match bytes.get(8..12) {
            Some(b"heic" | b"heix") => "image/heic",
            Some(b"avif") => "image/avif",
            Some(b"M4A ") => "audio/mp4",
            _ => "video/mp4",
        }),
        _ if bytes.starts_with(b"\x1aE\xdf\xa3") => Some("video/webm"),
        _ if memchr::memmem::find(head, b"<svg").is_some() => Some("image/svg+xml"),
        _ => None,
    }
}

/// A `data:` URL taken apart: MIME type (may be empty) and standard base64 without line breaks.
/// Accepts payloads with and without `;base64`. `None` if it is no `data:` URL.
#[must_use]
pub fn parse_data_url(url: &str) -> Option<(String, String)> {
    use base64::Engine as _;
    let rest = url.strip_prefix("data:")?;
    let (head, payload) = rest.split_once(',')?;
    let media_type = head
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let data = if head.to_ascii_lowercase().ends_with(";base64") {
        payload
            .chars()
            .filter(|character| !character.is_ascii_whitespace())
            .collect()
    } else {
        base64::engine::general_purpose::STANDARD.encode(percent_decode(payload))
    };
    Some((media_type, data))
}

/// The MIME type to send for inline media: what the bytes prove, else what was said.
#[must_use]
pub fn effective_type(said: &str, base64_data: &str) -> String {
    use base64::Engine as _;
    // 344 characters decode to 258 bytes: enough for every signature.
    let head = base64_data
        .get(..base64_data.len().min(344) / 4 * 4)
        .unwrap_or_default();
    let proven = base64::engine::general_purpose::STANDARD
        .decode(head)
        .ok()
        .and_then(|bytes| sniff(&bytes));
    proven.map_or_else(|| said.to_owned(), ToOwned::to_owned)
}

fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut ahead = bytes.clone();
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        if let (Some(high), Some(low)) = (digit(ahead.next()), digit(ahead.next())) {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
            bytes = ahead;
        } else {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_16_a_wrong_mime_type_is_corrected_by_the_bytes() {
        // The PNG signature in base64.
        assert_eq!(effective_type("image/jpeg", "iVBORw0KGgo="), "image/png");
        assert_eq!(effective_type("image/jpeg", "AAAA"), "image/jpeg");
        assert_eq!(effective_type("text/plain", "not base64!"), "text/plain");
    }

    #[test]
    fn data_urls_with_and_without_base64() {
        assert_eq!(
            parse_data_url("data:image/PNG;base64,AA\nAA"),
            Some(("image/png".into(), "AAAA".into()))
        );
        assert_eq!(
            parse_data_url("data:text/plain,a%20b"),
            Some(("text/plain".into(), "YSBi".into()))
        );
        assert_eq!(parse_data_url("https://example.com/a.png"), None);
    }
}
