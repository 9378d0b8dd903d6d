//! What was asked for → where it may go: the engine's decision, and its refusals in the caller's
//! dialect.

use polyroute_engine::needs::Needs;
use polyroute_engine::plan::{Plan, plan as make_plan};
use polyroute_engine::resolve::{NameRequest, ResolveError, permitted, resolve};
use polyroute_wire::api_error::ApiError;
use polyroute_wire::json::RawObject;

use super::Principal;
use super::call::Operation;
use crate::gateway::Gateway;
use crate::telemetry::Excluded;

/// What the caller asked for.
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) provider: Option<String>,
    pub(super) strict_params: Option<bool>,
    pub(super) operation: Operation,
}

/// Plans a request; the name of its route comes with the plan, if it is one.
///
/// # Errors
/// 404 with the nearest names, 403 if the key may not use it, 400 if no target can take it.
pub(super) fn plan(
    gateway: &Gateway,
    principal: &Principal,
    asked: &Asked<'_>,
    raw: &RawObject<'_>,
) -> Result<(Plan, Option<String>), ApiError> {
    let listed = |provider: &str, model: &str| gateway.live_models.lists(provider, model);
    let request = NameRequest {
        model: asked.model,
        provider: asked.provider.as_deref(),
        allowed: principal.allowed.as_deref(),
        listed: Some(&listed),
    };
    let resolved = resolve(&gateway.snapshot, &request).map_err(|error| refusal(&error))?;
    let route = resolved.route.map(|route| route.name.clone());
    let needs = match asked.operation {
        Operation::Chat => Needs::of_chat(raw),
        Operation::Embeddings => Needs::default(),
    };
    let mut plan = make_plan(&gateway.snapshot, &resolved, &needs).map_err(|error| ApiError::from_plan(&error))?;
    if let Some(strict) = asked.strict_params {
        for target in &mut plan.targets {
            target.target.policy.strict_params = strict;
        }
    }
    Ok((plan, route))
}

/// Whether a caller may use a name; for the model list.
#[must_use]
pub fn may_use(gateway: &Gateway, principal: &Principal, name: &str) -> bool {
    principal.allowed.is_none() || permitted(&gateway.snapshot, name, principal.allowed.as_deref())
}

/// The targets that could not take the request, for the record.
pub(super) fn excluded(plan: &Plan) -> Vec<Excluded> {
    plan.excluded
        .iter()
        .map(|excluded| Excluded { target: excluded.target.clone(), reason: excluded.reason.to_string() })
        .collect()
}

fn refusal(error: &ResolveError) -> ApiError {
    ApiError::new(error.code(), sentence(&error.to_string())).with_param("model")
}

/// An error message as a sentence.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>());
    let mut text = first.unwrap_or_default() + characters.as_str();
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    text
}
