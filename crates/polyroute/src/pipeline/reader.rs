//! Upstream stream bytes → bytes for the caller: passed on with a tap in the same dialect, else
//! decoded and encoded anew.

use polyroute_wire::chat::{ChatEvent, StreamDecoder};
use polyroute_wire::dialect::openai::{ChunkEncoder, Tap};
use polyroute_wire::error::{ErrorKind, UpstreamError};
use polyroute_wire::usage::Usage;

use super::schema::SchemaCheck;
use super::turn::TurnMemory;

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
    pub(super) failed: Option<UpstreamError>,
}

/// What a whole stream said, as far as the record wants it.
#[derive(Debug, Default, Clone)]
pub(super) struct Summary {
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<String>,
    pub(super) model: Option<String>,
    /// Pieces of content: with no better count, about as many tokens.
    pub(super) content_pieces: u64,
}

/// Reads one upstream stream.
pub(super) enum Reader {
    /// Same dialect: whole events pass byte for byte.
    Tap(Box<Tap>),
    /// Another dialect.
    Translate(Box<Translate>),
}

/// Decoder, encoder, and what must be remembered of the turn.
pub(super) struct Translate {
    pub(super) decoder: Box<dyn StreamDecoder>,
    pub(super) encoder: ChunkEncoder,
    pub(super) schema: Option<SchemaCheck>,
    pub(super) turn: TurnMemory,
    pub(super) events: Vec<ChatEvent>,
    pub(super) summary: Summary,
}

impl Reader {
    /// Takes bytes of the provider and appends what goes to the caller.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Step {
        match self {
            Self::Tap(tap) => {
                let signal = tap.push(bytes, out);
                Step { content: signal.content, event: signal.events > 0, ended: signal.done, failed: signal.error }
            }
            Self::Translate(translate) => {
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
            Self::Tap(tap) => match tap.finish(out) {
                Ok(()) => Step { ended: true, ..Step::default() },
                Err(error) => Step { failed: Some(error), ..Step::default() },
            },
            Self::Translate(translate) => {
                let mut events = std::mem::take(&mut translate.events);
                translate.decoder.finish(&mut events);
                let mut step = translate.take(&mut events, out);
                if !step.ended && step.failed.is_none() {
                    step.failed = Some(UpstreamError::new(ErrorKind::Truncated, "the stream ended before its end"));
                }
                step
            }
        }
    }

    /// What the stream said.
    pub(super) fn summary(&self) -> Summary {
        match self {
            Self::Tap(tap) => {
                let tapped = tap.summary();
                Summary {
                    usage: tapped.usage,
                    finish_reason: tapped.finish_reason,
                    model: tapped.model,
                    content_pieces: tapped.content_events,
                }
            }
            Self::Translate(translate) => translate.summary.clone(),
        }
    }
}

impl Translate {
    fn take(&mut self, events: &mut Vec<ChatEvent>, out: &mut Vec<u8>) -> Step {
        let mut step = Step::default();
        for event in events.drain(..) {
            step.event |= event != ChatEvent::Ping;
            let content = event.is_content();
            step.content |= content;
            match &event {
                ChatEvent::Error(error) => {
                    step.failed = Some(error.clone());
                    return step;
                }
                ChatEvent::Start { model, .. } if !model.is_empty() => self.summary.model = Some(model.clone()),
                ChatEvent::Usage(usage) => self.summary.usage = Some(usage.clone()),
                ChatEvent::Finish { reason, .. } => self.summary.finish_reason = Some(reason.as_str().to_owned()),
                ChatEvent::End => {
                    if let Some(error) = self.schema.take().and_then(SchemaCheck::finish) {
                        step.failed = Some(error);
                        return step;
                    }
                    self.turn.remember();
                    step.ended = true;
                }
                _ => {}
            }
            self.summary.content_pieces += u64::from(content);
            if let Some(schema) = &mut self.schema {
                schema.push(&event);
            }
            self.turn.push(&event);
            self.encoder.push(&event, out);
        }
        step
    }
}
