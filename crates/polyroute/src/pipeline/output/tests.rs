use polyroute_wire::chat::{AssistantMessage, Choice, ToolCall};
use serde_json::json;

use super::super::schema::Schemas;
use super::*;

fn rule(mode: OutputMode, configured: bool) -> Rule {
    let schema = json!({
        "type": "object",
        "properties": {"b": {"type": "integer"}, "a": {"type": "string"}},
        "required": ["a"],
    });
    Rule {
        schema: Schemas::new().get(&schema).unwrap(),
        mode,
        configured,
    }
}

fn text(choice: u32, text: &str) -> ChatEvent {
    let text = text.to_owned();
    ChatEvent::Text { choice, text }
}

fn finish(choice: u32, reason: FinishReason) -> ChatEvent {
    ChatEvent::Finish {
        choice,
        reason,
        native: String::new(),
        stop_sequence: None,
    }
}

/// What a check lets through of a stream, or how it fails.
fn through(rule: &Rule, events: &[ChatEvent]) -> Result<Vec<ChatEvent>, String> {
    let mut check = Check::new(rule.clone());
    let mut out = Vec::new();
    for event in events.iter().chain([&ChatEvent::End]) {
        match check.take(event.clone()) {
            Ok(Taken::Pass(event)) => out.push(event),
            Ok(Taken::Held) => {}
            Ok(Taken::Release(events)) => out.extend(events),
            Err(rejected) => return Err(rejected.error.code.unwrap()),
        }
    }
    Ok(out)
}

#[test]
fn an_answer_that_does_not_fit_is_an_error_in_every_mode() {
    for mode in [
        OutputMode::Pass,
        OutputMode::Validate,
        OutputMode::Canonical,
    ] {
        for bad in [
            "{\"b\":1}",
            "no JSON",
            "",
            "{\"a\":1}",
            "{\"a\":\"x\"} {\"a\":\"y\"}",
        ] {
            let events = [text(0, bad), finish(0, FinishReason::Stop)];
            let failed = through(&rule(mode, true), &events);
            assert_eq!(
                failed,
                Err("structured_output_invalid".to_owned()),
                "{mode:?} {bad}"
            );
        }
    }
}

#[test]
fn what_is_no_answer_passes_as_it_is_and_a_cut_one_never() {
    let call = ChatEvent::ToolStart {
        choice: 0,
        call: 0,
        id: "1".to_owned(),
        name: "f".to_owned(),
        custom: false,
    };
    let refusal = ChatEvent::Refusal {
        choice: 0,
        text: "No.".to_owned(),
    };
    let said = text(0, "Let me see.");
    for mode in [
        OutputMode::Pass,
        OutputMode::Validate,
        OutputMode::Canonical,
    ] {
        let rule = rule(mode, true);
        for events in [
            vec![
                said.clone(),
                call.clone(),
                finish(0, FinishReason::ToolCalls),
            ],
            vec![refusal.clone(), finish(0, FinishReason::Stop)],
            vec![said.clone(), finish(0, FinishReason::ContentFilter)],
        ] {
            let mut expected = events.clone();
            expected.push(ChatEvent::End);
            assert_eq!(through(&rule, &events), Ok(expected), "{mode:?}");
        }
        for cut in ["{\"a\":\"x", "{\"a\":\"x\"}"] {
            let events = [text(0, cut), finish(0, FinishReason::Length)];
            let failed = through(&rule, &events);
            assert_eq!(
                failed,
                Err("structured_output_truncated".to_owned()),
                "{mode:?}"
            );
        }
    }
    // Where no operator asked for it, a limit is told as such: the caller sees `length`.
    let default = rule(OutputMode::Pass, false);
    let events = [text(0, "{\"a\""), finish(0, FinishReason::Length)];
    assert!(through(&default, &events).is_ok());
}

#[test]
fn a_held_stream_says_each_choice_once_and_in_its_place() {
    let events = [
        ChatEvent::Reasoning {
            choice: 0,
            text: "h".to_owned(),
        },
        ChatEvent::Reasoning {
            choice: 0,
            text: "m".to_owned(),
        },
        text(0, "```json\n{\"a\": "),
        text(1, "{\"a\":\"y\",\"b\":2.0}"),
        text(0, "\"x\"}\n```"),
        finish(0, FinishReason::Stop),
        finish(1, FinishReason::Stop),
    ];
    let thought = ChatEvent::Reasoning {
        choice: 0,
        text: "hm".to_owned(),
    };
    let expected = [
        thought,
        text(0, "{\"a\":\"x\"}"),
        text(1, "{\"b\":2,\"a\":\"y\"}"),
        finish(0, FinishReason::Stop),
        finish(1, FinishReason::Stop),
        ChatEvent::End,
    ];
    let canonical = rule(OutputMode::Canonical, true);
    assert_eq!(through(&canonical, &events), Ok(expected.to_vec()));
    // Without rewriting a fence is wrong, and what is right stays as it is.
    let validate = rule(OutputMode::Validate, true);
    assert!(through(&validate, &events).is_err());
    let right = [text(1, "{ \"a\":\"y\"} "), finish(1, FinishReason::Stop)];
    let mut expected = right.to_vec();
    expected.push(ChatEvent::End);
    assert_eq!(through(&validate, &right), Ok(expected));
}

