//! The listener: accepts connections and hands their requests to the service.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cloud::identity;
use crate::config::SimConfig;
use crate::connection::{KillSwitch, Killable};
use crate::fault::Rule;
use crate::log::Entry;
use crate::script::Script;
use crate::service;
use crate::state::Shared;

/// The simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// A running simulator. Dropping it stops it at once.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sim {
    /// Starts a simulator. It listens when this returns.
    pub async fn start(config: SimConfig) -> Result<Self, StartError> {
        let wanted = config.listen;
        let refused = |source| StartError::Listen {
            addr: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let shared = Arc::new(Shared::new(config));
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(
            listener,
            Arc::clone(&shared),
            stop.clone(),
            tasks.clone(),
        ));
        tasks.close();
        Ok(Self {
            addr,
            shared,
            stop,
            tasks,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://host:port`, to which `/v1`, `/anthropic` or `/gemini` may be added.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it saw since this sequence number, oldest first.
    pub fn log_since(&self, seq: u64) -> Vec<Entry> {
        self.shared.log.since(seq)
    }

    /// Forgets what it saw.
    pub fn clear_log(&self) {
        self.shared.log.clear();
    }

    /// Switches a fault rule on.
    pub fn add_fault(&self, rule: Rule) {
        let now_ms = self.shared.log.now_ms();
        self.shared.moving().rules.add(rule, now_ms);
    }

    /// Switches all fault rules off.
    pub fn clear_faults(&self) {
        self.shared.moving().rules.clear();
    }

    /// Queues scripted answers.
    pub fn add_script(&self, script: Script) {
        self.shared.moving().scripts.add(script);
    }

    /// Sets how the issuers of tokens behave.
    pub fn set_identity(&self, plan: identity::Plan) {
        self.shared.moving().tokens.set(plan);
    }

    /// How many tokens an issuer gave (`service_account`, `metadata`, `entra`, …).
    pub fn tokens_issued(&self, issuer: &str) -> u64 {
        self.shared.moving().tokens.count(issuer)
    }

    /// Takes every token back.
    pub fn revoke_tokens(&self) {
        self.shared.moving().tokens.revoke();
    }

    /// Stops: open connections are dropped. Returns when all is gone.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(serve(stream, Arc::clone(&shared), stop.clone()));
            }
            // Out of file handles, or a caller that left: wait and go on.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, stop: CancellationToken) {
    // Each event goes out as a packet of its own; where that can't be set, they may be joined.
    let _ = stream.set_nodelay(true);
    let switch = KillSwitch::default();
    let io = TokioIo::new(Killable::new(stream, switch.clone()));
    let pulled = switch.clone();
    let service =
        service_fn(move |request| service::answer(Arc::clone(&shared), switch.clone(), request));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(io, service);
    tokio::select! {
        // How a connection ends is in the log by request; there is nobody else to tell.
        _ = connection => {}
        () = pulled.pulled() => {}
        () = stop.cancelled() => {}
    }
}
