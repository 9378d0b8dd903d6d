//! SSE and AWS event streams: frames are the same whatever the chunking, no byte is made up, and
//! what is written can be read.

use arbitrary::Unstructured;
use polyroute_wire::{event_stream, sse};

use crate::input::Input;
use crate::templates::frame;

fn read_sse(pieces: &[&[u8]]) -> Vec<sse::Frame> {
    let mut reader = sse::Reader::new();
    let mut out = Vec::new();
    for piece in pieces {
        reader.push(piece, &mut out);
    }
    reader.finish(&mut out);
    out
}

/// Bytes of an SSE body.
pub(crate) fn sse(data: &[u8]) {
    let input = Input::new(data);
    let whole = read_sse(&[input.rest]);
    assert_eq!(
        whole,
        read_sse(&input.pieces(input.rest)),
        "chunking matters"
    );
    let said: usize = whole
        .iter()
        .map(|frame| match frame {
            // A byte that is no UTF-8 becomes three.
            sse::Frame::Event { name, data } => name.len() + data.len(),
            sse::Frame::Comment | sse::Frame::TooLarge => 0,
        })
        .sum();
    assert!(said <= 3 * input.rest.len(), "more came out than went in");
    assert!(whole.len() <= input.rest.len(), "more frames than bytes");
    // What we write ourselves reads as it was meant.
    for frame in whole {
        let sse::Frame::Event { name, data } = frame else {
            continue;
        };
        if data.contains(['\n', '\r']) || name.contains(['\n', '\r']) {
            continue;
        }
        let mut bytes = Vec::new();
        let named = Some(name.as_str()).filter(|name| !name.is_empty());
        sse::write_event(&mut bytes, named, data.as_bytes());
        assert_eq!(read_sse(&[&bytes]), [sse::Frame::Event { name, data }]);
    }
}

fn read_frames(pieces: &[&[u8]]) -> (Vec<event_stream::Frame>, bool) {
    let mut reader = event_stream::Reader::new();
    let mut out = Vec::new();
    for piece in pieces {
        reader.push(piece, &mut out);
    }
    (out, reader.is_inside_frame())
}

/// Bytes of an AWS event stream (flag 0: of frames made of the rest; flag 1: with one bit turned,
/// flag 2: cut short).
pub(crate) fn event_stream(data: &[u8]) {
    let input = Input::new(data);
    let (body, sent) = if input.flag(0) {
        made(&mut Unstructured::new(input.rest))
    } else {
        (input.rest.to_vec(), Vec::new())
    };
    let (whole, is_inside) = read_frames(&[&body]);
    assert_eq!(
        (whole.clone(), is_inside),
        read_frames(&input.pieces(&body)),
        "chunking matters"
    );
    assert!(whole.len() <= body.len());
    if !input.flag(0) {
        return;
    }
    assert!(!is_inside);
    assert_eq!(whole, sent, "a frame does not read as it was written");
    let at = usize::from(input.choice) * 7 % body.len().max(1);
    if input.flag(1) && !body.is_empty() {
        let mut turned = body.clone();
        turned[at] ^= 1 << (input.flags >> 5);
        let (read, is_inside) = read_frames(&[&turned]);
        let is_broken = matches!(read.last(), Some(event_stream::Frame::Broken(_)));
        assert!(
            is_broken || is_inside,
            "a turned bit was not seen: {read:?}"
        );
    }
    if input.flag(2) {
        let (read, is_inside) = read_frames(&[&body[..at.min(body.len())]]);
        assert!(sent.starts_with(&read), "a cut made something up");
        let whole_bytes = is_boundary(&body, at.min(body.len()));
        assert_eq!(is_inside, !whole_bytes, "a cut within a frame was not seen");
    }
}

/// Whether frames end there.
fn is_boundary(body: &[u8], at: usize) -> bool {
    let mut from = 0;
    while from < at {
        let length = body[from..from + 4].try_into().map(u32::from_be_bytes);
        from += length.map_or(usize::MAX, |length| length as usize);
    }
    from == at
}

/// Frames made of arbitrary names and payloads, and what must be read of them.
fn made(input: &mut Unstructured<'_>) -> (Vec<u8>, Vec<event_stream::Frame>) {
    let mut bytes = Vec::new();
    let mut frames = Vec::new();
    while !input.is_empty() && frames.len() < 16 {
        let Ok((kind, name, payload)) = input.arbitrary::<(u8, &str, &[u8])>() else {
            break;
        };
        let name: String = name.chars().take(64).collect();
        let payload_bytes = bytes::Bytes::copy_from_slice(payload);
        let (head, word, frame_read) = match kind % 3 {
            0 => (
                ":event-type",
                "event",
                event_stream::Frame::Event {
                    name: name.clone(),
                    payload: payload_bytes,
                },
            ),
            1 => (
                ":exception-type",
                "exception",
                event_stream::Frame::Exception {
                    name: name.clone(),
                    payload: payload_bytes,
                },
            ),
            _ => (
                ":error-code",
                "error",
                event_stream::Frame::Error {
                    name: name.clone(),
                    message: "m".to_owned(),
                },
            ),
        };
        let headers = [
            (":message-type", word),
            (head, &name),
            (":error-message", "m"),
        ];
        bytes.extend(frame(&headers, payload));
        frames.push(frame_read);
    }
    (bytes, frames)
}
