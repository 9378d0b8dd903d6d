//! The listeners: connections in, requests to the service, and an orderly end.
//!
//! [`Listener`] accepts and bounds connections; [`Drain`] is the state that everyone who must know
//! of a shutdown looks at.

mod activity;
mod body;
mod drain;
mod frames;
mod head_wait;
mod linger;
mod listener;
mod tls;
mod watched;

pub use body::{Reply, ReplyBody};
pub use drain::Drain;
pub use linger::refuse_body;
pub use listener::{BoundHit, Listener, ListenerLimits};
pub use tls::{TlsError, server_config};
