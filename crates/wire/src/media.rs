//! Bytes of media that a caller named by URL and a target needs inline.

use std::collections::HashMap;

use crate::chat::{MediaSource, Message, Part, Role};
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

/// URLs of a conversation's users and tools whose bytes must be at hand before it is encoded, each
/// once; `needs` says which of a part's.
pub(crate) fn urls_to_fetch(
    messages: &[Message],
    needs: impl Fn(&Part, &str) -> bool,
) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    let parts = messages
        .iter()
        .filter(|message| matches!(message.role, Role::User | Role::Tool))
        .flat_map(|message| &message.parts);
    for part in parts {
        if let Some(MediaSource::Url(url)) = part.source()
            && (url.starts_with("https://") || url.starts_with("http://"))
            && needs(part, url)
            && !urls.contains(url)
        {
            urls.push(url.clone());
        }
    }
    urls
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

/// Width and height of a picture in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImageSize {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// Base64 characters of a picture that are read for its size: metadata in front of a photo's frame
/// header is seldom longer.
const SIZE_CHARS_MAX: usize = 256 * 1024;

/// The size of an inline picture, from the head of its base64. `None` if the format is another
/// than PNG, GIF, JPEG and WebP, or the head is broken.
#[must_use]
pub fn image_size(base64_data: &str) -> Option<ImageSize> {
    use base64::Engine as _;
    let decode = |chars: usize| {
        let head = base64_data.get(..base64_data.len().min(chars) / 4 * 4)?;
        base64::engine::general_purpose::STANDARD.decode(head).ok()
    };
    // Only JPEG keeps it behind the first bytes.
    let head = decode(64)?;
    if head.starts_with(b"\xff\xd8") {
        return jpeg_size(&decode(SIZE_CHARS_MAX)?);
    }
    let at = |from: usize, to: usize| head.get(from..to);
    let big = |from| Some(u32::from_be_bytes(at(from, from + 4)?.try_into().ok()?));
    let short = |from| {
        Some(u32::from(u16::from_le_bytes(
            at(from, from + 2)?.try_into().ok()?,
        )))
    };
    let three = |from| {
        let bytes: [u8; 3] = at(from, from + 3)?.try_into().ok()?;
        let [low, middle, high] = bytes;
        Some(u32::from_le_bytes([low, middle, high, 0]) + 1)
    };
    let (width, height) = match at(12, 16) {
        _ if head.starts_with(b"\x89PNG\r\n\x1a\n") => (big(16)?, big(20)?),
        _ if head.starts_with(b"GIF8") => (short(6)?, short(8)?),
        Some(b"VP8X") => (three(24)?, three(27)?),
        Some(b"VP8 ") => (short(26)? & 0x3fff, short(28)? & 0x3fff),
        Some(b"VP8L") => {
            let bits = u32::from_le_bytes(at(21, 25)?.try_into().ok()?);
            ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
        }
        _ => return None,
    };
    Some(ImageSize { width, height })
}

/// The size in a JPEG's frame header: segments are skipped by their lengths.
fn jpeg_size(bytes: &[u8]) -> Option<ImageSize> {
    let mut rest = bytes.get(2..)?;
    loop {
        let (head, tail) = rest.split_first()?;
        if *head != 0xff {
            return None;
        }
        let (kind, tail) = tail.split_first()?;
        match kind {
            0xff => rest = rest.get(1..)?,
            0x01 | 0xd0..=0xd9 => rest = tail,
            0xc0..=0xcf if !matches!(kind, 0xc4 | 0xc8 | 0xcc) => {
                let height = u16::from_be_bytes(tail.get(3..5)?.try_into().ok()?);
                let width = u16::from_be_bytes(tail.get(5..7)?.try_into().ok()?);
                return Some(ImageSize {
                    width: u32::from(width),
                    height: u32::from(height),
                });
            }
            _ => {
                let length = u16::from_be_bytes(tail.get(..2)?.try_into().ok()?);
                rest = tail.get(usize::from(length)..)?;
            }
        }
    }
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
    fn sizes_are_read_from_the_head() {
        use base64::Engine as _;
        let size = |bytes: &[u8]| {
            let mut padded = bytes.to_vec();
            padded.resize(bytes.len().max(60), 0);
            let text = base64::engine::general_purpose::STANDARD.encode(&padded);
            image_size(&text).map(|size| (size.width, size.height))
        };
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        png.extend([0, 0, 1, 0, 0, 0, 0, 64]);
        assert_eq!(size(&png), Some((256, 64)));
        assert_eq!(size(b"GIF89a\x10\0\x20\0"), Some((16, 32)));
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x30\0\x40";
        assert_eq!(size(jpeg), Some((64, 48)));
        let webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0";
        assert_eq!(size(webp), Some((16, 32)));
        assert_eq!(size(b"%PDF-1.7"), None);
        assert_eq!(size(b"\xff\xd8\xff\xe0\xff"), None);
        assert_eq!(image_size("\u{e9}"), None);
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
