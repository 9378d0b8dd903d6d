//! Says a whole answer as a stream: for a caller who streams over a provider that did not.

use serde_json::Value;

use super::{ChatEvent, ChatResponse, Choice, FinishReason, ToolCall};

/// The events of a whole answer, one for each block, [`ChatEvent::End`] last. Folding them gives
/// the answer back.
#[must_use]
pub fn replay(answer: ChatResponse) -> Vec<ChatEvent> {
    let mut out = vec![ChatEvent::Start {
        id: answer.id,
        model: answer.model,
        created: answer.created,
    }];
    let named = [
        ("service_tier", answer.service_tier),
        ("system_fingerprint", answer.system_fingerprint),
    ];
    let named = named
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?))));
    out.extend(
        named
            .chain(answer.metadata)
            .map(|(key, value)| ChatEvent::Metadata {
                choice: None,
                key,
                value,
            }),
    );
    for choice in answer.choices {
        replay_choice(choice, &mut out);
    }
    out.extend(answer.usage.map(ChatEvent::Usage));
    out.push(ChatEvent::End);
    out
}

fn replay_choice(choice: Choice, out: &mut Vec<ChatEvent>) {
    let index = choice.index;
    let mut message = choice.message;
    let calls = std::mem::take(&mut message.tool_calls);
    let mut say = |event: ChatEvent| out.push(event);
    if !message.reasoning.is_empty() {
        say(ChatEvent::Reasoning {
            choice: index,
            text: message.reasoning,
        });
    }
    if !message.text.is_empty() {
        say(ChatEvent::Text {
            choice: index,
            text: message.text,
        });
    }
    if let Some(text) = message.refusal {
        say(ChatEvent::Refusal {
            choice: index,
            text,
        });
    }
    if let Some(logprobs) = choice.logprobs {
        say(ChatEvent::Logprobs {
            choice: index,
            logprobs,
        });
    }
    for annotation in message.annotations {
        say(ChatEvent::Annotation {
            choice: index,
            annotation,
        });
    }
    if let Some(audio) = message.audio {
        say(ChatEvent::Audio {
            choice: index,
            audio,
        });
    }
    for image in message.images {
        say(ChatEvent::Image {
            choice: index,
            image,
        });
    }
    for call in calls.into_iter().enumerate() {
        replay_call(index, call, &mut say);
    }
    for block in message.blocks {
        say(ChatEvent::Block {
            choice: index,
            block,
        });
    }
    for (key, value) in choice.metadata.into_iter().chain(message.metadata) {
        say(ChatEvent::Metadata {
            choice: Some(index),
            key,
            value,
        });
    }
    say(ChatEvent::Finish {
        choice: index,
        reason: choice.finish_reason.unwrap_or(FinishReason::Stop),
        native: choice.native_finish_reason.unwrap_or_default(),
        stop_sequence: choice.stop_sequence,
    });
}

fn replay_call(choice: u32, (at, call): (usize, ToolCall), say: &mut impl FnMut(ChatEvent)) {
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    say(ChatEvent::ToolStart {
        choice,
        call: at,
        id: call.id,
        name: call.name,
        custom: call.custom,
    });
    say(ChatEvent::ToolArguments {
        choice,
        call: at,
        fragment: call.arguments,
    });
}
