//! `POST /responses/input_tokens`: a Responses request, counted and not answered (wire-protocols
//! §14).

use super::request;
use crate::adapter::{Encoded, Target, not_offered};
use crate::chat::ChatRequest;
use crate::count;
use crate::error::EncodeError;
use crate::media::MediaStore;

/// What a Responses request may hold and a count may not, by the reference of both.
const NOT_COUNTED: [&str; 20] = [
    "background",
    "context_management",
    "include",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
];

/// Translates a chat request to the call that counts it.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    if !target.endpoint.counts_responses() {
        return Err(not_offered(target, "counting of tokens"));
    }
    let chat = request::encode(request, target, media)?;
    let path = format!("{}/input_tokens", chat.path);
    Ok(count::of_chat(chat, path, &NOT_COUNTED, |body| body))
}
