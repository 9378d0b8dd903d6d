//! The plan for one request: which targets, in which order, which not and why.
//!
//! Read [`plan`] first. A target that can't take the request is left out with its reason while
//! another one can; if none can, the best reason is what the caller is told.

mod api;
mod exclude;

use std::time::Duration;

use polyroute_wire::adapter::{Target as WireTarget, TranslationPolicy};

use api::Speaks;

use crate::catalog::{Kind, Match};
use crate::estimate::{Corrections, Family, InputSize};
use crate::needs::{ApiNeeds, Operation, RequestNeeds};
use crate::resolve::Resolved;
use crate::snapshot::{Dialect, Snapshot, Target, Timeouts};

pub use exclude::{ExcludeReason, Excluded};

/// What a plan depends on beside the snapshot and the name.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanInput<'a> {
    /// What the request needs.
    pub needs: RequestNeeds,
    /// What decides between OpenAI's two APIs.
    pub api: ApiNeeds,
    /// The caller's own policy, in place of the route's (`strict_params` of the body).
    pub policy: Option<TranslationPolicy>,
    /// Milliseconds on any clock that only goes forward; `next` reads the same one.
    pub now_ms: u64,
    /// Seed of the jitter.
    pub seed: u64,
    /// A counter that goes up by one a request: credentials of a provider take turns by it.
    pub rotation: u64,
    /// An answer that does not fit its schema is sent back once, to be put right.
    pub repair: bool,
    /// What earlier answers taught of the providers' own counts.
    pub corrections: Option<&'a Corrections>,
}

impl PlanInput<'_> {
    /// The estimated input tokens of the request at one target.
    #[must_use]
    pub fn tokens_at(&self, target: &PlannedTarget) -> u64 {
        let size = &self.needs.size;
        if self.needs.operation == Operation::Embedding {
            return size.plain_tokens(target.family);
        }
        let estimate = size.tokens(target.family);
        self.corrections.map_or(estimate, |corrections| {
            corrections.corrected(&target.counted_as(), size.shape(), estimate)
        })
    }
}

/// The plan for one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The route, if the name is one.
    pub route: Option<String>,
    /// Where to try, first choice first; never empty.
    pub targets: Vec<PlannedTarget>,
    /// What was left out, and why.
    pub excluded: Vec<Excluded>,
    /// Most calls upstream, over all targets; at least 1.
    pub attempts_max: u32,
    /// Time for all attempts together, until the first content.
    pub deadline: Duration,
    /// When it was made, on the clock of [`PlanInput::now_ms`].
    pub started_ms: u64,
    /// Seed of the jitter.
    pub seed: u64,
    /// An answer that does not fit its schema is sent back once, to be put right.
    pub repair: bool,
}

impl Plan {
    /// In one line: the targets in order, then what was left out.
    #[must_use]
    pub fn describe(&self) -> String {
        let names: Vec<&str> = self
            .targets
            .iter()
            .map(|target| target.name.as_str())
            .collect();
        let left_out: Vec<String> = self.excluded.iter().map(ToString::to_string).collect();
        match left_out.as_slice() {
            [] => names.join(" → "),
            left_out => format!("{}; not {}", names.join(" → "), left_out.join(", not ")),
        }
    }
}

/// One target of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedTarget {
    /// Its name in logs and records.
    pub name: String,
    /// What is spoken to it: its provider's dialect, or the other API of OpenAI's.
    pub dialect: Dialect,
    /// What translation needs to know: endpoint, upstream model id, capabilities, policy.
    pub wire: WireTarget,
    /// The model as the configuration or the caller names it, by which it is priced.
    pub model: String,
    /// The upstream model id is a pin of the configuration.
    pub pinned: bool,
    /// The `system_fingerprint` that the configuration expects.
    pub fingerprint: Option<String>,
    /// It has `/completions`: text completions are passed on. Otherwise its chat stands in.
    pub native_completions: bool,
    /// How its model counts tokens.
    pub family: Family,
    /// The timeouts of one attempt, defaults applied.
    pub timeouts: Timeouts,
    /// How the provider's credentials take turns.
    pub credentials: CredentialPick,
    /// Its window is that of a server that may cut a longer prompt without a word.
    pub cuts_prompts: bool,
}