#[test]
fn a_passed_stream_is_judged_choice_by_choice() {
    let events = [
        text(0, "{\"a\":\"x\"}"),
        text(1, "oh"),
        finish(0, FinishReason::Stop),
        finish(1, FinishReason::Stop),
    ];
    let pass = rule(OutputMode::Pass, false);
    assert!(through(&pass, &events).is_err());
    assert!(through(&pass, &[events[0].clone(), events[2].clone()]).is_ok());
}

#[test]
fn a_whole_answer_is_written_anew_choice_by_choice() {
    let choice = |text: &str, calls: Vec<ToolCall>| Choice {
        message: AssistantMessage {
            text: text.to_owned(),
            tool_calls: calls,
            ..AssistantMessage::default()
        },
        finish_reason: Some(FinishReason::Stop),
        logprobs: Some(json!({"content": []})),
        ..Choice::default()
    };
    let call = ToolCall {
        id: "1".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
        custom: false,
    };
    let mut response = ChatResponse {
        choices: vec![
            choice("Sure: {\"a\": \"x\"}", Vec::new()),
            choice("Let me see.", vec![call]),
        ],
        ..ChatResponse::default()
    };
    rule(OutputMode::Canonical, true)
        .whole(&mut response)
        .unwrap();
    let texts: Vec<&str> = response
        .choices
        .iter()
        .map(|choice| choice.message.text.as_str())
        .collect();
    assert_eq!(texts, ["{\"a\":\"x\"}", "Let me see."]);
    // They tell of tokens that are no longer there.
    assert!(
        response
            .choices
            .iter()
            .all(|choice| choice.logprobs.is_none())
    );
}

#[test]
fn the_error_quotes_no_answer_and_the_repair_does() {
    let rule = rule(OutputMode::Validate, true);
    let ending = Ending {
        reason: Some(FinishReason::Stop),
        otherwise: false,
    };
    let rejected = rule
        .judge("{\"a\":\"secret\",\"b\":\"x\"}", ending)
        .unwrap_err();
    assert_eq!(
        rejected.error.message,
        "the model's answer does not fit the JSON schema at `/b` (`type`)"
    );
    let repair = rejected.repair.unwrap();
    assert!(
        repair.answer.contains("secret") && repair.wrong.contains("`/b`"),
        "{repair:?}"
    );
    // What is too long to be sent back is not cut: it is not repaired.
    let long = "x".repeat(REPAIRED_BYTES_MAX + 1);
    assert_eq!(rule.judge(&long, ending).unwrap_err().repair, None);
}

#[test]
fn what_is_held_is_bounded() {
    let canonical = rule(OutputMode::Canonical, true);
    let mut check = Check::new(canonical);
    let piece = "x".repeat(1024 * 1024);
    let mut taken = 0;
    while check.take(text(0, &piece)).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, 4);
    let mut check = Check::new(rule(OutputMode::Validate, true));
    let mut taken = 0;
    while check.take(finish(0, FinishReason::Stop)).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, HELD_EVENTS_MAX);
}

#[test]
fn a_whole_answer_is_bounded_as_a_streamed_one_is() {
    let mut response = ChatResponse {
        choices: vec![Choice {
            message: AssistantMessage {
                text: " ".repeat(ANSWER_BYTES_MAX + 1),
                ..AssistantMessage::default()
            },
            finish_reason: Some(FinishReason::Stop),
            ..Choice::default()
        }],
        ..ChatResponse::default()
    };
    let rejected = rule(OutputMode::Pass, true)
        .whole(&mut response)
        .unwrap_err();
    assert!(rejected.too_large && rejected.repair.is_none());
}

/// A list of things, as extraction jobs ask for.
fn list_schema() -> serde_json::Value {
    json!({
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"$ref": "#/$defs/item"}}},
        "required": ["items"],
        "additionalProperties": false,
        "$defs": {"item": {
            "type": "object",
            "properties": {
                "id": {"type": "integer"},
                "name": {"type": "string", "minLength": 1, "pattern": "^[A-Z]"},
                "score": {"type": "number", "minimum": 0},
                "state": {"enum": ["open", "closed"]},
                "tags": {"type": "array", "items": {"type": "string"}},
                "of": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"x": {"type": "number"}}}]},
            },
            "required": ["id", "name", "score", "state", "tags", "of"],
            "additionalProperties": false,
        }},
    })
}

