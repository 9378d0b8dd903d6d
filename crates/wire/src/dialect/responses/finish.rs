//! Why a response ended (wire-protocols §11.1).

use serde_json::Value;

use super::errors;
use crate::chat::FinishReason;
use crate::error::{ErrorKind, UpstreamError};

/// The reason in OpenAI's words and in the provider's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) reason: FinishReason,
    pub(super) native: String,
}

/// Reads the end of a response object. Client calls decide over `completed`; a refusal is a filter
/// unless calls stand beside it.
pub(super) fn read(response: &Value, calls: bool, refused: bool) -> Result<Ending, UpstreamError> {
    let status = response.get("status").and_then(Value::as_str);
    let why = response
        .pointer("/incomplete_details/reason")
        .and_then(Value::as_str);
    let ending = |reason: FinishReason, native: &str| Ending {
        reason,
        native: native.to_owned(),
    };
    match status {
        // Some servers leave the status out of a whole answer.
        Some("completed") | None => Ok(match (calls, refused) {
            (true, _) => ending(FinishReason::ToolCalls, "completed"),
            (false, true) => ending(FinishReason::ContentFilter, "refusal"),
            (false, false) => ending(FinishReason::Stop, "completed"),
        }),
        Some("incomplete") if why == Some("content_filter") => {
            Ok(ending(FinishReason::ContentFilter, "content_filter"))
        }
        // Whatever cut it short (`max_output_tokens`, `max_messages`, `steered`), it is not whole.
        Some("incomplete") => Ok(ending(FinishReason::Length, why.unwrap_or("incomplete"))),
        Some("failed") => Err(errors::failed(response)),
        Some(other) => Err(UpstreamError::new(
            ErrorKind::MalformedReply,
            format!("the provider's response is `{other}`, not completed"),
        )),
    }
}
