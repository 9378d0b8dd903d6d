//! Streams of 1,000 chunks of text: passed on, read from each dialect, written for the caller.

use polyroute_measure::Operation;
use polyroute_wire::chat::ChatEvent;
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::encode::{ChunkEncoder, ChunkOptions, ReplyIdentity};
use polyroute_wire::dialect::openai::{Tap, TapSignal};
use serde_json::{Value, json};

use super::context;
use super::frames::{aws, line, sse};

/// Chunks of a stream that hold text.
const CHUNKS: u32 = 1_000;
/// The text of each.
const WORD: &str = " harbour";
/// What several chunks at once are read in, in bytes.
const READ_BYTES: usize = 16 * 1_024;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (name, pieces) in [
        ("1,000 chunks", stream(Dialect::OpenAi)),
        (
            "1,000 chunks, many a read",
            joined(&stream(Dialect::OpenAi)),
        ),
    ] {
        let size = pieces.iter().map(Vec::len).sum();
        let tap = move || tapped(&pieces);
        assert_eq!(tap(), TapSignal::Done, "{name}");
        all.push(Operation::new(format!("pass on a stream/{name}"), tap).of(size));
    }
    for dialect in Dialect::ALL {
        let pieces = stream(*dialect);
        let size = pieces.iter().map(Vec::len).sum();
        let read = move || decoded(*dialect, &pieces);
        let (texts, ended) = read();
        assert!(ended, "{}", dialect.as_str());
        assert_eq!(texts, CHUNKS, "{}", dialect.as_str());
        let name = format!("read a stream of {}/1,000 chunks", dialect.as_str());
        all.push(Operation::new(name, read).of(size));
    }
    all.push(Operation::new("write a stream/1,000 chunks", written));
    all
}

/// The last signal, other than that there is none.
fn tapped(pieces: &[Vec<u8>]) -> TapSignal {
    let mut tap = Tap::new(false);
    let mut last = TapSignal::None;
    let mut out = Vec::new();
    for piece in pieces {
        // As the relay does: one piece of the body in, one out.
        out.clear();
        match tap.push(piece, &mut out) {
            TapSignal::None => {}
            signal => last = signal,
        }
    }
    last
}

/// How many texts came, and whether the stream ended as it should.
fn decoded(dialect: Dialect, pieces: &[Vec<u8>]) -> (u32, bool) {
    let mut decoder = dialect.adapter().chat_decoder(&context(dialect));
    let mut events = Vec::new();
    let (mut texts, mut ended) = (0, false);
    let mut look = |events: &mut Vec<ChatEvent>| {
        for event in events.drain(..) {
            texts += u32::from(matches!(event, ChatEvent::Text { .. }));
            ended |= event == ChatEvent::End;
        }
    };
    for piece in pieces {
        decoder.push(piece, &mut events);
        look(&mut events);
    }
    decoder.finish(&mut events);
    look(&mut events);
    (texts, ended)
}

/// Length of the last chunk.
fn written() -> usize {
    let identity = ReplyIdentity {
        id: "chatcmpl-measured".to_owned(),
        created: 1_700_000_000,
        model: "claude-measured".to_owned(),
    };
    let mut encoder = ChunkEncoder::new(&identity, ChunkOptions::default());
    let mut out = Vec::new();
    for _ in 0..CHUNKS {
        out.clear();
        let text = WORD.to_owned();
        encoder.push(ChatEvent::Text { choice: 0, text }, &mut out);
    }
    out.len()
}

/// What comes before the texts, one text, what comes after.
type Parts = (Vec<Vec<u8>>, fn() -> Vec<u8>, Vec<Vec<u8>>);

