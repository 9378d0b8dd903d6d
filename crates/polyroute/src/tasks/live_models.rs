//! The models that each provider lists, read at start and refreshed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Limited};
use polyroute_engine::snapshot::Provider as Known;
use polyroute_wire::adapter::ModelListing;

use crate::config::settings::BaseUrl;
use crate::gateway::{Gateway, ProviderState};
use crate::upstream::{TraceContext, outgoing};

/// Largest page of a model list.
const PAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most pages of a model list.
const PAGES_MAX: usize = 20;
/// Longest wait for a page.
const PAGE_WAIT: Duration = Duration::from_secs(15);

type Lists = HashMap<String, Arc<Vec<ModelListing>>>;

/// The last list of every provider.
#[derive(Debug, Default)]
pub struct LiveModels {
    lists: ArcSwap<Lists>,
}

impl LiveModels {
    /// What a provider listed; empty before the first answer.
    #[must_use]
    pub fn of(&self, provider: &str) -> Arc<Vec<ModelListing>> {
        self.lists.load().get(provider).cloned().unwrap_or_default()
    }

    /// Whether a provider listed a model.
    #[must_use]
    pub fn lists(&self, provider: &str, model: &str) -> bool {
        let lists = self.lists.load();
        let listed = lists.get(provider);
        listed.is_some_and(|models| models.iter().any(|listing| listing.id == model))
    }

    fn set(&self, provider: &str, models: Vec<ModelListing>) {
        let models = Arc::new(models);
        self.lists.rcu(|lists| {
            let mut lists = Lists::clone(lists);
            lists.insert(provider.to_owned(), Arc::clone(&models));
            lists
        });
    }
}

/// Reads the lists of all providers that are to be listed, again and again until the drain.
pub async fn refresh(gateway: Arc<Gateway>) {
    let every = gateway.settings.server.models_refresh;
    loop {
        let round = async {
            // Side by side: one that hangs does not keep the others waiting.
            join_all(gateway.snapshot.on().map(|known| read(&gateway, known))).await;
            tokio::time::sleep(every).await;
        };
        tokio::select! {
            () = gateway.drain.stopped().cancelled() => return,
            () = round => {}
        }
    }
}

async fn read(gateway: &Gateway, known: &Known) {
    let state = gateway.providers.get(&known.name);
    let Some(state) = state.filter(|state| state.config.models) else {
        return;
    };
    match list(gateway, state, known).await {
        Ok(models) => gateway.live_models.set(&known.name, models),
        // The last good list stays.
        Err(reason) => tracing::warn!(
            provider = known.name,
            reason,
            "the model list could not be read"
        ),
    }
}

async fn list(
    gateway: &Gateway,
    state: &ProviderState,
    known: &Known,
) -> Result<Vec<ModelListing>, String> {
    let adapter = known.dialect.adapter();
    let endpoint = known.endpoint();
    let connect = gateway.settings.resilience.timeouts.connect;
    let client = gateway
        .clients
        .get(&known.name, connect)
        .ok_or("the provider has no client")?;
    let mut models = Vec::new();
    let mut page = None;
    for _ in 0..PAGES_MAX {
        let encoded = adapter.encode_models(&endpoint, page.as_deref());
        let mut config = Cow::Borrowed(&state.config);
        if let Some(url) = adapter.models_base_url(state.config.base_url.as_str())
            && let Ok(url) = BaseUrl::parse(&url)
        {
            config.to_mut().base_url = url;
        }
        let request = outgoing(
            &config,
            state.config.credentials.first(),
            encoded,
            false,
            &TraceContext::default(),
        )
        .map_err(|error| error.message)?;
        let read = async {
            let response = client.send(request).await.map_err(|error| error.message)?;
            let status = response.status();
            if !status.is_success() {
                return Err(format!("status {}", status.as_u16()));
            }
            let body = Limited::new(response.into_body(), PAGE_BYTES_MAX)
                .collect()
                .await;
            body.map(http_body_util::Collected::to_bytes)
                .map_err(|error| error.to_string())
        };
        let body = tokio::time::timeout(PAGE_WAIT, read)
            .await
            .map_err(|_| "no answer in time".to_owned())??;
        let (listed, next) = adapter
            .decode_models(&body)
            .map_err(|error| error.message)?;
        models.extend(listed);
        page = next;
        if page.is_none() {
            break;
        }
    }
    Ok(models)
}
