//! Upstream stream bytes → bytes for the caller: passed on with a tap in the same dialect, else
//! decoded and encoded anew.

use polyroute_wire::chat::{ChatEvent, FinishReason, StreamDecoder};
use polyroute_wire::dialect::openai::encode::{ChunkEncoder, CompletionEncoder};
use polyroute_wire::dialect::openai::{Tap, TapSignal};
use polyroute_wire::error::{ErrorKind, UpstreamError};
use polyroute_wire::usage::Usage;

use super::output::{Check, Rejected, Taken};
use super::turn::TurnMemory;

/// Most bytes of a translated stream: decoders keep the text of a turn, so its end is their bound.
const STREAM_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What some bytes brought.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// Content for the caller (the content commit).
    pub(super) content: bool,
    /// Any event at all: the provider is not merely keeping the line warm.
    pub(super) event: bool,
    /// The answer is whole.
    pub(super) ended: bool,
    /// The stream failed. Nothing follows.
    pub(super) failed: Option<Box<Rejected>>,
}

/// What a whole stream said, as far as the record wants it.
#[derive(Debug, Default, Clone)]
pub(super) struct Summary {
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<&'static str>,
    pub(super) model: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) service_tier: Option<String>,
    /// Bytes of content, for an estimate where the provider did not count.
    pub(super) content_bytes: u64,
}

impl Summary {
    fn note(&mut self, key: &str, value: &serde_json::Value) {
        let text = || value.as_str().map(ToOwned::to_owned);
        match key {
            "system_fingerprint" => self.fingerprint = text(),
            "service_tier" => self.service_tier = text(),
            _ => {}
        }
    }
}

/// Reads one upstream stream.
pub(super) enum Reader {
    /// Same dialect: whole events pass byte for byte. Counts the pieces that they came in.
    Tap(Box<Tap>, u64),
    /// Another dialect.
    Translate(Box<Translate>),
}

/// Writes the caller's stream.
pub(super) enum Encoder {
    /// Chat completion chunks.
    Chat(ChunkEncoder),
    /// Text completion chunks.
    Completion(CompletionEncoder),
}

impl Encoder {
    fn push(&mut self, event: ChatEvent, out: &mut Vec<u8>) {
        match self {
            Self::Chat(encoder) => encoder.push(event, out),
            Self::Completion(encoder) => encoder.push(event, out),
        }
    }
}

/// Decoder, encoder, and what must be remembered of the turn.
pub(super) struct Translate {
    pub(super) decoder: Box<dyn StreamDecoder>,
    pub(super) encoder: Encoder,
    /// What the answer is held to.
    pub(super) check: Option<Check>,
    pub(super) turn: TurnMemory,
    pub(super) events: Vec<ChatEvent>,
    pub(super) summary: Summary,
    /// Bytes of the provider so far.
    pub(super) received: u64,
}

