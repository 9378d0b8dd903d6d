//! Whole answers: passed on, read from each dialect, written for the caller.

use polyroute_measure::Operation;
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::encode::{self, ReplyIdentity};
use polyroute_wire::dialect::openai::tap_whole;
use serde_json::{Value, json};

use super::{context, prose};

/// Length of the text of an answer, in bytes.
const TEXT_BYTES: usize = 2_000;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (name, bytes) in [("0.5 KB", 60), ("2 KB", TEXT_BYTES), ("100 KB", 100_000)] {
        let body = answer(Dialect::OpenAi, &prose(bytes));
        let size = body.len();
        let tap = move || tap_whole(&body).expect("an answer");
        all.push(Operation::new(format!("pass on an answer/{name}"), tap).of(size));
    }
    for dialect in Dialect::ALL {
        let body = answer(*dialect, &prose(TEXT_BYTES));
        let (size, context) = (body.len(), context(*dialect));
        let read = move || dialect.adapter().decode_chat(&body, &context);
        let choices = read().expect("an answer").choices;
        let first = choices.first().expect("a choice");
        assert_eq!(first.message.text, prose(TEXT_BYTES));
        let name = format!("read an answer of {}/2 KB", dialect.as_str());
        all.push(Operation::new(name, read).of(size));
    }
    let body = answer(Dialect::Anthropic, &prose(TEXT_BYTES));
    let adapter = Dialect::Anthropic.adapter();
    let hub = adapter.decode_chat(&body, &context(Dialect::Anthropic));
    let hub = hub.expect("an answer");
    let identity = ReplyIdentity {
        id: "chatcmpl-measured".to_owned(),
        created: 1_700_000_000,
        model: "claude-measured".to_owned(),
    };
    let write = move || encode::response(&hub, &identity, false);
    all.push(Operation::new("write an answer/2 KB", write));
    all
}

/// A plain answer as each provider writes it.
fn answer(dialect: Dialect, text: &str) -> Vec<u8> {
    let body = match dialect {
        Dialect::OpenAi => json!({
            "id": "chatcmpl-B0Measured", "object": "chat.completion", "created": 1_700_000_000,
            "model": "gpt-measured-2026-01-01", "service_tier": "default",
            "system_fingerprint": "fp_0123456789",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text,
                "refusal": null, "annotations": []}, "logprobs": null, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 90, "completion_tokens": 400, "total_tokens": 490,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
                    "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}},
        }),
        Dialect::Responses => json!({
            "id": "resp_measured", "object": "response", "created_at": 1_700_000_000,
            "model": "gpt-measured", "status": "completed", "error": null,
            "incomplete_details": null, "output": [{"type": "message", "id": "msg_1",
                "role": "assistant", "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}]}],
            "usage": {"input_tokens": 90, "output_tokens": 400, "total_tokens": 490},
        }),
        Dialect::Anthropic => json!({
            "id": "msg_measured", "type": "message", "role": "assistant",
            "model": "claude-measured", "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 90, "output_tokens": 400},
        }),
        Dialect::Gemini => json!({
            "candidates": [{"content": {"role": "model", "parts": [{"text": text}]},
                "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 90, "candidatesTokenCount": 400,
                "totalTokenCount": 490},
            "modelVersion": "gemini-measured", "responseId": "measured",
        }),
        Dialect::Bedrock => json!({
            "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
            "stopReason": "end_turn", "metrics": {"latencyMs": 700},
            "usage": {"inputTokens": 90, "outputTokens": 400, "totalTokens": 490},
        }),
        Dialect::Cohere => json!({
            "id": "measured", "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": [{"type": "text", "text": text}]},
            "usage": {"billed_units": {"input_tokens": 90, "output_tokens": 400},
                "tokens": {"input_tokens": 95, "output_tokens": 400}},
        }),
        Dialect::Ollama => json!({
            "model": "qwen-measured", "created_at": "2026-03-02T10:00:01Z",
            "message": {"role": "assistant", "content": text}, "done": true,
            "done_reason": "stop", "total_duration": 5, "load_duration": 1,
            "prompt_eval_count": 90, "prompt_eval_duration": 2, "eval_count": 400,
            "eval_duration": 3,
        }),
    };
    bytes(&body)
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}
