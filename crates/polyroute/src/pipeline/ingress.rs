//! HTTP request → bytes and the few fields that we read, all of it bounded.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use polyroute_wire::api_error::ApiError;
use polyroute_wire::json::RawObject;

/// Longest wait for the next piece of a request body (row S22).
const BODY_IDLE_MAX: Duration = Duration::from_secs(30);
/// Most that is read of a body which nobody wants, in bytes, and the longest wait for it.
const DISCARD_BYTES_MAX: usize = 256 * 1024;
const DISCARD_WAIT: Duration = Duration::from_millis(500);
/// Most tags of a request, its key's included.
const TAGS_MAX: usize = 32;
/// Longest tag name or value in bytes.
const TAG_BYTES_MAX: usize = 256;
/// Longest request id that is taken over from the caller.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Reads a request body.
///
/// # Errors
/// 413 `request_too_large`, 408 `request_timeout`, 415 `unsupported_encoding`, or 400
/// `body_incomplete` if the caller broke off.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: &mut Incoming,
    bytes_max: usize,
) -> Result<Bytes, ApiError> {
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && encoding.as_bytes() != b"identity"
    {
        return Err(ApiError::new(
            "unsupported_encoding",
            "Compressed request bodies are not taken. Send the JSON without `content-encoding`.",
        ));
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(too_large(bytes_max));
    }
    let mut first: Option<Bytes> = None;
    let mut rest: Option<BytesMut> = None;
    loop {
        let frame = match tokio::time::timeout(BODY_IDLE_MAX, body.frame()).await {
            Err(_) => {
                return Err(ApiError::new(
                    "request_timeout",
                    "The request body stopped arriving. Send it without pauses longer than 30 s.",
                ));
            }
            Ok(None) => break,
            Ok(Some(Err(_))) => {
                return Err(ApiError::new(
                    "request_timeout",
                    "The request body ended before its announced length.",
                ));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let so_far = first.as_ref().map_or(0, Bytes::len) + rest.as_ref().map_or(0, BytesMut::len);
        if so_far + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        match (&mut first, &mut rest) {
            // One frame is the common case: it is not copied.
            (None, _) => first = Some(data),
            (Some(_), Some(rest)) => rest.extend_from_slice(&data),
            (Some(_), None) => {
                let announced = announced.unwrap_or(0).min(1 << 20);
                let mut buffer = BytesMut::with_capacity(announced.max(data.len()));
                buffer.extend_from_slice(&data);
                rest = Some(buffer);
            }
        }
    }
    Ok(match (first, rest) {
        (None, _) => Bytes::new(),
        (Some(first), None) => first,
        (Some(first), Some(rest)) => {
            let mut whole = BytesMut::with_capacity(first.len() + rest.len());
            whole.extend_from_slice(&first);
            whole.extend_from_slice(&rest);
            whole.freeze()
        }
    })
}

/// Reads what is left of the body of a request that was refused, within bounds; whether it came to
/// its end. A body that is still on its way when the answer goes out costs the caller the
/// connection without a word, and with it the next request; if there is more, the caller must be
/// told that the connection closes.
pub async fn discard(headers: &HeaderMap, body: &mut Incoming) -> bool {
    if body.is_end_stream() {
        return true;
    }
    // Whoever waits for our word before it sends must not be told to go on.
    if headers.contains_key(header::EXPECT) {
        return false;
    }
    let read = async {
        let mut left = DISCARD_BYTES_MAX;
        while let Some(frame) = body.frame().await {
            let length = frame.ok()?.data_ref().map_or(0, Bytes::len);
            left = left.checked_sub(length)?;
        }
        Some(())
    };
    matches!(tokio::time::timeout(DISCARD_WAIT, read).await, Ok(Some(())))
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(
        "payload_too_large",
        format!(
            "The request body is larger than {bytes_max} bytes. Send less, or raise `server.limits.body`."
        ),
    )
}

/// The caller's `x-request-id` if it is a sane one, else a new id that sorts by time.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> String {
    headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            !id.is_empty()
                && id.len() <= REQUEST_ID_BYTES_MAX
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
        })
        .map_or_else(
            || format!("req_{}", uuid::Uuid::now_v7().simple()),
            ToOwned::to_owned,
        )
}

/// Tags of a request: from `metadata` in the body, then `x-polyroute-tags: a=b, c=d`, then the
/// key's own, which win. Anything beyond the bounds is left out.
#[must_use]
pub(super) fn tags(
    headers: &HeaderMap,
    raw: &RawObject<'_>,
    own: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    if let Some(metadata) = raw.get("metadata")
        && let Ok(pairs) = serde_json::from_str::<BTreeMap<String, serde_json::Value>>(metadata)
    {
        for (name, value) in pairs {
            if let serde_json::Value::String(value) = value {
                add(&mut tags, &name, &value);
            }
        }
    }
    for value in headers.get_all("x-polyroute-tags") {
        for pair in value.to_str().unwrap_or_default().split(',') {
            if let Some((name, value)) = pair.split_once('=') {
                add(&mut tags, name.trim(), value.trim());
            }
        }
    }
    tags.extend(
        own.iter()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    tags
}

fn add(tags: &mut BTreeMap<String, String>, name: &str, value: &str) {
    let fits = |text: &str| {
        !text.is_empty() && text.len() <= TAG_BYTES_MAX && !text.contains(char::is_control)
    };
    if tags.len() < TAGS_MAX && fits(name) && fits(value) {
        tags.insert(name.to_owned(), value.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_s_tags_win_over_those_that_the_caller_sends() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-polyroute-tags",
            HeaderValue::from_static("team=other, run=7,broken"),
        );
        let raw = br#"{"metadata":{"case":"a","n":1,"run":"6"}}"#;
        let own = BTreeMap::from([("team".to_owned(), "payments".to_owned())]);
        let tags = tags(&headers, &RawObject::parse(raw).unwrap(), &own);
        let expected = [("case", "a"), ("run", "7"), ("team", "payments")];
        assert_eq!(
            tags.iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn only_sane_request_ids_are_taken_over() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("abc-1"));
        assert_eq!(request_id(&headers), "abc-1");
        headers.insert("x-request-id", HeaderValue::from_static("a b"));
        assert!(request_id(&headers).starts_with("req_"));
    }
}
