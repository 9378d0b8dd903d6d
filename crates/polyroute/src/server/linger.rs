//! A refused body is still on its way: it is thrown away for a while before the connection closes.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// How long the rest of a refused body is read.
const LINGER: Duration = Duration::from_secs(2);

/// Reads and drops what still comes. Without it the system resets the connection under a caller
/// that is still sending, which then never sees the answer that tells it why.
pub fn linger(mut body: Incoming) {
    tokio::spawn(async move {
        let rest = async { while let Some(Ok(_)) = body.frame().await {} };
        let _ = tokio::time::timeout(LINGER, rest).await;
    });
}
