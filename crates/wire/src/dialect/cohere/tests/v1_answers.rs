//! Whole and streamed answers of v1.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{fold, stream_in};
use crate::adapter::{Adapter as _, DecodeContext};
use crate::chat::{ChatEvent, ChatResponse, FinishReason};
use crate::dialect::cohere::Cohere;
use crate::error::{ErrorKind, UpstreamError};
use crate::names::{NameMap, NameRule};

fn context() -> DecodeContext {
    DecodeContext {
        api_version: Some("v1".into()),
        ..DecodeContext::default()
    }
}

fn try_decode(answer: &Value) -> Result<ChatResponse, UpstreamError> {
    Cohere.decode_chat(answer.to_string().as_bytes(), &context())
}

/// An answer as v1 gives it, with these members besides or instead.
fn answer(more: Value) -> Value {
    let mut answer = json!({
        "response_id": "r-1", "generation_id": "g-1", "text": "Hello Ruby", "finish_reason": "COMPLETE",
        "chat_history": [{"role": "USER", "message": "Hi"}, {"role": "CHATBOT", "message": "Hello Ruby"}],
        "meta": {"api_version": {"version": "1"}, "warnings": ["it is old"],
            "billed_units": {"input_tokens": 4, "output_tokens": 2},
            "tokens": {"input_tokens": 70, "output_tokens": 2}},
    });
    for (key, value) in more.as_object().unwrap() {
        answer[key] = value.clone();
    }
    answer
}

fn lines(events: &[Value]) -> String {
    events.iter().map(|event| format!("{event}\n")).collect()
}

fn sse(events: &[Value]) -> String {
    let one = |event: &Value| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["event_type"].as_str().unwrap()
        )
    };
    events.iter().map(one).collect()
}

fn event(kind: &str, more: Value) -> Value {
    let mut event = json!({"is_finished": kind == "stream-end", "event_type": kind});
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    event
}

/// The stream of that answer, its text in pieces.
fn streamed(answer: &Value) -> Vec<Value> {
    let mut events = vec![event(
        "stream-start",
        json!({"generation_id": answer["generation_id"]}),
    )];
    for piece in answer["text"].as_str().unwrap().split_inclusive(' ') {
        events.push(event("text-generation", json!({"text": piece})));
    }
    let end = json!({"finish_reason": answer["finish_reason"], "response": answer});
    events.push(event("stream-end", end));
    events
}

fn read(body: &str) -> Result<ChatResponse, UpstreamError> {
    fold(stream_in(body.as_bytes(), 7, &context()))
}

#[test]
fn a_whole_answer() {
    let read = try_decode(&answer(json!({}))).unwrap();
    assert_eq!((read.id.as_str(), read.choices.len()), ("g-1", 1));
    assert_eq!(read.choices[0].message.text, "Hello Ruby");
    assert_eq!(read.choices[0].finish_reason, Some(FinishReason::Stop));
    let usage = read.usage.unwrap();
    assert_eq!((usage.input, usage.output), (70, 2));
    let billed = usage.billed.unwrap();
    assert_eq!((billed.input, billed.output), (4, 2));
    assert_eq!(read.metadata["warnings"], json!(["it is old"]));
    assert_eq!(read.metadata["response_id"], "r-1");
    assert_eq!(read.metadata.get("chat_history"), None);
}

#[test]
fn finish_reasons() {
    for (native, reason) in [
        ("COMPLETE", FinishReason::Stop),
        ("STOP_SEQUENCE", FinishReason::Stop),
        ("MAX_TOKENS", FinishReason::Length),
        ("ERROR_LIMIT", FinishReason::Length),
        ("ERROR_TOXIC", FinishReason::ContentFilter),
        ("ERROR", FinishReason::Error),
        ("USER_CANCEL", FinishReason::Error),
        ("TIMEOUT", FinishReason::Error),
    ] {
        let said = answer(json!({"finish_reason": native}));
        for read in [try_decode(&said), read(&lines(&streamed(&said)))] {
            let choice = &read.unwrap().choices[0];
            assert_eq!(choice.finish_reason, Some(reason), "{native}");
            assert_eq!(choice.native_finish_reason.as_deref(), Some(native));
        }
    }
    // Nothing said and an error: a failure that another target may answer.
    for native in ["ERROR", "USER_CANCEL"] {
        let empty = answer(json!({"text": "", "finish_reason": native}));
        assert_eq!(try_decode(&empty).unwrap_err().kind, ErrorKind::ServerError);
        assert!(read(&lines(&streamed(&empty))).is_err());
    }
}

