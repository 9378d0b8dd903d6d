//! Content filters: what a blocked prompt and a cut-off output look like in each dialect.

use serde_json::{Value, json};

use crate::answer::{Answer, Finish, text, tokens};
use crate::dialect::{anthropic, openai};
use crate::errors::{self, About, reply};
use crate::models::{Dialect, Known};
use crate::prompt::Prompt;
use crate::vendor::errors::{Facts, When};
use crate::wire::{Body, Event, Framing, Kind, Reply};

/// The reply to a prompt that a filter blocks; a stream is framed like this.
pub fn prompt(
    about: About<'_>,
    prompt: &Prompt,
    known: &Known,
    answer: &Answer,
    framing: Framing,
) -> Reply {
    if let Some(vendor) = about.vendor {
        return vendor.refuse(When::Filtered, about, Facts::default());
    }
    let input = answer.usage.input_total();
    match about.dialect {
        Dialect::Openai => {
            let message = "Invalid prompt: your prompt was flagged as potentially violating our \
                usage policy. Please try again with a different prompt.";
            let kind = "invalid_request_error";
            reply(
                400,
                openai::render::error(message, kind, None, Some("invalid_prompt")),
            )
        }
        Dialect::Anthropic => {
            let body = json!({
                "model": known.served_as, "id": anthropic::render::message_id(input),
                "type": "message", "role": "assistant", "content": [],
                "stop_reason": "refusal", "stop_sequence": null,
                "stop_details": {"category": "policy", "explanation": "The prompt was blocked."},
                "usage": {"input_tokens": input, "cache_creation_input_tokens": 0,
                    "cache_read_input_tokens": 0, "output_tokens": 0},
            });
            let events = anthropic_events(&body);
            whole_or_stream(prompt, body, events, framing)
        }
        // "a request or response contains a deny-listed token"
        Dialect::Cohere => reply(498, errors::by_status(about, 498, errors::Flavour::Usual)),
        Dialect::Gemini => {
            let body = json!({
                "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
                "usageMetadata": {"promptTokenCount": input, "totalTokenCount": input,
                    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": input}]},
                "modelVersion": known.served_as,
            });
            let events = vec![Event::json(Kind::Finish, body.clone())];
            whole_or_stream(prompt, body, events, framing)
        }
        Dialect::Bedrock => {
            // A guardrail answers with words of its own.
            let said = "Sorry, the model cannot answer this question.";
            let usage = json!({"inputTokens": input, "outputTokens": 0, "totalTokens": input});
            let body = json!({
                "metrics": {"latencyMs": 100},
                "output": {"message": {"role": "assistant", "content": [{ "text": said }]}},
                "stopReason": "guardrail_intervened",
                "usage": usage,
            });
            let named = |name, kind, value| Event {
                name: Some(name),
                ..Event::json(kind, value)
            };
            let delta = json!({"contentBlockIndex": 0, "delta": { "text": said }});
            let stop = json!({"stopReason": "guardrail_intervened"});
            let counts = json!({"metrics": {"latencyMs": 100}, "usage": usage});
            let events = vec![
                named("messageStart", Kind::Head, json!({"role": "assistant"})),
                named("contentBlockDelta", Kind::Content, delta),
                named(
                    "contentBlockStop",
                    Kind::Mark,
                    json!({"contentBlockIndex": 0}),
                ),
                named("messageStop", Kind::Finish, stop),
                named("metadata", Kind::Usage, counts),
            ];
            whole_or_stream(prompt, body, events, framing)
        }
    }
}

/// Ends the output in its middle.
pub fn output(answer: &mut Answer) {
    for turn in &mut answer.turns {
        turn.calls.clear();
        turn.finish = Finish::ContentFilter;
        let said = turn.text.take().unwrap_or_default();
        let half = tokens(&said) / 2;
        turn.text = Some(text::cut_to_tokens(&said, half).unwrap_or_default());
    }
    let said = answer.turns.iter().filter_map(|turn| turn.text.as_deref());
    answer.usage.output_visible = said.map(tokens).sum();
}

fn anthropic_events(message: &Value) -> Vec<Event> {
    let mut opening = message.clone();
    if let Some(members) = opening.as_object_mut() {
        members.insert("stop_reason".to_owned(), Value::Null);
        members.insert("stop_details".to_owned(), Value::Null);
    }
    let delta = json!({"type": "message_delta", "usage": message.get("usage"), "delta": {
        "stop_reason": message.get("stop_reason"), "stop_sequence": null,
        "stop_details": message.get("stop_details")}});
    let named = |name, kind, value| Event {
        name: Some(name),
        ..Event::json(kind, value)
    };
    let start = json!({"type": "message_start", "message": opening});
    vec![
        named("message_start", Kind::Head, start),
        named("message_delta", Kind::Finish, delta),
        named("message_stop", Kind::Done, json!({"type": "message_stop"})),
    ]
}

fn whole_or_stream(prompt: &Prompt, body: Value, events: Vec<Event>, framing: Framing) -> Reply {
    if !prompt.stream {
        return reply(200, body);
    }
    let body = Body::Stream { framing, events };
    Reply {
        status: 200,
        headers: Vec::new(),
        tokens: 0,
        body,
    }
}
