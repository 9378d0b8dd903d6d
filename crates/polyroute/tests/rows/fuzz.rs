//! Row S24: bytes that no one thought of. Parsers and translators have their own properties beside
//! their code (`proptest`, in `wire`, `engine` and the configuration); here they are met end to end:
//! whatever a provider or a caller sends, there is one end, one record, and a next answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::grid::{Due, judge};
use crate::kit::{CHAT, CLAUDE, GEMINI, OPENAI, lab_before, scaled, serves};
use crate::provider::{
    DONE, Provider, chunk, claude_begins, claude_ends, claude_says, finish, json_answer,
    stream_answer, whole,
};
use crate::raw::Raw;
use crate::support::{Lab, ask, ask_streamed};

/// One change of some bytes.
#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Drop(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let words = prop::sample::select(vec![
        "\n\n",
        "\r\n",
        "data: ",
        "data: [DONE]\n\n",
        "event: error\n",
        "{",
        "}",
        "null",
        "\"error\":{}",
        "\\u",
        "\u{feff}",
        ":",
        "1e999",
        "-1",
        "[",
        "\0",
        "\u{2028}",
        "\"choices\":[]",
        "message_stop",
    ]);
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (any::<prop::sample::Index>(), 1..40_usize).prop_map(|(at, count)| Change::Drop(at, count)),
        (any::<prop::sample::Index>(), 1..200_usize)
            .prop_map(|(at, count)| Change::Repeat(at, count)),
        (any::<prop::sample::Index>(), words)
            .prop_map(|(at, word)| Change::Insert(at, word.as_bytes().to_vec())),
        any::<prop::sample::Index>().prop_map(Change::Cut),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match change {
            Change::Flip(at, byte) => bytes[at.index(length)] = *byte,
            Change::Drop(at, count) => {
                let at = at.index(length);
                bytes.drain(at..length.min(at + count));
            }
            Change::Repeat(at, count) => {
                let at = at.index(length);
                let again = bytes[at..length.min(at + count)].to_vec();
                bytes.splice(at..at, again);
            }
            Change::Insert(at, word) => {
                let at = at.index(length);
                bytes.splice(at..at, word.iter().copied());
            }
            Change::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

/// So many lists of changes; the same in every run of the same size.
fn all_changes(count: usize) -> Vec<Vec<Change>> {
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(change(), 1..5);
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// Answers the n-th request with the n-th bytes, then closes.
async fn one_by_one(answers: Vec<Vec<u8>>) -> Provider {
    let answers = Arc::new(answers);
    let next = Arc::new(AtomicUsize::new(0));
    Provider::start(move |mut peer| {
        let (answers, next) = (Arc::clone(&answers), Arc::clone(&next));
        async move {
            if peer.request().await.is_some() {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                peer.send(&answers[nth % answers.len()]).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn row_s24_any_bytes_of_a_provider_come_to_one_end() {
    let openai = [&chunk("one "), &chunk("two"), &finish(), DONE].concat();
    let claude = [
        claude_begins(),
        claude_says("one "),
        claude_says("two"),
        claude_ends(),
    ]
    .concat();
    let claude_whole = r#"{"id":"m","type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}"#;
    let all = all_changes(scaled(150));
    for (model, stream, bytes) in [
        (OPENAI, true, stream_answer(&openai)),
        (CLAUDE, true, stream_answer(&claude)),
        (OPENAI, false, json_answer(&whole("hello")).into_bytes()),
        (CLAUDE, false, json_answer(claude_whole).into_bytes()),
    ] {
        // Half of them leave the head alone, so that the dialect gets its share.
        let head = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap()
            + 4;
        let answers: Vec<Vec<u8>> = all
            .iter()
            .enumerate()
            .map(|(at, changes)| match at % 2 {
                0 => changed(bytes.clone(), changes),
                _ => [&bytes[..head], &changed(bytes[head..].to_vec(), changes)].concat(),
            })
            .map(|bytes| without_length(&bytes))
            .collect();
        let count = answers.len();
        let provider = one_by_one(answers).await;
        let lab = if model == OPENAI {
            lab_before(Some(&provider), None).await
        } else {
            lab_before(None, Some(&provider)).await
        };
        for nth in 0..count {
            let body = if stream {
                ask_streamed(model, "hello")
            } else {
                ask(model, "hello")
            };
            let answer = lab.chat(&body).await;
            let streamed = answer
                .header("content-type")
                .starts_with("text/event-stream");
            lenient(&lab, &answer, streamed, &format!("{model} {nth}")).await;
        }
        serves(&lab).await;
    }
}

/// A body ends with its connection: what was changed has its old length in the head.
fn without_length(bytes: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = bytes.to_vec();
    let Some(at) = text
        .windows(16)
        .position(|piece| piece.eq_ignore_ascii_case(b"\r\ncontent-length"))
    else {
        return text;
    };
    let mut text = text;
    text[at + 2] = b'x';
    text
}

/// One end and one record. What a provider says in its own dialect is passed on unread, so that a
/// changed event may look odd; the end may not.
async fn lenient(lab: &Lab, answer: &crate::support::Answer, stream: bool, said: &str) {
    if answer.status != 200 {
        judge(lab, answer, stream, Due::Any, said).await;
        return;
    }
    let record = lab.record(answer).await;
    let end = record["end"].as_str().unwrap();
    if stream {
        let done = answer
            .events()
            .iter()
            .filter(|event| event.starts_with("[DONE]"))
            .count();
        assert_eq!(
            done == 1,
            end == "complete",
            "{said}: {record}\n{}",
            answer.text()
        );
        assert!(done <= 1, "{said}: {}", answer.text());
        if end != "complete" {
            assert!(!answer.code().is_empty(), "{said}: {}", answer.text());
        }
    } else {
        assert_eq!(end, "complete", "{said}: {record}");
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap();
    }
}

#[tokio::test]
async fn row_s24_any_bytes_of_a_caller_are_answered_or_closed() {
    let lab = Lab::start().await;
    let all = all_changes(scaled(200));
    for model in [OPENAI, CLAUDE, GEMINI] {
        let mut body = ask(model, "echo: fine");
        body["temperature"] = serde_json::json!(0.5);
        body["tools"] = serde_json::json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}}}]);
        for changes in &all {
            let bytes = changed(body.to_string().into_bytes(), changes);
            let answer = lab.post_bytes(CHAT, bytes.clone(), &[]).await;
            // 200 where the change meant nothing; what the provider refuses is refused.
            let fine = answer.status == 200 || answer.status.is_client_error();
            assert!(
                fine,
                "{}: {}\n{}",
                answer.status,
                answer.text(),
                String::from_utf8_lossy(&bytes)
            );
        }
    }
    // The whole of a request, head and all.
    let body = ask(OPENAI, "echo: fine").to_string();
    let text = crate::raw::head(body.len(), "connection: close\r\n") + &body;
    let asked = all.iter().map(|changes| {
        let bytes = changed(text.clone().into_bytes(), changes);
        let address = lab.gateway.address;
        async move {
            let mut raw = Raw::open(address).await;
            let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, &bytes).await;
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut raw.stream).await;
            let read = raw.read_for(Duration::from_secs(20)).await;
            assert!(
                read.closed,
                "{}\n{}",
                read.text,
                String::from_utf8_lossy(&bytes)
            );
            assert!(
                !read.text.contains("500 Internal"),
                "{}\n{}",
                read.text,
                String::from_utf8_lossy(&bytes)
            );
        }
    });
    futures_util::future::join_all(asked).await;
    serves(&lab).await;
}
