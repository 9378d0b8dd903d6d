//! `:countTokens`: a generateContent request, counted and not answered (wire-protocols §14).

use serde_json::Map;

use super::{path, request};
use crate::adapter::{Encoded, Target};
use crate::chat::ChatRequest;
use crate::count;
use crate::error::EncodeError;
use crate::media::MediaStore;

/// What Vertex AI counts, beside each other at the top.
const ON_VERTEX: [&str; 4] = ["contents", "systemInstruction", "tools", "generationConfig"];

/// Translates a chat request to the call that counts it. The Gemini API takes system instruction
/// and tools only as parts of a whole request, which must name its model again.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let mut chat = request::encode(request, target, media)?;
    // The tier is that of an answer.
    chat.headers.clear();
    let path = path::of_model(&target.endpoint, &target.model, "countTokens")?;
    Ok(count::of_chat(chat, path, &[], |mut body| {
        if target.endpoint.is_vertex() {
            body.retain(|key, _| ON_VERTEX.contains(&key.as_str()));
            return body;
        }
        let mut whole = Map::new();
        whole.insert("model".to_owned(), path::resource(&target.model).into());
        whole.extend(body);
        let mut counted = Map::new();
        counted.insert("generateContentRequest".to_owned(), whole.into());
        counted
    }))
}