#[test]
fn calls_have_ids_of_ours_and_names_of_the_callers() {
    let said = answer(json!({"text": "I will look.", "tool_calls": [
        {"name": "f", "parameters": {"a": 1}}, {"name": "g_h_x", "parameters": {}}]}));
    let mut context = context();
    context.names = NameMap::new(["g.h"], &NameRule::STRICT);
    let mut said = said;
    said["tool_calls"][1]["name"] = context.names.to_wire("g.h").into();
    let read = Cohere
        .decode_chat(said.to_string().as_bytes(), &context)
        .unwrap();
    let choice = &read.choices[0];
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    assert_eq!(choice.message.text, "I will look.");
    let calls = &choice.message.tool_calls;
    assert_eq!(
        (calls[0].name.as_str(), calls[0].arguments.as_str()),
        ("f", "{\"a\":1}")
    );
    assert_eq!(
        (calls[1].name.as_str(), calls[1].arguments.as_str()),
        ("g.h", "{}")
    );
    assert!(calls[0].id.starts_with("call_") && calls[0].id != calls[1].id);
}

/// `{events}` of a tool turn as the guide to streaming shows them.
fn tool_stream() -> Vec<Value> {
    let chunk = |more: Value| event("tool-calls-chunk", more);
    let calls = json!([{"name": "f", "parameters": {"a": 1}}, {"name": "f", "parameters": {}}]);
    let end = answer(json!({"text": "I will look.", "tool_calls": calls}));
    vec![
        event("stream-start", json!({"generation_id": "g-1"})),
        chunk(json!({"text": "I will"})),
        chunk(json!({"tool_call_delta": {"text": " look."}})),
        chunk(json!({"tool_call_delta": {"index": 0, "name": "f"}})),
        chunk(json!({"tool_call_delta": {"index": 0, "parameters": "{\n  \"a\""}})),
        chunk(json!({"tool_call_delta": {"index": 0, "parameters": ": 1}"}})),
        chunk(json!({"tool_call_delta": {"index": 1, "name": "f"}})),
        event(
            "tool-calls-generation",
            json!({"text": "I will look.", "tool_calls": calls}),
        ),
        event(
            "stream-end",
            json!({"finish_reason": "COMPLETE", "response": end}),
        ),
    ]
}

#[test]
fn a_streamed_tool_turn_says_the_same_as_the_whole_one() {
    let events = tool_stream();
    let all = read(&lines(&events)).unwrap();
    // Without the pieces, without the list, and with the end alone.
    let pick = |kinds: &[&str]| {
        let kept = events.iter().filter(|event| {
            let kind = event["event_type"].as_str().unwrap();
            kinds.contains(&kind) || ["stream-start", "stream-end"].contains(&kind)
        });
        kept.cloned().collect::<Vec<_>>()
    };
    for kinds in [
        vec!["tool-calls-chunk"],
        vec!["tool-calls-generation"],
        vec![],
    ] {
        let read = read(&lines(&pick(&kinds))).unwrap();
        let choice = &read.choices[0];
        assert_eq!(choice.message.text, "I will look.", "{kinds:?}");
        assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
        let calls: Vec<(Value, &str)> = choice
            .message
            .tool_calls
            .iter()
            .map(|call| {
                (
                    serde_json::from_str(&call.arguments).unwrap(),
                    call.name.as_str(),
                )
            })
            .collect();
        assert_eq!(
            calls,
            [(json!({"a": 1}), "f"), (json!({}), "f")],
            "{kinds:?}"
        );
        assert_eq!(read.usage, all.usage);
        assert_eq!(
            read.choices[0].message.tool_calls.len(),
            all.choices[0].message.tool_calls.len()
        );
    }
}

