//! Streams: wire-protocols §12.1 (Ollama native), §12.4.

use super::*;
use crate::chat::FinishReason;
use crate::error::ErrorKind;

fn text(said: &str) -> Value {
    piece(json!({"role": "assistant", "content": said}))
}

fn read(body: &str) -> Result<ChatResponse, UpstreamError> {
    let context = DecodeContext::default();
    let whole = stream_in(body.as_bytes(), body.len().max(1), &context);
    assert_eq!(stream_in(body.as_bytes(), 1, &context), whole);
    let ends = whole
        .iter()
        .filter(|event| matches!(event, ChatEvent::End | ChatEvent::Error(_)));
    assert_eq!(ends.count(), 1, "{whole:?}");
    fold(whole)
}

#[test]
fn section_12_1_lines_of_text_thinking_and_calls() {
    let call = json!({"role": "assistant", "content": "", "tool_calls": [
        {"id": "call_1", "function": {"index": 0, "name": "a", "arguments": {"x": 1}}},
        {"function": {"index": 1, "name": "b", "arguments": {}}}]});
    let body = lines(&[
        piece(json!({"role": "assistant", "content": "", "thinking": "Hm "})),
        piece(json!({"role": "assistant", "content": "", "thinking": "yes"})),
        text("dé"),
        text("jà"),
        piece(call),
        end("stop"),
    ]);
    let answer = read(&body).unwrap();
    let choice = &answer.choices[0];
    assert_eq!(
        (
            choice.message.text.as_str(),
            choice.message.reasoning.as_str()
        ),
        ("déjà", "Hm yes")
    );
    assert_eq!(choice.message.tool_calls.len(), 2);
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    assert_eq!(answer.usage.unwrap().output, 7);
    assert_eq!(answer.created, Some(1_772_445_600));
    // A last line without its end, and lines that end as elsewhere.
    for body in [body.trim_end().to_owned(), body.replace('\n', "\r\n")] {
        assert!(read(&body).is_ok());
    }
}

#[test]
fn section_12_1_a_stream_that_is_not_done_is_broken() {
    let cut = lines(&[text("a"), text("b")]);
    for body in [cut.clone(), String::new(), "\n\n".to_owned()] {
        assert_eq!(
            read(&body).unwrap_err().kind,
            ErrorKind::Truncated,
            "{body:?}"
        );
    }
    // Within a line.
    let half = cut.get(..cut.len() - 9).unwrap();
    assert_eq!(read(half).unwrap_err().kind, ErrorKind::MalformedReply);
    for reason in ["load", "unload"] {
        assert_eq!(
            read(&lines(&[end(reason)])).unwrap_err().kind,
            ErrorKind::ServerError
        );
    }
}

#[test]
fn section_12_4_an_error_line_ends_the_stream_unless_the_answer_was_over() {
    let error = json!({"error": "an error was encountered while running the model: CUDA error"});
    let failed = read(&lines(&[text("a"), error.clone(), end("stop")])).unwrap_err();
    assert_eq!(failed.kind, ErrorKind::ServerError);
    assert!(failed.message.contains("CUDA"));
    let long = json!({"error": "the request exceeds the available context size", "status": 400});
    let failed = read(&lines(&[long])).unwrap_err();
    assert_eq!(failed.kind, ErrorKind::ContextLengthExceeded);
    let answer = read(&lines(&[text("a"), end("stop"), error])).unwrap();
    assert_eq!(answer.choices[0].message.text, "a");
}

#[test]
fn section_12_1_what_is_no_stream_is_said() {
    for (body, words) in [
        ("<html><body>502</body></html>\n", "HTML"),
        ("[1]\n", "no JSON object"),
        ("{\"a\": 1}\n", "neither"),
        ("data: {}\n\n", "not valid JSON"),
    ] {
        let failed = read(body).unwrap_err();
        assert_eq!(failed.kind, ErrorKind::MalformedReply);
        assert!(failed.message.contains(words), "{}", failed.message);
    }
}

/// The reader of most lines, which builds no tree, says what the other one says.
#[test]
fn plain_lines_are_read_like_others() {
    let plain = lines(&[text("a \"b\" \\ é"), end("length")]);
    let mut longer = text("a \"b\" \\ é");
    longer["remote_model"] = Value::Null;
    let other = lines(&[longer, end("length")]);
    let context = DecodeContext::default();
    assert_eq!(
        stream_in(plain.as_bytes(), 7, &context),
        stream_in(other.as_bytes(), 7, &context)
    );
}
