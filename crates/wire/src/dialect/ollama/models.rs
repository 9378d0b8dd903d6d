//! The model list (`GET /api/tags`).

use serde_json::Value;

use super::machine::malformed;
use super::response::read_json;
use crate::adapter::ModelListing;
use crate::delay::parse_rfc3339;
use crate::error::UpstreamError;

/// Reads the list, which has one page.
pub(super) fn read(body: &[u8]) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
    let page = read_json(body)?;
    let models = page
        .get("models")
        .and_then(Value::as_array)
        .ok_or_else(|| malformed("the model list has no `models`"))?;
    Ok((models.iter().filter_map(listing).collect(), None))
}

fn listing(entry: &Value) -> Option<ModelListing> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    #[expect(clippy::cast_possible_truncation, reason = "seconds since the epoch")]
    let created = text("modified_at")
        .and_then(parse_rfc3339)
        .map(|seconds| seconds as i64);
    let name = text("model").or_else(|| text("name"))?;
    // The tag that a name without one means; people and the catalog leave it out.
    let id = name.strip_suffix(":latest").unwrap_or(name);
    (!id.is_empty()).then(|| ModelListing {
        id: id.to_owned(),
        created,
        ..ModelListing::default()
    })
}