impl PlannedTarget {
    /// What corrections of its token counts are kept under.
    #[must_use]
    pub fn counted_as(&self) -> String {
        format!("{}/{}", self.provider(), self.wire.model)
    }

    /// The name of its provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.wire.endpoint.provider
    }
}

/// The order in which a request tries the credentials of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialPick {
    /// Index of the first.
    pub first: usize,
    /// How many there are; at least 1.
    pub count: usize,
}

impl CredentialPick {
    /// The order for the request with that number: each is first in turn.
    #[must_use]
    pub fn new(count: usize, rotation: u64) -> Self {
        let count = count.max(1);
        let turn = rotation % u64::try_from(count).unwrap_or(1);
        Self {
            first: usize::try_from(turn).unwrap_or(0),
            count,
        }
    }

    /// The indexes in order.
    pub fn order(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |step| (self.first + step) % self.count)
    }
}

/// No target can take the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoTarget {
    /// The HTTP status for the caller: 400 where the request can be changed, 404 where the
    /// configuration must be.
    pub status: u16,
    /// The stable `code` of the error object.
    pub code: &'static str,
    /// What to change, in words.
    pub message: String,
    /// The request field to blame.
    pub param: Option<&'static str>,
    /// Every target with its reason.
    pub excluded: Vec<Excluded>,
}

/// Makes the plan for one request. The same arguments give the same plan.
///
/// # Errors
/// [`NoTarget`] if every target is left out.
pub fn plan(
    snapshot: &Snapshot,
    resolved: &Resolved<'_>,
    input: &PlanInput<'_>,
) -> Result<Plan, NoTarget> {
    let route = resolved.route;
    let policy = input
        .policy
        .or_else(|| route.and_then(|route| route.policy))
        .unwrap_or(snapshot.defaults.policy);
    let mut targets = Vec::with_capacity(resolved.targets.len());
    let mut excluded = Vec::new();
    for target in resolved.targets.iter() {
        match admit(snapshot, target, input, policy) {
            Ok(planned) => targets.push(planned),
            Err(reason) => excluded.push(Excluded::new(&target.name, reason)),
        }
    }
    keep_wide_enough(&mut targets, &mut excluded, input);
    if targets.is_empty() {
        return Err(exclude::refusal(excluded));
    }
    let attempts_max = route.and_then(|route| route.attempts_max);
    let deadline = route.and_then(|route| route.deadline);
    Ok(Plan {
        route: route.map(|route| route.name.clone()),
        targets,
        excluded,
        attempts_max: attempts_max
            .unwrap_or(snapshot.defaults.attempts_max)
            .max(1),
        deadline: deadline.unwrap_or(snapshot.defaults.deadline),
        started_ms: input.now_ms,
        seed: input.seed,
        repair: input.repair,
    })
}

