//! `POST /v1/messages/count_tokens`: a messages request, counted and not answered (wire-protocols
//! §14).

use super::request;
use crate::adapter::{Encoded, Target, not_offered};
use crate::chat::ChatRequest;
use crate::count;
use crate::error::EncodeError;
use crate::media::MediaStore;

/// What a messages request may hold and a count may not, by the reference of both.
const NOT_COUNTED: [&str; 15] = [
    "container",
    "diagnostics",
    "fallback_credit_token",
    "fallbacks",
    "inference_geo",
    "max_tokens",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "thread",
    "top_k",
    "top_p",
    "user_profile_id",
];

/// Translates a chat request to the call that counts it. Others that speak this API leave the call
/// out, or answer it wrongly.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    if !target.endpoint.first_party {
        return Err(not_offered(target, "counting of tokens"));
    }
    let chat = request::encode(request, target, media)?;
    let path = format!("{}/count_tokens", chat.path);
    Ok(count::of_chat(chat, path, &NOT_COUNTED, |body| body))
}
