//! Checks of answers: decoding in any pieces, no leaf lost, and a valid OpenAI answer out of it.

use polyroute_wire::adapter::Adapter;
use polyroute_wire::chat::{ChatEvent, ChatResponse, Fold, replay};
use polyroute_wire::dialect::openai::encode::{self, ChunkEncoder, ChunkOptions, ReplyIdentity};
use polyroute_wire::dialect::openai::{OpenAi, Tap, TapSummary, tap_whole};
use polyroute_wire::usage::Usage;
use serde_json::Value;

use crate::entry::{Body, Dialect, Entry};
use crate::leaves::{Held, joined_inputs, missing, of_response};
use crate::report::Report;
use crate::{errors, hub, shape};

/// Everything about a chat answer with status 2xx.
pub(crate) fn answer(entry: &Entry, report: &mut Report) {
    let adapter = entry.dialect.adapter();
    let decoded = match &entry.body {
        Body::Stream { bytes, .. } => streamed(entry, adapter, bytes),
        Body::Json(_) | Body::Text(_) => adapter
            .decode_chat(&entry.bytes(), &entry.context())
            .map_err(|error| format!("{error:?}")),
    };
    // An answer that is itself a failure (a blocked prompt, an error in the stream) must be read
    // as that failure.
    if let Some(result) = errors::expected_in_answer(entry, &decoded) {
        report.case(entry, "decode", result);
        return;
    }
    let answer = match decoded {
        Ok(answer) => {
            report.case(entry, "decode", Ok(()));
            answer
        }
        Err(why) => {
            report.case(entry, "decode", Err(why));
            return;
        }
    };
    let held = Held::new(&hub::value(&answer));
    let (recorded, is_stream) = match &entry.body {
        Body::Json(value) => (vec![value.clone()], false),
        Body::Stream { events, .. }
            if matches!(entry.dialect, Dialect::Anthropic | Dialect::Bedrock) =>
        {
            (joined_inputs(events), true)
        }
        Body::Stream { events, .. } => (events.clone(), true),
        Body::Text(_) => (Vec::new(), false),
    };
    let recorded = if entry.dialect == Dialect::Responses {
        of_response(recorded)
    } else {
        recorded
    };
    let lost = missing(&recorded, &held, entry.dialect, is_stream);
    report.case(entry, "leaves", lost);
    if entry.is_openai_chat() {
        report.case(entry, "tap", tapped(entry, &answer));
    }
    encoded(entry, &answer, report);
}

/// Passed on, an answer goes through byte by byte, and what was noticed of it is what decoding
/// finds.
fn tapped(entry: &Entry, answer: &ChatResponse) -> Result<(), String> {
    let Body::Stream { bytes, .. } = &entry.body else {
        let summary = tap_whole(&entry.bytes()).map_err(|error| format!("{error:?}"))?;
        return same_summary(&summary, answer);
    };
    let mut random = Random::new(&entry.name);
    for usage_asked in [true, false] {
        let mut tap = Tap::new(usage_asked);
        let mut out = Vec::new();
        for piece in random.pieces(bytes) {
            tap.push(piece, &mut out);
        }
        let summary = tap.finish(&mut out).map_err(|error| format!("{error:?}"))?;
        same_summary(&summary, answer)?;
        let out = String::from_utf8_lossy(&out);
        // A stream that ends without `[DONE]` gets one (Perplexity).
        let ours = out.strip_suffix("data: [DONE]\n\n").unwrap_or(&out);
        let theirs = String::from_utf8_lossy(bytes);
        if usage_asked && ![ours.trim_end(), out.trim_end()].contains(&theirs.trim_end()) {
            return Err("the bytes were changed".to_owned());
        }
        // Usage beside content came unasked and does no harm; a chunk of its own would.
        let only_usage =
            |line: &str| line.contains("\"usage\":{") && line.contains("\"choices\":[]");
        if !usage_asked && out.lines().any(only_usage) {
            return Err("usage went to a caller who had not asked".to_owned());
        }
    }
    Ok(())
}

fn same_summary(summary: &TapSummary, answer: &ChatResponse) -> Result<(), String> {
    let first = answer.choices.first();
    let calls = answer
        .choices
        .iter()
        .any(|choice| !choice.message.tool_calls.is_empty());
    // The provider's own object is in the bytes: a tap need not keep it.
    let counts = |usage: &Option<Usage>| {
        let native = serde_json::Map::new();
        usage.clone().map(|usage| Usage { native, ..usage })
    };
    let same = counts(&summary.usage) == counts(&answer.usage)
        && summary.model == answer.model
        && summary.id == answer.id
        && summary.finish_reason == first.and_then(|choice| choice.finish_reason)
        && summary.has_tool_calls == calls;
    if same {
        Ok(())
    } else {
        Err(format!("noticed {summary:?}"))
    }
}