#[test]
fn cut_arguments_are_never_a_clean_end() {
    for cut in ["tool-calls-generation", "stream-end"] {
        let mut events = tool_stream();
        events.retain(|event| event["tool_call_delta"]["parameters"] != ": 1}");
        if cut == "stream-end" {
            events.retain(|event| event["event_type"] != "tool-calls-generation");
        }
        let error = read(&lines(&events)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated, "{cut}");
    }
}

#[test]
fn a_stream_without_its_end_is_broken() {
    let events = streamed(&answer(json!({})));
    let (end, before) = events.split_last().unwrap();
    for body in [
        lines(before),
        sse(before),
        format!("{}[DONE]\n", lines(before)),
        String::new(),
        format!("{}data: [DONE]\n\n", sse(before)),
        format!("{}{{\"is_fin", lines(before)),
    ] {
        let events = stream_in(body.as_bytes(), 5, &context());
        assert!(matches!(events.last(), Some(ChatEvent::Error(_))), "{body}");
        assert!(
            !events
                .iter()
                .any(|event| matches!(event, ChatEvent::Finish { .. }))
        );
    }
    // Its last line needs no line end.
    let body = format!("{}{end}", lines(before));
    assert_eq!(read(&body).unwrap().choices[0].message.text, "Hello Ruby");
}

#[test]
fn lines_and_server_sent_events_are_read_alike() {
    let cited = answer(
        json!({"citations": [{"start": 6, "end": 10, "text": "Ruby", "document_ids": ["d"]}],
        "documents": [{"id": "d", "title": "T", "url": "https://example.com/d"}]}),
    );
    for events in [streamed(&cited), tool_stream()] {
        let by_line = stream_in(lines(&events).as_bytes(), 1_000_000, &context());
        let with_bom = format!("\u{feff}\r\n{}", lines(&events).replace('\n', "\r\n"));
        for body in [
            sse(&events),
            with_bom,
            format!("{}data: [DONE]\n\n", sse(&events)),
        ] {
            for size in [1, 3, 64, 1_000_000] {
                assert_eq!(stream_in(body.as_bytes(), size, &context()), by_line);
            }
        }
    }
    let pinged = format!(": alive\n\n{}", sse(&streamed(&cited)));
    assert_eq!(
        stream_in(pinged.as_bytes(), 9, &context())[0],
        ChatEvent::Ping
    );
}

#[test]
fn citations_are_annotations_with_their_documents() {
    let citation = json!({"start": 6, "end": 10, "text": "Ruby", "document_ids": ["d", "e"]});
    let documents = json!([{"id": "d", "title": "T", "url": "https://example.com/d", "text": "x"}]);
    let said = answer(json!({"citations": [citation], "documents": documents}));
    let mut late = streamed(&answer(json!({"documents": documents})));
    late.insert(
        2,
        event("citation-generation", json!({"citations": [citation]})),
    );
    // An end without its `response`: what was found stands in an event of its own.
    let mut bare = late.clone();
    let last = bare.len() - 1;
    bare[last].as_object_mut().unwrap().shift_remove("response");
    let results = json!({"search_results": [{"connector": {"id": "web"}, "document_ids": ["d"]}],
        "documents": documents});
    bare.insert(1, event("search-results", results));
    for read in [try_decode(&said), read(&lines(&late)), read(&lines(&bare))] {
        let read = read.unwrap();
        let cited = &read.choices[0].message.annotations;
        assert_eq!(cited.len(), 2);
        assert_eq!(
            (cited[0].url.as_str(), cited[0].title.as_str()),
            ("https://example.com/d", "T")
        );
        assert_eq!((cited[0].start_index, cited[0].end_index), (6, 10));
        assert_eq!((cited[1].url.as_str(), cited[1].title.as_str()), ("", "e"));
        assert_eq!(cited[0].native["sources"][0]["document"]["text"], "x");
        assert_eq!(read.metadata["documents"], documents);
    }
    let found = read(&lines(&bare)).unwrap();
    assert_eq!(
        found.metadata["search_results"][0]["connector"]["id"],
        "web"
    );
}

