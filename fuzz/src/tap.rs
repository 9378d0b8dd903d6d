//! OpenAI's streams that are passed on: any chunking forwards the same bytes, and what the tap lets
//! pass as an answer is one for a full reading of the same bytes too.

use polyroute_wire::adapter::DecodeContext;
use polyroute_wire::chat::ChatEvent;
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::{Tap, TapSignal, TapSummary};
use polyroute_wire::error::{ErrorKind, UpstreamError};

use crate::input::Input;
use crate::streams::{body, events, judge};
use crate::templates;

/// Forwarded bytes, and how the stream ended.
type Passed = (Vec<u8>, Result<TapSummary, UpstreamError>);

fn pass(usage_asked: bool, pieces: &[&[u8]]) -> Passed {
    let mut tap = Tap::new(usage_asked);
    let mut out = Vec::new();
    let mut failed = None;
    for piece in pieces {
        let before = out.len();
        match tap.push(piece, &mut out) {
            TapSignal::Error(error) => failed = Some(*error),
            _ if failed.is_some() => assert_eq!(before, out.len(), "bytes after a failure"),
            _ => {}
        }
    }
    let result = match failed {
        Some(error) => Err(error),
        None => tap.finish(&mut out),
    };
    (out, result)
}

/// Flags 0 and 1 as of `streams`; flag 2: the caller asked for usage.
pub(crate) fn run(data: &[u8]) {
    let input = Input::new(data);
    let body = body(Dialect::OpenAi, templates::of(Dialect::OpenAi), input);
    let (out, result) = pass(input.flag(2), &[&body]);
    assert_eq!(
        (out.clone(), result.clone()),
        pass(input.flag(2), &input.pieces(&body)),
        "chunking matters"
    );
    assert!(out.len() <= body.len() + 16, "more came out than went in");
    match result {
        Err(error) => judge(&error),
        // Whether arguments are whole is not looked at where bytes are passed on: the provider said
        // that they are.
        Ok(summary) if summary.has_tool_calls => {}
        Ok(_) => {
            let said = events(Dialect::OpenAi, &DecodeContext::default(), &[&body]);
            // What the caller was sent is judged: it may be less than what came.
            let sent = events(Dialect::OpenAi, &DecodeContext::default(), &[&out]);
            // Which of several choices has said something, or ended twice, is not looked at.
            let text = String::from_utf8_lossy(&body);
            let count = |piece: &str| text.matches(piece).count();
            let several = count("\"index\":") > count("\"index\":0");
            // An index that is no number is nobody's choice.
            let digits = (0..10).map(|digit| count(&format!("\"index\":{digit}")));
            if count("\"index\":") > digits.sum() {
                return;
            }
            for events in [said, sent] {
                // Events that are no JSON are passed on unread, for the caller to stumble over.
                if let Some(ChatEvent::Error(error)) = events.last()
                    && error.kind != ErrorKind::MalformedReply
                    && !several
                {
                    panic!(
                        "passed as an answer: {error:?}: {}",
                        String::from_utf8_lossy(&body)
                    );
                }
            }
        }
    }
}