/// Prints what is added to an answer of 20 KB. Not a test of anything: a figure depends on the
/// machine. `cargo test --release -p polyroute --lib added_time -- --ignored --nocapture`
#[test]
#[ignore = "prints timings"]
fn added_time() {
    use std::hint::black_box;
    use std::time::{Duration, Instant};

    let schema = list_schema();
    let item = |id: usize| {
        json!({"tags": ["a", "é\n"], "of": {"x": 1.5}, "state": "open", "score": 0.25,
            "name": format!("Name {id}"), "id": id})
    };
    let answer = |items: usize| json!({"items": (0..items).map(item).collect::<Vec<_>>()});
    let terse = answer(240).to_string();
    let verbose = serde_json::to_string_pretty(&answer(110)).unwrap();
    let verbose = format!("Here it is:\n\n```json\n{verbose}\n```\n\nAnything else?");
    assert!(terse.len() > 20_000 && verbose.len() > 20_000);
    let schemas = Schemas::new();
    let rule = |mode| Rule {
        schema: schemas.get(&schema).unwrap(),
        mode,
        configured: true,
    };
    let ending = Ending {
        reason: Some(FinishReason::Stop),
        otherwise: false,
    };
    let timed = |what: &str, run: &mut dyn FnMut()| {
        let mut times: Vec<Duration> = (0..2_000)
            .map(|_| {
                let started = Instant::now();
                run();
                started.elapsed()
            })
            .collect();
        times.sort();
        println!("{what}: p50 {:?}, p99 {:?}", times[1_000], times[1_980]);
    };
    let (canonical, validate) = (rule(OutputMode::Canonical), rule(OutputMode::Validate));
    timed("canonical, terse", &mut || {
        black_box(canonical.judge(&terse, ending).unwrap());
    });
    timed("canonical, pretty in a fence", &mut || {
        black_box(canonical.judge(&verbose, ending).unwrap());
    });
    timed("validate, terse", &mut || {
        black_box(validate.judge(&terse, ending).unwrap());
    });
    let pieces: Vec<ChatEvent> = verbose
        .as_bytes()
        .chunks(4)
        .map(|piece| text(0, &String::from_utf8_lossy(piece)))
        .chain([finish(0, FinishReason::Stop), ChatEvent::End])
        .collect();
    timed("canonical, streamed in pieces of 4 bytes", &mut || {
        let mut check = Check::new(canonical.clone());
        for event in &pieces {
            let _ = black_box(check.take(event.clone()));
        }
    });
    timed("a schema that was seen before", &mut || {
        black_box(schemas.get(&schema).unwrap());
    });
    timed("a schema for the first time", &mut || {
        black_box(Schemas::new().get(&schema).unwrap());
    });
}

proptest::proptest! {
    /// However a provider cuts its stream into pieces, the caller gets what a whole answer gives.
    #[test]
    fn a_stream_in_any_pieces_gives_what_the_whole_answer_gives(
        cuts in proptest::collection::vec(1..9_usize, 0..40),
        which in 0..5_usize,
    ) {
        let said = [
            "```json\n{\"a\": \"é😀\", \"b\": 2.0}\n```",
            "Sure: {\"b\":1e1,\"a\":\"\\u00e9\"} [1]",
            "{\"a\": 1}",
            "no JSON at all",
            "{\"a\":\"x\"}{\"a\":\"y\"}",
        ][which];
        for mode in [OutputMode::Pass, OutputMode::Validate, OutputMode::Canonical] {
            let rule = rule(mode, true);
            let mut rest: Vec<char> = said.chars().collect();
            let mut events = Vec::new();
            for cut in &cuts {
                let piece: String = rest.drain(..(*cut).min(rest.len())).collect();
                events.push(text(0, &piece));
            }
            events.push(text(0, &rest.iter().collect::<String>()));
            events.push(finish(0, FinishReason::Stop));
            let streamed = through(&rule, &events).map(|events| {
                events
                    .iter()
                    .filter_map(|event| match event {
                        ChatEvent::Text { text, .. } => Some(text.as_str()),
                        _ => None,
                    })
                    .collect::<String>()
            });
            let ending = Ending { reason: Some(FinishReason::Stop), otherwise: false };
            let whole = match rule.judge(said, ending) {
                Ok(written) => Ok(written.unwrap_or_else(|| said.to_owned())),
                Err(rejected) => Err(rejected.error.code.unwrap()),
            };
            proptest::prop_assert_eq!(streamed, whole);
        }
    }
}
