//! Scalar parameters that are the API's own: who asks, and which tier serves (wire-protocols §4).

use serde_json::Value;

use crate::adapter::Target;
use crate::capability::Sampling;
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::notes::Notes;

/// From this version on the API refuses sampling parameters at any value.
const VERSION_WITHOUT_SAMPLING: &str = "2026-10-21";

/// Carried fields that are translated elsewhere.
pub(super) const PLACED: [&str; 3] = ["service_tier", "web_search_options", "modalities"];

/// Which sampling parameters model and version take together.
pub(super) fn sampling_rule(target: &Target) -> Sampling {
    if super::version(&target.endpoint) >= VERSION_WITHOUT_SAMPLING {
        Sampling::Never
    } else {
        target.capabilities.sampling
    }
}

/// The wire's `metadata.user_id`.
pub(super) fn user_id(
    request: &ChatRequest,
    notes: &mut Notes,
) -> Result<Option<String>, EncodeError> {
    let id = request.safety_identifier.as_ref().or(request.user.as_ref());
    if request.user.is_some() && request.user.as_ref() != id {
        notes.drop("user", "`safety_identifier` says who the user is")?;
    }
    Ok(id.cloned())
}

/// The wire's `service_tier`: `auto` may use priority capacity, `standard_only` never does.
pub(super) fn service_tier(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Option<&'static str>, EncodeError> {
    const FIELD: &str = "service_tier";
    if target.endpoint.is_vertex() {
        let asked = request.carried.get(FIELD).and_then(Value::as_str);
        if asked.is_some_and(|tier| !matches!(tier, "auto" | "default" | "standard")) {
            notes.drop(FIELD, "Vertex AI has no tiers for this model")?;
        }
        return Ok(None);
    }
    Ok(match request.carried.get(FIELD).and_then(Value::as_str) {
        None => None,
        Some("auto") => Some("auto"),
        Some("default" | "standard" | "standard_only") => Some("standard_only"),
        Some("priority") => {
            notes.change(FIELD, "auto");
            Some("auto")
        }
        Some(_) => {
            notes.drop(FIELD, "the API has the tiers `auto` and `default` only")?;
            None
        }
    })
}
