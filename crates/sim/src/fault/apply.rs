//! What a fault does to a reply. Pure: reply in, steps out.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use super::{CutHow, Fault, RetryAfter, WrongType, edit, gzip};
use crate::clock;
use crate::errors::{About, EDGE_HTML, Flavour, bedrock_exception, by_status};
use crate::headers::error_type;
use crate::latency::Pace;
use crate::models::Dialect;
use crate::plan;
use crate::play::{Opening, Play, Step};
use crate::vendor::Meter;
use crate::wire::{Body, Reply};

/// Before an answer is broken off, what was sent before gets this long to go out.
const SETTLE: Duration = Duration::from_millis(20);
/// By how much a wrong content length is too large.
const LENGTH_EXCESS: u64 = 100;

/// A page of a captive portal.
const PORTAL_HTML: &str = "<!doctype html><html><head><title>Sign in to the network</title></head>\
    <body><h1>Sign in to the network</h1></body></html>";

/// The reply as steps, with the fault in it.
pub fn apply(reply: Reply, fault: Option<&Fault>, about: About<'_>, pace: &mut Pace) -> Play {
    let Some(fault) = fault else {
        return plan::plain(reply, about.dialect, pace);
    };
    let headers = reply.headers.clone();
    match fault {
        Fault::ResetBeforeHeaders => Play {
            opening: Opening::Reset,
            ..Play::default()
        },
        Fault::Hang => Play {
            opening: Opening::Hang,
            ..Play::default()
        },
        Fault::Status { code, retry, quota } => status(*code, retry, *quota, about, headers),
        Fault::GzipError => {
            let body = plan::document(&by_status(about, 500, Flavour::Usual), about.dialect);
            let mut headers = plan::typed(headers, plan::error_type(about));
            headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
            whole(500, headers, gzip::stored(&body).into())
        }
        Fault::Redirect { location } => {
            let mut headers = plan::typed(headers, "text/html");
            headers.push(("location".to_owned(), location.clone()));
            whole(307, headers, Bytes::from_static(b"<html>moved</html>"))
        }
        _ if reply.status != 200 => plan::plain(reply, about.dialect, pace),
        Fault::WrongContentType(WrongType::Html) => {
            let headers = plan::typed(headers, "text/html; charset=utf-8");
            whole(200, headers, Bytes::from_static(PORTAL_HTML.as_bytes()))
        }
        Fault::Error200 => error_200(about, headers),
        _ => faulty(reply, fault, about, pace),
    }
}

/// The faults that work on the answer itself.
fn faulty(mut reply: Reply, fault: &Fault, about: About<'_>, pace: &mut Pace) -> Play {
    let streams = match &mut reply.body {
        Body::Stream { framing, events } => {
            edit::events(events, framing, fault, about);
            true
        }
        Body::Json(value) => {
            edit::whole(value, fault, about.dialect);
            false
        }
    };
    let headers = reply.headers.clone();
    let mut play = plan::plain(reply, about.dialect, pace);
    match fault {
        Fault::HeadThenHang => play.steps = vec![Step::Hang],
        Fault::SlowFirstToken { wait_ms } if !streams => {
            play.head_wait += Duration::from_millis(*wait_ms);
        }
        Fault::Cut { after, how } => break_off(&mut play, *after, streams, cut_steps(*how)),
        Fault::Stall { after } => break_off(&mut play, *after, streams, vec![Step::Hang]),
        Fault::PingOnly { .. } if streams => play.steps.push(Step::Hang),
        Fault::PingOnly { .. } => play.steps = vec![Step::Hang],
        Fault::GarbageJson | Fault::MalformedEvent { .. } if !streams => {
            let body = Bytes::from_static(edit::GARBAGE.as_bytes());
            return whole(
                200,
                plan::typed(headers, plan::json_type(about.dialect)),
                body,
            );
        }
        Fault::ErrorFirstEvent | Fault::ErrorAfter { .. } if !streams => {
            return error_200(about, headers);
        }
        Fault::HalfJson => half(&mut play, streams),
        Fault::WrongContentType(WrongType::Swap) => swap_type(&mut play, streams),
        Fault::EmptyBody => {
            play.steps.clear();
            play.length = None;
        }
        Fault::SlowDrip { bytes_per_s } => drip(&mut play, *bytes_per_s),
        Fault::OneByteChunks => byte_by_byte(&mut play, &Step::Flush, 1),
        Fault::NoFinalNewline => trim_end(&mut play),
        Fault::ManyHeaders { count } => {
            let header = |at| {
                (
                    format!("x-sim-filler-{at}"),
                    "a header that nobody asked for".to_owned(),
                )
            };
            play.headers.extend((0..*count).map(header));
        }
        Fault::SlowHead { bytes_per_s } => play.wire_bytes_per_s = Some(*bytes_per_s),
        Fault::LengthTooLong => {
            play.length = Some(body_bytes(&play.steps) + LENGTH_EXCESS);
            play.steps.extend([Step::Wait(SETTLE), Step::Close]);
        }
        _ => {}
    }
    play
}

