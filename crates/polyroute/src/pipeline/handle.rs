//! One request from its head to our response.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Uri, header};
use hyper::body::Incoming;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::json::{NESTING_MAX, RawObject, check_nesting};
use serde::Deserialize;

use super::admission::Share;
use super::attempt::{self, Answer, Failed, Whole};
use super::call::{Call, Operation};
use super::ingress;
use super::relay::{Attempting, Live, Relay, shutting_down};
use super::route;
use super::settle::{Settle, cut};
use crate::gateway::Gateway;
use crate::server::{Reply, ReplyBody, refuse_body};
use crate::telemetry::End;
use crate::upstream::TraceContext;

/// Longest value of a header of ours.
const HEADER_CHARS_MAX: usize = 1_000;
/// Longest model name that is recorded, in bytes.
const MODEL_BYTES_MAX: usize = 200;

/// Answers a request, or says that the process is ending: a caller is never left
/// without a word.
pub async fn handle(
    gateway: Arc<Gateway>,
    operation: Operation,
    request: Request<Incoming>,
    id: String,
) -> Reply {
    let cut = gateway.drain.cut_token().clone();
    tokio::select! {
        biased;
        reply = serve(gateway, operation, request, id) => reply,
        () = cut.cancelled() => ReplyBody::error(&shutting_down()),
    }
}

async fn serve(
    gateway: Arc<Gateway>,
    operation: Operation,
    request: Request<Incoming>,
    id: String,
) -> Reply {
    let mut settle = Settle::new(
        Arc::clone(&gateway.telemetry),
        gateway.drain.cut_token().clone(),
        Instant::now(),
        operation.as_str(),
        id.clone(),
    );
    let (head, mut body) = request.into_parts();
    match prepare(&gateway, operation, &head, &mut body, id, &mut settle).await {
        Ok(call) => answer(call, settle).await,
        Err(error) => {
            attempt::refuse(settle, &error);
            let mut reply = ReplyBody::error(&error);
            refuse_body(&head, body, &mut reply).await;
            reply
        }
    }
}

/// Everything before the first attempt: who, what, where to.
async fn prepare(
    gateway: &Arc<Gateway>,
    operation: Operation,
    head: &Parts,
    body: &mut Incoming,
    request_id: String,
    settle: &mut Settle,
) -> Result<Arc<Call>, ApiError> {
    let principal = gateway.keys.authenticate(&head.headers)?;
    settle.record(|record| record.principal.clone_from(&principal.name));
    let (body, room) = take_in(gateway, head, body, &request_id, settle).await?;
    let limits = &gateway.settings.server.limits;
    let parse = |error| ApiError::from_parse(&error);
    if limits.nesting_max < NESTING_MAX {
        check_nesting(&body, limits.nesting_max).map_err(parse)?;
    }
    let raw = RawObject::parse(&body).map_err(parse)?;
    let fields = Fields::read(&raw, operation)?;
    let tags = ingress::tags(&head.headers, &raw, &principal.tags);
    settle.record(|record| {
        record.tags = tags;
        record.stream = fields.stream;
        record.requested_model = cut(&fields.model, MODEL_BYTES_MAX).to_owned();
    });
    let asked = route::Asked {
        model: &fields.model,
        provider: provider_asked(&head.headers, &raw)?,
        strict_params: header_flag(&head.headers, "x-polyroute-strict-params"),
        operation,
        seed: polyroute_wire::json::stable_hash(request_id.as_bytes()),
    };
    let planned = route::plan(gateway, &principal, &asked, &raw, &body)?;
    let plan = planned.plan;
    settle.record(|record| {
        record.route.clone_from(&plan.route);
        record.excluded = route::excluded(&plan);
    });
    let hub = OnceLock::new();
    if let Some(mut request) = planned.hub {
        gateway.turns.restore(&principal.name, &mut request);
        let _ = hub.set(Ok(request));
    }
    let (body, layout) = match planned.body {
        None => {
            let layout = raw.layout(&body);
            (body, layout)
        }
        Some(edited) => {
            let layout = RawObject::parse(&edited).map_err(parse)?.layout(&edited);
            (edited, layout)
        }
    };
    Ok(Arc::new(Call {
        gateway: Arc::clone(gateway),
        principal,
        operation,
        request_id,
        unix_seconds: settle.unix_seconds(),
        trace: TraceContext::from_headers(&head.headers),
        body,
        _room: room,
        layout,
        stream: fields.stream,
        estimate_only: operation == Operation::InputTokens && asks_estimate(&head.uri)?,
        include_usage: fields.include_usage,
        plan,
        rule: planned.rule,
        hub,
        size: planned.size.map_or_else(OnceLock::new, OnceLock::from),
    }))
}

