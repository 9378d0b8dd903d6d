//! Images and documents: base64 that decodes, media types that tell the truth, usable URLs.

use serde_json::Value;

use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{decode_base64, list, sniff_image, text};

/// Checks the sources of a block and of the results nested in it.
pub(super) fn check(block: &Value, path: &str) -> Result<(), Refusal> {
    let kind = text(block, "type");
    if let Some(source) = block.get("source").filter(|source| source.is_object())
        && matches!(kind, "image" | "document")
    {
        let path = format!("{path}.{kind}.source");
        match text(source, "type") {
            "url" => url(text(source, "url"), &path)?,
            "base64" if kind == "image" => image(source, &path)?,
            "base64" => document(source, &path)?,
            "text" if text(source, "data").trim().is_empty() => {
                return Err(refuse(&format!(
                    "{path}.text.data: document text must contain non-whitespace text"
                )));
            }
            _ => {}
        }
    }
    for (at, inner) in list(block, "content").iter().enumerate() {
        check(inner, &format!("{path}.{kind}.content.{at}"))?;
    }
    Ok(())
}

fn url(url: &str, path: &str) -> Result<(), Refusal> {
    if url.starts_with("https://") {
        return Ok(());
    }
    Err(refuse(&format!(
        "{path}.url.url: Only HTTPS URLs are supported."
    )))
}

fn image(source: &Value, path: &str) -> Result<(), Refusal> {
    let path = format!("{path}.base64");
    let bytes = decoded(source, &path)?;
    let stated = text(source, "media_type");
    match sniff_image(&bytes) {
        Some(found) if found == stated => Ok(()),
        Some(found) => Err(refuse(&format!(
            "{path}.data: The image was specified using the {stated} media type, but the image \
             appears to be a {found} image"
        ))),
        None => Err(refuse(&format!("{path}.data: Could not process image"))),
    }
}

fn document(source: &Value, path: &str) -> Result<(), Refusal> {
    let path = format!("{path}.base64");
    let bytes = decoded(source, &path)?;
    if bytes.windows(5).take(1024).any(|window| window == b"%PDF-") {
        return Ok(());
    }
    Err(refuse(&format!(
        "{path}.data: The PDF specified was not valid."
    )))
}

fn decoded(source: &Value, path: &str) -> Result<Vec<u8>, Refusal> {
    let data = text(source, "data");
    if data.starts_with("data:") {
        return Err(refuse(&format!(
            "{path}.data: Input should be base64 without a data URL prefix"
        )));
    }
    decode_base64(data)
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| refuse(&format!("{path}.data: Invalid base64 data")))
}

/// How many images and documents a message carries.
pub(super) fn count(message: &Value) -> u32 {
    list(message, "content").iter().map(in_block).sum()
}

fn in_block(block: &Value) -> u32 {
    let own = u32::from(matches!(text(block, "type"), "image" | "document"));
    own + list(block, "content").iter().map(in_block).sum::<u32>()
}