impl Reader {
    /// Takes bytes of the provider and appends what goes to the caller.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        match self {
            Self::Tap(tap, pieces) => {
                let before = out.len();
                let signal = tap.push(bytes, out);
                // A comment keeps the line warm and is no sign of an answer.
                let event = out.get(before).is_some_and(|first| *first != b':');
                *pieces += u64::from(event);
                match signal {
                    TapSignal::None => Step {
                        event,
                        ..Step::default()
                    },
                    TapSignal::Content => Step {
                        event,
                        content: true,
                        ..Step::default()
                    },
                    TapSignal::Done => Step {
                        event,
                        ended: true,
                        ..Step::default()
                    },
                    TapSignal::Error(error) => Step {
                        failed: Some((*error).into()),
                        ..Step::default()
                    },
                }
            }
            Self::Translate(translate) => {
                translate.received += bytes.len() as u64;
                if translate.received > STREAM_BYTES_MAX {
                    let message =
                        format!("the provider's answer is larger than {STREAM_BYTES_MAX} bytes");
                    return Step {
                        failed: Some(UpstreamError::new(ErrorKind::MalformedReply, message).into()),
                        ..Step::default()
                    };
                }
                let mut events = std::mem::take(&mut translate.events);
                translate.decoder.push(bytes, &mut events);
                let step = translate.take(&mut events, out);
                translate.events = events;
                step
            }
        }
    }

    /// The body ended.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> Step {
        match self {
            Self::Tap(tap, _) => match tap.finish(out) {
                Ok(_) => Step {
                    ended: true,
                    ..Step::default()
                },
                Err(error) => Step {
                    failed: Some(error.into()),
                    ..Step::default()
                },
            },
            Self::Translate(translate) => {
                let mut events = std::mem::take(&mut translate.events);
                translate.decoder.finish(&mut events);
                let mut step = translate.take(&mut events, out);
                if !step.ended && step.failed.is_none() {
                    let error =
                        UpstreamError::new(ErrorKind::Truncated, "the stream ended before its end");
                    step.failed = Some(error.into());
                }
                step
            }
        }
    }

    /// What the stream said.
    pub(super) fn summary(&self) -> Summary {
        match self {
            Self::Tap(tap, pieces) => {
                let tapped = tap.summary();
                Summary {
                    usage: tapped.usage.clone(),
                    finish_reason: tapped.finish_reason.map(FinishReason::as_str),
                    model: Some(tapped.model.clone()).filter(|model| !model.is_empty()),
                    fingerprint: tapped.system_fingerprint.clone(),
                    service_tier: tapped.service_tier.clone(),
                    // Providers of this dialect send about a token a piece, four bytes each.
                    content_bytes: pieces.saturating_mul(4),
                }
            }
            Self::Translate(translate) => translate.summary.clone(),
        }
    }
}

/// Bytes of an event that the model wrote.
fn content_bytes(event: &ChatEvent) -> u64 {
    match event {
        ChatEvent::Text { text, .. }
        | ChatEvent::Reasoning { text, .. }
        | ChatEvent::Refusal { text, .. }
        | ChatEvent::ToolArguments { fragment: text, .. } => text.len() as u64,
        _ => 0,
    }
}

impl Translate {
    fn take(&mut self, events: &mut Vec<ChatEvent>, out: &mut Vec<u8>) -> Step {
        let mut step = Step::default();
        for event in events.drain(..) {
            step.event |= event != ChatEvent::Ping;
            self.note(&event);
            if let ChatEvent::Error(error) = event {
                step.failed = Some(error.into());
                return step;
            }
            let taken = match &mut self.check {
                Some(check) => check.take(event),
                None => Ok(Taken::Pass(event)),
            };
            match taken {
                Ok(Taken::Pass(event)) => self.say(event, &mut step, out),
                Ok(Taken::Held) => {}
                Ok(Taken::Release(events)) => {
                    for event in events {
                        self.say(event, &mut step, out);
                    }
                }
                Err(mut rejected) => {
                    let Summary {
                        usage,
                        content_bytes,
                        ..
                    } = &self.summary;
                    rejected.spent = Some((usage.clone(), *content_bytes));
                    step.failed = Some(rejected);
                    return step;
                }
            }
        }
        step
    }

    /// Keeps what the record wants.
    fn note(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Start { model, .. } if !model.is_empty() => {
                self.summary.model = Some(model.clone());
            }
            ChatEvent::Metadata {
                choice: None,
                key,
                value,
            } => self.summary.note(key, value),
            ChatEvent::Usage(usage) => self.summary.usage = Some(usage.clone()),
            ChatEvent::Finish { reason, .. } => {
                self.summary.finish_reason = Some(reason.as_str());
            }
            _ => {}
        }
        self.summary.content_bytes += content_bytes(event);
    }

    /// Says an event to the caller.
    fn say(&mut self, event: ChatEvent, step: &mut Step, out: &mut Vec<u8>) {
        step.content |= event.is_content();
        if event == ChatEvent::End {
            self.turn.remember();
            step.ended = true;
        }
        self.turn.push(&event);
        self.encoder.push(event, out);
    }
}
