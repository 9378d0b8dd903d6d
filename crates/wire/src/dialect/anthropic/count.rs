//! `POST /v1/messages/count_tokens`: a messages request, counted and not answered (wire-protocols
//! §14).

use super::request;
use crate::adapter::{Encoded, Target, not_offered};
use crate::chat::ChatRequest;
use crate::count;
use crate::error::EncodeError;
use crate::media::MediaStore;
use crate::surface::VertexModel;

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

/// On Vertex AI the call stands where a model does, and the model in its body (wire-protocols §1).
const ON_VERTEX: &str = "publishers/anthropic/models/count-tokens";

/// Translates a chat request to the call that counts it. Others that speak this API leave the call
/// out, or answer it wrongly.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let endpoint = &target.endpoint;
    let on_vertex = endpoint.vertex_path(ON_VERTEX, "rawPredict")?;
    let path = match &on_vertex {
        Some(path) => path.clone(),
        None if endpoint.first_party => "/v1/messages/count_tokens".to_owned(),
        None => return Err(not_offered(target, "counting of tokens")),
    };
    let chat = request::encode(request, target, media)?;
    Ok(count::of_chat(chat, path, &NOT_COUNTED, |mut body| {
        if on_vertex.is_some() {
            let model = VertexModel::read(&target.model).wire_id();
            body.insert("model".to_owned(), model.into());
        }
        body
    }))
}