/// A target with all that is known of it, unless it can't take the request.
fn admit(
    snapshot: &Snapshot,
    target: &Target,
    input: &PlanInput<'_>,
    policy: TranslationPolicy,
) -> Result<PlannedTarget, ExcludeReason> {
    let provider = snapshot
        .provider(&target.provider)
        .filter(|provider| provider.on)
        .ok_or(ExcludeReason::ProviderOff)?;
    // What the pinned version takes counts; an unlisted pin is known by its model.
    let known = snapshot.known(provider, target.upstream_model());
    let known = match known {
        Some(pin) if target.pin.is_none() || pin.matched >= Match::Dated => Some(pin),
        pin => snapshot.known(provider, &target.model).or(pin),
    };
    let mut capabilities = known
        .as_ref()
        .map(|known| known.capabilities.clone())
        .unwrap_or_default();
    // The operator's word on what is loaded is nearer than the weights' own window.
    capabilities.context_window = provider.num_ctx.or(capabilities.context_window);
    let operation = input.needs.operation;
    let listed = known
        .as_ref()
        .and_then(|known| known.entry)
        .map(|entry| entry.kind);
    // A model that nobody knows is taken for what it is asked to be.
    let kind = listed.unwrap_or_else(|| kind_asked(operation));
    let named = provider.deployment_of(target.upstream_model());
    let endpoint = provider.endpoint();
    let speaks = Speaks {
        dialect: provider.dialect_of(named),
        both: endpoint.has_responses(),
        counts: endpoint.counts_responses(),
        choice: provider.api,
    };
    let endpoints = provider.profile.endpoints;
    let speaks_openai = speaks.dialect == Dialect::OpenAi;
    let dialect = api::choose(speaks, kind, &capabilities, operation, input.api)?;
    if operation == Operation::Moderations && !(speaks_openai && endpoints.moderations) {
        return Err(ExcludeReason::NoModerations);
    }
    exclude::by_capability(&input.needs, &capabilities, policy)?;
    let upstream = known
        .as_ref()
        .and_then(|known| known.entry)
        .filter(|_| !provider.has_own_names())
        .map_or(named, |entry| entry.upstream_name(named));
    let mut planned = PlannedTarget {
        name: target.name.clone(),
        dialect,
        wire: WireTarget {
            endpoint,
            model: upstream.to_owned(),
            capabilities,
            policy,
            input_tokens: None,
        },
        model: target.model.clone(),
        pinned: target.pin.is_some(),
        fingerprint: target.fingerprint.clone(),
        native_completions: speaks_openai
            && (listed == Some(Kind::Completion) || endpoints.completions),
        family: Family::of(
            provider.catalog.as_deref().unwrap_or(&provider.name),
            provider.model_of(&target.model),
        ),
        timeouts: target.timeouts.or(snapshot.defaults.timeouts),
        credentials: CredentialPick::new(provider.credentials, input.rotation),
        cuts_prompts: provider.num_ctx.is_some(),
    };
    if input.needs.size != InputSize::default() {
        planned.wire.input_tokens = Some(input.tokens_at(&planned));
    }
    Ok(planned)
}

/// The kind of model that an operation is for.
const fn kind_asked(operation: Operation) -> Kind {
    match operation {
        Operation::Chat | Operation::Completions | Operation::InputTokens => Kind::Chat,
        Operation::Embedding => Kind::Embedding,
        Operation::Rerank => Kind::Rerank,
        Operation::Moderations => Kind::Moderation,
    }
}

/// Leaves out targets whose window is too small by our estimate. Since it is an estimate, the
/// widest stays if none is wide enough: the provider has the last word, unless it would rather cut
/// the prompt than say it.
fn keep_wide_enough(
    targets: &mut Vec<PlannedTarget>,
    excluded: &mut Vec<Excluded>,
    input: &PlanInput<'_>,
) {
    let wanted = |target: &PlannedTarget| {
        let output = input.needs.max_output.unwrap_or(0);
        input.tokens_at(target).saturating_add(output)
    };
    let window = |target: &PlannedTarget| target.wire.capabilities.context_window;
    let wide_enough =
        |target: &PlannedTarget| window(target).is_none_or(|window| window >= wanted(target));
    let some_fits = targets.iter().any(wide_enough);
    let widest = targets.iter().filter_map(window).max().unwrap_or(0);
    targets.retain(|target| {
        // Of several texts to embed, each is cut by itself.
        let is_one = !matches!(
            input.needs.operation,
            Operation::Embedding | Operation::Rerank
        );
        let is_cut = || {
            target.cuts_prompts
                && is_one
                && window(target).is_some_and(|window| input.tokens_at(target) > window)
        };
        let keeps = if some_fits {
            wide_enough(target)
        } else {
            window(target) >= Some(widest) && !is_cut()
        };
        if let (false, Some(window)) = (keeps, window(target)) {
            let wanted = wanted(target);
            excluded.push(Excluded::new(
                &target.name,
                ExcludeReason::Window { window, wanted },
            ));
        }
        keeps
    });
}

#[cfg(test)]
mod tests;
