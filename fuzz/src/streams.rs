//! Streamed answers of every dialect: any chunking says the same, the end is said once and only
//! where the provider said it, and what was decoded survives being written for a caller.

use std::collections::BTreeMap;

use arbitrary::Unstructured;
use polyroute_wire::adapter::{Adapter as _, DecodeContext};
use polyroute_wire::chat::{ChatEvent, ChatResponse, FinishReason, Fold, replay};
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::encode::{
    ChunkEncoder, ChunkOptions, ReplyIdentity, response,
};
use polyroute_wire::dialect::openai::{OpenAi, Tap, tap_whole};
use polyroute_wire::error::UpstreamError;
use polyroute_wire::think_tags::ThinkTags;

use crate::input::Input;
use crate::templates::{self, Templates};

/// What came out of a body is at most so many times as long as the body, and a little more.
const GROWTH_MAX: usize = 64;
const GROWTH_FREE: usize = 4_096;

/// Flag 0: the rest are choices among templates, not a body. Flag 1: cut short. Flag 2: a request
/// with custom tools and a schema, to a model that thinks in tags. Flag 3: a whole answer, not a
/// stream.
pub(crate) fn run(dialect: Dialect, data: &[u8]) {
    check(dialect, templates::of(dialect), None, Input::new(data));
}

/// The same of Cohere's first version.
pub(crate) fn run_cohere_v1(data: &[u8]) {
    let templates = templates::of_cohere_v1();
    check(Dialect::Cohere, templates, Some("v1"), Input::new(data));
}

fn check(dialect: Dialect, templates: &Templates, version: Option<&str>, input: Input<'_>) {
    let asked = input.flag(2);
    let context = DecodeContext {
        provider: "fuzz".to_owned(),
        model: "asked-model".to_owned(),
        api_version: version.map(str::to_owned),
        stream: !input.flag(3),
        id_seed: "seed".to_owned(),
        custom_tools: if asked {
            vec!["g".to_owned()]
        } else {
            Vec::new()
        },
        schema_tool: asked.then(|| "answer".to_owned()),
        think_tags: match (asked, input.choice % 2) {
            (false, _) => ThinkTags::Off,
            (true, 0) => ThinkTags::Split,
            (true, _) => ThinkTags::Opened,
        },
        ..DecodeContext::default()
    };
    if input.flag(3) {
        whole(dialect, &answer(templates, input), &context);
    } else {
        stream(dialect, &body(dialect, templates, input), input, &context);
    }
}

/// The body of a whole answer.
fn answer(templates: &Templates, input: Input<'_>) -> Vec<u8> {
    if !input.flag(0) {
        return input.rest.to_vec();
    }
    let mut choices = Unstructured::new(input.rest);
    let value = templates.one("whole", &mut choices);
    value.unwrap_or_default().to_string().into_bytes()
}

/// The body of a stream.
pub(crate) fn body(dialect: Dialect, templates: &Templates, input: Input<'_>) -> Vec<u8> {
    let mut body = if input.flag(0) {
        let events = templates.stream(&mut Unstructured::new(input.rest));
        templates::framed(dialect, &events, input.flags >> 4)
    } else {
        input.rest.to_vec()
    };
    if input.flag(1) {
        let kept = body.len() * usize::from(input.choice) / 256;
        body.truncate(kept);
    }
    body
}

/// What a stream says, to the end.
pub(crate) fn events(
    dialect: Dialect,
    context: &DecodeContext,
    pieces: &[&[u8]],
) -> Vec<ChatEvent> {
    let mut decoder = dialect.adapter().chat_decoder(context);
    let mut out = Vec::new();
    for piece in pieces {
        decoder.push(piece, &mut out);
    }
    decoder.finish(&mut out);
    let said = out.len();
    decoder.push(b"data: {}\n\n", &mut out);
    decoder.finish(&mut out);
    assert_eq!(said, out.len(), "something was said after the end");
    out
}

fn stream(dialect: Dialect, body: &[u8], input: Input<'_>, context: &DecodeContext) {
    let said = events(dialect, context, &[body]);
    let in_pieces = events(dialect, context, &input.pieces(body));
    assert_eq!(said, in_pieces, "chunking matters");
    in_order(&said);
    let size: usize = said.iter().map(size_of).sum();
    assert!(
        size <= GROWTH_MAX * body.len() + GROWTH_FREE,
        "{size} bytes of events out of {} bytes",
        body.len()
    );
    if said.last() == Some(&ChatEvent::End) {
        assert!(has_end(dialect, body), "an end that nobody said: {said:?}");
    }
    for include_usage in [false, true] {
        survives(&said, include_usage);
    }
}

