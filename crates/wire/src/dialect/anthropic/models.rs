//! The model list, with the limits that it says.

use serde_json::Value;

use crate::adapter::ModelListing;
use crate::delay::parse_rfc3339;
use crate::error::UpstreamError;
use crate::reply::malformed;
use crate::url::percent_encode;

/// Most entries that one page may have.
const PAGE_LIMIT: u32 = 1000;

/// Path of one page; `after` is the last id of the page before it.
pub(super) fn path(after: Option<&str>) -> String {
    let mut path = format!("/v1/models?limit={PAGE_LIMIT}");
    if let Some(after) = after {
        path.push_str("&after_id=");
        path.push_str(&percent_encode(after));
    }
    path
}

/// Reads one page: the models, and the id after which the next page begins.
pub(super) fn read(body: &[u8]) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
    let page: Value =
        serde_json::from_slice(body).map_err(|_| malformed("the model list is not JSON"))?;
    let Some(data) = page.get("data").and_then(Value::as_array) else {
        return Err(malformed("the model list has no `data` list"));
    };
    let models: Vec<_> = data.iter().filter_map(listing).collect();
    let next = page
        .get("has_more")
        .and_then(Value::as_bool)
        .unwrap_or(false)
        .then(|| page.get("last_id").and_then(Value::as_str))
        .flatten()
        .filter(|id| !id.is_empty())
        .map(ToOwned::to_owned);
    Ok((models, next))
}

fn listing(entry: &Value) -> Option<ModelListing> {
    let tokens = |key: &str| entry.get(key).and_then(Value::as_u64).filter(|n| *n > 0);
    Some(ModelListing {
        id: entry
            .get("id")?
            .as_str()
            .filter(|id| !id.is_empty())?
            .to_owned(),
        created: entry
            .get("created_at")
            .and_then(Value::as_str)
            .and_then(parse_rfc3339)
            .map(seconds),
        owned_by: None,
        context_window: tokens("max_input_tokens"),
        max_output: tokens("max_tokens"),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whole seconds of a date; the cast saturates"
)]
fn seconds(seconds: f64) -> i64 {
    seconds as i64
}
