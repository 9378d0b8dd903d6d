//! The admin listener: metrics, and the outcome records of the last requests. Loopback by default.

use std::sync::Arc;

use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use polyroute_wire::api_error::ApiError;
use serde::Serialize;

use crate::gateway::Gateway;
use crate::server::{Reply, ReplyBody};
use crate::telemetry::Record;

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
    if request.method() != Method::GET {
        return ReplyBody::error(&ApiError::new(
            "method_not_allowed",
            "The admin API takes GET only.",
        ));
    }
    match request.uri().path() {
        "/metrics" => metrics(&gateway),
        "/health/live" => ReplyBody::text(StatusCode::OK, "live\n"),
        "/health/ready" => super::ready(&gateway),
        "/v1/admin/requests" => requests(&gateway, request.uri().query().unwrap_or_default()),
        path => match path.strip_prefix("/v1/admin/requests/") {
            Some(id) => one(&gateway, id),
            None => ReplyBody::error(&ApiError::new(
                "not_found",
                "The admin API has `/metrics`, `/v1/admin/requests` and `/v1/admin/requests/{id}`.",
            )),
        },
    }
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
