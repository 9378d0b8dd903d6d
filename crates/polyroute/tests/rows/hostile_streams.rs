//! Streams and counts that providers write oddly (F28 to F30).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::grid::PROMPT;
use crate::kit::{CLAUDE, OPENAI, lab_before};
use crate::provider::{
    DONE, Provider, chunk, claude_begins, claude_ends, claude_says, finish, json_answer,
    stream_answer, whole,
};
use crate::support::{Answer, Lab, ask, ask_streamed};

#[tokio::test]
async fn row_f28_what_follows_the_end_reaches_nobody() {
    let late = [&chunk("late"), ": late\n\n", &finish(), DONE, "data: late"].concat();
    let events = [&chunk("one "), &chunk("two"), &finish(), DONE, &late].concat();
    let openai = Provider::says(stream_answer(&events)).await;
    let late = [claude_says("late"), claude_ends()].concat();
    let events = [claude_begins(), claude_says("one two"), claude_ends(), late].concat();
    let claude = Provider::says(stream_answer(&events)).await;
    let lab = lab_before(Some(&openai), Some(&claude)).await;
    for model in [OPENAI, CLAUDE] {
        let answer = lab.chat(&ask_streamed(model, PROMPT)).await;
        assert_eq!(
            answer.streamed(),
            ("one two".to_owned(), true),
            "{model}: {}",
            answer.text()
        );
        assert_eq!(answer.finishes(), ["stop"], "{model}");
        assert_eq!(answer.text().matches("[DONE]").count(), 1, "{model}");
        assert!(
            !answer.text().contains("late"),
            "{model}: {}",
            answer.text()
        );
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "complete", "{record}");
    }
}

#[tokio::test]
async fn row_f29_counts_that_make_no_sense_are_clamped_and_zero_stays_zero() {
    let usage =
        |input: Value, output: Value| json!({"prompt_tokens": input, "completion_tokens": output});
    let max = i64::MAX;
    for (usage, input, output, clamped) in [
        (usage(json!(0), json!(0)), 0, 0, false),
        (usage(json!(7), json!(0)), 7, 0, false),
        (usage(json!(-1), json!(5)), 0, 5, true),
        (usage(json!(1.5), json!(5)), 0, 5, true),
        (
            usage(json!(9_223_372_036_854_775_808_u64), json!(5)),
            max,
            5,
            true,
        ),
        (usage(json!(1e300), json!(5)), 0, 5, true),
        (usage(json!("many"), json!("5")), 0, 5, true),
        (
            json!({"prompt_tokens": 4, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 90},
                "completion_tokens_details": {"reasoning_tokens": 90}}),
            4,
            2,
            true,
        ),
        (
            json!({"prompt_tokens": 4, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0}}),
            4,
            2,
            false,
        ),
    ] {
        let mut body: Value = serde_json::from_str(&whole("hello")).unwrap();
        body["usage"] = usage.clone();
        let provider = Provider::says(json_answer(&body.to_string())).await;
        let lab = lab_before(Some(&provider), None).await;
        let answer = lab.chat(&ask(OPENAI, "hello")).await;
        assert_eq!(answer.content(), "hello", "{}", answer.text());
        counted(&lab, &answer, (input, output, clamped)).await;
        let last = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini",
            "choices": [], "usage": usage});
        let events = [
            &chunk("hello"),
            &finish(),
            &format!("data: {last}\n\n"),
            DONE,
        ]
        .concat();
        let provider = Provider::says(stream_answer(&events)).await;
        let lab = lab_before(Some(&provider), None).await;
        let answer = lab.chat(&ask_streamed(OPENAI, "hello")).await;
        assert!(answer.streamed().1, "{}", answer.text());
        counted(&lab, &answer, (input, output, clamped)).await;
    }
    // Counts that grow from event to event: the last one holds, and they are no sum.
    let events: String = (1..=5)
        .map(|count| {
            let mut chunk: Value =
                serde_json::from_str(chunk("w ").trim_start_matches("data: ").trim()).unwrap();
            chunk["usage"] =
                json!({"prompt_tokens": 9, "completion_tokens": count, "total_tokens": 9 + count});
            format!("data: {chunk}\n\n")
        })
        .collect();
    let end = finish()
        .replace("\"completion_tokens\":2", "\"completion_tokens\":6")
        .replace("\"prompt_tokens\":3", "\"prompt_tokens\":9");
    let provider = Provider::says(stream_answer(&[&events, &end, DONE].concat())).await;
    let lab = lab_before(Some(&provider), None).await;
    let answer = lab.chat(&ask_streamed(OPENAI, "hello")).await;
    counted(&lab, &answer, (9, 6, false)).await;
}

