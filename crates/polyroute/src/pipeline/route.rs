//! What was asked for → where it may go: the engine's decision, and its refusals in the caller's
//! dialect.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use polyroute_engine::estimate::InputSize;
use polyroute_engine::needs::{ApiNeeds, Operation as Needed, RequestNeeds};
use polyroute_engine::plan::{NoTarget, Plan, PlanInput, plan as make_plan};
use polyroute_engine::resolve::{NameRequest, ResolveError, permitted, resolve};
use polyroute_engine::snapshot::{Provider, Target};
use polyroute_wire::adapter::TranslationPolicy;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::chat::ChatRequest;
use polyroute_wire::dialect::openai::{parse_chat, parse_embeddings, parse_rerank};
use polyroute_wire::json::{Edit, RawObject};

use super::Principal;
use super::call::Operation;
use super::format;
use super::output::Rule;
use crate::gateway::Gateway;
use crate::telemetry::Excluded;

/// What the caller asked for.
pub(super) struct Asked<'a> {
    pub(super) model: &'a str,
    pub(super) provider: Option<String>,
    pub(super) strict_params: Option<bool>,
    pub(super) operation: Operation,
    pub(super) seed: u64,
}

/// A plan, and what had to be read to make it.
pub(super) struct Planned {
    pub(super) plan: Plan,
    /// The body as the hub reads it, if the choice between targets needed that.
    pub(super) hub: Option<Box<ChatRequest>>,
    /// How large its input is, if the choice needed that.
    pub(super) size: Option<InputSize>,
    /// What the answer is held to.
    pub(super) rule: Option<Rule>,
    /// The body with the route's own `response_format`, where it gets one.
    pub(super) body: Option<Bytes>,
}

/// Plans a request.
///
/// # Errors
/// 404 with the nearest names, 403 if the key may not use it, 400 if no target can take it.
pub(super) fn plan(
    gateway: &Gateway,
    principal: &Principal,
    asked: &Asked<'_>,
    raw: &RawObject<'_>,
    body: &[u8],
) -> Result<Planned, ApiError> {
    let listed = |provider: &str, model: &str| gateway.live_models.lists(provider, model);
    let request = NameRequest {
        model: asked.model,
        provider: asked.provider.as_deref(),
        allowed: principal.allowed.as_deref(),
        listed: Some(&listed),
    };
    let resolved = resolve(&gateway.snapshot, &request).map_err(|error| refusal(&error))?;
    let output = match asked.operation {
        // The format that a route asks for is input too.
        Operation::Chat | Operation::InputTokens => {
            let route = resolved.route.map(|route| route.name.as_str());
            gateway.outputs.of(route, raw)?
        }
        Operation::Embeddings
        | Operation::Completions
        | Operation::Moderations
        | Operation::Rerank => format::Asked::default(),
    };
    let edited = output
        .format
        .map(|format| Bytes::from(raw.edited(&[Edit::Set("response_format", format.into())])));
    let edited_raw = edited.as_deref().map(RawObject::parse).transpose();
    let edited_raw = edited_raw.map_err(|error| ApiError::from_parse(&error))?;
    let raw = edited_raw.as_ref().unwrap_or(raw);
    let body = edited.as_deref().unwrap_or(body);
    // With one target there is no choice: what it can't take, it says itself, and the body is not
    // parsed for it. Unless it would rather cut a long prompt than say so.
    let weighs = |target: &Target| {
        let provider = gateway.snapshot.provider(&target.provider);
        provider.is_some_and(Provider::weighs_prompts)
    };
    let chooses = resolved.targets.len() > 1 || resolved.targets.iter().any(weighs);
    let corrections = gateway.telemetry.corrections.load();
    let (needs, hub) = needs_of(asked.operation, chooses, raw, body)?;
    let facts = |target: &Target| gateway.facts.of(&gateway.snapshot, target);
    let input = PlanInput {
        needs,
        api: ApiNeeds::peek(raw),
        policy: asked.strict_params.map(|strict_params| TranslationPolicy {
            strict_params,
            ..gateway.snapshot.defaults.policy
        }),
        now_ms: 0,
        seed: asked.seed,
        rotation: gateway.rotation.fetch_add(1, Ordering::Relaxed),
        corrections: Some(&corrections),
        repair: output.repair,
        facts: Some(&facts),
    };
    let plan =
        make_plan(&gateway.snapshot, &resolved, &input).map_err(|error| no_target(&error))?;
    let counts = asked.operation == Operation::InputTokens;
    let sized = chooses && (counts || asked.operation == Operation::Chat);
    Ok(Planned {
        plan,
        hub,
        size: sized.then_some(needs.size),
        rule: output.rule.filter(|_| !counts),
        body: edited,
    })
}

/// What the request needs of a target, and the body as the hub reads it where that had to be read.
/// Without a choice to make little is looked at: what the one target can't take, it says itself.
fn needs_of(
    operation: Operation,
    chooses: bool,
    raw: &RawObject<'_>,
    body: &[u8],
) -> Result<(RequestNeeds, Option<Box<ChatRequest>>), ApiError> {
    let mut hub = None;
    let needs = match operation {
        Operation::Chat | Operation::InputTokens if chooses => {
            match RequestNeeds::peek(body) {
                Some(needs) => needs,
                // Its reader says what is wrong with it.
                None => {
                    let request = parse_chat(raw).map_err(|error| ApiError::from_parse(&error))?;
                    let needs = RequestNeeds::of_chat(&request);
                    hub = Some(Box::new(request));
                    needs
                }
            }
        }
        Operation::Chat | Operation::InputTokens => RequestNeeds::default(),
        Operation::Embeddings if chooses => {
            let request = parse_embeddings(raw).map_err(|error| ApiError::from_parse(&error))?;
            RequestNeeds::of_embeddings(&request)
        }
        Operation::Rerank => {
            let request = parse_rerank(raw).map_err(|error| ApiError::from_parse(&error))?;
            RequestNeeds::of_rerank(&request)
        }
        Operation::Completions => {
            let invalid = |error| ApiError::from_parse(&error);
            let choices = raw.read("n", "an integer").map_err(invalid)?;
            let max_output = raw.read("max_tokens", "an integer").map_err(invalid)?;
            let prompt = raw.get("prompt").filter(|_| chooses);
            RequestNeeds::of_completion(prompt.unwrap_or_default(), choices, max_output)
        }
        Operation::Moderations => RequestNeeds {
            operation: Needed::Moderations,
            ..RequestNeeds::default()
        },
        Operation::Embeddings => RequestNeeds {
            operation: Needed::Embedding,
            ..RequestNeeds::default()
        },
    };
    let operation = match operation {
        Operation::InputTokens => Needed::InputTokens,
        _ => needs.operation,
    };
    Ok((RequestNeeds { operation, ..needs }, hub))
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
        .map(|excluded| Excluded {
            target: excluded.target.clone(),
            reason: excluded.reason.to_string(),
        })
        .collect()
}

fn refusal(error: &ResolveError) -> ApiError {
    ApiError::new(error.code(), sentence(&error.to_string())).with_param("model")
}

fn no_target(error: &NoTarget) -> ApiError {
    let mut refusal = ApiError::new(error.code, sentence(&error.message));
    refusal.param = error.param.map(ToOwned::to_owned);
    refusal
}

/// An error message as a sentence.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().collect::<String>());
    let mut text = first.unwrap_or_default() + characters.as_str();
    if !text.ends_with(['.', '?', '!']) {
        text.push('.');
    }
    text
}
