use proptest::prelude::*;

use super::*;

const USAGE: &str = "data: {\"id\":\"a\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

fn chunk(content: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"a\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":{finish}}}],\"usage\":null}}\n\n"
    )
}

fn run(
    asked: bool,
    pieces: &[&[u8]],
) -> (String, Vec<TapSignal>, Result<TapSummary, UpstreamError>) {
    let mut tap = Tap::new(asked);
    let mut out = Vec::new();
    let mut signals = Vec::new();
    for piece in pieces {
        let signal = tap.push(piece, &mut out);
        if signal != TapSignal::None {
            signals.push(signal);
        }
    }
    let result = tap.finish(&mut out);
    (String::from_utf8_lossy(&out).into_owned(), signals, result)
}

#[test]
fn case_42_usage_goes_only_to_a_caller_who_asked() {
    let head = chunk("", "null") + &chunk("hi", "null") + &chunk("", "\"stop\"");
    let body = format!("{head}{USAGE}{DONE}");
    for asked in [true, false] {
        let (out, signals, result) = run(asked, &[body.as_bytes()]);
        let expected = if asked {
            body.clone()
        } else {
            format!("{head}{DONE}")
        };
        assert_eq!(out, expected);
        assert_eq!(signals, [TapSignal::Done]);
        let summary = result.unwrap();
        assert_eq!(summary.usage.unwrap().total(), 5);
        assert_eq!(summary.finish_reason, Some(FinishReason::Stop));
        assert_eq!((summary.model.as_str(), summary.id.as_str()), ("m", "a"));
    }
}

#[test]
fn the_content_commit_is_the_first_text() {
    let mut tap = Tap::new(false);
    let mut out = Vec::new();
    assert_eq!(tap.push(b": ping\n\n", &mut out), TapSignal::None);
    assert_eq!(
        tap.push(chunk("", "null").as_bytes(), &mut out),
        TapSignal::None
    );
    assert_eq!(
        tap.push(chunk("x", "null").as_bytes(), &mut out),
        TapSignal::Content
    );
    assert_eq!(
        tap.push(chunk("y", "null").as_bytes(), &mut out),
        TapSignal::None
    );
}

#[test]
fn case_31_and_32_an_error_event_is_read_and_held_back() {
    let error = "data: {\"error\":{\"message\":\"Busy\",\"code\":\"server_is_overloaded\"}}\n\n";
    for head in [String::new(), chunk("x", "null")] {
        let (out, signals, result) = run(false, &[format!("{head}{error}{DONE}").as_bytes()]);
        assert_eq!(out, head);
        assert!(
            matches!(signals.last(), Some(TapSignal::Error(error)) if error.kind == ErrorKind::Overloaded)
        );
        assert_eq!(result.unwrap_err().kind, ErrorKind::Overloaded);
    }
    // The word in a text is no error.
    let (_, signals, _) = run(false, &[chunk("\\\"error\\\": 5", "null").as_bytes()]);
    assert_eq!(signals, [TapSignal::Content]);
}

#[test]
fn case_33_and_34_cuts_and_ends() {
    let kind = |body: &str| run(false, &[body.as_bytes()]).2.map_err(|error| error.kind);
    assert_eq!(kind(&chunk("x", "null")), Err(ErrorKind::Truncated));
    assert_eq!(kind(""), Err(ErrorKind::Truncated));
    // Without its marker a finished stream is whole, and callers get the marker all the same.
    let finished = chunk("x", "\"stop\"");
    let (out, _, result) = run(false, &[finished.as_bytes()]);
    assert_eq!(out, finished + DONE);
    assert!(result.is_ok());
    assert_eq!(
        kind("{\"error\":{\"message\":\"no\",\"code\":429}}"),
        Err(ErrorKind::RateLimited)
    );
    assert_eq!(kind("<html>"), Err(ErrorKind::MalformedReply));
    // A half event never reaches the caller, a whole one without its blank line does.
    let half = chunk("x", "null") + "data: {\"choices\":[{\"del";
    assert_eq!(run(false, &[half.as_bytes()]).0, chunk("x", "null"));
    let (out, _, result) = run(
        false,
        &[format!("{}data: [DONE]", chunk("x", "null")).as_bytes()],
    );
    assert!(out.ends_with(DONE));
    assert!(result.is_ok());
}

#[test]
fn a_broken_event_passes_through() {
    let body = format!("data: {{oops\n\n{}{DONE}", chunk("x", "\"stop\""));
    assert_eq!(run(false, &[body.as_bytes()]).0, body);
}