/// Decodes a stream whole, byte by byte and in random pieces; all must agree.
fn streamed(entry: &Entry, adapter: &dyn Adapter, bytes: &[u8]) -> Result<ChatResponse, String> {
    let whole = events(entry, adapter, &[bytes]);
    let singles: Vec<&[u8]> = bytes.chunks(1).collect();
    if events(entry, adapter, &singles) != whole {
        return Err("byte by byte the events differ".to_owned());
    }
    let mut random = Random::new(&entry.name);
    for _ in 0..4 {
        let pieces = random.pieces(bytes);
        if events(entry, adapter, &pieces) != whole {
            return Err("in random pieces the events differ".to_owned());
        }
    }
    let ends = |event: &&ChatEvent| matches!(event, ChatEvent::End | ChatEvent::Error(_));
    if whole.iter().filter(ends).count() != 1 || !whole.last().as_ref().is_some_and(ends) {
        return Err("the events do not end in exactly one end".to_owned());
    }
    let mut fold = Fold::new();
    for event in whole {
        fold.push(event);
    }
    fold.finish().map_err(|error| format!("{error:?}"))
}

fn events(entry: &Entry, adapter: &dyn Adapter, pieces: &[&[u8]]) -> Vec<ChatEvent> {
    let mut decoder = adapter.chat_decoder(&entry.context());
    let mut out = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    out
}

/// A small generator with a seed, so that a failure can be repeated.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: &str) -> Self {
        Self(polyroute_wire::json::stable_hash(seed.as_bytes()) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    pub(crate) fn pieces<'a>(&mut self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let size = usize::try_from(1 + self.below(400))
                .unwrap_or(1)
                .min(bytes.len());
            let (piece, rest) = bytes.split_at(size);
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}

fn identity() -> ReplyIdentity {
    ReplyIdentity {
        id: "chatcmpl-corpus".to_owned(),
        created: 1_700_000_000,
        model: "corpus/model".to_owned(),
    }
}

/// Encodes the hub's answer for an OpenAI client, whole and streamed; both must be valid and say
/// the same.
fn encoded(entry: &Entry, answer: &ChatResponse, report: &mut Report) {
    let whole = encode::response(answer, &identity(), false);
    let whole: Value = serde_json::from_slice(&whole).unwrap_or_default();
    report.case(entry, "encode", shape::completion(&whole));
    report.answer(entry, "completion", &whole);
    let options = ChunkOptions {
        include_usage: true,
        legacy_functions: false,
    };
    let mut encoder = ChunkEncoder::new(&identity(), options);
    let mut bytes = Vec::new();
    for event in replay(answer.clone()) {
        encoder.push(event, &mut bytes);
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    let result = shape::chunks(&text).and_then(|chunks| {
        for chunk in &chunks {
            report.answer(entry, "chunk", chunk);
        }
        same_again(&text, answer)
    });
    report.case(entry, "encode-stream", result);
}

/// Our own stream, read by our own OpenAI decoder, says what the answer says.
fn same_again(text: &str, answer: &ChatResponse) -> Result<(), String> {
    let mut decoder = OpenAi.chat_decoder(&polyroute_wire::adapter::DecodeContext::default());
    let mut events = Vec::new();
    decoder.push(text.as_bytes(), &mut events);
    decoder.finish(&mut events);
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    let again = fold.finish().map_err(|error| format!("{error:?}"))?;
    let says = |answer: &ChatResponse| -> Vec<_> {
        answer
            .choices
            .iter()
            .map(|choice| {
                let message = &choice.message;
                let calls: Vec<_> = message
                    .tool_calls
                    .iter()
                    .map(|call| {
                        let arguments = if call.arguments.is_empty() && !call.custom {
                            "{}".to_owned()
                        } else {
                            call.arguments.clone()
                        };
                        (call.id.clone(), call.name.clone(), arguments, call.custom)
                    })
                    .collect();
                let refusal = message.refusal.clone().filter(|text| !text.is_empty());
                let texts = (message.text.clone(), message.reasoning.clone(), refusal);
                (choice.index, texts, calls)
            })
            .collect()
    };
    if says(&again) == says(answer) {
        Ok(())
    } else {
        Err("read back, our stream says something else".to_owned())
    }
}

/// A list of models: every id is read.
pub(crate) fn models(entry: &Entry) -> Result<(), String> {
    let (models, _) = entry
        .dialect
        .adapter()
        .decode_models(&entry.bytes())
        .map_err(|error| format!("{error:?}"))?;
    let text = String::from_utf8(entry.bytes()).unwrap_or_default();
    match models.iter().find(|model| !text.contains(&model.id)) {
        _ if models.is_empty() => Err("no model is listed".to_owned()),
        Some(model) => Err(format!("`{}` is not in the list", model.id)),
        None => Ok(()),
    }
}

/// Everything about an embeddings answer with status 2xx.
pub(crate) fn embeddings(entry: &Entry, report: &mut Report) {
    let adapter = entry.dialect.adapter();
    let answer = match adapter.decode_embeddings(&entry.bytes(), &entry.context()) {
        Ok(answer) => {
            report.case(entry, "decode", Ok(()));
            answer
        }
        Err(error) => {
            report.case(entry, "decode", Err(format!("{error:?}")));
            return;
        }
    };
    let Body::Json(recorded) = &entry.body else {
        return;
    };
    report.case(
        entry,
        "leaves",
        shape::same_vectors(recorded, &answer, entry.has_int8_vectors()),
    );
    for base64 in [false, true] {
        let body = encode::embeddings(&answer, base64);
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        report.case(entry, "encode", shape::embeddings(&body, &answer, base64));
        report.answer(entry, "embeddings", &body);
    }
}