fn whole(status: u16, headers: Vec<(String, String)>, bytes: Bytes) -> Play {
    let length = Some(bytes.len() as u64);
    Play {
        status,
        headers,
        length,
        steps: vec![Step::Send {
            bytes,
            event: false,
        }],
        ..Play::default()
    }
}

fn error_200(about: About<'_>, headers: Vec<(String, String)>) -> Play {
    let body: Value = by_status(about, 500, Flavour::Usual);
    let headers = plan::typed(headers, plan::json_type(about.dialect));
    whole(200, headers, plan::document(&body, about.dialect))
}

fn status(
    code: u16,
    retry: &RetryAfter,
    quota: bool,
    about: About<'_>,
    headers: Vec<(String, String)>,
) -> Play {
    // An error has no limits to plan with.
    let mut headers: Vec<(String, String)> = headers
        .into_iter()
        .filter(|(name, _)| !name.contains("ratelimit"))
        .collect();
    let mut put = |name: &str, value: String| headers.push((name.to_owned(), value));
    let wait = match retry {
        RetryAfter::None => None,
        RetryAfter::Seconds(wait_s) => {
            put("retry-after", wait_s.to_string());
            Some(Duration::from_secs(*wait_s))
        }
        RetryAfter::Millis(wait_ms) => {
            put("retry-after-ms", wait_ms.to_string());
            Some(Duration::from_millis(*wait_ms))
        }
        RetryAfter::Date(ahead_s) => {
            put(
                "retry-after",
                clock::http_date(clock::now_s().saturating_add(*ahead_s)),
            );
            None
        }
        RetryAfter::Raw(text) => {
            put("retry-after", text.clone());
            None
        }
    };
    if about.dialect == Dialect::Anthropic && matches!(code, 400 | 401) {
        put("x-should-retry", "false".to_owned());
    }
    if about.dialect == Dialect::Bedrock {
        headers.push(named_exception(code, quota));
    }
    if code == 502 {
        let headers = plan::typed(headers, "text/html");
        return whole(code, headers, Bytes::from_static(EDGE_HTML.as_bytes()));
    }
    let flavour = if quota {
        Flavour::Quota
    } else {
        Flavour::Usual
    };
    let body = by_status(
        About {
            retry: wait,
            ..about
        },
        code,
        flavour,
    );
    if let Some(vendor) = about.vendor {
        let meter = Meter {
            ok: false,
            status: code,
            used: 99,
            now_s: clock::now_s(),
            request_id: about.request_id,
            model: about.model,
            quota,
        };
        let limits = (vendor.headers)(&meter).into_iter();
        let limits = limits.filter(|(name, _)| name.contains("ratelimit"));
        headers.extend(limits.map(|(name, value)| (name.to_owned(), value)));
    }
    let headers = plan::typed(headers, plan::error_type(about));
    whole(code, headers, plan::document(&body, about.dialect))
}