/// Length of an event's content, roughly.
fn size_of(event: &ChatEvent) -> usize {
    match event {
        ChatEvent::Text { text, .. }
        | ChatEvent::Reasoning { text, .. }
        | ChatEvent::Refusal { text, .. } => text.len(),
        ChatEvent::ToolArguments { fragment, .. } => fragment.len(),
        ChatEvent::Block { block, .. } => block.block.to_string().len(),
        ChatEvent::Metadata { key, value, .. } => key.len() + value.to_string().len(),
        ChatEvent::Usage(usage) => serde_json::Value::from(usage.native.clone())
            .to_string()
            .len(),
        ChatEvent::Logprobs { logprobs: it, .. }
        | ChatEvent::Audio { audio: it, .. }
        | ChatEvent::Image { image: it, .. } => it.to_string().len(),
        _ => 16,
    }
}

/// The order that [`ChatEvent`] promises.
fn in_order(said: &[ChatEvent]) {
    let is_end = |event: &ChatEvent| matches!(event, ChatEvent::End | ChatEvent::Error(_));
    let ends = said.iter().filter(|event| is_end(event)).count();
    assert_eq!(ends, 1, "{ends} ends");
    assert!(said.last().is_some_and(is_end), "the end is not last");
    let mut started = false;
    let mut finished: Vec<u32> = Vec::new();
    let mut calls: BTreeMap<u32, u32> = BTreeMap::new();
    for event in said {
        match event {
            ChatEvent::Start { .. } => {
                assert!(!started, "started twice");
                started = true;
            }
            ChatEvent::Ping | ChatEvent::Error(_) => {}
            other => assert!(started, "{other:?} before the start"),
        }
        match event {
            ChatEvent::ToolStart {
                choice, call, id, ..
            } => {
                assert!(!id.is_empty(), "a call without an id");
                let next = calls.entry(*choice).or_default();
                assert_eq!(call, next, "calls out of order");
                *next += 1;
            }
            ChatEvent::ToolArguments { choice, call, .. } => {
                let known = calls.get(choice).copied().unwrap_or_default();
                assert!(*call < known, "arguments of a call that never began");
            }
            ChatEvent::Finish { choice, .. } => {
                assert!(!finished.contains(choice), "finished twice");
                finished.push(*choice);
            }
            ChatEvent::Error(error) => judge(error),
            _ => {}
        }
    }
}

/// Rules for any failure.
pub(crate) fn judge(error: &UpstreamError) {
    assert!(error.message.len() <= UpstreamError::MESSAGE_BYTES_MAX);
    assert!(error.code.as_ref().is_none_or(|code| !code.is_empty()));
}

/// Whether a body holds what ends a stream of that dialect. `true` where that can't be told from
/// the bytes alone: escapes, or a whole answer in place of a stream.
fn has_end(dialect: Dialect, body: &[u8]) -> bool {
    let words: &[&str] = match dialect {
        Dialect::OpenAi => &["[DONE]", "finish_reason", "finish_details"],
        Dialect::Anthropic => &["message_stop"],
        Dialect::Gemini => &["finishReason", "finish_reason"],
        Dialect::Bedrock => &["messageStop"],
        Dialect::Cohere => &["message-end", "stream-end"],
        Dialect::Ollama => &["done"],
        Dialect::Responses => &["response.completed", "response.incomplete"],
    };
    let text = String::from_utf8_lossy(body);
    let is_lines = dialect == Dialect::Ollama;
    let lead = |c: char| c.is_ascii_whitespace() || c == '\u{feff}' || c == '\u{fffd}';
    text.contains("\\u")
        || (!is_lines && text.trim_start_matches(lead).starts_with(['{', '[']))
        || words.iter().any(|word| text.contains(word))
}

fn fold(events: &[ChatEvent]) -> Result<ChatResponse, UpstreamError> {
    let mut fold = Fold::new();
    for event in events {
        fold.push(event.clone());
    }
    fold.finish()
}

/// What of an answer every form of it must say.
#[derive(Debug, PartialEq)]
struct Said {
    choices: BTreeMap<u32, SaidChoice>,
    tokens: Option<[u64; 2]>,
}

#[derive(Debug, PartialEq)]
struct SaidChoice {
    text: String,
    reasoning: String,
    refusal: String,
    calls: Vec<(String, String, String, bool)>,
    reason: FinishReason,
}