#[test]
fn case_29_a_one_megabyte_event_in_small_pieces_is_linear() {
    let body = chunk(&"x".repeat(1 << 20), "\"stop\"") + DONE;
    let pieces: Vec<&[u8]> = body.as_bytes().chunks(7).collect();
    assert_eq!(run(false, &pieces).0, body);
}

#[test]
fn f23_an_event_over_the_limit_ends_the_stream() {
    let piece = vec![b'x'; EVENT_BYTES_MAX / 2 + 1];
    let (out, signals, result) = run(false, &[b"data: ", &piece, &piece, b"\n\n"]);
    assert!(out.is_empty());
    assert!(matches!(signals.as_slice(), [TapSignal::Error(_)]));
    assert_eq!(result.unwrap_err().kind, ErrorKind::MalformedReply);
}

#[test]
fn an_end_without_done_counts_once_every_choice_has_finished() {
    let piece = |index: u32, finish: &str| {
        format!(
            "data: {{\"id\":\"a\",\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":\"x\"}},\"finish_reason\":{finish}}}]}}\n\n"
        )
    };
    let end = |body: &str| {
        let result = run(false, &[body.as_bytes()]).2;
        let read = super::super::stream::tests::fold(body).map(|_| ());
        assert_eq!(
            result.as_ref().map(|_| ()).map_err(|error| error.kind),
            read.map_err(|error| error.kind)
        );
        result.map(|summary| summary.native_finish_reason)
    };
    let begun = piece(0, "null") + &piece(1, "null");
    for (ends, is_whole) in [
        ("", false),
        (&*piece(0, "\"stop\""), false),
        (&*piece(1, "\"stop\""), false),
        // Some servers say an empty reason until there is one.
        (&*(piece(0, "\"\"") + &piece(1, "\"\"")), false),
        (&*(piece(1, "\"stop\"") + &piece(0, "\"length\"")), true),
    ] {
        assert_eq!(end(&(begun.clone() + ends)).is_ok(), is_whole, "{ends}");
    }
    let both = begun + &piece(1, "\"stop\"") + &piece(0, "\"length\"");
    assert_eq!(end(&both).unwrap().as_deref(), Some("stop"));
}

#[test]
fn a_failure_with_bytes_that_are_no_text_is_a_failure() {
    let mut body = chunk("x", "null").into_bytes();
    body.extend_from_slice(b"data: {\"error\":{\"message\":\"cut \xc3\",\"code\":500}}\n\n");
    body.extend_from_slice(DONE.as_bytes());
    let (out, _, result) = run(false, &[&body]);
    assert_eq!(out, chunk("x", "null"));
    assert_eq!(result.unwrap_err().kind, ErrorKind::ServerError);
}

