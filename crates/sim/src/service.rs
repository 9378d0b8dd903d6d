//! One request from its first byte to the last byte of its answer.
//!
//! Read the body, find the route, check the key, pick the fault, understand the request, compose
//! the answer, render it, put the fault in, play it. Only [`answer`] awaits; the rest is pure but
//! for the shared state.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::admin;
use crate::cloud::{identity, vertex};
use crate::connection::KillSwitch;
use crate::fault::Fault;
use crate::log::{Attempt, Entry, shown_headers};
use crate::play::{Opening, Play, Playback};
use crate::respond;
use crate::route::{self, Route};
use crate::state::Shared;
use crate::wire::Reply;

/// The largest request body that is read; larger ones are answered 413.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A request as the rest of the simulator sees it.
#[derive(Debug)]
pub struct Asked {
    /// HTTP method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// Headers.
    pub headers: HeaderMap,
    /// What it asks for.
    pub route: Route,
    /// The body; none where it was too large.
    pub body: Option<Bytes>,
    /// What a cloud around the API answered already, in place of the API.
    pub refused: Option<Reply>,
    /// Its number in the log; seeds the ids of the answer.
    pub seq: u64,
}

/// Answers one request.
pub async fn answer(
    shared: Arc<Shared>,
    switch: KillSwitch,
    request: Request<Incoming>,
) -> Result<Response<Playback>, Infallible> {
    let (parts, incoming) = request.into_parts();
    if parts.uri.path().starts_with("/_sim") && !identity::is_issuer(parts.uri.path()) {
        let body = Limited::new(incoming, BODY_BYTES_MAX).collect().await;
        let body = body
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let (status, value) = admin::answer(&shared, &parts.method, &parts.uri, &body);
        let mut response = Response::new(Playback::plain(value.to_string().into()));
        *response.status_mut() = status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        return Ok(response);
    }
    if identity::is_issuer(parts.uri.path()) {
        return Ok(issue(&shared, &parts, incoming).await);
    }
    let (route, cloud) = match vertex::Call::read(&parts.method, &parts.uri) {
        Some((route, call)) => (route, Some(call)),
        None => (route::read(&parts.method, &parts.uri, &parts.headers), None),
    };
    let attempt = shared.log.open(Entry {
        dialect: Some(route.operation.dialect()),
        instance: route.instance.clone(),
        prefix: route.prefix.clone(),
        method: parts.method.to_string(),
        path: shown_path(&parts.uri),
        version: format!("{:?}", parts.version),
        headers: shown_headers(&parts.headers),
        ..Entry::default()
    });
    let body = match Limited::new(incoming, BODY_BYTES_MAX).collect().await {
        Ok(collected) => Some(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => None,
        // The caller broke its own request off: nobody is left to answer.
        Err(_) => pending().await,
    };
    attempt.note_body(body.as_deref().unwrap_or_default());
    let mut headers = parts.headers;
    let (body, refused) = match &cloud {
        None => (body, None),
        Some(call) => {
            let holds = |token: &str| shared.moving().tokens.holds(token);
            match call.turn(&mut headers, body.clone(), holds) {
                Ok(body) => (body, None),
                Err(refused) => (body, Some(refused)),
            }
        }
    };
    let asked = Asked {
        method: parts.method,
        uri: parts.uri,
        headers,
        route,
        body,
        refused,
        seq: attempt.seq(),
    };
    let answered = respond::respond(&shared, &asked);
    attempt.note(|entry| {
        entry.model.clone_from(&answered.model);
        entry.fault = answered.fault.as_ref().map(Fault::to_string);
    });
    Ok(perform(answered.play, attempt, switch).await)
}

/// Answers a question to an issuer of tokens. It stands in no log: it is no call of a model.
async fn issue(shared: &Shared, parts: &Parts, body: Incoming) -> Response<Playback> {
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let question = identity::Question {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        body: &body,
    };
    let (status, value) = identity::answer(&mut shared.moving().tokens, &question);
    let mut response = Response::new(Playback::plain(value.to_string().into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

async fn perform(play: Play, mut attempt: Attempt, switch: KillSwitch) -> Response<Playback> {
    match play.opening {
        Opening::Head => {}
        Opening::Hang => pending().await,
        Opening::Reset => {
            attempt.cut();
            switch.reset();
            pending().await
        }
    }
    if let Some(bytes_per_s) = play.wire_bytes_per_s {
        switch.slow_down(bytes_per_s);
    }
    if !play.head_wait.is_zero() {
        tokio::time::sleep(play.head_wait).await;
    }
    let status = StatusCode::from_u16(play.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    attempt.note(|entry| entry.status = Some(status.as_u16()));
    let mut response = Response::new(Playback::new(play.steps, attempt, switch));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in &play.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        // A scripted header that HTTP can't carry is left out.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    if let Some(length) = play.length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// The path with a `key` in the query hidden.
fn shown_path(uri: &Uri) -> String {
    let Some(query) = uri.query() else {
        return uri.path().to_owned();
    };
    let hide = |pair: &str| match pair.split_once('=') {
        Some(("key", secret)) => format!("key={}", crate::log::hidden(secret)),
        _ => pair.to_owned(),
    };
    let query: Vec<String> = query.split('&').map(hide).collect();
    format!("{}?{}", uri.path(), query.join("&"))
}
