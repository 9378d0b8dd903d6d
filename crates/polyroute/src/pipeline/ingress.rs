//! HTTP request → bytes and the few fields that we read, all of it bounded.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::json::RawObject;
use tokio::time::Instant;

use super::admission::{Overload, Share};
use super::gather::Gather;
use crate::config::settings::Limits;

/// The pace that a request body must keep beyond its first `body_timeout`, in bytes a second: drops
/// that never end are not progress (row S22).
const BODY_BYTES_PER_S_MIN: u64 = 1024;
/// Most tags of a request, its key's included.
const TAGS_MAX: usize = 32;
/// Longest tag name or value in bytes.
const TAG_BYTES_MAX: usize = 256;
/// Longest request id that is taken over from the caller.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// Reads a request body into the room that `share` gets for it. Room is taken as the body comes: for a
/// length that is only announced nobody gives up any.
///
/// # Errors
/// 413 `payload_too_large`, 408 `request_timeout`, 415 `unsupported_encoding`, or 503
/// `server_is_overloaded`.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: &mut Incoming,
    limits: &Limits,
    share: &mut Share,
    request_id: &str,
) -> Result<Bytes, ApiError> {
    let bytes_max = limits.body_bytes_max;
    let started = Instant::now();
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| encoding.as_bytes() != b"identity") {
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
    if announced.is_some_and(|length| !share.has_room_for(length)) {
        return Err(Overload::BODY.error(request_id));
    }
    let mut gather = Gather::default();
    loop {
        let grace = Duration::from_millis(gather.length() as u64 * 1_000 / BODY_BYTES_PER_S_MIN);
        let until =
            (started + limits.body_timeout + grace).min(Instant::now() + limits.body_timeout);
        let frame = match tokio::time::timeout_at(until, body.frame()).await {
            Err(_) => return Err(too_slow(limits.body_timeout)),
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
        if gather.length() + data.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        if !share.grow(data.len()) {
            return Err(Overload::BODY.error(request_id));
        }
        gather.push(data, announced);
    }
    Ok(gather.finish())
}

fn too_slow(wait: Duration) -> ApiError {
    ApiError::new(
        "request_timeout",
        format!(
            "The request body stopped arriving. Send it without pauses longer than {} s, or raise `server.limits.body_timeout`.",
            wait.as_secs_f64()
        ),
    )
}

fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(
        "payload_too_large",
        format!(
            "The request body is larger than {bytes_max} bytes. Send less, or raise `server.limits.body`."
        ),
    )
}

/// The bound that a body hit, if it was refused for one.
pub(super) fn bound_of(error: &ApiError) -> Option<&'static str> {
    match error.code {
        "payload_too_large" => Some("request_body"),
        "request_timeout" => Some("request_body_time"),
        "server_is_overloaded" => Some(Overload::BODY.0),
        _ => None,
    }
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
        .map_or_else(new_id, ToOwned::to_owned)
}

/// A UUID of version 7 (RFC 9562 §5.7 and §6.2, method 3): milliseconds, their 4096th parts, and
/// what tells apart two of the same moment.
///
/// The random part is a keyed hash of a counter: the system's own randomness costs a system call a
/// request, and an id that is no secret does not need it.
fn new_id() -> String {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let part = (u64::from(now.subsec_nanos() % 1_000_000) << 12) / 1_000_000;
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let [.., part_high, part_low] = part.to_be_bytes();
    let [a, b, c, d, e, f, g, h] = KEY
        .get_or_init(RandomState::new)
        .hash_one(count)
        .to_be_bytes();
    let rest = [part_high, part_low, a, b, c, d, e, f, g, h];
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid();
    let mut text = "req_".to_owned();
    text.push_str(id.simple().encode_lower(&mut uuid::Uuid::encode_buffer()));
    text
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

    #[test]
    fn new_request_ids_are_uuids_that_differ_and_sort_by_time() {
        let ids: Vec<String> = (0..1_000).map(|_| request_id(&HeaderMap::new())).collect();
        let distinct: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        for id in &ids {
            let uuid: uuid::Uuid = id.strip_prefix("req_").unwrap().parse().unwrap();
            assert_eq!(uuid.get_version_num(), 7);
            assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        }
        let later = std::time::Instant::now() + Duration::from_millis(1);
        while std::time::Instant::now() < later {}
        assert!(ids.iter().all(|id| *id < request_id(&HeaderMap::new())));
    }
}
