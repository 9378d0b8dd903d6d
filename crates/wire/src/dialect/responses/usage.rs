//! Token counts of a response (wire-protocols §11.2): input includes cached tokens, output includes
//! reasoning, xAI's too.

use serde_json::Value;

use crate::usage::{Usage, count};

/// The counts of a response; `None` if it gives none. `searches` are the searches that were seen
/// among its items, for providers that do not count them.
pub(super) fn read(response: &Value, searches: u64) -> Option<Usage> {
    let usage = response.get("usage")?;
    let native = usage.as_object().filter(|native| !native.is_empty())?;
    let mut clamped = false;
    let mut at = |value: &Value, path: &str| count(value.pointer(path), &mut clamped);
    let counts = Usage {
        input: at(usage, "/input_tokens"),
        cache_read: at(usage, "/input_tokens_details/cached_tokens"),
        cache_write: at(usage, "/input_tokens_details/cache_write_tokens"),
        output: at(usage, "/output_tokens"),
        reasoning: at(usage, "/output_tokens_details/reasoning_tokens"),
        input_audio: at(usage, "/input_tokens_details/audio_tokens"),
        output_audio: at(usage, "/output_tokens_details/audio_tokens"),
        ..Usage::default()
    };
    let said = [
        at(response, "/tool_usage/web_search/num_requests"),
        // xAI's name for it.
        at(usage, "/server_side_tool_usage_details/web_search_calls"),
    ];
    let usage = Usage {
        searches: said.into_iter().find(|said| *said > 0).unwrap_or(searches),
        clamped,
        native: native.clone(),
        ..counts
    };
    Some(usage.checked())
}