#[test]
fn whole_answers_are_peeked_at() {
    let body = br#"{"id":"a","model":"m","choices":[{"index":0,"message":{"content":"x","tool_calls":[{}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let summary = tap_whole(body).unwrap();
    assert_eq!(summary.usage.as_ref().unwrap().total(), 3);
    assert_eq!(summary.finish_reason, Some(FinishReason::ToolCalls));
    assert!(summary.has_tool_calls);
    let kind = |body: &[u8]| tap_whole(body).unwrap_err().kind;
    assert_eq!(
        kind(br#"{"error":{"message":"no","code":402}}"#),
        ErrorKind::QuotaExhausted
    );
    assert_eq!(kind(b"<html>"), ErrorKind::MalformedReply);
    assert_eq!(kind(b""), ErrorKind::MalformedReply);
    assert_eq!(kind(br#"{"choices":[]}"#), ErrorKind::MalformedReply);
    // Azure's filtered choice has no message (case 55).
    let filtered =
        br#"{"id":"a","model":"m","choices":[{"index":0,"finish_reason":"content_filter"}]}"#;
    let filtered = tap_whole(filtered).unwrap();
    assert_eq!(filtered.finish_reason, Some(FinishReason::ContentFilter));
    assert!(filtered.lacks_message && !summary.lacks_message);
}

proptest! {
    #[test]
    fn any_chunking_forwards_the_same_bytes(
        body in "(data: |event: error\n|\\{\"choices\":\\[\\{\"delta\":\\{\"content\":\"é\"\\}\\}\\]\\}|\\{\"error\":\\{\\}\\}|\\{\"usage\":\\{\"a\":1\\}\\}|\n\n|\r\n\r\n|\n|: c\n|\\[DONE\\]|😀|<){0,24}",
        cuts in proptest::collection::vec(0usize..600, 0..8),
        asked: bool,
    ) {
        let bytes = body.as_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts { pieces.push(&bytes[from..cut]); from = cut; }
        pieces.push(&bytes[from..]);
        let (out, _, result) = run(asked, &pieces);
        let (whole_out, _, whole_result) = run(asked, &[bytes]);
        prop_assert_eq!(out, whole_out);
        prop_assert_eq!(result, whole_result);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = run(false, &[&bytes]);
    }
}

#[test]
fn legacy_calls_are_calls_too() {
    let whole = br#"{"id":"a","model":"m","choices":[{"index":0,"message":{"content":null,"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"}]}"#;
    assert_eq!(
        tap_whole(whole).unwrap().finish_reason,
        Some(FinishReason::ToolCalls)
    );
    let stream = format!(
        "data: {{\"id\":\"a\",\"choices\":[{{\"delta\":{{\"function_call\":{{\"name\":\"f\"}}}}}}]}}\n\n{}{DONE}",
        chunk("", "\"function_call\"")
    );
    let summary = run(false, &[stream.as_bytes()]).2.unwrap();
    assert_eq!(summary.finish_reason, Some(FinishReason::ToolCalls));
}

#[test]
fn section_15_late_verdicts_of_azures_filter_are_kept_from_callers() {
    let verdict = concat!(
        r#"data: {"id":"","object":"","created":0,"model":"","choices":[{"index":0,"#,
        r#""finish_reason":null,"content_filter_results":{"hate":{"filtered":false}},"#,
        r#""content_filter_offsets":{"check_offset":4,"start_offset":0,"end_offset":4}}]}"#,
        "\n\n"
    );
    let first = chunk("a", "null");
    let last = chunk("", "\"stop\"");
    let stream = format!("{first}{verdict}{last}{verdict}{DONE}");
    let (out, _, result) = run(false, &[stream.as_bytes()]);
    assert_eq!(out, format!("{first}{last}{DONE}"));
    assert_eq!(result.unwrap().finish_reason, Some(FinishReason::Stop));
    // The usage chunk has no choices, and may speak of the prompt's verdict.
    let usage = format!(
        "data: {}\n\n",
        r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1},"prompt_filter_results":[{"content_filter_offsets":{}}]}"#
    );
    let stream = format!("{first}{last}{usage}{DONE}");
    assert_eq!(run(true, &[stream.as_bytes()]).0, stream);
    // With text beside it, it is the text's chunk.
    let both = verdict.replace("\"index\":0,", "\"index\":0,\"delta\":{\"content\":\"x\"},");
    let stream = format!("{both}{last}{DONE}");
    let (out, ..) = run(false, &[stream.as_bytes()]);
    assert_eq!(out, stream);
}

#[test]
fn a_whole_answer_that_is_no_text_is_not_passed_on() {
    let body = br#"{"id":"a","model":"m","choices":[{"index":0,"message":{"content":"x?"},"finish_reason":"stop"}]}"#;
    assert!(tap_whole(body).is_ok());
    let broken = body.map(|byte| if byte == b'?' { 0xc3 } else { byte });
    assert_eq!(
        tap_whole(&broken).unwrap_err().kind,
        ErrorKind::MalformedReply
    );
}

#[test]
fn an_end_in_an_error_before_a_word_is_a_failure() {
    let failed = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"error\"}]}\n\n";
    let role = "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
    let silent = [role, failed, DONE].concat();
    let (out, _, result) = run(false, &[silent.as_bytes()]);
    assert_eq!(out, role);
    assert_eq!(result.unwrap_err().kind, ErrorKind::ServerError);
    // What was said before stands, and how it ended.
    let spoken = [&chunk("x", "null"), failed, DONE].concat();
    let (out, _, result) = run(false, &[spoken.as_bytes()]);
    assert_eq!(out, spoken);
    assert_eq!(result.unwrap().finish_reason, Some(FinishReason::Error));
}

#[test]
fn the_reason_of_an_end_in_an_error_is_read_behind_it() {
    let error = "data: {\"error\":{\"message\":\"slow\",\"code\":429}}\n\n";
    let ended = |word: &str| chunk("x", "null") + &chunk("", &format!("\"{word}\"")) + error + DONE;
    let (_, _, result) = run(false, &[ended("error").as_bytes()]);
    assert_eq!(result.unwrap_err().kind, ErrorKind::RateLimited);
    let (_, _, result) = run(false, &[ended("stop").as_bytes()]);
    assert_eq!(result.unwrap().finish_reason, Some(FinishReason::Stop));
}
