//! Credentials that are more than a header: signatures and tokens that expire.

use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use polyroute_wire::error::UpstreamError;

use super::Outgoing;

/// Signs requests to one provider. Plain keys need none: they are put on with the other headers.
///
/// A signer keeps its own tokens, renews them before they expire, and lets one renewal at a time
/// serve everybody who waits.
pub trait Signer: Send + Sync + std::fmt::Debug {
    /// Signs a request that is complete: nothing of it changes afterwards.
    ///
    /// # Errors
    /// Kind `auth` if there is no valid credential, `connection` or `timeout` if the issuer of
    /// tokens did not answer.
    fn sign<'a>(&'a self, request: &'a mut Outgoing) -> BoxFuture<'a, Result<(), UpstreamError>>;

    /// The head of the answer to a signed request: the headers that were sent, its status and headers.
    /// `true`: it was refused for something that the next signature has right, so sending it once
    /// more is worth it.
    fn answered(&self, _sent: &HeaderMap, _status: StatusCode, _headers: &HeaderMap) -> bool {
        false
    }
}
