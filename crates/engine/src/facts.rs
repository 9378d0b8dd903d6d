//! What is known of a target before any request comes: everything of a plan that depends on the
//! snapshot alone.
//!
//! [`Facts::of`] is pure and costs a few microseconds of look-ups, so that a program may keep what
//! it gave for as long as it keeps the snapshot ([`crate::plan::PlanInput::facts`]).

use std::sync::Arc;

use polyroute_wire::adapter::Target as WireTarget;
use polyroute_wire::dialect::Dialect;

use crate::catalog::{Kind, Match, PricePeriod, prices_at};
use crate::estimate::Family;
use crate::pin::{self, Asked};
use crate::price::Prices;
use crate::snapshot::{ApiChoice, Provider, Snapshot, Target, Timeouts};

/// What a provider speaks for one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Speaks {
    /// Its dialect; OpenAI's stands for chat completions.
    pub(crate) dialect: Dialect,
    /// Where it serves OpenAI's dialect, it can serve the Responses API as well.
    pub(crate) both: bool,
    /// There it counts tokens, too.
    pub(crate) counts: bool,
    /// What the configuration says.
    pub(crate) choice: ApiChoice,
}

/// What is known of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The target as configuration or caller name it.
    pub target: Target,
    /// What translation needs to know, under the configuration's own policy.
    pub wire: Arc<WireTarget>,
    /// Configuration or catalog name the model: it is no invention of a caller.
    pub listed: bool,
    /// It has `/completions`: text completions are passed on. Otherwise its chat stands in.
    pub native_completions: bool,
    /// How its model counts tokens.
    pub family: Family,
    /// What corrections of its token counts are kept under: `provider/upstream model`.
    pub counted_as: String,
    /// What its answers are held against.
    pub asked: Asked,
    /// The model is asked for by a name that leads to another version one day.
    pub floats: bool,
    /// The timeouts of one attempt, defaults applied.
    pub timeouts: Timeouts,
    /// Its window is that of a server that may cut a longer prompt without a word.
    pub(crate) cuts_prompts: bool,
    /// Translation must know how long the prompt is.
    pub(crate) weighs_prompts: bool,
    /// How many credentials its provider has.
    pub(crate) credentials: usize,
    /// What it is called for, if the catalog knows.
    pub(crate) kind: Option<Kind>,
    pub(crate) speaks: Speaks,
    pub(crate) moderations: bool,
    priced: Option<Priced>,
}

/// A listed model's prices.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Priced {
    periods: Vec<PricePeriod>,
    as_of: String,
}

impl Facts {
    /// The facts of a target; `None` if its provider is not there or off.
    #[must_use]
    pub fn of(snapshot: &Snapshot, target: &Target) -> Option<Self> {
        let provider = snapshot.provider(&target.provider)?;
        if !provider.on {
            return None;
        }
        // What the pinned version takes counts; an unlisted pin is known by its model.
        let known = snapshot.known(provider, target.upstream_model());
        let known = match known {
            Some(pin) if target.pin.is_none() || pin.matched >= Match::Dated => Some(pin),
            pin => snapshot.known(provider, &target.model).or(pin),
        };
        let entry = known.as_ref().and_then(|known| known.entry);
        let kind = entry.map(|entry| entry.kind);
        let named = provider.deployment_of(target.upstream_model());
        let endpoint = provider.endpoint();
        let speaks = Speaks {
            dialect: provider.dialect_of(named),
            both: endpoint.has_responses(),
            counts: endpoint.counts_responses(),
            choice: provider.api,
        };
        let speaks_openai = speaks.dialect == Dialect::OpenAi;
        let endpoints = provider.profile.endpoints;
        let upstream = entry
            .filter(|_| !provider.has_own_names())
            .map_or(named, |entry| entry.upstream_name(named))
            .to_owned();
        let mut capabilities = known
            .as_ref()
            .map(|known| known.capabilities.clone())
            .unwrap_or_default();
        // The operator's word on what is loaded is nearer than the weights' own window.
        capabilities.context_window = provider.num_ctx.or(capabilities.context_window);
        let asked = asked(snapshot, provider, target, &upstream);
        Some(Self {
            listed: is_listed(snapshot, provider, target),
            native_completions: speaks_openai
                && (kind == Some(Kind::Completion) || endpoints.completions),
            family: Family::of(
                provider.catalog.as_deref().unwrap_or(&provider.name),
                provider.model_of(&target.model),
            ),
            counted_as: format!("{}/{upstream}", provider.name),
            floats: !asked.pinned
                && pin::floats(&snapshot.catalog, asked.section.as_deref(), &asked.model),
            asked,
            timeouts: target.timeouts.or(snapshot.defaults.timeouts),
            credentials: provider.credentials,
            kind,
            speaks,
            moderations: speaks_openai && endpoints.moderations,
            priced: priced(snapshot, provider, target, &upstream),
            cuts_prompts: provider.num_ctx.is_some(),
            weighs_prompts: provider.weighs_prompts(),
            wire: Arc::new(WireTarget {
                endpoint,
                capabilities,
                model: upstream,
                policy: snapshot.defaults.policy,
                input_tokens: None,
            }),
            target: target.clone(),
        })
    }

    /// What its tokens cost at that time (seconds since the Unix epoch), and the day when the
    /// price list was last checked. `None` if nobody knows. A pinned version is priced as itself.
    #[must_use]
    pub fn prices_at(&self, unix_seconds: u64) -> Option<(&Prices, &str)> {
        let priced = self.priced.as_ref()?;
        let prices = prices_at(&priced.periods, unix_seconds)?;
        Some((prices, &priced.as_of))
    }
}

/// Whether configuration or catalog name the model.
fn is_listed(snapshot: &Snapshot, provider: &Provider, target: &Target) -> bool {
    let configured =
        |known: &Target| known.provider == provider.name && known.model == target.model;
    let routes = &snapshot.routes;
    snapshot.lists(provider, &target.model)
        || snapshot.targets.iter().any(configured)
        || routes
            .iter()
            .any(|route| route.targets.iter().any(configured))
}

fn asked(snapshot: &Snapshot, provider: &Provider, target: &Target, upstream: &str) -> Asked {
    Asked {
        section: provider.catalog.clone(),
        model: provider.model_of(upstream).to_owned(),
        // A deployment's name says nothing of a version; the model that it is does.
        pinned: target.pin.is_some() && snapshot.places(provider, upstream),
        fingerprint: target.fingerprint.clone(),
    }
}

fn priced(
    snapshot: &Snapshot,
    provider: &Provider,
    target: &Target,
    upstream: &str,
) -> Option<Priced> {
    let pin = target.pin.as_ref();
    let known = pin
        .and_then(|_| snapshot.listed(provider, upstream))
        .or_else(|| snapshot.listed(provider, &target.model))?;
    // Only what is listed has a price.
    let entry = known.entry.filter(|_| known.matched == Match::Listed)?;
    Some(Priced {
        periods: entry.prices.clone(),
        as_of: entry.sources.prices.as_of.clone(),
    })
}
