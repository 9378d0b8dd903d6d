//! Settings → what the engine decides on.

use polyroute_engine::catalog::Catalog;
use polyroute_engine::snapshot::{self as engine, Defaults, Snapshot};
use polyroute_wire::adapter::TranslationPolicy;

use crate::config::known;
use crate::config::settings::{self, Dialect, Settings};

/// The engine's view of a configuration: without secrets and addresses.
pub(crate) fn compile(settings: &Settings) -> Snapshot {
    Snapshot {
        providers: settings.providers.iter().map(provider).collect(),
        targets: settings.targets.iter().map(target).collect(),
        routes: settings
            .routes
            .iter()
            .map(|route| {
                engine::Route::new(&route.name, route.targets.iter().map(target).collect())
            })
            .collect(),
        catalog: Catalog::embedded(),
        defaults: Defaults {
            timeouts: timeouts(&settings.resilience.timeouts),
            attempts_max: settings.resilience.attempts_max,
            deadline: settings.resilience.deadline,
            policy: TranslationPolicy {
                strict_params: settings.translation.strict_params,
                repair_orphans: settings.translation.repair_orphans,
                rewrite_prefill: settings.translation.rewrite_prefill,
                downgrade_forced_tool_choice: settings.translation.downgrade_forced_tool_choice,
            },
        },
    }
}

fn provider(provider: &settings::Provider) -> engine::Provider {
    let dialect = match provider.dialect {
        Dialect::Openai => engine::Dialect::OpenAi,
        Dialect::Anthropic => engine::Dialect::Anthropic,
        Dialect::Gemini => engine::Dialect::Gemini,
    };
    // The three vendors' own names stand for their own services, wherever a base URL leads (a
    // proxy of the company's, the simulator).
    let first_party =
        known::known(&provider.name).is_some_and(|known| known.name == dialect.as_str());
    engine::Provider {
        api_version: provider.api_version.clone(),
        credentials: provider.credentials.len().max(1),
        ..engine::Provider::new(&provider.name, dialect, first_party)
    }
}

fn target(target: &settings::Target) -> engine::Target {
    engine::Target {
        name: target.name.clone(),
        provider: target.provider.clone(),
        model: target.model.clone(),
        pin: target.pin.clone(),
        timeouts: timeouts(&target.timeouts),
    }
}

const fn timeouts(timeouts: &settings::Timeouts) -> engine::Timeouts {
    engine::Timeouts {
        connect: Some(timeouts.connect),
        first_content: Some(timeouts.first_content),
        inter_token: Some(timeouts.inter_token),
        total: Some(timeouts.total),
    }
}
