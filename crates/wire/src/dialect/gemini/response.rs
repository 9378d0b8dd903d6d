//! Whole answers.

use serde_json::Value;

use super::answer::AnswerReader;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, ChatResponse, Fold};
use crate::error::UpstreamError;
use crate::reply::malformed;

/// Reads a whole answer with status 2xx. A body that is a list of chunks (a stream without
/// `alt=sse`) is folded.
pub(super) fn decode(body: &[u8], context: &DecodeContext) -> Result<ChatResponse, UpstreamError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|_| malformed("the body is no JSON"))?;
    let mut answer = AnswerReader::new(context);
    let mut events = Vec::new();
    answer.feed(&value, &mut events)?;
    answer.finish(&mut events)?;
    events.push(ChatEvent::End);
    Fold::of(events).finish()
}