fn said(answer: &ChatResponse, with_usage: bool) -> Said {
    let choices = answer.choices.iter().map(|choice| {
        let message = &choice.message;
        // One that the provider never named comes last, wherever it began.
        let named = message
            .tool_calls
            .iter()
            .filter(|call| !call.name.is_empty());
        let calls = named.map(|call| {
            // Callers parse arguments, so that none are written as an empty object.
            let arguments = match call.arguments.as_str() {
                "" if !call.custom => "{}",
                other => other,
            };
            (
                call.id.clone(),
                call.name.clone(),
                arguments.to_owned(),
                call.custom,
            )
        });
        let reason = match choice.finish_reason.unwrap_or(FinishReason::Stop) {
            // OpenAI has no word for it: see `FinishReason::as_str`.
            FinishReason::Error if message.tool_calls.is_empty() => FinishReason::Stop,
            FinishReason::Error => FinishReason::ToolCalls,
            // A natural end with calls is one that calls.
            FinishReason::Stop if !message.tool_calls.is_empty() => FinishReason::ToolCalls,
            reason => reason,
        };
        let said = SaidChoice {
            text: message.text.clone(),
            reasoning: message.reasoning.clone(),
            refusal: message.refusal.clone().unwrap_or_default(),
            calls: calls.collect(),
            reason,
        };
        (choice.index, said)
    });
    let usage = answer.usage.as_ref().filter(|_| with_usage);
    Said {
        choices: choices.collect(),
        // Larger ones than a signed number holds are no counts.
        tokens: usage.map(|usage| [usage.input, usage.output].map(|it| it.min(i64::MAX as u64))),
    }
}

fn identity() -> ReplyIdentity {
    ReplyIdentity {
        id: "chatcmpl-1".to_owned(),
        created: 1,
        model: "m".to_owned(),
    }
}

/// What a stream said can be read again from what the caller is sent, and its failure is one for
/// the caller too.
fn survives(said_events: &[ChatEvent], include_usage: bool) {
    let options = ChunkOptions {
        include_usage,
        legacy_functions: false,
    };
    let mut encoder = ChunkEncoder::new(&identity(), options);
    let mut bytes = Vec::new();
    for event in said_events {
        encoder.push(event.clone(), &mut bytes);
    }
    assert!(encoder.is_ended());
    let again = events(Dialect::OpenAi, &DecodeContext::default(), &[&bytes]);
    let mut tap = Tap::new(true);
    let mut passed = Vec::new();
    let _ = tap.push(&bytes, &mut passed);
    let tapped = tap.finish(&mut passed);
    match fold(said_events) {
        Ok(answer) => {
            let read = fold(&again).unwrap_or_else(|error| panic!("{error:?}: {}", lossy(&bytes)));
            // A stream that says nothing of a choice has none to write.
            if !answer.choices.is_empty() {
                assert_eq!(
                    said(&answer, include_usage && answer.usage.is_some()),
                    said(&read, include_usage && answer.usage.is_some()),
                    "{}",
                    lossy(&bytes)
                );
            }
            assert_eq!(tapped.map(|_| ()), Ok(()), "{}", lossy(&bytes));
            assert_eq!(
                lossy(&passed),
                lossy(&bytes),
                "the tap changed what we wrote"
            );
        }
        Err(_) => {
            let text = lossy(&bytes);
            assert!(fold(&again).is_err(), "a failure became an answer: {text}");
            assert!(tapped.is_err(), "a failure passed the tap: {text}");
            assert!(!text.ends_with("data: [DONE]\n\n"), "{text}");
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A whole answer: the same as a stream of it, and as what the caller is sent.
fn whole(dialect: Dialect, body: &[u8], context: &DecodeContext) {
    let answer = match dialect.adapter().decode_chat(body, context) {
        Ok(answer) => answer,
        Err(error) => return judge(&error),
    };
    assert!(!answer.choices.is_empty(), "an answer without a choice");
    let replayed = replay(answer.clone());
    in_order(&replayed);
    let mut folded = fold(&replayed).expect("a replay ends");
    let mut wanted = answer.clone();
    for choice in wanted.choices.iter_mut().chain(&mut folded.choices) {
        // Replay says what a choice and its message said beside the answer in one place.
        let beside = std::mem::take(&mut choice.message.metadata);
        choice.metadata.extend(beside);
        choice.finish_reason.get_or_insert(FinishReason::Stop);
        choice.native_finish_reason.get_or_insert_default();
    }
    assert_eq!(folded, wanted, "a replay says something else");
    survives(&replayed, true);
    let written = response(&answer, &identity(), false);
    tap_whole(&written).unwrap_or_else(|error| panic!("{error:?}: {}", lossy(&written)));
    let again = OpenAi.decode_chat(&written, &DecodeContext::default());
    let again = again.unwrap_or_else(|error| panic!("{error:?}: {}", lossy(&written)));
    let with_usage = answer.usage.is_some();
    assert_eq!(
        said(&answer, with_usage),
        said(&again, with_usage),
        "{}",
        lossy(&written)
    );
}