/// The header in which Bedrock names its errors.
fn named_exception(code: u16, quota: bool) -> (String, String) {
    let flavour = if quota {
        Flavour::Quota
    } else {
        Flavour::Usual
    };
    error_type(bedrock_exception(code, flavour))
}

fn cut_steps(how: CutHow) -> Vec<Step> {
    match how {
        CutHow::Close => vec![Step::Wait(SETTLE), Step::Close],
        CutHow::Reset => vec![Step::Wait(SETTLE), Step::Reset],
        CutHow::End => Vec::new(),
    }
}

/// Keeps the first events of a stream, or half of a whole body, and goes on with these steps.
fn break_off(play: &mut Play, after: usize, streams: bool, then: Vec<Step>) {
    if streams {
        let kept = events_end(&play.steps, after);
        play.steps.truncate(kept);
    } else {
        halve(&mut play.steps);
        if then.is_empty() {
            play.length = None;
        }
    }
    play.steps.extend(then);
}

/// The number of steps up to and with this many events.
fn events_end(steps: &[Step], events: usize) -> usize {
    if events == 0 {
        return 0;
    }
    let sends = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| matches!(step, Step::Send { event: true, .. }));
    sends
        .map(|(at, _)| at + 1)
        .nth(events - 1)
        .unwrap_or(steps.len())
}

/// Cuts the last send in half.
fn halve(steps: &mut [Step]) {
    let sends = steps.iter_mut().rev();
    for step in sends {
        if let Step::Send { bytes, .. } = step {
            bytes.truncate(bytes.len() / 2);
            return;
        }
    }
}

fn half(play: &mut Play, streams: bool) {
    if streams {
        let kept = events_end(&play.steps, 2);
        play.steps.truncate(kept);
    }
    halve(&mut play.steps);
    if play.length.is_some() {
        play.length = Some(body_bytes(&play.steps));
    }
}

fn swap_type(play: &mut Play, streams: bool) {
    let wrong = if streams {
        "application/json"
    } else {
        "text/event-stream"
    };
    for (name, value) in &mut play.headers {
        if name == "content-type" {
            wrong.clone_into(value);
        }
    }
}

fn drip(play: &mut Play, bytes_per_s: u64) {
    // Ten writes a second, or one byte a write where that is too many.
    let each = (bytes_per_s / 10).max(1);
    let gap = Duration::from_micros(1_000_000 * each / bytes_per_s.max(1));
    byte_by_byte(
        play,
        &Step::Wait(gap),
        usize::try_from(each).unwrap_or(usize::MAX),
    );
}

/// Sends the body in parts of this size with a step between two of them.
fn byte_by_byte(play: &mut Play, between: &Step, size: usize) {
    let mut steps = Vec::new();
    for step in std::mem::take(&mut play.steps) {
        let Step::Send { mut bytes, event } = step else {
            steps.push(step);
            continue;
        };
        while !bytes.is_empty() {
            let part = bytes.split_to(size.min(bytes.len()));
            let event = event && bytes.is_empty();
            steps.extend([between.clone(), Step::Send { bytes: part, event }]);
        }
    }
    play.steps = steps;
}

fn trim_end(play: &mut Play) {
    if let Some(Step::Send { bytes, .. }) = play.steps.last_mut() {
        let kept = bytes.trim_ascii_end().len();
        bytes.truncate(kept);
    }
    if play.length.is_some() {
        play.length = Some(body_bytes(&play.steps));
    }
}

fn body_bytes(steps: &[Step]) -> u64 {
    let sent = |step: &Step| match step {
        Step::Send { bytes, .. } => bytes.len() as u64,
        Step::Wait(_) | Step::Flush | Step::Hang | Step::Close | Step::Reset => 0,
    };
    steps.iter().map(sent).sum()
}
