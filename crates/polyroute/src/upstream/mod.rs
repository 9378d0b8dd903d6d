//! The way out: connections to providers, and guarded fetches of URLs that callers name.
//!
//! [`UpstreamClient`] is the one type to read first. It decides nothing: the pipeline tells it
//! where to send what, and when to stop.

mod auth;
#[cfg(feature = "bedrock")]
mod aws;
mod client;
mod connector;
mod fetch;
mod guard;
mod identity;
mod link;
mod pool;
mod request;
mod tls;

pub use auth::Signer;
#[cfg(feature = "bedrock")]
pub use aws::AwsSigner;
pub use client::{AnswerBody, Outgoing, UpstreamClient, UpstreamClients};
pub use fetch::{FetchError, MediaFetcher, MediaLimits};
pub use identity::TokenSigner;
pub use request::{TraceContext, outgoing};
pub use tls::{client_config, crypto_provider};
