//! The plan for one request: which targets, in which order, which not and why.
//!
//! Read [`plan`] first. A target that can't take the request is left out with its reason while
//! another one can; if none can, the best reason is what the caller is told.

mod api;
mod exclude;

use std::sync::Arc;
use std::time::Duration;

use polyroute_wire::adapter::{Target as WireTarget, TranslationPolicy};

use crate::catalog::Kind;
use crate::estimate::{Corrections, InputSize};
use crate::facts::Facts;
use crate::needs::{ApiNeeds, Operation, RequestNeeds};
use crate::resolve::Resolved;
use crate::snapshot::{Dialect, Snapshot, Target};

pub use exclude::{ExcludeReason, Excluded};

/// What a plan depends on beside the snapshot and the name.
#[derive(Clone, Copy, Default)]
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
    /// The facts of a target, kept from earlier requests of the same snapshot; made anew where
    /// `None`.
    pub facts: Option<FactsOf<'a>>,
}

/// Gives the facts of a target; `None` if its provider is not there or off.
pub type FactsOf<'a> = &'a dyn Fn(&Target) -> Option<Arc<Facts>>;

impl PlanInput<'_> {
    /// The estimated input tokens of the request at one target.
    #[must_use]
    pub fn tokens_at(&self, target: &PlannedTarget) -> u64 {
        let size = &self.needs.size;
        if self.needs.operation == Operation::Embedding {
            return size.plain_tokens(target.facts.family);
        }
        let estimate = size.tokens(target.facts.family);
        self.corrections.map_or(estimate, |corrections| {
            corrections.corrected(&target.facts.counted_as, size.shape(), estimate)
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
        let names: Vec<&str> = self.targets.iter().map(PlannedTarget::name).collect();
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
    /// What is known of it, whatever is asked.
    pub facts: Arc<Facts>,
    /// What is spoken to it: its provider's dialect, or the other API of OpenAI's.
    pub dialect: Dialect,
    /// What translation needs to know: endpoint, upstream model id, capabilities, policy.
    pub wire: Arc<WireTarget>,
    /// How the provider's credentials take turns.
    pub credentials: CredentialPick,
}

impl PlannedTarget {
    /// Its name in logs and records.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.facts.target.name
    }

    /// The model as the configuration or the caller names it, by which it is priced.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.facts.target.model
    }

    /// The upstream model id is a pin of the configuration.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        self.facts.target.pin.is_some()
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
    let facts = match input.facts {
        Some(facts) => facts(target),
        None => Facts::of(snapshot, target).map(Arc::new),
    };
    let facts = facts.ok_or(ExcludeReason::ProviderOff)?;
    let operation = input.needs.operation;
    // A model that nobody knows is taken for what it is asked to be.
    let kind = facts.kind.unwrap_or_else(|| kind_asked(operation));
    let capabilities = &facts.wire.capabilities;
    let dialect = api::choose(facts.speaks, kind, capabilities, operation, input.api)?;
    if operation == Operation::Moderations && !facts.moderations {
        return Err(ExcludeReason::NoModerations);
    }
    exclude::by_capability(&input.needs, capabilities, policy)?;
    let mut planned = PlannedTarget {
        dialect,
        wire: Arc::clone(&facts.wire),
        credentials: CredentialPick::new(facts.credentials, input.rotation),
        facts,
    };
    let weighs = planned.facts.weighs_prompts && input.needs.size != InputSize::default();
    let input_tokens = weighs.then(|| input.tokens_at(&planned));
    if planned.wire.policy != policy || input_tokens.is_some() {
        planned.wire = Arc::new(WireTarget {
            policy,
            input_tokens,
            ..WireTarget::clone(&planned.wire)
        });
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
            target.facts.cuts_prompts
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
                target.name(),
                ExcludeReason::Window { window, wanted },
            ));
        }
        keeps
    });
}

#[cfg(test)]
mod tests;
