//! The model list (`GET /v1/models`), with the window that it says.

use serde_json::Value;

use crate::adapter::ModelListing;
use crate::error::UpstreamError;
use crate::reply::{malformed, read_json};

/// Most entries that one page may have.
const PAGE_SIZE: u32 = 1000;

/// Path of one page; `token` is what the page before it gave.
pub(super) fn path(token: Option<&str>) -> String {
    let mut path = format!("/v1/models?page_size={PAGE_SIZE}");
    if let Some(token) = token {
        path.push_str("&page_token=");
        for byte in token.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    path
}

/// Reads one page, or the description of one model: the models, and the next page's token.
pub(super) fn read(body: &[u8]) -> Result<(Vec<ModelListing>, Option<String>), UpstreamError> {
    let page = read_json(body)?;
    let models = match page.get("models").and_then(Value::as_array) {
        Some(list) => list.iter().filter_map(listing).collect(),
        None => vec![listing(&page).ok_or_else(|| malformed("the model list has no `models`"))?],
    };
    let next = page
        .get("next_page_token")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty())
        .map(ToOwned::to_owned);
    Ok((models, next))
}

fn listing(entry: &Value) -> Option<ModelListing> {
    let window = entry.get("context_length").and_then(Value::as_f64);
    Some(ModelListing {
        id: entry
            .get("name")?
            .as_str()
            .filter(|id| !id.is_empty())?
            .to_owned(),
        created: None,
        owned_by: None,
        context_window: window.filter(|window| *window >= 1.0).map(whole),
        max_output: None,
    })
}

/// Windows are typed as floats there.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be positive; the cast saturates"
)]
fn whole(number: f64) -> u64 {
    number as u64
}
