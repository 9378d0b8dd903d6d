//! Pictures, documents, sound and video: where their bytes are, and what they are called.

use serde_json::Value;

use super::Call;
use super::messages::one_member;
use super::wording::{model_refuses, refuse};
use crate::prompt::Refusal;
use crate::strict::{decode_base64, list, set, sniff_image, text};

const KINDS: [&str; 4] = ["image", "document", "video", "audio"];

/// Checks all media of a call.
pub(super) fn check(call: &Call<'_>) -> Result<(), Refusal> {
    let mut names: Vec<&str> = Vec::new();
    for (index, message) in list(call.body, "messages").iter().enumerate() {
        for (at, block) in list(message, "content").iter().enumerate() {
            one(call, block, &mut names)?;
            let Some(result) = block.get("toolResult") else {
                continue;
            };
            for part in list(result, "content") {
                // Recorded: behind the service Nova has no documents in results.
                if part.get("document").is_some() && call.is_nova() {
                    return Err(model_refuses(&format!(
                        "Malformed input request: #/messages/{index}/content/{at}: extraneous key \
                         [toolResult] is not permitted, please reformat your input and try again."
                    )));
                }
                one(call, part, &mut names)?;
            }
        }
    }
    Ok(())
}

fn one<'a>(call: &Call<'_>, block: &'a Value, names: &mut Vec<&'a str>) -> Result<(), Refusal> {
    let Some((kind, media)) = KINDS
        .iter()
        .find_map(|kind| Some((*kind, block.get(*kind)?)))
    else {
        return Ok(());
    };
    if call.is_claude() && matches!(kind, "video" | "audio") {
        return Err(refuse(&format!(
            "This model doesn't support the {kind} content block that you provided. Update the \
             content block and try again."
        )));
    }
    let source = media.get("source").unwrap_or(&Value::Null);
    one_member(source, &format!("{kind}.source"))?;
    if source.get("s3Location").is_some() && call.is_claude() {
        return Err(refuse(
            "This model doesn't support the s3Uri field. Remove s3Uri and try again.",
        ));
    }
    if let Some(bytes) = set(source, "bytes").and_then(Value::as_str) {
        let decoded = decode_base64(bytes).unwrap_or_default();
        if decoded.is_empty() {
            return Err(refuse(&format!(
                "1 validation error detected: Value at '{kind}.source.bytes' failed to satisfy \
                 constraint: Member must have length greater than or equal to 1"
            )));
        }
        picture(kind, media, &decoded)?;
    }
    if kind == "document" {
        named(text(media, "name"), names)?;
    }
    Ok(())
}

fn picture(kind: &str, media: &Value, bytes: &[u8]) -> Result<(), Refusal> {
    let said = format!("image/{}", text(media, "format"));
    match sniff_image(bytes) {
        Some(shown) if kind == "image" && shown != said => Err(model_refuses(&format!(
            "messages.0.content.0.image.source.base64: The image was specified using the {said} \
             media type, but the image appears to be a {shown} image"
        ))),
        None if kind == "image" => Err(model_refuses("Could not process image")),
        _ => Ok(()),
    }
}

fn named<'a>(name: &'a str, names: &mut Vec<&'a str>) -> Result<(), Refusal> {
    // Recorded: the underscore is taken, whatever the text says.
    let fits = |c: char| c.is_ascii_alphanumeric() || " \t\n-()[]_".contains(c);
    let runs = name.contains("  ");
    if !(1..=200).contains(&name.len()) || !name.chars().all(fits) || runs {
        return Err(refuse(
            "The document file name can only contain alphanumeric characters, whitespace \
             characters, hyphens, parentheses, and square brackets. The name can't contain more \
             than one consecutive whitespace character.",
        ));
    }
    if names.contains(&name) {
        return Err(refuse(&format!(
            "Duplicate document names are not allowed. The name {name} stands more than once."
        )));
    }
    names.push(name);
    Ok(())
}

/// How many pieces of media a message holds.
pub(super) fn count(message: &Value) -> u32 {
    let of = |block: &Value| u32::from(KINDS.iter().any(|kind| block.get(*kind).is_some()));
    list(message, "content")
        .iter()
        .map(|block| {
            let result = block.get("toolResult").unwrap_or(&Value::Null);
            of(block) + list(result, "content").iter().map(of).sum::<u32>()
        })
        .sum()
}
