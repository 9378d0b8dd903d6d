//! The admin listener: metrics, and the outcome records of the last requests. Loopback by default.

use std::sync::Arc;

use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use polyroute_wire::api_error::ApiError;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::learned::now_ms;
use crate::server::{Reply, ReplyBody};
use crate::telemetry::Record;

/// Parameters that models were seen to refuse.
const CAPABILITIES: &str = "/v1/admin/targets/capabilities";
/// Records in one answer unless `limit` says otherwise.
const LIMIT_DEFAULT: usize = 100;
/// Most records in one answer.
const LIMIT_MAX: usize = 1_000;

#[derive(Serialize)]
struct Requests<'a> {
    /// Newest first.
    data: Vec<&'a Record>,
}

/// Answers a request on the admin listener.
pub async fn admin(gateway: Arc<Gateway>, request: Request<Incoming>) -> Reply {
    super::caught(std::pin::pin!(async { answer(&gateway, &request) })).await
}

fn answer(gateway: &Gateway, request: &Request<Incoming>) -> Reply {
    let (path, query) = (request.uri().path(), request.uri().query());
    if path == CAPABILITIES && request.method() == Method::DELETE {
        return forget(gateway, query.unwrap_or_default());
    }
    if request.method() != Method::GET {
        return ReplyBody::error(&ApiError::new(
            "method_not_allowed",
            format!("The admin API takes GET only, and DELETE at `{CAPABILITIES}`."),
        ));
    }
    match path {
        CAPABILITIES => capabilities(gateway),
        "/metrics" => metrics(gateway),
        "/health/live" => ReplyBody::text(StatusCode::OK, "live\n"),
        "/health/ready" => super::ready(gateway),
        "/v1/admin/requests" => requests(gateway, query.unwrap_or_default()),
        path => match path.strip_prefix("/v1/admin/requests/") {
            Some(id) => one(gateway, id),
            None => ReplyBody::error(&ApiError::new(
                "not_found",
                "The admin API has `/metrics`, `/v1/admin/requests`, `/v1/admin/requests/{id}` and \
                 `/v1/admin/targets/capabilities`.",
            )),
        },
    }
}

/// A parameter that a model was seen to refuse.
#[derive(Serialize)]
struct Refused<'a> {
    provider: &'a str,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    param: &'static str,
    /// RFC 3339.
    learned_at: String,
    /// RFC 3339: left out of requests until then.
    expires_at: String,
    /// How often the provider refused it.
    count: u64,
    /// The provider's words, without what they quote.
    words: &'a str,
}

#[derive(Serialize)]
struct Capabilities<'a> {
    data: Vec<Refused<'a>>,
}

#[derive(Serialize)]
struct Forgotten {
    forgotten: usize,
}

fn capabilities(gateway: &Gateway) -> Reply {
    let time = |ms: u64| {
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
        format!("{time:.0}")
    };
    let learned = gateway.learned.all();
    let lessons = learned.lessons(now_ms()).map(|(pupil, lesson)| Refused {
        provider: &pupil.provider,
        model: &pupil.model,
        version: pupil.version.as_deref(),
        param: lesson.param,
        learned_at: time(lesson.learned_at_ms),
        expires_at: time(lesson.expires_at_ms),
        count: lesson.count,
        words: &lesson.words,
    });
    json(&Capabilities {
        data: lessons.collect(),
    })
}

/// Forgets what was learned of `?target=provider[/model]`, or of all.
fn forget(gateway: &Gateway, query: &str) -> Reply {
    let target = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("target="))
        .map(|target| percent_encoding::percent_decode_str(target).decode_utf8_lossy());
    let forgotten = gateway.learned.reset(target.as_deref());
    json(&Forgotten { forgotten })
}

fn metrics(gateway: &Gateway) -> Reply {
    let mut reply = ReplyBody::text(StatusCode::OK, gateway.telemetry.metrics.render());
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    reply
}

fn requests(gateway: &Gateway, query: &str) -> Reply {
    let limit = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("limit="))
        .and_then(|limit| limit.parse::<usize>().ok())
        .unwrap_or(LIMIT_DEFAULT)
        .min(LIMIT_MAX);
    let records = gateway.telemetry.recent.last(limit);
    json(&Requests {
        data: records.iter().map(|record| &**record).collect(),
    })
}

fn one(gateway: &Gateway, id: &str) -> Reply {
    match gateway.telemetry.recent.get(id) {
        Some(record) => json(&*record),
        None => ReplyBody::error(&ApiError::new(
            "not_found",
            "No request with this id is remembered. The last 1000 are.",
        )),
    }
}

fn json(value: &impl Serialize) -> Reply {
    match serde_json::to_vec_pretty(value) {
        Ok(bytes) => ReplyBody::json(StatusCode::OK, bytes),
        Err(_) => ReplyBody::error(&ApiError::new(
            "internal_error",
            "the records could not be written",
        )),
    }
}
