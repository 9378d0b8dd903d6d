//! Work grows with the input and not with its square: a piece is repeated until it is large, and the
//! time that it takes is held against that of a half.

use std::time::Duration;

use cpu_time::ThreadTime;
use polyroute_engine::needs::RequestNeeds;
use polyroute_wire::adapter::{DecodeContext, ReplyHead, TranslationPolicy};
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::{Tap, edit_chat, parse_chat, tap_whole};
use polyroute_wire::json::RawObject;
use polyroute_wire::media::MediaStore;
use polyroute_wire::sse;
use polyroute_wire::structured::find;

use crate::input::Input;
use crate::requests::SPOKEN;

/// Bytes of a body that is measured: less without the optimiser.
const BODY_BYTES: usize = if cfg!(fuzzing) { 1 << 20 } else { 48 << 10 };
/// How they come in.
const PIECE_BYTES: usize = 1 << 10;
/// A body that takes less is never slow enough to matter: some 100 times what is usual.
const FREE: Duration = Duration::from_millis(300);
/// Twice the bytes may take so many times as long; linear work takes 2, its square 4.
const FACTOR_MAX: f64 = 3.0;

const KINDS: [&str; 6] = ["sse", "stream", "whole", "request", "structured", "tap"];

/// The rest: what stands in front, what is repeated and what stands behind, a NUL between them.
pub(crate) fn run(data: &[u8]) {
    let input = Input::new(data);
    let text = String::from_utf8_lossy(input.rest);
    let mut parts = text.splitn(3, '\0');
    let mut part = || parts.next().unwrap_or_default();
    let (front, piece, behind) = (part(), part(), part());
    let kind = *input.pick(&KINDS);
    check(kind, usize::from(input.flags), front, piece, behind);
}

fn check(kind: &str, choice: usize, front: &str, piece: &str, behind: &str) {
    if piece.is_empty() {
        return;
    }
    let body = |bytes: usize| {
        let mut body = front.to_owned();
        let mut number = 0_usize;
        while body.len() < bytes {
            // `§` is another number each time: keys that must differ.
            body.push_str(&piece.replace('§', &number.to_string()));
            number += 1;
        }
        body + behind
    };
    let (whole, half) = (body(BODY_BYTES), body(BODY_BYTES / 2));
    let taken = time(kind, choice, &whole);
    if taken <= FREE {
        return;
    }
    let before = time(kind, choice, &half).max(Duration::from_millis(1));
    let again = time(kind, choice, &whole).min(taken);
    let factor = again.as_secs_f64() / before.as_secs_f64();
    assert!(
        factor <= FACTOR_MAX,
        "{kind} {choice}: {before:?} for {} bytes, {again:?} for {}: {front:?} {piece:?} {behind:?}",
        half.len(),
        whole.len()
    );
}

/// Time of this thread alone: what others do on the machine is no matter.
fn time(kind: &str, choice: usize, body: &str) -> Duration {
    let started = ThreadTime::now();
    let bytes = body.as_bytes();
    let dialect = Dialect::ALL[choice % Dialect::ALL.len()];
    match kind {
        "sse" => {
            let mut reader = sse::Reader::new();
            let mut out = Vec::new();
            bytes
                .chunks(PIECE_BYTES)
                .for_each(|piece| reader.push(piece, &mut out));
            reader.finish(&mut out);
        }
        "stream" => {
            let mut decoder = dialect.adapter().chat_decoder(&DecodeContext::default());
            let mut out = Vec::new();
            bytes
                .chunks(PIECE_BYTES)
                .for_each(|piece| decoder.push(piece, &mut out));
            decoder.finish(&mut out);
        }
        "whole" => {
            let adapter = dialect.adapter();
            let _ = adapter.decode_chat(bytes, &DecodeContext::default());
            let _ = adapter.decode_models(bytes);
            let head = ReplyHead {
                status: 400,
                headers: &Default::default(),
                now: Duration::ZERO,
            };
            let _ = adapter.classify(&head, bytes);
            let _ = tap_whole(bytes);
        }
        "request" => request(bytes, choice),
        "structured" => drop(find(body)),
        _ => {
            let mut tap = Tap::new(false);
            let mut out = Vec::new();
            for piece in bytes.chunks(PIECE_BYTES) {
                let _ = tap.push(piece, &mut out);
            }
            let _ = tap.finish(&mut out);
        }
    }
    started.elapsed()
}

fn request(bytes: &[u8], choice: usize) {
    let _ = RequestNeeds::peek(bytes);
    let Ok(raw) = RawObject::parse(bytes) else {
        return;
    };
    let spoken = &SPOKEN[choice % SPOKEN.len()];
    let target = spoken.with(TranslationPolicy {
        repair_orphans: true,
        rewrite_prefill: true,
        ..TranslationPolicy::default()
    });
    let _ = edit_chat(&raw, &target);
    if let Ok(request) = parse_chat(&raw) {
        let _ = RequestNeeds::of_chat(&request);
        let _ = spoken
            .adapter()
            .encode_chat(&request, &target, &MediaStore::default());
    }
}
