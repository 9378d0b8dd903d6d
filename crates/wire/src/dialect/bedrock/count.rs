//! `POST /model/{id}/count-tokens`: a Converse request, counted and not answered (wire-protocols
//! §14).

use serde_json::Map;

use super::{id, request};
use crate::adapter::{Encoded, Target, not_offered};
use crate::chat::ChatRequest;
use crate::count;
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::url::percent_encode;

/// What a count takes of a Converse request (`ConverseTokensRequest` of the service model).
const COUNTED: [&str; 4] = [
    "messages",
    "system",
    "toolConfig",
    "additionalModelRequestFields",
];

/// Translates a chat request to the call that counts it. Claude alone is counted, by the base
/// model's id: inference profiles are refused (API reference of CountTokens).
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    if id::vendor(&target.model) != Some("anthropic") {
        return Err(not_offered(target, "counting of tokens of this model"));
    }
    let chat = request::encode(request, target, media)?;
    let model = percent_encode(id::base_model(&target.model));
    let path = format!("/model/{model}/count-tokens");
    let mut encoded = count::of_chat(chat, path, &[], |mut body| {
        body.retain(|key, _| COUNTED.contains(&key.as_str()));
        let mut input = Map::new();
        input.insert("converse".to_owned(), body.into());
        let mut counted = Map::new();
        counted.insert("input".to_owned(), input.into());
        counted
    });
    // The answer is no event stream, whatever the chat asked for.
    encoded.headers.retain(|(name, _)| *name != "accept");
    Ok(encoded)
}
