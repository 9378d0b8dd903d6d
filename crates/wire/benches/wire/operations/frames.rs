//! Framing: server-sent events, lines, and AWS event streams, by the megabyte.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use polyroute_measure::Operation;
use polyroute_wire::{event_stream, ndjson, sse as events};
use serde_json::{Value, json};

/// Size of a body, in bytes at least.
const BODY_BYTES: usize = 1_000_000;
/// What a body is read in, in bytes.
const READ_BYTES: usize = 16 * 1_024;

pub(super) fn operations() -> Vec<Operation> {
    let event = json!({"id": "chatcmpl-B0Measured", "object": "chat.completion.chunk",
        "created": 1_700_000_000, "model": "gpt-measured", "choices": [{"index": 0,
        "delta": {"content": " harbour"}, "logprobs": null, "finish_reason": null}]});
    let body = |frame: Vec<u8>| frame.repeat(BODY_BYTES.div_ceil(frame.len()));
    let server_sent = body(sse("", &event));
    let lines = body(line(&event));
    let frames = body(aws("contentBlockDelta", &event));
    let sizes = [server_sent.len(), lines.len(), frames.len()];
    let split_events = move || {
        let (mut reader, mut out, mut count) = (events::Reader::new(), Vec::new(), 0);
        for piece in server_sent.chunks(READ_BYTES) {
            reader.push(piece, &mut out);
            count += out.drain(..).len();
        }
        count
    };
    let split_lines = move || {
        let (mut reader, mut out, mut count) = (ndjson::Reader::new(), Vec::new(), 0);
        for piece in lines.chunks(READ_BYTES) {
            reader.push(piece, &mut out);
            count += out.drain(..).len();
        }
        count
    };
    let split_frames = move || {
        let (mut reader, mut out, mut count) = (event_stream::Reader::new(), Vec::new(), 0);
        for piece in frames.chunks(READ_BYTES) {
            reader.push(piece, &mut out);
            count += out.drain(..).len();
        }
        count
    };
    for count in [split_events(), split_lines(), split_frames()] {
        assert!(count > 3_000, "{count} frames of a megabyte");
    }
    let [of_events, of_lines, of_frames] = sizes;
    vec![
        Operation::new("split/server-sent events, 1 MB", split_events).of(of_events),
        Operation::new("split/lines of JSON, 1 MB", split_lines).of(of_lines),
        Operation::new("split/AWS event stream, 1 MB", split_frames).of(of_frames),
    ]
}

/// A server-sent event; without a name if that is empty.
pub(super) fn sse(name: &str, data: &Value) -> Vec<u8> {
    let name = match name {
        "" => String::new(),
        name => format!("event: {name}\n"),
    };
    format!("{name}data: {data}\n\n").into_bytes()
}

/// A line of JSON.
pub(super) fn line(data: &Value) -> Vec<u8> {
    format!("{data}\n").into_bytes()
}

/// A frame of an AWS event stream.
pub(super) fn aws(name: &str, data: &Value) -> Vec<u8> {
    let header = |name: &'static str, value: &str| {
        Header::new(name, HeaderValue::String(value.to_owned().into()))
    };
    let message = Message::new(data.to_string())
        .add_header(header(":event-type", name))
        .add_header(header(":content-type", "application/json"))
        .add_header(header(":message-type", "event"));
    let mut out = Vec::new();
    write_message_to(&message, &mut out).expect("a frame");
    out
}