/// Takes a request in: its place among those under way, and its body with the room for it.
async fn take_in(
    gateway: &Gateway,
    head: &Parts,
    body: &mut Incoming,
    request_id: &str,
    settle: &mut Settle,
) -> Result<(Bytes, Share), ApiError> {
    let metrics = &gateway.telemetry.metrics;
    let place = gateway.admission.request().map_err(|overload| {
        metrics.bound_hit(overload.0);
        overload.error(request_id)
    })?;
    settle.admitted(place);
    let mut room = gateway.admission.body();
    let reading = Instant::now();
    let limits = &gateway.settings.server.limits;
    let body = ingress::read_body(&head.headers, body, limits, &mut room, request_id).await;
    settle.waited(reading.elapsed());
    let body = body.inspect_err(|error| {
        if let Some(bound) = ingress::bound_of(error) {
            metrics.bound_hit(bound);
        }
    })?;
    Ok((body, room))
}

/// Attempts, and the response that comes of them.
async fn answer(call: Arc<Call>, settle: Settle) -> Reply {
    if !call.stream {
        // Boxed: the server moves the future of every request before it polls it.
        return match Box::pin(attempt::run(call, settle)).await {
            Ok(Answer::Whole(whole)) => whole_reply(whole),
            Ok(Answer::Live(live)) => {
                let error = ApiError::new(
                    "internal_error",
                    "a stream came where a whole answer was due",
                );
                live.settle.end(End::Failed, error.status, Some(error.code));
                ReplyBody::error(&error)
            }
            Err(failed) => failed_reply(failed),
        };
    }
    let server = &call.gateway.settings.server;
    let (head_commit, heartbeat) = (server.head_commit, server.heartbeat);
    let cut = call.gateway.drain.cut_token().clone();
    let mut attempting: Attempting = Box::pin(async move {
        match attempt::run(call, settle).await? {
            Answer::Live(live) => Ok(live),
            Answer::Whole(whole) => Err(Failed {
                error: ApiError::new(
                    "internal_error",
                    "a whole answer came where a stream was due",
                ),
                settle: whole.settle,
            }),
        }
    });
    match tokio::time::timeout(head_commit, &mut attempting).await {
        Ok(Ok(live)) => {
            let headers = AnswerHeaders::of(&live.settle);
            let mut reply = stream_reply(Relay::live(live, heartbeat, &cut));
            headers.write(reply.headers_mut());
            reply
        }
        Ok(Err(failed)) => failed_reply(failed),
        // The head commit: our 200 goes out, and whatever the attempts come to follows in the
        // stream.
        Err(_) => {
            let noticed: Attempting = Box::pin(async move {
                let mut live: Box<Live> = attempting.await?;
                live.notice = AnswerHeaders::of(&live.settle).notice();
                Ok(live)
            });
            stream_reply(Relay::attempting(noticed, heartbeat, &cut))
        }
    }
}

fn whole_reply(whole: Whole) -> Reply {
    let headers = AnswerHeaders::of(&whole.settle);
    let mut reply = ReplyBody::json(StatusCode::OK, whole.body);
    headers.write(reply.headers_mut());
    whole.settle.end(End::Complete, 200, None);
    reply
}

fn failed_reply(mut failed: Failed) -> Reply {
    let headers = AnswerHeaders::of(&failed.settle);
    let mut reply = ReplyBody::error(&failed.error);
    headers.write(reply.headers_mut());
    failed.settle.committed();
    failed
        .settle
        .end(End::Failed, failed.error.status, Some(failed.error.code));
    reply
}

fn stream_reply(relay: Relay) -> Reply {
    let mut reply = Reply::new(ReplyBody::Relay(Box::pin(relay)));
    let headers = reply.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    // Proxies in front of us must not gather a stream.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    reply
}

/// The headers of ours that say something of an answer.
static ANSWER_HEADERS: [HeaderName; 6] = [
    HeaderName::from_static("x-polyroute-provider"),
    HeaderName::from_static("x-polyroute-model"),
    HeaderName::from_static("x-polyroute-api"),
    HeaderName::from_static("x-polyroute-attempts"),
    HeaderName::from_static("x-polyroute-dropped-params"),
    HeaderName::from_static("x-polyroute-changed-params"),
];

/// What our headers say of an answer, in the order of [`ANSWER_HEADERS`].
#[derive(Default)]
struct AnswerHeaders([Option<HeaderValue>; 6]);

impl AnswerHeaders {
    fn of(settle: &Settle) -> Self {
        settle.view(|record| {
            let last = record.attempts.last();
            // Nobody was asked for an answer of ours, whoever was before it.
            let ours = record.provider.is_some() && last.is_none_or(|last| last.outcome != "ok");
            let last = last.filter(|_| !ours);
            let own = record.model.as_ref().filter(|_| ours);
            let model = last.map(|attempt| &attempt.model).or(own);
            let attempts = record.attempts.len();
            let list = |params: &[String]| match params {
                [] => None,
                params => header_value(&params.join(", ")),
            };
            Self([
                record.provider.as_deref().and_then(header_value),
                model.and_then(|model| header_value(model)),
                last.map(|attempt| HeaderValue::from_static(attempt.api)),
                match attempts {
                    0 => None,
                    1 => Some(HeaderValue::from_static("1")),
                    attempts => Some(HeaderValue::from(attempts)),
                },
                list(&record.dropped_params),
                list(&record.changed_params),
            ])
        })
    }

