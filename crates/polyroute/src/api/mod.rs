//! The HTTP surface: which path means what, on the public listener and on the admin one.

mod admin;
mod models;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use polyroute_wire::api_error::ApiError;

use crate::gateway::Gateway;
use crate::pipeline::{Operation, handle, panicked, request_id};
use crate::server::{Reply, ReplyBody, refuse_body};

/// The paths of the public listener, for the answer to a wrong one.
const PATHS: [&str; 10] = [
    "/v1/chat/completions",
    "/v1/chat/completions/input_tokens",
    "/v1/completions",
    "/v1/moderations",
    "/v1/embeddings",
    "/v1/rerank",
    "/v1/models",
    "/v1/models/{id}",
    "/health/live",
    "/health/ready",
];

/// Answers a request on the public listener.
pub async fn public(gateway: Arc<Gateway>, request: Request<Incoming>) -> Reply {
    let id = request_id(request.headers());
    let header = HeaderValue::from_str(&id);
    let mut reply = if is_plainly_framed(request.headers()) {
        caught(pin!(route(gateway, request, id))).await
    } else {
        badly_framed()
    };
    let headers = reply.headers_mut();
    if let Ok(id) = header {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    // An answer is for its caller alone (row S4).
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// Whether nobody between us and the caller can take the end of the request's body to be elsewhere
/// (row S8): HTTP lets a sender name `chunked` once, and of other codings we take none.
fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let plain = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    codings.next().is_none_or(plain) && codings.next().is_none()
}

/// The refusal of a request whose end nobody knows: nothing that follows it is read.
fn badly_framed() -> Reply {
    let message = "The request's `transfer-encoding` is not `chunked`, once.";
    let mut reply = ReplyBody::error(&ApiError::new("invalid_value", message));
    reply
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// A mistake of ours in one request is its 500, and nobody else's trouble (row S25).
async fn caught(mut reply: Pin<&mut impl Future<Output = Reply>>) -> Reply {
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| reply.as_mut().poll(context)))
            .unwrap_or_else(|_| Poll::Ready(ReplyBody::error(&panicked())))
    })
    .await
}

async fn route(gateway: Arc<Gateway>, request: Request<Incoming>, id: String) -> Reply {
    let method = request.method();
    let path = request.uri().path();
    if let Some(operation) = operation(path) {
        if method != Method::POST {
            return refuse(wrong_method(method, path, "POST"), request).await;
        }
        // Boxed: the server moves the future of every request before it polls it.
        return Box::pin(handle(gateway, operation, request, id)).await;
    }
    match path {
        "/v1/models" if method == Method::GET => models::list(&gateway, request.headers()),
        _ if path.starts_with("/v1/models/") && method == Method::GET => {
            let name = path.strip_prefix("/v1/models/").unwrap_or_default();
            models::one(&gateway, request.headers(), name)
        }
        "/health/live" if method == Method::GET => ReplyBody::text(StatusCode::OK, "live\n"),
        "/health/ready" if method == Method::GET => ready(&gateway),
        "/v1/models" | "/health/live" | "/health/ready" => {
            refuse(wrong_method(method, path, "GET"), request).await
        }
        _ => refuse(unknown_path(path), request).await,
    }
}

/// What is asked for at a path of the API that takes a body.
fn operation(path: &str) -> Option<Operation> {
    Some(match path {
        "/v1/chat/completions" => Operation::Chat,
        "/v1/chat/completions/input_tokens" => Operation::InputTokens,
        "/v1/embeddings" => Operation::Embeddings,
        "/v1/rerank" => Operation::Rerank,
        "/v1/completions" => Operation::Completions,
        "/v1/moderations" => Operation::Moderations,
        _ => return None,
    })
}

/// Refuses a request whose body nobody has read.
///
/// Boxed: every connection would keep room for it (row L1).
fn refuse(
    mut reply: Reply,
    request: Request<Incoming>,
) -> Pin<Box<impl Future<Output = Reply> + Send>> {
    Box::pin(async move {
        let (head, body) = request.into_parts();
        refuse_body(&head, body, &mut reply).await;
        reply
    })
}

fn ready(gateway: &Gateway) -> Reply {
    if gateway.drain.is_draining() {
        return ReplyBody::text(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    ReplyBody::text(StatusCode::OK, "ready\n")
}

fn wrong_method(method: &Method, path: &str, allowed: &'static str) -> Reply {
    let message = format!("`{path}` takes {allowed}, not {method}.");
    let mut reply = ReplyBody::error(&ApiError::new("method_not_allowed", message));
    reply
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allowed));
    reply
}

fn unknown_path(path: &str) -> Reply {
    let shown: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
    let nearest = PATHS
        .iter()
        .map(|known| {
            (
                strsim::jaro_winkler(
                    known.trim_start_matches("/v1"),
                    path.trim_start_matches("/v1"),
                ),
                known,
            )
        })
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .filter(|(likeness, _)| *likeness > 0.8)
        .map_or_else(
            || format!("The paths are {}.", PATHS.join(", ")),
            |(_, known)| {
                format!("Did you mean `{known}`? A base URL for the OpenAI SDK ends in `/v1`.")
            },
        );
    ReplyBody::error(&ApiError::new(
        "not_found",
        format!("There is nothing at `{shown}`. {nearest}"),
    ))
}

pub use admin::admin;