#[test]
fn errors_and_rubbish_are_no_answer() {
    let long = json!({"message": "too many tokens: size limit exceeded by 3 tokens."});
    assert_eq!(
        try_decode(&long).unwrap_err().kind,
        ErrorKind::ContextLengthExceeded
    );
    let pretty = serde_json::to_string_pretty(&long).unwrap();
    for body in [long.to_string(), pretty, format!("data: {long}\n\n")] {
        assert_eq!(
            read(&body).unwrap_err().kind,
            ErrorKind::ContextLengthExceeded,
            "{body}"
        );
    }
    for body in [
        "<html>",
        "{}",
        "[]",
        "{\n \"a\"",
        "{\"event_type\":\"stream-start\"}\n}{\n",
        "data: {\n\n",
    ] {
        assert!(read(body).is_err(), "{body}");
        assert!(
            Cohere.decode_chat(body.as_bytes(), &context()).is_err(),
            "{body}"
        );
    }
    let mut failed = streamed(&answer(json!({})));
    failed.truncate(2);
    for said in [
        json!({"message": "it broke"}),
        event("stream-error", json!({"err": "it broke"})),
        event(
            "stream-end",
            json!({"finish_reason": "ERROR", "error": "it broke"}),
        ),
    ] {
        let mut events = failed.clone();
        events.push(said);
        let error = read(&lines(&events)).unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (ErrorKind::ServerError, "it broke")
        );
    }
    // A whole answer where a stream was asked for is one, on one line or several.
    let whole = answer(json!({}));
    for body in [
        whole.to_string(),
        serde_json::to_string_pretty(&whole).unwrap(),
    ] {
        assert_eq!(read(&body).unwrap().choices[0].message.text, "Hello Ruby");
    }
}

#[test]
fn an_answer_of_generate_is_read() {
    let body = json!({"id": "x", "prompt": "Hi", "generations": [
        {"id": "g", "text": " Ahoy", "finish_reason": "MAX_TOKENS"}],
        "meta": {"billed_units": {"input_tokens": 1, "output_tokens": 2}}});
    let read = try_decode(&body).unwrap();
    assert_eq!(read.choices[0].message.text, " Ahoy");
    assert_eq!(read.choices[0].finish_reason, Some(FinishReason::Length));
    assert_eq!(
        (
            read.usage.unwrap().output,
            read.metadata["generation_id"].clone()
        ),
        (2, json!("g"))
    );
    let mut two = body;
    two["generations"] = json!([{"text": "a"}, {"text": "b"}]);
    assert_eq!(
        try_decode(&two).unwrap_err().kind,
        ErrorKind::MalformedReply
    );
}

proptest! {
    #[test]
    fn any_events_in_any_chunking_end_once_and_alike(
        picks in proptest::collection::vec(0_usize..13, 0..12), size in 1_usize..40, framed in any::<bool>(),
    ) {
        let mut pool = tool_stream();
        pool.extend(streamed(&answer(json!({}))));
        let events: Vec<Value> = picks.iter().filter_map(|at| pool.get(*at).cloned()).collect();
        let body = if framed { sse(&events) } else { lines(&events) };
        let whole = stream_in(body.as_bytes(), body.len().max(1), &context());
        prop_assert_eq!(&stream_in(body.as_bytes(), size, &context()), &whole);
        let ends = |event: &&ChatEvent| matches!(event, ChatEvent::End | ChatEvent::Error(_));
        prop_assert_eq!(whole.iter().filter(ends).count(), 1);
        prop_assert!(whole.last().as_ref().is_some_and(ends));
        let ended = events.iter().any(|event| event["event_type"] == "stream-end");
        prop_assert!(ended || matches!(whole.last(), Some(ChatEvent::Error(_))));
    }
}