    fn fields(self) -> impl Iterator<Item = (&'static HeaderName, HeaderValue)> {
        let fields = ANSWER_HEADERS.iter().zip(self.0);
        fields.filter_map(|(name, value)| Some((name, value?)))
    }

    fn write(self, headers: &mut HeaderMap) {
        headers.reserve(ANSWER_HEADERS.len());
        for (name, value) in self.fields() {
            headers.insert(name.clone(), value);
        }
    }

    /// The same as a comment in the stream, where the head was sent before it was known.
    fn notice(self) -> Option<String> {
        let said: Vec<String> = self
            .fields()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()))
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// A text as a header holds it. What a header can't hold is cut, not lost: the record has it whole.
fn header_value(text: &str) -> Option<HeaderValue> {
    let plain = |byte: u8| byte.is_ascii() && !byte.is_ascii_control();
    if text.len() <= HEADER_CHARS_MAX && text.bytes().all(plain) {
        return HeaderValue::from_str(text).ok();
    }
    let kept = text.bytes().filter(|byte| plain(*byte));
    HeaderValue::from_bytes(&kept.take(HEADER_CHARS_MAX).collect::<Vec<u8>>()).ok()
}

/// The few fields of the body that we read on every request.
struct Fields {
    model: String,
    stream: bool,
    include_usage: bool,
}

#[derive(Deserialize, Default)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl Fields {
    fn read(raw: &RawObject<'_>, operation: Operation) -> Result<Self, ApiError> {
        let parse = |error| ApiError::from_parse(&error);
        let model: Option<String> = raw.read("model", "a string").map_err(parse)?;
        let Some(model) = model.filter(|model| !model.is_empty()) else {
            return Err(missing(
                "model",
                "Name a model or a route: `GET /v1/models` lists them.",
            ));
        };
        let (needed, what) = match operation {
            Operation::Chat | Operation::InputTokens => {
                ("messages", "Send the conversation as a list of messages.")
            }
            Operation::Embeddings => ("input", "Send the text to embed, or a list of texts."),
            Operation::Rerank => ("documents", "Send the list of documents to rank."),
            Operation::Completions => ("prompt", "Send the text to go on with."),
            Operation::Moderations => ("input", "Send the text to judge, or a list of texts."),
        };
        if raw.get(needed).is_none_or(|value| value == "null") {
            return Err(missing(needed, what));
        }
        if matches!(
            operation,
            Operation::Embeddings
                | Operation::Rerank
                | Operation::Moderations
                | Operation::InputTokens
        ) {
            return Ok(Self {
                model,
                stream: false,
                include_usage: false,
            });
        }
        let stream: bool = raw
            .read("stream", "a boolean")
            .map_err(parse)?
            .unwrap_or(false);
        let options: Option<StreamOptions> =
            raw.read("stream_options", "an object").map_err(parse)?;
        let include_usage = options.unwrap_or_default().include_usage.unwrap_or(false);
        Ok(Self {
            model,
            stream,
            include_usage,
        })
    }
}

/// `?estimate=true`: our own estimate will do, without a call.
fn asks_estimate(uri: &Uri) -> Result<bool, ApiError> {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    match pairs.find_map(|pair| pair.strip_prefix("estimate=")) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => {
            let error = ApiError::new("invalid_value", "`estimate` must be `true` or `false`.");
            Err(error.with_param("estimate"))
        }
    }
}

fn missing(param: &str, what: &str) -> ApiError {
    ApiError::new(
        "missing_required_parameter",
        format!("`{param}` is missing. {what}"),
    )
    .with_param(param)
}

/// The provider that the caller insists on: `x-polyroute-provider`, else `provider` in the body.
fn provider_asked(headers: &HeaderMap, raw: &RawObject<'_>) -> Result<Option<String>, ApiError> {
    let named = headers
        .get("x-polyroute-provider")
        .and_then(|value| value.to_str().ok())
        .map(str::trim);
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return Ok(Some(named.to_owned()));
    }
    // As an object it is OpenRouter's, which the translation sees to.
    if raw
        .get("provider")
        .is_some_and(|text| text.starts_with('{'))
    {
        return Ok(None);
    }
    raw.read("provider", "a string, the name of a configured provider")
        .map_err(|error| ApiError::from_parse(&error))
}

fn header_flag(headers: &HeaderMap, name: &str) -> Option<bool> {
    match headers.get(name)?.as_bytes() {
        b"true" | b"1" => Some(true),
        b"false" | b"0" => Some(false),
        _ => None,
    }
}
