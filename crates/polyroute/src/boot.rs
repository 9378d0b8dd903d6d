//! Settings → a running gateway.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use tokio_util::task::TaskTracker;

use crate::api;
use crate::config::settings::{AccessLog, Egress, Provider, ProxyChoice, Settings};
use crate::facts::FactsMemory;
use crate::gateway::{Gateway, ProviderState};
use crate::learned::LearnedParams;
use crate::pipeline::{Admission, KeyRing, Outputs, TurnCache};
use crate::server::{Drain, Listener, ListenerLimits, TlsError, server_config};
use crate::snapshot;
use crate::tasks;
use crate::telemetry::{LogTarget, Telemetry};
use crate::upstream::{
    MediaFetcher, MediaLimits, Signer, TokenSigner, UpstreamClients, client_config,
};

/// Connections of the admin listener.
const ADMIN_CONNECTIONS_MAX: usize = 64;
/// After the streams were cut, how long their last events may take.
const CUT_GRACE: Duration = Duration::from_secs(2);

/// Why the gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// An address could not be bound.
    #[error(
        "cannot listen on {address}: {source}; is another program there? Choose another with `--listen` or `server.listen`"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The listener's certificate or key is no good.
    #[error("cannot serve TLS: {0}")]
    Tls(#[from] TlsError),
    /// TLS towards providers could not be set up.
    #[error("cannot set up TLS towards providers: {0}")]
    ClientTls(#[from] rustls::Error),
    /// A schema can't be used.
    #[error("cannot check answers by {0}")]
    Schema(String),
    /// The system refused something.
    #[error("the system refused a resource: {0}")]
    System(#[from] io::Error),
}

/// A gateway that listens.
pub struct Running {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Where applications call.
    pub address: SocketAddr,
    /// Where metrics and the admin API are.
    pub admin_address: SocketAddr,
    listeners: TaskTracker,
}

impl Running {
    /// Binds both listeners and begins to serve.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn start(settings: Settings) -> Result<Self, BootError> {
        let tls = match &settings.server.tls {
            Some(tls) => Some(server_config(&tls.cert, &tls.key)?),
            None => None,
        };
        let limits = ListenerLimits {
            connections_max: settings.server.limits.connections_max,
            head_bytes_max: settings.server.limits.head_bytes_max,
            header_count_max: settings.server.limits.header_count_max,
            head_timeout: settings.server.limits.head_timeout,
            idle_timeout: settings.server.limits.idle_timeout,
            send_timeout: settings.server.limits.send_timeout,
        };
        let public = bind(settings.server.listen, tls, limits).await?;
        let admin_limits = ListenerLimits {
            connections_max: ADMIN_CONNECTIONS_MAX,
            ..limits
        };
        let admin = bind(settings.server.admin, None, admin_limits).await?;
        let (address, admin_address) = (public.address()?, admin.address()?);

        let gateway = Arc::new(build(settings)?);
        let listeners = TaskTracker::new();
        {
            let service_gateway = Arc::clone(&gateway);
            let metrics = Arc::clone(&gateway.telemetry.metrics);
            listeners.spawn(public.serve(
                gateway.drain.clone(),
                Arc::new(move |bound| metrics.bound_hit(bound)),
                move |request, _| api::public(Arc::clone(&service_gateway), request),
            ));
        }
        {
            let service_gateway = Arc::clone(&gateway);
            // The admin listener outlives the drain: whoever watches it must see the end.
            tokio::spawn(
                admin.serve(Drain::new(), Arc::new(|_| {}), move |request, _| {
                    api::admin(Arc::clone(&service_gateway), request)
                }),
            );
        }
        listeners.spawn(tasks::refresh(Arc::clone(&gateway)));
        listeners.spawn(tasks::tick(gateway.drain.clone()));
        Ok(Self {
            gateway,
            address,
            admin_address,
            listeners,
        })
    }

    /// Ends in order: not ready, no new connections, open answers get their time, then an error
    /// event.
    pub async fn drain(self) {
        let drain = &self.gateway.drain;
        drain.begin();
        self.listeners.close();
        if tokio::time::timeout(self.gateway.settings.server.drain, self.listeners.wait())
            .await
            .is_ok()
        {
            return;
        }
        drain.cut();
        let _ = tokio::time::timeout(CUT_GRACE, self.listeners.wait()).await;
    }
}

async fn bind(
    address: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    limits: ListenerLimits,
) -> Result<Listener, BootError> {
    Listener::bind(address, tls, limits)
        .await
        .map_err(|source| BootError::Bind { address, source })
}

/// What signs the requests to a provider that takes more than a plain key.
fn signer(
    provider: &Provider,
    tls: &rustls::ClientConfig,
    proxies: &Arc<Matcher>,
) -> Option<Arc<dyn Signer>> {
    if let Some(identity) = &provider.identity {
        return Some(Arc::new(TokenSigner::new(identity, tls, proxies)));
    }
    let aws = provider.aws.as_ref()?;
    #[cfg(feature = "bedrock")]
    {
        Some(Arc::new(crate::upstream::AwsSigner::new(aws, tls, proxies)))
    }
    #[cfg(not(feature = "bedrock"))]
    {
        let _ = (tls, proxies);
        tracing::error!(
            provider = provider.name,
            region = aws.region,
            "this build has no AWS signatures (feature `bedrock`): requests go unsigned"
        );
        None
    }
}

/// Everything but the sockets.
fn build(settings: Settings) -> Result<Gateway, BootError> {
    let log = match &settings.server.access_log {
        AccessLog::Stdout => LogTarget::Stdout,
        AccessLog::Stderr => LogTarget::Stderr,
        AccessLog::Off => LogTarget::Off,
    };
    let tls = client_config(settings.egress.ca_file.as_deref())?;
    let mut clients = UpstreamClients::default();
    for provider in &settings.providers {
        let proxies = Arc::new(matcher(&provider.proxy, &settings.egress));
        let signer = signer(provider, &tls, &proxies);
        let own = settings
            .targets
            .iter()
            .chain(settings.routes.iter().flat_map(|route| &route.targets));
        let connects = own
            .filter(|target| target.provider == provider.name)
            .map(|target| target.timeouts.connect)
            .chain([settings.resilience.timeouts.connect]);
        for connect in connects {
            clients.add(
                &provider.name,
                connect,
                provider.http2,
                &tls,
                &proxies,
                signer.as_ref(),
            );
        }
    }
    let media = MediaFetcher::new(
        MediaLimits {
            bytes_max: settings.media.bytes_max,
            timeout: settings.media.timeout,
            allow_private_networks: settings.media.allow_private_networks,
        },
        &tls,
    );
    let providers: HashMap<String, ProviderState> = settings
        .providers
        .iter()
        .map(|provider| {
            let state = ProviderState {
                config: provider.clone(),
            };
            (provider.name.clone(), state)
        })
        .collect();
    let telemetry = Arc::new(Telemetry::start(log)?);
    Ok(Gateway {
        admission: Admission::new(&settings.server.limits, &telemetry.metrics),
        snapshot: Arc::new(snapshot::compile(&settings)),
        facts: FactsMemory::default(),
        keys: KeyRing::new(&settings.keys),
        rotation: AtomicU64::new(0),
        providers,
        clients,
        media,
        turns: TurnCache::new(),
        learned: LearnedParams::default(),
        outputs: Outputs::new(&settings.routes).map_err(BootError::Schema)?,
        live_models: tasks::LiveModels::default(),
        telemetry,
        drain: Drain::new(),
        settings,
    })
}

fn matcher(choice: &ProxyChoice, egress: &Egress) -> Matcher {
    let builder = Matcher::builder();
    match choice {
        ProxyChoice::Direct => builder.build(),
        ProxyChoice::Url(url) => builder.all(url.expose().to_owned()).build(),
        ProxyChoice::Environment => {
            let mut builder = builder.no(egress.no_proxy.join(","));
            if let Some(proxy) = &egress.https_proxy {
                builder = builder.https(proxy.expose().to_owned());
            }
            if let Some(proxy) = &egress.http_proxy {
                builder = builder.http(proxy.expose().to_owned());
            }
            builder.build()
        }
    }
}
