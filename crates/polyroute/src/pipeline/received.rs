//! What of a provider's answer needs no knowledge of its dialect: encoding, headers, and a body
//! read within bounds.

use std::collections::BTreeMap;

use crate::upstream::AnswerBody;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::gather::Gather;

/// Largest whole answer that is read (row F23).
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), UpstreamError> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| encoding.as_bytes() != b"identity") {
        return Err(UpstreamError::new(
            ErrorKind::MalformedReply,
            "the provider answered in a content encoding that was not asked for",
        ));
    }
    Ok(())
}

pub(super) fn upstream_request_id(headers: &HeaderMap) -> Option<String> {
    [
        "x-request-id",
        "request-id",
        "x-goog-request-id",
        "x-amzn-requestid",
        "apim-request-id",
        "x-generation-id",
    ]
    .iter()
    .find_map(|name| headers.get(*name))
    .and_then(|value| value.to_str().ok())
    .filter(|id| id.len() <= 200)
    .map(ToOwned::to_owned)
}

pub(super) fn header_map(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut map: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        map.entry(name.as_str().to_owned())
            .and_modify(|joined| {
                joined.push_str(", ");
                joined.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    map
}

pub(super) async fn read_all(mut body: AnswerBody) -> Result<Bytes, UpstreamError> {
    let mut gather = Gather::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            UpstreamError::new(
                ErrorKind::Truncated,
                "the provider's connection broke within the answer",
            )
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if gather.length() + data.len() > ANSWER_BYTES_MAX {
            return Err(UpstreamError::new(
                ErrorKind::MalformedReply,
                format!("the provider's answer is larger than {ANSWER_BYTES_MAX} bytes"),
            ));
        }
        gather.push(data, None);
    }
    Ok(gather.finish())
}

pub(super) async fn read_up_to(mut body: AnswerBody, bytes_max: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = bytes_max.saturating_sub(bytes.len());
        bytes.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if bytes.len() >= bytes_max {
            break;
        }
    }
    bytes
}
