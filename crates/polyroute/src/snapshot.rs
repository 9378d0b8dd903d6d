//! Settings → what the engine decides on.

use polyroute_engine::snapshot::{self as engine, Defaults, Snapshot};
use std::sync::Arc;

use polyroute_engine::catalog::Catalog;
use polyroute_wire::adapter::TranslationPolicy;
use polyroute_wire::surface::Surface;

use crate::config::settings::{self, Settings};

/// The engine's view of a configuration: without secrets and addresses.
pub(crate) fn compile(settings: &Settings) -> Snapshot {
    let snapshot = Snapshot {
        providers: settings
            .providers
            .iter()
            .map(|provider| self::provider(provider, &settings.catalog))
            .collect(),
        targets: settings.targets.iter().map(target).collect(),
        routes: settings
            .routes
            .iter()
            .map(|route| {
                engine::Route::new(&route.name, route.targets.iter().map(target).collect())
            })
            .collect(),
        catalog: Arc::clone(&settings.catalog),
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
    };
    snapshot.warm();
    snapshot
}

fn provider(provider: &settings::Provider, catalog: &Catalog) -> engine::Provider {
    let entry = provider
        .kind
        .as_deref()
        .and_then(|kind| catalog.entry(kind));
    // A known name stands for that service wherever a base URL leads (a proxy of the company's,
    // the simulator), unless it is said to speak something else.
    let entry = entry.filter(|entry| entry.connection.speaks(provider.dialect));
    let named = entry.filter(|entry| entry.answers_to(&provider.name));
    let mut profile = entry
        .map(|entry| Arc::clone(&entry.profile))
        .unwrap_or_default();
    if let Some(tags) = provider.think_tags {
        Arc::make_mut(&mut profile).reasoning.tags = tags;
    }
    engine::Provider {
        aliases: named
            .map(|entry| entry.connection.aliases.clone())
            .unwrap_or_default(),
        // Azure's inference API serves anybody's models by rules of its own.
        first_party: entry.is_some_and(|entry| entry.connection.first_party)
            && provider.surface != Surface::AzureInference,
        surface: provider.surface.clone(),
        deployments: provider.deployments.clone(),
        catalog: entry.map(|entry| entry.name.clone()),
        profile,
        api: provider.api,
        api_version: provider.api_version.clone(),
        num_ctx: provider.num_ctx,
        credentials: provider.credentials.len().max(1),
        ..engine::Provider::new(&provider.name, provider.dialect, false)
    }
}

fn target(target: &settings::Target) -> engine::Target {
    engine::Target {
        name: target.name.clone(),
        provider: target.provider.clone(),
        model: target.model.clone(),
        pin: target.pin.clone(),
        fingerprint: target.fingerprint.clone(),
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