async fn counted(lab: &Lab, answer: &Answer, (input, output, clamped): (i64, i64, bool)) {
    let record = lab.record(answer).await;
    let tokens = &record["tokens"];
    assert_eq!(tokens["input"], input, "{record}");
    assert_eq!(tokens["output"], output, "{record}");
    assert_eq!(
        tokens["clamped"].as_bool().unwrap_or(false),
        clamped,
        "{record}"
    );
    assert_eq!(tokens["provenance"], "reported", "{record}");
    assert_eq!(record["end"], "complete", "{record}");
}

/// Two streams: passed on, and translated.
fn recorded() -> [(&'static str, String); 2] {
    let text = "déjà vu, \u{1f980} said: \\\"data: [DONE]\\\"";
    [
        (
            OPENAI,
            [&chunk(text), &chunk(" and more"), &finish(), DONE].concat(),
        ),
        (
            CLAUDE,
            [
                claude_begins(),
                claude_says(text),
                claude_says(" and more"),
                claude_ends(),
            ]
            .concat(),
        ),
    ]
}

/// What a caller makes of an answer: its events, without the time at which they were made.
fn understood(answer: &Answer) -> Vec<String> {
    let events = answer.events().into_iter();
    events
        .map(|event| match serde_json::from_str::<Value>(&event) {
            Ok(mut value) => {
                value["created"] = json!(0);
                value["id"] = json!("");
                value.to_string()
            }
            Err(_) => event,
        })
        .collect()
}

/// Answers the n-th request with the n-th list of writes, and asks for all of them.
async fn written(model: &str, writes: Vec<Vec<Vec<u8>>>) -> Vec<Answer> {
    let count = writes.len();
    let writes = Arc::new(writes);
    let next = Arc::new(AtomicUsize::new(0));
    let provider = Provider::start(move |mut peer| {
        let (writes, next) = (Arc::clone(&writes), Arc::clone(&next));
        async move {
            if peer.request().await.is_some() {
                let nth = next.fetch_add(1, Ordering::Relaxed);
                for bytes in &writes[nth] {
                    peer.send(bytes).await;
                    peer.rest(Duration::from_millis(1)).await;
                }
            }
        }
    })
    .await;
    let lab = if model == OPENAI {
        lab_before(Some(&provider), None).await
    } else {
        lab_before(None, Some(&provider)).await
    };
    let answers = stream::iter(0..count)
        .map(|_| async { lab.chat(&ask_streamed(model, "hello")).await })
        .buffered(8)
        .collect::<Vec<_>>()
        .await;
    assert_eq!(provider.seen.requests().len(), count);
    answers
}

#[tokio::test]
async fn row_f30_every_cut_of_a_stream_gives_the_same_answer() {
    for (model, events) in recorded() {
        let bytes = stream_answer(&events);
        let begin = bytes.len() - events.len();
        let mut writes = vec![vec![bytes.clone()]];
        for cut in begin..bytes.len() {
            writes.push(vec![bytes[..cut].to_vec(), bytes[cut..].to_vec()]);
        }
        let answers = written(model, writes).await;
        let due = understood(&answers[0]);
        assert!(answers[0].streamed().1, "{}", answers[0].text());
        for answer in &answers {
            assert_eq!(understood(answer), due, "{model}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn row_f30_every_way_to_write_events_gives_the_same_answer() {
    for (model, events) in recorded() {
        let variants = [
            ("as recorded", events.clone()),
            ("CRLF", events.replace('\n', "\r\n")),
            ("lone CR", events.replace('\n', "\r")),
            (
                "no space",
                format!("\n{events}")
                    .replace("\ndata: ", "\ndata:")
                    .replace("\nevent: ", "\nevent:"),
            ),
            ("comments", events.replace("data: {", ": ping\n:\ndata: {")),
            (
                "comments between",
                events.replace("\n\n", "\n\n: ping\n\n:\n\n"),
            ),
            ("a BOM", format!("\u{feff}{events}")),
            (
                "blank lines",
                format!("\n\n{}", events.replace("\n\n", "\n\n\n\n")),
            ),
            (
                "id and retry",
                events.replace("data: {", "id: 7\nretry: 100\ndata: {"),
            ),
            ("no last blank line", events.trim_end().to_owned()),
        ];
        let writes = variants
            .iter()
            .map(|(_, events)| vec![stream_answer(events)]);
        let mut all = Vec::new();
        for writes in writes {
            all.extend(written(model, vec![writes]).await);
        }
        let due = understood(&all[0]);
        for ((said, _), answer) in variants.iter().zip(&all) {
            assert!(answer.streamed().1, "{model}, {said}: {}", answer.text());
            assert_eq!(
                understood(answer),
                due,
                "{model}, {said}: {}",
                answer.text()
            );
        }
    }
}