/// A stream as it comes: one event or line a piece.
fn stream(dialect: Dialect) -> Vec<Vec<u8>> {
    let texts = |text: fn() -> Vec<u8>| (0..CHUNKS).map(move |_| text());
    let (head, text, tail): Parts = match dialect {
        Dialect::OpenAi => (
            vec![sse(
                "",
                &openai(&json!({"role": "assistant", "content": ""}), &Value::Null),
            )],
            || sse("", &openai(&json!({ "content": WORD }), &Value::Null)),
            vec![
                sse("", &openai(&json!({}), &json!("stop"))),
                b"data: [DONE]\n\n".to_vec(),
            ],
        ),
        Dialect::Responses => responses(),
        Dialect::Anthropic => anthropic(),
        Dialect::Gemini => (
            Vec::new(),
            || sse("", &gemini(WORD, None)),
            vec![sse("", &gemini("", Some("STOP")))],
        ),
        Dialect::Bedrock => (
            vec![aws("messageStart", &json!({"role": "assistant"}))],
            || {
                let delta = json!({"contentBlockIndex": 0, "delta": {"text": WORD}, "p": "abc"});
                aws("contentBlockDelta", &delta)
            },
            vec![
                aws("contentBlockStop", &json!({"contentBlockIndex": 0})),
                aws("messageStop", &json!({"stopReason": "end_turn"})),
                aws(
                    "metadata",
                    &json!({"usage": {"inputTokens": 9, "outputTokens": 1_000,
                        "totalTokens": 1_009}, "metrics": {"latencyMs": 700}}),
                ),
            ],
        ),
        Dialect::Cohere => cohere(),
        Dialect::Ollama => (
            Vec::new(),
            || {
                line(
                    &json!({"model": "qwen-measured", "created_at": "2026-03-02T10:00:00.5Z",
                    "message": {"role": "assistant", "content": WORD}, "done": false}),
                )
            },
            vec![line(
                &json!({"model": "qwen-measured", "created_at": "2026-03-02T10:00:01Z",
                "message": {"role": "assistant", "content": ""}, "done": true,
                "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 1_000}),
            )],
        ),
    };
    head.into_iter().chain(texts(text)).chain(tail).collect()
}

fn openai(delta: &Value, finish: &Value) -> Value {
    json!({"id": "chatcmpl-B0Measured", "object": "chat.completion.chunk",
        "created": 1_700_000_000, "model": "gpt-measured-2026-01-01",
        "service_tier": "default", "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
        "usage": null})
}

fn responses() -> Parts {
    let event = |event: Value| {
        let name = event.get("type").and_then(Value::as_str);
        sse(name.unwrap_or_default(), &event)
    };
    let whole = WORD.repeat(1_000);
    let item = |text: &str| {
        json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
    };
    let opened = json!({"type": "message", "id": "msg_1", "role": "assistant", "content": []});
    let head = vec![
        event(
            json!({"type": "response.created", "response": {"id": "resp_1", "created_at": 1,
            "model": "gpt-measured", "status": "in_progress", "output": []}}),
        ),
        event(json!({"type": "response.output_item.added", "output_index": 0, "item": opened})),
    ];
    let tail = vec![
        event(
            json!({"type": "response.output_item.done", "output_index": 0, "item": item(&whole)}),
        ),
        event(
            json!({"type": "response.completed", "response": {"id": "resp_1", "created_at": 1,
            "model": "gpt-measured", "status": "completed", "error": null,
            "incomplete_details": null, "output": [item(&whole)],
            "usage": {"input_tokens": 9, "output_tokens": 1_000, "total_tokens": 1_009}}}),
        ),
    ];
    let text = || {
        let delta = json!({"type": "response.output_text.delta", "item_id": "msg_1",
            "output_index": 0, "content_index": 0, "delta": WORD, "sequence_number": 7});
        sse("response.output_text.delta", &delta)
    };
    (head, text, tail)
}

fn anthropic() -> Parts {
    let event = |event: Value| {
        let name = event.get("type").and_then(Value::as_str);
        sse(name.unwrap_or_default(), &event)
    };
    let head = vec![
        event(
            json!({"type": "message_start", "message": {"id": "msg_1", "type": "message",
            "role": "assistant", "model": "claude-measured", "content": [], "stop_reason": null,
            "stop_sequence": null, "usage": {"input_tokens": 9, "output_tokens": 1}}}),
        ),
        event(json!({"type": "content_block_start", "index": 0,
            "content_block": {"type": "text", "text": ""}})),
    ];
    let tail = vec![
        event(json!({"type": "content_block_stop", "index": 0})),
        event(
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn",
            "stop_sequence": null}, "usage": {"output_tokens": 1_000}}),
        ),
        event(json!({"type": "message_stop"})),
    ];
    let text = || {
        let delta = json!({"type": "content_block_delta", "index": 0,
            "delta": {"type": "text_delta", "text": WORD}});
        sse("content_block_delta", &delta)
    };
    (head, text, tail)
}

fn gemini(text: &str, finish: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"role": "model", "parts": [{"text": text}]},
        "index": 0});
    if let (Some(candidate), Some(reason)) = (candidate.as_object_mut(), finish) {
        candidate.insert("finishReason".to_owned(), reason.into());
    }
    json!({"candidates": [candidate], "modelVersion": "gemini-measured", "responseId": "measured",
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1_000,
            "totalTokenCount": 1_009}})
}

fn cohere() -> Parts {
    let event = |event: Value| {
        let name = event.get("type").and_then(Value::as_str);
        sse(name.unwrap_or_default(), &event)
    };
    let head = vec![
        event(
            json!({"id": "s-1", "type": "message-start", "delta": {"message": {
            "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [],
            "citations": []}}}),
        ),
        event(
            json!({"type": "content-start", "index": 0, "delta": {"message": {
            "content": {"type": "text", "text": ""}}}}),
        ),
    ];
    let tail = vec![
        event(json!({"type": "content-end", "index": 0})),
        event(
            json!({"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {
            "billed_units": {"input_tokens": 9, "output_tokens": 1_000},
            "tokens": {"input_tokens": 15, "output_tokens": 1_000}}}}),
        ),
        b"data: [DONE]\n\n".to_vec(),
    ];
    let text = || {
        let delta = json!({"type": "content-delta", "index": 0,
            "delta": {"message": {"content": {"text": WORD}}}});
        sse("content-delta", &delta)
    };
    (head, text, tail)
}

/// The same bytes in larger pieces.
fn joined(pieces: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let whole = pieces.concat();
    whole.chunks(READ_BYTES).map(<[u8]>::to_vec).collect()
}
