//! The body of a request that was refused while it was still on its way.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Version, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::Reply;

/// Most of a refused body that the answer waits for, in bytes, and how long it waits: more than
/// any but requests with files have.
const AWAITED_BYTES_MAX: usize = 256 * 1024;
const AWAITED_MAX: Duration = Duration::from_millis(500);
/// How long the rest of a refused body is read.
const LINGER: Duration = Duration::from_secs(2);
/// A caller that sends nothing for so long has seen the answer.
const LINGER_IDLE: Duration = Duration::from_millis(500);

/// Sees to the rest of a refused request's body, so that the answer reaches its caller and the
/// connection is either good for the next request or announced to close. Left alone, a body that
/// comes after the answer closes the connection without a word.
pub async fn refuse_body(head: &Parts, mut body: Incoming, reply: &mut Reply) {
    // A stream of HTTP/2 ends alone.
    if body.is_end_stream() || head.version >= Version::HTTP_2 {
        return;
    }
    // Whoever waits for our word before it sends must not be told to go on.
    let waits = head.headers.contains_key(header::EXPECT);
    if !waits && read_briefly(&mut body).await {
        return;
    }
    reply
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    if !waits {
        linger(body);
    }
}

/// Reads a body to its end within the bounds; whether it got there.
async fn read_briefly(body: &mut Incoming) -> bool {
    let read = async {
        let mut left = AWAITED_BYTES_MAX;
        while let Some(frame) = body.frame().await {
            let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(length)?;
        }
        Some(())
    };
    matches!(tokio::time::timeout(AWAITED_MAX, read).await, Ok(Some(())))
}

/// Reads and drops what still comes. Without it the system resets the connection under a caller
/// that is still sending, which then never sees the answer that tells it why.
fn linger(mut body: Incoming) {
    tokio::spawn(async move {
        let rest = async {
            while let Ok(Some(Ok(_))) = tokio::time::timeout(LINGER_IDLE, body.frame()).await {}
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
    });
}
